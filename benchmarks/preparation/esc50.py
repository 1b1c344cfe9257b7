"""ESC-50: the official archive fetched and checked, or a folder; 2,000 recordings of 5 s in five folds (PROTOCOLS §7).

Columns of the prepared data set: ``fold`` (1 to 5), ``label`` (0 to 49), ``category``, ``esc10`` (whether it is one of
the 400 of ESC-10), ``n_sources`` (1). The archive is unpacked to ROOT/ESC-50, where ``cavl-bench run`` looks for
the official layout as well; a folder in that layout that is only named (``--esc50 DIR``) is packed by
:func:`from_folder`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from benchmarks.datasets.esc50 import (
    COLUMNS,
    LIST,
    RECORDING,
    SECONDS,
    SUBSETS,
    Esc50,
    decode,
    list_in,
    read_meta,
    recording_of,
)
from benchmarks.datasets.folds import Folds
from benchmarks.datasets.prepared import SAMPLE_RATE, Lost, refusal
from benchmarks.preparation.archive import extract
from benchmarks.preparation.item import Cut, Item, Plan, described
from benchmarks.preparation.recordings import packed_folder
from registry.console import Console
from registry.files import expanded
from registry.text_files import table_of

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
    seen: set[str] = set()
    damaged = {PurePosixPath(member).name: why for member, why in notes.items()}
    for where, values in table_of(table, COLUMNS, LIST):
        try:
            recording = recording_of(values, where)
            if recording.id in seen:
                raise ValueError(f"{where}: {recording.id} is listed a second time")
        except ValueError as error:
            refused.append(refusal(where, f"no recording of ESC-50: {str(error).removeprefix(f'{where}: ')}"))
            continue
        seen.add(recording.id)
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
    prepared = packed_folder(
        folder,
        read_meta(folder, subset),
        root / "esc50_folders",
        name=NAME,
        head=f"{subset} {sample_rate}",
        decode=lambda content, path: decode(content, path, sample_rate),
        sample_rate=sample_rate,
        seconds=SECONDS,
    )
    folds = Esc50(prepared, folder).open(f"probe {subset}")
    assert isinstance(folds, Folds)
    return folds


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
