"""HTML page with everything, sounds included, in one file: it works offline, on a phone, in the dark, sent by mail."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from registry.files import user_home
from registry.record.run_record import Record
from registry.record.serialization import redact, redacted
from reports import protocols
from reports.cells import STALE_FIGURE, Table, anchor, notes
from reports.figures.figure import Figure
from reports.findings import first_findings
from reports.results import Study

#: What of Sacred's host information is shown; the rest may hold a user's environment.
HOST = ("hostname", "os", "cpu", "gpus", "python_version")


def page(study: Study, tables: Sequence[Table], figures: Sequence[tuple[Figure, Path]]) -> str:
    """The page as HTML text; of each figure the PNG file is embedded, and its sounds as WAV."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["linked"] = protocols.linked_html
    environment.globals.update(anchor=anchor, notes=notes, stale_figure=STALE_FIGURE, enumerate=enumerate)
    return environment.get_template("index.html").render(
        study=study,
        summary=summary(study),
        findings=first_findings(study, tables),
        tables=tables,
        protocols=protocols.sections(protocols.read()),
        figures=[
            {
                "figure": figure,
                "picture": _data_uri("image/png", png.read_bytes()),
                "sounds": [(sound.name, _data_uri("audio/wav", sound.wav())) for sound in figure.sounds],
            }
            for figure, png in figures
        ],
        runs=[_run(study, run) for run in _runs(study)],
    )


def summary(study: Study) -> dict[str, Any]:
    """What a reader must know before the first number, as plain values: done, missing, failed, stale, damaged."""
    stops = [r.stop_time for r in study.runs if r.stop_time]
    stale = [n for n in study.nodes if n.run and n.run.stale]
    return {
        "preset": study.preset,
        "rehearsal": study.rehearsal,
        "selection": study.selection,
        "same": study.shared,
        "incomplete": [{"coverage": text, "runs": runs} for text, runs in study.incomplete.items()],
        "command": hide_home(study, study.command),
        "planned_at": study.created,
        "last_run_at": max(stops)[:19] if stops else None,
        "seeds": study.seeds,
        "seeds_done": study.seeds_done,
        "runs_planned": len(study.nodes),
        "runs_done": sum(n.run is not None for n in study.nodes),
        "failed": [
            {"name": n.name, "status": n.problem, "run": n.attempt.id, "reason": hide_home(study, n.reason)}
            for n in study.nodes
            if n.attempt is not None
        ],
        "not_run": [n.name for n in study.nodes if n.problem == "not run"],
        "stale": [{"name": n.name, "run": n.run.id, "reasons": list(n.run.stale)} for n in stale if n.run],
        "imported": [
            {"archive": redact(archive), "runs": [run.id for run in runs]} for archive, runs in study.imported.items()
        ],
        "damaged": [hide_home(study, text) for text in study.damaged],
    }


def hide_home(study: Study, text: str) -> str:
    """``text`` without credentials and without where on this machine the registry and the user's home lie."""
    for path, name in ((study.home.absolute(), "$CAVL_HOME"), (user_home(), "~")):
        if path and len(path.parts) > 1:
            text = text.replace(str(path), name)
    return redact(text)


def _runs(study: Study) -> list[Record]:
    """Every run that the page names: the finished ones and the newest attempt at the others, by id."""
    attempts = {n.attempt.id: n.attempt for n in study.nodes if n.attempt is not None}
    return [r for _, r in sorted({**{r.id: r for r in study.runs}, **attempts}.items())]


def _run(study: Study, run: Record) -> dict[str, Any]:
    by_key = {n.key: n for n in study.nodes}
    names = [n.name for n in study.nodes if n.key == run.pedigree.key]
    return {
        "id": run.id,
        "names": list(dict.fromkeys(names)),
        "status": run.status,
        "key": run.pedigree.key,
        "dataset": run.pedigree.dataset,
        "parents": [
            {"key": key, "run": by_key[key].run.id if key in by_key and by_key[key].run else None}  # type: ignore[union-attr]
            for key in run.pedigree.parents
        ],
        "weights": [digest[:12] for digest in run.pedigree.parent_digests],
        "code": _digest(run.pedigree.code),
        "modules": len(run.pedigree.code),
        "environment": _pairs(run.pedigree.environment),
        "host": _pairs({k: run.host[k] for k in HOST if run.host.get(k)}),
        "started": run.start_time,
        "stopped": run.stop_time,
        "resumed": len(run.resumptions),
        "imported": redact(run.imported or ""),
        "artifacts": [f"{run.id}/{name}" for name in run.artifacts],
        "stale": run.stale,
        "config": hide_home(study, json.dumps(redacted(run.config), indent=1, sort_keys=True, ensure_ascii=False)),
    }


def _digest(code: Mapping[str, str]) -> str:
    """One short digest for all the sources of a run."""
    return hashlib.sha256(json.dumps(dict(code), sort_keys=True).encode()).hexdigest()[:12] if code else "none recorded"


def _pairs(values: Mapping[str, Any]) -> str:
    def said(value: Any) -> str:
        return ", ".join(map(str, value.values())) if isinstance(value, Mapping) else redact(str(value))

    return ", ".join(f"{name} {said(value)}" for name, value in values.items()) or "none recorded"


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def figure_files(figures: Iterable[Figure], folder: Path) -> list[tuple[Figure, Path]]:
    """Each figure with its PNG in ``folder``."""
    return [(figure, folder / f"{figure.name}.png") for figure in figures]
