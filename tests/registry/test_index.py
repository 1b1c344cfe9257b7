"""The index answers as the files do, whatever happens to it."""

import contextlib
import dataclasses
import importlib
import json
import math
import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import registry.index
from registry.garbage_collection import Choice, delete
from registry.index import Registry
from registry.lock import Lock
from registry.provenance.code_digest import code_digest
from registry.provenance.environment import environment
from registry.record.run_record import RecordError, read_record


@pytest.fixture
def runs(tmp_path: Path, write_run) -> Path:
    """Eight runs: two methods, two orderings, two seeds."""
    home = tmp_path / "runs"
    id = 0
    for method in ("cavl", "l3"):
        for ordering in ("c1", "c3"):
            for seed in (1, 2):
                id += 1
                config = {"method": method, "ordering": ordering, "seed": seed}
                write_run(
                    home, id, config=config, result={"score": id / 10}, task="classification" if seed == 2 else "x"
                )
    return home


def ids(found) -> list[int]:
    return [record.id for record in found]


# ---- answers --------------------------------------------------------------------------------------------------------


def test_records_are_what_the_files_say(runs: Path) -> None:
    found = Registry(runs).records()
    truth = [read_record(runs / str(id)) for id in range(1, 9)]
    assert [dataclasses.replace(record, stale=()) for record in found] == truth
    assert found[2].config["ordering"] == "c3"
    assert found[2].result == {"score": 0.3}
    assert found[0].seconds == 100


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"method": "l3"}, [5, 6, 7, 8]),
        ({"method": "cavl", "seed": 2}, [2, 4]),
        ({"method": ["cavl", "l3"], "ordering": ("c3",)}, [3, 4, 7, 8]),
        ({"task": "classification"}, [2, 4, 6, 8]),
        ({"key": "key5"}, [5]),
        ({"id": [8, 1, 99]}, [1, 8]),
        ({"status": "COMPLETED", "preset": "miniature"}, list(range(1, 9))),
        ({"status": ["FAILED"]}, []),
        ({"seed": None}, list(range(1, 9))),
        ({"method": []}, []),
    ],
)
def test_filters(runs: Path, filters, expected: list[int]) -> None:
    assert ids(Registry(runs).records(**filters)) == expected
    assert ids(Registry(runs).summaries(**filters)) == expected


def test_values_that_sqlite_has_not(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, config={"seed": 10**30, "method": "\ud800"})
    (tmp_path / ("9" * 30)).mkdir()
    registry = Registry(tmp_path)
    assert (
        ids(registry.records()) == ids(registry.summaries(seed=10**30)) == ids(registry.records(method="\ud800")) == [1]
    )
    assert registry.get(1).config["seed"] == 10**30
    with pytest.raises(KeyError, match="there is no run 99"):
        registry.get(10**30 - 1)


def test_an_unknown_filter_is_refused(runs: Path) -> None:
    with pytest.raises(TypeError, match=r"no filter methd; there are .*method"):
        Registry(runs).records(methd="cavl")


def test_summaries_agree_with_records(runs: Path, write_run) -> None:
    write_run(runs, 9, status="RUNNING", stop_time=None, heartbeat="2025-01-01T00:00:07", code={"gone": "1"})
    write_run(runs, 10, result=[1], config={"method": {"name": "odd"}})
    for record, short in zip(Registry(runs).records(), Registry(runs).summaries(), strict=True):
        assert (short.id, short.status, short.key, short.task) == (
            record.id,
            record.status,
            record.pedigree.key,
            record.pedigree.task,
        )
        assert (short.stale, short.seconds, short.started) == (record.stale, record.seconds, record.start_time)
        assert short.seed == record.config["seed"]
        assert short.score == (record.result.get("score") if isinstance(record.result, dict) else None)
        assert short.method == (record.config["method"] if record.id != 10 else None)


def test_get(runs: Path) -> None:
    assert Registry(runs).get(3).id == 3
    with pytest.raises(KeyError, match="there is no run 12 in"):
        Registry(runs).get(12)


def test_an_empty_home(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "nothing")
    assert registry.records() == []
    assert registry.find("k") is None
    assert not (tmp_path / "nothing").exists()


def test_find_is_the_newest_completed(tmp_path: Path, write_run) -> None:
    for id, status in enumerate(["COMPLETED", "COMPLETED", "FAILED", "INTERRUPTED"], start=9):
        write_run(tmp_path, id, key="k", status=status)
    found = Registry(tmp_path).find("k")
    assert found is not None
    assert found.id == 10
    assert Registry(tmp_path).find("other") is None


