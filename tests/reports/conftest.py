"""A registry written by hand: three seeds of a small plan, with the files that the tasks would leave."""

import csv
import io
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCENES, THREE, CLIPS = 40, 20, 50
NUMBERS = np.repeat([1, 2, 3, 4, 5], [10, 8, 6, 4, 2])  # of sources, of the scenes counted in: median 2
NOT_IN_NOISE = ("located-solo", "shuffled-solo", "ideal-log-mask")
PAIRS, EXAMPLE_PAIRS, RATE, SAMPLES = 12, 2, 8_000, 4_000
KINDS = ("bell", "drum", "flute", "siren")
RULES = ("threshold=0.5", "max_fraction=0.1", "max_fraction=0.5", "top_half", "median_gt", "median_ge")


def stage(curricula: Sequence[int], updates: int, lr: float, **options: Any) -> dict[str, Any]:
    return {
        "curricula": list(curricula),
        "updates": updates,
        "lr": lr,
        "decay": 0.0,
        "k": "labelled",
        "options": options,
        "checkpoints": [],
    }


FIRST, LATER = (60, 1e-3), (20, 1e-4)
ORDERINGS = {
    "untrained": [],
    "c1": [stage([1], *FIRST)],
    "c0": [stage([1], *FIRST, alignment="scene")],
    "c3": [stage([3], *FIRST)],
    "mixed": [stage([1, 2, 3], *FIRST)],
    "c1-c2": [stage([1], *FIRST), stage([2], *LATER)],
    "c1-c2scene": [stage([1], *FIRST), stage([2], *LATER, alignment="scene")],
    "c1-c2-c3": [stage([1], *FIRST), stage([2], *LATER), stage([3], *LATER)],
    "c3-matched": [stage([3], *FIRST), stage([3], *LATER), stage([3], *LATER)],
}
#: Chance that a scene is hit (cIoU >= 0.5, single source) and that a source is pointed at.
SKILL = {
    "untrained": 0.2,
    "c1": 0.8,
    "c0": 0.3,
    "c3": 0.4,
    "mixed": 0.5,
    "c1-c2": 0.75,
    "c1-c2scene": 0.5,
    "c1-c2-c3": 0.85,
    "c3-matched": 0.5,
}

#: The orderings of L3-Net and AVTS, all AVTS ones of one schedule, with how well they are to tell.
L3_STAGES = {
    "untrained": [],
    "avc": [stage([1], 40, 1e-3, objective="avc")],
    "supervised": [stage([1], 40, 1e-3, objective="classify")],
    "supervised-avc": [stage([1], 40, 1e-3, objective="classify"), stage([1], 20, 1e-4, objective="avc")],
    "avc-matched": [stage([1], 40, 1e-3, objective="avc"), stage([1], 20, 1e-4, objective="avc")],
}
L3_SKILL = {"untrained": 0.0, "avc": 0.6, "supervised": 0.2, "supervised-avc": 0.7, "avc-matched": 0.7}


def _sync(loss: str = "contrastive", **shares: float) -> dict[str, Any]:
    return {"negatives": shares, "loss": loss}


