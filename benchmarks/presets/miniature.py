"""The default: CAVL in the miniature world.

    tox -e benchmark            (the same as: python -m benchmarks --preset miniature)

Data: none to download; the world is generated and cached (about 0.6 GB). With ``--esc50 DIR`` the classification probe
also runs on the real recordings of ESC-50.
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
