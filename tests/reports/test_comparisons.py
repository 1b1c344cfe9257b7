import csv
import re
import statistics

import pytest

from reports.comparisons import METHODS, differences, matched_pairs
from reports.tables.orderings import orderings
from tests.reports.conftest import TRIED


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
        "cosine": [stage, {**stage, "schedule": "cosine"}],
    }.items():
        writer.localize("cavl", name, 1, 0.5, stages=stages)
    writer.plan()
    study = study_of(writer.home)
    assert matched_pairs(study) == [("cavl", "c1-c2-c3", "same")]
    compute = {r.label: r.cells[2].text for r in orderings(study).rows}
    assert compute["CAVL same"] == "matched"
    assert {compute[f"CAVL {name}"] for name in ("one-more-update", "other-lr", "decayed", "cosine")} == {"unmatched"}


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
                lines = [r for r in csv.DictReader(file) if r["condition"] == f"row={heatmap}, rule=threshold=0.5"]
            found += [float(r["value"]) >= 0.5 for r in lines]
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
        lines = [x for x in csv.DictReader(file) if x["metric"] == "sdr" and not x["excluded"]]
    found = [(*re.match("row=(.*); pair=(.*), kind=", x["condition"]).groups(), x["item"], x["value"]) for x in lines]
    return {(row, pair, item): float(value) for row, pair, item, value in found}


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


def test_correspondence_and_synchronisation_are_compared_scene_by_scene(ablations_study, row, ablation_results):
    table = differences(ablations_study)

    def mean(task, method, ordering, value):
        return statistics.mean(value(r) for _, r in ablation_results(task, method, ordering))

    own, untrained = (mean("avc", "l3", o, lambda r: r["accuracy"]) for o in ("avc", "untrained"))
    found = {(r.label, r.cells[0].text): r.cells[1:] for r in table.rows}
    above_chance = found["L3-Net avc above chance", "AVC accuracy"]
    assert above_chance[0].estimate.mean == pytest.approx(100 * (own - 0.5))
    assert (above_chance[0].small, above_chance[1].text) == ("3 seeds, 40 items", "supported")
    above_untrained = found["L3-Net avc above L3-Net untrained", "AVC accuracy"][0]
    assert above_untrained.estimate.mean == pytest.approx(100 * (own - untrained))
    for which, name in (("mixed", "75/25"), ("easy", "easy"), ("hard", "hard")):
        level = mean("avts", "avts", "curriculum", lambda r, which=which: r["sets"][which]["accuracy"])
        cell = found["AVTS curriculum above chance", f"AVTS accuracy ({name})"][0]
        assert cell.estimate.mean == pytest.approx(100 * (level - 0.5))
        below = mean("avts", "avts", "untrained", lambda r, which=which: r["sets"][which]["accuracy"])
        cell = found["AVTS curriculum above AVTS untrained", f"AVTS accuracy ({name})"][0]
        assert cell.estimate.mean == pytest.approx(100 * (level - below))


def test_arms_are_compared_with_their_own_untrained_network(ablations_study):
    found = {(r.label, r.cells[0].text) for r in differences(ablations_study).rows}
    for first, own, score in (
        ("L3-Net avc, mel bins", "L3-Net untrained, mel bins", "AVC accuracy"),
        ("L3-Net avc, mel bins", "L3-Net untrained, mel bins", "Probe accuracy (miniature)"),
        ("AVTS curriculum, MC2", "AVTS untrained, MC2", "AVTS accuracy (hard)"),
        ("Attention c1, other images as negatives", "Attention untrained, other images as negatives", "cIoU@0.5"),
    ):
        assert (f"{first} above {own}", score) in found
        assert not any(label == f"{first} above {own.partition(',')[0]}" for label, _ in found)


def chosen(home, number, which):
    """The share of the moments of a run's file whose own sound scores above the wrong one."""
    with open(home / str(number) / "items.csv") as file:
        scores = {
            (x["item"], x["condition"].partition(";")[0]): x["value"]
            for x in csv.DictReader(file)
            if x["metric"] == "score"
        }
    own, wrong = (
        {item: float(value) for (item, condition), value in scores.items() if condition == f"set={which}, matched={n}"}
        for n in (1, 0)
    )
    return statistics.mean(own[item] > wrong[item] for item in own)


def test_hard_negatives_are_told_from_shuffled_frames_without_a_threshold(
    ablations_study, ablations_home, ablation_results, row
):
    found = row(differences(ablations_study), "AVTS curriculum above AVTS curriculum (frames of random moments)")
    runs = [number for number, _ in ablation_results("avts", "avts", "curriculum")]
    hard, shuffled = (
        statistics.mean(chosen(ablations_home, number, which) for number in runs) for which in ("hard", "hard-shuffled")
    )
    assert hard != shuffled
    assert found["Score"].text == "AVTS 2AFC (hard)"
    assert found["Difference"].estimate.mean == pytest.approx(100 * (hard - shuffled))
    assert found["Difference"].small == "3 seeds, 40 items"


