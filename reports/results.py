"""Results that a report stands on: the suite's plan, each of its runs joined with the registry by run key.

A planned run without a finished record stays in the study with the reason, so that a gap is shown as a gap.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.errors import RefusedError
from registry.index import Registry
from registry.item_table import COLUMNS, ITEMS, read_items
from registry.nearest import instead
from registry.record.journal import JOURNAL
from registry.record.run_record import Record, RecordError
from registry.record.serialization import redact
from reports.labels import NAMELESS, base_of, label, taken_stages
from reports.plan_form import require_form
from reports.statistics import Item

if TYPE_CHECKING:
    from pandas import DataFrame

#: Metric -> (steps, values).
Metrics = Mapping[str, tuple[list[int], list[float]]]

#: Shown for a row that the preset has and the command did not ask for.
NOT_SELECTED = "not selected"


class NoPlanError(RefusedError):
    """There is nothing to report on: the suite has never been started with this preset in this home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One planned run. ``run`` is its finished record; without one, ``problem`` says why in a word or two."""

    name: str
    key: str
    task: str
    method: str
    ordering: str
    seed: int
    variant: str | None  # which of a task's runs on the same weights: the probe, the labels, the conditioning
    parents: tuple[str, ...]
    run: Record | None = None
    problem: str = ""
    attempt: Record | None = None  # the newest run with this key, where none is finished
    reason: str = ""  # the last line of its traceback


class SharedResult(NamedTuple):
    """A row of the plan without runs of its own: it is configured as ``other``, a method and its ordering."""

    task: str
    method: str
    ordering: str
    seed: int
    other: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A plan and its runs so far. ``damaged`` names run folders, and files of its runs, that are left out."""

    preset: str
    created: str
    command: str
    home: Path
    nodes: tuple[Node, ...]
    limit: int | None = None  # a rehearsal: at most so many scenes of each set, two updates a training
    damaged: tuple[str, ...] = ()
    #: Of a selection: "methods", "orderings", "tasks" -> the names that were asked for.
    selected: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_selected: frozenset[tuple[str, str, str]] = frozenset()  # (task, method, ordering) that the preset also has
    preset_seeds: int = 0  # as many as the preset has; 0: not recorded
    same: tuple[SharedResult, ...] = ()
    #: Grid -> method -> the learning rates tried, their scores on validation scenes, and the choice.
    learning_rates: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    _items: dict[int, Mapping[str, DataFrame]] = field(default_factory=dict, repr=False)
    _chosen: dict[tuple[Any, ...], DataFrame] = field(default_factory=dict, repr=False)
    _metrics: dict[int, Metrics] = field(default_factory=dict, repr=False)

    @property
    def tuned(self) -> set[str]:
        """The methods whose learning rates were chosen by the same grid."""
        return {method for grid in self.learning_rates.values() for method in grid}

    def select(
        self, task: str, method: str | None = None, ordering: str | None = None, variant: str | None = None
    ) -> list[Node]:
        """The planned runs of a task, by seed; None for a name means any."""
        found = [
            n
            for n in self.nodes
            if n.task == task
            and method in (None, n.method)
            and ordering in (None, n.ordering)
            and variant in (None, n.variant)
        ]
        return sorted(found, key=lambda n: n.seed)

    def rows(self, *tasks: str) -> list[tuple[str, str]]:
        """Every (method, ordering) planned for one of the tasks, in the order of the plan."""
        return list(dict.fromkeys((n.method, n.ordering) for n in self.nodes if n.task in tasks))

    def variants(self, task: str, method: str, ordering: str) -> list[str | None]:
        """The variants of a task planned for an ordering, in the order of the plan."""
        return list(dict.fromkeys(n.variant for n in self.select(task, method, ordering)))

    def absence(self, task: str, method: str, ordering: str, otherwise: str = "not planned") -> str:
        """Why the plan has no run of this row: whose runs are the same, "not selected", or ``otherwise``."""
        for one in self.same:
            if (one.task, one.method, one.ordering) == (task, method, ordering):
                return f"same as {label(*one.other)}"
        left_out = {own for its, whose, own in self.not_selected if (its, whose) == (task, method)}
        return NOT_SELECTED if ordering in left_out or (left_out and ordering in NAMELESS) else otherwise

    @property
    def selection(self) -> str:
        """What must be known of a report on a part of its preset; "" where it is on the whole."""
        parts = [f"{kind} {', '.join(names)}" for kind, names in self.selected.items() if names]
        if len(self.seeds) < self.preset_seeds:
            parts.append(f"{len(self.seeds)} of {self.preset_seeds} seeds")
        only = f"Of the preset only: {'; '.join(parts)}. What else it has, trivial rows apart, is not selected."
        return only if parts else ""

    @property
    def shared(self) -> list[str]:
        """A sentence on each row that has no runs of its own."""
        seeds: dict[tuple[str, str], list[int]] = {}
        for one in self.same:
            seeds.setdefault((label(one.method, one.ordering), label(*one.other)), []).append(one.seed)
        return [
            f"{own} is the same as {other}, configured alike: its runs stand under that name only (seed "
            f"{', '.join(map(str, dict.fromkeys(several)))})"
            for (own, other), several in seeds.items()
        ]

    @property
    def rehearsal(self) -> str:
        """What must be known of a rehearsal's numbers; "" where they are meant."""
        if self.limit is None:
            return ""
        return (
            f"A rehearsal, on at most {self.limit} scenes of each set and with two updates a training: that it ran is "
            "all that its numbers say."
        )

    @property
    def incomplete(self) -> dict[str, list[str]]:
        """Coverage of data of which something was missing, damaged or left out -> the runs that read these data."""
        found: dict[str, list[str]] = {}
        for node in self.nodes:
            for name, what in (("coverage", ""), ("coverage_training", "trained on ")):
                text = incomplete(dig(node.run.result, name)) if node.run else ""
                if text:
                    found.setdefault(f"{what}{text}", []).append(node.name)
        return found

    @property
    def imported(self) -> dict[str, list[Record]]:
        """Archive -> the finished runs that came in it."""
        found: dict[str, list[Record]] = {}
        for run in self.runs:
            if run.imported:
                found.setdefault(run.imported, []).append(run)
        return found

    @property
    def seeds(self) -> list[int]:
        return sorted({n.seed for n in self.nodes})

    @property
    def seeds_done(self) -> list[int]:
        return [s for s in self.seeds if all(n.run for n in self.nodes if n.seed == s)]

    @property
    def runs(self) -> list[Record]:
        """The finished runs behind the report, each once, by id."""
        return [r for _, r in sorted({n.run.id: n.run for n in self.nodes if n.run}.items())]

    def training(self, node: Node) -> list[Node]:
        """The stages that led to the weights that ``node`` measures, the first stage first."""
        method = base_of(node.method)  # an arm configured like the method itself shares its runs
        by_key = {n.key: n for n in self.nodes if n.task == "pretrain" and base_of(n.method) == method}
        chain: list[Node] = []
        while parent := next((by_key[k] for k in node.parents if k in by_key), None):
            chain.insert(0, parent)
            node = parent
        return chain

    def trained(self, node: Node) -> list[Record]:
        """The runs of :meth:`training` before the first that is not finished."""
        return [n.run for n in itertools.takewhile(lambda n: n.run is not None, self.training(node)) if n.run]

    def history(self, node: Node, metric: str) -> tuple[list[int], list[float]]:
        """What was measured while training the weights behind ``node``: (updates, values), stage after stage.

        Updates are counted from the first stage's first; the history ends before the first stage that is not finished.
        """
        found: dict[int, float] = {}
        before = 0
        for run in self.trained(node):
            steps, values = self.metrics(run).get(metric, ((), ()))
            found |= {before + step: value for step, value in zip(steps, values, strict=True)}
            before += int(run.config["stages"][-1]["updates"])
        return list(found), list(found.values())

    def stages(self, method: str, ordering: str) -> list[dict[str, Any]] | None:
        """The stages behind an ordering, from the first of its finished runs; None where none is."""
        runs = (n.run for n in self.nodes if n.run and (n.method, n.ordering) == (method, ordering))
        run = next(runs, None)
        return None if run is None else taken_stages(run.config)

    def while_training(self, node: Node, metric: str) -> Any:
        """A score that pre-training measured on the weights that ``node`` was evaluated with; None where it did not."""
        chain = self.training(node)
        if not chain or chain[-1].run is None or node.run is None:
            return None
        step = node.run.config.get("step")
        if step is None:
            return dig(chain[-1].run.result, metric)
        steps, values = self.metrics(chain[-1].run).get(metric, ((), ()))
        return dict(zip(steps, values, strict=True)).get(step)

    def metrics(self, run: Record) -> Metrics:
        """Metric -> (steps, values); none, with a warning, where the run's journal is damaged."""
        if run.id not in self._metrics:
            try:
                self._metrics[run.id] = run.metrics()
            except (OSError, ValueError) as error:
                warnings.warn(f"run {run.id}: {error}; its curves are left out", stacklevel=2)
                self._metrics[run.id] = {}
        return self._metrics[run.id]

    def measurements(self, node: Node, metric: str, **where: str) -> DataFrame:
        """The rows of one metric in a run's item table, of each name in ``where`` those of one value.

        Items that share something with others are :class:`reports.statistics.Item`.

        None without a run and, with a warning, where its table is missing, damaged or outdated.
        """
        if node.run is None:
            return _measurements(None)
        query = (node.run.id, metric, *sorted(where.items()))
        if node.run.id not in self._items:
            self._items[node.run.id] = dict(tuple(_measurements(node.run).groupby("metric")))
        if query not in self._chosen:
            items = self._items[node.run.id]
            found = items[metric] if metric in items else _measurements(None)
            for name, value in where.items():
                found = found[found[name] == value] if name in found else found[:0]
            self._chosen[query] = found
        return self._chosen[query]


