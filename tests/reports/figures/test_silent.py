"""The curve over silent objects: what is drawn, and printed, is what the runs have scored."""

import pytest
from scipy.stats import t

from reports.figures.silent import silent
from reports.tables.silent import silent_objects

SCORES = {("cavl", "c1"): 0.8, ("dmc", "c1"): 0.6, ("full-frame", "none"): 0.3, ("cavl", "untrained"): 0.1}


def scored(level, seed):
    return {str(n): {"ciou@0.5": level / (1 + n) + seed / 100, "auc": 0.0} for n in (0, 1, 2, 4)}


@pytest.fixture
def study(writer, study_of):
    for (method, ordering), level in SCORES.items():
        for seed in (1, 2, 3):
            result = {"single": {}, "silent": scored(level, seed), "items": {}}
            writer.run("localization", method, ordering, seed, result)
    writer.plan()
    return study_of(writer.home)


def test_the_curve_has_the_means_and_intervals_of_the_runs(study):
    figure = silent(study)
    (panel,) = figure.draw().axes
    drawn = {bars.get_label(): bars for bars in panel.containers}
    assert list(drawn) == ["CAVL c1", "DMC c1", "Full frame"]
    half = t.ppf(0.975, 2) / 3**0.5  # of the seeds' 1, 2 and 3 %
    for name, level in zip(drawn, (80, 60, 30), strict=True):
        line, _, (bars,) = drawn[name]
        assert [round(x) for x in line.get_xdata()] == [0, 1, 2, 4]
        assert line.get_ydata() == pytest.approx([level / (1 + n) + 2 for n in (0, 1, 2, 4)])
        assert {round(float(high - low) / 2, 6) for (_, low), (_, high) in bars.get_segments()} == {round(half, 6)}
        assert line.get_linestyle() == ("--" if name == "Full frame" else "-")


def test_the_table_has_every_row(study, row):
    (table,) = silent_objects(study)
    assert [r.label for r in table.rows] == ["CAVL c1", "CAVL untrained", "DMC c1", "Full frame"]
    assert {name: cell.estimate.mean for name, cell in row(table, "CAVL untrained").items()} == pytest.approx(
        {"0 silent": 12, "1 silent": 7, "2 silent": 10 / 3 + 2, "4 silent": 4}
    )


def test_older_runs_have_neither(writer, study_of):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.plan()
    study = study_of(writer.home)
    assert silent(study) is None
    assert silent_objects(study) == []
