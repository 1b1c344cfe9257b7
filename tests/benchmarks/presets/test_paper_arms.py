"""Every arm of the preset ``paper`` on data as prepared, with its windows, frames and schedule, but small networks.

The rehearsal in ``tests/test_rehearsal.py`` has the full-size networks of one method; here all others are run.
"""

import pytest

from benchmarks.orchestration.experiment import run_job
from registry.index import Registry
from tests import paper_data
from tests.plain_config import resolve, run_config

SMALL = (8, "M", 8, "M", 8, "M", 16)
CAVL = {"audio_trunk": SMALL, "visual_trunk": SMALL}
#: Method -> what makes it small.
MODELS = {
    "cavl:music": CAVL,
    "cavl:instrument": CAVL,
    "l3": {"channels": (8, 8, 16, 16)},
    "l3:kinetics-sounds": {"channels": (8, 8, 16, 16)},
    "avts": {"trunk": "small", "widths": (8, 8, 8, 16, 16), "audio_trunk": SMALL},
    "dmc": CAVL,
    "attention": {"visual_trunk": SMALL},
    "attention:repaired": {"visual_trunk": SMALL},
}
SEPARATOR = {"channels": (8, 8, 8, 8, 8, 8)}
CENTER = {**SEPARATOR, "conditioning": "center"}

#: Task, method, ordering, and what differs in its evaluation; the sizes of the tables' data.
RUNS = [
    ("separation", "cavl:music", "c1-c2", {"network": SEPARATOR}),  # Table 5: duets are its second curriculum
    ("separation", "cavl:music", "c1-matched", {"network": SEPARATOR}),
    ("separation", "cavl:music", "c1", {"network": CENTER}),
    ("separation", "cavl:instrument", "c1", {"network": SEPARATOR}),  # Table 6
    ("classification", "l3", "avc", {"probe": "esc10"}),
    ("avc", "l3", "avc", {}),
    ("localization", "l3", "avc", {}),
    ("avc", "l3:kinetics-sounds", "supervised-avc", {}),
    ("avc", "l3:kinetics-sounds", "supervised", {}),
    ("classification", "l3:kinetics-sounds", "supervised", {"probe": "esc10"}),
    ("avts", "avts", "curriculum", {}),
    ("classification", "avts", "curriculum", {"probe": "esc10"}),
    ("localization", "dmc", "c1", {}),
    ("localization", "attention", "c1", {}),
    ("localization", "attention:repaired", "c1", {}),
    ("classification", "spectrogram-statistics", "none", {"probe": "esc10"}),
    ("localization", "random-box", "none", {}),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    paper_data.audioset(root, {1: 8}, {1: 4}, fps=25.0)
    paper_data.music(root, videos=4, pieces=2)
    paper_data.instrument(root, train=8, test=8)
    paper_data.kinetics_sounds(root, train=8, test=4)
    paper_data.flickr_soundnet(root, {f"image{i}": [[20, 20, 90, 90]] * 2 for i in range(4)}, {}, seconds=5.0)
    paper_data.esc50(root, classes=2)
    return root


@pytest.mark.slow
def test_every_arm_trains_and_is_measured(data, tmp_home, monkeypatch):
    monkeypatch.setenv("CAVL_DATA", str(data))
    results = {}
    for task, method, ordering, changes in RUNS:
        config = run_config(task, "paper@16", method, ordering, 1)
        evaluation = {**config["evaluation"], **changes}
        if "network" in changes:
            evaluation["network"] = {**config["evaluation"]["network"], **changes["network"]}
        small = {**config, "model": {**config["model"], **MODELS.get(method, {})}, "evaluation": evaluation}
        job = resolve(small)
        for step in job.chain():
            if Registry(tmp_home).find(step.key) is None:
                run_job(step)
        results[task, method, ordering, job.variant] = Registry(tmp_home).find(job.key).result

    assert len(results) == len(RUNS)
    for (task, method, *_), result in results.items():
        assert "coverage" in result, (task, method)
        if task == "separation":
            assert result["pairs"] == 2
            assert result["coverage_training"].endswith(" of 8" if method == "cavl:music" else " of 7")
    duets = [r for r in Registry(tmp_home).records() if r.pedigree.task == "pretrain" and len(r.config["stages"]) == 2]
    assert {tuple(r.config["stages"][-1]["curricula"]) for r in duets} >= {(2,), (1,)}
