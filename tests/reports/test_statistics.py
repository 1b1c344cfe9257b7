import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from reports.statistics import Difference, Item, crossed_tests, items_half, over_items, p_above, paired, t_interval

finite = st.floats(-1e3, 1e3)


def by_item(table):
    """Seed -> item -> score of an array (seeds, items)."""
    return {seed: {f"i{i}": float(x) for i, x in enumerate(row)} for seed, row in enumerate(table, 1)}


def nothing(table):
    return by_item(np.zeros_like(table))


@given(st.lists(finite, min_size=2, max_size=9), st.sampled_from([0.8, 0.95, 0.99]))
def test_t_interval_is_scipys(values, level):
    estimate = t_interval(values, level)
    assert estimate.mean == pytest.approx(np.mean(values))
    spread = scipy.stats.sem(values)
    if spread > 1e-6:
        low, high = scipy.stats.t.interval(level, len(values) - 1, loc=np.mean(values), scale=spread)
        assert (estimate.low, estimate.high) == (pytest.approx(low), pytest.approx(high))


def test_three_seeds_by_hand():
    # mean 2, standard deviation 1, t(2) = 4.3027: half = 4.3027 / sqrt(3)
    assert t_interval([1.0, 2.0, 3.0]).half == pytest.approx(2.48414, abs=1e-5)


def test_one_seed_has_no_interval_and_no_seed_no_mean():
    assert t_interval([0.5]).half is None
    with pytest.raises(ValueError, match="no values"):
        t_interval([])


def test_infinite_values_have_a_mean_and_no_interval_without_complaint(recwarn):
    estimate = t_interval([math.inf, math.inf])
    assert (estimate.mean, math.isnan(estimate.half)) == (math.inf, True)
    assert not recwarn.list


def test_nan_is_a_finding_not_a_gap():
    estimate = t_interval([0.5, math.nan, 0.5])
    assert math.isnan(estimate.mean)
    assert estimate.n == 3
    difference = paired(by_item([[1.0, math.nan], [1, 1]]), nothing(np.ones((2, 2))))
    assert math.isnan(difference.mean)
    assert difference.verdict == "inconclusive"


