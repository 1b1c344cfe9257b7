"""Baselines: the systems that CAVL is measured against, and the trivial rows."""

import cavl  # noqa: F401  # looks at versions and the user, before anything imports torch
