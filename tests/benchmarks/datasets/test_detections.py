"""What is seen in pictures: all objects of generated worlds against how they were drawn, and files of detections."""

import hashlib
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.datasets.detections import MOST, objects_of, shows_the_middle
from benchmarks.datasets.miniature import SECOND, Miniature
from benchmarks.datasets.miniature.world import MiniatureConfig
from benchmarks.datasets.synthetic.geometry import SILENT
from benchmarks.training.batching import Pool

ASKING = SimpleNamespace(sees_objects="scene")


def test_sounding_and_silent_objects_are_seen_with_their_kinds():
    scenes = Miniature(SECOND, "test", 1, 4)
    objects = objects_of(ASKING, Pool([scenes]), range(4))
    assert objects.shape == (4, MOST, 5)
    for index, rows in enumerate(objects):
        scene, stage = scenes[index], scenes._set_stage(index)
        labels = sorted({*np.unique(scene.objects).tolist()} - {0})
        found = [row for row in rows.tolist() if row[2] > row[0]]
        assert len(found) == len(labels) == 3
        for (x0, y0, x1, y1, kind), label in zip(found, labels, strict=True):
            rows_of, columns = np.nonzero(scene.objects == label)
            assert (x0, y0, x1, y1) == (columns.min(), rows_of.min(), columns.max() + 1, rows_of.max() + 1)
            (actor,) = [a for a in stage.actors if a.label == label]
            assert kind == (scene.kinds[0] if label < SILENT else actor.drift.kind)


def test_the_first_generator_says_no_kinds_of_silent_objects():
    scenes = Miniature(MiniatureConfig(distractors=(2, 2)), "test", 1, 2)
    assert {row[4] for rows in objects_of(ASKING, scenes, range(2)).tolist() for row in rows[1:3]} == {-1}


def test_who_does_not_ask_is_told_nothing():
    assert objects_of(SimpleNamespace(), None, [0]) is None
    assert objects_of(SimpleNamespace(sees_objects=None), None, [0]) is None


class Recordings:
    def __getitem__(self, index):
        return SimpleNamespace(id=f"video{index}")


def written(folder, text):
    digest = hashlib.sha256(text.encode()).hexdigest()
    path = folder / f"detections-{digest[:8]}.csv"
    path.write_text(text)
    return SimpleNamespace(sees_objects=str(path))


def test_a_file_of_detections_is_read_by_item_and_of_each_kind_the_surest(tmp_path):
    lines = ["item,x0,y0,x1,y1,kind,score", "video1,1,2,3,4,0,0.5", "video1,5,6,7,8,0,0.9", "video1,2,2,9,9,3,0.7"]
    asking = written(tmp_path, "\n".join(lines))
    found = objects_of(asking, Recordings(), [0, 1])
    assert not found[0].any()
    assert found[1, :2].tolist() == [[5, 6, 7, 8, 0], [2, 2, 9, 9, 3]]
    assert not found[1, 2:].any()
    assert shows_the_middle(asking)
    assert not shows_the_middle(ASKING)


@pytest.mark.parametrize("text", ["item,x0\nvideo1,1", "item,x0,y0,x1,y1,kind,score\nvideo1,1,2,,4,0,1", ""])
def test_a_damaged_file_is_refused_by_name(tmp_path, text):
    asking = written(tmp_path, text)
    with pytest.raises(ValueError, match=r"detections-\w{8}\.csv is no table of detections"):
        objects_of(asking, Recordings(), [0])


def test_data_that_do_not_say_what_is_seen_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"scene video0: .*model\.objects=FILE"):
        objects_of(ASKING, Recordings(), [0])
