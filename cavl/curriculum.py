"""Curricula and orderings as data (§3.2.1, §4.2): which scenes, in what order, for how long, at what learning rate.

The curriculum C_N holds the scenes of N sources (see :mod:`cavl.grading`). A :class:`Stage` trains on one curriculum or
on several mixed; an *ordering* is a sequence of stages, each starting from the weights of the one before.

Orderings are comparable only beside a **compute-matched** control: as many updates under the same learning rates.
So all orderings here share one schedule (stage i has ``updates[i]`` and ``lrs[i]`` whatever it trains on), and
``c3-matched`` is "three stages, all on C3". Its first stage alone is ``c3``: orderings that begin alike share runs.
The other methods' schedule has the curriculum's first two stages: :func:`scene_orderings`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any, Literal

from cavl.config import later


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    curricula: tuple[int, ...]  # the C_N trained on; several are mixed
    updates: int
    lr: float
    decay: float = 0.0  # the learning rate of epoch e is lr / (1 + decay * e) (§6.3)
    #: Of the learning rate: as ``decay`` says, or up to ``lr`` at first and down to 0 at the stage's end.
    schedule: Literal["decay", "cosine"] = later("decay")
    #: Updates after which the learning rate falls to a tenth of what it was.
    drops: tuple[int, ...] = later(())
    #: How many sources a scene has, hence its curriculum and k_a: by its labels, or as the counting network hears it.
    k: Literal["labelled", "counted"] = "labelled"
    #: What is trained on: scenes of the curricula, or (from labels) clips of motions that no test has.
    scenes: Literal["curricula", "motions"] = later("curricula")
    options: Mapping[str, Any] = field(default_factory=dict)  # passed on to the method's training_step
    checkpoints: tuple[int, ...] = ()  # updates after which the weights are kept besides the last

    def __post_init__(self) -> None:
        if not self.curricula or any(not 1 <= n <= 5 for n in self.curricula):
            raise ValueError(f"a stage trains on curricula 1 to 5, not {self.curricula}")
        if self.updates < 1:
            raise ValueError(f"a stage needs at least one update, not {self.updates}")
        if self.lr <= 0:
            raise ValueError(f"a stage's learning rate must exceed 0, not {self.lr}")
        if self.schedule == "cosine" and self.decay:
            raise ValueError(f"a stage's rate falls by a cosine or by a decay, not by both (decay={self.decay})")
        if self.drops and (self.decay or self.schedule == "cosine"):
            raise ValueError(f"a stage's rate falls in one way: by drops, a decay or a cosine (drops={self.drops})")
        if any(not 0 < c < self.updates for c in self.checkpoints):
            raise ValueError(f"checkpoints {self.checkpoints} must lie inside the stage's {self.updates} updates")


Ordering = tuple[Stage, ...]


def random_order(seed: int) -> tuple[int, ...]:
    """C1, C2, C3 in an order drawn from ``seed``, neither easy-to-hard nor hard-to-easy."""
    orders = [o for o in permutations((1, 2, 3)) if o not in ((1, 2, 3), (3, 2, 1))]
    return random.Random(f"ordering {seed}").choice(orders)


def named_orderings(
    updates: Sequence[int], lrs: Sequence[float], seed: int = 0, checkpoints: Sequence[int] = ()
) -> dict[str, Ordering]:
    """Every named ordering for a schedule of four stages.

    ``untrained`` has no stage: the initial weights. ``c0`` is scene-level alignment on C1 (Table 2), ``c1-c2scene``
    continues C1 with scene-level alignment on C2 (Table 1, row 3), ``original`` is the set before it is graded (Fig
    4a). In ``...-counted`` the counting network of §3.2.2 grades the scenes, once it has learned from labels how
    sources sound. ``c3-late`` is the last stage of c1-c2-c3 alone, from random weights (Fig 4b). ``seed`` decides
    ``random`` only.
    ``checkpoints`` are kept in every first stage.

    Raises
    ------
    ValueError
        If the schedule does not hold four stages.
    """
    if len(updates) != 4 or len(lrs) != 4:
        raise ValueError(f"the schedule needs four stages, not {len(updates)} updates and {len(lrs)} learning rates")

    def stages(*curricula: tuple[int, ...], k: Literal["labelled", "counted"] = "labelled") -> Ordering:
        return tuple(
            Stage(curricula=c, updates=updates[i], lr=lrs[i], k=k, checkpoints=tuple(checkpoints) if i == 0 else ())
            for i, c in enumerate(curricula)
        )

    def scene_level(stage: Stage) -> Stage:
        return Stage(
            curricula=stage.curricula,
            updates=stage.updates,
            lr=stage.lr,
            checkpoints=stage.checkpoints,
            options={"alignment": "scene"},
        )

    c1234 = stages((1,), (2,), (3,), (4,))
    mixed = (1, 2, 3)
    return {
        "untrained": (),
        "c1": c1234[:1],
        "c1-c2": c1234[:2],
        "c1-c2-c3": c1234[:3],
        "c1-c2-c3-c4": c1234,
        "c1-c2-c3-counted": stages((1,), (2,), (3,), k="counted"),
        "c4": stages((4,)),
        "c0": (scene_level(c1234[0]),),
        "c1-c2scene": (c1234[0], scene_level(c1234[1])),
        "c1-matched": stages((1,), (1,)),
        "c3": stages((3,)),
        "c3-late": (Stage(curricula=(3,), updates=updates[2], lr=lrs[2]),),
        "c3-matched": stages((3,), (3,), (3,)),
        "original": stages((1, 2, 3, 4)),
        "mixed": stages(mixed),
        "mixed-matched": stages(mixed, mixed, mixed),
        "mixed-counted": stages(mixed, mixed, mixed, k="counted"),
        "hard-to-easy": stages((3,), (2,), (1,)),
        "random": stages(*((n,) for n in random_order(seed))),
    }


def scene_orderings(
    updates: Sequence[int], lrs: Sequence[float], options: Mapping[str, Any] | None = None
) -> dict[str, Ordering]:
    """Orderings of methods that compare scenes as wholes, for the schedule of c1-c2's two stages.

    ``untrained``; ``c1``, the first stage on scenes of one source; ``all``, both stages on the scenes that c1-c2 has
    seen, C1 and C2 mixed; ``c1-matched``, as many updates on C1. ``options`` are those of every stage.

    Raises
    ------
    ValueError
        If the schedule does not hold two stages.
    """
    if len(updates) != 2 or len(lrs) != 2:
        raise ValueError(f"the schedule needs two stages, not {len(updates)} updates and {len(lrs)} learning rates")

    def stages(*curricula: int) -> Ordering:
        schedule = zip(updates, lrs, strict=True)
        return tuple(Stage(curricula=curricula, updates=u, lr=lr, options=options or {}) for u, lr in schedule)

    return {"untrained": (), "c1": stages(1)[:1], "all": stages(1, 2), "c1-matched": stages(1)}


def falling(orderings: Mapping[str, Ordering]) -> dict[str, Ordering]:
    """The same orderings, the learning rate of every stage falling to 0 by a cosine."""
    return {name: tuple(replace(stage, schedule="cosine") for stage in stages) for name, stages in orderings.items()}


def stages_of(name: str, orderings: Mapping[str, Ordering]) -> tuple[Ordering, int | None]:
    """The stages of ``name`` and, for ``name@step`` (a kept checkpoint of the last stage), that step.

    Raises
    ------
    ValueError
        For an unknown ordering or a step at which no checkpoint is kept, naming what there is.
    """
    base, at, step = name.partition("@")
    if base == "c3-from-c2":  # the paper's words for the same stages (Fig 4b)
        base = "c1-c2-c3"
    if base not in orderings:
        raise ValueError(f"unknown ordering {base!r}; known: {', '.join(sorted(orderings))}")
    stages = orderings[base]
    if not at:
        return stages, None
    kept = stages[-1].checkpoints if stages else ()
    if not step.isdecimal() or int(step) not in kept:
        raise ValueError(f"ordering {base!r} keeps no checkpoint at {step!r}; it keeps {list(kept) or 'none'}")
    return stages, int(step)
