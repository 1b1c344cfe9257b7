"""Which files scenes are made of: no file on two sides, kinds with too few left out, everything accounted for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from benchmarks.datasets.composite import files
from benchmarks.datasets.composite.files import File
from benchmarks.datasets.composite.kinds import report
from benchmarks.datasets.composite.material import SHARES, Material, deal

SIDES = ("train", "validation", "test")


def of_sizes(*sizes: int, label: str = "a") -> list[File]:
    """Files of as many origins, each with so many."""
    return [
        File(f"{label}/{o}-{i}", f"/{label}/{o}-{i}", f"{label} {o} {i}", f"{label} upload {o}")
        for o, n in enumerate(sizes)
        for i in range(n)
    ]


def everything(material: Material) -> dict[str, list[File]]:
    """Side -> all its files."""
    return {
        side: [
            *(f for some in pool.photographs.values() for f in some),
            *(f for some in pool.recordings.values() for f in some),
            *(f for some in pool.silent for f in some),
        ]
        for side, pool in material.pools.items()
    }


# -- sides ------------------------------------------------------------------------------------------------------------


def test_sides_get_their_shares():
    side = deal([of_sizes(*[1] * 40)], SHARES)
    assert Counter(side.values()) == {"train": 24, "validation": 6, "test": 10}


def test_files_of_one_origin_stay_together_and_the_shares_are_kept_as_far_as_they_can():
    some = of_sizes(7, 5, 4, 4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1)
    side = deal([some], SHARES)
    assert Counter(side[f.origin] for f in some) == {"train": 24, "validation": 6, "test": 10}


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_origin_has_one_side_and_no_side_too_much(labels):
    groups = [of_sizes(*sizes, label=str(i)) for i, sizes in enumerate(labels)]
    side = deal(groups, SHARES)
    assert side == deal(groups, SHARES)
    for sizes, group in zip(labels, groups, strict=True):
        counts = Counter(side[f.origin] for f in group)
        assert set(counts) <= set(SIDES)
        assert all(counts[s] <= SHARES[s] * len(group) + max(sizes) for s in SIDES)


def test_an_origin_with_two_labels_has_one_side():
    one, other = of_sizes(*[1] * 9), of_sizes(*[1] * 9)
    other = [File(f"b/{f.id}", f.path, f"b {f.sha256}", f.origin) for f in other]
    side = deal([one, other], SHARES)
    assert len(side) == 9


def test_another_order_of_the_files_changes_no_side():
    some = of_sizes(3, 1, 2, 2, 1, 1, 4)
    assert deal([some], SHARES) == deal([some[::-1]], SHARES)


# -- material ---------------------------------------------------------------------------------------------------------


def test_no_file_is_on_two_sides(source):
    sides = everything(source.material)
    for which in SIDES:
        contents = [f.sha256 for f in sides[which]]
        assert len(set(contents)) == len(contents) > 20
        others = {f.sha256 for other in SIDES if other != which for f in sides[other]}
        assert not others & set(contents)


def test_the_shares_of_twelve_files_of_each_kind(source):
    material = source.material
    assert material.names == ("bell", "cat", "drum", "fan", "horn", "owl", "saw")
    assert material.kinds == tuple(range(7))
    sizes = dict(zip(SIDES, (7, 2, 3), strict=True))
    for side, pool in material.pools.items():
        assert {len(some) for some in pool.recordings.values()} == {sizes[side]}
        assert {len(some) for some in pool.photographs.values()} == {sizes[side]}
        assert len(pool.silent) == 2  # the vase and the wall
    assert not material.left_out
    assert str(material.coverage) == "192 of 192"


def test_folds_hold_whole_origins_of_every_kind(source):
    material = source.material
    test = material.pools["test"]
    for some in test.recordings.values():
        assert {material.folds[f.origin] for f in some} == {1, 2, 3}


def damage(root: Path, how: str) -> str:
    """Damage or remove one file or folder; what the account calls it."""
    picture, sound = root / "photographs/cat/03.png", root / "recordings/cats/03.wav"
    if how == "truncated picture":
        picture.write_bytes(picture.read_bytes()[:200])
        return "cat/03.png"
    if how == "no samples":
        soundfile.write(sound, np.zeros(0, np.int16), 11_025)
    elif how == "NaN":
        soundfile.write(sound, np.full(9000, np.nan, np.float32), 11_025, subtype="FLOAT")
    elif how == "rate":
        soundfile.write(sound, np.zeros(9000, np.int16), 2000)
    return "cats/03.wav"


@pytest.mark.parametrize("how", ["truncated picture", "no samples", "NaN", "rate"])
def test_a_damaged_file_is_accounted_for_and_the_kind_stays(tmp_path, make, how):
    fill, source_of, _, _ = make
    root = fill(tmp_path / "c")
    item = damage(root, how)
    source = source_of(root, tmp_path / "cache")
    coverage = source.material.coverage
    assert (coverage.found, coverage.missing, coverage.damaged) == (191, 0, 1)
    assert list(coverage.reasons) == [item]
    assert str(source.test(1).coverage) == "191 of 192 (missing 0, damaged 1)"
    assert "cat" not in source.material.left_out
    scenes = source.train(2)
    assert all(scenes[i].image is not None for i in range(len(scenes)))


def test_a_kind_with_too_few_files_is_left_out_and_its_photographs_are_silent_things(tmp_path, make):
    fill, source_of, _, _ = make
    root = fill(tmp_path / "c")
    for number in range(3, 12):
        (root / f"recordings/cats/{number:02}.wav").unlink()
    material = source_of(root, tmp_path / "cache", train={"1": 8, "5": 4}).material
    assert list(material.left_out) == ["cat"]
    assert "too few recordings" in material.left_out["cat"]
    assert material.kinds == (0, 2, 3, 4, 5, 6)
    assert len(material.pools["train"].silent) == 3
    assert "left out: cat, too few recordings: 2 for train (needed: 4)" in report(material)


def test_a_folder_that_the_table_names_and_that_is_not_there_is_missing(tmp_path, make):
    fill, source_of, _, _ = make
    root = fill(tmp_path / "c")
    (root / "photographs/cat").rename(root / "cat")
    material = source_of(root, tmp_path / "cache").material
    assert material.coverage.missing == 1
    assert "no pictures in" in material.coverage.reasons["photographs of cat"]
    assert "too few photographs" in material.left_out["cat"]


def test_hidden_folders_are_never_shown(tmp_path, make):
    fill, source_of, _, _ = make
    root = fill(tmp_path / "c")
    with open(root / "pairs.csv", "a") as file:
        file.write("-,wall,\n")
    material = source_of(root, tmp_path / "cache").material
    assert len(material.pools["train"].silent) == 1
    assert not [f for some in everything(material).values() for f in some if f.id.startswith("wall/")]


def test_takes_of_one_upload_are_on_one_side_in_the_probe_too(tmp_path, make):
    fill, source_of, _, _ = make
    root = fill(tmp_path / "c", recordings=32)
    names = [
        f"{folder.name}/{file.name}" for folder in sorted((root / "recordings").iterdir()) for file in folder.iterdir()
    ]
    rows = [f"{name},{name.split('/')[0]}{int(name.split('/')[1][:2]) // 2}" for name in names]
    (root / "recordings/clips.csv").write_text("\n".join(["file,freesound_id", *rows]) + "\n")
    material = source_of(root, tmp_path / "cache").material
    sides = [{f.origin for some in pool.recordings.values() for f in some} for pool in material.pools.values()]
    assert all(sum(origin in side for side in sides) == 1 for origin in set.union(*sides))
    assert all(
        Counter(f.origin for f in some)[f.origin] == 2
        for p in material.pools.values()
        for some in p.recordings.values()
        for f in some
    )


# -- the real files ---------------------------------------------------------------------------------------------------


def test_what_there_is_of_each_real_kind(real):
    material = real.material
    counts = {
        material.names[kind]: [
            (len(pool.photographs[kind]), len(pool.recordings[kind])) for pool in material.pools.values()
        ]
        for kind in material.kinds
    }
    assert counts == {
        "rooster": [(30, 24), (7, 6), (12, 10)],
        "dog": [(40, 24), (10, 6), (17, 10)],
        "helicopter": [(53, 24), (13, 6), (22, 10)],
        "clock": [(79, 24), (20, 6), (33, 10)],
        "saxophone": [(24, 18), (6, 5), (10, 7)],
        "guitar": [(71, 18), (17, 5), (30, 7)],
        "ferry": [(40, 24), (10, 6), (17, 10)],
        "person": [(60, 34), (15, 8), (25, 14)],
    }
    assert list(material.left_out) == ["airplane", "car", "motorbike", "laptop", "bird", "cat", "dragonfly"]
    assert material.coverage.damaged == 0
    assert material.coverage.found == 1702 + sum(sum(c[1] for c in counts[k]) for k in counts) + 57


def test_clips_of_one_freesound_recording_are_on_one_side(real):
    """The second field of an ESC-50 file's name is the upload it is cut from, in ESC-50's own list."""
    side: dict[str, set[str]] = {}
    for which, pool in real.material.pools.items():
        for some in pool.recordings.values():
            for file in some:
                name = Path(file.path).name
                if Path(file.path).parent.name == "audio":
                    side.setdefault(name.split("-")[1], set()).add(which)
    assert len(side) > 150
    assert all(len(sides) == 1 for sides in side.values())


def test_no_real_file_is_on_two_sides(real):
    sides = everything(real.material)
    contents = {which: {f.sha256 for f in some} for which, some in sides.items()}
    assert all(sum(content in side for side in contents.values()) == 1 for content in set.union(*contents.values()))
    assert all(Image.open(f.path).size for f in sides["test"][:5])


def test_the_suffixes_of_the_real_files_are_all_known(shared_data):
    pictures = [p for p in (shared_data / "caltech101").rglob("*") if p.is_file()]
    assert len(files.photographs(shared_data / "caltech101", (".jpg",))) == len(pictures) == 1702
