"""The graph of jobs and the order in which they may run."""

from dataclasses import replace

import pytest

from benchmarks import presets
from benchmarks.__main__ import main
from benchmarks.orchestration.plan import plan, sames
from benchmarks.orchestration.request import Request, jobs_of, plan_of, rows
from benchmarks.orchestration.scheduler import Order, State
from cavl.config import ConfigError
from tests.command import understood

SMOKE = Request(preset="smoke")
MASKS, DEAF = ("full-frame", "centred-square", "mean-training-map", "random-box"), ("edge-density", "spectral-residual")
TRIVIAL = (*MASKS, *DEAF)  # of localization


@pytest.fixture(scope="module")
def jobs():
    return jobs_of(SMOKE)


def named(jobs, name):
    (job,) = [j for j in jobs if j.name == name]
    return job


def test_every_job_once_and_parents_before_children(jobs):
    seen = set()
    for job in jobs:
        assert job.key not in seen
        assert all(p.key in seen for p in job.parents)
        seen.add(job.key)


def test_every_ordering_is_measured_in_every_task(jobs):
    measured = {(j.config.task, j.config.ordering) for j in jobs if j.config.method == "cavl"}
    for task in ("localization", "classification"):
        assert {(task, o) for o in ("untrained", "c0", "c1-c2-c3-c4", "mixed-counted", "random", "c3@3")} <= measured
    methods = {(j.config.task, j.config.method) for j in jobs}
    assert ("localization", "full-frame") in methods
    assert ("classification", "full-frame") not in methods
    assert ("classification", "spectrogram-statistics") in methods
    assert ("localization", "spectrogram-statistics") not in methods
    assert {m for t, m in methods if t == "counting"} == {"cavl", "count-logistic", "count-trees"}
    systems = {"sound-of-pixels", "av-mix-sep", "co-separation"}
    assert {m for t, m in methods if t == "separation"} == {"cavl", "mean-spectrum", *presets.FACTORING, *systems}
    assert ("localization", "sound-of-pixels") in methods


def test_what_runs_on_request_runs_where_it_is_named():
    preset = presets.load("paper")
    methods = presets.methods_of("paper", preset)
    request = Request(preset="paper")
    assert methods["soundnet"].on_request
    assert "soundnet" not in {row.method for row in rows(request, methods)}
    found = {row for row in rows(replace(request, methods=("soundnet",)), methods) if row.method == "soundnet"}
    assert {(row.ordering, row.task) for row in found} == {
        ("taught", "pretrain"),
        ("taught", "classification"),
        ("untrained", "classification"),
    }
    found = {row.method for row in rows(replace(request, tasks=("classification",)), methods)}
    assert "soundnet" not in found


def test_tasks_with_variants_run_those_orderings_and_each_variant(jobs):
    def runs(task):
        return {(j.config.ordering, j.variant) for j in jobs if j.config.task == task}

    assert runs("counting") == {
        ("untrained", "true"),
        ("untrained", "permuted"),
        ("c0", "true"),
        ("c1", "true"),
        ("c1-c2", "true"),
        ("c1-matched", "true"),
        ("none", "true"),
    }
    assert ("c1", "center") in runs("separation")
    assert ("c1", "mask") in runs("separation")
    assert "random" not in {ordering for ordering, _ in runs("separation")}
    asked = jobs_of(Request(preset="smoke", methods=("cavl",), orderings=("random",), tasks=("separation",)))
    assert [j.variant for j in asked if (j.config.task, j.config.method) == ("separation", "cavl")] == ["mask"]


def test_the_baselines_are_asked_what_they_can_answer(jobs):
    methods = {(j.config.task, j.config.method) for j in jobs}

    def asked(method):
        return {task for task, name in methods if name == method}

    scenes = {"pretrain", "localization", "avc"}
    assert asked("attention") == asked("attention:repaired") == scenes
    assert asked("dmc") == asked("l3") == asked("l3:mel") == {*scenes, "classification"}
    assert asked("avts:mc2") == {"pretrain", "classification", "avts"}
    assert asked("avts") == {"pretrain", "classification", "avts", "action"}
    fine_tuned = {j.config.ordering for j in jobs if j.config.task == "action"}
    assert fine_tuned == {"untrained", "easy", "curriculum", "supervised", "supervised-motions"}


def test_what_learns_from_labels_by_its_video_trunk_alone_is_not_asked_of_sounds(jobs):
    asked = {(j.config.task, j.config.ordering) for j in jobs if j.config.method == "avts"}
    assert ("action", "supervised") in asked
    assert not {("avts", "supervised"), ("classification", "supervised")} & asked
    assert {("avts", "bce"), ("classification", "super-hard")} <= asked


