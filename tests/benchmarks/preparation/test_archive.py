"""Archives that somebody made: what is wanted comes out, nothing else anywhere."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from benchmarks.preparation.archive import ZipError, extract


def wanted(name: PurePosixPath) -> PurePosixPath | None:
    return PurePosixPath("audio", name.name) if name.suffix == ".wav" else None


def made(path: Path, members: dict[str, bytes], mode: dict[str, int] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = ((mode or {}).get(name, stat.S_IFREG | 0o644)) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)
    return path


def everything(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir()}


def test_what_is_wanted_comes_out(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", {"top/audio/1.wav": b"one", "top/readme.md": b"no", "top/audio/2.wav": b"two"})
    assert extract(archive, tmp_path / "out", wanted) == {}
    assert everything(tmp_path / "out") == {"audio/1.wav", "audio/2.wav"}
    assert (tmp_path / "out" / "audio" / "1.wav").read_bytes() == b"one"
    (tmp_path / "out" / "audio" / "1.wav").write_bytes(b"mine")
    extract(archive, tmp_path / "out", wanted)
    assert (tmp_path / "out" / "audio" / "1.wav").read_bytes() == b"mine", "what is there is left alone"


def test_members_that_leave_the_folder_and_links_are_refused(tmp_path: Path) -> None:
    names = ["../evil.wav", "/etc/evil.wav", "top/../../evil.wav", "top\\..\\evil.wav"]
    members = dict.fromkeys(names, b"x") | {"top/link.wav": b"/etc/passwd", "top/good.wav": b"y"}
    archive = made(tmp_path / "a.zip", members, {"top/link.wav": stat.S_IFLNK | 0o777})
    refused = extract(archive, tmp_path / "deep" / "out", wanted)
    assert everything(tmp_path) == {"a.zip", "deep/out/audio/good.wav"}
    assert set(refused) >= {"../evil.wav", "/etc/evil.wav", "top/../../evil.wav", "top/link.wav"}
    assert refused["top/link.wav"] == "it is a link or another special file"
    assert refused["../evil.wav"] == "its name leaves the folder"


def test_bombs_are_refused_whatever_they_say_of_themselves(tmp_path: Path) -> None:
    archive = made(tmp_path / "a.zip", {"top/bomb.wav": bytes(5_000_000), "top/good.wav": b"y"})
    content = bytearray(archive.read_bytes())
    size = (5_000_000).to_bytes(4, "little")
    while (place := content.find(size)) >= 0:
        content[place : place + 4] = (100).to_bytes(4, "little")  # its header claims a hundred bytes
    archive.write_bytes(content)
    refused = extract(archive, tmp_path / "out", wanted, most_bytes=1_000_000)
    assert set(refused) == {"top/bomb.wav"}
    assert everything(tmp_path / "out") == {"audio/good.wav"}
    archive = made(tmp_path / "b.zip", {"top/bomb.wav": bytes(5_000_000)})
    assert extract(archive, tmp_path / "out2", wanted, most_bytes=1_000_000) == {
        "top/bomb.wav": "it has more than 1,000,000 bytes"
    }


def test_damage(tmp_path: Path) -> None:
    whole = made(tmp_path / "a.zip", {"top/1.wav": bytes(range(256)) * 40, "top/2.wav": b"y"}).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[:50])
    with pytest.raises(ZipError, match=r"b.zip is no zip archive, or is damaged"):
        extract(tmp_path / "b.zip", tmp_path / "out", wanted)
    headers = bytearray(whole)
    directory = headers.find(b"PK\x01\x02")
    headers[directory + 42 : directory + 46] = (len(whole) - 5).to_bytes(4, "little")  # of where its member begins
    (tmp_path / "d.zip").write_bytes(headers)
    assert set(extract(tmp_path / "d.zip", tmp_path / "out3", wanted)) == {"top/1.wav"}
    broken = bytearray(whole)
    broken[60:70] = b"\xff" * 10
    (tmp_path / "c.zip").write_bytes(broken)
    refused = extract(tmp_path / "c.zip", tmp_path / "out", wanted)
    assert set(refused) == {"top/1.wav"}
    assert everything(tmp_path / "out") == {"audio/2.wav"}


@pytest.mark.parametrize("error", [zlib.error("-3"), lzma.LZMAError(), struct.error("short"), NotImplementedError()])
def test_whatever_damage_is_like_it_costs_its_own_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    archive, opened = made(tmp_path / "a.zip", {"top/1.wav": b"x", "top/2.wav": b"y"}), zipfile.ZipFile.open

    def damaged(content: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
        if member.filename == "top/1.wav":
            raise error
        return opened(content, member)

    monkeypatch.setattr(zipfile.ZipFile, "open", damaged)
    assert set(extract(archive, tmp_path / "out", wanted)) == {"top/1.wav"}
    assert everything(tmp_path / "out") == {"audio/2.wav"}