@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=6))
def test_with_seed_means_only_it_is_the_paired_t_test(pairs):
    a, b = ({s: {"mean": pair[k]} for s, pair in enumerate(pairs)} for k in (0, 1))
    difference = paired(a, b)
    assert difference.items is None
    d = np.array([x - y for x, y in pairs])
    assert difference.mean == pytest.approx(d.mean(), abs=1e-9)
    if d.std() > 1e-6:
        interval = scipy.stats.ttest_rel(*np.array(pairs).T).confidence_interval(0.95)
        assert (difference.low, difference.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


def test_items_that_dominate_by_hand():
    # MS_S = 1, MS_I = 100, MS_SI = 0: variance 101 / 4, either part on one degree of freedom.
    difference = paired(by_item([[0, 10], [1, 11]]), nothing(np.zeros((2, 2))))
    assert difference.mean == 5.5
    assert difference.half == pytest.approx(scipy.stats.t.ppf(0.975, 1) * math.sqrt(101 / 4))
    assert (difference.n, difference.items) == (2, 2)


def test_seeds_and_items_by_hand():
    # MS_S = 9, MS_I = 4, MS_SI = 1: variance (9 + 3) / 4; over the two seed means (1.5, 4.5) it is 9 / 4.
    difference = paired(by_item([[1, 2], [3, 6]]), nothing(np.zeros((2, 2))))
    assert difference.half == pytest.approx(scipy.stats.t.ppf(0.975, 1) * math.sqrt(3))


@given(st.integers(2, 6), st.integers(2, 30), st.floats(0, 3), st.integers(0, 2**32 - 1))
def test_intervals_and_p_values_agree_and_are_those_of_the_definition(seeds, items, spread, draw):
    """The tail is the mean of Student's two, weighted by shares of the variance, or that over seeds if it is larger."""
    rng = np.random.default_rng(draw)
    d = rng.normal(0, 1, (seeds, items)) + rng.normal(0, spread, (seeds, 1)) + rng.normal(0, 1, items)
    found = paired(by_item(d), nothing(d))
    effects = [d.mean(1) - d.mean(), d.mean(0) - d.mean()]
    within = d - d.mean(1)[:, None] - d.mean(0) + d.mean()
    ms_s, ms_i = items * (effects[0] ** 2).sum() / (seeds - 1), seeds * (effects[1] ** 2).sum() / (items - 1)
    a, b = ms_s, max(0, ms_i - (within**2).sum() / (seeds - 1) / (items - 1))
    tails = scipy.stats.t.sf(found.half / math.sqrt((a + b) / seeds / items), [seeds - 1, items - 1])
    over_seeds = scipy.stats.t.sf(found.half / scipy.stats.sem(d.mean(1)), seeds - 1)
    assert max((a * tails[0] + b * tails[1]) / (a + b), over_seeds) == pytest.approx(0.025, rel=1e-6)
    assert found.above(found.low) == pytest.approx(0.025, rel=1e-6) == found.below(found.high)
    assert found.above(d.mean()) == pytest.approx(0.5)


def test_p_values_where_there_is_no_spread_or_no_number():
    same = paired(by_item(np.full((3, 4), 0.5)), nothing(np.zeros((3, 4))))
    assert [same.above(bound) for bound in (0.4, 0.5, 0.6)] == [0, 1, 1]
    assert [same.below(bound) for bound in (0.4, 0.5, 0.6)] == [1, 1, 0]
    assert same.above(-math.inf) == 0
    assert paired(by_item([[math.nan, 1], [1, 1]]), nothing(np.ones((2, 2)))).above(0) == 1
    assert paired(by_item([[1.0, 2.0]]), nothing(np.ones((1, 2)))).above(0) == 1  # one seed


@pytest.mark.parametrize("noise", [0.1, 1.0, 5.0])
def test_at_five_seeds_the_nominal_rate_of_errors_is_kept(noise):
    """Whatever part of the variance is the seeds': of the seed means alone a t-test over items would say anything."""
    rng = np.random.default_rng(5)
    d = rng.normal(0, 0.1, (6000, 5, 1)) + rng.normal(0, 0.1 * noise, (6000, 1, 40)) + rng.normal(0, 1, (6000, 5, 40))
    assert (2 * p_above(abs(d.mean((1, 2))), crossed_tests(d)) <= 0.05).mean() <= 0.055


def test_items_of_one_cluster_count_once():
    """Every recording cut into three copies: as many as there are recordings, at the same mean."""
    rng = np.random.default_rng(2)
    d = rng.normal(0.5, 1, (4, 10))
    alone = paired(by_item(d), nothing(d))
    copies = {
        s: {Item(f"{item} {k}", item): x for item, x in scores.items() for k in range(3)}
        for s, scores in by_item(d).items()
    }
    several = paired(copies, {s: dict.fromkeys(scores, 0.0) for s, scores in copies.items()})
    assert (several.mean, several.half) == (pytest.approx(alone.mean), pytest.approx(alone.half))
    assert (alone.items, several.items) == (10, 30)
    one = over_items(copies[1], dict.fromkeys(copies[1], 0.0))
    assert one.half == pytest.approx(over_items(by_item(d)[1], dict.fromkeys(by_item(d)[1], 0.0)).half)


def test_clusters_of_unequal_size_leave_the_mean_of_the_items():
    scores = {Item("a", "x"): 1.0, Item("b", "x"): 2.0, Item("c", "x"): 3.0, Item("d", "y"): 6.0}
    found = over_items(scores, dict.fromkeys(scores, 0.0))
    # mean 3; sums of deviations -3 and 3, times 2 clusters / 4 items: 1.5 and 4.5
    assert found.mean == 3
    assert found.half == pytest.approx(scipy.stats.t.ppf(0.975, 1) * 1.5)


def test_the_interval_over_items_averages_the_seeds_first():
    y = np.array([[0.1, 0.9, 0.5, 0.3], [0.3, 0.7, 0.9, 0.1]])
    expected = scipy.stats.t.ppf(0.975, 3) * scipy.stats.sem(y.mean(0))
    assert items_half(list(by_item(y).values())) == pytest.approx(expected)
    assert items_half([by_item(y)[1]]) == pytest.approx(scipy.stats.t.ppf(0.975, 3) * scipy.stats.sem(y[0]))
    own = [{f"{s} {item}": x for item, x in scores.items()} for s, scores in by_item(y).items()]  # items of their own
    error = math.sqrt(sum(scipy.stats.sem(row) ** 2 for row in y)) / 2
    assert items_half(own) == pytest.approx(scipy.stats.t.ppf(0.975, 6) * error)
    assert items_half([{"a": 1.0}]) is None
    assert items_half([{}]) is None


@given(st.integers(2, 5), st.integers(2, 8), st.integers(0, 2**32 - 1))
def test_exchanging_the_sides_changes_the_sign_only_and_order_nothing(seeds, items, draw):
    rng = np.random.default_rng(draw)
    a, b = by_item(rng.normal(size=(seeds, items))), by_item(rng.normal(size=(seeds, items)))
    one, other = paired(a, b), paired(b, a)
    assert (one.mean, one.half) == (pytest.approx(-other.mean), pytest.approx(other.half))
    turned = {s: dict(reversed(scores.items())) for s, scores in reversed(a.items())}
    assert paired(turned, b) == one


def test_an_interval_covers_the_truth_where_one_over_seeds_alone_does_not():
    rng = np.random.default_rng(0)
    seeds, items, trials = 3, 80, 500
    covered = np.zeros(2)
    for _ in range(trials):
        d = rng.normal(size=(1, items)) + rng.normal(size=(seeds, items))  # items differ in difficulty
        covered += (
            abs(d.mean()) < paired(by_item(d), nothing(d)).half,
            abs(d.mean()) < t_interval(d.mean(axis=1).tolist()).half,
        )
    both, seeds_alone = covered / trials
    assert both >= 0.93
    assert seeds_alone < 0.9


def test_only_common_seeds_and_items_are_paired():
    a = {1: {"x": 1.0, "y": 9.0}, 2: {"x": 2.0}, 3: {"x": 100.0}}
    b = {1: {"x": 0.0}, 2: {"x": 0.0, "z": 5.0}, 4: {"x": 0.0}}
    difference = paired(a, b)
    assert (difference.mean, difference.n) == (1.5, 2)


def test_scenes_of_their_own_in_each_seed_leave_the_interval_over_seeds():
    a = {1: {"a": 1.0, "b": 2.0}, 2: {"c": 2.0, "d": 4.0}}
    b = {seed: dict.fromkeys(scores, 0.0) for seed, scores in a.items()}
    difference = paired(a, b)
    assert difference.half == pytest.approx(t_interval([1.5, 3.0]).half)
    assert difference.items == 2


def test_nothing_in_common_is_refused():
    with pytest.raises(ValueError, match="nothing to pair"):
        paired({1: {"x": 1.0}}, {2: {"x": 1.0}})


@pytest.mark.parametrize(
    ("mean", "half", "n", "verdict"),
    [
        (0.2, 0.1, 3, "supported"),
        (-0.2, 0.1, 3, "contradicted"),
        (0.2, 0.3, 3, "inconclusive"),
        (0.2, 0.0, 2, "supported"),
        (0.0, 0.0, 3, "inconclusive"),
        (0.9, None, 1, "inconclusive"),
        (0.9, 0.0, 1, "inconclusive"),
        (0.9, math.nan, 3, "inconclusive"),
    ],
)
def test_verdicts(mean, half, n, verdict):
    assert Difference(mean=mean, half=half, n=n, items=10).verdict == verdict


def test_of_one_seed_the_items_are_the_sample():
    found = over_items({"a": 1.0, "b": 1.0, "c": 0.0, "d": 5.0}, {"a": 0.0, "b": 1.0, "c": 1.0, "e": 9.0})
    assert (found.mean, found.n) == (0.0, 3)
    assert found.half == pytest.approx(2.4841377)  # 4.30265 * 1 / sqrt(3)
    with pytest.raises(ValueError, match="no common item"):
        over_items({"a": 1.0}, {"b": 1.0})
