"""Markdown form of a table."""

from __future__ import annotations

import re

from reports.cells import Cell, Table, anchor, notes, opens_group
from reports.protocols import linked_markdown


def markdown(table: Table, page: str) -> str:
    """The table with its caption; every measured cell links to its runs in ``page`` (the HTML page's relative path)."""
    lines = [f"### {table.title}", "", *(f"**{md(finding)}**\n" for finding in table.findings)]
    lines.append("| | " + " | ".join(map(md, table.columns)) + " |")
    lines.append("|---|" + "---:|" * len(table.columns))
    for number, row in enumerate(table.rows):
        if opens_group(table, number):
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
