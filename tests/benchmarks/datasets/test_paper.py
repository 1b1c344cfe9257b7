"""Which prepared clips belong to which set, by hand-made data sets of the store's own writer."""

import pickle
import shutil

import numpy as np
import pytest

from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.folds import IncompleteError
from benchmarks.datasets.kinetics_sounds import KINDS
from benchmarks.datasets.paper import PaperData, PaperDataModule
from benchmarks.datasets.prepared import Lost, NotPreparedError
from benchmarks.datasets.prepared_scenes import agreed_box, hashed
from benchmarks.preparation.packing import Clip, write
from cavl.config import ConfigError, to_dict
from tests import paper_data


def of(task, root, **choices):
    return open_data_module({"source": "paper", **choices}, cache=root).of(task)


def ids(scenes):
    return [scenes[i].id for i in range(len(scenes))]


@pytest.fixture(scope="module")
def audioset(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    lost = [
        *(paper_data.lost_segment(f"gone{i:07d}", 2) for i in range(3)),
        paper_data.lost_segment("broken00001", 2, status="damaged"),
        paper_data.lost_segment("gone1000000", 1, "eval"),
    ]
    paper_data.audioset(root, {1: 40, 2: 9, 3: 4, 7: 2}, {1: 3, 2: 2, 6: 1}, lost=lost)
    return root


def test_a_curriculum_has_the_clips_of_so_many_sources_and_no_held_out_one(audioset):
    source = of("pretrain", audioset)
    assert source.train_counts() == [1, 2, 3, 7]
    for n, size in ((1, 40), (2, 9), (3, 4)):
        train, validation = source.train(n), source.validation(n)
        assert not set(ids(train)) & set(ids(validation))
        assert len(train) + len(validation) == size
        assert len(validation) >= 2
        assert all(train[i].n_sources == n == len(train[i].kinds) for i in range(len(train)))
    assert source.test_counts() == [1, 2, 6]
    assert ids(source.test(6)) == ["eval6000061"]


def test_what_is_held_out_is_the_hash_of_its_id_and_whoever_else_is_there_decides_nothing(audioset, tmp_path):
    held = set(ids(of("pretrain", audioset).validation(1)))
    assert {id for id in ids(of("pretrain", audioset).train(1)) if hashed(id) < 0.05} == set()
    paper_data.audioset(tmp_path, {1: 30}, {})
    fewer = set(ids(of("pretrain", tmp_path).validation(1)))
    there = {f"bala1{i:06d}" for i in range(1, 31)}
    assert {id for id in held if hashed(id) < 0.05} & there <= fewer


def test_coverage_is_of_the_set_s_own_items(audioset):
    source = of("counting", audioset)
    both = source.train(2).coverage, source.validation(2).coverage
    assert sum(c.found for c in both) == 9
    assert sum(c.missing for c in both) == 3
    assert sum(c.damaged for c in both) == 1
    assert {r for c in both for r in c.reasons.values()} == {"missing: Private video", "damaged: Private video"}
    assert str(source.test(1).coverage) == "3 of 4 (missing 1, damaged 0)"
    assert source.test(2).coverage.complete


def test_scenes_show_the_middle_frame_and_train_on_any(audioset):
    scenes = of("pretrain", audioset).train(1)
    prepared = scenes.prepared
    place = prepared.ids.index(scenes[3].id)
    assert (scenes[3].image == prepared.frame(place, 5)).all()
    assert (scenes.with_frame(3, 10**9 + 7).image == prepared.frame(place, 7)).all()
    assert scenes[3].waveform.shape == (110_250,)
    assert scenes.sample_rate == 11_025
    with pytest.raises(IndexError, match="scene 99 of a dataset of"):
        scenes[99]


def test_clips_are_what_is_on_the_screen_at_the_rate_that_was_prepared(audioset, tmp_path):
    scenes = of("avts", audioset).train(1)
    place = scenes.prepared.ids.index(scenes[0].id)
    assert (scenes.clip(0, 2.5, 1, 25.0)[0] == scenes.prepared.frame(place, 2)).all()
    assert (scenes.clip(0, 2.0, 3, 1.0) == scenes.prepared.frames(place, [2, 3, 4])).all()
    assert (scenes.clip(0, 8.0, 3, 1.0)[2] == scenes.prepared.frame(place, 9)).all(), "the last one stays"
    with pytest.raises(ValueError, match=r"was prepared with 1 frames a second, and 25 are asked for: .*--fps 25"):
        scenes.clip(0, 0.0, 25, 25.0)
    still = [paper_data.picture(1)]
    about = {"labels": ["/m/0"], "sources": ["/m/0"], "n_sources": 1, "split": "balanced_train"}
    clips = [
        Clip(id=f"still{i:06d}", waveform=paper_data.sound(i), frames=still, times=[0.0], attributes=about)
        for i in range(4)
    ]
    write(tmp_path / "audioset", clips, options={"settings": {"fps": 25.0}})
    assert of("avts", tmp_path).train(1).clip(0, 3.0, 25, 25.0).shape == (25, 256, 256, 3), "nothing moved"


def test_other_ways_of_grading_need_the_ontology(audioset, tmp_path, shared_data):
    with pytest.raises(NotPreparedError, match=r"keep_shallow=False grade anew, .* copy ontology.json .*audioset"):
        of("pretrain", audioset, keep_shallow=False).train(1)
    music, guitar = "/m/04rlf", "/m/0342h"  # a root of the ontology, and a class below the third level
    clips = [
        paper_data.clip(f"segment{i:04d}", i, labels=[music], sources=[music], n_sources=1, split="balanced_train")
        for i in range(4)
    ] + [
        paper_data.clip(f"segment{i:04d}", i, labels=[guitar], sources=[guitar], n_sources=1, split="balanced_train")
        for i in range(4, 8)
    ]
    write(tmp_path / "audioset", clips)
    (tmp_path / "audioset" / "ontology.json").write_bytes((shared_data / "audioset" / "ontology.json").read_bytes())
    kept, literal = (of("pretrain", tmp_path, keep_shallow=keep) for keep in (True, False))
    assert len(kept.train(1)) + len(kept.validation(1)) == 8
    assert literal.train_counts() == [0, 1]
    assert len(literal.train(1)) + len(literal.validation(1)) == 4
    shallowest = of("pretrain", tmp_path, parents="shallowest")
    assert len(shallowest.train(1)) + len(shallowest.validation(1)) == 8


def test_audioset_instrument_tells_clips_by_their_instruments(tmp_path):
    paper_data.instrument(tmp_path, 10, 5)
    chosen = {"pretraining": "audioset_instrument", "separation": "audioset_instrument"}
    for task in ("pretrain", "separation"):
        source = of(task, tmp_path, **chosen)
        assert len(source.train(1)) == 8
        assert len(source.train(2)) == 2
        assert len(source.test(1)) == 4
        kinds = {source.train(1)[i].kinds[0] for i in range(8)}
        assert {source.train(1).kind_names[k] for k in kinds} == set(paper_data.INSTRUMENTS)
    assert of("counting", tmp_path, **chosen).reads == "audioset"
    assert of("separation", tmp_path, pretraining="audioset_instrument").reads == "music"


def test_music_s_videos_are_in_one_split_each_and_coverage_is_of_videos(tmp_path):
    paper_data.music(tmp_path, videos=4, pieces=3, duets=6)
    source = of("separation", tmp_path)
    sets = {split: ids(getattr(source, split)(1)) for split in ("train", "validation", "test")}
    videos = {split: {id.partition("/")[0] for id in found} for split, found in sets.items()}
    assert videos["validation"] == {f"{name}0" for name in paper_data.INSTRUMENTS}
    assert videos["test"] == {f"{name}1" for name in paper_data.INSTRUMENTS}
    assert len(videos["train"]) == 8
    assert len(sets["train"]) == 24
    assert str(source.train(1).coverage) == "8 of 8"
    duets = of("pretrain", tmp_path, pretraining="music")
    together = {id.partition("/")[0] for split in ("train", "validation") for id in ids(getattr(duets, split)(2))}
    assert together == {f"duet{i}" for i in range(6)}
    assert duets.train(2)[0].n_sources == len(duets.train(2)[0].kinds) == 2
    assert source.pairs() is None


def test_published_mixtures_are_the_first_clips_of_their_videos(tmp_path):
    listed = [["cello1", "tuba1"], ["cello1", "nobody"], ["flute1", "cello1"]]
    paper_data.music(tmp_path, options={"mixtures": listed})
    source = of("separation", tmp_path)
    solos = source.test(1)
    assert [(solos[a].id, solos[b].id) for a, b in source.pairs()] == [
        ("cello1/000", "tuba1/000"),
        ("flute1/000", "cello1/000"),
    ]
    other = tmp_path / "other"
    paper_data.music(other)
    assert of("separation", other).fingerprint("test 1") != source.fingerprint("test 1")
    assert of("separation", other).fingerprint("train 1") == source.fingerprint("train 1")


def test_a_fingerprint_is_of_the_set_s_own_clips_and_of_the_limit(audioset, tmp_path):
    source = of("pretrain", audioset)
    paper_data.audioset(tmp_path, {1: 40, 2: 9, 3: 4, 7: 2}, {1: 2})
    again = of("pretrain", tmp_path)
    assert again.fingerprint("train 1", "validation 2") == source.fingerprint("train 1", "validation 2")
    assert again.fingerprint("test 1") != source.fingerprint("test 1")
    names = {source.fingerprint(name) for name in ("train 1", "train 2", "validation 1", "test 1")}
    assert len(names) == 4
    assert of("pretrain", audioset, limit=500).fingerprint("train 1") != source.fingerprint("train 1")
    assert of("pretrain", audioset, held_out=0.5).fingerprint("train 1") != source.fingerprint("train 1")


def test_what_else_is_prepared_does_not_change_a_fingerprint(tmp_path):
    about = {"n_sources": 1, "split": "balanced_train"}
    clips = [paper_data.clip(f"segment{i:04d}", i, labels=["/m/z"], sources=["/m/z"], **about) for i in range(6)]
    other = paper_data.clip("another0001", 9, labels=["/m/a"], sources=["/m/a"], **{**about, "split": "eval"})
    write(tmp_path / "one" / "audioset", clips)
    write(tmp_path / "two" / "audioset", [*clips, other])
    one, two = (of("pretrain", tmp_path / name) for name in ("one", "two"))
    assert one.train(1)[0].kinds != two.train(1)[0].kinds
    assert one.fingerprint("train 1") == two.fingerprint("train 1")


def test_a_rehearsal_has_so_many_scenes_and_says_what_it_leaves_out(audioset):
    source = of("pretrain", audioset, limit=3)
    train = source.train(1)
    assert len(train) == 3
    assert str(train.coverage) == f"3 of {40 - len(of('pretrain', audioset).validation(1))} " + (
        f"(missing 0, damaged 0, left out {train.coverage.left_out})"
    )
    assert not train.coverage.complete
    with pytest.raises(ValueError, match=r"data\.limit must be at least 2"):
        PaperData(limit=1)


def test_kinetics_sounds_has_its_own_pairs_and_one_number_a_kind(tmp_path):
    paper_data.audioset(tmp_path, {1: 4}, {1: 2})
    paper_data.kinetics_sounds(tmp_path, train=6, test=4, kinds=3)
    source = of("pretrain", tmp_path, pretraining="kinetics_sounds")
    assert (source.train_counts(), len(source.train(1)), len(source.validation(1))) == ([1], 6, 4)
    assert [source.train(1)[i].kinds for i in range(4)] == [(0,), (1,), (2,), (0,)]
    assert source.train(1).kind_names == KINDS
    pairs = of("avc", tmp_path, pretraining="kinetics_sounds")
    assert ids(pairs.test(1))[0].startswith("test")
    assert pairs.test(1)[3].kinds == (0,)
    assert of("avc", tmp_path).reads == "audioset"
    assert of("avc", tmp_path, pretraining="music").reads == "audioset"
    assert of("classification", tmp_path, pretraining="kinetics_sounds").reads == "esc50"


def test_esc50_is_scored_over_whole_folds_only(tmp_path):
    paper_data.esc50(tmp_path, classes=3, per_fold=2)
    whole = of("classification", tmp_path)
    with pytest.raises(
        IncompleteError, match=r"no accuracy over esc50 in .*: only 30 of 30 .* 1, 2, 3, 4, 5 not whole"
    ):
        whole.named("probe esc50").require_scoreable()
    few = of("classification", tmp_path, limit=11).named("probe esc10")
    few.require_scoreable()
    cells = [(few[i].kinds[0], few[i].fold) for i in range(len(few))]
    assert cells == [(label, fold) for label in (0, 1) for fold in range(1, 6)] + [(2, 1)]
    assert few[0].image is None
    for task, name, message in (
        ("classification", "train 1", "esc50 has no set 'train 1'"),
        ("classification", "probe esc5", "unknown probe 'esc5'"),
    ):
        with pytest.raises(ConfigError, match=message):
            of(task, tmp_path).named(name)


def test_what_is_not_prepared_is_refused_with_its_command_but_can_be_planned(tmp_path):
    for task, command in (
        ("pretrain", "prepare audioset --root"),
        ("localization", "prepare flickr_soundnet --root"),
        ("separation", "prepare music --root"),
        ("classification", "prepare esc50 --root"),
    ):
        source = of(task, tmp_path)
        assert len(source.fingerprint("train 1")) == 64
        with pytest.raises(NotPreparedError, match=rf"manifest.json: .* is not prepared; .*{command} {tmp_path}"):
            source.named("probe" if task == "classification" else "train 1")
    assert of("counting", tmp_path).test_counts() == [1, 2, 3, 4, 5]
    other = {of(task, tmp_path).fingerprint("train 1") for task in ("pretrain", "localization", "separation")}
    assert len(other) == 3
    with pytest.raises(NotPreparedError, match="prepare audioset --subset instrument --root"):
        of("pretrain", tmp_path, pretraining="audioset_instrument").train(1)


def test_an_empty_set_is_refused_with_the_list_that_fills_it(tmp_path):
    paper_data.audioset(tmp_path, {1: 6}, {})
    with pytest.raises(NotPreparedError, match="no clip for its test set of 1 sources: prepare the list eval_"):
        of("counting", tmp_path).test(1)
    with pytest.raises(NotPreparedError, match="no clip for its train set of 4 sources: prepare the list balanced_"):
        of("pretrain", tmp_path).train(4)


def test_only_what_is_trained_or_scored_can_be_missing(tmp_path):
    """Lost clips of no or of more than five sources are no reason to refuse; a lost curriculum is."""
    lost = [paper_data.lost_segment("gone0000006", 6), paper_data.lost_segment("gone0000008", 8, "eval")]
    paper_data.audioset(tmp_path, {1: 6}, {1: 2}, lost=[*lost, paper_data.lost_segment("gone0000004", 4)])
    source = of("counting", tmp_path)
    assert (source.train_counts(), source.test_counts()) == ([1, 4], [1])
    with pytest.raises(NotPreparedError, match="no clip for its train set of 4 sources"):
        source.train(4)


def test_a_preparation_that_has_gone_on_is_seen(tmp_path):
    paper_data.audioset(tmp_path, {1: 6}, {})
    source = of("pretrain", tmp_path)
    before = len(source.train(1)), source.fingerprint("train 1")
    shutil.rmtree(tmp_path / "audioset")
    paper_data.audioset(tmp_path, {1: 9}, {})
    after = len(source.train(1)), source.fingerprint("train 1")
    assert after[0] == before[0] + 3
    assert after[1] != before[1]


def test_the_configuration_is_plain_and_refuses_what_cannot_be_meant():
    assert to_dict(PaperData())["source"] == "paper"
    assert PaperData().limited(16) == PaperData(limit=16)
    with pytest.raises(ConfigError, match=r"needs 8 scenes of each set \(--limit 8\) or more, not 7"):
        PaperData().limited(7)
    with pytest.raises(ConfigError, match=r"data\.pretraining='kinetics'"):
        open_data_module({"source": "paper", "pretraining": "kinetics"})
    with pytest.raises(ValueError, match=r"data\.held_out is a share"):
        PaperData(held_out=1.0)


def test_the_box_shown_is_where_people_agree():
    g = np.zeros((8, 8))
    g[1:6, 2:7] = 0.5
    assert agreed_box(g).tolist() == [2, 1, 7, 6]
    g[3:5, 3:4] = 1.0
    assert agreed_box(g).tolist() == [3, 3, 4, 5]


def test_sources_travel_to_other_processes(audioset):
    source = of("pretrain", audioset)
    assert ids(pickle.loads(pickle.dumps(source)).train(2)) == ids(source.train(2))
    assert isinstance(source, PaperDataModule)
    assert Lost(id="a", status="missing", reason="b").attributes == {}


def test_who_trains_on_flickr_trains_on_what_is_on_no_test_list(tmp_path):
    def clips():
        for i in range(8):
            split = "test" if i < 2 else "annotated"
            about = {"boxes": [[1, 1, 90, 90]], "n_sources": 1, "split": split}
            yield paper_data.clip(f"image{i}", i, seconds=1.0, **about)

    write(tmp_path / "flickr_soundnet", clips(), options={"training_boxes": {"image7": [[1, 1, 90, 90]]}})
    source = of("pretrain", tmp_path, pretraining="flickr_soundnet")
    trained, held = set(ids(source.train(1))), set(ids(source.validation(1)))
    assert trained | held == {f"image{i}" for i in range(2, 8)}
    assert not trained & held
    assert len(held) >= 2
    localized = of("localization", tmp_path)
    assert ids(localized.test(1)) == ["image0", "image1"]
    assert len(localized.train(1).maps) == 1
    assert localized.test(1)[0].consensus.max() == 0.5, "one annotator only"
