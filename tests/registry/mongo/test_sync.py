"""Runs copied into a real MongoDB, beside what Sacred's own MongoObserver writes of the same runs."""

from __future__ import annotations

import contextlib
import itertools
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sacred import SETTINGS, Experiment
from sacred.observers import MongoObserver

from registry.cli.sync import copy
from registry.index import Registry
from registry.lock import Lock, held
from registry.mongo import sync as syncing
from registry.mongo.address import Address, MongoError, Store, address, opened
from registry.mongo.sync import identity, sync, thin
from registry.record.observer import RegistryObserver
from registry.record.run_record import Pedigree
from tests.live import ROOT, assert_copied, change, orphans, start_sync, sync_killed
from tests.mongod import Mongod
from tests.sealed import sealed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = Mongod(tmp_path_factory.mktemp("mongod"))
    yield server
    server.stop()


@pytest.fixture
def where(mongod: Mongod) -> Address:
    """A database of its own."""
    return address(f"{mongod.uri}/t{uuid.uuid4().hex[:12]}")


@pytest.fixture
def store(where: Address) -> Any:
    with opened(where) as opened_store:
        yield opened_store


@pytest.fixture(autouse=True)
def _quick_sacred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SETTINGS, "CAPTURE_MODE", "sys")
    monkeypatch.setattr(SETTINGS, "DISCOVER_SOURCES", "none")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files written this moment count as finished: the clock of these tests' disk has fractions of seconds."""
    monkeypatch.setattr(syncing, "YOUNG", 0.0)


def pedigree_of(config: Any) -> Pedigree:
    return Pedigree(key=f"k{config['seed']}", task="demo", dataset="data")


def run(home: Path, *others: Any, seed: int = 1, points: int = 30, fail: bool = False) -> None:
    """A run with metrics, output, info, an artifact, a resource and a source, observed on disk and by ``others``."""
    ex = Experiment("demo", base_dir=str(ROOT), save_git_info=False)
    ex.observers.append(RegistryObserver(pedigree_of, home))
    ex.observers.extend(others)
    ex.add_source_file(str(Path(__file__)))
    ex.add_config(seed=seed, model={"layers": [1, 2], "width": 0.5}, data={"1": 3})

    @ex.main
    def main(_run: Any) -> Any:
        print("said by the run")
        with _run.open_resource(__file__) as table:
            table.read()
        for step in range(points):
            _run.log_scalar("loss", 1 / (step + 1), step)
            _run.log_scalar("accuracy", step / points, step)
        home.mkdir(exist_ok=True)
        picture = home.parent / "picture.png"
        picture.write_bytes(bytes(range(256)) * 3)
        _run.add_artifact(str(picture), "picture.png")
        _run.info["device"] = "cpu"
        if fail:
            raise ZeroDivisionError("on purpose")
        return {"score": 0.5, "sets": {"easy": [1, 2]}}

    if fail:
        with pytest.raises(ZeroDivisionError):
            ex.run()
    else:
        ex.run()


def contents(store: Store) -> list[dict[str, Any]]:
    """Every run with the content of what it refers to in place of the reference."""
    found, about = [], {"_id": 0, "filename": 1, "contentType": 1, "metadata": 1}
    for entry in store.runs.find({}, sort=[("_id", 1)]):
        entry["experiment"]["sources"] = [[n, store.files.get(f).read()] for n, f in entry["experiment"]["sources"]]
        entry["artifacts"] = [
            (a["name"], store.files.get(a["file_id"]).read(), store.database["fs.files"].find_one(a["file_id"], about))
            for a in entry["artifacts"]
        ]
        metrics = []
        for named in entry["info"].get("metrics", []):
            metric = store.metrics.find_one({"run_id": entry["_id"], "name": named["name"]})
            assert str(metric.pop("_id")) == named["id"]
            metrics.append(metric)
        entry["info"]["metrics"] = metrics
        found.append(entry)
    return found


