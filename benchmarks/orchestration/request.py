"""What a command asks for of what a preset has, as rows: a method's ordering, measured in a task.

A name that selects nothing is refused with what there is. The trivial rows run beside every selection of other rows:
without them a score means nothing, and they cost seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from benchmarks.methods import TASKS, can, trivial
from benchmarks.presets import MethodPreset, Variants
from cavl.curriculum import stages_of
from registry.nearest import instead

Methods = Mapping[str, MethodPreset]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asked for; empty selections mean everything the preset has."""

    preset: str = "miniature"  # "paper@16": the rehearsal of one, with 16 scenes of each set
    seeds: int | None = None
    methods: tuple[str, ...] = ()
    orderings: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    esc50: str | None = None
    #: Where the preset's data are, by entries of its configuration: {"photographs": folder}.
    data: Mapping[str, Any] = field(default_factory=dict)
    #: Further data of the task action: {"data": "ucf101" or "hmdb51", "videos": folder, "annotations": folder} each.
    videos: tuple[Mapping[str, str], ...] = ()


class Row(NamedTuple):
    method: str
    ordering: str
    task: str


#: Selection -> what one of its names is, in the order in which they are checked.
KINDS = {"orderings": "ordering", "tasks": "task", "methods": "method"}


def whole(request: Request) -> Request:
    """The same without its selections: all rows that the preset has."""
    return replace(request, methods=(), orderings=(), tasks=())


def rows(request: Request, methods: Methods) -> list[Row]:
    """The rows asked for and the trivial ones beside them, in the order of ``methods``.

    Raises
    ------
    ValueError
        For a name that selects nothing, alone or together with the others.
    """
    there = _there(methods)
    _refuse_unknown(request, methods, there)
    asked = set(_asked(request, methods))
    _refuse_unmatched(request, methods, there, asked)
    if all(trivial(row.method) for row in asked):
        return list(dict.fromkeys(_asked(request, methods)))  # there is nothing that they could stand beside
    beside = {name: part for name, part in methods.items() if trivial(name)}
    asked |= set(_asked(replace(request, methods=(), orderings=()), beside))
    return [row for row in _every(request, methods) if row in asked]


def variants(part: MethodPreset, task: str, ordering: str, asked: bool) -> Variants:
    """The runs of a task on one ordering; an ordering that the user ``asked`` for by name is never left out."""
    if task not in part.variants:
        return ({},)
    return part.variants[task].get(ordering, ({},) if asked else ())


def _asked(request: Request, methods: Methods) -> Iterator[Row]:
    """All that fits the selections; a trivial method has but one ordering, which nobody has to name."""
    for name, part in methods.items():
        if request.methods and name not in request.methods:
            continue
        named = request.orderings if not (name in request.methods and trivial(name)) else ()
        for ordering in named or part.runs:
            for task in request.tasks or TASKS:
                if _has(name, part, ordering, task, asked=bool(named)):
                    yield Row(name, ordering, task)


def _every(request: Request, methods: Methods) -> Iterator[Row]:
    """Every row that there may be, each once."""
    for name, part in methods.items():
        for ordering in dict.fromkeys((*(request.orderings or part.runs), *(part.runs if trivial(name) else ()))):
            for task in dict.fromkeys(request.tasks or TASKS):
                yield Row(name, ordering, task)


def _has(name: str, part: MethodPreset, ordering: str, task: str, asked: bool) -> bool:
    try:
        stages, _ = stages_of(ordering, part.orderings(1))
    except ValueError:
        return False  # another method's ordering
    if task == "pretrain":
        return bool(stages)
    measured = part.tasks is None or task in part.tasks
    return measured and can(name, task) and bool(variants(part, task, ordering, asked))


# -- refusals ----------------------------------------------------------------------------------------------------------


def _there(methods: Methods) -> dict[str, list[str]]:
    """Selection -> every name of its kind."""
    orderings = dict.fromkeys(o for part in methods.values() for o in (*part.runs, *part.orderings(1)))
    return {"orderings": list(orderings), "tasks": list(TASKS), "methods": list(methods)}


def _refuse_unknown(request: Request, methods: Methods, there: Mapping[str, Sequence[str]]) -> None:
    for kind, noun in KINDS.items():
        for name in getattr(request, kind):
            if name not in there[kind] and not (kind == "orderings" and _kept(name, methods)):
                raise ValueError(
                    f"preset {request.preset!r} has no {noun} {name!r}; {instead(name, there[kind], 'it has')}"
                )


def _refuse_unmatched(
    request: Request, methods: Methods, there: Mapping[str, Sequence[str]], asked: Collection[Row]
) -> None:
    """What the preset has, but not together with the other selections."""
    for kind, noun in KINDS.items():
        others = [other for other in KINDS if other != kind and getattr(request, other)]
        for name in getattr(request, kind):
            if any(getattr(row, noun) == name for row in asked):
                continue
            if kind == "methods" and trivial(name) and asked:
                continue  # it stands beside the others wherever it can, named or not
            fit: list[str] = []
            while not fit:  # with fewer of the others, where all together leave nothing
                fewer: dict[str, Any] = {other: () for other in KINDS if other not in others}
                fit = [n for n in there[kind] if any(_asked(replace(request, **{**fewer, kind: (n,)}), methods))]
                given, others = _said(request, others), others[:-1]
            all_given = _said(request, [other for other in KINDS if other != kind])
            raise ValueError(
                f"preset {request.preset!r} has no {noun} {name!r}{all_given}; it has{given}: {', '.join(fit)}"
            )


def _said(request: Request, kinds: Sequence[str]) -> str:
    """ " with --methods dmc --tasks avc"; "" where nothing of these kinds is selected."""
    given = [f"--{kind} {','.join(names)}" for kind in kinds if (names := getattr(request, kind))]
    return f" with {' '.join(given)}" if given else ""


def _kept(ordering: str, methods: Methods) -> bool:
    """Whether it is a checkpoint, or another name, of an ordering that some method has.

    Raises
    ------
    ValueError
        For a checkpoint that is not kept, with those that are.
    """
    refused: ValueError | None = None
    for part in methods.values():
        orderings = part.orderings(1)
        try:
            stages_of(ordering, orderings)
            return True
        except ValueError as error:
            refused = error if ordering.partition("@")[0] in orderings else refused
    if refused is not None:
        raise refused
    return False
