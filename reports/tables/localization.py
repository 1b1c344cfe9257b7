"""Tables 3 and 3b: localization of a single sounding object, under the default binarisation rule and under all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reports import labels
from reports.cells import Cell, Row, Table, measured, paper
from reports.item_scores import scores
from reports.labels import UNTRAINED, label
from reports.paired import Metric, Score, Who, statement
from reports.published import PAPER, published
from reports.results import Node, Study, dig
from reports.statistics import Scores
from reports.tables import common
from reports.tables.silent import silent_objects
from reports.task_report import TaskReport, later

TASK = "localization"
#: Binarisation rules in the order of PROTOCOLS §6; the first is the default.
RULES = ("threshold=0.5", "max_fraction=0.1", "max_fraction=0.5", "top_half", "median_gt", "median_ge")
DEFAULT_RULE = RULES[0]
MASK = "mask"  # heatmap and rule of methods that give masks, which are never binarised
#: In brackets behind a name: which heatmap, or which sound was heard.
REMARKS = {
    "aligned": "",
    "unaligned": "unaligned centre",
    "random-centre": "random centre",
    "other-audio": "another scene's sound",
    "absent-kind": "sound of an absent kind",
    "silence": "silence",
    "activation": "activation without the sound",
    MASK: "",
}
ONE_MASK = ("full-frame", "centred-square", "mean-training-map")  # for all images
MASKS = (*ONE_MASK, "random-box")  # methods that give masks
DEAF = ("edge-density", "spectral-residual")  # methods that do not hear
UNHEARD = ("silence", "activation")  # heatmaps of a network that hears nothing
STATEMENTS = "Does the heatmap follow the sound, and does training help?"

TRIVIAL = "Trivial rows (they see no image)"
SEEING = "They see and do not hear"
CONTROLS = "Controls"

#: The paper's row -> method, ordering (None: the first one planned that is trained), heatmap.
PAPER_ROWS: Mapping[str, tuple[str, str | None, str]] = {
    "Random": ("random-box", None, MASK),
    "Attention": ("attention", None, "aligned"),
    "DMC": ("dmc", None, "aligned"),
    "CAVL-C1": ("cavl", "c1", "aligned"),
    "CAVL-C1 (unrelated)": ("cavl", "c1", "unaligned"),
    "CAVL-C2": ("cavl", "c1-c2", "aligned"),
}
SINGLE = ("items", "single")  # where a localization result keeps its number of single-source scenes


#: Who is told what, in scenes of several sources.
TOLD = (
    "Pointing: each sounding object of a scene of three is asked for by its own sound alone. CAVL is told how many "
    "objects sound in an image, and clusters it for one more; no other method is told, nor is CAVL where its row says "
    "so. "
)
#: Which columns are to be better, and in which direction: cIoU@0.5, AUC, pointing.
BETTER = (0, 0, common.HIGHER, common.HIGHER, common.HIGHER)


def called(method: str, ordering: str, heatmap: str) -> str:
    return label(method, ordering, REMARKS.get(heatmap, heatmap))


def main_heatmap(nodes: Sequence[Node]) -> tuple[str, str]:
    """(heatmap, rule) that a method's score stands on: its aligned heatmap, or its mask."""
    for node in nodes:
        heatmaps = dig(node.run.result, "single") if node.run else None
        if isinstance(heatmaps, Mapping):
            return (MASK, MASK) if MASK in heatmaps and "aligned" not in heatmaps else ("aligned", DEFAULT_RULE)
    masks = any(n.method in MASKS for n in nodes)  # none has run yet
    return (MASK, MASK) if masks else ("aligned", DEFAULT_RULE)


def rules_in_order(rules: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(rules))
    return [r for r in RULES if r in found] + [r for r in found if r not in (*RULES, MASK)]


