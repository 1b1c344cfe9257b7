"""Display of the main job: its plan and its progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from registry.cli import printing
from registry.console import Console

if TYPE_CHECKING:  # slow to import, and other displays tell the time by the clock of this one
    from benchmarks.orchestration.executors import Elsewhere
    from benchmarks.orchestration.scheduler import State


def show_plan(console: Console, state: State) -> None:
    table = Table("run", "updates", "state", title="what would run")
    for job in state.jobs:
        record = state.reused.get(job.key)
        stale = f", stale: {'; '.join(record.stale)}" if record and record.stale else ""
        table.add_row(job.name, str(job.updates or ""), f"run {record.id}{stale}" if record else "to do")
    printing.console().print(table)  # of any width: in a pipe nothing is cut
    updates = sum(j.updates for j in state.todo)
    console.print(f"{len(state.todo)} of {len(state.jobs)} runs to do, {updates} updates of training")


class Display:
    """What runs, how far, what is left and how long it will take; lines of text where the output is no terminal."""

    def __init__(self, console: Console, state: State) -> None:
        self.console, self.state = console, state
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.told: set[str] = set()
        self.waited: set[Elsewhere] = set()  # runs of other processes of which it has been told

    def __enter__(self) -> Display:
        if self.live:
            self.live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.__exit__(*error)  # type: ignore[arg-type]

    def update(self, state: State) -> None:
        for job, at in state.elsewhere.values():
            if at not in self.waited and not self.live:
                self.console.print(f"{job.name} is run by {at.who} (run {at.run})")
            self.waited.add(at)
        for job in state.jobs:
            if job.key in self.told or job.key not in {*state.finished, *state.taken, *state.failed}:
                continue
            self.told.add(job.key)
            if job.key in state.finished:
                self.console.print(f"{self.counter()} {job.name} ({state.finished[job.key]:.0f} s)")
            elif job.key in state.taken:
                at = state.taken[job.key]
                self.console.print(f"{self.counter()} {job.name} (run {at.run}, run by {at.who})")
            else:
                self.failed(f"{self.counter()} ", job.name, job.key)
        if self.live:
            self.live.update(self.picture())

    def failed(self, before: str, name: str, key: str) -> None:
        self.console.print(Text.assemble(before, ("failed", "red"), f" {name}: {self.state.failed[key]}"))

    def say_what_failed(self) -> None:
        for job in self.state.jobs:
            if job.key in self.state.failed:
                self.failed("", job.name, job.key)
        if self.state.failed:
            self.console.print(f"failed: {len(self.state.failed)}; the same command tries what failed again")

    def counter(self) -> str:
        over = len(self.state.reused) + len(self.told)
        left = self.state.seconds_left()
        return f"[{over}/{len(self.state.jobs)}]" + (f" {clock(left)} left," if left and not self.live else "")

    def picture(self) -> Group:
        state = self.state
        rows = Table.grid(padding=(0, 2))
        for running in state.running.values():
            bar = ProgressBar(total=max(1, running.total), completed=running.done, width=30)
            how_far, so_far = f"{running.done}/{running.total or '?'}", clock(time.monotonic() - running.started)
            rows.add_row(running.job.name, bar, how_far, so_far)
        for job, at in state.elsewhere.values():
            rows.add_row(job.name, f"run by {at.who}")
        left = state.seconds_left()
        summary = f"{len(state.finished) + len(state.taken) + len(state.reused)} of {len(state.jobs)} runs done"
        summary += f", {len(state.failed)} failed" if state.failed else ""
        summary += f", {clock(time.monotonic() - state.began)} so far, "
        summary += f"about {clock(left)} left" if left is not None else "estimating the time left"
        return Group(rows, Text(summary, style="bold"))


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
