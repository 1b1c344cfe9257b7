"""Training loop: one stage of one method, from a parent's weights to its own.

Everything random in update ``step`` (its batch, windows, negatives, dropout) is a pure function of (seed, stage,
step), so an interrupted stage resumed from its newest state ends bit-identical to an uninterrupted one on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from benchmarks.datasets.detections import objects_of, shows_the_middle
from benchmarks.training.batching import Batch, Indexed, ahead, clips_of, collate, training_scene
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.seeding import batch_indices, integers, seed_of
from cavl.curriculum import Stage

#: Batches read while a GPU computes; on the CPU, whose cores have jobs of their own, none.
READ_AHEAD = 4


class TrainingError(RuntimeError):
    """Training that cannot go on: a loss that is no number, or no scenes to train on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    batch: int = 32
    # Below: not part of the run key (they cannot change the weights by intent).
    monitor_every: int = 100  # updates between measurements on held-out scenes
    monitor_early: tuple[int, ...] = (0, 10, 25, 50)  # besides, early in a stage, where curves differ most
    checkpoint_every: int = 50  # updates between resumable states
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 autocast on CUDA, else float32
    threads: int = 1  # of torch, a process; results on the CPU are bit-identical for equal numbers only

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise ValueError(f"training.batch must be at least 2 (pairs must be mismatched), not {self.batch}")
        if min(self.checkpoint_every, self.monitor_every, self.threads) < 1:
            raise ValueError("training.checkpoint_every, monitor_every and threads must be at least 1")


def choose_device(wish: str) -> torch.device:
    """``auto``: CUDA, else MPS, else the CPU; a device asked for by name must be there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wish == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if there[name]))
    if not there[wish]:
        raise ValueError(f"training.device={wish!r} is not available here; use device='auto' or 'cpu'")
    return torch.device(wish)


def choose_precision(wish: str, device: torch.device) -> str:
    if wish == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return wish


def set_threads(threads: int) -> None:
    """One fixed number of threads: sums are split among threads, so another number gives other last bits."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def initialise(build: Callable[[], nn.Module], seed: int, what: str = "weights") -> nn.Module:
    """Build a module whose weights are a pure function of (``seed``, ``what``); the global generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(seed, what))
        method = build()
        if hasattr(method, "load_known"):  # weights that are known beforehand
            method.load_known()  # type: ignore[operator]
    if isinstance(method, nn.Module):
        for parameter in method.parameters():
            if parameter.ndim == 4:  # weights of 2-D convolutions; a training step is a fifth faster on the CPU
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return method


def make_optimizer(method: nn.Module, lr: float) -> torch.optim.Optimizer:
    """The optimizer of the method's recipe. ``rates``: part of the method -> its share of the learning rate."""
    recipe: dict[str, Any] = dict(getattr(method, "recipe"))  # noqa: B009  # mypy takes a module's attributes for tensors
    name = recipe.pop("optimizer")
    optimizers: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    if name not in optimizers:
        raise ValueError(f"unknown optimizer {name!r} in the method's recipe; known: {', '.join(optimizers)}")
    rates: dict[str, float] = recipe.pop("rates", {})
    if not rates:
        return optimizers[name](method.parameters(), lr=lr, **recipe)
    groups: dict[str, list[nn.Parameter]] = {part: [] for part in ("", *rates)}
    for where, parameter in method.named_parameters():
        groups[next((part for part in rates if where.startswith(f"{part}.")), "")].append(parameter)
    shares = {"": 1.0, **rates}
    parts = [{"params": some, "lr": lr * shares[part], "share": shares[part]} for part, some in groups.items()]
    return optimizers[name](parts, **recipe)


def cosine(lr: float, updates: int, warm_up: float = 0.05) -> Callable[[int], float]:
    """Learning rate of update 0, 1, ...: up to ``lr`` in the first share ``warm_up``, then down to 0 by a half cosine.

    (1 + cos(pi p)) / 2 at the middle p of each update: Loshchilov & Hutter 2017 (arXiv 1608.03983), without restarts.
    """

    def rate(update: int) -> float:
        done = (update + 0.5) / updates
        return lr * min(1.0, done / warm_up) * (1 + math.cos(math.pi * done)) / 2

    return rate


