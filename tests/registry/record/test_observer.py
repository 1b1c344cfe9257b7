"""Real experiments of Sacred, observed; killed, starved of disk, resumed."""

import contextlib
import datetime
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sacred import SETTINGS, Experiment
from sacred.observers import FileStorageObserver, RunObserver
from sacred.utils import apply_backspaces_and_linefeeds

from registry import files
from registry.files import DiskFullError
from registry.index import Registry
from registry.interrupts import Terminated, sigterm_as_interrupt
from registry.provenance.keys import run_key
from registry.record import journal
from registry.record import observer as observer_module
from registry.record.observer import (
    AlreadyDone,
    AlreadyRunning,
    RegistryObserver,
    flush,
    recorded,
    verify_written,
)
from registry.record.run_record import Pedigree, RecordError, read_record
from registry.record.serialization import NotPlainError
from tests.sealed import change

CODE = {"cavl.model": "1"}


def pedigree_of(config: Any) -> Pedigree:
    key = run_key("demo", {"seed": config["seed"]}, "data", ())
    return Pedigree(key=key, task="demo", dataset="data", code=dict(CODE), environment={"threads": 1})


@pytest.fixture(autouse=True)
def _quick_sacred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "CAPTURE_MODE", "sys")
    monkeypatch.setattr(SETTINGS, "DISCOVER_SOURCES", "none")


def experiment(home: Path, body: Callable[[Any], Any], wrapped: bool = True) -> Experiment:
    """An experiment whose main function is ``body(run)``."""
    ex = Experiment("demo", base_dir=str(Path(__file__).parent), save_git_info=False)
    ex.observers.append(RegistryObserver(pedigree_of, home))
    ex.add_config(seed=1, note="")

    @ex.main
    def main(_run: Any) -> Any:
        with recorded(_run) if wrapped else contextlib.nullcontext():
            return body(_run)

    return ex


def losses(run: Any, steps: range) -> None:
    for step in steps:
        run.log_scalar("loss", 1 / (step + 1), step)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


# ---- the form -------------------------------------------------------------------------------------------------------


def test_the_record_has_the_form_of_sacreds_own(tmp_path: Path) -> None:
    """The stock observer watches the same run: ours holds all that it holds, and more."""

    def body(run: Any) -> Any:
        print("hello")
        losses(run, range(5))
        (tmp_path / "made.txt").write_text("made")
        run.add_artifact(tmp_path / "made.txt")
        run.info["note"] = [1, 2]
        return {"score": 0.5}

    ex = experiment(tmp_path / "ours", body)
    ex.observers.append(FileStorageObserver(tmp_path / "stock"))
    ex.add_source_file(__file__)
    run = ex.run()
    verify_written(tmp_path / "ours" / str(run._id), run.result, run.status)
    ours, stock = tmp_path / "ours" / "1", tmp_path / "stock" / "1"
    assert run._id == 1
    for same in ("config.json", "metrics.json", "info.json"):
        assert read(ours / same) == read(stock / same), same
    assert (ours / "cout.txt").read_text() == (stock / "cout.txt").read_text()
    assert "hello" in (ours / "cout.txt").read_text()
    assert (ours / "made.txt").read_text() == (stock / "made.txt").read_text() == "made"
    mine, theirs = read(ours / "run.json"), read(stock / "run.json")
    assert mine.pop("resumptions") == []
    assert mine.pop("files").keys() == {path.name for path in ours.iterdir()} - {"run.json", "lock"}
    assert len(mine.pop("sha256")) == 64
    assert mine.pop("sealed") is True
    assert mine["host"].pop("pid") == os.getpid()
    (name, kept), (module, _) = mine["experiment"]["sources"]
    assert module == "cavl/model.py", "of the pedigree, beside Sacred's"
    mine["experiment"]["sources"] = [[name, kept]]
    assert mine == theirs
    assert name == Path(__file__).name
    assert (tmp_path / "ours" / kept).read_bytes() == Path(__file__).read_bytes()
    assert (tmp_path / "stock" / kept).exists()


def test_results_are_plain(tmp_path: Path) -> None:
    result = {"score": np.float64(0.25), "n": np.int64(3), "ok": np.bool_(True), "folds": (np.float32(0.5),)}
    run = experiment(tmp_path, lambda run: result).run()
    verify_written(tmp_path / "1", run.result)
    assert read(tmp_path / "1" / "run.json")["result"] == {"score": 0.25, "n": 3, "ok": True, "folds": [0.5]}
    assert "py/" not in (tmp_path / "1" / "run.json").read_text()


def test_nan_in_a_result_is_kept(tmp_path: Path) -> None:
    run = experiment(tmp_path, lambda run: {"score": float("nan")}).run()
    verify_written(tmp_path / "1", run.result)
    assert np.isnan(read(tmp_path / "1" / "run.json")["result"]["score"])


