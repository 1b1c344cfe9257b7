"""Images as the visual networks want them, and their maps as heatmaps: building blocks of every method."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Of ImageNet's RGB images in [0, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(image: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) uint8, or float in [0, 1] -> float32 (B, 3, size, size), ImageNet's mean and deviation removed.

    Raises
    ------
    ValueError
        If it is not (B, 3, H, W), holds NaN or infinite values, integers that are not uint8, or values outside [0, 1].
    """
    image = unit_range(image)
    if image.shape[-2:] != (size, size):
        image = F.interpolate(image, (size, size), mode="bilinear", align_corners=False, antialias=True)
    mean, std = (torch.tensor(v, device=image.device).view(3, 1, 1) for v in (MEAN, STD))
    return (image - mean) / std


def unit_range(image: Tensor) -> Tensor:
    """(B, 3, H, W) uint8, or float in [0, 1] -> float32 in [0, 1]; raises as :func:`normalised`."""
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"image must be (batch, 3, height, width), not {tuple(image.shape)}")
    return image.float() / 255 if image.dtype == torch.uint8 else _checked(image)


def _checked(image: Tensor) -> Tensor:
    """Floats in [0, 1] as float32."""
    if not image.is_floating_point():
        raise ValueError(f"image must be uint8, or floats in [0, 1], not {image.dtype}")
    if not torch.isfinite(image).all():
        raise ValueError("image holds NaN or infinite values; the file it came from is damaged")
    low, high = (float(v) for v in image.aminmax())
    if low < -1e-3 or high > 1 + 1e-3:  # resizing may overshoot by rounding
        raise ValueError(f"an image of floats lies in [0, 1], not in [{low:g}, {high:g}]: divide by 255, or give uint8")
    return image.float()


def activation(maps: Tensor, size: tuple[int, ...], n: int) -> Tensor:
    """Maps (B, C, h, w) -> (B, n, H, W), n times the mean over the channels as :func:`heatmaps`: what excites a visual
    network in an image, whatever is heard (PROTOCOLS §6).
    """
    return heatmaps(maps.float().mean(1, keepdim=True), size).repeat(1, n, 1, 1)


def heatmaps(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps (B, n, h, w) -> (B, n, H, W) at the images' ``size`` (H, W) (bilinear), each map scaled to [0, 1].

    For maps whose values mean nothing at a fixed threshold. One that is constant, but for rounding, becomes zero.
    """
    enlarged = F.interpolate(maps, size, mode="bilinear", align_corners=False)
    low, high = enlarged.amin((2, 3), keepdim=True), enlarged.amax((2, 3), keepdim=True)
    spread = high - low
    constant = spread <= 1e-5 * torch.maximum(low.abs(), high.abs())
    return ((enlarged - low) / spread.masked_fill(constant, 1)).masked_fill(constant, 0)
