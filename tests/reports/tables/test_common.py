import math

import pytest

from reports.cells import Cell, Part, Row, words
from reports.published import PAPER
from reports.tables.common import HIGHER, LOWER, beside_trivial, findings, provenance, unfinished


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


def test_seeds_are_compared_and_not_their_means():
    rows = table(ours=(cell(0.1, 0.9, 0.9),), floor=(cell(0.4, 0.4, 0.4),))
    marked = beside_trivial(rows, ["ours"], ["floor"], [HIGHER])
    assert marked[0].cells[0].beaten_by == ("floor",)
    said = findings(marked, ["ours"], ["floor"], [HIGHER], ["Accuracy"], "a constant")
    assert said == ("Accuracy: no better than floor (40.0): ours (63.3; in 1 of 3 seeds).",)


def test_only_seeds_that_both_have_are_compared():
    rows = table(ours=(cell(0.5),), floor=(cell(0.4, 0.8),))  # by the means, 0.5 would lie below 0.6
    marked = beside_trivial(rows, ["ours"], ["floor"], [HIGHER])
    assert marked[0].cells[0].beaten_by == ()
    absent = Cell(parts=(Part(seed=1, problem="not run"), Part(seed=2, run=1, value=0.9)))
    rows = table(ours=(absent,), floor=(cell(0.95),))
    assert beside_trivial(rows, ["ours"], ["floor"], [HIGHER])[0].cells[0].beaten_by == ()
    assert findings(rows, ["ours"], ["floor"], [HIGHER], ["A"], "a floor") == ()


def test_a_single_seed_is_no_claim_of_support():
    rows = table(one=(cell(0.5),), three=(cell(0.5, 0.5, 0.5),), floor=(cell(0.4, 0.4, 0.4),))
    rest = ["floor"], [HIGHER], ["A"], "a floor"
    single = "A: every trained row is better than a floor in the only finished seed; a single seed supports nothing."
    assert findings(rows, ["one"], *rest) == (single,)
    assert findings(rows, ["three"], *rest) == ("A: every trained row is better than a floor in each of 3 seeds.",)
    both = "A: every trained row is better than a floor in each of their 1 to 3 seeds; a single seed supports nothing."
    assert findings(rows, ["one", "three"], *rest) == (both,)


def test_rows_that_lack_seeds_are_named():
    started = Cell(parts=(Part(seed=1, run=1, value=0.5), Part(seed=2, problem="failed")))
    unable = Cell(parts=(Part(seed=1, run=1, problem="n/a"),))
    rows = table(done=(cell(0.5, 0.5),), started=(started,), unable=(unable,), absent=(words("not planned"),))
    everyone = ["done", "started", "unable", "absent"]
    assert unfinished(rows, everyone) == ("Not every seed is finished: started (1 of 2).",)
    assert unfinished(rows, ["done"]) == ()


def test_the_papers_data_are_named_table_by_table(whole_study):
    assert "AudioSet-Evaluation" in provenance(2, study=whole_study)
    assert "MUSIC" not in provenance(2, study=whole_study)
    both = provenance(4, 6, study=whole_study)
    assert f"Table 4: {PAPER[4].data}" in both
    assert f"Table 6: {PAPER[6].data}" in both
    assert "ESC-50" not in both


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
        "Accuracy: no better than one (30.0): bad (20.0; in the only finished seed).",
        "MAE: every trained row is better than a constant in the only finished seed; a single seed supports nothing.",
    )
    better = [LOWER, HIGHER]
    marked = beside_trivial(rows, compared, trivial, better)
    assert findings(marked, compared, trivial, better, ["Error", "Score"], "a constant") == (
        "Error: no better than two (25.0): good (90.0; in the only finished seed).",
        "Score: no better than one (0.500), in the only finished seed: good (0.100); bad (0.200).",
    )
