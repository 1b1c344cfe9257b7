import math
import statistics

import pytest

from reports.claims import (
    AGAINST,
    CLAIMS,
    CONTRADICTED,
    FOR,
    INCONCLUSIVE,
    NOT_RUN,
    SCORES,
    SUPPORTED,
    UNDECIDED,
    Claim,
    Comparison,
    claims,
    holds,
    overall,
)
from reports.csv import long_csv
from reports.latex import latex
from reports.markdown import markdown
from reports.statistics import Estimate


def claim(*comparisons, id="X1"):
    return Claim(id=id, source="a summary", quote="It does.", reading="it does", comparisons=tuple(comparisons))


def avc(first, relation, second, score="avc", **options):
    return Comparison(first=("l3", first), relation=relation, second=("l3", second), score=score, **options)


def write_avc(writer, ordering, seed, *right):
    """One scene for each of ``right``: (its own sound told right, another's told right)."""
    lines = ["item,partner,matched,same_kind,score,right"]
    for i, (own, other) in enumerate(right):
        lines += [f"s{i},s{i},1,1,0,{own}", f"s{i},x,0,0,0,{other}"]
    files = {"items.csv": writer.tidy(lines, "score", "right", further="partner")}
    writer.run("avc", "l3", ordering, seed, {"chance": 0.5}, files=files)


GOOD, HALF, BAD = (1, 1), (1, 0), (0, 0)


def verdicts(table):
    return [row.cells[2].text for row in table.rows]


def test_the_list_names_each_claim_once_and_compares_two_different_sides():
    ids = [c.id for c in CLAIMS]
    assert len(ids) == len(set(ids)) == 14
    assert {c.source for c in CLAIMS} == {"L3-Net summary", "AVTS summary"}
    for c in CLAIMS:
        assert c.quote
        assert c.comparisons
        assert all(not x.further for x in c.comparisons[:1])
        assert all(x.first != x.second for x in c.comparisons)


def test_an_unknown_score_is_refused():
    with pytest.raises(ValueError, match=r"no score 'pitch'; there are: avc, "):
        Comparison(first=("a", "b"), second=("a", "c"), score="pitch")


@pytest.mark.parametrize(
    ("relation", "low", "high", "true"),
    [
        ("above", 0.01, 0.5, True),
        ("above", 0.0, 0.5, None),  # a tie is not above
        ("above", -0.1, 0.1, None),
        ("above", -0.5, -0.01, False),
        ("at least", -0.02, 0.02, True),
        ("at least", 0.2, 0.3, True),
        ("at least", 0.0, 0.0, True),
        ("at least", -0.04, 0.5, None),
        ("at least", -0.02, -0.01, False),  # close, but below beyond doubt
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
    estimate = Estimate(mean=(low + high) / 2, half=(high - low) / 2, n=3)
    assert holds(relation, estimate) is true


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([SUPPORTED, SUPPORTED], SUPPORTED),
        ([SUPPORTED, INCONCLUSIVE], INCONCLUSIVE),
        ([SUPPORTED, NOT_RUN], INCONCLUSIVE),
        ([SUPPORTED, CONTRADICTED], CONTRADICTED),
        ([NOT_RUN, CONTRADICTED], CONTRADICTED),
        ([NOT_RUN, NOT_RUN], NOT_RUN),
        ([FOR, FOR], FOR),
        ([SUPPORTED, FOR], FOR),
        ([SUPPORTED, UNDECIDED], UNDECIDED),
        ([FOR, NOT_RUN], UNDECIDED),
        ([FOR, INCONCLUSIVE], UNDECIDED),
        ([FOR, AGAINST], AGAINST),
        ([AGAINST, CONTRADICTED], CONTRADICTED),
    ],
)
def test_a_claim_needs_all_of_its_comparisons(found, said):
    assert overall(found) == said