def test_every_trained_method_and_arm_is_measured_untrained_too():
    for name in ("miniature", "ablations", "smoke"):
        for method, part in presets.load(name).methods.items():
            assert part.runs == ("none",) or "untrained" in part.runs, f"{method} of {name}"


def test_the_avts_schedule_is_in_proportion_to_the_paper_s():
    first, second = presets.load("miniature").methods["avts"].orderings(1)["curriculum"]
    assert first.updates / second.updates == 50 / 40


def test_real_videos_are_recognised_by_what_is_fine_tuned(tmp_path):
    with pytest.raises(ValueError, match=r"nothing of preset 'miniature' .* --preset ablations"):
        jobs_of(Request(preset="miniature", seeds=1, videos=({"data": "ucf101", "videos": "/x", "annotations": "/y"},)))
    missing = {"data": "hmdb51", "videos": str(tmp_path / "videos"), "annotations": str(tmp_path)}
    with pytest.raises(FileNotFoundError, match=r"HMDB-51: there is no folder .*videos"):
        jobs_of(Request(preset="smoke", methods=("avts",), tasks=("action",), videos=(missing,)))


def test_an_arm_is_a_run_of_its_own_unless_it_differs_in_name_only(jobs, monkeypatch):
    arms = [j for j in jobs if j.config.method.startswith("l3") and j.name.endswith(" avc seed 1")]
    trained = [j for j in arms if j.config.task == "pretrain"]
    assert len({j.key for j in trained}) == len(trained) == 5
    smoke = presets.load("smoke")
    methods = {"l3": smoke.methods["l3"], "l3:twin": smoke.methods["l3"]}
    monkeypatch.setattr(presets, "load", lambda name: replace(smoke, methods=methods))
    twins = {j.config.method for j in jobs_of(SMOKE)}
    assert twins == {"l3"}


def test_smoke_touches_every_method_arm_and_strategy_of_the_other_presets():
    def runs(name):
        methods = presets.load(name).methods
        return {(m, o) for m, part in methods.items() for o in part.runs if m != "cavl"}

    assert runs("miniature") | runs("ablations") <= runs("smoke")


def test_the_ablations_share_the_default_s_runs():
    """Of seed 1, whatever both ask for: nothing is trained twice."""
    default, ablations = (
        {j.name: j.key for j in jobs_of(Request(preset=p, seeds=1))} for p in ("miniature", "ablations")
    )
    both = default.keys() & ablations.keys()
    assert {"pretrain l3 avc seed 1", "pretrain avts curriculum seed 1", "avts avts easy seed 1"} <= both
    assert all(default[name] == ablations[name] for name in both)


def test_orderings_that_begin_alike_share_their_stages(jobs):
    c1 = named(jobs, "pretrain cavl c1 seed 1")
    assert named(jobs, "pretrain cavl c1-c2 seed 1").parents == (c1,)
    assert named(jobs, "pretrain cavl c1-c2scene seed 1").parents == (c1,)
    c3 = named(jobs, "pretrain cavl c3 seed 1")
    assert named(jobs, "localization cavl c3 seed 1").parents == (c3,)
    assert named(jobs, "localization cavl c3@3 seed 1").parents == (c3,)  # read from the longer run
    assert named(jobs, "pretrain cavl hard-to-easy[:2] seed 1").parents == (c3,)


def test_counted_stages_start_from_the_counter_too(jobs):
    counter = named(jobs, "counting true cavl untrained seed 1")  # also a row of Table 2
    stages = [j for j in jobs if j.config.task == "pretrain" and j.config.stages[-1].k == "counted"]
    assert len(stages) == 3
    assert all(counter in j.parents for j in stages)


def test_selections_narrow_and_unknown_names_are_refused():
    few = jobs_of(Request(preset="smoke", methods=("cavl",), orderings=("c1-c2",), tasks=("localization",)))
    assert [j.name for j in few] == [
        "pretrain cavl c1 seed 1",
        "pretrain cavl c1-c2 seed 1",
        "localization cavl c1-c2 seed 1",
        *(f"localization {method} none seed 1" for method in TRIVIAL),
    ]
    for bad, message in (
        (Request(preset="nothing"), "unknown preset 'nothing'"),
        (Request(preset="smoke", methods=("magic",)), "no method 'magic'"),
        (Request(preset="smoke", tasks=("cooking",)), "no task 'cooking'"),
        (Request(preset="smoke", tasks=("localisation",)), "did you mean 'localization'"),
        (Request(preset="smoke", orderings=("c1-c5",)), "no ordering 'c1-c5'; did you mean 'c1-c2'.*, curriculum,"),
        (Request(preset="smoke", orderings=("c3@7",)), r"keeps no checkpoint at '7'; it keeps \[3\]"),
        (Request(preset="smoke", orderings=("c1@",)), "keeps no checkpoint at ''; it keeps none"),
        (
            Request(preset="smoke", methods=("dmc",), orderings=("c1", "c1-c2")),
            "no ordering 'c1-c2' with --methods dmc; it has with --methods dmc: untrained, c1, c1-matched, all$",
        ),
        (
            Request(preset="smoke", methods=("cavl", "dmc"), tasks=("separation",)),
            "no method 'dmc' with .*: cavl, sound-of-pixels, av-mix-sep, co-separation, mean-spectrum, nmf-mfcc",
        ),
        (
            Request(preset="smoke", methods=("full-frame",), tasks=("separation",)),
            "no task 'separation' with .*: local",
        ),
        (Request(preset="composite", tasks=("action",)), "no task 'action'; it has: pretrain, avc, classification"),
        (
            Request(preset="smoke", methods=("dmc",), orderings=("avc",), tasks=("separation",)),
            "no ordering 'avc' with --tasks separation --methods dmc; it has with --tasks separation: .*c1-c2",
        ),
    ):
        with pytest.raises((ValueError, ConfigError), match=message):
            jobs_of(bad)


