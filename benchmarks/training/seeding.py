"""Seeding: every random draw is a pure function of (seed, purpose, indices); no generator lives on or is resumed."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
import torch


def seed_of(seed: int, purpose: str, *indices: int) -> int:
    """A 63-bit seed for one purpose, independent of every other purpose and index."""
    text = ":".join([str(seed), purpose, *map(str, indices)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, purpose: str, *indices: int) -> torch.Generator:
    """A CPU generator of torch for one purpose."""
    return torch.Generator().manual_seed(seed_of(seed, purpose, *indices))


def raw(n: int, seed: int, purpose: str, *indices: int) -> npt.NDArray[np.uint64]:
    """``n`` 64-bit words; bit generators keep their streams across NumPy's versions, its distributions need not."""
    return np.random.Philox(key=seed_of(seed, purpose, *indices)).random_raw(n)


def permutation(n: int, seed: int, purpose: str, *indices: int) -> npt.NDArray[np.int64]:
    """A permutation of range(n)."""
    return np.argsort(raw(n, seed, purpose, *indices), kind="stable")


def integers(n: int, high: int, seed: int, purpose: str, *indices: int) -> npt.NDArray[np.int64]:
    """``n`` integers in [0, high); the bias of the modulo is below high / 2^64."""
    return (raw(n, seed, purpose, *indices) % np.uint64(high)).astype(np.int64)


def batch_indices(step: int, batch: int, n: int, seed: int, purpose: str, *indices: int) -> npt.NDArray[np.int64]:
    """The items of batch ``step``: epoch after epoch, each a fresh permutation of all ``n`` items, cut into batches."""
    positions = np.arange(step * batch, (step + 1) * batch)
    chosen = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(positions // n):
        here = positions // n == epoch
        chosen[here] = permutation(n, seed, purpose, *indices, int(epoch))[positions[here] % n]
    return chosen