def test_a_result_that_cannot_be_stored_fails_loudly(tmp_path: Path) -> None:
    run = experiment(tmp_path, lambda run: {"map": np.zeros(3)}).run()
    assert run.status == "COMPLETED"  # says Sacred
    with pytest.raises(RecordError, match=r"result\.map is a numpy\.ndarray"):
        verify_written(tmp_path / "1", run.result)
    record = read_record(tmp_path / "1")
    assert record.status == "FAILED"
    assert "result.map is a numpy.ndarray" in "".join(record.fail_trace)
    assert Registry(tmp_path).find(record.pedigree.key) is None


def test_a_configuration_that_cannot_be_stored_stops_the_run(tmp_path: Path) -> None:
    ex = experiment(tmp_path, lambda run: 1)
    ex.add_config({"extra": np.zeros(2)})
    with pytest.raises(NotPlainError, match=r"config\.extra is a numpy\.ndarray"):
        ex.run()
    assert Registry(tmp_path).records() == []


def test_failures_keep_their_traceback_and_last_words(tmp_path: Path) -> None:
    def body(run: Any) -> None:
        losses(run, range(3))
        print("last words")
        raise ZeroDivisionError("by hand")

    with pytest.raises(ZeroDivisionError):
        experiment(tmp_path, body).run()
    record = read_record(tmp_path / "1")
    assert record.status == "FAILED"
    assert record.fail_trace[-1] == "ZeroDivisionError: by hand\n"
    assert "in body" in "".join(record.fail_trace)
    assert "last words\n" in (tmp_path / "1" / "cout.txt").read_text()
    assert record.metrics()["loss"][0] == [0, 1, 2]
    assert read(tmp_path / "1" / "metrics.json")["loss"]["steps"] == [0, 1, 2]


