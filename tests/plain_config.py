"""Run configurations as plain values, as Sacred has them: easily changed in one place, then resolved."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from benchmarks.orchestration import graph
from benchmarks.orchestration.run_config import RunConfig, configure
from benchmarks.tasks.context import Context
from cavl.config import from_dict


def run_config(*names: Any) -> dict[str, Any]:
    """The complete configuration of a task, preset, method, ordering and seed."""
    return configure(*names).to_dict()


def resolve(plain: Mapping[str, Any]) -> graph.Job:
    return graph.resolve(RunConfig.from_dict(plain))


def fake_context(config: type, values: Mapping[str, Any], seed: int = 1, training: Any = None, **parts: Any) -> Any:
    """What a task's measuring function is given, made of ``parts``; ``values``: its evaluation's configuration."""
    chosen = SimpleNamespace(seed=seed, evaluation=from_dict(config, values), training=training)
    context = SimpleNamespace(config=chosen, flush=lambda: None, **parts)
    context.train = lambda *network, **options: Context.train(context, *network, **options)
    return context
