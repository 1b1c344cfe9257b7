"""Runs leave a registry as one file and come into another as they were, or not at all."""

from __future__ import annotations

import dataclasses
import errno
import functools
import hashlib
import io
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import archive_export as archive
from registry import archive_import as arrival
from registry.__main__ import main
from registry.archive_export import ArchiveError, write_archive
from registry.archive_import import Arrival, read_archive
from registry.comparison import differing, paired
from registry.index import Registry, run_ids
from registry.lock import Lock
from registry.provenance.keys import run_key
from registry.record.ids import next_id
from registry.record.journal import append
from registry.record.run_record import RecordError
from tests.dying import die_at

ROOT = Path(__file__).parents[2]
STAGE, LATER, SCORE = (run_key(task, {}, "data", ()) for task in ("pretrain", "pretrain again", "localization"))
WEIGHTS = {STAGE: b"weights of the stage " * 99, LATER: b"weights of the later stage " * 99}
EARLY = b"weights after 120 updates " * 99


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def store(home: Path, place: str, stem: str, suffix: str, content: bytes) -> str:
    name = f"{place}/{stem}_{hashlib.md5(content).hexdigest()}{suffix}"
    (home / place).mkdir(parents=True, exist_ok=True)
    (home / name).write_bytes(content)
    return name


def write_family(home: Path, write_run: Callable[..., Path]) -> None:
    """A stage (run 3), one that starts from it (run 1, trained anew since), and a score of that (run 4)."""
    source = store(home, "_sources", "experiment", ".py", b"print('source')\n")
    resource = store(home, "_resources", "labels", ".csv", b"a,b\n1,2\n")
    made = {
        "experiment": {"name": "x", "base_dir": "/where/it/was", "sources": [["experiment.py", source]]},
        "command": "main",
        "meta": {},
        "code": {"registry.provenance.keys": "0"},
        "environment": {"torch": "1.0"},
    }
    stage = {"weights": sha256(WEIGHTS[STAGE]), "kept": {"120": sha256(EARLY)}, "score": 0.9}
    folder = write_run(
        home, 3, key=STAGE, task="pretrain", result=stage, resources=[["/x/labels.csv", resource]], **made
    )
    times = [f"2025-01-01T00:00:0{i}" for i in range(3)]
    append(folder, {"loss": {"steps": [0, 1, 2], "values": [3.0, 2.5, float("nan")], "timestamps": times}})
    (folder / "cout.txt").write_bytes(b"said \xff\xfe\n")
    (folder / "info.json").write_text('{"device": "cpu"}')
    (folder / "lock").write_text("machine 1\n")
    later = {"weights": sha256(WEIGHTS[LATER]), "kept": {}, "score": 0.8}
    lineage = {"parents": [STAGE], "parent_digests": [stage["weights"]]}
    write_run(home, 1, key=LATER, task="pretrain", result=later, **lineage, **made)
    artifacts = {
        "items.csv": "item,condition,metric,value,excluded\na,all,score,0.5,\nb,all,score,0.25,\n",
        "picture ä.png": "\x89PNG",
        "notes": "",
    }
    lineage = {"parents": [LATER, STAGE], "parent_digests": [later["weights"], stage["weights"]]}
    folder = write_run(home, 4, key=SCORE, result={"score": 0.375}, artifacts=list(artifacts), **lineage, **made)
    for name, text in artifacts.items():
        (folder / name).write_text(text)
    for key, content in WEIGHTS.items():
        place = home / "checkpoints" / key
        (place / "states" / "000150").mkdir(parents=True)
        (place / "states" / "000150" / "weights.safetensors").write_bytes(b"state")
        (place / "weights.safetensors").write_bytes(content)
    (home / "checkpoints" / STAGE / "weights@120.safetensors").write_bytes(EARLY)
    write_run(home, 2, status="FAILED", key=SCORE, **made)
    (home / "identity").write_text("name\n")
    Registry(home).save_plan("smoke", {"nodes": []})


@pytest.fixture
def home(tmp_path: Path, write_run) -> Path:
    write_family(tmp_path / "home", write_run)
    return tmp_path / "home"


@pytest.fixture
def other(tmp_path: Path, write_run) -> Path:
    """Another registry, which has runs of its own."""
    for id in (1, 7):
        write_run(tmp_path / "other", id, key=run_key(f"other {id}", {}, "", ()))
    return tmp_path / "other"


@pytest.fixture
def exported(home: Path, tmp_path: Path) -> Path:
    write_archive(Registry(home), [4], tmp_path / "runs.zip")
    return tmp_path / "runs.zip"


def seen(folder: Path) -> dict[str, bytes]:
    """Every file below ``folder`` but the index, the gate and locks, with its content; links as what they point to."""
    return {
        str(p.relative_to(folder)): p.read_bytes() if not p.is_symlink() else os.readlink(p).encode()
        for p in sorted(folder.rglob("*"))
        if (p.is_file() or p.is_symlink()) and p.name not in ("index.sqlite", ".lock", "lock")
    }


def without_place(record: Any) -> Any:
    return dataclasses.replace(record, id=0, folder=Path(), imported=None)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


# ---- there and back -------------------------------------------------------------------------------------------------


def test_an_imported_run_is_the_run(home: Path, other: Path, exported: Path) -> None:
    arrivals, missing = read_archive(Registry(other), exported)
    assert missing == []
    assert arrivals == [Arrival(id=a, here=b, new=True) for a, b in ((3, 8), (1, 9), (4, 10))]  # parents first
    there, here = Registry(home), Registry(other)
    for old, new in ((3, 8), (1, 9), (4, 10)):
        a, b = there.get(old), here.get(new)
        assert without_place(b) == dataclasses.replace(without_place(a), stale=b.stale)
        assert [s.replace("run 8", "run 3").replace("run 9", "run 1") for s in b.stale] == list(a.stale)
        assert json.dumps(a.metrics()) == json.dumps(b.metrics())  # in which NaN is NaN
        assert {n: a.artifact(n).read_bytes() for n in a.artifacts} == {
            n: b.artifact(n).read_bytes() for n in b.artifacts
        }
        assert (b.folder / "run.json").read_bytes() == (a.folder / "run.json").read_bytes()
    assert (a.imported, b.imported) == (None, "runs.zip")
    assert b.artifacts == ("items.csv", "picture ä.png", "notes")
    assert here.find(LATER).id == 9
    assert differing([there.get(4).config, here.get(10).config]) == {}
    assert [p.difference for p in paired(there.get(4), here.get(10))] == [0.0]
    for name in seen(home):
        if name.startswith(("_", "checkpoints")):
            assert (other / name).exists() == ("states" not in name), name
            assert "states" in name or (other / name).read_bytes() == (home / name).read_bytes()
    assert not list(other.rglob("*.aside"))


