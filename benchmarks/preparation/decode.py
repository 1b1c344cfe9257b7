"""Decoding: the sound of a segment as int16 at 11,025 Hz, its frames as JPEG of 256 x 256 (PyAV, so FFmpeg).

Meant to run in a process that may be killed (:mod:`benchmarks.preparation.sandbox`): files are as their uploaders
made them.

* Time: seconds from the beginning of the medium; gaps in the sound are silence.
* Sound: the mean of the channels, resampled by a polyphase filter without delay (``scipy.signal.resample_poly``).
* Frames: what is on the screen at 0, 1/fps, 2/fps, ... seconds of the segment, with the time at which it appeared. A
  frame that stays for several of these moments is kept once.
* A frame is scaled to 256 x 256 whatever its shape: "we directly reshape the input image into 256 x 256 x 3" (§4.2);
  the boxes of SoundNet-Flickr are meant in such frames too.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import re
import stat
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datasets.prepared import FRAME, SAMPLE_RATE
from benchmarks.datasets.scene import reason_of
from benchmarks.preparation.item import Cut
from cavl.resampling import RATES, polyphase

LEAST = 0.95  # share of a segment's sound that must be there; the rest of it becomes silence
MOST_SECONDS = 30.0  # of a sound that is taken whole
MOST_PIECES = 360  # of one medium: an hour of clips
MOST_LACKING = 6  # of them in a row without sound or picture: the rest, whatever its length is said to be, is not there
MARGIN = 0.2  # seconds around a segment that the resampling filter sees
JUMP = 0.1  # seconds by which the time stamps of sound may be off before they mean a gap
LATE = 10  # frames of sound after the segment until it is believed to be over: the stamp of one may be wrong
LONGER = 0.5  # seconds by which a user's file that is the segment may exceed it
SEGMENT = re.compile(r"_[\d.]+$")  # names of files that are one: ID_30, ID_30_40, ID_30.000_40.000
MOST_PLANES = 7  # of sound, a channel each: over more PyAV crashes, but samples of all channels in turn are read
LEAD = 0.5  # seconds decoded before a segment: codecs of sound need a run-up
MOST_PIXELS = 50_000_000  # of a frame or photograph: 8K video has 33 million
MOST_IMAGE_BYTES = 64 << 20

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


class DecodeError(ValueError):
    """Why a medium yields no clip."""


class TooShortError(DecodeError):
    """The medium ends before the segment does."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A clip cut out of a medium: ``start`` in seconds of the medium, ``times`` in seconds of the clip."""

    start: float
    waveform: npt.NDArray[np.int16]
    frames: list[bytes]
    times: list[float]

    @property
    def silent(self) -> bool:
        """Whether its sound is digital silence: one level, or a flicker of one step."""
        return int(self.waveform.max(initial=-32768)) - int(self.waveform.min(initial=32767)) <= 1


def clips_of(paths: Sequence[Path], cut: Cut, own: bool = False) -> list[Piece]:
    """The clips that ``cut`` asks for: one, or with ``cut.pieces`` as many as there are.

    Parameters
    ----------
    paths
        One medium, or several that belong together: sound and video apart, or sound and a picture.
    own
        They may hold just the segment: those that last about as long do.

    Raises
    ------
    DecodeError
        Saying what is wrong with the medium.
    """
    pictures = [path for path in paths if path.suffix.lower() in IMAGES]
    media = [path for path in paths if path not in pictures]
    for path in paths:
        _require_file(path)
    sound = _one_with(media, "audio")
    video = _one_with(media, "video") if cut.fps else None
    image = photograph(pictures[0], cut.quality) if cut.image and pictures else None
    if cut.image and image is None:
        raise DecodeError("there is no picture")
    if not cut.pieces:
        return [_piece(sound, video, image, cut, cut.start, own)]
    return _pieces(sound, video, image, cut)


