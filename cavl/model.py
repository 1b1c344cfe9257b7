"""Two-stream network of the paper (Fig 2): trunks, encoders, soft clustering, alignment."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cavl.alignment import Reduction, contrastive_loss, mismatched, nearest_centres, nearest_distances, scene_distance
from cavl.clustering import ClusteringConfig, Clusters, distances, soft_kmeans
from cavl.config import later
from cavl.images import activation, normalised
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig
from cavl.trunks import VGG16, VGGISH, Plan, conv_trunk, out_channels


class Scenes(Protocol):
    """A batch, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    n_sources: Tensor  # (B,) number of sources asked for: k_a


@dataclass(frozen=True, slots=True, kw_only=True)
class CAVLConfig:
    """The paper's sizes; PROTOCOLS §0 lists where the paper is silent and what else may be chosen."""

    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    image_size: int = 256
    audio_trunk: Plan = VGGISH
    visual_trunk: Plan = VGG16
    width: float = 1.0
    batch_norm: bool = True
    encoder_layers: int = 1
    clustering: ClusteringConfig = field(default_factory=ClusteringConfig)
    margin: float = 1.0
    margin_per_source: bool = True
    reduction: Reduction = "square_of_sum"
    negatives: Literal["in_batch", "sampled"] = "in_batch"
    embedding_pool: Literal["max", "mean"] = "max"  # of the trunk's maps, for the probe; §6.3 pools by maximum
    #: k_v. "n+1": one for each sound and one for the background, as in the paper (§3.1.1). A number: always as many, so
    #: that the image is clustered without being told how many objects there are, and silent ones have centres, too.
    visual_centres: Literal["n+1"] | int = later("n+1")

    def __post_init__(self) -> None:
        if self.encoder_layers not in (1, 2):
            raise ValueError(f"encoder_layers must be 1 or 2, not {self.encoder_layers}")
        if self.margin <= 0 or self.width <= 0:
            raise ValueError("margin and width must exceed 0")
        if isinstance(self.visual_centres, int) and self.visual_centres < 2:
            raise ValueError(f"visual_centres must be 'n+1' or at least 2, not {self.visual_centres}")


