"""Attention (Senocak, Oh, Kim, Yang & Kweon, CVPR 2018, "Learning to Localize Sound Source in Visual Scenes").

The sound asks, the image answers: a query made of the sound is compared with the vector of every point of the visual
map, and the weights so found (the attention, which is also the heatmap) average these vectors into what is seen where
it sounds. That is to be nearer to the embedding of the own sound than to that of another scene's: a triplet network.

    sound network: SoundNet's 1-D convolutions (Aytar et al. 2016), averaged over time  -> f_s (1000); ReLU, FC, ReLU,
                   FC -> h, the query (512)
    visual network: VGG16 up to conv5_3                                                 -> V (20 x 20 x 512)
    attention: a_i = <v_i / |v_i|, h / |h|>, alpha = softmax(max(a, 0)), z = sum alpha_i v_i; ReLU, FC, ReLU, FC
                                                                                        -> f_v (1000)

The sizes are those of the authors' re-implementation. There, both trunks are frozen, VGG16 having learned ImageNet's
labels and SoundNet from networks that had: here, all is learned from the scenes alone, from random weights, as in every
other method. VGG16's last ReLU is kept (they cut just before it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cavl.alignment import mismatched
from cavl.images import activation, heatmaps, normalised
from cavl.spectrogram import as_float
from cavl.trunks import VGG16, Plan, conv_trunk, out_channels

#: Channels, kernel, stride of a convolution over time, and the size of the max-pooling after it (1: none).
Layer = tuple[int, int, int, int]

#: The eight convolutions of SoundNet (Aytar et al. 2016, Table 1) for 22,050 Hz; the last is its branch of objects.
SOUNDNET: tuple[Layer, ...] = (
    (16, 64, 2, 8),
    (32, 32, 2, 8),
    (64, 16, 2, 1),
    (128, 8, 2, 1),
    (256, 4, 2, 4),
    (512, 4, 2, 1),
    (1024, 4, 2, 1),
    (1000, 8, 2, 1),
)
AMPLITUDE = 256.0  # SoundNet's waveforms lie in [-256, 256]

Mechanism = Literal["rectified_softmax", "softmax", "rectified"]
Loss = Literal["norm", "squared"]
Negative = Literal["sound", "image"]


class Scenes(Protocol):
    """A batch, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionConfig:
    """The published sizes; *ours* where batch norm and the length of the sound are concerned."""

    sample_rate: int = 22_050  # Hz
    window: int = 220_500  # samples: ours, the 10 s that the other methods hear; SoundNet takes any length
    sound_layers: tuple[Layer, ...] = SOUNDNET
    image_size: int = 320
    visual_trunk: Plan = VGG16
    width: float = 1.0  # multiplies the visual trunk's channels
    batch_norm: bool = True  # in the visual trunk: ours, as in CAVL; without it trunks do not learn from random weights
    #: How weights come from the cosines a_i. ``softmax``: of a. ``rectified_softmax``: of max(a, 0), the authors'
    #: code. ``rectified``: max(a, 0) divided by its sum.
    mechanism: Mechanism = "rectified_softmax"
    #: The softmax is of a / temperature. At the paper's 1 the heaviest point weighs at most e^2 times the lightest.
    temperature: float = 1.0
    #: f_v and f_s at unit length before their distance is taken (not in the paper, whose f_s is not learned).
    normalise: bool = False
    #: ``norm``: |(d+, d- - 1)|, ``squared``: its square (Hoffer & Ailon 2015; the authors' code, but for a factor).
    loss: Loss = "norm"
    #: What D- is the distance of. ``sound`` (the paper's): what the own sound has found in the image, from another
    #: scene's sound. ``image`` (ours): what the sound finds in another scene's image, from the sound itself; a sharp
    #: attention cannot lower it by telling where it looks.
    negative: Negative = "sound"

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "image_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.width <= 0 or self.temperature <= 0:
            raise ValueError("width and temperature must exceed 0")
        if len(self.sound_layers) < 2 or any(min(layer) < 1 for layer in self.sound_layers):
            raise ValueError(
                f"sound_layers must be two or more (channels, kernel, stride, pool), not {self.sound_layers}"
            )
        if min(lengths(self.window, self.sound_layers)) < 1:
            raise ValueError(
                f"of {self.window} samples nothing is left after {len(self.sound_layers)} sound_layers (they have "
                f"{lengths(self.window, self.sound_layers)} points): choose a longer window or fewer, smaller layers"
            )