def _pieces(sound: Path, video: Path | None, image: bytes | None, cut: Cut) -> list[Piece]:
    """One piece after another to the end; those that lack sound or picture are left out."""
    assert cut.seconds is not None
    pieces: list[Piece] = []
    lacking: list[DecodeError] = []  # in a row
    with _opened(sound) as container:
        end = math.inf if container.duration is None else container.duration / 1_000_000
    for number in range(MOST_PIECES):
        start = cut.start + number * cut.seconds
        if start >= end or len(lacking) == MOST_LACKING:
            break
        try:
            pieces.append(_piece(sound, video, image, cut, start, own=False))
            lacking.clear()
        except DecodeError as error:
            lacking.append(error)
    if not pieces:
        if lacking and not isinstance(lacking[0], TooShortError):
            raise lacking[0]
        raise DecodeError(f"it is shorter than one clip of {cut.seconds:g} s")
    return pieces


def _piece(sound: Path, video: Path | None, image: bytes | None, cut: Cut, start: float, own: bool) -> Piece:
    waveform = _waveform(sound, start, cut.seconds, own)
    if video is not None:
        assert cut.seconds is not None
        frames, times = _frames(video, start, cut.seconds, cut.fps, cut.quality, own)
    else:
        frames, times = ([image], [0.0]) if image is not None else ([], [])
    return Piece(start, waveform, frames, times)


def photograph(path: Path, quality: int) -> bytes:
    """A picture, as a viewer shows it, as JPEG of 256 x 256; the file as it is where it is one.

    Raises :class:`DecodeError` if it is no picture, damaged, or too large to be looked at.
    """
    from PIL import Image, UnidentifiedImageError

    from benchmarks.datasets.still import as_shown

    _require_file(path)
    if path.stat().st_size > MOST_IMAGE_BYTES:
        raise DecodeError(f"a picture of {path.stat().st_size:,} bytes is refused (at most {MOST_IMAGE_BYTES:,})")
    content = path.read_bytes()
    if not content:
        raise DecodeError("the picture is empty (0 bytes)")
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP", "BMP")) as image:
            if image.width * image.height > MOST_PIXELS:
                raise DecodeError(f"a picture of {image.width} x {image.height} pixels is refused")
            pixels = as_shown(image)
            if pixels is image and (image.format, image.size) == ("JPEG", (FRAME, FRAME)):
                return content
            return _jpeg(pixels.resize((FRAME, FRAME), Image.Resampling.BICUBIC), quality)
    except UnidentifiedImageError:
        raise DecodeError("the picture is neither JPEG, PNG, WebP nor BMP") from None
    except (OSError, ValueError, SyntaxError, IndexError, struct.error) as error:  # what Pillow raises over damage
        if isinstance(error, DecodeError):
            raise
        raise DecodeError(f"the picture is damaged ({reason_of(error)})") from error


def _waveform(path: Path, start: float, seconds: float | None, own: bool) -> npt.NDArray[np.int16]:
    """The sound from ``start`` on: ``seconds`` long, or as long as it is."""
    with _opened(path) as container:
        start = 0.0 if own and _holds_just(path, container, start, seconds) else start
        samples, rate, held = _sound(container, start, seconds or MOST_SECONDS)
    if seconds is not None and held < LEAST * seconds:
        there = f"{held:.1f} s of the {seconds:g} s from {start:g} s on"
        raise TooShortError(f"too short: of its sound there are {there}")
    first = round(MARGIN * SAMPLE_RATE)
    wanted = polyphase(samples, rate, SAMPLE_RATE)[
        first : first + round((held if seconds is None else seconds) * SAMPLE_RATE)
    ]
    if not len(wanted):
        raise TooShortError("too short: it has no sample of sound")
    return np.clip(np.round(wanted * 32768), -32768, 32767).astype(np.int16)