def test_a_leak_on_one_side_of_the_threshold_is_seen(writer, study_of, row):
    """Shuffled clips score as well as their own, all of them below the threshold: their accuracy is .5."""
    lines = ["item,start,set,matched,other,score,right"]
    for i in range(8):
        for which, level in (("hard", 0), ("hard-shuffled", -10)):
            lines += [f"s{i},1,{which},1,,{level + 1},{int(level == 0)}", f"s{i},1,{which},0,x,{level - 1},1"]
    stages = [{"curricula": [1], "updates": 5, "lr": 0.1}]
    for seed in (1, 2, 3):
        files = {"items.csv": writer.tidy(lines, "score", "right", further="start other")}
        writer.run("avts", "avts", "easy", seed, {"chance": 0.5, "sets": {}}, stages=stages, files=files)
    writer.plan()
    found = row(differences(study_of(writer.home)), "AVTS easy above AVTS easy (frames of random moments)")
    assert (found["Difference"].text, found["Verdict"].text) == ("0.0 ± 0.0", "inconclusive")


def test_action_is_compared_with_the_largest_class_and_from_scratch(ablations_study, ablation_results):
    found = {r.label: r.cells for r in differences(ablations_study).rows if r.group.startswith("Action")}
    accuracy = [r["accuracy"] for _, r in ablation_results("action", "avts", "curriculum")]
    largest = found["AVTS curriculum above the largest class"]
    assert largest[0].text == "Action accuracy (miniature)"
    assert largest[1].small == "3 seeds, 10 items"  # 50 clips, five of an object and its background
    assert largest[1].estimate.mean == pytest.approx(100 * (statistics.mean(accuracy) - 0.15))
    assert "AVTS untrained above the largest class" in found
    assert "AVTS curriculum above AVTS untrained" in found


def test_strategies_share_a_schedule_and_stand_beside_the_curriculum(ablations_study):
    assert matched_pairs(ablations_study) == [
        ("l3", "avc", "supervised"),
        ("l3", "avc-matched", "supervised-avc"),
        *(("avts", "curriculum", o) for o in ("easy", "mixed", "hard", "bce", "supervised")),
    ]
    matched = {
        (r.label, r.cells[0].text)
        for r in differences(ablations_study).rows
        if r.group == "Orderings with equal compute"
    }
    assert ("AVTS curriculum above AVTS hard", "AVTS accuracy (75/25)") in matched
    assert ("AVTS curriculum above AVTS supervised", "Action accuracy (miniature)") in matched
    assert ("L3-Net avc-matched above L3-Net supervised-avc", "AVC accuracy") in matched


def test_the_heatmap_without_the_sound_is_a_control(writer, study_of, row):
    lines = ["item,row,rule,ciou", "a,aligned,threshold=0.5,0.75", "b,aligned,threshold=0.5,0.5"]
    lines += ["a,activation,threshold=0.5,0.25", "b,activation,threshold=0.5,0.5"]
    stages = [{"curricula": [1], "updates": 5, "lr": 0.1}]
    files = {"items.csv": writer.tidy(lines, "ciou")}
    writer.run("localization", "l3", "avc", 1, {"single": {}}, stages=stages, files=files)
    writer.plan()
    found = row(differences(study_of(writer.home)), "L3-Net avc above L3-Net avc (activation without the sound)")
    assert found["Difference"].estimate.mean == pytest.approx(50)


def beside(study):
    """Statement and score -> verdict, of methods beside each other."""
    rows = (r for r in differences(study).rows if r.group == METHODS)
    return {(r.label, r.cells[0].text): r.cells[2].text for r in rows}


def trained_on(*curricula, updates=40):
    return [{"curricula": list(curricula), "updates": updates, "lr": 1e-3}]


def test_every_method_stands_beside_cavl_and_what_is_unequal_is_named(writer, study_of):
    for seed in (1, 2, 3):
        writer.localize("cavl", "c1", seed, 0.9, stages=trained_on(1))
        writer.localize("cavl", "mixed", seed, 0.9, stages=trained_on(1, 2))
        writer.localize("dmc", "c1", seed, 0.1, stages=trained_on(1))
        writer.localize("dmc", "all", seed, 0.1, stages=trained_on(1, 2))
        writer.localize("attention", "c1", seed, 0.1, stages=trained_on(1, 2, 3, updates=60))
        writer.localize("stranger", "c1", seed, 0.1, stages=trained_on(1))
        writer.localize("full-frame", "none", seed, 0.1)
    writer.plan(learning_rates={"miniature": dict.fromkeys(("cavl", "dmc", "attention"), TRIED)})
    unequal = "unequal updates (40 and 60), unequal scenes (C1 and C1 + C2 + C3)"
    assert beside(study_of(writer.home)) == {
        (statement, score): verdict
        for statement, verdict in {
            "CAVL c1 above DMC c1": "supported",
            "CAVL mixed above DMC all": "supported",
            "CAVL c1 above Attention c1": f"inconclusive: {unequal}",
            "CAVL c1 above stranger c1": "inconclusive: tuning not stated of stranger",
        }.items()
        for score in ("cIoU@0.5", "Pointing (3)")
    }


def test_an_arm_stands_beside_its_method_ordering_by_ordering(writer, study_of):
    for seed in (1, 2, 3):
        for method, skill, updates in (("l3", 0.1, 40), ("l3:mel", 0.9, 40), ("l3:long", 0.9, 50)):
            writer.correspond(method, "avc", seed, skill, stages=trained_on(1, updates=updates))
        writer.correspond("l3:mel", "other", seed, 0.5, stages=trained_on(1))
    writer.plan()
    assert beside(study_of(writer.home)) == {
        ("L3-Net avc, mel bins above L3-Net avc", "AVC accuracy"): "supported",
        ("L3-Net avc, long above L3-Net avc", "AVC accuracy"): "inconclusive: unequal updates (50 and 40)",
    }
