"""Simulated reports of the real lists of claims: how often do they state what is false, and miss what is true?

A report is a table of scores (seeds x items) of every arm in every score; claims share arms, as the real ones do. From
seed to seed the mean score of an arm moves by 3 points: by what all its scores have in common, by what each has of its
own, and by luck on the items. Each arm finds some items harder than others do. One item stands for several: 40 have the
errors of 300 that are right or wrong. In dB all is twenty times as much. Of further data sets a claim has one, as in
the default preset.
"""

from dataclasses import replace

import numpy as np
import pytest

from reports.claims import CLAIMS
from reports.claims.scores import SCORES
from reports.claims.verdicts import ERROR, corrected, of_parts, of_region, two_sided
from reports.statistics import crossed_tests

ITEMS = 40
BY_ITEM, LUCK = 0.2 * np.sqrt(ITEMS / 300), 0.45 * np.sqrt(ITEMS / 300)
OWN = np.sqrt((0.03**2 - LUCK**2 / ITEMS) / 2)  # what moves a score from seed to seed besides luck: two such parts


def as_planned(claim):
    needed = tuple(c for c in claim.comparisons if not c.further)
    sets = list(dict.fromkeys(c.score for c in claim.comparisons if c.further))
    return replace(claim, comparisons=(*needed, *(c for c in claim.comparisons if c.further and c.score == sets[0])))


SOURCES = {c.source: [as_planned(k) for k in CLAIMS if k.source == c.source] for c in CLAIMS}
ABOVE = [c for claims in SOURCES.values() for c in claims if c.comparisons[0].relation == "above"]


def sides(comparison):
    return (comparison.first, comparison.score), (comparison.second, comparison.beside or comparison.score)


def arms_of(claims):
    return list(dict.fromkeys(side for claim in claims for c in claim.comparisons for side in sides(c)))


def unit(arm):
    return 20 if SCORES[arm[1]].metric.name.endswith("(dB)") else 1


def simulate(claims, means, rng, *, seeds=5, own=OWN, by_item=BY_ITEM, luck=LUCK):
    """Of arms with true ``means`` (reports, arms): verdicts stated, those that are false, those of support.

    Each is (reports, claims).
    """
    arms, reports = arms_of(claims), len(means)
    common = {who: rng.normal(0, own, (reports, seeds, 1)) for who, _ in arms}
    scores = {
        arm: unit(arm)
        * (
            means[:, i, None, None]
            + common[arm[0]]
            + rng.normal(0, own, (reports, seeds, 1))
            + rng.normal(0, by_item, (reports, 1, ITEMS))
            + rng.normal(0, luck, (reports, seeds, ITEMS))
        )
        for i, arm in enumerate(arms)
    }
    p, within, outside = [], [], []
    for claim in claims:
        parts = []
        for c in claim.comparisons:
            first, second = sides(c)
            d = scores[first] - scores[second]
            true = unit(first) * (means[:, arms.index(first)] - means[:, arms.index(second)])
            low, high = c.region
            p_for, p_against = of_region(d.mean((1, 2)), crossed_tests(d), c.region)
            parts.append((p_for, p_against, (low < true) & (true < high), (true < low) | (true > high)))
        p_for, p_against, inside, out = (np.stack(some, -1) for some in zip(*parts, strict=True))
        p.append(of_parts(p_for, p_against))
        within.append(inside.all(-1))
        outside.append(out.any(-1))
    p_for, p_against = (np.stack(some, -1) for some in zip(*p, strict=True))
    stated, supports = corrected(two_sided(p_for, p_against)) <= ERROR, p_for < p_against
    false = np.where(supports, ~np.stack(within, -1), ~np.stack(outside, -1))
    return stated, stated & false, stated & supports


def steps(claims, arms):
    """Arms by how many steps of "above" they stand over others."""
    height = dict.fromkeys(arms, 0)
    for _ in arms:
        for c in (c for claim in claims for c in claim.comparisons if c.relation == "above"):
            first, second = sides(c)
            height[first] = min(max(height[first], height[second] + 1), len(arms))
    return np.array([height[arm] for arm in arms])


NOISES = {
    "three points": {},
    "three seeds": {"seeds": 3},
    "of items alone": {"own": 0.0},
    "of seeds alone": {"luck": 0.001, "by_item": 0.0},
    "small": {"own": 0.003, "by_item": 0.02, "luck": 0.05},
}


@pytest.mark.parametrize("source", SOURCES)
def test_where_all_are_equal_one_report_in_twenty_at_most_holds_a_false_verdict(source):
    claims = SOURCES[source]
    null = np.zeros((1000, len(arms_of(claims))))
    for noise in ("three points", "three seeds", "of items alone"):
        _, false, _ = simulate(claims, null, np.random.default_rng(1), **NOISES[noise])
        assert false.any(-1).mean() <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("source", SOURCES)
def test_where_all_are_equal_whatever_the_noise(source, noise):
    claims = SOURCES[source]
    null, rng = np.zeros((1000, len(arms_of(claims)))), np.random.default_rng(2)
    rounds = [simulate(claims, null, rng, **NOISES[noise])[1].any(-1).mean() for _ in range(5)]
    assert np.mean(rounds) <= 0.05


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("step", [0.02, 0.1, 0.2])
def test_of_the_verdicts_that_are_stated_one_in_twenty_at_most_is_false(source, step):
    """Some arms are better by a step, some are not: claims are true, false, or contradicted."""
    claims, rng = SOURCES[source], np.random.default_rng(3)
    means = step * rng.integers(0, 2, (600, len(arms_of(claims))))
    stated, false, _ = simulate(claims, means, rng)
    assert (false.sum(-1) / np.maximum(stated.sum(-1), 1)).mean() <= 0.05


@pytest.mark.parametrize("claim", [c for c in ABOVE if len(c.comparisons) == 1], ids=lambda c: c.id)
def test_a_difference_of_twenty_points_is_found_at_five_seeds_even_alone(claim):
    """All others of its source are about nothing, which is the hardest case for a correction."""
    claims = SOURCES[claim.source]
    means = np.tile(0.2 * steps([claim], arms_of(claims)), (400, 1))
    _, _, supported = simulate(claims, means, np.random.default_rng(4))
    assert supported[:, claims.index(claim)].mean() >= 0.9


@pytest.mark.parametrize("source", SOURCES)
def test_where_every_difference_is_twenty_points_the_claims_are_found_at_five_seeds(source):
    claims = SOURCES[source]
    means = np.tile(0.2 * steps(claims, arms_of(claims)), (300, 1))
    _, _, supported = simulate(claims, means, np.random.default_rng(5))
    above = [i for i, claim in enumerate(claims) if claim.comparisons[0].relation == "above"]
    assert supported[:, above].mean(0).min() >= 0.9
