"""Statistics: intervals over seeds, and differences paired over the same items and seeds (PROTOCOLS §10).

A training run with another seed gives another score, so the seed is the unit of replication: a mean carries a Student t
interval over seeds. (A bootstrap over three seeds would cover 74 % of the time instead of 95 %.) One seed carries none.

A difference of two methods is computed item by item within each seed. Both the seeds and the items are samples: other
scenes could have been drawn. :func:`paired` therefore takes both into account by the analysis of variance that
radiology uses for several readers of the same cases (Dorfman, Berbaum & Metz 1992), readers being seeds here. With
three seeds and scores that vary by item, a t-interval over the seeds alone covered 84 % in our simulation, this one
95 %. Seeds are few and items many, and their shares of the variance are estimated: the tail probability is the mean of
Student's for the degrees of freedom of either, weighted by these shares (ours; Cochran 1964 so weights quantiles). One
number of degrees of freedom for both (Hillis 2007) let up to 1.3 times the nominal rate of errors through at five
seeds. The wider of this interval and the paired t-interval over seeds is reported, so nothing passes that a paired
t-test over seeds would not let pass. P-values are those of the same two tests, the larger counting.

Items of one cluster (cut from one recording, of one video or object) are no independent evidence. What is counted as an
item is then the cluster: the sum of its items' deviations, so that means stay what they are, and of clusters of one
size the means are compared (the sandwich estimate of cluster-robust errors).

References
----------
D. D. Dorfman, K. S. Berbaum, C. E. Metz, "Receiver operating characteristic rating analysis", Invest. Radiol. 27, 1992.
S. L. Hillis, "A comparison of denominator degrees of freedom methods for multiple observer ROC analysis", Statistics in
Medicine 26, 2007.
W. G. Cochran, "Approximate significance levels of the Behrens-Fisher test", Biometrics 20, 1964.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

LEVEL = 0.95

Floats = npt.NDArray[np.float64]
Scores = Mapping[str, float]  # item -> score


class Item(str):
    """The name of a test item, which knows its ``cluster``: the recording, video or object that it shares."""

    cluster: str

    def __new__(cls, name: str, cluster: str) -> Self:
        item = super().__new__(cls, name)
        item.cluster = cluster
        return item


class MeanTest(NamedTuple):
    """A test of means against a bound; numbers, or arrays of one shape."""

    error: Any  # standard error
    parts: tuple[tuple[Any, Any], ...]  # (share of its square, degrees of freedom) of what it is made of

    def p_above(self, distance: Any) -> Any:
        """One-sided p-values of means that lie ``distance`` above the bound; NaN where there is no such number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -np.divide(distance, self.error)
        return sum(share * stdtr(df, t) for share, df in self.parts)

    def half(self, level: float) -> float:
        """Half the width of the interval around one mean."""
        error, tail = float(self.error), (1 - level) / 2
        if not error > 0 or math.isinf(error):
            return error
        quantiles = [float(stdtrit(df, 1 - tail)) for _, df in self.parts]  # theirs lies between
        bracket = 0.9 * min(quantiles), 1.1 * max(quantiles)
        return error * float(brentq(lambda t: float(self.p_above(t * error)) - tail, *bracket))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over ``n`` seeds; ``half`` is half the width of its interval, None where one seed gives none."""

    mean: float
    half: float | None
    n: int
    tests: tuple[MeanTest, ...] = ()

    @property
    def low(self) -> float:
        return self.mean if self.half is None else self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean if self.half is None else self.mean + self.half

    def above(self, bound: float) -> float:
        """One-sided p-value of the mean being no higher than ``bound``; 1 where no interval tells."""
        return float(p_above(self.mean - bound, self.tests))

    def below(self, bound: float) -> float:
        """One-sided p-value of the mean being no lower than ``bound``."""
        return float(p_above(bound - self.mean, self.tests))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(Estimate):
    """A paired difference; ``items`` is the number of items that both sides scored in every seed (None: seed means)."""

    items: int | None

    @property
    def verdict(self) -> str:
        """On the statement "the first is above the second"; never more than "inconclusive" from a single seed."""
        if self.n < 2 or self.half is None or not math.isfinite(self.mean + self.half):
            return "inconclusive"
        if self.low > 0:
            return "supported"
        return "contradicted" if self.high < 0 else "inconclusive"


def p_above(distance: Any, tests: Sequence[MeanTest]) -> Floats:
    """One-sided p-values of means that lie ``distance`` above a bound: of each the largest by ``tests``.

    1 without any test, where a mean or its error is no number, and for a mean on its bound without any spread.
    """
    p = [test.p_above(distance) for test in tests] or [np.ones(np.shape(distance))]
    return np.max(np.where(np.isnan(p), 1.0, p), axis=0)


def t_interval(values: Sequence[float], level: float = LEVEL) -> Estimate:
    """Mean of ``values`` (one per seed) with its two-sided Student t interval.

    NaN among the values makes the estimate NaN: it is a finding, not a gap.

    Raises
    ------
    ValueError
        Without any value.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.size == 0:
        raise ValueError("no values: a mean over no seeds does not exist")
    tests = () if x.size == 1 else crossed_tests(x[:, None])
    return Estimate(mean=float(x.mean()), half=_half(tests, level), n=int(x.size), tests=tests)


def common_seeds(first: Mapping[int, Scores], second: Mapping[int, Scores]) -> list[int]:
    """The seeds in which both sides scored an item in common: those that can be paired."""
    return sorted(s for s in first.keys() & second.keys() if first[s].keys() & second[s].keys())


