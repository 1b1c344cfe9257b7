"""Motions of the miniature world: the same bytes everywhere, told by movement and by nothing that keeps still."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier

from benchmarks.datasets.miniature import motion, recipe
from benchmarks.datasets.miniature.motion import MOTIONS, OTHERS, PRETRAINING, PROPERTIES, Motions, perform
from benchmarks.datasets.miniature.objects import Look
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.synthetic.synthesis import RATE

#: Every default written out: a change of the defaults is no change of the generator.
GOLDEN_WORLD = MiniatureConfig(world=0, image_size=64, seconds=4.0, distractors=(0, 2), decoys=0.25, clutter=(4, 10))
ODD_WORLD = MiniatureConfig(world=9, image_size=97, seconds=1.23, distractors=(7, 7), decoys=0.5, clutter=(20, 20))
GOLDEN = {
    "train 0": "aaa3830410e48f75",
    "train 1": "ae0dab862655422b",
    "train 2": "5d8d3801871635a7",
    "train 3": "be5eedb68bd83b8c",
    "train 4": "467650033e66e0a8",
    "train 5": "0fbdb72f284b1bd9",
    "train 6": "a2fa89ef45492b49",
    "train 7": "7b81fc244006fb3e",
    "validation 5": "7f6930aad6eadcc1",
    "test 5": "5ea0d4f0044e3bbf",
    "odd": "8a1b0cd451eb322a",
}
K = len(MOTIONS)
EVERY = {**MOTIONS, **OTHERS}
FRAMES, FPS = 8, 8.0
LOOK = Look(shape="disc", texture="plain", colour=(1.0, 0.5, 0.25), x=0.5, y=0.5, radius=0.2, angle=0.1)


def digests() -> dict[str, str]:
    """Scene -> digest of its image and of a clip."""
    found = {}
    for split in motion.SPLITS:
        for index in range(K) if split == "train" else (5,):
            found[f"{split} {index}"] = digest(GOLDEN_WORLD, split, index)
    found["odd"] = digest(ODD_WORLD, "test", 20)
    return found


def digest(world: MiniatureConfig, split: str, index: int) -> str:
    scenes = Motions(world, split, index + 1)
    total = hashlib.sha256(scenes[index].image.tobytes())
    total.update(scenes.clip(index, 0.25, 6, 7.5).tobytes())
    return total.hexdigest()[:16]


def test_scenes_are_the_golden_ones():
    # If this fails after a change of the generator, raise motion.VERSION and print(digests()) into GOLDEN.
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
        "import importlib.util as u, json, sys; s = u.spec_from_file_location('motion', sys.argv[1]); "
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(json.dumps(m.digests()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, __file__], env=elsewhere, capture_output=True, text=True, check=True
    )
    assert json.loads(ran.stdout) == GOLDEN


# ---- no single moment tells the motion ------------------------------------------------------------------------------


def test_at_one_moment_the_state_has_the_same_distribution_in_every_motion():
    """Each property is the sine of a uniform angle (the arcsine law), and independent of the others."""
    for name in EVERY:
        performances = [perform((0, "law", index), name, LOOK) for index in range(600)]
        for seconds in (0.0, 0.73, 3.1):
            states = np.array([[p.courses[q].at(seconds) for q in PROPERTIES] for p in performances])
            for column in states.T:
                assert kstest(column, lambda x: 0.5 + np.arcsin(np.clip(x, -1, 1)) / np.pi).pvalue > 1e-4, name
            dependent = np.corrcoef(np.hstack([states, states**2]).T) - np.eye(2 * len(PROPERTIES))
            assert abs(dependent).max() < 0.2, name  # 4.9 standard errors


def test_what_does_not_belong_to_the_motion_is_the_same_in_all_of_them():
    for index in range(20):
        every = [perform((0, "same", index), name, LOOK) for name in EVERY]
        for p in every:
            assert replace(p, courses=every[0].courses) == every[0]
        for q in PROPERTIES:
            assert len({replace(p.courses[q], manner="rest") for p in every}) == 1


@pytest.fixture(scope="module")
def watched():
    """Of 320 scenes of two splits each: labels, single frames (16 x 16 x 3), the object's state in each frame."""
    found = []
    for split in ("train", "test"):
        scenes = Motions(MiniatureConfig(), split, 320)
        frames, states = [], []
        for index in range(len(scenes)):
            stage = scenes.stage(index)
            tracks, seen = [], None
            for frame in range(FRAMES):
                image, objects = stage.frame(int((1.5 + frame / FPS) * RATE))
                here = objects == 1
                rows, columns = np.nonzero(here)
                # Where it is hidden altogether, its state is unknown: the middle of the image.
                state = (columns.mean(), rows.mean(), here.sum() ** 0.5, image[here].mean()) if len(rows) else (32,) * 4
                tracks.append(state)
                if frame == index // K % FRAMES:
                    seen = image.reshape(16, 4, 16, 4, 3).mean((1, 3)).ravel()
            frames.append(seen)
            states.append(np.array(tracks) - (32, 32, 0, 0))
        found.append((scenes.labels, np.array(frames), np.array(states)))
    return found


