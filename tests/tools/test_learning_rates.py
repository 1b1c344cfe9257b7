"""The tool that looks for learning rates, on a method whose best rate is known, and what presets make of its file."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import presets
from benchmarks.presets import learning_rates
from benchmarks.training.loop import TrainingError

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("tool", ROOT / "tools" / "learning_rates.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_best_rate_is_taken_of_equals_the_smallest_and_none_that_leaves_the_numbers(tool, monkeypatch):
    scores = {1e-4: 0.5, 3e-4: 0.5, 1e-3: 0.7, 3e-3: 0.7, 1e-2: None}

    def trained(part, name, stage, data, preset, seed):
        if scores[stage.lr] is None:
            raise TrainingError("the loss is nan")
        return stage.lr

    monkeypatch.setattr(tool, "trained", trained)
    monkeypatch.setattr(tool, "score", lambda rate, data, seed: ("AUC", scores[rate]))
    ((name, entry),) = tool.search(presets.load("smoke"), ["dmc"], 100, 16, learning_rates.GRID)
    assert (name, entry["choice"], entry["ordering"], entry["updates"]) == ("dmc", 1e-3, "c1", 4)
    assert entry["scores"] == {"0.0001": 0.5, "0.0003": 0.5, "0.001": 0.7, "0.003": 0.7, "0.01": None}


SEPARATING = ("sound-of-pixels", "av-mix-sep", "co-separation")


def test_every_trained_network_of_a_preset_is_tuned_once(tool):
    found = [name for name, *_ in tool.tuned(presets.load("miniature"), (), 100)]
    assert found == ["cavl", "l3", "avts", "dmc", "attention", "attention:repaired", *SEPARATING]


def test_seeds_of_reports_are_refused(tool):
    with pytest.raises(SystemExit):
        tool.main(["--preset", "smoke", "--seed", "3"])


def test_a_system_that_separates_is_scored_by_the_sdr_of_validation_mixtures(tool, tmp_path, tmp_home):
    file = tmp_path / "rates.json"
    words = ["--preset", "smoke", "--methods", "av-mix-sep", "--scenes", "16", "--grid", "0.001", "--out", str(file)]
    tool.main(words)
    (entry,) = json.loads(file.read_text())["smoke"].values()
    assert entry["measure"] == "separation, SDR"
    assert -30 < entry["scores"]["0.001"] < 30


def test_a_small_search_is_kept_and_read(tool, tmp_path, tmp_home, monkeypatch):
    file = tmp_path / "rates.json"
    words = ["--preset", "smoke", "--methods", "dmc", "--scenes", "16", "--grid", "0.001,0.01", "--out", str(file)]
    tool.main(words)
    (entry,) = json.loads(file.read_text())["smoke"].values()
    assert set(entry["scores"]) == {"0.001", "0.01"}
    assert all(0 <= score <= 1 for score in entry["scores"].values())
    tool.main([*words[:-4], "--grid", "0.0001", "--out", str(file)])
    (wider,) = json.loads(file.read_text())["smoke"].values()
    assert list(wider["scores"]) == ["0.0001", "0.001", "0.01"], "a rate that is tried later joins the others"
    assert wider["scores"].items() >= entry["scores"].items()
    assert wider["scores"][f"{wider['choice']:g}"] == max(wider["scores"].values())
    tool.main([*words[:-4], "--scenes", "12", "--grid", "0.0001", "--out", str(file)])
    (other,) = json.loads(file.read_text())["smoke"].values()
    assert set(other["scores"]) == {"0.0001"}, "scores of other scenes are not compared"
    file.write_text(json.dumps({"smoke": {"dmc": entry}}))
    monkeypatch.setattr(learning_rates, "read", lambda: json.loads(file.read_text()))
    assert learning_rates.rate("smoke", "dmc", 0.5) == entry["choice"]
    assert learning_rates.rate("smoke", "dmc:arm", 0.5) == entry["choice"]
    assert learning_rates.rate("smoke", "l3", 0.5) == 0.5


def test_grids_of_the_file_are_those_of_presets():
    """And each choice is of the grid, by a seed that no report has."""
    for preset, tried in learning_rates.read().items():
        assert preset in presets.load(preset).rates
        for name, entry in tried.items():
            assert name in presets.load(preset).methods
            best = max(score for score in entry["scores"].values() if score is not None)
            assert entry["scores"][f"{entry['choice']:g}"] == best
            assert entry["seed"] >= 100


def test_presets_say_which_grids_their_rates_are_of():
    plain = presets.load("miniature")
    assert plain.rates == presets.load("composite").rates == ("miniature",)
    assert replace(plain, rates=()).rates == ()
