"""What is seen in pictures, sounding or silent: from the data, or from a file of detections.

A file is a table in CSV with a line for each object, of the scene's picture in the middle::

    item,x0,y0,x1,y1,kind,score
    0EBqZt0lsVg,12,30,96,120,3,0.97

``item`` is the scene's id, the box in pixels of its picture (0-based, half-open), ``kind`` a whole number from 0 on; of
several of one kind the one with the highest score counts. Its name ends in the first figures of its SHA-256, as
"detections-1f2e3d4c.csv", so that a run's key says what was in it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cavl.named_file import read_named

MOST = 8  # objects of a picture that are asked for: generated worlds have no more
COLUMNS = ("item", "x0", "y0", "x1", "y1", "kind", "score")
Objects = npt.NDArray[np.int64]  # (..., 5): x0, y0, x1, y1, kind (-1: unknown); no box: there are no more

FROM_SCENES = "scene"


def objects_of(method: Any, scenes: Any, indices: Sequence[int]) -> Objects | None:
    """What is seen in these scenes (B, MOST, 5), for a method that asks for it (``sees_objects``); else None.

    Raises
    ------
    ValueError
        If the data do not say it, or the file is damaged or not there.
    """
    where = getattr(method, "sees_objects", None)
    if where is None:
        return None
    if where == FROM_SCENES:
        found = [seen_in(scenes, index) for index in indices]
    else:
        table = read(where)
        found = [table.get(scenes[index].id, np.zeros((0, 5), np.int64)) for index in indices]
    padded = np.zeros((len(found), MOST, 5), np.int64)
    for row, some in zip(padded, found, strict=True):
        row[: len(some)] = some[:MOST]
    return padded


def seen_in(scenes: Any, index: int) -> Objects:
    """All objects in a scene's picture (n, 5), as the data say; raises ``ValueError`` if they do not."""
    if not hasattr(scenes, "seen"):
        raise ValueError(
            f"nobody says what is seen in the picture of scene {scenes[index].id}: give a method that asks for it a "
            "file of detections (model.objects=FILE), or the name of a torchvision detector"
        )
    seen: Objects = scenes.seen(index)
    return seen


def shows_the_middle(method: Any) -> bool:
    """Whether its objects are those of the picture in the middle of a scene, so that no other may be shown."""
    return getattr(method, "sees_objects", None) not in (None, FROM_SCENES)


@functools.cache
def read(path: str) -> dict[str, Objects]:
    """Item -> its objects (n, 5) in a file of detections, the surest first; of each kind one."""
    content = read_named(path)
    try:
        table = pd.read_csv(BytesIO(content), dtype={"item": str}, usecols=list(COLUMNS))
        table = table.sort_values("score", ascending=False, kind="stable").drop_duplicates(["item", "kind"])
        rows = table[list(COLUMNS[1:6])].round().astype(np.int64)
    except ValueError as error:
        raise ValueError(f"{path} is no table of detections with the columns {', '.join(COLUMNS)}: {error}") from error
    return {str(item): some.to_numpy() for item, some in rows.groupby(table["item"])}
