"""What is deleted, what never is, and what a crash leaves."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacred import SETTINGS, Experiment

from registry import garbage_collection as gc
from registry.__main__ import main
from registry.garbage_collection import (
    ABANDONED,
    CHECKPOINTS,
    COPIES,
    DAMAGED,
    LEFTOVERS,
    LOCKS,
    REDONE,
    STATES,
    SUPERSEDED,
    Choice,
    candidates,
    delete,
)
from registry.index import Registry
from registry.lock import Lock, held
from registry.provenance.keys import run_key
from registry.record.ids import gate, keep_id, next_id
from registry.record.observer import RegistryObserver
from registry.record.run_record import Pedigree, RecordError
from tests.dying import die_at

A, B, C, D = (run_key(name, {}, "", ()) for name in "ABCD")
BY_ITSELF = Choice()
ALL = Choice(superseded=True, unfinished=True, damaged=True)
LONG_AGO = time.time() - 7200


def old(path: Path, content: bytes = b"12345") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def checkpoint(home: Path, key: str) -> None:
    old(home / "checkpoints" / key / "weights.safetensors")
    old(home / "checkpoints" / key / "states" / "000150" / "optimizer.pt")


@pytest.fixture
def home(tmp_path: Path, write_run) -> Path:
    """Key A: failed, completed twice, failed again. B: died. C: its run was deleted, its child was not. D: deleted."""
    home = tmp_path / "runs"
    write_run(home, 1, key=A, status="FAILED")
    write_run(home, 2, key=A)
    write_run(home, 3, key=A)
    write_run(home, 4, key=A, status="INTERRUPTED")
    write_run(home, 5, key=B, status="RUNNING", parents=[C])
    write_run(home, 6, key="", status="FAILED")
    write_run(home, 7, key="", experiment={"sources": [["a", "_sources/a_1.py"]]}, resources=[["b", "_resources/b ä"]])
    for key in (A, B, C, D):
        checkpoint(home, key)
    for name in ("_sources/a_1.py", "_sources/a_2.py", "_resources/b ä", "_resources/c"):
        old(home / name)
    return home


def found(home: Path, choice: Choice = BY_ITSELF) -> dict[str, set[str]]:
    """Reason -> what goes, relative to the home."""
    reasons: dict[str, set[str]] = {}
    for one in candidates(Registry(home), choice)[0]:
        reasons.setdefault(one.reason, set()).add(str(one.path.relative_to(home)))
    return reasons


def files(home: Path) -> dict[str, bytes]:
    own = ("index.sqlite", ".lock", "last_id")
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file() and p.name not in own}


# ---- what goes ------------------------------------------------------------------------------------------------------


def test_what_goes_by_itself(home: Path) -> None:
    assert found(home) == {
        REDONE: {"1"},
        CHECKPOINTS: {f"checkpoints/{D}"},
        COPIES: {"_sources/a_2.py", "_resources/c"},
    }


def test_states_go_when_the_newest_run_is_completed(home: Path) -> None:
    assert STATES not in found(home)  # run 4 may be resumed from them
    shutil.rmtree(home / "4")
    assert found(home)[STATES] == {f"checkpoints/{A}/states"}


def test_superseded(home: Path) -> None:
    assert found(home, Choice(superseded=True))[SUPERSEDED] == {"2"}


def test_unfinished(home: Path) -> None:
    reasons = found(home, Choice(unfinished=True))
    assert reasons[ABANDONED] == {"4", "5", "6"}
    assert reasons[REDONE] == {"1"}
    assert reasons[CHECKPOINTS] == {f"checkpoints/{key}" for key in (B, C, D)}  # nothing can resume from B's any more


@pytest.mark.parametrize("status", ["FAILED", "INTERRUPTED", "RUNNING", "TIMEOUT", "QUEUED"])
def test_every_way_not_to_finish(tmp_path: Path, write_run, status: str) -> None:
    write_run(tmp_path, 1, key=A, status=status)
    assert found(tmp_path) == {}
    write_run(tmp_path, 2, key=B)
    assert found(tmp_path) == {}
    write_run(tmp_path, 3, key=A)
    assert found(tmp_path) == {REDONE: {"1"}}


def test_the_newest_completed_run_never_goes(home: Path) -> None:
    delete(Registry(home), ALL)
    assert Registry(home).find(A).id == 3
    assert [record.id for record in Registry(home).records()] == [3, 7]


def test_a_damaged_run_stays_and_what_it_may_name(home: Path) -> None:
    (home / "7" / "run.json").write_text("{")
    reasons = found(home)
    assert CHECKPOINTS not in reasons
    assert COPIES not in reasons
    assert candidates(Registry(home), BY_ITSELF)[1] == [7]
    reasons = found(home, Choice(damaged=True))
    assert reasons[DAMAGED] == {"7"}
    assert reasons[CHECKPOINTS] == {f"checkpoints/{D}"}
    assert len(reasons[COPIES]) == 4


def test_what_is_young_stays(home: Path) -> None:
    """A run that begins has its sources copied before its record names them."""
    os.utime(home / "_sources" / "a_2.py")
    (home / ".x.aside").write_bytes(b"")
    assert found(home)[COPIES] == {"_resources/c"}
    assert LEFTOVERS not in found(home)


def test_leftovers(home: Path) -> None:
    names = {
        ".index.x.aside",
        "plans/.smoke.json.x.aside",
        "3/.run.json.x.aside",
        "_sources/.a_1.py.x.aside",
        f"checkpoints/{A}/.weights.safetensors.x.aside",
        f"checkpoints/{A}/states/000150/.optimizer.pt.x.aside",
    }
    for name in names:
        old(home / name)
    folders = {".import.0.aside", ".8.aside", f"checkpoints/.{D}.0.aside", f"checkpoints/{A}/states/.000300.77"}
    for name in folders:
        old(home / name / "runs" / "1" / "run.json")
        os.utime(home / name, (LONG_AGO, LONG_AGO))
    gone = f"checkpoints/{D}/.weights.safetensors.x.aside"  # goes with its folder
    for name in ("3/x.aside", "3/.hidden", ".mongodb/.x.aside", "more/.x.aside", gone):
        old(home / name)
    assert found(home)[LEFTOVERS] == names | folders
    lock = Lock(home / ".import.0.aside" / "lock")  # an import that goes on
    lock.acquire()
    os.utime(home / ".import.0.aside", (LONG_AGO, LONG_AGO))
    assert ".import.0.aside" not in found(home)[LEFTOVERS]
    lock.release()
    delete(Registry(home), BY_ITSELF)
    assert not [name for name in (*names, *folders) if (home / name).exists()]
    assert (home / "3" / ".hidden").exists()


def test_locks_of_runs_that_are_gone(home: Path) -> None:
    for id in (1, 3, 98, 99):
        old(home / ".sync" / str(id))
    lock = Lock(home / ".sync" / "99")
    lock.acquire()
    assert found(home)[LOCKS] == {".sync/1", ".sync/98"}
    lock.release()


def test_foreign_files_stay(home: Path) -> None:
    for name in (
        "notes.txt",
        "checkpoints/mine/w.safetensors",
        "00/x",
        "plans/smoke.json",
        "identity",
        "more/1/run.json",
    ):
        old(home / name)
    before = files(home)
    delete(Registry(home), ALL)
    kept = files(home)
    assert all(
        kept[name] == before[name] for name in before if name.startswith(("n", "checkpoints/m", "00", "p", "i", "m"))
    )


def test_bytes(home: Path) -> None:
    sizes = {one.path.name: one.bytes for one in candidates(Registry(home), BY_ITSELF)[0]}
    assert sizes[D] == 10
    assert sizes["a_2.py"] == 5
    assert sizes["1"] == sum(p.stat().st_size for p in (home / "1").iterdir())


# ---- deleting -------------------------------------------------------------------------------------------------------


def test_looking_deletes_nothing(home: Path) -> None:
    before = files(home)
    candidates(Registry(home), ALL)
    assert files(home) == before


def test_deleting_deletes_what_was_shown_and_nothing_else(home: Path) -> None:
    registry = Registry(home)
    shown, _ = candidates(registry, Choice(superseded=True))
    before = files(home)
    deleted, failed = delete(registry, Choice(superseded=True))
    assert (deleted, failed) == (shown, {})
    tops = tuple(str(one.path.relative_to(home)) for one in shown)
    kept = {name: c for name, c in before.items() if not any(name == top or name.startswith(f"{top}/") for top in tops)}
    assert files(home) == kept
    assert candidates(registry, Choice(superseded=True)) == ([], [])


def test_a_registry_that_is_not_there(tmp_path: Path) -> None:
    assert delete(Registry(tmp_path / "none"), ALL) == ([], {})
    assert not (tmp_path / "none").exists()


def test_what_a_process_holds_is_left_alone(home: Path, child) -> None:
    (home / "2" / "run.json").write_text("{")
    os.utime(home / "2" / "run.json", (1, 1))
    old(home / "4" / ".x.aside")
    ready = home / "ready"

    def hold() -> None:
        locks = [Lock(home / "1" / "lock"), Lock(home / "2" / "lock"), Lock(home / "4" / "lock")]
        locks.append(Lock(home / ".sync" / "5"))  # run 5 is being copied to a database
        assert all(lock.acquire() for lock in locks)
        ready.touch()
        time.sleep(60)

    child(hold)
    while not ready.exists():
        time.sleep(0.01)
    before = files(home)
    delete(Registry(home), ALL)
    for id in (1, 2, 4, 5):
        assert files(home / str(id)) == {
            n.removeprefix(f"{id}/"): c for n, c in before.items() if n.startswith(f"{id}/")
        }
    assert not (home / "6").exists()


def test_nobody_opens_a_run_while_things_are_put_aside_and_all_may_while_they_are_removed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[bool]] = {"_put_aside": [], "rmtree": []}
    for place, name in ((gc, "_put_aside"), (gc.shutil, "rmtree")):
        real = getattr(place, name)

        def look(*arguments: Any, name: str = name, real: Any = real, **options: Any) -> Any:
            seen[name].append(held(home / ".lock"))
            return real(*arguments, **options)

        monkeypatch.setattr(place, name, look)
    delete(Registry(home), ALL)
    assert seen["_put_aside"]
    assert all(seen["_put_aside"])
    assert seen["rmtree"]
    assert not any(seen["rmtree"])


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(home: Path, monkeypatch, capsys) -> None:
    rename = os.rename

    def refuse(a: Path, b: Path) -> None:
        if a == home / "1":
            raise PermissionError(13, "Permission denied", str(a))
        rename(a, b)

    monkeypatch.setattr(gc.os, "rename", refuse)
    assert main(["gc", "--delete", "--home", str(home)]) == 1
    assert f"warning: {home / '1'} could not be deleted: Permission denied" in capsys.readouterr().err
    assert (home / "1").exists()
    assert not (home / "checkpoints" / D).exists()


def test_links(home: Path, tmp_path: Path) -> None:
    """Of a run that lies elsewhere only the link goes."""
    shutil.move(home / "1", tmp_path / "elsewhere")
    (home / "1").symlink_to(tmp_path / "elsewhere")
    assert delete(Registry(home), BY_ITSELF)[1] == {}
    assert not (home / "1").is_symlink()
    assert (tmp_path / "elsewhere" / "run.json").exists()


def die_deleting(moment: int, home: Path) -> None:
    """Delete, but end at once at a certain change to the disk."""
    die_at(moment, "rename", "replace", "unlink", "rmdir")
    delete(Registry(home), ALL)


@pytest.mark.slow
def test_killed_at_any_moment_it_leaves_a_readable_registry(home: Path, tmp_path: Path, child) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(home, whole)
    delete(Registry(whole), ALL)
    for moment in range(1, 1000):
        killed = tmp_path / f"killed {moment}"
        shutil.copytree(home, killed)
        _, status = os.waitpid(child(functools.partial(die_deleting, moment, killed)), 0)
        registry = Registry(killed)
        assert registry.damaged() == {}
        for record in registry.records():
            assert files(record.folder) == files(home / str(record.id))
            if record.id == 7:
                assert (killed / "_sources" / "a_1.py").exists()
            if record.pedigree.key:  # no run outlives its weights, nor what it could be resumed from
                kept = f"checkpoints/{record.pedigree.key}"
                assert (killed / kept / "weights.safetensors").exists()
                assert record.status == "COMPLETED" or files(killed / kept) == files(home / kept)
        assert next_id(killed) == 8
        for path in killed.rglob("*.aside"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        delete(registry, ALL)
        assert files(killed) == files(whole)
        shutil.rmtree(killed)
        if status == 0:
            break
    assert moment > 20


# ---- ids ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run an experiment of Sacred in a home; returns its id."""
    monkeypatch.setattr(SETTINGS, "CAPTURE_MODE", "sys")
    monkeypatch.setattr(SETTINGS, "DISCOVER_SOURCES", "none")

    def run(home: Path, seed: int, fail: bool = False) -> int:
        ex = Experiment("demo", base_dir=str(Path(__file__).parent), save_git_info=False)
        key = run_key("demo", {"seed": seed}, "", ())
        observer = RegistryObserver(lambda config: Pedigree(key=key, task="demo"), home)
        ex.observers.append(observer)
        ex.add_source_file(__file__)
        ex.add_config(seed=seed)

        @ex.main
        def main() -> float:
            return 1 / 0 if fail else 1.0

        if not fail:
            return int(ex.run()._id)
        with pytest.raises(ZeroDivisionError):
            ex.run()
        return int(observer.folder.name)

    return run


