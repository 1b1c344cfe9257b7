"""Request: what a command asks for of a preset, as rows, each a method's ordering measured in a task.

A name that selects nothing is refused with what there is. The trivial rows run beside every selection of other rows:
without them a score means nothing, and they cost seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from benchmarks import presets
from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.datasets.data_module import open_data_module
from benchmarks.methods import can, trivial
from benchmarks.orchestration.graph import Job, resolve
from benchmarks.orchestration.run_config import configure
from benchmarks.presets import MethodPreset, Variants
from cavl.config import from_dict, to_dict
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
    dcase: str | None = None
    #: Where the preset's data are, by entries of its configuration: {"photographs": folder}.
    data: Mapping[str, Any] = field(default_factory=dict)
    #: Further data of the task action: {"data": "ucf101" or "hmdb51", "videos": folder, "annotations": folder} each.
    videos: tuple[Mapping[str, Any], ...] = ()


class PlannedRow(NamedTuple):
    method: str
    ordering: str
    task: str


#: Selection -> what one of its names is, in the order in which they are checked.
KINDS = {"orderings": "ordering", "tasks": "task", "methods": "method"}


def whole(request: Request) -> Request:
    """The same without its selections: all rows that the preset has."""
    return replace(request, methods=(), orderings=(), tasks=())


def rows(request: Request, methods: Methods) -> list[PlannedRow]:
    """The rows asked for and the trivial ones beside them, in the order of ``methods``.

    Raises ValueError for a name that selects nothing, alone or together with the others.
    """
    there = _there(methods, presets.tasks_of(presets.load(request.preset)))
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


def _asked(request: Request, methods: Methods) -> Iterator[PlannedRow]:
    """All that fits the selections; a trivial method has but one ordering, which nobody has to name.

    Methods that run on request only are there where they are named.
    """
    tasks = _tasks(request)
    for name, part in methods.items():
        if name not in request.methods and (request.methods or part.on_request):
            continue
        named = request.orderings if not (name in request.methods and trivial(name)) else ()
        for ordering in named or part.runs:
            for task in tasks:
                if _has(name, part, ordering, task, asked=bool(named)):
                    yield PlannedRow(name, ordering, task)


def _every(request: Request, methods: Methods) -> Iterator[PlannedRow]:
    """Every row that there may be, each once."""
    tasks = dict.fromkeys(_tasks(request))
    for name, part in methods.items():
        for ordering in dict.fromkeys((*(request.orderings or part.runs), *(part.runs if trivial(name) else ()))):
            for task in tasks:
                yield PlannedRow(name, ordering, task)


def _tasks(request: Request) -> Sequence[str]:
    return request.tasks or presets.tasks_of(presets.load(request.preset))


def _has(name: str, part: MethodPreset, ordering: str, task: str, asked: bool) -> bool:
    try:
        stages, _ = stages_of(ordering, part.orderings(1))
    except ValueError:
        return False  # another method's ordering
    if task == PRETRAIN:
        return bool(stages)
    measured = part.tasks is None or task in part.tasks
    return measured and can(name, task) and bool(variants(part, task, ordering, asked))


# -- jobs ------------------------------------------------------------------------------------------------------------


class SharedRow(NamedTuple):
    """A row that has no runs of its own: it is configured as another one that the plan has."""

    row: PlannedRow
    seed: int
    method: str  # of the other
    ordering: str


def jobs_of(request: Request) -> list[Job]:
    """The jobs of :func:`plan_of`."""
    return plan_of(request)[0]


def plan_of(request: Request) -> tuple[list[Job], list[SharedRow]]:
    """Every job of the request once (by key), parents before children, seed by seed; and whose rows are others'.

    Raises ConfigError or ValueError for a preset that does not exist, and for a method, ordering or task that selects
    nothing of it.
    """
    preset = presets.load(request.preset)
    methods = presets.methods_of(request.preset, preset)
    asked = rows(request, methods)
    foreign = [entry for entry in request.data if not hasattr(preset.data, entry)]
    if foreign:
        raise ValueError(
            f"preset {request.preset!r} has no use for --{foreign[0]}: it composes no scenes; that of composite does"
        )
    found: dict[str, Job] = {}
    same: dict[SharedRow, None] = {}
    for seed in range(1, (request.seeds or preset.seeds) + 1):
        for row in asked:
            for job in _jobs_of_row(request, methods[row.method], row, seed):
                for member in job.chain():
                    found.setdefault(member.key, member)
                own, first = ((j.config.method, j.config.ordering) for j in (job, found[job.key]))
                arm = row.task == PRETRAIN and methods[row.method].tasks is not None  # of its method's weights
                if own != first and not arm:
                    same[SharedRow(row, seed, *first)] = None
    if request.videos and not any("videos" in TASKS.load(job.config.task).paths for job in found.values()):
        raise ValueError(
            f"nothing of preset {request.preset!r} that was asked for is fine-tuned to actions; that of ablations is: "
            "--preset ablations"
        )
    return list(found.values()), list(same)


def _jobs_of_row(request: Request, part: MethodPreset, row: PlannedRow, seed: int) -> Iterator[Job]:
    config = configure(row.task, request.preset, row.method, row.ordering, seed)
    config = replace(config, data=changed(config.data, request.data, "data"))
    if row.task == PRETRAIN:
        yield resolve(config)
        return
    data = open_data_module(to_dict(config.data)).of(row.task)
    for variant in variants(part, row.task, row.ordering, asked=row.ordering in request.orderings):
        evaluation = changed(config.evaluation, variant, "evaluation")
        for one in TASKS.load(row.task).expand(evaluation, data, request):
            yield resolve(replace(config, evaluation=one))


def changed(config: Any, changes: Mapping[str, Any], where: str) -> Any:
    """The configuration with ``changes``, which may be nested."""
    return from_dict(type(config), _merged(to_dict(config), changes), where) if changes else config


def _merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    new = dict(values)
    for name, value in changes.items():
        new[name] = _merged(new[name], value) if isinstance(value, Mapping) else value
    return new


# -- refusals ----------------------------------------------------------------------------------------------------------


def _there(methods: Methods, tasks: list[str]) -> dict[str, list[str]]:
    """Selection -> every name of its kind."""
    orderings = dict.fromkeys(o for part in methods.values() for o in (*part.runs, *part.orderings(1)))
    return {"orderings": list(orderings), "tasks": tasks, "methods": list(methods)}


def _refuse_unknown(request: Request, methods: Methods, there: Mapping[str, Sequence[str]]) -> None:
    for kind, noun in KINDS.items():
        for name in getattr(request, kind):
            if name not in there[kind] and not (kind == "orderings" and _kept(name, methods)):
                has = instead(name, there[kind], "it has")
                raise ValueError(f"preset {request.preset!r} has no {noun} {name!r}; {has}")


def _refuse_unmatched(
    request: Request, methods: Methods, there: Mapping[str, Sequence[str]], asked: Collection[PlannedRow]
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
            has = f"it has{given}: {', '.join(fit)}"
            raise ValueError(f"preset {request.preset!r} has no {noun} {name!r}{all_given}; {has}")


def _said(request: Request, kinds: Sequence[str]) -> str:
    """ " with --methods dmc --tasks avc"; "" where nothing of these kinds is selected."""
    given = [f"--{kind} {','.join(names)}" for kind in kinds if (names := getattr(request, kind))]
    return f" with {' '.join(given)}" if given else ""


def _kept(ordering: str, methods: Methods) -> bool:
    """Whether it is a checkpoint, or another name, of an ordering that some method has.

    Raises ValueError for a checkpoint that is not kept, with those that are.
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