def _sound(container: Any, start: float, seconds: float) -> tuple[npt.NDArray[np.float32], int, float]:
    """Mono samples from MARGIN before ``start`` to MARGIN after the end, their rate, and the seconds held of it."""
    import av

    stream = _stream(container, "audio")
    as_float: Any = None
    buffer = np.zeros(0, np.float32)
    rate, place, held, late = 0, None, 0, 0
    for at, frame in _played(container, stream, start - MARGIN, LEAD):
        if not rate:
            rate = frame.sample_rate
            if rate > RATES[-1]:
                raise DecodeError(f"its sound has {rate:,} samples a second; {RATES[-1]:,} are the most")
            buffer = np.zeros(round((seconds + 2 * MARGIN) * rate), np.float32)
            as_float = av.AudioResampler(format="fltp" if frame.layout.nb_channels <= MOST_PLANES else "flt")
        if frame.sample_rate != rate:
            raise DecodeError(f"its sound changes from {rate} to {frame.sample_rate} samples a second")
        stamp = round((at - start + MARGIN) * rate)
        if place is None or abs(stamp - place) > JUMP * rate:
            place = stamp
        if place >= len(buffer):
            late += 1
            if late > LATE:
                break
            place = None
            continue
        for converted in as_float.resample(frame):
            channels = converted.to_ndarray()
            if not converted.format.is_planar:
                channels = channels.reshape(-1, converted.layout.nb_channels).T
            part = channels.mean(0)
            inside = part[max(0, -place) : max(0, len(buffer) - place)]
            begin = max(0, place)
            buffer[begin : begin + len(inside)] = inside
            held += max(
                0, min(begin + len(inside), round((MARGIN + seconds) * rate)) - max(begin, round(MARGIN * rate))
            )
            place += len(part)
    if not held:
        raise TooShortError(f"too short: there is no sound after {start:g} s") if start else DecodeError("no sound")
    if not np.isfinite(buffer).all():
        raise DecodeError("its sound holds NaN or infinite samples")
    return buffer, rate, min(seconds, held / rate)


def _frames(
    path: Path, start: float, seconds: float, fps: float, quality: int, own: bool
) -> tuple[list[bytes], list[float]]:
    """The frames on the screen at the moments k / fps of the segment, and when each appears."""
    with _opened(path) as container:
        start = 0.0 if own and _holds_just(path, container, start, seconds) else start
        stream = _stream(container, "video")
        if stream.width * stream.height > MOST_PIXELS:
            raise DecodeError(f"a video of {stream.width} x {stream.height} pixels is refused")
        stream.codec_context.thread_count = 1  # several media are decoded at once
        moments = [k / fps for k in range(max(1, round(seconds * fps)))]
        scaled = _Scaler()
        frames: list[bytes] = []
        times: list[float] = []
        shown, since, k = None, 0.0, 0  # the last frame, when it appeared, the next moment
        for at, frame in _played(container, stream, start, 0.0):
            appears = at - start
            if k < len(moments) and moments[k] < appears - 1e-3:
                if shown is not None:
                    frames.append(_jpeg(scaled(shown), quality))
                    times.append(max(0.0, since))
                while k < len(moments) and moments[k] < appears - 1e-3:
                    k += 1
            shown, since = frame, appears
            if k == len(moments):
                break
        if shown is not None and k < len(moments) and since > -1.0:  # on the screen to the end
            frames.append(_jpeg(scaled(shown), quality))
            times.append(max(0.0, since))
    if not frames:
        raise DecodeError(f"its video has no frame between {start:g} and {start + seconds:g} s")
    return frames, times