def test_trivial_rows_stand_beside_every_selection_of_others():
    def asked(**selection):
        jobs = jobs_of(Request(preset="smoke", **selection))
        return {j.config.method: j.config.ordering for j in jobs}

    masks = dict.fromkeys(TRIVIAL, "none")
    assert asked(methods=("dmc",), orderings=("c1",), tasks=("localization",)) == {"dmc": "c1", **masks}
    assert asked(orderings=("avc",), tasks=("classification",)).keys() >= {"l3", "l3:mel", "spectrogram-statistics"}
    assert asked(methods=("full-frame", "dmc"), orderings=("c1",), tasks=("localization",)) == {"dmc": "c1", **masks}
    assert asked(methods=("dmc",), orderings=("c1",), tasks=("avc",)) == {"dmc": "c1"}  # none can tell correspondence
    assert asked(methods=("full-frame", "dmc"), orderings=("c1",), tasks=("pretrain",)) == {"dmc": "c1"}
    assert asked(methods=("full-frame",)) == {"full-frame": "none"}  # nothing that it is to be compared with


def test_each_name_need_only_select_something():
    several = Request(preset="smoke", methods=("cavl", "l3"), orderings=("c0", "avc"), tasks=("localization", "avc"))
    names = [j.name for j in jobs_of(several) if j.config.method not in TRIVIAL and j.config.task != "pretrain"]
    tasks = ("avc", "localization")
    assert sorted(names) == [f"{task} {who} seed 1" for task in tasks for who in ("cavl c0", "l3 avc")]


def test_the_plan_says_what_was_not_selected_and_which_rows_are_others(monkeypatch):
    request = Request(preset="smoke", methods=("dmc",), tasks=("localization",))
    told = plan(request, *plan_of(request), ["cavl-bench"])
    assert told["selected"] == {"methods": ["dmc"], "tasks": ["localization"]}
    left_out = {(r["task"], r["method"], r["ordering"]) for r in told["not_selected"]}
    assert {("localization", "cavl", "c1"), ("avc", "dmc", "c1"), ("separation", "cavl", "c1")} <= left_out
    assert not {("localization", "dmc", "c1"), ("localization", "full-frame", "none")} & left_out
    assert ("separation", "dmc", "c1") not in left_out  # it cannot
    whole = plan(SMOKE, *plan_of(SMOKE), ["cavl-bench"])
    assert (whole["selected"], whole["not_selected"], whole["same"]) == ({}, [], [])
    on_request = replace(presets.load("smoke").methods["soundnet"], on_request=True)
    changed = replace(presets.load("smoke"), methods={**presets.load("smoke").methods, "soundnet": on_request})
    with monkeypatch.context() as patch:
        patch.setattr(presets, "load", lambda name: changed)
        told = plan(SMOKE, *plan_of(SMOKE), ["cavl-bench"])
    assert {(r["task"], r["method"]) for r in told["not_selected"]} == {
        ("pretrain", "soundnet"),
        ("classification", "soundnet"),
    }

    smoke = presets.load("smoke")
    monkeypatch.setattr(
        presets, "load", lambda name: replace(smoke, methods=dict.fromkeys(("l3", "l3:twin"), smoke.methods["l3"]))
    )
    jobs, same = plan_of(SMOKE)
    assert len(sames(same)) == len(smoke.methods["l3"].runs)
    (trained,) = [sentence for sentence in sames(same) if sentence.startswith("l3:twin avc is configured as l3 avc ")]
    assert "(pretrain, avc, classification, localization; seed 1): the runs are the same" in trained
    entry = {"method": "l3:twin", "ordering": "avc", "task": "avc", "seed": 1, "as": ["l3", "avc"]}
    assert entry in plan(SMOKE, jobs, same, ["cavl-bench"])["same"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--seeds", "1,2,3"],
            "'--seeds': '1,2,3' is no whole number; it takes how many: 3 means the seeds 1, 2 and 3",
        ),
        (["--jobs", "0"], "'--jobs': 0 is less than 1"),
        (["--limit", "x"], "'--limit': 'x' is no whole number"),
        (["--methods", " , "], "'--methods': ' , ' names nothing"),
        (["--orderings", ""], "'--orderings': '' names nothing"),
    ],
)
def test_words_that_stand_for_nothing_are_refused_in_a_sentence(words, sentence, capsys):
    assert main(words) == 2
    assert sentence in capsys.readouterr().err


