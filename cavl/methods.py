"""Methods by name: built-in ones, listed here, and third parties', from the entry-point group ``cavl.methods``.

A name may carry an *arm* behind a colon: ``l3:mel`` is the method ``l3`` with the choices that a preset makes for that
arm, a row of its own in every table.
"""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import entry_points
from typing import Any

GROUP = "cavl.methods"

BUILT_IN = {
    "cavl": "cavl.model:CAVL",
    "l3": "baselines.l3:L3",
    "avts": "baselines.avts:AVTS",
    "dmc": "baselines.dmc:DMC",
    "attention": "baselines.attention:Attention",
    "soundnet": "baselines.soundnet:SoundNet",
    "sound-of-pixels": "baselines.sound_of_pixels:SoundOfPixels",
    "av-mix-sep": "baselines.av_mix_sep:AVMixSep",
    "co-separation": "baselines.co_separation:CoSeparation",
    "full-frame": "baselines.trivial:FullFrame",
    "centred-square": "baselines.trivial:CentredSquare",
    "mean-training-map": "baselines.trivial:MeanTrainingMap",
    "random-box": "baselines.trivial:RandomBox",
    "edge-density": "baselines.deaf:EdgeDensity",
    "spectral-residual": "baselines.deaf:SpectralResidual",
    "spectrogram-statistics": "baselines.trivial:SpectrogramStatistics",
    "count-logistic": "baselines.counting:CountLogistic",
    "count-trees": "baselines.counting:CountTrees",
    "mean-spectrum": "baselines.mean_spectrum:MeanSpectrum",
    "nmf-mfcc": "baselines.nmf_mfcc:NMFMFCC",
    "av-miml": "baselines.av_miml:AVMIML",
}


class UnknownMethod(ValueError):
    """No method of that name."""


@functools.cache
def third_parties() -> dict[str, str]:
    """As :func:`available`, of other packages: those that were installed when a process first asked."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}


def available() -> dict[str, str]:
    """Method name -> "module:class"."""
    return {**third_parties(), **BUILT_IN}


def without_arm(name: str) -> str:
    """ "l3:mel" -> "l3"."""
    return name.partition(":")[0]


def method_class(name: str) -> Any:
    """The class of the method ``name``, whatever its arm.

    Raises
    ------
    UnknownMethod
        Naming the methods there are.
    """
    there, base = available(), without_arm(name)
    if base not in there:
        raise UnknownMethod(f"unknown method {base!r}; there are: {', '.join(sorted(there))}")
    return named(there[base])


def named(where: str) -> Any:
    """What "module:name" names."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def module_of(name: str) -> str:
    """The module that holds the method: where its code digest starts."""
    return available()[without_arm(name)].partition(":")[0]