class _Scaler:
    """Frames of one video to pictures of 256 x 256: FFmpeg's fast ways, scaling first and RGB afterwards."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self.smaller, self.rgb = VideoReformatter(), VideoReformatter()

    def __call__(self, frame: Any) -> Any:
        from PIL import Image

        if frame.width * frame.height > MOST_PIXELS:
            raise DecodeError(f"a frame of {frame.width} x {frame.height} pixels is refused")
        size = {"width": FRAME, "height": FRAME}
        small = self.smaller.reformat(frame, **size, format="yuv420p", interpolation="AREA", threads=1)
        pixels = self.rgb.reformat(small, format="rgb24", threads=1).to_ndarray()
        return Image.fromarray(np.rot90(pixels, frame.rotation // 90) if frame.rotation else pixels)


def _jpeg(image: Any, quality: int) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


def _played(container: Any, stream: Any, start: float, lead: float) -> Iterator[tuple[float, Any]]:
    """(seconds, frame) of a stream in order, from a frame at or before ``start`` on where there is one.

    Packets that cannot be decoded are left out: what is missing is counted by who listens. A file whose index leads
    beyond ``start`` (or that has none) is played from its beginning.
    """
    origin = (container.start_time or 0) / 1_000_000  # FFmpeg's unit of time
    sought = start - lead > 0 and _sought(container, stream, origin + start - lead)
    frames = _decoded(container, stream, origin)
    first = next(frames, None)
    if sought and (first is None or first[0] > start):
        _sought(container, stream, origin)
        frames, first = _decoded(container, stream, origin), None
    if first is not None:
        yield first
    yield from frames


def _sought(container: Any, stream: Any, seconds: float) -> bool:
    import av

    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except (av.error.FFmpegError, OverflowError):
        return False
    return True


def _decoded(container: Any, stream: Any, origin: float) -> Iterator[tuple[float, Any]]:
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError:  # cut off or overwritten from here on
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue
        for frame in frames:
            if frame.time is not None:
                yield frame.time - origin, frame


def _holds_just(path: Path, container: Any, start: float, seconds: float | None) -> bool:
    """Whether a user's file is the segment and not the video it comes from, by how long it lasts.

    Headers written to a pipe say nothing of that, or what is wrong: then, and where the file's name says that it is a
    segment, the packets say it.
    """
    if seconds is None or start <= 0:
        return False
    said = container.duration
    if said is not None and said / 1_000_000 <= seconds + LONGER:
        return True
    return bool((said is None or SEGMENT.search(path.stem)) and _played_out(path, seconds + LONGER))


def _played_out(path: Path, seconds: float) -> bool:
    """Whether a medium ends before ``seconds`` by the times of its packets; nothing is decoded."""
    import av

    with _opened(path) as container, contextlib.suppress(av.error.FFmpegError):
        origin, timed = (container.start_time or 0) / 1_000_000, False
        for packet in container.demux():
            if packet.pts is None or _is_cover(packet.stream):
                continue
            timed = True
            if (packet.pts + (packet.duration or 0)) * packet.time_base - origin > seconds:
                return False
    return timed


def _one_with(paths: Sequence[Path], kind: str) -> Path:
    """The first of the media that has a stream of this kind; one that is alone is opened only once it is decoded."""
    for path in paths[:-1]:
        with _opened(path) as container, contextlib.suppress(DecodeError):
            _stream(container, kind)
            return path
    if not paths:
        raise DecodeError(f"there is no {kind}")
    return paths[-1]


def _stream(container: Any, kind: str) -> Any:
    """The track that a player plays: the one flagged default, rather than a commentary, rather than a later one."""
    from av.stream import Disposition

    beside = Disposition.comment | Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.karaoke
    tracks = [s for s in getattr(container.streams, kind) if s.codec_context is not None and not _is_cover(s)]
    if not tracks:
        raise DecodeError(f"it has no {kind} track")
    return min(tracks, key=lambda s: (not s.disposition & Disposition.default, bool(s.disposition & beside)))


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The container of a file; FFmpeg's errors become :class:`DecodeError`, which names the file and the remedy."""
    import av

    av.logging.set_level(av.logging.ERROR)
    logging.getLogger("libav").addHandler(logging.NullHandler())
    try:
        with av.open(str(path)) as container:
            yield container
    except av.error.FFmpegError as error:
        log: Any = error.log
        said = log[2].strip() if log else ""
        why = f"{error.strerror}{f' ({said})' if said else ''}"
        raise DecodeError(f"{path.name}: {why}; cut off, or no medium: copy or fetch it again") from error


def _require_file(path: Path) -> None:
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode):  # a pipe would be waited for
            path.open("rb").close()
    except OSError as error:
        raise DecodeError(f"{path.name} cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(status.st_mode):
        raise DecodeError(f"{path.name} is no regular file")
    if not status.st_size:
        raise DecodeError(f"{path.name} is empty (0 bytes)")
