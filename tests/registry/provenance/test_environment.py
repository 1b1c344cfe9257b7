"""The environment of a run, told without importing it."""

import subprocess
import sys

import numpy
import torch

from registry.provenance.environment import differences, environment


def test_versions_are_those_of_the_packages() -> None:
    got = environment("float32", threads=2)
    assert got["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert got["numpy"] == numpy.__version__
    assert got["python"] == ".".join(map(str, sys.version_info[:2]))
    assert (got["precision"], got["threads"], got["world_size"]) == ("float32", 2, 1)
    assert {"scipy", "scikit-learn"} < got.keys()


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, registry.__main__; print([m for m in ('torch', 'sacred', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_differences_in_words() -> None:
    then = {"torch": "2.10.0", "threads": 1, "scipy": "1.0", "old": 1}
    now = {"torch": "2.11.0", "threads": 1, "scipy": None, "new": 2}
    assert differences(then, now) == (
        "new was absent, is 2",
        "old was 1, is absent",
        "scipy was 1.0, is absent",
        "torch was 2.10.0, is 2.11.0",
    )
    assert differences(then, dict(then)) == ()
    assert differences(then, {**then, "protocol": 1}) == ()  # it was, before it was recorded
    assert differences({**then, "mir_eval": "0.8.2"}, then) == ()  # it was recorded, and only tests use it
    assert differences(then, {**then, "protocol": 2}) == ("protocol was 1, is 2",)
