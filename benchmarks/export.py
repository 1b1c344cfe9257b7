"""Export of a trained network as a folder of its own, to be used and given away without the registry.

    cavl-bench export 12 --out trained

writes the weights of run 12 (of an evaluation: those that it measured) with what builds their network again and a model
card made from the records: ``weights.safetensors``, ``config.json``, ``README.md``. ``cavl.load("trained")`` loads it.
No machine, path or credential of the training is in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cavl
from benchmarks.catalogue import PRETRAIN, TASKS
from benchmarks.methods import method_class
from cavl.config import from_dict, to_dict, without_folders
from registry.comparison import flat
from registry.files import atomic_copy, atomic_write, beside
from registry.index import Registry
from registry.record.run_record import Record, to_json
from registry.record.serialization import redact, redacted

if TYPE_CHECKING:
    from cavl.extractor import Saved

#: Ability -> how the card shows it.
USES = {
    "audio_embedding": "features = model.audio_embedding(waveform, sr)  # (D,)",
    "localize": "heatmaps = model.localize(image, waveform, sr, n=1)  # (n, H, W) in [0, 1]",
    "separate": "sounds = model.separate(mixture, images, sr)  # an image of each source: (n, T)",
    "count": "number = model.count(waveform, sr)  # 1 to 5",
}


def export(registry: Registry, number: int, out: Path) -> Path:
    """Write the folder ``out`` whole or not at all, and return it.

    Raises ModelError if the run has no weights, or they are damaged; FileExistsError if ``out`` is there and not empty;
    KeyError or RecordError if there is no such run, or its record is damaged.
    """
    from cavl.extractor import CONFIG, WEIGHTS, find  # slow to import, and --help is not

    record = registry.get(number)
    saved, weights = find(record.folder)
    if weights is None:
        raise cavl.ModelError(f"run {number} is of {saved.method}, which has no weights: there is nothing to export")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} is there already; remove it, or choose another --out")
    config = from_dict(method_class(saved.method).Config, saved.model)
    saved = replace(saved, model=without_folders(config))
    with _becoming(out) as folder:
        atomic_copy(weights, folder / WEIGHTS)
        atomic_write(folder / CONFIG, to_json(redacted(to_dict(saved))))
        cavl.load(folder)  # what cannot be used again is not given away
        atomic_write(folder / "README.md", redact(card(registry, record, saved)))
    return out


@contextlib.contextmanager
def _becoming(out: Path) -> Iterator[Path]:
    """A folder that becomes ``out``, or what this links to, when the block ends well, and vanishes when it does not."""
    out = Path(os.path.realpath(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = beside(out)
    aside.mkdir()
    try:
        yield aside
        os.replace(aside, out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


# ---- the model card -------------------------------------------------------------------------------------------------

CARD = """\
---
license: apache-2.0
library_name: cavl-bench
tags: [audio, audiovisual, curriculum-learning]
---

# {title}

{what}