def test_a_probe_on_single_frames_stays_near_chance(watched):
    (labels, frames, states), (test_labels, test_frames, test_states) = watched
    probe = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(frames, labels)
    assert probe.score(test_frames, test_labels) < 1 / K + 0.06  # 3.2 standard errors
    # Nor does it help to know the object's exact place, size and brightness, and to be a forest.
    forest = RandomForestClassifier(100, random_state=0).fit(states[:, 3], labels)
    assert forest.score(test_states[:, 3], test_labels) < 1 / K + 0.06


def test_a_probe_on_how_the_object_moves_tells_the_motion(watched):
    def features(states):
        steps = np.diff(states, axis=1)
        return np.hstack([states.std(1), steps.mean(1), np.abs(steps).max(1), np.median(np.abs(steps), axis=1)])

    (labels, _, states), (test_labels, _, test_states) = watched
    forest = RandomForestClassifier(100, random_state=0).fit(features(states), labels)
    assert forest.score(features(test_states), test_labels) > 0.8
    answers = forest.predict(features(test_states))
    assert all(np.mean(answers[test_labels == label] == label) > 0.5 for label in range(K))


# ---- what moves -----------------------------------------------------------------------------------------------------


def course(name: str, seconds: np.ndarray, index: int = 0) -> np.ndarray:
    """(T, 4): x, y, radius and brightness of an object in a motion."""
    looks = [perform((3, "course", index), name, LOOK).at(float(s)) for s in seconds]
    return np.array([[look.x, look.y, look.radius, look.colour[0]] for look in looks])


@pytest.mark.parametrize("name", EVERY)
def test_only_the_motions_own_properties_move(name):
    ranges = np.ptp(course(name, np.arange(0, 4, 0.02)), axis=0)
    moving = {q for q, r in zip(PROPERTIES, ranges, strict=True) if r > 1e-9}
    assert moving == set(EVERY[name])
    extents = {"x": motion.REACH, "y": motion.REACH, "size": np.array(motion.SWELL) * LOOK.radius, "light": motion.GLOW}
    for q, r in zip(PROPERTIES, ranges, strict=True):
        if q in moving and "leap" not in EVERY[name].values():  # whose places need not be the outermost
            full = r if q == "light" else r / 2
            assert extents[q][0] - 1e-3 <= full <= extents[q][1] + 1e-3


def test_rising_objects_rise_and_falling_ones_fall_but_for_one_leap_a_turn():
    seconds = np.arange(0, 4, 0.01)
    for index in range(10):
        down = np.diff(course("fall", seconds, index)[:, 1])
        up = np.diff(course("rise", seconds, index)[:, 1])
        for steps in (down, -up):
            back = steps < 0
            assert 1 <= back.sum() <= 4 * motion.TEMPO[1] + 1
            assert steps[back].max() < -1.9 * motion.REACH[0]  # all the way at once
            assert steps[~back].max() < 0.02


