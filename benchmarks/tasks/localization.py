"""Sound localization (§3.3.1, §4.4, Table 3; PROTOCOLS §6).

    python -m benchmarks.tasks.localization with method=cavl ordering=c1-c2 seed=3 preset=miniature
    python -m benchmarks.tasks.localization trivial --annotations F --test-list F     (boxes alone, no media)

Single-source scenes give cIoU@0.5 and AUC under every binarisation rule, for the aligned heatmap and its controls:
centres that Eq 7 does not choose, the sound of another scene (of another kind, where kinds are known), silence, and
what excites the visual network whatever is heard. The truth is the consensus of a scene's annotators, or the exact map
of its object. Scenes of several sources give the IoU of each source under the best assignment, the area wrongly lit on
silent objects, and pointing. Drawn worlds also have scenes of one source among a fixed number of silent objects: a
curve over that number tells what is had by seeing alone.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.datasets.data_module import DataModule
from benchmarks.datasets.scene import Dataset, Scene
from benchmarks.items import ItemTable
from benchmarks.metrics import localization as metrics
from benchmarks.pictures import heatmap_sheet
from benchmarks.tasks.asking import Asking
from benchmarks.tasks.context import Context
from benchmarks.tasks.source_maps import keep, locate
from benchmarks.tasks.task import REHEARSED_BATCH, CardScore, Task
from benchmarks.training.batching import collate
from benchmarks.training.seeding import generator, permutation
from benchmarks.training.validation import points_at
from cavl.config import later
from registry.item_table import ITEMS, condition

MASK = "mask"  # the "rule" of methods whose heatmaps are masks already, and are never binarised
SILENT = 128  # label of the first silent object in a scene's map of objects


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizationConfig:
    most_sources: int = 3  # scenes of more are not localized in
    examples: int = 8  # scenes kept as pictures
    batch: int = 32
    #: Who says how many objects sound in a scene: the labels, or the method's own counting network.
    k: Literal["labelled", "counted"] = later("labelled")
    #: Of CAVL: k_v at test, where it is not to be what it was in training.
    visual_centres: Literal["n+1"] | int | None = later(None)

    def __post_init__(self) -> None:
        if min(self.most_sources, self.batch) < 1 or self.examples < 0:
            raise ValueError("localization needs most_sources and batch >= 1, examples >= 0")
        if isinstance(self.visual_centres, int) and self.visual_centres < 2:
            raise ValueError(f"visual_centres must be 'n+1' or at least 2, not {self.visual_centres}")


def measure(context: Context) -> dict[str, Any]:
    """Score one method's heatmaps."""
    method = context.trained()
    if hasattr(method, "fit"):  # the mean training map learns where objects are in general, from training scenes
        method.fit(training_maps(context.data.train(1)))
    asking = Asking.of(context, method)
    single = SingleSource(context, asking)
    result: dict[str, Any] = {
        "single": single.scores(),
        "items": {"single": len(single.scenes)},
        "coverage": str(single.scenes.coverage),
    }
    if curve := score_among_silent(context, asking, single.items):
        result["silent"] = curve
    several = [n for n in context.data.test_counts() if 1 < n <= context.config.evaluation.most_sources]
    scored = {str(n): score_several(context, asking, n) for n in several}
    result["multi"] = {n: scores for n, (scores, _) in scored.items()}
    result["items"]["multi"] = {str(n): len(context.data.test(n)) for n in several}
    for n, (_, hits) in scored.items():
        for item, source, hit, hit_other in hits:
            values = {"hit": hit, "hit_other": hit_other}
            single.items.add_all(item, condition({"n_sources": n}, source=source), values)
    context.add_file(ITEMS, single.items.write)
    if several and not single.masks and context.config.evaluation.examples:
        keep(context, {n: locate(method, context.data.test(n), n, context.device) for n in (1, *several)})
    if several:
        most = result["multi"][str(several[-1])]
        result["pointing"], result["pointing_other"] = most["pointing"], most["pointing_other"]
    rule = MASK if single.masks else "threshold=0.5"
    result["score"] = result["single"][single.main][rule]["ciou@0.5"]
    return result


