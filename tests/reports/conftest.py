"""A registry written by hand: three seeds of a small plan, with the files that the tasks would leave."""

import csv
import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCENES, THREE, CLIPS = 40, 20, 50
RULES = ("threshold=0.5", "max_fraction=0.1", "max_fraction=0.5", "top_half", "median_gt", "median_ge")


def stage(curricula: Sequence[int], updates: int, lr: float, **options: str) -> dict[str, Any]:
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


class Writer:
    """Writes run folders and the plan that names them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.nodes: list[dict[str, Any]] = []

    def plan(self, preset: str = "miniature", **entries: Any) -> None:
        folder = self.home / "plans"
        folder.mkdir(parents=True, exist_ok=True)
        plan = {
            "preset": preset,
            "created": "2024-05-01T10:00:00",
            "command": "python -m benchmarks --preset miniature",
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
        probe: str | None = None,
        key: str | None = None,
        parents: Sequence[str] = (),
        files: Mapping[str, bytes | str] | None = None,
        metrics: Mapping[str, tuple[Sequence[int], Sequence[float]]] | None = None,
        status: str = "COMPLETED",
        code: Mapping[str, str] | None = None,
        write: bool = True,
    ) -> str:
        """One planned run; ``write=False`` plans it only. Returns its key."""
        key = key or f"{task}-{probe}-{method}-{ordering}-{seed}"
        name = " ".join(x for x in (task, probe, method, ordering, f"seed {seed}") if x)
        if key not in [n["key"] for n in self.nodes]:
            self.nodes.append(
                {
                    "name": name,
                    "key": key,
                    "task": task,
                    "method": method,
                    "ordering": ordering,
                    "seed": seed,
                    "probe": probe,
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
            "evaluation": {"probe": probe} if probe else {},
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
        files: dict[str, bytes | str] = {"items.csv": _csv(lines)}
        if not masks:
            hit = draw.random((THREE, 3)) < skill
            other = draw.random((THREE, 3)) < skill / 3
            hits = [(3, f"three-{i:03d}", s, int(hit[i, s]), int(other[i, s])) for i in range(THREE) for s in range(3)]
            files["pointing.csv"] = _csv([("n_sources", "item", "source", "hit", "hit_other"), *hits])
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
        return self.run(
            "classification", method, ordering, seed, result, probe=probe, files={"items.csv": _csv(lines)}, **options
        )

    def whole(self, seeds: Sequence[int] = (1, 2, 3)) -> None:
        """Every ordering, the trivial methods and two probes."""
        for seed in seeds:
            for ordering, skill in SKILL.items():
                options = {"stages": ORDERINGS[ordering], "parents": self.train(ordering, seed)}
                self.localize("cavl", ordering, seed, skill, **options)
                self.classify("cavl", ordering, seed, "miniature", 0.4 + skill / 2, **options)
                self.classify("cavl", ordering, seed, "esc10", 0.3 + skill / 2, **options)
            for method, skill in (
                ("random-box", 0.3),
                ("full-frame", 0.2),
                ("centred-square", 0.45),
                ("mean-training-map", 0.5),
            ):
                self.localize(method, "none", seed, skill)
            for probe in ("miniature", "esc10"):
                self.classify("spectrogram-statistics", "none", seed, probe, 0.5)
        self.plan()


def _draw(*what: Any) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(what).encode()))


def _csv(lines: Sequence[Sequence[Any]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(lines)
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
    from reports.study import load_study

    return load_study(Registry(whole_home), "miniature")


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
    from reports.study import load_study

    return lambda home, preset="miniature": load_study(Registry(home), preset)
