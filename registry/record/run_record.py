"""Record of one run as it lies on disk: the only form in which the rest of the project reads runs."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.errors import RefusedError
from registry.record.journal import JOURNAL, read_metrics
from registry.record.serialization import to_json as to_json  # the form of every file of a record

#: Statuses that mean "this run will not go on by itself": Sacred's own, and ours for a run that says RUNNING although
#: its process is gone (SIGKILL, power).
ENDED = ("COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED")
#: Held by the process of a run for as long as it lives.
LOCK = "lock"
#: What the observer writes of a run; then where an imported run comes from. No artifact may take such a name.
FILES = ("run.json", "config.json", "info.json", "pedigree.json", "cout.txt", "metrics.json", JOURNAL)
IMPORTED = "imported.json"
OWN_FILES = (*FILES, LOCK, IMPORTED)


class RecordError(RefusedError):
    """A record that is damaged, or lacks what its run had to say."""


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
    changed since the run; it is empty for a run that would be repeated today exactly as it was.
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
    stale: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Wall time from the first start to the end, or to the last sign of life; ``None`` before that."""
        end = self.stop_time or self.heartbeat
        if not end or not self.start_time:
            return None
        return (datetime.fromisoformat(end) - datetime.fromisoformat(self.start_time)).total_seconds()

    @property
    def process(self) -> str:
        """The process that has run it last, as a reader is told of it."""
        return process_named(self.host.get("hostname"), self.host.get("pid"))

    def metrics(self) -> dict[str, tuple[list[int], list[float]]]:
        """Metric name -> (steps, values), each step once, in order of step."""
        return read_metrics(self.folder)

    def artifact(self, name: str) -> Path:
        """Path of an artifact; raises ``FileNotFoundError`` with the names there are."""
        path = self.folder / name
        if name not in self.artifacts or not path.is_file():
            have = ", ".join(self.artifacts) or "none"
            raise FileNotFoundError(f"run {self.id} has no artifact {name!r} in {self.folder} (it has: {have})")
        return path


def process_named(host: Any, pid: Any) -> str:
    """A process, as a reader is told of it."""
    return f"process {pid or 'unknown'} on {host or 'an unknown host'}"


def read_record(folder: Path) -> Record:
    """The run in ``folder``, named by its id, as its files say (so RUNNING may be long dead, and ``stale`` is empty).

    Raises RecordError when a file of it is missing or damaged.
    """
    run, config = read_json(folder / "run.json"), read_json(folder / "config.json")
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
        )
        _ = record.seconds  # are its times times?
        _check_types(record)
        return record
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"damaged record: {folder} holds no run of Sacred ({error!r})") from None


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
    return name not in OWN_FILES and not name.startswith(".") and is_file_name(name)


def is_file_name(name: str) -> bool:
    """Whether ``name`` is one part of a path, on any system, and neither ``.`` nor ``..``."""
    return bool(_FILE_NAME.fullmatch(name)) and len(name.encode("utf-8", "surrogatepass")) <= 255


#: No separator of any system, no drive, nothing that cannot be seen.
_FILE_NAME = re.compile(r"(?!\.{1,2}$|[A-Za-z]:)[^/\\\x00-\x1f\x7f\ud800-\udfff]+")


def read_json(path: Path) -> Any:
    """A JSON file of a record; raises :class:`RecordError` where it is missing, damaged or not to be read."""
    try:
        if stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"damaged record: {path} is missing") from None
    except OSError as error:  # another user's, or in what is no folder
        raise RecordError(f"damaged record: {path} cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"damaged record: {path} is no JSON ({error})") from None
    raise RecordError(f"damaged record: {path} is no regular file")