def train_stage(
    method: nn.Module,
    stage: Stage,
    scenes: Indexed,
    *,
    seed: int,
    stage_index: int,
    settings: TrainingConfig,
    store: Checkpoints,
    counts: Callable[[list[int]], list[int]] | None = None,
    rate: Callable[[int], float] | None = None,
    monitor: Callable[[nn.Module], Mapping[str, float]] | None = None,
    log: Callable[[str, float, int], None] = lambda *_: None,
    flush: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Any]:
    """Train ``method`` (already holding its parent's weights) for one stage.

    Parameters
    ----------
    counts
        Indices of scenes -> numbers of sources that take the place of their labels: what the counting network hears
        (``k="counted"``), or permuted labels.
    rate
        Number of an update -> its learning rate, in the place of the stage's own.
    monitor
        Measures the method on held-out scenes; its values are logged by name.
    log, flush
        Record a metric (name, value, update); make everything logged so far durable. ``flush`` runs before every state
        is saved, so that no metric before a resumption is ever lost.

    Returns
    -------
    dict
        ``weights`` (sha256 of the final weights' file), ``kept`` (those of declared updates), ``loss`` (of the last
        update), ``measured`` (by the monitor, after it), ``resumed_at`` (the update that this call began with). The
        states to resume from are left in ``store``: drop them when the run's record is complete.

    Raises
    ------
    TrainingError
        When the loss is NaN or infinite, with the update and the scenes of the batch.
    """
    if rate is None and stage.schedule == "cosine":
        rate = cosine(stage.lr, stage.updates)
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    set_threads(settings.threads)
    method.to(device)
    optimizer = make_optimizer(method, stage.lr)
    # A declared checkpoint that is not there yet is written on the way: no state behind it will do.
    missing = [c for c in stage.checkpoints if not store.weights_path(c).is_file()]
    first = store.resume(method, optimizer, at_most=min(missing, default=None))
    if first:
        print(f"resuming at update {first} of {stage.updates}")
    kept: dict[str, str] = {}
    window: int = method.window  # type: ignore[assignment]
    logs: dict[str, float] = {}

    measured: Mapping[str, float] = {}

    def measure(step: int) -> None:
        nonlocal measured
        if monitor is not None:
            measured = monitor(method.eval())
            for name, value in measured.items():
                log(name, value, step)

    def read(step: int) -> Batch:
        indices = batch_indices(step, settings.batch, len(scenes), seed, "batch", stage_index).tolist()
        frames = integers(settings.batch, 1 << 62, seed, "frame", stage_index, step).tolist()
        middle = shows_the_middle(method)
        drawn = zip(indices, frames, strict=True)
        chosen = [scenes[i] if middle else training_scene(scenes, i, number) for i, number in drawn]
        room = [max(1, len(s.waveform) - window + 1) for s in chosen]
        starts = integers(settings.batch, 1 << 62, seed, "window", stage_index, step) % room
        asked = counts(indices) if counts is not None else None
        clips = clips_of(method, scenes, indices, starts)
        objects = objects_of(method, scenes, indices)
        batch = collate(chosen, window, device, starts=starts, counts=asked, clips=clips, objects=objects)
        batch.numbers = torch.tensor(indices, device=device)
        return batch

    if first == 0:
        measure(0)
    for step, batch in ahead(read, range(first, stage.updates), READ_AHEAD if device.type == "cuda" else 0):
        method.train()
        for group in optimizer.param_groups:
            epoch = step * settings.batch // len(scenes)
            lr = stage.lr / (1 + stage.decay * epoch) if rate is None else rate(step)
            group["lr"] = lr * 0.1 ** sum(step >= drop for drop in stage.drops) * group.get("share", 1.0)
        torch.manual_seed(seed_of(seed, "update", stage_index, step))  # dropout, should the method have any
        draw = torch.Generator().manual_seed(seed_of(seed, "draw", stage_index, step))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            loss, logs = method.training_step(batch, draw, **stage.options)  # type: ignore[operator]
        if not torch.isfinite(loss):
            indices = batch_indices(step, settings.batch, len(scenes), seed, "batch", stage_index)
            names = ", ".join(scenes[int(i)].id for i in indices[:4])
            raise TrainingError(
                f"the loss is {float(loss.detach())} at update {step} (scenes {names}, ...); lower the learning rate"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

        done = step + 1
        for name, value in logs.items():
            log(name, value, done)
        kept_here = done in stage.checkpoints or done == stage.updates
        if kept_here or done in settings.monitor_early or done % settings.monitor_every == 0:
            measure(done)
        if done in stage.checkpoints:
            kept[str(done)] = store.save_weights(method, done)
        if done % settings.checkpoint_every == 0 and done < stage.updates:
            flush()
            store.save_state(done, method, optimizer)
        progress(done, stage.updates)

    for update in stage.checkpoints:  # those written before an interruption
        kept.setdefault(str(update), store.digest(update))
    return {
        "weights": store.save_weights(method),
        "kept": kept,
        "loss": logs["loss"],
        "measured": dict(measured),
        "resumed_at": first,
    }
