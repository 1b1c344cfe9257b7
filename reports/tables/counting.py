"""Table 2: Poisson regression of the number of sources, beside predictions that do not listen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from reports import labels
from reports.cells import Cell, Row, Table, measured, paper
from reports.item_scores import condition
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, statement
from reports.published import PAPER, published
from reports.results import Node, Study, dig
from reports.statistics import Scores
from reports.tables import common
from reports.task_report import TaskReport, later

TASK = "counting"
TRUE, PERMUTED = "true", "permuted"  # what the counter was trained on
REMARKS = {TRUE: "", PERMUTED: "permuted labels"}
STATEMENTS = "Counting: above what does not listen, above cheap rivals, and does pre-training help?"
#: They learn from statistics of the spectrogram, in seconds.
CHEAP = (("count-logistic", "none"), ("count-trees", "none"))

PAPER_ROWS = {
    "w/o Pre-train": ("cavl", UNTRAINED),
    "CAVL-C0": ("cavl", "c0"),
    "CAVL-C1": ("cavl", "c1"),
    "CAVL-C2": ("cavl", "c1-c2"),
}
RANDOM = "Random: uniform from 1 to 5"
CONSTANTS = {
    "always-1": "Always 1",
    "always-2": "Always 2",
    "majority": "Majority of the training set",
    "median": "Median of the training set",
}
TRIVIAL = "Trivial rows (they do not listen)"
CONTROL = "Control"
PAPERS_RATE = "0.01 / (1 + 0.5 · epoch)"
PAPERS_OPTIMIZER = "SGD with momentum"
OPTIMIZERS = {"sgd": PAPERS_OPTIMIZER, "adam": "Adam"}

#: Column -> score, rule, what is better.
COLUMNS = {
    "Accuracy (mode)": ("accuracy", "mode", common.HIGHER),
    "MAE (mode)": ("mae", "mode", common.LOWER),
    "Accuracy (rounded)": ("accuracy", "rounded", common.HIGHER),
    "MAE (rounded)": ("mae", "rounded", common.LOWER),
    "MAE (λ)": ("mae", "rate", common.LOWER),
}
FORMAT: dict[str, dict[str, Any]] = {"accuracy": {"scale": 100.0, "digits": 1}, "mae": {"scale": 1.0, "digits": 3}}


def called(method: str, ordering: str, trained_on: str) -> str:
    return label(method, ordering, REMARKS.get(trained_on, trained_on))


def counting(study: Study) -> Table:
    """Table 2, all three predictions."""

    def cells(
        nodes: Sequence[Node], paper_row: str | None = None, trivial: str | None = None, absent: str = ""
    ) -> tuple[Cell, ...]:
        printed = [None if paper_row is None else published(2, paper_row, metric) for metric in PAPER[2].metrics]
        beside = dict(zip(("accuracy", "mae"), printed, strict=True))
        row = [paper(number) for number in printed]
        for score, rule, _ in COLUMNS.values():
            path = (score, rule) if trivial is None else ("trivial", trivial, score)
            number = beside[score] if rule == "mode" else None
            by_scene = of_scenes(study, score, rule) if trivial is None else of_trivial(study, trivial, score)
            cell = measured(nodes, *path, published=number, absent=absent, scores=by_scene, **FORMAT[score])
            row.append(common.ABSENT if trivial == "random" and rule == "rate" else cell)
        return tuple(row)

    def trained(method: str, ordering: str, labels: str = TRUE) -> list[Node]:
        return study.select(TASK, method, ordering, labels)

    every = labels.in_order(study.rows(TASK))
    # What does not listen depends on the labels only: any network's runs tell it, so those of which most have finished.
    source = max(every, key=lambda who: sum(n.run is not None for n in trained(*who)))
    rows = common.Rows()
    rows.add(common.THE_PAPERS, RANDOM, cells(trained(*source), "Random", "random"))
    for name, who in PAPER_ROWS.items():
        absent = study.absence(TASK, *who)
        rows.add(common.THE_PAPERS, f"{name}: {label(*who)}", cells(trained(*who), name, absent=absent))
    for constant, name in CONSTANTS.items():
        rows.add(TRIVIAL, name, cells(trained(*source), trivial=constant))
    for who in every:
        if nodes := trained(*who, PERMUTED):
            rows.add(CONTROL, called(*who, PERMUTED), cells(nodes))
    for who in CHEAP:
        if nodes := trained(*who):
            rows.add(common.RIVALS, label(*who), cells(nodes))
    for who in every:
        if who not in (*PAPER_ROWS.values(), *CHEAP) and (nodes := trained(*who)):
            rows.add(common.OTHERS, label(*who), cells(nodes))
    trivial = [RANDOM, *CONSTANTS.values()]
    permuted = [row.label for row in rows if row.group == CONTROL]
    rivals = [row.label for row in rows if row.group == common.RIVALS]
    compared = [row.label for row in rows if row.group in (common.THE_PAPERS, common.OTHERS) and row.label != RANDOM]
    better = (0, 0, *(sign for *_, sign in COLUMNS.values()))
    columns = ("Paper accuracy", "Paper MAE", *COLUMNS)
    marked = common.beside_trivial(rows, compared, [*trivial, *rivals], better)
    return Table(
        name="table2",
        short="Table 2",
        title="Table 2. Counting the sources",
        caption=(
            "A counting network on the pre-trained audio trunk, trained further by Poisson regression (PROTOCOLS §5). "
            "Accuracy in percent, higher is better; MAE, the mean absolute error, in sources, lower is better. Mode: "
            "the most probable count from 1 to 5, the paper's rule and the primary one; rounded: λ to the nearest "
            "count; MAE (λ): of λ itself. Cheap rivals learn from 162 statistics of the spectrogram, of the same "
            "scenes and of as much sound as the networks hear at test; λ of the regression is its expectation. "
            f"{common.scored_on(study.select(TASK))}{_left_out(study)}{_training(study)} "
            "Untrained: without pre-training. Constants and the random guess are exact expectations from the labels "
            "and the same under every rule; majority and median are those of the training set. Permuted labels: the "
            f"same training on labels shuffled among the training scenes. {common.CELLS} {common.COUNTED} "
            f"{common.provenance(2, study=study)}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *common.findings(marked, compared, trivial, better, columns, "a prediction that does not listen"),
            *common.findings(marked, compared, rivals, better, columns, common.ITS_RIVALS),
            *common.findings(marked, compared, permuted, better, columns, "the one trained on permuted labels"),
            *common.unfinished(marked, [*compared, *permuted]),
        ),
    )


def _left_out(study: Study) -> str:
    """How many clips were not counted in, from the finished runs; older ones do not say it of the training set."""
    said = []
    for score, name in (("excluded", "test"), ("excluded_training", "training")):
        found = {c for n in study.select(TASK) if n.run and isinstance(c := dig(n.run.result, score), int)}
        said += [f"{max(found):,} of the {name} set"] if found else []
    return f" Clips with none or more than five sources are left out: {', '.join(said)}." if said else ""


def _training(study: Study) -> str:
    """How long and at what rate the networks were trained, beside the paper's (§6.3), from the finished runs."""
    nodes = study.select(TASK)
    updates, lr, decay = (common.configured(nodes, name) for name in ("updates", "lr", "decay"))
    if not (updates and lr and decay):
        return ""
    rate = f"{_either(lr)} / (1 + {_either(decay)} · epoch)"
    if "cosine" in common.configured(nodes, "schedule"):
        rate = f"{_either(lr)}, falling by a cosine"
    with_ = " or ".join(OPTIMIZERS[name] for name in common.configured(nodes, "optimizer") or ["sgd"])
    papers = (
        "as in the paper"
        if (rate, with_) == (PAPERS_RATE, PAPERS_OPTIMIZER)
        else f"in the paper by {PAPERS_OPTIMIZER} at {PAPERS_RATE}"
    )
    batches = [f" of {_either(found)} scenes" for found in [common.configured(nodes, "batch")] if found]
    return (
        f" Trained by {with_} for {_either(updates)} updates{''.join(batches)} (the paper states no number) at the "
        f"learning rate {rate}, {papers}."
    )


