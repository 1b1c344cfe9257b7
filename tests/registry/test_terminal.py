"""What records say is shown on a real terminal, which obeys none of it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.console import Console
from registry.terminal import Visible, in_one_line, print_coloured, visible
from tests.live import ROOT

#: To rename the window, clear it, go up a line, ring; the same as one character; to write backwards; a forged line.
ORDERS = "\x1b]0;owned\x07\x1b[2J\x1b[1A\r\x9b2J\x7f\u202eelif\u2066"
HOSTILE = f"name{ORDERS}\nrun 9  forged"
PATIENCE = 60


def on_a_terminal(*words: str, home: Path) -> str:
    """All that a terminal gets from a command of the project."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "CAVL_HOME": str(home), "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=home.parent
    )
    os.close(theirs)
    told = b""
    try:
        while piece := os.read(ours, 1 << 16):
            told += piece
    except OSError:  # the last process has closed it
        pass
    finally:
        os.close(ours)
        process.wait(PATIENCE)
    return told.decode().replace("\r\n", "\n")


@pytest.fixture
def home(tmp_path: Path, write_run: Callable[..., Path]) -> Path:
    home = tmp_path / "runs"
    for id in (1, 2):
        folder = write_run(
            home,
            id,
            config={"method": HOSTILE + str(id), HOSTILE: [HOSTILE + str(id)]},
            result={"score": 0.5, HOSTILE: HOSTILE},
            status="FAILED",
            fail_trace=[f"Error: {HOSTILE}"],
            host={"hostname": HOSTILE, "pid": 1},
            environment={"torch": HOSTILE},
            resumptions=[{"time": HOSTILE, "before": {"status": HOSTILE}}],
            artifacts=["items.csv"],
        )
        times = ["2025-01-01T00:00:00"]
        line = json.dumps({HOSTILE: {"steps": [0], "values": [1.0], "timestamps": times}})
        (folder / "metrics.jsonl").write_text(f"{line}\n")
        (folder / "items.csv").write_text(f"item,condition,metric,value,excluded\na,all{ORDERS[:9]},score,0.5,\n")
    write_run(home, 3)
    (home / "3" / "run.json").write_text(f'{{"status": "{ORDERS}')  # damaged
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("list", "--json"),
        ("list", "--task", HOSTILE),
        ("show", "1"),
        ("show", "1", "--json"),
        ("show", "3"),
        ("compare", "1", "2"),
        ("gc", "--damaged"),
        ("import", f"{HOSTILE}.zip"),
        ("sync", "--mongo", f"host{ORDERS}:1:x"),
    ],
    ids=" ".join,
)
def test_no_command_passes_an_order_on(home: Path, words: tuple[str, ...]):
    told = on_a_terminal("registry", *words, home=home)
    assert "owned" in told or words in (("show", "3"), ("gc", "--damaged")), "the test would prove nothing"
    ours = ("\r", "\x1b[1A") if words[0] in ("gc", "import") else ()  # of a progress bar
    for order in {"\x1b]", "\x1b[2J", "\x1b[1A", "\x07", "\x9b", "\x7f", "\u202e", "\u2066", "\r"} - {*ours}:
        assert order not in told, told
    if words[0] in ("list", "compare"):
        assert "\nrun 9  forged" not in told
    if "--json" in words and words[0] == "show":
        assert json.loads(told)["config"]["method"] == HOSTILE + "1"


def test_what_is_no_order_stays():
    for text in ("", "ä €\tx\n", "−–†‡λ±", "日本", "a b"):
        assert visible(text) == text
    assert in_one_line("a\tb\nc") == "a\\tb\\nc"


def test_sacred_colours_a_configuration(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Visible(sys.stdout))  # type: ignore[arg-type]
    print_coloured("\x1b[34m  seed = 3\x1b[0m \x1b[2J\x1b]0;owned\x07")
    assert capsys.readouterr().out == "\x1b[34m  seed = 3\x1b[0m \\u001b[2J\\u001b]0;owned\\u0007\n"


def test_rich_draws_through_a_display_of_its_own(capsys):
    out = Console(file=Visible(sys.stdout), force_terminal=True, color_system="standard", highlight=False)  # type: ignore[arg-type]
    out.print("bold\x1b[2J", style="bold")
    assert capsys.readouterr().out == "\x1b[1mbold\\u001b[2J\x1b[0m\n"
