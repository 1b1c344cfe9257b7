"""Sound-of-Pixels, AV-Mix-Sep and Co-Separation through pre-training, separation and the extractor, end to end."""

import numpy as np
import pytest

import cavl
from benchmarks.orchestration.request import Request, jobs_of
from tests.suite import run_jobs

SYSTEMS = ("sound-of-pixels", "av-mix-sep", "co-separation")


def test_they_run_beside_cavl_and_in_the_papers_data_what_fetches_weights_where_it_is_named():
    def methods(**request):
        return {job.config.method for job in jobs_of(Request(**request))}

    assert methods(preset="smoke", seeds=1) >= {*SYSTEMS, "soundnet"}
    assert methods(preset="miniature", seeds=1) & {*SYSTEMS, "soundnet"} == {"soundnet"}
    for preset in ("smoke", "miniature"):
        named = methods(preset=preset, seeds=1, methods=SYSTEMS, tasks=("separation",))
        assert named == {*SYSTEMS, "mean-spectrum"}
    every = methods(preset="paper", seeds=1)
    assert {"sound-of-pixels", "sound-of-pixels:music", "sound-of-pixels:instrument", "av-mix-sep:music"} <= every
    assert not {"soundnet", "co-separation:music", "co-separation:instrument"} & every
    (found,) = methods(preset="paper", seeds=1, methods=("co-separation:music",), tasks=("separation",)) - {
        "mean-spectrum"
    }
    assert found == "co-separation:music"


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    jobs = [("separation", name, ordering, {}) for name in SYSTEMS for ordering in ("c1", "untrained")]
    return run_jobs(tmp_path_factory.mktemp("systems"), "smoke", *jobs)


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_is_trained_and_separates(records, name, monkeypatch):
    of = {(r.config["task"], r.config["ordering"]): r for r in records if r.config["method"] == name}
    assert of.keys() == {("pretrain", "c1"), ("separation", "c1"), ("separation", "untrained")}
    trained, result = of["pretrain", "c1"].result, of["separation", "c1"].result
    assert np.isfinite(trained["loss"])
    assert np.isfinite(trained["validation_loss"])
    assert {"located-mixture", "shuffled", "mixture", "ideal-ratio-mask"} <= result["rows"].keys()
    assert result["primary"] == "located-mixture"
    assert ("boxes" in result["knows"]) == (name == "co-separation")
    others = [r.result["rows"]["mixture"]["sdr"] for r in records if r.config["task"] == "separation"]
    assert all(sdr == pytest.approx(others[0]) for sdr in others), "the same sounds are asked back of all"

    model = cavl.load(of["separation", "c1"].folder)
    assert "separate" in model.abilities
    sound, pictures = np.zeros(30_000, np.float32), np.zeros((2, 20, 20, 3), np.uint8)
    sound[::100] = 0.5
    assert model.separate(sound, list(pictures), 11_025).shape == (2, 30_000)
