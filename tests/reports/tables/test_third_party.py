"""Tables of other packages, by the entry-point group ``cavl.tables``."""

import importlib.metadata
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import reports.tables
from reports.contents import all_figures, all_tables
from reports.tables import task_reports

PIXELS = '''
"""Table of the task "pixel-map": mean average precision of heatmap pixels."""

from reports.cells import Table, measured
from reports.item_scores import scores
from reports.labels import UNTRAINED, in_order, label
from reports.paired import Metric, Score, statement
from reports.tables.common import CELLS, COUNTED, HIGHER, Rows, beside_trivial, findings, scored_on, unfinished
from reports.task_report import TaskReport

TASK = "pixel-map"
AP = Score(task=TASK, metric=Metric("mAP (pixels)"), items=lambda study, node: scores(study, node, "ap"))
COLUMNS, BETTER = ("mAP", "Chance"), (HIGHER, 0)


def table(study):
    rows, nodes = Rows(), study.select(TASK)
    for who in in_order(study.rows(TASK)):
        own = study.select(TASK, *who)
        rows.add("", label(*who), (measured(own, "map"), measured(own, "chance")), who)
    marked = beside_trivial(rows, rows.trained, rows.untrained, BETTER)
    said = findings(marked, rows.trained, rows.untrained, BETTER, COLUMNS, "an untrained network")
    return Table(
        name="pixel_map",
        short="Pixels",
        title="Average precision of pixels",
        caption=f"Average precision of heatmap pixels in percent, mean over images. {scored_on(nodes)} {CELLS} {COUNTED}",
        columns=COLUMNS,
        rows=marked,
        findings=(*said, *unfinished(marked, list(rows.shown))),
    )


def statements(study):
    for who in in_order(study.rows(TASK)):
        if who[1] != UNTRAINED:
            yield statement("Pixels: does training help?", AP.metric, *AP.sides(study, who, (who[0], UNTRAINED)))


REPORT = TaskReport(
    task=TASK,
    tables=lambda study: [table(study)],
    columns={"mAP (pixels)": lambda study, *who: measured(study.select(TASK, *who), "map")},
    matched=lambda study, *who: [AP],
    statements=statements,
)
'''


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Make modules with the given texts, and entries (name, value) of the group."""

    def installed(texts: dict[str, str], *entries: tuple[str, str]) -> None:
        monkeypatch.syspath_prepend(tmp_path)
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        found = [importlib.metadata.EntryPoint(name, value, "cavl.tables") for name, value in entries]
        monkeypatch.setattr(reports.tables, "entry_points", lambda group: found if group == "cavl.tables" else [])
        task_reports.cache_clear()

    yield installed
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
    assert own.findings == ("mAP: every trained row is better than an untrained network in each of 2 seeds.",)
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
        ({"bad_c": PIXELS}, ("avc", "bad_c:REPORT"), "it is no TaskReport of a task 'avc'"),
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
    with pytest.warns(UserWarning, match=f"the report of task '{entry[0]}', from another package, fails .*{told}"):
        tables = [table.name for table in all_tables(study_of(writer.home))]
    assert [name for name in tables if name != "pixel_map"] == expected
    with warnings.catch_warnings(action="ignore"):
        assert all_figures(study_of(writer.home))