class SingleSource:
    """Heatmaps of every single-source test scene, by row."""

    def __init__(self, context: Context, asking: Asking) -> None:
        method = asking.method
        self.scenes = scenes = context.data.test(1)
        self.masks = getattr(method, "heatmaps_are_masks", False)
        self.main = MASK if self.masks else "aligned"
        self.rules = [MASK] if self.masks else list(metrics.BINARISATIONS)
        self.items = ItemTable(scenes)
        self.grouped: dict[tuple[str, str], list[tuple[float, bool]]] = defaultdict(list)  # cIoU, degenerate
        other = other_sounds(scenes, context.config.seed)
        size = context.config.evaluation.batch
        examples: list[tuple[Any, ...]] = []
        for first in range(0, len(scenes), size):
            chosen = [scenes[i] for i in range(first, min(first + size, len(scenes)))]
            batch = collate(chosen, method.window, context.device)
            maps = {self.main: asking.whole(batch.image, batch.waveform)}
            if hasattr(method, "localize_controls"):
                draw = generator(context.config.seed, "controls", first)
                maps |= method.localize_controls(batch.image, batch.waveform, 1, draw)
            if not self.masks:
                strangers = [scenes[int(other[first + i])] for i in range(len(chosen))]
                elsewhere = collate(strangers, method.window, context.device)
                maps["other-audio"] = asking.whole(batch.image, elsewhere.waveform)
                maps["silence"] = asking.whole(batch.image, torch.zeros_like(batch.waveform))
            arrays = {row: heat[:, 0].cpu().double().numpy() for row, heat in maps.items()}
            for i, scene in enumerate(chosen):
                assert scene.boxes is not None
                truth = where_it_sounds(scene)
                for row, heat in arrays.items():
                    for rule in self.rules:
                        area = heat[i] >= 0.5 if rule == MASK else metrics.binarise(heat[i], rule)
                        ciou = metrics.ciou(area, truth)
                        self.items.add(scene.id, condition({"row": row, "rule": rule}), "ciou", ciou)
                        self.grouped[row, rule].append((ciou, metrics.degenerate(area)))
                if len(examples) < context.config.evaluation.examples and not self.masks:
                    heats = (arrays["aligned"][i], arrays["other-audio"][i])
                    drawn = scene.boxes if scene.annotators is None else scene.annotators
                    examples.append((scene.image, *heats, scene.boxes[0], drawn, " ".join(map(str, scene.kinds))))
            context.progress(first + len(chosen), len(scenes))
        if examples:
            context.add_file("examples.npz", lambda path: write_examples(path, examples))
            context.add_file("examples.png", lambda path: draw_examples(path, examples))

    def scores(self) -> dict[str, dict[str, dict[str, float]]]:
        table: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
        for (row, rule), values in self.grouped.items():
            cious, flags = zip(*values, strict=True)
            table[row][rule] = metrics.summarise(np.array(cious), np.array(flags))
        return dict(table)


def score_among_silent(context: Context, asking: Asking, items: ItemTable) -> dict[str, dict[str, float]]:
    """Number of silent objects -> the scores of the aligned heatmap on the scenes of one source among so many.

    The scenes of all numbers have the same sounds, of the same kinds. Empty where the data have no such sets.
    """
    method = asking.method
    masks = getattr(method, "heatmaps_are_masks", False)
    size = context.config.evaluation.batch
    curve = {}
    for silent in context.data.silent_counts():
        scenes = context.data.named(f"silent {silent}")
        cious, flags = [], []
        for first in range(0, len(scenes), size):
            chosen = [scenes[i] for i in range(first, min(first + size, len(scenes)))]
            batch = collate(chosen, method.window, context.device)
            heat = asking.whole(batch.image, batch.waveform)[:, 0].cpu().double().numpy()
            for scene, one in zip(chosen, heat, strict=True):
                area = one >= 0.5 if masks else metrics.binarise(one, "threshold=0.5")
                cious.append(metrics.ciou(area, where_it_sounds(scene)))
                flags.append(metrics.degenerate(area))
                items.add(scene.id, condition({"silent": silent}), "ciou", cious[-1])
            context.progress(first + len(chosen), len(scenes))
        curve[str(silent)] = metrics.summarise(np.array(cious), np.array(flags))
    return curve


