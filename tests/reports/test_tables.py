import csv
import json
import re
import statistics

import pytest

from reports.comparisons import differences, matched_pairs
from reports.tables import all_tables, binarisations, classification, localization, orderings


def row(table, label):
    (found,) = (r for r in table.rows if r.label == label)
    return dict(zip(table.columns, found.cells, strict=True))


def results(home, task, method, ordering, probe=None):
    """The results of all finished runs, read without the package under test."""
    found = []
    for folder in home.iterdir():
        if folder.name.isdigit():
            config = json.loads((folder / "config.json").read_text())
            if (config["task"], config["method"], config["ordering"]) == (task, method, ordering) and (
                probe in (None, config["evaluation"].get("probe"))
            ):
                found.append((int(folder.name), json.loads((folder / "run.json").read_text())["result"]))
    return sorted(found)


def test_table_3_has_the_papers_rows_first_with_its_numbers_beside_ours(whole_study, whole_home):
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
    runs = results(whole_home, "localization", "cavl", "c1-c2")
    scores = [100 * r["single"]["aligned"]["threshold=0.5"]["ciou@0.5"] for _, r in runs]
    assert ours["cIoU@0.5"].estimate.mean == pytest.approx(statistics.mean(scores))
    assert ours["cIoU@0.5"].runs == tuple(number for number, _ in runs)
    assert ours["cIoU@0.5"].small == "3 seeds, 40 items"
    assert ours["cIoU@0.5"].published.value == 46.0


def test_table_3_unrelated_is_the_unaligned_centre_and_random_the_random_box(whole_study, whole_home):
    table = localization(whole_study)
    runs = results(whole_home, "localization", "cavl", "c1")
    unaligned = statistics.mean(100 * r["single"]["unaligned"]["threshold=0.5"]["auc"] for _, r in runs)
    assert row(table, "CAVL-C1 (unrelated): CAVL c1 (unaligned centre)")["AUC"].estimate.mean == pytest.approx(
        unaligned
    )
    runs = results(whole_home, "localization", "random-box", "none")
    box = statistics.mean(100 * r["single"]["mask"]["mask"]["auc"] for _, r in runs)
    assert row(table, "Random: Random box")["AUC"].estimate.mean == pytest.approx(box)


def test_table_3_has_trivial_rows_controls_and_every_ordering(whole_study):
    labels = [r.label for r in localization(whole_study).rows]
    assert {"Full frame", "Centred square", "Mean training map"} <= set(labels)
    assert {"CAVL c1 (random centre)", "CAVL c1 (another scene's sound)", "CAVL untrained"} <= set(labels)
    assert {"CAVL c0", "CAVL mixed", "CAVL c1-c2-c3", "CAVL c3-matched", "CAVL c1-c2scene"} <= set(labels)
    assert len(labels) == len(set(labels))
    assert row(localization(whole_study), "Attention")["cIoU@0.5"].text == "not in this suite"


def test_table_3b_shows_every_rule_and_never_binarises_masks(whole_study):
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


def test_table_1(whole_study, whole_home):
    table = classification(whole_study)
    assert table.columns[:4] == ("Paper ESC-50", "miniature accuracy", "ESC-10 accuracy", "ESC-10 fold 1")
    assert [r.cells[0].text for r in table.rows[:3]] == ["51.25", "56.75", "47.25"]
    scene = row(table, "C2 + Scene-level alignment: CAVL c1-c2scene")
    runs = [r for _, r in results(whole_home, "classification", "cavl", "c1-c2scene", "esc10")]
    assert scene["ESC-10 accuracy"].estimate.mean == pytest.approx(100 * statistics.mean(r["accuracy"] for r in runs))
    assert scene["ESC-10 fold 4"].estimate.mean == pytest.approx(100 * statistics.mean(r["folds"][3] for r in runs))
    assert scene["ESC-50 accuracy"].text == "not run"
    assert "needs all five (--esc50 DIR)" in table.caption
    assert "ESC-10 was not run" not in table.caption
    assert row(table, "Chance")["ESC-10 accuracy"].text == "10.0 ± 0.0"
    assert row(table, "Spectrogram statistics")["miniature accuracy"].seeds == 3


def test_permuted_labels_are_averaged_over_all_features(whole_study, whole_home):
    cell = row(classification(whole_study), "Permuted labels (all rows' features)")["ESC-10 fold 2"]
    orderings_ = {n.ordering for n in whole_study.select("classification", "cavl")}
    runs = [r for o in orderings_ for _, r in results(whole_home, "classification", "cavl", o, "esc10")]
    runs += [r for _, r in results(whole_home, "classification", "spectrogram-statistics", "none", "esc10")]
    assert cell.estimate.mean == pytest.approx(100 * statistics.mean(r["permuted_folds"][1] for r in runs))
    assert (cell.seeds, len(cell.runs)) == (3, len(runs))