def _either(numbers: Sequence[float]) -> str:
    return " or ".join(f"{number:g}" for number in sorted(numbers))


# -- item by item ------------------------------------------------------------------------------------------------------

#: What a prediction of a number of sources is worth: (predicted, true) -> so much, more being better.
Worth = Callable[[float, float], float]


def right(predicted: float, true: float) -> float:
    return float(predicted == true)


def minus_error(predicted: float, true: float) -> float:
    return -abs(predicted - true)


WORTHS = (
    (Metric("Counting accuracy"), right, "mode"),
    (Metric("−MAE (sources)", 1.0, 3), minus_error, "mode"),
    (Metric("−MAE, rounded (sources)", 1.0, 3), minus_error, "rounded"),
)


def counter(metric: Metric, worth: Worth, rule: str = "mode", trained_on: str = TRUE) -> Score:
    """``rule``: which prediction, "mode" or "rounded"."""
    return Score(
        task=TASK,
        variant=trained_on,
        metric=metric,
        items=lambda study, node: counted(study, node, worth, rule),
        named=lambda method, ordering: called(method, ordering, trained_on),
    )


#: In which a network is held against its cheap rivals: above is better in each.
ACCURACY, MINUS_MAE, MINUS_MAE_ROUNDED = (counter(*one) for one in WORTHS)


