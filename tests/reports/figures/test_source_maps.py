"""Heatmap sheets of several sources, and Figure 5's annotators: the pictures are those that the runs have kept."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from reports.figures.canvas import style
from reports.figures.localization import examples
from reports.figures.source_maps import generated, recorded


def kept(counts, *, marked=True, scenes=2, size=16):
    draw = np.random.default_rng(1)
    arrays = {}
    for n in counts:
        arrays[f"images_{n}"] = draw.integers(0, 255, (scenes, size, size, 3), dtype=np.uint8)
        arrays[f"heatmaps_{n}"] = draw.random((scenes, n, size, size)).astype(np.float16)
        places = draw.integers(1, 8, (scenes, n if marked else 0, 2))
        arrays[f"boxes_{n}"] = np.concatenate([places, places + 5], axis=2)
        arrays[f"kinds_{n}"] = np.array([[f"kind {k}" for k in range(n)]] * scenes)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return arrays, file.getvalue()


def boxes_in(panel):
    """(box, colour) of the rectangles in a panel, without the black ones under them."""
    frames = [p for p in panel.patches if isinstance(p, Rectangle)]
    found = []
    for frame in frames:
        (x, y), colour = frame.get_xy(), frame.get_edgecolor()[:3]
        if colour != (0, 0, 0):
            found.append(([x + 0.5, y + 0.5, x + 0.5 + frame.get_width(), y + 0.5 + frame.get_height()], colour))
    return found


def test_each_source_has_its_heatmap_and_its_box(writer, study_of):
    arrays, content = kept((1, 2, 3))
    other = kept((1, 2), scenes=1)[1]
    for ordering, file in (("c1", other), ("c1-c2-c3", content), ("untrained", other)):
        writer.run("localization", "cavl", ordering, 1, {"single": {}}, files={"sources.npz": file})
    writer.plan()
    figure = generated(study_of(writer.home))
    assert [run.config["ordering"] for run in figure.runs] == ["c1-c2-c3"]
    panels = iter(figure.draw().axes)
    for n in (1, 2, 3):
        for i in range(2):
            whole, *single = (next(panels) for _ in range(n + 1))
            assert [box for box, _ in boxes_in(whole)] == arrays[f"boxes_{n}"][i].tolist()
            assert len(whole.images) == 1
            assert np.array_equal(whole.images[0].get_array(), arrays[f"images_{n}"][i])
            for k, panel in enumerate(single):
                heat = arrays[f"heatmaps_{n}"][i, k].astype(np.float32)
                assert np.asarray(panel.images[1].get_array()) == pytest.approx(heat)
                assert boxes_in(panel) == [boxes_in(whole)[k]]
                assert panel.get_title() == f"kind {k}"
    assert "Boxes mark the sounding objects" in figure.caption


@pytest.mark.parametrize(("data", "name"), [("music", "fig6_sources"), ("audioset_instrument", "fig7_sources")])
def test_recordings_without_boxes_are_drawn_under_the_paper_s_number(writer, study_of, data, name):
    key = writer.run("separation", "cavl:x", "c1", 1, {}, files={"sources.npz": kept((1, 2), marked=False)[1]})
    path = writer.home / "1" / "config.json"
    path.write_text(path.read_text()[:-1] + f', "data": {{"source": "paper", "separation": "{data}"}}}}')
    writer.plan()
    (figure,) = recorded(study_of(writer.home))
    assert (figure.name, key) == (name, figure.runs[0].pedigree.key)
    whole, heat, *_ = figure.draw().axes
    assert boxes_in(whole) == boxes_in(heat) == []
    assert "nobody has marked" in figure.caption


def test_separation_in_generated_worlds_has_no_such_sheet(writer, study_of):
    writer.separate("cavl", "c1", 1, 5.0)
    writer.localize("cavl", "c1", 1, 0.5)
    writer.plan()
    assert recorded(study_of(writer.home)) == []
    assert generated(study_of(writer.home)) is None


def test_fig_5_has_every_annotator_s_box_in_a_colour_of_its_own(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.plan()
    path = writer.home / "1" / "examples.npz"
    with np.load(path) as file:
        arrays = dict(file)
    annotators = np.full((6, 3, 4), -1)
    annotators[:, 0], annotators[:, 1] = (2, 3, 14, 15), (4, 5, 20, 21)
    annotators[1, 2] = (0, 0, 32, 32)
    np.savez_compressed(path, **arrays, annotators=annotators)
    figure = examples(study_of(writer.home))
    axes = figure.draw().axes
    for i, boxes in ((0, 2), (1, 3)):
        found = boxes_in(axes[2 * i + 1])
        assert [box for box, _ in found] == annotators[i, :boxes].tolist()
        assert [colour for _, colour in found] == [to_rgb(colour) for colour in style()[:boxes]]
        assert axes[2 * i + 1].get_visible()
    assert "its single annotators" in figure.caption


def test_fig_5_of_older_runs_and_of_exact_boxes_has_one_box(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.plan()
    figure = examples(study_of(writer.home))
    first, second, *_ = figure.draw().axes
    assert len(boxes_in(first)) == 1
    assert not second.get_visible()
    assert "annotators, one colour each" not in figure.caption
