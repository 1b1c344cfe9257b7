"""How a method is asked where sounds come from: told how many objects sound, or left to find out (PROTOCOLS §6).

The sound of one source is asked for as such; of a mixture, and of the image, the number of sounding objects is told
(``k="labelled"``), or is what the method's own counting network hears (``k="counted"``). Only methods that cluster by
number read it; CAVL's k_v may also be fixed at test (``visual_centres``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.tasks.context import Context
from benchmarks.tasks.counters import load_counter
from cavl.counting import Counter


@dataclass(frozen=True, slots=True)
class Asking:
    """A method, and the counting network that tells it numbers of sources; without one, labels do."""

    method: Any
    counter: Counter | None = None

    @classmethod
    def of(cls, context: Context, method: Any) -> Asking:
        """As the run's configuration has it.

        Raises
        ------
        ValueError
            If k_v is to be fixed of a method that has none.
        """
        evaluation = context.config.evaluation
        if evaluation.visual_centres is not None:
            if not hasattr(method, "visual_centres"):
                raise ValueError(f"{type(method).__name__} has no visual centres to be fixed in number")
            method.visual_centres = evaluation.visual_centres
        return cls(method, load_counter(context, -1) if evaluation.k == "counted" else None)

    def numbers(self, waveform: Tensor, n: int) -> list[int]:
        """The number of sources that the method is told of each of the sounds (B, T), which have ``n``."""
        return [n] * len(waveform) if self.counter is None else self.counter.count(waveform).tolist()

    def heatmaps(self, image: Tensor, waveform: Tensor, n: int) -> list[Tensor]:
        """Of every image (B, 3, H, W) with its sound (B, T) of ``n`` sources the heatmaps (m, H, W), m as told."""
        if self.counter is None:
            return list(self.method.localize(image, waveform, n))
        told = self.numbers(waveform, n)
        pairs = zip(image.split(1), waveform.split(1), told, strict=True)
        return [self.method.localize(one, sound, m)[0] for one, sound, m in pairs]

    def whole(self, image: Tensor, waveform: Tensor) -> Tensor:
        """(B, 1, H, W): one heatmap of all that sounds, of sounds that have one source: the maximum of those given."""
        return torch.stack([maps.amax(0, keepdim=True) for maps in self.heatmaps(image, waveform, 1)])