def test_ids_are_not_given_anew(tmp_path: Path, start) -> None:
    assert [start(tmp_path, 1), start(tmp_path, 2), start(tmp_path, 3, fail=True)] == [1, 2, 3]
    deleted, _ = delete(Registry(tmp_path), Choice(unfinished=True))
    assert [one.path.name for one in deleted] == ["3"]
    assert start(tmp_path, 4) == 4
    shutil.rmtree(tmp_path / "4")  # by hand
    shutil.rmtree(tmp_path / "2")
    assert start(tmp_path, 5) == 5
    (tmp_path / "last_id").unlink()  # of a registry of before there was one
    assert start(tmp_path, 6) == 6


def test_ids_of_a_registry_without_the_file(tmp_path: Path, write_run, start) -> None:
    for id in (1, 2):
        write_run(tmp_path, id, key=A, status="FAILED")
    delete(Registry(tmp_path), Choice(unfinished=True))
    assert not list(tmp_path.glob("[0-9]*"))
    assert start(tmp_path, 1) == 3


def test_the_file_of_ids(tmp_path: Path) -> None:
    assert next_id(tmp_path) == 1
    keep_id(tmp_path, 7)
    keep_id(tmp_path, 3)
    assert next_id(tmp_path) == 8
    (tmp_path / "12").mkdir()
    assert next_id(tmp_path) == 13
    (tmp_path / "last_id").write_text("x")
    with pytest.raises(RecordError, match=r"last_id is damaged: write the highest id"):
        next_id(tmp_path)


