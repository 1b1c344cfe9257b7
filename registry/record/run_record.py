"""Record of one run as it lies on disk: the only form in which the rest of the project reads runs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.errors import RefusedError
from registry.files import open_regular, unread
from registry.record import seal
from registry.record.journal import JOURNAL, read_metrics
from registry.record.serialization import to_json as to_json  # the form of every file of a record

#: Statuses that mean "this run will not go on by itself": Sacred's own, and ours for a run that says RUNNING although
#: its process is gone (SIGKILL, power).
ENDED = ("COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED")
#: Held by the process of a run for as long as it lives.
LOCK = "lock"
#: What the observer writes of a run; then where an imported run comes from. No artifact may take such a name.
RUN = "run.json"
FILES = (RUN, "config.json", "info.json", "pedigree.json", "cout.txt", "metrics.json", JOURNAL)
IMPORTED = "imported.json"
OWN_FILES = (*FILES, LOCK, IMPORTED)


class RecordError(RefusedError):
    """A record that is damaged, or lacks what its run had to say."""


class DamagedFileError(ValueError):
    """A file of a record that is no longer what its run left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pedigree:
    """Where a number comes from: what decides it (``key``, ``parents``, ``dataset``) and what may have coloured it."""

    key: str  # H(configuration, dataset fingerprint, parents' keys)
    task: str  # "pretrain", "localization", "classification", ...
    parents: tuple[str, ...] = ()  # run keys this run started from
    parent_digests: tuple[str, ...] = ()  # sha256 of each parent's weights as they were read
    dataset: str = ""  # fingerprint
    code: Mapping[str, str] = field(default_factory=dict)  # module -> digest of its source
    environment: Mapping[str, Any] = field(default_factory=dict)  # versions, precision, threads, world size

    def to_dict(self) -> dict[str, Any]:
        """As ``pedigree.json`` keeps it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Pedigree:
        """The inverse of :meth:`to_dict`; what a later version may have added is left aside."""
        known = {f.name for f in fields(cls)}
        kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items() if k in known}
        return cls(**kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A run of the registry.

    ``result`` holds plain floats, ints, strings, lists and dictionaries only. ``stale`` lists, in plain words, what has
    changed since the run; it is empty for a run that would be repeated today exactly as it was. ``digests`` are those
    of its files when it ended (:mod:`registry.record.seal`); empty for a run of before there were any. ``imported`` is
    the name of the archive that it came in, if it did.
    """

    id: int
    folder: Path
    status: str
    config: Mapping[str, Any]
    result: Any
    pedigree: Pedigree
    host: Mapping[str, Any]
    start_time: str
    stop_time: str | None
    heartbeat: str | None
    artifacts: tuple[str, ...] = ()
    fail_trace: tuple[str, ...] = ()
    resumptions: tuple[Mapping[str, Any], ...] = ()  # each: time, host, pid; how it had ended before; what had changed
    digests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    imported: str | None = None
    stale: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Wall time from the first start to the end, or to the last sign of life.

        ``None`` before that, and where the clock had been set back.
        """
        end = self.stop_time or self.heartbeat
        if not end or not self.start_time:
            return None
        seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(self.start_time)).total_seconds()
        return seconds if seconds >= 0 else None

    @property
    def process(self) -> str:
        """The process that has run it last, as a reader is told of it."""
        return process_named(self.host.get("hostname"), self.host.get("pid"))

    def metrics(self) -> dict[str, tuple[list[int], list[float]]]:
        """Metric name -> (steps, values), each step once, in order of step.

        Raises DamagedFileError or JournalError, both ValueErrors, where the journal is damaged.
        """
        self._require_whole(JOURNAL)
        return read_metrics(self.folder)

    def artifact(self, name: str) -> Path:
        """Path of an artifact; raises ``FileNotFoundError`` with the names there are, DamagedFileError."""
        path = self.folder / name
        if name not in self.artifacts or not path.is_file():
            have = ", ".join(self.artifacts) or "none"
            raise FileNotFoundError(f"run {self.id} has no artifact {name!r} in {self.folder} (it has: {have})")
        self._require_whole(name)
        return path

    def damage(self, *names: str, thorough: Collection[str] = ()) -> dict[str, str]:
        """File -> in what it is no longer what the run left, of all or of those with ``names``.

        Where size and times are those of then, so is the content, but of ``thorough`` files the content is looked at.
        """
        return damaged_files(self.folder, self.digests, names or (*FILES, *self.artifacts), thorough)

    def _require_whole(self, name: str) -> None:
        if how := self.damage(name, thorough=(name,)).get(name):
            remedy = "delete the folder and run it again"
            raise DamagedFileError(f"{self.folder / name} is damaged: it {how}; to have it again, {remedy}")


def process_named(host: Any, pid: Any) -> str:
    """A process, as a reader is told of it."""
    return f"process {pid or 'unknown'} on {host or 'an unknown host'}"


def read_record(folder: Path) -> Record:
    """The run in ``folder``, named by its id, as its files say (so RUNNING may be long dead, and ``stale`` is empty).

    Raises RecordError when a file of it is missing or damaged.
    """
    run, config = read_run(folder), read_json(folder / "config.json")
    pedigree = read_json(folder / "pedigree.json") if (folder / "pedigree.json").exists() else {}
    try:
        record = Record(
            id=int(folder.name),
            folder=folder,
            status=run["status"],
            config=config,
            result=run.get("result"),
            pedigree=Pedigree.from_dict({"key": "", "task": config.get("task", ""), **pedigree}),
            host=run["host"],
            start_time=run.get("start_time", ""),
            stop_time=run.get("stop_time"),
            heartbeat=run.get("heartbeat"),
            artifacts=tuple(run.get("artifacts", ())),
            fail_trace=tuple(run.get("fail_trace", ())),
            resumptions=tuple(run.get("resumptions", ())),
            digests=run.get(seal.FILES, {}),
            imported=str(read_json(folder / IMPORTED)["archive"]) if (folder / IMPORTED).exists() else None,
        )
        _ = record.seconds  # are its times times?
        _check_types(record)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"damaged record: {folder} holds no run of Sacred ({error!r})") from None
    deciding = ("config.json", "pedigree.json")
    for name, how in record.damage(*deciding, thorough=deciding).items():
        raise RecordError(f"damaged record: {folder / name} {how}")
    return record


def damaged_files(
    folder: Path, digests: Mapping[str, Mapping[str, Any]], names: Collection[str], thorough: Collection[str] = ()
) -> dict[str, str]:
    """:meth:`Record.damage` of the run in ``folder``, by the digests that it recorded."""
    found = {}
    for name in names if digests else ():
        path, then = folder / name, digests.get(name)
        how = seal.difference(path, then, thorough=name in thorough) if then is not None else seal.addition(path)
        if how and name != RUN:  # which has a seal of its own
            found[name] = how
    if found and read_json(folder / RUN).get(seal.FILES) != digests:
        return {}  # it has gone on since its digests were read
    return found


def read_run(folder: Path) -> Any:
    """What ``run.json`` says.

    Raises RecordError where it is missing, or damaged since the run ended.
    """
    content = read_bytes(folder / RUN)
    run = parsed(folder / RUN, content)
    if isinstance(run, dict) and (how := seal.breach(content, run)):
        raise RecordError(f"damaged record: {folder / RUN} {how}")
    if isinstance(run, dict) and not seal.is_sound(run.get(seal.FILES, {})):
        raise RecordError(f"damaged record: {folder / RUN} has no digests under {seal.FILES!r}")
    return run


def _check_types(record: Record) -> None:
    """The index sorts, joins and stores these: one run with others would stop the answers about all."""
    pedigree, resumptions = record.pedigree, record.resumptions
    texts: list[Any] = [record.status, record.start_time, pedigree.key, pedigree.task, pedigree.dataset]
    texts += [time for time in (record.stop_time, record.heartbeat) if time is not None]
    lists: list[Any] = [pedigree.parents, pedigree.parent_digests, record.artifacts, record.fail_trace]
    lists += [resumption.get("changed", []) for resumption in resumptions]
    mappings: list[Any] = [record.config, record.host, pedigree.code, pedigree.environment]
    mappings += [resumption.get("before", {}) for resumption in resumptions]
    if not all(isinstance(each, tuple | list) for each in lists) or not all(isinstance(m, dict) for m in mappings):
        raise TypeError("a list or a dictionary is missing")
    for text in (*texts, *(text for each in lists for text in each)):
        if not isinstance(text, str):
            raise TypeError(f"{text!r} is no text")
        text.encode()  # a lone surrogate cannot be stored


def is_artifact_name(name: str) -> bool:
    """Whether an artifact may be called ``name``: a file of its own, in the run's folder, on any system."""
    own = name.casefold().rstrip(". ") in OWN_FILES  # as macOS and Windows read it
    return not own and not name.startswith(".") and is_file_name(name)


def is_file_name(name: str) -> bool:
    """Whether ``name`` is one part of a path, on any system, and neither ``.`` nor ``..``."""
    return bool(_FILE_NAME.fullmatch(name)) and len(name.encode("utf-8", "surrogatepass")) <= 255


#: No separator of any system, no drive, nothing that cannot be seen.
_FILE_NAME = re.compile(r"(?!\.{1,2}$|[A-Za-z]:)[^/\\\x00-\x1f\x7f\ud800-\udfff]+")


def read_json(path: Path) -> Any:
    """A JSON file of a record; raises :class:`RecordError` where it is missing, damaged or not to be read."""
    return parsed(path, read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """What a file of a record holds; raises as :func:`read_json` does."""
    try:
        with open_regular(path) as file:
            return file.read()
    except FileNotFoundError:
        raise RecordError(f"damaged record: {path} is missing") from None
    except OSError as error:  # another user's, or in what is no folder, or no regular file
        raise RecordError(f"damaged record: {path} {unread(error)}") from None


def parsed(path: Path, content: bytes) -> Any:
    """The JSON that the file ``path`` of a record holds; raises as :func:`read_json` does."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"damaged record: {path} is no JSON ({error})") from None
