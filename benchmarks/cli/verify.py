"""Command ``runs verify``: runs are repeated from their records; do they still give the same numbers?"""

from __future__ import annotations

from pathlib import Path

import typer

from registry.cli.options import HOME, JSON, flag, ids, number, option, path, registry_in
from registry.cli.program import examples

EXAMPLES = examples("""\
examples:
  cavl-bench runs verify 12              does run 12 still give this number?
  cavl-bench runs verify 12 --ancestors  and all it descends from, these first
  cavl-bench runs verify --table table3  every run behind a table
  cavl-bench runs verify 12 --path esc50=/data/ESC-50
                                         its recordings have moved
""")


class Folder(tuple[str, str]):
    """Name and place of a folder."""


def named_folder(text: str) -> Folder:
    name, _, folder = text.partition("=")
    if not (name and folder):
        raise typer.BadParameter(f"{text!r} is not NAME=DIR, as esc50=/data/ESC-50")
    return Folder((name, str(Path(folder).absolute())))


def verify(
    runs: list[int] | None = typer.Argument(None, metavar="[ID...]", help="a run", autocompletion=ids),
    table: str | None = option("instead: every run behind this table of a report, as table3", "NAME"),
    report: Path | None = path("the report with the table (default: the only one in reports/generated that has it)"),
    ancestors: bool = flag("--ancestors", "also the runs that these descend from, before them"),
    tolerance: float = option("how far two numbers may be apart", "T", 1e-4, parser=number),
    moved: list[Folder] | None = typer.Option(
        None,
        "--path",
        parser=named_folder,
        metavar="NAME=DIR",
        help="where a folder that a run's configuration names lies now (esc50, videos, annotations)",
    ),
    home: Path | None = HOME,
    json: bool = JSON,
) -> int:
    """Run again, and compare with the record.

    Runs are repeated from their records (configuration, seed, data, the stored weights of the runs they started from):
    identical, within tolerance or different, item by item; and what has changed since.

    Identical: the same to the last bit, as is to be expected on the CPU with the same versions and number of threads.
    Within tolerance: |now - then| <= T * max(1, |then|, |now|) for all numbers, T being --tolerance. Its default is
    what another number of threads does to a loss within a hundred updates; longer trainings drift further apart, and an
    accuracy can flip by an item: that is different, and named. Weights are compared by digest: other ones make a run
    within tolerance at best. Pictures and sounds are compared and named, not judged.

    Nothing in the registry is changed: runs go on in a temporary folder ($TMPDIR), from the stored weights of the runs
    they started from, and leave nothing behind, Ctrl-C included.

    Exit code: 0 when all are identical or within tolerance, 1 when one is different, 2 when one could not be run.
    """
    from benchmarks.cli import verification  # slow to import

    with registry_in(home) as registry:
        return verification.verify(
            registry,
            runs or (),
            table=table,
            report=report,
            ancestors=ancestors,
            tolerance=tolerance,
            paths=dict(moved or ()),
            json=json,
        )
