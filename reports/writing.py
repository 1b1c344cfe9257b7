"""Report as files: tables, figures, one HTML page, all of it in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from registry.files import atomic_write
from reports import protocols
from reports.cells import STALE_FIGURE, Table
from reports.contents import all_figures, all_tables
from reports.csv import long_csv
from reports.figures import write_figures
from reports.figures.figure import Figure
from reports.findings import first_findings
from reports.html import figure_files, page, summary
from reports.latex import latex
from reports.markdown import code, markdown, md
from reports.results import Study


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
        f"# Curriculum audiovisual learning: preset {md(known['preset'])}",
        "",
        f"- Command: {code(known['command'] or 'not recorded')}",
        f"- Seeds: {len(known['seeds_done'])} of {len(known['seeds'])} complete; "
        f"runs: {known['runs_done']} of {known['runs_planned']}; last finished {known['last_run_at'] or 'none yet'}",
    ]
    lines += [f"- **Rehearsal**: {md(known['rehearsal'])}"] if known["rehearsal"] else []
    lines += [f"- **Selection**: {md(known['selection'])}"] if known["selection"] else []
    lines += [f"- no runs of its own: {md(text)}" for text in known["same"]]
    lines += [f"- **data not complete**: {md(d['coverage'])}: {md(_some(d['runs']))}" for d in known["incomplete"]]
    lines += [f"- **{f['status']}** (run {f['run']}): {md(f['name'])}: {md(f['reason'])}" for f in known["failed"]]
    lines += [f"- **damaged**, left out: {md(text)}" for text in known["damaged"]]
    for origin in known["imported"]:
        lines += [f"- **imported** from {md(origin['archive'])}: {md(_some([f'run {id}' for id in origin['runs']]))}"]
    lines += [f"- **stale** †: {len(known['stale'])} runs (reasons: index.html)"] if known["stale"] else []
    lines += [f"- not run yet: {md(', '.join(known['not_run']))}"] if known["not_run"] else []
    lines += [f"- **{md(finding)}**" for finding in first_findings(study, tables)]
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
