"""The miniature world as a dataset: its splits, its cache, and what it refuses."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cli import main
from benchmarks.datasets.miniature import KINDS, Miniature, MiniatureConfig
from benchmarks.datasets.miniature.recipe import MiniatureRecipe
from benchmarks.datasets.scene import DamagedError
from benchmarks.datasets.synthetic import arrays
from benchmarks.datasets.synthetic.scene_set import SPLITS, generate
from registry.files import DiskFullError

WORLD = MiniatureConfig(image_size=32, seconds=1.0)


def same(a, b) -> bool:
    """Whether two scenes agree in everything."""
    pairs = ((getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    return all(np.array_equal(x, y) if isinstance(x, np.ndarray) else x == y for x, y in pairs)


def folder(where: Path, dataset: Miniature) -> Path:
    return where / "miniature" / dataset.fingerprint


def test_a_scene_knows_all_that_a_scene_can_know():
    scene = Miniature(WORLD, "test", 3, 4)[2]
    assert scene.id == "w0-test-3-000002"
    assert (scene.n_sources, len(scene.kinds), scene.split, scene.fold) == (3, 3, "test", None)
    assert (scene.image.shape, scene.image.dtype) == ((32, 32, 3), np.uint8)
    assert (scene.waveform.shape, scene.waveform.dtype) == ((11_025,), np.int16)
    assert (scene.stems.shape, scene.stems.dtype) == ((3, 11_025), np.int16)
    assert (scene.boxes.shape, scene.boxes.dtype) == ((3, 4), np.int32)
    assert (scene.objects.shape, scene.objects.dtype) == ((32, 32), np.uint8)


def test_a_dataset_says_what_it_is():
    dataset = Miniature(WORLD, "probe", 1, 24, balanced=True, folds=2)
    assert (len(dataset), dataset.split, dataset.sample_rate, dataset.n_kinds) == (24, "probe", 11_025, len(KINDS))
    assert dataset.coverage.complete
    assert str(dataset.coverage) == "24 of 24"
    assert dataset.waveforms.shape == (24, 11_025)
    assert dataset.images.shape == (24, 32, 32, 3)
    assert dataset.counts.tolist() == [1] * 24
    np.testing.assert_array_equal(dataset.images[5], dataset[5].image)


def test_balanced_kinds_and_folds():
    dataset = Miniature(WORLD, "probe", 1, 48, balanced=True, folds=2)
    scenes = [dataset[i] for i in range(48)]
    assert [s.kinds for s in scenes] == [(i % 12,) for i in range(48)]
    assert [s.fold for s in scenes] == [1] * 12 + [2] * 12 + [1] * 12 + [2] * 12
    assert len({s.waveform.tobytes() for s in scenes}) == 48


def test_mixed_counts_take_turns_and_agree_with_datasets_of_one_count():
    mixed = Miniature(WORLD, "validation", (1, 4), 4)
    assert mixed.counts.tolist() == [1, 4, 1, 4]
    assert [mixed[i].n_sources for i in range(4)] == [1, 4, 1, 4]
    assert same(mixed[3], Miniature(WORLD, "validation", 4, 9)[3])


def test_no_scene_is_in_two_splits_counts_or_worlds():
    seen = [
        Miniature(config, split, n, 6)[i].image.tobytes()
        for config in (WORLD, MiniatureConfig(world=1, image_size=32, seconds=1.0))
        for split in SPLITS
        for n in (1, 2)
        for i in range(6)
    ]
    assert len(set(seen)) == len(seen)


def test_a_scene_depends_on_neither_size_nor_company():
    assert same(Miniature(WORLD, "test", 2, 3)[1], Miniature(WORLD, "test", 2, 30)[1])


def test_only_the_asked_for_kinds_sound():
    dataset = Miniature(WORLD, "train", 2, 20, kinds=(1, 4, 7))
    assert {k for i in range(20) for k in dataset[i].kinds} == {1, 4, 7}


def test_training_mixtures_keep_no_stems_but_can_tell_them():
    mixture = Miniature(WORLD, "train", 2, 2)
    assert mixture[1].stems is None
    np.testing.assert_array_equal(mixture.stems(1).astype(int).sum(0), mixture[1].waveform)
    single = Miniature(WORLD, "train", 1, 1)[0]
    np.testing.assert_array_equal(single.stems, single.waveform[None])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"split": "tset"}, "unknown split 'tset'; known: train"),
        ({"n_sources": 0}, "n_sources must be within 1..5"),
        ({"n_sources": (1, 6)}, "n_sources must be within 1..5"),
        ({"n_sources": ()}, "n_sources must be within 1..5"),
        ({"size": 0}, "size must be at least 1"),
        ({"kinds": (0, 12)}, "kinds must be distinct"),
        ({"kinds": (0, 0)}, "kinds must be distinct"),
        ({"kinds": (3,), "n_sources": 2}, "need as many kinds"),
        ({"balanced": True, "n_sources": 2}, "balanced=True needs n_sources=1"),
        ({"folds": 1}, "folds must be at least 2"),
    ],
)
def test_impossible_datasets_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        Miniature(**{"config": WORLD, "split": "test", "n_sources": 1, "size": 2, **wrong})


@pytest.mark.parametrize("index", [-1, 2, 100])
def test_an_index_outside_is_refused(index):
    dataset = Miniature(WORLD, "test", 1, 2)
    for ask in (dataset.__getitem__, dataset.stems, lambda i: dataset.clip(i, 0.0, 1, 10)):
        with pytest.raises(IndexError, match="of a dataset of 2"):
            ask(index)


def test_the_fingerprint_changes_with_whatever_changes_the_content():
    base = {"config": WORLD, "split": "probe", "n_sources": 1, "size": 24}
    variants = [
        {},
        {"config": MiniatureConfig(image_size=32, seconds=1.0, world=1)},
        {"config": MiniatureConfig(image_size=32, seconds=1.0, clutter=(4, 11))},
        {"split": "test"},
        {"n_sources": 2},
        {"size": 25},
        {"kinds": (1, 2)},
        {"balanced": True},
        {"folds": 2},
    ]
    found = [Miniature.fingerprint_of(**{**base, **v}) for v in variants]
    assert len(set(found)) == len(variants)
    assert found[0] == Miniature(**base).fingerprint == Miniature(**base, workers=3).fingerprint


# -- the cache --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "n"), [("train", 1), ("train", 2), ("test", (1, 3)), ("probe", 1)])
def test_cached_scenes_are_the_drawn_ones(tmp_path, split, n):
    fresh = Miniature(WORLD, split, n, 5)
    done = []
    made = Miniature(WORLD, split, n, 5, cache=tmp_path, progress=lambda *at: done.append(at))
    opened = Miniature(WORLD, split, n, 5, cache=tmp_path, progress=lambda *at: pytest.fail("generated again"))
    assert done == [(5, 5)]
    for i in range(5):
        assert same(fresh[i], made[i])
        assert same(fresh[i], opened[i])
        np.testing.assert_array_equal(fresh.clip(i, 0.2, 3, 10), opened.clip(i, 0.2, 3, 10))
    assert not opened.waveforms.flags.writeable
    assert isinstance(np.asarray(opened.waveforms).base, np.memmap)
    manifest = json.loads((folder(tmp_path, opened) / "manifest.json").read_text())
    assert ("stems.npy" in manifest) == (split != "train" and n != 1)
    assert sorted(manifest) == sorted(f.name for f in folder(tmp_path, opened).glob("*.npy"))


def test_any_number_of_workers_makes_the_same_rows():
    recipe = MiniatureRecipe.of(WORLD, "test", (1, 2), 70)
    done = []
    alone, together = list(generate(recipe, 1)), list(generate(recipe, 2, lambda *at: done.append(at)))
    assert done == [(32, 70), (64, 70), (70, 70)]
    for a, b in zip(alone, together, strict=True):
        assert a.keys() == b.keys()
        assert all(np.array_equal(a[name], b[name]) for name in a)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["waveforms.npy", "boxes.npy", "manifest.json"])
@pytest.mark.parametrize("damage", [truncate, flip, Path.unlink])
def test_a_damaged_file_is_named_and_made_again(tmp_path, name, damage):
    dataset = Miniature(WORLD, "test", 2, 3, cache=tmp_path)
    wanted = Miniature(WORLD, "test", 2, 3)
    intact = (folder(tmp_path, dataset) / name).read_bytes()
    damage(folder(tmp_path, dataset) / name)
    with pytest.warns(UserWarning, match="generated again") as warned:
        again = Miniature(WORLD, "test", 2, 3, cache=tmp_path)
    assert str(folder(tmp_path, dataset)) in str(warned[0].message)
    assert (folder(tmp_path, dataset) / name).read_bytes() == intact
    assert all(same(wanted[i], again[i]) for i in range(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Miniature(WORLD, "test", 2, 3, cache=tmp_path)


def open_cached(where: str) -> tuple[bytes, bool]:
    generated = []
    dataset = Miniature(WORLD, "test", 2, 64, cache=Path(where), progress=lambda *at: generated.append(at))
    return dataset.waveforms.tobytes(), bool(generated)


def test_two_processes_that_want_the_same_scenes_both_end_well(tmp_path):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        one, two = pool.map(open_cached, [str(tmp_path)] * 2)
    assert one[0] == two[0] == Miniature(WORLD, "test", 2, 64).waveforms.tobytes()
    assert one[1] != two[1]  # the second waited for the first
    assert not list((tmp_path / "miniature").glob("*.aside"))


def test_what_a_killed_process_left_is_cleared(tmp_path):
    left = tmp_path / "miniature" / f".{Miniature.fingerprint_of(WORLD, 'test', 1, 2)}.x1y2.aside"
    left.mkdir(parents=True)
    (left / "waveforms.npy").write_bytes(b"half")
    Miniature(WORLD, "test", 1, 2, cache=tmp_path)
    assert not left.exists()


def test_a_full_disk_is_a_sentence_and_costs_nothing_that_was_there(tmp_path, monkeypatch):
    other = Miniature(WORLD, "test", 1, 2, cache=tmp_path)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        yield

    monkeypatch.setattr("benchmarks.datasets.synthetic.scene_set.generate", full)
    with pytest.raises(DiskFullError, match=r"no room to write .* it needs [\d,]+ bytes, [\d,]+ are free; .*CAVL_DATA"):
        Miniature(WORLD, "test", 1, 3, cache=tmp_path)
    assert [p.name for p in (tmp_path / "miniature").iterdir() if not p.name.startswith(".")] == [other.fingerprint]
    assert not list((tmp_path / "miniature").glob("*.aside"))
    monkeypatch.undo()
    assert len(Miniature(WORLD, "test", 1, 3, cache=tmp_path)) == 3


def test_an_interrupted_generation_leaves_nothing(tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Miniature(WORLD, "test", 1, 3, cache=tmp_path, progress=stop)
    assert all(p.suffix == ".lock" for p in (tmp_path / "miniature").iterdir())


def test_a_manifest_of_other_arrays_is_damage(tmp_path):
    dataset = Miniature(WORLD, "test", 1, 2, cache=tmp_path)
    target = folder(tmp_path, Miniature(WORLD, "test", 1, 3))
    shutil.copytree(folder(tmp_path, dataset), target)  # whole files, but of another dataset
    with pytest.raises(DamagedError, match=r"instead of"):
        arrays._read(target, MiniatureRecipe.of(WORLD, "test", 1, 3).layout())


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_sheet_is_a_picture(tmp_path, capsys):
    assert main(["preview", "miniature", "--out", str(tmp_path / "sheet.png"), "--size", "32", "--seed", "3"]) == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert str(tmp_path / "sheet.png") in capsys.readouterr().out


def test_a_sheet_of_a_name_without_a_format_is_told_by_its_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["preview", "miniature", "--out", "picture", "--size", "32"]) == 0
    assert capsys.readouterr().out == "wrote picture.png\n"
    assert (tmp_path / "picture.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--out", "x.png", "--size", "8"], "image_size must be"), (["--out", "taken/sheet.png"], "taken")],
)
def test_a_sheet_that_cannot_be_drawn_says_why(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("a file, where a folder would be")
    assert main(["preview", "miniature", *arguments]) == 2
    assert said in capsys.readouterr().err