def test_a_gate_that_stays_shut_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gate(tmp_path):
        monkeypatch.setattr(Lock, "acquire", lambda self, patience: False)
        with pytest.raises(TimeoutError, match=f"process {os.getpid()} on .* has held"), gate(tmp_path):
            pass


def test_sources_in_use_again_are_young_again(tmp_path: Path, start) -> None:
    """Their last run was deleted; a new one that begins finds them there, and names them a moment later."""
    start(tmp_path, 1)
    (copy,) = (tmp_path / "_sources").glob("test_garbage_collection_*")
    shutil.rmtree(tmp_path / "1")
    os.utime(copy, (LONG_AGO, LONG_AGO))
    assert "_sources/" + copy.name in found(tmp_path)[COPIES]
    RegistryObserver(lambda config: Pedigree(key="", task=""), tmp_path).find_or_save(__file__, tmp_path / "_sources")
    assert found(tmp_path) == {}


# ---- any registry ---------------------------------------------------------------------------------------------------

RUNS = st.lists(
    st.tuples(
        st.sampled_from(["COMPLETED", "FAILED", "INTERRUPTED", "RUNNING", "QUEUED", "TIMEOUT", "damaged"]),
        st.sampled_from([A, B, C, ""]),
        st.lists(st.sampled_from([A, B, C, D]), max_size=2),
        st.sampled_from(["1", "2", "3"]),
    ),
    max_size=8,
)


