"""Pipeline of a preparation: every item fetched, cut and packed, several at a time, and entered in the journal.

Threads wait for servers and for their child processes (which fetch and decode); this one packs and keeps the journal.
Killed at any moment, the same command goes on: what is in the journal is not asked for again, what was fetched but not
packed is not fetched again.
"""

from __future__ import annotations

import contextlib
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.datasets.prepared import MANIFEST, LeftOut, Lost, Packed, Prepared
from benchmarks.datasets.scene import reason_of
from benchmarks.preparation.decode import IMAGES, DecodeError, Piece, clips_of
from benchmarks.preparation.download import Fetcher, FetchError, aside_of, media_in
from benchmarks.preparation.item import Item, Plan
from benchmarks.preparation.journal import JOURNAL, Entry, Journal
from benchmarks.preparation.local_media import LocalMedia
from benchmarks.preparation.packing import Clip, Packer, seal
from benchmarks.preparation.rate_limit import RateLimit
from benchmarks.preparation.sandbox import Sandbox, SandboxError
from registry.errors import RefusedError
from registry.files import DiskFullError, atomic_copy
from registry.lock import Lock

FETCHED = "fetched"
LOCK = ".lock"
ATTEMPTS = 5  # of a fetch whose server is busy
MOST_TIMEOUT = 1e6  # seconds, which the kernel's clocks can take
UNTRIED = "not tried yet: the same command goes on"
GONE = "there is no file of it"
ELSEWHERE = "a file with other times is there: "
SILENT = "its sound is digital silence"


class InUseError(RefusedError):
    """Another process prepares the same folder."""


