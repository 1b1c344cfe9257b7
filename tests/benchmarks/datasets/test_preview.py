"""Pictures of example scenes: of every data module, by one function, in the format that the file's name asks for."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from benchmarks.datasets.preview import PAPER, data_module_of, preview
from cavl.config import ConfigError
from tests import paper_data


def prepared(name, root):
    if name == "audioset":
        return paper_data.audioset(root, {1: 4, 2: 4}, {1: 3, 2: 2, 6: 1})
    if name == "flickr_soundnet":
        return paper_data.flickr_soundnet(root, {f"image{i}": [[1, 1, 60, 60], [9, 9, 99, 99]] for i in range(3)}, {})
    makers = {
        "audioset_instrument": lambda: paper_data.instrument(root, 8, 5),
        "music": lambda: paper_data.music(root),
        "kinetics_sounds": lambda: paper_data.kinetics_sounds(root, 4, 4),
    }
    return makers.get(name, lambda: paper_data.esc50(root, classes=2))()


@pytest.mark.parametrize(
    ("name", "sets"),
    [
        ("audioset", 2),
        ("audioset_instrument", 2),
        ("music", 1),
        ("kinetics_sounds", 1),
        ("flickr_soundnet", 1),
        ("esc50", 1),
    ],
)
def test_prepared_data_are_shown_scene_by_scene(tmp_path, name, sets):
    prepared(name, tmp_path)
    data = data_module_of(name, cache=tmp_path)
    picture = np.asarray(Image.open(preview(data, tmp_path / "a.png")).convert("RGB")).astype(int)
    background = np.array([int(PAPER[i : i + 2], 16) for i in (1, 3, 5)])
    drawn = (np.abs(picture - background).max(2) > 30).any(0)
    assert drawn[: picture.shape[1] // 5 * sets].mean() > 0.7, "a column for each number of sources"
    assert not drawn[round(picture.shape[1] * 0.22 * sets) :].any()
    if name == "flickr_soundnet":  # the frame that was packed is in it: its plain background, pixel by pixel
        frame = data.test(1)[0].image
        assert (np.abs(picture - frame[128, 3].astype(int)).max(2) < 3).sum() > 5000


@pytest.mark.parametrize("name", ["sheet", "sheet.", "sheet.png", "sheet.svg", "another.sheet.pdf"])
def test_a_preview_says_which_file_it_has_written(tmp_path, name):
    paper_data.esc50(tmp_path / "data", classes=1)
    (tmp_path / "out").mkdir()
    written = preview(data_module_of("esc50", cache=tmp_path / "data"), tmp_path / "out" / name, scenes=1)
    assert [*(tmp_path / "out").iterdir()] == [written]
    kind = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[written.suffix]
    assert written.read_bytes().startswith(kind)


def test_a_pipe_gets_the_picture_and_a_link_leads_to_it(tmp_path):
    paper_data.esc50(tmp_path / "data", classes=1)
    data = data_module_of("esc50", cache=tmp_path / "data")
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        got = pool.submit((tmp_path / "pipe").read_bytes)
        assert preview(data, tmp_path / "pipe", scenes=1) == tmp_path / "pipe"
        assert got.result().startswith(b"\x89PNG")
    (tmp_path / "a.pdf").symlink_to("real.pdf")
    preview(data, tmp_path / "a.pdf", scenes=1)
    assert (tmp_path / "real.pdf").read_bytes().startswith(b"%PDF")


def test_a_data_set_that_nobody_knows_is_refused_and_one_that_is_not_prepared_says_how(tmp_path):
    with pytest.raises(ConfigError, match="unknown data set 'esc5'; known: miniature, composite, paper, audioset, "):
        data_module_of("esc5")
    with pytest.raises(FileNotFoundError, match="prepare music"):
        preview(data_module_of("music", cache=tmp_path), tmp_path / "x.png")
