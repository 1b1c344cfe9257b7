"""Verdicts on claims, by p-values (PROTOCOLS §10).

A part of a claim says in which region a difference lies. Its two p-values are one-sided: of the difference being
nowhere in the region ("for"), and of its not being outside ("against"). *Supported*: every part is, each at 95 %, by
the largest p-value for (an intersection-union test needs no correction). *Contradicted*: a part is, by Holm over the
parts, whose first step is the smallest p-value against, times the number of parts. 95 % intervals are two-sided, so
that a claim's p-value is twice the smaller of the two. Over the claims of one source Benjamini-Hochberg keeps those of
which at most 5 % are expected to be false; where all are, it is the chance of any.

References
----------
R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling", Technometrics 24, 1982.
S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
Y. Benjamini, D. Yekutieli, "False discovery rate-adjusted multiple confidence intervals for selected parameters",
JASA 100, 2005 (signs decided together with rejections).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import false_discovery_control

from reports.statistics import Floats, MeanTest, p_above

ERROR = 0.05  # of a two-sided interval, and of the verdicts stated for one source
SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
EXPLORATORY = 5  # seeds; with fewer a verdict is exploratory


def of_region(mean: Floats | float, tests: Sequence[MeanTest], region: tuple[float, float]) -> tuple[Floats, Floats]:
    """p-values for and against a difference lying strictly within ``region``: (low, high), either may be infinite."""
    low, high = region
    above_low, below_high = p_above(mean - low, tests), p_above(high - mean, tests)
    below_low, above_high = p_above(low - mean, tests), p_above(mean - high, tests)
    return np.maximum(above_low, below_high), np.minimum(below_low, above_high)


def of_parts(p_for: Floats, p_against: Floats) -> tuple[Floats, Floats]:
    """p-values for and against claims, of their parts (..., n); a part that must not decide has 1 and NaN."""
    fair = (~np.isnan(p_against)).sum(axis=-1)
    least = np.min(np.where(np.isnan(p_against), 1.0, p_against), axis=-1)
    return p_for.max(axis=-1), np.minimum(1.0, fair * least)


def two_sided(p_for: Floats, p_against: Floats) -> Floats:
    """Of claims: of either verdict."""
    return np.minimum(1.0, 2 * np.minimum(p_for, p_against))


def corrected(p: Floats) -> Floats:
    """The same (..., claims) by Benjamini-Hochberg over the claims of a source."""
    return np.asarray(false_discovery_control(p, axis=-1)) if p.shape[-1] else p


def stated(p: float, p_for: float, p_against: float) -> str:
    """The verdict at a claim's p-value, plain or corrected."""
    if p > ERROR:
        return INCONCLUSIVE
    return SUPPORTED if p_for < p_against else CONTRADICTED
