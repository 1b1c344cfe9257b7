"""The programs as a user runs them: the suite, single experiments, kills, damage, a full disk."""

import json
import os
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load

from benchmarks.catalogue import TASKS
from registry.index import Registry
from tests.sealed import change

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow

#: One stage of 120 updates with a state every 5: long enough to be killed inside.
LONG = (
    "preset=smoke",
    "ordering=c1",
    "training.checkpoint_every=5",
    "stages=[{'curricula': [1], 'updates': 120, 'lr': 0.001}]",
)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """One cache of the smoke world for all tests here."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def program(tmp_path, data):
    """Run ``python -m ...`` with a registry of its own; returns the finished process."""
    environment = {**os.environ, "CAVL_HOME": str(tmp_path / "runs"), "CAVL_DATA": str(data), "COLUMNS": "200"}

    def run(*arguments, home=None, wait=True):
        command = [sys.executable, "-m", *arguments]
        here = environment if home is None else {**environment, "CAVL_HOME": str(home)}
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=here,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,
        )
        if not wait:
            return process
        output, _ = process.communicate(timeout=400)
        return subprocess.CompletedProcess(command, process.returncode, output)

    run.home = tmp_path / "runs"
    run.data = data
    return run


def heed_ctrl_c():
    """A shell's background job ignores SIGINT, and so does what it starts: the tests may be in one, a user's Ctrl-C is
    not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def states(home):
    """Updates of the states on disk."""
    return sorted(int(p.name) for p in home.glob("checkpoints/*/states/*") if p.name.isdecimal())


def kill_behind(process, home, update):
    """SIGKILL the process and all it started as soon as a state behind ``update`` is on disk."""
    deadline = time.monotonic() + 120
    while not any(s >= update for s in states(home)):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def wait_for_runs(home, number):
    """Wait until so many runs have begun."""
    deadline = time.monotonic() + 120
    while len(list(home.glob("[0-9]*/run.json"))) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def result(home, task):
    (record,) = [r for r in Registry(home).records() if r.pedigree.task == task]
    return record


