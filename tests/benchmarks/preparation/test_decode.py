"""Cutting clips out of media: the right seconds, at the right rate; and a reason where there are none."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.stream
import numpy as np
import pytest
import soundfile
from PIL import Image

from benchmarks.datasets.prepared import decode as pixels
from benchmarks.preparation import decode
from benchmarks.preparation.decode import DecodeError, TooShortError, clips_of, photograph
from benchmarks.preparation.item import Cut
from tests.media import GREYS, PITCHES, make_video, pitch_at

RATE = 11_025


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_video(tmp_path_factory.mktemp("media") / "clock.mp4", 14.0, fps=10)


def check(piece: decode.Piece, start: float, seconds: float = 10.0) -> None:
    """Every whole second of the piece has its pitch and its grey."""
    assert len(piece.waveform) == round(seconds * RATE)
    assert piece.waveform.dtype == np.int16
    for s in range(int(seconds)):
        if start % 1 == 0:
            assert abs(pitch_at(piece.waveform, s, RATE) - PITCHES[int(start + s) % 10]) < 3
    for time, frame in zip(piece.times, piece.frames, strict=True):
        assert abs(int(pixels(frame).mean()) - GREYS[int(start + time + 1e-6) % 10]) < 8, time


@pytest.mark.parametrize("start", [0.0, 3.0, 4.0])
def test_the_segment_is_the_one_that_was_asked_for(video: Path, start: float) -> None:
    (piece,) = clips_of([video], Cut(start=start, fps=10))
    check(piece, start)
    np.testing.assert_allclose(piece.times, np.arange(100) / 10)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.webm", {"video": "libvpx-vp9", "audio": "libopus", "rate": 48_000}),
        ("a.mkv", {"video": "libx264", "audio": "libmp3lame", "rate": 22_050, "channels": 1, "size": (102, 58)}),
        ("a.avi", {"video": "mpeg4", "audio": "libmp3lame", "rate": 32_000}),
        ("a.mov", {"video": "mpeg4", "audio": "pcm_s16le", "rate": 8_000}),
        ("a.mp3", {"video": None, "audio": "libmp3lame"}),
        ("a.flac", {"video": None, "audio": "flac", "rate": 48_000}),
    ],
)
def test_other_forms(tmp_path: Path, name: str, form: dict[str, Any]) -> None:
    path = make_video(tmp_path / name, 13.0, fps=5, **form)
    check(clips_of([path], Cut(start=2.0, fps=5 if form["video"] else 0))[0], 2.0)


def test_sound_keeps_its_time(tmp_path: Path) -> None:
    """A click is where it was, to the sample, whatever the rate was: the filter has no delay."""
    for rate in (44_100, 48_000, 16_000, 11_025):
        samples = np.zeros(12 * rate)
        samples[5 * rate : 5 * rate + rate // 1000] = 0.9
        soundfile.write(tmp_path / "click.wav", samples, rate)
        (piece,) = clips_of([tmp_path / "click.wav"], Cut(start=1.5))
        middle = float(np.average(np.arange(len(piece.waveform)), weights=np.abs(piece.waveform.astype(float))))
        assert abs(middle - (3.5 + 0.0005) * RATE) < 2, rate


def test_channels_are_averaged_and_levels_kept(tmp_path: Path) -> None:
    t = np.arange(11 * RATE) / RATE
    left, right = 0.6 * np.sin(2 * np.pi * 440 * t), 0.2 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), RATE, subtype="PCM_24")
    (piece,) = clips_of([tmp_path / "a.wav"], Cut())
    truth = np.round(0.4 * np.sin(2 * np.pi * 440 * t[: 10 * RATE]) * 32768)
    assert np.abs(piece.waveform - truth).max() <= 2


@pytest.mark.parametrize("channels", [3, 8, 9, 33])
def test_sounds_of_many_channels_are_averaged_as_well(tmp_path: Path, channels: int) -> None:
    levels = np.linspace(-0.1, 0.5, channels)
    soundfile.write(tmp_path / "a.wav", np.tile(levels, (2 * RATE, 1)), RATE, subtype="PCM_16", format="WAVEX")
    (piece,) = clips_of([tmp_path / "a.wav"], Cut(seconds=1.0))
    np.testing.assert_allclose(piece.waveform, 0.2 * 32768, atol=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_sounds_that_hold_no_numbers_are_damaged(tmp_path: Path, bad: float) -> None:
    samples = np.full(2 * RATE, 0.1)
    samples[500] = bad
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(DecodeError, match="its sound holds NaN or infinite samples"):
        clips_of([tmp_path / "a.wav"], Cut(seconds=1.0))


def test_a_sound_without_a_whole_sample_is_too_short(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.5], 44_100)
    with pytest.raises(TooShortError, match="no sample of sound"):
        clips_of([tmp_path / "a.wav"], Cut(seconds=None))


def test_resampling_takes_away_what_the_new_rate_cannot_hold(tmp_path: Path) -> None:
    t = np.arange(11 * 44_100) / 44_100
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 9_000 * t), 44_100)
    (piece,) = clips_of([tmp_path / "a.wav"], Cut())
    assert np.abs(piece.waveform[1000:-1000]).max() < 50


def test_a_gap_in_the_sound_is_silence(tmp_path: Path) -> None:
    """What comes after a hole in the time stamps stays where it belongs."""
    path = tmp_path / "gap.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        for begin, level in ((0, 0.5), (round(5.4 * RATE), 0.25)):
            for n in range(5 * RATE // 1000):
                frame = av.AudioFrame.from_ndarray(
                    np.full((1, 1000), round(level * 32767), np.int16), format="s16", layout="mono"
                )
                frame.sample_rate, frame.pts = RATE, begin + 1000 * n
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (piece,) = clips_of([path], Cut())
    levels = [int(np.median(piece.waveform[round(s * RATE) : round((s + 0.1) * RATE)])) for s in (1, 4.8, 5.15, 5.5, 9)]
    np.testing.assert_allclose(levels, [16384, 16384, 0, 8192, 8192], atol=1)


def test_frames_that_stay_are_kept_once(tmp_path: Path) -> None:
    path = make_video(tmp_path / "slow.mp4", 12.0, fps=2)
    (piece,) = clips_of([path], Cut(start=1.0, fps=25))
    np.testing.assert_allclose(piece.times, np.arange(20) / 2)
    check(piece, 1.0)


def test_frames_are_taken_at_the_rate_that_was_asked_for(video: Path) -> None:
    (piece,) = clips_of([video], Cut(start=2.0, fps=1))
    np.testing.assert_allclose(piece.times, np.arange(10))
    check(piece, 2.0)


def test_the_whole_picture_is_seen(tmp_path: Path) -> None:
    """A frame is scaled to 256 x 256, not cut: its left and right, top and bottom are there (section 4.2)."""
    path = tmp_path / "wide.mp4"
    picture = np.zeros((60, 200, 3), np.uint8)
    picture[:, :20] = 250
    picture[50:, :] = 120
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 200, 60, "yuv420p"
        for _ in range(50):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    soundfile.write(tmp_path / "sound.wav", np.zeros(10 * RATE), RATE)
    (piece,) = clips_of([path, tmp_path / "sound.wav"], Cut(fps=1))  # sound and video in two files
    seen = pixels(piece.frames[0]).mean(2)
    assert seen.shape == (256, 256)
    assert seen[100, 5] > 200 > 30 > seen[100, 60]
    assert abs(seen[240, 128] - 120) < 15


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")
def test_a_video_that_was_filmed_upright_is_shown_upright(tmp_path: Path) -> None:
    """As the ffmpeg program turns it, whose metadata says by how much."""

    def ffmpeg(*arguments: str) -> None:
        subprocess.run(["ffmpeg", "-v", "error", *arguments], check=True, cwd=tmp_path)

    ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x180:rate=5:duration=11", "-pix_fmt", "yuv420p", "plain.mp4")
    ffmpeg("-i", "plain.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90", "turned.mp4")
    ffmpeg("-i", "turned.mp4", "-frames:v", "1", "-vf", "scale=256:256", "truth.png")
    soundfile.write(tmp_path / "sound.wav", np.zeros(11 * RATE), RATE)
    (piece,) = clips_of([tmp_path / "turned.mp4", tmp_path / "sound.wav"], Cut(fps=1))
    truth = np.asarray(Image.open(tmp_path / "truth.png").convert("RGB")).astype(int)
    assert np.abs(pixels(piece.frames[0]) - truth).mean() < 8


def test_pieces_follow_one_another_to_the_end(tmp_path: Path) -> None:
    path = make_video(tmp_path / "long.mp4", 26.0, fps=5)
    pieces = clips_of([path], Cut(pieces=True, fps=1, seconds=8.0))
    assert [piece.start for piece in pieces] == [0, 8, 16]
    for piece in pieces:
        check(piece, piece.start, 8.0)


def test_pieces_that_lack_sound_or_picture_cost_no_others(tmp_path: Path) -> None:
    video = make_video(tmp_path / "a.mp4", 12.0, fps=5, audio=None)
    soundfile.write(tmp_path / "a.wav", np.full(RATE * 35, 0.1), RATE)
    assert [p.start for p in clips_of([video, tmp_path / "a.wav"], Cut(pieces=True, fps=1))] == [0.0, 10.0]
    with av.open(str(path := tmp_path / "gap.mkv"), "w") as container:
        stream = container.add_stream("flac", rate=RATE, layout="mono")
        for begin in (0, 26 * RATE):  # two seconds are lost
            for n in range(24 * RATE // 1000):
                frame = av.AudioFrame.from_ndarray(np.full((1, 1000), 9000, np.int16), format="s16", layout="mono")
                frame.sample_rate, frame.pts = RATE, begin + 1000 * n
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert [p.start for p in clips_of([path], Cut(pieces=True))] == [0.0, 10.0, 30.0, 40.0]


def test_a_file_of_ones_own_may_hold_just_the_segment(tmp_path: Path, video: Path) -> None:
    cut = make_video(tmp_path / "cut.mp4", 10.2, fps=5)
    (piece,) = clips_of([cut], Cut(start=70.0, fps=5), own=True)
    check(piece, 0.0)
    (piece,) = clips_of([video], Cut(start=3.0, fps=5), own=True)
    check(piece, 3.0)
    with pytest.raises(TooShortError):  # what has been fetched is the whole
        clips_of([cut], Cut(start=70.0, fps=5))


def test_a_sound_may_be_taken_whole(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(round(3.7 * 22_050), 0.5), 22_050)
    (piece,) = clips_of([tmp_path / "a.wav"], Cut(seconds=None))
    assert len(piece.waveform) == round(3.7 * RATE)


def test_nearly_whole_is_filled_up_with_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(round(9.8 * RATE), 0.5), RATE)
    (piece,) = clips_of([tmp_path / "a.wav"], Cut())
    assert len(piece.waveform) == 10 * RATE
    assert not piece.waveform[-round(0.19 * RATE) :].any()
    soundfile.write(tmp_path / "a.wav", np.full(round(9.4 * RATE), 0.5), RATE)
    with pytest.raises(TooShortError, match=r"too short: of its sound there are 9.4 s of the 10 s from 0 s on"):
        clips_of([tmp_path / "a.wav"], Cut())


def test_what_is_no_medium_is_said_to_be_none(tmp_path: Path, video: Path) -> None:
    def reason(content: bytes | None, name: str = "a.mp4", **cut: Any) -> str:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DecodeError) as error:
            clips_of([path], Cut(**{"fps": 5, **cut}))
        return str(error.value)

    assert reason(b"") == "a.mp4 is empty (0 bytes)"
    assert "Invalid data found" in reason(b"<html>gone</html>" * 100)
    assert "Invalid data found" in reason(np.random.default_rng(0).bytes(10_000))
    assert "moov atom not found" in reason(video.read_bytes()[:-20_000])
    assert "too short" in reason(None, name=str(video), start=9.0)
    assert "there is no sound after 20 s" in reason(None, name=str(video), start=20.0)
    silent = make_video(tmp_path / "silent.mp4", 11.0, fps=5, audio=None)
    assert reason(None, name=str(silent)) == "it has no audio track"
    blind = make_video(tmp_path / "blind.mp4", 11.0, video=None)
    assert reason(None, name=str(blind)) == "it has no video track"
    assert "cannot be read" in reason(None, name="absent.mp4")
    assert "is no regular file" in reason(None, name=str(tmp_path))
    os.mkfifo(tmp_path / "pipe.mp4")
    assert reason(None, name="pipe.mp4") == "pipe.mp4 is no regular file"


def test_holes_in_a_file_cost_what_they_hold(tmp_path: Path, video: Path) -> None:
    """A file overwritten in its middle: either most of it can still be heard, or it is refused; nothing hangs."""
    content = bytearray(video.read_bytes())
    for begin in range(2000, len(content) - 4000, 1500):
        content[begin : begin + 40] = b"\xa5" * 40
    (tmp_path / "a.mp4").write_bytes(content)
    try:
        (piece,) = clips_of([tmp_path / "a.mp4"], Cut(fps=5))
        assert len(piece.waveform) == 10 * RATE
    except DecodeError:
        pass


def picture(side: tuple[int, int], format: str = "JPEG") -> bytes:
    content = io.BytesIO()
    pixels_of = np.random.default_rng(1).integers(0, 255, (4, 4, 3), np.uint8)
    Image.fromarray(pixels_of).resize(side).save(content, format)
    return content.getvalue()


def test_photographs(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture((256, 256)))
    assert photograph(tmp_path / "a.jpg", 90) == picture((256, 256)), "a frame that is one stays as it is"
    for name, content in (("b.jpg", picture((500, 300))), ("c.png", picture((100, 90), "PNG"))):
        (tmp_path / name).write_bytes(content)
        seen = pixels(photograph(tmp_path / name, 90))
        truth = np.asarray(Image.open(tmp_path / name).convert("RGB").resize((256, 256)))
        assert seen.shape == (256, 256, 3)
        assert np.abs(seen.astype(int) - truth).mean() < 6
    soundfile.write(tmp_path / "b.wav", np.zeros(RATE), RATE)
    (piece,) = clips_of([tmp_path / "b.jpg", tmp_path / "b.wav"], Cut(seconds=None, image=True))
    assert piece.times == [0.0]
    assert len(piece.waveform) == RATE


def test_hostile_pictures_are_refused_unread(tmp_path: Path) -> None:
    def reason(path: Path) -> str:
        with pytest.raises(DecodeError) as error:
            photograph(path, 90)
        return str(error.value)

    with open(tmp_path / "large.jpg", "wb") as file:
        file.truncate(2 << 30)  # 2 GB of nothing
    assert "2,147,483,648 bytes is refused" in reason(tmp_path / "large.jpg")

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1_000_000)) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    assert "50000 x 50000 pixels is refused" in reason(tmp_path / "bomb.png")
    (tmp_path / "cut.jpg").write_bytes(picture((256, 256))[:600])
    assert "the picture is damaged" in reason(tmp_path / "cut.jpg")
    (tmp_path / "cut.png").write_bytes(picture((256, 256), "PNG")[:100])
    assert "the picture is damaged" in reason(tmp_path / "cut.png")
    (tmp_path / "text.jpg").write_text("no picture")
    assert "neither JPEG, PNG, WebP nor BMP" in reason(tmp_path / "text.jpg")
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert "is empty" in reason(tmp_path / "empty.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "is no regular file" in reason(tmp_path / "pipe.jpg")


def test_a_duration_that_is_a_lie(tmp_path: Path) -> None:
    """A WAV file that claims four gigabytes of sound and holds a second."""
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = content[40:44] = struct.pack("<I", 0xFFFFFF00)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(TooShortError, match="too short"):
        clips_of([tmp_path / "a.wav"], Cut())
    with pytest.raises(DecodeError, match="it is shorter than one clip of 10 s"):
        clips_of([tmp_path / "a.wav"], Cut(pieces=True))


def test_cuts_that_make_no_sense_are_refused() -> None:
    for wrong in ({"start": -1.0}, {"seconds": 0.0}, {"fps": 500.0}, {"quality": 0}, {"seconds": None, "fps": 1.0}):
        with pytest.raises(ValueError, match=r"segment|fps|seconds"):
            Cut(**wrong)  # type: ignore[arg-type]


# ---- as players and muxers have it -----------------------------------------------------------------------------------


def with_tracks(path: Path, *flags: av.stream.Disposition) -> Path:
    """Three seconds of sound, of which track n plays 300 + 200 n Hz."""
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("aac", rate=RATE, layout="mono") for _ in flags]
        for track, flag in zip(tracks, flags, strict=True):
            track.disposition = flag
        for n, track in enumerate(tracks):
            tone = 0.3 * np.sin(2 * np.pi * (300 + 200 * n) * np.arange(3 * RATE) / RATE)
            frame = av.AudioFrame.from_ndarray(tone[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
            for part in av.AudioResampler("fltp", "mono", RATE, track.frame_size).resample(frame):
                container.mux(track.encode(part))
        for track in tracks:
            container.mux(track.encode())
    return path


NONE, DEFAULT, COMMENT = av.stream.Disposition(0), av.stream.Disposition.default, av.stream.Disposition.comment


@pytest.mark.parametrize("form", ["mkv", "mp4"])
@pytest.mark.parametrize(
    ("flags", "played"),
    [
        ((COMMENT, DEFAULT), 1),
        ((NONE, NONE, DEFAULT), 2),
        ((DEFAULT, NONE), 0),
        ((COMMENT, NONE), 1),
        ((DEFAULT | COMMENT, DEFAULT), 1),
        ((DEFAULT, DEFAULT), 0),
    ],
)
def test_the_track_that_players_play_is_heard(tmp_path: Path, form: str, flags: Any, played: int) -> None:
    if form == "mp4" and not any(flag & DEFAULT for flag in flags):
        pytest.skip("FFmpeg flags the first track of such an MP4 file default")
    (piece,) = clips_of([with_tracks(tmp_path / f"a.{form}", *flags)], Cut(seconds=2.0))
    assert abs(pitch_at(piece.waveform, 0, RATE) - (300 + 200 * played)) < 6


class Pipe:
    """Cannot seek: a muxer writes no duration into what it has sent already."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "wb")  # noqa: SIM115

    def write(self, data: bytes) -> int:
        return self.file.write(data)


