"""One training step of every network at its paper's sizes, as the script measures it (a minute or two)."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

#: Trained parameters, derived from the papers' descriptions in the tests of each network.
PARAMETERS = {
    "CAVL": 19_751_616,
    "counting": 4_766_337,
    "separation": 8_647_361,
    "L3-Net": 9_508_738,
    "AVTS": 16_878_657,
    "DMC": 19_308_224,
    "Attention": 28_079_624,
    "SoundNet": 15_951_200,  # 11,067,320 that hear, and its teacher's
    "Sound-of-Pixels": 41_598_243,
    "AV-Mix-Sep": 60_476_993,
    "Co-Separation": 71_655_441,
}


@pytest.mark.slow
def test_every_network_takes_a_full_size_step():
    script = ROOT / "tools" / "perf" / "full_size_step.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=None)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = re.findall(r"^\W*(\S+)\W+([\d,]+)\W+([\d.]+)\W+([\d,]+)\W*$", done.stdout, re.MULTILINE)
    assert {name: int(count.replace(",", "")) for name, count, _, _ in rows} == PARAMETERS
    (imports,) = re.findall(r"\(imports\)\D+([\d,]+)", done.stdout)
    assert all(float(seconds) > 0 for _, _, seconds, _ in rows)
    assert all(int(peak.replace(",", "")) > int(imports.replace(",", "")) + 100 for *_, peak in rows)
