import statistics

import pytest

from reports.tables.counting import counting


def test_the_papers_rows_come_first_with_its_numbers_beside_ours(whole_study, row, results):
    table = counting(whole_study)
    assert table.columns[:4] == ("Paper accuracy", "Paper MAE", "Accuracy (mode)", "MAE (mode)")
    printed = [(r.label, r.cells[0].text, r.cells[1].text) for r in table.rows[:5]]
    assert printed == [
        ("Random: uniform from 1 to 5", "20.2", "1.624"),
        ("w/o Pre-train: CAVL untrained", "45.2", "0.742"),
        ("CAVL-C0: CAVL c0", "47.0", "0.701"),
        ("CAVL-C1: CAVL c1", "49.6", "0.616"),
        ("CAVL-C2: CAVL c1-c2", "50.9", "0.614"),
    ]
    ours, runs = row(table, "CAVL-C2: CAVL c1-c2"), results("counting", "cavl", "c1-c2")
    assert ours["MAE (mode)"].published.value == 0.614
    assert ours["Accuracy (mode)"].runs == tuple(number for number, _ in runs)
    for column, score, rule, scale in (
        ("Accuracy (mode)", "accuracy", "mode", 100),
        ("Accuracy (rounded)", "accuracy", "rounded", 100),
        ("MAE (mode)", "mae", "mode", 1),
        ("MAE (rounded)", "mae", "rounded", 1),
        ("MAE (λ)", "mae", "rate", 1),
    ):
        mean = scale * statistics.mean(r[score][rule] for _, r in runs)
        assert ours[column].estimate.mean == pytest.approx(mean)
        assert ours[column].standing() == "3 seeds, 30 items"


def test_what_does_not_listen_stands_beside_under_every_rule(whole_study, row):
    # Ten, eight, six, four and two scenes of 1 to 5 sources.
    table = counting(whole_study)
    expected = {
        "Random: uniform from 1 to 5": ("20.0", "1.600"),  # (10 * 10 + 8 * 7 + 6 * 6 + 4 * 7 + 2 * 10) / 5 / 30
        "Always 1": ("33.3", "1.333"),  # (8 + 12 + 12 + 8) / 30
        "Always 2": ("26.7", "1.000"),  # (10 + 6 + 8 + 6) / 30
        "Majority of the training set": ("33.3", "1.333"),
        "Median of the training set": ("26.7", "1.000"),
    }
    for label, (accuracy, mae) in expected.items():
        cells = row(table, label)
        assert {cells[c].mean_text for c in cells if c.startswith("Accuracy")} == {accuracy}
        assert {cells[c].mean_text for c in ("MAE (mode)", "MAE (rounded)")} == {mae}
        assert cells["MAE (λ)"].text == ("–" if "Random" in label else f"{mae} ± 0.000")


def test_permuted_labels_are_a_row_of_their_own(whole_study, row, results):
    cell = row(counting(whole_study), "CAVL untrained (permuted labels)")["Accuracy (mode)"]
    runs = results("counting", "cavl", "untrained", "permuted")
    assert cell.runs == tuple(number for number, _ in runs)
    assert cell.estimate.mean == pytest.approx(100 * statistics.mean(r["accuracy"]["mode"] for _, r in runs))
    trained = row(counting(whole_study), "w/o Pre-train: CAVL untrained")["Accuracy (mode)"]
    assert not set(trained.runs) & set(cell.runs)


def test_a_network_that_a_constant_beats_is_seen(writer, study_of, row):
    for seed in (1, 2, 3):
        writer.count("cavl", "untrained", seed, 0.0)
        writer.count("cavl", "c1", seed, 1.0)
    writer.plan()
    table = counting(study_of(writer.home))
    beaten, good = (row(table, label) for label in ("w/o Pre-train: CAVL untrained", "CAVL-C1: CAVL c1"))
    assert "Always 2" in beaten["MAE (mode)"].beaten_by
    assert beaten["MAE (mode)"].text.endswith("‡")
    maes = [p.value for p in beaten["MAE (mode)"].parts]
    assert sum(mae >= 1.0 for mae in maes) == 2
    assert not any(cell.beaten_by for cell in good.values())
    own = beaten["MAE (mode)"].mean_text
    (said,) = (f for f in table.findings if f.startswith("MAE (mode): no better than Always 2 (1.000): "))
    assert said.partition("1.000): ")[2] == f"w/o Pre-train: CAVL untrained ({own}; in 2 of 3 seeds)."