def piped(source: Path, path: Path, form: str) -> Path:
    """The same packets through a pipe."""
    pipe = Pipe(path)
    with av.open(str(source)) as given, av.open(pipe, "w", format=form) as container:
        tracks = {stream: container.add_stream_from_template(stream) for stream in given.streams}
        for packet in given.demux():
            if packet.dts is not None:
                packet.stream = tracks[packet.stream]
                container.mux(packet)
    pipe.file.close()
    return path


@pytest.mark.parametrize("name", ["ID_30_40.mkv", "ID_30.000_40.000.mkv", "ID.mkv"])
def test_a_segment_whose_header_names_no_duration(tmp_path: Path, name: str) -> None:
    path = piped(make_video(tmp_path / "a.mp4", 10.0, fps=5), tmp_path / name, "matroska")
    check(clips_of([path], Cut(start=30.0, fps=5), own=True)[0], 0.0)
    with pytest.raises(TooShortError, match="no sound after 30 s"):
        clips_of([path], Cut(start=30.0, fps=5))


def test_a_segment_whose_header_names_a_wrong_duration(tmp_path: Path) -> None:
    """AVI from a pipe says hours."""
    source = make_video(tmp_path / "a.avi", 10.0, fps=5, video="mpeg4", audio="mp2")
    check(clips_of([piped(source, tmp_path / "ID_30_40.avi", "avi")], Cut(start=30.0, fps=5), own=True)[0], 0.0)


