"""AVTS: audio and video learned together by telling whether they are in sync (Korbar, Tran and Torresani 2018).

"Cooperative Learning of Audio and Video Models from Self-Supervised Synchronization", NeurIPS 2018. Two streams, a
video network of mixed convolutions on a clip and a VGG-like network on the spectrogram of its sound, end in one vector
each; their distance is small when sound and clip belong to the same moment of the same scene. Negatives are *easy* (the
sound of another scene), *hard* (of another time of the same scene) or *super-hard* (overlapping the clip in time, see
:mod:`baselines.moments`); training begins with easy ones and goes on with a quarter of hard ones.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import moments
from cavl.alignment import mismatched
from cavl.curriculum import Ordering, Stage
from cavl.images import normalised
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig
from cavl.trunks import VGGISH, Plan, conv_trunk, out_channels

#: Kinds of negatives. A batch is divided among them in this order.
NEGATIVES = ("easy", "hard", "super-hard")

#: Losses of synchronisation; the number of the one that trained the weights last is kept with them.
Loss = Literal["contrastive", "bce"]
LOSSES: tuple[str, ...] = get_args(Loss)

#: Strides over the frame of the small trunk's five groups, as the 18-layer network has them; time keeps its length.
STRIDES = (2, 1, 2, 2, 2)


class Scenes(Protocol):
    """A batch, on the model's device."""

    waveform: Tensor  # (B, T) int16
    kinds: tuple[tuple[int, ...], ...]  # of each scene's sources
    recording: Tensor | None  # (B, T') int16: the whole scene's sound
    starts: Tensor | None  # (B,) int64: first sample of the waveform within the recording
    lengths: Tensor | None  # (B,) int64: samples of the recordings
    clip: Tensor | None  # (B, F, 3, H, W) uint8: frames from that moment on