def test_names_may_be_repeated_and_spaced():
    assert understood("run", "--methods", "cavl, dmc,cavl,").methods == ("cavl", "dmc")


@pytest.mark.parametrize("words", [["--orderings", "c1-c5"], ["--methods", "dmc", "--orderings", "c1-c2"]])
def test_a_selection_of_nothing_leaves_plan_and_report_alone(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAVL_HOME", str(tmp_path))
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("the report is written"))
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "smoke.json").write_text("stands")
    assert main(["--preset", "smoke", *words]) == 2
    assert f"has no ordering {words[-1]!r}" in capsys.readouterr().err
    monkeypatch.setattr("benchmarks.tasks.classification.Classification.expand", lambda *_: ())
    assert main(["--preset", "smoke", "--tasks", "classification"]) == 2  # all that is asked for is left out
    assert "nothing can be run" in capsys.readouterr().err
    assert (tmp_path / "plans" / "smoke.json").read_text() == "stands"


def test_seeds_are_runs_of_their_own():
    two = jobs_of(
        Request(
            preset="smoke",
            seeds=2,
            methods=("cavl",),
            orderings=("c1",),
            tasks=("pretrain", "localization", "classification"),
        )
    )
    two = [job for job in two if job.config.method == "cavl"]
    assert sorted(j.config.seed for j in two) == [1, 1, 1, 2, 2, 2]


def test_order_lowest_seed_first_then_the_longest_chain():
    asked = jobs_of(Request(preset="smoke", seeds=2, methods=("cavl",), orderings=("c0", "c1-c2-c3")))
    state = State(jobs=[job for job in asked if job.config.method == "cavl"])
    order = Order(state)
    assert order.next().name == "pretrain cavl c1 seed 1"  # three stages and their evaluations hang on it
    assert order.next().name == "pretrain cavl c0 seed 1"
    assert order.next().config.seed == 2


def test_every_job_comes_once_its_parents_are_finished(jobs):
    state = State(jobs=list(jobs))
    order = Order(state)
    finished = []
    while order.ready:
        job = order.next()
        assert {p.key for p in job.parents} <= set(finished)
        finished.append(job.key)
        state.finished[job.key] = 1.0
        order.release(job)
    assert sorted(finished) == sorted(j.key for j in jobs)
    assert list(order.seeds_ended()) == [1]
    assert state.seconds_left() is None or state.seconds_left() == 0


def test_a_failure_fails_what_starts_from_it_and_nothing_else(jobs):
    state = State(jobs=list(jobs))
    order = Order(state)
    while (job := order.next()).name != "pretrain cavl c1 seed 1":
        pass
    order.fail(job, "broken")
    names = {j.name for j in jobs if j.key in state.failed}
    assert "localization cavl c1-c2-c3 seed 1" in names
    assert "classification miniature cavl c1-c2scene seed 1" in names
    assert "pretrain cavl c3 seed 1" not in names
    while order.ready:
        assert order.next().key not in state.failed


def test_reused_jobs_are_not_run_but_let_their_children_start(jobs):
    c1 = named(jobs, "pretrain cavl c1 seed 1")
    state = State(jobs=list(jobs), reused={c1.key: object()})
    order = Order(state)
    ready = []
    while order.ready:
        ready.append(order.next().name)
    assert "pretrain cavl c1 seed 1" not in ready
    assert "pretrain cavl c1-c2 seed 1" in ready
    assert "pretrain cavl c1-c2-c3 seed 1" not in ready


def test_evaluations_cost_no_more_than_the_longest_training(jobs):
    state = State(jobs=list(jobs))
    c1 = named(jobs, "pretrain cavl c1 seed 1")
    short = named(jobs, "localization cavl c1-c2-c3 seed 1")
    assert (state.cost(c1), state.cost(short)) == (6, 6)
    assert State(jobs=[short]).cost(short) == 50
    long = jobs_of(Request(preset="miniature", seeds=1, methods=("cavl",), orderings=("c1",), tasks=("localization",)))
    state = State(jobs=long)
    assert {state.cost(job) for job in long} == {300, 50}
