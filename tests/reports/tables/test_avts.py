import statistics

import pytest

from reports.tables.avts import avts

SETS = {
    "mixed": "75/25",
    "easy": "easy",
    "hard": "hard",
    "super-hard": "super-hard",
    "hard-shuffled": "hard, shuffled",
    "hard-reordered": "hard, reordered",
}


def test_columns_are_the_sets_with_the_controls_and_cells_those_of_the_runs(ablations_study, row, ablation_results):
    table = avts(ablations_study)
    assert table.columns == (
        "Trained on",
        *(f"Accuracy ({name})" for name in ("75/25", "easy", "hard", "super-hard")),
        *(f"AUC ({name})" for name in ("easy", "hard", "hard, shuffled", "hard, reordered")),
    )
    cells = row(table, "AVTS curriculum, MC2")
    runs = ablation_results("avts", "avts:mc2", "curriculum")
    for which, name in SETS.items():
        for score, called in (("accuracy", f"Accuracy ({name})"), ("auc", f"AUC ({name})")):
            if called in table.columns:
                mean = statistics.mean(r["sets"][which][score] for _, r in runs)
                assert cells[called].estimate.mean == pytest.approx(100 * mean)
    assert cells["AUC (hard)"].estimate.mean == pytest.approx(70)
    assert cells["AUC (hard, reordered)"].estimate.mean == pytest.approx(60)
    assert cells["Accuracy (75/25)"].runs == tuple(number for number, _ in runs)
    assert "Scored on 40 moments." in table.caption


def test_rows_are_strategies_arms_chance_and_untrained(ablations_study, row):
    table = avts(ablations_study)
    assert [(r.group.split(":")[0], r.label) for r in table.rows] == [
        *(("Strategies", f"AVTS {o}") for o in ("curriculum", "easy", "mixed", "hard", "bce")),
        ("Other video networks (AVTS", "AVTS curriculum, MC2"),
        ("Trivial rows and controls", "Chance"),
        ("Trivial rows and controls", "AVTS untrained"),
        ("Trivial rows and controls", "AVTS untrained, MC2"),
    ]
    assert table.rows[5].group == "Other video networks (AVTS: MC3)"
    assert {c.text for c in row(table, "Chance").values()} == {"–", "50.0 ± 0.0"}
    said = {r.label: r.cells[0].text for r in table.rows}
    assert said["AVTS curriculum"] == "easy; contrastive → 75 % easy, 25 % hard; contrastive"
    assert said["AVTS easy"] == "easy; contrastive"
    assert said["AVTS bce"] == "easy; BCE → 75 % easy, 25 % hard; BCE"
    assert said["AVTS untrained"] == "initial weights"


def test_chance_is_compared_on_all_negatives_and_untrained_where_training_is_to_be_seen(writer, study_of, row):
    def sets(mixed, easy, hard):
        given = {"mixed": mixed, "easy": easy, "hard": hard, "super-hard": 0.5}
        return {"sets": {k: {"accuracy": v, "auc": v} for k, v in given.items()}, "chance": 0.5, "items": 9}

    for seed in (1, 2):
        files = {"items.csv": writer.tidy(["item"])}
        writer.run("avts", "avts", "untrained", seed, sets(0.55, 0.6, 0.7), files=files)
        writer.run("avts", "avts", "easy", seed, sets(0.6, 0.55 if seed == 1 else 0.65, 0.5), files=files)
    writer.plan()
    table = avts(study_of(writer.home))
    assert table.findings == (
        "Accuracy (hard): no better than Chance (50.0): AVTS easy (50.0; in each of 2 seeds).",
        "Accuracy (super-hard): no better than Chance (50.0): AVTS easy (50.0; in each of 2 seeds).",
        "AUC (hard): no better than Chance (50.0): AVTS easy (50.0; in each of 2 seeds).",
        "Accuracy (75/25), Accuracy (easy), AUC (easy): every trained row is better than chance in each of 2 seeds.",
        "Accuracy (easy): no better than AVTS untrained (60.0): AVTS easy (60.0; in 1 of 2 seeds).",
        "Accuracy (75/25): every trained row is better than its own network untrained, where finished, in each of 2 "
        "seeds.",
    )
    cells = row(table, "AVTS easy")
    assert cells["Accuracy (hard)"].beaten_by == ("Chance",)
    assert cells["AUC (hard, shuffled)"].text == "n/a"


CONTROL = (
    "Control, hard negatives with the frames shuffled in time: how often the own sound scores above the wrong one "
    "(2AFC) must be at chance (95 % interval"
)


