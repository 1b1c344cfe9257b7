import ast
import io
import json
import re
import shutil
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import reports.figures
from reports.contents import all_figures
from reports.figures import sources, write_figures

NAMES = ["fig4a_losses", "fig4b_initialisation", "fig5_examples", "orderings", "binarisation", "reliability"]
NAMES += ["separation_1", "separation_2", "separation_systems_1", "separation_systems_2"]


@pytest.fixture
def drawn(whole_study, whole_report):
    """(figures, folder) of the whole plan."""
    return all_figures(whole_study), whole_report / "figures"


def test_every_figure_is_a_png_and_a_pdf(drawn):
    from PIL import Image

    figures, folder = drawn
    assert [f.name for f in figures] == NAMES
    for name in NAMES:
        with Image.open(folder / f"{name}.png") as image:
            assert image.width > 600
            assert len(image.convert("RGB").getcolors(1 << 24)) > 10  # something is drawn
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def many_rows(writer):
    """A plan whose every figure has about thirty methods, arms or orderings to show."""
    stages = [{"curricula": [1], "updates": 10, "lr": 0.1}]
    metrics = {name: ([0, 10], [0.5, 0.75]) for name in ("avc_auc", "avts_auc_easy", "avts_auc_hard")}
    key = writer.run("pretrain", "avts", "x", 1, {}, stages=stages, metrics=metrics, key="avts")
    writer.run("pretrain", "l3", "x", 1, {}, stages=stages, metrics=metrics, key="l3")
    for i in range(30):
        method, ordering = (f"l3:another front end {i}", "avc") if i < 5 else ("cavl", f"ordering-{i}")
        writer.localize(method, ordering, 1, i / 30)  # Figure 5 has a row for every method
        writer.count(f"l3:another front end {i}", "avc", 1, i / 30)
        writer.run("avc", f"l3:another front end {i}", "avc", 1, {}, parents=["l3"])
        writer.run("avts", "avts", f"strategy-{i}", 1, {}, parents=[key])
        writer.run("avts", f"avts:mc{i}", "strategy-0", 1, {}, parents=[key])
    for ordering in ("untrained", "c1", "c3", "mixed", "c1-c2-c3"):
        writer.localize("cavl", ordering, 1, 0.5, parents=writer.train(ordering, 1))
    writer.separate("cavl", "c1", 1, 5.0)
    for i in range(12):
        writer.separate(f"sound-of-pixels:arm {i}", "c1", 1, 5.0, None, able=False)
    writer.plan()


def test_thirty_rows_leave_room_for_the_pictures(writer, study_of):
    many_rows(writer)
    figures = all_figures(study_of(writer.home))
    assert [f.name for f in figures] == [
        *NAMES[:6],
        "avc_curves",
        "avts_curves",
        "avts_arm_curves",
        *NAMES[6:],
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a layout that collapses is but a warning
        for figure in figures:
            canvas = figure.draw()
            canvas.savefig(io.BytesIO(), format="png", dpi=40)
            heights = {panel.get_position().height * canvas.get_figheight() for panel in canvas.axes}  # inches
            assert min(heights) > (0.5 if figure.name in ("fig5_examples", *NAMES[-4:]) else 2.5)


def test_files_hold_no_time_and_no_program(drawn):
    from PIL import Image

    _, folder = drawn
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            assert not {"Software", "Creation Time", "date"} & image.info.keys()
    for path in folder.glob("*.pdf"):
        assert not re.search(rb"/(CreationDate|ModDate|Producer|Creator)", path.read_bytes())


def test_the_same_runs_give_the_same_bytes(drawn, tmp_path):
    figures, folder = drawn
    chosen = [f for f in figures if f.name in ("fig4a_losses", "separation_1")]
    for path in write_figures(chosen, tmp_path):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_figures_are_drawn_again_only_when_their_runs_change(drawn, tmp_path):
    from dataclasses import replace

    figures, folder = drawn
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (first, *_) = figures
    calls = []

    def draw():
        calls.append(first.name)
        return first.draw()

    write_figures([replace(first, draw=draw)], tmp_path)
    assert calls == []
    later = replace(first.runs[0], stop_time="2030-01-01T00:00:00")
    write_figures([replace(first, draw=draw, runs=(later, *first.runs[1:]))], tmp_path)
    assert calls == [first.name]
    digests = {"metrics.jsonl": {"size": 1, "written": 1, "changed": 1, "sha256": "0" * 64}}
    damaged = replace(later, digests=digests)  # what is left out now may be back at the next time
    write_figures([replace(first, draw=draw, runs=(damaged, *first.runs[1:]))], tmp_path)
    assert calls.count(first.name) == len(calls)
    (tmp_path / f"{first.name}.pdf").unlink()
    write_figures([replace(first, draw=draw, runs=(later, *first.runs[1:]))], tmp_path)
    assert calls == [first.name] * 2
    (tmp_path / "inputs.json").write_text("{damaged")
    write_figures([replace(first, draw=draw)], tmp_path)
    assert calls == [first.name] * 3


def test_all_code_behind_the_pictures_decides_whether_they_are_drawn_again():
    """What the figures import of the reports, at any remove."""
    folder = Path(reports.figures.__file__).parents[1]
    waiting, known = [*(folder / "figures").glob("*.py")], set()
    while waiting:
        path = waiting.pop()
        if path not in known and path.is_file():
            known.add(path)
            found = (n.module for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom))
            names = [module.split(".")[1:] for module in found if module and module.startswith("reports")]
            waiting += [folder.joinpath(*name).with_suffix(".py") for name in names if name]
    assert folder / "statistics.py" in known
    assert known <= set(sources())


