"""Sound source localization: is the heatmap where people saw the sound's maker?

Task
----
A method turns an image and a sound into one heatmap per source, (H, W) with values in [0, 1]. The truth is a consensus
map g, (H, W) with values in [0, 1]: how much the annotators agree that a pixel belongs to the sounding object. Where a
single exact mask is known, g is that mask.

Conventions
-----------
Arrays are (row, column); sources come first: (n, H, W). A heatmap is turned into a mask, a boolean array, by one of the
rules in :data:`BINARISATIONS`. Published numbers differ in this rule more than in anything else, so all of them are
reported, together with how often the mask is degenerate (empty or the whole image). Methods that give assignments use
them as they are; other maps go through :func:`min_max` first; methods whose heatmaps *are* masks are not binarised.

Metrics
-------
* :func:`ciou`: consensus intersection over union of one image; 1 for a mask that is g's support where g is binary.
* :func:`success_rate`: cIoU@0.5, the fraction of images with cIoU >= 0.5. It is not the mean of the cIoUs, which some
  public code prints under that name.
* :func:`auc`: area under the success rate over the thresholds 0, 0.05, ..., 1.
* :func:`matched_iou`, :func:`silent_area`: several sources: IoU of each object under the best assignment of masks to
  objects, and how much of the silent objects is claimed to sound.
* :func:`adaptive_ciou`: cIoU where as many pixels are claimed as the truth has: it is told their number, an oracle.
* :func:`interactive`: IIoU and IAUC, of the sources in one image the smallest cIoU decides [4]_.
* :func:`class_aware`: CIoU@0.3 and AUC of mixed pairs, each source's own map against its own object [5]_.
* :func:`pointing`: the pointing game, whether the heatmap's maximum lies on the object.
* :func:`size_class`: small, medium, large or huge, by the area of the truth.

References
----------
.. [1] Senocak, Oh, Kim, Yang, Kweon, "Learning to localize sound source in visual scenes", CVPR 2018 (cIoU, AUC).
.. [2] Zhang, Bargal, Lin, Brandt, Shen, Sclaroff, "Top-down neural attention by excitation backprop", IJCV 2018
   (pointing game).
.. [3] Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 1955.
.. [4] Senocak, Ryu, Kim, Oh, Pfister, Chung, "Aligning sight and sound: advanced sound source localization through
   audio-visual alignment", arXiv:2407.13676 (adaptive cIoU, IIoU, IAUC).
.. [5] Mo, Tian, "Audio-visual grouping network for sound localization from mixtures", CVPR 2023 (CIoU@0.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float64]

#: The success thresholds of :func:`auc`: 0, 0.05, ..., 1, each the float nearest to its decimal.
THRESHOLDS = np.arange(21) / 20
#: Sides of squares of 224 x 224 pixels whose area is the least of the next size class.
SIZES: Mapping[str, float] = {"small": 32, "medium": 96, "large": 144, "huge": np.inf}
#: Pixels of the grid in which size classes are told.
SIZE_GRID = 224 * 224


def validate(mask: Array, g: Array) -> None:
    """Check a predicted mask and a consensus map.

    Raises
    ------
    ValueError
        If they are not two (H, W) arrays of one shape, if the mask holds anything but 0 and 1, if g holds NaN or values
        outside [0, 1], or if g is zero everywhere (there is nothing to localize, and cIoU would be 0/0).
    """
    _validate_mask(mask, "the mask", ndim=2)
    _validate_unit(g, "the consensus map", ndim=2)
    if mask.shape != g.shape:
        raise ValueError(f"the mask is {mask.shape} but the consensus map is {g.shape}")
    if not np.any(g):
        raise ValueError("the consensus map is zero everywhere: leave images without an annotated source out")


def validate_heatmap(heatmap: Array) -> None:
    """Check one heatmap: (H, W), not empty, finite, within [0, 1]; raises ``ValueError`` otherwise."""
    _validate_unit(heatmap, "the heatmap", ndim=2)


def validate_boxes(boxes: Array, size: tuple[int, int]) -> None:
    """Check boxes: (m, 4) integers, m >= 1, each of positive area and within a frame of ``size`` (H, W).

    Raises
    ------
    ValueError
        Naming the first box that is not.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.issubdtype(boxes.dtype, np.integer):
        raise ValueError(f"boxes must be (m, 4) integers, not {boxes.shape} {boxes.dtype}")
    if not len(boxes):
        raise ValueError("no box: an image without boxes has no consensus and cannot be scored")
    height, width = size
    for x0, y0, x1, y1 in boxes.tolist():
        if not (1 <= x0 < x1 <= width and 1 <= y0 < y1 <= height):
            raise ValueError(f"box {[x0, y0, x1, y1]} has no area or leaves the {width} x {height} frame")