def paired(first: Mapping[int, Scores], second: Mapping[int, Scores], level: float = LEVEL) -> Difference:
    """``first`` minus ``second``, paired over the seeds both have and, within them, over the items both scored.

    Parameters
    ----------
    first, second
        Seed -> item -> score. Where only a seed's mean is known, give it as a single item. Items that are
        :class:`Item` belong to clusters.

    Notes
    -----
    With d[s, i] the difference of item (or cluster) i in seed s, MS_S, MS_I and MS_SI the mean squares of seeds, items
    and their interaction, the variance of the mean is (A + B) / (S I), A = MS_S with S - 1 and B = max(MS_I - MS_SI, 0)
    with I - 1 degrees of freedom; a tail probability is (A P(S - 1) + B P(I - 1)) / (A + B). Items that differ from
    seed to seed are part of the seeds' own variation, and the paired t-interval over seeds is used alone.

    Raises
    ------
    ValueError
        If no seed has an item in common.
    """
    differences = {
        seed: {
            item: first[seed][item] - second[seed][item] for item in sorted(first[seed].keys() & second[seed].keys())
        }
        for seed in common_seeds(first, second)
    }
    if not differences:
        raise ValueError("nothing to pair: the two sides have no item of a common seed")
    means = np.array([np.mean(list(d.values())) for d in differences.values()])
    table = _crossed(list(differences.values()))
    tests = crossed_tests(means[:, None] if table is None else table) if len(means) > 1 else ()
    sizes = [len(d) for d in differences.values()]
    return Difference(
        mean=float(means.mean()),
        half=_half(tests, level),
        n=len(means),
        items=None if max(sizes) == 1 else min(sizes),
        tests=tests,
    )


def over_items(first: Scores, second: Scores, level: float = LEVEL) -> Estimate:
    """``first`` minus ``second`` of one training run each, over the items both scored, which are the sample.

    It says how sure this one seed's difference is, and nothing of what another seed would give.

    Raises
    ------
    ValueError
        If they have no item in common.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        raise ValueError("nothing to pair: the two sides have no common item")
    return t_interval(list(_by_cluster({item: first[item] - second[item] for item in common}).values()), level)


def items_half(scores: Sequence[Scores], level: float = LEVEL) -> float | None:
    """Half the width of the interval over items of a mean over seeds: what other items would give, by these seeds.

    ``scores``: of each seed. Items that all seeds share are averaged over them first; else the seeds' own items are
    samples of their own. None where there is no more than one item, or cluster of items.
    """
    found = [seed for seed in scores if seed]
    if found and (table := _crossed(found)) is not None:
        return t_interval(table.mean(axis=0).tolist(), level).half
    sampled = [np.array(list(_by_cluster(seed).values())) for seed in found]
    if not sampled or min(x.size for x in sampled) < 2:
        return None
    error = math.sqrt(sum(float(x.var(ddof=1)) / x.size for x in sampled)) / len(sampled)
    return MeanTest(error, ((1.0, sum(x.size - 1 for x in sampled)),)).half(level)


def crossed_tests(d: Floats) -> tuple[MeanTest, ...]:
    """The two tests of the means of tables ``d`` (..., S, I): over seeds, and over seeds and items (where I > 1)."""
    s, i = d.shape[-2:]
    with np.errstate(invalid="ignore"):  # infinite values have no spread: NaN
        over_seeds = MeanTest(d.mean(axis=-1).std(axis=-1, ddof=1) / math.sqrt(s), ((1.0, s - 1),))
    if i == 1:
        return (over_seeds,)
    mean, by_seed, by_item = (d.mean(axis=axes, keepdims=True) for axes in ((-2, -1), -1, -2))
    ms_seed = i * ((by_seed - mean) ** 2).sum(axis=(-2, -1)) / (s - 1)
    ms_item = s * ((by_item - mean) ** 2).sum(axis=(-2, -1)) / (i - 1)
    ms_both = ((d - by_seed - by_item + mean) ** 2).sum(axis=(-2, -1)) / ((s - 1) * (i - 1))
    spread = ms_seed + np.fmax(ms_item - ms_both, 0.0)
    share = np.divide(ms_seed, spread, out=np.ones_like(spread), where=spread > 0)
    return over_seeds, MeanTest(np.sqrt(spread / (s * i)), ((share, s - 1), (1 - share, i - 1)))


def _crossed(by_seed: Sequence[Scores]) -> Floats | None:
    """(seeds, clusters) of values that every seed has of the same items; None where the items differ, or are one."""
    if len(by_seed[0]) < 2 or any(d.keys() != by_seed[0].keys() for d in by_seed):
        return None
    clustered = [_by_cluster(d) for d in by_seed]
    return np.array([[d[name] for name in clustered[0]] for d in clustered])


def _by_cluster(values: Scores) -> Scores:
    """Cluster -> its value, so that their mean is that of all items: the mean plus the cluster's sum of deviations."""
    members: dict[str, list[float]] = {}
    for item, value in values.items():
        members.setdefault(getattr(item, "cluster", item), []).append(value)
    if len(members) == len(values):
        return values
    mean, share = sum(values.values()) / len(values), len(members) / len(values)
    return {name: mean + share * sum(value - mean for value in some) for name, some in members.items()}


def _half(tests: Sequence[MeanTest], level: float) -> float | None:
    """Of the widest interval; NaN stays NaN."""
    return float(np.max([test.half(level) for test in tests])) if tests else None