def test_no_accuracy_over_missing_folds_but_the_reason(writer, study_of):
    coverage = "731 of 2000 (missing 1269, damaged 0)"
    result = {
        "accuracy": None,
        "folds": [None, None, None, 0.5, None],
        "chance": 0.02,
        "items": 731,
        "coverage": coverage,
    }
    writer.run("classification", "cavl", "c1", 1, result, probe="esc50")
    writer.plan()
    table = classification(study_of(writer.home))
    cells = row(table, "C1: CAVL c1")
    assert cells["ESC-50 accuracy"].text == f"not scored: data {coverage}"
    assert cells["ESC-50 fold 4"].text == "50.0"
    assert cells["ESC-50 fold 1"].text == "n/a"
    assert coverage in cells["ESC-50 fold 4"].small
    assert "ESC-10 was not run" in table.caption
    assert "ESC-50 was not run" not in table.caption


def test_orderings_say_what_was_trained_and_what_may_be_compared(whole_study):
    table = orderings(whole_study)
    columns = ("Stages", "Updates", "Compute vs c1-c2-c3")
    said = {r.label: tuple(dict(zip(table.columns, r.cells, strict=True))[c].text for c in columns) for r in table.rows}
    assert said["CAVL c1-c2-c3"] == ("C1 60 at 0.001; C2 20 at 0.0001; C3 20 at 0.0001", "100", "the reference")
    assert said["CAVL c3-matched"][1:] == ("100", "matched")
    assert said["CAVL c3"] == ("C3 60 at 0.001", "60", "unmatched")
    assert said["CAVL mixed"][0] == "C1+C2+C3 60 at 0.001"
    assert said["CAVL c1-c2scene"][0] == "C1 60 at 0.001; C2 (scene) 20 at 0.0001"
    assert said["CAVL untrained"] == ("initial weights", "0", "untrained")
    assert not any("Full frame" in label for label in said)


def test_orderings_take_pair_accuracy_from_their_last_stage(whole_study, whole_home):
    cell = row(orderings(whole_study), "CAVL c1-c2-c3")["Pair accuracy"]
    runs = [r for _, r in results(whole_home, "pretrain", "cavl", "c1-c2-c3")]
    assert cell.estimate.mean == pytest.approx(100 * statistics.mean(r["pair_accuracy"] for r in runs))
    assert row(orderings(whole_study), "CAVL untrained")["Pair accuracy"].text == "n/a"


def test_only_orderings_of_equal_compute_are_compared(whole_study):
    assert matched_pairs(whole_study) == [
        ("cavl", "c1", "c0"),
        ("cavl", "c1", "c3"),
        ("cavl", "c1", "mixed"),
        ("cavl", "c1-c2", "c1-c2scene"),
        ("cavl", "c1-c2-c3", "c3-matched"),
    ]
    compared = {r.label for r in differences(whole_study).rows if r.group == "Orderings with equal compute"}
    assert "CAVL c1-c2-c3 above CAVL c3-matched" in compared
    assert not any("c1-c2-c3" in label and "mixed" in label for label in compared)


def test_a_shorter_or_slower_ordering_is_unmatched(writer, study_of):
    stage = {"curricula": [3], "updates": 60, "lr": 1e-3}
    for name, stages in {
        "c1-c2-c3": [stage, stage],
        "same": [stage, {**stage, "curricula": [1, 2]}],
        "one-more-update": [stage, {**stage, "updates": 61}],
        "other-lr": [stage, {**stage, "lr": 1e-4}],
        "decayed": [stage, {**stage, "decay": 0.5}],
    }.items():
        writer.localize("cavl", name, 1, 0.5, stages=stages)
    writer.plan()
    study = study_of(writer.home)
    assert matched_pairs(study) == [("cavl", "c1-c2-c3", "same")]
    compute = {r.label: r.cells[2].text for r in orderings(study).rows}
    assert compute["CAVL same"] == "matched"
    assert {compute[f"CAVL {name}"] for name in ("one-more-update", "other-lr", "decayed")} == {"unmatched"}


def test_differences_are_those_of_the_items_in_the_files(whole_study, whole_home):
    def hits(heatmap):
        found = []
        for number, _ in results(whole_home, "localization", "cavl", "c1"):
            with open(whole_home / str(number) / "items.csv") as file:
                lines = [r for r in csv.DictReader(file) if (r["row"], r["rule"]) == (heatmap, "threshold=0.5")]
            found += [float(r["ciou"]) >= 0.5 for r in lines]
        return statistics.mean(found)

    found = row(differences(whole_study), "CAVL c1 above CAVL c1 (another scene's sound)")
    assert found["Difference"].estimate.mean == pytest.approx(100 * (hits("aligned") - hits("other-audio")))
    assert found["Difference"].small == "3 seeds, 40 items"
    assert found["Verdict"].text == "supported"