class CAVL(nn.Module):
    """Curriculum audiovisual learning.

    Abilities: ``training_step``, ``audio_embedding``, ``localize`` (with ``localize_controls``), ``scene_distances``,
    ``corresponds``, ``sound_maker`` (with ``audio_assignments``).
    """

    Config: ClassVar = CAVLConfig
    recipe: ClassVar = {"optimizer": "adam"}  # §4.2; the learning rates are the ordering's

    def __init__(self, config: CAVLConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples  # of the waveform, in samples
        self.image_size = config.image_size
        self.visual_centres = config.visual_centres  # an evaluation may set another number than was trained with
        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.audio_trunk = conv_trunk(config.audio_trunk, 1, batch_norm=config.batch_norm, width=config.width)
        self.visual_trunk = conv_trunk(config.visual_trunk, 3, batch_norm=config.batch_norm, width=config.width)
        self.audio_encoder = encoder(out_channels(config.audio_trunk, config.width), config.encoder_layers)
        self.visual_encoder = encoder(out_channels(config.visual_trunk, config.width), config.encoder_layers)

    # -- the two pathways --------------------------------------------------------------------------------------------

    def audio_map(self, waveform: Tensor) -> Tensor:
        """(B, T) -> the audio trunk's maps (B, C, H, W); 64 x 54 x 512 for 10 s at the paper's sizes."""
        return self.audio_trunk(self.spectrogram(waveform))  # type: ignore[no-any-return]

    def visual_map(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8, or float in [0, 1] -> the visual trunk's maps (B, C, H, W); 16 x 16 x 512."""
        return self.visual_trunk(normalised(image, self.config.image_size))  # type: ignore[no-any-return]

    def audio_clusters(self, waveform: Tensor, k: int | Tensor, draw: torch.Generator | None = None) -> Clusters:
        return soft_kmeans(as_points(self.audio_encoder(self.audio_map(waveform))), k, self.config.clustering, draw)

    def visual_clusters(self, image: Tensor, k: int | Tensor, draw: torch.Generator | None = None) -> Clusters:
        return soft_kmeans(as_points(self.visual_encoder(self.visual_map(image))), k, self.config.clustering, draw)

    def n_visual_centres(self, n: int | Tensor) -> int | Tensor:
        """k_v of an image of ``n`` sounding objects."""
        wish = self.visual_centres
        return n + 1 if wish == "n+1" else wish

    # -- training (Eq 5) ---------------------------------------------------------------------------------------------

    def training_step(
        self, scenes: Scenes, draw: torch.Generator, alignment: Literal["source", "scene"] = "source"
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch; ``alignment="scene"`` compares whole scenes without clustering (C0, Table 1).

        ``draw`` is the step's own random generator (sampled negatives, random initial centres). Beside the loss
        ``loss_by_k2`` is told: each sound's terms divided by the square of its number of sources, with which they grow
        (S sums k_a distances, and so does the margin), so that curricula can be compared (Fig 4a).
        """
        config = self.config
        if alignment == "source":
            k = scenes.n_sources
            audio = self.audio_clusters(scenes.waveform, k, draw)
            visual = self.visual_clusters(scenes.image, self.n_visual_centres(k), draw)
            d = nearest_distances(audio, visual)
        elif alignment == "scene":
            k = torch.ones_like(scenes.n_sources)
            d = self._scene_level(scenes.image, scenes.waveform).unsqueeze(-1)
        else:
            raise ValueError(f"alignment must be 'source' or 'scene', not {alignment!r}")
        negatives = mismatched(len(k), draw).to(k.device) if config.negatives == "sampled" else None
        loss_of = functools.partial(
            contrastive_loss,
            k=k,
            margin=config.margin,
            margin_per_source=config.margin_per_source,
            reduction=config.reduction,
            negatives=negatives,
        )
        loss = loss_of(d)
        by_source = loss_of(d.detach(), weights=k.to(d.dtype) ** -2)
        return loss, {"loss": float(loss.detach()), "loss_by_k2": float(by_source)}

    def _scene_level(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(A, V) distances between global max-pooled encoded maps, without clustering (§4.3.2)."""
        a = self.audio_encoder(self.audio_map(waveform)).amax((2, 3)).float()
        v = self.visual_encoder(self.visual_map(image)).amax((2, 3)).float()
        if self.config.clustering.normalise:
            a, v = F.normalize(a, dim=-1), F.normalize(v, dim=-1)
        return distances(a, v)

    # -- abilities ---------------------------------------------------------------------------------------------------

    def audio_network(self) -> AudioNetwork:
        """The audio pathway up to its embedding, sharing this network's weights: what a counter is initialised with."""
        return AudioNetwork(self.spectrogram, self.audio_trunk, self.config)

    @torch.no_grad()
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, C): the audio trunk's maps pooled over frequency and time."""
        embedding: Tensor = self.audio_network()(waveform)
        return embedding

    @torch.no_grad()
    def scene_distances(
        self, image: Tensor, waveform: Tensor, n: Tensor, alignment: Literal["source", "scene"] = "source"
    ) -> Tensor:
        """(A, V): S of Eq 4 between every sound (A, T), of ``n`` (A,) sources, and every image (V, 3, H, W)."""
        if alignment == "scene":
            return self._scene_level(image, waveform)
        return scene_distance(self.audio_clusters(waveform, n), self.visual_clusters(image, self.n_visual_centres(n)))

    @torch.no_grad()
    def corresponds(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B,): -S of Eq 4 of each pair, whose sound has one source."""
        audio, visual = self._clusters(image, waveform, 1, None)
        return -distances(audio.centres, visual.centres).amin((1, 2))

    @torch.no_grad()
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """Eq 7: for each of ``n`` audio centres the assignments of its nearest visual centre, as a heatmap.

        Returns (B, n, H, W) in [0, 1] at the image's size. ``n_objects`` is the number of sounding objects that the
        image is clustered for where it differs from ``n`` (one isolated stem in an image of three: n=1, n_objects=3).
        """
        audio, visual = self._clusters(image, waveform, n, n_objects)
        return self._heatmaps(visual, nearest_centres(audio, visual), image)

    @torch.no_grad()
    def localize_controls(
        self, image: Tensor, waveform: Tensor, n: int, draw: torch.Generator, n_objects: int | None = None
    ) -> dict[str, Tensor]:
        """Heatmaps (B, n, H, W) that Eq 7 does not choose.

        ``unaligned``: the centre farthest from the audio centre (with one source: the one not chosen, Table 3's
        "unrelated"). ``random-centre``: a centre drawn uniformly. ``activation``: of the visual trunk, without the
        sound, and not a centre's.
        """
        audio, visual = self._clusters(image, waveform, n, n_objects)
        farthest = distances(audio.centres, visual.centres).argmax(-1)
        drawn = torch.randint(visual.centres.shape[1], farthest.shape, generator=draw).to(farthest.device)
        return {
            "unaligned": self._heatmaps(visual, farthest, image),
            "random-centre": self._heatmaps(visual, drawn, image),
            "activation": activation(self.visual_map(image), image.shape[-2:], n),
        }

    @torch.no_grad()
    def sound_maker(self, image: Tensor, waveform: Tensor, how: Literal["center", "mask"], n: int = 1) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B, D): what is seen of the object that makes a sound (§3.3.2).

        The image is clustered as that of one object, the sound for its ``n`` sources, of which one is seen: that whose
        audio centre has the nearest visual centre. ``center``: that visual centre. ``mask``: the visual trunk's maps,
        max-pooled under its assignment.
        """
        maps = self.visual_map(image)
        visual, nearest = self._maker(maps, waveform, n)
        if how == "center":
            return visual.centres.take_along_dim(nearest.unsqueeze(-1), 1).squeeze(1)
        if how == "mask":
            weights = visual.assignments.take_along_dim(nearest.unsqueeze(-1), 2)  # (B, P, 1)
            return (as_points(maps).float() * weights).amax(1)
        raise ValueError(f"a sound-maker is known by its 'center' or by its 'mask', not by {how!r}")

    @torch.no_grad()
    def sound_maker_map(self, image: Tensor, waveform: Tensor, n: int = 1) -> Tensor:
        """(B, H, W): the assignment of the visual centre that :meth:`sound_maker` takes, at the image's size."""
        visual, nearest = self._maker(self.visual_map(image), waveform, n)
        return self._heatmaps(visual, nearest, image).squeeze(1)

    def _maker(self, maps: Tensor, waveform: Tensor, n: int) -> tuple[Clusters, Tensor]:
        """Visual clusters of the trunk's maps, and the one (B, 1) that is nearest to any of ``n`` audio centres."""
        visual = soft_kmeans(as_points(self.visual_encoder(maps)), self.n_visual_centres(1), self.config.clustering)
        from_sources = distances(self.audio_clusters(waveform, n).centres, visual.centres)  # (B, n, k_v)
        return visual, from_sources.amin(1).argmin(-1, keepdim=True)

    @property
    def sound_maker_size(self) -> int:
        """D of :meth:`sound_maker`."""
        return out_channels(self.config.visual_trunk, self.config.width)

    @torch.no_grad()
    def audio_assignments(self, mixture: Tensor, images: Tensor) -> Tensor:
        """(B, T), (B, n, 3, H, W) -> (B, n, F, T'), the audio assignment as the spectrogram's mask (§6.5.1).

        The mixture's sound is clustered for n sources; an image's sound-maker gets the assignments of the audio centre
        nearest to its visual centre, at the resolution of the audio trunk's maps.
        """
        n = images.shape[1]
        maps = self.audio_map(mixture)
        audio = soft_kmeans(as_points(self.audio_encoder(maps)), n, self.config.clustering)
        makers = self.sound_maker(images.flatten(0, 1), mixture.repeat_interleave(n, 0), "center", n)
        nearest = distances(makers.view(len(mixture), n, -1), audio.centres).argmin(-1)  # (B, n)
        columns = audio.assignments.take_along_dim(nearest.unsqueeze(1), 2)  # (B, P, n)
        return columns.mT.reshape(len(mixture), n, *maps.shape[2:])

    def _clusters(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None) -> tuple[Clusters, Clusters]:
        return self.audio_clusters(waveform, n), self.visual_clusters(image, self.n_visual_centres(n_objects or n))

    def _heatmaps(self, visual: Clusters, centres: Tensor, image: Tensor) -> Tensor:
        """Assignment columns ``centres`` (B, n) as maps at the image's size (bilinear)."""
        side = round(visual.assignments.shape[1] ** 0.5)
        columns = visual.assignments.gather(2, centres.unsqueeze(1).expand(-1, visual.assignments.shape[1], -1))
        maps = columns.mT.reshape(*centres.shape, side, side)
        return F.interpolate(maps, image.shape[-2:], mode="bilinear", align_corners=False).clamp(0, 1)


class AudioNetwork(nn.Module):
    """Waveform (B, T) -> the audio trunk's maps, pooled globally: (B, C)."""

    def __init__(self, spectrogram: LogSpectrogram, trunk: nn.Module, config: CAVLConfig) -> None:
        super().__init__()
        self.spectrogram = spectrogram
        self.trunk = trunk
        self.pool = config.embedding_pool
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples
        self.embedding_size = out_channels(config.audio_trunk, config.width)

    def forward(self, waveform: Tensor) -> Tensor:
        maps = self.trunk(self.spectrogram(waveform)).float()
        pooled: Tensor = maps.amax((2, 3)) if self.pool == "max" else maps.mean((2, 3))
        return pooled


def encoder(channels: int, layers: int) -> nn.Sequential:
    """§6.2's fully-connected C-C layer over channels, as a 1 x 1 convolution; two layers have a ReLU between them.

    He's initialisation with zero bias. torch's own default (small weights, a random bias) makes the bias most of every
    encoded vector: normalised, all points then look alike, and training waits hundreds of updates for them to part.
    """
    modules: list[nn.Module] = []
    for layer in range(layers):
        if layer:
            modules.append(nn.ReLU(inplace=True))
        convolution = nn.Conv2d(channels, channels, 1)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        modules.append(convolution)
    return nn.Sequential(*modules)


def as_points(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H * W, C), row by row."""
    return maps.flatten(2).mT
