"""The command ``verify``, with runs that are run again by hand."""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli import verification as command
from benchmarks.orchestration.rerun import RerunError
from registry.index import Registry
from registry.record.run_record import Record


@pytest.fixture
def home(tmp_home: Path, write_run: Any) -> Path:
    """A chain of two stages (1, 2), evaluations of the second (3, 4), a failure (5) and one of unknown descent (6)."""
    write_run(tmp_home, 1, task="pretrain", key="one", result={"score": 0.1})
    write_run(tmp_home, 2, task="pretrain", key="two", parents=["one"], result={"score": 0.2})
    for id in (3, 4):
        write_run(tmp_home, id, parents=["two"], result={"score": id / 10})
    write_run(tmp_home, 5, status="FAILED")
    write_run(tmp_home, 6, parents=["lost"], result={"score": 0.6})
    return tmp_home


@pytest.fixture
def verify(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command; ``scores`` says what runs give now, an exception what happens to them instead."""

    def run(*ids: int, scores: dict[int, Any] | None = None, **options: Any) -> tuple[int, str, str]:
        @contextlib.contextmanager
        def rerunning(home: Path, paths: Any) -> Any:
            run.paths = paths

            @contextlib.contextmanager
            def again(record: Record, progress: Callable[[int, int], None]) -> Any:
                progress(1, 2)
                now = (scores or {}).get(record.id, record.result["score"])
                if isinstance(now, Exception):
                    raise now
                folder = shutil.copytree(record.folder, tmp_path / "scratch" / str(record.id))
                whole = json.loads((folder / "run.json").read_text())
                (folder / "run.json").write_text(json.dumps({**whole, "result": {"score": now}}))
                yield folder
                shutil.rmtree(folder)

            yield again

        monkeypatch.setattr(command, "rerunning", rerunning)
        code = command.verify(Registry(home), ids, **options)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def verdicts(out: str) -> dict[str, str]:
    return {run["run"]: run["verdict"] for run in json.loads(out)["runs"]}


def test_one_run(verify: Any) -> None:
    code, out, err = verify(3)
    assert (code, err) == (0, "")
    assert "run 3  localization cavl c1 miniature seed 1" in out
    assert "nothing that is recorded has changed since then" in out
    assert "run 3: identical: 1 number\n" in out


def test_exit_codes_going_on_past_failures(verify: Any) -> None:
    assert verify(1, 3, scores={3: 0.30001})[0] == 0
    code, out, _ = verify(1, 3, 4, scores={1: 0.9})
    assert code == 1
    assert "run 1: different: 1 of 1 number (score: 0.9, was 0.1)" in out
    assert out.endswith("3 runs: 2 identical, 0 within tolerance, 1 different\n")
    code, out, err = verify(1, 3, 4, scores={1: 0.9, 3: RerunError("its weights are gone")})
    assert code == 2
    assert err == "error: run 3: could not run: its weights are gone\n"
    assert out.endswith("3 runs: 1 identical, 0 within tolerance, 1 different, 1 could not run\n")


def test_only_completed_runs_can_be_verified(verify: Any) -> None:
    code, out, err = verify(5)
    assert (code, out) == (2, "")
    assert err == "error: run 5: could not run: it is FAILED, and only a COMPLETED run has a result to compare\n"
    code, _, err = verify(99)
    assert code == 2
    assert "there is no such run in" in err


def test_damage_is_told(verify: Any, home: Path) -> None:
    (home / "4" / "config.json").unlink()
    code, _, err = verify(4)
    assert code == 2
    assert "config.json is missing" in err


def test_ancestors_come_first_and_once(verify: Any) -> None:
    code, out, _ = verify(4, 3, 4, ancestors=True, json=True)
    assert code == 0
    assert list(verdicts(out)) == ["run 1", "run 2", "run 4", "run 3"]


def test_an_ancestor_that_is_not_there_is_named(verify: Any) -> None:
    code, out, _ = verify(6, ancestors=True, json=True)
    assert code == 2
    assert verdicts(out) == {"key lost": "could not run", "run 6": "identical"}
    assert "run 6 started from it" in json.loads(out)["runs"][0]["error"]


def test_a_circle_of_forged_runs_ends(verify: Any, home: Path, write_run: Any) -> None:
    write_run(home, 7, key="seven", parents=["eight"], result={"score": 1})
    write_run(home, 8, key="eight", parents=["seven"], result={"score": 1})
    assert set(verdicts(verify(7, ancestors=True, json=True)[1])) == {"run 7", "run 8"}


def test_json_is_complete(verify: Any) -> None:
    code, out, _ = verify(3, 4, json=True, tolerance=1e-3, scores={3: 0.3002})
    whole = json.loads(out)
    assert whole["summary"] == {"within tolerance": 1, "identical": 1}
    run = whole["runs"][0]
    assert (code, run["id"], run["tolerance"], run["changed"]) == (0, 3, 1e-3, [])
    assert run["device"] == ["unknown", "unknown"]
    (part,) = run["parts"]
    assert part["differences"][0] | {"size": 0} == {
        "name": "score",
        "then": 0.3,
        "now": 0.3002,
        "verdict": "within tolerance",
        "size": 0,
    }
    assert part["largest"] == pytest.approx(0.0002)


def test_paths_are_handed_on(verify: Any, tmp_path: Path) -> None:
    assert verify(3, paths={"esc50": str(tmp_path)})[0] == 0
    assert verify.paths == {"esc50": str(tmp_path)}


def write_table(folder: Path, name: str = "table3", ids: tuple[str, ...] = ("", "3 4", "3")) -> None:
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    (folder / "tables" / f"{name}.csv").write_text("row,run_ids\n" + "".join(f"x,{cell}\n" for cell in ids))


def test_the_runs_behind_a_table(verify: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reports = tmp_path / "reports/generated"
    write_table(reports / "smoke")
    code, out, _ = verify(table="table3", scores={4: 0.9})
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == "[1/2] run 3: identical: 1 number  [localization cavl c1 miniature seed 1]"
    assert lines[1].startswith("[2/2] run 4: different: 1 of 1 number (score: 0.9, was 0.4)")
    assert lines[-1] == "2 runs: 1 identical, 0 within tolerance, 1 different"
    write_table(reports / "miniature", ids=("1",))
    with pytest.raises(ValueError, match=r"say --report reports/generated/miniature or --report reports/.*smoke"):
        verify(table="table3")
    code, out, _ = verify(table="table3", report=Path("reports/generated/miniature"), ancestors=True, json=True)
    assert (code, list(verdicts(out))) == (0, ["run 1"])


@pytest.mark.parametrize(
    ("tables", "options", "told"),
    [
        ({}, {"table": "table3"}, "there is no report in"),
        ({"table1": ("1",)}, {"table": "table3"}, "no table 'table3' in reports/generated/smoke; there are table1"),
        ({"table3": ("",)}, {"table": "table3"}, "there are no runs behind"),
        ({"table3": ("one",)}, {"table": "table3"}, "names no runs in a column run_ids"),
        ({}, {"table": "table3", "report": Path("nowhere")}, "name the folder that holds tables/"),
        ({}, {}, "verify which runs?"),
        ({"table3": ("3",)}, {"ids": [3], "table": "table3"}, "verify which runs?"),
        ({}, {"ids": [3], "tolerance": -1.0}, "--tolerance -1.0 is no tolerance: 0 or more"),
        ({}, {"ids": [3], "tolerance": math.nan}, "--tolerance nan is no tolerance: 0 or more"),
    ],
)
def test_misuse_is_told_in_a_sentence(
    verify: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tables: Any, options: Any, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, ids in tables.items():
        write_table(tmp_path / "reports/generated/smoke", name, ids)
    with pytest.raises(ValueError, match=re.escape(told)):
        verify(*options.pop("ids", ()), **options)
