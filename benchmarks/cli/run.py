"""Main job: train, evaluate and report on everything that a preset holds, running only what is missing."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmarks.cli.options import PRESET, Names, all_methods, all_tasks, folders, number_of_seeds, several
from registry.cli.options import choice, count, flag, folder, option, path
from registry.cli.program import WORDS, examples
from registry.files import MONGO, home, report_folder, require_home, require_writable

if TYPE_CHECKING:  # slow to import: what needs it does so when the command line has been understood
    from benchmarks import presets
    from benchmarks.orchestration.request import Request
    from benchmarks.orchestration.scheduler import State
    from registry.console import Console

EXAMPLES = examples("""\
examples:
  cavl-bench run                      the default preset, three seeds
                                      (the same as: tox -e benchmark)
  cavl-bench run --preset smoke       the whole way in two minutes
  cavl-bench run --dry-run            what would run, and what is there
  cavl-bench run --methods cavl --tasks localization --seeds 1
                                      a part of it, beside trivial rows
  cavl-bench run --esc50 DIR          also probe the real recordings of ESC-50
  cavl-bench run --preset paper       the paper's own experiments, on prepared
                                      data (cavl-bench prepare --help)
  cavl-bench run --preset paper --limit 16
                                      its rehearsal: 16 scenes of each set,
                                      two updates a training
