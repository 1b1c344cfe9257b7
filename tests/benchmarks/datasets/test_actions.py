"""Which clips an evaluation's choices mean, and the fingerprint of them."""

import pytest

from benchmarks.datasets.actions import actions_fingerprint, open_actions
from benchmarks.datasets.miniature import MiniatureConfig
from benchmarks.datasets.miniature.motion import Motions
from benchmarks.tasks.action import ActionConfig
from cavl.config import ConfigError, to_dict

WORLD = MiniatureConfig(seconds=2.0)


def values(**changes):
    return to_dict(ActionConfig(**{"train": 16, "validation": 8, "test": 8, **changes}))


def test_the_miniature_s_motions_have_their_own_splits():
    scenes = {split: open_actions(WORLD, values(), split) for split in ("train", "validation", "test")}
    assert [len(s) for s in scenes.values()] == [16, 8, 8]
    assert all(isinstance(s, Motions) for s in scenes.values())
    assert len({scene_id for s in scenes.values() for scene_id in s.ids}) == 32


def test_the_fingerprint_is_of_all_splits_and_of_nothing_else():
    known = actions_fingerprint(WORLD, values())
    assert known == actions_fingerprint(WORLD, values(updates=7, lr=0.5))
    changed = [values(train=24), values(validation=16), values(test=16)]
    assert len({known, *(actions_fingerprint(WORLD, v) for v in changed)}) == 4
    assert actions_fingerprint(MiniatureConfig(seconds=2.0, world=2), values()) != known


@pytest.mark.parametrize("data", ["ucf101", "hmdb51"])
@pytest.mark.parametrize("given", [{}, {"videos": "/videos"}, {"annotations": "/lists"}])
def test_videos_that_are_nowhere_are_asked_for(data, given):
    for ask in (lambda v: open_actions(WORLD, v, "test"), lambda v: actions_fingerprint(WORLD, v)):
        with pytest.raises(ConfigError, match=r"needs evaluation\.videos=DIR .* and evaluation\.annotations=DIR"):
            ask(values(data=data, **given))


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        open_actions(WORLD, values(data="ucf101", videos=str(tmp_path / "x"), annotations=str(tmp_path)), "test")