class GivenUpError(RefusedError):
    """So many items in a row could not be had that going on makes no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """What may differ between two runs of one preparation."""

    jobs: int = 2
    rate: float = 1.0  # requests a second
    pause: float = 10.0  # seconds, the first time that a server is busy
    timeout: float = 120.0  # seconds to cut one item
    fetch_timeout: float = 900.0  # seconds to fetch one
    memory: int = 3 << 30  # bytes that one child may map while it decodes
    patience: int = 30  # failures in a row after which it gives up
    own: LocalMedia | None = None
    fetcher: Fetcher | None = None
    keep_media: bool = False
    retry: frozenset[str] = frozenset()  # statuses that are tried again

    def __post_init__(self) -> None:
        if min(self.jobs, self.patience) < 1 or self.memory <= 0:
            raise ValueError("jobs, patience and memory must be positive")
        if not all(0 < seconds <= MOST_TIMEOUT for seconds in (self.timeout, self.fetch_timeout)):
            raise ValueError(f"--timeout and --fetch-timeout must exceed 0 and be at most {MOST_TIMEOUT:,.0f} s")


@dataclass(slots=True)
class PreparationState:
    """Progress of a preparation, for whoever shows it."""

    total: int
    to_do: int
    goes_on: bool = False  # it was begun before
    began: float = field(default_factory=time.monotonic)
    done: int = 0  # of those to do
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("found", "missing", "damaged"), 0))

    def seconds_left(self) -> float | None:
        """By the time per item so far; ``None`` at the beginning."""
        if self.done < 3:
            return None
        return (time.monotonic() - self.began) / self.done * (self.to_do - self.done)


def prepare(
    folder: Path,
    plan: Plan,
    how: How,
    *,
    log: Callable[[str], None] = lambda text: None,
    on_progress: Callable[[PreparationState], None] = lambda state: None,
) -> Prepared:
    """Prepare what is missing of ``plan`` in ``folder`` and write the manifest; also when interrupted.

    ``log`` takes sentences for the user, ``on_progress`` is called after every item.

    Raises
    ------
    InUseError
        If another process prepares this folder.
    ValueError
        If it was begun with other settings, saying which, or holds a prepared data set of which there is no journal.
    GivenUpError
        If ``how.patience`` fetches in a row failed.
    DiskFullError
        When there is no room. Whatever is raised: what was finished is kept, the same call goes on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder):
        journal = Journal(folder)
        if not journal.exists and (folder / MANIFEST).exists():
            raise ValueError(
                f"{folder} holds a prepared data set, but no {JOURNAL} that says what became of each item: without it "
                "all clips would be thrown away. Restore it, or name another --root"
            )
        goes_on = journal.exists
        _require_same_settings(folder, journal, plan)
        for name, path in plan.beside.items():
            _copy(path, folder / name)
        listed = [item for item in plan.items if item.id not in plan.left_out or item.id in journal.entries]
        journal.begin(plan.settings, len(listed) + len(plan.refused))
        journal.lost(*(lost for lost in plan.refused if lost.id not in journal.entries))
        journal.lose_gone()
        to_do = [
            item
            for item in listed
            if item.id not in plan.left_out and _is_to_do(journal.entries.get(item.id), how.retry)
        ]
        state = PreparationState(total=len(listed) + len(plan.refused), to_do=len(to_do), goes_on=goes_on)
        left = {item.id for item in to_do}
        for known in [item.id for item in listed] + [lost.id for lost in plan.refused]:
            if known not in left:
                state.counts[journal.entries[known].status] += 1
        on_progress(state)
        try:
            _Preparation(folder, journal, how, state, log, on_progress).run(to_do)
        finally:
            # The journal is the truth: an interruption may come between a line and its entry in memory.
            _seal(folder, plan, Journal(folder))
    return Prepared(folder)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from changing a prepared folder.

    Raises :class:`InUseError` if one does so just now.
    """
    lock = Lock(folder / LOCK)
    if not lock.acquire():
        raise InUseError(f"another process prepares {folder} just now; wait for it, or give another --root")
    try:
        yield
    finally:
        lock.release()


class _Preparation:
    """The threads of one call of :func:`prepare`."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        how: How,
        state: PreparationState,
        log: Callable[[str], None],
        on_progress: Callable[[PreparationState], None],
    ) -> None:
        self.folder, self.journal, self.how, self.state = folder, journal, how, state
        self.log, self.on_progress = log, on_progress
        self.stopped = threading.Event()
        self.rate_limit = RateLimit(how.rate, how.pause, self.stopped)
        self.waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
        # Short: a decoded clip is megabytes, and a full disk must not find many of them on their way.
        self.ended: queue.Queue[tuple[Item, Any]] = queue.Queue(2 * how.jobs)
        self.failures = 0  # fetches in a row

    def run(self, items: Sequence[Item]) -> None:
        for item in items:
            self.waiting.put(item)
        packer = Packer(self.folder, self.journal.packed())
        sandboxes = [Sandbox(self.how.memory) for _ in range(min(self.how.jobs, len(items)))]
        threads = [threading.Thread(target=self._work, args=(sandbox,), daemon=True) for sandbox in sandboxes]
        for thread in threads:
            thread.start()
        try:
            for _ in items:
                item, result = self.ended.get()
                if isinstance(result, BaseException):
                    raise result
                self._enter(packer, item, result)
        finally:
            self.stopped.set()
            while any(thread.is_alive() for thread in threads):
                for sandbox in sandboxes:
                    sandbox.kill()
                _drain(self.ended)
                for thread in threads:
                    thread.join(0.05)

    def _enter(self, packer: Packer, item: Item, result: list[Piece] | Lost) -> None:
        """Pack and enter one item: once this is done, it is done."""
        if isinstance(result, Lost):
            self.journal.lost(result)
        else:
            self.journal.found(item.id, [packer.append(clip) for clip in _clips(item, result)], _silence_in(result))
        if not self.how.keep_media:
            shutil.rmtree(self._fetched(item), ignore_errors=True)
        self.state.done += 1
        self.state.counts["found" if isinstance(result, list) else result.status] += 1
        self.on_progress(self.state)

    def _work(self, sandbox: Sandbox) -> None:
        """One thread: item after item, with one child process."""
        try:
            while not self.stopped.is_set():
                try:
                    item = self.waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    result: Any = self._prepare(sandbox, item)
                except BaseException as error:  # raised where the journal is kept
                    result = error
                if result is not None:
                    self.ended.put((item, result))
        finally:
            sandbox.close()

    def _prepare(self, sandbox: Sandbox, item: Item) -> list[Piece] | Lost | None:
        """The clips of an item, or why there are none; ``None`` when everything has been stopped."""
        if item.damage:
            return Lost(id=item.id, status="damaged", reason=item.damage)
        own, cut = self.how.own, item.cut
        files = list(item.files) or (own.of(item) if own else [])
        cut_already = bool(files)
        if not files and own and (around := own.around(item)):
            files, cut = around
        if not files and item.video is not None and self.how.fetcher is not None:
            fetched = self._fetch(sandbox, item, self.how.fetcher)
            if not isinstance(fetched, list):
                return fetched
            files, cut_already = fetched, self.how.fetcher.sections
        if not files and own and (elsewhere := own.elsewhere(item)):
            return Lost(id=item.id, status="missing", reason=f"{ELSEWHERE}{', '.join(p.name for p in elsewhere[:3])}")
        if lacking := _lacking(files, item):
            return Lost(id=item.id, status="missing", reason=lacking)
        try:
            return sandbox.call(clips_of, files, cut, cut_already, timeout=self.how.timeout)
        except ImportError:
            raise
        except Exception as error:  # whatever happens in the child is about this item
            return Lost(id=item.id, status="damaged", reason=_sentence(error))

    def _fetch(self, sandbox: Sandbox, item: Item, fetcher: Fetcher) -> list[Path] | Lost | None:
        """The files of a video, or why there are none; ``None`` when everything has been stopped."""
        folder = self._fetched(item)
        if there := media_in(folder):
            return there
        lost, goes_on = Lost(id=item.id, status="missing", reason="never asked for"), False
        for attempt in range(1, ATTEMPTS + 1):
            if not self.rate_limit.wait():
                return None
            try:
                arguments = (item.video, folder, item.cut.segment)
                timeout = self.how.fetch_timeout
                files: list[Path] = sandbox.call(fetcher.fetch, *arguments, timeout=timeout, limited=False)
                self.rate_limit.succeeded()
                self.failures = 0
                return files
            except (ImportError, DiskFullError):
                raise
            except FetchError as error:
                status, again = "damaged" if error.damaged else "missing", error.again
                asked = f" (asked {attempt} times)" if again else ""
                lost = Lost(id=item.id, status=status, reason=error.reason + asked)
                if again and attempt < ATTEMPTS:
                    pause = self.rate_limit.refused(error.wait)
                    self.log(f"{item.id}: {error.reason}; nothing is fetched for {pause:.0f} s")
            except Exception as error:  # whatever else happens in the child is about this item
                lost, again = Lost(id=item.id, status="missing", reason=f"fetching: {_sentence(error)}"), False
                goes_on = isinstance(error, SandboxError)
            self._count_failure(item, lost, again)
            if not again:
                break
        if not (goes_on or self.how.keep_media):  # what took too long goes on with --retry
            shutil.rmtree(aside_of(folder), ignore_errors=True)
        return lost

    def _count_failure(self, item: Item, lost: Lost, again: bool) -> None:
        """Give up after too many in a row; that what was missing before still is does not count."""
        if again or item.id not in self.journal.entries:
            self.failures += 1
        if self.failures >= self.how.patience and not self.stopped.is_set():
            raise GivenUpError(
                f"{self.failures} fetches in a row failed, the last one because: {lost.reason}; when that is mended (a "
                "newer yt-dlp? a lower --rate?), the same command with --retry goes on"
            )

    def _fetched(self, item: Item) -> Path:
        sections = self.how.fetcher is not None and self.how.fetcher.sections
        return self.folder / FETCHED / (f"{item.id}.section" if sections else item.id)


