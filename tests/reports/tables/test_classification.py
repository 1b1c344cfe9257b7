import json
import statistics

import pytest

from reports.tables.classification import classification


def test_table_1(whole_study, row, results):
    table = classification(whole_study)
    assert table.columns[:4] == ("Paper ESC-50", "miniature accuracy", "ESC-10 accuracy", "ESC-10 fold 1")
    assert [r.cells[0].text for r in table.rows[:3]] == ["51.25", "56.75", "47.25"]
    scene = row(table, "C2 + Scene-level alignment: CAVL c1-c2scene")
    runs = [r for _, r in results("classification", "cavl", "c1-c2scene", "esc10")]
    assert scene["ESC-10 accuracy"].estimate.mean == pytest.approx(100 * statistics.mean(r["accuracy"] for r in runs))
    assert scene["ESC-10 fold 4"].estimate.mean == pytest.approx(100 * statistics.mean(r["folds"][3] for r in runs))
    assert scene["ESC-50 accuracy"].text == "not run"
    assert "needs all five folds of its recordings, prepared or in --esc50 DIR" in table.caption
    assert "ESC-10 was not run" not in table.caption
    assert row(table, "Chance")["ESC-10 accuracy"].text == "10.0 ± 0.0"
    assert row(table, "Spectrogram statistics")["miniature accuracy"].seeds == 3


def test_permuted_labels_are_averaged_over_all_features(whole_study, row, results):
    cell = row(classification(whole_study), "Permuted labels (all rows' features)")["ESC-10 fold 2"]
    orderings_ = {n.ordering for n in whole_study.select("classification", "cavl")}
    runs = [r for o in orderings_ for _, r in results("classification", "cavl", o, "esc10")]
    runs += [r for _, r in results("classification", "spectrogram-statistics", "none", "esc10")]
    assert cell.estimate.mean == pytest.approx(100 * statistics.mean(r["permuted_folds"][1] for r in runs))
    assert (cell.seeds, len(cell.runs)) == (3, len(runs))


def test_no_accuracy_over_missing_folds_but_the_reason(writer, study_of, row):
    coverage = "731 of 2000 (missing 1269, damaged 0)"
    result = {
        "accuracy": None,
        "folds": [None, None, None, 0.5, None],
        "chance": 0.02,
        "items": 731,
        "coverage": coverage,
    }
    writer.run("classification", "cavl", "c1", 1, result, variant="esc50")
    writer.plan()
    table = classification(study_of(writer.home))
    cells = row(table, "C1: CAVL c1")
    assert cells["ESC-50 accuracy"].text == f"not scored: data {coverage}"
    assert cells["ESC-50 fold 4"].text == "50.0"
    assert cells["ESC-50 fold 1"].text == "n/a"
    assert coverage in cells["ESC-50 fold 4"].small
    assert "ESC-10 was not run" in table.caption
    assert "ESC-50 was not run" not in table.caption


def test_a_probe_that_is_at_chance_is_said(writer, study_of):
    for seed in (1, 2):
        writer.classify("cavl", "c1", seed, "miniature", 1.0)
        writer.classify("cavl", "c0", seed, "miniature", 0.0 if seed == 2 else 0.9)
        writer.classify("cavl", "c1", seed, "esc10", 1.0)
    writer.run("classification", "cavl", "c1", 3, None, variant="miniature", write=False)
    writer.plan()
    table = classification(study_of(writer.home))
    (beaten,) = (r for r in table.rows if r.label == "CAVL c0")
    mean = beaten.cells[1].mean_text
    assert table.findings == (
        f"miniature accuracy: no better than Chance (10.0): CAVL c0 ({mean}; in 1 of 2 seeds).",
        "ESC-10 accuracy: every trained row is better than chance and, where finished, the spectrogram's statistics in "
        "each of 2 seeds.",
        "Not every seed is finished: C1: CAVL c1 (2 of 3).",
    )
    assert beaten.cells[1].text.endswith("‡")


def test_every_untrained_network_is_a_control(ablations_study):
    table = classification(ablations_study)
    controls = [r.label for r in table.rows if r.group == "Trivial rows and controls"]
    assert controls[:2] == ["Chance", "Spectrogram statistics"]
    assert {"L3-Net untrained", "DMC untrained", "AVTS untrained"} <= set(controls)
    others = [r.label for r in table.rows if r.group == "Other methods and orderings"]
    assert "AVTS curriculum, MC2" in others
    assert not any("untrained" in name for name in others)
    assert {"L3-Net untrained, mel bins", "AVTS untrained, MC2"} <= set(controls)
    assert not any("supervised" in name and "AVTS" in name for name in [*others, *controls])


def test_spectrogram_statistics_and_the_own_untrained_network_are_floors(writer, study_of):
    given = {
        ("cavl", "c1"): (0.9, 0.7),
        ("cavl", "untrained"): (0.6, 0.8),
        ("l3:mel", "avc"): (0.5, 0.5),
        ("l3:mel", "untrained"): (0.4, 0.4),
        ("l3", "untrained"): (0.95, 0.95),
        ("dmc", "c1"): (0.8, 0.8),
        ("spectrogram-statistics", "none"): (0.55, 0.55),
    }
    for (method, ordering), scores in given.items():
        for seed, accuracy in enumerate(scores, 1):
            result = {"accuracy": accuracy, "chance": 0.1}
            writer.run("classification", method, ordering, seed, result, variant="miniature")
    writer.plan()
    table = classification(study_of(writer.home))
    assert table.findings == (
        "miniature accuracy: no better than Spectrogram statistics (55.0): L3-Net avc, mel bins (50.0; in each of 2 "
        "seeds).",
        "miniature accuracy: no better than CAVL untrained (70.0): C1: CAVL c1 (80.0; in 1 of 2 seeds).",
    )
    marked = {row.label: row.cells[1].beaten_by for row in table.rows if row.cells[1].beaten_by}
    assert marked == {"L3-Net avc, mel bins": ("Spectrogram statistics",)}


def test_composite_scenes_hold_recordings_of_esc50_so_its_folds_have_no_column(writer, study_of, row):
    writer.classify("cavl", "c1", 1, "composite", 0.9)
    writer.plan()
    for path in writer.home.glob("*/config.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "data": {"source": "composite"}}))
    table = classification(study_of(writer.home))
    assert table.columns == ("Paper ESC-50", "composite accuracy")
    assert "ESC-10" not in table.caption
    assert "ours are from composite scenes" in table.caption
    assert "official folds" not in table.caption
