"""Run keys: what changes them, what does not, and what is refused."""

import copy

import pytest

from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.methods import can
from benchmarks.presets import load, names
from benchmarks.presets.miniature import LRS
from cavl.config import ConfigError
from tests.plain_config import resolve, run_config


def config(task="localization", ordering="c1-c2", seed=1, method="cavl"):
    return run_config(task, "smoke", method, ordering, seed)


def changed(base, path, value):
    """A copy of the configuration with one entry changed."""
    other = copy.deepcopy(base)
    *folders, last = path
    here = other
    for folder in folders:
        here = here[folder]
    here[last] = value
    return other


KEY = resolve(config()).key


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("preset",), "miniature"),
        (("training", "device"), "cpu"),
        (("training", "threads"), 2),
        (("training", "checkpoint_every"), 7),
        (("training", "precision"), "float32"),
        (("training", "monitor_every"), 5),
        (("stages", 0, "checkpoints"), []),
    ],
)
def test_what_cannot_change_the_result_by_intent_is_not_in_the_key(path, value):
    assert resolve(changed(config(), path, value)).key == KEY


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("seed",), 2),
        (("model", "clustering", "beta"), 11.0),
        (("model", "margin"), 0.5),
        (("stages", 0, "lr"), 0.5),
        (("stages", 0, "updates"), 7),
        (("stages", 1, "curricula"), [3]),
        (("stages", 1, "options"), {"alignment": "scene"}),
        (("training", "batch"), 9),
        (("data", "train", "1"), 33),
        (("data", "test", "3"), 9),
        (("evaluation", "most_sources"), 2),
        (("data", "world", "image_size"), 96),
        (("evaluation", "examples"), 3),
        (("evaluation", "batch"), 3),  # the random-centre control is drawn batch by batch
    ],
)
def test_what_can_change_the_result_is(path, value):
    assert resolve(changed(config(), path, value)).key != KEY


def test_a_change_upstream_changes_everything_below():
    before, after = (list(resolve(c).chain()) for c in (config(), changed(config(), ("stages", 0, "lr"), 0.5)))
    assert all(a.key != b.key for a, b in zip(before, after, strict=True))
    before, after = (list(resolve(c).chain()) for c in (config(), changed(config(), ("stages", 1, "lr"), 0.5)))
    assert [a.key == b.key for a, b in zip(before, after, strict=True)] == [True, False, False]


def test_what_a_task_trains_is_in_its_key():
    counting = config("counting")
    key = resolve(counting).key
    for path, value in (
        (("evaluation", "updates"), 5),
        (("evaluation", "labels"), "permuted"),
        (("training", "batch"), 9),
        (("data", "train", "5"), 17),
    ):
        assert resolve(changed(counting, path, value)).key != key
    separation = config("separation")
    key = resolve(separation).key
    for path, value in ((("evaluation", "network", "conditioning"), "center"), (("training", "batch"), 9)):
        assert resolve(changed(separation, path, value)).key != key
    assert resolve(changed(separation, ("data", "test", "2"), 9)).key == key  # not read


@pytest.mark.parametrize(
    ("task", "method", "path", "value"),
    [
        ("avc", "l3", ("evaluation", "negatives"), 3),
        ("avc", "l3", ("data", "test", "1"), 25),
        ("avc", "l3", ("data", "validation"), 17),
        ("avts", "avts", ("evaluation", "least_shift"), 0.25),
        ("avts", "avts", ("evaluation", "moments"), 2),
        ("action", "avts", ("evaluation", "updates"), 5),
        ("action", "avts", ("evaluation", "test"), 13),
        ("action", "avts", ("training", "batch"), 9),
        ("action", "avts", ("data", "world", "seconds"), 3.0),
    ],
)
def test_what_changes_the_baselines_tasks_is_in_their_keys(task, method, path, value):
    base = config(task, "untrained", method=method)
    assert resolve(changed(base, path, value)).key != resolve(base).key


@pytest.mark.parametrize(
    ("task", "method", "path"),
    [
        ("avc", "l3", ("data", "test", "2")),
        ("avts", "avts", ("data", "test", "2")),
        ("action", "avts", ("data", "train", "1")),
    ],
)
def test_scenes_that_a_task_does_not_read_are_not_in_its_key(task, method, path):
    base = config(task, "untrained", method=method)
    assert resolve(changed(base, path, 9)).key == resolve(base).key


