"""One composite scene: what is heard and seen of it, and that it follows from its key and files alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.datasets.composite import SECOND, CompositeConfig, photograph, recording
from benchmarks.datasets.composite.compose import behind, compose, cut_of, draw_kinds, paste
from benchmarks.datasets.composite.files import File
from benchmarks.datasets.synthetic.geometry import SILENT
from benchmarks.datasets.synthetic.mixing import LOUDNESS
from benchmarks.datasets.synthetic.portable_math import Draw
from benchmarks.datasets.synthetic.synthesis import TICK

SMALL = CompositeConfig(image_size=48, seconds=1.0)
A_FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def scene(source, split="train", n=3, index=0, config=SMALL):
    pool = source.material.pools[split]
    key = (config.world, split, n, index)
    return compose(config, pool, key, draw_kinds(key, n, pool.kinds))


# -- a scene ----------------------------------------------------------------------------------------------------------


@A_FEW
@given(n=st.integers(1, 5), index=st.integers(0, 10**6), world=st.integers(0, 99), size=st.integers(32, 80))
def test_every_scene_is_what_a_scene_is(source, n, index, world, size):
    config = CompositeConfig(world=world, image_size=size, seconds=1.0)
    made = scene(source, "test", n, index, config)
    again = scene(source, "test", n, index, config)
    assert len(set(made.kinds)) == n == len(made.mixture.stems)
    np.testing.assert_array_equal(made.mixture.stems.astype(int).sum(0), made.mixture.waveform)
    loudness = np.sqrt(np.mean(np.square(made.mixture.waveform, dtype=float)))
    assert loudness == pytest.approx(LOUDNESS, rel=0.01) or np.abs(made.mixture.waveform).max() > 32_000
    for source_number, box in enumerate(made.boxes):
        rows, columns = np.nonzero(made.objects == source_number + 1)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    labels = np.unique(made.objects)
    assert set(labels[(labels > 0) & (labels < SILENT)]) == set(range(1, n + 1))
    assert (made.image.shape, made.image.dtype) == ((size, size, 3), np.uint8)
    np.testing.assert_array_equal(made.image, again.image)
    np.testing.assert_array_equal(made.objects, again.objects)
    np.testing.assert_array_equal(made.mixture.waveform, again.mixture.waveform)


def test_scenes_are_the_same_on_every_machine(source):
    """Of lossless files at 11,025 Hz: change it only together with ``recipe.VERSION``."""
    digest = hashlib.sha256()
    for n in (1, 3, 5):
        made = scene(source, "train", n, 7)
        for array in (made.image, made.objects, made.boxes, made.mixture.waveform, made.mixture.stems):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == "455d9390e30e46f8ccc8e9dbc4de7a806b652b97c0bc03173480ae78b7a2be4a"


def test_scenes_of_other_indices_splits_counts_and_worlds_differ(source):
    made = [
        scene(source, split, n, index, CompositeConfig(world=world, image_size=48, seconds=1.0)).image.tobytes()
        for world in (0, 1)
        for split in ("train", "test")
        for n in (1, 2)
        for index in range(4)
    ]
    assert len(set(made)) == len(made)


def test_silent_things_are_as_many_as_asked_for(source):
    for fewest, most in ((0, 0), (2, 2), (1, 3)):
        config = CompositeConfig(image_size=64, seconds=1.0, distractors=(fewest, most))
        counts = [
            len([x for x in np.unique(scene(source, n=2, index=i, config=config).objects) if x >= SILENT])
            for i in range(30)
        ]
        assert max(counts) == most
        assert np.mean(counts) >= fewest - 0.2  # one may be hidden behind another


def test_scenes_of_the_second_generator_are_the_same_on_every_machine(source):
    """Of lossless files at 11,025 Hz."""
    digest = hashlib.sha256()
    for n in (1, 3, 5):
        made = scene(source, "train", n, 7, replace(SMALL, generator=2, training_distractors=(0, 2)))
        for array in (made.image, made.objects, made.boxes, made.mixture.waveform, made.mixture.stems):
            digest.update(np.ascontiguousarray(array).tobytes())
    assert digest.hexdigest() == "0dcb304d54420b926f299a622740f98eb7c23b7ff3c40a8e6595835e36c4a4dd"


def test_in_the_second_generator_silent_things_are_of_kinds_that_sound_elsewhere(source, monkeypatch):
    shown = []
    patch = photograph.patch
    monkeypatch.setattr(photograph, "patch", lambda file, *rest: shown.append(file) or patch(file, *rest))
    pool = source.material.pools["test"]
    kind_of = {f.sha256: kind for kind, some in pool.photographs.items() for f in some}
    seen = {True: Counter(), False: Counter()}
    for index in range(60):
        shown.clear()
        made = scene(source, "test", 1, index, replace(SECOND, image_size=48, seconds=1.0))
        kinds = [kind_of[f.sha256] for f in shown]
        assert len(set(kinds)) == 3
        for kind in kinds:
            seen[kind in made.kinds][kind] += 1
        assert set(np.unique(made.objects)) - {0} <= {1, SILENT, SILENT + 1}
    assert set(seen[True]) == set(seen[False]) == set(pool.kinds)


def test_most_training_scenes_of_the_second_generator_have_no_silent_things(source):
    config = replace(SECOND, image_size=48, seconds=1.0)
    silent = Counter(int((np.unique(scene(source, "train", 1, i, config).objects) >= SILENT).sum()) for i in range(200))
    assert 0.5 < silent[0] / 200 < 0.7  # three of five; one may be hidden behind another
    assert min(silent[1], silent[2]) > 20
    assert sum(silent.values()) == silent[0] + silent[1] + silent[2]


def test_the_ground_of_the_second_generator_is_about_as_sharp_as_what_lies_on_it(real):
    def ratio(config) -> float:
        """Mean gradient magnitude of the ground over that of the patches."""
        pool, parts = real.material.pools["validation"], {True: [], False: []}
        for index in range(25):
            key = (config.world, "validation", 1, index)
            made = compose(config, pool, key, draw_kinds(key, 1, pool.kinds))
            y, x = np.gradient(made.image.mean(2))
            for on in (True, False):
                parts[on].append(np.hypot(x, y)[(made.objects > 0) == on].mean())
        return float(np.mean(parts[False]) / np.mean(parts[True]))

    assert 0.55 < ratio(SECOND) < 1.25
    assert ratio(CompositeConfig()) < 0.4


def test_training_scenes_of_the_second_generator_are_blurred_by_a_drawn_share(source):
    file = source.material.pools["train"].silent[0][0]

    def edges(how) -> list[float]:
        return [float(np.abs(np.diff(how(file, Draw("ground", i), 48), axis=0)).mean()) for i in range(40)]

    sharp, half, blurred = map(edges, (photograph.ground, photograph.half_blurred_ground, photograph.background))
    assert np.mean(blurred) < np.mean(half) < np.mean(sharp)
    config = replace(SECOND, image_size=48, seconds=1.0)
    assert behind(config, (0, "train", 1, 0)) is photograph.half_blurred_ground
    assert behind(config, (0, "test", 1, 0)) is behind(config, (0, "validation", 1, 0)) is photograph.ground
    assert (cut_of(config), cut_of(SMALL)) == (photograph.MIDDLE, photograph.WHOLE)
    assert behind(SMALL, (0, "train", 1, 0)) is behind(SMALL, (0, "test", 1, 0)) is photograph.background


@pytest.mark.parametrize("decoys", [0.0, 1.0])
def test_decoys_are_of_kinds_that_sound_in_other_scenes(source, monkeypatch, decoys):
    shown = []
    patch = photograph.patch
    monkeypatch.setattr(photograph, "patch", lambda file, *rest: shown.append(file) or patch(file, *rest))
    config = CompositeConfig(image_size=48, seconds=1.0, distractors=(2, 2), decoys=decoys)
    pool = source.material.pools["train"]
    kind_of = {f.sha256: kind for kind, some in pool.photographs.items() for f in some}
    for index in range(20):
        shown.clear()
        made = scene(source, "train", 2, index, config)
        kinds = [kind_of.get(f.sha256) for f in shown]
        assert sorted(k for k in kinds if k in made.kinds) == sorted(made.kinds)
        others = [k for k in kinds if k not in made.kinds]
        assert len(others) == 2
        assert all((k is None) == (decoys == 0) for k in others)
        assert decoys == 0 or len(set(others)) == 2


@pytest.mark.parametrize("generator", [1, 2])
def test_where_an_object_is_does_not_tell_whether_it_sounds(source, generator):
    """Sounding and silent objects are drawn from one distribution of sizes and places, and painted in any order."""
    config = CompositeConfig(generator=generator, image_size=48, seconds=1.0, distractors=(2, 2))
    sizes: dict[bool, list[int]] = {True: [], False: []}
    middles: dict[bool, list[float]] = {True: [], False: []}
    for index in range(150):
        objects = scene(source, "train", 2, index, config).objects
        for label in (1, 2, SILENT, SILENT + 1):
            rows, columns = np.nonzero(objects == label)
            if len(rows):
                sizes[label < SILENT].append(len(rows))
                middles[label < SILENT].append(np.hypot(rows.mean() - 23.5, columns.mean() - 23.5))
    for values in (sizes, middles):
        spread = np.std(values[True]) * np.sqrt(2 / len(values[True]))
        assert abs(np.mean(values[True]) - np.mean(values[False])) < 4 * spread


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image_size": 31}, "image_size must be at least 32"),
        ({"seconds": 0.5}, "seconds must be at least 1"),
        ({"seconds": float("nan")}, "seconds must be at least 1"),
        ({"decoys": 1.5}, "decoys must be a share"),
        ({"distractors": (2, 1)}, "distractors must be"),
        ({"distractors": (0, 11)}, "distractors must be"),
    ],
)
def test_impossible_scenes_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        CompositeConfig(**wrong)


# -- patches ----------------------------------------------------------------------------------------------------------


def test_a_patch_is_as_large_as_asked_for_whatever_the_photograph(source):
    for some in source.material.pools["train"].silent:
        for index in range(10):
            pixels, opacity = photograph.patch(some[0], Draw("patch", index), 10.0)
            assert pixels.shape == (*opacity.shape, 3)
            assert opacity.size == pytest.approx(400, rel=0.12)
            assert max(opacity.shape) / min(opacity.shape) <= photograph.WIDEST * 1.15
            assert (pixels.min() >= 0, pixels.max() <= 255) == (True, True)


def test_a_patch_of_the_middle_shows_the_middle(tmp_path):
    """Of a photograph that is red outside its middle four fifths, and blue within."""
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[..., 0] = 250
    pixels[10:90, 10:90] = (0, 0, 250)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    file = File("x/x", str(tmp_path / "a.png"), hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest(), "x")
    red = dict.fromkeys((photograph.WHOLE, photograph.MIDDLE), 0)
    for cut in red:
        for index in range(20):
            red[cut] += int((photograph.patch(file, Draw("patch", index), 20.0, cut)[0][..., 0] > 125).sum())
    # Of the side, the middle begins after 0.3 x 0.25 = 0.075 at least; 0.85 of it hold 0.05 or more that is red.
    assert red[photograph.MIDDLE] < red[photograph.WHOLE] / 20


@pytest.mark.parametrize(("width", "height"), [(20, 20), (31, 17), (60, 40)])
def test_an_opacity_is_whole_in_the_middle_soft_at_the_edge_and_symmetrical(width, height):
    opacity = photograph.opacity(width, height)
    assert opacity.shape == (height, width)
    assert opacity[height // 2, width // 2] == 1
    assert opacity[0, 0] == 0
    np.testing.assert_array_equal(opacity, opacity[::-1, ::-1])
    covered = opacity >= 0.5
    assert covered.any(1).sum() >= 0.9 * height - 1  # the box is nearly the whole patch
    assert covered.any(0).sum() >= 0.9 * width - 1
    assert 0.7 < covered.mean() < 0.95


def test_pasting_covers_what_is_opaque_and_leaves_the_rest():
    canvas, objects = np.full((32, 32, 3), 10, np.float32), np.zeros((32, 32), np.uint8)
    opacity = np.zeros((6, 8), np.float32)
    opacity[1:5, 2:6], opacity[2, 2] = 1, 0.25
    paste(canvas, objects, np.full((6, 8, 3), 210, np.float32), opacity, (16, 16), 3)
    rows, columns = np.nonzero(objects == 3)
    assert len(rows) == 15
    assert (canvas[rows, columns] == 210).all()
    assert (canvas == 60).all(-1).sum() == 1  # a quarter of the way from 10 to 210
    assert (canvas == 10).all(-1).sum() == 32 * 32 - 16


@pytest.mark.parametrize("centre", [(0, 0), (31, 31), (16, -5), (40, 16)])
def test_a_patch_is_moved_into_the_image(centre):
    canvas, objects = np.zeros((32, 32, 3), np.float32), np.zeros((32, 32), np.uint8)
    paste(canvas, objects, np.ones((9, 11, 3), np.float32), np.ones((9, 11), np.float32), centre, 1)
    assert (objects == 1).sum() == 99


def test_a_background_shows_nothing(source):
    """Blurred: neighbouring pixels differ little."""
    file = source.material.pools["train"].silent[0][0]
    canvas = photograph.background(file, Draw("background"), 96)
    assert canvas.shape == (96, 96, 3)
    sharp = np.asarray(photograph.load(file), np.float32)
    assert np.abs(np.diff(canvas, axis=0)).max() < np.abs(np.diff(sharp, axis=0)).max() / 2


# -- excerpts ---------------------------------------------------------------------------------------------------------


def loud(sound: np.ndarray) -> np.ndarray:
    """Which ticks sound."""
    return (sound[: len(sound) // TICK * TICK].reshape(-1, TICK) != 0).any(1)


def write(path, sound, rate=11_025, **more):
    import soundfile

    soundfile.write(path, sound, rate, **more)
    return File("x/x", str(path), hashlib.sha256(path.read_bytes()).hexdigest(), "x")


def test_silence_at_both_ends_is_cut_off(tmp_path, make):
    tone = make[3](0)  # silent until 1,000 and from 7,500 on
    sound = recording.load(write(tmp_path / "a.wav", tone))
    assert 6500 - 2 * TICK <= len(sound) <= 6500 + 2 * TICK
    assert loud(sound).all()


def test_a_short_recording_is_repeated_with_pauses(tmp_path, make):
    file = write(tmp_path / "a.wav", make[3](0)[1000:3000])
    for index in range(10):
        ticks = loud(recording.excerpt(file, Draw("excerpt", index), 55_125))
        edges = np.flatnonzero(np.diff(np.r_[0, ticks.astype(int), 0]))
        pauses = edges[2::2] - edges[1:-1:2]
        assert len(edges) // 2 >= 8  # of 0.18 s, with 0.14 to 0.43 s between them, in 5 s
        assert pauses.min() >= 14
        assert pauses.max() <= 46
        assert edges[0] <= 45


def test_a_long_recording_gives_a_part_that_is_not_a_pause(tmp_path, make):
    loud_part = make[3](3, 30_000)[1000:28_000]
    sound = np.r_[loud_part, np.zeros(200_000, np.int16), loud_part]
    file = write(tmp_path / "a.wav", sound)
    assert len(recording.load(file)) > 250_000
    quiet = 0
    for index in range(20):
        part = recording.excerpt(file, Draw("excerpt", index), 22_050)
        assert len(part) == 22_050
        quiet += not np.any(part)
    assert quiet == 0


def test_other_rates_and_channels_are_brought_to_one(tmp_path):
    seconds = np.arange(44_100) / 44_100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * seconds)
    sound = recording.load(write(tmp_path / "a.flac", np.stack([tone, tone], 1), 44_100))
    assert len(sound) == pytest.approx(11_025, abs=TICK)
    spectrum = np.abs(np.fft.rfft(sound[:11_025] * np.hanning(len(sound[:11_025]))))
    assert np.fft.rfftfreq(len(sound[:11_025]), 1 / 11_025)[spectrum.argmax()] == pytest.approx(1000, abs=3)
    assert np.abs(sound[2000:8000]).max() == pytest.approx(16_384, rel=0.02)


def test_an_excerpt_begins_and_ends_without_a_click(tmp_path):
    file = write(tmp_path / "a.wav", np.full(5000, 12_000, np.int16))
    sound = recording.load(file)
    assert (sound[0], sound[-1]) == (0, 0)
    assert np.abs(np.diff(sound)).max() < 300
