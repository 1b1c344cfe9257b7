"""L3-Net (Arandjelović & Zisserman 2017, "Look, Listen and Learn"): do this frame and this second of sound correspond?

A vision and an audio subnetwork of the same build (four blocks of two 3 x 3 convolutions with BatchNorm and ReLU) give
one vector each, a fusion network of two layers says from both whether they come from the same video. The audio-visual
correspondence (AVC) task needs no labels: a frame with its own sound is a positive, with another video's a negative.

Beside it the paper's two supervised baselines, where the subnetworks first learn to classify kinds, each on its own:
*direct combination* calls a pair corresponding as far as the two class distributions agree (their dot product),
*supervised pre-training* then learns the AVC task on top of the subnetworks so trained. And three variations that
readers of the paper asked for: mel bins, learned filters on the raw waveform, several frames with a recurrent layer.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from cavl.alignment import mismatched
from cavl.config import later
from cavl.curriculum import Ordering, Stage, scene_orderings
from cavl.images import activation, heatmaps, normalised
from cavl.spectrogram import as_float, magnitude
from cavl.trunks import Plan, conv_trunk

Objective = Literal["avc", "classify"]
OBJECTIVES: tuple[Objective, ...] = ("avc", "classify")
POOLING = 8  # of the three 2 x 2 poolings between four blocks


class Scenes(Protocol):
    """A batch, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    clip: Tensor | None  # (B, F, 3, H, W) uint8, for a configuration of several frames
    waveform: Tensor  # (B, T) int16
    kinds: tuple[tuple[int, ...], ...]  # of each scene's sources


