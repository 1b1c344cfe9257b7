"""Text files that people hand over: lists, tables and JSON, in whatever form their editors have saved them.

UTF-8 and UTF-16, with or without a byte-order mark (Excel and Windows' editors write one); a line that is not UTF-8 is
taken for Windows-1252, so that a broken byte costs its own line only. Line ends are those of any system. Blank lines
count nowhere, nor do comments: lines that begin with "# " ("#" alone may be a byte that was an id's), and Excel's
"sep=,". Columns are separated by commas, semicolons or tabs, whichever the file has.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

#: UTF-32's marks begin with UTF-16's: they are looked for first.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
DELIMITERS = ",;\t"
COMMENT = re.compile(r"#(?:[\s#]|$)|sep=[,;]?$")
LOOKED_AT = 20  # lines that decide which it is


def text_of(path: Path | str) -> str:
    """The text of a file, its lines ended by line feeds alone. Raises OSError where it cannot be read."""
    text = decoded(Path(path).read_bytes()).replace("\ufeff", "")  # also between files that were put together
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decoded(content: bytes) -> str:
    """The text in some bytes, whatever wrote them; never fails, for what is no text names nothing either."""
    for mark, encoding in MARKS:
        if content.startswith(mark):
            content = content[len(mark) :]
            return _by_line(content) if encoding == "utf-8" else content.decode(encoding, errors="replace")
    head = content[:4096]
    for encoding, odd in (("utf-16-le", 1), ("utf-16-be", 0)):  # ASCII has a zero in one half of its bytes
        if all(head[1 - odd :: 2]) and 4 * head[odd::2].count(0) > len(head[odd::2]):
            return content.decode(encoding, errors="replace")
    return _by_line(content)


def _by_line(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return "\n".join(map(_line, content.split(b"\n")))


def _line(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def lines_of(path: Path | str, *, comments: bool = True) -> Iterator[tuple[str, str]]:
    """(place, text without blanks around it) of every line that says something; ``comments`` are left out."""
    return ((place, line.strip()) for place, line in _lines(path, comments))


def _lines(path: Path | str, comments: bool) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        text = line.strip()
        if text and not (comments and COMMENT.match(text)):
            yield f"{Path(path).name}, line {number}", line


def rows_of(path: Path | str) -> Iterator[tuple[str, list[str]]]:
    """(place, columns) of every line, each by itself: one that cannot be divided is a single column and costs no other.

    A quoted column may hold the delimiter, but no end of line. Rows of empty columns are left out.
    """
    lines = _lines(path, comments=True)
    first = list(islice(lines, LOOKED_AT))
    delimiter = _delimiter([text for _, text in first])
    for place, text in (*first, *lines):
        try:
            cells = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True, strict=True))
        except csv.Error:
            cells = [text]
        if any(cells := [cell.strip() for cell in cells]):
            yield place, cells


def _delimiter(lines: Sequence[str]) -> str:
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines]
    return max(DELIMITERS, key=lambda one: sum(line.count(one) for line in bare))


def table_of(
    path: Path | str, columns: Sequence[str], what: str, *, short: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """(place, column -> cell) of every row below the first line, which names the columns, in any order and case.

    A row of more cells (but for empty ones at its end) or fewer has no columns at all, with ``short`` one of fewer
    lacks its last: they are for the caller to refuse.
    Raises ValueError if the first line lacks one of ``columns`` or names it twice, naming them, and ``what`` the file
    should be.
    """
    rows = rows_of(path)
    _, header = next(rows, ("", []))
    header = [name.lower() for name in header]
    if absent := [name for name in columns if name not in header]:
        raise ValueError(
            f"{path} is not {what}: its first line should name the columns {', '.join(columns)}; it lacks "
            f"{', '.join(absent)}"
        )
    if twice := [name for name in columns if header.count(name) > 1]:
        raise ValueError(f"{path} is not {what}: its first line names the column {twice[0]} twice; remove one")
    for place, cells in rows:
        cells = without_empty_end(cells, len(header))
        whole = len(cells) == len(header) or (short and len(cells) < len(header))
        yield place, dict(zip(header, cells, strict=False)) if whole else {}


def without_empty_end(cells: list[str], columns: int) -> list[str]:
    """A row without the empty cells beyond its columns: spreadsheets, and commas at the ends of lines, leave some."""
    return cells if any(cells[columns:]) else cells[:columns]


def json_of(path: Path | str, remedy: str) -> Any:
    """What a JSON file holds; raises ValueError naming it and the ``remedy`` where it is none, or an entry stands twice
    in it, which would be read as whichever comes last."""
    try:
        return json.loads(text_of(path), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON that can be read ({error}); {remedy}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise ValueError(f"the entry {key!r} stands in it twice, with different values")
    return found