def test_an_arm_s_key_is_its_model_s():
    arm, base = (resolve(config("avc", "untrained", method=m)) for m in ("l3:mel", "l3"))
    assert arm.key != base.key
    renamed = changed(arm.config.to_dict(), ("method",), "l3")
    assert resolve(renamed).key == arm.key


def test_defaults_left_out_are_the_same_run():
    sparse = changed(config(), ("stages", 0), {"curricula": [1], "updates": 6, "lr": LRS[0], "checkpoints": [3]})
    assert resolve(sparse).key == KEY


def test_untrained_networks_differ_by_seed_and_model_only():
    key = resolve(config(ordering="untrained")).key
    assert resolve(config(ordering="untrained", seed=2)).key != key
    assert resolve(changed(config(ordering="untrained"), ("model", "margin"), 0.5)).key != key
    assert resolve(config(ordering="untrained")).parents == ()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("extra",), 1, "unknown configuration key extra"),
        (("trainin",), {}, "did you mean 'training'"),
        (("model", "margn"), 1.0, "did you mean 'margin'"),
        (("model", "margin"), -1.0, "margin"),
        (("stages", 0, "lrr"), 1.0, r"stages\[0\]\.lrr"),
        (("stages", 0, "updates"), 0, "at least one update"),
        (("training", "batch"), 1, r"training\.batch"),
        (("data", "source"), "nowhere", "unknown data.source 'nowhere'"),
        (("data", "world", "image_size"), 8, "image_size"),
        (("seed",), 1.5, "seed must be a whole number"),
        (("step",), 7, "step=7: the last stage keeps its weights after no updates only"),
        (("counter", "update"), 1, r"counter\.update"),
        (("evaluation", "rule"), 1, r"evaluation\.rule"),
        (("stages", 0, "curricula"), [7], "curricula"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(path, value, message):
    with pytest.raises(ConfigError, match=message):
        resolve(changed(config(), path, value))


def test_presets_load_and_unknown_ones_are_refused():
    assert {"miniature", "smoke"} <= set(names())
    assert load("miniature").seeds == 3
    with pytest.raises(ConfigError, match="unknown preset 'x'"):
        load("x")


def test_every_run_of_the_presets_resolves():
    """But for actions in videos whose folder the user has not named: there are no such runs without."""
    for preset in names():
        for method, part in load(preset).methods.items():
            for ordering in part.runs:
                for task in TASKS.available:
                    videos = task == "action" and load(preset).evaluation(task).data != "miniature"
                    if task != PRETRAIN and can(method, task) and not videos:
                        assert resolve(run_config(task, preset, method, ordering, 1)).key


@pytest.mark.parametrize(
    ("task", "method", "message"),
    [
        ("avts", "cavl", "no synchronised; of preset 'smoke' these have: avts, avts:mc2"),
        ("avc", "full-frame", "no corresponds; .* these have: cavl, .*l3, "),
        ("action", "l3", "no video_network; .*: avts"),
        ("separation", "dmc", "no sound_maker or separate or separate_kinds or separate_blindly; .*: cavl"),
    ],
)
def test_what_a_method_cannot_do_is_said_before_anything_is_trained(task, method, message):
    with pytest.raises(ConfigError, match=f"{method} cannot be measured in {task}: it has {message}"):
        resolve(config(task, "none" if method == "full-frame" else "untrained", method=method))


def test_an_arm_asked_otherwise_has_its_methods_weights_and_one_asked_by_count_its_counter_too():
    plain, fixed, counted = (
        resolve(changed(config(ordering="c1", method=method), ("evaluation", name), value))
        for method, name, value in (
            ("cavl", "k", "labelled"),
            ("cavl:fixed-k", "visual_centres", 4),
            ("cavl:counted-k", "k", "counted"),
        )
    )
    assert len({plain.key, fixed.key, counted.key}) == 3
    assert plain.key == resolve(config(ordering="c1")).key
    assert plain.parents[0].key == fixed.parents[0].key == counted.parents[0].key
    assert [p.config.task for p in counted.parents] == ["pretrain", "counting"]
    assert counted.parents[1].config.ordering == "untrained"
    assert [job.config.counter for job in fixed.chain()] == [None, None]
    assert counted.parents[0].config.counter is None
