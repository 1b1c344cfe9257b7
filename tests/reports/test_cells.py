import csv
import math

import pytest

from reports.cells import Cell, Part, Row, Table, incomplete, measured, paper
from reports.csv import long_csv
from reports.item_scores import scores
from reports.latex import latex
from reports.published import published


def parts(*values, **options):
    return tuple(Part(seed=i, run=10 + i, value=v, **options) for i, v in enumerate(values, 1))


def test_mean_interval_seeds_items_and_runs():
    cell = Cell(parts=parts(0.5, 0.6, 0.7), items=300)
    assert cell.text == "60.0 ± 24.8"  # 4.3027 * 10 / sqrt(3)
    assert cell.small == "3 seeds, 300 items"
    assert cell.runs == (11, 12, 13)


def test_one_seed_has_no_interval():
    cell = Cell(parts=parts(0.5))
    assert (cell.text, cell.small) == ("50.0", "1 seed")


def test_nothing_is_minus_zero():
    assert Cell(parts=parts(-0.00004, -0.00004)).text == "0.0 ± 0.0"
    assert Cell(parts=parts(-0.0006)).text == "-0.1"


def test_several_runs_of_a_seed_are_averaged_before_the_seeds():
    cell = Cell(parts=(Part(seed=1, run=1, value=0.1), Part(seed=1, run=2, value=0.3), Part(seed=2, run=3, value=0.4)))
    assert cell.by_seed == pytest.approx({1: 20.0, 2: 40.0})
    assert cell.estimate.mean == pytest.approx(30.0)
    assert (cell.seeds, cell.planned, cell.runs) == (2, 2, (1, 2, 3))


def test_what_is_missing_is_said():
    one_left = Cell(parts=(*parts(0.5, 0.5), Part(seed=3, problem="not run")))
    assert one_left.text == "50.0 ± 0.0"
    assert one_left.small == "2 of 3 seeds"
    assert Cell(parts=(Part(seed=1, problem="not run"),)).text == "not run (0 of 1 seed)"
    mixed = Cell(parts=(Part(seed=1, problem="failed"), Part(seed=2, problem="not run")))
    assert mixed.text == "failed, not run (0 of 2 seeds)"
    assert Cell(parts=(Part(seed=1, run=4, problem="n/a"),)).text == "n/a"


def test_nan_is_shown_as_a_finding():
    assert Cell(parts=parts(math.nan, 0.5)).text == "NaN"


def test_stale_runs_are_marked_only_where_they_count():
    stale = Part(seed=1, run=1, value=0.5, stale=("code changed: cavl.model",))
    assert Cell(parts=(stale,)).text == "50.0†"
    assert Cell(parts=(stale,)).stale == ("code changed: cavl.model",)
    unused = Part(seed=2, run=2, problem="n/a", stale=("code changed: cavl.model",))
    assert "†" not in Cell(parts=(*parts(0.5), unused)).text


@pytest.mark.parametrize(
    ("coverage", "shown"),
    [
        ("300 of 300", ""),
        ("", ""),
        (None, ""),
        ("731 of 2000 (missing 1269, damaged 0)", "731 of 2000 (missing 1269, damaged 0)"),
        ("249 of 250", "249 of 250"),
        ("40 of 400", "40 of 400"),
        ("fold 4 only", "fold 4 only"),
    ],
)
def test_coverage_is_shown_where_incomplete(coverage, shown):
    assert incomplete(coverage) == shown
    assert (f"data: {shown}" in Cell(parts=parts(0.5), coverage=incomplete(coverage)).small) == bool(shown)


def test_what_was_left_out_is_said_beneath_the_score(writer, study_of):
    for seed, left_out in enumerate((0, 2), 1):
        result = {"rows": {"shuffled": {"sdr": 1.25, "items": 10 - left_out, "excluded": left_out}}}
        writer.run("separation", "cavl", "c1", seed, result)
    writer.plan()
    path = ("rows", "shuffled")
    options = {"items": (*path, "items"), "excluded": (*path, "excluded"), "scale": 1.0, "digits": 2}
    cell = measured(study_of(writer.home).select("separation"), *path, "sdr", **options)
    assert (cell.text, cell.small) == ("1.25 ± 0.00", "2 seeds, 8 items, 2 left out")


