"""Objects found in pictures by a torchvision detector with its published weights (COCO: 91 kinds).

The detector is no part of the method that asks: it is not trained, and its weights are not kept with the method's.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from cavl.images import unit_range

MOST = 8  # objects of a picture, the surest first
SURE = 0.5  # how sure the detector must be


def known(name: str) -> bool:
    """Whether it is a torchvision detector."""
    from torchvision import models  # here: as slow to import as torch

    return name in models.list_models(models.detection)


@functools.cache
def network(name: str) -> Any:
    """The detector, its weights fetched; raises ``ValueError`` where they cannot be."""
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT  # type: ignore[attr-defined]
    try:
        return models.get_model(name, weights=weights).eval().requires_grad_(False)
    except OSError as error:
        raise ValueError(
            f"the weights of {name} cannot be fetched ({error}); put {weights.url} into "
            f"{torch.hub.get_dir()}/checkpoints, or give objects=FILE"
        ) from error


@torch.no_grad()
def detect(name: str, image: Tensor) -> Tensor:
    """Pictures (B, 3, H, W) -> (B, MOST, 5) x0, y0, x1, y1 in pixels and kind; zeros where there are no more."""
    with torch.random.fork_rng(devices=[]), torch.autocast(image.device.type, enabled=False):
        found = network(name).to(image.device)(list(unit_range(image)))
    objects = image.new_zeros((len(image), MOST, 5), dtype=torch.int64)
    for row, one in zip(objects, found, strict=True):
        sure = one["scores"] > SURE
        boxes, kinds = one["boxes"][sure][:MOST], one["labels"][sure][:MOST]  # they come sorted
        row[: len(kinds)] = torch.cat([boxes.round().long(), kinds[:, None]], 1)
    return objects
