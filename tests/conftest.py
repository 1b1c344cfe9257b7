"""Fixtures for all tests."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a deadline would fail on a busy one
settings.load_profile("any machine")

pytest.register_assert_rewrite("tests.live", "tests.suite")  # so that a failure there shows its values
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


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Golden values hold for one thread, and tests run in parallel processes."""
    torch.set_num_threads(1)
