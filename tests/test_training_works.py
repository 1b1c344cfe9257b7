"""Does training work at all? One seed of C1 in the default preset, in every task, against its controls (minutes)."""

import pytest

from registry.comparison import flat
from tests.suite import run_jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # 3,300 updates, on whatever else the cores have to do


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """(task, ordering, variant) -> result of a run of the default preset."""
    records = run_jobs(
        tmp_path_factory.mktemp("works"),
        "miniature",
        ("localization", "cavl", "c1", {}),
        ("localization", "cavl", "untrained", {}),
        ("counting", "cavl", "c1", {}),
        ("counting", "cavl", "untrained", {"labels": "permuted"}),
        ("separation", "cavl", "c1", {"network": {"conditioning": "mask"}}),
        ("separation", "cavl", "c1", {"network": {"conditioning": "center"}}),
    )

    def find(task, ordering, **evaluation):
        (found,) = (
            r.result
            for r in records
            if (r.config["task"], r.config["ordering"]) == (task, ordering)
            and all(flat(r.config["evaluation"])[name] == value for name, value in evaluation.items())
        )
        return found

    return find


# Margins far below what three seeds of the main job show, far above what noise over the test scenes gives.


def test_a_trained_network_localizes_and_follows_the_sound(result):
    trained, untrained = result("localization", "c1"), result("localization", "untrained")

    def success(result, row):
        return result["single"][row]["threshold=0.5"]["ciou@0.5"]

    assert success(trained, "aligned") > 2 * success(untrained, "aligned") + 0.05
    assert success(trained, "aligned") > success(trained, "random-centre") + 0.03
    assert success(trained, "aligned") > success(trained, "unaligned") + 0.1
    assert trained["pointing"] > trained["pointing_other"] + 0.2
    assert trained["pointing"] > untrained["pointing"] + 0.2


def test_a_counter_counts_better_than_chance_and_than_what_permuted_labels_teach(result):
    counter, permuted = result("counting", "c1"), result("counting", "untrained", labels="permuted")
    for other in (permuted, {"accuracy": {"mode": counter["trivial"]["random"]["accuracy"]}}):
        assert counter["accuracy"]["mode"] > other["accuracy"]["mode"] + 0.1
    assert counter["mae"]["rate"] < permuted["mae"]["rate"] - 0.3
    assert counter["mae"]["mode"] < counter["trivial"]["random"]["mae"] - 0.3


@pytest.mark.parametrize("conditioning", ["center", "mask"])
def test_a_separator_separates_what_it_is_shown(result, conditioning):
    rows = result("separation", "c1", **{"network.conditioning": conditioning})["rows"]
    sdr = {row: scores["sdr"] for row, scores in rows.items()}
    for located in ("located-mixture", "located-solo"):
        assert sdr[located] > sdr["mixture"] + 1
        assert sdr[located] > sdr["shuffled"] + 4
        assert sdr[located] < sdr["ideal-ratio-mask"]
