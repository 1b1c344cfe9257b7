"""Commands ``export`` and ``import``: runs as one file, to be kept, handed on, and repeated elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from registry.cli.options import HOME, JSON, RUNS, flag, option, path, registry_in
from registry.cli.printing import beside, counting, print_json
from registry.files import is_stream
from registry.index import Registry

MB, GB = 10**6, 10**9
#: Of what is missing, sentences that are shown.
SHOWN = 20


def export(
    runs: list[int] = RUNS,
    out: Path = path("the archive to write, say runs.zip", "FILE", ...),
    without_weights: bool = flag("--without-weights", "leave them out: small, but its stages are trained anew"),
    home: Path | None = HOME,
    json: bool = JSON,
) -> None:
    """Write runs and all they descend from to one file.

    A zip archive with all that is needed to repeat them: records, artifacts, sources, weights, and the same of every
    run they descend from. The same runs give the same bytes. What is missing is told and left out.
    """
    from registry.archive_export import write_archive  # here, as below: the other commands need not wait for it

    with registry_in(home) as registry, counting("writing (MB)", MB) as progress:
        manifest = write_archive(registry, runs, out, weights=not without_weights, progress=progress)
    _tell(manifest["missing"])
    with beside(out):
        print_json(manifest) if json else _sum_up(manifest, out)


def _sum_up(manifest: Mapping[str, Any], out: Path) -> None:
    from rich.filesize import decimal  # here: the other commands need not wait for it

    asked = sum(run["asked"] for run in manifest["runs"])
    others = len(manifest["runs"]) - asked
    descent = f" and {others} by descent" if others else ""
    size = "" if is_stream(out) else f", {decimal(out.stat().st_size)}"
    print(f"runs: {asked}{descent}; {len(manifest['members'])} files{size} in {out}")


def bring_in(
    file: Path = typer.Argument(metavar="FILE", help="an archive that export has written"),
    limit: float = option("refuse an archive that unpacks to more", "GB", 20),
    home: Path | None = HOME,
    json: bool = JSON,
) -> None:
    """Bring the runs of such a file in.

    Each comes under the next free id; those that are here already stay as they are. An archive that is damaged or not
    to be trusted is refused as a whole, and so is one whose weights differ from those that runs here rely on. What was
    cut off is completed by doing it again.
    """
    from registry.archive_import import read_archive

    registry = Registry(home)
    with counting("reading (MB)", MB) as progress:
        arrivals, missing = read_archive(registry, file, limit=round(limit * GB), progress=progress)
    _tell(missing)
    if json:
        print_json({"runs": [asdict(arrival) for arrival in arrivals], "missing": missing})
        return
    for arrival in arrivals:
        print(f"run {arrival.id} -> run {arrival.here}" + ("" if arrival.new else ", here already"))
    print(f"{sum(arrival.new for arrival in arrivals)} new in {registry.home}")


def _tell(missing: Sequence[str]) -> None:
    for sentence in missing[:SHOWN]:
        print(f"warning: not in the archive: {sentence}", file=sys.stderr)
    if len(missing) > SHOWN:
        print(f"warning: and {len(missing) - SHOWN} more, which --json names", file=sys.stderr)
