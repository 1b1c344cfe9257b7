"""Scores in which claims compare, by the names that the claims use."""

from __future__ import annotations

from collections.abc import Mapping

from reports.paired import Metric, Score, TrainingScore
from reports.tables import action, avc, avts, classification, counting, localization, separation

#: What pre-training measures along the way -> what it is called.
ALONG = {"pair_accuracy": "Pair accuracy (held out)", "train_pair_accuracy": "Pair accuracy (training)"}
PROBES = tuple(f"probe {name}" for name in classification.PROBES)
ACTIONS = tuple(f"action {data}" for data in action.ACTIONS)
CENTRES = {"": "aligned", " unaligned": "unaligned"}
COUNTING = {"counting accuracy": counting.WORTHS[0][:2], "counting error": counting.WORTHS[1][:2]}
#: Of the mixtures of Table 4; of Table 6's: conditioning, row, table.
SOUNDS = {
    "": ("mask", "", 4),
    " center": ("center", "", 4),
    " solo": ("mask", "located-solo", 4),
    " of Table 6": ("mask", "", 6),
    " of Table 6 mixture": ("mask", "mixture", 6),
    " of Table 6 audio assignment": ("mask", "audio-assignment", 6),
}


def _along(name: str, measured: str, *, last: bool) -> TrainingScore:
    metric = Metric(f"{name}, mean {'of the last stage' if last else 'while training'}")
    return TrainingScore(task=localization.TASK, metric=metric, measured=measured, last=last)


SCORES: Mapping[str, Score | TrainingScore] = {
    **{measured: _along(name, measured, last=False) for measured, name in ALONG.items()},
    **{f"{measured} last stage": _along(name, measured, last=True) for measured, name in ALONG.items()},
    **{name: classification.probe(which) for name, which in zip(PROBES, classification.PROBES, strict=True)},
    **{name: counting.counter(*worth) for name, worth in COUNTING.items()},
    "counting error rounded": counting.MINUS_MAE_ROUNDED,
    **{f"{name} by chance": counting.by_chance(*worth) for name, worth in COUNTING.items()},
    **{f"{name} of a constant": counting.in_hindsight(*worth) for name, worth in COUNTING.items()},
    "pointing": localization.pointing(),
    **{f"cIoU{name}": localization.heatmap(which) for name, which in CENTRES.items()},
    **{f"AUC{name}": localization.area(which) for name, which in CENTRES.items()},
    **{
        f"{measure.upper()}{name}": separation.separator(variant, row, measure, table)
        for measure in ("sdr", "sir", "sar")
        for name, (variant, row, table) in SOUNDS.items()
    },
    "avc": avc.SCORE,
    **avts.SCORES,
    **{name: action.accuracy(data) for name, data in zip(ACTIONS, action.ACTIONS, strict=True)},
}
