"""Protocols of methods: what a method is and what it can do. :mod:`cavl.methods` lists the methods by name.

A method is a class with

``Config``    a frozen dataclass of its choices, all with defaults, plain values only;
``recipe``    its optimizer as data, for methods that are trained: ``{"optimizer": "adam", "weight_decay": 1e-5}``;
``presets``   for third-party methods: preset name -> ``{"model": {...}, "stages": [{"curricula": [1], ...}]}``;
``__init__``  taking the Config, drawing initial weights from torch's global generator;

whose instances have ``sample_rate`` (Hz), ``window`` (samples of sound it wants at a time), ``image_size`` (pixels) and
any of the abilities below; a task says which it needs. A method that watches clips, not still images, also has
``clip_frames`` and ``clip_fps``; one whose sounds overlap in the probe has ``probe_hop`` (samples).

A method gets a row in every table for which it has the ability. Some abilities may have a companion, which gives
further rows: ``localize_controls`` (heatmaps that should score low), ``scene_distances`` (pair accuracy while training)
and ``audio_assignments`` (audio clusters as separation masks); :class:`cavl.model.CAVL` has all three. What single
units fire at is shown of networks with ``unit_maps`` and ``sound_unit_maps``, as :class:`baselines.l3.L3`.

``docs/add_a_method.md`` shows a whole one, in a package of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from benchmarks.catalogue import TASKS
from cavl.methods import BUILT_IN as BUILT_IN
from cavl.methods import available as available
from cavl.methods import method_class as method_class
from cavl.methods import module_of as module_of
from cavl.methods import named as named
from cavl.methods import without_arm as without_arm

if TYPE_CHECKING:  # slow to import, and a command line that names the tasks is not
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt
    import torch
    from torch import Tensor, nn

    from benchmarks.training.batching import Batch


def can(method: str, task: str) -> bool:
    """Whether the method of this name can be measured in the task."""
    abilities = TASKS.load(task).abilities
    return not abilities or any(hasattr(method_class(method), ability) for ability in abilities)


#: Modules of the methods that stand beside every selection: trivial and deaf rows, cheap rivals.
CHEAP = ("baselines.trivial", "baselines.deaf", "baselines.counting", "baselines.mean_spectrum")


def trivial(method: str) -> bool:
    """Whether it is one of those, which look at nothing, hear nothing, or learn little or nothing."""
    return module_of(method) in CHEAP


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


@runtime_checkable
class LearnsToCount(Protocol):
    def audio_network(self) -> nn.Module:
        """Waveform (B, T) -> (B, D), sharing the method's weights; has sample_rate, window and embedding_size."""
        ...


@runtime_checkable
class CountsByItself(Protocol):
    """A method that needs no network on top of it: it learns to count from its own ``features`` of training sounds."""

    def features(self, waveform: Tensor) -> npt.NDArray[np.float64]:
        """(B, T) -> (B, D)."""
        ...

    def fit_counts(self, features: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> None:
        """(N, D) of training scenes, their numbers of sources (N,)."""
        ...

    def count_sources(self, waveform: Tensor) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(B, T) -> the most probable numbers of sources (B,), 1 to 5, and the expected ones (B,)."""
        ...


@runtime_checkable
class FindsSoundMakers(Protocol):
    sound_maker_size: int  # D

    def sound_maker(self, image: Tensor, waveform: Tensor, how: str, n: int = 1) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B, D), what is known of the object that makes the sound, or one of its n."""
        ...


@runtime_checkable
class Separates(Protocol):
    def separate(self, mixture: Tensor, images: Tensor) -> Tensor:
        """(B, T), one image of each source (B, n, 3, H, W) -> (B, n, T)."""
        ...


@runtime_checkable
class SeparatesBlindly(Protocol):
    """A method that is told nothing: of its sounds it cannot say which is which."""

    def separate_blindly(self, mixture: Tensor, n: int) -> Tensor:
        """(B, T) -> (B, n, T), in any order."""
        ...


@runtime_checkable
class SeparatesKinds(Protocol):
    """A method that is told which kinds of sounds are in a mixture."""

    def fit_kinds(self, solos: Iterable[tuple[Tensor, int]]) -> None:
        """Training solos: sound (T,) and kind each."""
        ...

    def separate_kinds(self, mixture: Tensor, kinds: Tensor) -> Tensor:
        """(B, T), kinds (B, n) -> (B, n, T)."""
        ...


@runtime_checkable
class TellsCorrespondence(Protocol):
    def corresponds(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(B, 3, H, W), or (B, F, 3, H, W) for a method of clips; (B, T) -> (B,), higher where both are one scene's."""
        ...


@runtime_checkable
class TellsSynchrony(Protocol):
    clip_frames: int
    clip_fps: float

    def synchronised(self, clip: Tensor, waveform: Tensor) -> Tensor:
        """(B, F, 3, H, W) uint8, (B, T) -> (B,), higher where both are one moment's."""
        ...


@runtime_checkable
class WatchesVideo(Protocol):
    def video_network(self) -> nn.Module:
        """Clip (B, F, 3, H, W) uint8 -> (B, D), sharing the method's weights.

        Has clip_frames, clip_fps, image_size and embedding_size.
        """
        ...
