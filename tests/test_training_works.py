"""Does training work at all? One seed of C1 in the default preset against its controls (a minute and a half)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.index import Registry

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_trained_network_localizes_and_follows_the_sound(tmp_path):
    home = tmp_path / "runs"
    environment = {
        **os.environ,
        "CAVL_HOME": str(home),
        "CAVL_DATA": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT),  # in a folder of its own, so that its report does not replace the user's
    }
    arguments = ["--seeds", "1", "--methods", "cavl", "--orderings", "c1,untrained", "--tasks", "localization"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    trained, untrained = (
        next(r.result for r in Registry(home).records(task="localization") if r.config["ordering"] == ordering)
        for ordering in ("c1", "untrained")
    )

    def success(result, row):
        return result["single"][row]["threshold=0.5"]["ciou@0.5"]

    # Margins far below what three seeds of the main job show, far above what noise over 300 scenes gives.
    assert success(trained, "aligned") > 2 * success(untrained, "aligned") + 0.05
    assert success(trained, "aligned") > success(trained, "random-centre") + 0.03
    assert success(trained, "aligned") > success(trained, "unaligned") + 0.1
    assert trained["pointing"] > trained["pointing_other"] + 0.2
    assert trained["pointing"] > untrained["pointing"] + 0.2
