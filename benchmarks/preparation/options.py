"""The options that all preparations share."""

from __future__ import annotations

import argparse
import hashlib
import os
from dataclasses import replace
from pathlib import Path

from benchmarks.arguments import positive
from benchmarks.preparation.download import FORMAT, YOUTUBE, Fetcher
from benchmarks.preparation.item import Plan
from benchmarks.preparation.local_media import LocalMedia
from benchmarks.preparation.pipeline import How
from registry.files import expanded


def add_common(parser: argparse.ArgumentParser) -> None:
    """Where to, how many at a time, what to try again."""
    parser.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="prepared data sets lie in folders of it (default: $CAVL_DATA, else the user's cache folder)",
    )
    parser.add_argument("--limit", type=positive, metavar="N", help="N items only, evenly over the lists, to rehearse")
    parser.add_argument(
        "--retry",
        nargs="?",
        const="missing",
        choices=("missing", "damaged", "all"),
        help="try again what was missing (default), damaged, or both",
    )
    working = parser.add_argument_group("how it works")
    working.add_argument(
        "--jobs", type=positive, default=os.cpu_count() or 1, metavar="N", help="items at a time (default: all cores)"
    )
    working.add_argument(
        "--timeout", type=float, default=120.0, metavar="S", help="seconds in which an item is decoded (default: 120)"
    )
    working.add_argument(
        "--memory", type=positive, default=3072, metavar="MIB", help="most memory of one job (default: 3072 MiB)"
    )


def add_own_media(parser: argparse.ArgumentParser, required: bool, what: str) -> None:
    """Folders of media that the user has."""
    parser.add_argument(
        "--from",
        dest="own",
        type=Path,
        nargs="+",
        default=[],
        required=required,
        metavar="DIR",
        help=what,
    )


def add_fetching(parser: argparse.ArgumentParser) -> None:
    """Fetching with yt-dlp."""
    fetching = parser.add_argument_group("fetching (with yt-dlp)")
    fetching.add_argument(
        "--no-fetch", action="store_true", help="use the media in --from only; what is not there is missing"
    )
    fetching.add_argument(
        "--url-template",
        default=YOUTUBE,
        metavar="URL",
        help=f"address of a video, {{id}} standing for its id (default: {YOUTUBE})",
    )
    fetching.add_argument(
        "--rate",
        type=float,
        default=0.1,
        metavar="R",
        help="videos a second at most (default: 0.1; YouTube serves a guest some 300 an hour)",
    )
    fetching.add_argument(
        "--back-off",
        type=float,
        default=10.0,
        metavar="S",
        help="pause when the server is busy (429, 5xx, no answer), doubled each time, at most 600 s, "
        "an hour where it asks for it (default: 10)",
    )
    fetching.add_argument(
        "--fetch-timeout",
        type=float,
        default=900.0,
        metavar="S",
        help="seconds in which a video is fetched (default: 900); --retry goes on with what was fetched by then",
    )
    fetching.add_argument(
        "--patience",
        type=positive,
        default=30,
        metavar="N",
        help="give up when so many fetches in a row have failed (default: 30)",
    )
    fetching.add_argument(
        "--format", default=FORMAT, metavar="F", help=f"yt-dlp's format selection (default: {FORMAT})"
    )
    fetching.add_argument(
        "--sections",
        action="store_true",
        help="fetch segments alone and not whole videos: far less traffic, but it needs the ffmpeg program, which "
        "encodes them anew",
    )
    fetching.add_argument("--cookies", type=Path, metavar="FILE", help="cookies.txt of a browser, handed to yt-dlp")
    fetching.add_argument(
        "--max-mb", type=positive, default=1024, metavar="N", help="fetch no file larger than this (default: 1024)"
    )
    fetching.add_argument("--keep-media", action="store_true", help="keep what was fetched, in ROOT/NAME/fetched")


def root_of(arguments: argparse.Namespace) -> Path:
    """The folder that holds the prepared data sets."""
    from benchmarks.datasets.data_module import data_folder  # slow to import

    return expanded(arguments.root or data_folder())


def how_of(arguments: argparse.Namespace) -> How:
    """The way of working that the options ask for.

    Raises
    ------
    ValueError, FileNotFoundError
        For values that make no sense, folders and files that are not there, or where yt-dlp is not installed.
    """
    retry = {"missing": {"missing"}, "damaged": {"damaged"}, "all": {"missing", "damaged"}, None: set()}
    how = How(
        jobs=arguments.jobs,
        timeout=arguments.timeout,
        memory=arguments.memory << 20,
        retry=frozenset(retry[arguments.retry]),
        own=LocalMedia(arguments.own) if arguments.own else None,
    )
    if not hasattr(arguments, "url_template"):
        return how
    how = replace(
        how,
        rate=arguments.rate,
        pause=arguments.back_off,
        patience=arguments.patience,
        fetch_timeout=arguments.fetch_timeout,
        keep_media=arguments.keep_media,
    )
    if arguments.no_fetch:
        if not arguments.own:
            raise ValueError("--no-fetch needs --from: without either there are no media")
        return how
    if arguments.cookies and not arguments.cookies.is_file():
        raise FileNotFoundError(f"--cookies {arguments.cookies}: there is no such file")
    fetcher = Fetcher(
        template=arguments.url_template,
        form=arguments.format,
        cookies=arguments.cookies,
        sections=arguments.sections,
        most_bytes=arguments.max_mb << 20,
    )
    return replace(how, fetcher=fetcher)


def limited(plan: Plan, limit: int | None) -> Plan:
    """``limit`` items of a plan, evenly over its lists; the others are left out."""
    if not limit or limit >= len(plan.items):
        return plan
    asked = {plan.items[i * len(plan.items) // limit].id for i in range(limit)}
    return replace(plan, left_out={item.id for item in plan.items} - asked)


def described(path: Path) -> dict[str, str]:
    """A list's file name and content hash, for the manifest."""
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