@contextlib.contextmanager
def watched(store: Store) -> Iterator[list[str]]:
    """What is done to the database in the block: ``insert``, ``query``, ..."""
    done: list[str] = []
    store.database.command("profile", 2)
    yield done
    store.database.command("profile", 0)
    done += [entry["op"] for entry in store.database["system.profile"].find({"ns": {"$not": {"$regex": "profile"}}})]


# ---- what is written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fail", [False, True])
def test_documents_are_those_of_sacreds_own_observer(tmp_path, mongod, store, where, fail):
    stock = MongoObserver(url=mongod.uri, db_name=f"{where.database}stock")
    run(tmp_path / "runs", stock, fail=fail)
    tally = sync(tmp_path / "runs", store)
    assert (tally.new, tally.failed) == (1, {})
    with opened(address(f"{mongod.uri}/{where.database}stock")) as direct:
        (expected,), (found,) = contents(direct), contents(store)
    for entry in (expected, found):
        assert len(entry["info"]["metrics"]) == 2
        assert len(entry["resources"]) == 1
        entry["info"]["metrics"].sort(key=lambda metric: metric["name"])
    expected.setdefault("result", None)
    found.setdefault("result", None)
    beats = [entry.pop("heartbeat") for entry in (expected, found)]
    assert abs((beats[0] - beats[1]).total_seconds()) < 5  # the folder leaves the last one, after the end, out
    assert found == expected


def test_a_second_sync_touches_nothing(tmp_path, store):
    for seed in (1, 2, 3):
        run(tmp_path / "runs", seed=seed)
    assert sync(tmp_path / "runs", store).new == 3
    documents = contents(store)
    with watched(store) as done:
        tally = sync(tmp_path / "runs", store)
    assert (tally.new, tally.renewed, tally.unchanged) == (0, 0, 3)
    assert done == ["query", "query"]
    assert contents(store) == documents


def test_what_has_changed_is_renewed_and_nothing_is_left_behind(tmp_path, store):
    home = tmp_path / "runs"
    run(home)
    sync(home, store)
    (home / "1" / "picture.png").write_bytes(b"another picture")
    change(home / "1", result={"score": 0.75})
    assert sync(home, store).renewed == 1
    (found,) = contents(store)
    assert found["result"] == {"score": 0.75}
    assert [content for _, content, _ in found["artifacts"]] == [b"another picture"]
    assert store.database["fs.files"].count_documents({"filename": {"$regex": "^artifact"}}) == 1
    store.runs.delete_one({"_id": 1})
    sync(home, store)
    assert contents(store) == [found], "what was deleted there comes back from the folder"


def test_what_omniboards_users_have_added_stays(tmp_path, store):
    home = tmp_path / "runs"
    run(home)
    change(home / "1", fail_trace=["to vanish"])
    sync(home, store)
    added = {"tags": ["good"], "notes": "look again"}
    store.runs.update_one({"_id": 1}, {"$set": {"omniboard": added}})
    change(home / "1", result={"score": 0.75}, fail_trace=None)
    assert sync(home, store).renewed == 1
    found = store.runs.find_one()
    assert (found["omniboard"], found["result"], found["fail_trace"]) == (added, {"score": 0.75}, None)


def test_output_that_is_too_long_for_a_document_is_an_artifact_too(tmp_path, store, monkeypatch):
    monkeypatch.setattr(syncing, "LONGEST_OUTPUT", 1000)
    home = tmp_path / "runs"
    run(home)
    said = "".join(f"line {number}\n" for number in range(1000))
    (home / "1" / "cout.txt").write_text(said)
    sealed(home / "1")
    sync(home, store)
    (found,) = contents(store)
    shown = found["captured_out"]
    assert shown.startswith(said[:500])
    assert shown.endswith(said[-500:])
    assert f"[... {len(said) - 1000:,} bytes are left out here; the artifact cout.txt has all]" in shown
    assert {name: content for name, content, _ in found["artifacts"]}["cout.txt"] == said.encode()


