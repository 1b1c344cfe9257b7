"""Runs and their items as pandas frames: what notebooks start from.

``import registry; registry.frame(task="localization")`` and ``registry.items(12)``: pandas is imported by the call.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from registry.comparison import flat
from registry.index import Filters, Registry, is_registry
from registry.item_table import ITEMS, read_items
from registry.record.run_record import Record

if TYPE_CHECKING:
    from pandas import DataFrame


def frame(home: Path | str | None = None, **filters: Unpack[Filters]) -> DataFrame:
    """The runs in ``home`` (default :func:`registry.files.home`) that fit all filters, one a row, by id.

    Columns: ``status``, ``stale`` (why, or nothing), ``started``, ``seconds``; of the configuration ``task``,
    ``method``, ``model.width``, ...; of the result ``result.score``, ``result.single.aligned.top_half.auc``, ...; of
    the pedigree ``key``, ``parents``, ``dataset``, ``environment.torch``, ...; NaN where a run has no such value.
    Filters are those of :meth:`registry.index.Registry.records`: ``frame(task="counting", seed=[1, 2], stale=False)``.

    Raises FileNotFoundError where ``home`` is no folder of runs.
    """
    import pandas as pd

    if home is not None and not is_registry(Path(home)):
        raise FileNotFoundError(f"{home} holds no runs; name the folder that the runs lie in")
    runs = Registry(home).records(**filters)
    return pd.DataFrame([_row(run) for run in runs], index=pd.Index([run.id for run in runs], name="id"))


def _row(run: Record) -> dict[str, Any]:
    pedigree = run.pedigree
    return {
        "status": run.status,
        "stale": "; ".join(run.stale),
        "started": run.start_time,
        "seconds": run.seconds,
        **flat(run.config),
        **flat(run.result, "result"),
        "key": pedigree.key,
        "parents": " ".join(pedigree.parents),
        "dataset": pedigree.dataset,
        **flat(pedigree.environment, "environment"),
    }


def items(run: Record | int, home: Path | str | None = None) -> DataFrame:
    """The item table of a run, or of the run with this id in ``home``, a column more for each name of a condition.

    Raises KeyError or FileNotFoundError when there is no such run, or it has no items; ValueError when the table is
    damaged, or of an older version, with the remedy.
    """
    record = run if isinstance(run, Record) else Registry(home).get(int(run))  # NumPy's integers, too
    return read_items(record.artifact(ITEMS))
