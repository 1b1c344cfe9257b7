"""The command ``cavl-bench`` as far as a test wants it done."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

from benchmarks.cli import main
from benchmarks.preparation.item import Plan
from benchmarks.preparation.pipeline import How
from registry.cli.program import Command


def understood(*words: Any) -> SimpleNamespace:
    """What its options are after these words; nothing is done."""
    found: dict[str, Any] = {}
    with mock.patch.object(Command, "invoke", lambda self, context: found.update(context.params)):
        assert main([*map(str, words)]) == 0
    return SimpleNamespace(**found)


def planned(*words: Any) -> tuple[Plan, How]:
    """What ``cavl-bench prepare`` would prepare and how, or the error that it would say."""
    found: list[Any] = []
    with (
        mock.patch("benchmarks.cli.data_sets.prepare", lambda root, *given: found.extend(given)),
        mock.patch("registry.cli.program.exit_code", lambda work: work() or 0),
    ):
        assert main(["prepare", *map(str, words)]) == 0
    plan, how = found
    return plan, how
