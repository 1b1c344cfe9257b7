"""Fairness of a comparison: had both sides as many updates, the same scenes, and as much tuning? (PROTOCOLS §10)

A pair that is unequal in one of these is never more than inconclusive, and the inequality is named. What is held
against a pair depends on what it is about. Orderings of one method differ in their scenes on purpose, so that only
updates and learning rates must be equal; an arm and its method, or two methods, must have seen the same curricula; two
methods each have learning rates of their own, which must have been chosen with as much effort. An untrained network, or
a row that needs no training, is nobody's equal, and is compared as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reports import labels
from reports.results import Study

Who = tuple[str, str]
#: What is unequal ("updates", "learning rates", "scenes", "tuning") -> how it is said.
Inequalities = Mapping[str, str]


def inequalities(study: Study, first: Who, second: Who, task: str | None = None) -> Inequalities:
    """What is unequal between the trainings of two (method, ordering), by their runs' configurations.

    With a ``task`` the networks count that it trains on top of them: a system that separates by itself has none.
    """
    one, other = study.stages(*first), study.stages(*second)
    if not one or not other:
        return {}
    found: dict[str, str] = {}
    updates = [sum(stage["updates"] for stage in stages) for stages in (one, other)]
    further = [_on_top(study, task, who) for who in (first, second)] if task else []
    if None not in further:
        updates = [before + (more or 0) for before, more in zip(updates, further or (0, 0), strict=True)]
    same_base = labels.base_of(first[0]) == labels.base_of(second[0])
    if updates[0] != updates[1]:
        found["updates"] = f"unequal updates ({updates[0]:,} and {updates[1]:,})"
    elif same_base and labels.schedule(one) != labels.schedule(other):
        found["learning rates"] = "unequal learning rates"
    if first[0] != second[0]:
        scenes = [{n for stage in stages for n in stage["curricula"]} for stages in (one, other)]
        if scenes[0] != scenes[1]:
            named = (" + ".join(f"C{n}" for n in sorted(some)) for some in scenes)
            found["scenes"] = f"unequal scenes ({' and '.join(named)})"
    if not same_base and (unknown := [who[0] for who in (first, second) if not _tuned(study, who[0])]):
        found["tuning"] = f"tuning not stated of {' and '.join(labels.label(m, 'none') for m in unknown)}"
    return found


def _on_top(study: Study, task: str, who: Who) -> int | None:
    """Updates that the task's own runs had; None while none has finished."""
    finished = [node.run.result for node in study.select(task, *who) if node.run]
    return max((int(result.get("updates") or 0) for result in finished), default=None)


def said(unequal: Inequalities) -> str:
    return ", ".join(unequal.values())


def references(study: Study, every: list[Who]) -> Iterator[tuple[Who, Who]]:
    """Of the trained (method, ordering) ``every``: which are held against which.

    An arm against its method, ordering by ordering; any other method against CAVL: each of its orderings against the
    first of CAVL's that is its equal, or, where none is, the first of each.
    """
    trained = [who for who in every if study.stages(*who)]
    cavl = [who for who in trained if who[0] == labels.OWN]
    for method in dict.fromkeys(method for method, _ in trained):
        own, base = [who for who in trained if who[0] == method], labels.base_of(method)
        if method != base and any(m == base for m, _ in trained):
            yield from ((who, (base, who[1])) for who in own if (base, who[1]) in trained)
        elif base != labels.OWN and cavl:
            equals = {who: next((c for c in cavl if not inequalities(study, c, who)), None) for who in own}
            yield from [(ours, who) for who, ours in equals.items() if ours] or [(cavl[0], own[0])]


def _tuned(study: Study, method: str) -> bool:
    """An arm that is not named is as its method."""
    return method in study.tuned or labels.base_of(method) in study.tuned
