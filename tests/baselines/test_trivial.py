"""The trivial rows: known masks, a brute-force search for the level, and statistics of sounds whose answer is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from baselines.trivial import CentredSquare, FullFrame, MeanTrainingMap, RandomBox, SpectrogramStatistics, random_box
from benchmarks.metrics.localization import ciou

IMAGES = torch.zeros(3, 3, 8, 12, dtype=torch.uint8)
WAVEFORMS = torch.arange(3 * 50, dtype=torch.int16).reshape(3, 50)


def fitted() -> MeanTrainingMap:
    method = MeanTrainingMap()
    g = np.zeros((8, 12))
    g[2:5, 3:9] = 1
    method.fit([g])
    return method


@pytest.mark.parametrize(
    "method", [FullFrame(), CentredSquare(), fitted(), RandomBox()], ids=lambda m: type(m).__name__
)
def test_every_row_answers_with_masks(method: FullFrame) -> None:
    assert method.heatmaps_are_masks
    for n in (1, 4):
        masks = method.localize(IMAGES, WAVEFORMS, n)
        assert masks.shape == (3, n, 8, 12)
        assert masks.dtype == torch.float32
        assert set(masks.unique().tolist()) <= {0.0, 1.0}
        assert torch.equal(masks, method.localize(IMAGES, WAVEFORMS, n)), "the same question gets the same answer"


@pytest.mark.parametrize("method", [FullFrame(), CentredSquare(), fitted()], ids=lambda m: type(m).__name__)
def test_three_rows_look_at_nothing(method: FullFrame) -> None:
    assert torch.equal(method.localize(IMAGES + 9, WAVEFORMS - 5, 2), method.localize(IMAGES, WAVEFORMS, 2))


def test_full_frame() -> None:
    assert FullFrame().localize(IMAGES, WAVEFORMS, 2).all()


def test_the_published_centred_square() -> None:
    """PROTOCOLS §6: at 256 the side is 181 and the offset 37."""
    mask = CentredSquare().mask(256, 256)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (37, 37 + 180, 37, 37 + 180)
    assert mask.sum() == 181 * 181


@given(st.integers(1, 400), st.integers(1, 400))
def test_the_centred_square_is_centred_and_half(height: int, width: int) -> None:
    mask = CentredSquare().mask(height, width)
    for size, inside in ((height, mask.any(axis=1)), (width, mask.any(axis=0))):
        side, (first, *_) = int(inside.sum()), np.flatnonzero(inside)
        assert abs(side - size / math.sqrt(2)) <= 0.5
        assert (size - side) - 2 * first in (0, 1), "what is left over is shared out, an odd pixel going below"
        assert inside[first : first + side].all()
    assert mask.sum() == mask.any(axis=1).sum() * mask.any(axis=0).sum()


@settings(max_examples=20, deadline=None)
@given(
    arrays(np.float64, (4, 5, 6), elements=st.sampled_from([0.0, 0.5, 1.0])).filter(lambda m: m.any(axis=(1, 2)).all())
)
def test_the_mean_map_is_the_best_level_on_the_training_maps(maps: np.ndarray) -> None:
    method = MeanTrainingMap()
    method.fit(maps)
    mean = maps.mean(axis=0)
    best = (-1.0, -1.0)
    for level in range(1, 101):
        mask = mean * 100 >= level * mean.max() - 1e-9
        cious = np.array([ciou(mask, g) for g in maps])
        score = (float((cious >= 0.5).mean()), float(cious.mean()))
        if score > (best[0], best[1] + 1e-12):
            best, kept, lowest = score, mask, level
    np.testing.assert_array_equal(method.mask(5, 6), kept)
    assert method.level == lowest


def test_the_mean_map_takes_tensors_and_lists_alike() -> None:
    maps = np.zeros((2, 4, 4))
    maps[0, :2], maps[1, :3] = 1, 0.5
    answers = []
    for form in (maps, list(maps), torch.from_numpy(maps).float()):
        method = MeanTrainingMap()
        method.fit(form)
        answers.append((method.level, method.mask(4, 4).tolist()))
    assert answers[0] == answers[1] == answers[2]


def test_the_mean_map_refuses_what_it_cannot_answer() -> None:
    method = MeanTrainingMap()
    with pytest.raises(ValueError, match="call fit first"):
        method.mask(8, 12)
    with pytest.raises(ValueError, match="at least one"):
        method.fit([])
    with pytest.raises(ValueError, match="not be zero everywhere"):
        method.fit([np.zeros((2, 2))])
    with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
        method.fit([np.full((2, 2), np.nan)])
    with pytest.raises(ValueError, match="one size"):
        method.fit([np.ones((2, 2)), np.ones((2, 3))])
    with pytest.raises(ValueError, match="cannot answer for"):
        fitted().mask(64, 64)


@given(st.integers(0, 2**62), st.text(max_size=5), st.integers(1, 30), st.integers(1, 30))
def test_a_random_box_is_one_filled_rectangle(seed: int, item: str, height: int, width: int) -> None:
    mask = random_box(seed, item, 0, height, width)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    assert mask.sum() == (rows[-1] - rows[0] + 1) * (columns[-1] - columns[0] + 1)


def test_random_boxes_have_uniform_corners() -> None:
    """For two uniform draws of 10 rows, row r is inside with probability (1 + 2 r (9 - r) + 18) / 100."""
    inside = np.mean([random_box(0, str(i), 0, 10, 10).any(axis=1) for i in range(4000)], axis=0)
    r = np.arange(10)
    np.testing.assert_allclose(inside, (19 + 2 * r * (9 - r)) / 100, atol=0.03)  # standard error 0.008


def test_random_boxes_differ_by_seed_item_and_source_only() -> None:
    torch.manual_seed(1)
    first, same_batchmate = RandomBox(), WAVEFORMS[[2, 0]]
    torch.manual_seed(2)
    second = RandomBox()
    masks = first.localize(torch.zeros(3, 3, 64, 64), WAVEFORMS, 2)
    assert len({tuple(m.flatten().tolist()) for m in masks.flatten(0, 1)}) == 6, "three items, two sources each"
    assert torch.equal(first.localize(torch.ones(2, 3, 64, 64), same_batchmate, 2), masks[[2, 0]])
    assert torch.equal(first.localize(torch.zeros(3, 3, 64, 64), WAVEFORMS / 32768, 2), masks), "int16 or float"
    assert not torch.equal(second.localize(torch.zeros(3, 3, 64, 64), WAVEFORMS, 2), masks)


def tone(frequency: float, seconds: float = 1.0) -> torch.Tensor:
    t = torch.arange(int(11_025 * seconds)) / 11_025
    return (0.4 * torch.sin(2 * math.pi * frequency * t))[None]


def test_statistics_peak_at_the_band_of_a_tone() -> None:
    method = SpectrogramStatistics()

    def mel(frequency: float) -> float:  # the HTK scale, in bands of 64 up to 5512.5 Hz
        return 65 * math.log10(1 + frequency / 700) / math.log10(1 + 5512.5 / 700) - 1

    for frequency in (300.0, 1000.0, 4000.0):
        embedding = method.audio_embedding(tone(frequency))
        assert embedding.shape == (1, 128)
        assert abs(int(embedding[0, :64].argmax()) - mel(frequency)) <= 1


def test_twice_the_amplitude_adds_log_4_and_leaves_the_deviation() -> None:
    noise = torch.randn(1, 20_000, generator=torch.Generator().manual_seed(0)) * 0.2
    one, two = (SpectrogramStatistics().audio_embedding(a * noise)[0] for a in (1, 2))
    torch.testing.assert_close(two[:64] - one[:64], torch.full((64,), math.log(4)), atol=1e-3, rtol=0)
    torch.testing.assert_close(two[64:], one[64:], atol=1e-3, rtol=0)


def test_the_deviation_tells_clicks_from_a_steady_sound() -> None:
    """A steady tone varies at the padded ends only; one that comes and goes varies all the time."""
    steady = tone(1000, 4)
    gated = steady * (torch.arange(steady.shape[1]) // 5512 % 2)
    band = 26
    method = SpectrogramStatistics()
    assert method.audio_embedding(gated)[0, 64 + band] > 5 * method.audio_embedding(steady)[0, 64 + band]


def test_statistics_of_int16_floats_batches_and_silence() -> None:
    method = SpectrogramStatistics()
    pcm = (tone(500) * 32768).round().to(torch.int16)
    both = method.audio_embedding(torch.cat([pcm, torch.zeros_like(pcm)]))
    torch.testing.assert_close(both[:1], method.audio_embedding(pcm.float() / 32768))
    torch.testing.assert_close(both[1, :64], torch.full((64,), math.log(1e-6)))
    assert both[1, 64:].abs().max() < 1e-4
    assert method.audio_embedding(pcm[:, :1]).isfinite().all(), "a single sample is a sound too"


def test_bad_waveforms_are_refused() -> None:
    method = SpectrogramStatistics()
    with pytest.raises(ValueError, match="NaN or infinite"):
        method.audio_embedding(torch.full((1, 100), math.nan))
    with pytest.raises(ValueError, match=r"\(batch, samples\)"):
        method.audio_embedding(torch.zeros(100))
    with pytest.raises(ValueError, match=r"\(batch, samples\)"):
        method.audio_embedding(torch.zeros(1, 0))
    with pytest.raises(ValueError, match="must be at least 1"):
        SpectrogramStatistics.Config(bands=0)