def test_there_and_back_the_content_is_the_same(home: Path, other: Path, exported: Path, tmp_path: Path) -> None:
    arrivals, _ = read_archive(Registry(other), exported)
    here = {str(arrival.here): str(arrival.id) for arrival in arrivals}
    write_archive(Registry(other), [10], tmp_path / "back.zip")
    back = {}
    for name, content in members(tmp_path / "back.zip").items():
        place, _, rest = name.partition("/")
        id, _, file = rest.partition("/")
        back[f"runs/{here[id]}/{file}" if place == "runs" else name] = content
    first = members(exported)
    assert back.keys() == first.keys()
    assert {n: c for n, c in back.items() if n != "manifest.json"} == {
        n: c for n, c in first.items() if n != "manifest.json"
    }
    digests = [sorted(m["sha256"] for m in json.loads(c["manifest.json"])["members"].values()) for c in (back, first)]
    assert digests[0] == digests[1]


def test_what_is_in_an_archive(home: Path, exported: Path) -> None:
    found = members(exported)
    manifest = json.loads(found.pop("manifest.json"))
    kept = [n for n in seen(home) if n.startswith(("1/", "3/", "4/", "_", "checkpoints")) and "states" not in n]
    assert set(found) == {f"runs/{n}" if n[0].isdigit() else n for n in kept}
    assert all(found[f"runs/{n}" if n[0].isdigit() else n] == (home / n).read_bytes() for n in kept)
    assert manifest["members"] == {n: {"sha256": sha256(c), "size": len(c)} for n, c in found.items()}
    assert [(r["id"], r["key"], r["asked"]) for r in manifest["runs"]] == [
        (3, STAGE, False),
        (1, LATER, False),
        (4, SCORE, True),
    ]
    for content in found.values():
        assert b"identity" not in content


