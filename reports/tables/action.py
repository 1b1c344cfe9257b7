"""Action recognition: what synchronisation gives a video network that goes on to learn labelled clips."""

from __future__ import annotations

from collections.abc import Iterator

from registry.item_table import means
from reports import labels
from reports.cells import Cell, Row, Table, measured, words
from reports.item_scores import condition
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, same_for_all, statement
from reports.results import Node, Study
from reports.statistics import Scores
from reports.tables import common
from reports.task_report import TaskReport

TASK, NOUN = "action", "test clip"
ACTIONS = {"miniature": "miniature", "ucf101": "UCF-101", "hmdb51": "HMDB-51"}
MAJORITY = "Largest class, always"
PRETRAINED, SCRATCH = "Pre-trained, then trained on labels", "From scratch"
SCORES = {"accuracy": "accuracy", "frames reordered": "reordered", "one frame": "still"}
STATEMENTS = "Action recognition: above the largest class, and does pre-training help?"


def action(study: Study) -> Table:
    """Accuracy beside chance, the largest class and the same network from scratch, and without order or motion."""
    every, data = labels.in_order(study.rows(TASK)), _data(study)
    columns = [f"{ACTIONS.get(d, d)} {score}" for d in data for score in SCORES]
    better = [common.HIGHER if score == "accuracy" else 0 for _ in data for score in SCORES]

    def trivial(score: str) -> tuple[Cell, ...]:
        sources = [common.most_finished(study, every, TASK, d) for d in data]
        return tuple(cell for nodes in sources for cell in (measured(nodes, score), common.ABSENT, common.ABSENT))

    def cells(method: str, ordering: str) -> tuple[Cell, ...]:
        runs = [study.select(TASK, method, ordering, d) for d in data]
        known = {"accuracy": lambda node: recognised(study, node)}  # of the others no items are kept
        return tuple(
            measured(nodes, s, scores=known.get(s)) if nodes else words("not planned")
            for nodes in runs
            for s in SCORES.values()
        )

    rows = common.Rows()
    for who in every:
        if who[1] != UNTRAINED:
            rows.add(PRETRAINED, label(*who), cells(*who), who)
    for who in every:
        if who[1] == UNTRAINED:
            rows.add(SCRATCH, f"{SCRATCH}: {label(*who)}", cells(*who), who)
    rows.add(common.CONTROLS, common.CHANCE, trivial("chance"))
    rows.add(common.CONTROLS, MAJORITY, trivial("majority"))
    floors, shown, own = [common.CHANCE, MAJORITY], list(rows.shown), common.of_own_network(rows.shown)
    marked = common.beside_trivial(rows, shown, floors, better)
    scratch = "its own network from scratch, where finished,"
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
            f"{common.scored_on(study.select(TASK), noun=NOUN)} {common.CELLS} {common.COUNTED}"
        ),
        columns=tuple(columns),
        rows=marked,
        findings=(
            *common.findings(marked, shown, floors, better, columns, "chance and the largest class"),
            *common.findings(marked, rows.trained, rows.untrained, better, columns, scratch, own),
            *common.unfinished(marked, shown),
        ),
    )


def _data(study: Study) -> list[str]:
    return list(dict.fromkeys(str(n.variant) for n in study.select(TASK)))


def _settings(study: Study) -> str:
    """How long and at what rate, from the finished runs."""
    updates, rates = (common.configured(study.select(TASK), name) for name in ("updates", "lr"))
    if not updates or not rates:
        return ""
    return f" for {' or '.join(f'{u:,}' for u in updates)} updates at {' or '.join(f'{lr:g}' for lr in rates)}"


# -- item by item ------------------------------------------------------------------------------------------------------


def accuracy(data: str) -> Score:
    metric = Metric(f"Action accuracy ({ACTIONS.get(data, data)})")
    return Score(task=TASK, variant=data, metric=metric, items=recognised)


def recognised(study: Study, node: Node) -> Scores:
    """Group of test clips -> the share of them whose action was named.

    Clips of a group show the same object before the same background, or are cut from one film: they are not
    independent, so that all of them are one item. A clip without a group is an item of its own.
    """
    found = study.measurements(node, "correct")
    grouped = zip(found["item"], condition(found, "group"), strict=True)
    return means((f"group {group}" if group else item for item, group in grouped), found["value"])


def statements(study: Study) -> Iterator[Row | None]:
    for score in map(accuracy, _data(study)):
        for method, ordering in labels.in_order(study.rows(TASK)):
            own = score.side(study, method, ordering)
            yield statement(STATEMENTS, score.metric, own, same_for_all(own, "the largest class", "majority"))
            if ordering != UNTRAINED:
                yield statement(STATEMENTS, score.metric, own, score.side(study, method, UNTRAINED))


REPORT = TaskReport(
    task=TASK,
    noun=NOUN,
    tables=lambda study: [action(study)],
    columns={},
    matched=lambda study, *who: [accuracy(str(data)) for data in study.variants(TASK, *who)],
    statements=statements,
)