def test_a_difference_by_hand_over_seeds_and_scenes(writer, study_of, row):
    for seed in (1, 2, 3):
        write_avc(writer, "avc", seed, GOOD, GOOD, HALF, HALF)  # 1, 1, .5, .5
        write_avc(writer, "supervised", seed, HALF, HALF, BAD, BAD)  # .5, .5, 0, 0
    writer.plan()
    table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    cells = row(table, "L3-Net avc above L3-Net supervised")
    assert cells["Score"].text == "AVC accuracy"
    assert (cells["Difference"].text, cells["Difference"].small) == ("50.0 ± 0.0", "3 seeds, 4 items")
    assert cells["Difference"].runs == (1, 2, 3, 4, 5, 6)
    assert cells["Verdict"].text == "supported"
    assert table.rows[0].group == "X1 (supported): it does. “It does.” (a summary)"
    assert table.findings == ("Supported: X1 (it does).",)


def test_the_contrary_is_contradicted(writer, study_of):
    for seed in (1, 2, 3):
        write_avc(writer, "avc", seed, BAD, HALF)
        write_avc(writer, "supervised", seed, GOOD, HALF)
    writer.plan()
    table = claims(
        study_of(writer.home),
        [claim(avc("avc", relation, "supervised"), id=relation) for relation in ("above", "about equal", "at least")],
    )
    assert verdicts(table) == [INCONCLUSIVE] * 3  # -50 ± 98: the scenes differ
    for seed in (1, 2, 3):
        write_avc(writer, "avc-matched", seed, *[BAD] * 5)
        write_avc(writer, "supervised-avc", seed, *[GOOD] * 5)
    writer.plan()
    relations = ("above", "about equal", "at least", "slightly above")
    both = [claim(avc("avc-matched", r, "supervised-avc"), id=r) for r in relations]
    table = claims(study_of(writer.home), both)
    assert verdicts(table) == [CONTRADICTED] * 4
    assert table.findings[0].startswith("Contradicted: above (it does); about equal (it does); ")


def test_ties_are_equal_and_not_above(writer, study_of):
    for seed in (1, 2):
        for ordering in ("avc-matched", "supervised-avc"):
            write_avc(writer, ordering, seed, GOOD, HALF, BAD)
    writer.plan()
    relations = ("above", "at least", "about equal", "slightly above")
    both = [claim(avc("avc-matched", r, "supervised-avc"), id=r) for r in relations]
    table = claims(study_of(writer.home), both)
    assert verdicts(table) == [INCONCLUSIVE, SUPPORTED, SUPPORTED, INCONCLUSIVE]
    assert table.rows[1].label == "L3-Net avc-matched at least as good as L3-Net supervised-avc"
    assert {row.cells[1].text for row in table.rows} == {"0.0 ± 0.0"}


def test_one_seed_settles_nothing_and_says_how_far_it_goes(writer, study_of):
    write_avc(writer, "avc", 1, *[GOOD] * 5)
    write_avc(writer, "supervised", 1, *[BAD] * 5)
    write_avc(writer, "untrained", 1, GOOD, GOOD, GOOD, BAD, BAD)
    write_avc(writer, "avc", 2, *[GOOD] * 5)  # the other side of the second seed is missing
    writer.run("avc", "l3", "supervised", 2, None, write=False)
    writer.plan()
    pairs = (("avc", "supervised"), ("supervised", "avc"), ("avc", "untrained"))
    table = claims(study_of(writer.home), [claim(avc(a, "above", b), id=f"{a}>{b}") for a, b in pairs])
    assert verdicts(table) == [FOR, AGAINST, UNDECIDED]
    assert FOR == "one seed: as far as it goes, in favour"
    assert [row.cells[1].text for row in table.rows] == ["100.0", "-100.0", "40.0"]
    assert not any(SUPPORTED in text or CONTRADICTED in text for text in verdicts(table))
    assert table.findings == (
        "From one seed only, which settles nothing; as far as it goes, in favour of: avc>supervised (it does).",
        "From one seed only, which settles nothing; as far as it goes, against: supervised>avc (it does).",
        "From one seed only, which settles nothing; undecided as far as it goes: avc>untrained (it does).",
    )


def test_what_has_not_run_is_said_and_what_is_not_planned_is_no_row(writer, study_of, row):
    write_avc(writer, "avc", 1, GOOD, GOOD)
    writer.run("avc", "l3", "supervised", 1, None, status="FAILED")
    writer.plan()
    known = [
        claim(avc("avc", "above", "supervised"), avc("avc", "above", "supervised-avc"), id="A"),
        claim(avc("avc", "above", "avc-matched"), id="B"),
    ]
    table = claims(study_of(writer.home), known)
    assert verdicts(table) == [NOT_RUN, NOT_RUN]
    assert [r.cells[1].text for r in table.rows] == ["failed (0 of 1 seed)", "not planned"]
    assert table.rows[0].group.startswith("A (not run): ")
    assert table.findings == ("Not run yet: A (it does).", "Not part of this plan: B (it does).")


