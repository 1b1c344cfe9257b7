"""Scene: what every dataset yields; and coverage, the account of what a dataset holds."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One audiovisual scene; everything but ``id``, ``waveform`` and ``n_sources`` is there only where known.

    ``n`` below is ``n_sources``; sources keep one order in ``kinds``, ``boxes``, ``stems`` and ``objects``.
    """

    id: str
    waveform: npt.NDArray[np.int16]  # (T,) mono PCM
    n_sources: int
    image: npt.NDArray[np.uint8] | None = None  # (H, W, 3) RGB
    kinds: tuple[int, ...] = ()  # the kind (class index) of each source
    boxes: npt.NDArray[np.int32] | None = None  # (n, 4) x0, y0, x1, y1 in pixels: 0-based, half-open
    # (H, W): 0 background, i + 1 the visible pixels of sounding object i, 128 + j those of silent object j.
    objects: npt.NDArray[np.uint8] | None = None
    consensus: npt.NDArray[np.float64] | None = None  # (H, W) in [0, 1]: how far people agree that it sounds there
    annotators: npt.NDArray[np.int32] | None = None  # (m, 4) as ``boxes``: all that people have drawn around the source
    stems: npt.NDArray[np.int16] | None = None  # (n, T); they add up to the waveform within rounding
    fold: int | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of a dataset is really there: quoted beside every score that stands on it."""

    found: int
    missing: int = 0
    damaged: int = 0
    left_out: int = 0  # there, but not asked for: in a rehearsal
    reasons: dict[str, str] = field(default_factory=dict)  # item id -> why it is missing or damaged

    @classmethod
    def of(cls, found: int, reasons: dict[str, str], left_out: int = 0) -> Coverage:
        """By the reasons, "missing: ..." or "damaged: ..." each."""
        missing = sum(reason.startswith("missing") for reason in reasons.values())
        return cls(found=found, missing=missing, damaged=len(reasons) - missing, left_out=left_out, reasons=reasons)

    @property
    def expected(self) -> int:
        return self.found + self.missing + self.damaged + self.left_out

    @property
    def complete(self) -> bool:
        return self.found == self.expected

    def __str__(self) -> str:
        if self.complete:
            return f"{self.found} of {self.expected}"
        left_out = f", left out {self.left_out}" if self.left_out else ""
        return f"{self.found} of {self.expected} (missing {self.missing}, damaged {self.damaged}{left_out})"


def together(datasets: Sequence[Dataset]) -> Coverage:
    """The coverage of all datasets as if they were one; sets that are made of the same files share one account.

    What is lost to several of them, an entry of a list of which not even its set can be told, is lost once.
    """
    parts = {id(dataset.coverage): dataset.coverage for dataset in datasets}.values()
    lost: dict[str, str] = {}
    missing = damaged = 0
    for part in parts:
        again = Coverage.of(0, {item: reason for item, reason in part.reasons.items() if item in lost})
        missing, damaged = missing + part.missing - again.missing, damaged + part.damaged - again.damaged
        lost |= part.reasons
    found, left_out = sum(p.found for p in parts), sum(p.left_out for p in parts)
    return Coverage(found=found, missing=missing, damaged=damaged, left_out=left_out, reasons=lost)


def checked(index: int, size: int, what: str = "scene") -> int:
    """A position among ``size`` as a Python number; raises ``IndexError`` for any other, a negative one too."""
    index = operator.index(index)
    if not 0 <= index < size:
        raise IndexError(f"{what} {index} of a dataset of {size}")
    return index


class DamagedError(ValueError):
    """A file does not hold what it should."""


def reason_of(error: Exception) -> str:
    """What a library's error says, in one line and always the same: without the addresses of objects in memory."""
    text = re.sub(r"<[\w.]+ object at 0x[0-9a-fA-F]+>", "the file", str(error))
    return " ".join(re.sub(r" ?(?:\bat|@) 0x[0-9a-fA-F]{6,}", "", text).split())


class Dataset(Protocol):
    """A random-access (map-style) dataset."""

    fingerprint: str  # content hash: equal fingerprints mean equal items
    coverage: Coverage
    split: str
    sample_rate: int
    kind_names: tuple[str, ...]  # by number; () where they have none

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Scene: ...
