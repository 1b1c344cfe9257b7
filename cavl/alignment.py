"""Alignment of audio and visual centres and the contrastive objective (§3.1.2, Eqs 4-5; §3.3.1, Eq 7)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from cavl.clustering import Clusters, distances

Reduction = Literal["square_of_sum", "sum_of_squares"]


def nearest_distances(audio: Clusters, visual: Clusters) -> Tensor:
    """min_j ||c_i^a - c_j^v|| of every audio centre in every image: (A, V, K_a); 0 for masked audio centres.

    A scenes' audio centres against V scenes' visual centres.
    """
    pairwise = distances(audio.centres.unsqueeze(1), visual.centres.unsqueeze(0))  # (A, V, K_a, K_v)
    nearest = pairwise.masked_fill(~visual.mask[None, :, None, :], torch.inf).amin(-1)
    return nearest.masked_fill(~audio.mask.unsqueeze(1), 0)


def scene_distance(audio: Clusters, visual: Clusters) -> Tensor:
    """Eq 4: the matrix S (A, V), S_av = sum_i min_j ||c_i^a - c_j^v||."""
    return nearest_distances(audio, visual).sum(-1)


def nearest_centres(audio: Clusters, visual: Clusters) -> Tensor:
    """Eq 7: for each audio centre of a scene the index of its nearest visual centre in the same scene, (B, K_a)."""
    pairwise = distances(audio.centres, visual.centres)
    return pairwise.masked_fill(~visual.mask.unsqueeze(1), torch.inf).argmin(-1)


def contrastive_loss(
    d: Tensor,
    k: Tensor,
    *,
    margin: float,
    margin_per_source: bool = True,
    reduction: Reduction = "square_of_sum",
    negatives: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """Eq 5 over the n x n pairs of a batch.

    Parameters
    ----------
    d
        (n, n, K) nearest distances of :func:`nearest_distances`; row i is the sound of scene i, column j image j.
    k
        (n,) number of audio centres of each sound.
    margin, margin_per_source
        The margin is multiplied by k, since S sums k distances; ``False`` is Eq 5 to the letter.
    reduction
        ``square_of_sum``: S^2 with S = sum d (Eq 5). ``sum_of_squares``: sum d^2, each distance with a hinge of its
        own.
    negatives
        None: all i != j (Eq 5's double sum). Otherwise (n,) one mismatched image for each sound.
    weights
        (n,) of each sound's terms; None: 1, as in Eq 5.

    Raises
    ------
    ValueError
        If the batch has fewer than two scenes (there is no mismatched pair), or shapes disagree.
    """
    n = len(d)
    if n < 2 or d.shape[1] != n or k.shape != (n,):
        raise ValueError(f"a square batch of at least two scenes is needed, not {tuple(d.shape)} with {tuple(k.shape)}")
    with torch.autocast(d.device.type, enabled=False):
        k = k.to(d)
        if reduction == "square_of_sum":
            s = d.sum(-1)
            positive = s.square()
            hinge = (margin * (k if margin_per_source else torch.ones_like(k))).unsqueeze(1) - s
            negative = hinge.clamp_min(0).square()
        else:
            valid = torch.arange(d.shape[-1], device=d.device) < k.view(-1, 1, 1)
            positive = d.square().sum(-1)
            negative = ((margin - d).clamp_min(0).square() * valid).sum(-1)
        if weights is not None:
            positive, negative = (terms * weights.unsqueeze(1) for terms in (positive, negative))
        diagonal = torch.eye(n, dtype=torch.bool, device=d.device)
        if negatives is None:
            pushed = negative.masked_fill(diagonal, 0).sum()
        else:
            pushed = negative.gather(1, negatives.unsqueeze(1)).sum()
        return (positive.diagonal().sum() + pushed) / (2 * n)


def mismatched(n: int, draw: torch.Generator) -> Tensor:
    """For each of n scenes one other scene, uniformly: (n,) indices, on the CPU."""
    offset = torch.randint(1, n, (n,), generator=draw)
    return (torch.arange(n) + offset) % n