def test_a_plan_without_any_of_it_has_no_such_table(whole_study, writer, study_of):
    table = claims(whole_study)
    assert (table.rows, table.findings) == ((), ())


def test_finished_runs_without_the_score_are_no_evidence(writer, study_of, recwarn):
    for ordering in ("avc", "supervised"):
        writer.run("avc", "l3", ordering, 1, {}, files={"items.csv": writer.tidy(["item"])})
    writer.plan()
    table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in table.rows[0].cells] == ["AVC accuracy", "n/a", INCONCLUSIVE]


def test_another_data_set_counts_only_where_it_is_planned(writer, study_of):
    further = avc("avc", "above", "supervised", "probe esc10", further=True)
    probes = [claim(avc("avc", "above", "supervised", "probe miniature"), further)]
    for seed in (1, 2, 3):
        writer.classify("l3", "avc", seed, "miniature", 1.0)
        writer.classify("l3", "supervised", seed, "miniature", 0.0)
    writer.plan()
    table = claims(study_of(writer.home), probes)
    assert verdicts(table) == [SUPPORTED]
    for seed in (1, 2, 3):
        writer.classify("l3", "avc", seed, "esc10", 0.0)
        writer.classify("l3", "supervised", seed, "esc10", 1.0)
    writer.plan()
    table = claims(study_of(writer.home), probes)
    assert [r.cells[0].text for r in table.rows] == ["Probe accuracy (miniature)", "Probe accuracy (ESC-10)"]
    assert verdicts(table) == [SUPPORTED, CONTRADICTED]
    assert table.findings == ("Contradicted: X1 (it does).",)


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
    table = claims(study_of(writer.home), [known])
    assert [row.label for row in table.rows] == ["AVTS curriculum above AVTS easy"] * 2
    assert [[cell.text for cell in row.cells] for row in table.rows] == [
        ["AVTS accuracy (75/25)", "50.0 ± 0.0", "supported"],
        ["AVTS accuracy (75/25) less that on easy", "100.0 ± 0.0", "supported"],
    ]
    assert table.findings[0].startswith("Supported: A5 (")


def test_a_curriculum_that_only_loses_less_on_the_test_set_does_not_reflect_it(writer, study_of):
    for seed in (1, 2, 3):
        write_avts(writer, "curriculum", seed, easy=0.0, mixed=0.5)
        write_avts(writer, "easy", seed, easy=1.0, mixed=1.0)
    writer.plan()
    table = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A5"])
    assert verdicts(table) == [CONTRADICTED, SUPPORTED]  # worse on both sets, but 50 points less so on 75/25
    assert table.findings[0].startswith("Contradicted: A5 (")


def test_convergence_is_measured_along_the_way_of_all_seeds(ablations_study, row):
    (known,) = (c for c in CLAIMS if c.id == "A4")
    table = claims(ablations_study, [known])
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
    table = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A4"])
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
    table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in table.rows[0].cells] == ["AVC accuracy", "100.0", FOR]


def test_two_sides_without_any_common_item_are_no_evidence(writer, study_of):
    for ordering in ("avc", "supervised"):
        lines = ["item,partner,matched,same_kind,score,right", f"{ordering},x,1,1,0,1", f"{ordering},y,0,0,0,1"]
        files = {"items.csv": writer.tidy(lines, "score", "right", further="partner")}
        writer.run("avc", "l3", ordering, 1, {"chance": 0.5}, files=files)
    writer.plan()
    table = claims(study_of(writer.home), [claim(avc("avc", "above", "supervised"))])
    assert [c.text for c in table.rows[0].cells] == ["AVC accuracy", "n/a", INCONCLUSIVE]


def test_the_caption_says_which_command_makes_the_other_comparisons(ablations_study):
    said = "lacks, or has from one seed only, are made by: tox -e benchmark -- --preset ablations --seeds 3."
    assert said in claims(ablations_study).caption
    assert r"benchmark -{}- -{}-preset ablations -{}-seeds 3." in latex(claims(ablations_study))


