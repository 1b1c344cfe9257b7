"""The runs: storing, finding and comparing them. ``cavl-bench runs --help``."""

import warnings

import registry.requirements  # noqa: F401  # refuses a setuptools with which Sacred cannot be imported

# Sacred 0.8.7 imports pkg_resources; setuptools is pinned for it (pyproject.toml), so its users need no warning.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
