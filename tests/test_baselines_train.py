"""Do the baselines learn? One seed of each, against chance and untrained networks (minutes).

In the world of the first generator: among the silent objects of the second one DMC is at the floor, working or not.
"""

import pytest

from tests.suite import run_jobs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # 1,440 updates, on whatever else the cores have to do


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """(task, method, ordering) -> result of a run."""
    known = [("l3", "avc"), ("dmc", "c1"), ("attention:repaired", "c1")]
    jobs = [("avc", method, ordering) for method, trained in known for ordering in (trained, "untrained")]
    jobs += [("avts", "avts", ordering) for ordering in ("curriculum", "untrained")]
    jobs += [("localization", m, ordering) for m in ("dmc", "attention:repaired") for ordering in ("c1", "untrained")]
    records = run_jobs(tmp_path_factory.mktemp("baselines"), "miniature-v1", *((*job, {}) for job in jobs))

    def find(*wanted):
        (found,) = (r.result for r in records if wanted == tuple(r.config[n] for n in ("task", "method", "ordering")))
        return found

    return find


# Margins far below what three seeds of the main job show, far above what noise over the test scenes gives.


@pytest.mark.parametrize(
    ("method", "ordering", "margin"),
    [("l3", "avc", 0.1), ("dmc", "c1", 0.08), ("attention:repaired", "c1", 0.1)],
)
def test_image_and_sound_of_one_scene_are_known(result, method, ordering, margin):
    trained, untrained = result("avc", method, ordering), result("avc", method, "untrained")
    assert trained["accuracy"] > trained["chance"] + margin
    assert trained["accuracy"] > untrained["accuracy"] + margin
    assert trained["auc"] > untrained["auc"] + margin


def test_clip_and_sound_of_one_moment_are_known(result):
    trained, untrained = (result("avts", "avts", ordering)["sets"] for ordering in ("curriculum", "untrained"))
    assert trained["easy"]["accuracy"] > max(0.5, untrained["easy"]["accuracy"]) + 0.2
    assert trained["hard"]["auc"] > trained["hard-shuffled"]["auc"] + 0.2
    assert abs(trained["hard-shuffled"]["auc"] - 0.5) < 0.08  # of hundreds of pairs: five standard errors or more


@pytest.mark.parametrize("method", ["dmc", "attention:repaired"])
def test_objects_are_found(result, method):
    def success(ordering):
        return result("localization", method, ordering)["single"]["aligned"]["threshold=0.5"]["ciou@0.5"]

    assert success("c1") > success("untrained") + 0.15
