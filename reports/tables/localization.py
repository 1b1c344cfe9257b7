"""Tables 3 and 3b: localization of a single sounding object, under the default binarisation rule and under all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports import names
from reports.cells import Cell, Row, Table, measured, paper
from reports.headline import main_heatmap
from reports.names import DEFAULT_RULE, MASK, UNTRAINED, label
from reports.published import PAPER, published
from reports.results import Node, Study, dig
from reports.tables.common import (
    ABSENT,
    CELLS,
    COUNTED,
    HIGHER,
    NOT_HERE,
    NOT_IN_THIS_SUITE,
    OTHERS,
    THE_PAPERS,
    beside_trivial,
    findings,
    provenance,
    scored_on,
    unfinished,
)

TRIVIAL = "Trivial rows (they see no image)"
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


def localization(study: Study) -> Table:
    """Table 3: single-source localization under the default binarisation rule."""

    def cells(method: str, ordering: str, heatmap: str, paper_row: str | None = None) -> tuple[Cell, ...]:
        nodes = study.select("localization", method, ordering)
        rule = MASK if heatmap == MASK else DEFAULT_RULE
        printed = [None if paper_row is None else published(3, paper_row, metric) for metric in PAPER[3].metrics]
        absent = study.absence("localization", method, ordering, NOT_IN_THIS_SUITE)
        ours = [
            measured(nodes, "single", heatmap, rule, metric, items=SINGLE, published=number, absent=absent)
            for metric, number in zip(("ciou@0.5", "auc"), printed, strict=True)
        ]
        return (*map(paper, printed), *ours)

    every = names.in_order(study.rows("localization"))
    rows: list[Row] = []
    shown: list[tuple[str, str, str]] = []

    def add(group: str, who: tuple[str, str, str], paper_row: str | None = None) -> None:
        known_as = label(*who)
        if paper_row is not None and who[:2] in every and known_as != paper_row:
            known_as = f"{paper_row}: {known_as}"
        elif paper_row is not None:
            known_as = paper_row
        rows.append(Row(label=known_as, cells=cells(*who, paper_row), group=group))
        shown.append(who)

    for name, (method, wanted, heatmap) in PAPER_ROWS.items():
        _, ordering = (method, wanted) if wanted else names.first_trained(every, method) or (method, "none")
        add(THE_PAPERS, (method, ordering, heatmap), name)
    for method, ordering in every:
        if method in names.TRIVIAL:
            add(TRIVIAL, (method, ordering, MASK))
    for method, ordering in every:
        if ordering == UNTRAINED:
            add(CONTROLS, (method, ordering, "aligned"))
        elif (method, ordering) == names.first_trained(every, names.base_of(method)):
            for control in _controls(study.select("localization", method, ordering)):
                if (method, ordering, control) not in shown:
                    add(CONTROLS, (method, ordering, control))
    for method, ordering in every:
        heatmap, _ = main_heatmap(study.select("localization", method, ordering))
        if (method, ordering, heatmap) not in shown:
            add(OTHERS, (method, ordering, heatmap))
    kinds = [(row.label, row.group, *who) for row, who in zip(rows, shown, strict=True)]
    trivial = [name for name, _, method, _, _ in kinds if method in names.MASKS]
    compared = [name for name, group, _, _, heatmap in kinds if heatmap == "aligned" and group != CONTROLS]
    better, columns = (0, 0, HIGHER, HIGHER), ("Paper cIoU@0.5", "Paper AUC", "cIoU@0.5", "AUC")
    marked = beside_trivial(rows, compared, trivial, better)
    return Table(
        name="table3",
        short="Table 3",
        title="Table 3. Localization of a single sounding object",
        caption=(
            "cIoU@0.5 (the fraction of images whose cIoU reaches 0.5) and AUC in percent, higher is better. Heatmaps "
            f"are binarised by {DEFAULT_RULE}; masks are never binarised (all rules: Table 3b). "
            f"{scored_on(study, 'localization', 'single')} Unrelated or unaligned centre: one that Eq 7 does not "
            "choose; activation without the sound: how strongly the image alone excites the network. "
            f"{NOT_HERE} {CELLS} {COUNTED} {provenance(3, study=study)}"
        ),
        columns=columns,
        rows=marked,
        findings=(
            *findings(marked, compared, trivial, better, columns, "a mask that sees no image"),
            *unfinished(marked, compared),
        ),
    )


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

    found = scored(study.select("localization"))
    rules = names.rules_in_order(rule for s in found for by_rule in s.values() for rule in by_rule) or [*names.RULES]
    tables = []
    for metric, (title, meaning) in PANELS.items():
        rows = []
        for method, ordering in names.in_order(study.rows("localization")):
            nodes = study.select("localization", method, ordering)
            heatmaps = dict.fromkeys(heatmap for s in scored(nodes) for heatmap in s) or {main_heatmap(nodes)[0]: None}
            for heatmap in heatmaps:
                wanted = (MASK,) if heatmap == MASK else rules
                cells = tuple(
                    measured(nodes, "single", heatmap, rule, metric, items=SINGLE) if rule in wanted else ABSENT
                    for rule in (*rules, MASK)
                )
                rows.append(Row(label=label(method, ordering, heatmap), cells=cells, group=label(method, "none")))
        tables.append(
            Table(
                name=f"table3b_{metric.replace('@', '').replace('.', '')}",
                short=f"Table 3b: {title}",
                title=f"Table 3b. Every binarisation rule: {title}",
                caption=(
                    f"{meaning} The same heatmaps, binarised by each rule (PROTOCOLS §6): published numbers differ in "
                    "this rule more than in anything else. Masks are not binarised. top_half lights half of the image "
                    "and cannot score well where objects are small. "
                    f"{scored_on(study, 'localization', 'single')} {CELLS}"
                ),
                columns=(*rules, "as a mask"),
                rows=tuple(rows),
            )
        )
    return tables
