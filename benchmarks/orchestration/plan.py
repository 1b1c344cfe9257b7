"""Plan of the main job: what the report is made of, what of it is run, and the data sets that this needs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from benchmarks import presets
from benchmarks.datasets.data_module import DataModule, open_data_module
from benchmarks.datasets.prepared import NotPreparedError
from benchmarks.orchestration.graph import Job
from benchmarks.orchestration.request import Request, SharedRow, plan_of, rows, whole
from benchmarks.orchestration.scheduler import State, renewed, select
from benchmarks.presets import learning_rates
from benchmarks.progress import progress_bar
from cavl.config import to_dict
from registry.index import Registry
from registry.record.run_record import Record


def settled(
    request: Request, registry: Registry, rerun: str | None, command: Sequence[str]
) -> tuple[State, list[str], dict[str, Any]]:
    """What is to be run of ``request``; a sentence on each ordering whose runs are another's; the plan to be kept.

    Raises ValueError where there is nothing to be run.
    """
    jobs, same = plan_of(request)
    if not jobs:
        raise ValueError("of what was asked for nothing can be run; the report that stands is left alone")
    reused = select(jobs, registry, rerun)
    state = State(
        jobs=only_failed(jobs, reused, registry) if rerun == "failed" else jobs,
        reused=reused,
        known=renewed(jobs, reused, registry) if rerun in ("stale", "all") else {},
    )
    return state, sames(same), plan(request, jobs, same, command)


def only_failed(jobs: list[Job], reused: Mapping[str, Record], registry: Registry) -> list[Job]:
    """What is done already, what failed or died last time, and what that starts from."""
    wanted = set(reused)
    for job in jobs:
        last = registry.unfinished(job.key)
        if job.key not in reused and last is not None and last.status in ("FAILED", "DIED"):
            wanted |= {member.key for member in job.chain()}
    return [job for job in jobs if job.key in wanted]


def sames(same: Sequence[SharedRow]) -> list[str]:
    """One sentence on each ordering whose runs are another's."""
    found: dict[tuple[str, str], list[SharedRow]] = {}
    for one in same:
        row = one.row
        found.setdefault((f"{row.method} {row.ordering}", f"{one.method} {one.ordering}"), []).append(one)
    return [
        f"{own} is configured as {other} ({', '.join(dict.fromkeys(s.row.task for s in several))}; seed "
        f"{', '.join(str(seed) for seed in dict.fromkeys(s.seed for s in several))}): the runs are the same, and stand "
        f"under the name of {other} only"
        for (own, other), several in found.items()
    ]


def plan(request: Request, jobs: list[Job], same: Sequence[SharedRow], command: Sequence[str]) -> dict[str, Any]:
    """What the report is made of: every run asked for, by key; and what the preset has that was not."""
    preset = presets.load(request.preset)
    methods = presets.methods_of(request.preset, preset)
    asked = set(rows(request, methods))
    every = {name: replace(part, on_request=False) for name, part in methods.items()}
    selected = {kind: list(getattr(request, kind)) for kind in ("methods", "orderings", "tasks")}
    return {
        "preset": presets.label(request.preset),
        "limit": presets.limit_of(request.preset)[1],  # of scenes in each set: it is a rehearsal
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "selected": {kind: names for kind, names in selected.items() if names},
        "not_selected": [row._asdict() for row in rows(whole(request), every) if row not in asked],
        "preset_seeds": preset.seeds,
        "learning_rates": {name: grid for name, grid in learning_rates.read().items() if name in preset.rates},
        "same": [{**s.row._asdict(), "seed": s.seed, "as": [s.method, s.ordering]} for s in same],
        "nodes": [
            {
                "name": job.name,
                "key": job.key,
                "task": job.config.task,
                "method": job.config.method,
                "ordering": job.config.ordering,
                "seed": job.config.seed,
                "variant": job.variant,
                "parents": [p.key for p in job.parents],
            }
            for job in jobs
        ],
    }


def prepare_sets(jobs: list[Job], workers: int) -> None:
    """Open the sets that the jobs read; those that can be generated and that the cache has not are, on all cores.

    Raises NotPreparedError for all data sets at once that must be prepared before, with the commands that do it.
    """
    modules: dict[str, DataModule] = {}
    wanted: dict[tuple[str, str, str], Job] = {}
    for job in jobs:
        data, task = json.dumps(to_dict(job.config.data), sort_keys=True), job.config.task
        if data not in modules:
            modules[data] = open_data_module(to_dict(job.config.data))
        of_all = modules[data].of(task) is modules[data]
        for name in job.sets:
            wanted.setdefault((data, "" if of_all else task, name), job)
    missing: dict[str, None] = {}
    for number, ((_, task, name), job) in enumerate(wanted.items(), 1):
        with progress_bar(f"preparing {name} ({number} of {len(wanted)} sets)") as progress:
            module = open_data_module(to_dict(job.config.data), workers=workers, progress=progress)
            try:
                (module.of(task) if task else module).named(name)
            except NotPreparedError as error:
                missing[str(error)] = None
    if missing:
        raise NotPreparedError("\n".join([*missing, "or select with --tasks and --methods what can do without"]))
