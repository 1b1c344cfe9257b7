"""Evidence on claims: their comparisons as a study has them, with a verdict on each, and on each claim."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from reports.cells import Cell, words
from reports.claims.claim import Claim, Comparison
from reports.claims.scores import SCORES
from reports.claims.verdicts import (
    CONTRADICTED,
    ERROR,
    EXPLORATORY,
    INCONCLUSIVE,
    SUPPORTED,
    corrected,
    of_parts,
    of_region,
    stated,
    two_sided,
)
from reports.fairness import inequalities, said
from reports.labels import base_of
from reports.paired import Side, compare, unable
from reports.results import NOT_SELECTED, Study
from reports.statistics import Estimate, common_seeds, over_items

NOT_RUN, NOT_PLANNED, NOT_TESTABLE = "not run", "not part of this plan", "not testable here"
ONE_SEED = "one seed: as far as it goes, "
FOR, AGAINST, UNDECIDED = (ONE_SEED + said for said in ("in favour", "against", "undecided"))
PHRASES = {"about equal": "about equal to"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A comparison as a study has it. ``p_for`` and ``p_against`` of parts that must not decide are 1 and NaN."""

    statement: str
    score: str
    cell: Cell
    verdict: str
    unequal: str = ""
    seeds: int = 0
    p_for: float = 1.0
    p_against: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A claim with its parts; ``verdict`` is the corrected one, ``p`` and ``q`` are None where nothing is tested."""

    claim: Claim
    parts: Sequence[Part]
    plain: str
    verdict: str
    p: float | None = None
    q: float | None = None

    @property
    def unequal(self) -> str:
        return "; ".join(dict.fromkeys(part.unequal for part in self.parts if part.unequal))

    @property
    def exploratory(self) -> bool:
        return self.p is not None and min(part.seeds for part in self.parts if part.seeds > 1) < EXPLORATORY


def evidence(study: Study, every: Iterable[Claim]) -> list[Found]:
    """On each claim, corrected over those of its source that are tested."""
    found = [_found(study, claim) for claim in every]
    for source in dict.fromkeys(one.claim.source for one in found):
        tested = [i for i, one in enumerate(found) if one.claim.source == source and one.p is not None]
        for i, q in zip(tested, corrected(np.array([found[i].p for i in tested])), strict=True):
            if q > ERROR and found[i].plain in (SUPPORTED, CONTRADICTED):
                found[i] = replace(found[i], verdict=INCONCLUSIVE)
            found[i] = replace(found[i], q=float(q))
    return found


def _found(study: Study, claim: Claim) -> Found:
    comparisons = [whole for c in claim.comparisons if _counts(study, whole := _of_arms(study, c))]
    if not comparisons:
        return Found(claim=claim, parts=(), plain=NOT_TESTABLE, verdict=NOT_TESTABLE)
    sides = [(c, *_sides(study, c)) for c in comparisons]
    sides = [(c, a, b) for c, a, b in sides if not c.further or (a.nodes and b.nodes)]
    if not any(a.nodes and b.nodes for _, a, b in sides):
        absent = _absent(study, claim)
        return Found(claim=claim, parts=(), plain=absent, verdict=absent)
    parts = [_part(study, *one) for one in sides]
    if all(math.isnan(part.p_against) for part in parts):
        plain = overall([part.verdict for part in parts])
        return Found(claim=claim, parts=parts, plain=plain, verdict=plain)
    p_for, p_against = of_parts(*(np.array(p) for p in zip(*((x.p_for, x.p_against) for x in parts), strict=True)))
    p = float(two_sided(p_for, p_against))
    plain = stated(p, float(p_for), float(p_against))
    if plain == INCONCLUSIVE and any(part.verdict.startswith(ONE_SEED) for part in parts):
        upheld = (part.verdict.replace(CONTRADICTED, INCONCLUSIVE) for part in parts)  # by Holm none is contradicted
        plain = overall(list(upheld))
    return Found(claim=claim, parts=parts, plain=plain, verdict=plain, p=p)


def _of_arms(study: Study, comparison: Comparison) -> Comparison:
    """The same between the arms that were trained for what is scored, where the plan has them."""
    score, beside = SCORES[comparison.score], SCORES[comparison.beside or comparison.score]
    first, second = score.whose(study, comparison.first), beside.whose(study, comparison.second)
    return replace(comparison, first=first, second=second)


def _counts(study: Study, comparison: Comparison) -> bool:
    """Not if it is about what is known beforehand, and finished runs say that nothing is."""
    if not comparison.knowing:
        return True
    known = [
        n.run.result.get("knows") for n in study.select(SCORES[comparison.score].task, *comparison.second) if n.run
    ]
    return not known or any(known)


def overall(verdicts: Sequence[str]) -> str:
    """Of a claim without a p-value, from the verdicts on its parts, of which one or more stands on a single seed."""
    if all(said == NOT_RUN for said in verdicts):
        return NOT_RUN
    if not any(said.startswith(ONE_SEED) for said in verdicts):
        return INCONCLUSIVE
    if AGAINST in verdicts:
        return AGAINST
    return FOR if all(said in (SUPPORTED, FOR) for said in verdicts) else UNDECIDED


def holds(comparison: Comparison, difference: Estimate) -> bool | None:
    """Whether the whole 95 % interval lies in the region of the relation (True), or out of it (False)."""
    p_for, p_against = of_region(difference.mean, difference.tests, comparison.region)
    return True if p_for <= ERROR / 2 else False if p_against <= ERROR / 2 else None


def _absent(study: Study, claim: Claim) -> str:
    """Why the plan has none of its comparisons."""
    if claim.needs and not any(base_of(method) in claim.needs for method, _ in study.rows(*_tasks(claim))):
        return NOT_TESTABLE
    left_out = [_missing(study, c, *_sides(study, c)) == [NOT_SELECTED] for c in claim.comparisons]
    return NOT_SELECTED if any(left_out) else NOT_PLANNED


def _tasks(claim: Claim) -> list[str]:
    return list(dict.fromkeys(SCORES[c.score].task for c in claim.comparisons))


def _sides(study: Study, comparison: Comparison) -> tuple[Side, Side]:
    score, beside = SCORES[comparison.score], SCORES[comparison.beside or comparison.score]
    (first, _), (_, second) = (s.sides(study, comparison.first, comparison.second) for s in (score, beside))
    return first, second


def _missing(study: Study, comparison: Comparison, first: Side, second: Side) -> list[str]:
    """Why the plan lacks a side, of each that it lacks."""
    task, sides = SCORES[comparison.score].task, ((comparison.first, first), (comparison.second, second))
    return list(dict.fromkeys(study.absence(task, *who) for who, side in sides if not side.nodes))


def _part(study: Study, comparison: Comparison, first: Side, second: Side) -> Part:
    statement = f"{first.name} {PHRASES.get(comparison.relation, comparison.relation)} {second.name}"
    metric = SCORES[comparison.score].metric
    if missing := _missing(study, comparison, first, second):
        absent = words(", ".join(missing))
        return Part(statement=statement, score=metric.name, cell=absent, verdict=NOT_RUN)
    unequal = inequalities(study, comparison.first, comparison.second, SCORES[comparison.score].task)
    named = said({what: how for what, how in unequal.items() if what not in comparison.about})
    if unable(first, second):
        return Part(statement=statement, score=metric.name, cell=words("n/a"), verdict=INCONCLUSIVE, unequal=named)
    cell, difference = compare(metric, first, second)
    part = Part(statement=statement, score=metric.name, cell=cell, verdict=NOT_RUN, unequal=named)
    if difference is None:
        return part
    if difference.n == 1:
        told = None if named else _of_items(comparison, first, second)
        return replace(part, seeds=1, verdict={True: FOR, False: AGAINST, None: UNDECIDED}[told])
    if named:
        return replace(part, seeds=difference.n, verdict=f"{INCONCLUSIVE}: {named}")
    p_for, p_against = of_region(difference.mean, difference.tests, comparison.region)
    verdict = {True: SUPPORTED, False: CONTRADICTED, None: INCONCLUSIVE}[holds(comparison, difference)]
    return replace(part, seeds=difference.n, verdict=verdict, p_for=float(p_for), p_against=float(p_against))


def _of_items(comparison: Comparison, first: Side, second: Side) -> bool | None:
    """By the interval over the items of a single seed; a score that is not one of items has none, and tells nothing."""
    a, b = first.scores(), second.scores()
    (seed,) = common_seeds(a, b)
    return holds(comparison, over_items(a[seed], b[seed]))
