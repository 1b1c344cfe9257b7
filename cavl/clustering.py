"""Soft K-means over the vectors of a feature map (§3.1.1, Eqs 1-3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusteringConfig:
    beta: float = 30.0  # stiffness of Eq 2
    iterations: int = 4  # EM iterations
    init: Literal["farthest", "strided", "random"] = "farthest"
    normalise: bool = True  # points and centres on the unit sphere
    gradient: Literal["all", "last", "none"] = "all"  # through which EM iterations the assignments carry gradient

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise ValueError(f"clustering.beta must exceed 0, not {self.beta}")
        if self.iterations < 1:
            raise ValueError(f"clustering.iterations must be at least 1, not {self.iterations}")


@dataclass(frozen=True, slots=True)
class Clusters:
    """K is the largest number of centres in the batch; centres beyond an item's own number are masked."""

    centres: Tensor  # (B, K, D); masked ones are 0
    assignments: Tensor  # (B, P, K) w_ij of Eq 2, rows sum to 1; 0 for masked centres
    mask: Tensor  # (B, K) bool


def squared_norms(x: Tensor) -> Tensor:
    """(..., P, D) -> (..., P, 1)."""
    return x.square().sum(-1, keepdim=True)


def distances(x: Tensor, y: Tensor, x_norms: Tensor | None = None) -> Tensor:
    """Euclidean distances (..., P, D) x (..., K, D) -> (..., P, K); ``x_norms``: ``squared_norms(x)``, if known.

    Initial centres are data points, so exact zeros occur, where sqrt has an infinite slope: below 1e-12 the squared
    distance is held constant, which makes that gradient 0.
    """
    x_norms = squared_norms(x) if x_norms is None else x_norms
    squared = x_norms - 2 * (x @ y.mT) + squared_norms(y).mT
    return squared.clamp_min(1e-12).sqrt()


def assign(points: Tensor, centres: Tensor, mask: Tensor, beta: float, norms: Tensor | None = None) -> Tensor:
    """E-step, Eq 2: the softmax over centres of -beta times the distance. Returns (B, P, K)."""
    logits = -beta * distances(points, centres, norms)
    return logits.masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(-1)


def update(points: Tensor, assignments: Tensor) -> Tensor:
    """M-step, Eq 3: each centre is the mean of the points weighted by their assignments. Returns (B, K, D)."""
    weights = assignments.sum(1).clamp_min(torch.finfo(points.dtype).tiny).unsqueeze(-1)  # (B, K, 1)
    return assignments.mT @ points / weights


def objective(points: Tensor, centres: Tensor, assignments: Tensor) -> Tensor:
    """Eq 1: J, one value an item, (B,)."""
    return (assignments * distances(points, centres)).sum((1, 2))


def initial_centres(points: Tensor, k: Tensor, init: str, draw: torch.Generator | None = None) -> Tensor:
    """Indices (B, K) of the points that become the first centres, K = max(k).

    ``farthest``: first the point nearest the mean, then always the point farthest from those chosen (ties: first
    index).
    ``strided``: point j * (P // k), as in the authors' simplified DMC code. ``random``: distinct points, from ``draw``.
    """
    batch, n_points, _ = points.shape
    n_centres = int(k.max())
    if init == "strided":
        step = torch.div(n_points, k, rounding_mode="floor")  # (B,)
        return (torch.arange(n_centres, device=points.device) * step.unsqueeze(1)).clamp_max(n_points - 1)
    if init == "random":
        order = torch.rand(batch, n_points, generator=draw).argsort(1)
        return order[:, :n_centres].to(points.device)
    with torch.no_grad():
        norms = squared_norms(points)
        chosen = distances(points, points.mean(1, keepdim=True), norms).squeeze(-1).argmin(1)  # (B,)
        indices = [chosen]
        nearest = points.new_full((batch, n_points), torch.inf)
        rows = torch.arange(batch, device=points.device)
        for _ in range(n_centres - 1):
            nearest = torch.minimum(nearest, distances(points, points[rows, chosen].unsqueeze(1), norms).squeeze(-1))
            chosen = nearest.argmax(1)
            indices.append(chosen)
        return torch.stack(indices, 1)


def soft_kmeans(
    points: Tensor, k: int | Tensor, config: ClusteringConfig, draw: torch.Generator | None = None
) -> Clusters:
    """Cluster each item's points by alternating Eq 2 and Eq 3, ending with the assignments to the returned centres.

    Parameters
    ----------
    points
        (B, P, D); float32 or float64 (computed outside autocast).
    k
        Number of centres, one for all or (B,) one an item; at least 1, at most P.
    draw
        Source of randomness for ``init="random"`` (a CPU generator).

    Notes
    -----
    Fewer distinct points than centres (constant maps, silence): surplus centres coincide and share the assignments
    equally; everything stays finite.

    Raises
    ------
    ValueError
        If points are not (B, P, D) or k is out of range.
    """
    if points.ndim != 3:
        raise ValueError(f"points must be (batch, points, channels), not {tuple(points.shape)}")
    batch, n_points, _ = points.shape
    k = torch.as_tensor(k, device=points.device).expand(batch)
    if int(k.min()) < 1 or int(k.max()) > n_points:
        raise ValueError(f"the number of centres must lie in 1..{n_points} (the points), not {k.tolist()}")

    with torch.autocast(points.device.type, enabled=False):
        points = points if points.dtype == torch.float64 else points.float()
        if config.normalise:
            points = F.normalize(points, dim=-1)
        norms = squared_norms(points)  # once: it is half of a distance's cost
        mask = torch.arange(int(k.max()), device=points.device) < k.unsqueeze(1)  # (B, K)
        start = initial_centres(points, k, config.init, draw)
        centres = points.gather(1, start.unsqueeze(-1).expand(-1, -1, points.shape[-1])) * mask.unsqueeze(-1)
        for iteration in range(config.iterations):
            last = iteration == config.iterations - 1
            carries_gradient = config.gradient == "all" or (config.gradient == "last" and last)
            with torch.set_grad_enabled(torch.is_grad_enabled() and carries_gradient):
                assignments = assign(points, centres, mask, config.beta, norms)
            centres = update(points, assignments).masked_fill(~mask.unsqueeze(-1), 0)
            if config.normalise:
                centres = F.normalize(centres, dim=-1)
            if config.gradient == "last" and not last:
                centres = centres.detach()
        assignments = assign(points, centres, mask, config.beta, norms)
    return Clusters(centres, assignments, mask)
