"""Figures as files: drawn where their inputs have changed, and only then is matplotlib imported.

Files are reproducible: no times or program versions in their metadata.
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
from reports.figures.figure import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

FORMATS = ("png", "pdf")
CACHE = "inputs.json"  # beside the figures: figure -> digest of what it was drawn from


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
    """Digest of the runs behind a figure, of what of them is left out, and of the code that draws it."""
    runs = [(r.id, r.pedigree.key, r.stop_time, *r.damage().items()) for r in figure.runs]
    code = b"".join(source.read_bytes() for source in sources())
    return hashlib.sha256(code + repr((figure.caption, runs)).encode()).hexdigest()


def sources() -> list[Path]:
    """The code of the reports: all of it may be behind what a figure shows."""
    return sorted(Path(__file__).parents[1].rglob("*.py"))


def _rendered(canvas: Canvas, kind: str) -> bytes:
    file = io.BytesIO()
    metadata: dict[str, Any] = {"png": ("Software",), "pdf": ("Creator", "Producer", "CreationDate")}
    canvas.savefig(file, format=kind, dpi=160, bbox_inches="tight", metadata=dict.fromkeys(metadata[kind]))
    return file.getvalue()
