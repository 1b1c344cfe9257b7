"""Observer of Sacred that writes a run to disk as a record which nothing short of losing the disk can spoil.

Sacred's own ``FileStorageObserver`` gives the form (one folder per run, integer ids, ``run.json``, ``config.json``,
``cout.txt``, ``metrics.json``); the subclass here adds the promises:

- every file is replaced whole or appended to, so a kill at any moment leaves a readable record;
- a run that was killed, failed or was interrupted is *continued* by the next with the same key: one id, one history;
- results are plain JSON; credentials are never stored;
- Sacred swallows what an observer raises. So nothing is dropped when a write fails (it is tried again at the next
  heartbeat), what is lost for good makes the run FAILED, and :func:`verify_written` reads the record again.

A task wraps its body in :func:`recorded`, its training loop calls :func:`flush` before it writes a checkpoint, and who
starts it does so within :func:`registry.interrupts.sigterm_as_interrupt` and calls :func:`verify_written` afterwards.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from sacred.dependencies import get_digest
from sacred.observers import FileStorageObserver

from registry import files
from registry.index import DIGITS, Registry
from registry.lock import Lock, holder
from registry.provenance.code_digest import changes, source_file
from registry.provenance.environment import differences
from registry.record import journal, seal
from registry.record.ids import gate, keep_id, next_id
from registry.record.run_record import (
    FILES,
    LOCK,
    RUN,
    Pedigree,
    Record,
    RecordError,
    is_artifact_name,
    process_named,
    read_json,
    read_record,
)
from registry.record.serialization import NotPlainError, plain, redact, redacted, to_json

#: Above MongoObserver's 30, so that the file record's id leads and MongoDB takes it over.
PRIORITY = 40
#: A clock that is behind by so much has been set; clocks are also slowed down a little.
BACK = datetime.timedelta(seconds=1)
# What Sacred tells its observers.
Info = Mapping[str, Any]
Time = datetime.datetime
Id = int | str | None


class AlreadyRunning(RuntimeError):
    """Another living process runs the same key."""

    def __init__(self, id: int, host: str, pid: int | None) -> None:
        super().__init__(
            f"run {id} with the same key is being run by {process_named(host, pid)}; wait for it (a task: --wait), or "
            "end it and start again to continue its record"
        )
        self.id = id
        self.host = host
        self.pid = pid

    def __reduce__(self) -> tuple[Any, ...]:  # between processes: exceptions are rebuilt from their message otherwise
        return AlreadyRunning, (self.id, self.host, self.pid)


class AlreadyDone(RuntimeError):
    """Another process has completed the same key meanwhile."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"run {record.id} with the same key has been completed meanwhile")
        self.record = record