def localization(study: Study) -> Table:
    """Table 3: single-source localization under the default binarisation rule."""

    def cells(method: str, ordering: str, heatmap: str, paper_row: str | None = None) -> tuple[Cell, ...]:
        nodes = study.select(TASK, method, ordering)
        rule = MASK if heatmap == MASK else DEFAULT_RULE
        printed = [None if paper_row is None else published(3, paper_row, metric) for metric in PAPER[3].metrics]
        absent = study.absence(TASK, method, ordering, common.NOT_IN_THIS_SUITE)
        ours = [
            measured(
                nodes,
                *("single", heatmap, rule, metric),
                items=SINGLE,
                published=number,
                absent=absent,
                scores=by_image(study, metric, heatmap, rule),
            )
            for metric, number in zip(("ciou@0.5", "auc"), printed, strict=True)
        ]
        points = _several("3", "pointing")(study, method, ordering) if heatmap in ("aligned", MASK) else common.ABSENT
        return (*map(paper, printed), *ours, points)[: len(columns)]

    every = labels.in_order(study.rows(TASK))
    several = any(dig(n.run.result, "multi", "3") for n in study.select(TASK) if n.run)
    columns = ("Paper cIoU@0.5", "Paper AUC", "cIoU@0.5", "AUC", *(["Pointing (3)"] if several else []))
    rows: list[Row] = []
    shown: list[tuple[str, str, str]] = []

    def add(group: str, who: tuple[str, str, str], paper_row: str | None = None) -> None:
        known_as = called(*who)
        if paper_row is not None and who[:2] in every and known_as != paper_row:
            known_as = f"{paper_row}: {known_as}"
        elif paper_row is not None:
            known_as = paper_row
        rows.append(Row(label=known_as, cells=cells(*who, paper_row), group=group))
        shown.append(who)

    for name, (method, wanted, heatmap) in PAPER_ROWS.items():
        _, ordering = (method, wanted) if wanted else labels.first_trained(every, method) or (method, "none")
        add(common.THE_PAPERS, (method, ordering, heatmap), name)
    for method, ordering in every:
        if method in ONE_MASK:
            add(TRIVIAL, (method, ordering, MASK))
    for method, ordering in every:
        if method in DEAF:
            add(SEEING, (method, ordering, "aligned"))
    controlled = [
        (*who, control)
        for who in every
        if who[0] not in DEAF and who in _representing(every, who[0])
        for control in _controls(study.select(TASK, *who))
        if (*who, control) not in shown
    ]
    for who in controlled:
        if who[2] in UNHEARD:
            add(SEEING, who)
    for method, ordering in every:
        if ordering == UNTRAINED:
            add(CONTROLS, (method, ordering, "aligned"))
        for who in controlled:
            if who[:2] == (method, ordering) and who[2] not in UNHEARD:
                add(CONTROLS, who)
    for method, ordering in every:
        heatmap, _ = main_heatmap(study.select(TASK, method, ordering))
        if (method, ordering, heatmap) not in shown:
            add(common.OTHERS, (method, ordering, heatmap))
    kinds = [(row.label, row.group, *who) for row, who in zip(rows, shown, strict=True)]
    masks, deaf = ([name for name, _, method, _, _ in kinds if method in which] for which in (MASKS, DEAF))
    unheard = [name for name, *_, heatmap in kinds if heatmap in UNHEARD]
    compared = [name for name, group, *_, heatmap in kinds if heatmap == "aligned" and group not in (CONTROLS, SEEING)]
    better = BETTER[: len(columns)]
    marked = common.beside_trivial(rows, compared, [*masks, *deaf], better)
    of_own = common.of_own_network({name: (f"{method} {ordering}", "") for name, _, method, ordering, _ in kinds})
    return Table(
        name="table3",
        short="Table 3",
        title="Table 3. Localization of a single sounding object",
        caption=(
            "cIoU@0.5 (the fraction of images whose cIoU reaches 0.5) and AUC in percent, higher is better. Heatmaps "
            f"are binarised by {DEFAULT_RULE}; masks are never binarised (all rules: Table 3b). "
            f"{common.scored_on(study.select(TASK), 'single')} Unrelated or unaligned centre: one that Eq 7 does not "
            f"choose. {SEEING} (PROTOCOLS §6): edge density, how many edges there are about a point, and spectral "
            "residual, how unusual it is, both of the image alone; a network's own heatmap given silence, and how "
            "strongly the image alone excites it. What does not score above these has not been shown to hear. "
            f"{TOLD if several else ''}"
            f"{common.NOT_HERE} {common.CELLS} {common.COUNTED} {common.provenance(3, study=study)}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *common.findings(marked, compared, deaf, better, columns, "a map that does not hear"),
            *common.findings(marked, compared, unheard, better, columns, "itself given no sound, where shown,", of_own),
            *common.findings(marked, compared, masks, better, columns, "a mask that sees no image"),
            *common.unfinished(marked, compared),
        ),
    )


