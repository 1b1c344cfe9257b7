import statistics

import pytest

from reports.tables.localization import binarisations, localization


def test_table_3_has_the_papers_rows_first_with_its_numbers_beside_ours(whole_study, row, results):
    table = localization(whole_study)
    assert [r.label.split(":")[0] for r in table.rows[:6]] == [
        "Random",
        "Attention",
        "DMC",
        "CAVL-C1",
        "CAVL-C1 (unrelated)",
        "CAVL-C2",
    ]
    ours = row(table, "CAVL-C2: CAVL c1-c2")
    assert (ours["Paper cIoU@0.5"].text, ours["Paper AUC"].text) == ("46.0", "45.7")
    runs = results("localization", "cavl", "c1-c2")
    scores = [100 * r["single"]["aligned"]["threshold=0.5"]["ciou@0.5"] for _, r in runs]
    assert ours["cIoU@0.5"].estimate.mean == pytest.approx(statistics.mean(scores))
    assert ours["cIoU@0.5"].runs == tuple(number for number, _ in runs)
    assert ours["cIoU@0.5"].standing() == "3 seeds, 40 items"
    assert ours["cIoU@0.5"].published.value == 46.0


def test_table_3_unrelated_is_the_unaligned_centre_and_random_the_random_box(whole_study, row, results):
    table = localization(whole_study)
    runs = results("localization", "cavl", "c1")
    unaligned = statistics.mean(100 * r["single"]["unaligned"]["threshold=0.5"]["auc"] for _, r in runs)
    assert row(table, "CAVL-C1 (unrelated): CAVL c1 (unaligned centre)")["AUC"].estimate.mean == pytest.approx(
        unaligned
    )
    runs = results("localization", "random-box", "none")
    box = statistics.mean(100 * r["single"]["mask"]["mask"]["auc"] for _, r in runs)
    assert row(table, "Random: Random box")["AUC"].estimate.mean == pytest.approx(box)


def test_table_3_has_trivial_rows_controls_and_every_ordering(whole_study, row):
    labels = [r.label for r in localization(whole_study).rows]
    assert {"Full frame", "Centred square", "Mean training map"} <= set(labels)
    assert {"CAVL c1 (random centre)", "CAVL c1 (another scene's sound)", "CAVL untrained"} <= set(labels)
    assert {"CAVL c0", "CAVL mixed", "CAVL c1-c2-c3", "CAVL c3-matched", "CAVL c1-c2scene"} <= set(labels)
    assert len(labels) == len(set(labels))
    assert row(localization(whole_study), "Attention")["cIoU@0.5"].text == "not in this suite"


def test_table_3b_shows_every_rule_and_never_binarises_masks(whole_study, row):
    ciou, auc, degenerate = binarisations(whole_study)
    assert ciou.columns == (
        "threshold=0.5", "max_fraction=0.1", "max_fraction=0.5", "top_half", "median_gt", "median_ge", "as a mask",
    )  # fmt: skip
    assert [c.text for c in row(degenerate, "CAVL c1").values()] == [
        "0.0 ± 0.0", "2.5 ± 0.0", "5.0 ± 0.0", "7.5 ± 0.0", "10.0 ± 0.0", "12.5 ± 0.0", "–",
    ]  # fmt: skip
    full = row(auc, "Full frame")
    assert [full[rule].text for rule in ciou.columns[:-1]] == ["–"] * 6
    assert full["as a mask"].seeds == 3
    for control in ("unaligned centre", "random centre", "another scene's sound"):
        assert row(ciou, f"CAVL c1-c2-c3 ({control})")["top_half"].seeds == 3


def test_dmc_takes_the_papers_row_whatever_its_ordering_is_called(writer, study_of, row):
    writer.localize("dmc", "recipe", 1, 0.6, stages=[{"curricula": [1], "updates": 5, "lr": 0.1}])
    writer.plan()
    table = localization(study_of(writer.home))
    cells = row(table, "DMC: DMC recipe")
    assert (cells["Paper AUC"].text, cells["AUC"].seeds) == ("45.2", 1)
    assert [r.label for r in table.rows if "DMC" in r.label and r.group != "Controls"] == ["DMC: DMC recipe"]


def test_missing_failed_and_stale_runs_are_marked(writer, study_of, row):
    writer.localize("cavl", "c1", 1, 0.8, code={"registry.record.run_record": "0" * 16})
    writer.localize("cavl", "c1", 2, 0.8)
    writer.run("localization", "cavl", "c1", 3, None, status="FAILED")
    for seed in (1, 2, 3):
        writer.run("localization", "cavl", "c1-c2", seed, None, write=False)
    writer.plan()
    table = localization(study_of(writer.home))
    some = row(table, "CAVL-C1: CAVL c1")["cIoU@0.5"]
    assert some.text.endswith("†")
    assert some.stale == ("code changed: registry.record.run_record",)
    assert some.standing() == "2 of 3 seeds, 40 items"
    assert row(table, "CAVL-C2: CAVL c1-c2")["cIoU@0.5"].text == "not run (0 of 3 seeds)"


