import statistics

import pytest

from reports.figures.counting import reliability


def test_every_network_and_the_control_are_drawn_from_their_runs(whole_study, results):
    figure = reliability(whole_study)
    who = [
        *(("cavl", o) for o in ("untrained", "c0", "c1", "c1-c2")),
        ("count-logistic", "none"),
        ("count-trees", "none"),
    ]
    counted = [number for method, ordering in who for number, _ in results("counting", method, ordering)]
    assert sorted(r.id for r in figure.runs) == sorted(counted)
    assert "seeds 1, 2, 3" in figure.caption


def test_the_picture_shows_the_means_of_the_runs_the_diagonal_and_the_constants(whole_study, results):
    (panel,) = reliability(whole_study).draw().axes
    lines = {line.get_label(): line for line in panel.lines}
    names = {name for name in lines if not name.startswith("_")}
    assert names == {
        "λ = true count",
        *(f"CAVL {ordering}" for ordering in ("untrained", "c0", "c1", "c1-c2")),
        "CAVL untrained (permuted labels)",
        "Logistic regression on spectrogram statistics",
        "Boosted trees on spectrogram statistics",
    }
    runs = [r for _, r in results("counting", "cavl", "c1")]
    expected = [statistics.mean(r["rate_by_count"][str(n)] for r in runs) for n in range(1, 6)]
    assert lines["CAVL c1"].get_ydata() == pytest.approx(expected)
    assert all(abs(x - n) < 0.5 for x, n in zip(lines["CAVL c1"].get_xdata(), range(1, 6), strict=True))
    assert list(lines["λ = true count"].get_xdata()) == list(lines["λ = true count"].get_ydata()) == [1, 5]
    assert {t.get_text() for t in panel.texts} == {"always 1", "always 2 (least MAE)"}  # the median of the scenes


def test_no_bar_is_cut(writer, study_of):
    for seed, rate in ((1, 1.0), (2, 6.0)):
        result = {"rate_by_count": {"1": rate, "5": 2 * rate}, "rate_sd_by_count": {"1": 0.1, "5": 0.2}}
        writer.run("counting", "cavl", "c1", seed, result, variant="true")
    writer.plan()
    (panel,) = reliability(study_of(writer.home)).draw().axes
    low, high = panel.get_ylim()
    half = 12.706 * 10 / 2  # t(0.975, 1) * sd / sqrt(2) of 2 and 12
    assert low <= 7 - half
    assert high >= 7 + half


def test_without_finished_runs_there_is_no_picture(writer, study_of):
    writer.run("counting", "cavl", "c1", 1, None, variant="true", write=False)
    writer.plan()
    assert reliability(study_of(writer.home)) is None


def test_a_count_without_test_scenes_is_left_out(writer, study_of):
    result = {"rate_by_count": {"1": 1.2, "3": 2.5}, "rate_sd_by_count": {"1": 0.1, "3": 0.2}}
    writer.run("counting", "cavl", "c1", 1, result, variant="true")
    writer.plan()
    (panel,) = reliability(study_of(writer.home)).draw().axes
    (line,) = (line for line in panel.lines if line.get_label() == "CAVL c1")
    assert list(line.get_ydata()) == [1.2, 2.5]
