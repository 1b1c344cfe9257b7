"""Scores of what others predict as runs of the registry: their pedigree is the digest of what was predicted.

The key covers the protocol, the set and the predictions, not where they lie or what they are called: the same
predictions scored again are the same run.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import sacred

from benchmarks.items import ItemTable
from benchmarks.orchestration.experiment import ORCHESTRATION, PACKAGES, ROOT
from registry.files import home, require_home
from registry.index import Registry
from registry.interrupts import sigterm_as_interrupt
from registry.item_table import ITEMS
from registry.mongo.mirror import mirrors
from registry.provenance.code_digest import code_digest
from registry.provenance.environment import versions
from registry.provenance.keys import run_key
from registry.record.observer import RegistryObserver, recorded, verify_written
from registry.record.run_record import Pedigree

#: How a task of such runs is called: "score localization".
TASK = "score {}"
#: Of the configuration, what says nothing of a number.
NAMES = ("method",)


def score_recorded(
    what: str,
    config: Mapping[str, Any],
    read: Mapping[str, str],
    predictions: str,
    measure: Callable[[], tuple[dict[str, Any], ItemTable]],
    again: bool = False,
) -> tuple[int, dict[str, Any]]:
    """The run that holds a score, and its result: one that is there, or one made now by ``measure``.

    Parameters
    ----------
    what
        "localization" or "separation".
    config
        Plain values: ``method``, what the predictions are called, and the choices of the protocol.
    read
        Name -> sha256 of the files that the truth is read from.
    predictions
        Sha256 of all predictions together.
    again
        Measure also where such a run is there.

    Raises
    ------
    Exception
        Whatever ``measure`` raises, and RecordError if the record is not whole.
    """
    task = TASK.format(what)
    truth = hashlib.sha256("".join(sorted(f"{digest}\n" for digest in read.values())).encode()).hexdigest()
    config = {"task": task, **config, "predictions": predictions}
    in_key = {name: value for name, value in config.items() if name not in NAMES}
    module = f"benchmarks.scoring.{what}"
    pedigree = Pedigree(
        key=run_key(task, in_key, truth, ()),
        task=task,
        parent_digests=(predictions,),
        dataset=truth,
        code=code_digest([module], PACKAGES, ORCHESTRATION),
        environment=versions(),
    )
    require_home()
    before = Registry(home()).find(pedigree.key)
    if before is not None and not before.stale and not again:
        return before.id, dict(before.result)
    run = _experiment(task, config, pedigree, measure)
    verify_written(home() / str(run._id), run.result, str(run.status))
    return int(run._id), dict(run.result)


def _experiment(
    task: str, config: Mapping[str, Any], pedigree: Pedigree, measure: Callable[[], tuple[dict[str, Any], ItemTable]]
) -> Any:
    sacred.SETTINGS.CAPTURE_MODE = "sys"  # as in the suite's own runs
    sacred.SETTINGS.DISCOVER_SOURCES = "none"
    sacred.SETTINGS.DISCOVER_DEPENDENCIES = "none"
    sacred.SETTINGS.CONFIG.READ_ONLY_CONFIG = False
    experiment = sacred.Experiment(task, base_dir=str(ROOT), save_git_info=False)
    experiment.logger = _silent()
    experiment.add_config(dict(config))
    experiment.observers.extend([*mirrors(home()), RegistryObserver(lambda _: pedigree)])

    @experiment.main
    def main(_run: Any) -> dict[str, Any]:
        with recorded(_run), tempfile.TemporaryDirectory() as folder:
            _run.info["key"] = pedigree.key
            result, items = measure()
            path = Path(folder) / ITEMS
            items.write(path)
            _run.add_artifact(str(path), ITEMS)
            return result

    with sigterm_as_interrupt():
        return experiment.run()


def _silent() -> Any:
    """Sacred tells of the beginning and the end of runs; these are over in a moment."""
    logger = logging.getLogger("cavl-bench score")
    logger.setLevel(logging.WARNING)
    return logger
