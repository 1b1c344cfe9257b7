"""Figures 4a and 4b: every curve is that of its runs."""

import numpy as np
import pytest

from reports.figures.pretrain import initialisations, losses
from tests.reports.conftest import stage

STEPS = list(range(1, 21))
ALONG = [0, 10, 20]
ORDERINGS = {
    "c1": [stage([1], 20, 1e-3)],
    "c3": [stage([3], 20, 1e-3)],
    "c3-late": [stage([3], 20, 1e-4)],
    "mixed": [stage([1, 2, 3], 20, 1e-3)],
    "original": [stage([1, 2, 3, 4], 20, 1e-3)],
    "c1-c2": [stage([1], 20, 1e-3), stage([2], 20, 1e-4)],
    "c1-c2-c3": [stage([1], 20, 1e-3), stage([2], 20, 1e-4), stage([3], 20, 1e-4)],
    "scene": [stage([1], 20, 1e-3, alignment="scene")],
}
LEVELS = {name: i / 10 for i, name in enumerate(ORDERINGS)}


def loss(ordering, seed):
    return [3 + LEVELS[ordering] + seed / step for step in STEPS]


def accuracy(ordering, seed):
    return [0.5, 0.5 + LEVELS[ordering] / 4, 0.6 + LEVELS[ordering] / 4 + seed / 100]


def write(writer, *orderings, old=False):
    for ordering in orderings:
        for seed in (1, 2):
            metrics = {"loss": (STEPS, loss(ordering, seed)), "pair_accuracy": (ALONG, accuracy(ordering, seed))}
            metrics["pointing"] = (ALONG, [0.1, 0.2, 0.3])
            if not old:
                metrics["loss_by_k2"] = (STEPS, [value / 7 for value in loss(ordering, seed)])
                metrics["train_pair_accuracy"] = (ALONG, [value + 0.05 for value in accuracy(ordering, seed)])
            writer.run("pretrain", "cavl", ordering, seed, {}, stages=ORDERINGS[ordering], metrics=metrics)
    writer.plan()


def lines_of(panel):
    return {line.get_label(): line for line in panel.lines if not line.get_label().startswith("_")}


def test_fig_4a_draws_the_means_of_its_runs(writer, study_of):
    write(writer, *ORDERINGS)
    figure = losses(study_of(writer.home))
    panels = [lines_of(panel) for panel in figure.draw().axes]
    titles = ["$C_1$", "$C_3$", "original set ($C_1$ to $C_4$)", "$C_2$ after $C_1$", "$C_3$ after $C_2$"]
    assert [list(lines) for lines in panels] == [titles] * 3
    for title, ordering in zip(titles, ("c1", "c3", "original", "c1-c2", "c1-c2-c3"), strict=True):
        mean = np.mean([loss(ordering, seed) for seed in (1, 2)], axis=0)
        smoothed = [mean[i : i + 10].mean() for i in range(11)]
        for lines, divisor in zip(panels, (1, 7), strict=False):
            assert list(lines[title].get_xdata()) == STEPS[9:]
            assert lines[title].get_ydata() == pytest.approx([value / divisor for value in smoothed])
        expected = 100 * np.mean([accuracy(ordering, seed) for seed in (1, 2)], axis=0)
        assert panels[2][title].get_ydata() == pytest.approx(expected)
        assert panels[2][title].get_linestyle() == ("--" if "after" in title else "-")
    assert "Not recorded" not in figure.caption
    assert {run.config["ordering"] for run in figure.runs} == {"c1", "c3", "original", "c1-c2", "c1-c2-c3"}


def test_fig_4a_of_older_runs_divides_what_has_one_k_and_names_what_it_leaves_out(writer, study_of):
    write(writer, "c1", "c3", "mixed", old=True)
    figure = losses(study_of(writer.home))
    left, middle, _ = (lines_of(panel) for panel in figure.draw().axes)
    assert list(left) == ["$C_1$", "$C_3$", "original set ($C_1$ to $C_3$)"]
    assert list(middle) == ["$C_1$", "$C_3$"]
    assert middle["$C_3$"].get_ydata() == pytest.approx(left["$C_3$"].get_ydata() / 9)
    assert figure.caption.endswith("left out of the middle panel: original set (C_1 to C_3).")


def test_fig_4b_has_training_and_held_out_accuracy_and_the_curriculum_s_rate(writer, study_of):
    write(writer, *ORDERINGS)
    figure = initialisations(study_of(writer.home))
    train, held_out, pointing = (lines_of(panel) for panel in figure.draw().axes)
    named = {
        "initialised from $C_2$": "c1-c2-c3",
        "initialised randomly": "c3",
        "randomly, at the curriculum's rate": "c3-late",
    }
    assert list(train) == list(held_out) == list(pointing) == list(named)
    for title, ordering in named.items():
        mean = np.mean([accuracy(ordering, seed) for seed in (1, 2)], axis=0)
        assert held_out[title].get_ydata() == pytest.approx(100 * mean)
        assert train[title].get_ydata() == pytest.approx(100 * mean + 5)
    assert "0.0001 initialised from C_2; 0.001 initialised randomly; 0.0001 randomly, at the" in figure.caption


def test_fig_4b_of_older_runs_says_that_the_training_accuracy_is_not_there(writer, study_of):
    write(writer, "c3", "c1-c2-c3", old=True)
    figure = initialisations(study_of(writer.home))
    assert [panel.get_title() for panel in figure.draw().axes] == [
        "pair accuracy, held-out (%)",
        "pointing, 3 sources (%)",
    ]
    assert "left out of the training accuracy: initialised from C_2, initialised randomly." in figure.caption


def test_without_a_curriculum_or_random_weights_there_is_no_fig_4b(writer, study_of):
    write(writer, "c3", "c3-late")
    assert initialisations(study_of(writer.home)) is None
