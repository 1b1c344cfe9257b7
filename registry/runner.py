"""Who can run a record again: the registry knows nothing of experiments, so their package says it.

The runner is the entry point ``benchmarks`` of the group ``cavl.runners`` (here: that of
:mod:`benchmarks.orchestration.rerun`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol, cast

from registry.record.run_record import Record

GROUP, NAME = "cavl.runners", "benchmarks"


Report = Callable[[int, int], None]  # (done, total)
Again = Callable[[Record, Report], AbstractContextManager[Path]]


class RunnerError(ValueError):
    """A run that cannot be run again: why, and what to do."""


class Runner(Protocol):
    protocol: int  # version of the definitions by which runs are measured now

    def __call__(self, home: Path, paths: Mapping[str, str]) -> AbstractContextManager[Again]:
        """While the block lasts, runs of the registry ``home`` can be run again; nothing in ``home`` is changed.

        ``paths`` says where folders that their configurations name lie now.

        What the block is given takes a record and a function that is told of progress, and runs that record again: the
        folder of the new record, until its own block is left. It raises :class:`RunnerError` when that cannot be done.
        """
        ...


@functools.cache
def runner() -> Runner:
    """The runner that is installed.

    Raises
    ------
    RunnerError
        When there is none.
    """
    remedy = "in the folder of this project: python -m pip install -e ."
    found = entry_points(group=GROUP, name=NAME)
    if not found:
        raise RunnerError(
            f"nothing can run experiments again (no entry point {NAME!r} of the group {GROUP}); install it {remedy}"
        )
    (entry, *_) = found
    try:
        return cast("Runner", entry.load())
    except (ImportError, AttributeError) as error:
        raise RunnerError(f"the runner {entry.value} cannot be loaded ({error}); install it anew {remedy}") from error
