"""Work and output of the commands on data sets: progress of preparing, counts with reasons, verification."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.cli.display import clock
from benchmarks.datasets import prepared
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation import pipeline
from benchmarks.preparation.item import Plan
from benchmarks.preparation.journal import JOURNAL, Journal
from benchmarks.preparation.pipeline import LOCK, How, InUseError, PreparationState, alone_in
from benchmarks.progress import progress_bar
from registry.cli.printing import console, framed
from registry.console import Console
from registry.lock import held


def prepare(root: Path, plan: Plan, how: How) -> int:
    """Prepare a plan below ``root``, with progress; returns the exit code: 1 where nothing could be."""
    folder = root / plan.name
    with PreparationDisplay(Console(stderr=True, soft_wrap=True), plan.name) as display:
        for note in (*plan.notes, *(how.own.notes() if how.own else ())):
            display.say(note)
        result = pipeline.prepare(folder, plan, how, log=display.say, on_progress=display.tell)
    show([folder], reasons=5)
    print(f"{len(result)} clips of {result.coverage} items in {folder}")
    return 0 if len(result) else 1


class PreparationDisplay(Progress):
    """Progress with an estimate: a bar on a terminal, else a line now and then."""

    every = 30.0  # seconds between lines

    def __init__(self, console: Console, name: str) -> None:
        super().__init__(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=3600,  # items come in bursts and pauses: of a few seconds the estimate would jump
        )
        self.items = self.add_task(name, total=None, counts="")
        self.told = time.monotonic()

    def say(self, text: str) -> None:
        self.console.print(escape(text), highlight=False)

    def tell(self, state: PreparationState) -> None:
        counts = ", ".join(f"{n} {status}" for status, n in state.counts.items())
        done = state.total - state.to_do + state.done
        self.update(self.items, total=state.total, completed=done, counts=counts)
        if state.goes_on and not state.done and state.to_do < state.total:
            self.say(f"{done} of {state.total} items are done already ({counts})")
        if not self.console.is_terminal and time.monotonic() - self.told > self.every:
            self.told = time.monotonic()
            left = state.seconds_left()
            self.say(f"{done} of {state.total} items: {counts}" + (f"; about {clock(left)} left" if left else ""))


def write_csv(folders: Sequence[Path], path: Path) -> None:
    if len(folders) != 1:
        raise ValueError(f"--csv writes one data set's items: name one of {', '.join(f.name for f in folders)}")
    Journal(folders[0]).write_csv(path)


def verified(folder: Path) -> bool:
    """Whether a data set is what was packed; what is not is named, and entered as damaged."""
    try:
        return _as_packed(folder)
    except (DamagedError, OSError, InUseError) as error:  # the others are looked at all the same
        print(f"{folder.name}: {error}")
        return False


def _as_packed(folder: Path) -> bool:
    with progress_bar(f"verifying {folder.name}") as progress:
        wrong = prepared.verify(folder, progress)
    for clip, why in wrong.items():
        print(f"{folder.name}: {clip}: {why}")
    there = prepared.Prepared(folder)
    print(f"{folder.name}: {len(there) - len(wrong)} of {len(there)} clips are as packed ({there.fingerprint[:12]})")
    if wrong and (folder / JOURNAL).exists():
        with alone_in(folder):
            Journal(folder).lose_changed(wrong)
        print(f"{folder.name}: they are accounted as damaged; the command that prepared them prepares them again")
    return not wrong


def folders(root: Path, names: Sequence[str]) -> list[Path]:
    """The folders of the data sets that were named, or of all that have a journal.

    Raises ``FileNotFoundError`` if one is not there, with those that are.
    """
    there = sorted(path.parent.name for path in root.glob(f"[!.]*/{JOURNAL}"))
    named = names or there
    missing = [n for n in named if n not in there and not (root / n / prepared.MANIFEST).is_file()]
    if missing or not named:
        raise FileNotFoundError(
            f"{root} holds {', '.join(there) or 'no prepared data set'}"
            + (f", not {', '.join(missing)}" if missing else "")
            + "; `cavl-bench prepare --help` says how to make one, --root names another folder"
        )
    return [root / name for name in named]


def show(folders: Sequence[Path], reasons: int) -> None:
    table = framed("data set", "items", "found", "missing", "damaged", "to do", "clips", "fingerprint")
    known = {folder.name: figures(folder, reasons) for folder in folders}
    for name, of in known.items():
        numbers = (of.get(key) for key in ("items", "found", "missing", "damaged", "to_do", "clips"))
        table.add_row(name, *("?" if n is None else f"{n:,}" for n in numbers), of["fingerprint"][:12])
    console().print(table)
    for name, of in known.items():
        if "error" in of:
            print(f"{name}: {of['error']}")
        for why in of["reasons"]:
            more = f" and {why['items'] - 1:,} more" if why["items"] > 1 else ""
            which = f" ({why['first']}{more})" if more or why["first"] not in why["reason"] else ""
            print(f"{name}: {why['items']:,} {why['status']}: {why['reason']}{which}")
        if of["more_reasons"]:
            print(f"{name}: {of['more_reasons']} more reasons; prepare status {name} --csv FILE has every item")


def figures(folder: Path, reasons: int) -> dict[str, Any]:
    """What is in a folder, or why that cannot be said."""
    try:
        return _counted(folder, reasons)
    except (DamagedError, OSError) as error:
        return {"fingerprint": "damaged", "error": str(error), "reasons": [], "more_reasons": 0}


def _counted(folder: Path, reasons: int) -> dict[str, Any]:
    """What is in a folder, by its journal and its manifest.

    The journal names all that was ever asked for, the manifest what its last preparation was for: once that is over,
    what has left the lists since is not counted.
    """
    journal = Journal(folder)
    try:
        there = prepared.Prepared(folder)
        clips, fingerprint = len(there), there.fingerprint
    except prepared.NotPreparedError:
        there, clips, fingerprint = None, len(journal.packed()), "not finished"
    if there is None or (journal.exists and held(folder / LOCK)):
        counts, every = journal.counts(), journal.reasons()
        items = max(journal.expected, sum(counts.values()))
    elif journal.exists:
        listed = {clip.partition("/")[0] for clip in there.ids} | {item.id for item in there.lost + there.refused}
        journal.entries = {id: entry for id, entry in journal.entries.items() if id in listed}
        counts, every = journal.counts(), journal.reasons()
        items = there.coverage.expected
    else:
        coverage, every = there.coverage, []
        counts = {"found": coverage.found, "missing": coverage.missing, "damaged": coverage.damaged}
        items = coverage.expected
    return {
        "items": items,
        **counts,
        "to_do": items - sum(counts.values()),
        "clips": clips,
        "fingerprint": fingerprint,
        "reasons": [{"status": s, "reason": r, "items": len(ids), "first": ids[0]} for s, r, ids in every[:reasons]],
        "more_reasons": max(0, len(every) - reasons),
    }
