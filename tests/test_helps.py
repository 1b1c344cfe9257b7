"""The help of every command and sub-command of the repository, as it is shown."""

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from benchmarks.cli import app, main

ROOT = Path(__file__).parents[1]
FILES = [path for package in ("benchmarks", "registry", "reports") for path in sorted((ROOT / package).rglob("*.py"))]
#: The modules that read a command line of their own.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in FILES
    if ".parse_args(argv" in path.read_text(encoding="utf-8")
]


def commands(command, *words):
    """The words before ``--help`` of every part of the one command."""
    yield words
    for name, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, *words, name)


COMMANDS = list(commands(typer.main.get_command(app)))


class MadeError(Exception):
    """Instead of reading a command line."""


def with_subcommands(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in action.choices.values():
                yield from with_subcommands(sub)


def assert_only_what_users_should_see(shown):
    assert not [mark for mark in ("%%", "%(", ":mod:", ":func:", "\b") if mark in shown], shown
    assert not re.findall(r"<(?!id)\w+>", shown)  # of typer, where an option has no name for its value


@pytest.mark.parametrize("module", MODULES)
def test_no_help_shows_what_only_the_source_should(module, monkeypatch):
    """As "%%", which argparse makes one "%" in the help of an option but not in a description."""

    def made(parser, *_):
        raise MadeError(parser)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", made)
    with pytest.raises(MadeError) as caught:
        importlib.import_module(module).main()
    for parser in with_subcommands(caught.value.args[0]):
        assert_only_what_users_should_see(parser.format_help())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_one_command_s_help_teaches(words, capsys, monkeypatch):
    """Every part says what it does, every option what it is for, in lines that fit a terminal and any character set."""
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert_only_what_users_should_see(shown)
    assert shown.startswith(" ".join(["Usage: cavl-bench", *words]))
    assert max(map(len, shown.splitlines())) <= 80, max(shown.splitlines(), key=len)
    shown.encode("ascii")
    _, _, options = shown.partition("\nOptions:\n")
    assert not re.findall(r"^  -\S+(?: \S+)?$\n  (?=-)", options, re.MULTILINE)
    parts, _, _ = shown.partition("\nCommands:\n")[2].partition("\n\n")
    assert "..." not in parts  # no sentence is cut


def test_all_commands_are_looked_at():
    known = {"", "run", "report", "export", "prepare", "preview", "runs", "score"}
    known |= {
        f"prepare {n}"
        for n in [
            *("audioset", "music", "kinetics_sounds", "flickr_soundnet", "esc50", "composite"),
            *("status", "verify"),
        ]
    }
    known |= {f"score {n}" for n in ("localization", "separation")}
    known |= {f"preview {n}" for n in ("miniature", "composite")}
    known |= {f"runs {n}" for n in ["list", "show", "compare", "gc", "export", "import", "sync", "omniboard", "verify"]}
    assert {" ".join(words) for words in COMMANDS} == known
    assert "benchmarks.datasets.audioset" in MODULES


@pytest.mark.parametrize("module", ["benchmarks.tasks.counting_trivial", "benchmarks.tasks.flickr_trivial"])
def test_the_help_behind_the_word_trivial_teaches(module, capsys, monkeypatch):
    """Both are reached by a task's own command line."""
    monkeypatch.setenv("COLUMNS", "200")
    importlib.import_module(module).main(["--help"])
    shown = capsys.readouterr().out
    assert_only_what_users_should_see(shown)
    assert re.match(r"Usage: python -m benchmarks\.tasks\.(counting|localization) trivial ", shown)
    _, _, options = shown.partition("\nOptions:\n")
    assert options
    assert not re.findall(r"^  -\S+(?: \S+)?$\n  (?=-)", options, re.MULTILINE)


@pytest.mark.parametrize("words", [(), ("run",), ("prepare", "esc50"), ("runs", "list"), ("report",)], ids=" ".join)
def test_help_comes_at_once(words):
    """0.4 s on a machine that does nothing else; here without whatever is slow to import."""
    code = f"from benchmarks.cli import main; main({[*words, '--help']}); import sys; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    slow = (
        "torch",
        "sacred",
        "pandas",
        "matplotlib",
        "numpy",
        "scipy",
        "pyarrow",
        "pymongo",
        "rich.console",
        "sklearn",
    )
    assert not [name for name in slow if f"'{name}'" in done.stdout.splitlines()[-1]]
