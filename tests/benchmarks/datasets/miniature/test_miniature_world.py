"""Single scenes of the miniature world: the same bytes everywhere, and true to what they say of themselves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.recipe import MiniatureRecipe
from benchmarks.datasets.miniature.rendering import activity_at
from benchmarks.datasets.miniature.world import MiniatureConfig, draw_scene, scene_clip
from benchmarks.datasets.synthetic.geometry import SILENT, extent
from benchmarks.datasets.synthetic.portable_math import Draw
from benchmarks.datasets.synthetic.synthesis import RATE, TICK, TICKS

#: Every default written out: a change of the defaults is no change of the generator.
GOLDEN_WORLD = MiniatureConfig(world=0, image_size=64, seconds=4.0, distractors=(0, 2), decoys=0.25, clutter=(4, 10))
GOLDEN_SECOND = replace(GOLDEN_WORLD, generator=2, distractors=(2, 2), training_distractors=(0, 2))
GOLDEN = {
    "train 1 0": "faf6b3df11ba5db4",
    "train 1 7": "e21c4c8a1a40d8bb",
    "test 2 1": "517cd9c69dc11568",
    "validation 3 40": "5022d71ab9af825e",
    "test 5 2": "d06ea7dd8ad42a98",
    "odd": "dc9764f2eb65addb",
    "clarinet": "4dd9632e995e9764",
    "fiddle": "0952dda7d0599cd6",
    "siren": "9ba1358b8b098e57",
    "flute": "b260ac3b01fb78a9",
    "drum": "ec33ab1712ab9e5f",
    "harp": "647521e65815f924",
    "bell": "1528c637e6e562fb",
    "cricket": "8fa6d9320e51d9b9",
    "engine": "34b8cf4e1442df4e",
    "voice": "fa39a1dfd7e19d69",
    "surf": "74912f4131352ce9",
    "bird": "ca4f7f8a9167f1f6",
    "second train 1 0": "faca82d10f1fbc99",
    "second test 1 3": "ad1962a104d85225",
    "second test 5 2": "868f1bda374f07ee",
    "second odd": "cdefbd57dadf3fa2",
}
QUICK = MiniatureConfig(seconds=1.5)


def digests() -> dict[str, str]:
    """Scene -> digest of its image, waveform, stems, label map, boxes, envelopes and a clip."""
    found = {}
    for split, n, index in (("train", 1, 0), ("train", 1, 7), ("test", 2, 1), ("validation", 3, 40), ("test", 5, 2)):
        found[f"{split} {n} {index}"] = digest(GOLDEN_WORLD, (0, split, n, index), n)
    odd = MiniatureConfig(world=9, image_size=97, seconds=1.23, distractors=(7, 7), decoys=0.5, clutter=(20, 20))
    found["odd"] = digest(odd, (9, "test", 5, 0), 5)
    for split, n, index in (("train", 1, 0), ("test", 1, 3), ("test", 5, 2)):
        found[f"second {split} {n} {index}"] = digest(GOLDEN_SECOND, (0, split, n, index), n)
    found["second odd"] = digest(replace(odd, generator=2), (9, "test", 5, 0), 5)
    for kind in range(len(KINDS)):  # each sound and each look
        found[KINDS[kind].name] = digest(QUICK_GOLDEN, (0, "test", 1, kind), 1, (kind,))
    return found


QUICK_GOLDEN = MiniatureConfig(world=0, image_size=64, seconds=2.0, distractors=(1, 1), decoys=0.25, clutter=(4, 10))


def digest(config: MiniatureConfig, key, n: int, kinds=None) -> str:
    kinds = kinds or MiniatureRecipe.of(config, key[1], n, key[3] + 1).scene_kinds(key[3])
    drawn = draw_scene(config, key, kinds)
    frames = scene_clip(config, drawn.stage, drawn.mixture.envelopes, start_s=0.25, n_frames=3, fps=7.5)
    total = hashlib.sha256()
    for array, dtype in (
        (drawn.image, "|u1"),
        (drawn.mixture.waveform, "<i2"),
        (drawn.mixture.stems, "<i2"),
        (drawn.objects, "|u1"),
        (drawn.boxes, "<i4"),
        (drawn.mixture.envelopes, "|u1"),
        (frames, "|u1"),
        (np.array(kinds), "<i4"),
    ):
        total.update(np.ascontiguousarray(array).astype(dtype).tobytes())
    return total.hexdigest()[:16]


def test_scenes_are_the_golden_ones():
    # If this fails after a change of the generator, raise recipe.VERSION and print(digests()) into GOLDEN.
    assert digests() == GOLDEN


def test_another_processor_draws_the_same_bytes():
    """In a process without SIMD beyond the baseline, with other BLAS kernels and another hash seed."""
    dispatched = np._core._multiarray_umath.__cpu_dispatch__
    there = np._core._multiarray_umath.__cpu_features__
    elsewhere = {
        **os.environ,
        "NPY_DISABLE_CPU_FEATURES": " ".join(f for f in dispatched if there.get(f)),
        "OPENBLAS_CORETYPE": "Prescott",
        "PYTHONHASHSEED": "5",
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
    }
    program = (
        "import importlib.util as u, json, sys; s = u.spec_from_file_location('world', sys.argv[1]); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(json.dumps(m.digests()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, __file__], env=elsewhere, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == GOLDEN


def scenes(n: int, count: int, config: MiniatureConfig = QUICK):
    recipe = MiniatureRecipe.of(config, "test", n, count)
    return [recipe.draw(i) for i in range(count)]


@pytest.mark.parametrize("n", [1, 3, 5])
def test_boxes_are_the_extents_of_the_visible_pixels(n):
    for drawn in scenes(n, 12):
        assert sorted(set(np.unique(drawn.objects)) - {0} - set(range(SILENT, 256))) == list(range(1, n + 1))
        for source, (x0, y0, x1, y1) in enumerate(drawn.boxes):
            ys, xs = np.nonzero(drawn.objects == source + 1)
            assert (x0, y0, x1, y1) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)


def test_the_extent_of_nothing_is_empty():
    assert extent(np.zeros((4, 4), bool)) == (0, 0, 0, 0)


def test_objects_stay_visible_even_in_the_largest_crowd():
    crowd = MiniatureConfig(seconds=1.0, distractors=(7, 7))
    recipe = MiniatureRecipe.of(crowd, "test", 5, 25)
    pixels = [(drawn.objects == s + 1).sum() for drawn in map(recipe.draw, range(25)) for s in range(5)]
    assert min(pixels) >= 20


@pytest.mark.parametrize("n", [1, 2, 5])
def test_stems_add_up_to_a_waveform_whose_loudness_does_not_tell_the_count(n):
    for drawn in scenes(n, 8):
        waveform, stems = drawn.mixture.waveform, drawn.mixture.stems
        assert stems.shape == (n, QUICK.samples)
        np.testing.assert_array_equal(stems.astype(int).sum(0), waveform)  # exactly: nothing was clipped
        assert np.sqrt(np.mean(waveform.astype(float) ** 2)) == pytest.approx(1200, rel=1e-3)


def test_levels_of_stems_lie_within_six_decibels_of_each_other():
    for drawn in scenes(3, 10):
        loud = []
        for stem in drawn.mixture.stems.astype(float):
            power = np.array([part @ part for part in np.array_split(stem, QUICK.ticks)])
            loud.append(10 * np.log10(power[power > 0.01 * power.max()].mean()))
        assert max(loud) - min(loud) < 6 + 1


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=[k.name for k in KINDS])
def test_every_sound_has_an_onset_and_a_pause(kind):
    for index in range(4):
        drawn = draw_scene(MiniatureConfig(seconds=1.0), (3, "test", 1, index), (kind,))
        envelope = drawn.mixture.envelopes[0].astype(int)
        assert envelope.max() == 255
        assert envelope.min() < 25
        assert (envelope[20:] - envelope[:-20]).max() > 150  # within 0.2 s
        # The envelope is the stem's own loudness.
        stem = np.pad(drawn.mixture.stems[0].astype(float), (2 * TICK, 3 * TICK))
        around = [np.sqrt(np.mean(stem[t * TICK : (t + 5) * TICK] ** 2)) for t in range(len(envelope))]
        np.testing.assert_allclose(envelope / 255, np.array(around) / max(around), atol=0.02)


def test_distractors_and_sources_are_all_of_different_kinds():
    looks = {(k.shape, k.texture): number for number, k in enumerate(KINDS)}
    silent = []
    for drawn in scenes(2, 30, MiniatureConfig(seconds=1.5, decoys=1.0)):
        seen = [looks[a.look.shape, a.look.texture] for a in drawn.stage.actors]
        assert len(set(seen)) == len(seen)
        assert [looks[a.look.shape, a.look.texture] for a in sorted(drawn.stage.actors, key=lambda a: a.label)][
            :2
        ] == list(drawn.kinds)
        silent.append(len(seen) - 2)
    assert set(silent) == set(range(QUICK.distractors[0], QUICK.distractors[1] + 1))


@pytest.mark.parametrize(("decoys", "least", "most"), [(0.0, 0, 0), (0.25, 0.15, 0.35), (1.0, 1, 1)])
def test_silent_objects_are_grey_furniture_but_for_the_decoys(decoys, least, most):
    config = MiniatureConfig(seconds=1.0, distractors=(7, 7), decoys=decoys, clutter=(0, 0))
    colourful = []
    for drawn in scenes(1, 20, config):
        for actor in drawn.stage.actors:
            red, green, blue = actor.look.colour
            saturation = 1 - min(red, green, blue) / max(red, green, blue)
            assert saturation >= 0.6 or saturation <= 0.2  # nothing between: the eye tells them apart
            if actor.drift is None:
                assert saturation >= 0.6  # what sounds is never grey
            else:
                colourful.append(saturation >= 0.6)
    assert least <= np.mean(colourful) <= most


def test_no_single_cue_tells_the_kind_but_any_two_do():
    for cue in ("shape", "texture", "hue"):
        values = [getattr(k, cue) for k in KINDS]
        assert min(values.count(v) for v in values) >= 3
    for one, two in (("shape", "texture"), ("shape", "hue"), ("texture", "hue")):
        assert len({(getattr(k, one), getattr(k, two)) for k in KINDS}) == len(KINDS)
    assert len({k.name for k in KINDS}) == len(KINDS) == 12


def test_kinds_can_be_heard_apart():
    def features(kind: int, index: int) -> np.ndarray:
        sound = KINDS[kind].sound(Draw(1, "heard", kind, index), 2 * TICKS).astype(float)
        spectrum = np.abs(np.fft.rfft(sound[: len(sound) // 512 * 512].reshape(-1, 512) * np.hanning(512)))
        edges = np.unique(np.geomspace(1, 257, 25).astype(int))
        bands = np.log(np.add.reduceat(spectrum, edges[:-1], axis=1) + 0.1 * spectrum.mean())
        return np.concatenate([bands.mean(0), bands.std(0), np.abs(np.diff(bands, axis=0)).mean(0)])

    train = np.array([features(k, i) for i in range(20) for k in range(12)])
    test = np.array([features(k, i) for i in range(20, 30) for k in range(12)])
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(train, np.tile(range(12), 20))
    assert model.score(test, np.tile(range(12), 10)) > 0.9


def _movement(drawn, label: int, samples) -> np.ndarray:
    """Visible pixels of an object over time: it swells with its activity."""
    return np.array([(drawn.stage.frame(s, drawn.mixture.envelopes)[1] == label).sum() for s in samples])


def test_sounding_objects_move_with_their_sound_and_silent_ones_do_not():
    alone = MiniatureConfig(seconds=2.0, distractors=(0, 0))
    beside = MiniatureConfig(seconds=2.0, distractors=(1, 1))
    samples = [frame * RATE // 10 for frame in range(20)]
    for index in range(4):
        drawn = draw_scene(alone, (0, "test", 1, index), (index * 3,))
        envelope = [activity_at(drawn.mixture.envelopes[0], s) for s in samples]
        assert np.corrcoef(_movement(drawn, 1, samples), envelope)[0, 1] > 0.95
        # A user sees it without the label map: the pictures change where and when the loudness does.
        frames = scene_clip(alone, drawn.stage, drawn.mixture.envelopes, start_s=0.0, n_frames=20, fps=10)
        x0, y0, x1, y1 = drawn.boxes[0]
        light = frames[:, y0:y1, x0:x1].astype(float)
        change = np.abs(np.diff(light, axis=0)).mean((1, 2, 3))
        assert np.corrcoef(change, np.abs(np.diff(envelope)))[0, 1] > 0.6
    related = []
    for index in range(16):
        drawn = draw_scene(beside, (0, "test", 1, index), (index % 12,))
        envelope = [activity_at(drawn.mixture.envelopes[0], s) for s in samples]
        area = _movement(drawn, SILENT, samples)
        related.append(np.corrcoef(area, envelope)[0, 1] if area.std() > 0 else 0.0)
    assert abs(np.mean(related)) < 0.3
    assert np.mean(np.abs(related)) < 0.6


def test_the_still_image_is_the_frame_at_its_moment():
    drawn = scenes(2, 1)[0]
    image, objects = drawn.stage.frame(drawn.stage.still, drawn.mixture.envelopes)
    np.testing.assert_array_equal(image, drawn.image)
    np.testing.assert_array_equal(objects, drawn.objects)


@pytest.mark.parametrize("size", [32, 96, 224])
def test_larger_images_show_the_same_scene(size):
    def drawn(pixels: int):
        return draw_scene(MiniatureConfig(seconds=1.0, image_size=pixels), (0, "test", 3, 5), (1, 5, 9))

    small, large = drawn(64), drawn(size)
    assert large.image.shape == (size, size, 3)
    np.testing.assert_array_equal(large.mixture.waveform, small.mixture.waveform)
    np.testing.assert_allclose(large.boxes / size, small.boxes / 64, atol=0.05)
    rows = (np.arange(64) * size) // 64
    agreement = large.objects[rows][:, rows] == small.objects
    assert agreement.mean() > 0.9


@pytest.mark.parametrize("seconds", [1.0, 1.2345, 2.5, 6.0])
def test_scenes_of_any_length(seconds):
    config = MiniatureConfig(seconds=seconds)
    drawn = draw_scene(config, (0, "test", 2, 0), (3, 10))
    assert drawn.mixture.waveform.shape == (round(seconds * RATE),)
    assert drawn.mixture.envelopes.shape == (2, config.ticks)
    last = scene_clip(config, drawn.stage, drawn.mixture.envelopes, start_s=seconds - 0.01, n_frames=1, fps=25)
    assert last.shape == (1, 64, 64, 3)


def test_clips_outside_the_scene_are_refused():
    drawn = scenes(1, 1)[0]
    for start, frames, fps in ((-0.1, 1, 10), (0.0, 16, 10), (1.5, 1, 10), (0.0, 0, 10), (0.0, 2, 0)):
        with pytest.raises(ValueError, match=r"clip has|leave the scene"):
            scene_clip(QUICK, drawn.stage, drawn.mixture.envelopes, start_s=start, n_frames=frames, fps=fps)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"image_size": 31}, "image_size must be at least 32"),
        ({"seconds": 0.99}, "seconds must be at least 1"),
        ({"seconds": float("nan")}, "seconds must be at least 1"),
        ({"distractors": (0, 8)}, "distractors must be"),
        ({"distractors": (2, 1)}, "distractors must be"),
        ({"training_distractors": (0, 8)}, "training_distractors must be"),
        ({"generator": 3}, "generator must be one of 1, 2, not 3"),
        ({"decoys": 1.5}, "decoys must be a share"),
        ({"decoys": float("nan")}, "decoys must be a share"),
        ({"clutter": (-1, 3)}, "clutter must be"),
    ],
)
def test_impossible_worlds_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        MiniatureConfig(**wrong)
