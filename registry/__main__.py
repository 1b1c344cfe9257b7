"""``python -m registry``: find runs, compare them, copy them elsewhere, browse them, delete them."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from registry.arguments import folder
from registry.cli import archive, compare, gc, listing, omniboard, show, sync
from registry.cli.printing import Reading
from registry.index import Registry
from registry.record.run_record import RecordError

EPILOG = """\
examples:
  python -m registry list                                  all runs
  python -m registry list --task localization --sort score --descending --limit 10
  python -m registry list --stale --json | jq '.[].id'     what --rerun stale would run again
  python -m registry show 12                               where the number of run 12 comes from
  python -m registry compare 12 15                         what differs, and by how much, item by item
  python -m registry sync --mongo mongodb://HOST/lab       copy all runs into a MongoDB, as Sacred would write them
  python -m registry sync --watch                          and go on doing so ($CAVL_MONGO_URI says where)
  python -m registry omniboard --local --browser           browse the runs in a web page, without a server of your own
  python -m registry omniboard --mongo mongodb://HOST/lab  browse those in a MongoDB
  python -m registry export 12 --out run12.zip             run 12 and all it descends from, weights too, as one file
  python -m registry import run12.zip                      and into another registry
  python -m registry gc                                    what could be deleted; with --delete it is

With $CAVL_MONGO_URI set, runs appear there by themselves while they go on.

Runs lie in $CAVL_HOME, or else in ./runs; --home names another folder. A run that says DIED was killed: start the same
command again and it continues that run. A run is stale when the sources, the packages or a run it started from have
changed since. Exit code: 0; 1 when a run could not be copied; 2 when a run asked for is
not there or is damaged, or a database cannot be reached.
"""

#: In the order of the help.
COMMANDS = (listing, show, compare, sync, omniboard, archive, gc)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with Reading() as progress:
            status = options.command(Registry(options.home, progress=progress), options)
        sys.stdout.flush()
    except (KeyError, ValueError, RecordError) as error:
        print(f"registry: {error.args[0]}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # no room, no permission, no such file
        print(f"registry: {_said(error)}", file=sys.stderr)
        return 2
    return int(status or 0)


def _said(error: OSError) -> str:
    """What happened, and to which file unless that says so itself."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry",
        description="The runs of the benchmark: find, compare, copy, browse, delete them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--home", type=folder, metavar="DIR", help="folder of the runs (default: $CAVL_HOME, or ./runs)"
    )
    common.add_argument("--json", action="store_true", help="print JSON, complete and unrounded")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands, common)
    return parser


if __name__ == "__main__":
    sys.exit(main())
