"""Labels of methods, orderings and stages, and the order in which they are shown.

Unknown ones appear by their own name, after the known. What a task tells apart besides is called by its own report
(:mod:`reports.tables`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

METHODS = {
    "cavl": "CAVL",
    "full-frame": "Full frame",
    "centred-square": "Centred square",
    "mean-training-map": "Mean training map",
    "random-box": "Random box",
    "edge-density": "Edge density",
    "spectral-residual": "Spectral residual",
    "spectrogram-statistics": "Spectrogram statistics",
    "count-logistic": "Logistic regression on spectrogram statistics",
    "count-trees": "Boosted trees on spectrogram statistics",
    "mean-spectrum": "Mean spectrum of each kind",
    "attention": "Attention",
    "dmc": "DMC",
    "l3": "L3-Net",
    "avts": "AVTS",
    "soundnet": "SoundNet",
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
    "other-kinds": "negatives of other kinds only",
    "normalised": "unit vectors",
    "sharp": "a sharper attention",
    "image-negatives": "other images as negatives",
    "repaired": "all three repairs",
    "fixed-k": "k_v fixed",
    "told-k": "told the number of objects",
    "counted-k": "k from its counter",
    "kinetics-sounds": "trained on Kinetics-Sounds",
    "music": "on MUSIC",
    "instrument": "on AudioSet-Instrument",
    "mc2": "MC2",
    "mc3": "MC3",
    "mc4": "MC4",
    "mc5": "MC5",
}
#: What a method is without an arm, where its arms are other values of the same choice.
WITHOUT_ARM = {"avts": "MC3"}
#: Orderings from the simplest to the longest, each before its controls; others follow in the order of the plan.
ORDERINGS = (
    *("avc", "avc-matched", "supervised-avc", "curriculum", "curriculum-bce", "curriculum-matched", "easy"),
    *("c1", "c0", "c3", "c3-late", "original", "mixed", "c1-c2", "c1-c2scene"),
    *("c1-c2-c3", "c1-c2-c3-counted", "all"),
    *("c1-matched", "c3-matched", "mixed-matched", "hard-to-easy", "c1-c2-c3-c4"),
    *("hard", "super-hard", "super-hard-start", "bce", "bce-matched"),
    *("taught", "supervised", "supervised-matched", "supervised-motions", "untrained"),
)
OWN = "cavl"  # the method that the others are held against
CURRICULUM = "c1-c2-c3"
UNTRAINED = "untrained"
#: What the orderings of a method, and of its arms, are held against.
REFERENCES = {"cavl": CURRICULUM, "avts": "curriculum", "l3": "avc-matched"}
NOTHING_TRAINED = "none"
NAMELESS = (NOTHING_TRAINED, "own")  # orderings that need no name: nothing is trained, or the method has only one


def base_of(method: str) -> str:
    """The method without its arm: "l3" of "l3:mel"."""
    return method.partition(":")[0]


def label(method: str, ordering: str, remark: str = "", phrases: Sequence[str] = ()) -> str:
    """ "CAVL c1-c2", "Full frame", "CAVL c1 (unaligned centre)", "CAVL c1 mask, plain loss (shuffled)",
    "L3-Net avc, mel bins"."""
    base, _, arm = method.partition(":")
    name = METHODS.get(base, base)
    if ordering not in NAMELESS:
        name += f" {ordering}"
    if phrases:
        name += f" {', '.join(phrases)}"
    if arm:
        name += f", {ARMS.get(arm, arm)}"
    return f"{name} ({remark})" if remark and remark not in phrases else name


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


# -- stages ------------------------------------------------------------------------------------------------------------

#: Values of a stage's options that have another name.
OPTIONS = {
    "bce": "BCE",
    "avc": "AVC",
    "classify": "kinds from labels",
    "picture": "pictures' kinds from labels",
    "sound": "as the picture network says",
}


def stage_text(stage: Mapping[str, Any]) -> str:
    """ "C1 400 at 0.001", "C1+C2+C3 400 at 0.001", "C2 (scene) 160 at 0.0001",
    "C1 (75 % easy, 25 % hard; contrastive) 240 at 0.001"."""
    motions = stage.get("scenes") == "motions"
    curricula = "other motions" if motions else "+".join(f"C{n}" for n in stage["curricula"])
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


def schedule(stages: Iterable[Mapping[str, Any]]) -> tuple[tuple[Any, ...], ...]:
    """(updates, lr, decay, schedule, drops) of each stage; orderings that have them alike are compute-matched, but for
    a counter.
    """
    return tuple(
        (s["updates"], s["lr"], s.get("decay", 0.0), s.get("schedule", "decay"), tuple(s.get("drops", ())))
        for s in stages
    )


def counter_of(stages: Iterable[Mapping[str, Any]]) -> str:
    """What an ordering had besides its updates, where a counting network grades its scenes; else ""."""
    return "plus a counter trained on labels" if any(s.get("k") == "counted" for s in stages) else ""
