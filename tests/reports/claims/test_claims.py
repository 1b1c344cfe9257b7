import math
import statistics

import pytest

from reports.claims import CLAIMS
from reports.claims.claim import Claim, Comparison
from reports.claims.evidence import AGAINST, FOR, NOT_RUN, UNDECIDED, holds, overall
from reports.claims.scores import SCORES
from reports.claims.table import claims
from reports.claims.verdicts import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from reports.csv import long_csv
from reports.latex import latex
from reports.markdown import markdown
from reports.statistics import Estimate, MeanTest


def claim(*comparisons, id="X1"):
    return Claim(id=id, source="a summary", quote="It does.", reading="it does", comparisons=tuple(comparisons))


def avc(first, relation, second, score="avc", **options):
    return Comparison(first=("l3", first), relation=relation, second=("l3", second), score=score, **options)


def write_avc(writer, ordering, seed, *right, stages=()):
    """One scene for each of ``right``: (its own sound told right, another's told right)."""
    lines = ["item,partner,matched,same_kind,score,right"]
    for i, (own, other) in enumerate(right):
        lines += [f"s{i},s{i},1,1,0,{own}", f"s{i},x,0,0,0,{other}"]
    files = {"items.csv": writer.tidy(lines, "score", "right", further="partner")}
    writer.run("avc", "l3", ordering, seed, {"chance": 0.5}, files=files, stages=stages)


GOOD, HALF, BAD = (1, 1), (1, 0), (0, 0)


def test_the_list_names_each_claim_once_and_compares_two_different_sides():
    ids = [c.id for c in CLAIMS]
    assert ids == [
        *(f"C{i}" for i in range(1, 19)),
        *(f"L{i}" for i in range(1, 6)),
        *(f"A{i}" for i in range(1, 10)),
        *(f"S{i}" for i in range(1, 5)),
    ]
    for c in CLAIMS:
        assert c.quote
        assert c.comparisons
        assert all((x.first, x.score) != (x.second, x.beside or x.score) for x in c.comparisons)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"no score 'pitch'; there are: pair_accuracy, "):
        Comparison(first=("a", "b"), second=("a", "c"), score="pitch")
    with pytest.raises(ValueError, match=r"no score 'pitch'"):
        Comparison(first=("a", "b"), second=("a", "c"), score="avc", beside="pitch")


@pytest.mark.parametrize(
    ("relation", "low", "high", "true"),
    [
        ("above", 0.01, 0.5, True),
        ("above", -0.1, 0.1, None),
        ("above", -0.5, -0.01, False),
        ("above", 0.0, 0.0, None),  # a tie is not above
        ("about equal", -0.02, 0.02, True),
        ("about equal", 0.01, 0.02, True),
        ("about equal", 0.0, 0.0, True),
        ("about equal", -0.01, 0.04, None),
        ("about equal", -0.04, 0.04, None),
        ("about equal", 0.04, 0.2, False),
        ("about equal", -0.2, -0.04, False),
        ("slightly above", 0.01, 0.04, True),
        ("slightly above", -0.01, 0.04, None),
        ("slightly above", 0.01, 0.06, None),
        ("slightly above", 0.06, 0.2, False),
        ("slightly above", -0.2, -0.01, False),
        ("above", math.nan, math.nan, None),
        ("about equal", -math.inf, math.inf, None),
    ],
)
def test_a_relation_holds_where_the_whole_interval_lies_there(relation, low, high, true):
    mean, half = (low + high) / 2, (high - low) / 2
    estimate = Estimate(mean=mean, half=half, n=3, tests=(MeanTest(half / 4.302653, ((1.0, 2),)),))
    assert holds(avc("a", relation, "b"), estimate) is true


