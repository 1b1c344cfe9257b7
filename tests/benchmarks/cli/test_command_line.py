"""Sacred's options on a task's command line, as its users know them."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from benchmarks.catalogue import TASKS
from benchmarks.cli.options import folders
from benchmarks.orchestration.experiment import command_line, make_experiment, with_settings
from registry.index import Registry


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A localization run by hand; what -m sets in the environment is undone."""
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CAVL_MONGO_URI", "")

    def start(*words: str, method: str = "full-frame") -> None:
        configuration = ("with", "preset=smoke", f"method={method}", "ordering=none")
        monkeypatch.setattr(sys, "argv", ["localization", *configuration, *words])
        command_line("localization")

    return start


def cut_off(folder: Path) -> None:
    """Make a finished run one that was interrupted before it had a result."""
    entry = json.loads((folder / "run.json").read_text())
    for name in ("result", "files", "sha256", "sealed"):
        entry.pop(name)
    (folder / "run.json").write_text(json.dumps({**entry, "status": "INTERRUPTED"}))


def test_a_second_record_has_its_own_numbers_and_is_continued(run, tmp_path):
    run("-F", str(tmp_path / "copies"), method="centred-square")
    run()
    cut_off(tmp_path / "runs" / "2")
    run("-F", str(tmp_path / "copies"))  # continues run 2 here, and is new there
    copies, runs = Registry(tmp_path / "copies"), Registry(tmp_path / "runs")
    assert {r.id: r.config["method"] for r in copies.records()} == {1: "centred-square", 2: "full-frame"}
    assert [len(r.resumptions) for r in runs.records()] == [0, 1]
    assert copies.get(2).result == runs.get(2).result
    assert copies.get(2).artifact("items.csv").read_bytes() == runs.get(2).artifact("items.csv").read_bytes()

    cut_off(tmp_path / "runs" / "1")
    cut_off(tmp_path / "copies" / "1")
    run(f"--file_storage={tmp_path / 'copies'}", method="centred-square")
    assert [len(r.resumptions) for r in runs.records()] == [1, 1]
    assert [len(r.resumptions) for r in copies.records()] == [1, 0]
    assert {r.status for r in [*runs.records(), *copies.records()]} == {"COMPLETED"}


def test_the_leading_folder_named_again_is_one_record(run, tmp_path):
    run("-F", str(tmp_path / "runs"))
    assert [r.status for r in Registry(tmp_path / "runs").records()] == ["COMPLETED"]


@pytest.mark.parametrize("option", [("-m", "http://lab"), ("--mongo", "http://lab"), ("-pm", "http://lab")])
def test_an_address_that_is_none_is_refused_before_anything_runs(run, tmp_path, capsys, option):
    with pytest.raises(SystemExit):
        run(*option)
    assert "is no address of a MongoDB" in capsys.readouterr().err
    assert not Registry(tmp_path / "runs").records()


def test_a_database_that_is_away_costs_a_warning_and_its_password_stays_nowhere(run, tmp_path, capfd):
    run("--mongo_db=mongodb://user:geheim@127.0.0.1:1/lab", "-c", "-my idea")
    assert capfd.readouterr().err.count("is not copied to MongoDB") == 1
    (record,) = Registry(tmp_path / "runs").records()
    assert record.status == "COMPLETED"
    assert json.loads((record.folder / "run.json").read_text())["meta"]["comment"] == "-my idea"
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"geheim" in p.read_bytes()]


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("method=cavl", "with method=cavl"),
        ("method=cavl seed=3", "with method=cavl seed=3"),
        ("-f model.clustering.beta=30", "-f with model.clustering.beta=30"),
        ("print_config preset=smoke", "print_config with preset=smoke"),
        ("method=cavl with seed=3 -c x", "with method=cavl seed=3 -c x"),
        ("-pm mongodb://lab/x?a=b 'ordering=c1 c2'", "-pm 'mongodb://lab/x?a=b' with 'ordering=c1 c2'"),
        ("--comment lr=0.1 preset=smoke", "--comment lr=0.1 with preset=smoke"),
        ("preset=smoke -c x=1 seed=2", "with preset=smoke -c x=1 seed=2"),
    ],
)
@pytest.mark.parametrize("task", sorted(TASKS.available))
def test_settings_without_with_are_settings(task, words, right):
    usage = make_experiment(task).get_usage("task")[2]
    assert with_settings(shlex.split(words), usage) == shlex.split(right)
    assert with_settings(shlex.split(right), usage) == shlex.split(right)


@pytest.mark.parametrize("words", ["-c lr=0.1", "print_config", "help print_config", "", "--help"])
def test_other_words_stay_as_they_are(words):
    usage = make_experiment("counting").get_usage("task")[2]
    assert with_settings(shlex.split(words), usage) == shlex.split(words)


def test_a_run_without_with(tmp_path, monkeypatch):
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(
        sys, "argv", ["localization", "preset=smoke", "method=full-frame", "ordering=none", "-c", "x=1"]
    )
    command_line("localization")
    (record,) = Registry(tmp_path / "runs").records()
    assert record.config["method"] == "full-frame"
    assert json.loads((record.folder / "run.json").read_text())["meta"]["comment"] == "x=1"


def test_a_comment_that_looks_like_a_setting_is_a_comment(run, tmp_path, monkeypatch):
    run("-c", "lr=0.1")
    words = sys.argv[1:]
    monkeypatch.setattr(sys, "argv", ["localization", *words[-2:], *words[:-2], "force=True"])  # before the settings
    command_line("localization")
    assert [
        json.loads((r.folder / "run.json").read_text())["meta"]["comment"]
        for r in Registry(tmp_path / "runs").records()
    ] == ["lr=0.1"] * 2


def test_folders_with_commas_in_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "bells, whistles", "ESC [50]"):
        (tmp_path / name).mkdir()
    assert folders("a,bells, whistles, ESC [50],not there,") == ("a", "bells, whistles", "ESC [50]", "not there")
    with pytest.raises(typer.BadParameter, match="names nothing"):
        folders(" , ")
