"""Tables of other packages, by the entry-point group ``cavl.tables``."""

import importlib.metadata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import registry.plugins
from reports.contents import all_figures, all_tables
from reports.tables import REPORTS, task_reports
from tests.plug_in import Document

#: The table that docs/add_a_task.md shows.
PIXELS = Document("add_a_task.md").files["pixel_map_table.py"]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make modules with the given texts, and entries (name, value) of the group."""

    def installed(texts: dict[str, str], *entries: tuple[str, str]) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        found = [importlib.metadata.EntryPoint(name, value, "cavl.tables") for name, value in entries]
        monkeypatch.setattr(registry.plugins, "entry_points", lambda group: found if group == "cavl.tables" else [])
        REPORTS.__dict__.pop("available", None)
        task_reports.cache_clear()

    yield installed
    REPORTS.__dict__.pop("available", None)
    task_reports.cache_clear()


def write(writer: Any) -> None:
    stages = [{"curricula": [1], "updates": 5, "lr": 0.1}]
    for ordering, level in (("c1", 0.8), ("c3", 0.6), ("untrained", 0.2)):
        for seed in (1, 2):
            lines = ["item,ap", *(f"s{i},{level + 0.01 * (i + seed)}" for i in range(4))]
            result = {"score": level, "map": level, "chance": 0.1, "items": 4}
            files = {"items.csv": writer.tidy(lines, "ap")}
            trained = {} if ordering == "untrained" else {"stages": stages}
            writer.run("pixel-map", "cavl", ordering, seed, result, files=files, **trained)
    writer.plan()


def test_a_strangers_table_has_its_place_in_every_part(writer: Any, study_of: Any, row: Any, install: Any) -> None:
    install({"pixel_map_a": PIXELS}, ("pixel-map", "pixel_map_a:REPORT"))
    write(writer)
    own, orderings, differences = all_tables(study_of(writer.home))
    assert [table.name for table in (own, orderings, differences)] == ["pixel_map", "orderings", "differences"]
    assert row(own, "CAVL c1")["mAP"].text == "80.0 ± 0.0"
    (said,) = own.findings
    assert said == "mAP: every trained row is better than trivial rows and untrained networks in each of 2 seeds."
    assert row(orderings, "CAVL c3")["mAP (pixels)"].mean_text == "60.0"
    said = {(r.label, r.cells[1].mean_text, r.cells[2].text) for r in differences.rows}
    assert said == {
        ("CAVL c1 above CAVL c3", "20.0", "supported"),
        ("CAVL c1 above CAVL untrained", "60.0", "supported"),
        ("CAVL c3 above CAVL untrained", "40.0", "supported"),
    }


@pytest.mark.parametrize(
    ("texts", "entry", "told"),
    [
        ({}, ("pixel-map", "no_such_package:REPORT"), "No module named 'no_such_package'"),
        ({"bad_b": "REPORT = 3"}, ("pixel-map", "bad_b:REPORT"), "it is no TaskReport of a task 'pixel-map'"),
        ({"bad_c": PIXELS}, ("voxels", "bad_c:REPORT"), "it is no TaskReport of a task 'voxels'"),
        (
            {"bad_d": PIXELS.replace("def table(study):", "def table(study):\n    1 / 0")},
            ("pixel-map", "bad_d:REPORT"),
            "ZeroDivisionError",
        ),
        (
            {"bad_e": PIXELS.replace("def statements(study):", "def statements(study):\n    1 / 0")},
            ("pixel-map", "bad_e:REPORT"),
            "ZeroDivisionError",
        ),
    ],
)
def test_a_package_that_fails_is_named_and_stops_nobody_elses_table(
    writer: Any, study_of: Any, install: Any, texts: dict[str, str], entry: tuple[str, str], told: str
) -> None:
    writer.ablations(seeds=(1,))
    expected = [table.name for table in all_tables(study_of(writer.home))]
    write(writer)
    install(texts, entry)
    with pytest.warns(UserWarning, match=f"report of task '{entry[0]}' is left out, .*{told}"):
        tables = [table.name for table in all_tables(study_of(writer.home))]
    assert [name for name in tables if name != "pixel_map"] == expected
    with warnings.catch_warnings(action="ignore"):
        assert all_figures(study_of(writer.home))
