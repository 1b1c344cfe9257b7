"""Labelled clips of the action task: the miniature's motions, or a user's own copy of UCF-101 or HMDB-51."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.datasets.action_videos import ActionVideos, read_manifest
from benchmarks.datasets.miniature.motion import SPLITS, Motions
from benchmarks.datasets.miniature.world import MiniatureConfig
from cavl.config import ConfigError


def open_actions(world: MiniatureConfig, evaluation: Mapping[str, Any], split: str) -> Motions | ActionVideos:
    """The clips of a split that an ``ActionConfig`` (as plain values) means.

    Raises :class:`ConfigError` if it does not say where the videos are; ``ValueError`` or ``FileNotFoundError`` as
    :class:`Motions` and :class:`ActionVideos`.
    """
    if evaluation["data"] == "miniature":
        return Motions(world, split, evaluation[split])
    return ActionVideos(
        *folders(evaluation), evaluation["data"], split, fold=evaluation["fold"], held_out=evaluation["validation"]
    )


def actions_fingerprint(world: MiniatureConfig, evaluation: Mapping[str, Any]) -> str:
    """Of all three splits. Nothing is drawn or decoded; files are read for their hashes, once a process.

    Raises :class:`ConfigError`, ``ValueError`` or ``FileNotFoundError`` as :func:`open_actions`.
    """
    if evaluation["data"] == "miniature":
        return "+".join(Motions.fingerprint_of(world, split, evaluation[split]) for split in SPLITS)
    manifest = read_manifest(*folders(evaluation), evaluation["data"], evaluation["fold"])
    return "+".join(manifest.fingerprint(split, evaluation["validation"]) for split in SPLITS)


def folders(evaluation: Mapping[str, Any]) -> tuple[str, str]:
    """Where the videos are, and the lists of their splits."""
    if not evaluation["videos"] or not evaluation["annotations"]:
        raise ConfigError(
            f"evaluation.data={evaluation['data']!r} needs evaluation.videos=DIR (the folder that holds the class "
            "folders) and evaluation.annotations=DIR (the one that holds the official lists of its splits)"
        )
    return evaluation["videos"], evaluation["annotations"]
