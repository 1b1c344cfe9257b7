import statistics

import pytest

from reports.tables.avc import avc


def result(accuracy, same=(20, 0.5), other=(80, 0.25), auc=0.75):
    """Balanced accuracy, and (pairs, false positives) of the same kind and of other kinds."""
    (n_same, fp_same), (n_other, fp_other) = same, other
    total = n_same + n_other
    return {
        "accuracy": accuracy,
        "auc": auc,
        "true_positive": 0.75,
        "same_kind": {"pairs": n_same, "false_positive": fp_same},
        "other_kind": {"pairs": n_other, "false_positive": fp_other},
        "error": 1 - accuracy,
        "error_same_kind": None if fp_same is None else n_same * fp_same / total / 2,
        "items": 25,
        "chance": 0.5,
    }


def test_rows_are_l3_its_baselines_and_variations_chance_and_the_others(ablations_study):
    rows = [(r.group, r.label) for r in avc(ablations_study).rows]
    l3, controls = "L3-Net and its supervised baselines", "Trivial rows and controls"
    assert rows == [
        (l3, "L3-Net avc"),
        (l3, "L3-Net avc-matched"),
        (l3, "Supervised pre-training: L3-Net supervised-avc"),
        (l3, "Direct combination: L3-Net supervised"),
        ("Variations of L3-Net", "L3-Net avc, mel bins"),
        (controls, "Chance"),
        (controls, "Perfect judge of kinds (it cannot tell videos apart)"),
        (controls, "L3-Net untrained"),
        (controls, "L3-Net untrained, mel bins"),
        (controls, "DMC untrained"),
        (controls, "Attention untrained, other images as negatives"),
        ("Other methods and orderings", "DMC c1"),
        ("Other methods and orderings", "Attention c1, other images as negatives"),
    ]


def test_an_arm_is_held_against_its_own_untrained_network(writer, study_of):
    for method, ordering, accuracy in (
        ("l3", "avc", 0.9),
        ("l3", "untrained", 0.5),
        ("l3:mel", "avc", 0.7),
        ("l3:mel", "untrained", 0.8),
    ):
        writer.run("avc", method, ordering, 1, result(accuracy, auc=None))
    writer.plan()
    said = [text for text in avc(study_of(writer.home)).findings if "untrained" in text]
    assert said == [
        "Accuracy: no better than L3-Net untrained, mel bins (80.0): L3-Net avc, mel bins (70.0; in the only finished "
        "seed)."
    ]


def test_cells_are_those_of_the_runs(ablations_study, row, ablation_results):
    table = avc(ablations_study)
    cells = row(table, "Supervised pre-training: L3-Net supervised-avc")
    runs = ablation_results("avc", "l3", "supervised-avc")
    for column, value in {
        "Accuracy": lambda r: r["accuracy"],
        "AUC": lambda r: r["auc"],
        "True positives": lambda r: r["true_positive"],
        "False positives, other kinds": lambda r: r["other_kind"]["false_positive"],
        "False positives, same kind": lambda r: r["same_kind"]["false_positive"],
        "Same kind, of the error": lambda r: r["error_same_kind"] / (1 - r["accuracy"]),
    }.items():
        assert cells[column].estimate.mean == pytest.approx(100 * statistics.mean(value(r) for _, r in runs))
        assert cells[column].runs == tuple(number for number, _ in runs)
    assert cells["Accuracy"].standing() == "3 seeds, 40 items"
    assert "Scored on 40 test scenes." in table.caption


def test_the_share_of_true_false_positives_in_the_error_by_hand(writer, study_of, row):
    # TPR .75, FPR .3 -> accuracy .725, error .275; 10 + 20 of 100 mismatched pairs are mistaken: 10 / 100 / 2 = .05.
    writer.run("avc", "l3", "avc", 1, result(0.725))
    writer.run("avc", "l3", "avc", 2, result(0.725, same=(20, 0.0)))
    writer.plan()
    table = avc(study_of(writer.home))
    cells = row(table, "L3-Net avc")
    assert cells["Same kind, of the error"].by_seed == pytest.approx({1: 100 * 0.05 / 0.275, 2: 0})
    judge = row(table, "Perfect judge of kinds (it cannot tell videos apart)")
    assert [c.mean_text for c in judge.values()] == ["90.0", "90.0", "100.0", "0.0", "100.0", "100.0"]
    assert table.findings[-2:] == (
        "Pairs of the same kind from different videos are 20.0 % of the mismatched pairs; their share of the error, in "
        "percent: L3-Net avc 9.1.",
        "No more often mistaken than pairs of other kinds: L3-Net avc (in 1 of 2 seeds).",
    )