def validate_cious(cious: Sequence[float] | Array) -> Map:
    """Check per-image cIoUs: one-dimensional, at least one, finite, within [0, 1]; returns them as float64."""
    values = np.asarray(cious, dtype=np.float64)
    _validate_unit(values, "the list of cIoUs", ndim=1)
    return values


# --- truth ---------------------------------------------------------------------------------------------------------


def consensus(boxes: Array, size: tuple[int, int]) -> Map:
    """Consensus map of several annotators' boxes: g = min(number of boxes over the pixel / 2, 1) [1]_.

    Parameters
    ----------
    boxes
        (m, 4) integers xmin, ymin, xmax, ymax: 1-based pixels, both ends inclusive, as in the public annotations.
    size
        (H, W) of the frame.

    Returns
    -------
    g
        (H, W) with the values 0, 1/2 and 1.
    """
    validate_boxes(boxes, size)
    count = np.zeros(size, dtype=np.int64)
    for x0, y0, x1, y1 in boxes.tolist():
        count[y0 - 1 : y1, x0 - 1 : x1] += 1
    return np.minimum(count / 2, 1.0)


# --- heatmap -> mask -----------------------------------------------------------------------------------------------


def min_max(heatmap: Array) -> Map:
    """Stretch a map of any finite values to [0, 1]; a constant map, which points nowhere, becomes 0 everywhere."""
    if heatmap.ndim != 2 or not heatmap.size or not np.all(np.isfinite(heatmap)):
        raise ValueError(f"a map to be scaled must be (H, W) and finite, not {heatmap.shape} with NaN or infinity")
    values = heatmap.astype(np.float64)
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def highest(values: Array, n: int) -> Mask:
    """The ``n`` highest pixels of a map (H, W) of any finite values, as a mask; of equal ones those of lower index."""
    if values.ndim != 2 or not np.all(np.isfinite(values)):
        raise ValueError(f"a map to be ranked must be (H, W) and finite, not {values.shape} or with NaN or infinity")
    if not 0 <= n <= values.size:
        raise ValueError(f"a map of {values.size} pixels has no {n} highest ones")
    flat = values.reshape(-1)
    if n == 0:
        return np.zeros(values.shape, dtype=np.bool_)
    level = np.partition(flat, values.size - n)[values.size - n]
    mask: Mask = flat > level
    mask[np.flatnonzero(flat == level)[: n - np.count_nonzero(mask)]] = True
    return mask.reshape(values.shape)


