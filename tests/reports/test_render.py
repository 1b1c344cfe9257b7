import csv
import io
import re

import pytest

from reports.cells import Cell, Part, Row, Table, anchor, paper, words
from reports.csv import CSV_COLUMNS, long_csv
from reports.latex import escape, latex
from reports.markdown import markdown
from reports.published import published


def cell(*values, **options):
    return Cell(parts=tuple(Part(seed=i, run=10 * i, value=v) for i, v in enumerate(values, 1)), **options)


@pytest.fixture
def table():
    stale = Cell(parts=(Part(seed=1, run=7, value=0.25, stale=("code changed: cavl.model",)),), items=300)
    return Table(
        name="table9",
        short="Table 9",
        title="Table 9. 100 % of R&D",
        caption="Costs $5_000 {per} #row | see [1] ~ x^2 \\ <b>",
        columns=("Paper", "cIoU@0.5", "max_fraction=0.1"),
        rows=(
            Row(
                label="CAVL_x & y",
                group="A | B",
                cells=(
                    paper(published(3, "CAVL-C1", "cIoU@0.5")),
                    cell(0.5, 0.6, 0.7, items=300, published=published(3, "CAVL-C1", "cIoU@0.5")),
                    cell(0.1, 0.1, 0.1, items=300),
                ),
            ),
            Row(label="other", group="A | B", cells=(words("–"), stale, words("not run (0 of 3 seeds)"))),
            Row(
                label="last",
                group="C",
                cells=(
                    words("–"),
                    cell(0.1, 0.3, 0.2, items=250, excluded=4, coverage="250 of 300", beaten_by=("Always 1", "Chance")),
                    words("–"),
                ),
            ),
        ),
        findings=("No better than 50 % of R&D.",),
    )


def test_markdown_is_a_table_of_equal_rows(table):
    lines = [line for line in markdown(table, "../index.html").splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    assert {len(c) for c in cells} == {4}
    assert len(lines) == 2 + 3 + 2  # header and rule, rows, groups


def test_markdown_links_numbers_to_their_runs_and_says_seeds_and_items(table):
    text = markdown(table, "../index.html")
    assert f"[60.0 ± 24.8](../index.html#{anchor(table, 0, 1)})<br><sub>3 seeds, 300 items</sub>" in text
    assert "data: 250 of 300" in text
    assert "25.0†" in text
    assert "† stale" in text
    assert "‡ no better" in text
    assert "**No better than 50 % of R&D.**" in text


def test_markdown_escapes_what_would_be_markup(table):
    text = markdown(table, "p")
    assert r"CAVL\_x & y" in text
    assert r"\<b\>" in text
    assert r"A \| B" in text


def test_latex_rows_have_as_many_columns_as_the_table(table):
    text = latex(table)
    assert r"\begin{tabular}{lrrr}" in text
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    for line in body.splitlines():
        line = re.sub(r"(?<!\\)%.*", "", line)
        if r"\\" in line and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 3
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    for environment in ("table", "tabular"):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}") == 1


def test_latex_escapes_every_special_character():
    assert escape(r"50 % & $x_1^2$ #{a} ~\<>") == (
        r"50 \% \& \$x\_1\textasciicircum{}2\$ \#\{a\} \textasciitilde{}\textbackslash{}\textless{}\textgreater{}"
    )
    assert escape("3 ± 1†–") == r"3 $\pm$ 1$^\dagger$--"
    assert escape("−MAE of λ‡") == r"$-$MAE of $\lambda$$^\ddagger$"


def test_latex_captions_have_one_full_stop_and_commands_both_of_their_hyphens():
    for title, printed in (("Does it?", "Does it? In"), ("It does", "It does. In"), ("It does.", "It does. In")):
        table = Table(name="t", short="t", title=title, caption="In %.", columns=(), rows=())
        assert rf"\caption{{{printed} \%.}}" in latex(table)
    assert escape("tox -- --seeds ---x – y-z") == "tox -{}- -{}-seeds -{}-{}-x -- y-z"


def test_latex_says_once_what_most_cells_share_and_letters_what_differs(table):
    text = latex(table)
    assert "Unless marked: 3 seeds, 300 items." in text
    assert re.search(r"25\.0\$\^\\dagger\$\$\^a\$", text)
    assert "(a) 1 seed, 300 items." in text
    assert "(b) 3 seeds, 250 items, 4 left out, data: 250 of 300." in text
    assert r"\\ % runs 10 20 30" in text
    assert r"$^\dagger$ stale" in text
    assert r"20.0 $\pm$ 24.8$^\ddagger$$^b$" in text
    assert r"$^\ddagger$ no better" in text
    assert r"No better than 50 \% of R\&D." in text


def test_csv_holds_every_number_with_all_its_digits(table):
    lines = list(csv.DictReader(io.StringIO(long_csv(table))))
    assert tuple(lines[0]) == CSV_COLUMNS
    assert len(lines) == 9
    line = lines[1]
    assert float(line["mean"]) == pytest.approx(60)
    assert float(line["ci"]) == pytest.approx(24.84137, abs=1e-5)
    assert (line["seeds"], line["planned_seeds"], line["items"], line["run_ids"]) == ("3", "3", "300", "10 20 30")
    assert (line["paper"], line["group"], line["column"]) == ("50.0", "A | B", "cIoU@0.5")
    assert [float(pair.split(":")[1]) for pair in line["seed_values"].split()] == pytest.approx([50, 60, 70])
    assert lines[4]["stale"] == "code changed: cavl.model"
    assert (lines[5]["text"], lines[5]["mean"]) == ("not run (0 of 3 seeds)", "")
    assert (lines[7]["coverage"], lines[7]["excluded"]) == ("250 of 300", "4")
    assert (lines[7]["no_better_than"], line["no_better_than"]) == ("Always 1; Chance", "")


def test_latex_breaks_long_names_of_groups_and_knows_the_papers_and_our_signs():
    rows = tuple(
        Row(label="L3-Net avc, mel bins", group=group, cells=(words("easy → 75 % hard"),))
        for group in ("short", "“A > B”: " + "long " * 30)
    )
    table = Table(name="t", short="t", title="t", caption="l3:mel", columns=("A",), rows=rows)
    text = latex(table)
    assert r"\multicolumn{2}{l}{\textit{short}}" in text
    assert r"\multicolumn{2}{p{0.95\linewidth}}{\textit{“A \textgreater{} B”: long long" in text
    assert r"easy $\rightarrow$ 75 \% hard" in text
    assert "l3:mel" in text