def test_what_is_no_better_than_permuted_labels_is_said_seed_by_seed(writer, study_of):
    for seed in (1, 2, 3):
        writer.count("cavl", "untrained", seed, 0.0, "permuted")
        writer.count("cavl", "c0", seed, -1.0 if seed == 1 else 0.9)  # once worse than no listening
        writer.count("cavl", "c1", seed, 1.0)
    writer.plan()
    (said,) = (f for f in counting(study_of(writer.home)).findings if f.startswith("MAE (λ): no better than CAVL unt"))
    assert "CAVL-C0: CAVL c0" in said
    assert said.endswith("; in 1 of 3 seeds).")
    assert "c1" not in said


def test_with_all_better_than_permuted_labels_that_is_said(writer, study_of):
    for seed in (1, 2):
        writer.count("cavl", "untrained", seed, 0.0, "permuted")
        writer.count("cavl", "c1", seed, 1.0)
    writer.plan()
    assert (
        "Accuracy (mode), MAE (mode), Accuracy (rounded), MAE (rounded), MAE (λ): every trained row is better than the "
        "one trained on permuted labels in each of 2 seeds."
    ) in counting(study_of(writer.home)).findings


def test_the_caption_says_what_departs_from_the_paper_and_what_was_left_out(writer, study_of):
    evaluation = {"updates": 40, "lr": 0.01, "decay": 0.5}
    writer.count("cavl", "c1", 1, 0.8, evaluation={"labels": "true", **evaluation})
    writer.plan()
    caption = counting(study_of(writer.home)).caption
    assert "Trained by SGD with momentum for 40 updates" in caption
    assert "0.01 / (1 + 0.5 · epoch), as in the paper." in caption
    writer.count("cavl", "c0", 1, 0.8)
    writer.plan()
    caption = counting(study_of(writer.home)).caption
    assert "Trained by SGD with momentum for 20 or 40 updates" in caption
    assert "0.01 / (1 + 0.5 or 9 · epoch), in the paper by SGD with momentum at 0.01 / (1 + 0.5 · epoch)." in caption
    assert "left out: 3 of the test set, 7 of the training set." in caption


def test_gaps_and_further_networks_are_said(writer, study_of, row):
    writer.count("cavl", "c1", 1, 0.8)
    writer.run("counting", "cavl", "c1", 2, None, variant="true", write=False)
    writer.run("counting", "cavl", "c0", 1, None, variant="true", status="FAILED")
    writer.count("sonar_x", "own", 1, 0.8)
    writer.count("cavl", "c1-c2-c3", 1, 0.8)
    writer.plan()
    table = counting(study_of(writer.home))
    assert row(table, "CAVL-C1: CAVL c1")["MAE (λ)"].standing() == "1 of 2 seeds, 30 items"
    assert row(table, "CAVL-C0: CAVL c0")["MAE (λ)"].text == "failed (0 of 1 seed)"
    assert row(table, "CAVL-C2: CAVL c1-c2")["MAE (λ)"].text == "not planned"
    others = [r.label for r in table.rows if r.group == "Other methods and orderings"]
    assert others == ["CAVL c1-c2-c3", "sonar_x"]
    assert row(table, "Always 1")["Accuracy (mode)"].mean_text == "33.3"
    assert table.findings[-1] == "Not every seed is finished: CAVL-C0: CAVL c0 (0 of 1); CAVL-C1: CAVL c1 (1 of 2)."


def test_older_runs_do_not_say_what_was_left_out_of_training(writer, study_of):
    writer.run("counting", "cavl", "c1", 1, {"excluded": 4}, variant="true")
    writer.plan()
    assert "are left out: 4 of the test set." in counting(study_of(writer.home)).caption


def test_nothing_run_yet_gives_the_rows_without_findings(writer, study_of):
    writer.run("counting", "cavl", "c1", 1, None, variant="true", write=False)
    writer.plan()
    table = counting(study_of(writer.home))
    assert table.findings == ("Not every seed is finished: CAVL-C1: CAVL c1 (0 of 1).",)
    assert {c.text for r in table.rows if r.label == "Always 1" for c in r.cells} == {"–", "not run (0 of 1 seed)"}
