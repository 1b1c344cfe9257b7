"""The sets of a preset of composite scenes: what they hold, what they are called, what is refused."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

from benchmarks.cli import main
from benchmarks.datasets.composite import CompositeConfig, CompositeData
from benchmarks.datasets.composite.recipe import CompositeRecipe
from benchmarks.datasets.data_module import open_data_module
from benchmarks.datasets.synthetic.scene_set import generate
from cavl.config import ConfigError, to_dict


def test_a_set_is_what_the_tasks_ask_for(source):
    scenes = source.test(3)
    assert (len(scenes), scenes.split, scenes.sample_rate) == (4, "test", 11_025)
    scene = scenes[2]
    assert scene.id == "c0-test-3-000002"
    assert (scene.n_sources, len(scene.kinds), scene.split, scene.fold) == (3, 3, "test", None)
    assert (scene.image.shape, scene.waveform.shape, scene.stems.shape) == ((48, 48, 3), (11_025,), (3, 11_025))
    assert source.train_counts() == [1, 2, 3, 4, 5]
    assert source.test_counts() == [1, 2, 3]
    assert source.of("separation") is source


def test_training_mixtures_keep_no_stems_but_can_tell_them(source):
    mixtures = source.train(2)
    assert mixtures[1].stems is None
    np.testing.assert_array_equal(mixtures.stems(1).astype(int).sum(0), mixtures[1].waveform)


def test_the_probe_has_every_test_recording_once(source):
    probe = source.probe()
    test = source.material.pools["test"]
    assert len(probe) == sum(len(some) for some in test.recordings.values())
    scenes = [probe[i] for i in range(len(probe))]
    assert {s.fold for s in scenes} == {1, 2, 3}
    assert {s.kinds[0] for s in scenes} == set(test.kinds)
    assert len({s.waveform.tobytes() for s in scenes}) == len(scenes)


def test_the_probe_knows_no_folds_of_esc50(source):
    with pytest.raises(ConfigError, match=r"its folds would not be unheard; take evaluation.probe=composite"):
        source.named("probe esc10")


def test_a_set_that_there_is_not(source):
    with pytest.raises(ConfigError, match=r"data.test has no scenes of 4 sources; it has 1, 2, 3"):
        source.test(4)


def test_cached_scenes_are_the_composed_ones_by_any_number_of_workers(source):
    opened = source.validation(2)
    again = CompositeRecipe.make(opened.recipe, 0, 4)
    for name in ("waveforms", "images", "objects", "boxes", "stems"):
        np.testing.assert_array_equal(opened._kept[name], again[name])
    pool = source.material.pools["train"]
    recipe = CompositeRecipe(config=source.config.scenes, split="train", counts=(2,), size=40, pool=pool)
    alone, together = list(generate(recipe, 1)), list(generate(recipe, 2))
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(alone, together, strict=True) for name in a)


# -- fingerprints -----------------------------------------------------------------------------------------------------


def test_the_fingerprint_tells_content_and_not_place(collection, make, tmp_path):
    _, source_of, _, _ = make
    shutil.copytree(collection, tmp_path / "copy")
    here, there = source_of(collection, tmp_path / "a"), source_of(tmp_path / "copy", tmp_path / "b")
    for name in ("train 1", "validation 3", "test 2", "probe"):
        assert here.fingerprint(name) == there.fingerprint(name)
    np.testing.assert_array_equal(here.test(2)[1].image, there.test(2)[1].image)


def test_a_file_changes_the_fingerprints_of_its_side_only(collection, make, tmp_path):
    _, source_of, picture, _ = make
    before = source_of(collection, tmp_path / "a")
    shutil.copytree(collection, tmp_path / "copy")
    file = before.material.pools["train"].photographs[2][0]
    picture(999, 50, 50).save(tmp_path / "copy/photographs" / file.id)
    after = source_of(tmp_path / "copy", tmp_path / "b")
    changed = {s for s, pool in after.material.pools.items() if pool.digest != before.material.pools[s].digest}
    assert 1 <= len(changed) <= 2  # the new one's side hangs on its content
    sets = {"train": "train 1", "validation": "validation 1", "test": "test 1"}
    assert {s for s, name in sets.items() if before.fingerprint(name) != after.fingerprint(name)} == changed


@pytest.mark.parametrize(
    "changes",
    [
        {"scenes": CompositeConfig(image_size=48, seconds=1.0, world=1)},
        {"scenes": CompositeConfig(image_size=48, seconds=1.0, decoys=0.25)},
        {"train": {"1": 9}},
    ],
)
def test_the_fingerprint_changes_with_whatever_changes_the_scenes(source, collection, make, tmp_path, changes):
    other = make[1](collection, tmp_path, **changes)
    assert other.fingerprint("train 1") != source.fingerprint("train 1")


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_no_folder_of_photographs(collection, make, tmp_path):
    source = make[1](collection, tmp_path, photographs=str(tmp_path / "none"))
    with pytest.raises(
        FileNotFoundError, match=r"no folder .*none of photographs; get Caltech-101 .*--photographs DIR"
    ):
        source.train(1)


def test_no_folder_of_recordings(collection, make, tmp_path):
    source = make[1](collection, tmp_path, recordings=(str(tmp_path / "none"),))
    with pytest.raises(FileNotFoundError, match=r"no folder .*none of recordings; get ESC-50 .*--recordings DIR"):
        source.train(1)


def test_the_default_folders_are_in_the_data_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no folder {tmp_path / 'caltech101'} of photographs"):
        open_data_module({"source": "composite"}, cache=tmp_path).probe()


def test_what_would_run_without_the_files_can_be_listed(source, collection, make, tmp_path):
    absent = make[1](collection, tmp_path, photographs=str(tmp_path / "none"))
    assert absent.fingerprint("train 1") not in (source.fingerprint("train 1"), absent.fingerprint("train 2"))


def test_material_for_too_few_kinds_is_refused_with_what_each_lacks(collection, make, tmp_path):
    source = make[1](collection, tmp_path, least=(40, 1, 1))
    with pytest.raises(ValueError, match=r"material for 0 kinds, and scenes of 5 sources .* need 6 \(bell: too few"):
        source.fingerprint("train 1")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"least": (0, 1, 1)}, "data.least must be at least 1"),
        ({"probe_folds": 2}, "data.probe_folds must be at least 3"),
    ],
)
def test_impossible_sizes_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        CompositeData(**wrong)


def test_the_configuration_survives_a_record(source):
    data = to_dict(source.config)
    assert open_data_module(data).config == source.config


def test_a_rehearsal_has_few_scenes():
    data = CompositeData().limited(16)
    assert set(data.train.values()) == set(data.test.values()) == {16}
    assert data.validation == 16


# -- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def places(collection, monkeypatch, tmp_path) -> list[str]:
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "cache"))
    folders = ["--photographs", str(collection / "photographs"), "--recordings", str(collection / "recordings")]
    return [*folders, "--pairs", str(collection / "pairs.csv")]


def test_kinds_are_listed(places, capsys):
    assert main(["prepare", "composite", *places]) == 0
    said = capsys.readouterr().out
    assert "left out: bell, too few photographs: 7 for train (needed: 12)" in said
    assert "files: 192 of 192" in said


def test_the_sheet_of_too_little_says_so(places, tmp_path, capsys):
    assert main(["preview", "composite", *places, "--out", str(tmp_path / "sheet.png")]) == 2
    assert "there is material for 0 kinds" in capsys.readouterr().err


def test_the_sheet_is_a_picture(shared_data, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CAVL_DATA", str(tmp_path))
    recordings = f"{shared_data / 'ESC-50'},{shared_data / 'instruments'}"
    places = ["--photographs", str(shared_data / "caltech101"), "--recordings", recordings]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            main(["preview", "composite", *places, "--out", str(tmp_path / "s.png"), "--size", "48", "--split", "test"])
            == 0
        )
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path / "s.png") in capsys.readouterr().out


def test_folders_that_are_not_there_are_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("CAVL_DATA", str(tmp_path))
    assert main(["prepare", "composite"]) == 2
    assert f"there is no folder {tmp_path / 'caltech101'}" in capsys.readouterr().err


def test_scenes_that_show_one_photograph_are_one_cluster(source, monkeypatch):
    """The first that is pasted is asked for by its file; nothing else is known of it."""
    from benchmarks.datasets.composite import photograph

    scenes, asked = source.named("test 1"), []
    patch = photograph.patch
    monkeypatch.setattr(photograph, "patch", lambda file, *rest: (asked.append(file.sha256), patch(file, *rest))[1])
    clusters = scenes.clusters()
    assert len(clusters) == len(scenes) > len(set(clusters.values()))
    for index in range(5):
        asked.clear()
        scenes.recipe.draw(index)
        assert clusters[scenes[index].id] in asked
    assert source.named("test 2").clusters() == {}


def test_recordings_of_one_upload_are_one_cluster_of_the_probe(source):
    probe = source.named("probe")
    origins = {probe.recipe.scene_id(i): clip.recording.origin for i, clip in enumerate(probe.recipe.clips)}
    assert probe.clusters() == origins