def test_artifacts_cannot_touch_the_record(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for name in ("run.json", "metrics.jsonl", "lock", "../x", "a/b", ".hidden"):
        run = experiment(tmp_path / "home", lambda run, name=name: run.add_artifact(tmp_path / "x", name)).run()
        with pytest.raises(RecordError, match=re.escape(repr(name))):
            verify_written(tmp_path / "home" / str(run._id), run.result)


def test_sources_and_resources_are_kept_once_by_content(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1,2")
    ex = experiment(tmp_path / "home", lambda run: (run.open_resource(tmp_path / "table.csv").close(), 1)[1])
    ex.run(config_updates={"seed": 1})
    ex.run(config_updates={"seed": 2})
    kept = list((tmp_path / "home" / "_resources").iterdir())
    assert len(kept) == 1
    assert kept[0].read_text() == "1,2"
    for id in "12":
        assert read(tmp_path / "home" / id / "run.json")["resources"] == [
            [str(tmp_path / "table.csv"), f"_resources/{kept[0].name}"]
        ]


def test_the_modules_behind_a_run_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "cavl_example"
    package.mkdir()
    (package / "__init__.py").write_text("from cavl_example.layers import depth\n")
    (package / "layers.py").write_text("depth = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    modules = ("cavl_example", "cavl_example.layers", "cavl_example.gone")
    monkeypatch.setitem(globals(), "CODE", dict.fromkeys(modules, "digest"))
    home = tmp_path / "home"
    experiment(home, lambda run: 1).run()
    kept = dict(read(home / "1" / "run.json")["experiment"]["sources"])
    assert kept.keys() == {"test_observer.py", "cavl_example/__init__.py", "cavl_example/layers.py"}
    assert (home / kept["cavl_example/layers.py"]).read_text() == "depth = 3\n"
    assert (home / kept["cavl_example/__init__.py"]).read_text() == (package / "__init__.py").read_text()


# ---- ids and takeovers ----------------------------------------------------------------------------------------------


def test_twelve_processes_get_twelve_ids(tmp_path: Path, child) -> None:
    def one(seed: int) -> None:
        def body(run: Any) -> int:
            losses(run, range(seed, seed + 3))
            print("seed", seed)
            return seed

        run = experiment(tmp_path, body).run(config_updates={"seed": seed})
        verify_written(tmp_path / str(run._id), seed)

    for pid in [child(lambda seed=seed: one(seed)) for seed in range(12)]:
        assert os.waitpid(pid, 0)[1] == 0
    records = Registry(tmp_path).records()
    assert [r.id for r in records] == list(range(1, 13))
    assert sorted(r.result for r in records) == list(range(12))
    assert all(r.config["seed"] == r.result and r.metrics()["loss"][0][0] == r.result for r in records)


def test_a_killed_run_is_continued_in_its_record(tmp_path: Path, child) -> None:
    def killed(run: Any) -> None:
        print("first session")
        losses(run, range(5))
        (tmp_path / "a.txt").write_text("a")
        run.add_artifact(tmp_path / "a.txt")
        run.info["before"] = 1
        flush(run)
        losses(run, range(5, 8))  # never written
        print("unheard")
        os.kill(os.getpid(), signal.SIGKILL)

    pid = child(lambda: experiment(tmp_path / "home", killed).run())
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    folder = tmp_path / "home" / "1"
    with open(folder / journal.JOURNAL, "a") as file:
        file.write('{"loss": {"steps": [5')  # torn
    (died,) = Registry(tmp_path / "home").records()
    assert died.status == "DIED"
    assert died.metrics()["loss"][0] == list(range(5))

    def resumed(run: Any) -> int:
        print("second session")
        losses(run, range(3, 10))
        run.info["after"] = 2
        return 7

    run = experiment(tmp_path / "home", resumed).run()
    assert run._id == 1
    verify_written(folder, 7)
    (record,) = Registry(tmp_path / "home").records()
    assert record.status == "COMPLETED"
    assert record.metrics() == {"loss": (list(range(10)), [1 / (s + 1) for s in range(10)])}
    said = (folder / "cout.txt").read_text()
    assert said.index("first session\n") < said.index("second session\n")
    assert "unheard" not in said
    assert record.artifacts == ("a.txt",)
    assert read(folder / "info.json") == {"before": 1, "after": 2}
    assert record.start_time == died.start_time
    (resumption,) = record.resumptions
    assert resumption["pid"] == os.getpid()
    assert resumption["before"]["pid"] == pid
    assert resumption["before"]["status"] == "DIED"
    assert resumption["before"]["heartbeat"] == died.heartbeat
    assert resumption["time"] > died.start_time
    assert record.pedigree == died.pedigree


def test_a_run_of_another_machine_is_left_alone_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    """Some shared disks show no locks of other machines. How long it has been silent, the disk's own clock says."""
    home = tmp_path / "home"
    experiment(home, lambda run: 1).run()
    entry = read(home / "1" / "run.json")
    for name in ("result", "files", "sha256", "sealed"):
        entry.pop(name)
    entry |= {"status": "RUNNING", "host": {**entry["host"], "hostname": "elsewhere", "pid": 7}}

    def beaten(seconds_ago: float) -> None:
        wrong = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(hours=3)
        (home / "1" / "run.json").write_text(json.dumps({**entry, "heartbeat": wrong.isoformat()}))
        os.utime(home / "1" / "run.json", (time.time() - seconds_ago,) * 2)

    beaten(20)
    assert Registry(home).get(1).status == "RUNNING"
    with pytest.raises(AlreadyRunning, match="process 7 on elsewhere"):
        experiment(home, lambda run: 1).run()
    beaten(90)
    assert Registry(home).get(1).status == "DIED"
    assert experiment(home, lambda run: 1).run()._id == 1
    assert read(home / "1" / "run.json")["resumptions"][0]["before"]["hostname"] == "elsewhere"


def test_a_run_that_was_taken_over_in_its_sleep_writes_no_more(tmp_path: Path) -> None:
    """Another machine, which saw no lock, took it to have vanished: the record is the other's."""
    home = tmp_path / "home"

    def sleeps(run: Any) -> int:
        losses(run, range(2))
        flush(run)
        entry = read(home / "1" / "run.json")
        files.atomic_write(home / "1" / "run.json", json.dumps({**entry, "host": {"hostname": "elsewhere", "pid": 7}}))
        kept.append({path.name: path.read_bytes() for path in (home / "1").iterdir()})
        losses(run, range(2, 4))
        (tmp_path / "made").touch()
        run.add_artifact(str(tmp_path / "made"))
        print("said")
        return 1

    kept: list[dict[str, bytes]] = []
    with pytest.raises(AlreadyRunning, match=r"run 1 .* process 7 on elsewhere"):
        experiment(home, sleeps).run()
    assert {path.name: path.read_bytes() for path in (home / "1").iterdir()} == kept[0]


def test_what_another_process_has_completed_meanwhile_is_not_run_again(tmp_path: Path) -> None:
    """Who asks for it has known of no completed run, or of an older one that is no answer."""

    def again(known: int | None) -> Any:
        ex = experiment(tmp_path, lambda run: 2)
        ex.observers[0].known = known
        return ex.run()._id

    assert again(0) == 1
    with pytest.raises(AlreadyDone, match="run 1 with the same key has been completed meanwhile") as caught:
        again(0)
    assert caught.value.record.id == 1
    assert again(1) == 2
    with pytest.raises(AlreadyDone, match="run 2"):
        again(1)
    assert again(None) == 3
    assert sorted(path.name for path in tmp_path.glob("[0-9]*")) == ["1", "2", "3"]


def test_who_can_wait_takes_what_another_finishes_and_continues_what_it_leaves(tmp_path: Path, child) -> None:
    def other(error: type[BaseException] | None) -> int:
        go, there = tmp_path / f"go {error}", tmp_path / f"there {error}"

        def body(run: Any) -> int:
            there.touch()
            wait_for(go.exists)
            if error:
                raise error
            return 1

        pid = child(lambda: experiment(tmp_path / "home", body).run())
        wait_for(there.exists)
        return pid

    def patient(error: type[BaseException] | None) -> Any:
        busy: list[str] = []
        pid = other(error)
        ex = experiment(tmp_path / "home", lambda run: 2)
        ex.observers[0].known = 0

        def wait(running: AlreadyRunning) -> None:
            busy.append(str(running))
            (tmp_path / f"go {error}").touch()
            time.sleep(0.1)

        ex.observers[0].wait = wait
        try:
            return ex.run()
        finally:
            assert f"is being run by process {pid} on" in busy[0]

    assert patient(ValueError)._id == 1
    assert read_record(tmp_path / "home" / "1").resumptions[0]["before"]["status"] == "FAILED"
    shutil.rmtree(tmp_path / "home")
    with pytest.raises(AlreadyDone, match="run 1"):
        patient(None)
    assert read_record(tmp_path / "home" / "1").result == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_meanwhile_makes_no_run_end_before_it_began(
    tmp_path: Path, monkeypatch, hours: int
) -> None:
    ex = experiment(tmp_path, lambda run: time.sleep(0.2))
    observer, ended, now = ex.observers[0], RegistryObserver.completed_event, observer_module._now
    jump = datetime.timedelta(hours=hours)

    def jumped(stop_time: datetime.datetime, result: Any) -> None:
        monkeypatch.setattr(observer_module, "_now", lambda: now() + jump)
        ended(observer, stop_time + jump, result)

    monkeypatch.setattr(observer, "completed_event", jumped)
    ex.run()
    seconds = read_record(tmp_path / "1").seconds
    assert seconds is not None
    assert 0.2 <= seconds < 60 if hours < 0 else seconds >= 3600


def test_a_session_on_a_machine_whose_clock_is_behind_ends_after_the_one_before(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="once"):
        experiment(tmp_path, lambda run: (_ for _ in ()).throw(ValueError("once"))).run()
    ahead = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=5)).replace(tzinfo=None).isoformat()
    change(tmp_path / "1" / "run.json", start_time=ahead, stop_time=ahead)
    experiment(tmp_path, lambda run: 1).run()
    record = read_record(tmp_path / "1")
    assert record.start_time == ahead
    assert record.seconds is not None
    assert 0 <= record.seconds < 60


def test_records_of_before_whose_clock_was_set_back_have_no_duration(tmp_path: Path, write_run) -> None:
    write_run(tmp_path, 1, start_time="2025-01-01T01:00:00", stop_time="2025-01-01T00:00:01")
    assert Registry(tmp_path).get(1).seconds is None
    assert Registry(tmp_path).summaries()[0].seconds is None


def test_a_last_beat_that_comes_late_leaves_a_whole_record(tmp_path: Path) -> None:
    """Held up by another observer, it writes into a record that has been sealed."""
    ex = experiment(tmp_path, lambda run: losses(run, range(2)))
    run = ex.run()
    assert read_record(tmp_path / "1").damage() == {}
    run.log_scalar("loss", 0.5, 2)
    run._emit_heartbeat()
    record = read_record(tmp_path / "1")
    assert record.damage(thorough=tuple(record.digests)) == {}
    assert record.metrics()["loss"][0] == [0, 1, 2]
    assert Registry(tmp_path).get(1).metrics() == record.metrics()


def test_what_was_damaged_before_a_run_went_on_is_recorded(tmp_path: Path) -> None:
    def fails(run: Any) -> None:
        losses(run, range(4))
        flush(run)
        losses(run, range(4, 6))
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        experiment(tmp_path, fails).run()
    lines = (tmp_path / "1" / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "1" / "metrics.jsonl").write_bytes(lines[0])
    experiment(tmp_path, lambda run: 1).run()
    (what,) = read_record(tmp_path / "1").resumptions[0]["changed"]
    assert what.startswith("metrics.jsonl was damaged: it has ")
    assert any("metrics.jsonl was damaged" in reason for reason in Registry(tmp_path).get(1).stale)


@pytest.mark.parametrize("time", ["2020-01-01T00:00:00+02:00", "yesterday"])
def test_a_record_from_elsewhere_goes_on_whatever_its_times_are(tmp_path: Path, time: str) -> None:
    def fails(run: Any) -> None:
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        experiment(tmp_path, fails).run()
    change(tmp_path / "1" / "run.json", heartbeat=time)
    experiment(tmp_path, lambda run: 1).run()
    record = read_record(tmp_path / "1")
    assert (record.status, record.result) == ("COMPLETED", 1)


def test_a_run_that_has_ended_stays_as_it_ended(tmp_path: Path) -> None:
    """Ctrl-C while other observers still end makes Sacred tell all of them that the run was interrupted."""

    class Slow(RunObserver):
        priority = 1

        def completed_event(self, *args: Any, **kwargs: Any) -> None:
            raise KeyboardInterrupt

    ex = experiment(tmp_path / "home", lambda run: {"score": 1.0})
    ex.observers.append(Slow())
    with contextlib.suppress(KeyboardInterrupt):
        ex.run()
    entry = read(tmp_path / "home" / "1" / "run.json")
    assert (entry["status"], entry["result"]) == ("COMPLETED", {"score": 1.0})


def test_killed_at_random_moments_nothing_written_is_lost(tmp_path: Path, child) -> None:
    """Each session flushes, notes outside what it has flushed, and dies anywhere: all that was noted must be there."""
    noted = tmp_path / "noted"

    def body(run: Any) -> int:
        start = int(noted.read_text()) if noted.exists() else 0
        for step in range(start, 100):
            run.log_scalar("loss", float(step), step)
            print(f"step {step}.")
            flush(run)
            files.atomic_write(noted, str(step + 1))
        return 100

    sessions = 0
    for until in (7, 20, 61, None):
        pid = child(lambda: experiment(tmp_path / "home", body).run())
        if until is not None:
            wait_for(lambda until=until: noted.exists() and int(noted.read_text()) >= until)
            os.kill(pid, signal.SIGKILL)
        sessions += 1
        if os.waitpid(pid, 0)[1] == 0:
            break
    (record,) = Registry(tmp_path / "home").records()
    assert record.status == "COMPLETED"
    assert len(record.resumptions) == sessions - 1 == 3
    assert record.metrics() == {"loss": (list(range(100)), [float(s) for s in range(100)])}
    said = (record.folder / "cout.txt").read_text()
    assert [s for s in range(100) if f"step {s}.\n" not in said] == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failed_and_interrupted_runs_are_continued_and_completed_ones_never(tmp_path: Path, error) -> None:
    def fails(run: Any) -> None:
        losses(run, range(2))
        raise error("once")

    with pytest.raises(error):
        experiment(tmp_path, fails).run()
    status = "FAILED" if error is ValueError else "INTERRUPTED"
    assert read_record(tmp_path / "1").status == status
    ex = experiment(tmp_path, lambda run: losses(run, range(2, 4)))
    assert [ex.run()._id, ex.run()._id, ex.run(config_updates={"seed": 2})._id] == [1, 2, 3]
    first = read_record(tmp_path / "1")
    assert first.status == "COMPLETED"
    assert first.fail_trace == ()
    assert first.resumptions[0]["before"]["status"] == status
    assert ("fail_trace" in first.resumptions[0]["before"]) == (error is ValueError)
    assert first.metrics()["loss"][0] == [0, 1, 2, 3]
    assert read_record(tmp_path / "2").metrics()["loss"][0] == [2, 3]


def test_what_failed_before_the_last_completed_run_is_left_alone(tmp_path: Path, write_run) -> None:
    """Else a rerun would complete an old record, behind the newer one that it is to replace."""
    key = pedigree_of({"seed": 1}).key
    write_run(tmp_path, 1, key=key, status="FAILED")
    write_run(tmp_path, 2, key=key, status="COMPLETED")
    assert experiment(tmp_path, lambda run: 1).run()._id == 3


def test_a_change_between_the_sessions_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="once"):
        experiment(tmp_path, lambda run: (_ for _ in ()).throw(ValueError("once"))).run()
    monkeypatch.setitem(CODE, "cavl.model", "2")
    experiment(tmp_path, lambda run: 1).run()
    record = read_record(tmp_path / "1")
    assert record.resumptions[0]["changed"] == ["code changed: cavl.model"]
    assert record.pedigree.code == {"cavl.model": "1"}
    assert "resumed after a change (code changed: cavl.model)" in Registry(tmp_path).get(1).stale


