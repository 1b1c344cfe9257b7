"""The methods there are: built-in ones, listed here, and third parties', from the entry-point group ``cavl.methods``.

A method is a class with

``Config``    a frozen dataclass of its choices, all with defaults, plain values only;
``recipe``    its optimizer as data, for methods that are trained: ``{"optimizer": "adam", "weight_decay": 1e-5}``;
``presets``   for third-party methods: preset name -> ``{"model": {...}, "stages": [{"curricula": [1], ...}]}``;
``__init__``  taking the Config, drawing initial weights from torch's global generator;

whose instances have ``sample_rate`` (Hz), ``window`` (samples of sound it wants at a time), ``image_size`` (pixels) and
any of the abilities below. A method gets a row in every table for which it has the ability.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from benchmarks.batch import Batch

GROUP = "cavl.methods"

BUILT_IN = {
    "cavl": "cavl.model:CAVL",
    "counter": "cavl.counting:Counter",
    "full-frame": "baselines.trivial:FullFrame",
    "centred-square": "baselines.trivial:CentredSquare",
    "mean-training-map": "baselines.trivial:MeanTrainingMap",
    "random-box": "baselines.trivial:RandomBox",
    "spectrogram-statistics": "baselines.trivial:SpectrogramStatistics",
}


@runtime_checkable
class Trainable(Protocol):
    def training_step(
        self, scenes: Batch, draw: torch.Generator, **options: Any
    ) -> tuple[Tensor, dict[str, float]]: ...


@runtime_checkable
class EmbedsAudio(Protocol):
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) int16 or float -> (B, D)."""
        ...


@runtime_checkable
class Localizes(Protocol):
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """(B, 3, H, W), (B, T) -> heatmaps (B, n, H, W) in [0, 1]."""
        ...


class UnknownMethod(ValueError):
    """No method of that name."""


def available() -> dict[str, str]:
    """Method name -> "module:class"."""
    return {**{e.name: e.value for e in entry_points(group=GROUP)}, **BUILT_IN}


def method_class(name: str) -> Any:
    """The class of the method ``name``.

    Raises
    ------
    UnknownMethod
        Naming the methods there are.
    """
    there = available()
    if name not in there:
        raise UnknownMethod(f"unknown method {name!r}; there are: {', '.join(sorted(there))}")
    module, _, attribute = there[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def module_of(name: str) -> str:
    """The module that holds the method: where its code digest starts."""
    return available()[name].partition(":")[0]
