"""Paper's own experiments, at its sizes and on its data: read this beside §4.2 and §6.

    cavl-bench prepare {audioset,music,flickr_soundnet,esc50,kinetics_sounds}     first (docs/data.md)
    tox -e benchmark -- --preset paper
    tox -e benchmark -- --preset paper --limit 16       the rehearsal: 16 scenes of each set, two updates a training

Data: AudioSet's lists balanced_train and eval (Tables 1 and 2, Fig 4), SoundNet-Flickr's test images (Table 3), MUSIC
(Tables 4 and 5), AudioSet-Instrument (``prepare audioset --subset instrument``, Table 6), ESC-50 (Table 1),
Kinetics-Sounds (L3-Net's supervised baselines). What is not prepared is refused before anything is trained; ``--tasks``
and ``--methods`` select what can be done without it.

Cost: about 1,192,100 updates a seed at batch 32, 400,000 of them of separation networks, which are smaller. It is made
for a GPU of 24 GB or more; on one CPU core a full-size step takes 7 s at batch 2.

Expected scores: the paper's stand beside ours in every table. None of ours has been measured at this size yet.

Every choice below is the paper's where it makes one (its section stands beside it); where it is silent, the choice says
so and has a reason (PROTOCOLS §0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from baselines import attention, avts, l3, mix_and_separate, soundnet
from benchmarks.datasets.kinetics_sounds import KINDS
from benchmarks.datasets.paper import PaperData
from benchmarks.presets import (
    AV_MIML,
    FACTORING,
    TRIVIAL,
    MethodPreset,
    Preset,
    Variants,
    asked_otherwise,
    cheap_rivals,
    trained,
)
from benchmarks.tasks.action import ActionConfig
from benchmarks.tasks.classification import ClassificationConfig
from benchmarks.tasks.counting import CountingConfig
from benchmarks.tasks.localization import LocalizationConfig
from benchmarks.tasks.separation import SeparationConfig
from benchmarks.training.loop import TrainingConfig
from cavl.curriculum import Ordering, named_orderings, scene_orderings
from cavl.separator_config import SeparatorConfig

# --- §4.2, §6.2: the audiovisual network -----------------------------------------------------------------------------

CAVL: Mapping[str, Any] = {
    "spectrogram": {
        "window": 1022,  # §4.2
        "hop": 256,  # §4.2
        "bins": 512,  # §4.2: 512 x 432 for 10 s, with log-frequency projection
        "frames": 432,  # §4.2
        # Silent: the sample rate. At 11,025 Hz 10 s give the 432 frames (PROTOCOLS §1).
        "sample_rate": 11_025,
    },
    "image_size": 256,  # §4.2: 256 x 256 x 3
    # audio_trunk, visual_trunk: VGGish without its last pooling and fully-connected layers, VGG16 (§6.2): 64 x 54 x 512
    # and 16 x 16 x 512. They are the model's defaults, and trained "from cold-start" (§3.1).
    "width": 1.0,
    # Silent: batch norm, which VGG16 and VGGish as published have not. Without it our trial never left chance.
    "batch_norm": True,
    "encoder_layers": 1,  # §6.2: "a fully-connected layer of 512 - 512"
    "clustering": {
        # Silent: the stiffness of Eq 2. On unit vectors, whose distances lie in [0, 2], 30 decides without being hard.
        "beta": 30.0,
        "iterations": 4,  # silent: of EM
        "init": "farthest",  # silent: the first centres; these need no draw and are far apart
        "normalise": True,  # silent: whether points and centres have unit length
        "gradient": "all",  # silent: through which EM iterations
    },
    # Silent: the margin of Eq 5. 1 on unit vectors; k_a times as large for k_a sources, since S of Eq 4 sums k_a
    # distances (with one margin for all, scenes of several sources collapsed in our trial).
    "margin": 1.0,
    "margin_per_source": True,
    "reduction": "square_of_sum",  # Eq 5
    # Eq 5 sums over all i, j; "in practice, the negative samples of i != j are randomly sampled from the training set":
    # all other scenes of a batch, which is drawn from the training set.
    "negatives": "in_batch",
    "embedding_pool": "max",  # §6.3's GlobalMaxPooling, for the probe of §4.3.2 too
}

# --- §4.2, §3.2.1: its training -------------------------------------------------------------------------------------

#: §4.2: "the starting learning rate is 10^-4 for the first curriculum, then gradually times 10^-1 for the next one".
LRS = (1e-4, 1e-5, 1e-6, 1e-7)
#: Silent: how long. Of the curricula's 9,239 / 7,098 / 2,685 / 421 clips (§4.1) at batch 32 these are 52, 50, 48 and,
#: fifty of so few being no more than 660 updates, 76 epochs; but orderings are comparable only with equal updates, so
#: stage i has these whatever it trains on (PROTOCOLS §2).
UPDATES = (15_000, 11_000, 4_000, 1_000)
BATCH = 32  # silent; in-batch negatives are then 31 for each scene

#: Tables 1 to 3 and Fig 4, and controls that had as many updates.
RUNS = (
    "untrained",  # Table 2: w/o Pre-train
    "c0",  # Table 2: scene-level alignment on C1
    "c1",  # Tables 1, 2, 3; Fig 4a
    "c1-c2",  # Tables 1, 2, 3
    "c1-matched",  # control of c1-c2 and c1-c2scene: two stages on C1
    "c1-c2scene",  # Table 1: C2 + Scene-level alignment
    "c1-c2-c3",  # Fig 4b: C3 from C2
    "c3",  # Fig 4a
    "c3@4000",  # Fig 4b: C3 from random weights, for as many updates as the curriculum has on C3
    "c3-late",  # the same at the curriculum's learning rate
    "c3-matched",  # control: three stages on C3
    "c1-c2-c3-c4",  # the rest of §4.1's curricula
    "original",  # Fig 4a: "the original set", C1 to C4 (§4.1)
    "mixed",  # C1 to C3 together, against the curriculum that is graded of them
    "mixed-matched",  # control: three stages on all
    "hard-to-easy",  # control: the same scenes, C3 first
)

CURRICULUM = ("c1", "c1-c2", "c1-c2-c3")
#: The others compare whole scenes, or scenes of more sources than AVC has.
AVC = ("untrained", *CURRICULUM, "c1-matched")

# --- §6.3, §6.4 -----------------------------------------------------------------------------------------------------

COUNTING = CountingConfig(
    # hidden: as many as the embedding, 512 - 512 - 1 (§6.3)
    lr=1e-2,  # §6.3
    decay=0.5,  # §6.3: 0.01 / (1 + 0.5 epoch); momentum 0.9
    updates=10_000,  # silent: about 15 epochs of C1 to C5
)

SEPARATOR = SeparatorConfig(
    # A departure: 256 x 256 of 65,280 samples, 5.9 s, where §4.2 has 512 x 432 of 10 s "for all the experiments". The
    # six levels of stride 2 of §6.4 halve frames six times, and 432 is no multiple of 64; 256 x 256 is what the systems
    # of Table 4 separate (Sound-of-Pixels, Co-Separation). See docs/paper.md, §4.2.
    channels=(16, 32, 64, 128, 256, 512),  # §6.4
    conditioning="mask",  # Our-Model-Mask; Our-Model-Center is a variant below
    loss="plain",  # Eq 8
    # Silent: how two solos are mixed. The mean, as in Sound-of-Pixels: sums would be louder than anything heard alone.
    mixing="mean",
    # §6.4 locates with the clean solo, which nobody has at test: the headline row has the mixture (PROTOCOLS §0), and
    # the row located-solo stands beside it.
    located="mixture",
)
SEPARATION = SeparationConfig(
    network=SEPARATOR,
    lr=1e-4,  # silent: §4.2's rates are the audiovisual network's, by curriculum; this is the first of them
    updates=50_000,  # silent
    pairs=200,  # silent: test mixtures; a published list takes their place (benchmarks.datasets.music)
)

# --- the other methods: their papers' sizes -------------------------------------------------------------------------

L3 = {
    "sample_rate": 11_025,  # ours: that of the prepared sounds; published: 48 kHz
    "fft": 512,  # 257 bins, as published
    "analysis_window": 110,  # 10 ms, as published
    "hop": 55,  # half of it, as published: 199 frames
    "image_size": 224,
    "frame_of": "moment",  # the frame at the beginning of the second that is heard
}
AVTS: Mapping[str, Any] = {}  # 25 frames of 112 x 112 beside a second of sound; MC3 of 18 layers
DMC: Mapping[str, Any] = {"spectrogram": CAVL["spectrogram"], "image_size": 256}
ATTENTION = {
    "sample_rate": 11_025,  # ours, as above; published: SoundNet's 22,050
    "window": 110_250,  # 10 s
    # SoundNet's eight convolutions (Table 1 of Aytar et al.), its second pooling halved: the rate is half as high, and
    # the same layers would leave nothing of 10 s.
    "sound_layers": tuple(
        (channels, kernel, stride, 4 if place == 1 else pool)
        for place, (channels, kernel, stride, pool) in enumerate(attention.SOUNDNET)
    ),
    "image_size": 320,
}
SOUNDNET = {
    "sample_rate": 11_025,
    "window": 110_250,
    "sound_layers": ATTENTION["sound_layers"],
    "teacher": "VGG16_Weights.IMAGENET1K_V1",  # the public code's for objects; fetched once, 528 MB
}
#: Table 4's and 6's other systems have their public codes' sizes, which are the models' defaults, and begin at random:
#: :func:`~benchmarks.presets.remodelled` gives them ImageNet's weights (``weights="IMAGENET1K_V1"``, fetched once).
#: Objects are found by torchvision's detector with COCO's kinds, among which there is no instrument; public detections
#: of instruments are a file (``objects=FILE``). It fetches its weights, and so runs where it is named.
CO_SEPARATION = {"objects": "fasterrcnn_resnet50_fpn_v2", "classes": 91}
#: Ours; why, the default preset says.
REPAIRED = {**ATTENTION, "negative": "image", "normalise": True, "temperature": 0.2}

L3_ORDERINGS = l3.orderings((15_000, 10_900), (1e-4, 1e-4), UPDATES[1])  # rate as published; as many updates as AVTS
#: 50 epochs of easy negatives and 40 of 75/25 (9,239 clips at batch 32); SGD with momentum, the rates ours. As many of
#: a third stage as CAVL's (ours).
AVTS_ORDERINGS = avts.orderings((14_400, 11_500, UPDATES[2]), (1e-2, 1e-3, 1e-3))
SOUNDNET_ORDERINGS = soundnet.orderings((15_000,), (1e-3,))  # rate as published; as many updates as CAVL's C1
SCENE_ORDERINGS = scene_orderings(UPDATES[:2], (1e-4, 1e-4))  # rate as published for DMC and for Attention
SCENE_RUNS = ("c1", "all", "c1-matched", "untrained")

#: As many updates as CAVL's C1 and its separation network have together; the public codes have some 60,000 (100 epochs
#: of Sound-of-Pixels) and 35,000. The rates are theirs, and fall at the same shares.
SYSTEM_UPDATES = UPDATES[0] + SEPARATION.updates
PIXEL_ORDERINGS = mix_and_separate.orderings(SYSTEM_UPDATES, 1e-3, drops=(26_000, 52_000))
LOCATING_ORDERINGS = mix_and_separate.orderings(UPDATES[0], 1e-3, drops=(6_000, 12_000))  # for Table 3
OBJECT_ORDERINGS = mix_and_separate.orderings(SYSTEM_UPDATES, 1e-4, drops=(27_900, 55_700))

# --- what is measured -----------------------------------------------------------------------------------------------

MASK: Variants = ({},)  # Our-Model-Mask
MASK_AND_CENTER: Variants = ({}, {"network": {"conditioning": "center"}})  # and Our-Model-Center


def separating(data: PaperData, networks: Mapping[str, Variants]) -> MethodPreset:
    """CAVL pre-trained on other data, to guide the separation of their sounds and for nothing else.

    ``networks``: ordering -> the separation networks on top of it.
    """

    def orderings(seed: int) -> dict[str, Ordering]:
        return {name: named_orderings(UPDATES, LRS, seed)[name] for name in networks}

    return MethodPreset(
        model=CAVL,
        data=data,
        orderings=orderings,
        runs=tuple(networks),
        variants={"separation": networks},
        tasks=("separation",),
    )


SOLOS = PaperData(pretraining="music", separation="music")
#: Table 6: "93,679 video clips in the training dataset have single sound-source, we directly use them".
INSTRUMENTS = PaperData(pretraining="audioset_instrument", separation="audioset_instrument")


def system(model: Mapping[str, Any], orderings: Mapping[str, Ordering], data: PaperData, **more: Any) -> MethodPreset:
    """One of the other systems of Tables 4 and 6, trained on the solos that are separated."""
    return trained(model, orderings, *orderings, data=data, tasks=("separation",), **more)


FACTORED = {**FACTORING, "av-miml": MethodPreset(model=AV_MIML)}  # all other sizes as published

CAVL_PART = MethodPreset(model=CAVL, orderings=lambda seed: named_orderings(UPDATES, LRS, seed, checkpoints=(4_000,)))

PRESET = Preset(
    seeds=3,
    data=PaperData(
        pretraining="audioset",  # §4.1: "we only use the Balanced-Train set for training"
        separation="music",  # §4.5
        parents="first",  # §6.1 is silent on classes with several parents: this reading gives the paper's proportions
        keep_shallow=True,  # §6.1 to the letter would drop them; the published proportions reject that (PROTOCOLS §2)
        held_out=0.05,  # silent: the paper has no validation clips of AudioSet
    ),
    training=TrainingConfig(batch=BATCH, monitor_every=500, checkpoint_every=500),
    methods={
        "cavl": replace(
            CAVL_PART,
            runs=RUNS,
            variants={
                "counting": {  # Table 2
                    "untrained": ({}, {"labels": "permuted"}),
                    "c0": ({},),
                    "c1": ({},),
                    "c1-c2": ({},),
                    "c1-matched": ({},),
                },
                "separation": {},  # Table 4 has a network that was pre-trained on MUSIC
                "avc": dict.fromkeys(AVC, ({},)),
            },
        ),
        "cavl:fixed-k": asked_otherwise(CAVL_PART, CURRICULUM, visual_centres=6),  # k_v, whatever there is in the image
        "cavl:counted-k": asked_otherwise(CAVL_PART, CURRICULUM, k="counted"),
        # Table 4: "sound localization model is trained with solo videos"; 5: "further trained with the duet videos".
        # Beside it, ours: further trained with the solos, for as many updates.
        "cavl:music": separating(
            SOLOS,
            {"untrained": MASK, "c1": MASK_AND_CENTER, "c1-c2": MASK, "c1-matched": MASK},
        ),
        "cavl:instrument": separating(INSTRUMENTS, {"untrained": MASK, "c1": MASK_AND_CENTER}),
        "l3": trained(L3, L3_ORDERINGS, "avc", "all", "c1-matched", "untrained"),
        # L3-Net's own comparison with supervision (PROTOCOLS §9): all on the clips that have labels.
        "l3:kinetics-sounds": trained(
            {**L3, "classes": len(KINDS)},
            L3_ORDERINGS,
            *("avc", "avc-matched", "supervised", "supervised-matched", "supervised-avc", "untrained"),
            data=PaperData(pretraining="kinetics_sounds"),
            tasks=("avc", "classification"),
        ),
        "avts": trained(
            AVTS,
            AVTS_ORDERINGS,
            *("easy", "curriculum", "untrained"),
            # UCF-101 and HMDB-51, where --ucf101 or --hmdb51 says that they are: from scratch and fine-tuned.
            variants={"action": dict.fromkeys(("untrained", "curriculum"), ({},))},
        ),
        # Table 3. Here all are trained on the same data; the paper's numbers of these two are their own papers'.
        "dmc": trained(DMC, SCENE_ORDERINGS, *SCENE_RUNS),
        "attention": trained(ATTENTION, SCENE_ORDERINGS, *SCENE_RUNS),
        "attention:repaired": trained(REPAIRED, SCENE_ORDERINGS, *SCENE_RUNS),
        "soundnet": trained(SOUNDNET, SOUNDNET_ORDERINGS, "taught", "untrained", on_request=True),
        **TRIVIAL,  # the random box is Table 3's "Random"
        **cheap_rivals(110_336),
        # Table 3: on AudioSet's C1, as the others there; as many updates.
        "sound-of-pixels": trained({}, LOCATING_ORDERINGS, *LOCATING_ORDERINGS, tasks=("localization",)),
        "sound-of-pixels:music": system({}, PIXEL_ORDERINGS, SOLOS),
        "sound-of-pixels:instrument": system({}, PIXEL_ORDERINGS, INSTRUMENTS),
        "av-mix-sep:music": system({}, OBJECT_ORDERINGS, SOLOS),  # it is not in Table 6
        "co-separation:music": system(CO_SEPARATION, OBJECT_ORDERINGS, SOLOS, on_request=True),
        "co-separation:instrument": system(CO_SEPARATION, OBJECT_ORDERINGS, INSTRUMENTS, on_request=True),
        **FACTORED,
        **{f"{name}:instrument": replace(p, data=INSTRUMENTS, tasks=("separation",)) for name, p in FACTORED.items()},
    },
    evaluations={
        "localization": LocalizationConfig(most_sources=1),  # §4.4: the test videos are all single-source
        "classification": ClassificationConfig(probe="esc50"),  # §4.3.2
        "counting": COUNTING,
        "separation": SEPARATION,
        # AVTS' fine-tuning: 9,537 and 3,570 training videos; how long is silent (ours: about 30 epochs of the former).
        "action": ActionConfig(data="ucf101", updates=9_000, lr=1e-4),
    },
)
