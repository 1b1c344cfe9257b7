"""What is measured: data sets, tasks, presets, metrics, the suite. ``python -m benchmarks --help``."""

import cavl  # noqa: F401  # refuses versions that do not fit each other, before any of them is imported