def test_a_relation_has_bounds_of_its_own():
    assert avc("a", "about equal", "b", "SDR", within=1.0).region == (-1, 1)
    assert avc("a", "about equal", "b").region == (-0.03, 0.03)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([NOT_RUN, NOT_RUN], NOT_RUN),
        ([INCONCLUSIVE, NOT_RUN], INCONCLUSIVE),
        ([FOR, FOR], FOR),
        ([SUPPORTED, FOR], FOR),
        ([SUPPORTED, UNDECIDED], UNDECIDED),
        ([FOR, NOT_RUN], UNDECIDED),
        ([FOR, INCONCLUSIVE], UNDECIDED),
        ([FOR, AGAINST], AGAINST),
    ],
)
def test_a_claim_of_which_a_part_stands_on_one_seed(found, said):
    assert overall(found) == said


def test_a_difference_by_hand_over_seeds_and_scenes(writer, study_of, row):
    for seed in (1, 2, 3):
        write_avc(writer, "avc", seed, GOOD, GOOD, HALF, HALF)  # 1, 1, .5, .5
        write_avc(writer, "supervised", seed, HALF, HALF, BAD, BAD)  # .5, .5, 0, 0
    writer.plan()
    summary, tested = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    cells = row(tested, "L3-Net avc above L3-Net supervised")
    assert cells["Score"].text == "AVC accuracy"
    assert (cells["Difference"].text, cells["Difference"].small) == ("50.0 ± 0.0", "3 seeds, 4 items")
    assert cells["Difference"].runs == (1, 2, 3, 4, 5, 6)
    assert cells["Verdict"].text == "supported"
    assert tested.rows[0].group == "X1 (supported, exploratory): it does. “It does.” (a summary)"
    assert [cell.text for cell in summary.rows[0].cells] == [
        "supported, exploratory",
        "supported",
        "below 0.001",
        "below 0.001",
    ]
    assert (summary.rows[0].label, summary.rows[0].group) == ("X1. It does", "a summary")
    assert summary.findings == ("Supported: X1.",)


def verdicts(tables):
    """Of the comparisons."""
    return [row.cells[2].text for row in tables[1].rows]


def told(tables):
    """Of the claims: (verdict, uncorrected)."""
    return [tuple(cell.text for cell in row.cells[:2]) for row in tables[0].rows]


def test_the_contrary_is_contradicted(writer, study_of):
    relations = ("above", "about equal", "slightly above")
    for seed in (1, 2, 3):
        write_avc(writer, "avc", seed, BAD, HALF)
        write_avc(writer, "supervised", seed, GOOD, HALF)
    writer.plan()
    tables = claims(study_of(writer.home), [claim(avc("avc", r, "supervised"), id=r) for r in relations])
    assert verdicts(tables) == [INCONCLUSIVE] * 3  # the scenes differ
    for seed in (1, 2, 3):
        write_avc(writer, "avc-matched", seed, *[BAD] * 5)
        write_avc(writer, "supervised-avc", seed, *[GOOD] * 5)
    writer.plan()
    tables = claims(study_of(writer.home), [claim(avc("avc-matched", r, "supervised-avc"), id=r) for r in relations])
    assert verdicts(tables) == [CONTRADICTED] * 3
    assert tables[0].findings == ("Contradicted: above, about equal, slightly above.",)


def test_five_seeds_are_not_exploratory_and_ties_are_equal_and_not_above(writer, study_of):
    for seed in (1, 2, 3, 4, 5):
        for ordering in ("avc-matched", "supervised-avc"):
            write_avc(writer, ordering, seed, GOOD, HALF, BAD)
    writer.plan()
    relations = ("above", "about equal", "slightly above")
    tables = claims(study_of(writer.home), [claim(avc("avc-matched", r, "supervised-avc"), id=r) for r in relations])
    assert verdicts(tables) == [INCONCLUSIVE, SUPPORTED, INCONCLUSIVE]
    assert told(tables) == [(INCONCLUSIVE,) * 2, (SUPPORTED,) * 2, (INCONCLUSIVE,) * 2]
    assert tables[1].rows[1].label == "L3-Net avc-matched about equal to L3-Net supervised-avc"
    assert {row.cells[1].text for row in tables[1].rows} == {"0.0 ± 0.0"}


