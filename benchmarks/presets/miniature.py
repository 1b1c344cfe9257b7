"""The default: CAVL in the miniature world.

    tox -e benchmark            (the same as: python -m benchmarks --preset miniature)

Data: none to download; the world is generated and cached (about 0.6 GB). With ``--esc50 DIR`` the classification probe
also runs on the real recordings of ESC-50.

Cost: 165 runs with three seeds and ESC-10, about 28 CPU-minutes; 17 minutes on 2 cores.

Expected scores (mean of three seeds, in percent; the seeds differ much): pointing in scenes of three sources c1 49,
c1-c2 55, c1-c2-c3 53, c3-matched 52, untrained 8, a sound that is not in the scene 13; cIoU@0.5 of single sources c1
11, c1-c2 25, c1-c2-c3 32, c3-matched 17, random centre 6, untrained 0; ESC-10 c1 79, c1-c2 81, untrained 73,
spectrogram statistics 76.
"""

from __future__ import annotations

from benchmarks.datasets.source import MiniatureData
from benchmarks.presets import MethodPreset, Preset
from benchmarks.training import TrainingConfig
from cavl.curriculum import Stage, named_orderings

#: 64 x 64 images and 64 x 64 spectrograms of 2 s.
SPECTROGRAM = {"hop": 350, "frames": 64, "bins": 64, "oversample": 4}
SMALL = (16, "M", 32, "M", 64, 64)

CAVL = {
    "spectrogram": SPECTROGRAM,
    "image_size": 64,
    "audio_trunk": SMALL,
    "visual_trunk": SMALL,
    "encoder_layers": 2,
    "clustering": {"beta": 10.0},
}

UPDATES = (600, 120, 120, 120)
LRS = (1e-3, 1e-4, 1e-4, 1e-4)

PRESET = Preset(
    seeds=3,
    data=MiniatureData(),
    training=TrainingConfig(batch=32),
    methods={
        "cavl": MethodPreset(
            model=CAVL,
            orderings=lambda seed: named_orderings(UPDATES, LRS, seed, checkpoints=(120,)),
            runs=(
                "untrained",
                "c1",
                "c1-c2",
                "c1-c2scene",
                "c0",
                "c1-c2-c3",
                "c3",
                "c3@120",  # as many updates on C3 as the curriculum's, from random weights (Fig 4b)
                "c3-matched",
                "mixed",
                "mixed-matched",
                "hard-to-easy",
            ),
        ),
        "full-frame": MethodPreset(),
        "centred-square": MethodPreset(),
        "mean-training-map": MethodPreset(),
        "random-box": MethodPreset(),
        "spectrogram-statistics": MethodPreset(model={"sample_rate": 11_025}),
    },
    counter=MethodPreset(
        model={"spectrogram": SPECTROGRAM, "audio_trunk": SMALL},
        orderings=lambda seed: {"counter": (Stage(curricula=(1, 2, 3, 4, 5), updates=400, lr=1e-2, decay=0.5),)},
    ),
)
