"""Catalogue of tasks and presets by name; what a name stands for is imported when it is asked for.

Third parties add to them by entry points: a :class:`~benchmarks.tasks.task.Task` in the group ``cavl.tasks``
(``docs/add_a_task.md``), a :class:`~benchmarks.presets.Preset` in ``cavl.presets``.
"""

from __future__ import annotations

from registry.plugins import Plugins

PRETRAIN = "pretrain"  # the task that makes the weights which the others measure

TASKS = Plugins(
    noun="task",
    group="cavl.tasks",
    built_in={
        PRETRAIN: "benchmarks.tasks.pretrain:Pretrain",
        "action": "benchmarks.tasks.action:Action",
        "avc": "benchmarks.tasks.avc:AVC",
        "avts": "benchmarks.tasks.avts:Synchronisation",
        "classification": "benchmarks.tasks.classification:Classification",
        "counting": "benchmarks.tasks.counting:Counting",
        "localization": "benchmarks.tasks.localization:Localization",
        "separation": "benchmarks.tasks.separation:Separation",
    },
)

PRESETS = Plugins(
    noun="preset",
    group="cavl.presets",
    built_in={
        name: f"benchmarks.presets.{name.replace('-', '_')}:PRESET"
        for name in ("ablations", "composite", "composite-v1", "full", "miniature", "miniature-v1", "paper", "smoke")
    },
)
