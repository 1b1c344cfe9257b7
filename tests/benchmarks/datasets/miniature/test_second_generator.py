"""The second generator: nothing that is seen tells what sounds, and no edge tells an object from the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.datasets.miniature import SECOND, Miniature, MiniatureConfig, MiniatureData, MiniatureDataModule
from benchmarks.datasets.miniature.kinds import KINDS
from benchmarks.datasets.miniature.recipe import MiniatureRecipe
from benchmarks.datasets.miniature.rendering import activity_at
from benchmarks.datasets.synthetic.geometry import SILENT
from benchmarks.datasets.synthetic.synthesis import RATE

QUICK = replace(SECOND, seconds=1.5)
N = 400  # scenes, of one sounding object and two silent ones each
LOOKS = {(kind.shape, kind.texture): number for number, kind in enumerate(KINDS)}


def drawn(config: MiniatureConfig, n: int = N, split: str = "test") -> list:
    recipe = MiniatureRecipe.of(config, split, 1, n)
    return [recipe.draw(index) for index in range(n)]


def edges(image: np.ndarray) -> np.ndarray:
    """Gradient magnitude (H, W) of the grey values in [0, 1]."""
    y, x = np.gradient(image.mean(2) / 255)
    return np.hypot(x, y)


def statistics(scene) -> dict[int, list[float]]:
    """Label of an object -> what is seen of it: area, place, colour, contrast, edges, kind, size, paint order."""
    strength, found = edges(scene.image), {}
    for order, actor in enumerate(scene.stage.actors):
        there = scene.objects == actor.label
        if there.any():
            rows, columns = np.nonzero(there)
            pixels = scene.image[there]
            look = [rows.mean(), columns.mean(), *pixels.mean(0), pixels.std(), strength[there].mean()]
            kind = LOOKS.get((actor.look.shape, actor.look.texture), -1)
            found[actor.label] = [there.sum(), *look, kind, actor.look.radius, order]
    return found


@pytest.fixture(scope="module")
def scenes():
    return drawn(QUICK)


def table(scenes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every object its statistics, whether it sounds, and its scene."""
    rows = [
        (values, label < SILENT, index)
        for index, scene in enumerate(scenes)
        for label, values in statistics(scene).items()
    ]
    features, sounds, groups = zip(*rows, strict=True)
    return np.array(features), np.array(sounds), np.array(groups)


LEARNERS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "trees": HistGradientBoostingClassifier(max_iter=40, random_state=0),
}


def told(learner: str, scenes) -> float:
    """Area under the ROC curve by which a learner tells sounding objects of scenes that it has not seen."""
    features, sounds, groups = table(scenes)
    folds = GroupKFold(5)
    chance = cross_val_predict(LEARNERS[learner], features, sounds, groups=groups, cv=folds, method="predict_proba")
    return float(roc_auc_score(sounds, chance[:, 1]))


@pytest.mark.parametrize("learner", LEARNERS)
def test_no_learner_tells_a_sounding_object_from_a_silent_one_by_its_looks(scenes, learner):
    # Standard error of the area under equality (Mann-Whitney): sqrt((a + b + 1) / (12 a b)).
    a, b = N, 2 * N
    assert told(learner, scenes) < 0.5 + 3 * np.sqrt((a + b + 1) / (12 * a * b))


@pytest.mark.parametrize("learner", LEARNERS)
def test_in_the_first_generator_they_do(learner):
    assert told(learner, drawn(MiniatureConfig(seconds=1.5, distractors=(2, 2)), 120)) > 0.7


def test_every_statistic_has_the_same_distribution(scenes):
    features, sounds, _ = table(scenes)
    levels = [stats.ks_2samp(column[sounds], column[~sounds]).pvalue for column in features.T]
    assert min(levels) > 0.001  # ten statistics