def test_one_seed_settles_nothing_and_says_how_far_it_goes(writer, study_of):
    write_avc(writer, "avc", 1, *[GOOD] * 5)
    write_avc(writer, "supervised", 1, *[BAD] * 5)
    write_avc(writer, "untrained", 1, GOOD, GOOD, GOOD, BAD, BAD)
    write_avc(writer, "avc", 2, *[GOOD] * 5)  # the other side of the second seed is missing
    writer.run("avc", "l3", "supervised", 2, None, write=False)
    writer.plan()
    pairs = (("avc", "supervised"), ("supervised", "avc"), ("avc", "untrained"))
    tables = claims(study_of(writer.home), [claim(avc(a, "above", b), id=f"{a}>{b}") for a, b in pairs])
    assert verdicts(tables) == [FOR, AGAINST, UNDECIDED]
    assert FOR == "one seed: as far as it goes, in favour"
    assert [row.cells[1].text for row in tables[1].rows] == ["100.0", "-100.0", "40.0"]
    assert told(tables) == [(said, said) for said in (FOR, AGAINST, UNDECIDED)]
    assert tables[0].findings == (
        "One seed: as far as it goes, against: supervised>avc.",
        "One seed: as far as it goes, in favour: avc>supervised.",
        "One seed: as far as it goes, undecided: avc>untrained.",
    )


def test_a_pair_of_unequal_updates_decides_nothing_and_says_so(writer, study_of):
    """A part that is unequal leaves the others to contradict, and none to support."""
    long, short = ([{"curricula": [1], "updates": n, "lr": 0.1}] for n in (40, 30))
    for seed in (1, 2, 3, 4, 5):
        write_avc(writer, "avc", seed, *[GOOD] * 5, stages=long)
        write_avc(writer, "supervised", seed, *[BAD] * 5, stages=long)
        write_avc(writer, "supervised-avc", seed, *[BAD] * 5, stages=short)
    writer.plan()
    wanted = [
        claim(avc("avc", "above", "supervised-avc"), id="unequal"),
        claim(avc("avc", "above", "supervised-avc", about=("updates",)), id="about it"),
        claim(avc("avc", "above", "supervised"), avc("avc", "above", "supervised-avc"), id="one of two"),
        claim(avc("supervised", "above", "avc"), avc("supervised-avc", "above", "avc"), id="against"),
    ]
    tables = claims(study_of(writer.home), wanted)
    named = "inconclusive (unequal updates (40 and 30))"
    assert told(tables) == [
        (named, INCONCLUSIVE),
        (SUPPORTED, SUPPORTED),
        (named, INCONCLUSIVE),
        (CONTRADICTED, CONTRADICTED),
    ]
    assert verdicts(tables)[0] == "inconclusive: unequal updates (40 and 30)"
    assert tables[0].rows[0].cells[2].text == "–"


def test_what_has_not_run_is_said_and_what_is_not_planned_too(writer, study_of, row):
    write_avc(writer, "avc", 1, GOOD, GOOD)
    writer.run("avc", "l3", "supervised", 1, None, status="FAILED")
    writer.plan()
    known = [
        claim(avc("avc", "above", "supervised"), avc("avc", "above", "supervised-avc"), id="A"),
        claim(avc("avc", "above", "avc-matched"), id="B"),
    ]
    tables = claims(study_of(writer.home), known)
    assert verdicts(tables) == [NOT_RUN, NOT_RUN]
    assert [r.cells[1].text for r in tables[1].rows] == ["failed (0 of 1 seed)", "not planned"]
    assert tables[1].rows[0].group.startswith("A (not run): ")
    assert told(tables) == [(NOT_RUN,) * 2, ("not part of this plan",) * 2]
    assert tables[0].findings == ("Not part of this plan: B.", "Not run: A.")


