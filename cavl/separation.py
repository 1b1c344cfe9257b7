"""Sound separation guided by the localized sound-maker (§3.3.2, Eq 8; §6.4, Fig 3; "Fig. 6" in §3.3.2 is a misprint).

A mixture's log-frequency spectrogram goes through a U-Net; at its bottleneck stands what the pre-trained audiovisual
network knows of one visible sound-maker; out comes the mask of that object's sound. Masks are predicted on the
log-frequency axis, brought back to the linear one and applied to the mixture's complex STFT: its phase is kept.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import LogSpectrogram, as_float, magnitude

SLOPE = 0.2  # of the LeakyReLUs
INAUDIBLE = 1e-4  # of full scale: three units of 16 bits; no recording's loudest sample
SILENT = 1e-8  # magnitudes below are silence: their ratio is 0, not 0/0


class Solos(Protocol):
    """A batch of single-source scenes, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    kinds: tuple[tuple[int, ...], ...]  # one kind a scene


class UNet(nn.Module):
    """Log-spectrogram of a mixture and vectors of sound-makers -> a mask for each of them (§6.4).

    Every level is a 4 x 4 convolution of stride 2: 256 x 256 -> 4 x 4 x 512 at the paper's sizes. An up-convolution
    reads its level's channels twice: the maps from below beside the encoder's of the same size or, at the bottleneck,
    the sound-maker's vector repeated at every place. ``competing`` masks of several sound-makers add up to one.
    """

    def __init__(self, channels: tuple[int, ...], maker_size: int, competing: bool = False) -> None:
        super().__init__()
        self.competing = competing
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(SLOPE, inplace=True))
            for i, o in zip((1, *channels[:-1]), channels, strict=True)
        )
        self.maker = nn.Sequential(
            nn.Linear(maker_size, channels[-1], bias=False), nn.BatchNorm1d(channels[-1]), nn.LeakyReLU(SLOPE)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(2 * i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))
            for i, o in zip(channels[:0:-1], channels[-2::-1], strict=True)
        )
        self.mask = nn.Sequential(nn.ConvTranspose2d(2 * channels[0], 1, 4, 2, 1))

    def forward(self, mixture: Tensor, makers: Tensor) -> Tensor:
        """(B, 1, F, T) and (B, n, D) -> masks (B, n, F, T) in [0, 1]; F and T multiples of 2^levels."""
        batch, n, _ = makers.shape
        skips = []
        for level in self.encoder:
            mixture = level(mixture)
            skips.append(mixture)
        vectors = self.maker(makers.flatten(0, 1))[:, :, None, None]  # (B n, C, 1, 1)
        # What the encoder heard is the same for every sound-maker in the mixture.
        *skips, bottom = [maps.repeat_interleave(n, 0) for maps in skips]
        maps = torch.cat([bottom, vectors.expand(-1, -1, *bottom.shape[2:])], 1)
        for level in self.decoder:
            maps = torch.cat([level(maps), skips.pop()], 1)
        logits: Tensor = self.mask(maps)
        logits = logits.view(batch, n, *logits.shape[2:])
        return logits.softmax(1) if self.competing and n > 1 else logits.sigmoid()


