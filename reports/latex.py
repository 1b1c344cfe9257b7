"""LaTeX form of a table, for the package booktabs."""

from __future__ import annotations

import re
from collections import Counter

from reports.cells import BEATEN, STALE, Row, Table, notes, opens_group
from reports.markdown import one_line

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
        if opens_group(table, number):
            lines += [] if number == 0 else [r"\addlinespace"]
            column = "l" if len(row.group) <= ONE_LINE else r"p{0.95\linewidth}"
            lines.append(rf"\multicolumn{{{width}}}{{{column}}}{{\textit{{{escape(row.group)}}}}} \\")
        marks = (f"$^{letters[on]}$" if (on := c.standing()) in letters else "" for c in row.cells)
        cells = [escape(c.text) + mark for c, mark in zip(row.cells, marks, strict=True)]
        # Behind the end of a row, TeX would take a bracket or a star for an option of it.
        guard = "{}" if row.label.startswith(("[", "*")) else ""
        lines.append(" & ".join([guard + escape(row.label), *cells]) + r" \\" + _runs_comment(row))
    lines += [r"\bottomrule", r"\end{tabular}"]
    remarks = [f"Unless marked: {usual}."] if usual else []
    remarks += [f"({letter}) {small}." for small, letter in letters.items()]
    remarks += [*_over_items(table), *notes(table), *table.findings]
    lines += [rf"\par\smallskip\footnotesize {escape(remark)}" for remark in remarks]
    return "\n".join([*lines, r"\end{table}", ""])


def escape(text: str) -> str:
    """``text`` with everything that TeX would take for a command, or "--" for a dash, made literal."""
    parts = re.split("(?<=-)(?=-)", one_line(text))
    return "{}".join("".join(_LATEX.get(character, character) for character in part) for part in parts)


def _sentence(text: str) -> str:
    """``text`` with a full stop, unless it ends like a sentence already."""
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _letters(table: Table) -> tuple[str, dict[str, str]]:
    """(the commonest small print, the other small prints -> a letter each)."""
    smalls = Counter(on for row in table.rows for cell in row.cells if (on := cell.standing()))
    if not smalls:
        return "", {}
    usual = smalls.most_common(1)[0][0]
    others = [small for small in smalls if small != usual]
    return usual, {small: _letter(i) for i, small in enumerate(others)}


def _over_items(table: Table) -> list[str]:
    """The intervals over items, from the narrowest to the widest of a column; each cell's own is in the CSV file."""
    said = []
    for number, column in enumerate(table.columns):
        cells = [row.cells[number] for row in table.rows]
        halves = [f"{cell.items_half:.{cell.digits}f}" for cell in cells if cell.items_half is not None]
        ends = dict.fromkeys(f(halves, key=float) for f in (min, max)) if halves else ()
        said += [f"{column} {' to '.join(ends)}"] if halves else []
    return [f"Half of the interval over items: {'; '.join(said)}."] if said else []


def _letter(i: int) -> str:
    return (_letter(i // 26 - 1) if i >= 26 else "") + chr(ord("a") + i % 26)


def _runs_comment(row: Row) -> str:
    runs = sorted({run for cell in row.cells for run in cell.runs})
    return f" % runs {' '.join(map(str, runs))}" if runs else ""