def test_sources_are_stored_once_by_content(tmp_path, store):
    for seed in range(1, 6):
        run(tmp_path / "runs", seed=seed)
    sync(tmp_path / "runs", store)
    assert store.database["fs.files"].count_documents({"filename": {"$regex": r"\.py$"}}) == 1


def test_metrics_of_any_length_arrive_whole(tmp_path, store, monkeypatch):
    monkeypatch.setattr(syncing, "LONGEST", 100)
    run(tmp_path / "runs", points=1234)
    tally = sync(tmp_path / "runs", store)
    assert sorted(tally.thinned[1]) == ["accuracy", "loss"]
    shown = store.metrics.find_one({"run_id": 1, "name": "loss"})
    assert len(shown["steps"]) == 100
    assert (shown["steps"][0], shown["steps"][-1]) == (0, 1233)
    parts = list(store.long_metrics.find({"run_id": 1, "name": "loss"}, sort=[("part", 1)]))
    steps = [step for part in parts for step in part["steps"]]
    values = [value for part in parts for value in part["values"]]
    assert steps == list(range(1234))
    assert values == [1 / (step + 1) for step in steps]
    assert sorted(contents(store)[0]["info"]["thinned"]) == ["accuracy", "loss"]


def test_600_000_points_fit(tmp_path, store):
    run(tmp_path / "runs", points=3)
    line = {
        "loss": {
            "steps": list(range(600_000)),
            "values": [1 / (s + 1) for s in range(600_000)],
            "timestamps": ["2026-01-01T00:00:00.123456"] * 600_000,
        }
    }
    with open(tmp_path / "runs" / "1" / "metrics.jsonl", "a") as journal:
        journal.write(json.dumps(line) + "\n")
    sealed(tmp_path / "runs" / "1")
    assert sync(tmp_path / "runs", store).failed == {}
    parts = list(store.long_metrics.find({"run_id": 1, "name": "loss"}, {"steps": 1}, sort=[("part", 1)]))
    assert [step for part in parts for step in part["steps"]] == list(range(600_000))
    assert len(store.metrics.find_one({"name": "loss"})["steps"]) == syncing.LONGEST


def test_thinning_keeps_both_ends_and_is_even():
    assert thin(1000, 10) == [0, 111, 222, 333, 444, 555, 666, 777, 888, 999]


# ---- several at once, and cut off -----------------------------------------------------------------------------------


def test_two_registries_share_a_database(tmp_path, store):
    for name in ("here", "there"):
        for seed in (1, 2):
            run(tmp_path / name, seed=seed)
    assert identity(tmp_path / "here") == identity(tmp_path / "here") != identity(tmp_path / "there")
    sync(tmp_path / "here", store)
    sync(tmp_path / "there", store)
    assert [r["_id"] for r in store.runs.find({}, sort=[("_id", 1)])] == [1, 2, 3, 4]
    assert sync(tmp_path / "there", store).unchanged == 2
    names = {a["name"]: store.files.get(a["file_id"]).filename for a in store.runs.find_one({"_id": 3})["artifacts"]}
    assert names == {"picture.png": "artifact://runs/3/picture.png"}


def test_a_run_that_sacred_has_written_there_is_taken_over(tmp_path, mongod, store, where):
    run(tmp_path / "runs", MongoObserver(url=mongod.uri, db_name=where.database))
    tally = sync(tmp_path / "runs", store)
    assert tally.failed == {}
    assert [r["_id"] for r in store.runs.find()] == [1]
    assert store.metrics.count_documents({}) == 2


def test_another_run_of_the_same_number_is_left_alone(tmp_path, store):
    store.runs.insert_one({"_id": 1, "status": "COMPLETED", "host": {"hostname": "elsewhere"}, "note": "not ours"})
    run(tmp_path / "runs")
    sync(tmp_path / "runs", store)
    assert store.runs.find_one({"_id": 1})["note"] == "not ours"
    assert store.runs.find_one({"_id": 2})["result"] == {"score": 0.5, "sets": {"easy": [1, 2]}}


