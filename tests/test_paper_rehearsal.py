"""The preset ``paper`` as a user runs it, full-size networks and all, on prepared data sets of a few clips."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.index import Registry
from tests import paper_data

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow

#: Four stages, each as the paper's, and what is measured on them; rows that look at no image.
COMMAND = (
    *("benchmarks", "--preset", "paper", "--limit", "16"),
    *("--methods", "cavl,full-frame,mean-training-map", "--orderings", "c1-c2-c3-c4,none"),
)
#: Trained parameters (docs/performance.md).
CAVL, COUNTER, SEPARATOR = 19_751_616, 4_766_337, 8_647_361


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    lost = [paper_data.lost_segment("gone0000001", 1), paper_data.lost_segment("broken00001", 2, status="damaged")]
    paper_data.audioset(root, dict.fromkeys(range(1, 6), 6), dict.fromkeys(range(1, 6), 2), lost=lost)
    paper_data.music(root, videos=4, pieces=1)
    boxes = {f"image{i}": [[10 + i, 20, 100, 120], [12, 22, 110, 130]] for i in range(4)}
    training = {f"other{i}": [[30, 30 + i, 200, 200], [20, 30, 210, 220]] for i in range(5)}
    paper_data.flickr_soundnet(root, boxes, training, missing=["image3"], seconds=5.0)
    paper_data.esc50(root, classes=2)
    return root


def run(data, home, *arguments, timeout):
    environment = {**os.environ, "CAVL_HOME": str(home), "CAVL_DATA": str(data), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_what_is_not_prepared_is_refused_before_anything_is_trained(tmp_path):
    refused = run(tmp_path / "empty", tmp_path / "runs", *COMMAND, timeout=120)
    assert refused.returncode == 2
    for name in ("audioset", "flickr_soundnet", "music", "esc50"):
        assert f"python -m benchmarks.datasets prepare {name} --root" in refused.stdout
    assert "or select with --tasks and --methods what can do without" in refused.stdout
    assert not list((tmp_path / "runs").glob("[0-9]*"))


@pytest.mark.timeout(900)
def test_two_updates_of_each_stage_and_all_four_tasks_with_the_full_size_networks(data, tmp_path):
    home = tmp_path / "runs"
    finished = run(data, home, *COMMAND, timeout=840)
    assert finished.returncode == 0, finished.stdout

    records = Registry(home).records()
    assert {r.status for r in records} == {"COMPLETED"}
    by_task = {}
    for record in records:
        by_task.setdefault(record.pedigree.task, []).append(record)
    assert set(by_task) == {"pretrain", "localization", "classification", "counting", "separation"}

    trained = sorted(by_task["pretrain"], key=lambda r: len(r.config["stages"]))
    assert [[s["curricula"] for s in r.config["stages"]][-1] for r in trained] == [[1], [2], [3], [4]]
    assert [r.config["stages"][-1]["lr"] for r in trained] == [1e-4, 1e-5, 1e-6, 1e-7]
    assert all(r.metrics()["loss"][0] == [1, 2] for r in trained)
    assert all("pair_accuracy" in r.result and "pointing" not in r.result for r in trained)
    assert trained[0].result["coverage"].endswith("(missing 1, damaged 0)")
    for record, parameters in (
        *((r, CAVL) for r in trained),
        (by_task["counting"][0], COUNTER),
        (by_task["separation"][0], CAVL + SEPARATOR),
    ):
        (weights,) = home.glob(f"checkpoints/{record.pedigree.key}/weights.safetensors")
        assert weights.stat().st_size == pytest.approx(4 * parameters, rel=0.01)

    rows = {r.config["method"]: r.result for r in by_task["localization"]}
    assert {r["coverage"] for r in rows.values()} == {"3 of 4 (missing 1, damaged 0)"}
    assert rows["cavl"]["items"] == {"single": 3, "multi": {}}
    assert {"aligned", "unaligned", "random-centre", "other-audio"} == set(rows["cavl"]["single"])
    assert set(rows["mean-training-map"]["single"]) == {"mask"}
    assert [r.result["items"] for r in by_task["classification"]] == [10, 10]  # ESC-10 and ESC-50
    assert by_task["counting"][0].result["items"] == 10
    assert by_task["separation"][0].result["pairs"] == 2

    report = ROOT / "reports" / "generated" / "paper@16"
    text = (report / "report.md").read_text()
    assert "- **Rehearsal**: A rehearsal, on at most 16 scenes of each set" in text
    assert "data: 3 of 4 (missing 1, damaged 0)" in text
    assert "46.0" in text, "the paper's number stands beside ours"
    plan = json.loads((home / "plans" / "paper@16.json").read_text())
    assert plan["limit"] == 16

    again = run(data, home, *COMMAND, timeout=120)
    assert again.returncode == 0
    assert " 0 to do" in again.stdout
