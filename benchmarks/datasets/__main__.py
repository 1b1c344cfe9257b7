"""``python -m benchmarks.datasets``: prepare the real data sets, say what is there, verify it."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.datasets import prepared
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation import audioset, composite, esc50, flickr_soundnet, music
from benchmarks.preparation.journal import JOURNAL, Journal
from benchmarks.preparation.options import add_common, how_of, limited, root_of
from benchmarks.preparation.pipeline import LOCK, GivenUpError, InUseError, State, alone_in, prepare
from benchmarks.progress import progress_bar
from registry.cli.printing import console, framed
from registry.files import DiskFullError, require_writable
from registry.lock import held

#: In the order of the help. Each has NAME, HELP, DESCRIPTION, EPILOG, add_arguments(parser) and plan(arguments), or
#: instead of the last run(arguments), which does it all.
PREPARERS: tuple[Any, ...] = (audioset, music, flickr_soundnet, esc50, composite)

EPILOG = """\
examples:
  python -m benchmarks.datasets prepare audioset --ontology ontology.json --segments balanced_train_segments.csv
  python -m benchmarks.datasets prepare esc50
  python -m benchmarks.datasets prepare music --help
  python -m benchmarks.datasets status                          what is there, and why the rest is not
  python -m benchmarks.datasets status audioset --csv items.csv every item with its reason
  python -m benchmarks.datasets verify                          read everything again, compare with its hashes

Prepared data sets lie in folders of --root, or else of $CAVL_DATA, or else of the user's cache folder. docs/data.md
says where the official files are and what may be done with them. Preparing needs `pip install 'cavl-bench[prepare]'`.
Exit status: 0; 1 when something is damaged (verify), or nothing could be prepared; 2 for a wrong command or file; 130
when interrupted: the same command goes on.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(arguments.command(arguments))
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, the same command goes on from here", file=sys.stderr)
        return 130
    except DiskFullError:
        print(
            "error: the disk is full: make room, or move the prepared data and name their place with --root; what was "
            "finished is kept, the same command goes on from here",
            file=sys.stderr,
        )
        return 2
    except ModuleNotFoundError as error:
        print(f"error: {error}; install what preparing needs: pip install 'cavl-bench[prepare]'", file=sys.stderr)
        return 2
    except (ValueError, OSError, InUseError, GivenUpError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.datasets",
        description="The real data sets: prepare them once, see what is there, verify it.",
        epilog=EPILOG,
        formatter_class=form,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    preparing = commands.add_parser(
        "prepare",
        help="fetch, cut and pack a data set; goes on where it was stopped",
        description="Fetch, cut and pack a data set. Every item ends as found, missing or damaged, with the reason.",
    )
    names = preparing.add_subparsers(required=True, metavar="NAME")
    for preparer in PREPARERS:
        sub = names.add_parser(
            preparer.NAME,
            help=preparer.HELP,
            description=preparer.DESCRIPTION,
            epilog=preparer.EPILOG,
            formatter_class=form,
        )
        preparer.add_arguments(sub)
        if hasattr(preparer, "run"):
            sub.set_defaults(command=preparer.run)
        else:
            add_common(sub)
            sub.set_defaults(command=_prepare, preparer=preparer)
    for name, command, text in (
        ("status", _status, "how many items were found, and why the others were not"),
        ("verify", _verify, "read every clip again and compare it with its hash"),
    ):
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.add_argument("names", nargs="*", metavar="NAME", help="data sets (default: all in the root)")
        sub.add_argument("--root", type=Path, metavar="DIR", help="where they lie (default: as for prepare)")
        if name == "status":
            sub.add_argument("--csv", type=Path, metavar="FILE", help="write every item, with status and reason")
            sub.add_argument("--json", action="store_true", help="print JSON instead of a table")
            sub.add_argument("--reasons", type=int, default=5, metavar="N", help="reasons shown (default: 5)")
        sub.set_defaults(command=command)
    return parser


def _prepare(arguments: argparse.Namespace) -> int:
    how = how_of(arguments)
    require_writable(root_of(arguments), "name another folder with --root")
    plan = limited(arguments.preparer.plan(arguments), arguments.limit)
    folder = root_of(arguments) / plan.name
    with Display(Console(stderr=True, soft_wrap=True), plan.name) as display:
        result = prepare(folder, plan, how, log=display.say, on_progress=display.update)
    _show([folder], reasons=5)
    print(f"{len(result)} clips of {result.coverage} items in {folder}")
    return 0 if len(result) else 1


class Display:
    """Progress with an estimate: a bar on a terminal, else a line now and then."""

    every = 30.0  # seconds between lines

    def __init__(self, console: Console, name: str) -> None:
        self.console = console
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[counts]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=3600,  # items come in bursts and pauses: of a few seconds the estimate would jump
        )
        self.task = self.bar.add_task(name, total=None, counts="")
        self.told = time.monotonic()

    def __enter__(self) -> Display:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def say(self, text: str) -> None:
        self.console.print(escape(text), highlight=False)

    def update(self, state: State) -> None:
        counts = ", ".join(f"{n} {status}" for status, n in state.counts.items())
        done = state.total - state.to_do + state.done
        self.bar.update(self.task, total=state.total, completed=done, counts=counts)
        if not state.done and state.to_do < state.total:
            self.say(f"{done} of {state.total} items are done already ({counts})")
        if not self.console.is_terminal and time.monotonic() - self.told > self.every:
            self.told = time.monotonic()
            left = state.seconds_left()
            self.say(f"{done} of {state.total} items: {counts}" + (f"; about {_clock(left)} left" if left else ""))