@settings(max_examples=25)
@given(RUNS, st.builds(Choice, superseded=st.booleans(), unfinished=st.booleans(), damaged=st.booleans()))
def test_answers_about_what_stays_are_the_same(runs: Any, choice: Choice) -> None:
    with tempfile.TemporaryDirectory() as text:
        home = Path(text)
        for id, (status, key, parents, source) in enumerate(runs, start=1):
            (home / str(id)).mkdir()
            run = {"status": status, "host": {}, "experiment": {"sources": [["s", f"_sources/{source}"]]}}
            pedigree = {"key": key, "task": "x", "parents": parents}
            for name, value in (("run", run), ("config", {}), ("pedigree", pedigree)):
                (home / str(id) / f"{name}.json").write_text(json.dumps(value) if status != "damaged" else "{")
        for key in (A, B, C, D):
            checkpoint(home, key)
        for name in ("1", "2", "3", "4"):
            old(home / "_sources" / name)
        registry = Registry(home)
        found = {key: registry.find(key) for key in (A, B, C, D)}
        unfinished = {key: registry.unfinished(key) for key in (A, B, C, D)}
        records, damaged = registry.records(), registry.damaged()
        deleted, failed = delete(registry, choice)
        assert failed == {}
        gone = {int(one.path.name) for one in deleted if one.path.parent == home}
        assert {key: registry.find(key) for key in found} == found
        if not choice.unfinished:
            assert {key: registry.unfinished(key) for key in unfinished} == unfinished
        assert registry.records() == [record for record in records if record.id not in gone]
        assert registry.damaged() == ({} if choice.damaged else damaged)
        for record in registry.records():
            assert (home / "_sources" / runs[record.id - 1][3]).exists()
            for key in (record.pedigree.key, *record.pedigree.parents):
                assert key == "" or (home / "checkpoints" / key / "weights.safetensors").exists()
            if registry.unfinished(record.pedigree.key) == record:
                assert (home / "checkpoints" / record.pedigree.key / "states").exists()
        if not registry.damaged():
            named = {runs[record.id - 1][3] for record in registry.records()}
            assert {p.name for p in (home / "_sources").iterdir()} == named
        assert next_id(home) == len(runs) + 1
        assert delete(registry, choice) == ([], {})


