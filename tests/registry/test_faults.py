"""What goes wrong with a run, with its database or with the disk under that: nothing is lost, counted one by one.

What a killed run has on its disk: all that it had logged and said when ``flush`` last returned, and every artifact
that ``add_artifact`` returned for. What is done again after a resumption counts once (a metric's step, an artifact's
name); a line of output is there at most as often as it was said, at least as often as it was flushed. The database says
what the disk says, once it has been let.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from bson import json_util
from pymongo.errors import PyMongoError

from registry.index import Registry
from registry.mongo import sync as syncing
from registry.mongo.address import Store, address, opened
from registry.mongo.sync import sync
from registry.record import observer as observing
from registry.record.observer import RegistryObserver
from registry.record.run_record import Pedigree
from tests.live import (
    ROOT,
    assert_copied,
    assert_whole,
    change,
    finished,
    go,
    record,
    seen,
    start,
    start_sync,
    witnessed,
)
from tests.mongod import Mongod

pytestmark = pytest.mark.slow


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mongod]:
    """It asks for passwords."""
    server = Mongod(tmp_path / "mongod", auth=True)
    yield server
    server.stop()


# ---- the database refuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "remedy"),
    [
        ("reader:geheim", "the user may not write here (not authorized on lab); it needs the role readWrite"),
        ("writer:falsch", "the user or the password is wrong; mend the address"),
    ],
)
def test_a_run_that_its_database_refuses_ends_as_it_would_have(tmp_path, guarded, user, remedy):
    guarded.add_users("geheim", reader="read", writer="readWrite")
    home = tmp_path / "runs"
    told = finished(start(home, f"mongodb://{user}@127.0.0.1:{guarded.port}/lab", store=10))
    assert told.count("warning") == 1, told
    assert remedy in told
    assert not [word for word in ("geheim", "falsch") if word in told]
    assert_whole(home, 30)
    with opened(address(f"mongodb://writer:geheim@127.0.0.1:{guarded.port}/lab")) as store:
        tally = sync(home, store)
        assert (tally.new, tally.failed) == (1, {})
        assert_copied(store, home)


# ---- its disk is full -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own: 450 MB, of which mongod takes 300 at once."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=450m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small disk to be had: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all the room there is left."""
    path = folder / "ballast"
    with open(path, "wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    assert shutil.disk_usage(folder).free < 1 << 12
    return path


def test_a_full_disk_under_the_database(tmp_path, small_disk):
    server, home = Mongod(small_disk / "data"), tmp_path / "runs"
    try:
        process = start(home, f"{server.uri}/lab", hold=15, store=1, patience=1)
        seen(f"{server.uri}/lab", points=15)
        ballast = fill(small_disk)
        with pytest.raises(PyMongoError):  # for what is in its journal there is no room where it belongs
            server.settle()
        go(home)
        told = finished(process)
        assert told.count("warning: run 1 is not copied to MongoDB") == 1, told
        assert_whole(home, 30)
        ballast.unlink()
        assert_completed_once_back(server, home)
    finally:
        server.stop()


def assert_completed_once_back(server: Mongod, home: Path) -> None:
    """The database is started again, and the next sync completes it."""
    server.stop()
    server.start()
    with opened(address(f"{server.uri}/lab")) as store:
        assert sync(home, store).failed == {}
        assert_copied(store, home)


def test_files_that_cannot_grow_under_the_database(tmp_path, mongod):
    """As a quota or a full disk does, without the right to mount one."""
    home = tmp_path / "runs"
    process = start(home, f"{mongod.uri}/lab", hold=5, store=1, patience=1)
    seen(f"{mongod.uri}/lab", points=5)
    resource.prlimit(mongod.process.pid, resource.RLIMIT_FSIZE, (1 << 12, resource.RLIM_INFINITY))
    go(home)
    told = finished(process)
    assert told.count("warning: run 1 is not copied to MongoDB") == 1, told
    assert_whole(home, 30)
    assert_completed_once_back(mongod, home)


# ---- the run itself is ended ----------------------------------------------------------------------------------------

#: The moments: after how many more lines of its witness (0: while it starts), and how long after.
SEED, KILLS = 20_251_121, 10


def test_a_run_killed_at_ten_random_moments_loses_nothing(tmp_path, mongod):
    home, uri, draw = tmp_path / "runs", f"{mongod.uri}/lab", random.Random(SEED)
    options = {"steps": 400, "hold": 390, "store": 8, "pause": 0.01, "every": 0.05}
    sessions, schedule = 0, []
    for kill in range(KILLS):
        process = start(home, uri, **options)
        more, after = draw.randrange(1, 40) if kill % 4 else 0, draw.random() * (0.1 if kill % 4 else 1.0)
        schedule.append((more, after))
        await_lines(home, more, process)
        time.sleep(after)
        process.kill()
        process.communicate()
        sessions += opened_by(home, process.pid)
    go(home)
    process = start(home, uri, **options)
    finished(process)
    sessions += opened_by(home, process.pid)
    told = f"seed {SEED}, kills {schedule}, {sessions} sessions had opened the record"
    assert record(home).id == 1, told
    assert len(record(home).resumptions) == sessions - 1, told
    assert {r["before"]["status"] for r in record(home).resumptions} == {"DIED"}, told
    assert sessions >= KILLS // 2, told
    assert_whole(home, 400)
    with opened(address(uri)) as store:
        assert_copied(store, home)
        sync(home, store)
        assert_copied(store, home)


def await_lines(home: Path, more: int, process: subprocess.Popen[str]) -> None:
    """Until the run has done so much more than before."""
    before = sum(counts.total() for counts in witnessed(home).values())
    deadline = time.monotonic() + 120
    while sum(counts.total() for counts in witnessed(home).values()) < before + more:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "the run does nothing"
        time.sleep(0.005)


def opened_by(home: Path, pid: int) -> bool:
    """Whether the session of this process came as far as its record."""
    path = home / "1" / "run.json"
    return path.exists() and json.loads(path.read_text())["host"]["pid"] == pid


def test_a_kill_while_a_record_is_being_opened_leaves_none(tmp_path, child):
    """At each of the writes of which it is made: none but the next is there afterwards, and it is run 1."""

    experiment = {"name": "demo", "base_dir": str(tmp_path), "sources": [], "dependencies": [], "repositories": []}

    def begin(home: Path, writes: int) -> None:
        observer = RegistryObserver(lambda config: Pedigree(key="k", task="demo"), home)
        real, left = observing.files.atomic_write, iter(range(writes))

        def write(path: Path, data: bytes | str) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            real(path, data)

        observing.files.atomic_write = write
        now = syncing.datetime.datetime(2026, 1, 1)
        observer.started_event(experiment, "main", {"hostname": platform.node()}, now, {"seed": 1}, {}, None)

    for writes in range(10):
        home = tmp_path / f"{writes}"
        home.mkdir()
        _, status = os.waitpid(child(lambda home=home, writes=writes: begin(home, writes)), 0)
        assert os.waitpid(child(lambda home=home: begin(home, 100)), 0)[1] == 0
        (found,) = Registry(home).records()
        assert (found.status, len(found.resumptions)) == ("DIED", int(status == 0))
        assert not list(home.glob(".*.aside"))
        if status == 0:
            break
    assert 4 <= writes < 9, "not one of the kills came while the record was opened"


def test_a_run_that_is_terminated_has_everything_in_the_database(tmp_path, mongod):
    """Nothing is flushed but at its end."""
    home, uri = tmp_path / "runs", f"{mongod.uri}/lab"
    process = start(home, uri, steps=10_000, points=3, pause=0.005, store=50, unflushed=True)
    await_lines(home, 150, process)
    process.terminate()
    process.communicate(timeout=120)
    assert record(home).status == "INTERRUPTED"
    said = witnessed(home)["said"].total()
    steps, values = record(home).metrics()["loss"]
    assert 3 * said <= len(steps) <= 3 * (said + 1), "a step may have been cut off between its points"
    assert (steps, values) == (list(range(len(steps))), [1 / (step + 1) for step in range(len(steps))])
    lines = (record(home).folder / "cout.txt").read_text().splitlines()
    assert said <= len([line for line in lines if line.startswith("step ")]) <= said + 1
    with opened(address(uri)) as store:
        assert_copied(store, home)


# ---- long runs ------------------------------------------------------------------------------------------------------


def test_600_000_points_of_a_run_that_goes_on(tmp_path, mongod):
    home, uri = tmp_path / "runs", f"{mongod.uri}/lab"
    told = finished(start(home, uri, steps=30, points=20_000, pause=0))
    assert told.count("note: run 1: loss too long for one document of MongoDB; every k-th point there") == 1, told
    assert "warning" not in told
    assert_whole(home, 30, points=20_000)
    with opened(address(uri)) as store:
        assert_copied(store, home)
        sizes = store.metrics.aggregate([{"$project": {"size": {"$bsonSize": "$$ROOT"}}}])
        assert 1_000_000 < max(document["size"] for document in sizes) < 16_000_000
        shown = store.metrics.find_one({"name": "loss"})["steps"]
        assert (len(shown), shown[0], shown[-1]) == (syncing.LONGEST, 0, 599_999)
        assert store.runs.find_one()["info"]["thinned"] == ["loss"]


# ---- credentials ----------------------------------------------------------------------------------------------------

PASSWORD = "ge:h/ei@m%1"


def test_a_password_is_nowhere(tmp_path, guarded):
    guarded.add_users(PASSWORD, reader="read", writer="readWrite")
    place = f"127.0.0.1:{guarded.port}/lab"
    uri, home = f"mongodb://writer:{quote(PASSWORD, safe='')}@{place}", tmp_path / "runs"
    told = [finished(start(home, uri, key="good"))]
    told.append(finished(start(home, uri.replace("writer", "reader"), key="refused")))
    told.append(finished(start(home, uri.replace("writer", "nobody"), key="unknown")))
    for leak in (uri, unquote(uri)):  # these say it themselves, on their terminal, too
        failing = start(home, uri, key=str(len(leak)), leak=leak)
        assert "RuntimeError" in failing.communicate()[0]
        assert failing.returncode == 1
    words = ["benchmarks.tasks.localization", "-m", uri, "with", "preset=smoke", "method=full-frame", "ordering=none"]
    for command in (words, ["registry", "sync", "--mongo", uri], ["registry", "list"], ["registry", "show", "4"]):
        told.append(output(tmp_path, *command))
    forms = [PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD)]
    assert not [text for text in told if any(form in text for form in forms)]
    assert grep("step 1", home), "grep finds what is there"
    assert grep("://***@127.0.0.1", home), "and what has been left out"
    assert not [grep(form, home) for form in forms if grep(form, home)]
    with opened(address(uri)) as store:
        assert_copied(store, home)
        assert store.runs.count_documents({"status": "FAILED"}) == 2
        kept = dump(store)
    assert b"step 1" in kept
    assert b"://***@127.0.0.1" in kept
    assert not [form for form in forms if form.encode() in kept]


