"""Which of the several scores of a run is its headline: the one that tables and figures show where they show one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reports import names
from reports.names import DEFAULT_RULE, MASK, MIXED
from reports.results import Node, dig

#: Where the score of a task lies that has the same for every method.
HEADLINES: Mapping[str, tuple[str, ...]] = {
    "action": ("accuracy",),
    "avc": ("accuracy",),
    "avts": ("sets", MIXED, "accuracy"),
    "classification": ("accuracy",),
}


def main_heatmap(nodes: Sequence[Node]) -> tuple[str, str]:
    """(heatmap, rule) that a method's localization score stands on: its aligned heatmap, or its mask."""
    for node in nodes:
        heatmaps = dig(node.run.result, "single") if node.run else None
        if isinstance(heatmaps, Mapping):
            return (MASK, MASK) if MASK in heatmaps and "aligned" not in heatmaps else ("aligned", DEFAULT_RULE)
    masks = any(n.method in names.MASKS for n in nodes)  # none has run yet
    return (MASK, MASK) if masks else ("aligned", DEFAULT_RULE)


def main_row(nodes: Sequence[Node]) -> str:
    """The row of a separation result that its score stands on: the sound-makers located as the run was configured."""
    for node in nodes:
        if node.run is not None:
            wanted = f"located-{dig(node.run.config, 'evaluation', 'network', 'located')}"
            return wanted if dig(node.run.result, "rows", wanted) else "located-mixture"
    return "located-mixture"  # the default; none has run yet
