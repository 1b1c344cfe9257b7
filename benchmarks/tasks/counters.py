"""Counting network of a run: made for its training, loaded to grade scenes for ``k="counted"`` (§3.2.2)."""

from __future__ import annotations

from typing import Any, cast

from benchmarks.tasks.context import Context, build
from benchmarks.training.loop import initialise
from cavl.counting import Counter, CounterConfig


def make_counter(method: Any, hidden: int | None, seed: int) -> Counter:
    """A counter on the method's audio network, which it shares; the new layers' weights are a function of ``seed``."""
    config = CounterConfig(hidden=hidden)
    return cast("Counter", initialise(lambda: Counter(config, method.audio_network()), seed, "counter"))


def load_counter(context: Context, which: int) -> Counter:
    """The counter that one of the job's parents trained, in evaluation mode."""
    config = context.job.parents[which].config
    counter = make_counter(build(config), config.evaluation.hidden, config.seed)
    return cast("Counter", context.load(which, counter))
