"""Windows, tiling, batches and the union of datasets."""

import numpy as np
import pytest

from benchmarks.batch import Pool, centre_start, collate, cut
from benchmarks.datasets.scene import Scene


def scene(i, samples=10, n=1):
    return Scene(
        id=f"s{i}", waveform=np.arange(samples, dtype=np.int16), n_sources=n, image=np.full((4, 4, 3), i, np.uint8)
    )


def test_windows_and_tiling():
    wave = np.arange(5, dtype=np.int16)
    assert cut(wave, 1, 3).tolist() == [1, 2, 3]
    assert cut(wave, 0, 12).tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert cut(np.stack([wave, wave + 10]), 3, 4).tolist() == [[3, 4, 0, 1], [13, 14, 10, 11]]
    assert (centre_start(10, 4), centre_start(3, 4)) == (3, 0)


def test_collate():
    batch = collate([scene(7), scene(8, n=3)], 4, starts=[0, 5])
    assert batch.image.shape == (2, 3, 4, 4)
    assert batch.image[1].unique().tolist() == [8]
    assert batch.waveform.tolist() == [[0, 1, 2, 3], [5, 6, 7, 8]]
    assert batch.n_sources.tolist() == [1, 3]
    assert collate([scene(0)], 4, counts=[5]).n_sources.tolist() == [5]
    assert collate([scene(0)], 4).waveform.tolist() == [[3, 4, 5, 6]]


def test_scene_without_image_is_named():
    with pytest.raises(ValueError, match="scene x has no image"):
        collate([Scene(id="x", waveform=np.zeros(4, np.int16), n_sources=1)], 4)


def test_pool_is_the_union():
    pool = Pool([[scene(0), scene(1)], [scene(2)], [scene(3), scene(4)]])
    assert [pool[i].id for i in range(len(pool))] == ["s0", "s1", "s2", "s3", "s4"]