class RegistryObserver(FileStorageObserver):  # type: ignore[misc]
    """Writes the record of each run it observes.

    ``pedigree_of`` gives, of a run's configuration (plain dictionaries), its
    :class:`~registry.record.run_record.Pedigree`; a run with an empty key is never continued. Runs lie in ``home``, by
    default :func:`registry.files.home`. With ``own_ids`` they are numbered and continued by what is in ``home`` alone,
    whatever number another observer has given: for a second record beside the leading one.

    In company: ``known`` is the newest completed run of the key (0: there is none) that is no answer to what the run is
    to find out; where a newer one is there when it starts, it does not. None: whatever there is, it is run. ``wait`` is
    called, again and again, while another process runs the key. ``patience``: seconds to wait while another process
    opens a run.
    """

    def __init__(
        self,
        pedigree_of: Callable[[Info], Pedigree],
        home: Path | None = None,
        own_ids: bool = False,
        known: int | None = None,
        wait: Callable[[AlreadyRunning], object] | None = None,
        patience: float = 60,
    ) -> None:
        self.home = Path(home or files.home()).absolute()
        self.known, self.wait, self.patience = known, wait, patience
        self._own_ids = own_ids
        super().__init__(self.home, priority=PRIORITY)
        self._pedigree_of = pedigree_of
        self._mutex = threading.RLock()  # Sacred's heartbeat calls from a thread of its own
        self._forget()

    def _forget(self) -> None:
        """Be as new: Sacred keeps one observer for all runs of an experiment in a process."""
        self.folder: Path | None = None
        self.run_entry: dict[str, Any] = {}  # what run.json holds
        self.config: Any = None
        self.info: dict[str, Any] = {}
        self.trouble: Exception | None = None  # why the last write failed; None once all has been written
        self._lock: Lock | None = None
        self._unwritten: list[Mapping[str, Any]] = []  # metrics that wait for the disk
        self._output = ""  # all that this session has said, and as much of it as cout.txt has
        self._output_written = ""
        self._output_start = self._output_end = 0  # where in cout.txt that stands, in bytes, behind earlier sessions
        self._lost: list[str] = []  # what will never be in the record
        self._since: tuple[Time, float] | None = None  # when this session began, and by a clock that nobody sets
        self._ended = False

    # ---- the beginning ----------------------------------------------------------------------------------------------

    def queued_event(
        self, ex_info: Info, command: str, host_info: Info, queue_time: Time, config: Info, meta_info: Info, _id: Id
    ) -> int:
        """Keep a place for a run: whoever runs the same key later continues this record."""
        id = self._open(_id, config, self._new_entry("QUEUED", ex_info, command, host_info, meta_info))
        self._close()
        return id

    def started_event(
        self, ex_info: Info, command: str, host_info: Info, start_time: Time, config: Info, meta_info: Info, _id: Id
    ) -> int:
        """Open a record, or take over the unfinished one of the same key, and return its id.

        Raises AlreadyRunning when another living process runs the same key; AlreadyDone when one has completed it
        meanwhile; FileExistsError when ``_id`` was asked for and belongs to another run; NotPlainError when the
        configuration has no JSON form.
        """
        entry = self._new_entry("RUNNING", ex_info, command, host_info, meta_info)
        return self._open(_id, config, {**entry, "start_time": start_time.isoformat()})

    def _new_entry(self, status: str, ex_info: Info, command: str, host_info: Info, meta_info: Info) -> dict[str, Any]:
        return {
            "experiment": {**plain(ex_info, "experiment"), "sources": self.save_sources(ex_info)},
            "command": command,
            "host": {**plain(host_info, "host"), "pid": os.getpid()},
            "meta": plain(meta_info, "meta"),
            "status": status,
            "resources": [],
            "artifacts": [],
            "resumptions": [],
            "heartbeat": None,
        }

    def _open(self, wanted: Id, config: Info, entry: dict[str, Any]) -> int:
        with self._mutex:
            self._forget()
            wanted = None if self._own_ids else wanted
            config = plain(config, "config")
            pedigree = self._pedigree_of(config)
            entry["experiment"]["sources"] = self._with_modules(entry["experiment"]["sources"], pedigree.code)
            try:
                while self.folder is None:
                    try:
                        self._claim(wanted, pedigree, config, entry)
                    except AlreadyRunning as busy:
                        if self.wait is None:
                            raise
                        self.wait(busy)
            except BaseException:
                self._close()
                self._forget()  # no record is open, so there is none to end
                raise
            assert self.folder is not None
            self.dir = str(self.folder)  # where Sacred's users look for it
            return int(self.folder.name)

    def _claim(self, wanted: Id, pedigree: Pedigree, config: Any, entry: dict[str, Any]) -> None:
        registry = Registry(self.home)
        with gate(self.home, self.patience):
            before = registry.unfinished(pedigree.key)
            if before is not None and before.status == "RUNNING":
                raise AlreadyRunning(before.id, before.host.get("hostname") or "", before.host.get("pid"))
            done = registry.find(pedigree.key) if self.known is not None and pedigree.key else None
            if done is not None and done.id > (self.known or 0):
                raise AlreadyDone(done)
            if before is not None and wanted in (None, before.id, str(before.id)):
                self._take_over(before, pedigree, config, entry)
            else:
                self._begin(wanted, pedigree, config, entry)

    def _begin(self, wanted: Id, pedigree: Pedigree, config: Any, entry: dict[str, Any]) -> None:
        """Write a new record aside and rename it: a run is there whole or, where a kill came between, not at all."""
        folder = self._new_folder(wanted)
        aside = folder.with_name(f".{folder.name}.aside")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            self._hold(aside)
            self.folder, self.config = aside, config
            self._save("pedigree.json", pedigree.to_dict())
            self._save("config.json", config)
            files.atomic_write(aside / "cout.txt", b"")
            self._update(**entry)
            keep_id(self.home, int(folder.name))
            aside.rename(folder)
            self._begin_to_count(entry)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        self.folder = folder

    def _new_folder(self, wanted: Id) -> Path:
        if wanted is not None and not (str(wanted).isdigit() and len(str(wanted)) <= DIGITS):
            raise ValueError(f"the id of a run is a whole number of at most {DIGITS} digits, not {wanted!r}")
        folder = self.home / str(next_id(self.home) if wanted is None else int(wanted))
        if folder.exists():
            raise FileExistsError(f"there is a run {folder.name} in {self.home} already; leave the id out")
        return folder

    def _take_over(self, before: Record, pedigree: Pedigree, config: Any, entry: dict[str, Any]) -> None:
        """Continue the record of a run that did not finish: same folder, same start, all that it wrote so far.

        The pedigree stays that of the first session; the resumption says in what the new one differs from it.
        """
        self._hold(before.folder)
        self.folder, self.config = before.folder, config
        old = read_json(before.folder / RUN)
        self._begin_to_count(entry, old)
        if before.status != "QUEUED":
            then, now = before.pedigree, pedigree
            resumption = {
                "time": entry["start_time"],
                "hostname": entry["host"].get("hostname"),
                "pid": entry["host"]["pid"],
                "changed": [
                    *changes(then.code, now.code),
                    *differences(then.environment, now.environment),
                    *(f"{name} was damaged: it {how}" for name, how in before.damage().items()),
                ],
                "before": {
                    "status": before.status,
                    "hostname": before.host.get("hostname"),
                    "pid": before.host.get("pid"),
                    **{key: old[key] for key in ("heartbeat", "stop_time", "fail_trace") if old.get(key)},
                },
            }
            entry = {**entry, "start_time": before.start_time, "resumptions": [*before.resumptions, resumption]}
        if (before.folder / "info.json").exists():
            self.info = read_json(before.folder / "info.json")
        self._output_start = self._output_end = _end_with_line_feed(before.folder / "cout.txt")
        kept = {key: old[key] for key in ("heartbeat", "artifacts", "resources") if key in old}
        self._save("config.json", config)  # equal in what the key covers
        self._update(**{**entry, **kept})

    def _begin_to_count(self, *entries: Mapping[str, Any]) -> None:
        """From the latest time that is known: an earlier session may have had another machine's clock."""
        named = (entry.get(name) for entry in entries for name in ("start_time", "heartbeat", "stop_time"))
        if times := [time for text in named if text and (time := _time(text)) is not None]:
            self._since = max(times), monotonic()

    def _hold(self, folder: Path) -> None:
        self._lock = Lock(folder / LOCK)
        if not self._lock.acquire():
            self._lock = None
            raise AlreadyRunning(int(folder.name), *holder(folder / LOCK))

    def _close(self) -> None:
        if self._lock is not None:
            self._lock.release()

    # ---- while it runs ----------------------------------------------------------------------------------------------

    def log_metrics(self, metrics_by_name: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Journal the metrics since the last heartbeat; what the disk refuses is kept and tried again."""
        with self._mutex, self._trying():
            self._unwritten.append(metrics_by_name)
            self._require_own()
            with self._opened():
                self._write_metrics()
                if self._ended:
                    self._summarise_metrics()

    def heartbeat_event(self, info: Info, captured_out: str, beat_time: Time, result: Any) -> None:
        """Write captured output, ``info`` and the time of the beat."""
        with self._mutex, self._trying():
            self._output = captured_out
            self._require_own()
            with self._opened():
                self._write_metrics()
                self._write_output(whole=self._ended)
                if info:
                    self.info = {**self.info, **plain(info, "info")}
                    self._save("info.json", self.info)
            if not self._ended:
                self._update(heartbeat=self._not_before(beat_time))

    def resource_event(self, filename: str) -> None:
        """Keep a copy of a file that the run reads."""
        with self._mutex, self._losing(f"resource {filename}"):
            stored = os.path.relpath(self.find_or_save(filename, self.resource_dir), self.home)
            known = self.run_entry["resources"]
            self._update(resources=known if [filename, stored] in known else [*known, [filename, stored]])

    def artifact_event(self, name: str, filename: str, metadata: Any = None, content_type: str | None = None) -> None:
        """Keep a copy of a file that the run made; of two with one name the later stands."""
        with self._mutex, self._losing(f"artifact {name}"):
            if not is_artifact_name(name):
                raise ValueError(f"an artifact cannot be named {name!r}")
            self._require_own()
            assert self.folder is not None
            files.atomic_copy(filename, self.folder / name)
            known = self.run_entry["artifacts"]
            self._update(artifacts=known if name in known else [*known, name])

    # ---- the end ----------------------------------------------------------------------------------------------------

    def completed_event(self, stop_time: datetime.datetime, result: Any) -> None:
        """End well, unless something of the record is lost: then the run has FAILED, for it cannot be shown."""
        stored = None
        with self._losing("result"):
            stored = plain(result, "result")
        self._end("COMPLETED", stop_time, result=stored)

    def interrupted_event(self, interrupt_time: datetime.datetime, status: str) -> None:
        """End as INTERRUPTED or TIMEOUT."""
        self._end(status, interrupt_time)

    def failed_event(self, fail_time: datetime.datetime, fail_trace: list[str]) -> None:
        """End as FAILED, with the traceback."""
        self._end("FAILED", fail_time, fail_trace=list(fail_trace))

    def _end(self, status: str, time: datetime.datetime, **outcome: Any) -> None:
        """Write all that is left, ``run.json`` last: a run that says COMPLETED has everything else in place."""
        with self._mutex:
            if self.folder is None or self._ended:  # started_event refused it, or Ctrl-C came while others still ended
                return
            try:
                self._require_own()
                with self._losing("what was measured"):
                    self._write_metrics()
                    self._summarise_metrics()
                with self._losing("what was said"):
                    self._write_output(whole=True)
                with self._losing("digests"):
                    outcome[seal.FILES] = self._digests()
                if self._lost and status == "COMPLETED":
                    status = "FAILED"
                    outcome["fail_trace"] = [f"the record is incomplete: {what}\n" for what in self._lost]
                self._update(status=status, stop_time=self._not_before(time), **outcome)
                self._ended = True
            finally:
                self._close()
            if self._lost:  # Sacred only logs this; verify_written raises it
                raise RecordError(f"the record of run {self.folder.name} is incomplete: {'; '.join(self._lost)}")

    # ---- writing ----------------------------------------------------------------------------------------------------

    def _save(self, name: str, value: Any) -> None:
        assert self.folder is not None
        files.atomic_write(self.folder / name, to_json(redacted(value)))

    def _update(self, **entries: Any) -> None:
        self.run_entry.update(entries)
        if seal.FILES in self.run_entry:
            assert self.folder is not None
            files.atomic_write(self.folder / RUN, seal.sealed(redacted(self.run_entry)))
        else:
            self._save(RUN, self.run_entry)

    def _not_before(self, time: Time) -> str:
        """A time of Sacred's, later by as much as the machine's clock has been set back meanwhile."""
        if self._since is not None:
            began, by_steady_clock = self._since
            back = began + datetime.timedelta(seconds=monotonic() - by_steady_clock) - _now()
            time = max(began, time + back if back > BACK else time)
        return time.isoformat()

    def _digests(self) -> dict[str, dict[str, Any]]:
        assert self.folder is not None
        return seal.digests(self.folder, [name for name in (*FILES, *self.run_entry["artifacts"]) if name != RUN])

    @contextlib.contextmanager
    def _opened(self) -> Iterator[None]:
        """A last beat may come late, held up by another observer: what is sealed is opened for it, and sealed again."""
        if not self._ended:
            yield
            return
        self.run_entry.pop(seal.FILES, None)
        self._update()
        yield
        self._update(**{seal.FILES: self._digests()})

    def _write_metrics(self) -> None:
        assert self.folder is not None
        while self._unwritten:
            journal.append(self.folder, self._unwritten[0])
            del self._unwritten[0]

    def _summarise_metrics(self) -> None:
        assert self.folder is not None
        journal.write_metrics_json(self.folder)

    def _write_output(self, whole: bool) -> None:
        """Append new output, without its last word unless ``whole``: no credential may be split over two writes."""
        assert self.folder is not None
        output = redact(self._output if whole else self._output[: _end_of_last_word(self._output)])
        if not output.startswith(self._output_written):  # a filter of the experiment changed what had been said
            self._output_written, self._output_end = "", self._output_start
        new = output[len(self._output_written) :].encode("utf-8", "backslashreplace")
        if new:
            files.write_at(self.folder / "cout.txt", self._output_end, new)
            self._output_written, self._output_end = output, self._output_end + len(new)

    def save_sources(self, ex_info: Mapping[str, Any]) -> list[list[str]]:
        """Keep a copy of every source of the experiment; pairs of its name and where in the home the copy lies."""
        base = Path(ex_info["base_dir"])
        copies = {name: self.find_or_save(base / name, self.source_dir) for name, _ in ex_info["sources"]}
        return [[name, os.path.relpath(copy, self.home)] for name, copy in copies.items()]

    def _with_modules(self, sources: list[list[str]], modules: Iterable[str]) -> list[list[str]]:
        """With a copy of every module behind the run, under its path from where Python finds it."""
        known = {name for name, _ in sources}
        kept = list(sources)
        for module in modules:
            path = source_file(module)
            if path is None:
                continue
            ending = "/__init__.py" if path.name == "__init__.py" else ".py"
            name = module.replace(".", "/") + ending
            if name not in known:
                kept.append([name, os.path.relpath(self.find_or_save(path, self.source_dir), self.home)])
        return kept

    def find_or_save(self, filename: str | Path, store_dir: Path) -> Path:
        """Copy of a file, named by its content, so that parallel runs store it once and never half."""
        path = Path(filename)
        stored = Path(store_dir) / f"{path.stem}_{get_digest(str(path))}{path.suffix}"  # type: ignore[no-untyped-call]
        try:
            os.utime(stored)  # in use again: gc leaves alone what is young, for the record does not name it yet
        except FileNotFoundError:
            files.atomic_copy(path, stored)
        except PermissionError:  # a colleague's
            pass
        return stored

    def _require_own(self) -> None:
        """Write no more into a record that another machine has taken over, while this one slept.

        Raises AlreadyRunning naming the process that has it now.
        """
        assert self.folder is not None
        with contextlib.suppress(RecordError):  # gone, or damaged: it is written anew
            host, own = read_json(self.folder / "run.json")["host"], self.run_entry["host"]
            if any(host.get(name) != own.get(name) for name in ("hostname", "pid")):
                raise AlreadyRunning(int(self.folder.name), host.get("hostname") or "", host.get("pid"))

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        """Remember a failed write instead of raising: Sacred never again calls an observer that has raised."""
        try:
            yield
            self.trouble = None
        except (OSError, NotPlainError, AlreadyRunning) as error:
            self.trouble = error
            if isinstance(error, NotPlainError) and str(error) not in self._lost:
                self._lost.append(str(error))

    @contextlib.contextmanager
    def _losing(self, what: str) -> Iterator[None]:
        """Count ``what`` as lost when the block fails."""
        try:
            yield
        except Exception as error:
            self._lost.append(f"{what} was not stored: {error}")


# ---- around a run ---------------------------------------------------------------------------------------------------


def flush(run: Any) -> None:
    """Hand the metrics and the output of a Sacred ``run`` to its observers now, not at the next heartbeat.

    Raises DiskFullError, OSError or NotPlainError when the record cannot be written: better now than after hours more.
    """
    _read_output_safely(run)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    run._emit_heartbeat()
    for observer in run.observers:
        if isinstance(observer, RegistryObserver) and observer.trouble is not None:
            raise observer.trouble


def continued(run: Any) -> bool:
    """Whether a Sacred ``run`` goes on with the record of an earlier, unfinished one."""
    return any(isinstance(o, RegistryObserver) and bool(o.run_entry.get("resumptions")) for o in run.observers)


@contextlib.contextmanager
def recorded(run: Any) -> Iterator[None]:
    """Wrap the body of a task's main function: all it measures and says reaches its record, however it ends."""
    _read_output_safely(run)
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            flush(run)
        raise
    flush(run)


def verify_written(run: int | Path, result: Any, status: str = "COMPLETED") -> None:
    """Read a finished run again and compare: Sacred says COMPLETED even when its observers failed.

    ``run`` is its id in :func:`registry.files.home`, or its folder; ``result`` and ``status`` are what it returned and
    how it ended, by Sacred's ``Run`` object.

    Raises RecordError when the record is incomplete, saying in what.
    """
    folder = run if isinstance(run, Path) else files.home() / str(run)
    record = read_record(folder)
    wrong = []
    if record.status != status:
        why = "".join(f" ({line.strip()})" for line in record.fail_trace[-1:])
        wrong.append(f"its status is {record.status}, not {status}{why}")
    elif to_json(record.result) != to_json(redacted(plain(result, "result"))):  # as text, in which NaN equals NaN
        wrong.append("its result is not what the run returned")
    wrong += [f"{name} is missing" for name in ("pedigree.json", "cout.txt") if not (folder / name).is_file()]
    wrong += [f"its artifact {name} is missing" for name in record.artifacts if not (folder / name).is_file()]
    summary = read_json(folder / "metrics.json")
    metrics = {name: (metric["steps"], metric["values"]) for name, metric in summary.items()}
    if to_json(metrics) != to_json(journal.read_metrics(folder)):
        wrong.append("metrics.json does not hold what the journal holds")
    if wrong:
        raise RecordError(f"the record of run {record.id} in {folder} is incomplete: {'; '.join(wrong)}")


def _read_output_safely(run: Any) -> None:
    """Mend how Sacred 0.8.7 reads what a run says, for this run.

    As it comes, two threads that read at once lose output, a byte that is no UTF-8 ends the heartbeat, and the last
    output of a run that fails is thrown away.
    """
    if "_get_captured_output" in vars(run):
        return
    mutex = threading.Lock()
    captured = run._output_file
    if isinstance(getattr(captured.buffer, "file", None), io.TextIOWrapper):
        captured.buffer.file.reconfigure(errors="replace")

    def read() -> None:
        with mutex:
            if captured.closed:  # what was said after the last reading
                said = captured.get() if captured.final is not None else ""
            elif isinstance(captured.buffer, io.StringIO):  # not by seeking: the run may be writing at this moment
                whole = captured.buffer.getvalue()
                said, captured.read_position = whole[captured.read_position :], len(whole)
            else:
                said = captured.get()
            text = run.captured_out + said
            run.captured_out = run.captured_out_filter(text) if run.captured_out_filter is not None else text

    run._get_captured_output = read


def _now() -> Time:
    """As Sacred tells the time: UTC without saying so."""
    return Time.now(datetime.UTC).replace(tzinfo=None)


def _time(text: str) -> Time | None:
    """A time of a record, as Sacred tells it; None for what is none, for the record may come from elsewhere."""
    try:
        time = Time.fromisoformat(text)
        return time if time.tzinfo is None else time.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def _end_of_last_word(text: str) -> int:
    """Index behind the last white space: the word after it may go on."""
    return max(text.rfind(space) for space in " \n\r\t") + 1


def _end_with_line_feed(path: Path) -> int:
    """Size of a file of output, once a line that a kill has cut is closed."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        files.write_at(path, len(content), b"\n")
        return len(content) + 1
    return len(content)
