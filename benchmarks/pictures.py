"""Pictures beside the numbers: what Omniboard and a folder's viewer show of a run at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

#: Pixels on each side of a panel, between panels, and of a line of words.
PANEL, GAP, LINE = 160, 6, 16
PAPER, INK, BOX = (255, 255, 255), (40, 40, 40), (255, 255, 255)


def heatmap_sheet(
    path: Path,
    images: Sequence[npt.NDArray[np.uint8]],
    heatmaps: Mapping[str, Sequence[npt.NDArray[np.floating]]],
    boxes: Sequence[npt.NDArray[np.floating]],
    names: Sequence[str],
) -> None:
    """Write a PNG with a column for each example: its image, and below, one a row, its heatmaps laid over it.

    Parameters
    ----------
    path
        Of the PNG.
    images
        (H, W, 3) each.
    heatmaps
        Name of a row -> (H, W) in [0, 1] for each image: the more heat, the redder.
    boxes
        (x0, y0, x1, y1) of each image's object, or (m, 4) of several, in pixels; drawn into every row.
    names
        Above the columns.
    """
    rows = {"image": [np.zeros(image.shape[:2]) for image in images], **heatmaps}
    width = len(images) * (PANEL + GAP) + GAP
    height = LINE + len(rows) * (LINE + PANEL) + GAP
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    for column, (image, box, name) in enumerate(zip(images, boxes, names, strict=True)):
        x = GAP + column * (PANEL + GAP)
        draw.text((x, 2), name, INK)
        for row, (title, maps) in enumerate(rows.items()):
            y = LINE + row * (LINE + PANEL)
            if column == 0:
                draw.text((x, y + 2), title, INK)
            sheet.paste(_panel(image, maps[column], box), (x, y + LINE))
    sheet.save(path, "PNG")


def _panel(image: npt.NDArray[np.uint8], heat: npt.NDArray[np.floating], box: npt.NDArray[np.floating]) -> Image.Image:
    pixels = image.astype(float)
    share = 0.75 * np.clip(heat, 0, 1)[..., None]
    red = np.array([255.0, 0.0, 0.0])
    panel = Image.fromarray(np.round(pixels * (1 - share) + red * share).astype(np.uint8)).resize((PANEL, PANEL))
    scale = np.array([PANEL / image.shape[1], PANEL / image.shape[0]] * 2)
    for x0, y0, x1, y1 in (np.asarray(box, dtype=float).reshape(-1, 4) * scale).tolist():
        ImageDraw.Draw(panel).rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=BOX)
    return panel