def test_the_same_runs_give_the_same_bytes(home: Path, exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1, 1))
    write_archive(Registry(copy), [4, 4], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_several_runs_and_without_weights(home: Path, other: Path, tmp_path: Path) -> None:
    manifest = write_archive(Registry(home), [2, 3], tmp_path / "small.zip", weights=False)
    assert [r["id"] for r in manifest["runs"]] == [2, 3]
    assert not [name for name in members(tmp_path / "small.zip") if "checkpoints" in name]
    assert manifest["missing"] == []
    read_archive(Registry(other), tmp_path / "small.zip")
    assert not (other / "checkpoints").exists()
    assert Registry(other).get(8).status == "FAILED"


def test_weights_come_later(home: Path, other: Path, exported: Path, tmp_path: Path) -> None:
    """First without, then the whole archive: the runs are there already, their weights are not."""
    write_archive(Registry(home), [4], tmp_path / "small.zip", weights=False)
    read_archive(Registry(other), tmp_path / "small.zip")
    before = seen(other)
    arrivals, _ = read_archive(Registry(other), exported)
    assert [(a.here, a.new) for a in arrivals] == [(8, False), (9, False), (10, False)]
    added = {n: c for n, c in seen(other).items() if n not in before}
    assert set(added) == {n for n in seen(home) if n.startswith("checkpoints") and "states" not in n}
    assert {n: c for n, c in seen(other).items() if n in before} == before


# ---- exporting ------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named_and_left_out(home: Path, other: Path, tmp_path: Path) -> None:
    shutil.rmtree(home / "3")
    (home / "4" / "notes").unlink()
    (home / "checkpoints" / LATER / "weights.safetensors").write_bytes(b"trained anew")
    (source,) = (home / "_sources").iterdir()
    source.write_bytes(b"damaged")
    manifest = write_archive(Registry(home), [4], tmp_path / "x.zip")
    told = "\n".join(manifest["missing"])
    for sentence in (
        f"run 1 descends from the key {STAGE}, of which there is no finished run",
        f"run 4 descends from the key {STAGE}, of which there is no finished run",
        f"run 1: checkpoints/{LATER}/weights.safetensors is not the one that was recorded",
        "run 4: runs/4/notes is missing",
        f"runs 1, 4: _sources/{source.name} is damaged",
    ):
        assert sentence in told
    assert not [n for n in members(tmp_path / "x.zip") if "checkpoints" in n or "_sources" in n or "notes" in n]
    arrivals, missing = read_archive(Registry(other), tmp_path / "x.zip")
    assert missing == manifest["missing"]
    assert [a.id for a in arrivals] == [1, 4]
    (home / "checkpoints" / LATER / "weights.safetensors").unlink()
    manifest = write_archive(Registry(home), [1], tmp_path / "x.zip")
    assert f"run 1: checkpoints/{LATER}/weights.safetensors is missing" in manifest["missing"]


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (home / "4" / "notes").unlink()
    (home / "4" / "notes").symlink_to(tmp_path / "secret")
    assert write_archive(Registry(home), [4], tmp_path / "x.zip")["missing"] == ["run 4: runs/4/notes is missing"]


def test_a_run_that_is_going_on_is_refused(home: Path, other: Path, tmp_path: Path, write_run) -> None:
    folder = write_run(home, 5, key=SCORE, status="RUNNING", stop_time=None)
    lock = Lock(folder / "lock")
    lock.acquire()
    with pytest.raises(ArchiveError, match="run 5 is going on"):
        write_archive(Registry(home), [4, 5], tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    lock.release()
    write_archive(Registry(home), [5], tmp_path / "x.zip")
    assert read_archive(Registry(other), tmp_path / "x.zip")[0][0].here == 8
    assert Registry(other).get(8).status == "DIED"


def test_runs_that_cannot_be_exported(home: Path, tmp_path: Path, write_run) -> None:
    with pytest.raises(KeyError, match="there is no run 99"):
        write_archive(Registry(home), [4, 99], tmp_path / "x.zip")
    write_run(home, 5, key="../../x")
    with pytest.raises(RecordError, match="which is no run's key"):
        write_archive(Registry(home), [5], tmp_path / "x.zip")
    write_run(home, 6, key=run_key("a", {}, "", ()), parents=[run_key("a", {}, "", ())])
    with pytest.raises(ArchiveError, match="descends from itself"):
        write_archive(Registry(home), [6], tmp_path / "x.zip")
    (home / "3" / "config.json").unlink()
    os.utime(home / "3" / "run.json", ns=(1, 1))
    with pytest.raises(RecordError, match=r"config\.json is missing"):
        write_archive(Registry(home), [3], tmp_path / "x.zip")
    assert not list(tmp_path.glob("*.zip*"))


def test_what_changes_meanwhile_is_noticed(home: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = exported.read_bytes()
    info = archive._info

    def change(name: str) -> zipfile.ZipInfo:
        (home / "4" / "items.csv").write_text("other")
        return info(name)

    monkeypatch.setattr(archive, "_info", change)
    with pytest.raises(ArchiveError, match=r"4/items\.csv changed while it was read; export again"):
        write_archive(Registry(home), [4], exported)
    assert exported.read_bytes() == before
    assert not list(exported.parent.glob("*.aside"))


# ---- importing ------------------------------------------------------------------------------------------------------


def test_again_nothing_changes(other: Path, exported: Path) -> None:
    first, _ = read_archive(Registry(other), exported)
    before = seen(other)
    second, _ = read_archive(Registry(other), exported)
    assert second == [dataclasses.replace(a, new=False) for a in first]
    assert seen(other) == before


def test_at_home_nothing_changes(home: Path, exported: Path) -> None:
    before = seen(home)
    arrivals, _ = read_archive(Registry(home), exported)
    assert [(a.id, a.here, a.new) for a in arrivals] == [(3, 3, False), (1, 1, False), (4, 4, False)]
    assert seen(home) == before


def test_a_run_that_went_on_here_is_here_already(home: Path, other: Path, tmp_path: Path) -> None:
    write_archive(Registry(home), [2], tmp_path / "failed.zip")
    read_archive(Registry(other), tmp_path / "failed.zip")
    run = json.loads((other / "8" / "run.json").read_text())
    (other / "8" / "run.json").write_text(json.dumps({**run, "status": "COMPLETED"}))
    (found,), _ = read_archive(Registry(other), tmp_path / "failed.zip")
    assert (found.here, found.new) == (8, False)


def test_weights_here_are_never_replaced(home: Path, other: Path, exported: Path, write_run, tmp_path: Path) -> None:
    place = other / "checkpoints" / STAGE
    place.mkdir(parents=True)
    (place / "weights.safetensors").write_bytes(b"others")
    before = seen(other)
    small = tmp_path / "small.zip"
    write_archive(Registry(home), [4], small, weights=False)  # names other weights than those here
    for path in (exported, small):
        with pytest.raises(ArchiveError, match=rf"{STAGE}/weights\.safetensors holds other weights.*--home DIR"):
            read_archive(Registry(other), path)
        assert seen(other) == before
    (place / "weights.safetensors").write_bytes(WEIGHTS[STAGE])
    os.utime(place / "weights.safetensors", (1, 1))
    folder = write_run(other, 8, key=STAGE, status="RUNNING")
    lock = Lock(folder / "lock")
    lock.acquire()
    with pytest.raises(ArchiveError, match=f"run 8 here is going on and will leave weights for the key {STAGE}"):
        read_archive(Registry(other), exported)
    lock.release()
    read_archive(Registry(other), exported)
    assert (place / "weights.safetensors").stat().st_mtime == 1
    assert (place / "weights@120.safetensors").read_bytes() == EARLY


def test_where_an_imported_run_comes_from(other: Path, exported: Path, capsys) -> None:
    read_archive(Registry(other), exported)
    origin = json.loads((other / "10" / "imported.json").read_text())
    assert (origin["id"], origin["archive"], origin["sha256"]) == (4, "runs.zip", sha256(exported.read_bytes()))
    assert main(["show", "10", "--home", str(other)]) == 0
    assert f"{origin['time']} from runs.zip, where it was run 4" in capsys.readouterr().out
    assert main(["show", "10", "--json", "--home", str(other)]) == 0
    assert json.loads(capsys.readouterr().out)["imported"] == origin
    assert main(["show", "1", "--json", "--home", str(other)]) == 0
    assert json.loads(capsys.readouterr().out)["imported"] is None


def test_an_id_is_not_given_anew(other: Path, exported: Path) -> None:
    read_archive(Registry(other), exported)
    for id in (8, 9, 10):
        shutil.rmtree(other / str(id))
    arrivals, _ = read_archive(Registry(other), exported)
    assert [a.here for a in arrivals] == [11, 12, 13]
    assert next_id(other) == 14


@pytest.mark.parametrize("call", ["mkdir", "fsync", "rename"])
def test_a_full_disk(other: Path, exported: Path, monkeypatch: pytest.MonkeyPatch, capsys, call: str) -> None:
    before = seen(other)

    def full(*arguments: Any, **named: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if call == "mkdir":
        monkeypatch.setattr(Path, call, full)
    else:
        monkeypatch.setattr(arrival.os, call, full)
    assert main(["import", str(exported), "--home", str(other)]) == 2
    monkeypatch.undo()
    assert capsys.readouterr().err.startswith("error: no room to write ")
    kept = {n: c for n, c in seen(other).items() if n != "last_id"}
    assert {n: c for n, c in kept.items() if not n.startswith(("_", "checkpoints"))} == before  # whole runs only
    assert not list(other.rglob("*.aside"))
    read_archive(Registry(other), exported)
    assert len(Registry(other).records()) == 5


def test_checkpoints_on_another_disk(other: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def across(a: Path, b: Path) -> None:
        if "checkpoints" in str(b) and str(a).endswith(".safetensors"):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        rename(a, b)

    monkeypatch.setattr(arrival.os, "rename", across)
    read_archive(Registry(other), exported)
    assert (other / "checkpoints" / STAGE / "weights.safetensors").read_bytes() == WEIGHTS[STAGE]


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_whole_runs_and_goes_on(
    tmp_path: Path, other: Path, exported: Path, child
) -> None:
    """The process ends, as by SIGKILL, at its first, second, third, ... change to the disk."""
    whole = tmp_path / "whole"
    shutil.copytree(other, whole)
    read_archive(Registry(whole), exported)
    truth = [content(folder) for folder in whole.iterdir() if folder.name.isdigit()]
    for moment in range(1, 1000):
        killed = tmp_path / f"killed {moment}"
        shutil.copytree(other, killed)
        _, status = os.waitpid(child(functools.partial(die_importing, moment, killed, exported)), 0)
        registry = Registry(killed)
        assert registry.damaged() == {}
        for record in registry.records():
            assert content(record.folder) in truth
            assert all(registry.find(key) for key in record.pedigree.parents)
            if record.pedigree.key in WEIGHTS:
                assert (killed / "checkpoints" / record.pedigree.key / "weights.safetensors").exists()
        read_archive(registry, exported)
        assert all(content(folder) in truth for folder in killed.iterdir() if folder.name.isdigit())
        assert len(registry.records()) == len(truth)
        assert next_id(killed) > max(run_ids(killed))
        shared = [{n: c for n, c in content(f).items() if n[0] in "_c"} for f in (killed, whole)]  # not what is aside
        assert shared[0] == shared[1]
        shutil.rmtree(killed)
        if status == 0:
            break
    assert moment > 30


def content(folder: Path) -> dict[str, bytes]:
    return {n: c for n, c in seen(folder).items() if not n.endswith("imported.json")}


def die_importing(moment: int, home: Path, path: Path) -> None:
    """Import, but end at once at a certain change to the disk."""
    die_at(moment, "rename", "replace", "fsync", "mkdir", "unlink", "rmdir")
    read_archive(Registry(home), path)


# ---- hostile archives -----------------------------------------------------------------------------------------------


class Forged:
    """The members of a valid archive, to be changed; the manifest follows unless it is changed itself."""

    def __init__(self, path: Path) -> None:
        self.files = members(path)
        self.manifest = json.loads(self.files.pop("manifest.json"))
        self.infos: dict[str, dict[str, Any]] = {}  # attributes of entries
        self.twice: list[str] = []

    def edit(self, name: str, change: Callable[[Any], Any]) -> None:
        value = json.loads(self.files[name])
        self.files[name] = json.dumps(change(value) or value).encode()

    def write(self, path: Path, follow: bool = True) -> Path:
        if follow:
            self.manifest["members"] = {n: {"sha256": sha256(c), "size": len(c)} for n, c in self.files.items()}
        with zipfile.ZipFile(path, "w") as file:
            for name, content in [("manifest.json", json.dumps(self.manifest).encode()), *self.files.items()]:
                for _ in range(1 + self.twice.count(name)):
                    info = zipfile.ZipInfo(name)
                    for attribute, value in self.infos.get(name, {}).items():
                        setattr(info, attribute, value)
                    file.writestr(info, content)
        return path


def refused(other: Path, path: Path, why: str, **more: Any) -> None:
    """The archive is refused with a sentence, and nothing at all is left of it, anywhere below the test's folder."""
    before = seen(other.parent)
    with pytest.raises(ArchiveError, match=why) as caught:
        read_archive(Registry(other), path, **more)
    assert str(path) in str(caught.value)
    assert ".aside" not in str(caught.value)
    assert seen(other.parent) == before
    assert not list(other.parent.rglob("*.aside"))


def test_an_unchanged_forgery_is_taken(other: Path, exported: Path, tmp_path: Path) -> None:
    """Else the tests below would prove nothing."""
    read_archive(Registry(other), Forged(exported).write(tmp_path / "x.zip"))
    assert len(Registry(other).records()) == 5


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/x",
        "../x",
        "runs/4/../../../x",
        "runs/../x",
        "runs/4/./x",
        "runs//4/x",
        "runs\\4\\x",
        "runs/4/a\\..\\b",
        "C:/x",
        "runs/4/C:x",
        "runs/4/",
        "runs/4/a\nb",
        "runs/4/\x7f",
        "runs/4/" + "x" * 256,
        "",
    ],
)
def test_names_that_leave_the_registry(other: Path, exported: Path, tmp_path: Path, name: str) -> None:
    forged = Forged(exported)
    forged.files[name] = b"x"
    refused(other, forged.write(tmp_path / "x.zip"), "might land outside of the registry")


def test_a_name_that_ends_at_a_nul(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    forged.files["runs/4/notesX../x"] = b""
    path = forged.write(tmp_path / "x.zip")
    path.write_bytes(path.read_bytes().replace(b"notesX../x", b"notes\0../x"))
    refused(other, path, "might land outside of the registry")


@pytest.mark.parametrize(
    "name",
    [
        "x",
        "index.sqlite",
        ".lock",
        "last_id",
        "identity",
        "plans/smoke.json",
        "runs/4/lock",
        "runs/4/imported.json",
        "runs/4/.hidden",
        "runs/4/a/b",
        "runs/x/run.json",
        "runs/04/run.json",
        "runs/-4/run.json",
        "runs/٤/run.json",
        "runs/9999999999999999999/run.json",
        "checkpoints/key/weights.safetensors",
        f"checkpoints/{STAGE.upper()}/weights.safetensors",
        f"checkpoints/{STAGE}/optimizer.pt",
        f"checkpoints/{STAGE}/weights@x.safetensors",
        f"checkpoints/{STAGE}/states/000150",
        "_sources/a/b",
        "4/run.json",
    ],
)
def test_names_that_belong_to_no_run(other: Path, exported: Path, tmp_path: Path, name: str) -> None:
    forged = Forged(exported)
    forged.files[name] = b"x"
    refused(other, forged.write(tmp_path / "x.zip"), "is nothing that belongs to a run")


@pytest.mark.parametrize(
    "name",
    ["runs/4/more.csv", f"checkpoints/{'0' * 20}/weights.safetensors", "_sources/x_" + "0" * 32, "_resources/x"],
)
def test_members_that_no_run_names(other: Path, exported: Path, tmp_path: Path, name: str) -> None:
    forged = Forged(exported)
    forged.files[name] = b"x"
    refused(other, forged.write(tmp_path / "x.zip"), f"member '{name}' belongs to no run in it")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices(other: Path, exported: Path, tmp_path: Path, kind: int) -> None:
    forged = Forged(exported)
    forged.files["runs/4/notes"] = b"/etc/passwd"
    forged.infos["runs/4/notes"] = {"external_attr": (kind | 0o777) << 16, "create_system": 3}
    refused(other, forged.write(tmp_path / "x.zip"), "is no file, but a link, a folder or a device")


def test_other_entries(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    forged.infos["runs/4/notes"] = {"external_attr": 0x10}
    refused(other, forged.write(tmp_path / "a.zip"), "is no file")
    forged.infos["runs/4/notes"] = {"compress_type": zipfile.ZIP_LZMA}
    refused(other, forged.write(tmp_path / "b.zip"), "compressed in another way")
    forged.infos.clear()
    path = forged.write(tmp_path / "c.zip")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    refused(other, path, "its member .* is encrypted")
    forged.twice = ["runs/4/items.csv"]
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = forged.write(tmp_path / "d.zip")
    refused(other, path, "several of its members have one name")


def test_the_manifest_and_the_members_must_agree(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    forged.write(tmp_path / "a.zip")
    forged.files["runs/4/items.csv"] = b"x"
    refused(other, forged.write(tmp_path / "a.zip", follow=False), "disagree on the size of 'runs/4/items.csv'")
    forged = Forged(exported)
    forged.files["runs/4/items.csv"] = forged.files["runs/4/items.csv"].replace(b"0.5", b"0.6")
    refused(other, forged.write(tmp_path / "b.zip", follow=False), "is not the one of which the manifest tells")
    forged = Forged(exported)
    del forged.files["runs/4/items.csv"]
    refused(other, forged.write(tmp_path / "c.zip", follow=False), "disagree on whether there is a member")
    forged = Forged(exported)
    forged.files["runs/4/more.csv"] = b""
    refused(other, forged.write(tmp_path / "d.zip", follow=False), "disagree on whether there is a member")


def deep(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"format": ' + b"9" * 5000 + b"}", "no JSON"),
        (b"[]", "of something else"),
        (b"null", "of something else"),
        (b'{"format": "cavl-bench runs"}', "version None"),
        (b'{"format": "cavl-bench runs", "version": 2}', "version 2 of the format; this program reads 1"),
        (b'{"format": "cavl-bench runs", "version": 1}', "has not the form"),
        (b'{"format": "cavl-bench runs", "version": 1, "members": [], "runs": [], "missing": []}', "has not the form"),
        (b'{"format": "cavl-bench runs", "version": 1, "members": {}, "runs": [4], "missing": []}', "has not the form"),
        (b'{"format": "cavl-bench runs", "version": 1, "members": {}, "runs": [], "missing": []}', "disagree"),
    ],
)
def test_manifests(other: Path, exported: Path, tmp_path: Path, manifest: bytes, why: str) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for name, content in {**members(exported), "manifest.json": manifest}.items():
            file.writestr(name, content)
    refused(other, tmp_path / "x.zip", why)


def test_a_manifest_that_is_missing_or_too_large(other: Path, exported: Path, tmp_path: Path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        file.writestr("runs/4/run.json", "{}")
    refused(other, tmp_path / "x.zip", r"it has no manifest\.json")
    monkeypatch.setattr(arrival, "LARGEST", 1000)
    refused(other, exported, "its manifest has more than 1,000 bytes")


def test_runs_in_the_manifest_only(other: Path, exported: Path, tmp_path: Path) -> None:
    for runs in ([], [{"id": 5}], [{"id": 1}, {"id": 3}], [{"id": "../4"}, {"id": "1"}]):
        forged = Forged(exported)
        forged.manifest["runs"] = runs
        refused(other, forged.write(tmp_path / "x.zip"), "disagree on the runs in it")


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("run", lambda run: run.pop("status") and None, "holds no run of Sacred"),
        ("run", lambda run: {**run, "status": "EXCELLENT"}, "says that the run has 'EXCELLENT'"),
        ("run", lambda run: {**run, "status": {}}, "holds no run of Sacred"),
        ("run", lambda run: [run], "holds no dictionary"),
        ("run", lambda run: {**run, "host": []}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "start_time": 5}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "stop_time": "never"}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "fail_trace": [1]}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "resumptions": [1]}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "resumptions": [{"changed": [{}]}]}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "resumptions": [{"before": None}]}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "result": deep(200)}, "nests lists or dictionaries"),
        ("run", lambda run: {**run, "result": "\ud800"}, "no Unicode"),
        ("run", lambda run: {**run, "artifacts": ["../../x"]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": ["run.json"]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": ["/etc/passwd"]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": ["lock"]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": ["Run.JSON"]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": ["imported.json. "]}, "no name of an artifact"),
        ("run", lambda run: {**run, "artifacts": [7]}, "holds no run of Sacred"),
        ("run", lambda run: {**run, "experiment": {"sources": [["a", "/etc/passwd"]]}}, "no copy in _sources"),
        ("run", lambda run: {**run, "experiment": {"sources": [["a", "_sources/../../x"]]}}, "no copy in _sources"),
        ("run", lambda run: {**run, "experiment": {"sources": [["a", "_resources/x"]]}}, "no copy in _sources"),
        ("run", lambda run: {**run, "experiment": {"sources": [["a"]]}}, "in no form of Sacred"),
        ("run", lambda run: {**run, "experiment": {"sources": 5}}, "in no form of Sacred"),
        ("run", lambda run: {**run, "experiment": []}, "in no form of Sacred"),
        ("run", lambda run: {**run, "resources": [["a", "index.sqlite"]]}, "no copy in _resources"),
        ("pedigree", lambda p: {**p, "key": "../../../x"}, "no run's key"),
        ("pedigree", lambda p: {**p, "key": "K" * 20}, "no run's key"),
        ("pedigree", lambda p: {**p, "key": 5}, "holds no run of Sacred"),
        ("pedigree", lambda p: {**p, "parents": ["../x"]}, "no run's key"),
        ("pedigree", lambda p: {**p, "parents": 5}, "holds no run of Sacred"),
        ("pedigree", lambda p: {**p, "parents": [SCORE]}, "descends from itself"),
        ("pedigree", lambda p: {**p, "code": ["x"]}, "holds no run of Sacred"),
        ("pedigree", lambda p: {**p, "code": {"registry./etc/passwd": "0"}}, "no module"),
        ("pedigree", lambda p: {**p, "environment": 1}, "holds no run of Sacred"),
        ("pedigree", lambda p: {**p, "task": None}, "holds no run of Sacred"),
        ("config", lambda c: [c], "holds no dictionary"),
        ("config", lambda c: {**c, "seed": deep(150)}, "nests lists or dictionaries"),
        ("config", lambda c: {**c, "seed": {"py/reduce": []}}, "'py/reduce', for which Sacred would run code"),
        (
            "run",
            lambda r: {**r, "result": [{"py/object": "os.system"}]},
            "'py/object', for which Sacred would run code",
        ),
        ("run", lambda r: {**r, "result": {'json://{"py/type": "os"}': 1}}, "for which Sacred would run code"),
    ],
)
def test_records_that_are_none(other: Path, exported: Path, tmp_path: Path, file: str, change, why: str) -> None:
    forged = Forged(exported)
    forged.edit(f"runs/4/{file}.json", change)
    refused(other, forged.write(tmp_path / "x.zip"), why)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("run.json", b"", "run.json is no JSON"),
        ("run.json", b"[" * 100_000, "run.json is no JSON"),
        ("info.json", b"[1]", "holds no dictionary"),
        ("metrics.jsonl", b"x\n", "line 1 of runs/3/metrics.jsonl holds no metrics"),
        ("metrics.jsonl", b"[]\n", "holds no metrics"),
        ("metrics.jsonl", b'{"a": 1}\n', "holds no metrics"),
        ("metrics.jsonl", b"[" * 100_000 + b"\n", "holds no metrics"),
        (
            "metrics.jsonl",
            b'{"a": {"steps": ["x"], "values": [1], "timestamps": ["2025-01-01"]}}\n',
            "holds no metrics",
        ),
        (
            "metrics.jsonl",
            b'{"a": {"steps": [1], "values": ["x"], "timestamps": ["2025-01-01"]}}\n',
            "holds no metrics",
        ),
        ("metrics.jsonl", b'{"a": {"steps": [1], "values": [1], "timestamps": ["x"]}}\n', "holds no metrics"),
        (
            "metrics.jsonl",
            b'{"a": {"steps": [1], "values": [1%s], "timestamps": ["2025-01-01"]}}\n' % (b"0" * 400),
            "no",
        ),
        ("metrics.jsonl", b'{"a": {"steps": [1, 2], "values": [1], "timestamps": ["2025-01-01"]}}\n', "no metrics"),
        ("metrics.jsonl", b'{"<img>": {"steps": [], "values": [], "timestamps": []}}\n', "that is markup"),
        ("metrics.jsonl", b'{"a\\u001b[2J": {"steps": [], "values": [], "timestamps": []}}\n', "that is markup"),
    ],
)
def test_files_of_a_run_that_are_none(
    other: Path, exported: Path, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    forged = Forged(exported)
    forged.files[f"runs/3/{name}"] = content
    refused(other, forged.write(tmp_path / "x.zip"), why)


@pytest.mark.parametrize(
    ("name", "content"), [("notes.pkl", b""), ("notes.PT", b"x"), ("notes", b"\x80\x04\x95"), ("notes", b"\x80\x02c")]
)
def test_pickles_are_left_out_and_refused(
    home: Path, other: Path, exported: Path, tmp_path: Path, name: str, content: bytes
) -> None:
    def rename(run: dict[str, Any]) -> dict[str, Any]:
        return {**run, "artifacts": [name if artifact == "notes" else artifact for artifact in run["artifacts"]]}

    forged = Forged(exported)
    forged.edit("runs/4/run.json", rename)
    forged.files.pop("runs/4/notes")
    forged.files[f"runs/4/{name}"] = content
    refused(other, forged.write(tmp_path / "x.zip"), f"'runs/4/{name}' is a pickle: to read it may run anything")
    (home / "4" / "notes").unlink()
    (home / "4" / name).write_bytes(content)
    (home / "4" / "run.json").write_text(json.dumps(rename(json.loads((home / "4" / "run.json").read_text()))))
    missing = write_archive(Registry(home), [4], tmp_path / "runs.zip")["missing"]
    assert missing == [f"run 4: runs/4/{name} is a pickle, which no import takes"]
    read_archive(Registry(other), tmp_path / "runs.zip")


def test_a_journal_with_a_torn_end_is_none_of_these(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    forged.files["runs/3/metrics.jsonl"] += b'{"torn'
    read_archive(Registry(other), forged.write(tmp_path / "x.zip"))
    assert Registry(other).get(8).metrics()["loss"][0] == [0, 1, 2]


def test_files_that_are_too_large(other: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 100)
    refused(other, exported, "has more than 100 bytes")


@pytest.mark.parametrize("name", ["info.json", "metrics.jsonl", "manifest.json"])
def test_values_that_would_fill_the_memory(other: Path, exported: Path, tmp_path: Path, name: str) -> None:
    forged = Forged(exported)
    many = [[]] * 600_000
    if name == "manifest.json":
        forged.manifest["more"] = many
    else:
        forged.files[f"runs/3/{name}"] = json.dumps({"a": many}).encode() + b"\n"
    path = forged.write(tmp_path / "x.zip")
    del many, forged
    tracemalloc.start()
    refused(other, path, "holds more than 500,000 values")
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("text", ["\U0001f600" + "x" * (8 << 20), "\\ud83d\\ude00" + "x" * (8 << 20)])
@pytest.mark.parametrize("name", ["info.json", "metrics.jsonl"])
def test_text_that_would_fill_the_memory(other: Path, exported: Path, tmp_path: Path, name: str, text: str) -> None:
    """As its first character takes four bytes in memory, so do all others."""
    forged = Forged(exported)
    forged.files[f"runs/3/{name}"] = f'{{"a": "{text}"}}\n'.encode()
    refused(other, forged.write(tmp_path / "x.zip"), "has more than 8,388,608 bytes, some of them no ASCII")


def test_what_many_runs_say_is_not_held_together(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    of_one = {name: content for name, content in forged.files.items() if name.startswith("runs/1/")}
    for id in range(11, 17):
        forged.files |= {name.replace("/1/", f"/{id}/"): content for name, content in of_one.items()}
        forged.manifest["runs"].append({**forged.manifest["runs"][0], "id": id})
        forged.edit(f"runs/{id}/run.json", lambda run, id=id: {**run, "result": f"{id}" + "x" * (30 << 20)})
        forged.infos[f"runs/{id}/run.json"] = {"compress_type": zipfile.ZIP_DEFLATED}
    path = forged.write(tmp_path / "x.zip")
    assert path.stat().st_size < 500_000
    del forged
    tracemalloc.start()
    assert sum(arrival.new for arrival in read_archive(Registry(other), path)[0]) >= 6
    assert tracemalloc.get_traced_memory()[1] < 120 << 20
    tracemalloc.stop()


def test_a_line_that_is_too_long(other: Path, exported: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 2000)
    forged = Forged(exported)
    forged.files["runs/3/metrics.jsonl"] = b" " * 3000 + b"\n"
    refused(other, forged.write(tmp_path / "x.zip"), r"line 1 of runs/3/metrics\.jsonl has more than 2,000 bytes")


def test_contents_that_are_not_what_their_names_say(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    (source,) = (name for name in forged.files if name.startswith("_sources"))
    forged.files[source] = b"other"
    refused(other, forged.write(tmp_path / "a.zip"), "has another content than its name says")
    forged = Forged(exported)
    forged.files[f"checkpoints/{STAGE}/weights.safetensors"] = b"other"
    refused(other, forged.write(tmp_path / "b.zip"), "is not what a run with that key recorded")


def test_huge_numbers_do_not_stop_the_index(other: Path, exported: Path, tmp_path: Path, capsys) -> None:
    forged = Forged(exported)
    forged.edit("runs/4/config.json", lambda config: {**config, "seed": 10**30, "method": "ä"})
    read_archive(Registry(other), forged.write(tmp_path / "x.zip"))
    assert [run.id for run in Registry(other).summaries(seed=10**30, method="ä")] == [10]
    assert main(["list", "--home", str(other), "--sort", "seed"]) == 0


# ---- size -----------------------------------------------------------------------------------------------------------


def test_the_limit(other: Path, exported: Path) -> None:
    with zipfile.ZipFile(exported) as file:
        total = sum(info.file_size for info in file.infolist())
    refused(other, exported, rf"unpacks to more than {total - 1:,} bytes; --limit allows more", limit=total - 1)
    read_archive(Registry(other), exported, limit=total)


def test_a_bomb_is_told_by_its_list(other: Path, exported: Path, tmp_path: Path) -> None:
    forged = Forged(exported)
    forged.files["runs/4/notes"] = bytes(30_000_000)
    forged.infos["runs/4/notes"] = {"compress_type": zipfile.ZIP_DEFLATED}
    path = forged.write(tmp_path / "x.zip")
    assert path.stat().st_size < 100_000
    refused(other, path, "unpacks to more than 20,000,000 bytes", limit=20_000_000)


@pytest.mark.parametrize("said", [0, 7, 1 << 20])
def test_a_bomb_that_lies_about_its_size(
    other: Path, exported: Path, tmp_path: Path, said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is ever written than it says, whatever it inflates to."""
    forged = Forged(exported)
    forged.files["runs/4/notes"] = bytes(30_000_000)
    forged.infos["runs/4/notes"] = {"compress_type": zipfile.ZIP_DEFLATED}
    forged.manifest["members"]["runs/4/notes"] = {"size": said, "sha256": sha256(bytes(30_000_000))}
    path = forged.write(tmp_path / "x.zip", follow=False)
    content = bytearray(path.read_bytes())
    for signature, place in ((b"PK\1\2", 24), (b"PK\3\4", 22)):  # in the list, and before the member
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            if struct.unpack_from("<L", content, start + place)[0] == 30_000_000:
                struct.pack_into("<L", content, start + place, said)
    path.write_bytes(content)
    written = []
    rmtree = shutil.rmtree

    def look(folder: Path, **more: Any) -> None:
        written.append(sum(p.stat().st_size for p in Path(folder).rglob("*") if p.is_file()))
        rmtree(folder, **more)

    monkeypatch.setattr(arrival.shutil, "rmtree", look)
    refused(other, path, "cannot be read|is not the one of which", limit=20_000_000)
    assert written[0] < 1_500_000


def test_too_many_members(other: Path, exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(exported) as file:
        count = len(file.namelist())
    monkeypatch.setattr(arrival, "MEMBERS", count - 1)
    refused(other, exported, "it has more than")
    monkeypatch.setattr(arrival, "MEMBERS", count)
    monkeypatch.setattr(arrival, "DIRECTORY", 1000)
    refused(other, exported, "its list of members has more than 1,000 bytes")


def test_the_list_of_a_large_zip_is_measured_too(tmp_path: Path) -> None:
    """The second form of a zip's end, for more than 65,535 members."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as file:
        for i in range(66_000):
            file.writestr(str(i), b"")
        size = sum(46 + len(info.filename) for info in file.infolist())
    with open(tmp_path / "x.zip", "rb") as opened:
        assert arrival._directory_size(opened) == size


# ---- what is no archive ---------------------------------------------------------------------------------------------


def test_what_is_no_archive(other: Path, exported: Path, tmp_path: Path) -> None:
    refused(other, tmp_path / "absent.zip", "cannot be read as an archive of runs: .*No such file")
    (tmp_path / "folder.zip").mkdir()
    refused(other, tmp_path / "folder.zip", "Is a directory")
    for content in (b"", b"PK", b"no zip at all" * 100, b"PK\5\6" + bytes(18), bytes(100)):
        (tmp_path / "x.zip").write_bytes(content)
        refused(other, tmp_path / "x.zip", "cannot be read as an archive of runs|it has no manifest")
    whole = exported.read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "x.zip").write_bytes(whole[:length])
        refused(other, tmp_path / "x.zip", "it is cut off, or something else")
    for rest in (b"\0", b"x" * 100):
        (tmp_path / "x.zip").write_bytes(whole + rest)
        refused(other, tmp_path / "x.zip", "it is cut off, or something else")


@st.composite
def damage(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Bytes changed, cut out, put in or moved, anywhere; often in the zip's structure or a run's JSON."""
    changes = draw(
        st.lists(st.tuples(st.floats(0, 1), st.sampled_from("xdim"), st.binary(min_size=1, max_size=9)), max_size=4)
    )

    def apply(content: bytes) -> bytes:
        for where, kind, new in changes:
            at = int(where * len(content))
            if kind == "x":
                content = content[:at] + new + content[at + len(new) :]
            elif kind == "d":
                content = content[:at] + content[at + len(new) * 7 :]
            elif kind == "i":
                content = content[:at] + new + content[at:]
            else:
                content = content[:at] + content[at // 2 : at // 2 + 200] + content[at:]
        return content

    return apply


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    """A small archive, not compressed so that damage reaches the text in it, and the registry it came from."""
    folder = tmp_path_factory.mktemp("template")
    run = {"status": "COMPLETED", "result": {"score": 1.0}, "host": {}, "start_time": "", "artifacts": ["items.csv"]}
    (folder / "home" / "1").mkdir(parents=True)
    for name, value in (("run", run), ("config", {"seed": 1}), ("pedigree", {"key": STAGE, "task": "x"})):
        (folder / "home" / "1" / f"{name}.json").write_text(json.dumps(value))
    (folder / "home" / "1" / "items.csv").write_text("item,condition,metric,value,excluded\n")
    (folder / "home" / "checkpoints" / STAGE).mkdir(parents=True)
    (folder / "home" / "checkpoints" / STAGE / "weights.safetensors").write_bytes(b"weights")
    write_archive(Registry(folder / "home"), [1], folder / "x.zip")
    return (Forged(folder / "x.zip").write(folder / "y.zip")).read_bytes(), folder / "home"


def check_taken_or_refused(path: Path, folder: Path, truth: Path) -> None:
    outside = {n: c for n, c in seen(folder).items() if not n.startswith("home")}
    try:
        read_archive(Registry(folder / "home"), path)
    except ArchiveError:
        assert not (folder / "home").exists() or seen(folder / "home") == {}
    else:
        (record,) = Registry(folder / "home").records()
        assert without_place(record) == without_place(Registry(truth).get(1))
        assert {n: c for n, c in seen(record.folder).items() if n != "imported.json"} == seen(truth / "1")
    assert {n: c for n, c in seen(folder).items() if not n.startswith("home")} == outside


@settings(max_examples=150)
@given(damage())
def test_a_damaged_archive_is_taken_whole_or_refused(template, change: Callable[[bytes], bytes]) -> None:
    content, truth = template
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "x.zip").write_bytes(change(content))
        check_taken_or_refused(Path(folder) / "x.zip", Path(folder), truth)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["../x", "/x", "C:\\x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
FIELDS = {
    "run.json": ["status", "result", "host", "start_time", "stop_time", "heartbeat", "artifacts", "fail_trace",
                 "resumptions", "experiment", "resources"],
    "config.json": ["task", "method", "seed"],
    "pedigree.json": ["key", "task", "parents", "parent_digests", "dataset", "code", "environment"],
}  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from([(file, name) for file, names in FIELDS.items() for name in names]), JSON)
def test_a_run_of_any_values_is_refused_or_can_be_read(template, field: tuple[str, str], value: Any) -> None:
    """Manifest and digests are right, a value in the record is not: no answer of the registry may stumble over it."""
    content, _ = template
    file, name = field
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "x.zip").write_bytes(content)
        forged = Forged(folder / "x.zip")
        forged.edit(f"runs/1/{file}", lambda values: {**values, name: value})
        forged.write(folder / "y.zip")
        try:
            read_archive(Registry(folder / "home"), folder / "y.zip")
        except ArchiveError:
            assert not (folder / "home").exists() or seen(folder / "home") == {}
            return
        registry = Registry(folder / "home")
        assert len(registry.records()) == len(registry.summaries()) == 1
        assert registry.damaged() == {}
        record = registry.get(1)
        assert all(record.artifact(a).is_file() for a in record.artifacts if (record.folder / a).exists())
        for command in (["show", "1"], ["show", "1", "--json"], ["list"], ["compare", "1", "1"], ["gc"]):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("sys.stdout", io.StringIO())
                assert main([*command, "--home", str(folder / "home")]) == 0, command
        assert {p.name for p in folder.iterdir()} == {"home", "x.zip", "y.zip"}


# ---- as a user meets it ---------------------------------------------------------------------------------------------


def test_the_commands(home: Path, other: Path, tmp_path: Path, capsys, write_run) -> None:
    (home / "4" / "notes").unlink()
    path = tmp_path / "runs.zip"
    assert main(["export", "4", "--out", str(path), "--home", str(home)]) == 0
    out, err = capsys.readouterr()
    assert err == "warning: not in the archive: run 4: runs/4/notes is missing\n"
    assert out.startswith("runs: 1 and 2 by descent; ")
    assert str(path) in out
    assert main(["import", str(path), "--home", str(other)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["run 3 -> run 8", "run 1 -> run 9", "run 4 -> run 10", f"3 new in {other}"]
    assert err == "warning: not in the archive: run 4: runs/4/notes is missing\n"
    assert main(["import", str(path), "--home", str(other), "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["runs"][2] == {"id": 4, "here": 10, "new": False}
    assert main(["export", "4", "--out", str(path), "--home", str(home), "--without-weights", "--json"]) == 0
    assert [run["id"] for run in json.loads(capsys.readouterr().out)["runs"]] == [3, 1, 4]
    assert main(["import", str(path), "--home", str(other), "--limit", "0.000001"]) == 2
    assert capsys.readouterr().err == (
        f"error: {path} is refused: it unpacks to more than 1,000 bytes; --limit allows more\n"
    )
    artifacts = [f"file{i}" for i in range(30)]
    write_run(home, 9, key="", artifacts=artifacts)
    assert main(["export", "9", "--out", str(path), "--home", str(home)]) == 0
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "warning: not in the archive: run 9: runs/9/file0 is missing"
    assert err[20:] == ["warning: and 10 more, which --json names"]
    assert main(["export", "99", "--out", str(path), "--home", str(home)]) == 2
    assert capsys.readouterr().err == f"error: there is no run 99 in {home}\n"


@pytest.mark.slow
def test_an_imported_run_answers_the_benchmark(tmp_path: Path) -> None:
    """A real run with its training, in another registry: the same command finds it there, and trains nothing."""

    def program(home: Path, *arguments: str) -> str:
        environment = {**os.environ, "CAVL_HOME": str(home), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-m", *arguments], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, second = tmp_path / "first", tmp_path / "second"
    program(first, "benchmarks.tasks.classification", "with", "preset=smoke")
    program(first, "registry", "export", "2", "--out", str(tmp_path / "runs.zip"))
    assert "run 2 -> run 2" in program(second, "registry", "import", str(tmp_path / "runs.zip"))
    assert "run 2 in" in (out := program(second, "benchmarks.tasks.classification", "with", "preset=smoke"))
    assert "already holds this result" in out
    records = [[without_place(r) for r in Registry(home).records()] for home in (first, second)]
    assert records[0] == records[1]
    assert [r.stale for r in records[0]] == [(), ()]
    assert [name for name in members(tmp_path / "runs.zip") if name.startswith("_sources/experiment_")]
    (second / "checkpoints" / records[0][0].pedigree.key / "weights.safetensors").unlink()
    assert "run 2 -> run 2, here already" in program(second, "registry", "import", str(tmp_path / "runs.zip"))
    program(second, "benchmarks.tasks.localization", "with", "preset=smoke")  # from the weights that came
    assert [r.pedigree.task for r in Registry(second).records()] == ["pretrain", "classification", "localization"]