def _representing(every: Sequence[Who], method: str) -> tuple[Who | None, Who]:
    """Whose controls are shown of a method: its first trained ordering's, and its reference's; of an arm none."""
    return labels.first_trained(every, labels.base_of(method)), (labels.base_of(method), labels.reference_of(method))


def _controls(nodes: Sequence[Node]) -> list[str]:
    """The heatmaps that finished runs have beside the method's own."""
    found = dict.fromkeys(heatmap for n in nodes if n.run for heatmap in dig(n.run.result, "single") or ())
    return [heatmap for heatmap in found if heatmap not in ("aligned", MASK)]


PANELS = {
    "ciou@0.5": ("cIoU@0.5", "cIoU@0.5 in percent."),
    "auc": ("AUC", "AUC in percent."),
    "degenerate": (
        "degenerate areas",
        "How often, in percent of the images, the binarised area is empty or the whole image; such an area says "
        "nothing about where the sound is, whatever its score.",
    ),
}


def binarisations(study: Study) -> list[Table]:
    """Table 3b: the same heatmaps under every rule, one panel for each score, and how often the area is degenerate."""

    def scored(nodes: Sequence[Node]) -> list[Mapping[str, Mapping[str, Any]]]:
        return [s for n in nodes if n.run and isinstance(s := dig(n.run.result, "single"), Mapping)]

    found = scored(study.select(TASK))
    rules = rules_in_order(rule for s in found for by_rule in s.values() for rule in by_rule) or [*RULES]
    tables = []
    for metric, (title, meaning) in PANELS.items():
        rows = []
        for method, ordering in labels.in_order(study.rows(TASK)):
            nodes = study.select(TASK, method, ordering)
            heatmaps = dict.fromkeys(heatmap for s in scored(nodes) for heatmap in s) or {main_heatmap(nodes)[0]: None}
            for heatmap in heatmaps:
                wanted = (MASK,) if heatmap == MASK else rules
                cells = tuple(
                    measured(
                        nodes,
                        *("single", heatmap, rule, metric),
                        items=SINGLE,
                        scores=by_image(study, metric, heatmap, rule),
                    )
                    if rule in wanted
                    else common.ABSENT
                    for rule in (*rules, MASK)
                )
                rows.append(Row(label=called(method, ordering, heatmap), cells=cells, group=label(method, "none")))
        tables.append(
            Table(
                name=f"table3b_{metric.replace('@', '').replace('.', '')}",
                short=f"Table 3b: {title}",
                title=f"Table 3b. Every binarisation rule: {title}",
                caption=(
                    f"{meaning} The same heatmaps, binarised by each rule (PROTOCOLS §6): published numbers differ in "
                    "this rule more than in anything else. Masks are not binarised. top_half lights half of the image "
                    "and cannot score well where objects are small. "
                    f"{common.scored_on(study.select(TASK), 'single')} {common.CELLS}"
                ),
                columns=(*rules, "as a mask"),
                rows=tuple(rows),
            )
        )
    return tables


# -- among the orderings -----------------------------------------------------------------------------------------------


def _several(n: str, metric: str, by_source: str = "") -> Callable[[Study, str, str], Cell]:
    """A score on scenes of ``n`` sources; ``by_source``: what of them it is the mean of, where the items tell."""

    def cell(study: Study, *who: str) -> Cell:
        items = (lambda node: scores(study, node, by_source, n_sources=n)) if by_source else None
        return measured(study.select(TASK, *who), "multi", n, metric, items=("items", "multi", n), scores=items)

    return cell


def _single(study: Study, method: str, ordering: str) -> Cell:
    nodes = study.select(TASK, method, ordering)
    shown = main_heatmap(nodes)
    by_item = by_image(study, "ciou@0.5", *shown)
    return measured(nodes, "single", *shown, "ciou@0.5", items=SINGLE, scores=by_item)


COLUMNS = {
    "Pointing (3)": _several("3", "pointing", "hit"),
    "Pointing, other sound (3)": _several("3", "pointing_other", "hit_other"),
    "IoU (2)": _several("2", "matched_iou"),
    "IoU (3)": _several("3", "matched_iou"),
    "Silent area (3)": _several("3", "silent_area"),
    "cIoU@0.5 (1)": _single,
}

# -- item by item ------------------------------------------------------------------------------------------------------