def test_unfinished(tmp_path: Path, write_run) -> None:
    registry = Registry(tmp_path)
    write_run(tmp_path, 1, key="k", status="FAILED")
    write_run(tmp_path, 2, key="k", status="RUNNING")
    assert registry.unfinished("k").id == 2
    assert registry.unfinished("k").status == "DIED"
    write_run(tmp_path, 3, key="k", status="INTERRUPTED")
    assert registry.unfinished("k").id == 3
    lock = Lock(tmp_path / "2" / "lock")
    lock.acquire()
    assert (registry.unfinished("k").id, registry.unfinished("k").status) == (2, "RUNNING")
    lock.release()
    write_run(tmp_path, 4, key="k")
    assert registry.unfinished("k") is None
    write_run(tmp_path, 5, key="")
    assert registry.unfinished("") is None


def test_a_run_that_ends_while_one_looks_has_not_died(tmp_path: Path, write_run, monkeypatch) -> None:
    """Its status was read while it ran, its lock looked at after it had ended."""
    folder = write_run(tmp_path, 1, status="RUNNING")
    registry_ = Registry(tmp_path)

    def held(path: Path) -> bool:
        run = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**run, "status": "COMPLETED"}))
        return False

    monkeypatch.setattr(registry.index, "held", held)
    assert registry_.get(1).status == "RUNNING"
    assert registry_.get(1).status == "COMPLETED"


