"""Smoke test of the whole way, in two minutes: all methods, tasks and orderings, networks and sets too small to learn.

    cavl-bench run --preset smoke

Data: none. Cost: 3 CPU-minutes, two minutes on 2 cores. Expected scores: those of chance. Its use is to see that all
parts work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from baselines import avts, l3, mix_and_separate, soundnet
from benchmarks.datasets.miniature import SECOND, MiniatureData
from benchmarks.presets import AV_MIML, MethodPreset, ablations, asked_otherwise, trained
from benchmarks.presets import miniature as full
from benchmarks.tasks.action import ActionConfig
from benchmarks.tasks.avc import AVCConfig
from benchmarks.tasks.avts import SynchronisationConfig
from benchmarks.tasks.localization import LocalizationConfig
from benchmarks.training.loop import TrainingConfig
from cavl.curriculum import Ordering, named_orderings, scene_orderings

TINY = (4, "M", 8, "M", 8)
#: Without the checkpoint, which another schedule keeps, and c1-c2-c3-counted: after four updates the counter hears no
#: curriculum of three sources. "mixed-counted" stands for it.
DEFAULT = [name for name in full.CAVL_PRESET.runs if "@" not in name and name != "c1-c2-c3-counted"]
CAVL = {**full.CAVL, "audio_trunk": TINY, "visual_trunk": TINY}
L3 = {**full.L3, "channels": (4, 4, 8, 8), "fusion": 8}
#: Scenes of two seconds: windows of half a second, so that another moment of the same scene is always there.
AVTS = {
    **full.AVTS,
    "spectrogram": {"window": 512, "hop": 175, "frames": 32, "bins": 16, "oversample": 32},
    "audio_trunk": TINY,
    "audio_parts": 4,
    "widths": (4, 4, 8, 8, 8),
    "clip_frames": 4,
    "video_parts": 4,
    "embedding": 8,
    "hidden": 8,
}
L3_ORDERINGS = l3.orderings((3, 3), (1e-3, 1e-3), 2)
AVTS_ORDERINGS = avts.orderings((3, 3, 2), (1e-3, 1e-3, 1e-3))
SOUNDNET = {
    **full.SOUNDNET,
    "sound_layers": tuple((min(channels, 8), *rest) for channels, *rest in full.SOUNDNET["sound_layers"]),
    "visual_trunk": TINY,
    "hidden": 8,
}
SOUNDNET_ORDERINGS = soundnet.orderings((3, 3), (1e-3, 1e-3))
SYSTEM = {"channels": (4, 8, 8), "visual_trunk": TINY, "image_size": 16}
SOUND_OF_PIXELS = {**full.SOUND_OF_PIXELS, **SYSTEM, "maps": 4}
AV_MIX_SEP = {**full.AV_MIX_SEP, **SYSTEM, "reduced": 4, "vector": 8}
CO_SEPARATION = {**full.CO_SEPARATION, **AV_MIX_SEP, "classifier_trunk": TINY}
SYSTEM_ORDERINGS = mix_and_separate.orderings(4, 1e-3, drops=(2,))
SCENE_ORDERINGS = scene_orderings((4, 2), (1e-3, 1e-3))


def arms(method: str, model: Mapping[str, Any], orderings: Mapping[str, Ordering]) -> dict[str, MethodPreset]:
    """The method and its arms, with the choices that the preset "ablations" has, and its runs and the default's."""
    usual = ablations.PRESET.methods[method].model
    return {
        name: replace(
            part,
            model={**model, **{k: v for k, v in part.model.items() if usual.get(k) != v}},
            orderings=lambda seed: orderings,
            runs=tuple(dict.fromkeys((*part.runs, *full.PRESET.methods.get(name, part).runs))),
        )
        for name, part in ablations.PRESET.methods.items()
        if name.partition(":")[0] == method
    }


CAVL_PRESET = MethodPreset(
    model=CAVL,
    orderings=lambda seed: named_orderings((6, 3, 3, 3), full.LRS, seed, checkpoints=(3,)),
    runs=(*DEFAULT, "c3@3", "c1-c2-c3-c4", "mixed-counted", "random"),
    variants={
        **full.CAVL_PRESET.variants,
        "separation": {
            "untrained": ({},),
            "c1": ({}, {"network": {"conditioning": "center"}}, {"network": {"loss": "plain"}}),
        },
    },
)

PRESET = replace(
    full.PRESET,
    seeds=1,
    data=MiniatureData(
        world=replace(SECOND, seconds=2.0),
        train={"1": 32, "2": 16, "3": 16, "4": 16, "5": 16},
        validation=16,
        test={"1": 24, "2": 8, "3": 8, "4": 8, "5": 8},
        silent={"0": 8, "2": 8},
        probe_folds=3,
        probe_clips=1,
    ),
    training=TrainingConfig(batch=8, monitor_every=4, monitor_early=(0,), checkpoint_every=2),
    methods={
        **full.PRESET.methods,
        "cavl": CAVL_PRESET,
        "cavl:counted-k": asked_otherwise(CAVL_PRESET, full.CURRICULUM, k="counted"),
        "cavl:told-k": replace(
            CAVL_PRESET, model={**CAVL, "visual_centres": "n+1"}, runs=ablations.CAVL_RUNS, tasks=("localization",)
        ),
        "cavl:fixed-k": asked_otherwise(CAVL_PRESET, full.CURRICULUM, visual_centres=4),
        **arms("l3", L3, L3_ORDERINGS),
        **arms("avts", AVTS, AVTS_ORDERINGS),
        "dmc": trained({**full.DMC, "audio_trunk": TINY, "visual_trunk": TINY}, SCENE_ORDERINGS, *full.SCENE_RUNS),
        **full.separation_systems(SOUND_OF_PIXELS, AV_MIX_SEP, CO_SEPARATION, (SYSTEM_ORDERINGS,) * 2),
        **arms("attention", {**full.ATTENTION, "visual_trunk": TINY}, SCENE_ORDERINGS),
        "soundnet": trained(SOUNDNET, SOUNDNET_ORDERINGS, "taught", "untrained"),
        "nmf-mfcc": MethodPreset(model={"iterations": 5}),
        "av-miml": MethodPreset(
            model={**AV_MIML, "bases": 4, "iterations": 5, "hidden": 8, "epochs": 2, "batch": 4, "kept": 4}
        ),
    },
    evaluations={
        "localization": LocalizationConfig(examples=2, batch=8),
        "counting": replace(full.COUNTING, updates=4, batch=8),
        "avc": AVCConfig(negatives=2, batch=8),
        "avts": SynchronisationConfig(moments=1, validation_moments=1, batch=8),
        "action": ActionConfig(updates=4, train=24, validation=12, test=12),
        "separation": replace(
            full.SEPARATION,
            network=replace(full.SEPARATOR, channels=(4, 4, 8, 8, 8, 8)),
            updates=4,
            solos=8,
            pairs=4,
            examples=2,
            batch=4,
        ),
    },
)