def test_a_whole_video_without_a_duration_is_no_segment(tmp_path: Path) -> None:
    path = piped(make_video(tmp_path / "a.mp4", 14.0, fps=5), tmp_path / "ID_3.mkv", "matroska")
    check(clips_of([path], Cut(start=3.0), own=True)[0], 3.0)


def test_a_flac_of_unknown_length_is_cut_like_any_other(tmp_path: Path) -> None:
    source = make_video(tmp_path / "a.flac", 13.0, video=None, audio="flac")
    check(clips_of([piped(source, tmp_path / "b.flac", "flac")], Cut(start=2.0))[0], 2.0)


@pytest.mark.parametrize("rate", [44_056, 47_952])
def test_odd_rates(tmp_path: Path, rate: int) -> None:
    (piece,) = clips_of([make_video(tmp_path / "a.flac", 11.0, video=None, audio="flac", rate=rate)], Cut())
    check(piece, 0.0)


def test_a_rate_that_no_sound_has_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), 2_000_000_011)
    with pytest.raises(DecodeError, match="2,000,000,011 samples a second; 1,000,000 are the most"):
        clips_of([tmp_path / "a.wav"], Cut(seconds=None))


@pytest.mark.parametrize("content", [b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftypmp42", b"OggS\0\x02", b"x", b"RIFF"])
def test_what_ends_too_soon_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "clip.mp4").write_bytes(content)
    with pytest.raises(DecodeError, match=r"clip\.mp4: .*; cut off, or no medium: copy or fetch it again"):
        clips_of([tmp_path / "clip.mp4"], Cut())


def test_digital_silence_is_known(tmp_path: Path) -> None:
    for level, silent in ((0.0, True), (0.25, True), (1 / 32768, True)):
        soundfile.write(tmp_path / "a.wav", np.full(RATE * 2, level), RATE)
        assert clips_of([tmp_path / "a.wav"], Cut(seconds=1.0))[0].silent is silent
    soundfile.write(tmp_path / "a.wav", 0.001 * np.sin(np.arange(RATE * 2)), RATE)
    assert not clips_of([tmp_path / "a.wav"], Cut(seconds=1.0))[0].silent