def _synchronising(*options: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [stage([1], n, lr, **o) for (n, lr), o in zip(((40, 1e-3), (20, 1e-4)), options, strict=True)]


_EASY, _MIXED = _sync(easy=1.0), _sync(easy=0.75, hard=0.25)
AVTS_STAGES = {
    "untrained": [],
    "easy": _synchronising(_EASY, _EASY),
    "curriculum": _synchronising(_EASY, _MIXED),
    "hard": _synchronising(_sync(hard=1.0), _sync(hard=1.0)),
    "mixed": _synchronising(_MIXED, _MIXED),
    "bce": _synchronising(_sync("bce", easy=1.0), _sync("bce", easy=0.75, hard=0.25)),
    "supervised": _synchronising({"objective": "classify"}, {"objective": "classify"}),
}
#: (on easy negatives, on hard ones)
AVTS_SKILL = {
    "untrained": (0.0, 0.0),
    "easy": (0.8, 0.0),
    "curriculum": (0.7, 0.4),
    "hard": (0.1, 0.2),
    "mixed": (0.6, 0.3),
    "bce": (0.4, 0.1),
    "supervised": (0.0, 0.0),
}


#: Ratios of separated sounds, by how much each is above the SDR.
RATIOS = {"sdr": 0.0, "sir": 5.0, "sar": 9.0, "si_sdr": -2.0, "sdri": -0.1}

#: Of AVTS the orderings whose video network goes on to recognise actions.
ACTING = ("untrained", "curriculum", "supervised")


#: What was tried of a method's learning rates, in a plan.
TRIED = {
    "measure": "correspondence",
    "ordering": "c1",
    "scenes": 10,
    "updates": 20,
    "seed": 9,
    "scores": {"0.001": 0.5},
    "choice": 0.001,
}


class Writer:
    """Writes run folders and the plan that names them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.nodes: list[dict[str, Any]] = []

    @staticmethod
    def tidy(lines: Sequence[str], *metrics: str, further: str = "") -> str:
        """As ``_items``, of lines of text."""
        return _items([line.split(",") for line in lines], *metrics, further=further.split())

    def plan(self, preset: str = "miniature", **entries: Any) -> None:
        folder = self.home / "plans"
        folder.mkdir(parents=True, exist_ok=True)
        plan = {
            "preset": preset,
            "created": "2024-05-01T10:00:00",
            "command": "cavl-bench run --preset miniature",
            "nodes": self.nodes,
            **entries,
        }
        (folder / f"{preset}.json").write_text(json.dumps(plan))

    def run(
        self,
        task: str,
        method: str,
        ordering: str,
        seed: int,
        result: Any,
        *,
        stages: Sequence[Mapping[str, Any]] = (),
        variant: str | None = None,
        evaluation: Mapping[str, Any] | None = None,
        key: str | None = None,
        parents: Sequence[str] = (),
        files: Mapping[str, bytes | str] | None = None,
        metrics: Mapping[str, tuple[Sequence[int], Sequence[float]]] | None = None,
        status: str = "COMPLETED",
        code: Mapping[str, str] | None = None,
        write: bool = True,
    ) -> str:
        """One planned run; ``write=False`` plans it only. Returns its key."""
        key = key or f"{task}-{variant}-{method}-{ordering}-{seed}"
        name = " ".join(x for x in (task, variant, method, ordering, f"seed {seed}") if x)
        if key not in [n["key"] for n in self.nodes]:
            self.nodes.append(
                {
                    "name": name,
                    "key": key,
                    "task": task,
                    "method": method,
                    "ordering": ordering,
                    "seed": seed,
                    "variant": variant,
                    "parents": list(parents),
                }
            )
        if not write:
            return key
        self.home.mkdir(parents=True, exist_ok=True)
        number = max((int(p.name) for p in self.home.iterdir() if p.name.isdigit()), default=0) + 1
        folder = self.home / str(number)
        folder.mkdir()
        config = {
            "task": task,
            "preset": "miniature",
            "method": method,
            "ordering": ordering,
            "seed": seed,
            "model": {"width": 8},
            "stages": list(stages),
            "step": None,
            "evaluation": dict(evaluation or {}),
        }
        files = files or {}
        for filename, content in files.items():
            (folder / filename).write_bytes(content.encode() if isinstance(content, str) else content)
        entry = {
            "status": status,
            "result": result,
            "host": {"hostname": "lab-3", "os": ["Linux", "6.1"], "cpu": "two cores", "ENV": {"SECRET": "hunter2"}},
            "start_time": "2024-05-01T10:00:00",
            "stop_time": "2024-05-01T10:05:00",
            "heartbeat": "2024-05-01T10:05:00",
            "artifacts": list(files),
            "fail_trace": ["Traceback\n", "ValueError: the loss is nan at update 7\n"] if status == "FAILED" else [],
        }
        pedigree = {"key": key, "task": task, "parents": list(parents), "dataset": "miniature-1", "code": code or {}}
        (folder / "run.json").write_text(json.dumps(entry))
        (folder / "config.json").write_text(json.dumps(config))
        (folder / "pedigree.json").write_text(json.dumps(pedigree))
        journal = {
            n: {"steps": list(s), "values": list(v), "timestamps": ["2024-05-01T10:00:00"] * len(list(s))}
            for n, (s, v) in (metrics or {}).items()
        }
        (folder / "metrics.jsonl").write_text(json.dumps(journal) + "\n")
        os.utime(folder / "run.json", (1714557600, 1714557600))  # one that says RUNNING has long been silent
        return key

    # -- whole tasks with consistent files -----------------------------------------------------------------------------

    def train(self, ordering: str, seed: int, **options: Any) -> list[str]:
        """The stages of an ordering that are not written yet; returns the key of the last."""
        parent: list[str] = []
        stages = ORDERINGS[ordering]
        for i, last in enumerate(stages):
            key = f"pretrain-{json.dumps(stages[: i + 1])}-{seed}"
            name = next((o for o, s in ORDERINGS.items() if s == stages[: i + 1]), f"{ordering}[:{i + 1}]")
            if key not in [n["key"] for n in self.nodes]:
                draw = _draw(seed, str(i), ordering)
                steps = list(range(1, last["updates"] + 1))
                size = sum(last["curricula"]) / len(last["curricula"])
                loss = size**2 * (0.2 + np.exp(-np.array(steps) / 20)) + draw.normal(0, 0.02, len(steps))
                known = 0.8 if i else 0.5
                along = [0, 5, 10, *range(20, last["updates"] + 1, 20)]
                accuracy = [min(1.0, known + 0.3 * s / last["updates"] + draw.normal(0, 0.02)) for s in along]
                pointing = [min(1.0, known - 0.2 + 0.2 * s / last["updates"] + draw.normal(0, 0.02)) for s in along]
                result = {
                    "score": accuracy[-1],
                    "pair_accuracy": accuracy[-1],
                    "r_at_1": accuracy[-1] / 2,
                    "pointing": pointing[-1],
                    "loss": float(loss[-1]),
                    "updates": sum(s["updates"] for s in stages[: i + 1]),
                }
                metrics = {
                    "loss": (steps, loss.tolist()),
                    "pair_accuracy": (along, accuracy),
                    "pointing": (along, pointing),
                }
                self.run(
                    "pretrain", "cavl", name, seed, result,
                    stages=stages[: i + 1], key=key, parents=parent, metrics=metrics, **options,
                )  # fmt: skip
            parent = [key]
        return parent

    def learn(
        self, method: str, seed: int, stages: Sequence[Mapping[str, Any]], metrics: Mapping[str, float]
    ) -> list[str]:
        """Stages not written yet, along which each of ``metrics`` rises from .5; returns the key of the last."""
        parent: list[str] = []
        for i, last in enumerate(stages):
            key = f"pretrain-{method}-{json.dumps(stages[: i + 1])}-{seed}"
            if key not in [n["key"] for n in self.nodes]:
                steps = [0, last["updates"] // 2, last["updates"]]
                share = [(i * 40 + step) / 60 for step in steps]
                along = {name: (steps, [0.5 + (end - 0.5) * s for s in share]) for name, end in metrics.items()}
                name = f"{method}-{len(self.nodes)}"
                self.run(
                    "pretrain", method, name, seed, {"loss": 1.0}, stages=stages[: i + 1], key=key, parents=parent,
                    metrics=along,
                )  # fmt: skip
            parent = [key]
        return parent

    def correspond(self, method: str, ordering: str, seed: int, skill: float, **options: Any) -> str:
        """SCENES images with their own sound and three others', the third of the same kind, all too often mistaken."""
        draw = _draw(seed, method, ordering, "avc")
        lines: list[Sequence[Any]] = [("item", "partner", "matched", "same_kind", "score", "right")]
        told: dict[str, list[int]] = {"own": [], "other": [], "same": []}
        for i in range(SCENES):
            for k, which in enumerate(("own", "other", "other", "same")):
                chance = (1 + skill) / 2 - (0.3 if which == "same" else 0.0)
                right = int(draw.random() < chance)
                told[which].append(right)
                same = int(which in ("own", "same"))
                lines.append((f"test-{i:03d}", f"test-{(i + k) % SCENES:03d}", int(k == 0), same, 0.5, right))
        wrong = {which: 1 - _mean(right) for which, right in told.items()}
        false_positive = (2 * wrong["other"] + wrong["same"]) / 3
        error = (wrong["own"] + false_positive) / 2
        result = {
            "score": 1 - error,
            "accuracy": 1 - error,
            "auc": min(1.0, 1 - error + 0.05),
            "threshold": 0.0,
            "true_positive": 1 - wrong["own"],
            "false_positive": false_positive,
            "same_kind": {"pairs": SCENES, "false_positive": wrong["same"]},
            "other_kind": {"pairs": 2 * SCENES, "false_positive": wrong["other"]},
            "error": error,
            "error_same_kind": wrong["same"] / 3 / 2,
            "items": SCENES,
            "pairs": 4 * SCENES,
            "chance": 0.5,
            "coverage": f"{SCENES} of {SCENES}",
        }
        options = {"files": {"items.csv": _items(lines, "score", "right", further=["partner"])}, **options}
        return self.run("avc", method, ordering, seed, result, **options)

    def synchronise(
        self,
        method: str,
        ordering: str,
        seed: int,
        easy: float,
        hard: float,
        *,
        shuffled: float = 0.0,
        **options: Any,
    ) -> str:
        """A matched and a mismatched pair of each of SCENES scenes in every set."""
        draw = _draw(seed, method, ordering, "avts")
        skill = {"mixed": 0.75 * easy + 0.25 * hard, "easy": easy, "hard": hard, "super-hard": hard / 2}
        skill |= {"hard-shuffled": shuffled, "hard-reordered": hard / 2}
        lines: list[Sequence[Any]] = [("item", "start", "set", "matched", "other", "score", "right")]
        sets = {}
        for which, level in skill.items():
            told = (draw.random((SCENES, 2)) < (1 + level) / 2).astype(int)
            size = draw.random((SCENES, 2)) + 0.01  # how far from the threshold, 0
            scores = np.where(told == [1, 0], size, -size)  # above it: an own sound told right, or a wrong one not
            for i, pair in enumerate(told):
                lines += [
                    (f"test-{i:03d}", 100 * seed + i, which, int(k == 0), f"test-{i + k:03d}", scores[i, k], right)
                    for k, right in enumerate(pair)
                ]
            sets[which] = {"accuracy": _mean(told), "auc": (1 + level) / 2, "pairs": 2 * SCENES}
        result = {
            "score": sets["mixed"]["accuracy"],
            "accuracy": sets["mixed"]["accuracy"],
            "threshold": 0.0,
            "sets": sets,
            "items": SCENES,
            "chance": 0.5,
            "coverage": f"{SCENES} of {SCENES}",
        }
        options = {"files": {"items.csv": _items(lines, "score", "right", further=["start", "other"])}, **options}
        return self.run("avts", method, ordering, seed, result, **options)

    def act(self, method: str, ordering: str, seed: int, skill: float, data: str = "miniature", **options: Any) -> str:
        draw = _draw(seed, method, ordering, "action", data)
        labels = np.arange(CLIPS) % 10
        predicted = np.where(draw.random(CLIPS) < skill, labels, (labels + 1) % 10)
        accuracy = _mean(predicted == labels)
        result = {
            "score": accuracy,
            "accuracy": accuracy,
            "chance": 0.1,
            "majority": 0.15,
            "reordered": accuracy / 2,
            "still": accuracy / 4,
            "items": CLIPS,
            "classes": 10,
            "coverage": f"{CLIPS} of {CLIPS}",
            "loss": 0.5,
            "updates": 30,
        }
        groups = [f"scene {i // 5}" for i in range(CLIPS)]  # five actions of the same object
        lines = [("item", "label", "predicted", "group"), *zip(range(CLIPS), labels, predicted, groups, strict=True)]
        files = {"items.csv": _items(lines, "correct", further=["label", "predicted", "group"])}
        options = {"evaluation": {"data": data, "updates": 30, "lr": 1e-3}, "files": files, **options}
        return self.run("action", method, ordering, seed, result, variant=data, **options)

    def localize(self, method: str, ordering: str, seed: int, skill: float, **options: Any) -> str:
        """cIoUs of SCENES images per row and rule, and hits of THREE images; the scores are those of the files."""
        masks = method in ("full-frame", "centred-square", "mean-training-map", "random-box")
        draw = _draw(seed, method, ordering)
        difficulty = np.random.default_rng(7).uniform(-0.2, 0.2, SCENES)
        rows = (
            {"mask": skill} if masks else {"aligned": skill, "unaligned": 0.1, "random-centre": 0.4, "other-audio": 0.3}
        )
        lines, single = [("item", "row", "rule", "ciou")], {}
        for row, level in rows.items():
            single[row] = {}
            for j, rule in enumerate(["mask"] if masks else RULES):
                ciou = np.clip(level + difficulty + draw.normal(0, 0.15, SCENES) - 0.08 * j, 0, 1)
                lines += [(f"test-{i:03d}", row, rule, repr(float(c))) for i, c in enumerate(ciou)]
                single[row][rule] = {
                    "ciou@0.5": float(np.mean(ciou >= 0.5)),
                    "auc": float(np.mean(ciou)),
                    "mean_ciou": float(np.mean(ciou)),
                    "degenerate": 0.025 * j,
                }
        result: dict[str, Any] = {"single": single, "items": {"single": SCENES}, "coverage": f"{SCENES} of {SCENES}"}
        files: dict[str, bytes | str] = {"items.csv": _items(lines, "ciou")}
        if not masks:
            hit = draw.random((THREE, 3)) < skill
            other = draw.random((THREE, 3)) < skill / 3
            hits = [(3, f"three-{i:03d}", s, int(hit[i, s]), int(other[i, s])) for i in range(THREE) for s in range(3)]
            points = [("n_sources", "item", "source", "hit", "hit_other"), *hits]
            points_only = _items(points, "hit", "hit_other", further=["source"]).partition("\n")[2]
            files["items.csv"] = f"{files['items.csv']}{points_only}"
            files["examples.npz"] = _examples(skill, draw)
            scores = {"matched_iou": skill * 0.8, "silent_area": 1 - skill, "pointing": float(hit.mean())}
            scores["pointing_other"] = float(other.mean())
            result |= {"multi": {"2": scores, "3": scores}, "pointing": float(hit.mean())}
            result["items"]["multi"] = {"2": THREE, "3": THREE}
        return self.run("localization", method, ordering, seed, result, files=files, **options)

    def classify(self, method: str, ordering: str, seed: int, probe: str, skill: float, **options: Any) -> str:
        draw = _draw(seed, method, ordering, probe)
        labels = np.arange(CLIPS) % 10
        predicted = np.where(draw.random(CLIPS) < skill, labels, (labels + 1) % 10)
        folds = np.arange(CLIPS) % 5
        lines = [("item", "fold", "label", "predicted"), *zip(range(CLIPS), folds, labels, predicted, strict=True)]
        by_fold = [float((predicted == labels)[folds == f].mean()) for f in range(5)]
        permuted = [float(x) for x in np.clip(draw.normal(0.1, 0.02, 5), 0, 1)]
        result = {
            "score": float(np.mean(by_fold)),
            "accuracy": float(np.mean(by_fold)),
            "folds": by_fold,
            "permuted": float(np.mean(permuted)),
            "permuted_folds": permuted,
            "chance": 0.1,
            "items": CLIPS,
            "classes": 10,
            "coverage": f"{CLIPS} of {CLIPS}",
        }
        files = {"items.csv": _items(lines, "correct", further=["fold", "label", "predicted"])}
        options = {"evaluation": {"probe": probe}, "files": files, **options}
        return self.run("classification", method, ordering, seed, result, variant=probe, **options)

    def count(self, method: str, ordering: str, seed: int, skill: float, labels: str = "true", **options: Any) -> str:
        """Rates of NUMBERS scenes: at skill 1 the middle of what the mode rule counts right, at 0 the mean of all."""
        draw = _draw(seed, method, ordering, labels)
        rate = skill * (NUMBERS + 0.5) + (1 - skill) * NUMBERS.mean() + draw.normal(0, 0.3, len(NUMBERS))
        rate = np.maximum(rate, 0.05)
        mode, rounded = np.clip(np.ceil(rate) - 1, 1, 5).astype(int), np.clip(np.round(rate), 1, 5).astype(int)
        lines = [
            ("item", "n_sources", "rate", "mode", "rounded"),
            *zip((f"scene-{i:03d}" for i in range(len(rate))), NUMBERS, rate.tolist(), mode, rounded, strict=True),
        ]
        constants = {"always-1": 1, "always-2": 2, "majority": 1, "median": 2}
        trivial = {n: {"accuracy": _mean(c == NUMBERS), "mae": _mean(abs(NUMBERS - c))} for n, c in constants.items()}
        guess = abs(NUMBERS[:, None] - np.arange(1, 6))
        result = {
            "score": _mean(mode == NUMBERS),
            "accuracy": {"mode": _mean(mode == NUMBERS), "rounded": _mean(rounded == NUMBERS)},
            "mae": {
                name: _mean(abs(p - NUMBERS)) for name, p in (("mode", mode), ("rounded", rounded), ("rate", rate))
            },
            "trivial": {"random": {"accuracy": 0.2, "mae": _mean(guess)}, **trivial},
            "rate_by_count": {str(n): _mean(rate[n == NUMBERS]) for n in range(1, 6)},
            "rate_sd_by_count": {str(n): float(rate[n == NUMBERS].std()) for n in range(1, 6)},
            "confusion": {
                str(n): {str(m): int(np.sum(mode[n == NUMBERS] == m)) for m in range(1, 6)} for n in range(1, 6)
            },
            "items": len(NUMBERS),
            "excluded": 3,
            "excluded_training": 7,
            "coverage": f"{len(NUMBERS)} of {len(NUMBERS)}",
            "updates": 20,
        }
        evaluation = {"labels": labels, "updates": 20, "lr": 1e-2, "decay": 9.0}
        options = {
            "evaluation": evaluation,
            "files": {"items.csv": _items(lines, "rate", "mode", "rounded")},
            **options,
        }
        return self.run("counting", method, ordering, seed, result, variant=labels, **options)

    def separate(
        self,
        method: str,
        ordering: str,
        seed: int,
        skill: float,
        variant: str | None = "mask",
        *,
        located: str = "mixture",
        able: bool = True,
        noise: float | None = None,
        knows: str | None = None,
        **options: Any,
    ) -> str:
        """SDRs around ``skill`` dB of both sounds of PAIRS pairs; the last sound of the headline row failed.

        ``able=False``: a method that separates by itself, without sound-makers and their controls. ``noise``: dB of a
        bed of it, over which all is 3 dB worse.
        """
        draw = _draw(seed, method, ordering, variant)
        difficulty = _draw("pairs").normal(0, 1, (PAIRS, 2))
        levels = {f"located-{located}": skill, "mixture": 0.0, "ideal-ratio-mask": 14.0, "ideal-log-mask": 12.0}
        other = "located-solo" if located == "mixture" else "located-mixture"
        levels |= {other: skill + 0.5, "shuffled": 1.0, "shuffled-solo": 1.1, "audio-assignment": -4.0} if able else {}
        levels |= {"shuffled-kinds": 1.2} if located == "kinds" else {}
        headline = {"kinds": "told-kinds", "order": "oracle-order"}.get(located, f"located-{located}")
        levels = {headline if row == f"located-{located}" else row: level for row, level in levels.items()}
        if noise is not None:
            levels |= {f"{row} in noise": level - 3 for row, level in levels.items() if row not in NOT_IN_NOISE}
        kinds = [(KINDS[i % 4], KINDS[(i + 1 + i // 4) % 4]) for i in range(PAIRS)]
        lines: list[Sequence[Any]] = [("pair", "item", "kind", "row", *RATIOS, "excluded")]
        rows = {}
        for row, level in levels.items():
            bound = row.removesuffix(" in noise") in ("mixture", "ideal-ratio-mask", "ideal-log-mask")  # of a seed
            scores = level + difficulty + (_draw(seed, row) if bound else draw).normal(0, 0.3, (PAIRS, 2))
            failed = int(row == headline)
            for pair in range(PAIRS):
                for item in range(2):
                    out = failed and (pair, item) == (PAIRS - 1, 1)
                    values = [float(scores[pair, item] + more) for more in RATIOS.values()] if not out else [""] * 5
                    lines.append((pair, item, kinds[pair][item], row, *values, "silent estimate" if out else ""))
            kept = scores.ravel()[: 2 * PAIRS - failed]
            rows[row] = {name: _mean(kept + more) for name, more in RATIOS.items()}
            rows[row] |= {"items": len(kept), "excluded": failed}
            of_kind = [kinds[pair][item] for pair in range(PAIRS) for item in range(2)][: len(kept)]
            rows[row]["by_kind"] = {k: _mean(kept[np.array(of_kind) == k]) for k in dict.fromkeys(of_kind)}
        result = {
            "score": rows[headline]["sdr"],
            "primary": headline,
            "rows": rows,
            "items": 2 * PAIRS - 1,
            "pairs": PAIRS,
            "excluded": {"silent estimate": 1},
            "coverage": f"{SCENES} of {SCENES}",
        }
        conditioning, _, loss = (variant or "mask").partition(" ")
        network = {"conditioning": conditioning, "loss": loss or "weighted", "mixing": "mean"}
        network["located"] = "mixture" if located == "kinds" else located
        files = {
            "items.csv": _items(lines, *RATIOS, further=["pair", "kind"]),
            "examples.npz": _pairs(seed, kinds),
        }
        evaluation = {"network": network, "pairs": PAIRS, "updates": 40, "lr": 1e-3, "noise": noise}
        result |= {"knows": knows} if knows is not None else {}
        result |= {"updates": 40} if able and method.startswith("cavl") else {}
        options = {"evaluation": evaluation, "files": files, **options}
        return self.run("separation", method, ordering, seed, result, variant=variant, **options)

    def ablations(self, seeds: Sequence[int] = (1, 2, 3)) -> None:
        """L3-Net, AVTS, their arms, DMC and Attention, as far as the claims and the tables on them go."""
        for seed in seeds:
            for method, orderings in {
                "l3": L3_STAGES,
                "l3:mel": {"avc": L3_STAGES["avc"], "untrained": []},
                "dmc": {"c1": [stage([1], 40, 1e-3)], "untrained": []},
                "attention:image-negatives": {"c1": [stage([1], 40, 1e-3)], "untrained": []},
            }.items():
                for ordering, stages in orderings.items():
                    skill = L3_SKILL.get(ordering, 0.5)
                    parents = self.learn(method, seed, stages, {"avc_auc": 0.5 + skill / 2})
                    options = {"stages": stages, "parents": parents}
                    self.correspond(method, ordering, seed, skill, **options)
                    if not method.startswith("attention"):  # no audio embedding
                        self.classify(method, ordering, seed, "miniature", 0.3 + skill / 2, **options)
                    if ordering in ("avc", "c1", "untrained"):
                        self.localize(method, ordering, seed, skill, **options)
            for method, orderings in {
                "avts": AVTS_STAGES,
                "avts:mc2": {"curriculum": AVTS_STAGES["curriculum"], "untrained": []},
            }.items():
                for ordering, stages in orderings.items():
                    easy, hard = AVTS_SKILL[ordering]
                    metrics = {"avts_auc_easy": 0.5 + easy / 2, "avts_auc_hard": 0.5 + hard / 2}
                    options = {"stages": stages, "parents": self.learn(method, seed, stages, metrics)}
                    if ordering != "supervised":  # it has never heard a sound
                        self.synchronise(method, ordering, seed, easy, hard, **options)
                        self.classify(method, ordering, seed, "miniature", 0.4 + easy / 2, **options)
                    if (method, ordering) != ("avts:mc2", "untrained") and ordering in ACTING:
                        self.act(
                            method, ordering, seed, {"untrained": 0.3, "curriculum": 0.8}.get(ordering, 0.82), **options
                        )
            for method in ("full-frame", "random-box"):
                self.localize(method, "none", seed, 0.3)
            self.classify("spectrogram-statistics", "none", seed, "miniature", 0.5)
        self.plan()

    def whole(self, seeds: Sequence[int] = (1, 2, 3)) -> None:
        """Every ordering, the trivial methods and two probes; counting and separation on some orderings."""
        for seed in seeds:
            for ordering, skill in SKILL.items():
                options = {"stages": ORDERINGS[ordering], "parents": self.train(ordering, seed)}
                self.localize("cavl", ordering, seed, skill, **options)
                self.classify("cavl", ordering, seed, "miniature", 0.4 + skill / 2, **options)
                self.classify("cavl", ordering, seed, "esc10", 0.3 + skill / 2, **options)
                if ordering in ("untrained", "c0", "c1", "c1-c2"):
                    self.count("cavl", ordering, seed, skill, **options)
                if ordering in ("untrained", "c1", "c1-c2"):
                    self.separate("cavl", ordering, seed, 5 * skill, **options)
                if ordering == "untrained":
                    self.count("cavl", ordering, seed, 0.0, "permuted", **options)
                if ordering == "c1":
                    self.separate("cavl", ordering, seed, 3.0, "center", **options)
                    self.separate("cavl", ordering, seed, 3.5, "mask plain", **options)
            for method, skill in (
                ("random-box", 0.3),
                ("full-frame", 0.2),
                ("centred-square", 0.45),
                ("mean-training-map", 0.5),
            ):
                self.localize(method, "none", seed, skill)
            self.count("count-logistic", "none", seed, 0.3)
            self.count("count-trees", "none", seed, 0.75)
            self.separate("mean-spectrum", "none", seed, 4.0, None, located="kinds", able=False)
            for probe in ("miniature", "esc10"):
                self.classify("spectrogram-statistics", "none", seed, probe, 0.5)
        self.plan()


def _draw(*what: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def _items(lines: Sequence[Sequence[Any]], *metrics: str, further: Sequence[str] = ()) -> str:
    """An item table, of lines under a header: columns that are no metrics make the condition, ``further`` its end."""
    header = list(map(str, lines[0]))
    rows = [dict(zip(header, line, strict=True)) for line in lines[1:]]
    compared = [name for name in header if name not in ("item", "excluded", *metrics, *further)]
    table = [("item", "condition", "metric", "value", "excluded")]
    for row in rows:
        parts = (", ".join(f"{name}={row[name]}" for name in part if name in row) for part in (compared, further))
        condition = "; ".join(parts) if further else next(parts)
        for metric in metrics:
            value = row["label"] == row["predicted"] if metric == "correct" else row[metric]
            value = "nan" if value == "" else float(value)
            table.append((row["item"], condition, metric, value, row.get("excluded", "")))
    file = io.StringIO()
    csv.writer(file).writerows(table)
    return file.getvalue()


def _mean(values: Any) -> float:
    return float(np.mean(values))


def _pairs(seed: int, kinds: Sequence[tuple[str, str]]) -> bytes:
    """Two pairs of tones, mixed, with spectrograms that show them as lines."""
    n, size, bins, frames = EXAMPLE_PAIRS, 32, 24, 20
    draw = _draw(seed, "tones")
    time = np.arange(SAMPLES) / RATE
    references = np.stack([[8_000 * np.sin(2 * np.pi * f * time) for f in (300 + 50 * i, 900)] for i in range(n)])
    estimates = references + draw.normal(0, 300, references.shape)
    specs = np.zeros((n, 2, bins, frames), dtype=np.float16)
    specs[:, 0, 6], specs[:, 1, 16] = 5, 4
    heatmaps = np.zeros((n, 2, size, size), dtype=np.float16)
    heatmaps[:, 0, 4:14, 4:14], heatmaps[:, 1, 18:28, 18:28] = 1, 0.8
    file = io.BytesIO()
    np.savez_compressed(
        file,
        images=draw.integers(60, 120, (n, 2, size, size, 3), dtype=np.uint8),
        heatmaps=heatmaps,
        mixture_spec=specs.sum(axis=1),
        reference_specs=specs,
        estimate_specs=specs * np.float16(0.8),
        mixture=references.sum(axis=1).astype(np.int16),
        references=references.astype(np.int16),
        estimates=estimates.astype(np.int16),
        kinds=np.array(kinds[:n]),
        sdr=np.array([[6.25, 3.5], [-0.01, -1.0]]),
        pair=np.arange(n),
        sample_rate=RATE,
    )
    return file.getvalue()


def _examples(skill: float, draw: np.random.Generator) -> bytes:
    n, size = 6, 32
    images = np.random.default_rng(3).integers(60, 120, (n, size, size, 3), dtype=np.uint8)
    boxes = np.array([[4 + 2 * i, 6, 14 + 2 * i, 18] for i in range(n)])
    heat, other = np.zeros((2, n, size, size), dtype=np.float16)
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        images[i, y0:y1, x0:x1] = (230, 90, 30)
        heat[i, y0:y1, x0:x1] = skill
        other[i, 20:30, 20:30] = skill
    file = io.BytesIO()
    np.savez_compressed(file, images=images, heatmaps=heat, other=other, boxes=boxes, labels=np.array(["bell"] * n))
    return file.getvalue()


@pytest.fixture
def writer(tmp_home: Path) -> Writer:
    """Writes into an empty registry."""
    return Writer(tmp_home)


@pytest.fixture(scope="session")
def whole_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the whole plan done; not to be changed."""
    home = tmp_path_factory.mktemp("whole") / "runs"
    Writer(home).whole()
    return home


@pytest.fixture(scope="session")
def whole_study(whole_home: Path) -> Any:
    from registry.index import Registry
    from reports.results import load_study

    return load_study(Registry(whole_home), "miniature")


@pytest.fixture(scope="session")
def ablations_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with L3-Net, AVTS and their like; not to be changed."""
    home = tmp_path_factory.mktemp("ablations") / "runs"
    Writer(home).ablations()
    return home


@pytest.fixture(scope="session")
def ablations_study(ablations_home: Path) -> Any:
    from registry.index import Registry
    from reports.results import load_study

    return load_study(Registry(ablations_home), "miniature")


@pytest.fixture(scope="session")
def whole_report(whole_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the whole report, as the program writes it."""
    from reports.__main__ import main

    out = tmp_path_factory.mktemp("report") / "deep" / "miniature"
    assert main(["--home", str(whole_home), "--out", str(out)]) == 0
    return out


@pytest.fixture
def study_of() -> Callable[..., Any]:
    """Read a home as the report does."""
    from registry.index import Registry
    from reports.results import load_study

    return lambda home, preset="miniature": load_study(Registry(home), preset)


@pytest.fixture
def row() -> Callable[..., Any]:
    """Column -> cell of a table's only row with a label."""

    def find(table: Any, label: str) -> dict[str, Any]:
        (found,) = (r for r in table.rows if r.label == label)
        return dict(zip(table.columns, found.cells, strict=True))

    return find


@pytest.fixture
def results(whole_home: Path) -> Callable[..., Any]:
    """(id, result) of the whole plan's finished runs, read without the package under test."""
    return _results(whole_home)


@pytest.fixture
def ablation_results(ablations_home: Path) -> Callable[..., Any]:
    """As ``results``, of the plan of L3-Net, AVTS and their like."""
    return _results(ablations_home)


def _results(whole_home: Path) -> Callable[..., Any]:
    nodes = json.loads((whole_home / "plans" / "miniature.json").read_text())["nodes"]

    def find(task: str, method: str, ordering: str, variant: str | None = None) -> list[tuple[int, Any]]:
        keys = {
            n["key"]
            for n in nodes
            if (n["task"], n["method"], n["ordering"]) == (task, method, ordering) and variant in (None, n["variant"])
        }
        found = []
        for folder in whole_home.iterdir():
            if folder.name.isdigit() and json.loads((folder / "pedigree.json").read_text())["key"] in keys:
                found.append((int(folder.name), json.loads((folder / "run.json").read_text())["result"]))
        return sorted(found)

    return find
