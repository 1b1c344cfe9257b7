"""Whatever runs are called and say, a report shows it as text: in Markdown, LaTeX, CSV, HTML and figures."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from reports.cells import Row, Table, words
from reports.csv import long_csv
from reports.latex import latex
from reports.markdown import code, markdown, md
from reports.writing import write_report

NAMES = (
    r"$\foo$",
    "$x",
    "[x] *y* `z` ~~w~~ &lt;b&gt; <img src=x onerror=alert(1)>",
    "a | b\n# Title\n\n- item\x1b[2J",
    "*starred \\input{/etc/passwd} %",
    '=HYPERLINK("http://elsewhere.example")',
    "+1+cmd|' /C calc'!A1",
    "@SUM(1)",
)

COMMAND = "`` cavl-bench run `$\\foo$` # Title <b> ``"


@pytest.fixture
def report(writer, study_of, tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES, start=1):
        writer.localize(name, "own", 1, 0.1 * seed)
        writer.run("localization", name, "own", 2, None, status="FAILED")
    writer.plan(command="cavl-bench run `$\\foo$`\n# Title <b>")
    write_report(study_of(writer.home), tmp_path / "report")
    return tmp_path / "report"


def test_a_report_of_such_runs_is_written_and_has_no_line_of_theirs(report: Path):
    assert len(list((report / "figures").glob("*.png"))) >= 1
    for file in (report / "report.md", *report.glob("tables/*.md"), *report.glob("tables/*.tex")):
        text = file.read_text()
        assert not re.search(r"^(# Title|- item)", text, re.MULTILINE), file
        assert "\x1b" not in text, file
    for file in (report / "report.md", *report.glob("tables/*.md")):
        text = file.read_text().replace(COMMAND, "")
        assert not re.search(r"(?<!\\)<img|(?<!\\)~~|(?<!\\)\$\\", text), file
    head = (report / "report.md").read_text().split("###")[0]
    assert f"- Command: {COMMAND}\n" in head
    assert r"\$\\foo$" in head, "of a run that failed"
    for line in csv.reader((report / "tables" / "table3.csv").read_text().splitlines()):
        assert not any(re.match(r"[=@]|\+1\+", cell) for cell in line)


def test_a_spreadsheet_computes_no_text_and_all_numbers():
    texts = ("=1", "-cmd|x", "\t=1", " +A1", "＝A1", "-0.5", "+3.1 ± 0.2", "−2", "-", "1e3")
    rows = (Row(label="r", cells=tuple(map(words, texts))),)
    table = Table(name="t", short="t", title="t", caption="", columns=texts, rows=rows)
    told = [line[4] for line in csv.reader(long_csv(table).splitlines())][1:]
    assert told == ["'=1", "'-cmd|x", "'\t=1", "' +A1", "'＝A1", "-0.5", "+3.1 ± 0.2", "−2", "'-", "1e3"]


def test_a_row_that_begins_like_an_option_is_none_for_tex():
    rows = (Row(label="[2cm] x", cells=()), Row(label="* y", cells=()))
    table = Table(name="t", short="t", title="a\n\nb", caption="", columns=(), rows=rows)
    text = latex(table)
    assert "\n{}[2cm] x" in text
    assert "\n{}* y" in text
    assert "a b." in text
    assert markdown(table, "p").startswith("### a b\n")


def test_code_holds_backticks_and_text_no_marks():
    assert code("a") == "`a`"
    assert code("a `b` ``c``") == "``` a `b` ``c`` ```"
    assert md("5 & 6 ~ 7 $ 8") == "5 & 6 ~ 7 $ 8"
    assert md("&amp; ~a~ $x$") == r"\&amp; \~a\~ \$x$"
