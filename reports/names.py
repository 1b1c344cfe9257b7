"""How methods, orderings, variants and rules are called and ordered.

Unknown ones appear by their own name, after the known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
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
    "av-miml": "AV-MIML",
}
#: Behind a method's name and a colon: another configuration of it.
ARMS = {
    "mel": "mel bins",
    "waveform": "learned front end",
    "recurrent": "several frames and a recurrent layer",
    "image-negatives": "other images as negatives",
    "music": "pre-trained on MUSIC",
    "instrument": "pre-trained on AudioSet-Instrument",
    "mc2": "MC2",
    "mc3": "MC3",
    "mc4": "MC4",
    "mc5": "MC5",
}
#: What a method is without an arm, where its arms are other values of the same choice.
WITHOUT_ARM = {"avts": "MC3"}
TRIVIAL = ("full-frame", "centred-square", "mean-training-map")
MASKS = (*TRIVIAL, "random-box")  # methods that give masks

PROBES = {"miniature": "miniature", "composite": "composite", "esc10": "ESC-10", "esc50": "ESC-50"}
OWN_PROBES = ("miniature", "composite")  # of the sounds of a preset's own scenes
ACTIONS = {"miniature": "miniature", "ucf101": "UCF-101", "hmdb51": "HMDB-51"}

#: Orderings from the simplest to the longest, each before its controls; others follow in the order of the plan.
ORDERINGS = (
    "avc",
    "avc-matched",
    "supervised-avc",
    "curriculum",
    "curriculum-bce",
    "easy",
    "c1",
    "c0",
    "c3",
    "mixed",
    "c1-c2",
    "c1-c2scene",
    "c1-c2-c3",
    "c1-c2-c3-counted",
    "c1-matched",
    "c3-matched",
    "mixed-matched",
    "hard-to-easy",
    "c1-c2-c3-c4",
    "hard",
    "super-hard",
    "super-hard-start",
    "bce",
    "supervised",
    "untrained",
)
CURRICULUM = "c1-c2-c3"
UNTRAINED = "untrained"
#: What the orderings of a method, and of its arms, are held against.
REFERENCES = {"cavl": CURRICULUM, "avts": "curriculum", "l3": "avc-matched"}
NAMELESS = ("none", "own")  # orderings that need no name: nothing is trained, or the method has only one

TRUE, PERMUTED = "true", "permuted"  # what the counter was trained on

#: The sets of pairs on which synchronisation is told; the first is the headline's.
SETS = {
    "mixed": "75/25",
    "easy": "easy",
    "hard": "hard",
    "super-hard": "super-hard",
    "hard-shuffled": "hard, shuffled",
    "hard-reordered": "hard, reordered",
}
MIXED, EASY, HARD, SHUFFLED, REORDERED = "mixed", "easy", "hard", "hard-shuffled", "hard-reordered"

#: In brackets behind a name: which heatmap, which labels, which of the sounds separated in one run.
REMARKS = {
    "aligned": "",
    "unaligned": "unaligned centre",
    "random-centre": "random centre",
    "other-audio": "another scene's sound",
    "absent-kind": "sound of an absent kind",
    "activation": "activation without the sound",
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


def base_of(method: str) -> str:
    """The method without its arm: "l3" of "l3:mel"."""
    return method.partition(":")[0]


def label(method: str, ordering: str, remark: str = "", variant: str = "") -> str:
    """ "CAVL c1-c2", "Full frame", "CAVL c1 (unaligned centre)", "CAVL c1 mask, plain loss (shuffled)",
    "L3-Net avc, mel bins"."""
    base, _, arm = method.partition(":")
    name = METHODS.get(base, base)
    if ordering not in NAMELESS:
        name += f" {ordering}"
    phrases = [UNUSUAL.get(word, word) for word in variant.split()]  # the conditioning has no other name
    if phrases:
        name += f" {', '.join(phrases)}"
    if arm:
        name += f", {ARMS.get(arm, arm)}"
    inside = REMARKS.get(remark, remark)
    return f"{name} ({inside})" if inside and inside not in phrases else name


def in_order(rows: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(method, ordering) pairs: methods as planned, each before its arms, the orderings as in :data:`ORDERINGS`."""
    rows = list(dict.fromkeys(rows))
    methods = list(dict.fromkeys(method for method, _ in rows))
    families = list(dict.fromkeys(map(base_of, methods)))
    methods.sort(key=lambda method: (families.index(base_of(method)), ":" in method))
    rank = {ordering: i for i, ordering in enumerate(ORDERINGS)}
    return sorted(rows, key=lambda row: (methods.index(row[0]), rank.get(row[1].partition("@")[0], len(rank))))


def first_trained(rows: Sequence[tuple[str, str]], method: str) -> tuple[str, str] | None:
    """The first of ``rows`` that is the method's and not the untrained network; None without any."""
    return next(((m, o) for m, o in rows if m == method and o != UNTRAINED), None)


def reference_of(method: str) -> str:
    """The ordering that the method's others are held against."""
    return REFERENCES.get(base_of(method), CURRICULUM)


def rules_in_order(rules: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(rules))
    return [r for r in RULES if r in found] + [r for r in found if r not in (*RULES, MASK)]


# -- stages ------------------------------------------------------------------------------------------------------------


#: Values of a stage's options that have another name.
OPTIONS = {"bce": "BCE", "avc": "AVC", "classify": "kinds from labels"}


def stage_text(stage: Mapping[str, Any]) -> str:
    """ "C1 400 at 0.001", "C1+C2+C3 400 at 0.001", "C2 (scene) 160 at 0.0001",
    "C1 (75 % easy, 25 % hard; contrastive) 240 at 0.001"."""
    curricula = "+".join(f"C{n}" for n in stage["curricula"])
    options = options_text(stage)
    inside = f" ({options})" if options else ""
    return f"{curricula}{inside} {stage['updates']} at {stage['lr']:g}"


def options_text(stage: Mapping[str, Any]) -> str:
    """ "75 % easy, 25 % hard; contrastive", "counted k"; "" for a stage without options.

    Shares come first, in whatever order the run's file has the options.
    """
    given = sorted(stage.get("options", {}).items(), key=lambda option: not isinstance(option[1], Mapping))
    options = [_option_text(name, value) for name, value in given]
    return "; ".join([*options, *(["counted k"] if stage.get("k") == "counted" else [])])


def _option_text(name: str, value: Any) -> str:
    """Words speak for themselves, shares are percentages; other values stand behind their name."""
    if isinstance(value, str):
        return OPTIONS.get(value, value)
    if isinstance(value, Mapping) and all(isinstance(v, int | float) for v in value.values()):
        if math.isclose(sum(value.values()), 1):
            return ", ".join(k if v == 1 else f"{100 * v:.3g} % {k}" for k, v in value.items() if v)
        return f"{name} {', '.join(f'{k} {v:g}' for k, v in value.items())}"
    return f"{name} {value}"


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