def _filterbank() -> SpectrogramConfig:
    """1 s at 11,025 Hz: windows of 20 ms every 10 ms, 40 bands (averages: between them no frequency is left out)."""
    return SpectrogramConfig(window=220, hop=110, frames=101, bins=40, oversample=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class AVTSConfig:
    """The paper's architecture; what it leaves open, or we could not check, is *ours* and marked so."""

    spectrogram: SpectrogramConfig = field(default_factory=_filterbank)  # ours: the rate of the suite's sounds
    audio_trunk: Plan = VGGISH
    audio_width: float = 1.0
    trunk: Literal["r18", "small"] = "r18"  # torchvision's 18 layers, or one convolution a group
    mc: int = 3  # MCx: the first x - 1 of five groups convolve over time, the others over the frame only
    widths: tuple[int, int, int, int, int] = (16, 16, 32, 64, 64)  # channels of the small trunk's groups
    clip_frames: int = 25  # ours, as the rate: as long as the sound
    clip_fps: float = 25.0
    image_size: int = 112  # what the 18-layer network was designed for
    embedding: int = 128  # ours: size of the common space
    #: The window's consecutive parts, over each of which a trunk's maps are averaged before its fully-connected layer.
    #: 1 is global average pooling, as in torchvision's network. Fully-connected layers on all of the maps, as in VGG,
    #: keep the time that synchronisation is about: so do as many parts as the maps are long. In the miniature (MC3,
    #: eight frames, the curriculum's 540 updates, validation scenes) video_parts=1 told easy negatives (area under the
    #: ROC curve .89) and no hard ones (.51), video_parts=8 both (.99 and .96).
    audio_parts: int = 12
    video_parts: int = 1  # as published; whether 25 frames at full size then tell hard negatives, we could not try
    normalise: bool = True  # ours: embeddings of length 1, so that distances lie in [0, 2] about the margin
    margin: float = 0.99
    hidden: int = 128  # ours: of the fusion head
    shift: int | None = None  # of super-hard negatives, see moments.super_hard
    classes: int = 0  # of objective="classify"; 0: no such head
    optimizer: Literal["sgd", "adam"] = "sgd"  # sgd: with momentum, as published

    def __post_init__(self) -> None:
        if not 2 <= self.mc <= 5:
            raise ValueError(f"mc must be 2, 3, 4 or 5 (MC2 to MC5), not {self.mc}")
        if min(self.clip_frames, self.image_size, self.embedding, self.hidden, *self.widths) < 1:
            raise ValueError("clip_frames, image_size, embedding, hidden and widths must be at least 1")
        if min(self.audio_parts, self.video_parts) < 1:
            raise ValueError("audio_parts and video_parts must be at least 1 (1 averages over the whole window)")
        if min(self.clip_fps, self.margin, self.audio_width) <= 0:
            raise ValueError("clip_fps, margin and audio_width must exceed 0")
        if self.classes < 0:
            raise ValueError(f"classes must be 0 (no classification) or their number, not {self.classes}")
        seconds = self.spectrogram.samples / self.spectrogram.sample_rate
        if (self.clip_frames - 1) / self.clip_fps >= seconds:
            raise ValueError(
                f"{self.clip_frames} frames at {self.clip_fps} a second outlast the sound of {seconds:.3f} s; "
                "take fewer frames, a higher clip_fps or more spectrogram.frames"
            )


class AVTS(nn.Module):
    """Audio-visual temporal synchronisation.

    Abilities: ``training_step``, ``audio_embedding``, ``synchronised``, ``video_network``.

    The probe's windows overlap by half (``probe_hop``).
    """

    Config: ClassVar = AVTSConfig
    recipe: ClassVar = {"optimizer": "sgd", "momentum": 0.9}

    def __init__(self, config: AVTSConfig) -> None:
        super().__init__()
        self.config = config
        if config.optimizer == "adam":
            self.recipe = {"optimizer": "adam"}  # type: ignore[misc]
        self.sample_rate = config.spectrogram.sample_rate
        self.window = config.spectrogram.samples
        self.probe_hop = self.window // 2
        self.image_size = config.image_size
        self.clip_frames, self.clip_fps = config.clip_frames, config.clip_fps

        self.spectrogram = LogSpectrogram(config.spectrogram)
        self.audio_trunk = conv_trunk(config.audio_trunk, 1, width=config.audio_width)
        self.video_trunk = video_trunk(config)
        self.audio_size = out_channels(config.audio_trunk, config.audio_width)
        self.video_size = 512 if config.trunk == "r18" else config.widths[-1]
        self.audio_fc = linear(self.audio_size * config.audio_parts, config.embedding)
        self.video_fc = linear(self.video_size * config.video_parts, config.embedding)
        self.fusion = nn.Sequential(linear(2 * config.embedding, config.hidden), nn.ReLU(), linear(config.hidden, 1))
        self.classifier = linear(self.video_size, config.classes) if config.classes else None
        self.register_buffer("trained_by", torch.tensor(0))  # index into LOSSES
        self.trained_by: Tensor

    # -- the two streams ---------------------------------------------------------------------------------------------

    def audio_map(self, waveform: Tensor) -> Tensor:
        """(B, T) -> the audio trunk's maps (B, C, H, W); 5 x 12 x 512 for 1 s at the default sizes.

        Raises
        ------
        ValueError
            If it is not (B, ``window``), or holds NaN or infinite samples.
        """
        if waveform.shape[1:] != (self.window,):
            raise ValueError(f"waveform must be (batch, {self.window} samples), not {tuple(waveform.shape)}")
        maps: Tensor = self.audio_trunk(self.spectrogram(waveform)).float()
        return maps

    def video_map(self, clip: Tensor) -> Tensor:
        """(B, F, 3, H, W) uint8, or float in [0, 1] -> the video trunk's maps (B, C, F', H', W')."""
        return video_maps(self.video_trunk, clip, self.clip_frames, self.image_size)

    def audio_vector(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, E) in the common space."""
        return self._embedded(self.audio_map(waveform).mean(2), self.config.audio_parts, self.audio_fc)

    def video_vector(self, clip: Tensor) -> Tensor:
        """(B, F, 3, H, W) -> (B, E) in the common space."""
        return self._embedded(self.video_map(clip).mean((3, 4)), self.config.video_parts, self.video_fc)

    def _embedded(self, over_time: Tensor, parts: int, fc: nn.Module) -> Tensor:
        """(B, C, T) -> (B, E)."""
        pooled = over_time.mean(2) if parts == 1 else F.adaptive_avg_pool1d(over_time, parts).flatten(1)
        with torch.autocast(over_time.device.type, enabled=False):
            vector: Tensor = fc(pooled)
            return F.normalize(vector, dim=1) if self.config.normalise else vector

    def _logit(self, video: Tensor, audio: Tensor) -> Tensor:
        """(B, E) twice -> (B,): two fully-connected layers on both embeddings together.

        Embeddings of length 1 are made longer first, to components of about 1 as the layers' initialisation expects.
        """
        length = self.config.embedding**0.5 if self.config.normalise else 1.0
        with torch.autocast(video.device.type, enabled=False):
            logit: Tensor = self.fusion(length * torch.cat([video, audio], 1)).squeeze(1)
            return logit

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(
        self,
        scenes: Scenes,
        draw: torch.Generator,
        negatives: Mapping[str, float] | None = None,
        loss: Loss = "contrastive",
        objective: Literal["synchronise", "classify"] = "synchronise",
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch: every clip with its own sound, and with one that is not its own.

        Parameters
        ----------
        negatives
            Share of each kind of negative, e.g. ``{"easy": 0.75, "hard": 0.25}`` (default: all easy). Which scenes get
            which is drawn.
        loss
            ``contrastive``, or ``bce``: binary cross-entropy of a fusion head on both embeddings.
        objective
            ``classify``: the video trunk learns the kind of the clip's source instead, from labels, under a linear
            layer; what it can be compared with as supervised pre-training.

        Raises
        ------
        ValueError
            For unknown names, shares that do not sum to 1, batches without clips, scenes too short for their negatives,
            or, to classify, scenes of more or less than one known kind.
        """
        if objective not in ("synchronise", "classify"):
            raise ValueError(f"objective must be 'synchronise' or 'classify', not {objective!r}")
        if loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(map(repr, LOSSES))}, not {loss!r}")
        if scenes.clip is None:
            raise ValueError("AVTS learns from clips; the scenes of this batch have none")
        n = len(scenes.clip)
        kinds = drawn_kinds({"easy": 1.0} if negatives is None else negatives, n, draw)
        if objective == "classify":
            return self._classify(scenes.clip, scenes.kinds)
        if n < 2:
            raise ValueError("negatives need other scenes: train on batches of at least 2")
        if scenes.recording is None or scenes.starts is None or scenes.lengths is None:
            raise ValueError("negatives are cut from whole recordings; the scenes of this batch have none")
        other = mismatched(n, draw)
        sounds = [scenes.waveform]
        for kind, elsewhere in (("hard", self._hard), ("super-hard", self._super_hard)):
            chosen = (kinds == NEGATIVES.index(kind)).nonzero().squeeze(1)
            there = chosen.to(scenes.starts.device)
            starts = elsewhere(scenes.starts[there], scenes.lengths[there], draw)
            other[chosen] = sum(map(len, sounds)) + torch.arange(len(chosen))
            sounds.append(moments.cut(scenes.recording[there], starts, self.window))
        # All sounds together: batch normalisation would give away negatives that come in a batch of their own.
        audio = self.audio_vector(torch.cat(sounds))
        video = self.video_vector(scenes.clip)
        pairs = torch.cat([video, video]), torch.cat([audio[:n], audio[other.to(audio.device)]])
        own = torch.arange(2 * n, device=audio.device) < n
        if loss == "contrastive":
            value = contrastive_loss(distance(*pairs), own, self.config.margin)
        else:
            value = F.binary_cross_entropy_with_logits(self._logit(*pairs), own.float())
        self.trained_by.fill_(LOSSES.index(loss))
        return value, {"loss": float(value.detach())}

    def _hard(self, starts: Tensor, lengths: Tensor, draw: torch.Generator) -> Tensor:
        return moments.hard(starts, self.window, lengths, draw)

    def _super_hard(self, starts: Tensor, lengths: Tensor, draw: torch.Generator) -> Tensor:
        return moments.super_hard(starts, self.window, lengths, draw, self.config.shift)

    def _classify(self, clip: Tensor, kinds: Sequence[Sequence[int]]) -> tuple[Tensor, dict[str, float]]:
        if self.classifier is None:
            raise ValueError("objective='classify' needs the number of kinds: set classes")
        if len(kinds) != len(clip) or any(len(k) != 1 for k in kinds):
            raise ValueError("objective='classify' needs scenes of exactly one source whose kind is known")
        for (kind,) in kinds:
            if not 0 <= kind < self.config.classes:
                raise ValueError(f"a scene is of kind {kind}, and classes={self.config.classes} has no place for it")
        labels = torch.tensor([k[0] for k in kinds], device=clip.device)
        logits: Tensor = self.classifier(self.video_map(clip).mean((2, 3, 4))).float()
        value = F.cross_entropy(logits, labels)
        return value, {"loss": float(value.detach())}

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, C): the audio trunk's maps averaged over frequency and time; not the common space's vector."""
        return self.audio_map(waveform).mean((2, 3))

    @torch.no_grad()
    def synchronised(self, clip: Tensor, waveform: Tensor) -> Tensor:
        """(B, F, 3, H, W), (B, T) -> (B,): higher where they are more in sync.

        The logit of the fusion head if ``bce`` trained the weights last, else minus the distance of the embeddings.
        """
        if len(clip) != len(waveform):
            raise ValueError(f"each clip needs its sound: there are {len(clip)} clips and {len(waveform)} sounds")
        video, audio = self.video_vector(clip), self.audio_vector(waveform)
        if LOSSES[int(self.trained_by)] == "bce":
            return self._logit(video, audio)
        return -distance(video, audio)

    def video_network(self) -> VideoNetwork:
        """The video trunk up to its pooling, sharing this network's weights: what action recognition fine-tunes."""
        return VideoNetwork(self)