@dataclass(frozen=True, slots=True, kw_only=True)
class L3Config:
    """The paper's sizes (PROTOCOLS §9); *ours* where it is silent."""

    sample_rate: int = 48_000  # Hz
    seconds: float = 1.0  # of sound heard at a time
    fft: int = 512  # 257 bins
    analysis_window: int = 480  # samples, 10 ms; padded with zeros to ``fft``
    hop: int = 240  # samples: half an analysis window
    #: What the audio subnetwork reads: linear frequency bins (the paper), mel bins, or learned 1-D filters.
    front_end: Literal["linear", "mel", "waveform"] = "linear"
    mel_bins: int = 48  # for "mel"; near the most that 257 bins of 94 Hz can fill
    filters: int = 64  # for "waveform", of ``analysis_window`` samples, every ``hop`` samples
    floor: float = 1e-2  # ours: log(1 + magnitude / floor); for scale: a full-scale sine has magnitude 120
    image_size: int = 224
    channels: tuple[int, ...] = (64, 128, 256, 512)  # of the four blocks, vision and audio; the last is the vectors' D
    fusion: int = 128  # hidden units of the fusion network, and of the classifiers in the supervised baselines
    classes: int = 0  # kinds that the supervised baselines tell apart; 0: no classifiers
    frames: int = 1  # seen at a time; several are read by a recurrent layer
    fps: float = 4.0  # of these frames, the first being at the sound's beginning
    #: Which frame is the one: that at the beginning of the second that is heard (in the paper, too, the two are of one
    #: time), or the scene's still image, for scenes without video.
    frame_of: Literal["moment", "scene"] = "moment"
    #: Whose sounds are the negatives of the AVC task: any other scene's (the paper), or those of scenes that share no
    #: kind with it. The latter needs labels; it shows what "true false positives" cost.
    negatives: Literal["any", "other_kinds"] = later("any")
    #: From one window of the probe to the next. They overlap; by how much, our sources do not say. Half a window, as in
    #: the spectrogram: every moment but the first and last half is heard twice.
    probe_hop_seconds: float = 0.5

    def __post_init__(self) -> None:
        whole = ("sample_rate", "hop", "analysis_window", "mel_bins", "filters", "fusion", "frames")
        for name in whole:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if min(self.floor, self.fps, self.seconds) <= 0 or self.classes < 0:
            raise ValueError("floor, fps and seconds must exceed 0, and classes must not be negative")
        if len(self.channels) != 4 or min(self.channels) < 1:
            raise ValueError(f"channels must be those of four blocks, not {self.channels}")
        if self.fft < self.analysis_window:
            raise ValueError(
                f"fft={self.fft} is shorter than analysis_window={self.analysis_window}: choose a longer fft"
            )
        if self.image_size < POOLING:
            raise ValueError(f"image_size must be at least {POOLING} for three poolings, not {self.image_size}")
        if min(self.bins, self.spectrogram_frames) < POOLING:
            raise ValueError(
                f"the spectrogram is {self.bins} x {self.spectrogram_frames}, and three poolings need {POOLING} x "
                f"{POOLING} at least: choose more bins or a shorter hop"
            )
        if not 1 <= round(self.sample_rate * self.probe_hop_seconds) <= self.window:
            raise ValueError(f"probe_hop_seconds must lie in (0, seconds={self.seconds}], not {self.probe_hop_seconds}")
        if self.frames > 1 and self.frame_of == "scene":
            raise ValueError(f"frames={self.frames} are those of a moment: a scene's still image is one")
        if (self.frames - 1) / self.fps > self.seconds:
            raise ValueError(
                f"{self.frames} frames at {self.fps} a second outlast the {self.seconds} s of sound: raise fps"
            )
        if self.front_end == "mel" and not mel_filters(self).any(0).all():
            raise ValueError(
                f"some of {self.mel_bins} mel bins hold no frequency of an fft of {self.fft}: choose fewer mel_bins or "
                "a longer fft (it may exceed analysis_window)"
            )

    @property
    def window(self) -> int:
        """Samples of sound heard at a time."""
        return round(self.sample_rate * self.seconds)

    @property
    def bins(self) -> int:
        """Rows of what the audio subnetwork reads; the paper: 257."""
        return {"linear": self.fft // 2 + 1, "mel": self.mel_bins, "waveform": self.filters}[self.front_end]

    @property
    def spectrogram_frames(self) -> int:
        """Its columns, without centre padding; the paper: 199."""
        return 1 + (self.window - self.analysis_window) // self.hop

    @property
    def plan(self) -> Plan:
        """Two convolutions a block; pool4 is the maximum over all places, and so no layer of the trunk."""
        a, b, c, d = self.channels
        return (a, a, "M", b, b, "M", c, c, "M", d, d)


# --- the sound's front ends ---------------------------------------------------------------------------------------


class LogMagnitude(nn.Module):
    """Waveform (B, T) -> log-magnitude spectrogram (B, bins, frames), silence being 0.

    Hann window (ours), no centre padding: frame ``i`` is the ``analysis_window`` samples from ``i * hop`` on. The FFT
    being longer than the window (512 and 480 in the paper), ``torch.stft`` would ask for the FFT's length of samples
    and lose the last frame: frames are cut here. With mel bins the filters weight the *magnitude*, so that the floor
    means the same for both. Computed in float32 whatever the autocast mode.
    """

    def __init__(self, config: L3Config) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("hann", torch.hann_window(config.analysis_window), persistent=False)
        self.register_buffer("mel", mel_filters(config) if config.front_end == "mel" else None, persistent=False)
        self.hann: Tensor
        self.mel: Tensor | None

    def forward(self, waveform: Tensor) -> Tensor:
        config = self.config
        with torch.autocast(waveform.device.type, enabled=False):
            frames = as_float(waveform).unfold(1, config.analysis_window, config.hop) * self.hann
            spectrum = magnitude(torch.fft.rfft(frames, config.fft))  # (B, frames, fft // 2 + 1)
            if self.mel is not None:
                spectrum = spectrum @ self.mel
            return torch.log1p(spectrum / config.floor).mT.contiguous()


class LearnedFilters(nn.Module):
    """Waveform (B, T) -> the rectified outputs of learned 1-D filters (B, filters, frames), a pseudo-spectrogram.

    One convolution as long as the spectrogram's analysis window and with its hop, BatchNorm and ReLU as after every
    convolution of L3-Net. Rows have no order but the one that training finds.
    """

    def __init__(self, config: L3Config) -> None:
        super().__init__()
        self.filters = nn.Conv1d(1, config.filters, config.analysis_window, config.hop, bias=False)
        self.norm = nn.BatchNorm1d(config.filters)
        nn.init.kaiming_normal_(self.filters.weight, nonlinearity="relu")

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):  # bfloat16 has 8 bits, a sound 16
            filtered: Tensor = self.norm(self.filters(as_float(waveform).unsqueeze(1)))
            return filtered.relu()


