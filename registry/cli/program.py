"""Typer as every command here uses it: plain help, errors in a sentence, exit codes.

Exit codes: 0 done; 1 something failed, as the command has said; 2 refused, with the reason; 130 interrupted.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import os
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import typer
from typer.core import TyperCommand

from registry.errors import RefusedError
from registry.interrupts import sigterm_as_interrupt
from registry.terminal import say_all

#: In the meta of a command's context: the words that the user gave it.
WORDS = "words"
#: What an option stands for that is given without a value.
BARE: Mapping[str, str] = {"--retry": "missing", "--watch": "10"}
Function = TypeVar("Function", bound=Callable[..., Any])


def exit_code(work: Callable[[], int | None]) -> int:
    """What ``work`` returns; an error that is the user's to mend becomes one sentence on standard error."""
    try:
        with sigterm_as_interrupt():
            status = work()
            sys.stdout.flush()
            return status or 0
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept, the same command goes on from here", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UnicodeError:  # a mistake of ours: who reads another's file says which one
        raise
    except (ValueError, KeyError, OSError, RefusedError) as error:
        print(f"error: {_said(error)}", file=sys.stderr)
        return 2


def _said(error: Exception) -> str:
    """What happened, and to which file unless that says so itself."""
    if isinstance(error, KeyError):
        return str(error.args[0])
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


class Command(TyperCommand):
    """A command that ends with an :func:`exit_code` and takes several words behind an option of several values."""

    def invoke(self, ctx: Any) -> NoReturn:
        raise typer.Exit(exit_code(lambda: super(Command, self).invoke(ctx)))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[WORDS] = [*args]
        return super().parse_args(ctx, list(self._spread(args)))

    def _spread(self, words: Sequence[str]) -> Iterator[str]:
        """``--from A B`` as ``--from A --from B``, unless words may stand alone; and :data:`BARE` values."""
        alone = any(p.param_type_name == "argument" for p in self.params)
        several = {name for p in self.params if getattr(p, "multiple", False) and not alone for name in p.opts}
        option, values = "", 0
        for word, following in itertools.pairwise([*words, "--"]):
            if word.startswith("-"):
                option, values = word, 0
            elif (values := values + 1) > 1 and option in several:
                yield option
            yield word
            if word in BARE and following.startswith("-"):
                yield BARE[word]


class App(typer.Typer):
    """A program of such commands. Help is plain text: it stands any width, pipe and character set."""

    def __init__(self, **settings: Any) -> None:
        usual = {"no_args_is_help": True, "add_completion": False, "pretty_exceptions_enable": False}
        super().__init__(**{**usual, "rich_markup_mode": None, "context_settings": HELP, **settings})

    def command(self, name: str | None = None, **settings: Any) -> Callable[[Function], Function]:  # type: ignore[override]
        def add(function: Function) -> Function:
            super(App, self).command(name, cls=Command, context_settings=HELP, **settings)(with_options(function))
            return function

        return add


HELP = {"help_option_names": ["-h", "--help"]}


def run(app: App, words: Sequence[str] | None, name: str) -> int:
    """The exit code of a command line, by default that of this process, of the program ``name``."""
    say_all()
    try:
        app(args=None if words is None else [*words], prog_name=name)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def alone(function: Callable[..., Any], **settings: Any) -> App:
    """One command as a program of its own."""
    app = App()
    app.command(**settings)(function)
    return app


def examples(text: str) -> str:
    """What stands below the options, line by line as it is."""
    return "\n\n".join(f"\b\n{part}" for part in text.strip("\n").split("\n\n"))


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, for typer: of a parameter that is a dataclass, each field is an option of its own."""
    hints = typing.get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}

    def flat(**given: Any) -> Any:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
        return function(**given)

    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        parameters += _options(hint) if parameter.name in groups else [parameter.replace(annotation=hint)]
    flat.__name__, flat.__doc__ = function.__name__, function.__doc__
    flat.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    flat.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return flat


def _options(group: Any) -> Iterator[inspect.Parameter]:
    hints = typing.get_type_hints(group, include_extras=True)
    for field in dataclasses.fields(group):
        yield inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[field.name], default=field.default
        )
