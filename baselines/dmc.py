"""DMC (Hu, Nie & Li, CVPR 2019, "Deep Multimodal Clustering for Unsupervised Audiovisual Learning").

Every vector of the audio and of the visual map is projected into k spaces, one for each cluster. A soft clustering by
EM shares each vector out among the spaces; what is gathered in a space is its centre. Audio and visual centres of the
same space are compared by their cosine, and the cosines of a scene are to exceed those of a mismatched pair.

CAVL (the same first author) is DMC with one space instead of k, no fixed pairs of centres, and k chosen by the scene:
here all is fixed: cluster j of the sound belongs to cluster j of the image, and k is the same in every scene.

What the paper leaves open is taken from the code that its authors published ("a primary version"), and is a named
option: 10 clusters in spaces of 16 dimensions, 3 iterations, the closeness of a vector and a centre, one projection for
both modalities, images as anchors, a margin of 1 a cluster. Not taken over: supervised weights to start from (all
methods here learn from the scenes alone). Their later "simplified DMC" clusters in the input space by K-means from the
points j * floor(HW / k): that is CAVL's clustering and an option there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from cavl.alignment import mismatched
from cavl.images import activation, heatmaps, normalised
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig
from cavl.trunks import VGG16, VGGISH, Plan, conv_trunk, out_channels

Closeness = Literal["inner_product", "cosine"]
Hinge = Literal["scene", "cluster"]


class Scenes(Protocol):
    """A batch, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16


@dataclass(frozen=True, slots=True, kw_only=True)
class DMCConfig:
    """The sizes of the paper's rows in CAVL's Table 3; the clustering as in the authors' code."""

    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    image_size: int = 256
    audio_trunk: Plan = VGGISH
    visual_trunk: Plan = VGG16
    width: float = 1.0  # multiplies the trunks' channels
    batch_norm: bool = True  # ours, as in CAVL: without it trunks do not learn from random weights
    clusters: int = 10  # k, of every scene
    dimension: int = 16  # of each of the k spaces
    iterations: int = 3  # of EM; in the first one every vector is shared out equally
    #: One projection for both modalities, or one for each. The vectors of the two trunks must then be as long.
    projections: Literal["shared", "separate"] = "shared"
    #: Of a projected vector u and a centre c, which has unit length. ``inner_product``: a long vector is more decided
    #: than a short one. ``cosine``: of u / |u| and c; up to the stiffness the negative squared distance of the two.
    closeness: Closeness = "inner_product"
    stiffness: float = 1.0  # assignments are the softmax over the clusters of stiffness * closeness
    margin: float = 1.0  # a cluster; a cosine can fall behind by 2 at most
    #: ``scene``: one hinge a pair, on the sum over the clusters, with k times the margin. ``cluster``: one a cluster.
    hinge: Hinge = "scene"
    #: ``image``: each image with its own and another sound. ``both``: also each sound with its own and another image.
    anchors: Literal["image", "both"] = "image"
    embedding_pool: Literal["max", "mean"] = "max"  # of the audio trunk's maps, for the probe, as in CAVL

    def __post_init__(self) -> None:
        for name in ("image_size", "clusters", "dimension", "iterations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("width", "stiffness", "margin"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must exceed 0, not {getattr(self, name)}")
        audio, visual = (out_channels(plan, self.width) for plan in (self.audio_trunk, self.visual_trunk))
        if self.projections == "shared" and audio != visual:
            raise ValueError(
                f"one projection cannot take audio vectors of {audio} and visual ones of {visual} channels: give the "
                "trunks equally many or choose projections='separate'"
            )


# --- clustering ---------------------------------------------------------------------------------------------------


class Clusters(NamedTuple):
    centres: Tensor  # (B, k, d), of unit length or, as :func:`unit` has it, a little less
    assignments: Tensor  # (B, P, k) >= 0, rows sum to 1


def unit(x: Tensor) -> Tensor:
    """Vectors along the last axis to unit length, as tanh(10 |x|) x / |x|: short of it only if shorter than 0.3.

    The authors' way of normalising the maps' vectors. A vector of zeros (silence, a dead trunk) stays one, and the
    gradient there is finite: 10.
    """
    length = (x.square().sum(-1, keepdim=True) + 1e-12).sqrt()
    return x * (10 * length).tanh() / length


def closeness(vectors: Tensor, spaces: Tensor, centres: Tensor, lengths: Tensor | None) -> Tensor:
    """<W_j u_i, c_j> of vectors u (B, P, C) and centres c (B, k, d), in spaces W (k, d, C) -> (B, P, k).

    Written as <u_i, W_j' c_j>: centres are few and vectors many, so that it is the centres which change space.
    ``lengths`` (B, P, k), if given, are those of W_j u_i, and make it a cosine.
    """
    inner = vectors @ torch.einsum("bkd,kdc->bck", centres, spaces)
    return inner if lengths is None else inner / lengths