def test_the_untrained_network_is_not_taken_for_the_papers_row(writer, study_of, row):
    """An ordering that is not known by name is sorted behind it."""
    writer.localize("dmc", "untrained", 1, 0.1)
    writer.localize("dmc", "recipe", 1, 0.6)
    writer.localize("attention", "untrained", 1, 0.1)
    writer.localize("full-frame", "none", 1, 0.3)
    writer.plan()
    table = localization(study_of(writer.home))
    assert row(table, "DMC: DMC recipe")["Paper cIoU@0.5"].text == "41.6"
    assert row(table, "Attention")["cIoU@0.5"].text == "not in this suite"
    controls = [r for r in table.rows if r.group == "Controls"]
    assert {"DMC untrained", "Attention untrained"} <= {r.label for r in controls}
    assert not any(cell.beaten_by for r in controls for cell in r.cells)  # a control is not to beat anything
    assert not any("untrained" in finding for finding in table.findings)


def test_a_methods_own_controls_follow_its_first_trained_ordering(writer, study_of, row):
    scores = {"threshold=0.5": {"ciou@0.5": 0.25, "auc": 0.5}}
    for method, ordering in (("l3", "untrained"), ("l3", "supervised"), ("l3", "avc"), ("l3:mel", "avc")):
        single = {"aligned": scores, "activation": {"threshold=0.5": {"ciou@0.5": 0.125, "auc": 0.25}}}
        writer.run("localization", method, ordering, 1, {"single": single, "items": {"single": 8}})
    writer.plan()
    table = localization(study_of(writer.home))
    assert row(table, "L3-Net avc (activation without the sound)")["cIoU@0.5"].text == "12.5"
    assert [r.label for r in table.rows if "activation" in r.label] == ["L3-Net avc (activation without the sound)"]
    assert row(table, "L3-Net avc, mel bins")["cIoU@0.5"].text == "25.0"
    everywhere = [r.label for r in binarisations(study_of(writer.home))[0].rows]
    assert "L3-Net avc, mel bins (activation without the sound)" in everywhere


SCORES = {"threshold=0.5": {"ciou@0.5": 0.5, "auc": 0.5}}


def _deaf(writer, **heard):
    """One seed of a method at 50 %, of the deaf rows at 60 and 20 %, and of heatmaps of the method's network."""
    heard = {name: {"threshold=0.5": {"ciou@0.5": score, "auc": score}} for name, score in heard.items()}
    points = {"multi": {"3": {"pointing": 0.7}}, "items": {"single": 8, "multi": {"3": 4}}}
    stages = [{"curricula": [1], "updates": 5, "lr": 0.1}]
    writer.run("localization", "dmc", "c1", 1, {"single": {"aligned": SCORES, **heard}, **points}, stages=stages)
    for method, score, hit in (("edge-density", 0.6, 0.1), ("spectral-residual", 0.2, 0.9)):
        single = {"aligned": {"threshold=0.5": {"ciou@0.5": score, "auc": score}}}
        result = {"single": single, "multi": {"3": {"pointing": hit}}, "items": points["items"]}
        writer.run("localization", method, "none", 1, result)
    writer.plan()


def test_what_sees_and_does_not_hear_has_its_own_group_and_what_stays_below_is_said(writer, study_of, row):
    _deaf(writer, silence=0.5, activation=0.4)
    table = localization(study_of(writer.home))
    assert [r.label for r in table.rows if r.group == "They see and do not hear"] == [
        "Edge density",
        "Spectral residual",
        "DMC c1 (silence)",
        "DMC c1 (activation without the sound)",
    ]
    dmc = row(table, "DMC: DMC c1")
    assert dmc["cIoU@0.5"].beaten_by == ("Edge density",)
    assert dmc["Pointing (3)"].beaten_by == ("Spectral residual",)
    assert row(table, "DMC c1 (silence)")["Pointing (3)"].text == "–"
    for expected in (
        "cIoU@0.5: no better than Edge density (60.0): DMC: DMC c1 (50.0; in the only finished seed).",
        "cIoU@0.5: no better than DMC c1 (silence) (50.0): DMC: DMC c1 (50.0; in the only finished seed).",
        "Pointing (3): no better than Spectral residual (90.0): DMC: DMC c1 (70.0; in the only finished seed).",
    ):
        assert expected in table.findings


def test_a_network_that_hears_is_above_the_same_given_silence(writer, study_of):
    _deaf(writer, silence=0.1)
    (said,) = (f for f in localization(study_of(writer.home)).findings if "given no sound" in f)
    assert said.startswith("cIoU@0.5, AUC: every trained row is better than itself given no sound")
