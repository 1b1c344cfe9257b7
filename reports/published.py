"""Numbers printed in the paper (Hu et al., "Curriculum Audiovisual Learning"), all of its six tables.

They stand beside ours in the report and nowhere in a computation: only a run on the same data, which differ from table
to table, could be compared digit by digit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One printed number: ``value`` in the unit the paper prints it in (percent, sources for MAE, or dB); ``printed``
    are its digits."""

    table: int
    row: str
    metric: str
    value: float
    printed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """A table as printed. ``rows`` keeps the paper's order and digits; None is the paper's "-"."""

    title: str
    section: str
    data: str
    metrics: tuple[str, ...]
    rows: Mapping[str, tuple[str | None, ...]]


SDR_SIR_SAR = ("SDR", "SIR", "SAR")

PAPER: Mapping[int, PaperTable] = {
    1: PaperTable(
        title="Acoustic scene classification result on ESC-50",
        section="4.3.2",
        data="trained on AudioSet-Balanced-Train, measured on ESC-50",
        metrics=("Accuracy",),
        rows={
            "C1": ("51.25",),
            "C2 + Sound-source-level alignment": ("56.75",),
            "C2 + Scene-level alignment": ("47.25",),
        },
    ),
    2: PaperTable(
        title="Poisson regression results",
        section="4.3.3",
        data="trained on AudioSet-Balanced-Train, measured on AudioSet-Evaluation, 1 to 5 sources",
        metrics=("Accuracy", "MAE"),
        rows={
            "Random": ("20.2", "1.624"),
            "w/o Pre-train": ("45.2", "0.742"),
            "CAVL-C0": ("47.0", "0.701"),
            "CAVL-C1": ("49.6", "0.616"),
            "CAVL-C2": ("50.9", "0.614"),
        },
    ),
    3: PaperTable(
        title="Quantitative localization results on SoundNet-Flickr dataset",
        section="4.4",
        data="trained on AudioSet-Balanced-Train, measured on 250 pairs of SoundNet-Flickr",
        metrics=("cIoU@0.5", "AUC"),
        rows={
            "Random": ("12.0", "32.3"),
            "Attention": ("43.6", "44.9"),
            "DMC": ("41.6", "45.2"),
            "CAVL-C1": ("50.0", "49.2"),
            "CAVL-C1 (unrelated)": ("19.2", "36.8"),
            "CAVL-C2": ("46.0", "45.7"),
        },
    ),
    4: PaperTable(
        title="Sound separation results on MIT-MUSIC-solo test set",
        section="4.5",
        data="trained on the solo videos of MIT-MUSIC, measured on its solo test set",
        metrics=SDR_SIR_SAR,
        rows={
            "NMF-MFCC": ("0.92", "5.68", "6.84"),
            "AV-Mix-Sep": ("3.16", "6.74", "8.89"),
            "Sound-of-Pixels": ("7.30", "11.90", "11.90"),
            "Co-Separation": ("7.38", "13.7", "10.80"),
            "Our-Model-Center": ("5.79", "9.15", "12.29"),
            "Our-Model-Mask": ("6.59", "10.10", "12.56"),
        },
    ),
    5: PaperTable(
        title="Sound separation results on MIT-MUSIC-solo test dataset, trained with solo or with solo and duet videos",
        section="4.5",
        data="trained on the solo, or the solo and duet, videos of MIT-MUSIC, measured on its solo test set",
        metrics=SDR_SIR_SAR,
        rows={"Our-Model-solo": ("6.59", "10.10", "12.56"), "Our-Model-both": ("6.78", "10.62", "12.19")},
    ),
    6: PaperTable(
        title="Sound separation results on AudioSet-Instrument test set",
        section="6.5.1",
        data="trained and measured on AudioSet-Instrument, 15 instruments",
        metrics=SDR_SIR_SAR,
        rows={
            "Sound-of-Pixels": ("1.66", "3.58", "11.5"),
            "AV-MIML": ("1.83", None, None),
            "NMF-MFCC": ("0.25", "4.19", "5.78"),
            "Co-Separation": ("3.65", "6.13", "13.2"),
            "CAVL-C1": ("-4.54", "0.23", "2.28"),
            "Our-Model-Center": ("2.40", "3.33", "18.24"),
            "Our-Model-Mask": ("2.64", "3.45", "17.17"),
        },
    ),
}


def published(table: int, row: str, metric: str) -> Published | None:
    """The paper's number; None where the paper prints "-".

    Raises
    ------
    KeyError
        If the paper has no such table, row or metric, naming those it has.
    """
    try:
        printed = PAPER[table]
        text = printed.rows[row][printed.metrics.index(metric)]
    except (KeyError, ValueError):
        has = PAPER.get(table)
        known = f"rows {list(has.rows)}, metrics {list(has.metrics)}" if has else "tables 1 to 6"
        raise KeyError(f"the paper prints no {metric!r} of {row!r} in Table {table}; it has {known}") from None
    return None if text is None else Published(table=table, row=row, metric=metric, value=float(text), printed=text)


def entries() -> Iterator[Published]:
    """Every number that the paper prints, table by table, row by row."""
    for number, table in PAPER.items():
        for row, metric in itertools.product(table.rows, table.metrics):
            if (entry := published(number, row, metric)) is not None:
                yield entry
