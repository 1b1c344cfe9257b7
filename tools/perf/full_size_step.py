"""Cost of one full-size training step on the CPU: seconds and memory at the paper's sizes.

    python tools/perf/full_size_step.py [--batch 2] [--threads 1]

CAVL sees 256 x 256 pixels and hears 10 s as 512 x 432 (VGG16 and VGGish trunks of full width); the counter trains that
audio trunk; the separator's U-Net has six levels on 256 x 256 and asks a frozen, full-size CAVL. The scene-level
methods have their papers' sizes: L3-Net 224 x 224 pixels and a second at 48 kHz, AVTS 25 frames of 112 x 112 (MC3, 18
layers), Sound-of-Pixels, AV-Mix-Sep and Co-Separation 224 x 224 pixels (ResNet-18) and U-Nets of seven levels, DMC
CAVL's trunks, Attention 320 x 320 pixels and SoundNet on 10 s of waveform at 22,050 Hz, SoundNet itself 20 s, taught by
L3-Net's picture arm. A step is what
``benchmarks.training.loop`` does: loss, gradients, the recipe's optimizer. Each network gets a process of its own,
whose peak memory is the whole process's, imports included (the first row: imports alone).
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2]))  # of a checkout that is not installed

from baselines.attention import Attention, AttentionConfig
from baselines.av_mix_sep import AVMixSep, AVMixSepConfig
from baselines.avts import AVTS, AVTSConfig
from baselines.co_separation import CoSeparation, CoSeparationConfig
from baselines.dmc import DMC, DMCConfig
from baselines.l3 import L3, L3Config
from baselines.sound_of_pixels import SoundOfPixels, SoundOfPixelsConfig
from baselines.soundnet import SoundNet, SoundNetConfig
from benchmarks.training.batching import Batch
from benchmarks.training.loop import initialise, make_optimizer
from cavl.counting import Counter, CounterConfig
from cavl.model import CAVL, CAVLConfig
from cavl.separation import Separator
from cavl.separator_config import SeparatorConfig
from registry.cli.printing import console, framed

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "CAVL": lambda: CAVL(CAVLConfig()),
    "counting": lambda: Counter(CounterConfig(), CAVL(CAVLConfig()).audio_network()),
    "separation": lambda: Separator(SeparatorConfig(), CAVL(CAVLConfig())),
    "L3-Net": lambda: L3(L3Config()),
    "AVTS": lambda: AVTS(AVTSConfig()),
    "DMC": lambda: DMC(DMCConfig()),
    "Attention": lambda: Attention(AttentionConfig()),
    "SoundNet": lambda: SoundNet(SoundNetConfig()),
    "Sound-of-Pixels": lambda: SoundOfPixels(SoundOfPixelsConfig()),
    "AV-Mix-Sep": lambda: AVMixSep(AVMixSepConfig()),
    "Co-Separation": lambda: CoSeparation(CoSeparationConfig()),
}


@dataclass(frozen=True, slots=True)
class Cost:
    trained: int = 0  # parameters
    seconds: float = 0.0
    peak: float = 0.0  # MiB


def step(name: str | None, batch: int, threads: int) -> Cost:
    """One training step of the network ``name`` on random scenes; None: nothing but the imports."""
    torch.set_num_threads(threads)
    if name is None:
        return Cost(peak=peak_memory())
    network = initialise(NETWORKS[name], seed=0).train()
    scenes = random_scenes(batch, network)
    optimizer = make_optimizer(network, lr=1e-4)
    began = time.perf_counter()
    loss, _ = network.training_step(scenes, torch.Generator().manual_seed(0))  # type: ignore[operator]
    loss.backward()
    optimizer.step()
    seconds = time.perf_counter() - began
    return Cost(sum(p.numel() for p in network.parameters() if p.requires_grad), seconds, peak_memory())


def random_scenes(batch: int, network: nn.Module) -> Batch:
    """Scenes of one source, no two neighbours of one kind, four windows long, of which the first is seen and heard."""
    window: int = network.window  # type: ignore[assignment]
    recording = torch.randint(-9000, 9000, (batch, 4 * window), dtype=torch.int16)
    frames: int = getattr(network, "clip_frames", 0)
    return Batch(
        image=torch.randint(0, 256, (batch, 3, 256, 256), dtype=torch.uint8),
        waveform=recording[:, :window].contiguous(),
        n_sources=torch.ones(batch, dtype=torch.int64),
        kinds=tuple((i % 2,) for i in range(batch)),
        recording=recording,
        starts=torch.zeros(batch, dtype=torch.int64),
        lengths=torch.full((batch,), 4 * window),
        objects=torch.tensor([40, 40, 180, 200, 0]).expand(batch, 1, 5).contiguous(),
        clip=torch.randint(0, 256, (batch, frames, 3, 128, 128), dtype=torch.uint8) if frames else None,
    )


def peak_memory() -> float:
    """Of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)  # bytes on macOS, KiB on Linux


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=2, help="scenes in the step, at least 2 (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1, as in training)")
    chosen = parser.parse_args()
    if chosen.batch < 2 or chosen.threads < 1:
        parser.error("--batch must be at least 2 (pairs must be mismatched), --threads at least 1")
    table = framed("network", "trained parameters", "seconds a step", "peak memory, MiB")
    for name in (None, *NETWORKS):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            cost = process.submit(step, name, chosen.batch, chosen.threads).result()
        seconds = f"{cost.seconds:.1f}" if name else ""
        table.add_row(name or "(imports)", f"{cost.trained:,}" if name else "", seconds, f"{cost.peak:,.0f}")
    console().print(f"batch {chosen.batch}, {chosen.threads} thread(s), torch {torch.__version__}", table)


if __name__ == "__main__":
    main()