def test_a_score_no_better_than_a_trivial_row_is_marked():
    cell = Cell(parts=parts(0.5, stale=("code changed: cavl.model",)), beaten_by=("Always 2",))
    assert (cell.text, cell.mean_text) == ("50.0†‡", "50.0")


def test_the_papers_numbers_keep_their_digits():
    assert paper(published(1, "C1", "Accuracy")).text == "51.25"
    assert paper(published(3, "CAVL-C1", "cIoU@0.5")).text == "50.0"
    assert paper(published(4, "Sound-of-Pixels", "SDR")).text == "7.30"
    assert paper(published(4, "Co-Separation", "SIR")).text == "13.7"
    assert paper(published(2, "CAVL-C1", "MAE")).text == "0.616"
    assert paper(None).text == "–"


def test_results_without_the_score_or_with_something_else_are_not_numbers(writer, study_of):
    for seed, result in enumerate(({"a": {"b": 0.25}, "items": 9}, {"a": {}}, None, {"a": {"b": "0.5"}}), 1):
        writer.run("localization", "cavl", "c1", seed, result)
    writer.plan()
    cell = measured(study_of(writer.home).select("localization"), "a", "b")
    assert [p.value for p in cell.parts] == [0.25, None, None, None]
    assert (cell.text, cell.small) == ("25.0", "1 of 4 seeds, 9 items")


def test_without_planned_runs_the_cell_says_so():
    assert measured([], "accuracy").text == "not planned"


def test_of_several_runs_a_seed_that_is_missing_is_counted_once():
    """A difference stands on the runs of both sides, some of them finished."""
    missing = Cell(parts=(Part(seed=1, run=3), Part(seed=1, problem="not run"), Part(seed=2, problem="not run")))
    assert missing.text == "not run (0 of 2 seeds)"


def test_the_interval_over_items_stands_in_brackets_behind_them(writer, study_of):
    """Of items averaged over the seeds: 1, .5, .5, 0 has a standard error of .2041, t(3) = 3.1824."""
    study = two_seeds(writer, study_of, "c1", ((1, 1, 0, 0), (1, 0, 1, 0)))
    cell = measured(study.nodes, "single", "score", items=("items",), scores=by_item(study))
    assert cell.text == "50.0 ± 0.0"
    assert cell.small == "2 seeds, 4 items (± 65.0)"
    assert cell.standing() == "2 seeds, 4 items"
    assert measured(study.nodes, "single", "score").small == "2 seeds, 4 items"


def test_what_draws_nothing_has_an_interval_over_items_alone(writer, study_of):
    study = two_seeds(writer, study_of, "none", ((1, 1, 0, 0), (1, 1, 0, 0)))
    cell = measured(study.nodes, "single", "score", items=("items",), scores=by_item(study))
    assert (cell.text, cell.small) == ("50.0", "2 seeds, 4 items (± 91.9)")


def test_intervals_over_items_are_a_column_of_the_csv_file_and_a_note_in_latex():
    cells = (Cell(parts=parts(0.5), items=9, over_items=0.021), Cell(parts=parts(0.7), items=9, over_items=0.056))
    rows = tuple(Row(label=str(i), cells=(cell,)) for i, cell in enumerate(cells))
    table = Table(name="t", short="T", title="T", caption="C", columns=("Score",), rows=rows)
    assert "Half of the interval over items: Score 2.1 to 5.6." in latex(table)
    assert "Unless marked: 1 seed, 9 items." in latex(table)
    lines = list(csv.DictReader(long_csv(table).splitlines()))
    assert [float(line["ci_items"]) for line in lines] == pytest.approx([2.1, 5.6])


def two_seeds(writer, study_of, ordering, right):
    for seed, values in enumerate(right, 1):
        lines = ["item,label,predicted", *(f"i{n},1,{v}" for n, v in enumerate(values))]
        files = {"items.csv": writer.tidy(lines, "correct", further="label predicted")}
        writer.run("classification", "x", ordering, seed, {"single": {"score": 0.5}, "items": 4}, files=files)
    writer.plan()
    return study_of(writer.home)


def by_item(study):
    return lambda node: scores(study, node, "correct")
