"""Presets of a user's own: a file named on the command line, an entry point of another package."""

from __future__ import annotations

import importlib.metadata
import json
import pickle

import pytest

from benchmarks import presets
from benchmarks.__main__ import main
from benchmarks.catalogue import PRESETS
from benchmarks.orchestration.request import Request, jobs_of
from benchmarks.orchestration.run_config import RunConfig
from cavl.config import ConfigError
from registry.index import Registry

MINE = """
from dataclasses import replace

from benchmarks.presets import MethodPreset, smoke
from benchmarks.tasks.localization import LocalizationConfig

PRESET = replace(
    smoke.PRESET,
    seeds=2,
    methods={"full-frame": MethodPreset(), "dmc": smoke.PRESET.methods["dmc"]},
    evaluations={**smoke.PRESET.evaluations, "localization": LocalizationConfig(examples=1, batch=4)},
)
"""


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return str(file)


def test_a_file_is_a_preset(mine):
    jobs = jobs_of(Request(preset=mine, tasks=("localization",)))
    assert {(j.config.method, j.config.ordering, j.config.seed) for j in jobs if j.config.task == "localization"} == {
        ("full-frame", "none", 1),
        ("full-frame", "none", 2),
        *(("dmc", ordering, seed) for ordering in ("c1", "all", "untrained") for seed in (1, 2)),
    }
    assert {j.config.evaluation.batch for j in jobs if j.config.task == "localization"} == {4}


def test_its_runs_are_those_of_any_preset_with_the_same_values(mine):
    ours = {j.key for j in jobs_of(Request(preset=mine, seeds=1, methods=("dmc",), tasks=("classification",)))}
    assert ours <= {j.key for j in jobs_of(Request(preset="smoke", tasks=("classification",)))}


def test_its_configurations_travel_to_other_processes_and_records(mine):
    (config, *_) = [j.config for j in jobs_of(Request(preset=mine, tasks=("localization",)))]
    assert pickle.loads(pickle.dumps(config)) == config
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_its_rehearsal_and_its_name(mine):
    assert presets.load(f"{mine}@8").evaluation("localization").batch == 4
    assert {j.config.seed for j in jobs_of(Request(preset=f"{mine}@8"))} == {1}
    assert (presets.label(mine), presets.label(f"{mine}@8"), presets.label("paper@8")) == ("mine", "mine@8", "paper@8")


def test_its_plan_and_report_have_the_name_of_the_file(mine, tmp_path, monkeypatch):
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "runs"))
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    words = ["--preset", "mine.py", "--methods", "full-frame", "--tasks", "localization", "--seeds", "1", "--jobs", "1"]
    assert main(words) == 0
    assert Registry(tmp_path / "runs").plan("mine")["preset"] == "mine"
    assert (tmp_path / "reports" / "generated" / "mine" / "index.html").is_file()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("away.py", None, "no such file to read a preset from"),
        ("empty.py", "", "has no PRESET, a benchmarks.presets.Preset"),
        ("wrong.py", "PRESET = 3", "has no PRESET, a benchmarks.presets.Preset"),
        ("raising.py", "import math\n\nPRESET = math.nothing", "raising.py, line 3: AttributeError: .*nothing"),
        ("broken.py", "PRESET = (", "broken.py: SyntaxError"),
    ],
)
def test_what_is_no_preset_is_refused_in_a_sentence(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        presets.load(str(tmp_path / name))


def test_another_package_s_preset_is_known_by_name(tmp_path, monkeypatch):
    (tmp_path / "my_presets.py").write_text(MINE)
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("theirs", "my_presets:PRESET", "cavl.presets")
    monkeypatch.setattr("registry.plugins.entry_points", lambda group: [entry] if group == "cavl.presets" else [])
    monkeypatch.delitem(vars(PRESETS), "available", raising=False)
    try:
        assert "theirs" in presets.names()
        assert presets.load("theirs").seeds == 2
    finally:
        vars(PRESETS).pop("available", None)
