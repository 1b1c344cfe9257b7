"""The whole way of the paper's data, as real as it can be without the internet.

Sixty-odd media are served on loopback and fetched by yt-dlp: ``prepare audioset`` is killed at random moments and goes
on; in the end the account is exactly right, what was finished was never asked for again, and every clip holds the
seconds that its list names. Then the preset ``paper`` trains on those clips with its full-size networks, two updates a
stage, and evaluates all four tasks (the other data sets are written by the store's own writer).
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets.prepared import Prepared
from registry.index import Registry
from tests import paper_data
from tests.loopback import Page, Server
from tests.media import GREYS, PITCHES, make_video, pitch_at

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
FPS = 10.0

#: Container, codecs and how they are filled: what users upload.
FORMS = [
    ("mp4", {"video": "libx264", "audio": "aac"}),
    ("webm", {"video": "libvpx-vp9", "audio": "libopus", "rate": 48_000}),
    ("mkv", {"video": "libx264", "audio": "libmp3lame"}),
    ("avi", {"video": "mpeg4", "audio": "libmp3lame"}),
    ("mov", {"video": "mpeg4", "audio": "pcm_s16le"}),
    ("mkv", {"video": "libx264", "audio": "flac"}),
]
SIZES = [(64, 48), (640, 360), (48, 64), (102, 58), (320, 240), (176, 144), (256, 256)]
RATES = [44_100, 48_000, 22_050, 8_000, 32_000, 11_025, 16_000]


@dataclass
class Case:
    """One row of a list, what the server does when asked for it, and how it must end."""

    id: str
    start: float
    page: Page
    status: str = "found"
    reason: str = ""
    n_sources: int = 1


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[Case]:
    folder = tmp_path_factory.mktemp("uploads")
    made: list[Case] = []

    def upload(n: int, seconds: float = 16.0, **different: object) -> bytes:
        ending, form = FORMS[n % len(FORMS)]
        settings = {
            "size": SIZES[n % len(SIZES)],
            "channels": 1 + n % 2,
            "fps": (10, 15, 25)[n % 3],
            **form,
            **different,
        }
        if settings.get("rate", 0) != 48_000:
            settings["rate"] = RATES[n % len(RATES)]
        return make_video(folder / f"{n}.{ending}", seconds, **settings).read_bytes()  # type: ignore[arg-type]

    def case(page: Page, status: str = "found", reason: str = "", id: str = "") -> None:
        n = len(made)
        made.append(Case(id or f"clip{n:02d}_abc-", float(n % 5), page, status, reason, n_sources=1 + n // 3 % 5))

    for n in range(36):
        case(Page(upload(n), pause=0.02 if n % 7 == 0 else 0.0))
    for id in ("-oXabc_1234", "--help_abcd", "_-_-_-_-_-_"):  # YouTube's ids may look like this
        case(made[0].page, id=id)
    case(Page(made[1].page.content, busy=[429, 503]))
    case(Page(made[2].page.content, busy=[500]))
    for answer, words in ((404, "Not Found"), (410, "Gone"), (403, "Forbidden")):
        for _ in range(2):
            case(Page(answer=answer), "missing", f"HTTP Error {answer}: {words}")
    case(Page(answer=503), "missing", "asked 5 times")
    for n in (0, 1, 3):
        case(Page(upload(40 + n, 3.0)), "damaged", "too short")
    for n in (0, 1, 2):
        case(Page(upload(50 + n, audio=None)), "damaged", "no audio track")
    for n in (0, 2):
        case(Page(upload(60 + n, video=None)), "damaged", "no video track")
    for _ in range(2):
        case(Page(b""), "damaged", "empty (0 bytes)")
    whole = made[0].page.content
    for content in (whole[: len(whole) // 2], random.Random(0).randbytes(20_000), b"<html>gone</html>" * 99):
        case(Page(content), "damaged", "Invalid data found")
    webm = made[1].page.content
    case(Page(webm[: len(webm) // 4]), "damaged", "too short")
    return made


@pytest.fixture(scope="module")
def server(cases: list[Case]) -> Iterator[Server]:
    with Server({case.id: case.page for case in cases}) as server:
        yield server


def in_list_order(cases: list[Case]) -> list[Case]:
    """Two of three are in balanced_train, the third in eval."""
    return [c for i, c in enumerate(cases) if i % 3 < 2] + cases[2::3]


@pytest.fixture(scope="module")
def lists(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two lists in Google's form, with rows in them that are none, and an ontology of six third-level classes."""
    folder = tmp_path_factory.mktemp("lists")
    others = ["/m/cat", "/m/cow", "/m/owl", "/m/pig", "/m/fox"]
    ontology = [
        {"id": "/m/root", "child_ids": ["/m/animals"]},
        {"id": "/m/animals", "child_ids": ["/m/dog", *others]},
        {"id": "/m/dog", "child_ids": ["/m/bark"]},
        *({"id": id, "child_ids": []} for id in ["/m/bark", *others]),
    ]
    files = {"ontology": folder / "ontology.json"}
    files["ontology"].write_text(json.dumps(ontology))
    rows = [
        f'{c.id}, {c.start:.3f}, {c.start + 10:.3f}, "{",".join(["/m/bark", "/m/dog", *others[: c.n_sources - 1]])}"'
        for c in in_list_order(cases)
    ]
    train = len(cases) - len(cases[2::3])
    bad = ['../../x, 0.000, 10.000, "/m/dog"', f'{"y" * 300}, 0.000, 10.000, "/m/dog"', '-oX, 0.000, 10.000, "/m/dog"']
    for name, part in (("balanced_train", rows[:train] + bad), ("eval", rows[train:])):
        files[name] = folder / f"{name}_segments.csv"
        files[name].write_text("# Segments csv\n# num_ytids\n# YTID, start_seconds, end_seconds, positive_labels\n")
        with open(files[name], "a") as file:
            file.write("\n".join(part) + "\n")
    return files


