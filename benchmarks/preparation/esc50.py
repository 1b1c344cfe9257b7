"""ESC-50: the official archive fetched and checked, or a folder; 2,000 recordings of 5 s in five folds (PROTOCOLS §7).

Columns of the prepared data set: ``fold`` (1 to 5), ``label`` (0 to 49), ``category``, ``esc10`` (whether it is one of
the 400 of ESC-10), ``n_sources`` (1). The archive is unpacked to ROOT/ESC-50, where ``cavl-bench run`` looks for
the official layout as well; a folder in that layout that is only named (``--esc50 DIR``) is packed by
:func:`from_folder`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from benchmarks.datasets.cache import kept
from benchmarks.datasets.esc50 import (
    RECORDING,
    SECONDS,
    SUBSETS,
    Esc50,
    Folds,
    Recording,
    decode,
    list_in,
    read_meta,
    recording_of,
)
from benchmarks.datasets.prepared import SAMPLE_RATE, Lost, NotPreparedError, Prepared, verify
from benchmarks.datasets.scene import DamagedError
from benchmarks.preparation.archive import extract
from benchmarks.preparation.item import Cut, Item, Plan, described, refusal
from benchmarks.preparation.packing import Clip, Packer, seal
from benchmarks.preparation.rows import rows_of
from registry.files import expanded

NAME = "esc50"
#: The last state of the repository's one branch.
COMMIT = "33c8ce9eb2cf0b1c2f8bcf322eb349b6be34dbb6"
URL = f"https://github.com/karolpiczak/ESC-50/archive/{COMMIT}.zip"
#: GitHub packs archives when asked, and has not always packed them alike: the hashes that others have published.
KNOWN = (
    "md5:071b44018315e034b2c6e8064543d19c",
    "md5:629e8e9ebc1592bcceb06da6bec40275",
    "md5:7771e4b9d86d0945acce719c7a59305a",  # of the branch, some years ago: the same recordings
    "sha256:805afc618aff80eff0641d51311647871fead5807da68bb18e43a27db47a79ce",
)
#: Raise it when recordings of a folder are packed differently.
PACKED = 1


def plan(*, root: Path, own: Sequence[Path], archive: str | None, checksums: Sequence[str] | None) -> Plan:
    """The recordings of ``meta/esc50.csv``; fetches and unpacks the archive if need be.

    Raises ``FileNotFoundError`` or ``ValueError`` if the folder, the list or the archive is not there or is not the
    official one.
    """
    notes: dict[str, str] = {}
    if own:
        folder = expanded(own[0])
    else:
        folder = root / "ESC-50"
        notes = unpack(fetched(archive or URL, root, checksums), folder)
    table = list_in(folder)
    items: list[Item] = []
    refused: list[Lost] = []
    damaged = {PurePosixPath(member).name: why for member, why in notes.items()}
    rows = rows_of(table)
    _, header = next(rows, ("", []))
    for where, row in rows:
        try:
            recording = recording_of(dict(zip(header, row, strict=True)), where)
        except ValueError:
            refused.append(refusal(where, f"no recording of ESC-50: {row}"))
            continue
        path = folder / recording.path
        there = path.exists()
        items.append(
            Item(
                id=recording.id,
                cut=Cut(seconds=SECONDS),
                files=[path] if there else [],
                damage="" if there or path.name not in damaged else f"in the archive: {damaged[path.name]}",
                attributes=recording.attributes,
            )
        )
    if not items:
        raise ValueError(f"{table} is not ESC-50's list of recordings ({refused[0].reason if refused else 'empty'})")
    return Plan(
        name=NAME,
        items=items,
        refused=refused,
        about={"lists": [described(table)], "archive": notes} if notes else {"lists": [described(table)]},
    )


def from_folder(folder: str | Path, subset: str, root: Path, sample_rate: int = SAMPLE_RATE) -> Folds:
    """The recordings of a folder in the official layout, packed below ``root`` when they are first asked for.

    All files are read for their hashes: where one has changed, they are packed anew. The fingerprint is that of the
    files: of name, size and content hash of every recording that is whole. Raises ``FileNotFoundError`` or
    ``ValueError`` if the folder's list is not there or not the official one, or there is no such subset or rate;
    ``DiskFullError`` when there is no room.
    """
    if subset not in SUBSETS:
        raise ValueError(f"subset={subset!r}; allowed: {', '.join(map(repr, SUBSETS))}")
    if sample_rate < 1:
        raise ValueError(f"sample_rate must be at least 1 Hz, not {sample_rate}")
    folder = Path(folder)
    recordings = read_meta(folder, subset)
    head = f"{subset} {sample_rate}"
    lines = [_line(recording, _content(folder, recording)) for recording in recordings]
    name = hashlib.sha256("\n".join([f"{PACKED} {head}", *lines]).encode()).hexdigest()

    def make(aside: Path) -> None:
        packer, packed, whole = Packer(aside), [], [head]
        lost: list[Lost] = []
        for recording, line in zip(recordings, lines, strict=True):
            content = _content(folder, recording)
            if _line(recording, content) != line:
                raise ValueError(f"{folder / recording.path} changes while it is read; start the same command again")
            try:
                if isinstance(content, Lost):
                    lost.append(content)
                    continue
                waveform = decode(content, recording.path, sample_rate)
                packed.append(packer.append(Clip(id=recording.id, waveform=waveform, attributes=recording.attributes)))
                whole.append(line)
            except DamagedError as error:
                lost.append(_lost(recording, "damaged", str(error)))
        files = hashlib.sha256("\n".join(whole).encode()).hexdigest()
        seal(aside, packed, lost, name=NAME, sample_rate=sample_rate, options={"files": files})

    def read(place: Path) -> Prepared:
        try:
            for clip, why in verify(place).items():
                raise DamagedError(f"{place}: {clip}: {why}")
            return Prepared(place)
        except NotPreparedError as error:
            raise DamagedError(str(error)) from None

    needed = round(2 * SECONDS * sample_rate) * len(recordings)
    folds = Esc50(kept(root / "esc50_folders" / name, read, make, needed), folder).open(f"probe {subset}")
    assert isinstance(folds, Folds)
    return folds


def _content(folder: Path, recording: Recording) -> bytes | Lost:
    """Of a recording's file, or why it cannot be had."""
    try:
        return (folder / recording.path).read_bytes()
    except FileNotFoundError:
        return _lost(recording, "missing", f"no file {recording.path}")
    except OSError as error:
        return _lost(recording, "damaged", f"{recording.path} cannot be read ({error.strerror})")


