"""Silent objects: cIoU@0.5 of single sources by the number of objects in the scene that could sound and do not."""

from __future__ import annotations

from collections.abc import Mapping

from reports import labels
from reports.cells import Cell, Row, Table, measured
from reports.labels import label
from reports.results import Study, dig
from reports.tables import common

TASK = "localization"


def numbers(study: Study) -> list[int]:
    """The numbers of silent objects for which finished runs have scores."""
    found = (dig(node.run.result, "silent") for node in study.select(TASK) if node.run)
    return sorted({int(n) for scores in found if isinstance(scores, Mapping) for n in scores})


def among_silent(study: Study, method: str, ordering: str) -> list[Cell]:
    """The cells of one row, for each of :func:`numbers`."""
    nodes = study.select(TASK, method, ordering)
    return [measured(nodes, "silent", str(n), "ciou@0.5", items=("items", "silent", str(n))) for n in numbers(study)]


def silent_objects(study: Study) -> list[Table]:
    """Every row of the plan; no table where no run has such scores."""
    counts = numbers(study)
    rows = [
        Row(label=label(*who), cells=tuple(among_silent(study, *who)), group=label(who[0], "none"))
        for who in labels.in_order(study.rows(TASK))
    ]
    if not counts:
        return []
    return [
        Table(
            name="silent_objects",
            short="Silent objects",
            title="Silent objects. Single sources among objects that do not sound",
            caption=(
                "cIoU@0.5 in percent on scenes of one source, by the number of silent objects in them, which are drawn "
                "as the sounding one is: the more of them, the less is had by seeing alone. "
                f"{common.CELLS}"
            ),
            columns=tuple(f"{n} silent" for n in counts),
            rows=tuple(rows),
        )
    ]
