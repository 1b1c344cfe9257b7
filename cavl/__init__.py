"""Curriculum Audiovisual Learning (Hu et al. 2020), to be read beside the paper.

§3.1.1 ``clustering``, §3.1.2 and §3.3.1 ``alignment``, §3.2.1 ``curriculum`` and ``grading``, §3.2.2 ``counting``,
§3.3.2 ``separation``, §4.2 ``spectrogram`` and ``trunks``, Fig 2 ``model``. Pure PyTorch: no files, no Sacred, no
command line; but for ``extractor``, which loads what has been trained: ``from cavl import load``.
"""

import importlib
import importlib.metadata
from typing import Any

# Before anything imports torch. By name: neither is code behind a run.
importlib.import_module("cavl.versions")  # refuses what does not fit each other
importlib.import_module("cavl.nameless")

__all__ = ["Extractor", "ModelError", "load"]


def __getattr__(name: str) -> Any:
    # By name and when asked for: an import statement would make the extractor part of the code behind every run.
    if name in __all__:
        return getattr(importlib.import_module("cavl.extractor"), name)
    if name == "__version__":
        return importlib.metadata.version("cavl-bench")  # stated in pyproject.toml
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
