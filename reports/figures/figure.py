"""Figure of a report: what it shows, on which runs it stands, how it is drawn, and the sounds that belong to it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from registry.record.run_record import Record
from reports.results import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One that can be played beside a figure: mono PCM of 16 bits."""

    name: str
    samples: npt.NDArray[np.int16]
    sample_rate: int

    def wav(self) -> bytes:
        """The sound as a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(self.sample_rate)
            writer.writeframes(np.asarray(self.samples, dtype="<i2").tobytes())
        return file.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``runs`` are all it is drawn from; ``draw`` returns the matplotlib figure."""

    name: str
    title: str
    caption: str
    runs: tuple[Record, ...]
    draw: Callable[[], Canvas]
    sounds: tuple[Sound, ...] = ()

    @property
    def stale(self) -> bool:
        return any(run.stale for run in self.runs)


def runs_of(study: Study, task: str) -> tuple[Record, ...]:
    """The finished runs of a task."""
    return tuple(n.run for n in study.select(task) if n.run)


def seeds_of(groups: Iterable[Sequence[Record]]) -> str:
    """ "seeds 1, 2, 3"."""
    numbers = sorted({r.config["seed"] for runs in groups for r in runs})
    return f"seed{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
