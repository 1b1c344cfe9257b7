"""How every command ends, and what it makes of its words."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from registry.cli.options import count, flag, option
from registry.cli.program import App, run
from registry.errors import RefusedError


def ended(work: Callable[[], object]) -> int:
    app = App()
    app.command()(work)
    return run(app, [], "program")


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("no such thing"), 2, "error: no such thing\n"),
        (KeyError("no run 9"), 2, "error: no run 9\n"),
        (RefusedError("not now"), 2, "error: not now\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 2, "error: /x: Permission denied\n"),
        (FileNotFoundError("there is no x"), 2, "error: there is no x\n"),
        (KeyboardInterrupt(), 130, "\ninterrupted; what was finished is kept, the same command goes on from here\n"),
    ],
)
def test_errors_of_the_user_s_are_one_sentence_and_an_exit_code(error, code, said, capsys) -> None:
    assert ended(raising(error)) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("error", [TypeError("ours"), RuntimeError("ours"), RecursionError("ours"), AssertionError()])
def test_mistakes_of_ours_are_not_called_the_user_s(error) -> None:
    with pytest.raises(type(error)):
        ended(raising(error))


def test_what_a_command_returns_is_its_exit_code() -> None:
    assert [ended(lambda: None), ended(lambda: 0), ended(lambda: 1)] == [0, 0, 1]


def test_a_sigterm_is_an_interrupt_and_the_caller_s_answer_to_it_stays(capsys) -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert ended(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 130
    assert signal.getsignal(signal.SIGTERM) == before


SEVERAL, RETRY, QUICK = option("from where", "DIR..."), option("what", "[WHAT]"), flag("--quick", "soon")


@dataclass(frozen=True)
class Where:
    root: str | None = option("where", "DIR")
    jobs: int = count("how many", default=3)


@pytest.fixture
def program() -> Callable[..., tuple[int, list[object]]]:
    found: list[object] = []
    app = App()

    @app.command()
    def fetch(
        where: Where,
        source: list[str] | None = SEVERAL,
        retry: str | None = RETRY,
        quick: bool = QUICK,
    ) -> None:
        found.extend((where, source, retry, quick))

    @app.command()
    def show(names: list[str], only: list[str] | None = SEVERAL) -> None:
        found.extend((names, only))

    def start(*words: str) -> tuple[int, list[object]]:
        found.clear()
        return run(app, words, "program"), found

    return start


@pytest.mark.parametrize(
    ("words", "understood"),
    [
        ([], [Where(root=None, jobs=3), None, None, False]),
        (["--source", "a", "b", "--quick", "--jobs", "2"], [Where(root=None, jobs=2), ["a", "b"], None, True]),
        (["--source", "a", "--root", "r", "--source", "b"], [Where(root="r", jobs=3), ["a", "b"], None, False]),
        (["--retry"], [Where(root=None, jobs=3), None, "missing", False]),
        (["--retry", "--source=a"], [Where(root=None, jobs=3), ["a"], "missing", False]),
        (["--retry", "all"], [Where(root=None, jobs=3), None, "all", False]),
    ],
)
def test_options_may_have_several_values_or_none(program, words, understood) -> None:
    assert program("fetch", *words) == (0, understood)


def test_words_that_may_stand_alone_are_no_further_values(program) -> None:
    assert program("show", "--only", "x", "a", "b") == (0, [["a", "b"], ["x"]])


@pytest.mark.parametrize(
    "words", [["fetch", "--root", "a", "b"], ["fetch", "--jobs", "0"], ["fetch", "x"], ["magic"], []]
)
def test_other_words_are_refused(program, words, capsys) -> None:
    assert program(*words) == (2, [])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_outputs_that_are_closed_end_no_command(closed: tuple[int, ...]) -> None:
    def close() -> None:
        for number in closed:
            os.close(number)

    words = [sys.executable, "-m", "registry", "list"]
    done = subprocess.run(words, preexec_fn=close, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
