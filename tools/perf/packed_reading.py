"""Speed of reading clips: packed, as published, and as plain small files; the same clips in random order.

    python tools/perf/packed_reading.py [--clips 200] [--photographs DIR] [--seconds 3]

A reading is what a training step needs of a clip: its 10 s of sound as int16 at 11,025 Hz, and one frame, drawn at
random, as 256 x 256 pixels. The forms:

* published, video: a WAV file (44.1 kHz, stereo) and an MP4 file (H.264, 640 x 360, 25 frames a second)
* published, frames: the same WAV file and a folder of JPEG files (640 x 360, one a second)
* plain files: a WAV file (11,025 Hz, mono) and a folder of JPEG files (256 x 256)
* packed: what `cavl-bench prepare` writes (benchmarks/datasets/prepared.py)
* packed, by Hugging Face's `datasets` (where it is installed): the same files, opened by `datasets.Dataset.from_file`

Clips per second are given of processor time (what one core does, also on a busy machine) and, for two processes at
once, of wall time. The bar: packed reads at least ten times as many clips a core as each published form, and two
processes at least 1,300 clips a second, which is what one modern GPU eats at the paper's sizes. Files are read from the
page cache: disks differ.

Sounds are noise, frames textures that compress like photographs (16 kB); --photographs takes real ones, any folder of
JPEG files. Needs the extra `prepare`.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import soundfile
from PIL import Image
from scipy.signal import resample_poly

from benchmarks.datasets.prepared import FRAME, SAMPLE_RATE, Prepared, decode
from benchmarks.preparation.packing import Clip, write

SECONDS = 10
SIZE = (640, 360)
DISTINCT = 5  # videos that are encoded; the others are copies, in files of their own
PICTURES = 50  # that the frames are taken from

Reading = tuple[npt.NDArray[np.int16], npt.NDArray[np.uint8]]
Read = Callable[[int, np.random.Generator], Reading]

FORMS = ("published, video", "published, frames", "plain files", "packed", "packed, by datasets")


def make(folder: Path, clips: int, photographs: Path | None) -> None:
    """The same clips in all forms; the first frame of each second is the same in all of them."""
    random = np.random.default_rng(0)
    pictures = [texture(random) for _ in range(PICTURES)]
    if photographs:
        found = sorted(photographs.rglob("*.jpg"))
        if len(found) < PICTURES:
            raise SystemExit(f"--photographs {photographs} holds {len(found)} files *.jpg, {PICTURES} are needed")
        pictures = [photograph(found[i]) for i in random.choice(len(found), PICTURES, replace=False)]
    videos: list[bytes] = []
    packed = []
    for n in range(clips):
        samples = (random.normal(0, 0.1, (SECONDS * 44_100, 2)) * 32768).astype(np.int16)
        (clip := folder / str(n)).mkdir()
        soundfile.write(clip / "published.wav", samples, 44_100)
        waveform = to_int16(resample_poly(samples.mean(1) / 32768, 1, 4))
        soundfile.write(clip / "plain.wav", waveform, SAMPLE_RATE)
        images = [pictures[i] for i in random.choice(PICTURES, SECONDS, replace=False)]
        frames = []
        for k, image in enumerate(images):
            image.save(clip / f"published{k}.jpg", quality=90)
            small = io.BytesIO()
            image.resize((FRAME, FRAME), Image.Resampling.BICUBIC).save(small, "JPEG", quality=90)
            frames.append(small.getvalue())
            (clip / f"plain{k}.jpg").write_bytes(frames[-1])
        if n < DISTINCT:
            videos.append(video(images))
        (clip / "published.mp4").write_bytes(videos[n % DISTINCT])
        packed.append(Clip(id=str(n), waveform=waveform, frames=frames, times=range(SECONDS)))
    write(folder / "packed", packed)


def photograph(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)


def texture(random: np.random.Generator) -> Image.Image:
    """Noise with as much detail, once it is 256 pixels wide, as photographs have."""
    levels = np.zeros((SIZE[1], SIZE[0], 3))
    for cells, share in ((3, 0.4), (9, 0.25), (27, 0.2), (81, 0.1), (162, 0.05)):
        coarse = Image.fromarray(random.integers(0, 256, (cells, cells, 3), np.uint8))
        levels += np.asarray(coarse.resize(SIZE, Image.Resampling.BICUBIC), float) * share
    return Image.fromarray(levels.clip(0, 255).astype(np.uint8))


def video(images: list[Image.Image]) -> bytes:
    """An MP4 of 25 frames a second that moves from each image to the next within a second."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.options = {"preset": "veryfast", "g": "100"}  # a key frame every four seconds
        for k in range(25 * SECONDS):
            here, there = images[k // 25], images[min(k // 25 + 1, SECONDS - 1)]
            frame = av.VideoFrame.from_image(Image.blend(here, there, k % 25 / 25))
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def to_int16(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.int16]:
    return np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)