def gather(vectors: Tensor, spaces: Tensor, assignments: Tensor) -> Tensor:
    """M-step: centres (B, k, d), each the mean of its space's W_j u_i weighted by (B, P, k), in :func:`unit` length.

    A mean of projections is the projection of the mean. (The authors' code normalises the sum instead, which is never
    so short that it matters; a mean can be.)
    """
    weights = assignments / assignments.sum(1, keepdim=True).clamp_min(torch.finfo(assignments.dtype).tiny)
    return unit(torch.einsum("bkc,kdc->bkd", weights.mT @ vectors, spaces))


def cluster(vectors: Tensor, spaces: Tensor, iterations: int, measure: Closeness, stiffness: float) -> Clusters:
    """EM on vectors (B, P, C), which k spaces (k, d, C) share out among them.

    It starts with equal shares, so that each first centre is the mean of its space: the spaces differ, hence the
    centres do, and nothing is drawn. The assignments returned are those to the returned centres.
    """
    lengths = None
    if measure == "cosine":
        projected = torch.einsum("bpc,kdc->bpkd", vectors, spaces)
        lengths = (projected.square().sum(-1) + 1e-12).sqrt()
    assignments = vectors.new_full((*vectors.shape[:2], len(spaces)), 1 / len(spaces))
    for _ in range(iterations):
        centres = gather(vectors, spaces, assignments)
        assignments = (stiffness * closeness(vectors, spaces, centres, lengths)).softmax(-1)  # E-step
    return Clusters(centres, assignments)


def projection(clusters: int, dimension: int, channels: int) -> Tensor:
    """Initial W (k, d, C): Glorot's uniform one for the k * d x C matrix that they are together, as the authors'."""
    return nn.init.xavier_uniform_(torch.empty(clusters * dimension, channels)).view(clusters, dimension, channels)


# --- objective ----------------------------------------------------------------------------------------------------


def similarities(audio: Tensor, visual: Tensor) -> Tensor:
    """Centres (A, k, d) and (V, k, d) -> (A, V, k), the cosine of both modalities' centres in each space."""
    return torch.einsum("akd,vkd->avk", unit(audio), unit(visual))


def max_margin_loss(similarity: Tensor, sounds: Tensor, images: Tensor, margin: float, hinge: Hinge) -> Tensor:
    """Max-margin loss over mismatched pairs: max(0, margin + similarity of the pair - similarity of its anchor's own).

    Parameters
    ----------
    similarity
        (n, n, k) of :func:`similarities`: row i is the sound of scene i, column j is image j.
    sounds, images
        (n,) or (0,) each: for image j the mismatched sound ``sounds[j]``, for sound i the mismatched image
        ``images[i]``; an empty one leaves those anchors out.
    margin, hinge
        See :class:`DMCConfig`. The mean over pairs of the sum over clusters.
    """
    own = similarity.diagonal().mT  # (n, k)
    scenes = torch.arange(len(own), device=own.device)
    pairs = [similarity[sounds, scenes[: len(sounds)]] - own[: len(sounds)]]
    pairs += [similarity[scenes[: len(images)], images] - own[: len(images)]]
    lead = torch.cat(pairs)  # (pairs, k): by how much the mismatched one is more similar
    if hinge == "scene":
        return (margin * lead.shape[1] + lead.sum(-1)).clamp_min(0).mean()
    return (margin + lead).clamp_min(0).sum(-1).mean()


# --- the network --------------------------------------------------------------------------------------------------


