"""ESC-50 from a folder, and from an archive fetched by pooch: recordings, folds, and what is refused."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks.preparation import esc50
from benchmarks.preparation.item import Plan
from benchmarks.preparation.pipeline import prepare
from tests.command import planned
from tests.loopback import Page, Server


def plan(*arguments: Any) -> Plan:
    return planned("esc50", *arguments)[0]


def test_the_official_list(shared_data: Path) -> None:
    made = plan("--from", shared_data / "ESC-50")
    assert (len(made.items), made.refused) == (2000, [])
    assert Counter(item.attributes["fold"] for item in made.items) == dict.fromkeys(range(1, 6), 400)
    assert Counter(item.attributes["label"] for item in made.items) == dict.fromkeys(range(50), 40)
    assert sum(item.attributes["esc10"] for item in made.items) == 400
    assert sum(bool(item.files) for item in made.items) == 731


@pytest.fixture
def archive(shared_data: Path, tmp_path: Path) -> Path:
    """A small copy of the official archive: three recordings, and members that have no business in one."""
    source, path = shared_data / "ESC-50", tmp_path / "ESC-50-master.zip"
    lines = (source / "meta" / "esc50.csv").read_text().splitlines()
    rows = [line for line in lines[1:] if (source / "audio" / line.split(",")[0]).exists()][:4]
    names = [row.split(",")[0] for row in rows]
    with zipfile.ZipFile(path, "w") as archive:
        evil = '../../evil.wav,1,0,dog,True,1,A\nnot a row\n"-oX.wav",1,0,dog,True,1,A\n'
        archive.writestr("ESC-50-master/meta/esc50.csv", "\n".join([lines[0], *rows]) + "\n" + evil)
        for name in names[:2]:
            archive.write(source / "audio" / name, f"ESC-50-master/audio/{name}")
        archive.writestr(f"ESC-50-master/audio/{names[2]}", b"RIFF, damaged")
        archive.writestr("../../evil.wav", b"x")
        archive.writestr("ESC-50-master/audio/evil.sh", b"x")
        link = zipfile.ZipInfo(f"ESC-50-master/audio/{names[3]}")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    return path


@pytest.fixture
def server(archive: Path) -> Iterator[Server]:
    with Server({"esc.zip": Page(archive.read_bytes(), type="application/zip")}) as server:
        yield server


def test_the_archive_is_fetched_checked_unpacked_and_prepared(
    server: Server, archive: Path, shared_data: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    url = server.template.replace("{id}", "esc.zip")
    arguments = ("--root", root, "--archive", url, "--checksum", f"sha256:{digest}", "--jobs", "1")
    prepared = prepare(root / "esc50", *planned("esc50", *arguments))
    assert server.asked == ["esc.zip"]
    assert len(prepared) == 2
    assert (prepared.coverage.missing, prepared.coverage.damaged) == (0, 5)
    assert len(prepared.refused) == 3
    assert "damaged: in the archive: it is a link or another special file" in prepared.coverage.reasons.values()
    assert {p.name for p in tmp_path.rglob("evil*")} == set()
    assert not any(p.is_symlink() for p in tmp_path.rglob("*"))
    assert prepared.options["archive"] == {
        "../../evil.wav": "its name leaves the folder",
        next(iter(k for k in prepared.options["archive"] if "audio" in k)): "it is a link or another special file",
    }
    # As the reader of the official folder hears them: resampled by another filter, so not to the bit.
    truth = esc50.from_folder(shared_data / "ESC-50", "esc50", tmp_path / "folders")
    for i, id in enumerate(prepared.ids):
        scene = truth[truth.number_of(id)]
        assert (prepared.column("fold")[i], prepared.column("label")[i]) == (scene.fold, scene.kinds[0])
        np.testing.assert_allclose(prepared.waveform(i), scene.waveform, atol=1)
        assert prepared.column("category")[i] == truth.kind_names[scene.kinds[0]]
    # A second time nothing is fetched.
    plan(*arguments)
    assert server.asked == ["esc.zip"]


def test_another_archive_is_refused_with_what_to_do(server: Server, archive: Path, tmp_path: Path) -> None:
    url = server.template.replace("{id}", "esc.zip")
    with pytest.raises(
        ValueError, match=r"is not the official archive: its sha256 is [0-9a-f]{64}.*--checksum sha256:"
    ):
        plan("--root", tmp_path / "root", "--archive", url)
    assert not (tmp_path / "root" / "ESC-50").exists()
    assert len(plan("--root", tmp_path / "root", "--archive", archive, "--checksum", "none").items) == 4
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        plan("--root", tmp_path / "root", "--archive", tmp_path / "absent.zip")


def test_rows_that_are_none_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "meta").mkdir()
    rows = [
        "filename,fold,target,category,esc10",
        "1-1-A-0.wav,1,0,dog,True",
        "1-2-A-0.wav,,0,dog,True",
        "1-3-A-0.wav,123,0,dog,True",
        f"1-4-A-0.wav,1,0,{'x' * 200_000},True",
        '1-5-A-0.wav,1,0,"dog,True',
        "5-6-A-0.wav,5,0,dog,True",
        "2-7-A-0.wav,3,0,dog,True",  # of another fold, by its name
        "5-6-A-0.wav,5,0,dog,True",
    ]
    (tmp_path / "meta" / "esc50.csv").write_text("\ufeff" + "\n".join(rows), encoding="utf-8")
    made = plan("--from", tmp_path)
    assert [(item.id, item.attributes["fold"]) for item in made.items] == [("1-1-A-0", 1), ("5-6-A-0", 5)]
    assert [lost.id for lost in made.refused] == [f"esc50.csv, line {n}" for n in (3, 4, 5, 6, 8, 9)]


def test_what_cannot_be_fetched_is_named_with_what_to_do(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = server.template.replace("{id}", "absent.zip?key=SECRET").replace("//", "//user:SECRET@")
    for address, why in ((absent, "HTTPError 404"), ("http://user:SECRET@127.0.0.1:1/SECRET.zip", "ConnectionError")):
        with pytest.raises(ConnectionError, match=rf"\({why}\): fetch it by hand .* --archive FILE") as error:
            plan("--root", tmp_path / "root", "--archive", address)
        assert "SECRET" not in f"{error.value}{capsys.readouterr()}"


def test_progress_is_shown_on_a_terminal() -> None:
    shown = io.StringIO()
    with esc50.FetchBar(Console(file=shown, force_terminal=True, width=100)) as bar:
        bar.total = 2_000_000
        bar.update(1_000_000)
    assert "1.0/2.0 MB" in shown.getvalue()


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="karolpiczak/ESC-50"):
        plan("--from", tmp_path)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is not ESC-50's list of recordings"):
        plan("--from", tmp_path)