def test_plans(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    with pytest.raises(FileNotFoundError, match="no plan of preset 'smoke'"):
        registry.plan("smoke")
    plan = {"preset": "smoke", "nodes": [{"name": "localization cavl c1 seed 1", "key": "k", "parents": []}]}
    assert registry.save_plan("smoke", plan) == tmp_path / "plans" / "smoke.json"
    assert registry.plan("smoke") == plan
    for name in ("", "../x", ".x"):
        with pytest.raises(ValueError, match="cannot be named"):
            registry.save_plan(name, plan)


# ---- the index itself -----------------------------------------------------------------------------------------------


def test_new_changed_and_deleted_runs_are_seen(runs: Path, write_run) -> None:
    registry = Registry(runs)
    assert len(registry.records()) == 8
    write_run(runs, 20, status="RUNNING")
    shutil.rmtree(runs / "3")
    run = json.loads((runs / "1" / "run.json").read_text())
    (runs / "1" / "aside").write_text(json.dumps({**run, "status": "FAILED"}))
    os.replace(runs / "1" / "aside", runs / "1" / "run.json")
    assert ids(registry.records()) == [1, 2, 4, 5, 6, 7, 8, 20]
    assert registry.get(1).status == "FAILED"
    (runs / "aside").mkdir()
    (runs / "007").mkdir()
    (runs / "٣").mkdir()
    assert ids(registry.records()) == [1, 2, 4, 5, 6, 7, 8, 20]
    assert registry.damaged() == {}


def test_deleted_and_rebuilt_it_answers_the_same(runs: Path, write_run) -> None:
    write_run(runs, 9, parents=["key1", "key8"], parent_digests=["w", "w"], code={"no.such": "1"})
    registry = Registry(runs)
    before = registry.records(), registry.summaries(), registry.find("key4"), registry.damaged()
    (runs / "index.sqlite").unlink()
    assert (registry.records(), registry.summaries(), registry.find("key4"), registry.damaged()) == before
    assert (runs / "index.sqlite").exists()


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be taken for one" * 100])
def test_a_damaged_index_is_built_anew(runs: Path, content: bytes) -> None:
    before = Registry(runs).records()
    (runs / "index.sqlite").write_bytes(content)
    assert Registry(runs).records() == before
    with sqlite3.connect(runs / "index.sqlite") as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (8,)


def test_an_index_of_which_the_middle_is_damaged(runs: Path) -> None:
    before = Registry(runs).records()
    content = bytearray((runs / "index.sqlite").read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    (runs / "index.sqlite").write_bytes(content)
    assert Registry(runs).records() == before


def test_an_index_of_another_version_is_built_anew(runs: Path) -> None:
    with sqlite3.connect(runs / "index.sqlite") as db:
        db.executescript("CREATE TABLE runs (x); INSERT INTO runs VALUES (1); PRAGMA user_version = 99;")
    assert len(Registry(runs).records()) == 8


def test_a_locked_index_stops_nobody(runs: Path, write_run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.index, "PATIENCE", 0.05)
    Registry(runs).records()
    other = sqlite3.connect(runs / "index.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    write_run(runs, 9)
    assert len(Registry(runs).records()) == 9
    other.execute("ROLLBACK")
    other.close()


def test_an_index_that_cannot_be_written_stops_nobody(runs: Path) -> None:
    (runs / "index.sqlite").mkdir()
    assert len(Registry(runs).records()) == 8


def test_several_processes_at_once(tmp_path: Path, write_run, child) -> None:
    """Readers renew the index while runs appear: none fails, none sees fewer runs than before, all see the last."""
    tmp_path.joinpath("go").touch()

    def reader() -> None:
        seen = 0
        while seen < 40:
            now = len(Registry(tmp_path).records())
            assert now >= seen
            seen = now
        assert Registry(tmp_path).find("key40").id == 40

    readers = [child(reader) for _ in range(4)]
    for id in range(1, 41):
        write_run(tmp_path / "aside", id)
        os.rename(tmp_path / "aside" / str(id), tmp_path / str(id))
    for pid in readers:
        assert os.waitpid(pid, 0)[1] == 0


def test_an_answer_is_of_one_moment(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process renews the index between two questions of one answer."""

    class Family(registry.index._Family):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            other = sqlite3.connect(runs / "index.sqlite", timeout=0)
            with contextlib.suppress(sqlite3.OperationalError), other:
                other.execute("UPDATE runs SET id = 99 WHERE id = 8")
            other.close()

    monkeypatch.setattr(registry.index, "_Family", Family)
    assert ids(Registry(runs).records()) == list(range(1, 9))


# ---- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("run.json", "{", "run.json is no JSON"),
        ("run.json", "[]", "no run of Sacred"),
        ("run.json", '{"status": "COMPLETED", "host": {}, "start_time": "x", "stop_time": "y"}', "no run of Sacred"),
        ("run.json", None, "run.json is missing"),
        ("run.json", '{"status": {}, "host": {}}', "no run of Sacred"),
        ("run.json", '{"status": "FAILED", "host": {}, "resumptions": [1]}', "no run of Sacred"),
        ("run.json", '{"status": "\\ud800", "host": {}}', "no run of Sacred"),
        ("run.json", "[" * 100_000, "run.json is no JSON"),
        ("pedigree.json", '{"parents": [1]}', "no run of Sacred"),
        ("pedigree.json", '{"key": 1}', "no run of Sacred"),
        ("config.json", None, "config.json is missing"),
        ("config.json", "[]", "no run of Sacred"),
        ("pedigree.json", "\xff", "pedigree.json is no JSON"),
    ],
)
def test_a_damaged_record_is_told_and_the_others_are_there(runs: Path, name: str, content, told: str) -> None:
    whole = (runs / "4" / name).read_text()
    (runs / "4" / name).unlink()
    if content is not None:
        (runs / "4" / name).write_text(content, encoding="latin-1")
    registry = Registry(runs)
    assert ids(registry.records()) == [1, 2, 3, 5, 6, 7, 8]
    assert told in registry.damaged()[4]
    with pytest.raises(RecordError, match=told):
        registry.get(4)
    (runs / "4" / name).write_text(whole)
    assert len(registry.records()) == 8


def test_a_run_of_plain_sacred_has_a_record_too(tmp_path: Path, write_run) -> None:
    folder = write_run(tmp_path, 1)
    (folder / "pedigree.json").unlink()
    record = Registry(tmp_path).get(1)
    assert (record.pedigree.key, record.pedigree.task, record.stale) == ("", "localization", ())


# ---- staleness ------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "sources" / "pkg_stale"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text("from pkg_stale import layer\nW = 1\n")
    (folder / "layer.py").write_text("L = 1\n")
    (folder / "other.py").write_text("O = 1\n")
    monkeypatch.syspath_prepend(folder.parent)
    importlib.invalidate_caches()
    return folder


def test_an_edit_makes_stale_exactly_what_used_it(tmp_path: Path, package: Path, write_run) -> None:
    write_run(tmp_path, 1, code=code_digest(["pkg_stale.model"], ["pkg_stale"]))
    write_run(tmp_path, 2, code=code_digest(["pkg_stale.other"], ["pkg_stale"]))
    registry = Registry(tmp_path)
    assert [r.stale for r in registry.records()] == [(), ()]
    (package / "layer.py").write_text('"""Only words."""\nL = 1  # and more\n')
    assert [r.stale for r in registry.records()] == [(), ()]
    (package / "layer.py").write_text("L = 2\n")
    assert [r.stale for r in registry.records()] == [("code changed: pkg_stale.layer",), ()]
    assert ids(registry.records(stale=True)) == [1]
    assert ids(registry.summaries(stale=False)) == [2]
    (package / "layer.py").unlink()
    assert registry.get(1).stale == ("code gone: pkg_stale.layer",)
    (package / "layer.py").write_text("L = 1\n")
    assert registry.get(1).stale == ()


def test_the_environment_makes_stale(tmp_path: Path, write_run) -> None:
    now = environment("float32", threads=1)
    write_run(tmp_path, 1, environment=now)
    write_run(tmp_path, 2, environment={**now, "torch": "1.0"})
    write_run(tmp_path, 3, environment={**now, "threads": 2})
    torch = f"torch was 1.0, is {now['torch']}"
    assert [r.stale for r in Registry(tmp_path).records()] == [(), (torch,), ()]
    found = Registry(tmp_path, environment=now).records()
    assert [r.stale for r in found] == [(), (torch,), ("threads was 2, is 1",)]


def test_another_version_of_the_protocol_makes_stale(tmp_path: Path, write_run, monkeypatch) -> None:
    now = environment("float32", threads=1)
    del now["protocol"]
    write_run(tmp_path, 1, environment=now)  # as of old: they were of version 1
    write_run(tmp_path, 2, environment={**now, "protocol": 1})
    write_run(tmp_path, 3, environment={**now, "protocol": 2})
    write_run(tmp_path, 4, environment={})  # of plain Sacred: of no version
    monkeypatch.setattr("registry.provenance.environment.PROTOCOL", 1)
    old, new = ("protocol was 1, is 2",), ("protocol was 2, is 1",)
    assert [r.stale for r in Registry(tmp_path).records()] == [(), (), new, ()]
    monkeypatch.setattr("registry.provenance.environment.PROTOCOL", 2)
    assert [r.stale for r in Registry(tmp_path).records()] == [old, old, (), ()]
    today = Registry(tmp_path, environment={**now, "protocol": 1})
    assert [r.stale for r in today.summaries()] == [(), (), new, ()]


def test_staleness_descends(tmp_path: Path, package: Path, write_run) -> None:
    code = code_digest(["pkg_stale.layer"], ["pkg_stale"])
    write_run(tmp_path, 1, key="stage 1", code=code, result={"weights": "aa"})
    write_run(tmp_path, 2, key="stage 2", parents=["stage 1"], parent_digests=["aa"], result={"weights": "bb"})
    write_run(tmp_path, 3, key="score", parents=["stage 2"], parent_digests=["bb"])
    write_run(tmp_path, 4, key="deleted parent", parents=["gone"], parent_digests=["cc"])
    registry = Registry(tmp_path)
    assert [r.stale for r in registry.records()] == [(), (), (), ()]
    (package / "layer.py").write_text("L = 3\n")
    assert [r.stale for r in registry.records()] == [
        ("code changed: pkg_stale.layer",),
        ("it started from run 1, which is stale",),
        ("it started from run 2, which is stale",),
        (),
    ]
    fresh = code_digest(["pkg_stale.layer"], ["pkg_stale"])
    write_run(tmp_path, 5, key="stage 1", code=fresh, result={"weights": "aa"})  # to the same weights: all is well
    assert [r.stale for r in registry.records(id=[2, 3])] == [(), ()]
    write_run(tmp_path, 6, key="stage 1", code=fresh, result={"weights": "other"})
    assert [r.stale for r in registry.records(id=[2, 3])] == [
        ("its parent was trained anew, as run 6, to other weights",),
        ("it started from run 2, which is stale",),
    ]
    write_run(tmp_path, 7, key="stage 1", status="FAILED", result={"weights": "x"})  # never counts
    assert len(registry.get(2).stale) == 1


def test_intermediate_checkpoints_have_digests_of_their_own(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, key="stage", result={"weights": "late", "kept": {"300": "early"}})
    write_run(tmp_path, 2, parents=["stage"], parent_digests=["early"])
    write_run(tmp_path, 3, parents=["stage"], parent_digests=["late"])
    write_run(tmp_path, 4, parents=["stage"], parent_digests=["never"])
    assert [bool(r.stale) for r in Registry(tmp_path).records()] == [False, False, False, True]


def test_a_forged_circle_ends(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, key="a", parents=["b"], code={"no.such": "1"})
    write_run(tmp_path, 2, key="b", parents=["a"])
    assert [bool(record.stale) for record in Registry(tmp_path).records()] == [True, False]


def test_staleness_descends_further_than_python_nests_calls(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, key="k1", code={"no.such": "1"})
    for id in range(2, 1201):
        write_run(tmp_path, id, key=f"k{id}", parents=[f"k{id - 1}"])
    assert [run.id for run in Registry(tmp_path).summaries(stale=True)] == list(range(1, 1201))
    assert Registry(tmp_path).get(1200).stale == ("it started from run 1199, which is stale",)


# ---- size -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_10_000_runs_are_listed_in_a_second(tmp_path: Path, write_run) -> None:
    code = code_digest(["registry.record.observer"], ["registry"])
    rows = {f"rule {i}": {f"score {j}": 0.5 for j in range(5)} for i in range(20)}
    for id in range(1, 10_001):
        parents = [f"key{id - 1}"] if id % 3 else []  # chains of three
        write_run(tmp_path, id, code=code, parents=parents, result={"score": id / 1e4, "rows": rows})
    registry = Registry(tmp_path)
    assert len(registry.summaries()) == 10_000
    start = time.perf_counter()
    assert len(registry.summaries(method="cavl", stale=False)) == 10_000
    assert time.perf_counter() - start < 1


# ---- any registry ---------------------------------------------------------------------------------------------------

KEYS = ("", "a", "b", "c")
NOW = environment("float32", threads=1)
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
FIELDS = {
    "status": st.sampled_from(["COMPLETED", "FAILED", "INTERRUPTED", "RUNNING", "QUEUED", "TIMEOUT"]),
    "key": st.sampled_from(KEYS),
    "parents": st.lists(st.sampled_from(KEYS[1:]), max_size=2),
    "parent_digests": st.lists(st.sampled_from(["", "x", "y"]), max_size=2),
    "code": st.sampled_from([{}, {"registry.provenance.keys": "0"}, {"no.such.module": "1"}]),
    "environment": st.sampled_from([{}, {"torch": "1.0"}, {"threads": 3}]),
    "task": st.sampled_from(["pretrain", "localization"]),
    "config": st.fixed_dictionaries({"method": SCALAR, "ordering": SCALAR, "seed": SCALAR}),
    "result": SCALAR | st.fixed_dictionaries({"score": SCALAR, "weights": st.sampled_from(["x", "y", "z"])}),
    "start_time": st.sampled_from(["2025-01-01T00:00:00", "2025-01-01T00:00:00.5", ""]),
    "stop_time": st.sampled_from(["2025-01-01T00:01:40", None]),
    "fail_trace": st.lists(st.text(max_size=4), max_size=1),
    "resumptions": st.lists(st.just({"changed": ["code changed: x"], "before": {"status": "DIED"}}), max_size=1),
}
#: A run (``None``: a damaged one) is written under an id, in the place of one that is there; or one is deleted.
CHANGES = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["write", "write", "write", "damage", "delete"]))
    .flatmap(lambda change: st.tuples(st.just(change), st.fixed_dictionaries(FIELDS)))
    .map(lambda change: (*change[0], change[1])),
    max_size=9,
)


def make(home: Path, write_run: Any, changes: Any) -> None:
    for id, kind, values in changes:
        shutil.rmtree(home / str(id), ignore_errors=True)
        if kind != "delete":
            folder = write_run(home, id, **values)
            if kind == "damage":
                (folder / "config.json").write_text("{")


def answers(home: Path) -> list[Any]:
    """A broad set of questions, each answered, as text (in which NaN equals NaN)."""
    found = Registry(home, NOW)
    several: dict[str, list[Any]] = {
        "id": [1, [2, 3, 99]],
        "key": [*KEYS, ["a", "b"]],
        "task": ["pretrain", ["pretrain", "localization"]],
        "method": ["", "0", True],
        "ordering": [0],
        "seed": [1, [0, -1], 2**63],
        "preset": ["miniature", "x"],
        "status": ["COMPLETED", "DIED", ["FAILED", "QUEUED"]],
        "stale": [True, False],
    }
    asked: list[Any] = [found.damaged(), found.records(), found.summaries(), found.summaries(key="a", stale=True)]
    asked += [found.summaries(**{name: v}) for name, values in several.items() for v in values]  # type: ignore[misc]
    asked += [found.find(key) for key in KEYS] + [found.unfinished(key) for key in KEYS]
    for id in range(1, 8):
        try:
            asked.append(found.get(id))
        except (KeyError, RecordError) as error:
            asked.append(repr(error))
    return [repr(answer) for answer in asked]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])  # write_run keeps nothing
@given(CHANGES, CHANGES)
def test_however_the_index_came_about_it_answers_the_same(write_run, first: Any, second: Any) -> None:
    """Renewed while runs came and went; deleted and built anew; in memory; after gc, too."""
    with tempfile.TemporaryDirectory() as text:
        home = Path(text)
        make(home, write_run, first)
        answers(home)
        make(home, write_run, second)
        for id in (1, 2, 3, 4, 5, 6):  # a clock that ticks more coarsely than these changes follow one another
            with contextlib.suppress(FileNotFoundError):
                os.utime(home / str(id) / "run.json", ns=(time.time_ns(), time.time_ns() + id))
        for collect in (None, Choice(superseded=True, unfinished=True, damaged=True)):
            if collect is not None:
                delete(Registry(home), collect)
            renewed = answers(home)
            (home / "index.sqlite").unlink(missing_ok=True)  # there is none where there never was a run
            assert answers(home) == renewed
        (home / "index.sqlite").unlink(missing_ok=True)  # there is none where there never was a run
        (home / "index.sqlite").mkdir()
        assert answers(home) == renewed
        assert renewed[0] == "{}"
        assert [r.id for r in Registry(home).records()] == sorted(registry.index.run_ids(home))


def test_values_are_those_of_the_runs_that_fit(tmp_home: Path, write_run) -> None:
    for id, (method, seed) in enumerate((("l3", 2), ("cavl", 1), ("cavl", 10)), start=1):
        write_run(tmp_home, id, config={"method": method, "seed": seed})
    registry = Registry(tmp_home)
    assert registry.values("method") == ["cavl", "l3"]
    assert registry.values("seed", method="cavl") == [1, 10]
    assert registry.values("seed", method=["l3", "dmc"], task=None) == [2]
    with pytest.raises(TypeError, match="no column status; there are task, method"):
        registry.values("status")


def alter(home: Path, statement: str) -> None:
    """As anything but this project may do; the file stays a valid database."""
    with contextlib.closing(sqlite3.connect(home / "index.sqlite")) as db:
        assert db.execute(statement).rowcount > 0
        db.commit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET score = 0.99 WHERE id = 2",
        "UPDATE runs SET status = 'FAILED'",
        "UPDATE runs SET key = 'key1' WHERE id = 2",
        "UPDATE runs SET seconds = NULL",
        "UPDATE runs SET lineage = replace(lineage, 'key1', 'key2')",
        "UPDATE runs SET damage = 'x' WHERE id = 1",
        "UPDATE runs SET damage = NULL WHERE id = 4",
        "UPDATE runs SET document = replace(document, '0.5', '0.9')",
        "UPDATE runs SET document = NULL",
        "UPDATE runs SET seal = NULL",
        "UPDATE runs SET code = (SELECT environment FROM runs WHERE id = 1)",
        "UPDATE shared SET content = replace(content, '1', '2')",
        "UPDATE runs SET id = 5 WHERE id = 2",
        "DELETE FROM runs WHERE id = 2",
        "DELETE FROM shared",
    ],
)
def test_rows_that_something_else_has_altered_are_read_anew(tmp_path: Path, write_run, statement: str) -> None:
    write_run(tmp_path, 1, result={"score": math.nan}, code={"gone": "1"})
    write_run(tmp_path, 2, result={"score": 0.5}, parents=["key1"], parent_digests=["0" * 64])
    write_run(tmp_path, 3, config={"seed": True}, result={"score": -0.0})
    (write_run(tmp_path, 4) / "run.json").write_text("{")

    def answers() -> str:
        registry = Registry(tmp_path)
        return repr((registry.summaries(), registry.records(), registry.damaged(), registry.values("seed")))

    whole = answers()
    before = (tmp_path / "index.sqlite").stat().st_ino
    assert answers() == whole
    assert (tmp_path / "index.sqlite").stat().st_ino == before, "an index that is whole is kept"
    alter(tmp_path, statement)
    assert answers() == whole