def test_a_living_run_of_the_same_key_is_not_disturbed(tmp_path: Path, child) -> None:
    go = tmp_path / "go"

    def waits(run: Any) -> str:
        (tmp_path / "there").touch()
        wait_for(go.exists)
        return "first"

    pid = child(lambda: experiment(tmp_path / "home", waits).run())
    wait_for((tmp_path / "there").exists)
    before = (tmp_path / "home" / "1" / "run.json").read_bytes()
    with pytest.raises(AlreadyRunning, match=rf"run 1 .* process {pid} on") as caught:
        experiment(tmp_path / "home", lambda run: "second").run()
    assert (caught.value.id, caught.value.pid) == (1, pid)
    assert (tmp_path / "home" / "1" / "run.json").read_bytes() == before
    assert experiment(tmp_path / "home", lambda run: 2).run(config_updates={"seed": 2})._id == 2
    go.touch()
    assert os.waitpid(pid, 0)[1] == 0
    assert [r.result for r in Registry(tmp_path / "home").records()] == ["first", 2]


def test_of_several_that_start_one_key_at_once_one_runs(tmp_path: Path, child) -> None:
    go, others_done = tmp_path / "go", tmp_path / "others done"

    def start() -> None:
        wait_for(go.exists)
        with contextlib.suppress(AlreadyRunning):
            experiment(tmp_path / "home", lambda run: wait_for(others_done.exists)).run()
            return
        os._exit(3)

    started = {child(start) for _ in range(6)}
    go.touch()
    codes = []
    while started:
        pid, status = os.wait()
        started.discard(pid)
        codes.append(os.waitstatus_to_exitcode(status))
        if len(started) == 1:
            others_done.touch()
    assert codes == [3, 3, 3, 3, 3, 0]
    assert [r.status for r in Registry(tmp_path / "home").records()] == ["COMPLETED"]