def test_systems_that_the_plan_lacks_make_a_claim_not_testable(whole_study):
    said = {r.label.partition(".")[0]: r.cells[0].text for r in claims(whole_study)[0].rows}
    assert (said["C13"], said["C18"]) == ("not testable here", "not testable here")


def test_a_plan_without_any_of_it_has_no_such_table(writer, study_of):
    writer.localize("full-frame", "none", 1, 0.5)
    writer.plan()
    assert claims(study_of(writer.home)) == []


def test_finished_runs_without_the_score_are_no_evidence(writer, study_of, recwarn):
    for ordering in ("avc", "supervised"):
        writer.run("avc", "l3", ordering, 1, {}, files={"items.csv": writer.tidy(["item"])})
    writer.plan()
    tables = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in tables[1].rows[0].cells] == ["AVC accuracy", "n/a", INCONCLUSIVE]


def test_another_data_set_counts_only_where_it_is_planned(writer, study_of):
    further = avc("avc", "above", "supervised", "probe esc10", further=True)
    probes = [claim(avc("avc", "above", "supervised", "probe miniature"), further)]
    for seed in (1, 2, 3):
        writer.classify("l3", "avc", seed, "miniature", 1.0)
        writer.classify("l3", "supervised", seed, "miniature", 0.0)
    writer.plan()
    assert verdicts(claims(study_of(writer.home), probes)) == [SUPPORTED]
    for seed in (1, 2, 3):
        writer.classify("l3", "avc", seed, "esc10", 0.0)
        writer.classify("l3", "supervised", seed, "esc10", 1.0)
    writer.plan()
    tables = claims(study_of(writer.home), probes)
    assert [r.cells[0].text for r in tables[1].rows] == ["Probe accuracy (miniature)", "Probe accuracy (ESC-10)"]
    assert verdicts(tables) == [SUPPORTED, CONTRADICTED]
    assert tables[0].findings == ("Contradicted: X1.",)


def write_avts(writer, ordering, seed, easy, mixed):
    """Each of five scenes told right in the given share of its pairs."""
    told = {0.0: (0, 0), 0.5: (1, 0), 1.0: (1, 1)}
    lines = ["item,start,set,matched,other,score,right"]
    for which, level in (("easy", easy), ("mixed", mixed)):
        for i in range(5):
            own, other = told[level]
            lines += [f"s{i},{seed},{which},1,s{i},0,{own}", f"s{i},{seed},{which},0,x,0,{other}"]
    files = {"items.csv": writer.tidy(lines, "score", "right", further="start other")}
    writer.run("avts", "avts", ordering, seed, {"chance": 0.5, "sets": {}}, files=files)


def test_the_curriculum_reflects_the_test_set_where_it_gains_more_there(writer, study_of):
    """(curriculum - easy) on 75/25 is 50 points, on easy -50: an interaction of 100, whoever is better overall."""
    for seed in (1, 2, 3):
        write_avts(writer, "curriculum", seed, easy=0.5, mixed=1.0)
        write_avts(writer, "easy", seed, easy=1.0, mixed=0.5)
    writer.plan()
    (known,) = (c for c in CLAIMS if c.id == "A5")
    summary, table = claims(study_of(writer.home), [known])
    assert [row.label for row in table.rows] == ["AVTS curriculum above AVTS easy"] * 2
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["AVTS accuracy (75/25)", "50.0 ± 0.0", "supported"],
        ["AVTS accuracy (75/25) less that on easy", "100.0 ± 0.0", "supported"],
    ]
    assert summary.findings == ("Supported: A5.",)


