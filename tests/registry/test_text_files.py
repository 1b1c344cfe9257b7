"""Lists, tables and JSON as editors of any system save them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from registry.text_files import json_of, lines_of, rows_of, table_of, text_of

TEXT = "# café\nfirst, é\n\n  second ,2\n"
MARKED = {
    "UTF-8": codecs.BOM_UTF8 + TEXT.encode(),
    "UTF-16": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-32": codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
}


def written(folder: Path, content: bytes | str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", MARKED.values(), ids=MARKED)
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, content: bytes) -> None:
    assert text_of(written(tmp_path, content)) == TEXT


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_encoding_that_is_nowhere_named(tmp_path: Path, encoding: str) -> None:
    assert text_of(written(tmp_path, TEXT.encode(encoding))) == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_that_begins_in_another_script(tmp_path: Path, encoding: str) -> None:
    text = "# \u0441\u043f\u0438\u0441\u043e\u043a\n1,5\n2,6\n"
    assert text_of(written(tmp_path, text.encode(encoding))) == text
    assert text_of(written(tmp_path, b"1\n2\n" + bytes(40))) == "1\n2\n" + "\0" * 40, "a torn write, not UTF-16"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_any_system(tmp_path: Path, end: str) -> None:
    path = written(tmp_path, TEXT.replace("\n", end))
    assert list(lines_of(path)) == [("list.csv, line 2", "first, é"), ("list.csv, line 4", "second ,2")]
    assert list(rows_of(path)) == [("list.csv, line 2", ["first", "é"]), ("list.csv, line 4", ["second", "2"])]


def test_a_byte_that_is_no_text_costs_its_line_only(tmp_path: Path) -> None:
    found = [text for _, text in lines_of(written(tmp_path, "é\n".encode() + b"\xff\x81x\n" + "ö\n".encode()))]
    assert (found[0], found[2]) == ("é", "ö")


def test_comments_are_lines_where_the_form_has_none(tmp_path: Path) -> None:
    assert len(list(lines_of(written(tmp_path, TEXT), comments=False))) == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
def test_columns_are_separated_by_whatever_the_file_has(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "labels"], ["1", "a,b,c"], ["2", "a;b;c;d"], ["3", ""]]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row) for row in rows)
    assert [cells for _, cells in rows_of(written(tmp_path, text))] == rows


def test_empty_rows_and_columns(tmp_path: Path) -> None:
    rows = [cells for _, cells in rows_of(written(tmp_path, "a\tb\tc\n\t\t\n1\t2\t\n\t2\t3\n"))]
    assert rows == [["a", "b", "c"], ["1", "2", ""], ["", "2", "3"]]


def test_a_row_that_cannot_be_divided_costs_no_other(tmp_path: Path) -> None:
    path = written(tmp_path, f'1,a\n2,"b\n3,"{"x" * 200_000}"\n4,d\n')
    assert [len(cells) for _, cells in rows_of(path)] == [2, 1, 1, 2]


def test_a_table(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffb,more,a\n1,2,3\n4,5\n6,7,8,9\n")
    assert [values for _, values in table_of(path, ("a", "b"), "a table")] == [
        {"b": "1", "more": "2", "a": "3"},
        {},
        {},
    ]
    assert list(table_of(path, ("a", "b"), "a table", short=True)) == [
        ("list.csv, line 2", {"b": "1", "more": "2", "a": "3"}),
        ("list.csv, line 3", {"b": "4", "more": "5"}),
        ("list.csv, line 4", {}),
    ]
    for text in ("b,more\n", ""):
        with pytest.raises(ValueError, match=r"list\.csv is not a table: .* columns a, b; it lacks a"):
            list(table_of(written(tmp_path, text), ("a", "b"), "a table"))


def test_a_table_as_spreadsheets_write_it(tmp_path: Path) -> None:
    """Names in capitals, the line that tells Excel the separator, empty cells at the end of rows."""
    path = written(tmp_path, "sep=;\nA ;B\n1;2;\n3;4;;;\n5;6;;7\n")
    assert [values for _, values in table_of(path, ("a", "b"), "a table")] == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
        {},
    ]
    with pytest.raises(ValueError, match="its first line names the column a twice"):
        list(table_of(written(tmp_path, "a,b,A\n1,2,3\n"), ("a", "b"), "a table"))


def test_json(tmp_path: Path) -> None:
    assert json_of(written(tmp_path, '\ufeff{"a": [1], "b": {"a": 2}}'), "") == {"a": [1], "b": {"a": 2}}
    for text in ("{", "", "[" * 100_000, '{"a": 1, "a": 2}'):
        with pytest.raises(ValueError, match=r"list\.csv is not JSON .*; get it anew"):
            json_of(written(tmp_path, text), "get it anew")