@pytest.mark.parametrize("status", ["COMPLETED", "QUEUED"])
def test_a_copy_cut_off_while_it_took_its_number_goes_on_with_it(tmp_path, store, status):
    home = tmp_path / "runs"
    run(home)
    change(home / "1", status=status)
    name = f"{identity(home)}/1"
    store.copies.insert_one({"_id": name, "registry": identity(home), "run": 7, "placed": False})
    store.runs.insert_one({"_id": 7, "artifacts": [], "cavl_sync": name})
    assert sync(home, store).failed == {}
    assert [(r["_id"], r["status"], "cavl_sync" in r) for r in store.runs.find()] == [(7, status, False)]


def test_a_number_that_was_reserved_but_not_free_is_not_taken(tmp_path, store):
    store.runs.insert_one({"_id": 1, "status": "COMPLETED", "host": {"hostname": "elsewhere"}, "note": "not ours"})
    run(tmp_path / "runs")
    name = f"{identity(tmp_path / 'runs')}/1"
    store.copies.insert_one({"_id": name, "registry": identity(tmp_path / "runs"), "run": 1, "placed": False})
    sync(tmp_path / "runs", store)
    assert [(r["_id"], r.get("note")) for r in store.runs.find({}, sort=[("_id", 1)])] == [(1, "not ours"), (2, None)]


def test_several_syncs_at_once_write_each_run_once(tmp_path, store, where):
    for seed in range(1, 13):
        run(tmp_path / "runs", seed=seed)
    processes = [start_sync(tmp_path / "runs", where.uri) for _ in range(3)]
    told = [process.communicate()[0] for process in processes]
    assert all(process.returncode == 0 for process in processes), told
    assert [r["_id"] for r in store.runs.find({}, sort=[("_id", 1)])] == list(range(1, 13))
    assert store.metrics.count_documents({}) == 24
    assert store.database["fs.files"].count_documents({"filename": {"$regex": "^artifact"}}) == 12


def test_a_sync_that_is_killed_anywhere_is_completed_by_the_next(tmp_path, store, where):
    for seed in range(1, 7):
        run(tmp_path / "runs", seed=seed)
    sync(tmp_path / "runs", store)
    expected = contents(store)
    draw, midway = random.Random(0), 0
    for attempt in range(6):
        for name in store.database.list_collection_names():
            store.database[name].delete_many({})
        process = start_sync(tmp_path / "runs", where.uri, group=2)
        assert process.stdout.readline() == "copying\n"
        while store.runs.count_documents({}) < attempt and process.poll() is None:
            time.sleep(0.001)
        time.sleep(draw.random() * 0.02)
        process.kill()
        process.communicate()
        midway += 0 < store.runs.count_documents({}) < 6
        sync(tmp_path / "runs", store)
        assert contents(store) == expected, f"attempt {attempt}"
        assert store.database["fs.files"].count_documents({"filename": {"$regex": "^artifact"}}) == 6
        assert store.metrics.count_documents({}) == 12
        assert orphans(store) == []
    assert midway, "no kill came while some runs were there and others not"


@pytest.mark.parametrize("renewed", [False, True])
def test_a_sync_that_is_killed_before_any_command_is_completed_by_the_next(tmp_path, store, where, renewed):
    home, children = tmp_path / "runs", multiprocessing.get_context("forkserver")
    for seed in (1, 2, 3):
        run(home, seed=seed)
    children.set_forkserver_preload(["tests.live"])
    sync(home, store)
    for commands in itertools.count():
        for folder in (home / "1", home / "2", home / "3") if renewed else ():
            (folder / "picture.png").write_bytes(b"picture %d" % commands)
            sealed(folder)
        for name in () if renewed else store.database.list_collection_names():
            store.database[name].delete_many({})
        child = children.Process(target=sync_killed, args=(home, where.uri, commands))
        child.start()
        child.join()
        if child.exitcode != 0:
            assert child.exitcode == -signal.SIGKILL
            sync(home, store)
        assert_copied(store, home)
        if child.exitcode == 0:
            break
    assert commands > 10


