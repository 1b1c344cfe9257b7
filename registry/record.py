"""One run as it lies on disk: the only form in which the rest of the project reads runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from registry.journal import read_metrics
from registry.plain import to_json as to_json  # the form of every file of a record

#: Statuses that mean "this run will not go on by itself": Sacred's own, and ours for a run that says RUNNING although
#: its process is gone (SIGKILL, power).
ENDED = ("COMPLETED", "FAILED", "INTERRUPTED", "TIMEOUT", "DIED")

#: Held by the process of a run for as long as it lives.
LOCK = "lock"


class RecordError(RuntimeError):
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


def read_record(folder: Path) -> Record:
    """The run in ``folder``, named by its id, as its files say (so RUNNING may be long dead, and ``stale`` is empty).

    Raises
    ------
    RecordError
        When a file of it is missing or damaged.
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
        return record
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RecordError(f"damaged record: {folder} holds no run of Sacred ({error!r})") from None


def read_json(path: Path) -> Any:
    """A JSON file of a record; raises :class:`RecordError` where it is missing or damaged."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RecordError(f"damaged record: {path} is missing") from None
    except ValueError as error:
        raise RecordError(f"damaged record: {path} is no JSON ({error})") from None