def opened(folder: Path, form: str) -> Read:
    """What reads one clip of a form."""

    def published_sound(n: int) -> npt.NDArray[np.int16]:
        samples, _ = soundfile.read(folder / str(n) / "published.wav", dtype="float32")
        return to_int16(resample_poly(samples.mean(1), 1, 4))

    def of_video(n: int, random: np.random.Generator) -> Reading:
        moment = float(random.uniform(0, SECONDS - 0.1))
        with av.open(str(folder / str(n) / "published.mp4")) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            container.seek(int(moment * 1_000_000))
            frame = next(f for f in container.decode(stream) if f.time is not None and f.time >= moment)
            image: npt.NDArray[np.uint8] = frame.reformat(FRAME, FRAME, "rgb24").to_ndarray()  # type: ignore[assignment]
        return published_sound(n), image

    def of_frames(n: int, random: np.random.Generator) -> Reading:
        with Image.open(folder / str(n) / f"published{random.integers(SECONDS)}.jpg") as image:
            return published_sound(n), np.asarray(image.resize((FRAME, FRAME), Image.Resampling.BILINEAR))

    def of_plain_files(n: int, random: np.random.Generator) -> Reading:
        waveform, _ = soundfile.read(folder / str(n) / "plain.wav", dtype="int16")
        return waveform, decode((folder / str(n) / f"plain{random.integers(SECONDS)}.jpg").read_bytes())

    if form == "packed":
        prepared = Prepared(folder / "packed")
        return lambda n, random: (prepared.waveform(n), prepared.frame(n, int(random.integers(SECONDS))))
    if form == "packed, by datasets":
        import datasets

        rows: Any = datasets.Dataset.from_file(str(folder / "packed" / "clips-00000.arrow")).with_format("arrow")

        def of_rows(n: int, random: np.random.Generator) -> Reading:
            row = rows[n]
            frame = row["frames"][0].values[int(random.integers(SECONDS))]
            return row["waveform"][0].values.to_numpy(), decode(frame.as_buffer())

        return of_rows
    return {"published, video": of_video, "published, frames": of_frames, "plain files": of_plain_files}[form]


def measure(folder: Path, form: str, clips: int, seconds: float, seed: int, out: Any, ready: Any) -> None:
    """Read clips in random order for some seconds; puts (clips, processor seconds, wall seconds) into ``out``.

    ``ready``: a barrier at which processes wait for one another, so that they read at the same time.
    """
    read, random = opened(folder, form), np.random.default_rng(seed)
    for n in order(clips, random, 10):
        read(n, random)
    ready.wait()
    done, began, cpu = 0, time.perf_counter(), time.process_time()
    for n in order(clips, random):
        waveform, image = read(n, random)
        if len(waveform) != SECONDS * SAMPLE_RATE or image.shape != (FRAME, FRAME, 3):
            raise ValueError(f"{form}, clip {n}: {waveform.shape}, {image.shape}")
        int(waveform.sum())  # touched: a memory map is not read before
        done += 1
        if time.perf_counter() - began > seconds:
            break
    out.put((done, time.process_time() - cpu, time.perf_counter() - began))


def order(clips: int, random: np.random.Generator, first: int | None = None) -> Iterator[int]:
    while True:
        yield from map(int, random.permutation(clips)[:first])
        if first:
            return


def figures(folder: Path, form: str, clips: int, seconds: float, processes: int) -> tuple[float, float]:
    """Clips a second: of processor time of one process, of wall time of all together."""
    context = multiprocessing.get_context("spawn")
    out, ready = context.Queue(), context.Barrier(processes)
    arguments = [(folder, form, clips, seconds, seed, out, ready) for seed in range(processes)]
    running = [context.Process(target=measure, args=a) for a in arguments]
    for process in running:
        process.start()
    results = [out.get() for _ in running]
    for process in running:
        process.join()
    return sum(n for n, _, _ in results) / sum(c for _, c, _ in results), sum(n / w for n, _, w in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--photographs", type=Path, metavar="DIR", help="folder of JPEG files to make frames of")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    chosen = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        began = time.perf_counter()
        make(folder, chosen.clips, chosen.photographs)
        frame = np.mean([p.stat().st_size for p in folder.glob("*/plain*.jpg")])
        print(f"{chosen.clips} clips made in {time.perf_counter() - began:.0f} s; a frame has {frame:,.0f} bytes")
        print(f"{'form':22} {'clips/s a core':>15} {'two processes':>15} {'packed is':>12}")
        rates = {}
        for form in reversed(FORMS):
            if "datasets" in form and importlib.util.find_spec("datasets") is None:
                continue
            rates[form] = figures(folder, form, chosen.clips, chosen.seconds, 1)[0]
            together = figures(folder, form, chosen.clips, chosen.seconds, 2)[1]
            times = f"{rates['packed'] / rates[form]:.1f} times" if "packed" in rates else ""
            print(f"{form:22} {rates[form]:15,.0f} {together:15,.0f} {times:>12}", flush=True)


if __name__ == "__main__":
    main()
