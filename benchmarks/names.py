"""The names that the command line offers, without importing what is behind them: that takes seconds."""

from __future__ import annotations

import pkgutil
from pathlib import Path


def presets() -> list[str]:
    """The modules of :mod:`benchmarks.presets`."""
    return sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).with_name("presets"))]))
