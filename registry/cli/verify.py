"""``verify``: run runs again from their records, and say whether they still give what they gave."""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.progress import Progress

from registry.cli.printing import bar, console, print_json, said, table, title
from registry.index import Registry
from registry.provenance.lineage import forebears
from registry.record.run_record import Record, RecordError, read_record
from registry.runner import Again, RunnerError, runner
from registry.verify import DIFFERENT, TOLERANCE, VERDICTS, Verification, verification

#: Where the reports are, seen from the folder in which they were written.
REPORTS = Path("reports/generated")

#: How many differences of each kind are shown on a terminal.
SHOWN = 5

EPILOG = """\
Identical: the same to the last bit, as is to be expected on the CPU with the same versions and number of threads.
Within tolerance: |now - then| <= T * max(1, |then|, |now|) for all numbers, T being --tolerance. Its default is what
another number of threads does to a loss within a hundred updates; longer trainings drift further apart, and an accuracy
can flip by an item: that is different, and named. Weights are compared by digest: other ones make a run within
tolerance at best. Pictures and sounds are compared and named, not judged.

examples:
  cavl-bench runs verify 12                              does run 12 still give this number?
  cavl-bench runs verify 12 --ancestors                  and all it descends from, ancestors first
  cavl-bench runs verify --table table3                  every run behind a table of the report
  cavl-bench runs verify 12 --path esc50=/data/ESC-50    its recordings have moved

Nothing in the registry is changed: runs go on in a temporary folder ($TMPDIR), from the stored weights of the runs they
started from, and leave nothing behind, Ctrl-C included.

exit code: 0 when all are identical or within tolerance, 1 when one is different, 2 when one could not be run.
"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "verify",
        parents=[common],
        help="run again, and compare with the record",
        description="Run runs again from their records (configuration, seed, data, the stored weights of the runs\n"
        "they started from): identical, within tolerance or different, item by item; and what has changed since.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("id", type=int, nargs="*", help="a run")
    parser.add_argument("--table", metavar="NAME", help="instead: every run behind this table of a report, as table3")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help=f"the report that has the table (default: the only one in {REPORTS} that has it)",
    )
    parser.add_argument("--ancestors", action="store_true", help="also the runs that these descend from, before them")
    parser.add_argument(
        "--tolerance",
        type=_tolerance,
        default=TOLERANCE,
        metavar="T",
        help=f"how far two numbers may be apart (default: {TOLERANCE:g})",
    )
    parser.add_argument(
        "--path",
        type=_path,
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="where a folder that a run's configuration names lies now (esc50, videos, annotations)",
    )
    parser.set_defaults(command=run)


def run(registry: Registry, options: argparse.Namespace) -> int:
    from registry.record.observer import sigterm_as_interrupt  # here: the other commands need not wait for Sacred

    if bool(options.id) == (options.table is not None):
        raise ValueError("verify which runs? give their ids, or --table NAME")
    ids = runs_of_table(options.table, options.report) if options.table else list(dict.fromkeys(options.id))
    wanted = _wanted(registry, ids, options.ancestors)
    outcomes: list[Outcome] = []
    show = _show_line if options.table else _show_whole
    with sigterm_as_interrupt(), runner()(registry.home, dict(options.path)) as again, bar() as progress:
        everything = progress.add_task("all runs", total=len(wanted), visible=len(wanted) > 1)
        for number, one in enumerate(wanted, start=1):
            outcome = _verified(again, one, options.tolerance, progress)
            outcomes.append(outcome)
            progress.advance(everything)
            if not options.json:
                progress.stop()  # it has the terminal's last line
                show(outcome, f"[{number}/{len(wanted)}] " if len(wanted) > 1 else "")
                progress.start()
    counts = Counter(o.verification.verdict if o.verification else "could not run" for o in outcomes)
    if options.json:
        print_json({"runs": [o.plain() for o in outcomes], "summary": counts})
    elif len(outcomes) > 1:
        _show_summary(counts, outcomes)
    return 2 if counts["could not run"] else 1 if counts[DIFFERENT] else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A run to be verified; without a record: why it cannot be."""

    name: str
    record: Record | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    wanted: Wanted
    verification: Verification | None = None
    why: str = ""  # it could not be run

    def __str__(self) -> str:
        return str(self.verification) if self.verification else f"{self.wanted.name}: could not run: {self.why}"

    def plain(self) -> dict[str, Any]:
        """Everything, as JSON has it."""
        whole: dict[str, Any] = {"run": self.wanted.name, "verdict": "could not run", "error": self.why}
        if self.verification is not None:
            parts = [
                {**asdict(p), "noun": f"{p.noun}s", "verdict": p.verdict, "largest": p.largest}
                for p in self.verification.parts
            ]
            whole |= {**asdict(self.verification), "verdict": self.verification.verdict, "error": None, "parts": parts}
        return {**whole, "said": str(self)}


