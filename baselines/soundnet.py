"""SoundNet (Aytar, Vondrick & Torralba 2016, "SoundNet: Learning Sound Representations from Unlabeled Video").

A network that has learned to see teaches one to hear: of each video the picture network (the *teacher*) tells how
probable each class is, and the sound network is to say the same of the waveform (the KL divergence of both, §3.2).
Labels of sounds are not needed; for other tasks an SVM is trained on the sound network's features (§3.3).

    waveform in [-256, 256] at 22,050 Hz -> eight convolutions over time (Table 1), BatchNorm and ReLU after each but
        the last, max-pooling after the first, second and fifth -> class scores, one vector each 5 s or so

Layers are named as in the paper and its public code (cvondrick/soundnet): its evaluation on ESC-50 and DCASE reads
pool5, what it extracts otherwise is conv7. The teacher is one of

- ``teacher=""``: L3-Net's supervised picture arm (:mod:`baselines.l3`), which a first stage, ``objective="picture"``,
  trains on the kinds of the same scenes: it knows their labels, and nothing else;
- a classifier of torchvision's with its weights, by their name (``"ResNet18_Weights.IMAGENET1K_V1"``), or by a file
  that is called as torchvision's are (``resnet18-f37072fd.pth``: the network, and how its SHA-256 begins).

*Ours*: one teacher (the paper has two, for objects and for scenes; torchvision has none for scenes), one picture for
all of a window (the paper's 20 s have four), initial weights by He et al. in place of N(0, 0.01), the divergence
without the public code's factor of 250, which Adam does not feel.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.attention import AMPLITUDE, SOUNDNET, Layer, lengths, sound_network
from baselines.l3 import accuracy, two_layers
from cavl.config import file
from cavl.curriculum import Ordering, Stage
from cavl.images import normalised
from cavl.named_file import read_named
from cavl.spectrogram import as_float
from cavl.trunks import Plan, conv_trunk, out_channels

Objective = Literal["picture", "sound"]
#: A layer's name -> how many of the seven convolutions with BatchNorm, ReLU and pooling come up to it.
FEATURES = {"pool5": 5, "conv7": 7}
CONVOLUTIONS = 8
L3_PLAN: Plan = (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512)
#: How torchvision calls the files of its weights: "resnet18-f37072fd.pth".
OF_A_FILE = re.compile(r"(?P<model>\w+)-[0-9a-f]{8,64}\.\w+$")


class Scenes(Protocol):
    """A batch, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    kinds: tuple[tuple[int, ...], ...]  # of each scene's sources


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundNetConfig:
    """The published sizes; the picture arm's are L3-Net's."""

    sample_rate: int = 22_050  # Hz
    window: int = 441_000  # samples of sound heard at a time, 20 s
    sound_layers: tuple[Layer, ...] = SOUNDNET  # of the last, conv8, the channels are the classes
    features: Literal["pool5", "conv7"] = "pool5"  # what the probe classifies
    classes: int = 1_000  # of the teacher
    teacher: str = file("")
    image_size: int = 224
    visual_trunk: Plan = L3_PLAN  # of the picture arm
    hidden: int = 128

    def __post_init__(self) -> None:
        for name in ("sample_rate", "window", "image_size", "classes", "hidden"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if len(self.sound_layers) != CONVOLUTIONS or any(min(layer) < 1 for layer in self.sound_layers):
            raise ValueError(
                f"sound_layers must be {CONVOLUTIONS} of (channels, kernel, stride, pool), not {self.sound_layers}"
            )
        if min(lengths(self.window, self.sound_layers)) < 1:
            raise ValueError(
                f"of {self.window} samples nothing is left after the sound_layers (they have "
                f"{lengths(self.window, self.sound_layers)} points): choose a longer window or smaller layers"
            )

    @property
    def layers(self) -> tuple[Layer, ...]:
        _, kernel, stride, pool = self.sound_layers[-1]
        return (*self.sound_layers[:-1], (self.classes, kernel, stride, pool))


# --- teachers ------------------------------------------------------------------------------------------------------


class Picture(nn.Module):
    """L3-Net's supervised picture arm: its vision subnetwork, the maximum over all places, and its classifier."""

    def __init__(self, config: SoundNetConfig) -> None:
        super().__init__()
        self.size = config.image_size
        self.trunk = conv_trunk(config.visual_trunk, 3)
        self.classifier = two_layers(out_channels(config.visual_trunk), config.hidden, config.classes)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> class scores (B, classes)."""
        vectors = self.trunk(normalised(image, self.size)).amax((2, 3)).float()
        with torch.autocast(image.device.type, enabled=False):
            return self.classifier(vectors)  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def published(teacher: str) -> nn.Module:
    """The classifier that ``teacher`` names, by torchvision's weights or a file of such, as in evaluation.

    Raises
    ------
    ValueError
        If there are no such weights, they cannot be fetched or read, or the file is not what its name says.
    """
    named = OF_A_FILE.match(PurePath(teacher).name)
    return (_of_file(teacher, named["model"]) if named else _of_torchvision(teacher)).eval()


def _of_torchvision(teacher: str) -> nn.Module:
    from torchvision import models  # here: as slow to import as torch

    try:
        weights = models.get_weight(teacher)
        network: nn.Module = models.get_model(type(weights).__name__.removesuffix("_Weights").lower(), weights=weights)
    except OSError as error:
        raise ValueError(
            f"teacher={teacher!r} cannot be fetched ({error}); fetch {weights.url} elsewhere and give the file"
        ) from error
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(
            f"teacher={teacher!r} are no weights of a classifier of torchvision's (VGG16_Weights.IMAGENET1K_V1, ...), "
            "nor a file's name as theirs are (resnet18-f37072fd.pth)"
        ) from error
    return network


def _of_file(teacher: str, model: str) -> nn.Module:
    from torchvision import models

    content = io.BytesIO(read_named(teacher))
    try:
        network: nn.Module = models.get_model(model, weights=None)
        network.load_state_dict(torch.load(content, map_location="cpu", weights_only=True))
    except Exception as error:  # unpickling raises whatever it likes
        raise ValueError(f"{teacher} does not hold the weights of a {model} of torchvision's: {error}") from error
    return network


# --- the network ---------------------------------------------------------------------------------------------------


class SoundNet(nn.Module):
    """Abilities: ``training_step``, ``audio_embedding``. Adam at 1e-3, batches of 64 (the paper's)."""

    Config: ClassVar = SoundNetConfig
    recipe: ClassVar = {"optimizer": "adam"}

    def __init__(self, config: SoundNetConfig) -> None:
        super().__init__()
        self.config = config
        self.sample_rate = config.sample_rate
        self.window = config.window
        self.image_size = config.image_size
        self.sound = sound_network(config.layers)
        self.picture = None if config.teacher else Picture(config)

    def maps(self, waveform: Tensor, convolutions: int = CONVOLUTIONS) -> Tensor:
        """(B, T) int16 or float -> maps (B, C, T') behind so many convolutions.

        Raises
        ------
        ValueError
            If it is shorter than ``window``, is not (B, T) or holds NaN or infinite samples.
        """
        if waveform.shape[-1] < self.window:
            raise ValueError(f"SoundNet hears {self.window} samples at a time, not {waveform.shape[-1]}")
        first, *further = self.sound
        with torch.autocast(waveform.device.type, enabled=False):  # bfloat16 has 8 bits, a sound 16
            maps: Tensor = first(AMPLITUDE * as_float(waveform).unsqueeze(1))
        done = 1
        for layer in further:
            done += isinstance(layer, nn.Conv1d)
            if done > convolutions:
                break
            maps = layer(maps)
        return maps.float()

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(
        self, scenes: Scenes, draw: torch.Generator, objective: Objective = "sound"
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of one batch.

        ``picture``: the picture arm learns the scenes' kinds, by cross-entropy. ``sound``: the sound network learns
        what the teacher, which stays as it is, says of the pictures.

        Raises
        ------
        ValueError
            For an unknown objective; for ``picture`` with a teacher that has learned, or scenes that have not exactly
            one source of a known kind.
        """
        if objective == "picture":
            return self._learn_kinds(scenes)
        if objective != "sound":
            raise ValueError(f"objective must be 'picture' or 'sound', not {objective!r}")
        posteriors = self.posteriors(scenes.image)
        loss = divergence(posteriors, self.maps(scenes.waveform))
        return loss, {"loss": float(loss.detach())}

    def _learn_kinds(self, scenes: Scenes) -> tuple[Tensor, dict[str, float]]:
        if self.picture is None:
            raise ValueError(f"teacher={self.config.teacher!r} has learned; objective='picture' is for teacher=''")
        target = only_kinds(scenes.kinds, self.config.classes).to(scenes.image.device)
        scores = self.picture(scenes.image)
        loss = F.cross_entropy(scores, target)
        return loss, {"loss": float(loss.detach()), "vision_accuracy": accuracy(scores, target)}

    @torch.no_grad()
    def posteriors(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> the teacher's probabilities (B, classes); it answers as in evaluation.

        Raises
        ------
        ValueError
            If it tells another number of classes apart.
        """
        teacher = self.picture
        if teacher is None:
            pixels = normalised(image, self.image_size)
            scores = published(self.config.teacher).to(image.device)(pixels).float()
        else:
            training = teacher.training
            scores = teacher.eval()(image)
            teacher.train(training)
        if scores.shape[1] != self.config.classes:
            raise ValueError(f"the teacher tells {scores.shape[1]} classes apart, not classes={self.config.classes}")
        return scores.softmax(1)

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def audio_embedding(self, waveform: Tensor) -> Tensor:
        """(B, T) -> (B, C): the layer ``features``, averaged over time.

        The paper classifies windows of 1 s (ESC) or 5 s (DCASE) of this layer, and averages the SVM's scores; the
        suite's probe averages features (PROTOCOLS §7).
        """
        return self.maps(waveform, FEATURES[self.config.features]).mean(-1)


def divergence(posteriors: Tensor, scores: Tensor) -> Tensor:
    """KL divergence (Eq. 1) of probabilities (B, C) from scores (B, C, T') of the same classes, the mean over B, T'."""
    logarithms = scores.float().log_softmax(1)
    every = F.kl_div(logarithms, posteriors.float().unsqueeze(-1).expand_as(logarithms), reduction="none")
    return every.sum(1).mean()


def only_kinds(kinds: Sequence[Sequence[int]], classes: int) -> Tensor:
    """(B,): the kind of each scene's one source; raises ``ValueError`` where there is not one, or too great a one."""
    if not kinds or any(len(its) != 1 for its in kinds):
        raise ValueError("objective='picture' needs scenes of exactly one source, of a known kind: curriculum 1")
    found = torch.tensor([kind for (kind,) in kinds])
    if int(found.max()) >= classes:
        raise ValueError(f"a scene is of kind {int(found.max())}: choose the number of kinds as the model's classes")
    return found


def orderings(updates: Sequence[int], lrs: Sequence[float]) -> dict[str, Ordering]:
    """``taught``, for a schedule of two stages: the picture arm learns kinds, then teaches; of one: it has learned."""
    objectives = ("picture", "sound")[-len(updates) :]
    stages = tuple(
        Stage(curricula=(1,), updates=n, lr=lr, options={"objective": objective})
        for n, lr, objective in zip(updates, lrs, objectives, strict=True)
    )
    return {"untrained": (), "taught": stages}
