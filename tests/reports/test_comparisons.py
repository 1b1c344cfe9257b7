import csv
import statistics

import pytest

from reports.comparisons import differences, matched_pairs
from reports.tables.orderings import orderings


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


def test_a_counter_besides_equal_compute_is_said(writer, study_of):
    stage = {"curricula": [3], "updates": 60, "lr": 1e-3, "k": "labelled"}
    for name, k in (("c1-c2-c3", "labelled"), ("c1-c2-c3-counted", "counted"), ("same", "labelled")):
        writer.localize("cavl", name, 1, 0.5, stages=[stage, {**stage, "k": k}])
    writer.plan()
    study = study_of(writer.home)
    compute = {r.label: r.cells[2].text for r in orderings(study).rows}
    assert compute["CAVL c1-c2-c3-counted"] == "matched, plus a counter trained on labels"
    assert compute["CAVL same"] == "matched"
    compared = {r.label for r in differences(study).rows if r.group == "Orderings with equal compute"}
    assert compared == {
        "CAVL c1-c2-c3 above CAVL c1-c2-c3-counted (plus a counter trained on labels)",
        "CAVL c1-c2-c3 above CAVL same",
    }


def test_differences_are_those_of_the_items_in_the_files(whole_study, whole_home, row, results):
    def hits(heatmap):
        found = []
        for number, _ in results("localization", "cavl", "c1"):
            with open(whole_home / str(number) / "items.csv") as file:
                lines = [r for r in csv.DictReader(file) if (r["row"], r["rule"]) == (heatmap, "threshold=0.5")]
            found += [float(r["ciou"]) >= 0.5 for r in lines]
        return statistics.mean(found)

    found = row(differences(whole_study), "CAVL c1 above CAVL c1 (another scene's sound)")
    assert found["Difference"].estimate.mean == pytest.approx(100 * (hits("aligned") - hits("other-audio")))
    assert found["Difference"].small == "3 seeds, 40 items"
    assert found["Verdict"].text == "supported"


def test_pointing_is_compared_with_the_sound_of_an_absent_kind(whole_study, row, results):
    scores = [r["multi"]["3"] for _, r in results("localization", "cavl", "c1")]
    found = row(differences(whole_study), "CAVL c1 above CAVL c1 (sound of an absent kind)")
    expected = statistics.mean(s["pointing"] - s["pointing_other"] for s in scores)
    assert found["Difference"].estimate.mean == pytest.approx(100 * expected)
    control = row(orderings(whole_study), "CAVL c1")["Pointing, other sound (3)"]
    assert control.estimate.mean == pytest.approx(100 * statistics.mean(s["pointing_other"] for s in scores))


def test_a_single_seed_supports_nothing(writer, study_of):
    writer.whole(seeds=(1,))
    verdicts = {r.cells[2].text for r in differences(study_of(writer.home)).rows}
    assert verdicts == {"inconclusive"}


def sdr_of(home, number):
    """(row, pair, item) -> SDR of a separation run's file, without what was left out."""
    with open(home / str(number) / "items.csv") as file:
        return {(x["row"], x["pair"], x["item"]): float(x["sdr"]) for x in csv.DictReader(file) if x["sdr"]}


