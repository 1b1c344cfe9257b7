"""First findings of a report: what a reader must not overlook, before any table.

Which trained networks stay below rivals that learn little or nothing; which scores tell no methods apart, all of them
being at the floor or the ceiling; what the claims came to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reports import labels
from reports.cells import Table
from reports.claims import suite, table
from reports.claims.scores import SCORES
from reports.paired import compare
from reports.results import Node, Study

FLOOR, CEILING = 0.5, 99.5  # percent
MOST_NAMED = 4  # networks, where none is above a rival


def first_findings(study: Study, tables: Sequence[Table]) -> tuple[str, ...]:
    """Sentences; none where there is nothing to say."""
    claims = [finding for its in tables if its.name == table.NAME for finding in its.findings]
    return (*below_rivals(study), *at_the_edge(study, tables), *(f"Claims. {finding}" for finding in claims[:2]))


def below_rivals(study: Study) -> Iterator[str]:
    """Of each cheap rival that has run, the trained networks that are not above it on average."""
    for claim in suite.CLAIMS:
        for comparison in claim.comparisons:
            score, rival = SCORES[comparison.score], comparison.second
            every = [who for who in labels.in_order(study.rows(score.task)) if study.stages(*who)]
            found: dict[str, float] = {}
            known_as = labels.label(*rival)
            about = f"{claim.id}, {score.metric.name}"  # two claims may be about one metric
            for who in every:
                first, second = score.sides(study, who, rival)
                _, difference = compare(score.metric, first, second)
                if difference is not None:
                    found[first.name] = difference.mean * score.metric.scale
            below = [f"{name} ({d:+.{score.metric.digits}f})" for name, d in found.items() if not d > 0]
            if len(below) == len(found) > MOST_NAMED:
                best = below[max(range(len(below)), key=list(found.values()).__getitem__)]
                networks = f"none of {len(below)} trained networks is above {known_as}, a cheap rival"
                yield f"{about}: {networks}; the best is {best}."
            elif below:
                yield f"{about}: not above {known_as}, a cheap rival: {'; '.join(below)}."
            elif found:
                yield f"{about}: every trained network is above {known_as}, its cheap rival, on average."


def at_the_edge(study: Study, tables: Sequence[Table]) -> Iterator[str]:
    """The percentages of items in which every trained method is at the ceiling, or all its rows at the floor."""
    at: dict[str, list[str]] = {}
    nodes = {node.run.id: node for node in study.nodes if node.run}
    for its in tables:
        for number, column in enumerate(its.columns):
            found: dict[str, list[float]] = {}
            for row in its.rows:
                cell = row.cells[number]
                trained = [nodes[run].method for run in cell.runs if run in nodes and _trained(nodes[run])]
                if trained and cell.scale == 100 and cell.over_items is not None and cell.estimate is not None:
                    found.setdefault(labels.base_of(trained[0]), []).append(cell.estimate.mean)
            if len(found) > 1 and (edge := _edge(found)):
                at.setdefault(edge, []).append(f"{its.short}, {column}")
    for edge, scores in at.items():
        yield f"Every trained method is at the {edge}, and the score tells none apart: {'; '.join(scores)}."


def _edge(by_method: Mapping[str, Sequence[float]]) -> str:
    if all(max(means) >= CEILING for means in by_method.values()):
        return "ceiling"
    return "floor" if all(max(means) <= FLOOR for means in by_method.values()) else ""


def _trained(node: Node) -> bool:
    return bool(node.parents) and node.ordering != labels.UNTRAINED
