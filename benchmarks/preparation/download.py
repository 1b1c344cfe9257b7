"""Download of one video with yt-dlp: the smallest form that serves, or the reason why there is none.

Meant to run in a child process (:mod:`benchmarks.preparation.sandbox`). A video is fetched into a folder of its own
beside, which is renamed when all of it is there: a fetch that was killed goes on where it stopped, one that was not is
never repeated.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from registry.files import DiskFullError, disk_errors
from registry.text_files import text_of

YOUTUBE = "https://www.youtube.com/watch?v={id}"

#: Sound and video in one file of at most 360 lines, else in two; frames are stored at 256 x 256. Two files are not
#: merged, which would take the ffmpeg program.
FORMAT = "b[height<=360]/(bv[height<=360],ba)/b/(bv,ba)/ba"

#: Of the server: come back later.
BUSY = (408, 425, 429, 500, 502, 503, 504)
BUSY_WORDS = re.compile(r"not a bot|rate.?limit|try again later|timed? ?out|too many requests", re.IGNORECASE)
NO_ROOM = re.compile("no space left on device|disk quota exceeded", re.IGNORECASE)


class FetchError(Exception):
    """Why there is no video.

    ``again``: asking later may help; ``wait``: seconds that the server asks us to wait; ``damaged``: it is there, but
    is none.
    """

    def __init__(self, reason: str, again: bool = False, wait: float = 0.0, damaged: bool = False) -> None:
        super().__init__(reason, again, wait, damaged)
        self.reason, self.again, self.wait, self.damaged = reason, again, wait, damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Where videos come from, and how."""

    template: str = YOUTUBE  # {id} is the video
    form: str = FORMAT  # yt-dlp's format selection
    cookies: Path | None = None
    sections: bool = False  # fetch the segment alone, cut by the ffmpeg program
    most_bytes: int = 1 << 30  # of one file
    stall: float = 30.0  # seconds without an answer

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://\S*\{id\}\S*", self.template):
            raise ValueError(f"--url-template {self.template!r} must be an http(s) address that contains {{id}}")
        if self.sections and shutil.which("ffmpeg") is None:
            raise ValueError(
                "--sections needs the ffmpeg program, which is not on the PATH; without it whole videos come"
            )

    def fetch(self, video: str, folder: Path, section: tuple[float, float] | None = None) -> list[Path]:
        """Fetch a video into ``folder``, which must not exist yet; the paths of its one or two files.

        With ``sections`` and a ``section`` (beginning and end, s) the files hold that part of the video alone. Raises
        :class:`FetchError` with the site's own reason, and what yt-dlp warned of last; :class:`DiskFullError` when
        there is no room.
        """
        import yt_dlp

        aside, messages = aside_of(folder), _Messages()
        options: dict[str, Any] = {
            "quiet": True,
            "noprogress": True,
            "logger": messages,
            "noplaylist": True,
            "playlist_items": "1",  # of an address that leads to nothing else
            "match_filter": messages.refuse_live,
            "format": self.form,
            "outtmpl": {"default": "%(format_id)s.%(ext)s"},
            "restrictfilenames": True,
            "max_filesize": self.most_bytes,
            "socket_timeout": self.stall,
            "retries": 0,  # waiting is the caller's, who knows of the other fetches
            "extractor_retries": 0,
            "fragment_retries": 2,
            # Their text: yt-dlp writes the cookies that it gets back into what it is handed.
            "cookiefile": io.StringIO(text_of(self.cookies)) if self.cookies else None,
        }
        if self.sections and section is not None:
            options["download_ranges"] = yt_dlp.utils.download_range_func(None, [section])
            options["force_keyframes_at_cuts"] = True  # else they begin at some key frame before
        with disk_errors(aside):
            aside.mkdir(parents=True, exist_ok=True)
            try:
                # In the folder: yt-dlp would replace $ and % in its name. A process of its own may change folders.
                with contextlib.chdir(aside), yt_dlp.YoutubeDL(options) as downloader:
                    downloader.extract_info(self.template.replace("{id}", video))
            except yt_dlp.utils.YoutubeDLError as error:
                if NO_ROOM.search(str(error)):
                    raise DiskFullError(errno.ENOSPC, f"no room to fetch into {aside}") from None
                raise self._reported(_understood(error), messages) from None
            if not media_in(aside):
                why = messages.refused or f"nothing was fetched: larger than {self.most_bytes:,} bytes?"
                raise self._reported(FetchError(why), messages)
            aside.rename(folder)
        return media_in(folder)

    def _reported(self, error: FetchError, messages: _Messages) -> FetchError:
        """With the last warning, and without the address, which may hold a key: reasons are kept and shown."""
        warning = _reason(messages.warned)
        text = f"{error.reason} (warning: {warning})" if warning else error.reason
        site = re.split(r"[/?#{]", self.template.split("//", 1)[1])[0].rpartition("@")[2]
        text = re.sub(rf"https?://([^/\s]*@)?{re.escape(site)}[^\s'\";)]*", "its address", text)
        return FetchError(text, error.again, error.wait, error.damaged)