def test_bobbing_objects_turn_back_gently():
    steps = np.diff(course("bob", np.arange(0, 4, 0.01))[:, 1])
    assert abs(steps).max() < 0.02
    assert 3 <= np.sum(np.diff(np.sign(steps[steps != 0])) != 0) <= 9


def test_jumping_objects_are_still_and_then_elsewhere():
    for index in range(10):
        steps = np.abs(np.diff(course("jump", np.arange(0, 4, 0.01), index)[:, :2], axis=0)).sum(1)
        jumps = np.count_nonzero(steps)
        assert 4 * motion.TEMPO[0] * motion.LEAPS - 1 <= jumps <= 4 * motion.TEMPO[1] * motion.LEAPS + 1
        assert steps.max() > 0.05


@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0), (0.1, 0.95)])
def test_the_object_stays_in_the_image(place):
    for index in range(20):
        performance = perform((0, "inside", index), "loop", replace(LOOK, x=place[0], y=place[1], radius=0.26))
        for seconds in np.arange(0, 4, 0.1):
            look = performance.at(float(seconds))
            assert min(look.x, look.y, 1 - look.x, 1 - look.y) > motion.INSIDE * 0.26 - 1e-6


# ---- the dataset ----------------------------------------------------------------------------------------------------


def test_a_scene_says_what_it_is():
    scenes = Motions(GOLDEN_WORLD, "validation", 20)
    scene = scenes[13]
    assert (scene.n_sources, scene.kinds, scene.split) == (1, (13 % K,), "validation")
    assert scene.id == scenes.ids[13]
    assert len(set(scenes.ids)) == 20
    assert (scene.waveform.dtype, scene.waveform.shape, scene.waveform.any()) == (np.int16, (44_100,), False)
    np.testing.assert_array_equal(scene.image, scenes.clip(13, 2.0, 1, 8.0)[0])
    assert scenes.sample_rate == RATE
    assert str(scenes.coverage) == "20 of 20"
    assert scenes.classes == tuple(MOTIONS)
    assert K >= 6


