"""Ablations that L3-Net's and AVTS' summaries ask for: supervision, front ends, negatives, action recognition.

    tox -e benchmark -- --preset ablations            (one seed; --seeds 3 for verdicts)

Data: none to download; the sets of the default preset, and motions drawn for action recognition. L3-Net's and AVTS' own
runs are the default preset's, and shared with it.

Cost: 97 runs a seed, 33 CPU-minutes: 18 minutes on 2 cores.

Expected scores (one seed, in percent):

- AVC accuracy: L3-Net 76, trained for as long as what follows 85; supervised pre-training 90, direct combination 91
  (here not the worst, but the best); mel bins 83, learned front end 73, three frames with a recurrent layer 73;
- AVTS accuracy, 75 % easy negatives: easy only 93, hard, 75/25, super-hard or the curriculum 95, BCE 91, curriculum-bce
  90; MC2 93, MC4 94, MC5 93; hard negatives with shuffled frames: AUC 48 to 49;
- action recognition (chance 12.5): after the curriculum 48, easy only 43, from scratch 42, after labels of kinds 22.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.presets import TRIVIAL, MethodPreset, Variants, trained
from benchmarks.presets import miniature as full
from benchmarks.presets.learning_rates import rate
from cavl.curriculum import scene_orderings

L3_RUNS = ("avc", "avc-matched", "supervised", "supervised-matched", "supervised-avc", "untrained")
AVTS_RUNS = (
    *("easy", "hard", "mixed", "curriculum", "super-hard", "super-hard-start"),
    *("bce", "curriculum-matched", "bce-matched", "curriculum-bce", "untrained"),
)
#: Learned from labels, by the video trunk alone: what it says of sounds is an untrained network's.
LABELLED = ("supervised", "supervised-motions")
#: From scratch, after self-supervised training, after supervised training.
FINE_TUNED = ("untrained", "easy", "curriculum", *LABELLED)
ATTENTION_RUNS = ("c1", "untrained")
CAVL_RUNS = ("c1", "c1-c2-c3", "untrained")
#: As in the paper, where k_v = N + 1 follows the number of objects; the default preset's CAVL is told nothing.
TOLD = {**full.CAVL, "visual_centres": "n+1"}
L3_ARMS: Mapping[str, Mapping[str, Any]] = {
    "mel": {"front_end": "mel", "mel_bins": 32, "fft": 256},  # twice the default's fft: 65 bins fill not 32 mel bins
    "waveform": {"front_end": "waveform", "filters": 32},
    "recurrent": {"frames": 3, "fps": 3.0},
    "other-kinds": {"negatives": "other_kinds"},
}


def as_they_are(orderings: Iterable[str]) -> Mapping[str, Variants]:
    """Of a task only these orderings, each in one run."""
    return {name: ({},) for name in orderings}


def l3_arm(changes: Mapping[str, Any]) -> MethodPreset:
    """L3-Net with other choices, trained as it is itself."""
    return trained({**full.L3, **changes}, full.L3_ORDERINGS, "avc", "untrained")


def avts_arm(mc: int) -> MethodPreset:
    """AVTS with an MCx trunk, trained by the curriculum."""
    model = {**full.AVTS, "mc": mc}
    return trained(model, full.AVTS_ORDERINGS, "curriculum", "untrained", variants={"action": {}})


def attention_arm(name: str, changes: Mapping[str, Any]) -> MethodPreset:
    """Attention with one change."""
    lr = rate("ablations", f"attention:{name}", 1e-3)
    return trained({**full.ATTENTION, **changes}, scene_orderings(full.UPDATES[:2], [lr, lr]), *ATTENTION_RUNS)


PRESET = replace(
    full.PRESET,
    rates=("miniature", "ablations"),
    seeds=1,
    methods={
        "l3": replace(full.PRESET.methods["l3"], runs=L3_RUNS),
        **{f"l3:{name}": l3_arm(changes) for name, changes in L3_ARMS.items()},
        "avts": replace(
            full.PRESET.methods["avts"],
            runs=(*AVTS_RUNS, *LABELLED),
            variants={
                "action": as_they_are(FINE_TUNED),
                **dict.fromkeys(("avts", "classification"), as_they_are(AVTS_RUNS)),
            },
        ),
        **{f"avts:mc{mc}": avts_arm(mc) for mc in (2, 4, 5)},
        "cavl": replace(full.CAVL_PRESET, runs=CAVL_RUNS, tasks=("localization",)),
        "cavl:told-k": replace(full.CAVL_PRESET, model=TOLD, runs=CAVL_RUNS, tasks=("localization",)),
        "attention": replace(full.PRESET.methods["attention"], runs=ATTENTION_RUNS),
        **{f"attention:{name}": attention_arm(name, changes) for name, changes in full.REPAIRS.items()},
        "attention:repaired": replace(full.PRESET.methods["attention:repaired"], runs=ATTENTION_RUNS),
        **{name: TRIVIAL[name] for name in ("full-frame", "spectrogram-statistics")},
    },
)