class VideoNetwork(nn.Module):
    """Clip (B, F, 3, H, W) uint8 -> the video trunk's maps, averaged over time and frame: (B, C)."""

    def __init__(self, method: AVTS) -> None:
        super().__init__()
        self.trunk = method.video_trunk
        self.clip_frames, self.clip_fps, self.image_size = method.clip_frames, method.clip_fps, method.image_size
        self.embedding_size = method.video_size

    def forward(self, clip: Tensor) -> Tensor:
        return video_maps(self.trunk, clip, self.clip_frames, self.image_size).mean((2, 3, 4))


def video_maps(trunk: nn.Module, clip: Tensor, frames: int, size: int) -> Tensor:
    """Clip (B, frames, 3, H, W) uint8, or float in [0, 1] -> a video trunk's maps of it at ``size``, float32.

    Raises
    ------
    ValueError
        If it is not (B, frames, 3, H, W), or holds NaN or infinite values.
    """
    if clip.ndim != 5 or clip.shape[1] != frames:
        raise ValueError(f"clip must be (batch, {frames} frames, 3, height, width), not {tuple(clip.shape)}")
    pictures = normalised(clip.flatten(0, 1), size).unflatten(0, clip.shape[:2])
    maps: Tensor = trunk(pictures.transpose(1, 2)).float()
    return maps


