"""``python -m registry``: list the runs, show one, compare several, copy them to MongoDB."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from registry.commands import compare, listing, show, sync
from registry.index import Registry
from registry.record import RecordError

EPILOG = """\
examples:
  python -m registry list                                  all runs
  python -m registry list --task localization --sort score --descending --limit 10
  python -m registry list --stale --json | jq '.[].id'     what --rerun stale would run again
  python -m registry show 12                               where the number of run 12 comes from
  python -m registry compare 12 15                         what differs, and by how much, item by item
  python -m registry sync --mongo mongodb://HOST/lab       copy all runs into a MongoDB, as Sacred would write them
  python -m registry sync --watch                          and go on doing so ($CAVL_MONGO_URI says where)

With $CAVL_MONGO_URI set, runs appear there by themselves while they go on.

Runs lie in $CAVL_HOME, or else in ./runs; --home names another folder. A run that says DIED was killed: start the same
command again and it continues that run. A run is stale when the sources, the packages or a run it started from have
changed since. Exit code: 0; 1 when a run could not be copied; 2 when a run asked for is not there or is damaged, or a
database cannot be reached.
"""

#: In the order of the help.
COMMANDS = (listing, show, compare, sync)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    registry = Registry(options.home)
    try:
        status = options.command(registry, options)
        sys.stdout.flush()
    except (KeyError, ValueError, RecordError) as error:
        print(f"registry: {error.args[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return int(status or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry",
        description="The runs of the benchmark: list them, show where a number comes from, compare.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, metavar="DIR", help="folder of the runs (default: $CAVL_HOME, or ./runs)")
    common.add_argument("--json", action="store_true", help="print JSON, complete and unrounded")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands, common)
    return parser


if __name__ == "__main__":
    sys.exit(main())
