"""Fetching through yt-dlp itself, from loopback: what comes, what does not and why, and that nothing comes twice."""

from __future__ import annotations

import errno
import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yt_dlp

from benchmarks.preparation.decode import clips_of
from benchmarks.preparation.download import Fetcher, FetchError, aside_of, media_in
from benchmarks.preparation.item import Cut
from registry.files import DiskFullError
from tests.loopback import Page, Server
from tests.media import PITCHES, make_video, pitch_at


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    video = make_video(tmp_path_factory.mktemp("uploads") / "a.mp4", 16.0, fps=5).read_bytes()
    pages = {
        "dQw4w9WgXcQ": Page(video),
        "-oXabc_1234": Page(video),
        "busy4w9WgXc": Page(answer=429),
        "broken_abcd": Page(answer=502),
        "gone_w9WgXc": Page(answer=410),
        "zero_w9WgXc": Page(b""),
        "page_w9WgXc": Page(b"<html>This video is private</html>", type="text/html"),
    }
    with Server(pages) as server:
        yield server


@pytest.fixture
def fetcher(server: Server) -> Fetcher:
    return Fetcher(template=server.template, stall=5.0)


def failure(fetcher: Fetcher, video: str, folder: Path) -> FetchError:
    with pytest.raises(FetchError) as error:
        fetcher.fetch(video, folder)
    assert not folder.exists()
    as_sent: FetchError = pickle.loads(pickle.dumps(error.value))  # by the child that fetches
    return as_sent


@pytest.mark.parametrize("video", ["dQw4w9WgXcQ", "-oXabc_1234"])
def test_a_video_is_fetched_whole(fetcher: Fetcher, server: Server, tmp_path: Path, video: str) -> None:
    folder = tmp_path / "a $HOME %(id)s folder" / video
    (path,) = fetcher.fetch(video, folder)
    assert path.parent == folder
    assert path.read_bytes() == server.pages[video].content
    assert media_in(folder) == [path]
    assert not aside_of(folder).exists()


def test_reasons_are_the_servers_own(fetcher: Fetcher, tmp_path: Path) -> None:
    gone = failure(fetcher, "gone_w9WgXc", tmp_path / "a")
    assert (gone.reason, gone.again, gone.damaged) == (
        "Unable to download webpage: HTTP Error 410: Gone",
        False,
        False,
    )
    assert "404: Not Found" in failure(fetcher, "nobody_knows", tmp_path / "b").reason
    zero = failure(fetcher, "zero_w9WgXc", tmp_path / "c")
    assert (zero.reason, zero.damaged) == ("the file is empty (0 bytes)", True)
    page = failure(fetcher, "page_w9WgXc", tmp_path / "d")
    assert page.reason.startswith("Unsupported URL")
    assert not page.again


def test_a_busy_server_is_asked_again_later(fetcher: Fetcher, tmp_path: Path) -> None:
    assert failure(fetcher, "busy4w9WgXc", tmp_path / "a").again
    assert failure(fetcher, "broken_abcd", tmp_path / "b").again
    nobody = failure(Fetcher(template="http://127.0.0.1:1/{id}"), "dQw4w9WgXcQ", tmp_path / "c")
    assert nobody.again
    assert "refused" in nobody.reason


