"""Made videos whose sound and colour say what time it is, so that a test knows what a segment must hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

#: In second s a video plays PITCHES[s % 10] Hz and is grey of level GREYS[s % 10].
PITCHES = [300 + 110 * s for s in range(10)]
GREYS = [20 + 22 * s for s in range(10)]


def make_video(
    path: Path,
    seconds: float = 12.0,
    *,
    size: tuple[int, int] = (64, 48),
    fps: int = 25,
    video: str | None = "libx264",
    audio: str | None = "aac",
    rate: int = 44_100,
    channels: int = 2,
    format: str | None = None,
) -> Path:
    """Encode a clock: width x height ``size``; without sound or picture where the codec is ``None``."""
    with av.open(str(path), "w", format=format) as container:
        pictures = sounds = None
        if video:
            pictures = container.add_stream(video, rate=fps)
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuv420p"
            pictures.codec_context.thread_count = 1
            if video == "libx264":
                pictures.options = {"preset": "ultrafast", "g": str(4 * fps)}
            if video == "libvpx-vp9":
                pictures.options = {"deadline": "realtime", "cpu-used": "8", "g": str(4 * fps)}
        if audio:
            sounds = container.add_stream(audio, rate=rate, layout="stereo" if channels == 2 else "mono")
        if pictures is not None:
            for k in range(round(seconds * fps)):
                level = GREYS[int(k / fps) % 10]
                frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), level, np.uint8), format="rgb24")
                frame = frame.reformat(format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, fps)
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode())
        if sounds is not None:
            signal = clock(seconds, rate)
            both = np.repeat(signal[None], channels, 0)
            frame = av.AudioFrame.from_ndarray(both, format="fltp", layout="stereo" if channels == 2 else "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            for part in av.AudioResampler(
                sounds.format, sounds.layout, sounds.rate, sounds.frame_size or None
            ).resample(frame):
                container.mux(sounds.encode(part))
            container.mux(sounds.encode())
    return path


def clock(seconds: float, rate: int) -> npt.NDArray[np.float32]:
    """The sound: half of full scale, each second its own pitch."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = np.array(PITCHES)[t.astype(int) % 10]
    return (0.5 * np.sin(2 * np.pi * pitch * t)).astype(np.float32)


def pitch_at(waveform: npt.NDArray[np.int16], second: float, rate: int) -> float:
    """The strongest frequency within the second from ``second`` on, its edges left out."""
    part = waveform[round((second + 0.1) * rate) : round((second + 0.9) * rate)].astype(float)
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part))))
    return float(np.argmax(spectrum) * rate / len(part))