def _line(recording: Recording, content: bytes | Lost) -> str:
    """What decides a packed recording."""
    if isinstance(content, Lost):
        return f"{recording.filename} {content.status} {content.reason}"
    return f"{recording.filename} {len(content)} {hashlib.sha256(content).hexdigest()}"


def _lost(recording: Recording, status: str, reason: str) -> Lost:
    return Lost(id=recording.id, status=status, reason=reason, attributes=recording.attributes)


def fetched(archive: str, root: Path, checksums: Sequence[str] | None) -> Path:
    """The archive as a file whose checksum is right; fetched with pooch where it is an address.

    Raises ``ValueError`` if its checksum is none of those known, with what to do; ``FileNotFoundError`` if it is a file
    that is not there; ``ConnectionError`` if it cannot be fetched, with what to do.
    """
    import pooch

    if re.match(r"https?://", archive):
        path = root / NAME / "fetched" / "ESC-50.zip"
        if not path.is_file():
            _fetch(archive, path)
    else:
        path = expanded(archive)
        if not path.is_file():
            raise FileNotFoundError(f"--archive {archive}: there is no such file; without it {URL} is fetched")
    known = checksums or list(KNOWN)
    if "none" not in known and not any(pooch.hashes.hash_matches(path, expected) for expected in known):
        found = pooch.file_hash(str(path), alg="sha256")
        raise ValueError(
            f"{path} is not the official archive: its sha256 is {found}, which is not known. If you trust it, say "
            f"--checksum sha256:{found}; if not, remove it; or clone the GitHub repository karolpiczak/ESC-50 and name "
            "the folder with --from"
        )
    return path


def _fetch(address: str, path: Path) -> None:
    """Fetch the archive with pooch; its checksums, of which several are right, are looked at afterwards."""
    import pooch
    import requests

    console = Console(stderr=True, soft_wrap=True)
    pooch.get_logger().setLevel("ERROR")  # it prints the address, which may hold a password
    console.print("fetching ESC-50's archive (650 MB)")
    try:
        with FetchBar(console) as bar:
            download = pooch.HTTPDownloader(progressbar=bar)
            pooch.retrieve(address, known_hash=None, fname=path.name, path=path.parent, downloader=download)
    except requests.RequestException as error:
        answer = "" if error.response is None else f" {error.response.status_code}"
        raise ConnectionError(
            f"ESC-50's archive cannot be fetched ({type(error).__name__}{answer}): fetch it by hand from {URL} and "
            "name it with --archive FILE"
        ) from None


class FetchBar:
    """What pooch shows progress with, by rich: a bar with an estimate on a terminal, else nothing."""

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.bar.add_task("", total=None)

    def __enter__(self) -> FetchBar:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    @property
    def total(self) -> float | None:
        return self.bar.tasks[0].total

    @total.setter
    def total(self, total: float | None) -> None:
        self.bar.update(self.task, total=total or None)

    def update(self, size: int) -> None:
        self.bar.advance(self.task, size)

    def reset(self) -> None:
        self.bar.update(self.task, completed=0)

    def close(self) -> None: ...


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Unpack list and recordings into ``folder``; the members that were refused, and why."""

    def place(name: PurePosixPath) -> PurePosixPath | None:
        inside = PurePosixPath(*name.parts[1:])
        if str(inside) in ("meta/esc50.csv", "LICENSE"):
            return inside
        return (
            inside
            if len(inside.parts) == 2 and inside.parts[0] == "audio" and RECORDING.fullmatch(inside.name)
            else None
        )

    return extract(archive, folder, place)