def test_silent_objects_move_as_sounding_ones_do(scenes):
    """At the moment of the still image, and over time; but not with what is heard."""
    now, ahead, related = ({True: [], False: []} for _ in range(3))
    for scene in scenes[:200]:
        heard = np.array([activity_at(scene.mixture.envelopes[0], s) for s in range(0, QUICK.samples, RATE // 20)])
        for actor in scene.stage.actors:
            sounds = actor.drift is None

            def activity(sample, actor=actor, envelope=scene.mixture.envelopes[0]):
                return activity_at(envelope, sample) if actor.drift is None else actor.drift.at(sample / RATE)

            course = np.array([activity(s) for s in range(0, QUICK.samples, RATE // 20)])
            now[sounds].append(activity(scene.stage.still))
            ahead[sounds].append(np.abs(np.diff(course)).mean())
            related[sounds].append(np.corrcoef(course, heard)[0, 1] if course.std() > 0 else 0.0)
    for values in (now, ahead):
        assert stats.ks_2samp(values[True], values[False]).pvalue > 0.001
    assert min(related[True]) > 0.99
    assert abs(np.mean(related[False])) < 0.1


def test_grounds_are_as_sharp_as_objects(scenes):
    def ratio(some) -> float:
        """Mean gradient magnitude of the ground over that of the objects."""
        pairs = [(edges(s.image), s.objects > 0) for s in some]
        ground, objects = (np.mean([e[where == there].mean() for e, where in pairs]) for there in (False, True))
        return float(ground / objects)

    assert 0.8 < ratio(scenes[:100]) < 1.3
    assert ratio(drawn(MiniatureConfig(seconds=1.5), 50)) < 0.5


def test_every_test_scene_shows_what_sounds_and_two_silent_objects_of_other_kinds(scenes):
    for scene in scenes:
        kinds = [LOOKS[a.look.shape, a.look.texture] for a in sorted(scene.stage.actors, key=lambda a: a.label)]
        assert (len(set(kinds)), kinds[0]) == (3, scene.kinds[0])
        assert (scene.objects == 1).sum() >= 20
    silent = [len(scene.stage.actors) - 1 for scene in drawn(QUICK, 60, "train")]
    assert set(silent) == {0, 1, 2}
    assert {len(scene.stage.actors) for scene in drawn(QUICK, 20, "validation")} == {3}


def test_sets_by_number_of_silent_objects_have_the_same_sounds(tmp_path):
    data = MiniatureDataModule(MiniatureData(world=QUICK, silent={"0": 6, "2": 6, "4": 6}, test={"1": 8}), tmp_path)
    assert data.silent_counts() == [0, 2, 4]
    sets = {n: data.named(f"silent {n}") for n in data.silent_counts()}
    for index in range(6):
        heard = {scenes[index].waveform.tobytes() for scenes in (*sets.values(), data.test(1))}
        assert len(heard) == 1
        assert np.array_equal(sets[2][index].image, data.test(1)[index].image)
        for n, scenes in sets.items():
            assert set(np.unique(scenes[index].objects)) <= {0, 1, *range(SILENT, SILENT + n)}
    assert len({scenes.fingerprint for scenes in sets.values()}) == 3
    assert data.fingerprint("silent 4") == sets[4].fingerprint


def test_the_first_generator_keeps_its_fingerprint_and_the_second_has_another():
    """That of the records that were made before there was a second one."""
    first = MiniatureConfig(world=0, image_size=64, seconds=4.0, distractors=(0, 2), decoys=0.25, clutter=(4, 10))
    known = "eea9da3ac2b851a8e2d5224445ab7cada6c25bd7c6bf5b476482c373f4aff571"
    assert Miniature.fingerprint_of(first, "test", 1, 300) == known
    changed = (replace(first, generator=2), replace(first, training_distractors=(0, 1)), replace(first, cluttered=0.5))
    assert len({known, *(Miniature.fingerprint_of(config, "test", 1, 300) for config in changed)}) == 4
