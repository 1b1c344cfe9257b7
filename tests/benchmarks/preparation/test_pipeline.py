"""A preparation from beginning to end, on few items: order, resuming, retrying, giving up, stopping."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from benchmarks.cli import data_sets
from benchmarks.datasets.prepared import Lost, Prepared, verify
from benchmarks.datasets.prepared_scenes import Member, PreparedScenes, items_of, spread_over
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation import packing
from benchmarks.preparation import pipeline as run
from benchmarks.preparation.download import Fetcher, aside_of
from benchmarks.preparation.item import Cut, Item, Plan, limited
from benchmarks.preparation.journal import Journal
from benchmarks.preparation.local_media import LocalMedia
from benchmarks.preparation.pipeline import GivenUpError, How, InUseError, PreparationState, prepare
from benchmarks.preparation.sandbox import SandboxError
from registry import files
from registry.lock import Lock
from tests.loopback import Page, Server
from tests.media import PITCHES, make_video, pitch_at


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return make_video(tmp_path_factory.mktemp("media") / "a.mp4", 3.2, fps=5).read_bytes()


class Here:
    """Does in this process what a child would do: for tests that are not about processes, which are slow to start."""

    def __init__(self, memory: int) -> None: ...

    def call(self, function: Callable[..., Any], *arguments: Any, timeout: float, limited: bool = True) -> Any:
        return function(*arguments)

    def kill(self) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "Sandbox", Here)


@pytest.fixture
def server(clip: bytes) -> Iterator[Server]:
    with Server({f"video_{n:05}": Page(clip) for n in range(4)}) as server:
        yield server


def item(n: int, **different: Any) -> Item:
    cut = Cut(seconds=2.0, fps=1, start=float(n % 2))
    return Item(**{"id": f"video_{n:05}", "video": f"video_{n:05}", "cut": cut, "attributes": {"n": n}, **different})


def plan(*numbers: int, **different: Any) -> Plan:
    return Plan(**{"name": "toy", "items": [item(n) for n in numbers], "settings": {"fps": 1}, **different})


def how(server: Server | None = None, **different: Any) -> How:
    fetcher = Fetcher(template=server.template, stall=5.0) if server else None
    return How(**{"jobs": 1, "rate": 1000.0, "pause": 0.01, "fetcher": fetcher, **different})


def test_items_keep_the_order_of_the_lists(server: Server, tmp_path: Path) -> None:
    states: list[tuple[int, dict[str, int]]] = []

    def changed(state: PreparationState) -> None:
        states.append((state.done, dict(state.counts)))

    refused = [Lost(id="list, line 3", status="damaged", reason="refused: '../../x' is not an id")]
    prepared = prepare(tmp_path / "toy", plan(2, 0, 9, 3, refused=refused), how(server, jobs=2), on_progress=changed)
    assert prepared.ids == ["video_00002", "video_00000", "video_00003"]
    assert prepared.column("n") == [2, 0, 3]
    assert prepared.column("start") == [0.0, 0.0, 1.0]
    assert str(prepared.coverage) == "3 of 5 (missing 1, damaged 1)"
    assert prepared.lost == [
        Lost(
            id="video_00009",
            status="missing",
            reason="Unable to download webpage: HTTP Error 404: Not Found",
            attributes={"n": 9},
        )
    ]
    assert [item.id for item in prepared.refused] == ["list, line 3"]
    assert states[0] == (0, {"found": 0, "missing": 0, "damaged": 1})
    assert states[-1] == (4, {"found": 3, "missing": 1, "damaged": 1})
    assert verify(tmp_path / "toy") == {}
    assert not any((tmp_path / "toy" / "fetched").iterdir())


@pytest.mark.usefixtures("here")
def test_the_same_call_goes_on_and_asks_for_nothing_twice(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    first = prepare(folder, plan(0, 9), how(server))
    server.forget()
    second = prepare(folder, plan(0, 1, 9), how(server))
    assert set(server.asked) == {"video_00001"}
    assert (first.ids, second.ids) == (["video_00000"], ["video_00000", "video_00001"])
    server.forget()
    assert prepare(folder, plan(0, 1, 9), how(server)).fingerprint == second.fingerprint
    assert not server.asked
    server.pages["video_00009"] = server.pages["video_00000"]
    third = prepare(folder, plan(0, 1, 9), how(server, retry=frozenset({"missing"})))
    assert set(server.asked) == {"video_00009"}
    assert third.coverage.complete
    assert third.ids[-1] == "video_00009"


@pytest.mark.usefixtures("here")
def test_a_rehearsal_on_what_is_there_costs_nothing_of_it(server: Server, tmp_path: Path) -> None:
    """Fewer items are asked for than were: the others stay packed."""
    whole = prepare(tmp_path / "toy", plan(0, 1, 2), how(server))
    assert prepare(tmp_path / "toy", plan(0), how(server)).ids == ["video_00000"]
    server.forget()
    assert prepare(tmp_path / "toy", plan(0, 1, 2), how(server)).fingerprint == whole.fingerprint
    assert not server.asked
    assert verify(tmp_path / "toy") == {}


@pytest.mark.usefixtures("here")
def test_a_rehearsal_says_what_it_leaves_out_and_keeps_what_is_there(server: Server, tmp_path: Path) -> None:
    folder, all_items = tmp_path / "toy", plan(0, 1, 2, 3, 9)
    few = limited(all_items, 2)
    rehearsal = prepare(folder, few, how(server))
    assert rehearsal.ids == ["video_00000", "video_00002"]
    assert str(rehearsal.coverage) == "2 of 5 (missing 0, damaged 0, left out 3)"
    assert [item.attributes["n"] for item in rehearsal.left_out] == [1, 3, 9]
    # Sets of them that scores stand on say so too.
    members = [Member(item=item) for item in items_of(rehearsal)]
    scenes = PreparedScenes(rehearsal, "train", 1, members, choose=spread_over(None))
    assert str(scenes.coverage) == str(rehearsal.coverage)
    whole = prepare(folder, all_items, how(server))
    assert str(whole.coverage) == "4 of 5 (missing 1, damaged 0)"
    again = prepare(folder, few, how(server))
    assert (again.fingerprint, again.coverage) == (whole.fingerprint, whole.coverage)


@pytest.mark.usefixtures("here")
def test_what_was_fetched_before_a_kill_is_not_fetched_again(server: Server, clip: bytes, tmp_path: Path) -> None:
    fetched = tmp_path / "toy" / "fetched" / "video_00000"
    fetched.mkdir(parents=True)
    (fetched / "mp4.mp4").write_bytes(clip)
    (fetched.parent / "video_00001.part").mkdir()
    (fetched.parent / "video_00001.part" / "mp4.mp4.part").write_bytes(clip[:100])
    prepared = prepare(tmp_path / "toy", plan(0, 1), how(server))
    assert len(prepared) == 2
    assert set(server.asked) == {"video_00001"}


@pytest.mark.usefixtures("here")
def test_a_busy_server_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.pages["video_00000"].busy = [429, 503, 500]
    said: list[str] = []
    prepared = prepare(tmp_path / "toy", plan(0), how(server), log=said.append)
    assert prepared.coverage.complete
    assert len(said) == 3
    assert "video_00000: Unable to download webpage: HTTP Error 429: Too Many Requests; nothing is fetched" in said[0]


@pytest.mark.usefixtures("here")
def test_too_many_failures_end_it_and_nothing_is_lost(server: Server, tmp_path: Path) -> None:
    with pytest.raises(GivenUpError, match=r"3 fetches in a row failed, .*404.*--retry goes on"):
        prepare(tmp_path / "toy", plan(0, *range(10, 20)), how(server, patience=3))
    prepared = Prepared(tmp_path / "toy")
    assert prepared.ids == ["video_00000"]
    assert prepared.coverage.missing == 10
    untried = [item for item in prepared.lost if "not tried yet" in item.reason]
    assert len(untried) >= 7
    # What was missing before may be missing still: that is no reason to give up.
    retry = how(server, patience=3, retry=frozenset({"missing"}))
    with pytest.raises(GivenUpError):
        prepare(tmp_path / "toy", plan(0, *range(10, 20)), retry)
    assert Journal(tmp_path / "toy").counts()["missing"] >= 4


@pytest.mark.usefixtures("here")
def test_own_media_are_taken_first(server: Server, clip: bytes, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "video_00000.mp4").write_bytes(clip)
    (own / "video_00001.mp4").write_bytes(b"")
    os.mkfifo(own / "video_00002.mp4")  # would make a decoder hang
    prepared = prepare(tmp_path / "toy", plan(0, 1, 2, 3), how(server, own=LocalMedia([own])))
    assert prepared.ids == ["video_00000", "video_00003"]
    assert set(server.asked) == {"video_00003"}
    assert {item.id: (item.status, item.reason) for item in prepared.lost} == {
        "video_00001": ("damaged", "video_00001.mp4 is empty (0 bytes)"),
        "video_00002": ("damaged", "video_00002.mp4 is no regular file"),
    }


@pytest.mark.usefixtures("here")
def test_a_file_of_more_than_the_segment_is_cut_and_one_of_other_times_named(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    make_video(own / "video_00000_29.0_37.0.mkv", 8.0)
    make_video(own / "video_00001_60_68.mkv", 8.0)
    cut = Cut(start=32.0, seconds=2.0, fps=1.0)
    items = [Item(id=f"video_0000{n}", video=f"video_0000{n}", cut=cut) for n in range(3)]
    prepared = prepare(tmp_path / "toy", Plan(name="toy", items=items), how(own=LocalMedia([own])))
    assert prepared.ids == ["video_00000"]
    assert abs(pitch_at(prepared.waveform(0), 0.0, 11_025) - PITCHES[3]) < 5
    assert prepared.coverage.reasons == {
        "video_00001": "missing: a file with other times is there: video_00001_60_68.mkv",
        "video_00002": "missing: there is no file of it",
    }


@pytest.mark.usefixtures("here")
def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "b.jpg").touch()
    (tmp_path / "own" / "c.wav").touch()
    picture = Cut(seconds=None, image=True)
    items = [Item(id=id, cut=picture) for id in "abc"]
    result = prepare(tmp_path / "toy", Plan(name="toy", items=items), how(own=LocalMedia([tmp_path / "own"])))
    assert result.coverage.reasons == {
        "a": "missing: there is no file of it",
        "b": "missing: there is no sound of it",
        "c": "missing: there is no picture of it",
    }


@pytest.mark.usefixtures("here")
def test_pieces_are_clips_of_one_item(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    whole = Item(id="a", cut=Cut(seconds=1.0, pieces=True, fps=1), files=[tmp_path / "a.mp4"])
    prepared = prepare(tmp_path / "toy", Plan(name="toy", items=[whole]), how())
    assert prepared.ids == ["a/000", "a/001", "a/002"]
    assert prepared.column("start") == [0.0, 1.0, 2.0]
    assert str(prepared.coverage) == "1 of 1"


def hang(*arguments: Any) -> None:
    time.sleep(60)


def test_a_decoder_that_takes_too_long_costs_its_own_item(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    items = [Item(id=id, cut=Cut(seconds=2.0), files=[tmp_path / "a.mp4"]) for id in "ab"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run, "clips_of", hang)
        result = prepare(tmp_path / "toy", Plan(name="toy", items=items), how(timeout=0.5))
    assert result.coverage.reasons == dict.fromkeys("ab", "damaged: given up after 0.5 s")
    again = prepare(tmp_path / "toy", Plan(name="toy", items=items), how(retry=frozenset({"damaged"})))
    assert again.coverage.complete


@pytest.mark.usefixtures("here")
def test_a_fetch_that_took_too_long_goes_on_when_it_is_tried_again(server: Server, clip: bytes, tmp_path: Path) -> None:
    def half(fetcher: Fetcher, video: str, folder: Path, section: object) -> None:
        aside_of(folder).mkdir(parents=True)
        (aside_of(folder) / "mp4.mp4.part").write_bytes(clip[:-999])
        raise SandboxError("given up after 900 s")

    folder = tmp_path / "toy"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Fetcher, "fetch", half)
        result = prepare(folder, plan(0), how(server))
    assert result.coverage.reasons == {"video_00000": "missing: fetching: given up after 900 s"}
    assert [path.name for path in (folder / "fetched").rglob("*.part")] == ["video_00000.part", "mp4.mp4.part"]
    assert prepare(folder, plan(0), how(server, retry=frozenset({"missing"}))).coverage.complete
    assert not any((folder / "fetched").iterdir())


@pytest.mark.usefixtures("here")
def test_what_nobody_foresaw_costs_its_own_item(
    server: Server, clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fetcher: Fetcher, video: str, *more: Any) -> None:
        raise KeyError(video)

    def undecodable(*arguments: Any) -> None:
        raise ZeroDivisionError("division by zero")

    (tmp_path / "a.mp4").write_bytes(clip)
    items = [item(0), item(1, files=[tmp_path / "a.mp4"])]
    monkeypatch.setattr(Fetcher, "fetch", broken)
    monkeypatch.setattr(run, "clips_of", undecodable)
    result = prepare(tmp_path / "toy", Plan(name="toy", items=items), how(server))
    assert result.coverage.reasons == {
        "video_00000": "missing: fetching: KeyError: 'video_00000'",
        "video_00001": "damaged: ZeroDivisionError: division by zero",
    }


@pytest.mark.usefixtures("here")
def test_what_is_not_installed_is_not_the_items_fault(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*arguments: Any) -> None:
        raise ModuleNotFoundError("No module named 'av'")

    monkeypatch.setattr(run, "clips_of", absent)
    (tmp_path / "a.mp4").write_bytes(clip)
    with pytest.raises(ModuleNotFoundError):
        prepare(tmp_path / "toy", plan(items=[item(0, files=[tmp_path / "a.mp4"])]), how())
    assert not Journal(tmp_path / "toy").entries


def test_an_interruption_ends_at_once_and_keeps_what_is_done(server: Server, tmp_path: Path) -> None:
    server.pages["video_00001"].pause = 30.0  # a fetch that takes minutes

    def interrupt(state: PreparationState) -> None:
        if state.done == 1:
            raise KeyboardInterrupt

    def threads() -> set[str]:
        return {t.name for t in threading.enumerate() if "process_request" not in t.name}  # those are the server's

    before = threads()
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "toy", plan(0, 1, 2), how(server, jobs=2), on_progress=interrupt)
    assert Prepared(tmp_path / "toy").coverage.found >= 1
    assert threads() == before
    server.pages["video_00001"].pause = 0.0
    assert prepare(tmp_path / "toy", plan(0, 1, 2), how(server)).coverage.complete


@pytest.mark.usefixtures("here")
def test_a_full_disk_ends_it_and_keeps_what_is_done(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    items = [Item(id=id, cut=Cut(seconds=2.0), files=[tmp_path / "a.mp4"]) for id in "abc"]
    append = run.Packer.append

    def full(packer: Any, packed: Any) -> Any:
        if packed.id == "b":
            raise OSError(28, "No space left on device")
        return append(packer, packed)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(run.Packer, "append", full)
        with pytest.raises(OSError, match="No space left"):
            prepare(tmp_path / "toy", Plan(name="toy", items=items), how())
    assert Prepared(tmp_path / "toy").ids == ["a"]
    assert prepare(tmp_path / "toy", Plan(name="toy", items=items), how()).ids == ["a", "b", "c"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("cut", [True, False])
def test_an_interruption_in_the_account_costs_no_other_clip(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    """Ctrl-C once a line is on the disk, before the account in memory has it; ``cut``: and may take the line back."""
    (tmp_path / "a.mp4").write_bytes(clip)
    items = [Item(id=id, cut=Cut(seconds=2.0), files=[tmp_path / "a.mp4"]) for id in "abc"]
    synced, truncated = files.os.fsync, files.os.ftruncate

    def interrupted(file: int) -> None:
        synced(file)
        if '"b"' in (tmp_path / "toy" / "account.jsonl").read_text():
            if not cut:
                monkeypatch.setattr(files.os, "ftruncate", lambda file, size: None)
            monkeypatch.setattr(files.os, "fsync", synced)
            raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "toy", Plan(name="toy", items=items), how())
    monkeypatch.setattr(files.os, "ftruncate", truncated)
    assert Prepared(tmp_path / "toy").ids == list("a" if cut else "ab")
    assert prepare(tmp_path / "toy", Plan(name="toy", items=items), how()).ids == list("abc")
    assert verify(tmp_path / "toy") == {}


@pytest.mark.usefixtures("here")
def test_clips_whose_file_is_gone_are_prepared_again(
    clip: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    toy = Plan(name="toy", items=[Item(id=id, cut=Cut(seconds=2.0), files=[tmp_path / "a.mp4"]) for id in "abcd"])
    monkeypatch.setattr(packing, "SHARD_BYTES", 60_000)  # two clips
    whole = prepare(tmp_path / "toy", toy, how()).fingerprint
    spoilers: list[Callable[[Path], None]] = [Path.unlink, lambda p: os.truncate(p, p.stat().st_size - 10)]
    for number, spoil in itertools.product((0, -1), spoilers):
        spoil(sorted((tmp_path / "toy").glob("clips-*.arrow"))[number])
        with pytest.raises(DamagedError, match="is missing or shorter"):
            Prepared(tmp_path / "toy")
        assert prepare(tmp_path / "toy", toy, how()).fingerprint == whole
        assert verify(tmp_path / "toy") == {}


@pytest.mark.usefixtures("here")
def test_a_folder_without_its_account_is_left_alone(clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(clip)
    toy = Plan(name="toy", items=[Item(id="a", cut=Cut(seconds=2.0), files=[tmp_path / "a.mp4"])])
    prepare(tmp_path / "toy", toy, how())
    (tmp_path / "toy" / "account.jsonl").unlink()
    with pytest.raises(ValueError, match=r"no account.jsonl .* Restore it, or name another --root"):
        prepare(tmp_path / "toy", toy, how())
    assert verify(tmp_path / "toy") == {}


@pytest.mark.usefixtures("here")
def test_other_settings_and_a_second_process_are_refused(server: Server, tmp_path: Path) -> None:
    prepare(tmp_path / "toy", plan(0), how(server))
    with pytest.raises(ValueError, match=r"begun with other settings \(fps was 1, not 25\)"):
        prepare(tmp_path / "toy", plan(0, settings={"fps": 25}), how(server))
    lock = Lock(tmp_path / "toy" / ".lock")
    assert lock.acquire()
    try:
        with pytest.raises(InUseError, match="another process prepares"):
            prepare(tmp_path / "toy", plan(0), how(server))
    finally:
        lock.release()


def test_a_list_that_is_given_twice_is_refused_in_no_time() -> None:
    items = [item(n) for n in range(20_000)]
    began = time.process_time()
    with pytest.raises(ValueError, match="'video_00000' twice"):
        Plan(name="toy", items=items * 2)
    assert time.process_time() - began < 2, "by the square it takes minutes"


def test_plans_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="name no item"):
        plan()
    with pytest.raises(ValueError, match="'video_00001' twice"):
        plan(0, 1, 2, 1)
    with pytest.raises(ValueError, match="must be positive"):
        How(jobs=0)
    for wrong in ({"timeout": 1e10}, {"fetch_timeout": 0.0}, {"timeout": float("nan")}):
        with pytest.raises(ValueError, match="at most 1,000,000 s"):
            How(**wrong)


def test_clips_of_digital_silence_are_reported(tmp_path: Path, here: None, capsys: pytest.CaptureFixture[str]) -> None:
    media = tmp_path / "media"
    media.mkdir()
    for n, level in ((0, 0.0), (1, 0.3)):
        soundfile.write(media / f"video_{n:05}.wav", level * np.sin(np.arange(4 * 11_025)), 11_025)
    half = np.r_[np.zeros(2 * 11_025), 0.3 * np.sin(np.arange(2 * 11_025))]
    soundfile.write(media / "video_00002.wav", half, 11_025)
    items = [item(n, cut=Cut(seconds=2.0)) for n in (0, 1)] + [item(2, cut=Cut(seconds=2.0, pieces=True))]
    prepare(tmp_path / "toy", plan(items=items), how(own=LocalMedia([media])))
    silent = ("found", "its sound is digital silence", ["video_00000"])
    half_silent = ("found", "1 of its 2 clips are digital silence", ["video_00002"])
    assert Journal(tmp_path / "toy").reasons() == [silent, half_silent]
    data_sets.show([tmp_path / "toy"], reasons=5)
    assert "toy: 1 found: its sound is digital silence" in capsys.readouterr().out
    assert Prepared(tmp_path / "toy").coverage.complete
