"""How methods, orderings, variants and rules are called and ordered.

Unknown ones appear by their own name, after the known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: Binarisation rules in the order of PROTOCOLS §6; the first is the default.
RULES = ("threshold=0.5", "max_fraction=0.1", "max_fraction=0.5", "top_half", "median_gt", "median_ge")
DEFAULT_RULE = RULES[0]
MASK = "mask"  # row and rule of methods that give masks, which are never binarised

METHODS = {
    "cavl": "CAVL",
    "full-frame": "Full frame",
    "centred-square": "Centred square",
    "mean-training-map": "Mean training map",
    "random-box": "Random box",
    "spectrogram-statistics": "Spectrogram statistics",
    "attention": "Attention",
    "dmc": "DMC",
    "l3": "L3-Net",
    "avts": "AVTS",
    "nmf-mfcc": "NMF-MFCC",
    "av-mix-sep": "AV-Mix-Sep",
    "sound-of-pixels": "Sound-of-Pixels",
    "co-separation": "Co-Separation",
}
TRIVIAL = ("full-frame", "centred-square", "mean-training-map")
MASKS = (*TRIVIAL, "random-box")  # methods that give masks

PROBES = {"miniature": "miniature", "esc10": "ESC-10", "esc50": "ESC-50"}

#: Orderings from the simplest to the longest, each before its controls; others follow in the order of the plan.
ORDERINGS = (
    "c1",
    "c0",
    "c3",
    "mixed",
    "c1-c2",
    "c1-c2scene",
    "c1-c2-c3",
    "c1-c2-c3-counted",
    "c3-matched",
    "mixed-matched",
    "hard-to-easy",
    "c1-c2-c3-c4",
    "untrained",
)
CURRICULUM = "c1-c2-c3"
UNTRAINED = "untrained"
NAMELESS = ("none", "own")  # orderings that need no name: nothing is trained, or the method has only one

TRUE, PERMUTED = "true", "permuted"  # what the counter was trained on

#: In brackets behind a name: which heatmap, which labels, which of the sounds separated in one run.
REMARKS = {
    "aligned": "",
    "unaligned": "unaligned centre",
    "random-centre": "random centre",
    "other-audio": "another scene's sound",
    "absent-kind": "sound of an absent kind",
    MASK: "",
    TRUE: "",
    PERMUTED: "permuted labels",
    "located-mixture": "located with the mixture",
    "located-solo": "located with the solo",
    "shuffled": "shuffled",
    "shuffled-solo": "shuffled, located with the solo",
    "audio-assignment": "audio assignment as the mask",
}

#: What follows the conditioning in the variant of a separation network: values that are not the preset's.
UNUSUAL = {
    "plain": "plain loss",
    "weighted": "weighted loss",
    "mean": "averaged mixtures",
    "sum": "summed mixtures",
    "mixture": "located with the mixture",
    "solo": "located with the solo",
}


def label(method: str, ordering: str, remark: str = "", variant: str = "") -> str:
    """ "CAVL c1-c2", "Full frame", "CAVL c1 (unaligned centre)", "CAVL c1 mask, plain loss (shuffled)"."""
    name = METHODS.get(method, method)
    if ordering not in NAMELESS:
        name += f" {ordering}"
    phrases = [UNUSUAL.get(word, word) for word in variant.split()]  # the conditioning has no other name
    if phrases:
        name += f" {', '.join(phrases)}"
    inside = REMARKS.get(remark, remark)
    return f"{name} ({inside})" if inside and inside not in phrases else name


def in_order(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(method, ordering) pairs: methods as planned, the orderings of each as in :data:`ORDERINGS`."""
    rows = list(dict.fromkeys(rows))
    methods = list(dict.fromkeys(method for method, _ in rows))
    rank = {ordering: i for i, ordering in enumerate(ORDERINGS)}
    return sorted(rows, key=lambda row: (methods.index(row[0]), rank.get(row[1].partition("@")[0], len(rank))))


def rules_in_order(rules: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(rules))
    return [r for r in RULES if r in found] + [r for r in found if r not in (*RULES, MASK)]


# -- stages ------------------------------------------------------------------------------------------------------------


def stage_text(stage: Mapping[str, Any]) -> str:
    """ "C1 400 at 0.001", "C1+C2+C3 400 at 0.001", "C2 (scene) 160 at 0.0001"."""
    curricula = "+".join(f"C{n}" for n in stage["curricula"])
    options = [str(v) for v in stage.get("options", {}).values()]
    options += ["counted k"] if stage.get("k") == "counted" else []
    inside = f" ({', '.join(options)})" if options else ""
    return f"{curricula}{inside} {stage['updates']} at {stage['lr']:g}"


def taken_stages(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The stages of a run's configuration, the last cut at the update whose weights were measured."""
    stages = [dict(s) for s in config.get("stages", ())]
    if stages and config.get("step") is not None and config.get("task") != "pretrain":
        stages[-1]["updates"] = config["step"]
    return stages


def schedule(stages: Iterable[Mapping[str, Any]]) -> tuple[tuple[int, float, float], ...]:
    """(updates, lr, decay) of each stage; orderings with equal schedules are compute-matched, but for a counter."""
    return tuple((s["updates"], s["lr"], s.get("decay", 0.0)) for s in stages)


def counter_of(stages: Iterable[Mapping[str, Any]]) -> str:
    """What an ordering had besides its updates, where a counting network grades its scenes; else ""."""
    return "plus a counter trained on labels" if any(s.get("k") == "counted" for s in stages) else ""
