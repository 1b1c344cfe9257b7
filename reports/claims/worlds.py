"""Table of the claims with a column for each world, as the documentation keeps it: of reports that stand, joined."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from registry.errors import RefusedError
from registry.text_files import text_of
from reports.claims.table import NAME, VERDICT
from reports.markdown import md

HEAD = """\
# The claims, world by world

What the paper, the summaries of L3-Net and AVTS, and this suite say, and what the runs say of it. A column is the
report of a preset; a verdict is corrected over the claims of its source, and exploratory below five seeds
([protocols, §11](protocols.md#s11)). The words of the sources and the comparisons stand in each report.

Written by `{command}`.
"""


def write_worlds(reports: Mapping[str, Path], command: str) -> str:
    """The table as Markdown, of world -> folder of its report.

    Raises
    ------
    RefusedError
        Where a folder holds no claims, or the reports are of other lists of claims, with the remedy.
    """
    columns = {world: _verdicts(folder) for world, folder in reports.items()}
    (first, rows), *others = columns.items()
    for world, found in others:
        if list(found) != list(rows):
            raise RefusedError(
                f"the reports of {first} and {world} list other claims; write both anew: cavl-bench report"
            )
    lines = [HEAD.format(command=command)]
    for group in dict.fromkeys(group for group, _ in rows):
        lines += [_row([f"**{md(group)}**", *columns]), _row(["---"] * (1 + len(columns)))]
        lines += [_row([md(c), *(md(found[g, c]) for found in columns.values())]) for g, c in rows if g == group]
        lines.append("")
    return "\n".join(lines)


def _verdicts(folder: Path) -> dict[tuple[str, str], str]:
    """(Source, claim) -> its verdict, of a report."""
    path = folder / "tables" / f"{NAME}.csv"
    try:
        lines = list(csv.DictReader(io.StringIO(text_of(path)), strict=True))
        return {(line["group"], line["row"]): line["text"] for line in lines if line["column"] == VERDICT}
    except OSError:
        raise RefusedError(f"there are no claims in {path}; write the report: cavl-bench report") from None
    except (csv.Error, KeyError, ValueError) as error:
        raise RefusedError(f"{path} is no table of claims ({error!r}); write the report: cavl-bench report") from None


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