CIOU, AUC, POINTING = Metric("cIoU@0.5"), Metric("AUC"), Metric("Pointing (3)")
THRESHOLDS = [i / 20 for i in range(21)]


def heatmap(which: str = "aligned") -> Score:
    rule = MASK if which == MASK else DEFAULT_RULE
    return Score(
        task=TASK,
        metric=CIOU,
        items=lambda study, node: ciou_hits(study, node, which, rule),
        named=lambda method, ordering: called(method, ordering, which),
    )


def area(which: str = "aligned") -> Score:
    """Image -> the area under its share of :func:`ciou_hits` over the thresholds: their mean is the AUC."""
    rule = MASK if which == MASK else DEFAULT_RULE
    return replace(heatmap(which), metric=AUC, items=lambda study, node: ciou_areas(study, node, which, rule))


def pointing(metric: str = "hit", heard: str = "aligned") -> Score:
    """Three-source image -> the share of its sources whose own object was pointed at.

    ``metric="hit_other"``: pointed at by the sound of a kind that is not in the scene, the control.
    """
    return Score(
        task=TASK,
        metric=POINTING,
        items=lambda study, node: scores(study, node, metric, n_sources="3"),
        named=lambda method, ordering: called(method, ordering, heard),
    )


def ciou_hits(study: Study, node: Node, row: str, rule: str) -> Scores:
    """Image -> 1 where its cIoU reaches 0.5, else 0 (their mean is cIoU@0.5); NaN stays NaN."""
    found = study.measurements(node, "ciou", row=row, rule=rule)
    return {i: c if math.isnan(c) else float(c >= 0.5) for i, c in zip(found["item"], found["value"], strict=True)}


def ciou_areas(study: Study, node: Node, row: str, rule: str) -> Scores:
    """Image -> the area by trapezoids under "its cIoU reaches the threshold", as PROTOCOLS §6 has it of a share."""
    found = study.measurements(node, "ciou", row=row, rule=rule)
    return {
        i: c if math.isnan(c) else (2 * sum(c >= t for t in THRESHOLDS) - 1 - (c >= 1)) / 40
        for i, c in zip(found["item"], found["value"], strict=True)
    }


def by_image(study: Study, metric: str, row: str, rule: str) -> Callable[[Node], Scores] | None:
    """Image -> what a score of a heatmap and a rule is the mean of; None where the items do not tell."""
    tell = {"ciou@0.5": ciou_hits, "auc": ciou_areas}.get(metric)
    return None if tell is None else lambda node: tell(study, node, row, rule)


def statements(study: Study) -> Iterator[Row | None]:
    every = labels.in_order(study.rows(TASK))
    for who in every:
        if not study.stages(*who):
            continue
        own, points = heatmap().side(study, *who), pointing().side(study, *who)
        for deaf in DEAF:
            yield statement(STATEMENTS, CIOU, own, heatmap().side(study, deaf, "none"))
            yield statement(STATEMENTS, POINTING, points, pointing().side(study, deaf, "none"))
        if who != labels.first_trained(every, who[0]) and who[1] != labels.reference_of(who[0]):
            continue
        untrained = (who[0], UNTRAINED)
        for control in ("unaligned", "random-centre", "other-audio", *UNHEARD):
            yield statement(STATEMENTS, CIOU, own, heatmap(control).side(study, *who))
        yield statement(STATEMENTS, CIOU, own, heatmap().side(study, *untrained))
        yield statement(STATEMENTS, POINTING, points, pointing("hit_other", "absent-kind").side(study, *who))
        yield statement(STATEMENTS, POINTING, points, pointing().side(study, *untrained))
        for trivial in MASKS:
            yield statement(STATEMENTS, CIOU, own, heatmap(MASK).side(study, trivial, "none"))


REPORT = TaskReport(
    task=TASK,
    tables=lambda study: [localization(study)],
    appendix=lambda study: [*binarisations(study), *silent_objects(study)],
    figures=lambda study: [
        *later("reports.figures.localization", "examples")(study),
        *later("reports.figures.source_maps", "generated")(study),
        *later("reports.figures.localization", "dots")(study),
        *later("reports.figures.silent", "silent")(study),
        *later("reports.figures.localization", "sensitivity")(study),
    ],
    columns=COLUMNS,
    scenes=("multi", "3"),
    matched=lambda study, *who: [pointing(), heatmap()],
    statements=statements,
)
