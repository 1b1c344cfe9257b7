"""ESC-50 and ESC-10 as prepared: recordings in their official folds (PROTOCOLS §7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.datasets.esc50 import CLASSES, CLIPS_PER_CLASS_AND_FOLD, FOLDS, IncompleteError
from benchmarks.datasets.paper.scenes import Choose, Collection, Member, Place, PreparedScenes, items_of
from benchmarks.datasets.prepared import Prepared

SUBSETS = ("esc50", "esc10")


class Esc50(Collection):
    """Recordings; the sets are "probe esc50", which is also "probe", and "probe esc10"."""

    def __init__(self, prepared: Prepared) -> None:
        super().__init__(prepared)
        self.members: dict[str, list[Member]] = {subset: [] for subset in SUBSETS}
        names: dict[int, str] = {}
        for item in items_of(prepared):
            if "label" not in item.attributes:
                continue
            names[item.attributes["label"]] = item.attributes["category"]
            member = Member(item=item, kinds=(item.attributes["label"],), fold=item.attributes["fold"])
            for subset in SUBSETS:
                if subset == "esc50" or item.attributes["esc10"]:
                    self.members[subset].append(member)
        self.kind_names = tuple(names.get(label, "") for label in range(max(names, default=-1) + 1))

    def subset(self, name: str, limit: int | None) -> Folds:
        """The recordings of ``esc50`` or ``esc10``; of a rehearsal only ``limit``, all folds of a few classes."""
        return Folds(self.prepared, name, self.members[name], self.kind_names, limit)


class Folds(PreparedScenes):
    """The recordings of a subset."""

    def __init__(
        self,
        prepared: Prepared,
        subset: str,
        members: Sequence[Member],
        kind_names: Sequence[str],
        limit: int | None,
    ) -> None:
        choose = few_classes(limit)
        super().__init__(prepared, "5 folds", 1, members, choose=choose, kind_names=kind_names)
        self.subset, self.rehearsal = subset, limit is not None
        found = Counter(member.fold for member in members if member.item.clips)
        self.broken = [fold for fold in FOLDS if found[fold] != CLASSES[subset] * CLIPS_PER_CLASS_AND_FOLD]

    @property
    def scoreable(self) -> bool:
        """Whether all five folds are whole; a rehearsal's need not be."""
        return bool(len(self)) if self.rehearsal else not self.broken

    def require_scoreable(self) -> None:
        """Refuse an accuracy over folds that are not whole.

        Raises
        ------
        IncompleteError
            Saying what is there, which folds are not whole and why, for the first recordings.
        """
        if self.scoreable:
            return
        examples = "; ".join(f"{name}: {why}" for name, why in list(self.coverage.reasons.items())[:3])
        folds = f"fold{'s' if len(self.broken) > 1 else ''} {', '.join(map(str, self.broken))} not whole"
        raise IncompleteError(
            f"no accuracy over {self.subset} in {self.prepared.folder}: only {self.coverage} recordings are there, "
            f"{folds}{f' ({examples})' if examples else ''}; run `cavl-bench prepare esc50 --root "
            f"{self.prepared.folder.parent}` again"
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
