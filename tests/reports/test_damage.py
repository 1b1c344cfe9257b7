"""Damage of what a report, an export and a sync read: named each time, never in silence."""

import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from registry.archive_export import write_archive
from registry.index import Registry
from registry.item_table import ITEMS
from registry.mongo.sync import document
from registry.record import seal
from registry.record.run_record import FILES, RecordError, read_record
from reports.html import summary
from tests.sealed import change, sealed

TABLE = "item,condition,metric,value,excluded\n" + "".join(f"scene {n},row=aligned,ciou,0.{n},\n" for n in range(1, 9))
NAMES = ("run.json", "config.json", "pedigree.json", "info.json", "cout.txt", "metrics.json", "metrics.jsonl")


def replaced(old: bytes, new: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return damage


def third(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 3)


def line_lost(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


def digit_changed(path: Path) -> None:
    """In the middle, of the same size, and the time of writing is put back."""
    content, status = bytearray(path.read_bytes()), path.stat()
    place = next(
        i for i in [*range(len(content) // 2, len(content)), *range(len(content))] if content[i] in b"12345678"
    )
    content[place] += 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def of_another_run(path: Path) -> None:
    shutil.copy(path.parent.parent / "2" / path.name, path)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def linked(target: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return damage


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "a pipe": pipe,
    "a link to a device": linked("/dev/null"),
    "a link to nothing": linked("nothing"),
    "a folder": folder,
    "cut to a third": third,
    "emptied": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "a line lost": line_lost,
    "a digit changed": digit_changed,
    "zeros": zeros,
    "more behind": lambda path: path.write_bytes(path.read_bytes() + b"1\n"),
    "another run's": of_another_run,
}


@pytest.fixture
def home(writer) -> Path:
    """Runs 1 and 2, sealed as they ended, with all files that a run has."""
    for seed in (1, 2):
        items = TABLE.replace("0.", f"0.{seed}")
        files = {ITEMS: items, "sound.npz": bytes(range(49, 49 + seed)) * 90}
        key, curves = f"{seed:020x}", {"loss": ([1, 2], [seed, 3])}
        writer.run("localization", "cavl", "c1", seed, {"score": seed / 8}, key=key, files=files, metrics=curves)
        folder = writer.home / str(seed)
        (folder / "info.json").write_text(json.dumps({"device": f"cpu {seed}"}))
        (folder / "cout.txt").write_text(f"line 1\nsaid by {seed}\n")
        (folder / "metrics.json").write_text(json.dumps({"loss": seed}))
        change(folder / "run.json", command="main", meta={}, experiment={"base_dir": "/", "sources": []})
        sealed(folder)
    writer.plan()
    return writer.home


def read(home: Path, study_of) -> tuple[list[str], object, object]:
    """What a report names of damage, the score of run 1, and what its items and curves are."""
    study = study_of(home)
    (node, _) = study.select("localization")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        items = None if node.run is None else list(study.measurements(node, "ciou")["value"])
        curve = None if node.run is None else study.metrics(node.run)
    return summary(study)["damaged"], node.run and node.run.result, (items, curve)


def test_undamaged_runs_are_read_as_they_are(home: Path, study_of, tmp_path: Path) -> None:
    damaged, result, (items, curve) = read(home, study_of)
    assert (damaged, result) == ([], {"score": 1 / 8})
    assert items == [float(f"0.1{n}") for n in range(1, 9)]
    assert curve == {"loss": ([1, 2], [1, 3])}
    assert write_archive(Registry(home), [1], tmp_path / "x.zip")["missing"] == []
    assert document(home / "1").damage == {}
    elsewhere = shutil.copytree(home, tmp_path / "elsewhere")  # at other times
    assert [record.damage() for record in Registry(elsewhere).records()] == [{}, {}]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", [*NAMES, ITEMS, "sound.npz"])
def test_every_damage_is_named_and_left_out(home: Path, study_of, tmp_path: Path, name: str, how: str, indexed) -> None:
    """In a report, an export and a sync; the index has the run by then, or reads the damaged files."""
    _, whole, _ = read(home, study_of)
    if not indexed:
        (home / "index.sqlite").unlink()
    DAMAGES[how](home / "1" / name)
    named = "config.json" if (name, how) == ("run.json", "another run's") else name  # to which this does not belong
    damaged, result, (items, curve) = read(home, study_of)
    assert any(text.startswith("run 1: ") and f"$CAVL_HOME/1/{named}" in text for text in damaged), damaged
    assert result in (None, whole)
    assert items in ([], None) if name == ITEMS else items in (None, [float(f"0.1{n}") for n in range(1, 9)])
    assert curve in ({}, None) if name == "metrics.jsonl" else curve in (None, {"loss": ([1, 2], [1, 3])})

    told = outcome(lambda: write_archive(Registry(home), [1], tmp_path / "x.zip")["missing"])
    assert any(named in text for text in told), told
    if (tmp_path / "x.zip").exists():
        with zipfile.ZipFile(tmp_path / "x.zip") as archive:
            assert f"runs/1/{name}" not in archive.namelist()
    assert any(named in text for text in outcome(lambda: document(home / "1").damage))


@pytest.mark.parametrize("odd", [pipe, linked("/dev/zero")], ids=["pipe", "device"])
def test_what_never_ends_is_not_read_in_place_of_an_empty_file(home: Path, study_of, tmp_path: Path, odd) -> None:
    (home / "1" / "cout.txt").write_text("")
    sealed(home / "1")
    odd(home / "1" / "cout.txt")
    damaged, _, _ = read(home, study_of)
    assert damaged == ["run 1: $CAVL_HOME/1/cout.txt is no regular file"]
    assert "cout.txt is no regular file" in str(write_archive(Registry(home), [1], tmp_path / "x.zip")["missing"])


@pytest.mark.parametrize("name", ["metrics.jsonl", "info.json"])
def test_files_that_came_after_the_end_are_none_of_the_run(home: Path, study_of, tmp_path: Path, name: str) -> None:
    (home / "1" / name).unlink()
    sealed(home / "1")
    assert read(home, study_of)[0] == []
    of_another_run(home / "1" / name)
    damaged, _, (_, curve) = read(home, study_of)
    assert damaged == [f"run 1: $CAVL_HOME/1/{name} was not there when the run ended"]
    assert curve == ({} if name == "metrics.jsonl" else {"loss": ([1, 2], [1, 3])})
    assert f"{name} was not there" in str(write_archive(Registry(home), [1], tmp_path / "x.zip")["missing"])


def outcome(act: Callable[[], Iterable[str]]) -> list[str]:
    """What is told of damage, be it by a refusal."""
    try:
        return [*act()]
    except RecordError as error:
        return [str(error)]


def test_runs_of_before_have_no_digests_and_are_read(home: Path, study_of, tmp_path: Path) -> None:
    for id in (1, 2):
        run = json.loads((home / str(id) / "run.json").read_text())
        (home / str(id) / "run.json").write_text(
            json.dumps({k: v for k, v in run.items() if k not in ("files", "sha256", "sealed")})
        )
    third(home / "1" / "sound.npz")
    damaged, result, (items, _) = read(home, study_of)
    assert (damaged, result, len(items)) == ([], {"score": 1 / 8}, 8)


@pytest.mark.parametrize("left", ["files", "sha256"])
def test_a_seal_of_which_a_part_is_lost_is_broken(home: Path, left: str) -> None:
    run = json.loads((home / "1" / "run.json").read_text())
    run.pop({"files": "sha256", "sha256": "files"}[left])
    (home / "1" / "run.json").write_text(json.dumps(run, indent=2, sort_keys=True))
    with pytest.raises(RecordError, match=r"run\.json has another content than the run left"):
        read_record(home / "1")


def test_a_seal_that_is_lost_altogether_makes_no_run_of_before(home: Path, study_of) -> None:
    run = json.loads((home / "1" / "run.json").read_text())
    for name in ("files", "sha256"):
        run.pop(name)
    (home / "1" / "run.json").write_text(json.dumps(run, indent=2, sort_keys=True))
    damaged, result, _ = read(home, study_of)
    assert result is None
    assert damaged == ["run 1: damaged record: $CAVL_HOME/1/run.json has lost the digests that the run left"]
    with pytest.raises(RecordError, match=r"run\.json has lost the digests"):
        document(home / "1")


@pytest.mark.parametrize("files", [[], {"items.csv": 3}, {"items.csv": {"sha256": 1}}, {"cout.txt": {"sha256": "x"}}])
def test_digests_of_no_form_are_damage(home: Path, files: object) -> None:
    run = json.loads((home / "1" / "run.json").read_text())
    run.pop("sha256")
    (home / "1" / "run.json").write_text(seal.sealed({**run, "files": files}))
    with pytest.raises(RecordError, match=r"run\.json has no digests"):
        read_record(home / "1")
    with pytest.raises(RecordError, match=r"run\.json has no digests"):
        document(home / "1")


def test_what_the_observer_writes_is_what_is_looked_at() -> None:
    assert {*NAMES} == {*FILES}
