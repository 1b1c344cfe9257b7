"""Zip archives made by others: the wanted files are taken out, and nothing else."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from registry.files import replacing

#: What damaged archives raise, and such as are encrypted or packed in ways that are not known here.
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, EOFError, ValueError)


class ZipError(ValueError):
    """The file is no archive, or is damaged."""


def extract(
    archive: Path, folder: Path, wanted: Callable[[PurePosixPath], PurePosixPath | None], most_bytes: int = 64 << 20
) -> dict[str, str]:
    """Extract some members into ``folder``; returns those that were refused, and why.

    ``wanted`` says where below ``folder`` a member belongs (``None``: nowhere, it is left out). Members whose names
    leave the archive's folder, links and other special files, and such as are larger than ``most_bytes`` (whatever
    their header says) are refused. Files that are there already are left alone: an extraction may be repeated. Raises
    :class:`ZipError` if the file cannot be read as a zip archive; ``DiskFullError`` when there is no room.
    """
    refused: dict[str, str] = {}
    try:
        with zipfile.ZipFile(archive) as content:
            for member in content.infolist():
                name = PurePosixPath(member.filename)
                if member.is_dir():
                    continue
                if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
                    refused[member.filename] = "its name leaves the folder"
                    continue
                place = wanted(name)
                if place is None:
                    continue
                kind = stat.S_IFMT(member.external_attr >> 16)
                if kind not in (0, stat.S_IFREG):
                    refused[member.filename] = "it is a link or another special file"
                elif not (folder / place).exists():
                    why = _copy(content, member, folder / place, most_bytes)
                    if why:
                        refused[member.filename] = why
    except DAMAGE as error:
        raise ZipError(f"{archive} is no zip archive, or is damaged ({error})") from error
    return refused


class _TooLargeError(Exception):
    pass


def _copy(content: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path, most_bytes: int) -> str:
    """Copy one member; why it was not, or an empty text."""
    try:
        with content.open(member) as source, replacing(place) as aside:
            while block := source.read(1 << 20):
                if aside.tell() + len(block) > most_bytes:
                    raise _TooLargeError
                aside.write(block)
    except _TooLargeError:
        return f"it has more than {most_bytes:,} bytes"
    except DAMAGE as error:
        return f"it cannot be unpacked ({error})"
    return ""