def video_trunk(config: AVTSConfig) -> nn.Sequential:
    """Five groups: a stem and four of residual blocks (``r18``) or of one convolution each (``small``).

    MCx convolves over time in the first x - 1 of them. ``r18`` with mc=3 is torchvision's ``mc3_18`` without its last
    layer; there groups 3 to 5 halve the frame, and those of them that convolve over time halve time too. ``small``
    leaves time as long as it is.
    """
    temporal = [group < config.mc - 1 for group in range(5)]
    if config.trunk == "r18":
        from torchvision.models.video import resnet  # here: as slow to import as torch, and every program names AVTS

        makers = [resnet.Conv3DSimple if over_time else resnet.Conv3DNoTemporal for over_time in temporal[1:]]
        network = resnet.VideoResNet(resnet.BasicBlock, makers, [2, 2, 2, 2], resnet.BasicStem, num_classes=1)
        # Under torchvision's names, so that its published weights fit.
        names = ("stem", "layer1", "layer2", "layer3", "layer4")
        return nn.Sequential(OrderedDict((name, getattr(network, name)) for name in names))
    groups, channels = [], 3
    for width, stride, over_time in zip(config.widths, STRIDES, temporal, strict=True):
        depth = 3 if over_time else 1
        kernel, padding = (depth, 3, 3), (depth // 2, 1, 1)
        conv = nn.Conv3d(channels, width, kernel, stride=(1, stride, stride), padding=padding, bias=False)
        nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
        groups.append(nn.Sequential(conv, nn.BatchNorm3d(width), nn.ReLU(inplace=True)))
        channels = width
    return nn.Sequential(*groups)


def linear(inside: int, outside: int) -> nn.Linear:
    """A fully-connected layer with He's initialisation and no bias at first: torch's own random bias is most of every
    vector that a fresh network gives, and makes them look alike.
    """
    layer = nn.Linear(inside, outside)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


def distance(a: Tensor, b: Tensor) -> Tensor:
    """(B, E) twice -> Euclidean distances (B,); the gradient at distance 0 is 0."""
    return (a - b).square().sum(1).clamp_min(1e-12).sqrt()


def contrastive_loss(d: Tensor, own: Tensor, margin: float) -> Tensor:
    """Mean of y d^2 + (1 - y) max(margin - d, 0)^2 over pairs (Chopra, Hadsell and LeCun 2005).

    ``d`` (P,) distances; ``own`` (P,) bool, y: whether clip and sound belong together.
    """
    return torch.where(own, d.square(), (margin - d).clamp_min(0).square()).mean()


def drawn_kinds(shares: Mapping[str, float], n: int, draw: torch.Generator) -> Tensor:
    """For each of n scenes the kind of its negative, (n,) indices into :data:`NEGATIVES`.

    round(n * share) scenes get each kind (running sums are rounded, so that they make up n); which ones is drawn.

    Raises
    ------
    ValueError
        For unknown kinds, negative shares, or shares that do not sum to 1.
    """
    if unknown := set(shares) - set(NEGATIVES):
        raise ValueError(f"unknown negatives {sorted(unknown)}; known: {', '.join(NEGATIVES)}")
    if min(shares.values(), default=0) < 0 or not abs(sum(shares.values()) - 1) < 1e-6:
        raise ValueError(f"the shares of negatives must not be negative and must sum to 1, not {dict(shares)}")
    kinds, upto = torch.empty(n, dtype=torch.long), 0.0
    for number, kind in enumerate(NEGATIVES):
        first, upto = round(n * upto), upto + shares.get(kind, 0.0)
        kinds[first : round(n * upto)] = number
    return kinds[torch.randperm(n, generator=draw)]


def orderings(updates: Sequence[int], lrs: Sequence[float]) -> dict[str, Ordering]:
    """Every named ordering for a schedule of three stages, the first two in the paper 50 and 40 epochs.

    ``curriculum`` is the paper's: easy negatives, then a quarter of hard ones; ``easy``, ``hard``, ``mixed`` and
    ``super-hard-start`` have the same negatives all the time. ``bce`` is the curriculum with binary cross-entropy from
    scratch. ``supervised`` learns the kinds from labels, which trains the video trunk alone; ``supervised-motions``
    learns motions from labels, others than those that action recognition is tested on. All these have two stages.

    ``curriculum-bce`` goes on with binary cross-entropy in a third stage, as the paper fine-tunes (for how long we do
    not know). ``curriculum-matched`` and ``bce-matched`` have as many updates of one loss.

    Raises
    ------
    ValueError
        If the schedule does not hold three stages.
    """
    if len(updates) != 3 or len(lrs) != 3:
        raise ValueError(f"the schedule needs three stages, not {len(updates)} updates and {len(lrs)} learning rates")

    def stages(*options: Mapping[str, Any], scenes: Literal["curricula", "motions"] = "curricula") -> Ordering:
        schedule = zip(updates, lrs, options, strict=False)  # of two options the first two stages
        return tuple(Stage(curricula=(1,), updates=u, lr=lr, scenes=scenes, options=o) for u, lr, o in schedule)

    def sync(loss: Loss = "contrastive", **shares: float) -> dict[str, Any]:
        return {"negatives": {k.replace("_", "-"): v for k, v in shares.items()}, "loss": loss}

    easy, mixed = sync(easy=1.0), sync(easy=0.75, hard=0.25)
    bce, mixed_bce = sync("bce", easy=1.0), sync("bce", easy=0.75, hard=0.25)
    hard, super_hard = sync(hard=1.0), sync(super_hard=1.0)
    classify = {"objective": "classify"}
    return {
        "untrained": (),
        "easy": stages(easy, easy),
        "curriculum": stages(easy, mixed),
        "curriculum-matched": stages(easy, mixed, mixed),
        "hard": stages(hard, hard),
        "mixed": stages(mixed, mixed),
        "super-hard": stages(easy, sync(easy=0.75, super_hard=0.25)),
        "super-hard-start": stages(super_hard, super_hard),
        "bce": stages(bce, mixed_bce),
        "bce-matched": stages(bce, mixed_bce, mixed_bce),
        "curriculum-bce": stages(easy, mixed, mixed_bce),
        "supervised": stages(classify, classify),
        "supervised-motions": stages(classify, classify, scenes="motions"),
    }