def test_smoke_job_runs_whole_then_nothing_then_only_what_is_missing(program):
    first = program("benchmarks", "--preset", "smoke")
    assert first.returncode == 0, first.stdout
    page = ROOT / "reports" / "generated" / "smoke" / "index.html"
    assert page.is_file()
    assert "http-equiv" not in page.read_text()
    records = Registry(program.home).records()
    assert {r.status for r in records} == {"COMPLETED"}
    assert {r.pedigree.task for r in records} == set(TASKS.available)
    assert len({r.pedigree.key for r in records}) == len(records)
    orderings = {r.config["ordering"] for r in records}
    assert {"c1-c2-c3-c4", "mixed-counted", "random", "c3@3", "untrained"} <= orderings

    began = time.monotonic()
    second = program("benchmarks", "--preset", "smoke")
    assert second.returncode == 0
    assert " 0 to do" in second.stdout
    assert len(Registry(program.home).records()) == len(records)
    print(f"the second call took {time.monotonic() - began:.1f} s")

    weights = next(program.home.glob("checkpoints/*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    third = program("benchmarks", "--preset", "smoke")
    assert third.returncode == 0
    assert "are damaged" in third.stdout
    assert str(weights.parent) in third.stdout
    assert " 1 to do" in third.stdout
    assert len(Registry(program.home).records()) == len(records) + 1


def test_killed_at_three_random_updates_ends_bit_identical(program, tmp_path):
    task = ("benchmarks.tasks.localization", "with", *LONG)
    whole = tmp_path / "uninterrupted"
    assert program(*task, home=whole).returncode == 0
    draw = random.Random()
    targets = sorted(draw.sample(range(10, 110, 5), 3))
    for update in targets:
        kill_behind(program(*task, wait=False), program.home, update)
    finished = program(*task)
    assert finished.returncode == 0, finished.stdout

    (run,) = [r for r in Registry(program.home).records() if r.pedigree.task == "pretrain"]
    said = (run.folder / "cout.txt").read_text()
    resumed = [int(line.split()[3]) for line in said.splitlines() if line.startswith("resuming at update")]
    assert len(resumed) == 3, (targets, said)
    assert all(start > 0 for start in resumed)
    assert resumed == sorted(resumed)

    reference = result(whole, "pretrain")
    assert run.result == reference.result  # includes the sha256 of the weights
    assert run.metrics() == reference.metrics()  # one history: no gap, no doubled update
    files = list(whole.glob("checkpoints/*/weights.safetensors"))
    assert len(files) == 1
    for file in files:
        ours = program.home / file.relative_to(whole)
        assert ours.read_bytes() == file.read_bytes()
        assert load(file.read_bytes())
    ours, theirs = (result(home, "localization") for home in (program.home, whole))
    assert ours.result == theirs.result
    assert ours.artifact("items.csv").read_bytes() == theirs.artifact("items.csv").read_bytes()


@pytest.mark.parametrize(
    ("task", "options"),
    [("counting", ("evaluation.labels=permuted", "evaluation.updates=60")), ("separation", ("evaluation.updates=60",))],
)
def test_what_a_task_trains_itself_is_resumed_bit_identical(program, tmp_path, task, options):
    command = (f"benchmarks.tasks.{task}", "with", "preset=smoke", "ordering=untrained")
    command += ("training.checkpoint_every=5", *options)
    whole = tmp_path / "uninterrupted"
    assert program(*command, home=whole).returncode == 0
    for update in (10, 35):
        kill_behind(program(*command, wait=False), program.home, update)
    assert program(*command).returncode == 0
    ours, theirs = (result(home, task) for home in (program.home, whole))
    assert (ours.folder / "cout.txt").read_text().count("resuming at update") == 2
    assert ours.result == theirs.result  # includes the sha256 of the weights
    assert ours.metrics() == theirs.metrics()
    assert ours.artifact("items.csv").read_bytes() == theirs.artifact("items.csv").read_bytes()
    assert not list(program.home.glob("checkpoints/*/states"))


def test_suite_interrupted_by_ctrl_c_goes_on_from_there(program):
    arguments = ("benchmarks", "--preset", "smoke", "--methods", "cavl", "--tasks", "localization", "--jobs", "2")
    process = program(*arguments, wait=False)
    wait_for_runs(program.home, 6)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert "the same command goes on from here" in output
    done = {r.pedigree.key for r in Registry(program.home).records(status="COMPLETED")}
    assert done
    again = program(*arguments)
    assert again.returncode == 0, again.stdout
    records = Registry(program.home).records()
    assert {r.status for r in records} == {"COMPLETED"}
    keys = [r.pedigree.key for r in records]
    assert len(keys) == len(set(keys))  # finished runs were reused, interrupted ones continued
    assert done < set(keys)


def test_killed_suite_leaves_no_process_behind_and_goes_on(program):
    """SIGKILL of the suite alone: its workers notice, record what they were doing, and end."""
    arguments = ("benchmarks", "--preset", "smoke", "--methods", "cavl", "--tasks", "localization", "--jobs", "2")
    process = program(*arguments, wait=False)
    wait_for_runs(program.home, 4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while members(process.pid):  # of its process group
        assert time.monotonic() < deadline, members(process.pid)
        time.sleep(0.1)
    again = program(*arguments)
    assert again.returncode == 0, again.stdout
    assert {r.status for r in Registry(program.home).records()} == {"COMPLETED"}


def members(group):
    """Living processes of a process group."""
    found = subprocess.run(["ps", "-o", "pid=,stat=", "-g", str(group)], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if "Z" not in line.split()[1]]


def test_unobserved_run_touches_neither_records_nor_weights(program):
    task = ("benchmarks.tasks.pretrain", "-u", "with", "preset=smoke", "ordering=c1")
    done = program(*task)
    assert done.returncode == 0, done.stdout
    assert not Registry(program.home).records()
    assert not list(program.home.glob("checkpoints/*"))


def test_states_of_another_run_are_not_resumed(program):
    """A record that was deleted takes its training states with it: the next run has a whole history of its own."""
    task = ("benchmarks.tasks.pretrain", "with", *LONG)
    kill_behind(program(*task, wait=False), program.home, 20)
    (record,) = Registry(program.home).records()
    shutil.rmtree(record.folder)
    assert program(*task).returncode == 0
    (record,) = Registry(program.home).records()
    assert "resuming" not in (record.folder / "cout.txt").read_text()
    assert record.metrics()["loss"][0] == list(range(1, 121))


def test_rerun_failed_runs_what_failed_and_what_it_starts_from(program):
    narrow = ("benchmarks", "--preset", "smoke", "--methods", "cavl", "--orderings", "c0,c1", "--tasks", "localization")
    assert program(*narrow).returncode == 0
    (c0,) = [r for r in Registry(program.home).records(task="localization") if r.config["ordering"] == "c0"]
    change(c0.folder / "run.json", status="FAILED")
    (c1,) = [r for r in Registry(program.home).records(task="localization") if r.config["ordering"] == "c1"]
    shutil.rmtree(c1.folder)
    (program.home / "checkpoints" / c0.pedigree.parents[0] / "weights.safetensors").unlink()
    again = program(*narrow, "--rerun", "failed")
    assert again.returncode == 0, again.stdout
    assert "2 to do" in again.stdout  # the evaluation, and the training whose weights are gone; not the one never run
    done = {(r.pedigree.task, r.config["ordering"]) for r in Registry(program.home).records(status="COMPLETED")}
    assert ("localization", "c0") in done
    assert ("localization", "c1") not in done


def test_a_failed_run_is_named_and_the_rest_goes_on(program, tmp_path):
    """A checkpoint folder that cannot be written fails one training and what starts from it, nothing else."""
    arguments = ("benchmarks", "--preset", "smoke", "--methods", "cavl,full-frame", "--orderings", "c0", "--tasks")
    plan = program(*arguments, "pretrain", "--dry-run")
    assert "pretrain cavl c0 seed 1" in plan.stdout
    from benchmarks.orchestration.request import Request, jobs_of

    (job,) = jobs_of(Request(preset="smoke", methods=("cavl",), orderings=("c0",), tasks=("pretrain",)))
    blocked = program.home / "checkpoints" / job.key
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")
    failed = program(
        "benchmarks", "--preset", "smoke", "--methods", "cavl", "--tasks", "localization", "--orderings", "c0,c1"
    )
    assert failed.returncode == 1
    assert "failed pretrain cavl c0 seed 1" in failed.stdout
    assert "needs 'pretrain cavl c0 seed 1', which failed" in failed.stdout
    finished = {r.config["ordering"] for r in Registry(program.home).records(status="COMPLETED")}
    assert "c1" in finished
    blocked.unlink()
    again = program(
        "benchmarks", "--preset", "smoke", "--methods", "cavl", "--tasks", "localization", "--orderings", "c0,c1"
    )
    assert again.returncode == 0, again.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_full_disk_is_said_and_costs_no_finished_run(program, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        home = small / "runs"
        task = ("benchmarks.tasks.localization", "with", "preset=smoke")
        assert program(*task, "ordering=c1", home=home).returncode == 0
        finished = {r.id: r.result for r in Registry(home).records(status="COMPLETED")}
        (small / "filler").write_bytes(b"x" * (os.statvfs(small).f_bavail * os.statvfs(small).f_frsize - 8192))
        full = program(*task, "ordering=c1-c2", home=home)
        assert full.returncode != 0
        assert "no room to write" in full.stdout, full.stdout
        assert "the same command continues" in full.stdout
        (small / "filler").unlink()
        records = {r.id: r.result for r in Registry(home).records(status="COMPLETED")}
        assert {i: records[i] for i in finished} == finished
        assert program(*task, "ordering=c1-c2", home=home).returncode == 0
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def refused(arguments, monkeypatch, capfd):
    """How ``python -m ...`` ends and all that it says, run in this process, which has imported torch already.

    What is raised but SystemExit, and would have been told by a traceback, is raised here.
    """
    monkeypatch.setattr(sys, "argv", [*arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    code = ended.value.code
    return subprocess.CompletedProcess(arguments, code, "".join([*capfd.readouterr(), str(code)]))


@pytest.mark.filterwarnings("ignore:.*found in sys.modules after import of package")
def test_bad_input_is_refused_in_a_sentence(program, monkeypatch, capfd):
    monkeypatch.setenv("CAVL_HOME", str(program.home))
    monkeypatch.setenv("CAVL_DATA", str(program.data))
    task = "benchmarks.tasks.localization"
    cases = {
        (task, "with", "preset=smoke", "model.clustering.betaa=3"): "did you mean 'beta'",
        (task, "with", "preset=smoke", "orderin=c1"): "orderin",
        (task, "with", "preset=nowhere"): "unknown preset 'nowhere'",
        (task, "with", "preset=smoke", "ordering=c9"): "unknown ordering 'c9'",
        (task, "with", "preset=smoke", "method=magic"): "unknown method 'magic'",
        ("benchmarks", "--preset", "smoke", "--methods", "magic"): "has no method 'magic'",
        ("benchmarks", "--preset", "smoke", "--esc50", "/nowhere"): "there is no /nowhere/meta/esc50.csv",
        (task, "with", "preset=smoke", "training.device=cuda"): "is not available here",
        (task, "with", "preset=smoke", "seed=1.5"): "seed must be",
        ("benchmarks.tasks.classification", "with", "preset=smoke", "evaluation.probe=esc10"): "evaluation.esc50=DIR",
    }
    alone = [*cases][::5]  # an experiment and the suite, in processes of their own
    for arguments, sentence in cases.items():
        ended = program(*arguments) if arguments in alone else refused(arguments, monkeypatch, capfd)
        assert ended.returncode not in (0, None), arguments
        assert sentence in ended.stdout, (arguments, ended.stdout)
        assert "Traceback" not in ended.stdout, ended.stdout
    assert not Registry(program.home).records()


def test_a_run_by_hand_trains_what_it_needs_and_is_not_repeated(program):
    task = ("benchmarks.tasks.localization", "with", "preset=smoke", "ordering=c1-c2", "seed=3")
    first = program(*task)
    assert first.returncode == 0, first.stdout
    assert "first: pretrain cavl c1 seed 3" in first.stdout
    assert "first: pretrain cavl c1-c2 seed 3" in first.stdout
    second = program(*task)
    assert second.returncode == 0
    assert "already holds this result" in second.stdout
    assert len(Registry(program.home).records()) == 3
    assert program(*task, "force=True").returncode == 0
    assert len(Registry(program.home).records()) == 4
    config = program("benchmarks.tasks.localization", "print_config", "with", "preset=smoke")
    assert "clustering" in config.stdout


def test_damaged_cache_is_named_and_made_again(program, tmp_path):
    cache = tmp_path / "cache"
    environment = {"CAVL_DATA": str(cache)}
    os.environ.update(environment)  # for this test's own processes
    try:
        run = [sys.executable, "-m", "benchmarks.tasks.pretrain", "with", "preset=smoke", "force=True"]
        here = {**os.environ, "CAVL_HOME": str(program.home)}
        first = subprocess.run(run, cwd=ROOT, env=here, capture_output=True, text=True)
        assert first.returncode == 0, first.stderr
        damaged = max(cache.rglob("waveforms.npy"), key=lambda p: p.stat().st_size)
        damaged.write_bytes(damaged.read_bytes()[:-10])
        second = subprocess.run(run, cwd=ROOT, env=here, capture_output=True, text=True)
        assert second.returncode == 0, second.stderr
        assert str(damaged) in second.stdout + second.stderr
        weights = {r.result["weights"] for r in Registry(program.home).records()}
        assert len(weights) == 1
    finally:
        del os.environ["CAVL_DATA"]


def test_real_recordings_are_probed_and_a_missing_one_is_named(program, shared_data, tmp_path):
    arguments = ("benchmarks", "--preset", "smoke", "--methods", "spectrogram-statistics", "--tasks", "classification")
    done = program(*arguments, "--esc50", str(shared_data / "ESC-50"))
    assert done.returncode == 0, done.stdout
    (record,) = [r for r in Registry(program.home).records() if r.config["evaluation"]["probe"] == "esc10"]
    assert record.result["items"] == 400
    assert record.result["coverage"] == "400 of 400"
    assert len(record.result["folds"]) == 5
    assert record.result["accuracy"] > 0.6
    assert record.result["permuted"] < 0.2  # chance is 0.1
    table = (ROOT / "reports" / "generated" / "smoke" / "report.md").read_text()
    assert "ESC-10" in table

    short = tmp_path / "ESC-50"
    (short / "audio").mkdir(parents=True)
    (short / "meta").symlink_to(shared_data / "ESC-50" / "meta")
    names = sorted((shared_data / "ESC-50" / "audio").iterdir())
    gone = record.artifact("items.csv").read_text().splitlines()[1].split(",")[0] + ".wav"
    for path in names:
        if path.name != gone:
            (short / "audio" / path.name).symlink_to(path)
    incomplete = program(*arguments, "--esc50", str(short))
    assert gone in incomplete.stdout
    assert incomplete.returncode == 1


def test_list_show_and_compare_read_what_the_suite_wrote(program):
    assert program("benchmarks.tasks.localization", "with", "preset=smoke", "ordering=c1").returncode == 0
    listed = program("registry", "list", "--json")
    ids = [run["id"] for run in json.loads(listed.stdout)]
    assert len(ids) == 2
    shown = program("registry", "show", str(ids[0]))
    assert shown.returncode == 0
    assert "localization" in program("registry", "list").stdout
    assert program("registry", "compare", *map(str, ids)).returncode == 0