def test_a_curriculum_that_only_loses_less_on_the_test_set_does_not_reflect_it(writer, study_of):
    for seed in (1, 2, 3):
        write_avts(writer, "curriculum", seed, easy=0.0, mixed=0.5)
        write_avts(writer, "easy", seed, easy=1.0, mixed=1.0)
    writer.plan()
    tables = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A5"])
    assert verdicts(tables) == [CONTRADICTED, SUPPORTED]  # worse on both sets, but 50 points less so on 75/25
    assert tables[0].findings == ("Contradicted: A5.",)


def test_convergence_is_measured_along_the_way_of_all_seeds(ablations_study, row):
    (known,) = (c for c in CLAIMS if c.id == "A4")
    _, table = claims(ablations_study, [known])
    cells = table.rows[0].cells
    assert table.rows[0].label == "AVTS curriculum above AVTS bce"
    # From 50 they rise in a straight line: the curriculum's shared first stage as "easy" does (to 90 of 60 updates).
    easy = [50, 50 + 40 / 3]
    curriculum = [easy[0], easy[1], 50 + 35 * 2 / 3, 50 + 35 * 5 / 6, 85]
    bce = [50, 50 + 20 / 3, 50 + 40 / 3, 50 + 50 / 3, 70]

    def mean(values):
        widths = (20, 20, 10, 10)
        return sum(w * (a + b) / 2 for w, a, b in zip(widths, values, values[1:], strict=False)) / 60

    expected = mean(curriculum) - mean(bce)
    assert cells[1].estimate.mean == pytest.approx(expected)
    assert cells[2].text == "supported"


def test_convergence_is_told_from_the_updates_that_both_sides_have(writer, study_of):
    """Each seed's curves are the same; in the second the curriculum was measured once more."""
    stages = [{"curricula": [1], "updates": 20, "lr": 0.1}]
    for seed in (1, 2):
        for ordering, early in (("curriculum", seed == 2), ("bce", False)):
            along = ([0, 5, 10, 20], [0.5, 1, 1, 1]) if early else ([0, 10, 20], [0.5, 1, 1])
            key = f"{ordering} {seed}"
            metrics = {"avts_auc_easy": along}
            writer.run("pretrain", "avts", ordering, seed, {}, stages=stages, key=key, metrics=metrics)
            writer.run("avts", "avts", ordering, seed, {}, parents=[key], files={"items.csv": writer.tidy(["item"])})
    writer.plan()
    _, table = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A4"])
    assert [cell.text for cell in table.rows[0].cells] == [
        "AVTS AUC (easy), mean while training",
        "0.0 ± 0.0",
        INCONCLUSIVE,
    ]
    assert "over the updates at which both sides were measured" in table.caption


def test_a_seed_without_a_common_item_is_left_out_and_ends_nothing(writer, study_of):
    write_avc(writer, "avc", 1, *[GOOD] * 5)
    write_avc(writer, "supervised", 1, *[BAD] * 5)
    for ordering in ("avc", "supervised"):  # the second seed's scenes: of each side its own
        lines = ["item,partner,matched,same_kind,score,right", f"{ordering},x,1,1,0,1", f"{ordering},y,0,0,0,1"]
        files = {"items.csv": writer.tidy(lines, "score", "right", further="partner")}
        writer.run("avc", "l3", ordering, 2, {"chance": 0.5}, files=files)
    writer.plan()
    _, table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in table.rows[0].cells] == ["AVC accuracy", "100.0", FOR]


def test_two_sides_without_any_common_item_are_no_evidence(writer, study_of):
    for ordering in ("avc", "supervised"):
        lines = ["item,partner,matched,same_kind,score,right", f"{ordering},x,1,1,0,1", f"{ordering},y,0,0,0,1"]
        files = {"items.csv": writer.tidy(lines, "score", "right", further="partner")}
        writer.run("avc", "l3", ordering, 1, {"chance": 0.5}, files=files)
    writer.plan()
    _, table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in table.rows[0].cells] == ["AVC accuracy", "n/a", INCONCLUSIVE]