def test_retry_after_is_heard(tmp_path: Path) -> None:
    from yt_dlp.networking import Response
    from yt_dlp.networking.exceptions import HTTPError
    from yt_dlp.utils import DownloadError

    from benchmarks.preparation.download import _understood

    cause = HTTPError(Response(url="http://x/", headers={"Retry-After": "37"}, status=429, fp=open("/dev/null", "rb")))  # noqa: SIM115
    error = _understood(
        DownloadError("ERROR: [youtube] abc: HTTP Error 429 (caused by <x>)", (type(cause), cause, None))
    )
    assert (error.reason, error.again, error.wait) == ("HTTP Error 429", True, 37.0)
    rate = _understood(
        DownloadError("ERROR: [youtube] dQw4w9WgXcQ: Sign in to confirm you’re not a bot. Use --cookies")
    )
    assert rate.again
    private = _understood(DownloadError("\x1b[0;31mERROR:\x1b[0m [youtube] dQw4w9WgXcQ: Private video. Sign in"))
    assert (private.reason, private.again) == ("Private video. Sign in", False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "Sun, 06 Nov 1994 08:51:37 GMT", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 120.0),
        ({"Retry-After": "Sunday, 06-Nov-94 08:51:37 GMT", "Date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 120.0),
        ({"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),  # long ago, by our clock
        ({"Retry-After": "Fri, 31 Dec 2199 23:59:59 GMT", "Date": "yesterday"}, pytest.approx(5e9, rel=0.2)),
        ({"Retry-After": " 12.5 "}, 12.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "nan"}, 0.0),
        ({"Retry-After": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_a_server_asks_to_wait_for_seconds_or_until_a_date(headers: dict[str, str], seconds: float) -> None:
    from benchmarks.preparation.download import _asked

    assert _asked(headers) == seconds


def test_a_full_disk_is_not_the_videos_fault(fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise yt_dlp.utils.DownloadError("ERROR: unable to write data: [Errno 28] No space left on device")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", full)
    with pytest.raises(DiskFullError, match="no room to fetch"):
        fetcher.fetch("dQw4w9WgXcQ", tmp_path / "a")


def test_a_folder_for_which_there_is_no_room_is_not_the_videos_fault(
    fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("rename", "mkdir"):
        monkeypatch.setattr(Path, name, full)
        with pytest.raises(DiskFullError, match="no room to write"):
            fetcher.fetch("dQw4w9WgXcQ", tmp_path / name)


def test_the_last_warning_is_kept_and_no_key_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.pages["page_w9WgXc?key=SECRET"] = server.pages["page_w9WgXc"]
    secret = Fetcher(template=server.template + "?key=SECRET", stall=5.0)
    assert failure(secret, "page_w9WgXc", tmp_path / "a").reason.startswith("Unsupported URL: its address")

    def warn(downloader: Any, address: str) -> None:
        downloader.report_warning(f"[youtube] abc: No JavaScript runtime for {address}&again=1; install Deno")
        raise yt_dlp.utils.DownloadError("ERROR: [youtube] abc: Requested format is not available")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", warn)
    assert failure(secret, "page_w9WgXc", tmp_path / "b").reason == (
        "Requested format is not available (warning: No JavaScript runtime for its address; install Deno)"
    )


def test_the_users_cookies_stay_as_they_are(fetcher: Fetcher, tmp_path: Path) -> None:
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n# my own\n.x.org\tTRUE\t/\tTRUE\t0\tSID\tabc\n")
    before = cookies.read_text(), cookies.stat().st_mtime_ns
    replace(fetcher, cookies=cookies).fetch("dQw4w9WgXcQ", tmp_path / "a")
    assert (cookies.read_text(), cookies.stat().st_mtime_ns) == before


def test_live_streams_are_refused(fetcher: Fetcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def live(downloader: yt_dlp.YoutubeDL, address: str) -> None:
        information = {"id": "a", "title": "a", "url": address, "ext": "mp4", "is_live": True}
        downloader.process_ie_result(information, download=True)  # type: ignore[arg-type]

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", live)
    assert "live stream" in failure(fetcher, "dQw4w9WgXcQ", tmp_path / "a").reason


def test_files_that_are_too_large_are_left(server: Server, tmp_path: Path) -> None:
    small = Fetcher(template=server.template, most_bytes=1000)
    assert "larger than 1,000 bytes" in failure(small, "dQw4w9WgXcQ", tmp_path / "a").reason


def test_an_unfinished_file_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    (tmp_path / "a.mp4.part").write_bytes(b"half")
    (tmp_path / "a.mp4.part-Frag3").write_bytes(b"piece")
    (tmp_path / "a.mp4.ytdl").write_bytes(b"{}")
    assert media_in(tmp_path) == []
    assert media_in(tmp_path / "absent") == []


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
def test_a_section_is_cut_by_ffmpeg(server: Server, tmp_path: Path) -> None:
    fetcher = Fetcher(template=server.template, sections=True)
    files = fetcher.fetch("dQw4w9WgXcQ", tmp_path / "a", (3.0, 13.0))
    (piece,) = clips_of(files, Cut(start=3.0), own=True)
    for second in range(10):
        assert abs(pitch_at(piece.waveform, second, 11_025) - PITCHES[(3 + second) % 10]) < 3


@pytest.mark.parametrize("template", ["file:///etc/passwd", "https://x/watch", "ftp://x/{id}", "{id}", "-o {id}"])
def test_addresses_that_are_none_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="--url-template"):
        Fetcher(template=template)


def test_sections_need_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="--sections needs the ffmpeg program"):
        Fetcher(sections=True)
