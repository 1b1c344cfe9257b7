"""Context of a task while it measures: run, data, device, the weights that it starts from, where its files go."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from sacred.run import Run
from torch import nn

from benchmarks.datasets.data_module import DataModule
from benchmarks.methods import method_class
from benchmarks.progress import Report
from benchmarks.training.batching import Indexed
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import choose_device, initialise, train_stage
from cavl.curriculum import Stage
from registry.files import home
from registry.index import Registry
from registry.record.observer import continued, flush

if TYPE_CHECKING:
    from benchmarks.orchestration.graph import Job
    from benchmarks.orchestration.run_config import RunConfig


@dataclass(slots=True)
class Context:
    """What a task's measuring function is given."""

    job: Job
    run: Run
    data: DataModule  # of the task's sets
    store: Path  # where this run's own weights go: the home, or a temporary folder of an unobserved run
    progress: Report

    @property
    def config(self) -> RunConfig:
        return self.job.config

    @property
    def device(self) -> torch.device:
        return choose_device(self.config.training.device)

    def log(self, name: str, value: float, step: int) -> None:
        self.run.log_scalar(name, float(value), step)

    def flush(self) -> None:
        flush(self.run)

    def checkpoints(self) -> Checkpoints:
        """This run's own."""
        return Checkpoints(self.store, self.job.key)

    def parent(self, which: int, step: int | None = None) -> Any:
        """The method of a parent with the weights it ended with (``step``: those it kept there), in evaluation mode."""
        return self.load(which, build(self.job.parents[which].config), step)

    def load(self, which: int, module: nn.Module, step: int | None = None) -> Any:
        """``module`` with the weights of a parent's run, on the device and in evaluation mode.

        Raises
        ------
        CheckpointError
            If the weights are missing, or not those that the parent's run recorded.
        """
        job = self.job.parents[which]
        record = Registry(home()).find(job.key)
        recorded_digest = None
        if record is not None:
            recorded_digest = record.result["weights"] if step is None else record.result["kept"].get(str(step))
        Checkpoints(home(), job.key).load_weights(module, step, recorded_digest)
        return module.to(self.device).eval()

    def trained(self) -> Any:
        """The method to be evaluated; a plain object for methods without weights."""
        if self.config.stages:
            return self.parent(0, self.config.step)
        method = build(self.config)
        return method.to(self.device).eval() if isinstance(method, nn.Module) else method

    def train(self, network: nn.Module, stage: Stage, scenes: Indexed, **options: Any) -> dict[str, Any]:
        """Train ``network`` by :func:`~benchmarks.training.loop.train_stage`, from where a stopped run of it was."""
        if not continued(self.run):
            self.checkpoints().drop_states()  # of a run that finished, or whose record is gone: not this run's history
        known: dict[str, Any] = {
            "seed": self.config.seed,
            "stage_index": 0,  # whatever came before: every pre-training is followed by the same batches
            "settings": self.config.training,
            "store": self.checkpoints(),
            "log": self.log,
            "flush": self.flush,
            "progress": self.progress,
        }
        return train_stage(network, stage, scenes, **{**known, **options})

    def add_file(self, name: str, write: Callable[[Path], None]) -> None:
        """Keep as an artifact of the run the file that ``write`` writes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            self.run.add_artifact(str(path), name)


def build(config: RunConfig) -> Any:
    """The method with its initial weights, a function of the seed."""
    return initialise(lambda: method_class(config.method)(config.model), config.seed)