def test_counting_is_compared_with_the_best_constant_and_permuted_labels(whole_study, whole_home, row, results):
    table = differences(whole_study)
    who = {"true": "c1", "permuted": "untrained"}
    runs = {labels: results("counting", "cavl", ordering, labels) for labels, ordering in who.items()}
    accuracy = {k: statistics.mean(r["accuracy"]["mode"] for _, r in found) for k, found in runs.items()}
    error = {k: statistics.mean(r["mae"]["mode"] for _, r in found) for k, found in runs.items()}
    by_score = {(r.label, r.cells[0].text): r.cells[1] for r in table.rows if r.group.startswith("Counting")}

    def difference(other, score):
        return by_score[f"CAVL c1 above {other}", score].estimate.mean

    permuted = "CAVL untrained (permuted labels)"
    assert difference(permuted, "Counting accuracy") == pytest.approx(100 * (accuracy["true"] - accuracy["permuted"]))
    assert difference(permuted, "−MAE (sources)") == pytest.approx(error["permuted"] - error["true"])
    # Of 30 scenes ten have one source; always "2" is off by one source on average.
    assert difference("the best constant", "Counting accuracy") == pytest.approx(100 * (accuracy["true"] - 1 / 3))
    assert difference("the best constant", "−MAE (sources)") == pytest.approx(1.0 - error["true"])
    printed = by_score["CAVL c1 above the best constant", "−MAE (sources)"].text
    assert printed.startswith(f"{1.0 - error['true']:.3f} ± ")
    assert {r.label for r in table.rows if r.group.startswith("Counting")} >= {
        "CAVL untrained above the best constant",
        "CAVL untrained above CAVL untrained (permuted labels)",
        "CAVL c1-c2 above CAVL untrained",
    }


def test_separation_is_compared_sound_by_sound_in_decibels(whole_study, whole_home, row, results):
    table = differences(whole_study)

    def mean(wanted, other, variant="mask"):
        """Of the differences of each seed's sounds that both rows have; every seed counts the same."""
        by_seed = []
        for number, _ in results("separation", "cavl", "c1", variant):
            scores = sdr_of(whole_home, number)
            own = {k: v for k, v in scores.items() if k[0] == wanted and (other, *k[1:]) in scores}
            by_seed.append(statistics.mean(v - scores[other, *k[1:]] for k, v in own.items()))
        return statistics.mean(by_seed)

    for label, rows in {
        "CAVL c1 mask above CAVL c1 mask (shuffled)": ("located-mixture", "shuffled"),
        "CAVL c1 mask above the mixture as the estimate": ("located-mixture", "mixture"),
        "CAVL c1 mask (located with the solo) above CAVL c1 mask (shuffled, located with the solo)": (
            "located-solo",
            "shuffled-solo",
        ),
    }.items():
        found = row(table, label)
        assert found["Score"].text == "SDR (dB)"
        assert found["Difference"].estimate.mean == pytest.approx(mean(*rows))
        assert found["Verdict"].text == "supported"
    assert row(table, "CAVL c1 mask above CAVL c1 mask (shuffled)")["Difference"].small == "3 seeds, 23 items"
    labels = {r.label for r in table.rows if r.group.startswith("Separation")}
    assert {
        "CAVL c1 mask above CAVL c1 center",
        "CAVL c1 mask above CAVL c1 mask, plain loss",
        "CAVL c1 mask above CAVL untrained mask",
        "CAVL c1 mask above CAVL c1 (audio assignment as the mask)",
    } <= labels


def test_mixtures_of_different_seeds_are_no_common_items(writer, study_of, row):
    """Seeds mix pairs of their own: the interval is the paired t-interval over the seeds' means."""
    from reports.statistics import t_interval

    by_seed = []
    for seed in (1, 2, 3):
        writer.separate("cavl", "c1", seed, 3.0 + seed)
        scores = sdr_of(writer.home, seed)
        own = {k[1:]: v for k, v in scores.items() if k[0] == "located-mixture"}
        by_seed.append(statistics.mean(v - scores["shuffled", *k] for k, v in own.items()))
    writer.plan()
    found = row(differences(study_of(writer.home)), "CAVL c1 mask above CAVL c1 mask (shuffled)")["Difference"]
    assert found.estimate.half == pytest.approx(t_interval(by_seed).half)


def test_methods_without_controls_have_no_statements_on_them(writer, study_of):
    writer.separate("sound-of-pixels", "own", 1, 6.0, None, able=False)
    writer.plan()
    labels = [r.label for r in differences(study_of(writer.home)).rows]
    assert labels == ["Sound-of-Pixels above the mixture as the estimate"]