""")


def run(
    ctx: typer.Context,
    preset: str = PRESET,
    limit: int | None = count(
        "a rehearsal: N scenes of each set, two updates a training; runs and report of their own"
    ),
    seeds: int | None = option("seeds 1..N (default: the preset's)", "N", parser=number_of_seeds),
    methods: Names | None = several("only these and the trivial rows (default: all of the preset)", all_methods),
    orderings: Names | None = several("only these curriculum orderings, also ones not run by default"),
    tasks: Names | None = several(f"only these of: {', '.join(all_tasks())}; what they need is trained too", all_tasks),
    jobs: int | None = count("processes at a time (default: the number of cores)"),
    esc50: Path | None = path(
        "folder of ESC-50 (default: ESC-50 in $CAVL_DATA, if it is there; of --preset paper: ESC-50 as prepared)"
    ),
    dcase: Path | None = path("folder of DCASE's acoustic scenes, in its official layout: also probe these recordings"),
    photographs: Path | None = path(
        "folder with a folder of photographs for each kind, of which --preset composite makes scenes (default: "
        "caltech101 in $CAVL_DATA)"
    ),
    recordings: Names | None = several(
        "folders with a folder of recordings for each label, or ESC-50, for the same (default: ESC-50 and instruments "
        "in $CAVL_DATA)",
        metavar="DIR,...",
        parser=folders,
    ),
    ucf101: tuple[Path, Path] | None = path(
        "folders of UCF-101 and of its official split lists: action recognition on it too (--preset ablations)",
        "VIDEOS LISTS",
    ),
    hmdb51: tuple[Path, Path] | None = path("the same of HMDB-51", "VIDEOS LISTS"),
    rerun: str | None = choice(
        "what failed last time only; also what other code or versions made; everything (default: whatever has no "
        "finished run)",
        ("failed", "stale", "all"),
    ),
    report: Path | None = path("folder of the report (default: reports/generated/PRESET)"),
    dry_run: bool = flag("--dry-run", "print what would run and stop"),
) -> int:
    """Train, evaluate and report, running only what is missing.

    The report covers what the last command asked for, and calls the rest "not selected"; the whole command shows
    everything again. Trivial rows (full frame, spectrogram statistics and their like) run beside every selection of
    other rows: they say what a score is worth. A name that selects nothing is refused, and the report that stands is
    left alone.

    Ctrl-C stops it; the same command goes on from there, to the update. Runs are kept in $CAVL_HOME (default ./runs;
    browse them with `cavl-bench runs list`), the generated world in $CAVL_DATA (default: the user's cache folder, or
    where there is none $CAVL_HOME/data), the report in the folder that --report names.
    """
    from benchmarks import presets
    from benchmarks.orchestration.request import Request
    from benchmarks.tasks.classification import dcase_scoreable, scoreable

    base = str(Path(preset).absolute()) if preset.endswith(".py") else preset  # its runs may start elsewhere
    preset = base if limit is None else f"{base}@{limit}"
    found = esc50 or _found_esc50(presets.load(preset))
    videos = {"ucf101": ucf101, "hmdb51": hmdb51}
    request = Request(
        preset=preset,
        seeds=seeds,
        methods=methods or (),
        orderings=orderings or (),
        tasks=tasks or (),
        esc50=str(found.absolute()) if found else None,
        dcase=str(dcase.absolute()) if dcase else None,
        data=_places(photographs, recordings),
        videos=tuple(
            {"data": data, "videos": str(given[0].absolute()), "annotations": str(given[1].absolute())}
            for data, given in videos.items()
            if given
        ),
    )
    command, slots = ["cavl-bench", "run", *ctx.meta[WORDS]], jobs or os.cpu_count() or 1
    status = benchmark(request, command, rerun, report, slots, dry_run)
    if dry_run:
        return status
    without = esc50 is not None and "esc10" not in scoreable(str(request.esc50))
    without |= request.dcase is not None and not dcase_scoreable(request.dcase)
    return 1 if without else status


def benchmark(
    request: Request, command: Sequence[str], rerun: str | None, report: Path | None, slots: int, dry_run: bool
) -> int:
    """Run what is missing of ``request``; returns the exit code."""
    from benchmarks import presets
    from benchmarks.cli.display import show_plan
    from benchmarks.orchestration.experiment import current_environment
    from benchmarks.orchestration.plan import prepare_sets, settled
    from registry.console import Console
    from registry.index import Registry

    console = Console(soft_wrap=True, markup=False, highlight=False)
    registry = Registry(home(), current_environment(presets.load(request.preset).training))
    state, notes, plan = settled(request, registry, rerun, command)
    for sentence in notes:
        console.print(f"note: {sentence}")
    if dry_run:
        show_plan(console, state)
        return 0
    name = presets.label(request.preset)
    out = report or report_folder(name)
    keep_plan = functools.partial(registry.save_plan, name, plan)
    require_home()
    require_writable(out, "name a folder for the report with --report")
    keep_plan()
    do_without_mongo_if_away(console)
    prepare_sets(state.todo, slots)
    status = train_and_report(console, state, name, out, slots, keep_plan)
    return 1 if status or state.failed else 0


def train_and_report(
    console: Console, state: State, preset: str, out: Path, slots: int, keep_plan: Callable[[], object]
) -> int:
    """Run what is to do, with a report behind every seed; returns the exit code of the last report.

    The plan is kept anew before each report: another suite may have selected other methods of the preset meanwhile.
    """
    from benchmarks.cli.display import Display
    from benchmarks.orchestration.executors.local import LocalExecutor
    from benchmarks.orchestration.scheduler import run
    from registry.index import has_ended

    stale = sum(1 for record in state.reused.values() if record.stale)
    console.print(
        f"{len(state.jobs)} runs: {len(state.todo)} to do, {len(state.reused)} already there"
        + (f" ({stale} of them stale: --rerun stale renews them)" if stale else "")
    )
    with Display(console, state) as display:
        run(
            state,
            LocalExecutor(slots),
            on_progress=display.update,
            seed_done=lambda seed: write_report_aside(preset, out, keep_plan) if state.todo else None,
            going_on=lambda id: not has_ended(home() / str(id)),
        )
    keep_plan()
    status = subprocess.run(report_command(preset, out), check=False).returncode
    display.say_what_failed()
    return status


def report_command(preset: str, out: Path) -> list[str]:
    """The report is written by a process of its own: the suite knows nothing of tables."""
    return [sys.executable, "-m", "reports", "--preset", preset, "--home", str(home()), "--out", str(out)]


def write_report_aside(preset: str, out: Path, keep_plan: Callable[[], object]) -> None:
    """Write the report of what is there so far while the next seed runs."""
    with contextlib.suppress(OSError):  # a full disk: no reason to end what runs
        keep_plan()
    subprocess.Popen(report_command(preset, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _found_esc50(preset: presets.Preset) -> Path | None:
    """The official folder, where it is there and the preset does not read ESC-50 as prepared."""
    from benchmarks.datasets.data_module import data_folder

    if preset.evaluation("classification").probe != "miniature":
        return None
    folder = data_folder() / "ESC-50"
    return folder if (folder / "meta" / "esc50.csv").is_file() else None


def _places(photographs: Path | None, recordings: Names | None) -> dict[str, str | list[str]]:
    """Where the files are of which scenes are composed, as far as the user says."""
    places: dict[str, str | list[str]] = {}
    if photographs:
        places["photographs"] = str(photographs.absolute())
    if recordings:
        places["recordings"] = [str(folder(place).absolute()) for place in recordings]
    return places


def do_without_mongo_if_away(console: Console) -> None:
    """One warning, instead of one from every run, where $CAVL_MONGO_URI names a database that cannot be used now.

    Raises MongoError when it is no address at all.
    """
    from registry.mongo.address import MongoError, address, opened

    text = os.environ.get(MONGO)
    if not text:
        return
    where = address(text)
    try:
        with opened(where):
            pass
    except MongoError as error:
        del os.environ[MONGO]  # the runs are processes of this one
        console.print(f"warning: {error}; `cavl-bench runs sync` copies the runs later")