def test_an_id_may_be_asked_for(tmp_path: Path) -> None:
    ex = experiment(tmp_path, lambda run: 1)
    ex.run(options={"--id": "7"})
    with pytest.raises(FileExistsError, match=r"there is a run 7"):
        ex.run(options={"--id": "7"})
    with pytest.raises(ValueError, match="whole number"):
        ex.run(options={"--id": "seven"})
    assert ex.run()._id == 8
    assert {r.id: r.status for r in Registry(tmp_path).records()} == {7: "COMPLETED", 8: "COMPLETED"}


def test_a_queued_run_is_run_in_its_record(tmp_path: Path) -> None:
    ex = experiment(tmp_path, lambda run: 1)
    ex.run(options={"--queue": True})
    assert read_record(tmp_path / "1").status == "QUEUED"
    assert ex.run()._id == 1
    record = read_record(tmp_path / "1")
    assert (record.status, record.resumptions) == ("COMPLETED", ())
    assert record.start_time <= record.stop_time


# ---- signals --------------------------------------------------------------------------------------------------------


def test_sigterm_is_an_interruption_with_everything_written(tmp_path: Path, child) -> None:
    def body(run: Any) -> None:
        losses(run, range(20))
        print("working")
        (tmp_path / "there").touch()
        time.sleep(60)

    def start() -> None:
        with pytest.raises(Terminated), sigterm_as_interrupt():
            experiment(tmp_path / "home", body).run()
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    pid = child(start)
    wait_for((tmp_path / "there").exists)
    for _ in range(3):  # more than one, as impatient supervisors send
        os.kill(pid, signal.SIGTERM)
    assert os.waitpid(pid, 0)[1] == 0
    record = read_record(tmp_path / "home" / "1")
    assert record.status == "INTERRUPTED"
    assert record.metrics()["loss"][0] == list(range(20))
    assert "working\n" in (record.folder / "cout.txt").read_text()


