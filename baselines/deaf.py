"""Rows that see and do not hear, for every localization table: what of a score needs no sound (PROTOCOLS §6).

Where objects that sound are what is sharp or unusual in an image, a map of just that finds them. A network that claims
to locate sounds must be above these maps, which learn nothing and are the same whatever is heard:

``edge-density``        how many edges there are about a point: the magnitude of the grey values' gradient, smoothed
``spectral-residual``   how unusual a point is: Hou & Zhang, "Saliency detection: a spectral residual approach", CVPR
                        2007
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor

from baselines.trivial import MaskConfig
from cavl.images import heatmaps, unit_range
from cavl.spectrogram import as_float

Map = npt.NDArray[np.floating[Any]]

SMOOTHING = 16  # the Gaussian's standard deviation is a 16th of the image's side
NEIGHBOURS = 3  # frequencies over which the log spectrum is averaged, to either axis
LEAST = 1e-6  # added to amplitudes before their logarithm: far above what rounding leaves of a frequency without any


class _Deaf(ABC):
    """A method whose map depends on nothing but the image: the same for each of the sources asked for."""

    Config = MaskConfig
    image_size = None  # any

    def __init__(self, config: MaskConfig | None = None) -> None:
        config = config or MaskConfig()
        self.sample_rate, self.window = config.sample_rate, config.window

    @abstractmethod
    def density(self, grey: Map) -> Map:
        """Grey values (H, W) in [0, 1] -> how much there is to see, (H, W), before it is smoothed."""

    def localize(self, image: Tensor, waveform: Tensor, n: int, n_objects: int | None = None) -> Tensor:
        """(B, 3, H, W) -> (B, n, H, W): the smoothed density, each map scaled to [0, 1], ``n`` times.

        The waveforms (B, T) are not heard; ``n_objects`` is not read.

        Raises
        ------
        ValueError
            For damaged images or sounds: also what is not heard must be a sound.
        """
        as_float(waveform)
        maps = [self._smoothed(grey) for grey in unit_range(image).double().mean(1).cpu().numpy()]
        scaled = heatmaps(torch.from_numpy(np.stack(maps)).unsqueeze(1), image.shape[-2:])
        return scaled.float().to(image.device).repeat(1, n, 1, 1)

    def _smoothed(self, grey: Map) -> Map:
        smooth: Map = ndimage.gaussian_filter(self.density(grey), [side / SMOOTHING for side in grey.shape])
        return smooth


class EdgeDensity(_Deaf):
    """The magnitude of the gradient by central differences, one-sided ones at the frame."""

    def density(self, grey: Map) -> Map:
        magnitude: Map = np.hypot(*np.gradient(grey))
        return magnitude


class SpectralResidual(_Deaf):
    """|F^-1 of exp(R + iP)|^2 of an image's spectrum: P is its phase, R by how much its log amplitude is above the mean
    over 3 x 3 frequencies.

    The paper's but for the size: it looks at images of 64 pixels a side with a Gaussian of 8 pixels (in the authors'
    code 2.5); here it is the image's own size and the same sixteenth of it as in edge density, 4 pixels of 64. An image
    of one grey has no saliency.
    """

    def density(self, grey: Map) -> Map:
        if grey.min() == grey.max():  # a spectrum of rounding errors
            return np.zeros_like(grey)
        spectrum = np.fft.fft2(grey)
        amplitude = np.log(np.abs(spectrum) + LEAST)
        residual = amplitude - ndimage.uniform_filter(amplitude, NEIGHBOURS)
        saliency: Map = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
        return saliency