def _copy(source: Path, place: Path) -> None:
    """Keep a copy of a file, or of the files in a folder."""
    if source.is_dir():
        for path in sorted(source.iterdir()):
            if path.is_file():
                _copy(path, place / path.name)
    elif not (place.exists() and place.samefile(source)):
        atomic_copy(source, place)


def _lacking(files: Sequence[Path], item: Item) -> str:
    """What of an item is not among its files; empty when all is there."""
    pictures = sum(path.suffix.lower() in IMAGES for path in files)
    if not files:
        return GONE
    if item.cut.image and not pictures:
        return "there is no picture of it"
    return "there is no sound of it" if pictures == len(files) else ""


def _is_to_do(entry: Entry | None, retry: frozenset[str]) -> bool:
    return entry is None or entry.status in retry or entry.spoiled


def _clips(item: Item, pieces: Sequence[Piece]) -> list[Clip]:
    """What is packed of an item; the clips of one that was cut into pieces are numbered."""
    return [
        Clip(
            id=f"{item.id}/{number:03d}" if item.cut.pieces else item.id,
            waveform=piece.waveform,
            frames=piece.frames,
            times=piece.times,
            attributes={"start": piece.start},
        )
        for number, piece in enumerate(pieces)
    ]


def _silence_in(pieces: Sequence[Piece]) -> str:
    """What is said of an item that was found and holds digital silence; empty where it holds none."""
    silent = sum(piece.silent for piece in pieces)
    if not silent:
        return ""
    return SILENT if silent == len(pieces) else f"{silent} of its {len(pieces)} clips are digital silence"


def _seal(folder: Path, plan: Plan, journal: Journal) -> None:
    """The manifest: in the order of the lists, with what the lists say of each item now."""
    packed: list[Packed] = []
    lost: list[Lost] = []
    left_out: list[LeftOut] = []
    found = 0
    for item in plan.items:
        entry = journal.entries.get(item.id)
        if entry is None and item.id in plan.left_out:
            left_out.append(LeftOut(id=item.id, attributes=item.attributes))
        elif entry is None:
            lost.append(Lost(id=item.id, status="missing", reason=UNTRIED, attributes=item.attributes))
        elif entry.status != "found":
            lost.append(Lost(id=item.id, status=entry.status, reason=entry.reason, attributes=item.attributes))
        else:
            found += 1
            packed += [replace(clip, attributes={**item.attributes, **clip.attributes}) for clip in entry.clips]
    seal(
        folder,
        packed,
        lost,
        refused=plan.refused,
        left_out=left_out,
        others=journal.packed(),
        found=found,
        name=plan.name,
        options={"settings": dict(plan.settings), **plan.about},
    )


def _require_same_settings(folder: Path, journal: Journal, plan: Plan) -> None:
    before = journal.settings
    if not before:
        return
    other = [
        f"{key} was {before.get(key)}, not {plan.settings.get(key)}"
        for key in sorted({*before, *plan.settings})
        if before.get(key) != plan.settings.get(key)
    ]
    if other:
        raise ValueError(
            f"{folder} was begun with other settings ({'; '.join(other)}); give the same again, another --root, or "
            "remove the folder"
        )


def _sentence(error: Exception) -> str:
    """Why an item was lost; errors that nobody foresaw begin with their type."""
    text = reason_of(error)[:300]
    return text if isinstance(error, DecodeError | SandboxError) else f"{type(error).__name__}: {text}"


def _drain(waiting: queue.Queue[Any]) -> None:
    try:
        while True:
            waiting.get_nowait()
    except queue.Empty:
        pass
