"""A table in the three forms in which people take it away: Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from reports.cells import BEATEN, STALE, Cell, Row, Table
from reports.protocols import linked_markdown

STALE_NOTE = f"{STALE} stale: code or environment changed since the run; repeat it with --rerun stale"
BEATEN_NOTE = f"{BEATEN} no better than a trivial row of this table in the same column, in one seed or more"
STALE_FIGURE = f"{STALE} Drawn from stale runs: code or environment changed since; repeat them with --rerun stale."


def anchor(table: Table, row: int, column: int) -> str:
    """Name of a cell in the HTML page; all forms link to it."""
    return f"{table.name}-r{row}-c{column}"


def notes(table: Table) -> list[str]:
    """Footnotes for marks that occur in the table."""
    cells = [cell for row in table.rows for cell in row.cells]
    marks = ((STALE_NOTE, any(cell.stale for cell in cells)), (BEATEN_NOTE, any(cell.beaten_by for cell in cells)))
    return [note for note, found in marks if found]


# -- Markdown ----------------------------------------------------------------------------------------------------------


def markdown(table: Table, page: str) -> str:
    """The table with its caption; every measured cell links to its runs in ``page`` (the HTML page's relative path)."""
    lines = [f"### {table.title}", "", *(f"**{md(finding)}**\n" for finding in table.findings)]
    lines.append("| | " + " | ".join(map(md, table.columns)) + " |")
    lines.append("|---|" + "---:|" * len(table.columns))
    for number, row in enumerate(table.rows):
        if _opens_group(table, number):
            lines.append(f"| **{md(row.group)}** |" + " |" * len(table.columns))
        cells = [_md_cell(cell, f"{page}#{anchor(table, number, c)}") for c, cell in enumerate(row.cells)]
        lines.append(f"| {md(row.label)} | " + " | ".join(cells) + " |")
    lines += ["", linked_markdown(md(table.caption), page), *(f"\n{md(note)}" for note in notes(table)), ""]
    return "\n".join(lines)


def _md_cell(cell: Cell, link: str) -> str:
    text = md(cell.text)
    if cell.runs:
        text = f"[{text}]({link})"
    return f"{text}<br><sub>{md(cell.small)}</sub>" if cell.small else text


def md(text: str) -> str:
    """``text`` with everything that Markdown would take for a mark made literal."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", text)


# -- LaTeX -------------------------------------------------------------------------------------------------------------

_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    STALE: r"$^\dagger$",
    BEATEN: r"$^\ddagger$",
    "λ": r"$\lambda$",
    "−": "$-$",
    "–": "--",
    "§": r"\S{}",
    "→": r"$\rightarrow$",
}
ONE_LINE = 90  # characters of a group's name; longer ones are broken


def latex(table: Table) -> str:
    """A ``table`` environment for ``\\usepackage{booktabs}``; the runs of each row follow it as a comment.

    What most cells share (seeds, items) is said once, in the notes; cells that differ carry a letter.
    """
    usual, letters = _letters(table)
    width = len(table.columns) + 1
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}[t]",
        r"\centering",
        rf"\caption{{{escape(_sentence(table.title))} {escape(table.caption)}}}",
        rf"\label{{tab:{table.name}}}",
        r"\begin{tabular}{l" + "r" * len(table.columns) + "}",
        r"\toprule",
        " & " + " & ".join(escape(c) for c in table.columns) + r" \\",
        r"\midrule",
    ]
    for number, row in enumerate(table.rows):
        if _opens_group(table, number):
            lines += [] if number == 0 else [r"\addlinespace"]
            column = "l" if len(row.group) <= ONE_LINE else r"p{0.95\linewidth}"
            lines.append(rf"\multicolumn{{{width}}}{{{column}}}{{\textit{{{escape(row.group)}}}}} \\")
        cells = [escape(c.text) + (f"$^{letters[c.small]}$" if c.small in letters else "") for c in row.cells]
        lines.append(" & ".join([escape(row.label), *cells]) + r" \\" + _runs_comment(row))
    lines += [r"\bottomrule", r"\end{tabular}"]
    remarks = [f"Unless marked: {usual}."] if usual else []
    remarks += [f"({letter}) {small}." for small, letter in letters.items()] + notes(table) + [*table.findings]
    lines += [rf"\par\smallskip\footnotesize {escape(remark)}" for remark in remarks]
    return "\n".join([*lines, r"\end{table}", ""])


def escape(text: str) -> str:
    """``text`` with everything that TeX would take for a command, or "--" for a dash, made literal."""
    parts = re.split("(?<=-)(?=-)", text)
    return "{}".join("".join(_LATEX.get(character, character) for character in part) for part in parts)


def _sentence(text: str) -> str:
    """``text`` with a full stop, unless it ends like a sentence already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _letters(table: Table) -> tuple[str, dict[str, str]]:
    """(the commonest small print, the other small prints -> a letter each)."""
    smalls = Counter(cell.small for row in table.rows for cell in row.cells if cell.small)
    if not smalls:
        return "", {}
    usual = smalls.most_common(1)[0][0]
    others = [small for small in smalls if small != usual]
    return usual, {small: _letter(i) for i, small in enumerate(others)}


def _letter(i: int) -> str:
    return (_letter(i // 26 - 1) if i >= 26 else "") + chr(ord("a") + i % 26)


def _runs_comment(row: Row) -> str:
    runs = sorted({run for cell in row.cells for run in cell.runs})
    return f" % runs {' '.join(map(str, runs))}" if runs else ""


# -- CSV ---------------------------------------------------------------------------------------------------------------

CSV_COLUMNS = (
    "table",
    "group",
    "row",
    "column",
    "text",
    "mean",
    "ci",
    "seeds",
    "planned_seeds",
    "items",
    "excluded",
    "run_ids",
    "seed_values",
    "paper",
    "no_better_than",
    "stale",
    "coverage",
)


def long_csv(table: Table) -> str:
    """One line for each cell: numbers in the table's own unit with all their digits, ``ci`` the half-width."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            estimate = cell.estimate
            values = (f"{p.seed}:{p.value * cell.scale!r}" for p in cell.parts if p.value is not None)
            writer.writerow(
                (
                    table.name,
                    row.group,
                    row.label,
                    column,
                    cell.text,
                    "" if estimate is None else repr(estimate.mean),
                    "" if estimate is None or estimate.half is None else repr(estimate.half),
                    cell.seeds if cell.parts else "",
                    cell.planned if cell.parts else "",
                    "" if cell.items is None else cell.items,
                    "" if cell.items is None else cell.excluded,
                    " ".join(map(str, cell.runs)),
                    " ".join(values),
                    "" if cell.published is None else repr(cell.published.value),
                    "; ".join(cell.beaten_by),
                    "; ".join(cell.stale),
                    cell.coverage,
                )
            )
    return file.getvalue()


def _opens_group(table: Table, number: int) -> bool:
    group = table.rows[number].group
    return bool(group) and (number == 0 or table.rows[number - 1].group != group)
