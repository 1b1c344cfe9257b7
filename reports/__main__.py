"""Write the report of a preset from the runs in the registry: tables, figures and one HTML page.

    python -m reports                                the default preset, into reports/generated/miniature/
    python -m reports --preset smoke --home runs     another preset, another registry
    python -m reports --json                         a summary on standard output for programs

What is written: index.html (everything, sounds included, self-contained), report.md, protocols.md (the definitions),
tables/*.{md,tex,csv}, figures/*.{png,pdf}. The report says what has been run; what is missing, failed, stale or damaged
is named, never filled in. The suite (python -m benchmarks) writes it by itself after each seed; run this to write it
again, for instance after a sync.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from registry.arguments import folder
from registry.files import atomic_write, report_folder, require_writable
from registry.index import Registry
from registry.lock import Lock
from registry.record.run_record import to_json
from reports import protocols
from reports.cells import STALE_FIGURE, Table
from reports.contents import all_figures, all_tables
from reports.csv import long_csv
from reports.figures import write_figures
from reports.figures.figure import Figure
from reports.html import figure_files, page, summary
from reports.latex import latex
from reports.markdown import markdown, md
from reports.results import NoPlanError, Study, load_study

PATIENCE = 120.0  # seconds for another report on the same preset


def write_report(study: Study, out: Path) -> list[Path]:
    """Write every file of the report into ``out``, each atomically; returns them, ``index.html`` first.

    Raises
    ------
    DiskFullError
        When there is no room; files already there stay as they were.
    """
    tables, figures = all_tables(study), all_figures(study)
    files: dict[str, str] = {}
    for table in tables:
        files[f"tables/{table.name}.md"] = markdown(table, "../index.html")
        files[f"tables/{table.name}.tex"] = latex(table)
        files[f"tables/{table.name}.csv"] = long_csv(table)
    drawn = write_figures(figures, out / "figures")
    files["report.md"] = report_markdown(study, tables, figures)
    files[protocols.FILE] = protocols.read()
    files["index.html"] = page(study, tables, figure_files(figures, out / "figures"))
    for name, text in files.items():
        atomic_write(out / name, text)
    return [out / "index.html", *(out / name for name in files if name != "index.html"), *drawn]


def report_markdown(study: Study, tables: Sequence[Table], figures: Sequence[Figure]) -> str:
    """All tables and figures in one Markdown file, after what a reader must know first."""
    known = summary(study)
    lines = [
        f"# Curriculum audiovisual learning: preset {known['preset']}",
        "",
        f"- Command: `{known['command'] or 'not recorded'}`",
        f"- Seeds: {len(known['seeds_done'])} of {len(known['seeds'])} complete; "
        f"runs: {known['runs_done']} of {known['runs_planned']}; last finished {known['last_run_at'] or 'none yet'}",
    ]
    lines += [f"- **Rehearsal**: {known['rehearsal']}"] if known["rehearsal"] else []
    lines += [f"- **Selection**: {known['selection']}"] if known["selection"] else []
    lines += [f"- no runs of its own: {text}" for text in known["same"]]
    lines += [f"- **data not complete**: {d['coverage']}: {_some(d['runs'])}" for d in known["incomplete"]]
    lines += [f"- **{f['status']}** (run {f['run']}): {f['name']}: {f['reason']}" for f in known["failed"]]
    lines += [f"- **damaged**, left out: {text}" for text in known["damaged"]]
    lines += [f"- **stale** †: {len(known['stale'])} runs (reasons: index.html)"] if known["stale"] else []
    lines += [f"- not run yet: {', '.join(known['not_run'])}"] if known["not_run"] else []
    lines += ["", "Every number links to its runs in [index.html](index.html).", ""]
    lines += [markdown(table, "index.html") for table in tables]
    for figure in figures:
        lines += [f"### {md(figure.title)}", "", f"![{md(figure.title)}](figures/{figure.name}.png)", ""]
        caption = md(f"{figure.caption} {STALE_FIGURE}" if figure.stale else figure.caption)
        lines += [protocols.linked_markdown(caption, "index.html"), ""]
        lines += [f"Its sounds are played in [index.html](index.html#{figure.name}).", ""] if figure.sounds else []
    return "\n".join(lines)


def _some(runs: Sequence[str]) -> str:
    """The first of many names, and how many more."""
    return ", ".join(runs[:3]) + (f" and {len(runs) - 3} more" if len(runs) > 3 else "")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m reports", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="miniature", help="whose plan to report on (default: %(default)s)")
    parser.add_argument("--home", type=folder, help="folder of the runs (default: $CAVL_HOME, else ./runs)")
    parser.add_argument("--out", type=folder, help="folder to write to (default: reports/generated/PRESET)")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON instead of a line of text")
    options = parser.parse_args(arguments)
    out = options.out or report_folder(options.preset)
    lock = Lock(out / ".lock")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say
            registry = Registry(options.home)
            load_study(registry, options.preset)  # before anything is written: is there anything to report on?
            require_writable(out, "choose another folder with --out")
            if not lock.acquire(PATIENCE):  # seeds may end together, and the newest runs must have the last word
                raise TimeoutError(f"another report is being written to {out}; wait for it, or choose another --out")
            study = load_study(registry, options.preset)
            written = write_report(study, out)
    except (NoPlanError, OSError) as error:
        print(f"reports: {error}", file=sys.stderr)
        return 2
    finally:
        lock.release()
    known = summary(study)
    if options.json:
        print(to_json({**known, "files": [str(path) for path in written]}))
    else:
        remarks = [f"{len(known[kind])} {kind}" for kind in ("failed", "stale", "damaged") if known[kind]]
        done = f"{known['runs_done']} of {known['runs_planned']} runs"
        print(f"report of preset {options.preset} ({', '.join([done, *remarks])}): {written[0]}")
    return 0


def _say(message: Warning | str, *_: object, **__: object) -> None:
    print(f"reports: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