#: Name -> rule that turns a heatmap (H, W) into a mask (H, W). ``max_fraction`` is a fraction of the map's maximum;
#: ``top_half`` takes exactly floor(HW / 2) pixels, ties in row-major order; the medians differ in taking equal pixels.
BINARISATIONS: Mapping[str, Callable[[Map], Mask]] = {
    "threshold=0.5": lambda h: h >= 0.5,
    "max_fraction=0.1": lambda h: h >= 0.1 * h.max(),
    "max_fraction=0.5": lambda h: h >= 0.5 * h.max(),
    "top_half": lambda h: highest(h, h.size // 2),
    "median_gt": lambda h: h > np.median(h),
    "median_ge": lambda h: h >= np.median(h),
}


def binarise(heatmap: Array, rule: str) -> Mask:
    """The pixels (H, W) that a heatmap claims under a rule of :data:`BINARISATIONS`.

    Raises
    ------
    ValueError
        For an unknown rule or a heatmap that is not (H, W) within [0, 1].
    """
    if rule not in BINARISATIONS:
        raise ValueError(f"unknown binarisation {rule!r}; known: {', '.join(BINARISATIONS)}")
    validate_heatmap(heatmap)
    return BINARISATIONS[rule](heatmap.astype(np.float64))


def degenerate(mask: Array) -> bool:
    """Whether a mask says nothing: no pixel, or every pixel."""
    _validate_mask(mask, "the mask", ndim=2)
    return bool(np.all(mask) or not np.any(mask))


# --- one source ----------------------------------------------------------------------------------------------------


def ciou(mask: Array, g: Array) -> float:
    r"""Consensus intersection over union of a mask A with a consensus map g [1]_.

    .. math:: \mathrm{cIoU} = \frac{\sum_{p \in A} g(p)}{\sum_p g(p) + |\{p \in A : g(p) = 0\}|}

    The union counts all of g but only those pixels of A that no annotator marked, so for a binary g this is plain IoU.

    Returns
    -------
    float
        In [0, 1].
    """
    validate(mask, g)
    claimed = mask.astype(np.bool_)
    truth = g.astype(np.float64)
    return float(truth[claimed].sum() / (truth.sum() + np.count_nonzero(claimed & (truth == 0))))


def success_rate(cious: Sequence[float] | Array, threshold: float = 0.5) -> float:
    """Fraction of images whose cIoU reaches the threshold (cIoU@0.5 by default)."""
    return float(np.mean(validate_cious(cious) >= threshold))


def auc(cious: Sequence[float] | Array) -> float:
    """Area under the success rate over :data:`THRESHOLDS`, by the trapezoid rule."""
    values = validate_cious(cious)
    return float(np.trapezoid([np.mean(values >= t) for t in THRESHOLDS], THRESHOLDS))


def adaptive_ciou(heatmap: Array, g: Array) -> float:
    """cIoU of the highest pixels of a map, as many as the truth g has (where g > 0) [4]_; both (H, W).

    The map may have any finite values. Its threshold is told by the truth: an oracle, to be marked as one.
    """
    if heatmap.shape != g.shape:
        raise ValueError(f"the map is {heatmap.shape} but the consensus map is {g.shape}")
    return ciou(highest(heatmap, int(np.count_nonzero(g))), g)


def summarise(cious: Sequence[float] | Array, degenerate: Sequence[bool] | Array) -> dict[str, float]:
    """One cell of the localization tables, from each image's cIoU and whether its mask was degenerate.

    Returns
    -------
    dict
        ``ciou@0.5``, ``auc``, ``mean_ciou`` and ``degenerate`` (the fraction of degenerate masks), all in [0, 1].
    """
    values = validate_cious(cious)
    flags = np.asarray(degenerate, dtype=np.float64)
    if flags.shape != values.shape:
        raise ValueError(f"{values.shape} cIoUs but {flags.shape} degenerate flags")
    return {
        "ciou@0.5": success_rate(values),
        "auc": auc(values),
        "mean_ciou": float(values.mean()),
        "degenerate": float(flags.mean()),
    }


def pointing(heatmap: Array, object_mask: Array) -> bool:
    """The pointing game [2]_: does the heatmap's maximum (the first in row-major order) lie on the object?

    Raises
    ------
    ValueError
        Also for an object without any pixel, on which nothing could point.
    """
    validate_heatmap(heatmap)
    _validate_mask(object_mask, "the object's mask", ndim=2)
    if heatmap.shape != object_mask.shape:
        raise ValueError(f"the heatmap is {heatmap.shape} but the object's mask is {object_mask.shape}")
    if not np.any(object_mask):
        raise ValueError("the object has no pixel: leave objects that cannot be seen out")
    return bool(object_mask.reshape(-1)[np.argmax(heatmap)])


def size_class(g: Array) -> str:
    """small, medium, large, huge: the area where g > 0, in pixels of 224 x 224, below 32^2, 96^2, 144^2, or above."""
    _validate_unit(g, "the consensus map", ndim=2)
    area = np.count_nonzero(g) * SIZE_GRID / g.size
    return next(name for name, side in SIZES.items() if area < side**2)


# --- several sources -----------------------------------------------------------------------------------------------


def matched_iou(masks: Array, objects: Array) -> Map:
    """IoU of each object with the mask assigned to it, the assignment being the one of greatest total IoU [3]_.

    Parameters
    ----------
    masks
        (m, H, W) predicted masks, in any order.
    objects
        (n, H, W) masks of the sounding objects, each with at least one pixel.

    Returns
    -------
    iou
        (n,) in the objects' order; 0 for an object that gets no mask because m < n.
    """
    iou, rows, columns = _assigned(masks, objects)
    best = np.zeros(len(objects))
    best[columns] = iou[rows, columns]
    return best


def match(masks: Array, objects: Array) -> Array:
    """Which of as many masks is assigned to each object by :func:`matched_iou`: (n,) indices, in the objects' order."""
    _, rows, columns = _assigned(masks, objects)
    return rows[np.argsort(columns)]


def _assigned(masks: Array, objects: Array) -> tuple[Map, Array, Array]:
    """IoU (m, n), and the masks and objects that are assigned to each other."""
    _validate_stacks(masks, objects)
    predicted = masks.reshape(len(masks), -1).astype(np.float64)
    truth = objects.reshape(len(objects), -1).astype(np.float64)
    if not truth.any(axis=1).all():
        raise ValueError("an object has no pixel: leave objects that cannot be seen out")
    intersection = predicted @ truth.T  # (m, n)
    union = predicted.sum(1)[:, None] + truth.sum(1)[None, :] - intersection
    iou = intersection / union
    rows, columns = linear_sum_assignment(iou, maximize=True)
    return iou, rows, columns


def smallest(cious: Sequence[float] | Array, groups: Sequence[str]) -> dict[str, float]:
    """Group -> the smallest cIoU of its sources; of the groups of two or more sources, "" being none."""
    values = validate_cious(cious)
    if len(groups) != len(values):
        raise ValueError(f"{len(values)} cIoUs but {len(groups)} groups")
    found: dict[str, list[float]] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        found.setdefault(group, []).append(value)
    return {group: min(several) for group, several in found.items() if group and len(several) > 1}


def interactive(cious: Sequence[float] | Array, groups: Sequence[str]) -> dict[str, float]:
    """``iiou`` (threshold 0.5), ``iauc`` and the number of ``groups``: an image is as good as its worst source [4]_.

    Raises
    ------
    ValueError
        Also where no group has two sources.
    """
    minima = list(smallest(cious, groups).values())
    if not minima:
        raise ValueError("no image has two sources: there is no IIoU")
    return {"iiou": success_rate(minima), "iauc": auc(minima), "groups": len(minima)}


def class_aware(cious: Sequence[float] | Array) -> dict[str, float]:
    """``ciou@0.3`` and ``auc`` over all sources of mixed pairs, each scored on the map of its own class [5]_."""
    return {"ciou@0.3": success_rate(cious, 0.3), "auc": auc(cious)}


def silent_area(masks: Array, silent: Array) -> float:
    """Fraction of the silent objects' area that the predicted masks together claim to sound.

    Parameters
    ----------
    masks
        (m, H, W) predicted masks.
    silent
        (n, H, W) masks of the silent objects, with at least one pixel between them.
    """
    _validate_stacks(masks, silent)
    area = np.any(silent, axis=0)
    if not area.any():
        raise ValueError("no silent object has a pixel: leave scenes without silent objects out")
    return float(np.mean(np.any(masks, axis=0)[area]))


# --- validation of single arrays -------------------------------------------------------------------------------------


def _validate_stacks(masks: Array, objects: Array) -> None:
    _validate_mask(masks, "the masks", ndim=3)
    _validate_mask(objects, "the objects' masks", ndim=3)
    if masks.shape[1:] != objects.shape[1:]:
        raise ValueError(f"the masks are {masks.shape[1:]} but the objects' masks are {objects.shape[1:]}")


def _validate_mask(mask: Array, what: str, *, ndim: int) -> None:
    _validate_shape(mask, what, ndim)
    if mask.dtype != np.bool_ and not np.all((mask == 0) | (mask == 1)):
        raise ValueError(f"{what} must hold only 0 and 1; binarise heatmaps first")


def _validate_unit(values: Array, what: str, *, ndim: int) -> None:
    _validate_shape(values, what, ndim)
    if not np.all(np.isfinite(values)):
        raise ValueError(f"{what} holds NaN or infinite values")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"{what} must lie in [0, 1], not [{values.min():.6g}, {values.max():.6g}]")


def _validate_shape(values: Array, what: str, ndim: int) -> None:
    if values.ndim != ndim:
        raise ValueError(f"{what} must have {ndim} dimension{'s' if ndim > 1 else ''}, not shape {values.shape}")
    if not values.size:
        raise ValueError(f"{what} is empty: shape {values.shape}")
