"""Sounds that were separated elsewhere, in folders beside the clean ones or in a table of pairs.

A file is known by its place: the estimate of ``references/a/b.wav`` is ``estimates/a/b.wav`` (or ``.flac``, ``.ogg``).
Which sources were mixed with which is read from the places, too:

``MIXTURE/SOURCE.wav``   a folder a mixture (MUSDB18)
``SOURCE/MIXTURE.wav``   a folder a source (LibriMix: ``s1/``, ``s2/``): the folders are fewer than the names in them
``MIXTURE_SOURCE.wav``   in one folder: what stands before the last "_", "-" or blank is the mixture

A file, folder or source called mix, mixture or mixed (LibriMix: mix_clean, mix_both) is the mixture itself, no source.
A table has the columns ``mixture``, ``reference``, ``estimate``: a source a row, paths absolute or from its folder.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from registry.files import digest_file
from registry.text_files import table_of

SUFFIXES = (".wav", ".flac", ".ogg")
#: What the name of an estimate may have more than that of its source.
ADDED = re.compile(r"[_.-]?(?:est|estimate|estimated|pred|predicted|hat|out)$", re.IGNORECASE)
MIXTURE = re.compile(r"mix(?:ture|ed)?(?:[_-](?:clean|both|single|noisy))?", re.IGNORECASE)
FLAT = re.compile(r"(?P<mixture>.+)[_\- ](?P<source>[^_\- ]+)")
#: What folders of sources are called, where they are as many as the mixtures.
NUMBERED = re.compile(r"(?:s|spk|src|source|speaker)_?\d+", re.IGNORECASE)
COLUMNS = ("mixture", "reference", "estimate")


@dataclass(frozen=True, slots=True)
class Source:
    """One clean source and what was separated for it."""

    id: str
    reference: Path
    estimate: Path  # where it is, or should be


@dataclass(frozen=True, slots=True)
class Mixture:
    """The sources that were mixed."""

    id: str
    sources: tuple[Source, ...]
    sound: Path | None = None  # the mixture itself, where it is there; else their sum


@dataclass(frozen=True, slots=True)
class Mixtures:
    """All that is to be scored."""

    found: tuple[Mixture, ...]
    notes: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)  # place in a table -> why it is no pair


def in_folders(references: Path, estimates: Path) -> Mixtures:
    """The sources of a folder and the estimates of another.

    Raises ``FileNotFoundError`` for a folder that is not there; ``ValueError`` where there is no source, or all
    mixtures are of one.
    """
    clean, separated = _sounds(references), _sounds(estimates)
    mixed = {place: file for place, file in clean.items() if _without_mix(place) != place}
    sources = {place: file for place, file in clean.items() if place not in mixed}
    if not sources:
        raise ValueError(f"{references} holds no sound ({', '.join(SUFFIXES)})")
    named = _named(sources)
    by_mixture: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for place, (mixture, source) in named.items():
        by_mixture.setdefault(mixture, []).append((source, place))
    if all(len(several) < 2 for several in by_mixture.values()):
        raise ValueError(
            f"{references}: no two sources belong to one mixture, as MIXTURE/SOURCE.wav, SOURCE/MIXTURE.wav or "
            "MIXTURE_SOURCE.wav; name them by a table (--pairs)"
        )
    plain = {(*place[:-1], ADDED.sub("", place[-1])): file for place, file in separated.items()}
    plain |= separated
    sound_of = {"/".join(_without_mix(place)): file for place, file in mixed.items()}
    found = []
    for mixture, several in by_mixture.items():
        at = {place: plain.get(place, estimates.joinpath(*place[:-1], f"{place[-1]}.wav")) for _, place in several}
        listed = [Source(f"{mixture}/{source}", sources[place], at[place]) for source, place in sorted(several)]
        found.append(Mixture(mixture, tuple(listed), sound_of.get(mixture)))
    used = {source.estimate for mixture in found for source in mixture.sources}
    left = [place for place, file in separated.items() if file not in used and _without_mix(place) == place]
    more = (f"estimates of no source: {len(left)} (the first: {'/'.join(left[0])})",) if left else ()
    return Mixtures(tuple(found), more)


def in_table(path: Path) -> Mixtures:
    """The sources that a table names; rows that name none are refused. Raises ``ValueError`` where none is left."""
    sources: dict[str, list[Source]] = {}
    refused: dict[str, str] = {}
    for place, row in table_of(path, COLUMNS, "a table of pairs"):
        if not row or not all(row[column] for column in COLUMNS):
            refused[place] = "it is no mixture, reference and estimate"
            continue
        reference, estimate = (path.parent / row[column] for column in COLUMNS[1:])
        several = sources.setdefault(row["mixture"], [])
        several.append(Source(f"{row['mixture']}/{reference.stem}", reference, estimate))
    if not sources:
        raise ValueError(f"{path} names no mixture")
    return Mixtures(tuple(Mixture(id, tuple(several)) for id, several in sources.items()), (), refused)


def digest(files: Iterable[Path]) -> str:
    """Sha256 of files, in their order; one that is not there counts as such."""
    found = hashlib.sha256()
    for file in files:
        found.update(f"{digest_file(file) if file.is_file() else 'missing'}\n".encode())
    return found.hexdigest()


def _sounds(folder: Path) -> dict[tuple[str, ...], Path]:
    """Place without the file's ending -> file."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder at {folder}")
    files = (file for file in sorted(folder.rglob("*")) if file.suffix.lower() in SUFFIXES and file.is_file())
    places = ((file.relative_to(folder), file) for file in files if not file.name.startswith("."))
    return {(*place.parts[:-1], place.name[: -len(place.suffix)]): file for place, file in places}


def _named(places: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Place -> the names of its mixture and source."""
    places = list(places)
    folders, names = {place[:-1] for place in places}, {place[-1] for place in places}
    if folders == {()}:
        divided = {place: FLAT.fullmatch(place[0]) for place in places}
        return {
            place: (found["mixture"], found["source"]) if found else (place[0], "1") for place, found in divided.items()
        }
    numbered = all(place and NUMBERED.fullmatch(place[-1]) for place in folders)
    if len(folders) > 1 and (len(folders) < len(names) or (len(folders) == len(names) and numbered)):
        return {place: (place[-1], "/".join(place[:-1])) for place in places}
    return {place: ("/".join(place[:-1]), place[-1]) for place in places}


def _without_mix(place: tuple[str, ...]) -> tuple[str, ...]:
    """A place without what says that it is a mixture's: ``mix/A``, ``A/mixture`` and ``A_mix`` are ``A``."""
    parts = tuple(part for part in place if not MIXTURE.fullmatch(part))
    flat = FLAT.fullmatch(place[0]) if len(place) == 1 else None
    return (flat["mixture"],) if flat and MIXTURE.fullmatch(flat["source"]) else parts
