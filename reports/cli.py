"""Command that writes a report: ``cavl-bench report``, or ``python -m reports`` where there is no benchmark."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from registry.cli.options import HOME, flag, option, path, registry_in
from registry.cli.program import examples
from registry.files import report_folder, require_writable
from registry.index import Registry
from registry.lock import Lock

PATIENCE = 120.0  # seconds for another report on the same preset

EXAMPLES = examples("""\
examples:
  cavl-bench report                             the default preset, into
                                                reports/generated/miniature/
  cavl-bench report --preset smoke --home runs  another preset and registry
  cavl-bench report --json                      a summary for programs
  cavl-bench report --claims-table docs/claims.md --worlds miniature,composite
                                                the claims of reports that
                                                stand, a column for each
""")


def plans(incomplete: str) -> list[str]:
    """For the shell: the presets of which there is a plan."""
    return [name for name in Registry().plans() if name.startswith(incomplete)]


def report(
    preset: str = option("whose plan to report on", "PRESET", "miniature", autocompletion=plans),
    home: Path | None = HOME,
    out: Path | None = path("folder to write to (default: reports/generated/PRESET)"),
    json: bool = flag("--json", "print a summary as JSON instead of a line of text"),
    claims_table: Path | None = path(
        "write no report, but the claims of reports that stand, as Markdown, to this file"
    ),
    worlds: str = option("whose: presets, or folders of reports as NAME=DIR", "LIST", "miniature,composite"),
) -> None:
    """Write a report from the runs: tables, figures, one page.

    What is written of a preset: index.html (everything, sounds included, self-contained), report.md, protocols.md (the
    definitions), tables/*.{md,tex,csv}, figures/*.{png,pdf}. The report says what has been run; what is missing,
    failed, stale or damaged is named, never filled in. The suite (cavl-bench run) writes it by itself after each seed;
    run this to write it again, for instance after a sync.
    """
    if claims_table is not None:
        _write_claims(claims_table, worlds)
        return
    from registry.record.run_record import to_json
    from reports.contents import ODD, without_odd_runs
    from reports.html import summary
    from reports.results import load_study
    from reports.writing import write_report

    place = out or report_folder(preset)
    with registry_in(home) as registry, warnings.catch_warnings():
        warnings.showwarning = _say
        load_study(registry, preset)  # before anything is written: is there anything to report on?
        require_writable(place, "choose another folder with --out")
        with _alone_in(place):
            study = load_study(registry, preset)
            written: list[Path] = []
            while not written:
                try:
                    written = write_report(study, place)
                except ODD as error:
                    study = without_odd_runs(study, error)
    known = summary(study)
    if json:
        print(to_json({**known, "files": [str(path) for path in written]}))
    else:
        remarks = [f"{len(known[kind])} {kind}" for kind in ("failed", "stale", "damaged") if known[kind]]
        done = f"{known['runs_done']} of {known['runs_planned']} runs"
        print(f"report of preset {preset} ({', '.join([done, *remarks])}): {written[0]}")


def _write_claims(file: Path, worlds: str) -> None:
    from registry.cli.printing import beside
    from registry.files import atomic_write
    from reports.claims.worlds import write_worlds

    named = (world.partition("=") for world in worlds.split(","))
    folders = {name: Path(folder) if folder else report_folder(name) for name, _, folder in named}
    names = ",".join(folders)
    atomic_write(file, write_worlds(folders, f"cavl-bench report --claims-table {file.name} --worlds {names}"))
    with beside(file):
        print(f"claims of {len(folders)} worlds: {file}")


@contextlib.contextmanager
def _alone_in(place: Path) -> Iterator[None]:
    lock = Lock(place / ".lock")
    if not lock.acquire(PATIENCE):  # seeds may end together, and the newest runs must have the last word
        raise TimeoutError(f"another report is being written to {place}; wait for it, or choose another --out")
    try:
        yield
    finally:
        lock.release()


def _say(message: Warning | str, *_: object, **__: object) -> None:
    print(f"warning: {message}", file=sys.stderr)