It was made by cavl-bench, a reproducible benchmark of *Curriculum Audiovisual Learning* (Hu et al. 2020,
[arXiv:2001.09414](https://arxiv.org/abs/2001.09414)).

## Use

With cavl-bench installed:

```python
from cavl import load

model = load("path/to/this/folder")
{uses}
```

Sounds of any sampling rate and length, NumPy or torch: mono (T,) or (channels, T), int16 or floating point in [-1, 1].
Images RGB, of any size.

## Training

{training}

Seed {seed}, batches of {batch}, preset `{preset}`, data {data}.

## Scores

{scores}

On held-out data. Seeds differ: what other seeds of the same configuration score stands beside it (seed in brackets).

## Pedigree

{pedigree}

## Limits

{limits}

## Licence

Apache-2.0, as the code that trained it.
"""


def card(registry: Registry, record: Record, saved: Saved) -> str:
    """The README.md beside the weights that ``record`` made, or measured."""
    from benchmarks.presets import label  # slow to import, and --help is not

    trained = _trainer(registry, record)
    config, (_, abilities) = trained.config, saved.build()
    return CARD.format(
        title=_title(trained),
        what=TASKS.load(config["task"]).weights,
        uses="\n".join(use for ability, use in USES.items() if ability in abilities),
        training=_table(("trained on", "updates", "learning rate"), _stages(trained, record.config["step"])),
        seed=config["seed"],
        batch=config["training"]["batch"],
        preset=label(config["preset"]),
        data=config["data"]["source"],
        scores=_table(("run", "task", "measure", "this seed", "other seeds"), _scores(registry, trained, saved)),
        pedigree=_table(("", ""), _pedigree(trained, saved)),
        limits="\n".join(f"- {limit}" for limit in _limits(config["data"]["source"], abilities)),
    )


def _trainer(registry: Registry, record: Record) -> Record:
    """The run that made the weights which ``record`` made or measured."""
    if "weights" in record.result:
        return record
    trainer = registry.find(record.pedigree.parents[0])
    if trainer is None:
        raise cavl.ModelError(
            f"run {record.id} measured weights whose own run is not in {registry.home}: there is nothing to write a "
            "model card from"
        )
    return trainer


def _title(trained: Record) -> str:
    config = trained.config
    parts = [f"{config['method']} {config['ordering']}", config["task"], f"seed {config['seed']}"]
    return ", ".join(part for part in parts if part != PRETRAIN)


def _stages(trained: Record, step: int | None) -> Iterator[tuple[str, str, str]]:
    """Every stage of pre-training up to ``step`` of the last, and the task's own training behind them."""
    config = trained.config
    for number, stage in enumerate(config["stages"], 1):
        scenes = " and ".join(map(str, stage["curricula"]))
        options = [f"{name} {value}" for name, value in stage["options"].items()]
        options += ["counted by a network"] if stage["k"] == "counted" else []
        trained_on = ", ".join([f"scenes of {scenes} source{'s' * (scenes != '1')}", *options])
        cut = step if number == len(config["stages"]) else None
        updates = f"{stage['updates']}" if cut is None else f"{cut} (of {stage['updates']})"
        yield trained_on, updates, f"{stage['lr']:g}"
    task = TASKS.load(config["task"])
    if task.network is not None:
        what, updates, rate = task.schedule(config["evaluation"])
        yield what, str(updates), rate


def _scores(registry: Registry, trained: Record, saved: Saved) -> Iterator[tuple[str, ...]]:
    """The run's own scores, and those of every evaluation of its weights."""
    digests = {saved.weights}
    if TASKS.load(trained.config["task"]).frozen:
        digests.update(trained.pedigree.parent_digests[:1])  # of the frozen network that it holds
    measured = [
        record
        for record in registry.records(
            status="COMPLETED",
            task=[name for name in TASKS.available if TASKS.load(name).scores and not TASKS.load(name).weights],
        )
        if digests.intersection(record.pedigree.parent_digests)
    ]
    own = [trained] if saved.weights == trained.result["weights"] else []  # else an earlier checkpoint is exported
    for record in [*own, *{r.pedigree.key: r for r in measured}.values()]:
        others = {r.config["seed"]: flat(r.result) for r in _of_other_seeds(registry, record)}
        task, mine = record.config["task"], flat(record.result)
        for score in TASKS.load(task).scores:
            place = score.place
            if isinstance(mine.get(place), float):
                theirs = ", ".join(f"{o[place]:.4g} ({seed})" for seed, o in sorted(others.items()) if place in o)
                yield str(record.id), task, score.text, f"{mine[place]:.4g}", theirs or "not run"


def _of_other_seeds(registry: Registry, record: Record) -> list[Record]:
    """Finished runs that differ from ``record`` in their seed only."""
    c = record.config
    named: Any = {name: c[name] for name in ("task", "method", "ordering", "preset")}
    alike = registry.records(status="COMPLETED", **named)
    return [r for r in alike if r.config["seed"] != c["seed"] and {**r.config, "seed": c["seed"]} == c]


def _pedigree(trained: Record, saved: Saved) -> Iterator[tuple[str, str]]:
    """Where the weights come from; not the machine, nor any path on it."""
    pedigree = trained.pedigree
    yield "run", f"{trained.id}, {trained.start_time[:10]}"
    yield "run key", f"`{pedigree.key}`"
    yield "started from", ", ".join(f"`{key}`" for key in pedigree.parents) or "initial weights"
    yield "weights (sha256)", f"`{saved.weights}`"
    yield "data fingerprint", " ".join(f"`{part[:16]}`" for part in pedigree.dataset.split("+"))
    code = hashlib.sha256(to_json(dict(pedigree.code)).encode()).hexdigest()
    yield "code digest", f"`{code[:16]}`, of {len(pedigree.code)} modules"
    yield "environment", ", ".join(f"{name} {value}" for name, value in sorted(pedigree.environment.items()))
    more = f" (+{len(trained.stale) - 1})" if len(trained.stale) > 1 else ""
    yield "changed until export", f"{trained.stale[0]}{more}" if trained.stale else "nothing"


def _limits(source: str, abilities: Mapping[str, Any]) -> Iterator[str]:
    if source == "miniature":
        yield (
            "It has seen and heard the miniature world only: drawn objects of twelve kinds with synthetic sounds. On "
            "photographs and recordings its answers mean nothing unless the scores above say so."
        )
    if source == "composite":
        yield (
            "It has seen photographs of objects pasted onto blurred ones, and heard recordings mixed. What the "
            "licences of those files ask of works made with them, it asks too: ESC-50 forbids commercial use "
            "(docs/composite.md)."
        )
    networks = {(n.sample_rate, n.window) for n in abilities.values()}
    for rate, window in sorted(networks):
        yield f"It hears windows of {window / rate:.3g} s at {rate:,} Hz, so nothing above {rate / 2000:.3g} kHz."
    if "localize" in abilities:
        yield f"It sees images at {abilities['localize'].image_size} x {abilities['localize'].image_size} pixels."
    if "separate" in abilities:
        yield "It has learned to separate two sounds of different kinds, each with an image of what makes it."
    if "count" in abilities:
        yield "It counts from 1 to 5."


def _table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
