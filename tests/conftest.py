"""Fixtures for all tests."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a deadline would fail on a busy one
settings.load_profile("any machine")

pytest.register_assert_rewrite("tests.live")  # so that a failure there shows its values
os.environ.pop("CAVL_MONGO_URI", None)  # the runs of tests do not appear in a lab's database

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data for tests: $CAVL_TEST_DATA, else ../shared/data beside the repository."""
    folder = Path(os.environ.get("CAVL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the real test data are not at {folder}; set CAVL_TEST_DATA to their folder")
    return folder


@pytest.fixture
def tmp_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty registry of its own for one test."""
    home = tmp_path / "runs"
    monkeypatch.setenv("CAVL_HOME", str(home))
    return home


@pytest.fixture
def write_run() -> Callable[..., Path]:
    """Write the files of one run as the observer leaves them: ``write_run(home, 3, key="k", status="FAILED")``."""

    def write(home: Path, id: int, *, status: str = "COMPLETED", result: Any = None, **more: Any) -> Path:
        folder = home / str(id)
        folder.mkdir(parents=True)
        pedigree = {"key": f"key{id}", "task": "localization", "parents": [], "parent_digests": [], "dataset": "d"}
        pedigree |= {"code": {}, "environment": {}}
        pedigree |= {name: more.pop(name) for name in list(more) if name in pedigree}
        config = {"task": pedigree["task"], "preset": "miniature", "method": "cavl", "ordering": "c1", "seed": 1}
        config |= more.pop("config", {})
        run = {
            "status": status,
            "result": result,
            "host": {"hostname": "machine", "pid": 1},
            "start_time": "2025-01-01T00:00:00",
            "stop_time": "2025-01-01T00:01:40",
            "heartbeat": None,
            "artifacts": [],
            "resumptions": [],
            **more,
        }
        for name, content in (("pedigree", pedigree), ("config", config), ("run", run)):
            (folder / f"{name}.json").write_text(json.dumps(content))
        os.utime(folder / "run.json", (1735689700, 1735689700))  # it has long been silent
        return folder

    return write


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Golden values hold for one thread, and tests run in parallel processes."""
    torch.set_num_threads(1)
