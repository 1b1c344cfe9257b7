"""What single units fire at: the pictures that the run has kept, and no others."""

import io

import numpy as np
import pytest

from reports.figures.units import units


def kept():
    draw = np.random.default_rng(1)
    arrays = {
        "seen_shown": draw.integers(0, 255, (2, 3, 16, 16, 3), dtype=np.uint8),
        "heard_shown": draw.random((2, 3, 12, 20)).astype(np.float16),
    }
    for side, (h, w) in (("seen", (4, 4)), ("heard", (3, 5))):
        arrays[f"{side}_units"] = np.array([7, 3])
        arrays[f"{side}_kinds"] = np.array(["bell", "drum"])
        arrays[f"{side}_auc"] = np.array([0.91, 0.5])
        arrays[f"{side}_heat"] = draw.random((2, 3, h, w)).astype(np.float16)
        arrays[f"{side}_of"] = np.array([["bell", "bell", "drum"], ["drum", "flute", "bell"]])
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return arrays, file.getvalue()


def test_each_unit_has_its_scenes_with_where_it_fires(writer, study_of):
    arrays, content = kept()
    for ordering in ("untrained", "avc"):
        writer.run("avc", "l3", ordering, 1, {}, files={"units.npz": content})
    writer.plan()
    figure = units(study_of(writer.home))
    assert [run.config["ordering"] for run in figure.runs] == ["avc"]
    panels = iter(figure.draw().axes)
    for side in ("seen", "heard"):
        for i, said in enumerate(("unit 7\nbell\nAUC 91", "unit 3\ndrum\nAUC 50")):
            row = [next(panels) for _ in range(3)]
            assert row[0].get_ylabel() == said
            for t, panel in enumerate(row):
                shown, heat = (np.asarray(picture.get_array()) for picture in panel.images)
                up = slice(None, None, -1 if side == "heard" else 1)  # low frequencies at the bottom
                assert heat == pytest.approx(arrays[f"{side}_heat"][i, t][up].astype(np.float32))
                picture = arrays[f"{side}_shown"][i, t]
                grey = picture.mean(2) if side == "seen" else 255 * picture[up].astype(float) / float(picture.max())
                assert shown == pytest.approx(grey, rel=1e-3)
                assert panel.images[0].get_extent() == panel.images[1].get_extent()
                assert panel.get_title() == arrays[f"{side}_of"][i, t]
                own = arrays[f"{side}_of"][i, t] == arrays[f"{side}_kinds"][i]
                assert (panel.title.get_fontweight() == "bold") == own


def test_runs_without_such_pictures_have_no_figure(writer, study_of):
    writer.run("avc", "l3", "avc", 1, {})
    writer.plan()
    assert units(study_of(writer.home)) is None