# ---- as a user meets it ---------------------------------------------------------------------------------------------


def test_the_command(home: Path, capsys) -> None:
    assert main(["gc", "--home", str(home)]) == 0
    out = capsys.readouterr().out
    assert "unfinished, and completed since by a newer run" in out
    assert f"checkpoints/{D}" in out
    assert "nothing is deleted yet: the same command with --delete does it" in out
    assert (home / "1").exists()
    assert main(["gc", "--json", "--superseded", "--home", str(home)]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["reason"] for one in listed["candidates"]] == [REDONE, SUPERSEDED, CHECKPOINTS, COPIES, COPIES]
    assert listed["deleted"] is False
    (home / "6" / "run.json").write_text("{")
    assert main(["gc", "--delete", "--home", str(home)]) == 0
    out, err = capsys.readouterr()
    assert "deleted" in out
    assert "what the damaged runs 6 name is not known" in err
    assert not (home / "1").exists()
    assert (home / "checkpoints" / D).exists()
    assert main(["gc", "--delete", "--home", str(home)]) == 0
    assert capsys.readouterr().out == f"nothing to delete in {home}\n"


def test_many_names_are_shortened(tmp_path: Path, capsys) -> None:
    for i in range(20):
        old(tmp_path / "_sources" / f"x_{hashlib.md5(str(i).encode()).hexdigest()}")
    main(["gc", "--home", str(tmp_path)])
    out = capsys.readouterr().out
    assert "and 12 more" in out
    assert "100 bytes; nothing is deleted yet" in out
