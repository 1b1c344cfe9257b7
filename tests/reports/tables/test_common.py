import math

import pytest

from reports.cells import Cell, Part, Row, words
from reports.tables.common import HIGHER, LOWER, beside_trivial, findings


def cell(*values, **options):
    return Cell(parts=tuple(Part(seed=i, run=i, value=v) for i, v in enumerate(values, 1)), **options)


def table(**columns):
    return [Row(label=label, cells=cells) for label, cells in columns.items()]


@pytest.mark.parametrize(
    ("better", "own", "beaten_by"),
    [
        (HIGHER, 0.6, ()),
        (HIGHER, 0.5, ("high",)),  # equal is no better
        (HIGHER, 0.45, ("high",)),
        (HIGHER, 0.3, ("low", "high")),
        (HIGHER, math.nan, ("low", "high")),
        (LOWER, 0.3, ()),
        (LOWER, 0.4, ("low",)),
        (LOWER, 0.45, ("low",)),
        (LOWER, 0.6, ("low", "high")),
        (LOWER, math.nan, ("low", "high")),
        (0, 0.0, ()),
    ],
)
def test_a_score_is_marked_where_a_trivial_row_is_as_good(better, own, beaten_by):
    rows = table(ours=(cell(own),), control=(cell(own),), low=(cell(0.4),), high=(cell(0.5),))
    ours, *others = beside_trivial(rows, ["ours"], ["low", "high"], [better])
    assert ours.cells[0].beaten_by == beaten_by
    assert ours.cells[0].text.endswith("‡") == bool(beaten_by)
    assert not any(row.cells[0].beaten_by for row in others)


def test_means_over_seeds_are_compared():
    rows = table(ours=(cell(0.1, 0.9),), floor=(cell(0.4, 0.4),))
    assert beside_trivial(rows, ["ours"], ["floor"], [HIGHER])[0].cells[0].beaten_by == ()


def test_what_has_not_run_is_neither_marked_nor_a_floor():
    absent = Cell(parts=(Part(seed=1, problem="not run"),))
    rows = table(ours=(absent, cell(0.2)), floor=(cell(0.5), absent), other=(words("–"), words("–")))
    marked = beside_trivial(rows, ["ours", "other"], ["floor"], [HIGHER, HIGHER])
    assert marked == tuple(rows)
    assert findings(marked, ["ours", "other"], ["floor"], [HIGHER, HIGHER], ["A", "B"], "nothing") == ()


def test_findings_name_the_rows_and_the_best_of_what_is_trivial():
    rows = table(
        good=(cell(0.9), cell(0.1, scale=1.0, digits=3)),
        bad=(cell(0.2), cell(0.2, scale=1.0, digits=3)),
        one=(cell(0.3), cell(0.5, scale=1.0, digits=3)),
        two=(cell(0.25), cell(0.4, scale=1.0, digits=3)),
    )
    compared, trivial = ["good", "bad"], ["one", "two"]
    better = [HIGHER, LOWER]
    marked = beside_trivial(rows, compared, trivial, better)
    assert findings(marked, compared, trivial, better, ["Accuracy", "MAE"], "a constant") == (
        "Accuracy: no better than one (30.0): bad (20.0).",
        "MAE: every trained row is better than a constant.",
    )
    better = [LOWER, HIGHER]
    marked = beside_trivial(rows, compared, trivial, better)
    assert findings(marked, compared, trivial, better, ["Error", "Score"], "a constant") == (
        "Error: no better than two (25.0): good (90.0).",
        "Score: no better than one (0.500): good (0.100); bad (0.200).",
    )