def test_fig_4_takes_first_stages_and_the_curriculum_s_of_source_level_orderings_only(drawn):
    by_name = {f.name: f for f in drawn[0]}
    trained = [r.config["stages"] for r in by_name["fig4a_losses"].runs]
    curricula = [[stage["curricula"] for stage in stages] for stages in trained]
    expected = [[[1]], [[1, 2, 3]], [[3]], [[1], [2]], [[1], [2], [3]]]
    assert sorted(curricula) == sorted(chain for chain in expected for _ in range(3))
    assert not any(stage["options"] for stages in trained for stage in stages)
    lengths = [len(r.config["stages"]) for r in by_name["fig4b_initialisation"].runs]
    assert sorted(lengths) == [1, 1, 1, 3, 3, 3]


def test_fig_5_shows_trained_and_untrained_networks(drawn):
    (figure,) = (f for f in drawn[0] if f.name == "fig5_examples")
    assert [r.config["ordering"] for r in figure.runs] == ["c1", "c1-c2-c3", "untrained"]
    assert {r.config["seed"] for r in figure.runs} == {1}


def test_fig_5_shows_one_trained_ordering_of_every_other_method_and_arm(writer, study_of):
    for method, ordering in (
        ("cavl", "mixed"),
        ("full-frame", "none"),
        ("dmc", "untrained"),
        ("dmc", "c1"),
        ("l3", "avc"),
        ("l3", "supervised"),
        ("l3:mel", "avc"),
    ):
        writer.localize(method, ordering, 1, 0.5)
    writer.plan()
    (figure,) = (f for f in all_figures(study_of(writer.home)) if f.name == "fig5_examples")
    shown = [(r.config["method"], r.config["ordering"]) for r in figure.runs]
    assert sorted(shown) == [("dmc", "c1"), ("l3", "avc"), ("l3:mel", "avc")]
    assert figure.draw().axes


def test_without_runs_there_are_no_figures(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, None, write=False)
    writer.plan()
    assert all_figures(study_of(writer.home)) == []


def test_a_damaged_example_file_is_told_and_left_out(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.localize("cavl", "untrained", 1, 0.2)
    writer.plan()
    (writer.home / "1" / "examples.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.warns(UserWarning, match=r"examples\.npz cannot be read"):
        figures = all_figures(study_of(writer.home))
    (figure,) = (f for f in figures if f.name == "fig5_examples")
    assert [r.config["ordering"] for r in figure.runs] == ["untrained"]


def test_an_example_file_that_unpacks_to_far_more_is_left_out(writer, study_of, monkeypatch):
    monkeypatch.setattr("reports.figures.arrays.LARGEST", 1000)
    writer.localize("cavl", "c1", 1, 0.8)
    writer.plan()
    with pytest.warns(UserWarning, match=r"examples\.npz cannot be read \(it unpacks to more than 1,000 bytes\)"):
        assert "fig5_examples" not in [f.name for f in all_figures(study_of(writer.home))]


def test_a_flipped_byte_in_an_example_file_is_told(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.plan()
    path = writer.home / "1" / "examples.npz"
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        (entry,) = (e for e in file.infolist() if e.filename == "images.npy")
    for place in range(entry.header_offset + 60, entry.header_offset + entry.compress_size):
        content[place] ^= 0xFF
        path.write_bytes(content)
        try:
            with np.load(path) as file:
                assert file["images"] is not None
        except zlib.error:
            break
        except (ValueError, zipfile.BadZipFile):
            pass
        content[place] ^= 0xFF
    else:
        pytest.fail("no flipped byte made the deflate data corrupt")
    with pytest.warns(UserWarning, match=r"examples\.npz cannot be read \(Error -3 while decompressing"):
        assert "fig5_examples" not in [f.name for f in all_figures(study_of(writer.home))]


def test_one_seed_and_results_without_pointing_can_be_drawn(writer, study_of, tmp_path):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.localize("full-frame", "none", 1, 0.2)
    writer.plan()
    entry = json.loads((writer.home / "1" / "run.json").read_text())
    del entry["result"]["multi"]
    (writer.home / "1" / "run.json").write_text(json.dumps(entry))
    figures = [f for f in all_figures(study_of(writer.home)) if f.name == "orderings"]
    assert len(write_figures(figures, tmp_path)) == 2
