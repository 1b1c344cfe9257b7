"""Command ``cavl-bench``: each module holds a sub-command, ``registry.cli`` and ``reports.cli`` those of their own."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.cli import export, prepare, preview, run, score, verify
from registry import cli as runs
from registry.cli import program
from reports import cli as report

app = program.App(
    help="""A benchmark of audiovisual learning: train, evaluate, report; every number leads back to its runs.

    Exit code: 0; 1 when something failed; 2 when something was refused, with the reason; 130 when interrupted.
    """,
    epilog=program.examples("""\
examples:
  cavl-bench run --preset smoke                the whole way in two minutes
  cavl-bench run                               the main job
  cavl-bench runs list --sort score            what has been run
  cavl-bench report                            the report once more
  cavl-bench prepare esc50                     real data
  cavl-bench preview miniature --out world.png the generated scenes
  cavl-bench export 12 --out trained           a model, to be given away
  cavl-bench score localization --help         what others predict
  cavl-bench --install-completion              Tab completes names and runs

A single task: python -m benchmarks.tasks.localization with method=cavl seed=3
"""),
    add_completion=True,
)
app.command(epilog=run.EXAMPLES)(run.run)
app.command(epilog=report.EXAMPLES)(report.report)
app.add_typer(prepare.app, name="prepare")
app.add_typer(preview.app, name="preview")
app.add_typer(runs.app, name="runs")
app.add_typer(score.app, name="score")
app.command()(export.export)
runs.app.command(epilog=verify.EXAMPLES)(verify.verify)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return program.run(app, words, "cavl-bench")
