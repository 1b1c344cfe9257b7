"""Runs whose files are changed by a test, as if they had left them so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from registry.record import seal
from registry.record.run_record import FILES, RUN


def sealed(folder: Path) -> Path:
    """The run in ``folder``, with the digests that one which ended with these files has."""
    run = json.loads((folder / RUN).read_bytes())
    run.pop(seal.OWN, None)
    names = [name for name in (*FILES, *run.get("artifacts", ())) if name != RUN]
    (folder / RUN).write_text(seal.sealed({**run, seal.FILES: seal.digests(folder, names)}))
    return folder


def change(path: Path, **entries: Any) -> None:
    """Let a JSON file of a run say something else, and have said it when the run ended."""
    whole = {**json.loads(path.read_bytes()), **entries}
    path.write_text(json.dumps(whole, sort_keys=True, indent=2))
    if seal.FILES in json.loads((path.parent / RUN).read_bytes()):
        sealed(path.parent)
