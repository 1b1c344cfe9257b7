"""Default preset: CAVL, L3-Net, AVTS, DMC and Attention in the miniature world, beside trivial rows and controls.

    tox -e benchmark            (the same as: cavl-bench run --preset miniature)

Data: none to download; the world is generated and cached (about 0.6 GB). With ``--esc50 DIR`` the classification probe
also runs on the real recordings of ESC-50.

Cost: 375 runs with three seeds, more with ESC-10; some 105 CPU-minutes (estimated of runs that shared their cores).

Expected scores (mean of three seeds, in percent; the seeds differ by ten and more):

- cIoU@0.5 of single sources among two silent objects: c1 66, c1-c2 69, c1-c2-c3 68, c1-matched 69, mixed-matched 42,
  hard-to-easy 25, c3 12; another scene's sound 18 to 20, random centre 7 to 9, unaligned, untrained, full frame and
  centred square 0, mean training map 2, an edge-density map 0; among 0, 1, 2 and 4 silent objects c1 86, 72, 65 and 25,
  c1-c2 88, 78, 69 and 29, c1-c2-c3 85, 74, 70 and 34;
- pointing in scenes of three sources and two silent objects: c1 61, c1-c2 60, c1-c2-c3 52, c1-matched 69, untrained 8,
  a sound that is not there 15 to 16;
- telling an image's own sound (AVC accuracy): c1 72, c1-c2 76, c1-matched 78, untrained 50;
- in the world of the first generator (the sounds are the same, the images are others), with twice the batch:
  - telling an image's own sound (AVC accuracy): L3-Net 78, DMC 76, Attention 63 (80), untrained 50; pairs of one kind,
    8 % of the mismatched ones, are 7 to 18 % of the error;
  - telling a clip's own moment (AVTS accuracy, 75 % easy negatives): curriculum 93, easy only 92, untrained 50; AUC on
    hard negatives 96 and 94, with shuffled frames 49;
  - ESC-10: CAVL 77 to 80, DMC 80, AVTS 79, L3-Net 77, untrained 73 to 78, spectrogram statistics 76;
- counting: c1 69 (rounded 82), boosted trees 68 (79), logistic regression 74 (74), always-1 40; MAE .33 (rounded .19),
  trees .35 (.22), regression .29 (.28): a regression chooses the likeliest number, the paper's rule one that is half a
  source too small;
- separation, SDR in dB: located with the solo c1 8.5 (mask) and 8.8 (centre), c1-c2 8.9, c1-matched 9.8; the mean
  spectrum of each kind has 8.9, above c1 in two of three seeds (10.0, 8.8, 6.5: the worse one locates, the less it
  separates); with the mixture 5.4, 5.7, 6.6 and 6.1, over noise 0.9, 1.6, 1.3 and 0.5 (mean spectrum 3.8); shuffled
  -0.9 to -1.7, the mixture 0.2, ideal ratio mask 19.6.

What it chooses where the paper is silent, PROTOCOLS §0 lists; beta, learning rates and how counters and separators are
trained have their reasons below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from baselines import avts, l3, mix_and_separate, soundnet
from benchmarks.datasets.miniature import SECOND, MiniatureData
from benchmarks.presets import FACTORING, TRIVIAL, MethodPreset, Preset, asked_otherwise, cheap_rivals, trained
from benchmarks.presets.learning_rates import rate
from benchmarks.tasks.counting import CountingConfig
from benchmarks.tasks.separation import SeparationConfig
from benchmarks.training.loop import TrainingConfig
from cavl.config import from_dict
from cavl.curriculum import named_orderings, scene_orderings
from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import SpectrogramConfig

#: 64 x 64 images and 64 x 64 spectrograms of 2 s.
SPECTROGRAM = {"hop": 350, "frames": 64, "bins": 64, "oversample": 4}
SMALL = (16, "M", 32, "M", 64, 64)

CAVL = {
    "spectrogram": SPECTROGRAM,
    "image_size": 64,
    "audio_trunk": SMALL,
    "visual_trunk": SMALL,
    "encoder_layers": 2,
    # A softer start than 10: with stiff assignments an unlucky initial clustering (light against dark, say)
    # commits the points before they mean anything, and some seeds wait hundreds of updates. On validation scenes.
    "clustering": {"beta": 5.0},
    # One for each thing in the fullest scene: five sounding objects, two silent ones, the ground. N + 1 cannot part one
    # sounding object from two silent ones. On validation scenes, cIoU@0.5 and pointing of c1: 38 and 32 with 4, 50 and
    # 40 with 6, 54 and 61 with 8.
    "visual_centres": 8,
}

#: The scene-level baselines, their networks scaled as CAVL's, each trained by its own recipe on the scenes of C1.
L3 = {
    "sample_rate": 11_025,
    "fft": 128,
    "analysis_window": 110,  # 10 ms, as published
    "hop": 110,  # a whole window, published: half; so half the frames
    "image_size": 64,
    "channels": (8, 16, 32, 64),
    "classes": 12,  # for the supervised arms of the preset "ablations", which shares the runs of seed 1
}
AVTS = {
    "spectrogram": {"window": 512, "hop": 175, "frames": 64, "bins": 32, "oversample": 16},  # 1 s
    "audio_trunk": SMALL,
    "trunk": "small",
    "widths": (16, 16, 32, 64, 64),
    "clip_frames": 8,
    "clip_fps": 8.0,
    "image_size": 32,
    "embedding": 64,
    # As many parts as there are frames: averaged over all of them, a clip no longer tells when something moved. On
    # validation scenes.
    "audio_parts": 8,
    "video_parts": 8,
    "classes": 12,
    # 300 updates by the published SGD with momentum came to an AUC of .92 on easy negatives and .69 on hard ones (at
    # 0.03; at 0.3 .76 and .53), Adam to .98 and .91. On validation scenes.
    "optimizer": "adam",
}
DMC = {
    "spectrogram": SPECTROGRAM,
    "image_size": 64,
    "audio_trunk": SMALL,
    "visual_trunk": SMALL,
    # The published 10 clusters, hardly decided, learn the same pairs and point nowhere in the first generator's scenes.
    # In the second one's nothing that was tried points anywhere (cIoU@0.5 0 to 3): 4, 8 and 12 clusters, stiffness 5
    # and 10, cosines, a hinge for each cluster, both anchors; not even 8 clusters with all of these, which tell pairs
    # best (AUC .69; these here .64). On validation scenes.
    "clusters": 4,
    "stiffness": 5.0,
}
ATTENTION = {
    "sample_rate": 11_025,
    "window": 22_050,
    "sound_layers": ((16, 64, 2, 8), (32, 32, 2, 4), (64, 16, 2, 1), (64, 8, 2, 1), (64, 8, 2, 1)),
    "image_size": 64,
    "visual_trunk": SMALL,
}
#: Ours, one change each. At the published temperature attention is nearly uniform; a sharper one lets the published
#: loss fall without any correspondence (with another scene's image it is .41, with the own .39), because where it looks
#: tells which sound asked, and the sound's embedding is learned here (in the paper it is not). With other images as
#: negatives there is no such way out. On validation scenes.
REPAIRS: Mapping[str, Mapping[str, Any]] = {
    "normalised": {"normalise": True},
    "sharp": {"temperature": 0.2},
    "image-negatives": {"negative": "image"},
}
REPAIRED: Mapping[str, Any] = {**ATTENTION, **REPAIRS["normalised"], **REPAIRS["sharp"], **REPAIRS["image-negatives"]}

#: SoundNet's eight layers, fewer channels and shorter strides: of two seconds one point is left. The picture arm is
#: L3-Net's.
SOUNDNET: Mapping[str, Any] = {
    "sample_rate": 11_025,
    "window": 22_050,
    "sound_layers": (
        *((16, 64, 2, 8), (32, 32, 2, 4), (32, 16, 2, 1), (64, 8, 2, 1), (64, 4, 2, 2)),
        *((128, 4, 2, 1), (128, 4, 2, 1), (12, 4, 2, 1)),
    ),
    "classes": 12,
    "image_size": 64,
    "visual_trunk": (8, 8, "M", 16, 16, "M", 32, 32, "M", 64, 64),
}
#: The other systems of Tables 4 and 6, scaled alike: U-Nets of as many channels as CAVL's separation network has. Adam
#: for all (Sound-of-Pixels' SGD would need the paper's number of updates).
SYSTEM = {"spectrogram": SPECTROGRAM, "image_size": 64, "visual_trunk": SMALL, "channels": (16, 32, 64, 64, 64)}
SOUND_OF_PIXELS = {**SYSTEM, "maps": 16, "optimizer": "adam"}
AV_MIX_SEP = {**SYSTEM, "image_size": 32, "reduced": 16, "vector": 128}
CO_SEPARATION = {**AV_MIX_SEP, "classifier_trunk": SMALL, "classes": 12}

SEPARATOR = SeparatorConfig(
    spectrogram=from_dict(SpectrogramConfig, SPECTROGRAM),
    channels=(16, 32, 64, 64, 64, 64),
    loss="weighted",
    masks="competing",
)

#: Within one and a half epochs (9,600 scenes, as before) the paper's SGD at a falling rate comes to a mean absolute
#: error, rounded, of .29, Adam at the same batch of 32 to .26 (at 2e-3), .23 (5e-3) and .22 (1e-2), and in twice as
#: many updates of 16 scenes to .20; boosted trees come to .22. On validation scenes.
COUNTING = CountingConfig(updates=600, lr=4e-3, optimizer="adam", schedule="cosine", batch=16)

#: The sound-makers of the training solos are located once, and each of sixteen solos is mixed. Half the channels of the
#: three lowest levels and a higher rate: 10.4 dB located with the solo and 6.5 with the mixture, where half of all
#: channels came to 9.2 and 5.8 after 900 updates, and 500 updates at 4e-3 to 9.5 and 5.6; the mean spectrum 8.7. Longer
#: would be better (the preset "full"). On validation scenes.
SEPARATION = SeparationConfig(
    network=SEPARATOR, updates=700, lr=3e-3, schedule="cosine", solos=16, mixed="all", locating="once", noise=10.0
)

#: The later stages at a tenth of the first one's rate.
UPDATES = (300, 120, 120, 120)
LRS = tuple(rate("miniature", "cavl", 2e-3) * part for part in (1, 0.1, 0.1, 0.1))

#: Schedules of the others: what is trained on the scenes of c1-c2 has its updates. L3-Net has as many as AVTS in all.
AVTS_UPDATES = (300, 240, 120)  # 50 to 40 epochs, as published; the third stage ours
RATES = {
    name: rate("miniature", name, before)
    for name, before in {"l3": 1e-3, "avts": 1e-3, "dmc": 1e-3, "attention": 1e-4, "attention:repaired": 1e-3}.items()
}
L3_ORDERINGS = l3.orderings(AVTS_UPDATES[:2], [RATES["l3"]] * 2, UPDATES[1])
AVTS_ORDERINGS = avts.orderings(AVTS_UPDATES, [RATES["avts"] * part for part in (1, 0.5, 0.5)])
DMC_ORDERINGS = scene_orderings(UPDATES[:2], [RATES["dmc"]] * 2)
ATTENTION_ORDERINGS = scene_orderings(UPDATES[:2], [RATES["attention"]] * 2)
REPAIRED_ORDERINGS = scene_orderings(UPDATES[:2], [RATES["attention:repaired"]] * 2)
SOUNDNET_ORDERINGS = soundnet.orderings((300, 300), (1e-3, 1e-3))
#: A tenth of the rate at the shares of the updates that the public codes have. From random weights 600 updates are too
#: few to tell pictures apart: on validation scenes Sound-of-Pixels (ratio masks, a cosine from 3e-3) comes to an SDR of
#: 0.5 dB after 800, AV-Mix-Sep to 0.2 after 600, Co-Separation to -1.1 after 450; the mixture has 0.2. So they run
#: where they are named.
PIXEL_ORDERINGS = mix_and_separate.orderings(600, 1e-3, drops=(240, 480))
OBJECT_ORDERINGS = mix_and_separate.orderings(600, 1e-3, drops=(260, 510))


def separation_systems(
    pixels: Mapping[str, Any],
    pictures: Mapping[str, Any],
    objects: Mapping[str, Any],
    runs: Sequence[Any],
    **more: Any,
) -> dict[str, MethodPreset]:
    """Sound-of-Pixels, AV-Mix-Sep and Co-Separation of these sizes; ``runs``: the first's orderings, the others'."""
    of_pixels, of_pictures = runs
    named = {
        "sound-of-pixels": (pixels, of_pixels),
        "av-mix-sep": (pictures, of_pictures),
        "co-separation": (objects, of_pictures),
    }
    return {name: trained(model, orderings, *orderings, **more) for name, (model, orderings) in named.items()}


SCENE_RUNS = ("c1", "all", "untrained")  # the preset "full" has more

CURRICULUM = ("c1", "c1-c2", "c1-c2-c3")
CAVL_PRESET = MethodPreset(
    model=CAVL,
    orderings=lambda seed: named_orderings(UPDATES, LRS, seed, checkpoints=(120,)),
    runs=(
        "untrained",
        "c1",
        "c1-c2",
        "c1-matched",
        "c1-c2scene",
        "c0",
        "c1-c2-c3",
        "c1-c2-c3-counted",
        "c3",
        "c3@120",  # as many updates on C3 as the curriculum's, from random weights (Fig 4b)
        "c3-late",  # the same at the curriculum's learning rate
        "original",  # Fig 4a
        "mixed",
        "mixed-matched",
        "hard-to-easy",
    ),
    variants={
        "counting": {
            "untrained": ({}, {"labels": "permuted"}),
            **dict.fromkeys(("c0", "c1", "c1-c2", "c1-matched"), ({},)),
        },
        "separation": {
            "c1": ({}, {"network": {"conditioning": "center"}}),
            **dict.fromkeys(("untrained", "c1-c2", "c1-matched"), ({},)),
        },
        # The others compare whole scenes, or scenes of more sources than AVC has.
        "avc": dict.fromkeys(("untrained", *CURRICULUM, "c1-matched"), ({},)),
    },
)

PRESET = Preset(
    rates=("miniature",),
    seeds=3,
    data=MiniatureData(world=SECOND, silent={"0": 150, "1": 150, "2": 150, "4": 150}),
    # Half of the 32 scenes an update that were tried first, and so half the cost, learn no less: on validation scenes
    # cIoU@0.5 and pointing of c1 60 and 61 where 32 came to 54 and 57, of c1-c2 70 and 62, 61 and 61.
    training=TrainingConfig(batch=16, monitor_early=(0, 25)),
    methods={
        "cavl": CAVL_PRESET,
        "cavl:counted-k": asked_otherwise(CAVL_PRESET, CURRICULUM, k="counted"),
        "l3": trained(L3, L3_ORDERINGS, "avc", "untrained"),
        # The preset "ablations" fine-tunes.
        "avts": trained(AVTS, AVTS_ORDERINGS, "easy", "curriculum", "untrained", variants={"action": {}}),
        "dmc": trained(DMC, DMC_ORDERINGS, *SCENE_RUNS),
        "attention": trained(ATTENTION, ATTENTION_ORDERINGS, *SCENE_RUNS),
        "attention:repaired": trained(REPAIRED, REPAIRED_ORDERINGS, "c1", "untrained"),
        "soundnet": trained(SOUNDNET, SOUNDNET_ORDERINGS, "taught", "untrained"),
        **separation_systems(
            SOUND_OF_PIXELS, AV_MIX_SEP, CO_SEPARATION, (PIXEL_ORDERINGS, OBJECT_ORDERINGS), on_request=True
        ),
        **TRIVIAL,
        **cheap_rivals(22_050),
        **FACTORING,
    },
    evaluations={
        "counting": COUNTING,
        "separation": SEPARATION,
    },
)
