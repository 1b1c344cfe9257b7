"""Verification of runs from a command line: they run again, and their records are compared, item by item."""

from __future__ import annotations

import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.progress import Progress

from benchmarks.orchestration.rerun import Again, RerunError, rerunning
from benchmarks.orchestration.verification import (
    DIFFERENT,
    TOLERANCE,
    VERDICTS,
    ComparedPart,
    Verification,
    verification,
)
from registry.cli.printing import bar, console, print_json, said, title
from registry.cli.printing import table as columns
from registry.index import Registry
from registry.interrupts import sigterm_as_interrupt
from registry.provenance.lineage import forebears
from registry.record.run_record import Record, RecordError, read_record

#: Where the reports are, seen from the folder in which they were written.
REPORTS = Path("reports/generated")
#: How many differences of each kind are shown on a terminal.
SHOWN = 5


def verify(
    registry: Registry,
    ids: Sequence[int] = (),
    *,
    table: str | None = None,
    report: Path | None = None,
    ancestors: bool = False,
    tolerance: float = TOLERANCE,
    paths: Mapping[str, str] | None = None,
    json: bool = False,
) -> int:
    """Do what the command :func:`benchmarks.cli.verify.verify` says, and return its exit code.

    ``paths`` says where folders that configurations name lie now. Raises ValueError for what cannot be meant.
    """
    if bool(ids) == (table is not None):
        raise ValueError("verify which runs? give their ids, or --table NAME")
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueError(f"--tolerance {tolerance} is no tolerance: 0 or more")
    wanted = _wanted(registry, runs_of_table(table, report) if table else list(dict.fromkeys(ids)), ancestors)
    outcomes: list[Outcome] = []
    show = _show_line if table else _show_whole
    with sigterm_as_interrupt(), rerunning(registry.home, paths or {}) as again, bar() as progress:
        everything = progress.add_task("all runs", total=len(wanted), visible=len(wanted) > 1)
        for number, one in enumerate(wanted, start=1):
            outcome = _verified(again, one, tolerance, progress)
            outcomes.append(outcome)
            progress.advance(everything)
            if not json:
                progress.stop()  # it has the terminal's last line
                show(outcome, f"[{number}/{len(wanted)}] " if len(wanted) > 1 else "")
                progress.start()
    counts = Counter(o.verification.verdict if o.verification else "could not run" for o in outcomes)
    if json:
        print_json({"runs": [o.plain() for o in outcomes], "summary": counts})
    elif len(outcomes) > 1:
        _show_summary(counts, outcomes)
    return 2 if counts["could not run"] else 1 if counts[DIFFERENT] else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run to be verified, and what came of it."""

    name: str
    record: Record | None = None
    verification: Verification | None = None
    why: str = ""  # it could not be run

    def __str__(self) -> str:
        return str(self.verification) if self.verification else f"{self.name}: could not run: {self.why}"

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        whole: dict[str, Any] = {"run": self.name, "verdict": "could not run", "error": self.why}
        if self.verification is not None:
            parts = [
                {**asdict(p), "noun": f"{p.noun}s", "verdict": p.verdict, "largest": p.largest}
                for p in self.verification.parts
            ]
            whole |= {**asdict(self.verification), "verdict": self.verification.verdict, "error": None, "parts": parts}
        return {**whole, "said": str(self)}


def runs_of_table(name: str, report: Path | None) -> list[int]:
    """Ids of the runs behind a table, each once, in the order of its rows.

    Raises ValueError where there is no such table, or more than one, or what it holds is no table of runs.
    """
    reports = [report] if report else sorted(path.parent for path in REPORTS.glob("*/tables"))
    if not reports:
        raise ValueError(f"there is no report in {REPORTS.absolute()}: write one (cavl-bench report), or name --report")
    found = [path for folder in reports if (path := folder / "tables" / f"{name}.csv").is_file()]
    if not found:
        there = sorted({path.stem for folder in reports for path in folder.glob("tables/*.csv")})
        told = f"there are {', '.join(there)}" if there else "there is none: name the folder that holds tables/"
        raise ValueError(f"no table {name!r} in {', '.join(map(str, reports))}; {told}")
    if len(found) > 1:
        several = " or ".join(f"--report {path.parents[1]}" for path in found)
        raise ValueError(f"several reports have a table {name!r}: say {several}")
    with open(found[0], newline="", encoding="utf-8-sig") as file:
        try:
            ids = [int(id) for row in csv.DictReader(file) for id in row["run_ids"].split()]
        except (KeyError, AttributeError, ValueError, csv.Error) as error:
            raise ValueError(f"{found[0]} names no runs in a column run_ids ({error!r})") from None
    if not ids:
        raise ValueError(f"there are no runs behind {found[0]}: no row of it has been run")
    return list(dict.fromkeys(ids))


def _wanted(registry: Registry, ids: Sequence[int], with_ancestors: bool) -> list[Outcome]:
    """What to verify, each run once; with their ancestors, these come first."""
    records = {record.id: record for record in registry.records(id=ids)}
    known = forebears(registry, records.values()) if with_ancestors else {}
    wanted: dict[str, Outcome] = {}
    seen: set[str] = set()

    def add(record: Record) -> None:
        for key in record.pedigree.parents if with_ancestors else ():
            if key in seen:
                continue
            seen.add(key)
            parent = known[key]
            if parent is not None:
                add(parent)
            else:
                why = f"run {record.id} started from it, and no finished run in {registry.home} has this key"
                wanted[key] = Outcome(name=f"key {key}", why=why)
        wanted.setdefault(f"run {record.id}", Outcome(name=f"run {record.id}", record=record))

    for id in ids:
        if id in records:
            add(records[id])
        else:
            why = registry.damaged().get(id, f"there is no such run in {registry.home}")
            wanted[f"run {id}"] = Outcome(name=f"run {id}", why=why)
    return list(wanted.values())


def _verified(again: Again, wanted: Outcome, tolerance: float, progress: Progress) -> Outcome:
    record = wanted.record
    if record is None:
        return wanted
    if record.status != "COMPLETED":
        return replace(wanted, why=f"it is {record.status}, and only a COMPLETED run has a result to compare")
    task = progress.add_task(wanted.name, total=None)

    def report(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    try:
        with again(record, report) as folder:
            return replace(wanted, verification=verification(record, read_record(folder), tolerance))
    except (RerunError, RecordError, ValueError, OSError) as error:
        return replace(wanted, why=str(error))
    finally:
        progress.remove_task(task)


# ---- on a terminal --------------------------------------------------------------------------------------------------


def _show_line(outcome: Outcome, counter: str) -> None:
    """One of many."""
    told = f"  [{title(outcome.record)}]" if outcome.record else ""
    console().print(f"{counter}{outcome}{told}", soft_wrap=True)


def _show_whole(outcome: Outcome, counter: str) -> None:
    """All that there is to say: what has changed, the parts, the verdict."""
    if outcome.verification is None or outcome.record is None:
        print(f"error: {outcome}", file=sys.stderr)
        return
    found, record, out = outcome.verification, outcome.record, console()
    out.print(f"{counter}run {record.id}  {title(record)}", style="bold")
    out.print(f"device: {found.device[0]} then, {found.device[1]} now")
    for what in _grouped(found.changed) or ["nothing that is recorded has changed since then"]:
        out.print(what, soft_wrap=True)
    out.print(columns("", "verdict", *VERDICTS, "largest difference", rows=map(_part, found.parts)))
    if worst := [difference for part in found.parts for difference in part.differences[:SHOWN]]:
        rows = [(d.name, _short(d.then), _short(d.now), _size(d.size), d.verdict) for d in worst]
        out.print(columns("the worst", "then", "now", "difference", "", rows=rows))
        if left := sum(len(part.differences[SHOWN:]) for part in found.parts):
            out.print(f"and {left} more (--json has all)")
    out.print(str(found), style="bold", soft_wrap=True)
    out.print()


def _part(part: ComparedPart) -> tuple[str, ...]:
    verdict = part.verdict if part.decides else f"{part.verdict} (does not decide)"
    return f"{part.noun}s", verdict, *(str(part.counts[verdict]) for verdict in VERDICTS), _size(part.largest)


def _size(difference: float | None) -> str:
    return "" if difference is None else said(difference)


def _show_summary(counts: Counter[str], outcomes: Sequence[Outcome]) -> None:
    changed = Counter(what for o in outcomes if o.verification for what in o.verification.changed)
    for runs in sorted(set(changed.values()), reverse=True):
        for line in _grouped([what for what in changed if changed[what] == runs]):
            print(f"{line} ({runs} of {len(outcomes)} runs)")
    verdicts = (f"{counts[v]} {v}" for v in (*VERDICTS, "could not run") if counts[v] or v in VERDICTS)
    print(f"{len(outcomes)} runs: {', '.join(verdicts)}")


def _grouped(changed: Iterable[str]) -> list[str]:
    """Sentences that begin alike, as those on modules of code do, in one line."""
    lines: dict[str, list[str]] = {}
    for what in changed:
        kind, colon, name = what.rpartition(": ")
        lines.setdefault(kind + colon or what, []).append(name if colon else "")
    return [start + ", ".join(names) for start, names in lines.items()]


def _short(value: Any) -> str:
    """A number in full; of a text, as a digest is, its beginning."""
    return f"{value[:16]}..." if isinstance(value, str) and len(value) > 24 else str(value)
