"""The help of every command and sub-command of the repository, as it is shown."""

import argparse
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for package in ("benchmarks", "registry", "reports") for path in sorted((ROOT / package).rglob("*.py"))]
#: The modules that read a command line.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in FILES
    if ".parse_args(" in path.read_text(encoding="utf-8")
]


class MadeError(Exception):
    """Instead of reading a command line."""


def with_subcommands(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from with_subcommands(sub)


@pytest.mark.parametrize("module", MODULES)
def test_no_help_shows_what_only_the_source_should(module, monkeypatch):
    """As "%%", which argparse makes one "%" in the help of an option but not in a description."""

    def made(parser, *_):
        raise MadeError(parser)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", made)
    with pytest.raises(MadeError) as caught:
        importlib.import_module(module).main()
    for parser in with_subcommands(caught.value.args[0]):
        shown = parser.format_help()
        assert not [mark for mark in ("%%", "%(", ":mod:", ":func:") if mark in shown], shown


def test_all_commands_are_looked_at():
    known = (
        "benchmarks benchmarks.datasets benchmarks.datasets.miniature benchmarks.datasets.composite registry reports"
    )
    known = {f"{name}.__main__" for name in known.split()}
    known |= {f"benchmarks.tasks.{name}_trivial" for name in ("counting", "flickr")}
    assert known | {"benchmarks.export", "benchmarks.datasets.audioset"} <= {*MODULES}
