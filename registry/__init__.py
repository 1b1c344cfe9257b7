"""Run registry: storing, finding, comparing. ``cavl-bench runs --help``; in notebooks :func:`frame`, :func:`items`."""

import warnings
from typing import TYPE_CHECKING, Any

import registry.interrupts  # first: it lets Ctrl-C end a program among its imports
import registry.requirements  # noqa: F401  # refuses a setuptools with which Sacred cannot be imported

# Sacred 0.8.7 imports pkg_resources; setuptools is pinned for it (pyproject.toml), so its users need no warning.
warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)

if TYPE_CHECKING:
    from registry.frames import frame as frame
    from registry.frames import items as items


def __getattr__(name: str) -> Any:
    """``frame`` and ``items`` when they are asked for: listing runs needs neither."""
    if name in ("frame", "items"):
        from registry import frames

        return getattr(frames, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
