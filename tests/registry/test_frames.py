"""Runs and items as frames, and the example of the README on them."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

import registry
from registry.index import Registry

ROOT = Path(__file__).parents[2]
ITEMS = (
    'item,condition,metric,value,excluded\n{0},"row=aligned, rule=top_half",ciou,{1},\nb,row=mask; n=3,ciou,0.5,why\n'
)


@pytest.fixture
def home(tmp_home: Path, write_run) -> Path:
    for id, ordering, score in ((1, "c1", 0.25), (3, "c1", 0.75), (4, "c2", 0.1)):
        config = {
            "task": "localization",
            "preset": "miniature",
            "ordering": ordering,
            "model": {"width": 8, "k": [1, 2]},
        }
        result = {"score": score, "single": {"aligned": {"auc": score / 2}}}
        folder = write_run(tmp_home, id, config=config, result=result, artifacts=["items.csv"], task="localization")
        (folder / "items.csv").write_text(ITEMS.format("a", score))
    write_run(tmp_home, 5, status="FAILED", result=None, config={"seed": 2}, task="localization")
    return tmp_home


def test_a_frame_has_a_row_a_run_with_all_that_the_records_say(home: Path) -> None:
    frame, records = registry.frame(home), {run.id: run for run in Registry(home).records()}
    assert list(frame.index) == [1, 3, 4, 5]
    assert list(frame["result.score"])[:3] == [0.25, 0.75, 0.1]
    assert math.isnan(frame.loc[5, "result.score"])
    assert frame.loc[3, "result.single.aligned.auc"] == 0.375
    assert (frame.loc[3, "model.width"], frame.loc[3, "model.k.1"]) == (8, 2)
    for id, run in records.items():
        assert frame.loc[id, "key"] == run.pedigree.key
        assert (frame.loc[id, "status"], frame.loc[id, "stale"]) == (run.status, "; ".join(run.stale))
    assert list(registry.frame(home, ordering="c1", status="COMPLETED").index) == [1, 3]
    assert registry.frame(home, ordering="none").empty
    with pytest.raises(TypeError, match="no filter orderings"):
        registry.frame(home, orderings="c1")


def test_the_items_of_a_run_have_a_column_for_each_name(home: Path) -> None:
    for run in (3, Registry(home).get(3), registry.frame(home).index[1]):
        items = registry.items(run, home)
        assert list(items["item"]) == ["a", "b"]
        assert list(items["row"]) == ["aligned", "mask"]
        assert list(items["n"]) == [None, "3"]
        assert list(items["value"]) == [0.75, 0.5]
        assert list(items["excluded"]) == ["", "why"]
    with pytest.raises(FileNotFoundError, match="run 5 has no artifact"):
        registry.items(5, home)
    with pytest.raises(KeyError, match="no run 6"):
        registry.items(6, home)


def test_the_example_of_the_readme_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAVL_HOME", str(home))
    (example,) = re.findall(r"```python\n(import registry\n.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    *lines, last = example.strip().splitlines()
    names: dict[str, object] = {}
    exec("\n".join(lines), names)
    found = eval(last, names)
    assert dict(found) == {("aligned", "top_half"): 0.25}


def test_listing_runs_imports_no_pandas(home: Path) -> None:
    code = "import sys; from registry.__main__ import main; main(['list']); assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, env={"CAVL_HOME": str(home), "PATH": ""})