def test_sigterm_while_an_observer_writes_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sacred catches every Exception that comes out of an observer, and would go on as if nothing had been."""
    real = journal.append

    def append(folder: Path, metrics: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        real(folder, metrics)

    def body(run: Any) -> str:
        losses(run, range(3))
        monkeypatch.setattr(journal, "append", append)
        try:
            flush(run)
        finally:
            monkeypatch.setattr(journal, "append", real)
        return "went on"

    with pytest.raises(Terminated), sigterm_as_interrupt():
        experiment(tmp_path, body).run()
    record = read_record(tmp_path / "1")
    assert record.status == "INTERRUPTED"
    assert record.metrics()["loss"][0] == [0, 1, 2]


# ---- failures of the record -----------------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bool], None]]:
    """Make every write of the registry fail for want of room, or work again."""
    calls = {name: getattr(os, name) for name in ("pwrite", "fsync")}

    def refuse(*args: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def switch(full: bool) -> None:
        for name, real in calls.items():
            monkeypatch.setattr(files.os, name, refuse if full else real)

    yield switch
    switch(False)


def test_a_disk_that_is_full_for_a_while_costs_nothing(tmp_path: Path, full_disk) -> None:
    def body(run: Any) -> int:
        losses(run, range(3))
        print("before")
        full_disk(True)
        run._emit_heartbeat()
        losses(run, range(3, 6))
        run._emit_heartbeat()
        with pytest.raises(DiskFullError, match="CAVL_HOME"):
            flush(run)
        full_disk(False)
        losses(run, range(6, 9))
        return 1

    run = experiment(tmp_path, body).run()
    verify_written(tmp_path / "1", run.result)
    assert read_record(tmp_path / "1").metrics()["loss"][0] == list(range(9))
    assert "before\n" in (tmp_path / "1" / "cout.txt").read_text()


def test_a_disk_that_stays_full_is_told_and_the_run_can_be_resumed(tmp_path: Path, full_disk) -> None:
    done = experiment(tmp_path, lambda run: "done").run(config_updates={"seed": 9})

    def body(run: Any) -> int:
        losses(run, range(3))
        flush(run)
        full_disk(True)
        return 1

    with pytest.raises(DiskFullError):
        experiment(tmp_path, body).run()
    full_disk(False)
    verify_written(tmp_path / str(done._id), "done")  # no finished run is lost
    assert Registry(tmp_path).get(2).status in ("FAILED", "DIED")
    run = experiment(tmp_path, lambda run: losses(run, range(3, 5)) or 2).run()
    assert run._id == 2
    verify_written(tmp_path / "2", 2)
    assert read_record(tmp_path / "2").metrics()["loss"][0] == list(range(5))


def test_no_room_to_begin(tmp_path: Path, full_disk) -> None:
    tmp_path.joinpath("home").mkdir()
    ex = experiment(tmp_path / "home", lambda run: 1)
    full_disk(True)
    with pytest.raises(DiskFullError):
        ex.run()
    full_disk(False)
    assert not [p for p in (tmp_path / "home").iterdir() if p.name.isdigit()]
    assert ex.run()._id == 1


def test_a_lost_artifact_is_loud(tmp_path: Path) -> None:
    """Sacred swallows the failure and says COMPLETED."""

    def body(run: Any) -> int:
        run.add_artifact(tmp_path / "never made.csv")
        losses(run, range(3))
        return 1

    run = experiment(tmp_path / "home", body).run()
    assert run.status == "COMPLETED"
    with pytest.raises(RecordError, match=r"status is FAILED.*artifact never made\.csv was not stored"):
        verify_written(tmp_path / "home" / "1", 1)
    record = read_record(tmp_path / "home" / "1")
    assert record.status == "FAILED"
    assert record.metrics()["loss"][0] == [0, 1, 2]  # what follows the failure is still recorded
    assert Registry(tmp_path / "home").find(record.pedigree.key) is None


def test_a_metric_that_is_no_number_is_loud(tmp_path: Path) -> None:
    def body(run: Any) -> None:
        run.log_scalar("loss", np.zeros(2), 0)
        flush(run)

    with pytest.raises(NotPlainError, match=r"metrics\.loss\.values\[0\] is a numpy\.ndarray"):
        experiment(tmp_path, body).run()
    assert read_record(tmp_path / "1").status == "FAILED"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "run.json").write_text("{"), "run.json is no JSON"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "pedigree.json").unlink(), "pedigree.json is missing"),
        (lambda folder: (folder / "cout.txt").unlink(), "cout.txt is missing"),
        (lambda folder: (folder / "made.txt").unlink(), "artifact made.txt is missing"),
        (lambda folder: (folder / "metrics.json").write_text("{}"), "metrics.json does not hold"),
        (lambda folder: os.truncate(folder / "metrics.jsonl", 10), "metrics.json does not hold"),
        (lambda folder: None, "its result is not what the run returned"),
    ],
)
def test_verify_written_sees_every_hole(tmp_path: Path, damage, told: str) -> None:
    (tmp_path / "made.txt").write_text("x")

    def body(run: Any) -> int:
        losses(run, range(3))
        run.add_artifact(tmp_path / "made.txt")
        return 4

    run = experiment(tmp_path / "home", body).run()
    folder = tmp_path / "home" / "1"
    verify_written(folder, run.result)
    damage(folder)
    with pytest.raises(RecordError, match=re.escape(told)):
        verify_written(folder, {"score": 1} if told.startswith("its result") else run.result)


def test_verify_written_finds_the_run_by_id(tmp_home: Path) -> None:
    run = experiment(tmp_home, lambda run: 5).run()
    verify_written(run._id, 5)
    with pytest.raises(RecordError, match="status is COMPLETED, not INTERRUPTED"):
        verify_written(run._id, 5, "INTERRUPTED")


def test_the_heartbeat_alone_writes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "DEFAULT_BEAT_INTERVAL", 0.02)
    seen: list[Any] = []

    def body(run: Any) -> None:
        losses(run, range(3))
        print("a word ends here and this one does not yet", end="")
        wait_for(lambda: (tmp_path / "1" / journal.JOURNAL).exists() and read(tmp_path / "1" / "run.json")["heartbeat"])
        wait_for(lambda: "does not " in (tmp_path / "1" / "cout.txt").read_text())
        seen.append((tmp_path / "1" / "cout.txt").read_text().endswith("does not "))

    experiment(tmp_path, body, wrapped=False).run()
    assert seen == [True]
    assert "does not yet" in (tmp_path / "1" / "cout.txt").read_text()


# ---- what is said ---------------------------------------------------------------------------------------------------


def test_no_password_reaches_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = f"hunter2-{os.getpid()}"  # in no source, and sources are stored
    url = f"mongodb://bob:{secret}@db.example:27017/runs"
    monkeypatch.setitem(SETTINGS.HOST_INFO, "CAPTURED_ENV", ["DATABASE"])
    monkeypatch.setenv("DATABASE", url)

    def body(run: Any) -> None:
        run.info["where"] = {"url": [url]}
        print("connecting to", url[:20], end="", flush=True)
        flush(run)
        print(url[20:])
        flush(run)
        print("last:", url, end="")
        raise ConnectionError(f"cannot reach {url}")

    with pytest.raises(ConnectionError):
        experiment(tmp_path, body).run(config_updates={"note": url}, options={"--comment": url}, meta_info={"for": url})
    with pytest.raises(ConnectionError):
        experiment(tmp_path, body).run(config_updates={"note": url})  # its traceback goes into the resumption
    Registry(tmp_path).records()
    stored = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert [str(p) for p, content in stored.items() if secret.encode() in content] == []
    kept = "mongodb://***@db.example:27017/runs"
    assert read(tmp_path / "1" / "config.json")["note"] == kept
    assert read(tmp_path / "1" / "run.json")["host"]["ENV"] == {"DATABASE": kept}
    assert read(tmp_path / "1" / "info.json") == {"where": {"url": [kept]}}
    assert (tmp_path / "1" / "cout.txt").read_text().count(kept) == 4
    assert read_record(tmp_path / "1").fail_trace[-1] == f"ConnectionError: cannot reach {kept}\n"


def test_output_through_a_filter_that_changes_what_was_said(tmp_path: Path) -> None:
    def body(run: Any) -> None:
        for percent in range(0, 101, 25):
            print(f"\rdone {percent} %", end="")
            flush(run)
        print()

    ex = experiment(tmp_path, body)
    ex.captured_out_filter = apply_backspaces_and_linefeeds
    ex.run()
    lines = (tmp_path / "1" / "cout.txt").read_text().split("\n")
    assert [line for line in lines if line.startswith("done")] == ["done 100 %"]


def test_output_of_other_programs_and_of_no_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captured at the file descriptor; a byte that is no UTF-8 ends Sacred's heartbeat and fails its run."""
    monkeypatch.setattr(SETTINGS, "CAPTURE_MODE", "fd")

    def body(run: Any) -> int:
        flush(run)
        command = "import sys; sys.stdout.buffer.write(b'bad \\xff byte\\n')"
        subprocess.run([sys.executable, "-S", "-c", command], check=True)
        time.sleep(0.05)
        flush(run)
        return 3

    with open(os.devnull, "w") as quiet:
        monkeypatch.setattr(sys, "stdout", quiet)
        run = experiment(tmp_path, body).run()
    verify_written(tmp_path / "1", run.result)
    assert "bad \N{REPLACEMENT CHARACTER} byte\n" in (tmp_path / "1" / "cout.txt").read_text()