def test_numbers_that_are_free_are_kept_and_the_others_ascend(tmp_path, store):
    home, foreign = tmp_path / "runs", {"status": "COMPLETED", "host": {"hostname": "elsewhere"}}
    for seed in range(1, 7):
        run(home, seed=seed)
    change(home / "1", result={"n": 2**70})
    store.runs.insert_one({"_id": 3, **foreign})
    store.copies.insert_one({"_id": "another/5", "registry": "another", "run": 5, "placed": False})
    assert list(sync(home, store).failed) == [1]
    taken = {int(c["_id"].rpartition("/")[2]): c["run"] for c in store.copies.find({"stamp": {"$exists": True}})}
    assert taken == {2: 2, 3: 6, 4: 4, 5: 7, 6: 8}, "as if they had come one by one"
    assert [r["_id"] for r in store.runs.find({}, sort=[("_id", 1)])] == [2, 3, 4, 6, 7, 8]


def test_a_run_that_another_process_copies_comes_last(tmp_path, store, monkeypatch):
    monkeypatch.setattr(syncing, "PATIENCE", 0.1)
    home, done = tmp_path / "runs", []
    for seed in (1, 2, 3):
        run(home, seed=seed)
    lock = Lock(home / ".sync" / "2")
    assert lock.acquire()
    threading.Timer(2.0, lock.release).start()
    assert sync(home, store, progress=lambda count, of: done.append((count, held(lock.path)))).new == 3
    assert done == [(0, True), (1, True), (2, True), (3, False)]
    assert_copied(store, home)


def test_groups_end_with_what_is_heavy(tmp_path, store, monkeypatch):
    home = tmp_path / "runs"
    for seed in (1, 2, 3):
        run(home, seed=seed)
    monkeypatch.setattr(syncing, "WEIGHT", 1)
    assert sync(home, store).new == 3
    assert_copied(store, home)


def test_a_damaged_run_is_named_and_the_others_go_on(tmp_path, store):
    for seed in (1, 2, 3):
        run(tmp_path / "runs", seed=seed)
    (tmp_path / "runs" / "2" / "run.json").write_text("{torn")
    tally = sync(tmp_path / "runs", store)
    assert (tally.new, list(tally.failed)) == (2, [2])
    assert "run.json is no JSON" in tally.failed[2]
    assert str(tally) == "3 runs: 2 new, 0 renewed, 0 unchanged, 1 not copied"


@pytest.mark.parametrize("result", [{"n": 2**70}, {"text": "x" * 17_000_000}])
def test_a_run_that_no_document_can_hold_is_named_and_the_others_go_on(tmp_path, store, result):
    for seed in (1, 2, 3):
        run(tmp_path / "runs", seed=seed)
    change(tmp_path / "runs" / "2", result=result)
    tally = sync(tmp_path / "runs", store)
    assert (tally.new, list(tally.failed)) == (2, [2])
    assert f"{tmp_path / 'runs' / '2'} holds what no document of MongoDB can" in tally.failed[2]
    assert len(tally.failed[2]) < 500
    change(tmp_path / "runs" / "2", result=1)
    assert sync(tmp_path / "runs", store).failed == {}
    assert sorted(r["_id"] for r in store.runs.find()) == [1, 2, 3]
    change(tmp_path / "runs" / "2", result=result)
    assert list(sync(tmp_path / "runs", store).failed) == [2], "nor one that is there already"


# ---- what may be wrong with the database ----------------------------------------------------------------------------


def test_a_database_that_is_away_is_told_without_the_password():
    with (
        pytest.raises(MongoError, match="sync again when it is back") as caught,
        opened(address("mongodb://user:geheim@127.0.0.1:9/lab")),
    ):
        pass
    assert "geheim" not in str(caught.value)
    assert "mongodb://***@127.0.0.1:9" in str(caught.value)