def _measurements(run: Record | None) -> DataFrame:
    import pandas as pd  # here: figures of losses alone need none of it

    try:
        if run is not None:
            table = read_items(run.artifact(ITEMS))
            if "cluster" in table:
                named = zip(table["item"], table["cluster"], strict=True)
                table["item"] = pd.Series([Item(item, cluster or item) for item, cluster in named], dtype=object)
            return table
    except (OSError, ValueError) as error:
        warnings.warn(
            f"run {run.id if run else ''}: {ITEMS} cannot be read ({error}); paired numbers leave it out", stacklevel=3
        )
    return pd.DataFrame(columns=COLUMNS)


def load_study(registry: Registry, preset: str) -> Study:
    """Join the plan of ``preset`` with the runs of the registry.

    Raises
    ------
    NoPlanError
        If the suite has no plan for the preset here, or its file cannot be read; with the remedy.
    """
    remedy = f"start it with: cavl-bench run --preset {preset}"
    others, path = registry.plans(), registry.plan_path(preset)
    try:
        plan = registry.plan(preset)
        require_form(plan)
        entries = [_entry(e) for e in plan["nodes"]]
        # Plans of older versions say nothing of what they left out.
        not_selected = frozenset((r["task"], r["method"], r["ordering"]) for r in plan.get("not_selected", ()))
        same = tuple(
            SharedResult(r["task"], r["method"], r["ordering"], int(r["seed"]), (r["as"][0], r["as"][1]))
            for r in plan.get("same", ())
        )
    except FileNotFoundError:
        there = f"{instead(preset, others, 'there are plans of')}; or " if others else ""
        raise NoPlanError(
            f"no plan of preset {preset!r} in {registry.home}: the suite has not run there with it; {there}{remedy}"
        ) from None
    except (RecordError, ValueError) as error:
        unreadable = f"the plan {path} cannot be read ({error}); {remedy}"
        raise NoPlanError(unreadable) from error
    attempts: dict[str, list[Record]] = {}
    for record in registry.records(key=[e.key for e in entries]):
        attempts.setdefault(record.pedigree.key, []).append(record)
    nodes = tuple(_with_run(e, attempts.get(e.key, [])) for e in entries)
    return Study(
        preset=preset,
        created=str(plan.get("created", "")),
        command=str(plan.get("command", "")),
        home=registry.home,
        limit=plan.get("limit"),
        nodes=nodes,
        selected=plan.get("selected", {}),
        not_selected=not_selected,
        preset_seeds=plan.get("preset_seeds", 0),
        learning_rates=plan.get("learning_rates", {}),
        same=same,
        damaged=(*(f"run {id}: {why}" for id, why in registry.damaged().items()), *_damaged_files(nodes)),
    )


