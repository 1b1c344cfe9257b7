"""Users whom the password file does not know, without a home folder, without places that can be written."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import benchmarks.__main__ as suite
from benchmarks.cli import main
from benchmarks.datasets.composite.files import Listed, judged
from benchmarks.datasets.data_module import data_folder
from benchmarks.datasets.miniature import Miniature, MiniatureConfig
from benchmarks.orchestration.experiment import command_line
from registry.files import cache_folder, expanded, report_folder, user_home, writable
from registry.index import Registry
from tests.command import understood
from tests.suite import ROOT

#: As Python answers for a user id that /etc/passwd does not have.
NAMELESS = """
import pwd, runpy, sys
def getpwuid(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = getpwuid
"""
#: As where nothing can be written at all: /tmp, /var/tmp and the current folder.
NO_TMP = """
import tempfile
def none():
    raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")
tempfile._get_default_tempdir = none
"""
MODULE = "sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
LOCALIZATION = ("--methods", "cavl", "--tasks", "localization", "--orderings", "c1")


def run(folder: Path, code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``code`` in ``folder``, without any variable that names the user or a folder of the user."""
    left_out = {"HOME", "USER", "LOGNAME", "LNAME", "USERNAME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out and not name.startswith("CAVL_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a folder one that cannot be written, for root too, as far as one asks before writing."""

    def close(folder: Path) -> None:
        real = os.access

        def access(path, mode, **options):
            return not (Path(path).is_relative_to(folder) and mode & os.W_OK) and real(path, mode, **options)

        monkeypatch.setattr(os, "access", access)

    return close


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def getpwuid(uid):
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", getpwuid)


# ---- without a name, without a home ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ("benchmarks", "--preset", "smoke", *LOCALIZATION, "--dry-run"),
        ("benchmarks.tasks.action", "print_config", "with", "preset=smoke"),
        ("benchmarks.cli", "prepare", "--help"),
        ("registry", "list"),
        ("reports", "--help"),
    ],
)
def test_every_program_starts_for_a_user_without_name_and_home(command, tmp_path):
    done = run(tmp_path, NAMELESS + MODULE, *command)
    assert done.returncode == 0, done.stderr


def test_a_package_is_enough_for_torchvision(tmp_path):
    done = run(tmp_path, NAMELESS + "import baselines.avts, os; print(os.environ['LOGNAME'])")
    assert (done.stdout, done.stderr) == (f"{os.getuid()}\n", "")  # in the environment: processes started have it too


def test_a_name_that_is_there_is_kept(tmp_path):
    said = run(tmp_path, NAMELESS + "import os, cavl; print(os.environ.get('LOGNAME'), os.environ['USER'])", USER="x")
    assert said.stdout == "None x\n"


def test_where_nothing_can_be_written_one_sentence_says_what_to_set(tmp_path):
    done = run(tmp_path, NO_TMP + "import benchmarks")
    assert done.returncode == 1
    assert done.stderr == (
        "error: No usable temporary directory found in ['/tmp']; set TMPDIR to a folder that can be written\n"
    )


def test_without_a_home_data_lie_beside_the_runs(tmp_home, monkeypatch, homeless):
    monkeypatch.delenv("CAVL_DATA", raising=False)
    assert user_home() is None
    assert data_folder() == cache_folder() == tmp_home / "data"
    with pytest.raises(FileNotFoundError, match=r"~/x: this user has no home folder; .* HOME"):
        expanded("~/x")


def test_a_run_by_hand_says_that_there_is_no_home(monkeypatch, homeless):
    monkeypatch.setenv("CAVL_HOME", "~/runs")
    with pytest.raises(SystemExit, match=r"^error: ~/runs: this user has no home folder"):
        command_line("localization")


def test_a_home_that_cannot_be_written_is_read_where_there_is_a_cache(tmp_home, tmp_path, monkeypatch, read_only):
    user = tmp_path / "user"
    user.mkdir()
    monkeypatch.setenv("HOME", str(user))
    monkeypatch.setenv("XDG_CACHE_HOME", str(user / "cache"))
    usual = cache_folder()
    assert usual.is_relative_to(user)
    read_only(user)
    assert cache_folder() == tmp_home / "data"
    usual.mkdir(parents=True)
    assert cache_folder() == usual


# ---- places that cannot be written -----------------------------------------------------------------------------------


def test_what_can_be_written(tmp_path, read_only):
    (tmp_path / "file").touch()
    assert writable(tmp_path)
    assert writable(tmp_path / "a" / "b")
    assert not writable(tmp_path / "file")
    assert not writable(tmp_path / "file" / "a")
    assert not (tmp_path / "a").exists()
    read_only(tmp_path)
    assert not writable(tmp_path / "a" / "b")


def test_scenes_beside_data_that_can_only_be_read(tmp_home, tmp_path, read_only):
    world, data = MiniatureConfig(image_size=32, seconds=1.0), tmp_path / "data"
    there = Miniature(world, "test", 1, 2, cache=data)
    read_only(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(Miniature(world, "test", 1, 2, cache=data).images, there.images)
    with pytest.warns(UserWarning, match=rf"{data}/miniature cannot be written: .* into {tmp_home}/data"):
        new = Miniature(world, "test", 2, 2, cache=data)
    assert np.array_equal(new.images, Miniature(world, "test", 2, 2).images)
    assert [place.name for place in (data / "miniature").iterdir() if place.is_dir()] == [there.fingerprint]
    assert (tmp_home / "data" / "miniature" / new.fingerprint / "manifest.json").is_file()


def test_files_are_judged_without_a_memory(tmp_path, read_only):
    (tmp_path / "cat.jpg").write_bytes(b"a cat")
    (tmp_path / "cache").mkdir()
    read_only(tmp_path / "cache")
    for _ in range(2):
        with pytest.warns(UserWarning, match="cannot be written: every process reads all files anew"):
            found = judged([Listed("cat", tmp_path / "cat.jpg")], lambda *_: None, tmp_path / "cache", "reading")
        assert [file.id for file in found.files["cat"]] == ["cat/cat.jpg"]
    assert not any((tmp_path / "cache").iterdir())


@pytest.fixture
def trained(tmp_home, tmp_path, monkeypatch):
    """The suite's command line, that trains nothing; returns (status, commands that it started)."""
    commands: list[list[str]] = []

    def process(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("benchmarks.orchestration.plan.prepare_sets", lambda *_: None)
    monkeypatch.setattr("benchmarks.orchestration.scheduler.run", lambda *_, seed_done, **options: seed_done(1))
    monkeypatch.setattr(subprocess, "run", process)
    monkeypatch.setattr(subprocess, "Popen", process)
    return lambda *options: (suite.main(["--preset", "smoke", *LOCALIZATION, *options]), commands)


def test_both_reports_of_the_suite_go_where_the_user_says(trained):
    for options, folder in (((), str(report_folder("smoke"))), (("--report", "other"), "other")):
        status, commands = trained(*options)
        assert status == 0
        assert [command[command.index("--out") + 1] for command in commands] == [folder, folder]
        commands.clear()


def test_before_training_it_is_said_that_there_is_no_place_for_the_report(trained, tmp_path, read_only, capsys):
    read_only(tmp_path / "reports")
    (tmp_path / "reports").mkdir()
    assert trained() == (2, [])
    place = tmp_path / "reports" / "generated" / "smoke"
    assert capsys.readouterr().err == f"error: {place} cannot be written; name a folder for the report with --report\n"
    assert trained("--dry-run") == (0, [])


def test_before_training_it_is_said_that_there_is_no_place_for_runs(trained, tmp_home, read_only, capsys):
    tmp_home.mkdir()
    read_only(tmp_home)
    assert trained() == (2, [])
    assert capsys.readouterr().err == f"error: {tmp_home} cannot be written; point CAVL_HOME elsewhere\n"


def test_a_run_by_hand_needs_a_place_only_where_it_is_not_done_yet(tmp_home, tmp_path, monkeypatch, read_only, capsys):
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))

    def start(method: str, *words: str) -> None:
        configuration = ["with", "preset=smoke", f"method={method}", "ordering=none", *words]
        monkeypatch.setattr(sys, "argv", ["localization", *configuration])
        command_line("localization")

    start("full-frame")
    read_only(tmp_home)
    with pytest.raises(SystemExit) as ended:
        start("full-frame")
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        start("centred-square")
    assert ended.value.code == 1
    assert f"{tmp_home} cannot be written; point CAVL_HOME elsewhere" in capsys.readouterr().err
    assert len(Registry(tmp_home).records()) == 1
    start("centred-square", "-u")  # keeps nothing


def test_a_preparation_says_where_else_data_can_go(tmp_path, read_only, capsys):
    (tmp_path / "root").mkdir()
    read_only(tmp_path / "root")
    assert main(["prepare", "esc50", "--from", str(tmp_path), "--root", str(tmp_path / "root")]) == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'root'} cannot be written; name another folder with --root\n"


def test_a_folder_named_by_an_unset_variable_is_refused(trained, capsys):
    for option in ("--report", "--esc50", "--photographs"):
        assert trained(option, "") == (2, [])
        assert f"'{option}': an empty name is no folder; is a variable unset?" in capsys.readouterr().err


def test_a_tilde_is_the_home_folder_for_every_command(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert understood("run", "--report", "~/x").report == tmp_path / "x"
    assert understood("run", "--report", "x").report == Path("x")
