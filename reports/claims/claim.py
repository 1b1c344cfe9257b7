"""Claim: a sentence of a paper, what we take it to say, and the paired comparisons that decide it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from reports.claims.scores import SCORES
from reports.fairness import Who

#: What one side is said to be, beside the other.
Relation = Literal["above", "about equal", "slightly above"]
#: Ours, as the papers give no number: differences that count as none, and those that count as slight.
EQUAL, SLIGHT = 0.03, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``first`` is in ``relation`` to ``second``, both (method, ordering), in one of :data:`SCORES`.

    Parameters
    ----------
    beside
        The score of ``second``, where it is another: a control of the same run, a constant.
    within
        Below which difference two are equal, or one slightly above, in the unit of the score; default: ours.
    further
        It counts where the plan has both sides, and is not missed where it has not (another data set).
    knowing
        It counts only where ``second`` knows something of pictures beforehand, as its runs say.
    about
        Inequalities (:mod:`reports.fairness`) that are the very thing that is claimed.
    """

    first: Who
    relation: Relation = "above"
    second: Who
    score: str
    beside: str = ""
    within: float | None = None
    further: bool = False
    knowing: bool = False
    about: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for score in (self.score, self.beside or self.score):
            if score not in SCORES:
                raise ValueError(f"there is no score {score!r}; there are: {', '.join(SCORES)}")

    @property
    def region(self) -> tuple[float, float]:
        """Between which bounds the difference, first less second, is said to lie."""
        match self.relation:
            case "above":
                return 0.0, math.inf
            case "about equal":
                within = self.within or EQUAL
                return -within, within
            case "slightly above":
                return 0.0, self.within or SLIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """``quote``: the sentence, in the words of ``source``; ``reading``: what we take it to say.

    ``needs``: methods without which it is "not testable here".
    """

    id: str
    source: str
    quote: str
    reading: str
    comparisons: tuple[Comparison, ...]
    needs: tuple[str, ...] = ()


def each(
    firsts: Sequence[Who],
    relation: Relation,
    seconds: Sequence[Who],
    *scores: str,
    further: Sequence[str] = (),
    beside: str = "",
    within: float | None = None,
    knowing: bool = False,
    about: tuple[str, ...] = (),
) -> tuple[Comparison, ...]:
    """Every first with every second, in every score."""
    return tuple(
        Comparison(
            first=first,
            relation=relation,
            second=second,
            score=score,
            beside=beside,
            within=within,
            further=score in further,
            knowing=knowing,
            about=about,
        )
        for score in (*scores, *further)
        for first in firsts
        for second in seconds
    )
