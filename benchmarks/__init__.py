"""Benchmark: data sets, tasks, presets, metrics, and what runs them. ``cavl-bench run --help``."""

import tempfile

import cavl  # noqa: F401  # looks at versions and the user, before anything imports torch
import registry  # noqa: F401  # looks at what Sacred needs, before it is imported

try:
    tempfile.gettempdir()
except FileNotFoundError as error:  # torch would end in a traceback on import
    raise SystemExit(f"error: {error.strerror}; set TMPDIR to a folder that can be written") from None