def _damaged_files(nodes: Sequence[Node]) -> Iterator[str]:
    """A sentence on each file of the finished runs that is no longer what its run left."""
    for run in {n.run.id: n.run for n in nodes if n.run}.values():
        for name, how in run.damage(thorough=(ITEMS, JOURNAL)).items():
            yield f"run {run.id}: {run.folder / name} {how}"


def _entry(entry: Mapping[str, Any]) -> Node:
    named = {name: entry[name] for name in ("name", "key", "task", "method", "ordering")}
    parents = tuple(entry.get("parents", ()))
    return Node(**named, seed=int(entry["seed"]), variant=entry.get("variant"), parents=parents)


def _with_run(node: Node, attempts: Sequence[Record]) -> Node:
    """``node`` with its newest finished run; else with how the newest attempt ended."""
    finished = [r for r in attempts if r.status == "COMPLETED"]
    if finished:
        return replace(node, run=finished[-1])
    if not attempts:
        return replace(node, problem="not run")
    last = attempts[-1]
    said = last.fail_trace[-1].strip().splitlines()[-1:] if last.fail_trace else []
    return replace(node, problem=last.status.lower(), attempt=last, reason=redact("".join(said)))


def incomplete(coverage: Any) -> str:
    """The coverage text if it tells of missing data: of "n of m" all but those with n = m."""
    text = str(coverage or "")
    found, of, rest = text.partition(" of ")
    expected = rest.split(" ", 1)[0].rstrip(",;:")
    return "" if not text or (of and rest == expected and found == expected) else text


def dig(tree: Any, *path: str) -> Any:
    """``tree[path[0]][path[1]]...``; None as soon as a key is missing."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return tree
