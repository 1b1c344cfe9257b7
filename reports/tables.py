"""The tables of the report, built from a study: which rows, which columns, which runs behind each cell.

The paper's rows come first, in its order; then what the paper lacks: trivial rows, controls, the untrained network, and
every other method and ordering of the plan, third parties' included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reports import names
from reports.cells import Cell, Row, Table, collected, measured, paper, words
from reports.comparisons import differences
from reports.names import CURRICULUM, DEFAULT_RULE, MASK, UNTRAINED, label
from reports.published import PAPER, published
from reports.study import Node, Study, dig

CELLS = "Cells: mean over seeds ± half of the 95 % t-interval over seeds; a single seed has no interval."
OURS = (
    "The paper's numbers are from other data (AudioSet for training; ESC-50 or SoundNet-Flickr for measuring) and from "
    "larger networks; ours are from the miniature world unless the preset or the column says otherwise. Compare rows, "
    "not digits."
)
ABSENT = words("–")

THE_PAPERS = "The paper's rows"
TRIVIAL = "Trivial rows (they see no image)"
CONTROLS = "Trivial rows and controls"
OTHERS = "Other methods and orderings"


def all_tables(study: Study) -> list[Table]:
    """Every table for which the plan has runs."""
    tables = []
    if study.select("classification"):
        tables.append(classification(study))
    if study.select("localization"):
        tables.append(localization(study))
    tables += [table for table in (orderings(study), differences(study)) if table.rows]
    if study.select("localization"):
        tables += binarisations(study)
    return tables


# -- Table 1 -----------------------------------------------------------------------------------------------------------

TABLE_1_ROWS = {
    "C1": ("cavl", "c1"),
    "C2 + Sound-source-level alignment": ("cavl", "c1-c2"),
    "C2 + Scene-level alignment": ("cavl", "c1-c2scene"),
}
FEATURES_WITHOUT_TRAINING = (("spectrogram-statistics", "none"), ("cavl", UNTRAINED))
NOT_RUN = {
    "esc10": "ESC-10 was not run: it needs the recordings of ESC-50 (--esc50 DIR).",
    "esc50": "ESC-50 was not run: there is no accuracy over missing folds, it needs all five (--esc50 DIR).",
}


def classification(study: Study) -> Table:
    """Table 1: a linear probe on frozen audio features."""
    planned = [n.probe for n in study.select("classification") if n.probe]
    probes = list(dict.fromkeys([*names.PROBES, *planned]))
    folds = {p: 0 if p == "miniature" else _folds(study, p) for p in probes}
    columns = ["Paper ESC-50"]
    for probe in probes:
        name = names.PROBES.get(probe, probe)
        columns += [f"{name} accuracy", *(f"{name} fold {i + 1}" for i in range(folds[probe]))]

    def cells(method: str, ordering: str, paper_row: str | None = None) -> tuple[Cell, ...]:
        entry = None if paper_row is None else published(1, paper_row, "Accuracy")
        row = [paper(entry)]
        for probe in probes:
            nodes = study.select("classification", method, ordering, probe)
            if nodes:
                row.append(_or_reason(measured(nodes, "accuracy", published=entry if probe == "esc50" else None)))
                row += _by_fold(nodes, "folds", folds[probe])
            else:
                row.append(words("not planned" if probe in planned else "not run"))
                row += [ABSENT] * folds[probe]
        return tuple(row)

    def of_all(score: str, fold_scores: str | None, whose: slice) -> tuple[Cell, ...]:
        """A score that every run of a probe has, over the rows ``whose``."""
        row = [ABSENT]
        for probe in probes:
            nodes = study.select("classification", probe=probe)
            methods = list(dict.fromkeys((n.method, n.ordering) for n in nodes if n.run))[whose]
            nodes = [n for n in nodes if (n.method, n.ordering) in methods]
            row.append(measured(nodes, score) if nodes else ABSENT)
            row += _by_fold(nodes, fold_scores, folds[probe]) if fold_scores else [ABSENT] * folds[probe]
        return tuple(row)

    every = names.in_order(study.rows("classification"))
    rows = [Row(label=f"{r}: {label(*who)}", cells=cells(*who, r), group=THE_PAPERS) for r, who in TABLE_1_ROWS.items()]
    rows.append(Row(label="Chance", cells=of_all("chance", None, slice(1)), group=CONTROLS))
    rows += [
        Row(label=label(*who), cells=cells(*who), group=CONTROLS) for who in FEATURES_WITHOUT_TRAINING if who in every
    ]
    permuted = of_all("permuted", "permuted_folds", slice(None))
    rows.append(Row(label="Permuted labels (all rows' features)", cells=permuted, group=CONTROLS))
    shown = (*TABLE_1_ROWS.values(), *FEATURES_WITHOUT_TRAINING)
    rows += [Row(label=label(*who), cells=cells(*who), group=OTHERS) for who in every if who not in shown]
    return Table(
        name="table1",
        short="Table 1",
        title="Table 1. Sound classification with a linear probe",
        caption=(
            "Accuracy in percent of a linear SVM on frozen audio features, official folds, C chosen within the "
            f"training folds (PROTOCOLS §7). {scenes(study, 'classification')} Fold columns show single folds; the "
            "paper's figures are multiples of 1/400, i.e. of one fold. Permuted labels: the same pipeline on labels "
            "shuffled among the clips, averaged over the features of all rows; it must be at chance. "
            f"{''.join(f'{why} ' for probe, why in NOT_RUN.items() if probe not in planned)}{CELLS} {OURS}"
        ),
        columns=tuple(columns),
        rows=tuple(rows),
    )


def _folds(study: Study, probe: str) -> int:
    """The number of folds, from the finished runs."""
    found = (dig(n.run.result, "folds") for n in study.select("classification", probe=probe) if n.run)
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


# -- Table 3 -----------------------------------------------------------------------------------------------------------

#: The paper's row -> method, ordering (None: the first one planned), heatmap.
TABLE_3_ROWS: Mapping[str, tuple[str, str | None, str]] = {
    "Random": ("random-box", None, MASK),
    "Attention": ("attention", None, "aligned"),
    "DMC": ("dmc", None, "aligned"),
    "CAVL-C1": ("cavl", "c1", "aligned"),
    "CAVL-C1 (unrelated)": ("cavl", "c1", "unaligned"),
    "CAVL-C2": ("cavl", "c1-c2", "aligned"),
}
TABLE_3_CONTROLS = (
    ("cavl", "c1", "random-centre"),
    ("cavl", "c1", "other-audio"),
    ("cavl", UNTRAINED, "aligned"),
)
SINGLE = ("items", "single")  # where a localization result keeps its number of single-source scenes


def main_heatmap(nodes: Sequence[Node]) -> tuple[str, str]:
    """(heatmap, rule) that a method's headline score stands on: its aligned heatmap, or its mask."""
    for node in nodes:
        heatmaps = dig(node.run.result, "single") if node.run else None
        if isinstance(heatmaps, Mapping):
            return (MASK, MASK) if MASK in heatmaps and "aligned" not in heatmaps else ("aligned", DEFAULT_RULE)
    masks = any(n.method in names.MASKS for n in nodes)  # none has run yet
    return (MASK, MASK) if masks else ("aligned", DEFAULT_RULE)


