"""The figures: Figs 4a, 4b and 5 of the paper on our runs, the orderings side by side, how much the binarisation rule
decides, how counts are predicted, how AVC and AVTS are learned, and separated sounds to look at and to listen to.

``all_figures`` only says what each figure needs; matplotlib is imported when one is drawn. Files are reproducible: no
times or program versions in their metadata.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.files import atomic_write
from registry.record.run_record import to_json
from reports.figures.counting import reliability
from reports.figures.curves import initialisations, losses
from reports.figures.figure import Figure
from reports.figures.localization import examples, sensitivity
from reports.figures.orderings import dots
from reports.figures.progress import correspondence, synchronisation
from reports.figures.separation import separated
from reports.results import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FORMATS = ("png", "pdf")
CACHE = "inputs.json"  # beside the figures: figure -> digest of what it was drawn from
CODE = (
    "cells.py",
    "headline.py",
    "names.py",
    "statistics.py",
    "results.py",
)  # of reports, behind what the figures show


def all_figures(study: Study) -> list[Figure]:
    """Every figure for which there are finished runs."""
    single = (losses, initialisations, examples, dots, sensitivity, reliability, correspondence)
    return (
        [figure for make in single if (figure := make(study)) is not None] + synchronisation(study) + separated(study)
    )


def write_figures(figures: Iterable[Figure], folder: Path) -> list[Path]:
    """Draw the figures whose inputs have changed into ``folder``, as PNG and PDF; returns the files of all of them."""
    try:
        drawn = json.loads((folder / CACHE).read_text())
    except (OSError, ValueError):
        drawn = {}
    files = []
    for figure in figures:
        paths = [folder / f"{figure.name}.{kind}" for kind in FORMATS]
        inputs = _inputs(figure)
        if drawn.get(figure.name) != inputs or not all(path.is_file() for path in paths):
            canvas = figure.draw()
            for path in paths:
                atomic_write(path, _rendered(canvas, path.suffix[1:]))
            drawn[figure.name] = inputs
            atomic_write(folder / CACHE, to_json(drawn))
        files += paths
    return files


def _inputs(figure: Figure) -> str:
    """Digest of the runs behind a figure and of the code that draws it."""
    runs = [(r.id, r.pedigree.key, r.stop_time) for r in figure.runs]
    here = Path(__file__).parent
    sources = [*sorted(here.glob("*.py")), *(here.parent / name for name in CODE)]
    code = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(code + repr((figure.caption, runs)).encode()).hexdigest()


def _rendered(canvas: Canvas, kind: str) -> bytes:
    file = io.BytesIO()
    metadata: dict[str, Any] = {
        "png": {"Software": None},
        "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    }
    canvas.savefig(file, format=kind, dpi=160, bbox_inches="tight", metadata=metadata[kind])
    return file.getvalue()
