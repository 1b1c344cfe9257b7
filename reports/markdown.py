"""Markdown form of a table."""

from __future__ import annotations

import re

from registry.terminal import visible
from reports.cells import Cell, Table, anchor, notes, opens_group
from reports.protocols import linked_markdown


def markdown(table: Table, page: str) -> str:
    """The table with its caption; every measured cell links to its runs in ``page`` (the HTML page's relative path)."""
    lines = [f"### {md(table.title)}", "", *(f"**{md(finding)}**\n" for finding in table.findings)]
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
    """``text`` in one line, with everything that Markdown (GitHub's, too) would take for a mark made literal."""
    return re.sub(r"([\\`*_\[\]<>|]|&(?=#?\w+;)|~(?=\S)|(?<=\S)~|\$(?=\S)(?=.*\$))", r"\\\1", one_line(text))


def code(text: str) -> str:
    """``text`` as code, whatever backticks it has itself."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{one_line(text)}{pad}{fence}"


def one_line(text: str) -> str:
    """``text`` without what would end a line or a table's row, or turn a terminal's."""
    return visible(re.sub(r"\s+", " ", text) if re.search(r"[\n\r\v\f\t]", text) else text)
