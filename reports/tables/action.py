"""Action recognition: what synchronisation gives a video network that goes on to learn labelled clips."""

from __future__ import annotations

from collections.abc import Sequence

from reports import names
from reports.cells import Cell, Row, Table, measured, words
from reports.names import UNTRAINED, label
from reports.results import Node, Study
from reports.tables.common import (
    ABSENT,
    CELLS,
    CHANCE,
    CONTROLS,
    COUNTED,
    HIGHER,
    beside_trivial,
    configured,
    findings,
    most_finished,
    of_own_network,
    scored_on,
    unfinished,
)

MAJORITY = "Largest class, always"
PRETRAINED, SCRATCH = "Pre-trained, then trained on labels", "From scratch"
SCORES = {"accuracy": "accuracy", "frames reordered": "reordered", "one frame": "still"}


def action(study: Study) -> Table:
    """Accuracy beside chance, the largest class and the same network from scratch, and without order or motion."""
    every = names.in_order(study.rows("action"))
    data = list(dict.fromkeys(str(n.variant) for n in study.select("action")))
    columns = [f"{names.ACTIONS.get(d, d)} {score}" for d in data for score in SCORES]
    better = [HIGHER if score == "accuracy" else 0 for _ in data for score in SCORES]

    def trivial(score: str) -> tuple[Cell, ...]:
        sources = [most_finished(study, every, "action", d) for d in data]
        return tuple(cell for nodes in sources for cell in (measured(nodes, score), ABSENT, ABSENT))

    def cells(method: str, ordering: str) -> tuple[Cell, ...]:
        return tuple(cell for d in data for cell in _cells(study.select("action", method, ordering, d)))

    untrained = {f"{SCRATCH}: {label(*who)}": who for who in every if who[1] == UNTRAINED}
    pretrained = {label(*who): who for who in every if who[1] != UNTRAINED}
    shown = {**pretrained, **untrained}
    rows = [
        *(Row(label=name, cells=cells(*who), group=PRETRAINED) for name, who in pretrained.items()),
        *(Row(label=name, cells=cells(*who), group=SCRATCH) for name, who in untrained.items()),
        Row(label=CHANCE, cells=trivial("chance"), group=CONTROLS),
        Row(label=MAJORITY, cells=trivial("majority"), group=CONTROLS),
    ]
    floors = [CHANCE, MAJORITY]
    marked = beside_trivial(rows, list(shown), floors, better)
    return Table(
        name="action",
        short="Action",
        title="Action recognition with the pre-trained video network",
        caption=(
            "The method's video network and a linear layer on it, trained together on labelled clips"
            f"{_settings(study)}. Accuracy in percent on test clips. Frames reordered, one frame: the same network on "
            "clips whose frames come in random order, or all repeat one: what is lost is what order and motion told. "
            "Supervised: the video network pre-trained on labels of the kinds instead of on synchronisation; no sound "
            "is heard there, so that only this table scores it. "
            f"{scored_on(study, 'action')} {CELLS} {COUNTED}"
        ),
        columns=tuple(columns),
        rows=marked,
        findings=(
            *findings(marked, list(shown), floors, better, columns, "chance and the largest class"),
            *findings(
                marked,
                list(pretrained),
                list(untrained),
                better,
                columns,
                "its own network from scratch, where finished,",
                of_own_network(shown),
            ),
            *unfinished(marked, list(shown)),
        ),
    )


def _cells(nodes: Sequence[Node]) -> tuple[Cell, ...]:
    return tuple(measured(nodes, score) if nodes else words("not planned") for score in SCORES.values())


def _settings(study: Study) -> str:
    """How long and at what rate, from the finished runs."""
    updates, rates = (configured(study.select("action"), name) for name in ("updates", "lr"))
    if not updates or not rates:
        return ""
    return f" for {' or '.join(f'{u:,}' for u in updates)} updates at {' or '.join(f'{lr:g}' for lr in rates)}"
