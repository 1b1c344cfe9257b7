"""Commands on the runs: ``cavl-bench runs ...``, or ``python -m registry ...`` where there is no benchmark."""

from __future__ import annotations

from registry.cli import archive, compare, gc, listing, omniboard, show, sync
from registry.cli.program import App, examples

EXAMPLES = examples("""\
examples:
  cavl-bench runs list                             all runs
  cavl-bench runs list --task localization --sort score --descending
  cavl-bench runs list --stale                     what is to be renewed
  cavl-bench runs show 12                          where its number comes from
  cavl-bench runs compare 12 15                    what differs, item by item
  cavl-bench runs verify 12                        does it still give that?
  cavl-bench runs verify --table table3            and all behind a table
  cavl-bench runs sync --mongo mongodb://HOST/lab  copy all into a MongoDB
  cavl-bench runs sync --watch                     and go on doing so
  cavl-bench runs omniboard --local --browser      browse them in a web page
  cavl-bench runs export 12 --out run12.zip        with all it descends from
  cavl-bench runs import run12.zip                 and into another registry
  cavl-bench runs gc                               what could be deleted
""")

app = App(
    help="""The runs: find, compare, verify, copy, browse, delete them.

    Runs lie in $CAVL_HOME, or else in ./runs; --home names another folder. A run that says DIED was killed: start the
    same command again and it continues that run. A run is stale when the sources, the packages or a run it started from
    have changed since. With $CAVL_MONGO_URI set, runs appear in that MongoDB by themselves while they go on.

    Exit code: 0; 1 when a run could not be copied, or does not give what it gave; 2 when a run asked for is not there
    or is damaged, or a database cannot be reached.
    """,
    epilog=EXAMPLES,
)
app.command("list")(listing.runs)
app.command("show")(show.show)
app.command("compare")(compare.compare)
app.command("sync")(sync.sync_runs)
app.command("omniboard")(omniboard.omniboard)
app.command("export")(archive.export)
app.command("import")(archive.bring_in)
app.command("gc")(gc.gc)
