"""Recordings in official folds, for the classification probe (PROTOCOLS §7): no accuracy where one is not whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.datasets.prepared import Prepared
from benchmarks.datasets.prepared_scenes import Choose, Member, Place, PreparedScenes


class IncompleteError(ValueError):
    """An accuracy was asked for over folds that are not whole."""


class Folds(PreparedScenes):
    """The recordings of a set, such as ESC-10, with a fold each.

    Parameters
    ----------
    whole
        Fold -> the number of its recordings.
    folder
        The one in the official layout that was packed unasked; None: it was prepared by command.
    remedy
        What to do where something is missing.
    cluster_of
        Of the id of a recording: what it was cut from, as others may be.

    Attributes
    ----------
    fingerprint
        Of the content of the clips; of a folder that was packed unasked: of name, size and content of its files.
    broken
        The folds of which a recording is missing or damaged.
    """

    def __init__(
        self,
        prepared: Prepared,
        subset: str,
        members: Sequence[Member],
        kind_names: Sequence[str],
        limit: int | None,
        *,
        whole: Mapping[int, int],
        folder: Path | None,
        remedy: str,
        cluster_of: Callable[[str], str],
    ) -> None:
        choose = few_classes(limit)
        super().__init__(prepared, f"{len(whole)} folds", 1, members, choose=choose, kind_names=kind_names)
        self.subset, self.rehearsal, self.folder, self.remedy = subset, limit is not None, folder, remedy
        self.cluster_of = cluster_of
        self.fingerprint = prepared.options.get("files", self.fingerprint)
        found = Counter(member.fold for member in members if member.item.clips)
        self.broken = [fold for fold, recordings in whole.items() if found[fold] != recordings]

    def clusters(self) -> dict[str, str]:
        """Id of a recording -> what it was cut from (PROTOCOLS §10)."""
        ids = [self.prepared.ids[place.clip] for place in self._places]
        return {id: self.cluster_of(id) for id in ids}

    @property
    def scoreable(self) -> bool:
        """Whether all folds are whole; a rehearsal's need not be."""
        return bool(len(self)) if self.rehearsal else not self.broken

    def require_scoreable(self) -> None:
        """Refuse an accuracy over folds that are not whole.

        Raises :class:`IncompleteError`, saying what is there, which folds are not whole and why, for the first
        recordings.
        """
        if self.scoreable:
            return
        examples = [f"{name}: {why}" for name, why in list(self.coverage.reasons.items())[:3]]
        more = len(self.coverage.reasons) - len(examples)
        examples += [f"and {more} more"] * bool(more)
        why = f" ({'; '.join(examples)})" if examples else ""
        raise IncompleteError(
            f"no accuracy over {self.subset} in {self.folder or self.prepared.folder}: only {self.coverage} recordings "
            f"are there, fold{'s' if len(self.broken) > 1 else ''} {', '.join(map(str, self.broken))} not whole{why}; "
            f"{self.remedy}"
        )


def few_classes(n: int | None) -> Choose:
    """``n`` recordings of all folds of a few classes: what a probe can be tried on; None: all."""

    def choose(places: Sequence[Place]) -> Sequence[Place]:
        if n is None:
            return places
        turns: Counter[tuple[int, int | None]] = Counter()
        ranked = []
        for place in places:
            cell = (place.member.kinds[0], place.member.fold)
            ranked.append((turns[cell], *cell, place))
            turns[cell] += 1
        return [place for *_, place in sorted(ranked, key=lambda entry: entry[:3])[:n]]

    return choose