def runs_of_table(name: str, report: Path | None) -> list[int]:
    """Ids of the runs behind a table, each once, in the order of its rows.

    Raises
    ------
    ValueError
        Where there is no such table, or more than one, or what it holds is no table of runs.
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
    with open(found[0], newline="", encoding="utf-8") as file:
        try:
            ids = [int(id) for row in csv.DictReader(file) for id in row["run_ids"].split()]
        except (KeyError, AttributeError, ValueError, csv.Error) as error:
            raise ValueError(f"{found[0]} names no runs in a column run_ids ({error!r})") from None
    if not ids:
        raise ValueError(f"there are no runs behind {found[0]}: no row of it has been run")
    return list(dict.fromkeys(ids))


def _wanted(registry: Registry, ids: Sequence[int], with_ancestors: bool) -> list[Wanted]:
    """What to verify, each run once; with their ancestors, these come first."""
    records = {record.id: record for record in registry.records(id=ids)}
    known = forebears(registry, records.values()) if with_ancestors else {}
    wanted: dict[str, Wanted] = {}
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
                wanted[key] = Wanted(name=f"key {key}", why=why)
        wanted.setdefault(f"run {record.id}", Wanted(name=f"run {record.id}", record=record))

    for id in ids:
        if id in records:
            add(records[id])
        else:
            why = registry.damaged().get(id, f"there is no such run in {registry.home}")
            wanted[f"run {id}"] = Wanted(name=f"run {id}", why=why)
    return list(wanted.values())


def _verified(again: Again, wanted: Wanted, tolerance: float, progress: Progress) -> Outcome:
    record = wanted.record
    if record is None:
        return Outcome(wanted=wanted, why=wanted.why)
    if record.status != "COMPLETED":
        return Outcome(wanted=wanted, why=f"it is {record.status}, and only a COMPLETED run has a result to compare")
    task = progress.add_task(wanted.name, total=None)

    def report(done: int, total: int) -> None:
        progress.update(task, completed=done, total=total)

    try:
        with again(record, report) as folder:
            return Outcome(wanted=wanted, verification=verification(record, read_record(folder), tolerance))
    except (RunnerError, RecordError, ValueError, OSError) as error:
        return Outcome(wanted=wanted, why=str(error))
    finally:
        progress.remove_task(task)


# ---- on a terminal --------------------------------------------------------------------------------------------------


def _show_line(outcome: Outcome, counter: str) -> None:
    """One of many."""
    told = outcome.wanted.record
    out = console()
    out.print(f"{counter}{outcome}" + (f"  [{title(told)}]" if told else ""), soft_wrap=True)


def _show_whole(outcome: Outcome, counter: str) -> None:
    """All that there is to say: what has changed, the parts, the verdict."""
    if outcome.verification is None or outcome.wanted.record is None:
        print(f"registry: {outcome}", file=sys.stderr)
        return
    found, record, out = outcome.verification, outcome.wanted.record, console()
    out.print(f"{counter}run {record.id}  {title(record)}", style="bold")
    out.print(f"device: {found.device[0]} then, {found.device[1]} now")
    for what in _grouped(found.changed) or ["nothing that is recorded has changed since then"]:
        out.print(what, soft_wrap=True)
    parts = table("", "verdict", *VERDICTS, "largest difference")
    for part in found.parts:
        verdict = part.verdict if part.decides else f"{part.verdict} (does not decide)"
        counts = (str(part.counts[verdict]) for verdict in VERDICTS)
        parts.add_row(f"{part.noun}s", verdict, *counts, "" if part.largest is None else said(part.largest))
    out.print(parts)
    if worst := [difference for part in found.parts for difference in part.differences[:SHOWN]]:
        rows = table("the worst", "then", "now", "difference", "")
        for d in worst:
            size = "" if d.size is None else said(d.size)
            rows.add_row(d.name, _short(d.then), _short(d.now), size, d.verdict)
        out.print(rows)
        if left := sum(len(part.differences[SHOWN:]) for part in found.parts):
            out.print(f"and {left} more (--json has all)")
    out.print(str(found), style="bold", soft_wrap=True)
    out.print()


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


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text} is no tolerance: 0 or more")
    return value


def _path(text: str) -> tuple[str, str]:
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR, as esc50=/data/ESC-50")
    return name, str(Path(folder).absolute())
