"""Command ``export``: a trained model as a folder, to be given away."""

from __future__ import annotations

from pathlib import Path

from registry.cli.options import RUN, path
from registry.files import home


def export(run: int = RUN, out: Path = path("folder to write, not there yet", default=...)) -> None:
    """Write a trained model to a folder, to be given away.

    Its weights, configuration and model card. ID is the number of a finished run (cavl-bench runs list).
    """
    import cavl
    from benchmarks.export import export
    from registry.index import Registry

    try:
        folder = export(Registry(home()), run, out)
        print(f'{folder}: cavl.load("{folder}") gives {cavl.load(folder)}')
    except cavl.ModelError as error:
        raise ValueError(str(error)) from None
