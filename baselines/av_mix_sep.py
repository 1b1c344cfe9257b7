"""AV-Mix-Sep: mix-and-separate by whole pictures, a baseline in Gao & Grauman 2019 (:mod:`baselines.co_separation`).

Co-Separation's two networks without its objects: a ResNet-18 makes a vector of the *whole* picture, which stands at the
bottleneck of a U-Net of seven levels; out comes the mask of that picture's sound. Learned by mix-and-separate
(:mod:`baselines.mix_and_separate`): the L1 distance from ratio masks within [0, 5], weighted with the mixture.

Sizes and recipe are those of Co-Separation's public code (github.com/rhgao/co-separation, the README's command): 64
channels at first, Adam with weight decay 1e-4 at a rate of 1e-4, a tenth of it for a *pretrained* ResNet, divided by
ten after 15,000 and 30,000 of 35,000 updates. Ours: without ``weights`` the ResNet begins at random, at the full rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from baselines import mix_and_separate
from baselines.mix_and_separate import Solos
from baselines.resnet import Trunk, load_known, pictures_knowledge, trunk
from cavl.config import file
from cavl.images import normalised
from cavl.separation import as_audible, masked
from cavl.separator_config import paper_spectrogram, require_halvings
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig

SLOPE = 0.2  # of the LeakyReLUs
DEVIATION = 0.02  # of initial weights


@dataclass(frozen=True, slots=True, kw_only=True)
class AVMixSepConfig:
    """The sizes of the public code."""

    spectrogram: SpectrogramConfig = field(default_factory=paper_spectrogram)
    image_size: int = 224
    channels: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)  # of the U-Net's levels
    visual_trunk: Trunk = "resnet18"
    reduced: int = 128  # channels of the picture's maps before they become its vector
    vector: int = 512
    #: Of the visual trunk: "" random, "IMAGENET1K_V1" torchvision's, or a file.
    weights: str = file("")

    def __post_init__(self) -> None:
        if min(self.image_size, self.reduced, self.vector) < 1:
            raise ValueError("image_size, reduced and vector must be at least 1")
        if self.weights and self.visual_trunk != "resnet18":
            raise ValueError("weights are those of a ResNet-18: leave visual_trunk='resnet18'")
        require_halvings(self.spectrogram, self.channels)


class PictureVector(nn.Module):
    """Pictures (N, 3, H, W) -> vectors (N, D): ResNet-18, a 1 x 1 convolution, one linear layer of all its places.

    In the paper 224 x 224 -> 7 x 7 x 512 -> 7 x 7 x 128 -> 512.
    """

    def __init__(self, config: AVMixSepConfig) -> None:
        super().__init__()
        self.size = config.image_size
        self.trunk, channels = trunk(config.visual_trunk)
        self.reduce = nn.Sequential(nn.Conv2d(channels, config.reduced, 1), nn.BatchNorm2d(config.reduced), nn.ReLU())
        with torch.no_grad():
            places = self.trunk.eval()(torch.zeros(1, 3, self.size, self.size))[0, 0].numel()
        self.trunk.train()
        self.vector = nn.Linear(config.reduced * places, config.vector)
        for layer in (self.reduce, self.vector):
            mix_and_separate.draw_weights(layer, DEVIATION)

    def forward(self, picture: Tensor) -> Tensor:
        vectors: Tensor = self.vector(self.reduce(self.trunk(normalised(picture, self.size))).flatten(1))
        return vectors.float()


class GuidedUNet(nn.Module):
    """Log magnitudes of M mixtures and N vectors, each of something in one of them -> N masks within [0, 1].

    Down and up by 4 x 4 convolutions of stride 2 with batch norm; a vector stands at every place of the bottleneck,
    2 x 2 x 512 at the paper's sizes.
    """

    def __init__(self, channels: tuple[int, ...], vector: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 4, 2, 1), nn.BatchNorm2d(o), nn.LeakyReLU(SLOPE, inplace=True))
            for i, o in zip((1, *channels[:-1]), channels, strict=True)
        )
        beside = (vector, *channels[-2::-1])  # what stands beside the maps that come up, from the lowest level
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(i + more, o, 4, 2, 1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
            for i, more, o in zip(channels[:0:-1], beside, channels[-2::-1], strict=False)
        )
        self.mask = nn.ConvTranspose2d(channels[0] + beside[-1], 1, 4, 2, 1)

    def forward(self, heard: Tensor, vectors: Tensor, of: Tensor) -> Tensor:
        """(M, 1, F, T), (N, D) and the mixture of each (N,) -> (N, F, T)."""
        passed = []
        for down in self.down:  # a mixture is the same for all that is in it
            heard = down(heard)
            passed.append(heard)
        x = passed.pop()[of]
        beside = vectors.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        for up in self.up:
            x = up(torch.cat([beside, x], 1))
            beside = passed.pop()[of]
        mask: Tensor = self.mask(torch.cat([x, beside], 1)).squeeze(1)
        return mask.float().sigmoid()


class AVMixSep(nn.Module):
    """Abilities: ``training_step``, ``separate``."""

    Config: ClassVar[type] = AVMixSepConfig
    recipe: ClassVar[dict[str, Any]] = {"optimizer": "adam", "weight_decay": 1e-4}

    def __init__(self, config: AVMixSepConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate, self.window = config.spectrogram.sample_rate, config.spectrogram.samples
        self.image_size = config.image_size
        if config.weights:
            self.recipe = {**self.recipe, "rates": {"vision": 0.1}}  # type: ignore[misc]
        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.vision = PictureVector(config)
        self.unet = GuidedUNet(config.channels, config.vector)
        mix_and_separate.draw_weights(self.unet, DEVIATION)

    @property
    def knows(self) -> str:
        """What it knows beforehand, beyond sound and pictures."""
        return pictures_knowledge(self.config.weights)

    def load_known(self) -> None:
        """Before any training: what the visual trunk knows beforehand."""
        if self.config.weights:
            load_known(self.vision.trunk, self.config.weights)

    def training_step(self, scenes: Solos, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of solos: every second one is mixed with another, and both are asked back."""
        mixes = mix_and_separate.mix(self.spectrogram, scenes.waveform, draw)
        of = torch.arange(len(mixes.pairs), device=mixes.pairs.device).repeat_interleave(2)
        masks = self.unet(mixes.mixture.log(), self.vision(scenes.image)[mixes.pairs.flatten()], of)
        loss = (mixes.weights * (masks.view_as(mixes.ratios) - mixes.ratios).abs()).mean()
        return loss, {"loss": float(loss.detach())}

    @torch.no_grad()
    def separate(self, mixture: Tensor, images: Tensor) -> Tensor:
        """(B, T) and a picture of each source (B, n, 3, H, W) -> sounds (B, n, T)."""
        heard = mix_and_separate.log_mixture(self.spectrogram, as_audible(mixture), self.window)
        of = torch.arange(len(images), device=images.device).repeat_interleave(images.shape[1])
        masks = self.unet(heard, self.vision(images.flatten(0, 1)), of)
        return masked(self.spectrogram, mixture, masks.view(*images.shape[:2], *masks.shape[1:]))
