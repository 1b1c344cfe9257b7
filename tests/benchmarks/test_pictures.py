"""The sheet of heatmaps: what is where, read back from the PNG."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchmarks.pictures import GAP, LINE, PANEL, heatmap_sheet


def panel(sheet: np.ndarray, column: int, row: int) -> np.ndarray:
    x, y = GAP + column * (PANEL + GAP), LINE + row * (LINE + PANEL) + LINE
    return sheet[y : y + PANEL, x : x + PANEL]


def test_heat_is_red_where_it_is_and_the_image_stays_where_not(tmp_path):
    image = np.full((40, 80, 3), 100, np.uint8)
    heat = np.zeros((40, 80))
    heat[:, 40:] = 1.0  # the right half
    cold = np.zeros((40, 80))
    path = tmp_path / "sheet.png"
    box = np.array([8, 4, 24, 12])
    heatmap_sheet(path, [image, image], {"own": [heat, cold], "other": [cold, heat]}, [box, box], ["bell", "dog"])
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (LINE + 3 * (LINE + PANEL) + GAP, 2 * (PANEL + GAP) + GAP, 3)
    hot = (round(0.25 * 100 + 0.75 * 255), 25, 25)
    for column, row, where, expected in (
        (0, 0, 150, (100, 100, 100)),
        (0, 1, 150, hot),
        (0, 1, 70, (100, 100, 100)),
        (1, 1, 150, (100, 100, 100)),
        (0, 2, 150, (100, 100, 100)),
        (1, 2, 150, hot),
    ):
        assert tuple(panel(sheet, column, row)[120, where]) == expected, (column, row, where)
    # the box (8, 4)-(24, 12) of 80 x 40 is (16, 16)-(48, 48) of 160 x 160
    outline = np.argwhere((panel(sheet, 0, 2) == 255).all(axis=2))
    assert outline.min(axis=0).tolist() == [16, 16]
    assert outline.max(axis=0).tolist() == [47, 47]


def test_every_box_of_an_image_is_drawn(tmp_path):
    image = np.full((40, 80, 3), 100, np.uint8)
    boxes = np.array([[8, 4, 24, 12], [40, 20, 80, 40]])
    heatmap_sheet(tmp_path / "s.png", [image], {"own": [np.zeros((40, 80))]}, [boxes], ["bell"])
    outline = (panel(np.asarray(Image.open(tmp_path / "s.png")), 0, 1) == 255).all(axis=2)
    corners = [(16, 16), (47, 47), (80, 80), (159, 159)]  # (8, 4)-(24, 12) and (40, 20)-(80, 40) of 80 x 40
    assert all(outline[y, x] for y, x in corners)
    assert outline.sum() == 4 * 31 + 4 * 79


def test_heat_outside_0_to_1_is_no_other_colour(tmp_path):
    image = np.full((8, 8, 3), 10, np.uint8)
    for value, expected in ((-3.0, (10, 10, 10)), (7.0, (194, 2, 2))):
        heatmap_sheet(
            tmp_path / "s.png", [image], {"own": [np.full((8, 8), value)]}, [np.array([0, 0, 8, 8])], ["bell"]
        )
        sheet = np.asarray(Image.open(tmp_path / "s.png"))
        assert tuple(panel(sheet, 0, 1)[80, 80]) == expected
