"""Composite scenes of real photographs and recordings: CAVL, L3-Net, DMC and Attention beside trivial rows.

    tox -e benchmark -- --preset composite --photographs DIR --recordings DIR,DIR

Data: folders of labelled photographs and recordings (docs/composite.md; 0.9 GB of scenes are composed of them).

Cost: 60 runs with one seed, 49 CPU-minutes: 38 minutes on two busy cores.

Scores (one seed, Caltech-101 with ESC-50 and instruments; docs/composite.md has more): cIoU@0.5 of c1 49, c1-c2 53,
mean training map 10; pointing in scenes of three sources c1 36, c1-c2 49, untrained 8, L3-Net 49; probe c1 79,
c1-c2-c3 84, statistics 68; counting 55 to 59 with or without pre-training, always-1 40; separation c1 0.5 dB (mask) and
1.2 (center), the mixture 0.1.
"""

from __future__ import annotations

from dataclasses import replace

from baselines import l3
from benchmarks.datasets.composite import SECOND, CompositeData
from benchmarks.presets import TRIVIAL, MethodPreset, Preset, asked_otherwise, trained
from benchmarks.presets import miniature as small
from benchmarks.tasks.classification import ClassificationConfig
from benchmarks.tasks.counting import CountingConfig
from benchmarks.tasks.separation import SeparationConfig
from benchmarks.training.loop import TrainingConfig
from cavl.config import from_dict
from cavl.curriculum import named_orderings, scene_orderings
from cavl.spectrogram import SpectrogramConfig

#: 96 x 96 images and 64 x 64 spectrograms of 3 s: nearly the whole scene, so that every source is heard.
SPECTROGRAM = {"hop": 512, "frames": 64, "bins": 64, "oversample": 4}
VISUAL_TRUNK = (16, "M", 32, "M", 64, "M", 64)

CAVL = {**small.CAVL, "spectrogram": SPECTROGRAM, "image_size": 96, "visual_trunk": VISUAL_TRUNK}
L3 = {**{name: value for name, value in small.L3.items() if name != "classes"}, "image_size": 96, "frame_of": "scene"}
DMC = {**small.DMC, "spectrogram": SPECTROGRAM, "image_size": 96, "visual_trunk": VISUAL_TRUNK}
ATTENTION = {**small.ATTENTION, "window": 33_075, "image_size": 96, "visual_trunk": VISUAL_TRUNK}
REPAIRED = {**small.REPAIRED, **ATTENTION}

#: At half the miniature's rate, C1 begins to be learned only after 600 updates. On validation scenes.
UPDATES = (600, 240, 240, 240)
LRS = small.LRS  # as all rates: chosen in the miniature

CAVL_PRESET = MethodPreset(
    model=CAVL,
    orderings=lambda seed: named_orderings(UPDATES, LRS, seed),
    runs=("untrained", "c1", "c1-c2", "c1-matched", "c1-c2scene", "c0", "c1-c2-c3", "c3-late", "c3-matched"),
    variants=small.CAVL_PRESET.variants,
)

PRESET = Preset(
    rates=small.PRESET.rates,
    seeds=1,
    data=CompositeData(scenes=SECOND, silent={"0": 150, "1": 150, "2": 150, "4": 150}),
    training=TrainingConfig(batch=32),
    methods={
        "cavl": CAVL_PRESET,
        "cavl:counted-k": asked_otherwise(CAVL_PRESET, small.CURRICULUM, k="counted"),
        "l3": trained(L3, l3.orderings(UPDATES[:2], [small.RATES["l3"]] * 2), "avc", "all", "c1-matched", "untrained"),
        "dmc": trained(DMC, scene_orderings(UPDATES[:2], [small.RATES["dmc"]] * 2), *small.SCENE_RUNS),
        **{
            name: trained(model, scene_orderings(UPDATES[:2], [small.RATES[name]] * 2), *small.SCENE_RUNS)
            for name, model in (("attention", ATTENTION), ("attention:repaired", REPAIRED))
        },
        **TRIVIAL,
    },
    evaluations={
        "classification": ClassificationConfig(probe="composite"),
        "counting": CountingConfig(updates=600, decay=9.0),
        "separation": SeparationConfig(
            network=replace(small.SEPARATOR, spectrogram=from_dict(SpectrogramConfig, SPECTROGRAM)), updates=600
        ),
    },
)
