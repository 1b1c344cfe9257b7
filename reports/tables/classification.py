"""Table 1: sound classification with a linear probe on frozen audio features."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reports import labels
from reports.cells import Cell, Row, Table, collected, measured, paper, words
from reports.item_scores import scores
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, statement
from reports.published import published
from reports.results import Node, Study, dig
from reports.statistics import Scores
from reports.tables import common
from reports.task_report import TaskReport

TASK, NOUN = "classification", "clip"
PROBES = {"miniature": "miniature", "composite": "composite", "esc10": "ESC-10", "esc50": "ESC-50", "dcase": "DCASE"}
OWN_PROBES = ("miniature", "composite")  # of the sounds of a preset's own scenes

PAPER_ROWS = {
    "C1": ("cavl", "c1"),
    "C2 + Sound-source-level alignment": ("cavl", "c1-c2"),
    "C2 + Scene-level alignment": ("cavl", "c1-c2scene"),
}
STATISTICS = ("spectrogram-statistics", "none")
FLOORS = "chance and, where finished, the spectrogram's statistics"
NOT_RUN = {
    "esc10": "ESC-10 was not run: it needs all five folds of its recordings, prepared or in --esc50 DIR.",
    "esc50": "ESC-50 was not run: it needs all five folds of its recordings, prepared or in --esc50 DIR.",
}


STATEMENTS = "Sound classification"


def classification(study: Study) -> Table:
    """Table 1: a linear probe on frozen audio features."""
    planned = [n.variant for n in study.select(TASK) if n.variant]
    # Composite scenes hold recordings of ESC-50, of whose folds none would be unheard. DCASE is shown where it was run.
    wanted = [] if "composite" in planned else list(NOT_RUN)
    probes = [p for p in dict.fromkeys([*PROBES, *planned]) if p in planned or p in wanted]
    folds = {p: 0 if p in OWN_PROBES else _folds(study, p) for p in probes}
    folded = "official folds" if wanted else "whole uploads to a fold"
    columns = ["Paper ESC-50"]
    for probe in probes:
        name = PROBES.get(probe, probe)
        columns += [f"{name} accuracy", *(f"{name} fold {i + 1}" for i in range(folds[probe]))]

    def cells(method: str, ordering: str, paper_row: str | None = None) -> tuple[Cell, ...]:
        entry = None if paper_row is None else published(1, paper_row, "Accuracy")
        row = [paper(entry)]
        for probe in probes:
            nodes = study.select(TASK, method, ordering, probe)
            if nodes:
                papers = entry if probe == "esc50" else None
                row.append(_or_reason(measured(nodes, "accuracy", published=papers, scores=of_clips(study))))
                row += _by_fold(nodes, "folds", folds[probe])
            else:
                row.append(words(study.absence(TASK, method, ordering) if probe in planned else "not run"))
                row += [common.ABSENT] * folds[probe]
        return tuple(row)

    def of_all(score: str, fold_scores: str | None, whose: slice) -> tuple[Cell, ...]:
        """A score that every run of a probe has, over the rows ``whose``."""
        row = [common.ABSENT]
        for probe in probes:
            nodes = study.select(TASK, variant=probe)
            methods = list(dict.fromkeys((n.method, n.ordering) for n in nodes if n.run))[whose]
            nodes = [n for n in nodes if (n.method, n.ordering) in methods]
            row.append(measured(nodes, score) if nodes else common.ABSENT)
            row += _by_fold(nodes, fold_scores, folds[probe]) if fold_scores else [common.ABSENT] * folds[probe]
        return tuple(row)

    every = labels.in_order(study.rows(TASK))
    without_training = [who for who in every if who == STATISTICS]
    without_training += [who for who in every if who[1] == UNTRAINED]
    papers = {f"{name}: {label(*who)}": (name, who) for name, who in PAPER_ROWS.items()}
    rows = [Row(label=n, cells=cells(*who, row), group=common.THE_PAPERS) for n, (row, who) in papers.items()]
    rows.append(Row(label=common.CHANCE, cells=of_all("chance", None, slice(1)), group=common.CONTROLS))
    rows += [Row(label=label(*who), cells=cells(*who), group=common.CONTROLS) for who in without_training]
    permuted = of_all("permuted", "permuted_folds", slice(None))
    rows.append(Row(label="Permuted labels (all rows' features)", cells=permuted, group=common.CONTROLS))
    shown = (*PAPER_ROWS.values(), *without_training)
    rows += [Row(label=label(*who), cells=cells(*who), group=common.OTHERS) for who in every if who not in shown]
    compared = [row.label for row in rows if row.group != common.CONTROLS]
    untrained = [label(*who) for who in every if who[1] == UNTRAINED]
    own = common.of_own_network({n: who for n, (_, who) in papers.items()} | {label(*who): who for who in every})
    better = [common.HIGHER if column.endswith(" accuracy") else 0 for column in columns]
    floors = [common.CHANCE, label(*STATISTICS)]
    marked = common.beside_trivial(rows, compared, floors, better)
    return Table(
        name="table1",
        short="Table 1",
        title="Table 1. Sound classification with a linear probe",
        caption=(
            f"Accuracy in percent of a linear SVM on frozen audio features, {folded}, C chosen within the training "
            f"folds (PROTOCOLS §7). {common.scored_on(study.select(TASK), noun=NOUN)} Fold columns show single folds; "
            "the paper's figures are multiples of 1/400, i.e. of one fold. Spectrogram statistics: mean and deviation "
            "of each band, no network at all. Permuted labels: the same pipeline on labels shuffled among the clips, "
            "averaged over the features of all rows; it must be at chance. "
            f"{''.join(f'{NOT_RUN[probe]} ' for probe in wanted if probe not in planned)}{common.CELLS} "
            f"{common.COUNTED} {common.provenance(1, study=study)}"
        ),
        columns=tuple(columns),
        rows=marked,
        findings=(
            *common.findings(marked, compared, floors, better, columns, FLOORS),
            *common.findings(marked, compared, untrained, better, columns, common.UNTRAINED_ITSELF, own),
            *common.unfinished(marked, compared),
        ),
    )


def _folds(study: Study, probe: str) -> int:
    """The number of folds, from the finished runs."""
    found = (dig(n.run.result, "folds") for n in study.select(TASK, variant=probe) if n.run)
    return max((len(folds) for folds in found if isinstance(folds, list)), default=0)


def _by_fold(nodes: Sequence[Node], scores: str, folds: int) -> list[Cell]:
    def score(node: Node, fold: int) -> Any:
        values = dig(node.run.result, scores) if node.run else None
        return values[fold] if isinstance(values, list) and fold < len(values) else None

    return [collected(nodes, lambda n, fold=fold: score(n, fold), items=()) for fold in range(folds)]  # type: ignore[misc]


def _or_reason(cell: Cell) -> Cell:
    """Where finished runs give no score (folds are missing), their own account of the data instead of "n/a"."""
    if cell.text != "n/a" or not cell.coverage:
        return cell
    return Cell(parts=cell.parts, coverage=cell.coverage, words=f"not scored: data {cell.coverage}")


# -- item by item ------------------------------------------------------------------------------------------------------


def probe(name: str) -> Score:
    """Recording -> 1 where the probe named its class, else 0."""
    metric = Metric(f"Probe accuracy ({PROBES.get(name, name)})")
    return Score(task=TASK, variant=name, metric=metric, items=lambda study, node: of_clips(study)(node))


def of_clips(study: Study) -> Callable[[Node], Scores]:
    return lambda node: scores(study, node, "correct")


def statements(study: Study) -> Iterator[Row | None]:
    for name in dict.fromkeys(n.variant for n in study.select(TASK) if n.variant):
        score = probe(name)
        for method, ordering in labels.in_order(study.rows(TASK)):
            if study.stages(method, ordering) and (method != "cavl" or ordering in ("c1", "c1-c2")):
                for other in ((method, UNTRAINED), STATISTICS):
                    yield statement(STATEMENTS, score.metric, *score.sides(study, (method, ordering), other))
        if name not in OWN_PROBES:  # there it is among the orderings
            yield statement(STATEMENTS, score.metric, *score.sides(study, ("cavl", "c1-c2"), ("cavl", "c1-c2scene")))


def _own(study: Study, method: str, ordering: str) -> Cell:
    nodes = [node for own in OWN_PROBES for node in study.select(TASK, method, ordering, own)]
    return measured(nodes, "accuracy", scores=of_clips(study)) if nodes else common.ABSENT


REPORT = TaskReport(
    task=TASK,
    noun=NOUN,
    tables=lambda study: [classification(study)],
    columns={"Probe accuracy": _own},
    matched=lambda study, *who: [probe(own) for own in OWN_PROBES],
    statements=statements,
)
