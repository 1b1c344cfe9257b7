import json
import re

import pytest

from reports.__main__ import main
from reports.results import NoPlanError
from tests.reports.conftest import TRIED


def test_no_plan_names_the_remedy(writer, study_of):
    with pytest.raises(NoPlanError, match="cavl-bench run --preset smoke"):
        study_of(writer.home, "smoke")


@pytest.mark.parametrize("text", ["{", "[]", '{"nodes": [{"name": "x"}]}', '{"nodes": 3}'])
def test_a_damaged_plan_is_an_error_not_an_empty_report(writer, study_of, text):
    writer.plan()
    (writer.home / "plans" / "miniature.json").write_text(text)
    with pytest.raises(NoPlanError, match="cannot be read"):
        study_of(writer.home)


def test_the_newest_finished_run_of_a_key_counts(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, {"score": 0.1})
    writer.run("localization", "cavl", "c1", 1, {"score": 0.2})
    writer.run("localization", "cavl", "c1", 1, None, status="FAILED")
    writer.run("localization", "cavl", "c1", 2, None, write=False)
    writer.run("localization", "cavl", "c1", 3, None, status="INTERRUPTED")
    writer.plan()
    one, two, three = study_of(writer.home).select("localization")
    assert one.run.result == {"score": 0.2}
    assert (two.run, two.problem, two.attempt) == (None, "not run", None)
    assert (three.run, three.problem, three.attempt.id) == (None, "interrupted", 4)


def test_a_failure_keeps_the_last_line_of_its_traceback(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, None, status="FAILED")
    writer.plan()
    assert study_of(writer.home).nodes[0].reason == "ValueError: the loss is nan at update 7"


def test_a_run_that_says_running_with_nobody_behind_it_has_died(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, None, status="RUNNING")
    writer.plan()
    assert study_of(writer.home).nodes[0].problem == "died"


def test_damaged_run_folders_are_named_and_skipped(writer, study_of):
    for seed in (1, 2):
        writer.run("localization", "cavl", "c1", seed, {"score": 0.5})
    writer.plan()
    (writer.home / "1" / "run.json").write_text('{"status": "COMPL')
    study = study_of(writer.home)
    assert [n.run is not None for n in study.select("localization")] == [False, True]
    assert len(study.damaged) == 1
    assert study.damaged[0].startswith("run 1: ")


def test_seeds_done_are_those_with_every_run(writer, study_of):
    writer.run("localization", "cavl", "c1", 1, {})
    writer.run("localization", "cavl", "c1", 2, {})
    writer.run("localization", "cavl", "c1-c2", 2, None, write=False)
    writer.plan()
    study = study_of(writer.home)
    assert (study.seeds, study.seeds_done) == ([1, 2], [1])


def test_scores_while_training_are_those_of_the_weights_measured(writer, study_of):
    metrics = {"pair_accuracy": ([0, 10, 20], [0.5, 0.7, 0.9])}
    writer.run("pretrain", "cavl", "c1", 1, {"pair_accuracy": 0.9}, key="stage", metrics=metrics)
    at_end = writer.run("localization", "cavl", "c1", 1, {}, parents=["stage"])
    halfway = writer.run("localization", "cavl", "c1@10", 1, {}, parents=["stage"])
    writer.plan()
    config = json.loads((writer.home / "3" / "config.json").read_text())
    (writer.home / "3" / "config.json").write_text(json.dumps({**config, "step": 10}))
    study = study_of(writer.home)
    nodes = {n.key: n for n in study.nodes}
    assert study.while_training(nodes[at_end], "pair_accuracy") == 0.9
    assert study.while_training(nodes[halfway], "pair_accuracy") == 0.7
    assert study.while_training(nodes[halfway], "r_at_1") is None


def test_training_is_the_chain_of_stages(writer, study_of):
    writer.localize("cavl", "c1-c2-c3", 1, 0.8, parents=writer.train("c1-c2-c3", 1))
    writer.plan()
    study = study_of(writer.home)
    assert [n.ordering for n in study.training(study.select("localization")[0])] == ["c1", "c1-c2", "c1-c2-c3"]


def test_a_damaged_journal_is_told_and_leaves_no_curves(writer, study_of):
    writer.run("pretrain", "cavl", "c1", 1, {}, metrics={"loss": ([1], [2.0])})
    writer.plan()
    (writer.home / "1" / "metrics.jsonl").write_text("{]\n")
    study = study_of(writer.home)
    with pytest.warns(UserWarning, match="run 1"):
        assert study.metrics(study.nodes[0].run) == {}


def test_history_counts_updates_over_all_stages_and_ends_where_one_is_missing(writer, study_of):
    stage = {"curricula": [1], "updates": 10, "lr": 0.1}
    for i, (key, parents) in enumerate((("one", []), ("two", ["one"]), ("three", ["two"])), 1):
        metrics = {"avc_auc": ([0, 10], [0.5 + 0.1 * (i - 1), 0.5 + 0.1 * i])}
        options = {"key": key, "parents": parents, "metrics": metrics, "write": key != "three"}
        writer.run("pretrain", "l3", key, 1, {}, stages=[stage] * i, **options)
    writer.run("avc", "l3", "long", 1, {}, parents=["three"])
    writer.run("avc", "l3", "untrained", 1, {})
    writer.plan()
    study = study_of(writer.home)
    (long,) = study.select("avc", "l3", "long")
    steps, values = study.history(long, "avc_auc")
    assert steps == [0, 10, 20]
    assert values == pytest.approx([0.5, 0.6, 0.7])
    assert [r.config["ordering"] for r in study.trained(long)] == ["one", "two"]
    assert study.history(study.select("avc", "l3", "untrained")[0], "avc_auc") == ([], [])


