"""The official lists, as the preparers read them, without a single clip: what each set expects is what is published."""

import pytest

from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.prepared import Lost
from benchmarks.datasets.prepared_scenes import held_out
from benchmarks.preparation import audioset, flickr_soundnet, music
from benchmarks.preparation.packing import seal


def nothing_found(plan, folder):
    """A preparation that has begun and found nothing yet."""
    folder.mkdir(parents=True)
    lost = [Lost(id=i.id, status="missing", reason="not tried yet", attributes=i.attributes) for i in plan.items]
    seal(folder, [], lost, name=plan.name, options=dict(plan.about))


def expected(source, n, *splits):
    """Clips, or videos, that these sets would have."""
    sets = [source._set(f"{split} {n}") for split in splits]
    assert all(scenes.coverage.found == 0 == len(scenes) for scenes in sets)
    return sum(scenes.coverage.expected for scenes in sets)


def of(task, root, **choices):
    return open_data_module({"source": "paper", **choices}, cache=root).of(task)


@pytest.fixture(scope="module")
def lists(shared_data):
    segments, ontology = (shared_data / "audioset" / name for name in ("balanced_train_segments.csv", "ontology.json"))
    return {"segments": [segments], "ontology": ontology, "subset": "all", "fps": None, "quality": 90}


def test_the_curricula_have_the_proportions_of_the_paper(lists, tmp_path):
    """PROTOCOLS §2: 10,532 / 8,034 / 3,060 / 466 / 68 clips of 1 / 2 / 3 / 4 / 5 and more sources."""
    nothing_found(audioset.plan(**lists), tmp_path / "audioset")
    source = of("pretrain", tmp_path)
    sizes = {n: expected(source, n, "train", "validation") for n in range(20)}
    assert [sizes[n] for n in (1, 2, 3, 4)] == [10532, 8034, 3060, 466]
    assert sum(size for n, size in sizes.items() if n > 4) == 68
    assert sum(sizes.values()) == 22160
    assert source.train_counts() == [1, 2, 3, 4, 5], "of more sources there is nothing yet, and nothing is missing"
    shares = {n: expected(source, n, "validation") / sizes[n] for n in (1, 2, 3)}
    assert all(0.04 < share < 0.06 for share in shares.values()), shares


def test_section_6_1_to_the_letter_drops_labels_that_stand_alone(lists, tmp_path):
    nothing_found(audioset.plan(**lists), tmp_path / "audioset")
    (tmp_path / "audioset" / "ontology.json").write_bytes(lists["ontology"].read_bytes())
    source = of("pretrain", tmp_path, keep_shallow=False)
    sizes = {n: expected(source, n, "train", "validation") for n in range(20)}
    assert [sizes[n] for n in (0, 1, 2, 3, 4)] == [223, 12174, 7600, 1895, 230]


def test_of_audioset_s_instruments_as_many_are_validated_as_tested(lists, tmp_path):
    plan = audioset.plan(**{**lists, "subset": "instrument"})
    nothing_found(plan, tmp_path / "audioset_instrument")
    source = of("separation", tmp_path, separation="audioset_instrument")
    halves = [sum(expected(source, n, split) for n in source._counts(split)) for split in ("validation", "test")]
    assert sum(halves) == 1037
    assert abs(halves[0] - halves[1]) <= 1
    assert expected(source, 1, "validation", "test") / 1037 == pytest.approx(0.93, abs=0.005)


def test_music_has_a_video_of_each_instrument_to_validate_and_one_to_test(shared_data, tmp_path):
    solo, duet = (shared_data / "music" / f"MUSIC_{kind}_videos.json" for kind in ("solo", "duet"))
    nothing_found(music.plan(solo=solo, duet=duet, fps=1.0, quality=90, mixtures=None), tmp_path / "music")
    source = of("separation", tmp_path)
    assert [expected(source, 1, split) for split in ("train", "validation", "test")] == [514, 11, 11]
    assert expected(of("pretrain", tmp_path, pretraining="music"), 2, "train", "validation") == 149


def test_flickr_s_test_images_are_249(shared_data, tmp_path):
    folder = shared_data / "flickr_soundnet"
    lists = {"annotations": folder / "annotations_2786.json", "test": folder / "test_250.json"}
    nothing_found(flickr_soundnet.plan(**lists, everything=False), tmp_path / "flickr_soundnet")
    source = of("localization", tmp_path)
    assert expected(source, 1, "test") == 249
    assert len(source._set("train 1").maps) == 2536


def test_with_the_image_that_the_list_means_they_are_250(shared_data, tmp_path):
    folder = shared_data / "flickr_soundnet"
    lists = {"annotations": folder / "annotations_2786.json", "test": folder / "test_250.json"}
    plan = flickr_soundnet.plan(**lists, everything=False, corrected=True)
    nothing_found(plan, tmp_path / "flickr_soundnet")
    source = of("localization", tmp_path)
    assert expected(source, 1, "test") == 250
    assert len(source._set("train 1").maps) == 2536


def test_what_is_held_out_of_few_is_never_all():
    assert held_out([], 0.05) == set()
