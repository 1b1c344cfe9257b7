"""The same small grid of learning rates for every trained method, on validation scenes of a seed that no report uses.

    python tools/learning_rates.py --preset miniature [--methods cavl,l3] [--seed 100] [--scenes 256] [--out FILE.json]

Each method of the preset is trained by the first stage of its first ordering (as long as the preset trains it there) at
every rate of the grid, and scored on validation scenes that the preset itself does not look at beyond the first few: by
the area under the ROC curve of own sounds against other scenes' (correspondence), or, for a method of clips, against
those of the mixed set of synchronisation; a system that separates by the SDR of mixtures of these scenes. The best rate
is the choice, of equals the smallest; a rate at which the loss left the numbers, or all estimates are silent, has no
score. Arms take their method's choice unless they have one of their own. Rates that are tried later (``--grid``) join
those that a method has in the file, so a grid can be widened where the best rate is its end.

What was found is kept as data in ``benchmarks/presets/learning_rates.json``, from which presets read the choice
(:mod:`benchmarks.presets.learning_rates`) and reports the whole grid.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # of a checkout that is not installed

from benchmarks import presets
from benchmarks.datasets.data_module import DataModule, open_data_module
from benchmarks.datasets.scene import Dataset
from benchmarks.methods import method_class, without_arm
from benchmarks.metrics.correspondence import roc_auc
from benchmarks.presets import MethodPreset, Preset
from benchmarks.presets.learning_rates import FILE, GRID, read
from benchmarks.tasks import avc, avts, separation
from benchmarks.training.batching import Pool
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import TrainingError, initialise, train_stage
from benchmarks.training.pairs import partners
from benchmarks.training.validation import kind_of
from cavl.config import from_dict, to_dict
from cavl.curriculum import Stage
from registry.files import atomic_write

LEAST_SEED = 100  # reports have seeds from 1 on
NEGATIVES, PAIRS, BATCH = 4, 64, 64
PURPOSE = "learning rates"
FOUND = ("scores", "choice", "cpu_seconds")  # of an entry; the rest says how it was tried


def first_stage(part: MethodPreset, seed: int) -> tuple[str, Stage] | None:
    """The first ordering of a method that trains it, and the stage that it begins with."""
    orderings = part.orderings(seed)
    name = next((run for run in part.runs if orderings.get(run)), None)
    return None if name is None else (name, orderings[name][0])


def tuned(preset: Preset, wanted: Sequence[str], seed: int) -> Iterator[tuple[str, str, Stage]]:
    """(method, ordering, stage) of those that are asked for; else of every method and of arms of other networks.

    Only of those that can be scored (:func:`score`).
    """
    models: list[tuple[str, Any]] = []
    for name, part in preset.methods.items():
        found = first_stage(part, seed)
        cls = method_class(name)
        known = (without_arm(name), to_dict(from_dict(cls.Config, part.model, name)))
        scored = any(hasattr(cls, ability) for ability in ("corresponds", "synchronised", "separate"))
        if not scored or found is None or known in models or (wanted and name not in wanted):
            continue
        models.append(known)
        yield name, *found


def score(method: Any, data: DataModule, seed: int) -> tuple[str, float]:
    """What it is measured by, and its score on the validation scenes of one source."""
    scenes, device = data.validation(1), torch.device("cpu")
    if hasattr(method, "separate"):
        return "separation, SDR", separated(method, scenes, device)
    if hasattr(method, "synchronised"):
        drawn = avts.draw(method, scenes, 1, avts.SynchronisationConfig().least_shift, seed)
        pairs = avts.score(method, drawn, ("mixed",), BATCH, device, lambda done: None)["mixed"]
        return "synchronisation (75/25), AUC", roc_auc(*avts.together(pairs))
    others = partners(len(scenes), NEGATIVES, seed, PURPOSE)
    found = avc.score_pairs(method, scenes, others, BATCH, device, lambda done: None)
    return "correspondence, AUC", roc_auc(found.scores.ravel(), found.matched.ravel())


@torch.no_grad()
def separated(method: Any, solos: Dataset, device: torch.device) -> float:
    """Mean SDR (dB) of what is asked back from mixtures of pairs of the solos, but for silent ones; NaN if all are."""
    pairs = separation.draw_pairs([kind_of(solos[i]) for i in range(len(solos))], PAIRS, separation.PAIRS_SEED)
    mixtures = separation.Mixtures(solos, pairs, method.window, "mean", BATCH, device, method)
    asking, items = separation.ByItself(method), list[separation.SeparatedSound]()
    for mixed in mixtures:
        guides = separation.together(asking.guides(mixed)["located-mixture"])
        rows = {separation.MIXTURE: mixed.as_mixture, "found": asking.separate(mixed.mixture, *guides)}
        for i, pair in enumerate(mixed.pairs):
            estimates = {row: sounds[i].double().numpy() for row, sounds in rows.items()}
            items += separation.score(pair, mixtures.solos(pair), mixed.parts[i].double().numpy(), estimates)
    return separation.summary([item for item in items if item.row == "found"])["sdr"]


def trained(part: MethodPreset, name: str, stage: Stage, data: DataModule, preset: Preset, seed: int) -> Any:
    """The method after the stage; raises :class:`TrainingError` where its loss is no number."""
    cls = method_class(name)
    method = initialise(lambda: cls(from_dict(cls.Config, part.model, name)), seed)
    with tempfile.TemporaryDirectory() as folder:
        scenes, settings = Pool([data.train(n) for n in stage.curricula]), replace(preset.training, device="cpu")
        store = Checkpoints(Path(folder), "key")
        train_stage(method, stage, scenes, seed=seed, stage_index=0, settings=settings, store=store)
    return method.eval()


def search(preset: Preset, wanted: Sequence[str], seed: int, scenes: int, grid: Sequence[float]) -> Iterator[Any]:
    """(method, its entry of the file), one after the other."""
    data = open_data_module(to_dict(replace(preset.data, validation=scenes)))  # type: ignore[type-var]
    for name, ordering, stage in tuned(preset, wanted, seed):
        part, scores, measure, began = preset.methods[name], dict[str, float | None](), "", time.process_time()
        for rate in grid:
            once = replace(stage, lr=rate, checkpoints=())
            try:
                measure, found = score(trained(part, name, once, data, preset, seed), data, seed)
                scores[f"{rate:g}"] = None if math.isnan(found) else round(found, 4)
            except TrainingError:
                scores[f"{rate:g}"] = None
        entry = {
            "ordering": ordering,
            "updates": stage.updates,
            "batch": preset.training.batch,
            "measure": measure,
            "seed": seed,
            "scenes": scenes,
        }
        yield name, chosen(entry, scores, round(time.process_time() - began))


def chosen(entry: Mapping[str, Any], scores: Mapping[str, float | None], cpu_seconds: int) -> dict[str, Any]:
    """The entry of a file: what was tried how, the scores by rising rate, and the choice."""
    rising = dict(sorted(scores.items(), key=lambda one: float(one[0])))
    best = max(rising, key=lambda rate: (-np.inf if (s := rising[rate]) is None else s, -float(rate)))
    return {**entry, "scores": rising, "choice": float(best), "cpu_seconds": cpu_seconds}


def joined(before: Mapping[str, Any] | None, now: dict[str, Any]) -> dict[str, Any]:
    """Both searches of a method as one; the later alone where they did not try alike."""
    how = {name: value for name, value in now.items() if name not in FOUND}
    if before is None or any(before.get(name) != value for name, value in how.items()):
        return now
    return chosen(how, {**before["scores"], **now["scores"]}, before["cpu_seconds"] + now["cpu_seconds"])


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="miniature", help="whose methods (default: miniature)")
    parser.add_argument("--methods", default="", help="only these, as cavl,l3")
    parser.add_argument("--seed", type=int, default=LEAST_SEED, help=f"{LEAST_SEED} or more (default: {LEAST_SEED})")
    parser.add_argument("--scenes", type=int, default=256, help="validation scenes (default: 256)")
    parser.add_argument("--grid", default=",".join(f"{rate:g}" for rate in GRID), help="rates (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=FILE, help="the file to add to (default: that of the presets)")
    words = parser.parse_args(argv)
    if words.seed < LEAST_SEED:
        parser.error(f"--seed {words.seed}: reports may use it; take {LEAST_SEED} or more")
    wanted, grid = tuple(filter(None, words.methods.split(","))), [float(rate) for rate in words.grid.split(",")]
    for name, entry in search(presets.load(words.preset), wanted, words.seed, words.scenes, grid):
        print(f"{name}: {entry['scores']} -> {entry['choice']:g} ({entry['cpu_seconds']} s)", flush=True)
        found = {**read(words.out)}
        methods = found.get(words.preset, {})
        found[words.preset] = {**methods, name: joined(methods.get(name), entry)}
        atomic_write(words.out, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