def test_an_arm_configured_like_its_method_shares_the_runs_of_its_training(writer, study_of):
    writer.run("pretrain", "avts", "curriculum", 1, {}, key="stage", stages=[{"curricula": [1], "updates": 3, "lr": 1}])
    writer.run("avts", "avts:mc3", "curriculum", 1, {}, parents=["stage"])
    writer.plan()
    study = study_of(writer.home)
    assert [n.method for n in study.training(study.select("avts")[0])] == ["avts"]


def left_out(*rows):
    return [dict(zip(("task", "method", "ordering"), row, strict=True)) for row in rows]


def test_what_the_preset_has_and_the_command_left_out_is_not_selected(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    not_selected = left_out(("localization", "dmc", "c1"), ("localization", "cavl", "c1-c2"))
    writer.plan(selected={"methods": ["cavl"], "orderings": ["c1"]}, not_selected=not_selected, preset_seeds=3)
    study = study_of(writer.home)
    assert study.absence("localization", "cavl", "c1-c2") == "not selected"
    assert study.absence("localization", "dmc", "none", "not in this suite") == "not selected"  # whichever it has
    assert study.absence("localization", "attention", "none", "not in this suite") == "not in this suite"
    assert study.absence("separation", "dmc", "c1") == "not planned"
    assert study.selection.startswith("Of the preset only: methods cavl; orderings c1; 1 of 3 seeds. What else it has")


def test_a_plan_of_an_older_version_knows_of_no_selection(whole_study):
    assert (whole_study.selection, whole_study.shared) == ("", [])
    assert whole_study.absence("localization", "attention", "none", "not in this suite") == "not in this suite"


def test_a_row_without_runs_of_its_own_names_the_other(writer, study_of):
    writer.correspond("l3", "avc", 1, 0.8)
    twin = {"task": "avc", "method": "l3:mel", "ordering": "avc", "as": ["l3", "avc"]}
    writer.plan(same=[{**twin, "seed": 1}, {**twin, "seed": 2}])
    study = study_of(writer.home)
    assert study.absence("avc", "l3:mel", "avc") == "same as L3-Net avc"
    (sentence,) = study.shared
    assert sentence.startswith("L3-Net avc, mel bins is the same as L3-Net avc")
    assert sentence.endswith("(seed 1, 2)")


NODE = {"name": "n", "key": "k", "task": "avc", "method": "l3", "ordering": "avc", "seed": 1}
ROW = {"task": "avc", "method": "l3", "ordering": "avc", "seed": 1}
LEFT_OUT = [
    *({"not_selected": value} for value in ([{"task": "avc"}], {"task": 1}, None, ["avc"])),
    *({"selected": value} for value in (["cavl"], None, 3, {"methods": "cavl"}, {"methods": [1]}, {"\ud800": []})),
    *({"nodes": value} for value in (None, {}, [NODE, 3], [{**NODE, "seed": "1"}], [{**NODE, "seed": True}])),
    *({"nodes": [{**NODE, name: value}]} for name, value in (("task", []), ("parents", "k"), ("variant", 1))),
    *({"nodes": [{n: v for n, v in NODE.items() if n != name}]} for name in NODE),
    *({"same": value} for value in ([ROW], [{**ROW, "as": ["l3"]}], [{**ROW, "as": "l3"}], 3)),
    *({"learning_rates": value} for value in ([], {"full": []}, {"full": {"cavl": {}}}, {"full": {"cavl": 3}})),
    *({"learning_rates": {"full": {"cavl": {**TRIED, "scores": scores}}}} for scores in ({"fast": 1}, [], {"1": []})),
    *({name: value} for name in ("preset_seeds", "limit") for value in ("3", [3], 1.5, False)),
    *({name: value} for name in ("created", "command") for value in (3, None, ["cavl-bench"], "\ud800")),
]


@pytest.mark.parametrize("entries", LEFT_OUT)
def test_a_plan_of_another_form_is_a_sentence(writer, capsys, entries):
    writer.plan(**entries)
    assert main(["--home", str(writer.home), "--preset", "miniature", "--out", str(writer.home / "report")]) == 2
    said = capsys.readouterr().err
    named = re.escape(str(writer.home / "plans" / "miniature.json"))
    assert re.fullmatch(rf"error: the plan {named} cannot be read \(.*\); start it with: .* --preset miniature\n", said)


def test_a_plan_that_is_cut_off_anywhere_is_a_sentence(writer, study_of):
    writer.plan(
        selected={"methods": ["cavl"]}, same=[{**ROW, "as": ["l3", "avc"]}], learning_rates={"full": {"l": TRIED}}
    )
    path = writer.home / "plans" / "miniature.json"
    whole = path.read_bytes()
    study_of(writer.home)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(NoPlanError, match=r"miniature\.json .*cannot be read"):
            study_of(writer.home)