def test_labels_are_balanced_and_every_object_performs_every_motion():
    scenes = Motions(GOLDEN_WORLD, "train", 5 * K)
    assert np.bincount(scenes.labels).tolist() == [5] * K
    looks = [scenes.stage(i).performance.look for i in range(5 * K)]
    assert [looks.index(look) for look in looks] == [i // K * K for i in range(5 * K)]
    # Scenes of one object differ in what they show all the same: in their motion, and in the camera's noise.
    assert len({scenes.clip(i, 1.0, 2, 8.0).tobytes() for i in range(5 * K)}) == 5 * K


def test_groups_are_the_scenes_of_one_object():
    scenes = Motions(GOLDEN_WORLD, "test", 20)
    assert scenes.groups == ("0",) * 8 + ("1",) * 8 + ("2",) * 4
    shapes = [(look.shape, look.texture, look.colour) for look in (scenes.stage(i).performance.look for i in range(20))]
    assert [len(set(shapes[i : i + 8])) for i in (0, 8, 16)] == [1, 1, 1]
    assert len(set(shapes)) == 3


def test_kinds_of_objects_are_drawn():
    scenes = Motions(GOLDEN_WORLD, "train", 60 * K)
    looks = {(look.shape, look.texture) for look in (scenes.stage(i * K).performance.look for i in range(60))}
    assert len(looks) == 12


def test_scenes_depend_on_world_split_and_index_only():
    small, large = Motions(GOLDEN_WORLD, "test", 3), Motions(GOLDEN_WORLD, "test", 300)
    np.testing.assert_array_equal(small[2].image, large[2].image)
    elsewhere = (Motions(GOLDEN_WORLD, "train", 3), Motions(replace(GOLDEN_WORLD, world=1), "test", 3))
    assert all((other[2].image != small[2].image).any() for other in elsewhere)


def test_clips_are_the_frames_at_their_moments():
    scenes = Motions(GOLDEN_WORLD, "train", 8)
    whole = scenes.clip(6, 0.5, 12, 8.0)
    assert (whole.shape, whole.dtype) == ((12, 64, 64, 3), np.uint8)
    np.testing.assert_array_equal(scenes.clip(6, 1.0, 4, 4.0), whole[4::2])
    (start,) = scenes.clip_starts(6, 8, 8.0)
    assert start == 1.5
    assert scenes.clip_starts(6, 32, 8.0) == [0.0]


@pytest.mark.parametrize(("start", "frames"), [(-0.1, 2), (3.5, 8), (0.0, 0)])
def test_clips_outside_the_scene_are_refused(start, frames):
    with pytest.raises(ValueError, match=r"clip has|leave the scene"):
        Motions(GOLDEN_WORLD, "train", 8).clip(0, start, frames, 8.0)


def test_memory_is_bounded_and_does_not_change_what_is_seen(monkeypatch):
    monkeypatch.setattr(motion, "LEAST_KEPT", 2)
    monkeypatch.setattr(motion, "KEPT", 0)
    scenes = Motions(GOLDEN_WORLD, "train", 6 * K)
    first = scenes[0].image
    for index in range(0, 6 * K, K):
        assert scenes[index].kinds == (0,)
        assert scenes._shared.cache_info().currsize <= 2
    np.testing.assert_array_equal(scenes[0].image, first)
    monkeypatch.undo()
    large = Motions(replace(GOLDEN_WORLD, image_size=512), "train", 1)
    assert large._shared.cache_info().maxsize * 512 * 512 * 12 <= motion.KEPT


def test_the_fingerprint_names_everything_that_decides_the_content(monkeypatch):
    def found() -> str:
        return Motions.fingerprint_of(GOLDEN_WORLD, "train", 8)

    own = found()
    assert Motions(GOLDEN_WORLD, "train", 8).fingerprint == own
    others = [
        Motions.fingerprint_of(replace(GOLDEN_WORLD, clutter=(4, 11)), "train", 8),
        Motions.fingerprint_of(GOLDEN_WORLD, "test", 8),
        Motions.fingerprint_of(GOLDEN_WORLD, "train", 9),
    ]
    for module in (motion, recipe):
        with monkeypatch.context() as patch:
            patch.setattr(module, "VERSION", 999)
            others.append(found())
    assert len({own, *others}) == 6


def test_motions_to_be_learned_from_labels_are_none_that_a_test_has():
    """No motion of the one list moves as one of the other, and no scene of either is the other's."""
    assert not {tuple(sorted(how.items())) for how in MOTIONS.values()} & {
        tuple(sorted(how.items())) for how in OTHERS.values()
    }
    labelled = Motions(GOLDEN_WORLD, PRETRAINING, 2 * K)
    assert labelled.classes == tuple(OTHERS)
    others = [Motions(GOLDEN_WORLD, split, 2 * K) for split in motion.SPLITS]
    assert {o.classes for o in others} == {tuple(MOTIONS)}
    assert not set(labelled.ids) & {i for o in others for i in o.ids}
    assert all(not np.array_equal(labelled[0].image, o[0].image) for o in others)
    assert labelled.clip(3, 0.5, 4, 8.0).shape == (4, GOLDEN_WORLD.image_size, GOLDEN_WORLD.image_size, 3)


def test_impossible_sets_and_indices_are_refused():
    with pytest.raises(ValueError, match="unknown split 'probe'"):
        Motions(GOLDEN_WORLD, "probe", 8)
    with pytest.raises(ValueError, match="size must be at least 1"):
        Motions(GOLDEN_WORLD, "train", 0)
    for index in (-1, 8):
        with pytest.raises(IndexError, match="of a dataset of 8"):
            Motions(GOLDEN_WORLD, "train", 8)[index]
