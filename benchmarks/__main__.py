"""The main job: train, evaluate and report on everything a preset holds, running only what is missing.

    python -m benchmarks                       the default preset, three seeds (the same as: tox -e benchmark)
    python -m benchmarks --preset smoke        the whole way in seconds, to see that it works
    python -m benchmarks --dry-run             what would run, and what is already there
    python -m benchmarks --methods cavl --tasks localization --seeds 1      a part of it, beside trivial rows
    python -m benchmarks --esc50 DIR           also probe the real recordings of ESC-50
    python -m benchmarks --preset paper        the paper's own experiments, on prepared data (python -m
                                               benchmarks.datasets --help)
    python -m benchmarks --preset paper --limit 16      its rehearsal: 16 scenes of each set, two updates a training

The report covers what the last command asked for, and calls the rest "not selected"; the whole command shows everything
again. Trivial rows (full frame, spectrogram statistics and their like) run beside every selection of other rows: they
say what a score is worth. A name that selects nothing is refused, and the report that stands is left alone.

Ctrl-C stops it; the same command goes on from there, to the update. Runs are kept in $CAVL_HOME (default ./runs; browse
them with `python -m registry list`), the generated world in $CAVL_DATA (default: the user's cache folder, or
where there is none $CAVL_HOME/data), the report in the folder that --report names.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import types
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchmarks.arguments import comma_separated, number_of_seeds, positive
from benchmarks.catalogue import PRESETS, TASKS
from registry.arguments import folder
from registry.cli import printing
from registry.files import MONGO, home, report_folder, require_home, require_writable
from registry.index import Registry
from registry.mongo.address import MongoError, address, opened
from registry.record.run_record import Record, RecordError

if TYPE_CHECKING:  # slow to import: what needs it does so when the command line has been understood
    from benchmarks.datasets.data_module import DataModule
    from benchmarks.orchestration.graph import Job
    from benchmarks.orchestration.request import Request, Same
    from benchmarks.orchestration.scheduler import State
    from benchmarks.presets import Preset


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 all is there, 1 something failed, 130 interrupted."""
    arguments = parse(argv)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return benchmark(arguments)
    except KeyboardInterrupt:
        print("\ninterrupted; nothing finished is lost, the same command goes on from here", file=sys.stderr)
        return 130
    except (ValueError, OSError, RecordError, MongoError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    several = functools.partial(parser.add_argument, default=(), type=comma_separated, metavar="A,B,...")
    parser.add_argument(
        "--preset", default="miniature", help=f"one of: {', '.join(PRESETS.available)} (default: miniature)"
    )
    parser.add_argument(
        "--limit",
        type=positive,
        metavar="N",
        help="a rehearsal: N scenes of each set and two updates a training, as runs and a report of their own",
    )
    parser.add_argument("--seeds", type=number_of_seeds, metavar="N", help="seeds 1..N (default: the preset's)")
    several("--methods", help="only these methods and the trivial rows (default: all of the preset)")
    several("--orderings", help="only these curriculum orderings, also ones not run by default")
    several("--tasks", help=f"only these of: {', '.join(TASKS.available)}; what they need is trained anyway")
    parser.add_argument("--jobs", type=positive, metavar="N", help="processes at a time (default: the number of cores)")
    parser.add_argument(
        "--esc50",
        type=folder,
        metavar="DIR",
        help="folder of ESC-50 (default: ESC-50 in $CAVL_DATA, if it is there; of --preset paper: ESC-50 as prepared)",
    )
    parser.add_argument(
        "--photographs",
        type=folder,
        metavar="DIR",
        help="folder with a folder of photographs for each kind, of which --preset composite makes scenes (default: "
        "caltech101 in $CAVL_DATA)",
    )
    several(
        "--recordings",
        help="folders with a folder of recordings for each label, or ESC-50, for the same (default: ESC-50 and "
        "instruments in $CAVL_DATA)",
    )
    for data, title in (("ucf101", "UCF-101"), ("hmdb51", "HMDB-51")):
        parser.add_argument(
            f"--{data}",
            nargs=2,
            type=folder,
            metavar=("VIDEOS", "LISTS"),
            help=f"folders of {title} and of its official split lists: action recognition on it too (--preset "
            "ablations)",
        )
    parser.add_argument(
        "--rerun",
        choices=("failed", "stale", "all"),
        help="failed: only what failed last time; stale: also what other code or versions made; all: everything "
        "(default: whatever has no finished run)",
    )
    parser.add_argument(
        "--report", type=folder, metavar="DIR", help="folder of the report (default: reports/generated/PRESET)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would run and stop")
    return parser.parse_args(argv)


def benchmark(arguments: argparse.Namespace) -> int:
    from benchmarks import presets
    from benchmarks.orchestration.executors.local import LocalExecutor
    from benchmarks.orchestration.experiment import current_environment
    from benchmarks.orchestration.request import Request, plan_of
    from benchmarks.orchestration.scheduler import State, run, select
    from benchmarks.tasks.classification import scoreable

    console = Console(soft_wrap=True)
    preset = arguments.preset if arguments.limit is None else f"{arguments.preset}@{arguments.limit}"
    esc50 = arguments.esc50 or _found_esc50(presets.load(preset))
    request = Request(
        preset=preset,
        seeds=arguments.seeds,
        methods=arguments.methods,
        orderings=arguments.orderings,
        tasks=arguments.tasks,
        esc50=str(esc50.absolute()) if esc50 else None,
        data=_places(arguments),
        videos=tuple(
            {"data": data, "videos": str(given[0].absolute()), "annotations": str(given[1].absolute())}
            for data in ("ucf101", "hmdb51")
            if (given := getattr(arguments, data))
        ),
    )
    registry = Registry(home(), current_environment(presets.load(request.preset).training))
    jobs, same = plan_of(request)
    if not jobs:
        raise ValueError("of what was asked for nothing can be run; the report that stands is left alone")
    for sentence in sames(same):
        console.print(f"note: {escape(sentence)}", highlight=False)
    reused = select(jobs, registry, arguments.rerun)
    state = State(jobs=only_failed(jobs, reused, registry) if arguments.rerun == "failed" else jobs, reused=reused)
    if arguments.dry_run:
        show_plan(console, state)
        return 0
    report = arguments.report or report_folder(request.preset)
    require_home()
    require_writable(report, "name a folder for the report with --report")
    registry.save_plan(request.preset, plan(request, jobs, same))
    do_without_mongo_if_away(console)
    prepare(state.todo, arguments.jobs or os.cpu_count() or 1)

    stale = sum(1 for r in reused.values() if r.stale)
    console.print(
        f"{len(state.jobs)} runs: {len(state.todo)} to do, {len(reused)} already there"
        + (f" ({stale} of them stale: --rerun stale renews them)" if stale else "")
    )
    with Display(console, state) as display:
        run(
            state,
            LocalExecutor(arguments.jobs or os.cpu_count() or 1),
            changed=display.update,
            seed_done=lambda seed: write_report_aside(request.preset, report) if state.todo else None,
        )
    status = subprocess.run(report_command(request.preset, report), check=False).returncode
    for key, why in state.failed.items():
        name = next(j.name for j in state.jobs if j.key == key)
        console.print(f"[red]failed[/red] {name}: {escape(why)}", highlight=False)
    if state.failed:
        console.print(f"{len(state.failed)} runs failed; the same command tries them again")
    without = arguments.esc50 is not None and "esc10" not in scoreable(str(request.esc50))
    return 1 if state.failed or status or without else 0


def do_without_mongo_if_away(console: Console) -> None:
    """One warning, instead of one from every run, where $CAVL_MONGO_URI names a database that cannot be used now.

    Raises
    ------
    MongoError
        When it is no address at all.
    """
    text = os.environ.get(MONGO)
    if not text:
        return
    where = address(text)
    try:
        with opened(where):
            pass
    except MongoError as error:
        del os.environ[MONGO]  # the runs are processes of this one
        console.print(
            f"warning: {escape(str(error))}; `python -m registry sync` copies the runs later", highlight=False
        )


def only_failed(jobs: list[Job], reused: Mapping[str, Record], registry: Registry) -> list[Job]:
    """What is done already, what failed or died last time, and what that starts from."""
    wanted = set(reused)
    for job in jobs:
        last = registry.unfinished(job.key)
        if job.key not in reused and last is not None and last.status in ("FAILED", "DIED"):
            wanted |= {member.key for member in job.chain()}
    return [job for job in jobs if job.key in wanted]


def sames(same: Sequence[Same]) -> list[str]:
    """One sentence on each ordering whose runs are another's."""
    found: dict[tuple[str, str], list[Same]] = {}
    for one in same:
        row = one.row
        found.setdefault((f"{row.method} {row.ordering}", f"{one.method} {one.ordering}"), []).append(one)
    return [
        f"{own} is configured as {other} ({', '.join(dict.fromkeys(s.row.task for s in several))}; seed "
        f"{', '.join(str(seed) for seed in dict.fromkeys(s.seed for s in several))}): the runs are the same, and stand "
        f"under the name of {other} only"
        for (own, other), several in found.items()
    ]


def plan(request: Request, jobs: list[Job], same: Sequence[Same]) -> dict[str, Any]:
    """What the report is made of: every run asked for, by key; and what the preset has that was not."""
    from benchmarks import presets
    from benchmarks.orchestration.request import rows, whole

    preset = presets.load(request.preset)
    methods = presets.methods_of(request.preset, preset)
    asked = set(rows(request, methods))
    selected = {kind: list(getattr(request, kind)) for kind in ("methods", "orderings", "tasks")}
    return {
        "preset": request.preset,
        "limit": presets.limit_of(request.preset)[1],  # of scenes in each set: it is a rehearsal
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "selected": {kind: names for kind, names in selected.items() if names},
        "not_selected": [row._asdict() for row in rows(whole(request), methods) if row not in asked],
        "preset_seeds": preset.seeds,
        "same": [{**s.row._asdict(), "seed": s.seed, "as": [s.method, s.ordering]} for s in same],
        "nodes": [
            {
                "name": job.name,
                "key": job.key,
                "task": job.config.task,
                "method": job.config.method,
                "ordering": job.config.ordering,
                "seed": job.config.seed,
                "variant": job.variant,
                "parents": [p.key for p in job.parents],
            }
            for job in jobs
        ],
    }


def prepare(jobs: list[Job], workers: int) -> None:
    """Open the sets that the jobs read; those that can be generated and that the cache has not are, on all cores.

    Raises
    ------
    NotPreparedError
        For all data sets at once that must be prepared before, with the commands that do it.
    """
    from benchmarks.datasets.data_module import open_data_module
    from benchmarks.datasets.prepared import NotPreparedError
    from benchmarks.progress import progress_bar
    from cavl.config import to_dict

    sources: dict[str, DataModule] = {}
    wanted: dict[tuple[str, str, str], Job] = {}
    for job in jobs:
        data, task = json.dumps(to_dict(job.config.data), sort_keys=True), job.config.task
        if data not in sources:
            sources[data] = open_data_module(to_dict(job.config.data))
        of_all = sources[data].of(task) is sources[data]
        for name in job.sets:
            wanted.setdefault((data, "" if of_all else task, name), job)
    missing: dict[str, None] = {}
    for number, ((_, task, name), job) in enumerate(wanted.items(), 1):
        with progress_bar(f"preparing {name} ({number} of {len(wanted)} sets)") as progress:
            source = open_data_module(to_dict(job.config.data), workers=workers, progress=progress)
            try:
                (source.of(task) if task else source).named(name)
            except NotPreparedError as error:
                missing[str(error)] = None
    if missing:
        raise NotPreparedError("\n".join([*missing, "or select with --tasks and --methods what can do without"]))


def report_command(preset: str, out: Path) -> list[str]:
    """The report is written by a process of its own: the suite knows nothing of tables."""
    return [sys.executable, "-m", "reports", "--preset", preset, "--home", str(home()), "--out", str(out)]


def write_report_aside(preset: str, out: Path) -> None:
    """Write the report of what is there so far while the next seed runs."""
    subprocess.Popen(report_command(preset, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def show_plan(console: Console, state: State) -> None:
    table = Table("run", "updates", "state", title="what would run")
    for job in state.jobs:
        record = state.reused.get(job.key)
        text = (
            "to do"
            if record is None
            else f"run {record.id}" + (f", stale: {'; '.join(record.stale)}" if record.stale else "")
        )
        table.add_row(job.name, str(job.updates or ""), text)
    printing.console().print(table)  # of any width: in a pipe nothing is cut
    updates = sum(j.updates for j in state.todo)
    console.print(f"{len(state.todo)} of {len(state.jobs)} runs to do, {updates} updates of training")


class Display:
    """What runs, how far, what is left and how long it will take; lines of text where the output is no terminal."""

    def __init__(self, console: Console, state: State) -> None:
        self.console, self.state = console, state
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.told: set[str] = set()

    def __enter__(self) -> Display:
        if self.live:
            self.live.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.live.__exit__(*error)  # type: ignore[arg-type]

    def update(self, state: State) -> None:
        for job in state.jobs:
            over = job.key in state.finished or job.key in state.failed
            if over and job.key not in self.told:
                self.told.add(job.key)
                if job.key in state.finished:
                    self.console.print(
                        f"{self.counter()} {job.name} ({state.finished[job.key]:.0f} s)", highlight=False
                    )
                else:
                    self.console.print(
                        f"{self.counter()} [red]failed[/red] {job.name}: {escape(state.failed[job.key])}",
                        highlight=False,
                    )
        if self.live:
            self.live.update(self.picture())

    def counter(self) -> str:
        over = len(self.state.reused) + len(self.told)
        left = self.state.seconds_left()
        return rf"\[{over}/{len(self.state.jobs)}]" + (f" {clock(left)} left," if left and not self.live else "")

    def picture(self) -> Group:
        state = self.state
        rows = Table.grid(padding=(0, 2))
        for running in state.running.values():
            bar = ProgressBar(total=max(1, running.total), completed=running.done, width=30)
            rows.add_row(
                running.job.name,
                bar,
                f"{running.done}/{running.total or '?'}",
                clock(time.monotonic() - running.started),
            )
        left = state.seconds_left()
        summary = f"{len(state.finished) + len(state.reused)} of {len(state.jobs)} runs done"
        summary += f", {len(state.failed)} failed" if state.failed else ""
        summary += f", {clock(time.monotonic() - state.began)} so far, "
        summary += f"about {clock(left)} left" if left is not None else "estimating the time left"
        return Group(rows, Text(summary, style="bold"))


def clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _found_esc50(preset: Preset) -> Path | None:
    """The official folder, where it is there and the preset does not read ESC-50 as prepared."""
    from benchmarks.datasets.data_module import data_folder

    if preset.evaluation("classification").probe != "miniature":
        return None
    folder = data_folder() / "ESC-50"
    return folder if (folder / "meta" / "esc50.csv").is_file() else None


def _places(arguments: argparse.Namespace) -> dict[str, str | list[str]]:
    """Where the files are of which scenes are composed, as far as the user says."""
    places: dict[str, str | list[str]] = {}
    if arguments.photographs:
        places["photographs"] = str(arguments.photographs.absolute())
    if arguments.recordings:
        places["recordings"] = [str(folder(place).absolute()) for place in arguments.recordings]
    return places


def _interrupt(number: int, frame: types.FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
