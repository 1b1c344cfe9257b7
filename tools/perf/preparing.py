"""Profile of preparing a clip: libraries against our own code, in processor time, one thread.

    python -m tools.perf.preparing [--clips 5] [--fps 25]

A clip is 10 s of an MP4 file (H.264, 640 x 360, 25 frames a second) and its sound (AAC, 44.1 kHz, stereo), as `prepare`
finds them where somebody has them already: without fetching. The libraries' parts are done once more by themselves,
on the same frames: decoding (FFmpeg), scaling to 256 x 256 (FFmpeg), JPEG (Pillow), resampling (SciPy). What is left
of the whole is our own. Packing is writing the clip with its hash. Needs the extra `prepare`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from scipy.signal import resample_poly

from benchmarks.datasets.prepared import SAMPLE_RATE
from benchmarks.preparation.decode import _jpeg, _Scaler, clips_of
from benchmarks.preparation.item import Cut
from benchmarks.preparation.packing import Clip, write
from tools.perf.packed_reading import SECONDS, texture, video

RATE = 44_100
FPS = 25


def make(folder: Path, random: np.random.Generator) -> list[Path]:
    """A video and its sound."""
    (folder / "clip.mp4").write_bytes(video([texture(random) for _ in range(SECONDS)]))
    with av.open(str(folder / "clip.m4a"), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="stereo")
        samples = random.normal(0, 0.1, (2, SECONDS * RATE)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        for part in av.AudioResampler(stream.format, stream.layout, stream.rate, stream.frame_size).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode())
    return [folder / "clip.m4a", folder / "clip.mp4"]


def decoded(path: Path, kind: str) -> Iterator[Any]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work gives, and the processor's milliseconds that it takes."""
    began = time.process_time()
    result = work()
    return result, 1000 * (time.process_time() - began)


def parts(folder: Path, random: np.random.Generator, fps: float) -> dict[str, float]:
    """Milliseconds of each part for one clip."""
    sound, picture = make(folder, random)
    found: dict[str, float] = {}
    heard, first = timed(lambda: list(decoded(sound, "audio")))
    _, second = timed(lambda: deque(decoded(picture, "video"), maxlen=1))
    found["decoding"] = first + second
    chosen = list(decoded(picture, "video"))[:: round(FPS / fps)]
    scaler = _Scaler()
    small, found["scaling"] = timed(lambda: [scaler(frame) for frame in chosen])
    _, found["JPEG"] = timed(lambda: [_jpeg(image, 90) for image in small])
    waves = np.concatenate([frame.to_ndarray().mean(0) for frame in heard])
    _, found["resampling"] = timed(lambda: resample_poly(waves, 1, RATE // SAMPLE_RATE))
    cut = Cut(start=0.0, seconds=float(SECONDS), fps=fps)
    (piece,), whole = timed(lambda: clips_of([sound, picture], cut))
    found["our own"] = whole - sum(found.values())
    clip = Clip(id="clip", waveform=piece.waveform, frames=piece.frames, times=piece.times)
    _, found["packing"] = timed(lambda: write(folder / "packed", [clip]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=5)
    parser.add_argument("--fps", type=float, default=25.0, help="frames kept of a second (default: 25)")
    chosen = parser.parse_args()
    random = np.random.default_rng(0)
    measured = []
    for _ in range(chosen.clips + 1):
        with tempfile.TemporaryDirectory() as place:
            measured.append(parts(Path(place), random, chosen.fps))
    measured = measured[1:]  # the first one imports
    means = {name: float(np.mean([m[name] for m in measured])) for name in measured[0]}
    whole = sum(means.values())
    for name, milliseconds in means.items():
        print(f"{name:12} {milliseconds:7.1f} ms  {milliseconds / whole:6.1%}")
    print(f"{'a clip':12} {whole:7.1f} ms")


if __name__ == "__main__":
    main()
