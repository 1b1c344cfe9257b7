"""What words of a command line stand for; what stands for nothing is refused in a sentence."""

from __future__ import annotations

import argparse


def comma_separated(text: str) -> tuple[str, ...]:
    """ "cavl, dmc,": each name once, without spaces around it."""
    found = tuple(dict.fromkeys(name for part in text.split(",") if (name := part.strip())))
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} names nothing; leave the option out where all are meant")
    return found


def positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def number_of_seeds(text: str) -> int:
    try:
        return positive(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; it takes how many: 3 means the seeds 1, 2 and 3") from None