def test_the_shuffled_control_is_seen_to_be_at_chance(writer, study_of):
    for seed in (1, 2, 3):
        writer.synchronise("avts", "easy", seed, 0.8, 0.2)
        writer.synchronise("avts", "untrained", seed, 0.0, 0.0)
    writer.plan()
    assert avts(study_of(writer.home)).findings[-1] == f"{CONTROL}): it is, in every row."


def test_the_shuffled_control_that_is_not_at_chance_is_an_alarm(writer, study_of):
    for seed in (1, 2, 3):
        writer.synchronise("avts", "easy", seed, 0.8, 0.2)
        writer.synchronise("avts", "curriculum", seed, 0.8, 0.2, shuffled=0.6)
    writer.plan()
    said = avts(study_of(writer.home)).findings[-1]
    alarm = f"{CONTROL}): it is not in 1 of 2 rows, where about one in twenty misses by luck: AVTS curriculum (+"
    assert said.startswith(alarm)
    assert "AVTS easy" not in said


def test_a_leak_is_seen_where_all_shuffled_clips_lie_on_one_side_of_the_threshold(writer, study_of):
    """Own sounds always score above the wrong ones, and below the threshold: the accuracy is .5, and no leak in it."""
    lines = ["item,start,set,matched,other,score,right"]
    for i in range(6):
        lines += [f"s{i},7,hard-shuffled,1,,{i - 90},0", f"s{i},7,hard-shuffled,0,s{i}@9,{i - 91},1"]
    sets = {"hard-shuffled": {"accuracy": 0.5, "auc": 0.93, "pairs": 12}}
    for seed in (1, 2):
        files = {"items.csv": writer.tidy(lines, "score", "right", further="start other")}
        writer.run("avts", "avts", "easy", seed, {"sets": sets, "chance": 0.5}, files=files)
    writer.plan()
    table = avts(study_of(writer.home))
    assert "it is not in 1 of 1 rows" in table.findings[-1]
    assert table.findings[-1].endswith("AVTS easy (+50.0 ± 0.0 points).")
    cells = dict(zip(table.columns, table.rows[0].cells, strict=True))
    assert cells["AUC (hard, shuffled)"].text == "93.0 ± 0.0"


def test_an_arm_is_held_against_its_own_untrained_network(writer, study_of):
    for method, ordering, easy in (
        ("avts", "curriculum", 0.9),
        ("avts", "untrained", 0.5),
        ("avts:mc2", "curriculum", 0.7),
        ("avts:mc2", "untrained", 0.8),
    ):
        given = {"sets": {"easy": {"accuracy": easy}}, "chance": 0.5}
        writer.run("avts", method, ordering, 1, given, files={"items.csv": writer.tidy(["item"])})
    writer.plan()
    said = [text for text in avts(study_of(writer.home)).findings if "untrained" in text]
    assert said == [
        "Accuracy (easy): no better than AVTS untrained, MC2 (80.0): AVTS curriculum, MC2 (70.0; in the only finished "
        "seed)."
    ]


def test_the_shuffled_control_of_one_seed_stands_on_its_scenes(writer, study_of):
    lines = ["item,start,set,matched,other,score,right"]
    # Two scenes told right, two tied: .25 above chance on average, 3.182 * .2887 / 2 = .459 either way.
    for item, wrong in (("a", -1), ("b", -1), ("c", 0), ("d", 0)):
        lines += [f"{item},0,hard-shuffled,1,,0,1", f"{item},0,hard-shuffled,0,x,{wrong},0"]
    files = {"items.csv": writer.tidy(lines, "score", "right", further="start other")}
    writer.run("avts", "avts", "easy", 1, {"sets": {}, "chance": 0.5}, files=files)
    writer.plan()
    at_chance = f"{CONTROL}; of a single seed over its scenes alone): it is, in every row."
    assert avts(study_of(writer.home)).findings[-1] == at_chance
    right = {
        "items.csv": writer.tidy(
            [line.replace("x,0,0", "x,-2,0") for line in lines], "score", "right", further="start other"
        )
    }
    writer.run("avts", "avts", "hard", 1, {"sets": {}, "chance": 0.5}, files=right)
    writer.plan()
    assert "it is not in 1 of 2 rows" in avts(study_of(writer.home)).findings[-1]
    assert avts(study_of(writer.home)).findings[-1].endswith("AVTS hard (+50.0 ± 0.0 points).")


def test_what_has_not_run_is_said(writer, study_of, row):
    writer.run("avts", "avts", "easy", 1, None, write=False)
    writer.plan()
    table = avts(study_of(writer.home))
    assert row(table, "AVTS easy")["Trained on"].text == "–"
    assert row(table, "AVTS easy")["AUC (easy)"].text == "not run (0 of 1 seed)"
    assert table.findings == ("Not every seed is finished: AVTS easy (0 of 1).",)
