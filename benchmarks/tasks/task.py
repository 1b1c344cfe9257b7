"""Task: what is measured of a method, described in one place.

A task is a file with a class derived from :class:`Task`; its name stands in :mod:`benchmarks.catalogue`, or in the
entry-point group ``cavl.tasks`` of a third party's package. ``docs/add_a_task.md`` shows a whole one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from benchmarks.datasets.data_module import DataModule
    from benchmarks.tasks.context import Context


#: Of a rehearsal (``--limit``): updates of a training, and the batch with which MUSIC's solos are hardly ever of one
#: instrument (1 in 1,300).
REHEARSED_UPDATES, REHEARSED_BATCH = 2, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class CardScore:
    """One score of a result, as a model card quotes it."""

    text: str
    place: str  # where in the result: "accuracy.mode"


class Given(Protocol):
    """Data that a command line names beside a preset's own."""

    preset: str
    esc50: str | None  # folder of ESC-50
    dcase: str | None  # folder of DCASE's acoustic scenes
    #: {"data": "ucf101" or "hmdb51", "videos": folder, "annotations": folder} each.
    videos: tuple[Mapping[str, Any], ...]


class Task(ABC):
    """See the module. ``Config`` and ``measure`` are what a task must have; all else has a default."""

    #: A frozen dataclass of the task's choices, all with defaults, plain values only: ``evaluation`` of a run.
    Config: ClassVar[type]
    #: What a method must have to be measured: one of these attributes. Empty: every method can.
    abilities: ClassVar[tuple[str, ...]] = ()
    #: Method and ordering that are measured unless others are named.
    default: ClassVar[tuple[str, str]] = ("cavl", "c1")
    #: Entries of ``Config`` that say where files are, not what they hold (the fingerprint says that): not in the key.
    paths: ClassVar[tuple[str, ...]] = ()
    #: The network that the task trains on top of a method, with its ``recipe``; None where nothing is trained.
    network: ClassVar[type | None] = None
    #: Whether that network holds the method's own weights unchanged, so that their scores are its, too.
    frozen: ClassVar[bool] = False
    #: For third-party tasks: preset name -> changes of ``Config`` with which it joins that preset; "*": any preset.
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    #: What a model card quotes of its result; controls stand beside what they control.
    scores: ClassVar[tuple[CardScore, ...]] = ()
    #: What the weights that it leaves are, in a sentence of their model card.
    weights: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def measure(cls, context: Context) -> dict[str, Any]:
        """The result of one run, plain values, ``score`` among them. Items: :class:`~benchmarks.items.ItemTable`."""

    @classmethod
    def sets(cls, evaluation: Any, data: DataModule, method: Any) -> tuple[str, ...]:
        """The sets of the data module that are read: "train 1", "test 3", "probe". ``method`` is the method's class."""
        return ("test 1",)

    @classmethod
    def fingerprint(cls, evaluation: Any, data: DataModule, sets: tuple[str, ...]) -> str:
        """Of all data that are read."""
        return data.fingerprint(*sets)

    @classmethod
    def variant(cls, evaluation: Any, usual: Any, method: Any) -> str | None:
        """Which of a task's runs on the same weights this is; None where there is but one. ``usual``: the preset's."""
        return None

    @classmethod
    def counts(cls, evaluation: Any) -> bool:
        """Whether the method's own counting network is asked, too: it is then the last parent of the run."""
        return False

    @classmethod
    def updates(cls, evaluation: Any, method: Any) -> int:
        """How many updates of training a run does itself."""
        return int(getattr(evaluation, "updates", 0))

    @classmethod
    def expand(cls, evaluation: Any, data: DataModule, given: Given) -> Iterable[Any]:
        """The evaluations that one row of a plan stands for."""
        return (evaluation,)

    @classmethod
    def rehearsed(cls, evaluation: Any, n: int) -> Any:
        """The same for a rehearsal on ``n`` scenes of each set."""
        if cls.network is None:
            return evaluation
        return replace(evaluation, updates=min(evaluation.updates, REHEARSED_UPDATES))

    @classmethod
    def schedule(cls, evaluation: Mapping[str, Any]) -> tuple[str, int, str]:
        """(what ``network`` learned, updates, learning rate) for a model card, from the configuration in a record."""
        what = cls.network.__name__ if cls.network else cls.__name__
        return what, evaluation["updates"], f"{evaluation['lr']:g}" if "lr" in evaluation else "its own"