def test_wrong_passwords_and_users_who_may_only_read_are_told(tmp_path):
    server = Mongod(tmp_path / "mongod", auth=True)
    try:
        server.add_users("geheim", reader="read")
        for user, message in (("boss:falsch", "the password is wrong"), ("reader:geheim", "role readWrite")):
            uri = f"mongodb://{user}@127.0.0.1:{server.port}/lab" + ("?authSource=admin" if "boss" in user else "")
            with pytest.raises(MongoError, match=message) as caught, opened(address(uri)):
                pass
            assert not {"geheim", "falsch"} & set(str(caught.value).replace("@", ":").split(":"))
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("text", "uri", "database"),
    [
        ("mongodb://h:1/lab", "mongodb://h:1/lab", "lab"),
        ("mongodb://h", "mongodb://h", "sacred"),
        ("h:27018:lab", "mongodb://h:27018", "lab"),
        ("lab", "mongodb://localhost:27017", "lab"),
    ],
)
def test_addresses(text, uri, database):
    assert address(text) == Address(uri=uri, database=database)


@pytest.mark.parametrize("text", ["", "mongodb://", "mongodb://u:p@ss@h:port", "a b", "h:27017:lab:x"])
def test_what_is_no_address(text):
    with pytest.raises(MongoError, match="is no address of a MongoDB") as caught:
        address(text)
    assert "p@ss" not in str(caught.value)


#: None of whose parts may be told.
ODD = ("ge heim", "ge/heim", "12?heim", "ge?heim", "ge#heim", "ge[heim", "ge:heim", "ge%heim", "ge\nheim", "ge+heim")
WITH_HOST = ("mongodb://u:{}@127.0.0.1:9/lab", "u:{}@h:1:lab")
WITHOUT = ("mongodb://u:{}", "u:{}")  # where what is behind an @ would be the host


@pytest.mark.parametrize(
    ("form", "password"),
    [*itertools.product(WITH_HOST, (*ODD, "12/heim", "ge@heim")), *itertools.product(WITHOUT, ODD)],
)
def test_no_part_of_an_odd_password_is_told(form: str, password: str):
    with pytest.raises(MongoError) as caught, opened(address(form.format(password)), indexes=False) as store:
        store.runs.find_one()
    assert not any(part in str(caught.value) for part in ("heim", password)), str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *(f"mongodb://h/{name}" for name in ("la.b", "la%2Eb", "a$b", "a b", "a%20b", "a/b", "x" * 64)),
        "la.b",
        "h:1:la.b",
    ],
)
def test_a_name_that_no_database_has_is_refused_and_not_cut(text: str):
    with pytest.raises(MongoError, match="cannot be the name of a database" if "://" in text else "is no address"):
        address(text)


@pytest.mark.parametrize("name", ["admin", "config", "local", "Admin", "%61dmin"])
def test_a_database_of_mongodbs_own_is_refused(name: str):
    for text in (f"mongodb://u:geheim@h/{name}?x=1", *([] if "%" in name else [name, f"h:1:{name}"])):
        with pytest.raises(MongoError, match=r"is MongoDB's own; name another behind HOST:PORT") as caught:
            address(text)
        assert "geheim" not in str(caught.value)
    assert address("mongodb://u:p@h/lab?authSource=admin").database == "lab"


def test_drivers_read_a_password_alike():
    assert address("mongodb://u:a+b#c@h/lab?x=1").whole == "mongodb://u:a%2Bb%23c@h/lab?x=1"
    assert address("mongodb://u:a%40b@h").uri == "mongodb://u:a%40b@h"


# ---- the command line -----------------------------------------------------------------------------------------------


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "registry", "sync", *arguments],
        cwd=ROOT,
        env={**{k: v for k, v in os.environ.items() if k != "CAVL_MONGO_URI"}, **environment},
        capture_output=True,
        text=True,
    )