class Separator(nn.Module):
    """The U-Net beside the frozen network that locates its sound-makers.

    Parameters
    ----------
    config
        Sizes and choices.
    locator
        A pre-trained method with ``sound_maker`` (and its ``sound_maker_size``), such as :class:`cavl.model.CAVL`. It
        is not trained further, and stays in evaluation mode whatever ``train()`` says. Its own window may be longer: it
        hears what the separator hears.

    Raises
    ------
    ValueError
        If the two want different sample rates.
    """

    Config: ClassVar = SeparatorConfig
    recipe: ClassVar[dict[str, Any]] = {"optimizer": "adam"}

    def __init__(self, config: SeparatorConfig, locator: nn.Module) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples
        self.image_size: int = locator.image_size  # type: ignore[assignment]
        if locator.sample_rate != self.sample_rate:
            raise ValueError(
                f"the separation network wants {self.sample_rate} Hz, but what locates its sound-makers wants "
                f"{locator.sample_rate} Hz; pre-train with spectrogram.sample_rate={self.sample_rate}"
            )
        self.spectrogram = LogSpectrogram(config.spectrogram)
        competing = config.masks == "competing"
        self.unet = UNet(config.channels, locator.sound_maker_size, competing)  # type: ignore[arg-type]
        self.locator = locator.requires_grad_(False)
        #: Vectors (N, D) of the training solos' sound-makers, by the scenes' numbers, where they are located but once.
        self.known: Tensor | None = None
        self.train()

    def train(self, mode: bool = True) -> Separator:
        super().train(mode)
        self.locator.eval()
        return self

    # -- training (Eq 8) ---------------------------------------------------------------------------------------------

    def training_step(
        self, scenes: Solos, draw: torch.Generator, mixed: Literal["half", "all"] = "half"
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch of solos: every second one is mixed with one of another kind, and both are asked back.

        With ``mixed="all"`` each of them is, which costs no more reading and locating. The sound-makers are located
        with the clean solos, "without manual distinguishment" (§6.4).

        Raises
        ------
        ValueError
            If a scene has not exactly one kind, or all of them are of one kind.
        """
        partners = of_another_kind(scenes.kinds, draw).to(scenes.waveform.device)
        pairs = torch.stack([torch.arange(len(partners), device=partners.device), partners], 1)  # (B, 2)
        pairs = pairs[::2] if mixed == "half" else pairs  # (M, 2)
        with torch.autocast(scenes.waveform.device.type, enabled=False):
            solos = mixed_parts(scenes.waveform.unsqueeze(1), self.config.mixing, 2).squeeze(1)
            stft = self.spectrogram.stft(solos)  # (B, linear bins, frames), of each solo once
            targets, mixture = (
                self.spectrogram.to_log_frequency(magnitude(z)) for z in (stft, stft[pairs].sum(1, keepdim=True))
            )  # (B, bins, frames), (M, 1, bins, frames)
            masks = ratio_mask(targets[pairs], mixture)
        predicted = self.unet(self.spectrogram.log(mixture), self._makers(scenes, pairs))
        loss = mask_loss(predicted, masks, mixture if self.config.loss == "weighted" else None)
        return loss, {"loss": float(loss.detach())}

    def _makers(self, scenes: Solos, pairs: Tensor) -> Tensor:
        """Vectors (M, 2, D) of what is seen in pairs (M, 2) of solos."""
        numbers: Tensor | None = getattr(scenes, "numbers", None)
        if self.known is None or numbers is None:  # held-out solos have no number
            return self.sound_makers(scenes.image[pairs], scenes.waveform[pairs])
        return self.known[numbers[pairs]]

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sound_makers(self, images: Tensor, sounds: Tensor, sources: int = 1) -> Tensor:
        """Images (B, n, 3, H, W) and the sounds (B, n, T) that locate the makers in them -> vectors (B, n, D).

        ``sources``: how many a sound is of; of a mixture that locates, all that are mixed.
        """
        makers: Tensor = self.locator.sound_maker(  # type: ignore[operator]
            images.flatten(0, 1), sounds.flatten(0, 1), self.config.conditioning, sources
        )
        return makers.view(*sounds.shape[:2], -1)

    @torch.no_grad()
    def separate(self, mixture: Tensor, images: Tensor) -> Tensor:
        """(B, T) and an image of each source (B, n, 3, H, W) -> sounds (B, n, T), located with the mixture."""
        n = images.shape[1]
        sounds = mixture.unsqueeze(1).expand(-1, n, -1)
        return self.separate_with(mixture, self.sound_makers(images, sounds, n))

    @torch.no_grad()
    def separate_with(self, mixture: Tensor, makers: Tensor) -> Tensor:
        """(B, T) and vectors of sound-makers (B, n, D) -> their sounds (B, n, T).

        Raises
        ------
        ValueError
            If the mixture is not one window long, or as :func:`as_audible`.
        """
        mixture = as_audible(mixture)
        if mixture.shape[-1] != self.window:
            raise ValueError(
                f"a mixture must be {self.window} samples long, not {mixture.shape[-1]}; cut it in windows"
            )
        return masked(self.spectrogram, mixture, self.unet(self.spectrogram(mixture), makers))


def of_another_kind(kinds: tuple[tuple[int, ...], ...], draw: torch.Generator) -> Tensor:
    """For each solo one of another kind in the same batch, uniformly: (B,) indices, on the CPU.

    Raises
    ------
    ValueError
        If a scene has not exactly one kind, or there is no other kind.
    """
    if any(len(k) != 1 for k in kinds):
        raise ValueError(
            "separation learns from scenes of one source whose kind is known; a scene of this batch is none"
        )
    kind = torch.tensor(kinds).squeeze(1)
    others = kind.unsqueeze(0) != kind.unsqueeze(1)  # (B, B)
    if not others.any(1).all():
        raise ValueError(f"all {len(kind)} scenes of the batch are of one kind: nothing to mix; enlarge training.batch")
    return torch.multinomial(others.float(), 1, generator=draw).squeeze(1)


def mixed_parts(solos: Tensor, mixing: Literal["mean", "sum"], of: int | None = None) -> Tensor:
    """Solos (B, n, T) -> float32 (B, n, T) as they stand in their mixture, which is the sum of these.

    ``of``: how many are in a mixture, if not n. Raises ``ValueError`` as :func:`as_audible`.
    """
    sounds = as_audible(solos.flatten(0, 1)).view(solos.shape)
    return sounds / (of or solos.shape[1]) if mixing == "mean" else sounds


def as_audible(waveform: Tensor) -> Tensor:
    """:func:`as_float` of sounds (B, T), of which one at least is neither all but zero nor silent; or all are silent.

    Raises
    ------
    ValueError
        If the loudest sample of all is below :data:`INAUDIBLE`: scaled wrongly, they would count as silence in every
        logarithm, and nobody would be told.
    """
    sounds = as_float(waveform)
    peak = float(sounds.abs().max())
    if 0 < peak < INAUDIBLE:
        raise ValueError(
            f"the loudest sample of {len(sounds)} sounds is {peak:.1e} of full scale, all but zero: they seem to have "
            "been divided by 32768 twice; give int16, or floating point in [-1, 1]"
        )
    return sounds


def ratio_mask(target: Tensor, mixture: Tensor) -> Tensor:
    """M = m_target / m_mixture, clipped to [0, 1] where phases cancel; 0 where the mixture is silent."""
    return (target / mixture.clamp_min(SILENT)).clamp(0, 1)


def mask_loss(predicted: Tensor, masks: Tensor, mixture: Tensor | None = None) -> Tensor:
    """Eq 8: the mean of |predicted - masks|; with the mixture's magnitudes, weighted by their square roots."""
    error = (predicted.float() - masks).abs()
    if mixture is None:
        return error.mean()
    weights = mixture.sqrt().expand_as(error)
    return (weights * error).sum() / weights.sum().clamp_min(SILENT)


@torch.no_grad()
def masked(spectrogram: LogSpectrogram, mixture: Tensor, masks: Tensor, threshold: float | None = None) -> Tensor:
    """A mixture (B, T) under masks (B, n, F', T') of any resolution on the log-frequency axis: sounds (B, n, T).

    With a ``threshold`` masks are binary: what they are above it, on the linear axis, is kept.
    """
    with torch.autocast(mixture.device.type, enabled=False):
        stft = spectrogram.stft(as_float(mixture))  # (B, linear bins, frames)
        masks, size = masks.float(), (spectrogram.config.bins, stft.shape[-1])
        if masks.shape[-2:] != size:
            masks = F.interpolate(masks, size, mode="bilinear", align_corners=False)
        linear = spectrogram.to_linear_frequency(masks)
        sounds = (linear if threshold is None else (linear > threshold).float()) * stft.unsqueeze(1)
        return spectrogram.istft(sounds.flatten(0, 1), mixture.shape[-1]).view(*masks.shape[:2], -1)
