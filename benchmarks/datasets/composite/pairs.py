"""Table of pairs: which folders of photographs and which labels of recordings belong to one kind of thing.

A CSV file with the columns ``kind``, ``photographs`` and ``recordings``; several names in a cell are separated by "|".
The one that is shipped (``pairs.csv``) is for Caltech-101 with ESC-50 and the instruments of FSDKaggle2018. No sound
belongs to two kinds: an engine is the motorbike's and not the car's. A row of the kind "-" names photographs that are
never shown: Caltech-101's Faces are the very pictures of Faces_easy. Folders that no row names are of silent things.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.text_files import table_of

SHIPPED = Path(__file__).parent / "pairs.csv"
COLUMNS = ("kind", "photographs", "recordings")
HIDDEN = "-"


@dataclass(frozen=True, slots=True)
class Pair:
    kind: str
    photographs: tuple[str, ...]  # names of folders
    recordings: tuple[str, ...]  # labels


@dataclass(frozen=True, slots=True)
class Pairs:
    kinds: tuple[Pair, ...]
    hidden: tuple[str, ...]  # folders of photographs that are never shown


def read_pairs(path: Path | str = SHIPPED) -> Pairs:
    """The table in a file.

    Raises ``FileNotFoundError`` if there is no such file; ``ValueError`` if it is not such a table, naming file, line
    and remedy.
    """
    path = Path(path)
    try:
        table = list(table_of(path, COLUMNS, f"a table of pairs as {SHIPPED.name} is"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"there is no table of pairs {path}; leave data.pairs out for the shipped one"
        ) from None
    rows = [_row(values, f"{path.parent / where}") for where, values in table]
    kinds = tuple(row for row in rows if row.kind != HIDDEN)
    for what, names in (
        ("kind", [row.kind for row in kinds]),
        ("folder of photographs", [name for row in rows for name in row.photographs]),
        ("label of recordings", [name for row in rows for name in row.recordings]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{path}: the {what} {twice[0]!r} stands in two places; give it to one kind only")
    if len(kinds) > 127:
        raise ValueError(f"{path}: {len(kinds)} kinds; 127 are the most")
    return Pairs(kinds, tuple(name for row in rows if row.kind == HIDDEN for name in row.photographs))


def _row(values: dict[str, str], where: str) -> Pair:
    if any(column not in values for column in COLUMNS):
        raise ValueError(f"{where}: three cells are needed: {','.join(COLUMNS)}")
    kind, *cells = (values[column] for column in COLUMNS)
    photographs, recordings = (tuple(name.strip() for name in cell.split("|") if name.strip()) for cell in cells)
    if not kind or not photographs or (not recordings and kind != HIDDEN):
        raise ValueError(f"{where}: a kind needs a name, photographs and recordings ({HIDDEN!r}: photographs only)")
    return Pair(kind, photographs, recordings)
