"""Columns in which Omniboard shows our runs: what a run is, what it scored, a tag on those that are stale."""

from __future__ import annotations

import datetime
from typing import Any

from registry.mongo.address import Store

#: Columns by a path into the run's document.
CUSTOM = [
    {"name": "task", "config_path": "config.task"},
    {"name": "method", "config_path": "config.method"},
    {"name": "ordering", "config_path": "config.ordering"},
    {"name": "seed", "config_path": "config.seed"},
    {"name": "preset", "config_path": "config.preset"},
    {"name": "score", "config_path": "result.score"},
]

#: Columns by a metric: its last value.
METRICS = [
    {"name": "last_loss", "metric_name": "loss", "extrema": "last"},
    {"name": "last_pointing", "metric_name": "pointing", "extrema": "last"},
]

#: What the list shows at a browser's first visit (behind it: the metrics, tags and notes), and what it can show.
SHOWN = ["_id", "task", "method", "ordering", "seed", "preset", "status", "score"]
HIDDEN = ["start_time", "duration", "experiment_name", "hostname", "command", "heartbeat", "stop_time", "result"]
HIDDEN += ["resources", "format", "c_model", "c_stages", "c_step", "c_data", "c_training", "c_evaluation", "c_counter"]


def layout() -> dict[str, Any]:
    """What ``first_visit.js`` lays a browser's table out by."""
    paths = {"experiment_name": "experiment.name", "hostname": "host.hostname"}
    paths |= {name: f"config.{name[2:]}" for name in HIDDEN if name.startswith("c_")}
    paths |= {column["name"]: column["config_path"] for column in CUSTOM}
    widths = {
        "_id": 60,
        "seed": 60,
        "task": 120,
        "method": 110,
        "ordering": 130,
        "status": 120,
        "tags": 170,
        "notes": 110,
    }
    return {
        "shown": SHOWN,
        "hidden": HIDDEN,
        "metrics": METRICS,
        "custom": CUSTOM,
        "paths": paths,
        "widths": widths,
    }


def set_up(store: Store) -> bool:
    """Give a database our columns, once: whoever deletes them there has them deleted. Returns whether it was now."""
    done = {"_id": "omniboard columns"}
    if store.settings.find_one(done) is not None:
        return False
    for collection, columns in (("omniboard.custom.columns", CUSTOM), ("omniboard.metric.columns", METRICS)):
        for column in columns:
            store.database[collection].replace_one({"name": column["name"]}, column, upsert=True)
    now = datetime.datetime.now(datetime.UTC)
    store.settings.replace_one(done, {**done, "time": now}, upsert=True)
    return True