def test_what_is_said_as_the_run_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sacred closes its file before it reads the last of it."""
    monkeypatch.setattr(SETTINGS, "CAPTURE_MODE", "fd")

    def body(run: Any) -> None:
        subprocess.Popen(["sh", "-c", "sleep 0.2; echo last words"])
        raise ValueError("by hand")

    with pytest.raises(ValueError, match="by hand"):
        experiment(tmp_path, body).run()
    assert "last words\n" in (tmp_path / "1" / "cout.txt").read_text()


def test_one_experiment_many_runs_in_one_process(tmp_path: Path) -> None:
    """Sacred hands the same observer to each of them."""

    def body(run: Any) -> int:
        print(f"I am {run.config['seed']}.")
        losses(run, range(run.config["seed"]))
        if run.config["seed"] == 2:
            raise ValueError("two")
        return run.config["seed"]

    ex = experiment(tmp_path, body)
    for seed in (1, 2, 3):
        with contextlib.suppress(ValueError):
            ex.run(config_updates={"seed": seed})
    for seed in (1, 2, 3):
        record = read_record(tmp_path / str(seed))
        assert record.status == ("FAILED" if seed == 2 else "COMPLETED")
        assert len(record.metrics()["loss"][0]) == seed
        said = (record.folder / "cout.txt").read_text()
        assert re.findall(r"I am (\d)\.", said) == [str(seed)]


def test_an_unwrapped_task_is_still_recorded(tmp_path: Path) -> None:
    run = experiment(tmp_path, lambda run: losses(run, range(4)), wrapped=False).run()
    verify_written(tmp_path / "1", run.result)
    assert read_record(tmp_path / "1").metrics()["loss"][0] == [0, 1, 2, 3]


def test_a_home_that_is_moved_stays_whole(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    run = experiment(tmp_path / "home", lambda run: run.add_artifact(tmp_path / "x.txt")).run()
    shutil.move(tmp_path / "home", tmp_path / "elsewhere")
    verify_written(tmp_path / "elsewhere" / "1", run.result)
    assert Registry(tmp_path / "elsewhere").get(1).artifact("x.txt").read_text() == "x"
    with pytest.raises(FileNotFoundError, match=r"no artifact 'y.txt' .* \(it has: x.txt\)"):
        Registry(tmp_path / "elsewhere").get(1).artifact("y.txt")