def test_one_number_of_one_seed_decides_nothing(writer, study_of):
    writer.ablations(seeds=(1,))
    table = claims(study_of(writer.home), [c for c in CLAIMS if c.id == "A4"])
    assert verdicts(table) == [UNDECIDED, FOR]
    assert table.rows[0].cells[1].small == "1 seed"
    assert table.rows[0].group.startswith(f"A4 ({UNDECIDED}): ")


def test_trunks_are_compared_on_the_75_25_set(ablations_study, row, ablation_results):
    (known,) = (c for c in CLAIMS if c.id == "A6")
    table = claims(ablations_study, [known])
    own, other = (
        statistics.mean(r["sets"]["mixed"]["accuracy"] for _, r in ablation_results("avts", m, "curriculum"))
        for m in ("avts", "avts:mc2")
    )
    cells = row(table, "AVTS curriculum above AVTS curriculum, MC2")
    assert cells["Difference"].estimate.mean == pytest.approx(100 * (own - other))
    assert row(table, "AVTS curriculum above AVTS curriculum, MC5")["Difference"].text == "not planned"


def test_sides_trained_for_another_time_are_marked(ablations_study):
    labels = {r.label for r in claims(ablations_study).rows}
    assert "L3-Net avc-matched about equal to L3-Net supervised-avc" in labels
    assert "L3-Net avc above L3-Net supervised" in labels
    assert "L3-Net supervised-avc above L3-Net supervised (not trained for as long)" in labels
    assert "AVTS curriculum above L3-Net avc (not trained for as long)" in labels
    assert "AVTS curriculum above AVTS untrained" in labels  # from scratch: not a matter of length


def test_every_claim_of_the_plan_is_in_the_table_or_named_above_it(ablations_study):
    table = claims(ablations_study)
    shown = {r.group.partition(" ")[0] for r in table.rows}
    (unplanned,) = (f for f in table.findings if f.startswith("Not part of this plan: "))
    assert shown == {"L1", "L2", "L3", "A1", "A4", "A5", "A6", "A7", "A8", "A9"}
    assert {c.id for c in CLAIMS} - shown == {"L4", "L5", "A2", "A3"}
    for known in CLAIMS:
        assert (f"{known.id} ({known.reading})" in unplanned) == (known.id not in shown)
        assert sum(f"{known.id} ({known.reading})" in finding for finding in table.findings) == 1


def test_every_score_can_be_asked_for(ablations_study):
    for score in SCORES.values():
        first, second = score.sides(ablations_study, ("avts", "curriculum"), ("l3", "avc"))
        assert (first.name, second.name) == ("AVTS curriculum", "L3-Net avc")
        assert {node.method for node in first.nodes} <= {"avts"}
        assert {node.method for node in second.nodes} <= {"l3"}


def test_quotes_and_readings_are_literal_in_every_form(ablations_study):
    table = claims(ablations_study)
    assert r"“Pretraining performance \> Training from scratch.” (AVTS summary)**" in markdown(table, "p")
    text = latex(table)
    assert r"“Pretraining performance \textgreater{} Training from scratch.”" in text
    assert r"\multicolumn{4}{p{0.95\linewidth}}{\textit{A8 (supported): " in text
    lines = long_csv(table).splitlines()
    assert any(line.startswith("claims,") and ",Verdict,supported," in line for line in lines)


def test_a_side_that_was_not_selected_is_called_so(writer, study_of, row):
    gone = {"avts": ("avts", "hard"), "classification": ("l3:mel", "avc")}
    writer.ablations(seeds=(1,))
    writer.nodes = [n for n in writer.nodes if (n["method"], n["ordering"]) not in gone.values()]
    writer.plan(not_selected=[{"task": task, "method": m, "ordering": o} for task, (m, o) in gone.items()])
    table = claims(study_of(writer.home))
    assert row(table, "AVTS curriculum above AVTS hard")["Difference"].text == "not selected"
    assert "Not selected: L3 (mel bins give a better audio embedding)." in table.findings
    (absent,) = [finding for finding in table.findings if finding.startswith("Not part of this plan: ")]
    assert "A2 (super-hard negatives hurt, late or from the start)" in absent