def _status(arguments: argparse.Namespace) -> int:
    folders = _folders(arguments)
    if arguments.csv:
        if len(folders) != 1:
            raise ValueError(f"--csv writes one data set's items: name one of {', '.join(f.name for f in folders)}")
        Journal(folders[0]).write_csv(arguments.csv)
        print(f"wrote {arguments.csv}")
    elif arguments.json:
        print(json.dumps({folder.name: _figures(folder, arguments.reasons) for folder in folders}, indent=2))
    else:
        _show(folders, arguments.reasons)
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    whole = True
    for folder in _folders(arguments):
        try:
            whole = _verified(folder) and whole
        except (DamagedError, OSError, InUseError) as error:  # the others are looked at all the same
            print(f"{folder.name}: {error}")
            whole = False
    return 0 if whole else 1


def _verified(folder: Path) -> bool:
    """Whether a data set is what was packed; what is not is told, and accounted as damaged."""
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


def _folders(arguments: argparse.Namespace) -> list[Path]:
    """The folders of the data sets that were named, or of all that have an account.

    Raises
    ------
    FileNotFoundError
        If one is not there, with those that are.
    """
    root = root_of(arguments)
    there = sorted(path.parent.name for path in root.glob(f"*/{JOURNAL}"))
    named = arguments.names or there
    missing = [n for n in named if n not in there and not (root / n / prepared.MANIFEST).is_file()]
    if missing or not named:
        raise FileNotFoundError(
            f"{root} holds {', '.join(there) or 'no prepared data set'}"
            + (f", not {', '.join(missing)}" if missing else "")
            + "; `python -m benchmarks.datasets prepare --help` says how to make one, --root names another folder"
        )
    return [root / name for name in named]


def _show(folders: Sequence[Path], reasons: int) -> None:
    table = framed("data set", "items", "found", "missing", "damaged", "to do", "clips", "fingerprint")
    figures = {folder.name: _figures(folder, reasons) for folder in folders}
    for name, of in figures.items():
        numbers = (of.get(key) for key in ("items", "found", "missing", "damaged", "to_do", "clips"))
        table.add_row(name, *("?" if n is None else f"{n:,}" for n in numbers), of["fingerprint"][:12])
    console().print(table)
    for name, of in figures.items():
        if "error" in of:
            print(f"{name}: {of['error']}")
        for why in of["reasons"]:
            print(f"{name}: {why['items']:,} {why['status']}: {why['reason']}")
        if of["more_reasons"]:
            print(f"{name}: {of['more_reasons']} more reasons; status {name} --csv FILE has every item")


def _figures(folder: Path, reasons: int) -> dict[str, Any]:
    """What is in a folder, or why that cannot be said."""
    try:
        return _counted(folder, reasons)
    except (DamagedError, OSError) as error:
        return {"fingerprint": "damaged", "error": str(error), "reasons": [], "more_reasons": 0}


def _counted(folder: Path, reasons: int) -> dict[str, Any]:
    """What is in a folder, by its account and its manifest.

    The account names all that was ever asked for, the manifest what its last preparation was for: once that is over,
    what has left the lists since is not counted.
    """
    account = Journal(folder)
    try:
        there = prepared.Prepared(folder)
        clips, fingerprint = len(there), there.fingerprint
    except prepared.NotPreparedError:
        there, clips, fingerprint = None, len(account.packed()), "not finished"
    if there is None or (account.exists and held(folder / LOCK)):
        counts, every = account.counts(), account.reasons()
        items = max(account.expected, sum(counts.values()))
    elif account.exists:
        listed = {clip.partition("/")[0] for clip in there.ids} | {item.id for item in there.lost + there.refused}
        account.entries = {id: entry for id, entry in account.entries.items() if id in listed}
        counts, every = account.counts(), account.reasons()
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
        "reasons": [{"status": s, "reason": r, "items": n} for s, r, n in every[:reasons]],
        "more_reasons": max(0, len(every) - reasons),
    }


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _interrupt(number: int, frame: types.FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
