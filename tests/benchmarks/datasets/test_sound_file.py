"""Sound files that are read whole: of unknown length, at odd rates, damaged."""

import io
import time
import tracemalloc

import av
import numpy as np
import pytest
import soundfile

from benchmarks.datasets import esc50, sound_file
from benchmarks.datasets.composite import recording
from benchmarks.datasets.scene import DamagedError, reason_of

TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(11_025) / 11_025)


def encoded(samples: np.ndarray, rate: int, form: str = "WAV") -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form)
    return content.getvalue()


def of_unknown_length(flac: bytes) -> bytes:
    """As FFmpeg writes it to a pipe: the number of samples and the MD5 in its header are 0."""
    content = bytearray(flac)
    content[21] &= 0xF0
    content[22:26], content[26:42] = bytes(4), bytes(16)
    return bytes(content)


def test_a_flac_of_unknown_length_is_read_to_its_end() -> None:
    known = encoded(TONE, 11_025, "FLAC")
    samples, rate = sound_file.read(of_unknown_length(known), "a.flac")
    assert rate == 11_025
    np.testing.assert_array_equal(samples, sound_file.read(known, "a.flac")[0])
    assert len(recording.decode(of_unknown_length(known), "a.flac")) > 10_000
    five = of_unknown_length(encoded(np.tile(TONE, 5), 11_025, "FLAC"))
    assert len(esc50.decode(five, "a.flac", 11_025)) == 5 * 11_025


def test_a_length_that_is_unknown_is_bounded_and_one_that_is_a_lie_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_file, "LONGEST", 1)
    with pytest.raises(DamagedError, match="lasts longer than 1 s, which are the most"):
        sound_file.read(of_unknown_length(encoded(np.tile(TONE, 2), 11_025, "FLAC")), "a.flac")
    lie = bytearray(encoded(TONE, 11_025, "FLAC"))
    lie[21] |= 0x0F  # 36 bits of samples
    with pytest.raises(DamagedError, match=r"a\.flac lasts [\d,]+ s; 1 are the most"):
        sound_file.read(bytes(lie), "a.flac")
    assert sound_file.read(encoded(TONE, 11_025, "FLAC"), "a.flac")[0].shape == (11_025, 1)


def test_what_is_cut_off_is_told() -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 30_000)
    with pytest.raises(DamagedError, match=r"a\.flac (is cut off: [\d,]+ of 30,000 samples|cannot be decoded)"):
        sound_file.read(encoded(noise, 11_025, "FLAC")[:30_000], "a.flac")


class Pipe:
    """What cannot go back: the encoder leaves out how long the sound is."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, part: bytes) -> int:
        self.content += bytes(part)
        return len(part)


@pytest.mark.parametrize("art", [0, 10_000])
def test_an_mp3_is_not_called_cut_off_for_a_length_that_is_estimated(art: int) -> None:
    """Pictures before the sound lengthen the estimate."""
    pipe = Pipe()
    with av.open(pipe, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=11_025, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.tile(TONE, 3)[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = 11_025
        for part in av.AudioResampler(stream.format, "mono", 11_025, stream.frame_size).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    tag = b"ID3\x03\0\0\0\0" + bytes([art >> 7, art & 127]) + bytes(art) if art else b""
    samples, rate = sound_file.read(tag + pipe.content, "a.wav")
    assert rate == 11_025
    assert abs(len(samples) - 3 * rate) < 3_000


@pytest.mark.parametrize("rate", [44_056, 47_952, 11_127, 999_983])
def test_odd_rates_are_read_in_a_moment_and_little_memory(rate: int) -> None:
    content = encoded(0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate), rate)
    recording.decode(content, "a.wav")  # imports what it needs
    tracemalloc.start()
    began = time.process_time()
    sound = recording.decode(content, "a.wav")
    assert time.process_time() - began < 10
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
    spectrum = np.abs(np.fft.rfft(sound[:11_025] * np.hanning(len(sound[:11_025]))))
    assert abs(int(spectrum.argmax()) - 440) <= 1


def test_rates_that_no_recording_has_are_refused() -> None:
    content = bytearray(encoded(TONE, 11_025))
    content[24:28] = (2_000_000_011).to_bytes(4, "little")
    with pytest.raises(DamagedError, match="2,000,000,011 samples a second; 1,000,000 are the most"):
        sound_file.read(bytes(content), "a.wav")


def test_reasons_hold_no_memory_addresses() -> None:
    told = set()
    for _ in range(2):
        with pytest.raises(DamagedError) as error:
            sound_file.read(b"no sound" * 99, "a.wav")
        told.add(str(error.value))
    assert len(told) == 1
    assert "0x" not in told.pop()
    assert reason_of(ValueError("[mov @ 0x55d0c0ffee00] marker 0xd9 of <_io.BytesIO object at 0x7f00aa>\nis bad")) == (
        "[mov] marker 0xd9 of the file is bad"
    )
