"""Separation by somebody else's model: sounds in files, scored as the suite scores its own (PROTOCOLS §8).

Rows: the estimates, and the mixture itself as the estimate of every source. Both sources of a mixture, or all of them,
are scored together: BSS Eval asks how much of an estimate is another source.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.items import ItemTable
from benchmarks.progress import Report
from benchmarks.scoring.sound_folders import Mixture, Mixtures
from benchmarks.tasks.separation import MEASURES, MIXTURE, ratios_of
from cavl.separation import INAUDIBLE
from registry.item_table import condition

Floats = npt.NDArray[np.float64]
ESTIMATE = "estimate"
Scores = dict[str, dict[str, dict[str, float]]]  # row -> source -> measure -> dB
ROWS = (ESTIMATE, MIXTURE)
#: Full scale is 1: integers that were written as floating point go beyond it.
LOUDEST = 8.0


class SoundError(ValueError):
    """A file that holds no sound to be scored."""


class MissingSoundError(SoundError):
    """A file that is not there."""


def read(file: Path) -> tuple[Floats, int]:
    """The samples (T,) of a file, the mean of its channels, and how many there are a second.

    Raises :class:`SoundError` if it cannot be read, is empty, or holds NaN or infinity.
    """
    if not file.is_file():
        raise MissingSoundError(f"{file.name} is missing")
    try:
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, RuntimeError, OSError) as error:
        raise SoundError(f"{file.name} cannot be decoded ({error})") from error
    if not samples.size:
        raise SoundError(f"{file.name} has no samples")
    if not np.isfinite(samples).all():
        raise SoundError(f"{file.name} holds NaN or infinite samples")
    return samples.mean(axis=1), int(rate)


def measure(mixtures: Mixtures, trim: int, progress: Report) -> tuple[dict[str, Any], ItemTable]:
    """The result of a set of estimates, and its items.

    ``trim``: samples by which lengths may differ, to be cut to the shorter.

    Raises
    ------
    ValueError
        If nothing can be scored.
    """
    table = ItemTable()
    values: dict[str, dict[str, dict[str, float]]] = {row: {} for row in ROWS}
    excluded: dict[str, str] = {}
    missing: list[str] = []
    notes: Counter[str] = Counter()
    for number, mixture in enumerate(mixtures.found, start=1):
        scores, why, absent = _score(mixture, trim, notes)
        missing += absent
        for row, by_source in scores.items():
            for id, found in by_source.items():
                reason = why.get((row, id), "")
                table.add_all(id, condition({"row": row}, cluster=mixture.id), found, reason)
                if reason and row == ESTIMATE:
                    excluded[id] = reason
                elif not reason:
                    values[row][id] = found
        progress(number, len(mixtures.found))
    if not values[ESTIMATE]:
        id, reason = next(iter(excluded.items()))
        raise ValueError(f"none of {len(excluded)} sounds can be scored; {id}: {reason}")
    n = len(values[ESTIMATE]) + len(excluded)
    whole = sum(all(source.id in values[ESTIMATE] for source in mixture.sources) for mixture in mixtures.found)
    left_out = len(excluded) - len(missing)
    rows = {row: _means(values[row], values[ESTIMATE]) for row in ROWS}
    return {
        "score": rows[ESTIMATE]["sdr"],
        "rows": rows,
        "items": len(values[ESTIMATE]),
        "mixtures": whole,
        "coverage": f"{len(values[ESTIMATE]):,} of {n:,} sounds (missing {len(missing):,}, left out {left_out:,}), "
        f"{whole:,} of {len(mixtures.found):,} mixtures whole",
        "missing": missing,
        "excluded": excluded,
        "reasons": dict(Counter(excluded.values())),
        "refused": dict(mixtures.refused),
        "notes": [*mixtures.notes, *(f"{note}: {times}" for note, times in notes.items())],
    }, table


def _means(found: Mapping[str, Mapping[str, float]], counted: Mapping[str, Any]) -> dict[str, float]:
    """Over the sounds whose estimates count."""
    some = [values for id, values in found.items() if id in counted]
    means = {m: float(np.mean([values[m] for values in some])) if some else math.nan for m in MEASURES}
    return {**means, "items": len(some)}


def _score(mixture: Mixture, trim: int, notes: Counter[str]) -> tuple[Scores, dict[tuple[str, str], str], list[str]]:
    """(row -> source -> ratios, (row, source) -> why it has none, the sources whose estimates are missing)."""
    ids = [source.id for source in mixture.sources]
    nothing = dict.fromkeys(MEASURES, math.nan)
    scores: Scores = {row: {id: dict(nothing) for id in ids} for row in ROWS}
    absent = [source.id for source in mixture.sources if not source.estimate.is_file()]
    try:
        references, rate = _references(mixture)
    except SoundError as error:
        return scores, {(row, id): f"reference: {error}" for row in ROWS for id in ids}, absent
    why: dict[tuple[str, str], str] = {}
    sounds: list[Floats] = []
    for source, own in zip(mixture.sources, references, strict=True):
        try:
            sounds.append(_estimate(source.estimate, len(own), rate, trim, notes))
        except SoundError as error:
            why[ESTIMATE, source.id] = "missing" if isinstance(error, MissingSoundError) else str(error)
            sounds.append(own)  # in its place, so that the others can be scored
    length = min(len(sound) for sound in (*sounds, *references))
    references, sounds = references[:, :length], [sound[:length] for sound in sounds]
    mixed = _mixed(mixture, references, rate, trim, notes)
    estimates = {ESTIMATE: np.stack(sounds), MIXTURE: np.broadcast_to(mixed, references.shape)}
    ratios, reasons = ratios_of(references, estimates)
    for r, row in enumerate(estimates):
        for s, id in enumerate(ids):
            why.setdefault((row, id), reasons[r, s])
            if not why[row, id]:
                scores[row][id] = dict(zip(MEASURES, ratios[:, r, s].tolist(), strict=True))
    return scores, {place: reason for place, reason in why.items() if reason}, absent


def _references(mixture: Mixture) -> tuple[Floats, int]:
    read_in = [read(source.reference) for source in mixture.sources]
    lengths, rates = {len(samples) for samples, _ in read_in}, {rate for _, rate in read_in}
    if len(rates) > 1:
        raise SoundError(f"the sources have {_listed(rates)} samples a second")
    if len(lengths) > 1:
        raise SoundError(f"the sources have {_listed(lengths)} samples: what was mixed is of one length")
    return np.stack([samples for samples, _ in read_in]), rates.pop()


def _listed(numbers: set[int]) -> str:
    return " and ".join(f"{number:,}" for number in sorted(numbers))


def _estimate(file: Path, length: int, rate: int, trim: int, notes: Counter[str]) -> Floats:
    """Samples of an estimate, at most ``length``; raises :class:`SoundError` for another length, rate or scale."""
    samples, own = read(file)
    if own != rate:
        raise SoundError(f"it has {own:,} samples a second, its reference {rate:,}")
    if abs(len(samples) - length) > trim:
        remedy = f"; --trim {abs(len(samples) - length)} cuts to the shorter" if trim < 2 * rate else ""
        raise SoundError(f"it has {len(samples):,} samples, its reference {length:,}{remedy}")
    if len(samples) != length:
        notes["estimates of another length than their reference, cut to the shorter"] += 1
    peak = float(np.abs(samples).max())
    if 0 < peak < INAUDIBLE:
        raise SoundError(f"its loudest sample is {peak:.1e} of full scale, all but zero: it is scaled wrongly")
    if peak > LOUDEST:
        raise SoundError(f"its loudest sample is {peak:,.0f} times full scale: it is scaled wrongly, give [-1, 1]")
    return samples[:length]


def _mixed(mixture: Mixture, references: Floats, rate: int, trim: int, notes: Counter[str]) -> Floats:
    """The mixture's own file where there is one that fits, else the sum of the sources."""
    if mixture.sound is not None:
        try:
            samples, own = read(mixture.sound)
            if own == rate and abs(len(samples) - references.shape[1]) <= trim and len(samples) >= references.shape[1]:
                return samples[: references.shape[1]]
        except SoundError:
            pass
        notes["files of mixtures that do not fit their sources; the sum of these was taken"] += 1
    return references.sum(axis=0)