def localization(study: Study) -> Table:
    """Table 3: single-source localization under the default binarisation rule."""

    def cells(method: str, ordering: str, heatmap: str, paper_row: str | None = None) -> tuple[Cell, ...]:
        nodes = study.select("localization", method, ordering)
        rule = MASK if heatmap == MASK else DEFAULT_RULE
        printed = [None if paper_row is None else published(3, paper_row, metric) for metric in PAPER[3].metrics]
        ours = [
            measured(nodes, "single", heatmap, rule, metric, items=SINGLE, published=number)
            if nodes
            else words("not in this suite")
            for metric, number in zip(("ciou@0.5", "auc"), printed, strict=True)
        ]
        return (*map(paper, printed), *ours)

    every = names.in_order(study.rows("localization"))
    rows: list[Row] = []
    shown: set[tuple[str, str, str]] = set()

    def add(group: str, who: tuple[str, str, str], paper_row: str | None = None) -> None:
        known_as = label(*who)
        if paper_row is not None and who[:2] in every and known_as != paper_row:
            known_as = f"{paper_row}: {known_as}"
        elif paper_row is not None:
            known_as = paper_row
        rows.append(Row(label=known_as, cells=cells(*who, paper_row), group=group))
        shown.add(who)

    for name, (method, wanted, heatmap) in TABLE_3_ROWS.items():
        ordering = wanted or next((o for m, o in every if m == method), "none")
        add(THE_PAPERS, (method, ordering, heatmap), name)
    for method, ordering in every:
        if method in names.TRIVIAL:
            add(TRIVIAL, (method, ordering, MASK))
    for who in TABLE_3_CONTROLS:
        if who[:2] in every:
            add("Controls", who)
    for method, ordering in every:
        heatmap, _ = main_heatmap(study.select("localization", method, ordering))
        if (method, ordering, heatmap) not in shown:
            add(OTHERS, (method, ordering, heatmap))
    return Table(
        name="table3",
        short="Table 3",
        title="Table 3. Localization of a single sounding object",
        caption=(
            "cIoU@0.5 (the fraction of images whose cIoU reaches 0.5) and AUC in percent, higher is better. Heatmaps "
            f"are binarised by {DEFAULT_RULE}; masks are never binarised (all rules: Table 3b). "
            f"{scenes(study, 'localization', 'single')} Unrelated or unaligned centre: one that Eq 7 does not choose. "
            f"Not in this suite: no method of that name is part of the plan. {CELLS} {OURS}"
        ),
        columns=("Paper cIoU@0.5", "Paper AUC", "cIoU@0.5", "AUC"),
        rows=tuple(rows),
    )


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
                    f"{scenes(study, 'localization', 'single')} {CELLS}"
                ),
                columns=(*rules, "as a mask"),
                rows=tuple(rows),
            )
        )
    return tables