def test_the_command_copies_and_says_what_it_has_done(tmp_path, where, store):
    home = tmp_path / "runs"
    run(home)
    time.sleep(syncing.YOUNG + 2.1)  # the command takes younger files for unfinished, and copies them again
    first = command("--mongo", where.uri, "--home", str(home))
    assert first.returncode == 0, first.stderr
    assert "1 runs: 1 new, 0 renewed, 0 unchanged" in first.stdout
    again = command("--home", str(home), "--json", CAVL_MONGO_URI=where.uri)
    assert json.loads(again.stdout)["unchanged"] == 1
    assert store.runs.count_documents({}) == 1


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path, where):
    run(tmp_path / "runs")
    home = ("--home", str(tmp_path / "runs"))
    for arguments, status, sentence in (
        ((), 2, "which MongoDB? give --mongo"),
        (("--mongo", "http://lab"), 2, "is no address of a MongoDB"),
        (("--mongo", "http://lab", "--watch"), 2, "is no address of a MongoDB"),
        (("--mongo", "mongodb://u:geheim@127.0.0.1:9/lab"), 2, "sync again when it is back"),
    ):
        refused = command(*arguments, *home)
        assert (refused.returncode, "Traceback" in refused.stderr) == (status, False), refused.stderr
        assert sentence in refused.stderr
        assert "geheim" not in refused.stderr + refused.stdout
    (tmp_path / "runs" / "1" / "run.json").write_text("{torn")
    damaged = command("--mongo", where.uri, *home)
    assert damaged.returncode == 1
    assert "run 1 not copied" in damaged.stderr


def test_watching_copies_what_comes_later(tmp_path, where, store):
    home = tmp_path / "runs"
    run(home, seed=1)
    arguments = [sys.executable, "-m", "registry", "sync", "--mongo", where.uri, "--home", str(home), "--watch", "0.2"]
    process = subprocess.Popen(arguments, cwd=ROOT)
    try:
        run(home, seed=2)
        for _ in range(1200):
            if store.runs.count_documents({"status": "COMPLETED"}) == 2:
                break
            time.sleep(0.1)
        assert store.runs.count_documents({"status": "COMPLETED"}) == 2
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130


def test_of_many_looks_the_first_tells_what_is_damaged(tmp_path, where, store, capsys):
    home, told = tmp_path / "runs", set[str]()
    run(home)
    run(home, seed=2)
    whole = (home / "1" / "run.json").read_text()
    (home / "1" / "run.json").write_text("{torn")
    said = []
    for _ in range(2):
        assert copy(Registry(home), where, told=told) == 1
        said.append(capsys.readouterr())
    assert "run 1 not copied" in said[0].err
    assert said[1] == ("", "")
    (home / "1" / "run.json").write_text(whole)
    assert copy(Registry(home), where, told=told) == 0
    assert "1 new" in capsys.readouterr().out
    assert told == set(), "to be told when it comes again"


def test_sacreds_own_option_names_the_database(tmp_path, where, store):
    """-m on the command line of a task: the run is there, under its own number, and the address is in no record."""
    words = ["-m", where.uri, "with", "preset=smoke", "method=full-frame", "ordering=none"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tasks.localization", *words],
        cwd=ROOT,
        env={**os.environ, "CAVL_HOME": str(tmp_path / "runs"), "CAVL_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = store.runs.find()
    assert (found["_id"], found["status"]) == (1, "COMPLETED")
    assert found["config"]["method"] == "full-frame"
    assert where.uri not in (tmp_path / "runs" / "1" / "run.json").read_text()


def test_names_that_are_markup_are_copied_as_text_and_code_is_not(tmp_path: Path, store: Store):
    home = tmp_path / "runs"
    run(home, points=3)
    run(home, points=3, seed=2)
    journal = home / "1" / "metrics.jsonl"
    journal.write_text(journal.read_text().replace('"loss"', '"<img src=x onerror=alert(1)>\\u001b"'))
    sealed(home / "1")
    change(home / "2", result={"py/object": "os.system"})
    tally = sync(home, store)
    assert (tally.new, tally.damaged) == (1, {})
    assert "the key 'py/object', for which Sacred would run code" in tally.failed[2]
    assert {m["name"] for m in store.metrics.find()} == {"accuracy", "‹img src=x onerror=alert(1)›�"}
    assert {m["name"] for m in store.runs.find_one()["info"]["metrics"]} == {m["name"] for m in store.metrics.find()}