def counted(study: Study, node: Node, worth: Worth, rule: str = "mode") -> Scores:
    """Scene -> what the prediction by that rule is worth."""
    return {item: worth(said, true) for item, (said, true) in _counts(study, node, rule).items()}


def by_chance(metric: Metric, worth: Worth) -> Score:
    """What a uniform guess from 1 to 5 is worth, as is expected, for the scenes of a run."""
    return _without_listening(metric, "a random guess", lambda true: sum(worth(n, true) for n in range(1, 6)) / 5)


def of_scenes(study: Study, score: str, rule: str) -> Callable[[Node], Scores]:
    """Scene -> what a score is the mean of, as the tables print it: an error is the lower the better."""
    worth, sign = (right, 1) if score == "accuracy" else (minus_error, -1)
    return lambda node: {item: sign * value for item, value in counted(study, node, worth, rule).items()}


def of_trivial(study: Study, which: str, score: str) -> Callable[[Node], Scores]:
    """The same of what does not listen; a constant is known by its error, which no two share but over few scenes."""

    def by_scene(node: Node) -> Scores:
        numbers = {item: true for item, (_, true) in _counts(study, node).items()}
        error = dig(node.run.result, "trivial", which, "mae") if node.run else None
        if which == "random":
            guesses: Sequence[int] = range(1, 6)
        else:
            fit = {n: sum(abs(n - true) for true in numbers.values()) / max(len(numbers), 1) for n in range(1, 6)}
            guesses = [n for n, its in fit.items() if error is not None and abs(its - error) < 1e-9][:1]
        worth = right if score == "accuracy" else lambda guess, true: abs(guess - true)
        return (
            {i: sum(worth(n, true) for n in guesses) / len(guesses) for i, true in numbers.items()} if guesses else {}
        )

    return by_scene


def _without_listening(metric: Metric, name: str, worth: Callable[[float], float]) -> Score:
    return Score(
        task=TASK,
        variant=TRUE,
        metric=metric,
        items=lambda study, node: {item: worth(true) for item, (_, true) in _counts(study, node).items()},
        named=lambda *_: name,
    )


def in_hindsight(metric: Metric, worth: Worth) -> Score:
    """What :func:`best_constant` is worth."""
    score = _without_listening(metric, "the best constant", abs)
    return replace(score, items=lambda study, node: best_constant(study, node, worth))


def best_constant(study: Study, node: Node, worth: Worth) -> Scores:
    """Scene -> what the constant prediction is worth that, with hindsight, serves the run's test scenes best."""
    numbers = {item: true for item, (_, true) in _counts(study, node).items()}
    by_constant = [{item: worth(c, true) for item, true in numbers.items()} for c in range(1, 6)]
    return max(by_constant, key=lambda scores: sum(scores.values()))


def _counts(study: Study, node: Node, rule: str = "mode") -> dict[str, tuple[float, float]]:
    """Scene -> (its count by that rule, its number of sources)."""
    found = study.measurements(node, rule)
    rows = zip(found["item"], found["value"], condition(found, "n_sources"), strict=True)
    return {item: (said, float(true or "nan")) for item, said, true in rows}


def statements(study: Study) -> Iterator[Row | None]:
    every = labels.in_order(study.rows(TASK))
    for method, ordering in every:
        for metric, worth, rule in WORTHS:
            score, control = (counter(metric, worth, rule, trained_on) for trained_on in (TRUE, PERMUTED))
            own, best = (s.side(study, method, ordering) for s in (score, in_hindsight(metric, worth)))
            others = [best]
            if (method, ordering) not in CHEAP:
                others += [score.side(study, *rival) for rival in CHEAP]
                others += [control.side(study, *who) for who in every if who[0] == method]
                others += [score.side(study, method, UNTRAINED)] if ordering != UNTRAINED else []
            for other in others:
                yield statement(STATEMENTS, metric, own, other)


REPORT = TaskReport(
    task=TASK,
    tables=lambda study: [counting(study)],
    figures=later("reports.figures.counting", "reliability"),
    matched=lambda study, *who: [ACCURACY, MINUS_MAE, MINUS_MAE_ROUNDED],
    statements=statements,
)