class DMC(nn.Module):
    """Deep multimodal clustering.

    Abilities: ``training_step``, ``audio_embedding``, ``localize`` (with ``localize_controls``), ``scene_distances``,
    ``corresponds``. The recipe is the authors' code's; its learning rate, 1e-4, is the ordering's.
    """

    Config: ClassVar = DMCConfig
    recipe: ClassVar = {"optimizer": "adam"}

    def __init__(self, config: DMCConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples
        self.image_size = config.image_size
        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.audio_trunk = conv_trunk(config.audio_trunk, 1, batch_norm=config.batch_norm, width=config.width)
        self.visual_trunk = conv_trunk(config.visual_trunk, 3, batch_norm=config.batch_norm, width=config.width)
        plans = (config.audio_trunk, config.visual_trunk)[: 1 if config.projections == "shared" else 2]
        # W_1 ... W_k of each projection; the first is the sound's, the last the image's.
        self.spaces = nn.ParameterList(
            projection(config.clusters, config.dimension, out_channels(plan, config.width)) for plan in plans
        )

    # -- the two pathways --------------------------------------------------------------------------------------------

    def audio_map(self, waveform: Tensor) -> Tensor:
        """(B, T) -> the audio trunk's maps (B, C, H, W); 64 x 54 x 512 for 10 s at the paper's sizes."""
        return self.audio_trunk(self.spectrogram(waveform))  # type: ignore[no-any-return]

    def visual_map(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8, or float in [0, 1] -> the visual trunk's maps (B, C, H, W); 16 x 16 x 512."""
        return self.visual_trunk(normalised(image, self.config.image_size))  # type: ignore[no-any-return]

    def audio_clusters(self, waveform: Tensor) -> Clusters:
        return self._clusters(self.audio_map(waveform), 0)

    def visual_clusters(self, image: Tensor) -> Clusters:
        return self._clusters(self.visual_map(image), -1)

    def _clusters(self, maps: Tensor, which: int) -> Clusters:
        config = self.config
        with torch.autocast(maps.device.type, enabled=False):
            vectors = unit(maps.float().flatten(2).mT)  # (B, P, C)
            return cluster(vectors, self.spaces[which], config.iterations, config.closeness, config.stiffness)

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(self, scenes: Scenes, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch: every anchor's own pair against one mismatched pair, drawn from ``draw``.

        Raises
        ------
        ValueError
            If there is no other scene in the batch.
        """
        n = len(scenes.image)
        if n < 2:
            raise ValueError("mismatched pairs are made of at least two scenes: enlarge the batch")
        audio, visual = self.audio_clusters(scenes.waveform), self.visual_clusters(scenes.image)
        sounds = mismatched(n, draw).to(audio.centres.device)
        images = mismatched(n, draw).to(audio.centres.device) if self.config.anchors == "both" else sounds[:0]
        with torch.autocast(audio.centres.device.type, enabled=False):
            similarity = similarities(audio.centres, visual.centres)
            loss = max_margin_loss(similarity, sounds, images, self.config.margin, self.config.hinge)
        return loss, {"loss": float(loss.detach())}

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def scene_distances(self, image: Tensor, waveform: Tensor, n: Tensor) -> Tensor:
        """(A, V): sum over the clusters of 1 - cosine, of every sound (A, T) and image (V, 3, H, W).

        The number of sources ``n`` (A,) is not read: all scenes have k clusters.
        """
        audio, visual = self.audio_clusters(waveform), self.visual_clusters(image)
        return (1 - similarities(audio.centres, visual.centres)).sum(-1)

    @torch.no_grad()
    def corresponds(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(B, 3, H, W), (B, T) -> (B,): minus the distance of each pair, 0 at most."""
        audio, visual = self.audio_clusters(waveform), self.visual_clusters(image)
        return (_agreement(audio, visual) - 1).sum(-1)

    @torch.no_grad()
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, C): the audio trunk's maps pooled over frequency and time."""
        maps = self.audio_map(waveform).float()
        return maps.amax((2, 3)) if self.config.embedding_pool == "max" else maps.mean((2, 3))

    @torch.no_grad()
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """Visual assignments to the ``n`` clusters whose audio and visual centres agree best, the best one first.

        Returns (B, n, H, W) at the image's size (bilinear), each map scaled to [0, 1]: of k clusters none may hold half
        of any point, so assignments as they are would have no meaning at a threshold of 0.5. ``n_objects`` is not read.

        Raises
        ------
        ValueError
            If more sources are asked for than there are clusters.
        """
        return self._heatmaps(image, waveform, n, largest=True)

    @torch.no_grad()
    def localize_controls(
        self, image: Tensor, waveform: Tensor, n: int, draw: torch.Generator, n_objects: int | None = None
    ) -> dict[str, Tensor]:
        """``unaligned`` (B, n, H, W): the n clusters whose centres agree least (the rest, for n up to half of all).

        ``activation``: of the visual trunk, without the sound. Nothing is drawn.
        """
        return {
            "unaligned": self._heatmaps(image, waveform, n, largest=False),
            "activation": activation(self.visual_map(image), image.shape[-2:], n),
        }

    def _heatmaps(self, image: Tensor, waveform: Tensor, n: int, *, largest: bool) -> Tensor:
        if n > self.config.clusters:
            raise ValueError(
                f"{n} sources cannot be told apart by {self.config.clusters} clusters: configure clusters={n} or more"
            )
        audio, maps = self.audio_clusters(waveform), self.visual_map(image)
        visual = self._clusters(maps, -1)
        chosen = _agreement(audio, visual).topk(n, largest=largest).indices  # (B, n)
        columns = visual.assignments.take_along_dim(chosen.unsqueeze(1), 2)  # (B, P, n)
        return heatmaps(columns.mT.unflatten(2, maps.shape[2:]), image.shape[-2:])


def _agreement(audio: Clusters, visual: Clusters) -> Tensor:
    """Cosine of corresponding centres in each scene, (B, k)."""
    return (unit(audio.centres) * unit(visual.centres)).sum(-1)