def command(lists: dict[str, Path], root: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "benchmarks.cli", "prepare", "audioset", "--root", str(root)),
        *("--ontology", str(lists["ontology"]), "--segments", str(lists["balanced_train"]), str(lists["eval"])),
        *("--fps", str(FPS), "--jobs", "2", "--back-off", "0.1", "--rate", "1000", *more),
    ]


def quiet_environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def started(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """The program in a group of processes of its own."""
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def require_gone(running: subprocess.Popen[bytes]) -> str:
    """The output of a program, of which no process is left after a while: children notice that their parent has died.

    They have groups of their own, but all of them have inherited the pipe, which ends with the last of them.
    """
    try:
        return running.communicate(timeout=30)[0].decode()
    except subprocess.TimeoutExpired:
        raise AssertionError("some process is still there") from None


def entries(root: Path) -> dict[str, dict[str, str]]:
    """What the account says, read independently of the code that writes it."""
    try:
        lines = (root / "audioset" / "account.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return {}
    return {entry["id"]: entry for entry in map(json.loads, lines) if "id" in entry}


@dataclass
class Rehearsal:
    """What was seen while ``prepare audioset`` was killed three times and went on to its end."""

    root: Path
    output: str  # of the last start
    finished: set[str]  # items in the account before it
    fetched: set[str]  # media that lay there, whole, before it
    asked: set[str]  # of the two, those that the last start asked the server for


@pytest.fixture(scope="module")
def rehearsal(server: Server, lists: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    root = tmp_path_factory.mktemp("rehearsal") / "data % $HOME"
    prepare, environment = command(lists, root, "--url-template", server.template), quiet_environment()
    moment = random.Random()
    for kill in range(3):
        running = started(prepare, environment)
        aim = max(3, len(entries(root))) + moment.randrange(1, 14)
        while len(entries(root)) < aim and running.poll() is None:
            time.sleep(0.02)
        time.sleep(moment.random() / 2)
        running.send_signal(signal.SIGKILL)
        output = require_gone(running)
        assert running.returncode == -signal.SIGKILL, (kill, output)
        finished = entries(root)
        fetched = {p.name for p in (root / "audioset").glob("fetched/*") if p.suffix != ".part"}
        assert len(finished) >= aim
        server.forget()
    done = subprocess.run(prepare, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = server.was_asked_for(finished.keys() | fetched)
    return Rehearsal(root, done.stderr, set(finished), fetched, asked)


def test_killed_three_times_it_accounts_for_every_item(
    cases: list[Case], server: Server, lists: dict[str, Path], rehearsal: Rehearsal, tmp_path: Path
) -> None:
    root = rehearsal.root
    assert not rehearsal.asked, "what was there before the kill was asked for again"
    assert f"{len(rehearsal.finished)} of {len(cases) + 3} items are done already" in rehearsal.output

    # The account: every item as it must have ended, and the three rows that name none.
    account = entries(root)
    assert {c.id: c.status for c in cases} == {c.id: account[c.id]["status"] for c in cases}
    for c in cases:
        assert c.reason in account[c.id].get("reason", ""), (c, account[c.id])
    refused = {id: entry for id, entry in account.items() if "line" in id}
    assert len(refused) == 3
    assert all("not a YouTube id" in entry["reason"] for entry in refused.values())
    assert len(account) == len(cases) + 3
    assert not any((root / "audioset").glob("fetched/*"))

    # What was packed.
    prepared = Prepared(root / "audioset")
    found = {c.id: c for c in cases if c.status == "found"}
    expected = Counter(c.status for c in cases) + Counter(damaged=3)
    coverage = prepared.coverage
    assert (coverage.found, coverage.missing, coverage.damaged) == tuple(
        expected[status] for status in ("found", "missing", "damaged")
    )
    assert prepared.ids == [c.id for c in in_list_order(cases) if c.status == "found"]
    assert set(prepared.column("split")) == {"balanced_train", "eval"}
    assert list(prepared.column("n_sources")) == [found[id].n_sources for id in prepared.ids]
    for i, id in enumerate(prepared.ids):
        check_clip(prepared, i, found[id].start)

    # The command line on it.
    csv_file = tmp_path / "items.csv"
    for arguments in (["status", "--csv", str(csv_file), "audioset"], ["verify"]):
        said = subprocess.run(
            [sys.executable, "-m", "benchmarks.cli", "prepare", *arguments, "--root", str(root)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert said.returncode == 0, said.stderr
    assert f"{len(found)} of {len(found)} clips are as packed" in said.stdout
    with open(csv_file, newline="") as file:
        assert {row["id"]: row["status"] for row in csv.DictReader(file)} == {
            id: entry["status"] for id, entry in account.items()
        }

    # Files that somebody has already: the same clips, whatever order they came in.
    own = tmp_path / "own"
    own.mkdir()
    for c in found.values():
        (own / f"{c.id}.mp4").write_bytes(c.page.content)
    server.forget()
    other = command(lists, tmp_path / "other", "--no-fetch", "--from", str(own))
    done = subprocess.run(other, cwd=ROOT, env=quiet_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not server.asked
    assert Prepared(tmp_path / "other" / "audioset").fingerprint == prepared.fingerprint


def test_ctrl_c_ends_it_cleanly(cases: list[Case], server: Server, lists: dict[str, Path], tmp_path: Path) -> None:
    """As a terminal does it, to the whole group of processes: a sentence, no traceback, nobody left behind."""
    root = tmp_path / "data"
    running = started(command(lists, root, "--url-template", server.template), quiet_environment())
    while len(entries(root)) < 5 and running.poll() is None:
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGINT)
    output = require_gone(running)
    assert running.returncode == 130, output
    assert "interrupted; what was finished is kept, the same command goes on from here" in output
    assert "Traceback" not in output
    found = sum(entry["status"] == "found" for entry in entries(root).values())
    prepared = Prepared(root / "audioset")
    assert (len(prepared), prepared.coverage.expected) == (found, len(cases) + 3)
    assert any("not tried yet" in item.reason for item in prepared.lost)


def check_clip(prepared: Prepared, i: int, start: float) -> None:
    """The clip holds the ten seconds from ``start`` on: pitch and grey of each, to the second."""
    waveform = prepared.waveform(i)
    assert len(waveform) == 110_250, prepared.ids[i]
    assert 8_000 < np.abs(waveform).max() < 32_767
    times = prepared.frame_times(i)
    assert len(times) == 10 * FPS
    for second in range(10):
        assert abs(pitch_at(waveform, second, 11_025) - PITCHES[int(start + second) % 10]) < 5, prepared.ids[i]
        middle = int(np.searchsorted(times, second + 0.45))
        grey = prepared.frame(i, middle)
        assert abs(int(grey.mean()) - GREYS[int(start + second) % 10]) < 8, prepared.ids[i]
        assert grey.shape == (256, 256, 3)


# -- the preset paper on it ------------------------------------------------------------------------------------------

#: Four stages, each as the paper's, and what is measured on them; rows that look at no image.
COMMAND = (
    *("benchmarks", "--preset", "paper", "--limit", "16"),
    *("--methods", "cavl,full-frame,mean-training-map", "--orderings", "c1-c2-c3-c4,none"),
)
#: Trained parameters (docs/performance.md).
CAVL, COUNTER, SEPARATOR = 19_751_616, 4_766_337, 8_647_361


@pytest.fixture(scope="module")
def data(rehearsal: Rehearsal) -> Path:
    """The other data sets beside the AudioSet that was just prepared."""
    root = rehearsal.root
    paper_data.music(root, videos=4, pieces=1)
    boxes = {f"image{i}": [[10 + i, 20, 100, 120], [12, 22, 110, 130]] for i in range(4)}
    training = {f"other{i}": [[30, 30 + i, 200, 200], [20, 30, 210, 220]] for i in range(5)}
    paper_data.flickr_soundnet(root, boxes, training, missing=["image3"], seconds=5.0)
    paper_data.esc50(root, classes=2)
    return root


def run(data: Path, folder: Path, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
    """A program on prepared data, its runs and report in ``folder``."""
    folders = {"CAVL_HOME": str(folder / "runs"), "CAVL_DATA": str(data), "PYTHONPATH": str(ROOT)}
    environment = {**os.environ, **folders, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_what_is_not_prepared_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    refused = run(tmp_path / "empty", tmp_path, *COMMAND, timeout=120)
    assert refused.returncode == 2
    for name in ("audioset", "flickr_soundnet", "music", "esc50"):
        assert f"cavl-bench prepare {name} --root" in refused.stdout
    assert "or select with --tasks and --methods what can do without" in refused.stdout
    assert not list((tmp_path / "runs").glob("[0-9]*"))


@pytest.mark.timeout(1800)  # alone 4 minutes on two cores
def test_two_updates_of_each_stage_and_all_four_tasks_with_the_full_size_networks(
    cases: list[Case], data: Path, tmp_path: Path
) -> None:
    home = tmp_path / "runs"
    finished = run(data, tmp_path, *COMMAND, timeout=1700)
    assert finished.returncode == 0, finished.stdout

    records = Registry(home).records()
    assert {r.status for r in records} == {"COMPLETED"}
    by_task = {}
    for record in records:
        by_task.setdefault(record.pedigree.task, []).append(record)
    assert set(by_task) == {"pretrain", "localization", "classification", "counting", "separation", "avc"}
    (counted,), (separated,) = (
        [r for r in by_task[t] if r.config["method"] == "cavl"] for t in ("counting", "separation")
    )

    trained = sorted(by_task["pretrain"], key=lambda r: len(r.config["stages"]))
    assert [[s["curricula"] for s in r.config["stages"]][-1] for r in trained] == [[1], [2], [3], [4]]
    assert [r.config["stages"][-1]["lr"] for r in trained] == [1e-4, 1e-5, 1e-6, 1e-7]
    assert all(r.metrics()["loss"][0] == [1, 2] for r in trained)
    assert all("pair_accuracy" in r.result and "pointing" not in r.result for r in trained)
    ofone = Counter(c.status for c in in_list_order(cases)[: -len(cases[2::3])] if c.n_sources == 1)
    refused = 3  # rows of balanced_train that are none, of one source by their labels
    lost = f"(missing {ofone['missing']}, damaged {ofone['damaged'] + refused})"
    assert trained[0].result["coverage"].endswith(lost), trained[0].result["coverage"]
    for record, parameters in (
        *((r, CAVL) for r in trained),
        (counted, COUNTER),
        (separated, CAVL + SEPARATOR),
    ):
        (weights,) = home.glob(f"checkpoints/{record.pedigree.key}/weights.safetensors")
        assert weights.stat().st_size == pytest.approx(4 * parameters, rel=0.01)

    rows = {r.config["method"]: r.result for r in by_task["localization"]}
    assert {r["coverage"] for r in rows.values()} == {"3 of 4 (missing 1, damaged 0)"}
    assert rows["cavl"]["items"] == {"single": 3, "multi": {}}
    heatmaps = {"aligned", "unaligned", "random-centre", "activation", "other-audio", "silence"}
    assert heatmaps == set(rows["cavl"]["single"])
    assert set(rows["mean-training-map"]["single"]) == {"mask"}
    probed = [(r.config["method"], r.result["items"]) for r in by_task["classification"]]  # ESC-10 and ESC-50
    assert sorted(probed) == [("cavl", 10)] * 2 + [("spectrogram-statistics", 10)] * 2
    assert counted.result["items"] == sum(c.status == "found" for c in cases[2::3])
    assert separated.result["pairs"] == 2

    text = (tmp_path / "reports" / "generated" / "paper@16" / "report.md").read_text()
    assert "- **Rehearsal**: A rehearsal, on at most 16 scenes of each set" in text
    assert "data: 3 of 4 (missing 1, damaged 0)" in text
    assert "46.0" in text, "the paper's number stands beside ours"
    plan = json.loads((home / "plans" / "paper@16.json").read_text())
    assert plan["limit"] == 16

    again = run(data, tmp_path, *COMMAND, timeout=120)
    assert again.returncode == 0
    assert " 0 to do" in again.stdout