def aside_of(folder: Path) -> Path:
    """Where a video is while it is fetched into ``folder``."""
    return folder.with_name(folder.name + ".part")


def media_in(folder: Path) -> list[Path]:
    """The whole files of a video that was fetched."""
    if not folder.is_dir():
        return []
    unfinished = (".part", ".ytdl", ".temp")  # and .part-Frag3
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.suffix.startswith(unfinished))


def _understood(error: Any) -> FetchError:
    """yt-dlp's error as its reason in words, and whether it will pass."""
    from yt_dlp.networking.exceptions import HTTPError, TransportError

    reason = _reason(str(error)) or type(error).__name__
    if re.search("did not get any data blocks|file is empty", reason, re.IGNORECASE):
        return FetchError("the file is empty (0 bytes)", damaged=True)
    cause = _cause_of(error)
    if isinstance(cause, HTTPError):
        return FetchError(reason, cause.status in BUSY, _asked(cause.response.headers or {}))
    if isinstance(cause, TransportError):
        return FetchError(reason, again=True)
    return FetchError(reason, again=bool(BUSY_WORDS.search(reason)))


def _asked(headers: Mapping[str, str]) -> float:
    """Seconds that a server asks us to wait: ``Retry-After`` is a number of them, or a date by its own clock."""
    asked = str(headers.get("Retry-After", "")).strip()
    try:
        seconds = float(asked)
    except ValueError:
        until, now = _moment(asked), _moment(str(headers.get("Date", ""))) or datetime.now(UTC)
        seconds = (until - now).total_seconds() if until else 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0


def _moment(date: str) -> datetime | None:
    """A date of HTTP; None where it is none."""
    try:
        moment = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _reason(message: str) -> str:
    """What yt-dlp says, without what it says of itself."""
    reason = re.sub(r"\x1b\[[0-9;]*m", "", message).strip()
    reason = re.sub(r"^(ERROR: )?(\[[^\]]+\] (\S+: )?)?", "", reason)
    reason = re.sub(r"\s*\(caused by .*", "", reason, flags=re.DOTALL)
    reason = re.sub(r";? please report this issue on .*", "", reason, flags=re.DOTALL)
    return " ".join(reason.split())[:300]


def _cause_of(error: Any) -> Any:
    """What lies at the bottom of yt-dlp's errors: one of its network's, if there is one."""
    from yt_dlp.networking.exceptions import RequestError

    seen: list[Any] = []
    while error is not None and error not in seen:
        if isinstance(error, RequestError):
            return error
        seen.append(error)
        information = getattr(error, "exc_info", None)
        inner = information[1] if information else None
        error = getattr(error, "cause", None) or (inner if inner not in seen else None) or error.__cause__
    return None


class _Messages:
    """yt-dlp's messages: the reason of a failure comes as its exception, and its last warning may explain it."""

    def __init__(self) -> None:
        self.warned = ""
        self.refused = ""

    def refuse_live(self, information: dict[str, Any], *, incomplete: bool = False) -> str | None:
        if information.get("is_live"):
            self.refused = "it is a live stream, which has no end"
        return self.refused or None

    def debug(self, message: str) -> None: ...

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None:
        self.warned = message

    def error(self, message: str) -> None: ...