def score_several(context: Context, asking: Asking, n: int) -> tuple[dict[str, float], list[tuple[Any, ...]]]:
    """Scenes of ``n`` sources: (scores, (item, source, hit, hit by another sound) of the pointing game).

    ``pointing_other`` is the control: the same heatmaps asked for with the sound of a kind that is not in the scene. A
    mask has no maximum: it points at a point drawn uniformly from its area, and a hit is that point's chance to be on
    the object.
    """
    scenes, method = context.data.test(n), asking.method
    size = context.config.evaluation.batch
    masks = getattr(method, "heatmaps_are_masks", False)
    matched, silent, hits = [], [], []
    for first in range(0, len(scenes), size):
        chosen = [scenes[i] for i in range(first, min(first + size, len(scenes)))]
        batch = collate(chosen, method.window, context.device)
        heat = [maps.cpu().double().numpy() for maps in asking.heatmaps(batch.image, batch.waveform, n)]
        if not masks:
            told = asking.numbers(batch.waveform, n)
            pointed = point_with_stems(context, method, chosen, told, first)
        for i, scene in enumerate(chosen):
            assert scene.objects is not None
            areas = np.stack([h >= 0.5 if masks else metrics.binarise(h, "threshold=0.5") for h in heat[i]])
            sounding = np.stack([scene.objects == j + 1 for j in range(n)])
            matched.append(metrics.matched_iou(areas, sounding))
            if (scene.objects >= SILENT).any():
                silent.append(metrics.silent_area(areas, (scene.objects >= SILENT)[None]))
            own: Sequence[float]
            other: Sequence[float]
            if masks:
                own = other = [float(a[o].sum() / a.sum()) for a, o in zip(areas, sounding, strict=True)]
            else:
                own, other = pointed[i][:n], pointed[i][n:]
            hits += [(scene.id, j, float(a), float(b)) for j, (a, b) in enumerate(zip(own, other, strict=True))]
        context.progress(first + len(chosen), len(scenes))
    scores = {
        "matched_iou": float(np.mean(matched)),
        "silent_area": float(np.mean(silent)) if silent else float("nan"),
        "pointing": float(np.mean([hit for _, _, hit, _ in hits])),
        "pointing_other": float(np.mean([hit for *_, hit in hits])),
    }
    return scores, hits


def point_with_stems(
    context: Context, method: Any, scenes: Sequence[Scene], told: Sequence[int], first: int
) -> dict[int, list[bool]]:
    """Number of each scene here -> the hits of its own stems, then of as many foreign sounds.

    ``first``: the first one's number among the test scenes. Those of which the method is ``told`` as many objects are
    asked for together.
    """
    strangers, seed = context.data.test(1), context.config.seed
    pointed: dict[int, list[bool]] = {}
    for number in sorted(set(told)):
        alike = [i for i, one in enumerate(told) if one == number]
        sounds = [
            np.concatenate([scenes[i].stems, foreign_sounds(scenes[i], strangers, seed, first + i)]) for i in alike
        ]
        hits = points_at(method, [scenes[i] for i in alike], sounds, context.device, number)
        pointed.update(zip(alike, hits, strict=True))
    return pointed


def foreign_sounds(scene: Scene, strangers: Dataset, seed: int, index: int) -> npt.NDArray[np.int16]:
    """For each source of ``scene`` the sound (n, T) of a single-source scene whose kind is not in it, from ``seed``."""
    order = permutation(len(strangers), seed, "foreign sounds", index)
    others = (strangers[int(i)] for i in order)
    sounds = [s.waveform for s in islice((s for s in others if s.kinds[0] not in scene.kinds), scene.n_sources)]
    if len(sounds) < scene.n_sources:
        raise ValueError(f"too few single-source scenes of kinds that are not in scene {scene.id}")
    return np.stack(sounds)