# -- Comparison of orderings -------------------------------------------------------------------------------------------


def orderings(study: Study) -> Table:
    """Per ordering: what it was trained on, how long, every score; and whether its compute is the curriculum's."""

    def cells(method: str, ordering: str) -> tuple[Cell, ...]:
        where = study.select("localization", method, ordering)
        probe = study.select("classification", method, ordering, "miniature")
        stages = study.stages(method, ordering)

        def several(n: str, metric: str) -> Cell:
            return measured(where, "multi", n, metric, items=("items", "multi", n))

        def while_training(metric: str) -> Cell:
            return collected(where or probe, lambda node: study.while_training(node, metric), items=())

        return (
            words(_stages_text(study, method, ordering)),
            ABSENT if stages is None else words(f"{sum(s['updates'] for s in stages):,}"),
            words(_compute(study, method, ordering)),
            several("3", "pointing"),
            several("3", "pointing_other"),
            several("2", "matched_iou"),
            several("3", "matched_iou"),
            several("3", "silent_area"),
            measured(where, "single", *main_heatmap(where), "ciou@0.5", items=SINGLE),
            measured(probe, "accuracy"),
            while_training("pair_accuracy"),
            while_training("r_at_1"),
        )

    trained = {(n.method, n.ordering) for n in study.nodes if n.parents}
    every = names.in_order(study.rows("localization", "classification"))
    chosen = [who for who in every if who[1] not in names.NAMELESS or who in trained]
    return Table(
        name="orderings",
        short="Orderings",
        title="Comparison of curriculum orderings",
        caption=(
            "All scores in percent; for silent area, the share of silent objects wrongly claimed to sound, lower is "
            "better. Stages: curriculum (C_N: scenes of N sources), updates, learning rate. Pointing, IoU and silent "
            "area on scenes of 3 (IoU also 2) sources. Pointing, other sound: the same game played with the sound of a "
            "kind that is not in the scene, the control that the sound decides. "
            f"{scenes(study, 'localization', 'multi', '3')} Compute: an "
            f"ordering may be compared with {CURRICULUM} only where it is matched, i.e. had as many updates under the "
            "same learning rates; unmatched rows were trained for another time and say nothing about order. "
            "Paired differences of matched orderings are in the next table. Pair accuracy (chance 50) and R@1 are "
            "measured on held-out scenes of the last stage's own curricula, so they compare only orderings that end "
            f"alike, and they can rise without any alignment; pointing cannot. {CELLS} The paper has no such "
            "table; its remarks on orderings (§4.3.1, §4.4) rest on other data."
        ),
        columns=(
            "Stages",
            "Updates",
            f"Compute vs {CURRICULUM}",
            "Pointing (3)",
            "Pointing, other sound (3)",
            "IoU (2)",
            "IoU (3)",
            "Silent area (3)",
            "cIoU@0.5 (1)",
            "Probe accuracy",
            "Pair accuracy",
            "R@1",
        ),
        rows=tuple(Row(label=label(*who), cells=cells(*who), group=label(who[0], "none")) for who in chosen),
    )


def _stages_text(study: Study, method: str, ordering: str) -> str:
    """One text for all seeds; orderings drawn from the seed give one for each."""
    runs = [n.run for n in study.nodes if n.run and (n.method, n.ordering) == (method, ordering)]
    texts = ["; ".join(map(names.stage_text, names.taken_stages(r.config))) or "initial weights" for r in runs]
    return " / ".join(dict.fromkeys(texts)) or "not run"


def _compute(study: Study, method: str, ordering: str) -> str:
    own, reference = (study.stages(method, o) for o in (ordering, CURRICULUM))
    if ordering == CURRICULUM:
        return "the reference"
    if own is None or not reference:
        return "–"
    if not own:
        return "untrained"
    return "matched" if names.schedule(own) == names.schedule(reference) else "unmatched"


def scenes(study: Study, task: str, *path: str) -> str:
    """ "Scored on 300 test scenes.", from the finished runs; nothing where none says."""
    counts = {c for n in study.select(task) if n.run and isinstance(c := dig(n.run.result, "items", *path), int)}
    if not counts:
        return ""
    number = " to ".join(f"{c:,}" for c in dict.fromkeys((min(counts), max(counts))))
    return f"Scored on {number} {'clips' if task == 'classification' else 'test scenes'}."
