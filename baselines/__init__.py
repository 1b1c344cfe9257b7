"""The systems that CAVL is measured against, and the trivial rows."""

import cavl  # noqa: F401  # refuses versions that do not fit each other, before any of them is imported
