"""Sound-of-Pixels (Zhao et al. 2018, "The Sound of Pixels"): every pixel has a sound.

A U-Net splits the mixture into K maps s_k; a dilated ResNet-18 says of every place of a picture how much it has of
each, i_k. Their weighted product is the mask of a place, or, max-pooled over all places, of a picture (§3.1)::

    mask = sigmoid(sum_k alpha_k i_k s_k + b)

Learned by mix-and-separate (:mod:`baselines.mix_and_separate`): binary masks, 1 where a solo is most of the mixture, by
cross-entropy weighted with the mixture. The sizes and the recipe are those of the public code
(github.com/hangzhaomit/Sound-of-Pixels: ``scripts/train_MUSIC.sh``): K = 32, seven levels, SGD with momentum 0.9 and
weight decay 1e-4 at a rate of 1e-3, a tenth of it for a *pretrained* ResNet, divided by ten at 40 and 80 of 100 epochs.

Ours: one frame a scene (the script takes the maximum over three); the pictures' network begins from random weights, at
the full rate, unless ``weights`` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import mix_and_separate
from baselines.mix_and_separate import Solos
from baselines.resnet import Trunk, load_known, pictures_knowledge, trunk
from cavl.config import file
from cavl.images import heatmaps, normalised
from cavl.separation import as_audible, masked
from cavl.separator_config import paper_spectrogram, require_halvings
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig, as_float, magnitude

SLOPE = 0.2  # of the LeakyReLUs
THRESHOLD = 0.5  # of binary masks


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundOfPixelsConfig:
    """The sizes of the public code."""

    spectrogram: SpectrogramConfig = field(default_factory=paper_spectrogram)
    image_size: int = 224
    channels: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)  # of the U-Net's levels
    maps: int = 32  # K
    visual_trunk: Trunk = "resnet18"  # dilated, or a scaled one
    #: Of the visual trunk: "" random, "IMAGENET1K_V1" torchvision's, or a file.
    weights: str = file("")
    masks: Literal["binary", "ratio"] = "binary"
    optimizer: Literal["sgd", "adam"] = "sgd"  # sgd: as published

    def __post_init__(self) -> None:
        if min(self.maps, self.image_size) < 1:
            raise ValueError(f"maps and image_size must be at least 1, not {self.maps} and {self.image_size}")
        if self.weights and self.visual_trunk != "resnet18":
            raise ValueError("weights are those of a ResNet-18: leave visual_trunk='resnet18'")
        require_halvings(self.spectrogram, self.channels)


class SoundUNet(nn.Module):
    """Log magnitudes (B, 1, F, T) -> K maps (B, K, F, T).

    Down by 4 x 4 convolutions of stride 2 after a LeakyReLU, up by bilinear enlargement and 3 x 3 convolutions after a
    ReLU; batch norm behind all but the first, the lowest and the last one. 256 x 256 -> 2 x 2 x 512 with seven levels.
    """

    def __init__(self, channels: tuple[int, ...], maps: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        ins, last = (1, *channels[:-1]), len(channels) - 1
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o) if 0 < level < last else nn.Identity()
            )
            for level, (i, o) in enumerate(zip(ins, channels, strict=True))
        )
        #: From the lowest level; all but that one read twice their level's channels: what came up, and the way down.
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels[level] * (1 if level == last else 2), channels[level - 1], 3, padding=1, bias=False),
                nn.BatchNorm2d(channels[level - 1]),
            )
            for level in range(last, 0, -1)
        )
        self.maps = nn.Conv2d(channels[0] * (2 if last else 1), maps, 3, padding=1)

    def forward(self, heard: Tensor) -> Tensor:
        x, passed = self.norm(heard), []
        for level, down in enumerate(self.down):
            x = down(F.leaky_relu(x, SLOPE) if level else x)
            passed.append(x)
        x = passed.pop()
        for up in self.up:
            x = torch.cat([passed.pop(), up(enlarged(x))], 1)
        maps: Tensor = self.maps(enlarged(x))
        return maps


def enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x.relu(), scale_factor=2, mode="bilinear", align_corners=True)


class SoundOfPixels(nn.Module):
    """Abilities: ``training_step``, ``separate``, ``localize``."""

    Config: ClassVar = SoundOfPixelsConfig
    recipe: ClassVar = {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 1e-4}

    def __init__(self, config: SoundOfPixelsConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.window = config.spectrogram.sample_rate, config.spectrogram.samples
        self.image_size = config.image_size
        recipe = self.recipe if config.optimizer == "sgd" else {"optimizer": "adam", "weight_decay": 1e-4}
        self.recipe = {**recipe, "rates": {"trunk": 0.1}} if config.weights else recipe  # type: ignore[misc]
        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.unet = SoundUNet(config.channels, config.maps)
        mix_and_separate.draw_weights(self.unet, 1e-3)
        self.trunk, size = trunk(config.visual_trunk, dilated=True)
        self.parts = nn.Conv2d(size, config.maps, 3, padding=1)
        self.alpha, self.b = nn.Parameter(torch.ones(config.maps)), nn.Parameter(torch.zeros(1))

    @property
    def knows(self) -> str:
        """What it knows beforehand, beyond sound and pictures."""
        return pictures_knowledge(self.config.weights)

    def load_known(self) -> None:
        """Before any training: what the visual trunk knows beforehand."""
        if self.config.weights:
            load_known(self.trunk, self.config.weights)

    def places(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> how much a place has of each map, before the sigmoid: (B, K, h, w), in the paper 14 x 14."""
        maps: Tensor = self.parts(self.trunk(normalised(image, self.image_size)))
        return maps.float()

    def logits(self, seen: Tensor, maps: Tensor) -> Tensor:
        """What is seen in n pictures or places (B, n, K), after the sigmoid, and maps (B, K, F, T) -> (B, n, F, T)."""
        with torch.autocast(maps.device.type, enabled=False):
            return torch.einsum("bnk,bkft->bnft", seen * self.alpha, maps.float()) + self.b

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(self, scenes: Solos, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of solos: every second one is mixed with another, and both are asked back."""
        mixes = mix_and_separate.mix(self.spectrogram, scenes.waveform, draw)
        seen = self.places(scenes.image).amax((2, 3)).sigmoid()
        logits = self.logits(seen[mixes.pairs], self.unet(mixes.mixture.log()))
        if self.config.masks == "binary":
            weights = mixes.weights.expand_as(logits)
            loss = F.binary_cross_entropy_with_logits(logits, mixes.dominant, weights)
        else:
            loss = (mixes.weights * (logits.sigmoid() - mixes.ratios).abs()).mean()
        return loss, {"loss": float(loss.detach())}

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def separate(self, mixture: Tensor, images: Tensor) -> Tensor:
        """(B, T) and a picture of each source (B, n, 3, H, W) -> sounds (B, n, T), by the max-pooled pictures."""
        maps = self.unet(mix_and_separate.log_mixture(self.spectrogram, as_audible(mixture), self.window))
        seen = self.places(images.flatten(0, 1)).amax((2, 3)).sigmoid().view(*images.shape[:2], -1)
        threshold = THRESHOLD if self.config.masks == "binary" else None
        return masked(self.spectrogram, mixture, self.logits(seen, maps).sigmoid(), threshold)

    @torch.no_grad()
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """The energy of every pixel's sound (§4.4, Fig 5): (B, 3, H, W), (B, T) -> (B, n, H, W) in [0, 1].

        Of the mask of each place the sum of (mask x magnitude)^2. One sound is heard, so all n maps are the same.
        """
        heard = mix_and_separate.log_mixture(self.spectrogram, waveform, self.window)
        maps, places = self.unet(heard), self.places(image).sigmoid()
        with torch.autocast(waveform.device.type, enabled=False):
            power = self.spectrogram.to_log_frequency(magnitude(self.spectrogram.stft(as_float(waveform)))).square()
        energies = [  # one scene at a time: 196 places of 65,536 points each
            (self.logits(place.unsqueeze(0), one.unsqueeze(0)).sigmoid().square() * loud).sum((2, 3))
            for place, one, loud in zip(places.flatten(2).mT, maps, power, strict=True)
        ]
        energy = torch.stack(energies).view(-1, 1, *places.shape[2:])
        return heatmaps(energy, image.shape[-2:]).repeat(1, n, 1, 1)
