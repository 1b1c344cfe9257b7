"""Co-Separation (Gao & Grauman 2019, "Co-Separating Sounds of Visual Objects"): objects' sounds add up to a video's.

Objects are found in the picture; each is cut out, and the networks of :mod:`baselines.av_mix_sep` make its mask. Two
solos are mixed (§3.2), and two losses are weighed against each other (§3.3):

- *co-separation*: the masks of all objects of one picture, and that of the whole scene as one object more, add up to
  the ratio mask of its sound (L1, within [0, 5], weighted with the mixture);
- *object consistency*, times 0.05: a second ResNet-18 tells from each separated spectrogram which kind of object it was
  asked for by; the scene is one kind more.

Sizes and recipe: github.com/rhgao/co-separation, as in :mod:`baselines.av_mix_sep`; 15 kinds.

Where the objects come from: ``objects="scene"``, the data say it (the true boxes and kinds in generated worlds, silent
objects included); a file of detections (:mod:`benchmarks.datasets.detections`); or a torchvision detector by its name,
``"fasterrcnn_resnet50_fpn_v2"``, with COCO's kinds. Whoever hands over pictures alone has cut the objects out himself.

Ours: the scene is the picture itself (in the public code any picture of the ADE data set); all objects of a picture
count, and what is given back for a picture is the sum over them, the scene left out (there, several detections of the
one object of a solo video are averaged); nothing is augmented; the ResNets begin at random unless ``weights`` says
otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines import detector, mix_and_separate
from baselines.av_mix_sep import DEVIATION, AVMixSep, AVMixSepConfig
from baselines.mix_and_separate import TINY
from baselines.resnet import Trunk, load_known, trunk
from cavl.config import file
from cavl.images import unit_range
from cavl.separation import as_audible, masked

CONSISTENCY = 0.05  # weight of the object-consistency loss
UNKNOWN = -1  # kind of an object whose kind nobody knows: it is not asked for


class Scenes(Protocol):
    """A batch of single-source scenes, on the model's device."""

    image: Tensor  # (B, 3, H, W) uint8
    waveform: Tensor  # (B, T) int16
    objects: Tensor | None  # (B, M, 5) x0, y0, x1, y1 in pixels and kind; boxes without pixels are none


@dataclass(frozen=True, slots=True, kw_only=True)
class CoSeparationConfig(AVMixSepConfig):
    """The sizes of the public code."""

    classifier_trunk: Trunk = "resnet18"  # of separated spectrograms
    classes: int = 15  # kinds of objects; the scene is one more
    objects: str = file("scene")  # "scene", a file, or a torchvision detector

    def __post_init__(self) -> None:
        AVMixSepConfig.__post_init__(self)
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, not {self.classes}")


@dataclass(frozen=True, slots=True)
class Objects:
    """N objects in some pictures."""

    boxes: Tensor  # (N, 4) float
    kinds: Tensor  # (N,)
    of: Tensor  # (N,): the picture of each