def output(folder: Path, *command: str) -> str:
    """What a command says that ends well."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={
            **os.environ,
            "CAVL_HOME": str(folder / "runs"),
            "CAVL_DATA": str(folder / "data"),
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def grep(text: str, folder: Path) -> str:
    return subprocess.run(["grep", "-r", "-F", "-e", text, folder], capture_output=True, text=True).stdout


def dump(store: Store) -> bytes:
    """Every document of every collection, and every file."""
    names = store.database.list_collection_names()
    documents = [json_util.dumps(list(store.database[name].find()), ensure_ascii=False) for name in names]
    found = [file["_id"] for file in store.database["fs.files"].find()]
    return b"\n".join([*(text.encode() for text in documents), *(store.files.get(file).read() for file in found)])


# ---- several syncs --------------------------------------------------------------------------------------------------


def test_two_syncs_beside_live_runs_and_one_of_them_killed(tmp_path, mongod):
    home, uri, draw = tmp_path / "runs", f"{mongod.uri}/lab", random.Random(SEED)
    finished(start(home, "", key="finished", steps=12, pause=0, store=4))
    for id in range(2, 9):
        shutil.copytree(home / "1", home / str(id))
        change(home / str(id), start_time=f"2026-01-01T00:00:0{id}.000000")
    live = [start(home, uri, key=f"live{i}", hold=10, store=3) for i in range(2)]
    for _ in range(5):
        for id in draw.sample(range(1, 9), 5):  # something to do for the next two
            (home / str(id) / "part-4.bin").write_bytes(draw.randbytes(700_000))
            change(home / str(id), result={"score": draw.random()})
        killed, other = (start_sync(home, uri) for _ in range(2))
        assert killed.stdout.readline() == "copying\n"
        time.sleep(draw.random() * 0.4)
        killed.kill()
        killed.communicate()
        finished(other)
    go(home)
    for process in live:
        assert "warning" not in finished(process)
    with opened(address(uri)) as store:
        assert sync(home, store).failed == {}
        assert len(Registry(home).records()) == 10
        assert_copied(store, home)