def mel_filters(config: L3Config) -> Tensor:
    """(fft // 2 + 1, mel_bins) triangles of height 1 on the HTK scale, from 0 Hz to half the sample rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of empty filters: the configuration refuses them
        return melscale_fbanks(config.fft // 2 + 1, 0.0, config.sample_rate / 2, config.mel_bins, config.sample_rate)


# --- the network --------------------------------------------------------------------------------------------------


class L3(nn.Module):
    """L3-Net.

    Abilities: ``training_step``, ``audio_embedding``, ``localize`` (with ``localize_controls``), ``corresponds``,
    ``unit_maps`` and ``sound_unit_maps``.
    Subnetworks' vectors have D = ``channels[-1]`` numbers, 512 in the paper. The recipe is the paper's; its learning
    rate, 1e-4, is the ordering's. Ours: images and sounds are not augmented (no crops, flips or changes of volume).
    """

    Config: ClassVar = L3Config
    recipe: ClassVar = {"optimizer": "adam", "weight_decay": 1e-5}

    def __init__(self, config: L3Config) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.sample_rate
        self.window = config.window
        self.image_size = config.image_size
        self.probe_hop = round(config.sample_rate * config.probe_hop_seconds)
        if config.frame_of == "moment":  # a batch holds a clip for methods that have these
            self.clip_frames, self.clip_fps = config.frames, config.fps

        size = config.channels[-1]
        self.front_end = LearnedFilters(config) if config.front_end == "waveform" else LogMagnitude(config)
        self.audio = conv_trunk(config.plan, 1)
        self.vision = conv_trunk(config.plan, 3)
        self.fusion = two_layers(2 * size, config.fusion, 2)
        # Last: the weights above are the same with and without what follows.
        self.recurrent = nn.GRU(size, size, batch_first=True) if config.frames > 1 else None
        self.vision_classifier = two_layers(size, config.fusion, config.classes) if config.classes else None
        self.audio_classifier = two_layers(size, config.fusion, config.classes) if config.classes else None
        #: Which of OBJECTIVES the weights were last trained by: kept with them, since it decides how pairs are scored.
        self.register_buffer("trained_by", torch.tensor(OBJECTIVES.index("avc")))
        self.trained_by: Tensor

    # -- the subnetworks ---------------------------------------------------------------------------------------------

    def vision_maps(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) uint8, or float in [0, 1] -> the last vision block's maps (B, D, h, w).

        h = w = ``image_size`` / 8: in the paper 28 x 28 places of 512 units, since only three of the four poolings are
        2 x 2, the fourth taking the maximum over all places.
        """
        return self.vision(normalised(image, self.config.image_size))  # type: ignore[no-any-return]

    def vision_vector(self, image: Tensor) -> Tensor:
        """A clip (B, frames, 3, H, W), or with one frame also an image (B, 3, H, W) -> (B, D)."""
        frames = self.config.frames
        if image.ndim == 4 and frames == 1:
            return self.vision_maps(image).amax((2, 3)).float()
        if image.ndim != 5 or image.shape[1] != frames:
            raise ValueError(f"a clip must be (batch, {frames}, 3, height, width), not {tuple(image.shape)}")
        if frames == 1:
            return self.vision_vector(image.squeeze(1))
        vectors = self.vision_maps(image.flatten(0, 1)).amax((2, 3))
        return self.last_state(vectors.view(len(image), frames, -1))

    def last_state(self, vectors: Tensor) -> Tensor:
        """Vectors of a clip's frames (N, frames, D) -> what the recurrent layer makes of them (N, D)."""
        assert self.recurrent is not None
        with torch.autocast(vectors.device.type, enabled=False):  # on the CPU it knows no recurrent layers
            state: Tensor = self.recurrent(vectors.float())[1][-1]
            return state

    def audio_vector(self, waveform: Tensor) -> Tensor:
        """(B, T) int16 or float -> (B, D).

        Raises
        ------
        ValueError
            If it is shorter than ``window``, is not (B, T) or holds NaN or infinite samples.
        """
        if waveform.shape[-1] < self.window:
            raise ValueError(f"L3-Net hears {self.window} samples at a time, not {waveform.shape[-1]}")
        return self.audio_maps(self.front_end(waveform)).amax((2, 3)).float()

    def audio_maps(self, rows: Tensor) -> Tensor:
        """What the front end gives (B, bins, frames) -> the last audio block's maps (B, D, h, w)."""
        # The one channel comes last in memory, which convolutions follow: faster on the CPU.
        return self.audio(rows.unsqueeze(-1).movedim(-1, 1))  # type: ignore[no-any-return]

    def logits(self, vision: Tensor, audio: Tensor) -> Tensor:
        """The fusion network: vectors (..., D) and (..., D) -> (..., 2), first "do not", then "do correspond"."""
        with torch.autocast(vision.device.type, enabled=False):
            return self.fusion(torch.cat([vision, audio], dim=-1))  # type: ignore[no-any-return]

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(
        self, scenes: Scenes, draw: torch.Generator, objective: Objective = "avc", frozen: bool = False
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch.

        ``avc``: cross-entropy over 2B pairs, each scene's frame with its own sound and with another scene's, drawn
        from ``draw``. ``classify``: each subnetwork tells the scene's kind on its own; the sum of both cross-entropies.
        ``frozen``, with ``avc``: the subnetworks keep their weights (and batch norm its statistics), the fusion network
        alone learns.

        Raises
        ------
        ValueError
            For an unknown objective; for ``avc`` if there is no other scene in the batch; for ``classify`` without
            classifiers, or with scenes that have not exactly one source of a known kind.
        """
        if objective not in OBJECTIVES:
            raise ValueError(f"objective must be 'avc' or 'classify', not {objective!r}")
        if frozen and objective != "avc":
            raise ValueError("with frozen subnetworks there is nothing to learn but avc")
        image = scenes.image if self.config.frame_of == "scene" else scenes.clip
        if image is None:
            raise ValueError("frame_of='moment' needs scenes with video; for still images choose frame_of='scene'")
        if objective == "avc":
            learned = self._tell_pairs(image, scenes, draw, frozen)
        else:
            learned = self._classify(image, scenes)
        self.trained_by.fill_(OBJECTIVES.index(objective))
        return learned

    def _tell_pairs(
        self, image: Tensor, scenes: Scenes, draw: torch.Generator, frozen: bool
    ) -> tuple[Tensor, dict[str, float]]:
        n = len(image)
        if n < 2:
            raise ValueError("correspondence is learned from at least two scenes at a time: enlarge the batch")
        with self._frozen() if frozen else contextlib.nullcontext():
            vision, audio = self.vision_vector(image), self.audio_vector(scenes.waveform)
        chosen = mismatched(n, draw) if self.config.negatives == "any" else of_other_kinds(scenes.kinds, draw)
        other = audio[chosen.to(audio.device)]
        logits = self.logits(torch.cat([vision, vision]), torch.cat([audio, other]))
        target = torch.tensor([1, 0], device=logits.device).repeat_interleave(n)
        loss = F.cross_entropy(logits, target)
        return loss, {"loss": float(loss.detach()), "accuracy": accuracy(logits, target)}

    @contextlib.contextmanager
    def _frozen(self) -> Iterator[None]:
        """Within: the subnetworks as in evaluation, without gradients."""
        networks = [m for m in (self.front_end, self.audio, self.vision, self.recurrent) if m is not None]
        before = [m.training for m in networks]
        try:
            for network in networks:
                network.eval()
            with torch.no_grad():
                yield
        finally:
            for network, training in zip(networks, before, strict=True):
                network.train(training)

    def _classify(self, image: Tensor, scenes: Scenes) -> tuple[Tensor, dict[str, float]]:
        target = self._kinds(scenes).to(image.device)
        seen, heard = self.class_logits(self.vision_vector(image), self.audio_vector(scenes.waveform))
        loss = F.cross_entropy(seen, target) + F.cross_entropy(heard, target)
        return loss, {
            "loss": float(loss.detach()),
            "vision_accuracy": accuracy(seen, target),
            "audio_accuracy": accuracy(heard, target),
        }

    def _kinds(self, scenes: Scenes) -> Tensor:
        """(B,): the kind of each scene's one source."""
        if len(scenes.kinds) != len(scenes.image) or any(len(kinds) != 1 for kinds in scenes.kinds):
            raise ValueError("objective='classify' needs scenes of exactly one source, of a known kind: curriculum 1")
        kinds = torch.tensor([kind for (kind,) in scenes.kinds])
        if not 0 <= int(kinds.min()) <= int(kinds.max()) < self.config.classes:
            raise ValueError(
                f"kinds {int(kinds.min())} to {int(kinds.max())} do not fit classes={self.config.classes}: objective="
                "'classify' needs the number of kinds as the model's classes"
            )
        return kinds

    def class_logits(self, vision: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """The classifiers of the supervised baselines: vectors (..., D) each -> (..., classes) each."""
        assert self.vision_classifier is not None
        assert self.audio_classifier is not None
        with torch.autocast(vision.device.type, enabled=False):
            return self.vision_classifier(vision), self.audio_classifier(audio)

    # -- abilities ---------------------------------------------------------------------------------------------------

    def agreement(self, vision: Tensor, audio: Tensor) -> Tensor:
        """Vectors (..., D) and (..., D) -> how much they speak for the same video (...), by what was trained last.

        ``avc``: the difference of the fusion network's two logits, of which its probability is the logistic function.
        ``classify``: *direct combination*, the dot product of the two class distributions.
        """
        if OBJECTIVES[int(self.trained_by)] == "classify":
            seen, heard = self.class_logits(vision, audio)
            return (seen.softmax(-1) * heard.softmax(-1)).sum(-1)
        logits = self.logits(vision, audio)
        return logits[..., 1] - logits[..., 0]

    @torch.no_grad()
    def corresponds(self, image: Tensor, waveform: Tensor) -> Tensor:
        """Clips (B, frames, 3, H, W), or with one frame also images (B, 3, H, W); (B, T) -> (B,), high: same video."""
        return self.agreement(self.vision_vector(image), self.audio_vector(waveform))

    @torch.no_grad()
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, D): the audio subnetwork's vector, for windows every ``probe_hop`` samples.

        Published probes of this network pool earlier maps instead; the vector is what the correspondence is learned
        on, and as long as other methods' embeddings.
        """
        return self.audio_vector(waveform)

    @torch.no_grad()
    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """Where in the image is what is heard? (B, 3, H, W), (B, T) -> (B, n, H, W) in [0, 1].

        The vector of each place of the last vision block's maps takes the place of their maximum (with several frames:
        of a clip that repeats the image), and :meth:`agreement` with the sound's vector is the map. It is the
        difference of logits and not the probability, which is the same order but saturates; bilinearly enlarged to the
        image, then scaled to [0, 1]. (The paper itself shows units' activations without a sound: ``activation`` in
        :meth:`localize_controls`.) The network hears one sound, so all ``n`` maps are the same; ``n_objects`` is not
        read.
        """
        maps = self.vision_maps(image)
        places = maps.flatten(2).mT.float()  # (B, h * w, D)
        if self.config.frames > 1:
            sequences = places.flatten(0, 1).unsqueeze(1).expand(-1, self.config.frames, -1)
            places = self.last_state(sequences).view_as(places)
        audio = self.audio_vector(waveform).unsqueeze(1).expand_as(places)
        agreement = self.agreement(places, audio).view(-1, 1, *maps.shape[2:])
        return heatmaps(agreement, image.shape[-2:]).repeat(1, n, 1, 1)

    @torch.no_grad()
    def localize_controls(
        self, image: Tensor, waveform: Tensor, n: int, draw: torch.Generator, n_objects: int | None = None
    ) -> dict[str, Tensor]:
        """``activation`` (B, n, H, W): the mean activation of the last vision block's units, whatever the sound."""
        as_float(waveform)  # a damaged sound is refused here as everywhere
        return {"activation": activation(self.vision_maps(image), image.shape[-2:], n)}

    @torch.no_grad()
    def unit_maps(self, image: Tensor) -> Tensor:
        """Images (B, 3, H, W), or the first frames of clips -> where each unit before pool4 fires (B, D, h, w)."""
        return self.vision_maps(image if image.ndim == 4 else image[:, 0]).float()

    @torch.no_grad()
    def sound_unit_maps(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) -> what the audio subnetwork reads (B, bins, frames), and where in it units fire (B, D, h, w)."""
        rows: Tensor = self.front_end(waveform)
        return rows, self.audio_maps(rows).float()


def of_other_kinds(kinds: Sequence[Sequence[int]], draw: torch.Generator) -> Tensor:
    """For each scene one that shares no kind with it, uniformly: (B,) indices, on the CPU.

    Raises
    ------
    ValueError
        If kinds are not known, or all others of the batch share one with a scene.
    """
    if not all(kinds):
        raise ValueError("negatives='other_kinds' needs scenes whose kinds are known")
    apart = torch.tensor([[not set(own) & set(other) for other in kinds] for own in kinds])
    if not apart.any(1).all():
        raise ValueError("all sounds of the batch share a kind with one of its scenes: enlarge the batch")
    return torch.multinomial(apart.float(), 1, generator=draw).squeeze(1)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Two fully connected layers with a ReLU between them."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, outputs))


def accuracy(logits: Tensor, target: Tensor) -> float:
    return float((logits.argmax(-1) == target).float().mean())


# --- orderings ----------------------------------------------------------------------------------------------------


def orderings(updates: Sequence[int], lrs: Sequence[float], further: int | None = None) -> dict[str, Ordering]:
    """L3-Net and the supervised baselines for a schedule of two stages, on single-source scenes but for ``all``.

    ``avc`` is the paper's method, ``supervised`` with its classifiers is *direct combination*, ``supervised-avc`` goes
    on from there with the AVC task (*supervised pre-training*), in which the fusion network alone learns, on frozen
    subnetworks (ours: whether they are frozen our sources do not say; unfrozen is the option ``frozen=False`` of a
    stage). ``avc-matched`` has as many updates at the same learning rates, all of the AVC task, and
    ``supervised-matched`` all of the classification. ``all`` and ``c1-matched`` are those of
    :func:`cavl.curriculum.scene_orderings`, with ``further`` updates in the second stage (default: as many as above).

    Raises
    ------
    ValueError
        If the schedule does not hold two stages.
    """
    if len(updates) != 2 or len(lrs) != 2:
        raise ValueError(f"the schedule needs two stages, not {len(updates)} updates and {len(lrs)} learning rates")

    def stages(*options: Mapping[str, Any]) -> Ordering:
        return tuple(Stage(curricula=(1,), updates=updates[i], lr=lrs[i], options=o) for i, o in enumerate(options))

    avc, classify = {"objective": "avc"}, {"objective": "classify"}
    scenes = scene_orderings((updates[0], updates[1] if further is None else further), lrs, avc)
    return {
        "untrained": (),
        "avc": stages(avc),
        "avc-matched": stages(avc, avc),
        "supervised": stages(classify),
        "supervised-matched": stages(classify, classify),
        "supervised-avc": stages(classify, {**avc, "frozen": True}),
        "all": scenes["all"],
        "c1-matched": scenes["c1-matched"],
    }