class CoSeparation(AVMixSep):
    """Abilities: ``training_step``, ``separate``."""

    Config: ClassVar[type] = CoSeparationConfig
    config: CoSeparationConfig

    def __init__(self, config: CoSeparationConfig) -> None:
        super().__init__(config)
        self.classifier_trunk, channels = trunk(config.classifier_trunk, channels=1)
        self.classifier = nn.Linear(channels, config.classes + 1)
        mix_and_separate.draw_weights(self.classifier, DEVIATION)

    @property
    def sees_objects(self) -> str | None:
        """Where the objects in a picture are to be had with it; None: this method finds them itself."""
        return None if detector.known(self.config.objects) else self.config.objects

    @property
    def knows(self) -> str:
        """What it knows beforehand, beyond sound and pictures."""
        objects = {"scene": "true boxes and kinds of all objects"}.get(self.config.objects, "detected objects")
        return "; ".join(filter(None, (objects, super().knows)))

    def load_known(self) -> None:
        """Before any training: what the ResNets know beforehand; of pictures, that of sounds too, as published."""
        super().load_known()
        if self.config.weights and self.config.classifier_trunk == "resnet18":
            load_known(self.classifier_trunk, self.config.weights)

    # -- objects -----------------------------------------------------------------------------------------------------

    def found(self, image: Tensor, objects: Tensor | None) -> Objects:
        """What is in the pictures (B, 3, H, W): ``objects`` (B, M, 5), or what the detector finds.

        A picture in which nothing is, or of which nothing is said, is an object of unknown kind.
        """
        if objects is None and self.sees_objects is None:
            objects = detector.detect(self.config.objects, image)
        if objects is None:
            objects = image.new_zeros((len(image), 1, 5), dtype=torch.int64)
        there = (objects[..., 2] > objects[..., 0]) & (objects[..., 3] > objects[..., 1])
        empty = ~there.any(1)
        objects, there = objects.clone(), there.clone()
        objects[empty, 0] = torch.tensor([0, 0, image.shape[-1], image.shape[-2], UNKNOWN], device=objects.device)
        there[empty, 0] = True
        return Objects(objects[there][:, :4].float(), objects[there][:, 4], there.nonzero()[:, 0])

    def vectors(self, image: Tensor, objects: Objects) -> Tensor:
        """(B, 3, H, W) and N objects in them -> (N, D), each cut out and enlarged."""
        from torchvision.ops import roi_align  # here: as slow to import as torch

        boxes = torch.cat([objects.of[:, None].float(), objects.boxes], 1)
        with torch.autocast(image.device.type, enabled=False):
            cut = roi_align(unit_range(image), boxes, self.image_size, aligned=True).clamp(0, 1)
        return self.vision(cut)  # type: ignore[no-any-return]

    # -- training ----------------------------------------------------------------------------------------------------

    def training_step(self, scenes: Scenes, draw: torch.Generator) -> tuple[Tensor, dict[str, float]]:  # type: ignore[override]
        """Loss of one batch of solos: every second one is mixed with another, and all in both pictures is asked for.

        Raises
        ------
        ValueError
            If nobody says what is in the pictures, or kinds do not fit ``classes``.
        """
        if scenes.objects is None and self.sees_objects is not None:
            raise ValueError(f"objects={self.sees_objects!r}, but the batch does not say what is in its pictures")
        mixes = mix_and_separate.mix(self.spectrogram, scenes.waveform, draw)
        seen = self._with_scenes(scenes.image, self.found(scenes.image, scenes.objects))
        vectors = self.vectors(scenes.image, seen)
        # A solo may stand in several mixtures: slot 2 m + i is the i-th part of mixture m.
        slot, thing = (seen.of[None] == mixes.pairs.flatten()[:, None]).nonzero(as_tuple=True)
        masks = self.unet(mixes.mixture.log(), vectors[thing], slot // 2)  # (N, F, T)
        with torch.autocast(masks.device.type, enabled=False):
            together = masks.new_zeros(2 * len(mixes.pairs), *masks.shape[1:]).index_add(0, slot, masks)
            error = (together.view_as(mixes.ratios) - mixes.ratios).abs()
            separation = (mixes.weights * error).mean()
            separated = (mixes.mixture[slot // 2] * masks.unsqueeze(1) + TINY).log()
        consistency, accuracy = self._consistency(separated, seen.kinds[thing])
        loss = separation + CONSISTENCY * consistency
        logs = {"loss": loss, "co_separation": separation, "consistency": consistency, "accuracy": accuracy}
        return loss, {name: float(value.detach()) for name, value in logs.items()}

    def _with_scenes(self, image: Tensor, objects: Objects) -> Objects:
        """The objects, and each whole picture as one more, of a kind of its own."""
        known = objects.kinds
        if len(known) and not UNKNOWN <= int(known.min()) <= int(known.max()) < self.config.classes:
            raise ValueError(
                f"kinds {int(known.min())} to {int(known.max())} do not fit classes={self.config.classes}: give the "
                "model as many classes as there are kinds of objects"
            )
        every = torch.arange(len(image), device=known.device)
        whole = torch.tensor([0.0, 0.0, image.shape[-1], image.shape[-2]], device=known.device).expand(len(image), -1)
        return Objects(
            torch.cat([objects.boxes, whole]),
            torch.cat([known, torch.full_like(every, self.config.classes)]),
            torch.cat([objects.of, every]),
        )

    def _consistency(self, separated: Tensor, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Separated log spectrograms (N, 1, F, T) and the kinds (N,) they were asked for by -> loss, accuracy."""
        logits = self.classifier(self.classifier_trunk(separated).amax((2, 3))).float()
        known = kinds != UNKNOWN  # some always are: the scenes
        loss = F.cross_entropy(logits[known], kinds[known])
        return loss, (logits[known].argmax(1) == kinds[known]).float().mean()

    # -- abilities ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def separate(self, mixture: Tensor, images: Tensor, objects: Tensor | None = None) -> Tensor:
        """(B, T) and a picture of each source (B, n, 3, H, W) -> sounds (B, n, T): each of all objects in its picture.

        ``objects`` (B, n, M, 5) in them; without any, and without a detector, a picture shows the object itself.
        """
        heard = mix_and_separate.log_mixture(self.spectrogram, as_audible(mixture), self.window)
        pictures = images.flatten(0, 1)
        seen = self.found(pictures, None if objects is None else objects.flatten(0, 1))
        masks = self.unet(heard, self.vectors(pictures, seen), seen.of // images.shape[1])
        together = masks.new_zeros(len(pictures), *masks.shape[1:]).index_add(0, seen.of, masks)
        return masked(self.spectrogram, mixture, together.view(*images.shape[:2], *masks.shape[1:]))
