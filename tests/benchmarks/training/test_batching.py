"""Windows, tiling, batches and the union of datasets."""

import threading
import time

import numpy as np
import pytest

from benchmarks.datasets.scene import Scene
from benchmarks.metrics.linear_probe import windows
from benchmarks.training.batching import Pool, ahead, centre_start, clips_of, collate, cut, training_scene
from cavl.spectrogram import SpectrogramConfig


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


def test_ten_seconds_are_padded_with_silence_to_the_paper_s_432_frames():
    """PROTOCOLS §1: 110,250 samples give 431 frames, 110,336 give 432; what lacks more than a hundredth is repeated."""
    second, window = np.full(11_025, 7, np.int16), SpectrogramConfig().samples
    assert (window, window // 256 + 1) == (110_336, 432)
    ten = cut(np.tile(second, 10), 0, window)
    assert np.array_equal(ten[:110_250], np.tile(second, 10))
    assert not ten[110_250:].any()
    assert cut(np.tile(second, 9), 0, window).all(), "a shorter recording is repeated, as one of ESC-50 is (§7)"
    assert cut(np.ones((2, 995), np.int16), 0, 1000).sum(1).tolist() == [995, 995]
    assert cut(np.ones(990, np.int16), 0, 1000).sum() == 1000
    batch = collate([scene(0, samples=995), scene(1, samples=1000)], 1000)
    assert batch.waveform[0].tolist() == [*range(995), 0, 0, 0, 0, 0]
    assert windows(np.arange(1, 996), 1000, 1000)[0, -5:].tolist() == [1, 2, 3, 4, 5], "the probe's are (§7)"


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


class Film(list):
    """Scenes whose frame at a moment shows the scene's number and the moment in hundredths of a second."""

    def clip(self, index, start_s, n_frames, fps):
        frames = np.zeros((n_frames, 4, 4, 3), np.uint8)
        frames[..., 0] = int(self[index].id[1:])
        frames[..., 1] = np.round(100 * (start_s + np.arange(n_frames) / fps))[:, None, None]
        return frames


class Watcher:
    clip_frames, clip_fps, sample_rate = 3, 2.0, 10


def test_a_batch_keeps_the_whole_recording_and_where_its_windows_are():
    batch = collate([scene(7), scene(8, samples=6)], 4, starts=[3, 1])
    assert batch.starts.tolist() == [3, 1]
    assert batch.recording.tolist() == [[*range(10)], [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]]
    assert batch.clip is None


def test_clips_begin_with_their_windows():
    film = Film([scene(0, 40), scene(1, 40), scene(2, 40)])
    clips = clips_of(Watcher(), film, [2, 0], [5, 13])
    batch = collate([film[2], film[0]], 20, starts=[5, 13], clips=clips)
    assert batch.clip.shape == (2, 3, 3, 4, 4)
    assert batch.clip[:, :, 0, 0, 0].tolist() == [[2, 2, 2], [0, 0, 0]]
    assert batch.clip[:, :, 1, 0, 0].tolist() == [[50, 100, 150], [130, 180, 230]]
    assert batch.clip.is_contiguous()


def test_methods_of_still_images_get_no_clips():
    assert clips_of(object(), [scene(0)], [0], [0]) is None


def test_scenes_without_video_are_refused_to_methods_that_watch():
    with pytest.raises(ValueError, match="Watcher watches clips, and these scenes have still images only"):
        clips_of(Watcher(), [scene(0)], [0], [0])


def test_a_pool_finds_the_clip_of_each_scene():
    pool = Pool([Film([scene(0), scene(1)]), Film([scene(2)]), [scene(3)]])
    assert [int(pool.clip(i, 0.5, 1, 2.0)[0, 0, 0, 0]) for i in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="scene s3 has a still image only"):
        pool.clip(3, 0.0, 1, 2.0)


def test_reading_ahead_gives_the_same_in_the_same_order_by_threads():
    read_by = set()

    def read(step):
        read_by.add(threading.get_ident())
        return step * step

    assert list(ahead(read, range(3, 9), 0)) == list(ahead(read, range(3, 9), 2)) == [(s, s * s) for s in range(3, 9)]
    assert threading.get_ident() in read_by
    assert len(read_by) >= 2


def test_no_more_is_read_ahead_than_asked_for_and_nothing_after_the_last_use():
    done = []
    reader = ahead(done.append, range(100), 3)
    next(reader)
    time.sleep(0.05)
    assert done == [0, 1, 2, 3]
    reader.close()
    assert len(done) <= 5


def test_what_fails_to_be_read_fails_in_its_turn():
    def read(step):
        if step == 2:
            raise ValueError(f"step {step} cannot be read")
        return step

    reader = ahead(read, range(9), 4)
    assert [next(reader)[0], next(reader)[0]] == [0, 1]
    with pytest.raises(ValueError, match="step 2 cannot be read"):
        next(reader)


class Framed(list):
    """Scenes with several frames: the numbers by which they were asked for."""

    def with_frame(self, index, number):
        return self[index], number


def test_training_sees_any_frame_where_there_are_several():
    assert training_scene(Framed("ab"), 1, 77) == ("b", 77)
    assert training_scene(["a", "b"], 1, 77) == "b"
    assert Pool([["a"], Framed("bc")]).with_frame(2, 5) == ("c", 5)
    assert Pool([["a"], Framed("bc")]).with_frame(0, 5) == "a"