def test_the_caption_says_which_command_makes_the_other_comparisons(ablations_study):
    summary, _ = claims(ablations_study)
    assert "that a plan lacks are made by: tox -e benchmark -- --preset ablations --seeds 5." in summary.caption
    assert r"benchmark -{}- -{}-preset ablations -{}-seeds 5." in latex(summary)


def test_one_number_of_one_seed_decides_nothing(writer, study_of):
    writer.ablations(seeds=(1,))
    tables = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A4"])
    table = tables[1]
    assert verdicts(tables) == [UNDECIDED, FOR]
    assert table.rows[0].cells[1].small == "1 seed"
    assert table.rows[0].group.startswith(f"A4 ({UNDECIDED}): ")


def test_trunks_are_compared_on_the_75_25_set(ablations_study, row, ablation_results):
    (known,) = (c for c in CLAIMS if c.id == "A6")
    _, table = claims(ablations_study, [known])
    own, other = (
        statistics.mean(r["sets"]["mixed"]["accuracy"] for _, r in ablation_results("avts", m, "curriculum"))
        for m in ("avts", "avts:mc2")
    )
    cells = row(table, "AVTS curriculum above AVTS curriculum, MC2")
    assert cells["Difference"].estimate.mean == pytest.approx(100 * (own - other))
    assert row(table, "AVTS curriculum above AVTS curriculum, MC5")["Difference"].text == "not planned"


def test_every_claim_has_a_row_and_those_of_the_plan_their_comparisons(ablations_study):
    summary, tested = claims(ablations_study)
    shown = {r.group.partition(" ")[0] for r in tested.rows}
    assert shown == {"L1", "L2", "L3", "A1", "A4", "A5", "A6", "A7", "A8", "A9"} - {"A9"}  # A9: other motions
    assert [r.label for r in summary.rows] == [f"{c.id}. {c.reading[0].upper()}{c.reading[1:]}" for c in CLAIMS]
    for known, r in zip(CLAIMS, summary.rows, strict=True):
        assert (r.cells[1].text in ("not part of this plan", "not testable here")) == (known.id not in shown)
        assert sum(known.id in finding.rstrip(".").split(": ")[1].split(", ") for finding in summary.findings) == 1


def test_every_score_can_be_asked_for(ablations_study):
    for score in SCORES.values():
        first, second = score.sides(ablations_study, ("avts", "curriculum"), ("l3", "avc"))
        assert {node.method for node in first.nodes} <= {"avts"}
        assert {node.method for node in second.nodes} <= {"l3"}


def test_quotes_and_readings_are_literal_in_every_form(ablations_study):
    summary, table = claims(ablations_study)
    assert r"“Pretraining performance \> Training from scratch.” (AVTS summary)**" in markdown(table, "p")
    text = latex(table)
    assert r"“Pretraining performance \textgreater{} Training from scratch.”" in text
    assert r"\multicolumn{4}{p{0.95\linewidth}}{\textit{A8 (supported, exploratory): " in text
    lines = long_csv(summary).splitlines()
    assert any(line.startswith("claims,AVTS summary,A8.") and ',Verdict,"supported, exp' in line for line in lines)


def test_a_side_that_was_not_selected_is_called_so(writer, study_of, row):
    gone = {"avts": ("avts", "hard"), "classification": ("l3:mel", "avc")}
    writer.ablations(seeds=(1,))
    writer.nodes = [n for n in writer.nodes if (n["method"], n["ordering"]) not in gone.values()]
    writer.plan(not_selected=[{"task": task, "method": m, "ordering": o} for task, (m, o) in gone.items()])
    summary, table = claims(study_of(writer.home))
    assert row(table, "AVTS curriculum above AVTS hard")["Difference"].text == "not selected"
    assert "Not selected: L3." in summary.findings
    (absent,) = [finding for finding in summary.findings if finding.startswith("Not part of this plan: ")]
    assert "A2" in absent