def test_true_false_positives_that_are_more_frequent_in_every_seed_are_said(writer, study_of):
    for seed in (1, 2, 3):
        writer.run("avc", "l3", "avc", seed, result(0.725))
    writer.plan()
    assert avc(study_of(writer.home)).findings[-1] == (
        "Every trained row mistakes them more often than pairs of other kinds in each of 3 seeds."
    )


def test_unknown_kinds_and_a_faultless_method_leave_the_question_open(writer, study_of, row):
    unknown = {"pairs": 0, "false_positive": None}
    blank = {**result(0.75), "same_kind": unknown, "other_kind": unknown, "error_same_kind": None}
    writer.run("avc", "l3", "avc", 1, blank)
    writer.run("avc", "dmc", "c1", 1, {**result(1.0), "error_same_kind": 0.0})
    writer.plan()
    table = avc(study_of(writer.home))
    assert row(table, "L3-Net avc")["False positives, same kind"].text == "n/a"
    assert row(table, "DMC c1")["Same kind, of the error"].text == "n/a"
    assert row(table, "Perfect judge of kinds (it cannot tell videos apart)")["Accuracy"].text == "n/a"
    assert not any("same kind" in finding for finding in table.findings)


def test_what_is_at_chance_or_no_better_than_untrained_is_said_seed_by_seed(writer, study_of, row):
    for seed in (1, 2):
        writer.run("avc", "l3", "untrained", seed, result(0.51, auc=0.5))
        writer.run("avc", "l3", "avc", seed, result(0.75))
        writer.run("avc", "l3:mel", "avc", seed, result(0.505))  # no untrained network of its own
        writer.run("avc", "dmc", "untrained", seed, result(0.6))
        writer.run("avc", "dmc", "c1", seed, result(0.55 if seed == 1 else 0.65))
        writer.run("avc", "attention", "c1", seed, result(0.5, auc=0.5))
    writer.plan()
    table = avc(study_of(writer.home))
    assert table.findings[:4] == (
        "Accuracy: no better than Chance (50.0): Attention c1 (50.0; in each of 2 seeds).",
        "AUC: no better than Chance (50.0): Attention c1 (50.0; in each of 2 seeds).",
        "Accuracy: no better than DMC untrained (60.0): DMC c1 (60.0; in 1 of 2 seeds).",
        "AUC: no better than DMC untrained (75.0): DMC c1 (75.0; in each of 2 seeds).",
    )
    assert row(table, "Attention c1")["Accuracy"].beaten_by == ("Chance",)
    assert row(table, "L3-Net untrained")["Accuracy"].beaten_by == ()


def test_one_seed_is_no_claim_of_support_and_gaps_are_named(writer, study_of, row):
    writer.run("avc", "l3", "avc", 1, result(0.75))
    writer.run("avc", "l3", "untrained", 1, result(0.5))
    writer.run("avc", "l3", "supervised", 1, None, write=False)
    writer.plan()
    table = avc(study_of(writer.home))
    rest = "in the only finished seed; a single seed supports nothing."
    assert table.findings == (
        f"Accuracy, AUC: every trained row is better than chance {rest}",
        "AUC: no better than L3-Net untrained (75.0): L3-Net avc (75.0; in the only finished seed).",
        f"Accuracy: every trained row is better than its own network untrained, where finished, {rest}",
        "Pairs of the same kind from different videos are 20.0 % of the mismatched pairs; their share of the error, in "
        "percent: L3-Net avc 20.0.",
        f"Every trained row mistakes them more often than pairs of other kinds {rest}",
        "Not every seed is finished: Direct combination: L3-Net supervised (0 of 1).",
    )
    assert row(table, "Direct combination: L3-Net supervised")["Accuracy"].text == "not run (0 of 1 seed)"


def test_nothing_run_yet_gives_the_rows_without_findings(writer, study_of, row):
    writer.run("avc", "l3", "avc", 1, None, write=False)
    writer.plan()
    table = avc(study_of(writer.home))
    assert table.findings == ("Not every seed is finished: L3-Net avc (0 of 1).",)
    assert row(table, "Chance")["Accuracy"].text == "not run (0 of 1 seed)"


def test_rows_of_other_test_clips_are_named_and_said_to_be_so(writer, study_of):
    writer.run("avc", "l3", "avc", 1, result(0.75))
    writer.plan()
    alone = avc(study_of(writer.home))
    writer.run("avc", "l3:kinetics-sounds", "supervised", 1, result(0.75))
    writer.plan()
    both = avc(study_of(writer.home))
    assert "Direct combination: L3-Net supervised, trained on Kinetics-Sounds" in [row.label for row in both.rows]
    assert "are tested on its test clips" in both.caption
    assert "Kinetics-Sounds" not in alone.caption
