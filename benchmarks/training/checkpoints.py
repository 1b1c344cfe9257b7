"""Weights and resumable training states on disk, in ``<home>/checkpoints/<run key>/``.

``weights.safetensors``      the stage's last weights; ``weights@120.safetensors`` those after a declared update.
``states/000150/``           weights and optimizer after 150 updates, until the run's record is complete.

Weights are safetensors; the optimizer's state is read with ``weights_only=True``. Nothing is unpickled.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from registry.files import atomic_write, digest_file, disk_errors

ANEW = "; run the same command again: it trains this stage anew"
KEPT_STATES = 2  # the newest, and one older in case the newest is damaged


class CheckpointError(RuntimeError):
    """A checkpoint that is missing or damaged."""


class Checkpoints:
    """The checkpoints of one training run."""

    def __init__(self, home: Path, key: str) -> None:
        self.folder = home / "checkpoints" / key

    def weights_path(self, step: int | None = None) -> Path:
        return self.folder / ("weights.safetensors" if step is None else f"weights@{step}.safetensors")

    # -- finished weights ----------------------------------------------------------------------------------------------

    def save_weights(self, module: nn.Module, step: int | None = None) -> str:
        """Write the weights (``step``: those of a declared update) and return their file's sha256."""
        path = self.weights_path(step)
        atomic_write(path, save(_tensors(module.state_dict())))
        return digest_file(path)

    def digest(self, step: int | None = None) -> str:
        """Sha256 of the weights' file; raises :class:`CheckpointError` if it is not there."""
        path = self.weights_path(step)
        if not path.is_file():
            raise CheckpointError(f"there are no weights at {path}{ANEW}")
        return digest_file(path)

    def load_weights(self, module: nn.Module, step: int | None = None, digest: str | None = None) -> str:
        """Load into ``module`` and return the file's sha256.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, not the file with ``digest``, or does not fit the module.
        """
        path, found = self.weights_path(step), self.digest(step)
        if digest is not None and found != digest:
            raise CheckpointError(f"the weights {path} are damaged (their digest is not the recorded one){ANEW}")
        try:
            module.load_state_dict(load(path.read_bytes()))
        except (SafetensorError, RuntimeError) as error:
            raise CheckpointError(f"the weights {path} are damaged or of another network ({error}){ANEW}") from error
        return found

    # -- states to resume from -----------------------------------------------------------------------------------------

    def save_state(self, step: int, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Write the state after ``step`` updates; a crash at any moment leaves the older states as they were."""
        final = self.folder / "states" / f"{step:06d}"
        aside = final.with_name(f".{final.name}.{os.getpid()}")
        buffer = io.BytesIO()
        torch.save(optimizer.state_dict(), buffer)
        try:
            with disk_errors(final):
                atomic_write(aside / "weights.safetensors", save(_tensors(module.state_dict())))
                atomic_write(aside / "optimizer.pt", buffer.getvalue())
                digests = {n: digest_file(aside / n) for n in ("weights.safetensors", "optimizer.pt")}
                atomic_write(aside / "digests.json", json.dumps(digests))
                shutil.rmtree(final, ignore_errors=True)
                os.replace(aside, final)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        for old in self._states()[:-KEPT_STATES]:
            shutil.rmtree(old, ignore_errors=True)

    def resume(self, module: nn.Module, optimizer: torch.optim.Optimizer, at_most: int | None = None) -> int:
        """Load the newest whole state (of at most that step) into both and return its step; 0 if there is none.

        Damaged states are named and passed over.
        """
        for state in reversed(self._states()):
            if at_most is not None and int(state.name) > at_most:
                continue
            try:
                digests: Mapping[str, str] = json.loads((state / "digests.json").read_text())
                for name, digest in digests.items():
                    if digest_file(state / name) != digest:
                        raise CheckpointError(f"{state / name} is damaged")
                weights = load((state / "weights.safetensors").read_bytes())
                loaded: dict[str, Any] = torch.load(state / "optimizer.pt", map_location="cpu", weights_only=True)
            except (OSError, EOFError, ValueError, KeyError, RuntimeError, UnpicklingError, SafetensorError) as error:
                warnings.warn(f"training state {state} cannot be read ({error}); an older one is used", stacklevel=2)
                continue
            module.load_state_dict(weights)
            optimizer.load_state_dict(loaded)
            return int(state.name)
        return 0

    def drop_states(self) -> None:
        """The stage is finished: its states have served."""
        shutil.rmtree(self.folder / "states", ignore_errors=True)

    def _states(self) -> list[Path]:
        folder = self.folder / "states"
        return sorted(p for p in folder.iterdir() if p.name.isdecimal()) if folder.is_dir() else []


def _tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