# --- the sound network --------------------------------------------------------------------------------------------


def padding(layers: Sequence[Layer], index: int) -> int:
    """Zeros at both ends: half a kernel; none in the last layer."""
    return layers[index][1] // 2 if index < len(layers) - 1 else 0


def lengths(samples: int, layers: Sequence[Layer]) -> list[int]:
    """Points in time after each layer; not positive where a kernel or a pooling is longer than what it is given."""
    result = []
    for index, (_, kernel, stride, pool) in enumerate(layers):
        samples = ((samples + 2 * padding(layers, index) - kernel) // stride + 1) // pool
        result.append(samples)
    return result


def sound_network(layers: Sequence[Layer]) -> nn.Sequential:
    """Waveform (B, 1, T) -> (B, C, T'): convolutions with batch norm, ReLU and pooling; the last a plain one."""
    modules: list[nn.Module] = []
    channels = 1
    for index, (out, kernel, stride, pool) in enumerate(layers):
        convolution = nn.Conv1d(channels, out, kernel, stride, padding(layers, index))
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        modules.append(convolution)
        if index < len(layers) - 1:
            modules += [nn.BatchNorm1d(out), nn.ReLU(inplace=True)]
        if pool > 1:
            modules.append(nn.MaxPool1d(pool))
        channels = out
    return nn.Sequential(*modules)


# --- attention and objective --------------------------------------------------------------------------------------


def attend(points: Tensor, query: Tensor, mechanism: Mechanism, temperature: float) -> Tensor:
    """Vectors of points (..., P, C) and queries (..., C) -> weights (..., P) >= 0 that sum to 1.

    Where ``rectified`` finds no point that agrees with the query, no weight: they sum to 0.
    """
    cosine = (F.normalize(points, dim=-1, eps=1e-4) @ F.normalize(query, dim=-1, eps=1e-4).unsqueeze(-1)).squeeze(-1)
    if mechanism == "softmax":
        return (cosine / temperature).softmax(-1)
    if mechanism == "rectified_softmax":
        return (cosine.clamp_min(0) / temperature).softmax(-1)
    positive = cosine.clamp_min(0)
    return positive / positive.sum(-1, keepdim=True).clamp_min(1e-6)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean distance along the last axis. Below 1e-6 it is held constant: the gradient there is 0, not infinite."""
    return (x - y).square().sum(-1).clamp_min(1e-12).sqrt()


def triplet_loss(positive: Tensor, negative: Tensor, loss: Loss = "norm") -> Tensor:
    """Distances D+ and D- (B,) -> the mean of |(d+, d- - 1)| or of its square, (d+, d-) being their softmax.

    d+ and d- sum to 1, so both components are d+: the norm is sqrt(2) d+, from 0 (D- much larger) to sqrt(2).
    """
    d = (positive - negative).sigmoid()
    return (math.sqrt(2) * d if loss == "norm" else 2 * d.square()).mean()


# --- the network --------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Sound source localization by attention.

    Abilities: ``training_step``, ``localize`` (with ``localize_controls``), ``scene_distances``, ``corresponds``.
    The recipe is the authors'; its learning rate, 1e-4, is the ordering's.
    """

    Config: ClassVar = AttentionConfig
    recipe: ClassVar = {"optimizer": "adam"}

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.sample_rate
        self.window = config.window
        self.image_size = config.image_size
        sound, visual = config.sound_layers[-1][0], out_channels(config.visual_trunk, config.width)
        self.sound_network = sound_network(config.sound_layers)
        self.visual_trunk = conv_trunk(config.visual_trunk, 3, batch_norm=config.batch_norm, width=config.width)
        self.query = nn.Sequential(nn.ReLU(), nn.Linear(sound, sound), nn.ReLU(), nn.Linear(sound, visual))
        self.context = nn.Sequential(nn.ReLU(), nn.Linear(visual, visual), nn.ReLU(), nn.Linear(visual, sound))

    # -- the two pathways --------------------------------------------------------------------------------------------

    def sound_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) int16 or float -> f_s (B, S).

        Raises
        ------
        ValueError
            If it is shorter than ``window``, is not (B, T) or holds NaN or infinite samples.
        """
        if waveform.shape[-1] < self.window:
            raise ValueError(f"the sound network hears {self.window} samples at a time, not {waveform.shape[-1]}")
        first, *further = self.sound_network
        with torch.autocast(waveform.device.type, enabled=False):  # bfloat16 has 8 bits, a sound 16
            maps = first(AMPLITUDE * as_float(waveform).unsqueeze(1))
        for layer in further:
            maps = layer(maps)
        return maps.float().mean(-1)  # type: ignore[no-any-return]

    def visual_map(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8, or float in [0, 1] -> the visual trunk's maps V (B, C, H, W); 20 x 20 x 512."""
        return self.visual_trunk(normalised(image, self.config.image_size)).float()  # type: ignore[no-any-return]

    def attention(self, points: Tensor, sound: Tensor) -> Tensor:
        """V as points (..., P, C) and f_s (..., S) -> alpha (..., P)."""
        with torch.autocast(points.device.type, enabled=False):
            return attend(points, self.query(sound), self.config.mechanism, self.config.temperature)

    def visual_embedding(self, points: Tensor, sound: Tensor) -> Tensor:
        """V as points (..., P, C) and the f_s (..., S) that asks -> f_v (..., S)."""
        with torch.autocast(points.device.type, enabled=False):
            z = (self.attention(points, sound).unsqueeze(-2) @ points).squeeze(-2)
            return self.context(z)  # type: ignore[no-any-return]

    def distance(self, visual: Tensor, sound: Tensor) -> Tensor:
        """f_v (..., S) and f_s (..., S) -> D (...)."""
        if self.config.normalise:
            visual, sound = (F.normalize(x, dim=-1, eps=1e-4) for x in (visual, sound))
        return distance(visual, sound)

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(self, scenes: Scenes, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch: each scene's own pair and a mismatched one, drawn from ``draw``.

        Raises
        ------
        ValueError
            If there is no other scene in the batch.
        """
        n = len(scenes.image)
        if n < 2:
            raise ValueError("a negative sound is another scene's: enlarge the batch to two scenes or more")
        sound = self.sound_embedding(scenes.waveform)
        points = as_points(self.visual_map(scenes.image))
        visual = self.visual_embedding(points, sound)
        other = mismatched(n, draw).to(sound.device)
        if self.config.negative == "sound":
            negative = self.distance(visual, sound[other])
        else:
            negative = self.distance(self.visual_embedding(points[other], sound), sound)
        loss = triplet_loss(self.distance(visual, sound), negative, self.config.loss)
        return loss, {"loss": float(loss.detach())}

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def scene_distances(self, image: Tensor, waveform: Tensor, n: Tensor) -> Tensor:
        """(A, V): D of every sound (A, T) and image (V, 3, H, W), each pair with its own attention.

        The number of sources ``n`` (A,) is not read: a mixture is one query. One sound at a time, to bound memory.
        """
        points = as_points(self.visual_map(image))
        rows = [
            self.distance(self.visual_embedding(points, sound.expand(len(points), -1)), sound)
            for sound in self.sound_embedding(waveform)
        ]
        return torch.stack(rows)

    @torch.no_grad()
    def corresponds(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B,): minus the distance D of each pair."""
        sound = self.sound_embedding(waveform)
        return -self.distance(self.visual_embedding(as_points(self.visual_map(image)), sound), sound)

    @torch.no_grad()
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B, n, H, W): the attention at the image's size (bilinear), scaled to [0, 1].

        A mixture is one query: all ``n`` maps are the same. ``n_objects`` is not read.
        """
        maps = self.visual_map(image)
        alpha = self.attention(as_points(maps), self.sound_embedding(waveform)).view(-1, 1, *maps.shape[2:])
        return heatmaps(alpha, image.shape[-2:]).repeat(1, n, 1, 1)

    @torch.no_grad()
    def localize_controls(
        self, image: Tensor, waveform: Tensor, n: int, draw: torch.Generator, n_objects: int | None = None
    ) -> dict[str, Tensor]:
        """``activation`` (B, n, H, W): of the visual trunk, without the sound."""
        as_float(waveform)  # a damaged sound is refused here as everywhere
        return {"activation": activation(self.visual_map(image), image.shape[-2:], n)}


def as_points(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H * W, C), row by row."""
    return maps.flatten(2).mT