def test_pointing_is_compared_with_the_sound_of_an_absent_kind(whole_study, whole_home):
    scores = [r["multi"]["3"] for _, r in results(whole_home, "localization", "cavl", "c1")]
    found = row(differences(whole_study), "CAVL c1 above CAVL c1 (sound of an absent kind)")
    expected = statistics.mean(s["pointing"] - s["pointing_other"] for s in scores)
    assert found["Difference"].estimate.mean == pytest.approx(100 * expected)
    control = row(orderings(whole_study), "CAVL c1")["Pointing, other sound (3)"]
    assert control.estimate.mean == pytest.approx(100 * statistics.mean(s["pointing_other"] for s in scores))


def test_a_single_seed_supports_nothing(writer, study_of):
    writer.whole(seeds=(1,))
    verdicts = {r.cells[2].text for r in differences(study_of(writer.home)).rows}
    assert verdicts == {"inconclusive"}


def test_a_third_partys_method_and_ordering_appear_by_themselves(writer, study_of):
    stages = [{"curricula": [2], "updates": 7, "lr": 0.5}]
    for seed in (1, 2):
        key = writer.run("pretrain", "sonar_x", "own", seed, {"pair_accuracy": 0.75}, stages=stages)
        writer.localize("sonar_x", "own", seed, 0.9, stages=stages, parents=[key])
        writer.classify("sonar_x", "own", seed, "miniature", 0.9, stages=stages, parents=[key])
        writer.localize("cavl", "my-ordering", seed, 0.6, stages=stages)
    writer.plan()
    tables = {t.name: t for t in all_tables(study_of(writer.home))}
    assert row(tables["table3"], "sonar_x")["cIoU@0.5"].seeds == 2
    assert row(tables["table3"], "CAVL my-ordering")["cIoU@0.5"].seeds == 2
    assert row(tables["table3b_auc"], "sonar_x")["top_half"].seeds == 2
    assert row(tables["table1"], "sonar_x")["miniature accuracy"].seeds == 2
    own = row(tables["orderings"], "sonar_x")
    assert (own["Stages"].text, own["Pair accuracy"].text) == ("C2 7 at 0.5", "75.0 ± 0.0")
    assert any(r.label.startswith("sonar_x above sonar_x (unaligned") for r in tables["differences"].rows)


def test_dmc_takes_the_papers_row_whatever_its_ordering_is_called(writer, study_of):
    writer.localize("dmc", "recipe", 1, 0.6, stages=[{"curricula": [1], "updates": 5, "lr": 0.1}])
    writer.plan()
    table = localization(study_of(writer.home))
    cells = row(table, "DMC: DMC recipe")
    assert (cells["Paper AUC"].text, cells["AUC"].seeds) == ("45.2", 1)
    assert sum("DMC" in r.label for r in table.rows) == 1


def test_missing_failed_and_stale_runs_are_marked(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8, code={"registry.record": "0" * 16})
    writer.localize("cavl", "c1", 2, 0.8)
    writer.run("localization", "cavl", "c1", 3, None, status="FAILED")
    for seed in (1, 2, 3):
        writer.run("localization", "cavl", "c1-c2", seed, None, write=False)
    writer.plan()
    table = localization(study_of(writer.home))
    some = row(table, "CAVL-C1: CAVL c1")["cIoU@0.5"]
    assert some.text.endswith("†")
    assert some.stale == ("code changed: registry.record",)
    assert some.small == "2 of 3 seeds, 40 items"
    assert row(table, "CAVL-C2: CAVL c1-c2")["cIoU@0.5"].text == "not run (0 of 3 seeds)"


def test_methods_without_several_heatmaps_are_not_asked_to_point(writer, study_of):
    for seed in (1, 2):
        writer.run(
            "localization", "flat", "own", seed, {"single": {}, "items": {"single": 5}}, stages=[], parents=["p"]
        )
    writer.plan()
    cells = row(orderings(study_of(writer.home)), "flat")
    assert {cells[c].text for c in ("Pointing (3)", "IoU (2)", "cIoU@0.5 (1)")} == {"n/a"}
    assert differences(study_of(writer.home)).rows == ()


def test_an_empty_plan_gives_no_table(writer, study_of):
    writer.plan()
    assert all_tables(study_of(writer.home)) == []


def test_every_row_has_a_cell_for_every_column_and_captions_tell_the_scenes(whole_study):
    for table in all_tables(whole_study):
        assert all(len(r.cells) == len(table.columns) for r in table.rows)
        if table.name != "differences":
            assert re.search(r"Scored on \d+ (test scenes|clips)", table.caption)
    for name in ("table1", "table3"):
        (table,) = (t for t in all_tables(whole_study) if t.name == name)
        assert "The paper's numbers are from other data" in table.caption


def test_an_intermediate_checkpoint_stands_beside_its_ordering(writer, study_of):
    for name in ("c1-c2", "c3", "zigzag", "untrained", "c3@20"):
        writer.localize("cavl", name, 1, 0.5)
    writer.plan()
    labels = [r.label for r in orderings(study_of(writer.home)).rows]
    assert labels == ["CAVL c3", "CAVL c3@20", "CAVL c1-c2", "CAVL untrained", "CAVL zigzag"]