def where_it_sounds(scene: Scene) -> npt.NDArray[np.float64]:
    """(H, W) in [0, 1]: the consensus of annotators on a scene's one source; its mask where that is known exactly."""
    if scene.consensus is not None:
        return scene.consensus
    assert scene.objects is not None
    return (scene.objects == 1).astype(float)


def other_sounds(scenes: Dataset, seed: int) -> npt.NDArray[np.int64]:
    """For each scene the index of a scene of another kind, from ``seed``; of any other where kinds are unknown."""
    order = permutation(len(scenes), seed, "other sound")
    other = np.empty(len(scenes), dtype=np.int64)
    if not scenes[0].kinds:
        other[order] = np.roll(order, -1)
        return other
    kinds = [scenes[i].kinds for i in range(len(scenes))]
    for place, index in enumerate(order):
        following = (order[(place + step) % len(order)] for step in range(1, len(order)))
        other[index] = next((j for j in following if kinds[j] != kinds[index]), -1)
    if (other < 0).any():
        raise ValueError("all test scenes are of one kind: there is no sound of another kind for the control")
    return other


def training_maps(scenes: Any, most: int = 500) -> Any:
    """Where objects are in training scenes: (n, H, W) in {0, 1}, or the consensus maps of all images that have them."""
    if getattr(scenes, "maps", ()):
        return scenes.maps
    return torch.stack([torch.from_numpy(scenes[i].objects == 1).float() for i in range(min(most, len(scenes)))])


def write_examples(path: Path, examples: list[tuple[Any, ...]]) -> None:
    """Keep examples as arrays; of ``annotators`` (n, m, 4) an image with fewer boxes than m has rows of -1."""
    images, aligned, other, boxes, annotators, labels = zip(*examples, strict=True)
    most = max(map(len, annotators))
    filled = [np.pad(some, ((0, most - len(some)), (0, 0)), constant_values=-1) for some in annotators]
    np.savez_compressed(
        path,
        images=np.stack(images),
        heatmaps=np.stack(aligned).astype(np.float16),
        other=np.stack(other).astype(np.float16),
        boxes=np.stack(boxes),
        annotators=np.stack(filled),
        labels=np.array(labels),
    )


def draw_examples(path: Path, examples: list[tuple[Any, ...]]) -> None:
    images, aligned, other, _, annotators, kinds = zip(*examples, strict=True)
    rows = {"heatmap": aligned, "with the sound of another scene": other}
    heatmap_sheet(path, images, rows, annotators, [f"kind {kind}" for kind in kinds])


class Localization(Task):
    Config = LocalizationConfig
    abilities = ("localize",)
    scores = (
        CardScore(text="cIoU@0.5, single sources", place="score"),
        CardScore(text="pointing, several sources", place="pointing"),
        CardScore(text="pointing with the sound of an absent kind (control)", place="pointing_other"),
    )
    measure = staticmethod(measure)

    @classmethod
    def counts(cls, evaluation: LocalizationConfig) -> bool:
        return evaluation.k == "counted"

    @classmethod
    def sets(cls, evaluation: LocalizationConfig, data: DataModule, method: Any) -> tuple[str, ...]:
        tests = tuple(f"test {n}" for n in data.test_counts() if n <= evaluation.most_sources)
        tests += tuple(f"silent {n}" for n in data.silent_counts())
        return (*tests, "train 1") if hasattr(method, "fit") else tests  # the annotations of training images

    @classmethod
    def rehearsed(cls, evaluation: LocalizationConfig, n: int) -> LocalizationConfig:
        return replace(evaluation, batch=REHEARSED_BATCH, examples=2)


if __name__ == "__main__":
    if sys.argv[1:2] == ["trivial"]:
        from benchmarks.tasks.flickr_trivial import main

        main(sys.argv[2:])
    else:
        from benchmarks.orchestration.experiment import command_line

        command_line("localization")
