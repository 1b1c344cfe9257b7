"""A file that Sacred's command line is given is data, wherever it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sacred.config import load_config_file
from sacred.utils import SacredError

from benchmarks.orchestration.experiment import make_experiment


def files(folder: Path) -> dict[str, str]:
    """Name -> content of files each of which makes ``folder/done`` where Sacred alone reads it, or is none at all."""
    order = f"touch {folder / 'done'}"
    call = {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [order]}]}
    return {
        "config.json": json.dumps({"seed": 3, "model": [{"deep": call}]}),
        "coded.json": json.dumps({"json://" + json.dumps(call): 3}),
        "list.json": "[1]",
        "torn.json": '{"seed": ',
        "config.pickle": f"cos\nsystem\n(S'{order}'\ntR.",
    }


@pytest.mark.parametrize("name", ["config.json", "coded.json", "list.json", "torn.json", "config.pickle"])
def test_a_file_that_is_more_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).write_text(files(tmp_path)[name])
    make_experiment("localization")
    with pytest.raises(SacredError, match=f"{name} is refused: "):
        load_config_file(str(tmp_path / name))
    assert not (tmp_path / "done").exists()


def test_the_configuration_of_a_run_is_taken(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"seed": 3, "model": {"width": 0.5}}')
    make_experiment("localization")
    assert load_config_file(str(tmp_path / "config.json")) == {"seed": 3, "model": {"width": 0.5}}
