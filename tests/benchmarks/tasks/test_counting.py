"""The counting task on an audio network that knows the counts, and on one that does not; the counter found again."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from baselines.counting import CountLogistic, CountStatisticsConfig, CountTrees, statistics
from benchmarks.datasets.miniature import MiniatureConfig, MiniatureData, MiniatureDataModule
from benchmarks.datasets.scene import Coverage
from benchmarks.orchestration.run_config import configure
from benchmarks.tasks.context import Context, build
from benchmarks.tasks.counters import load_counter, make_counter
from benchmarks.tasks.counting import (
    CountingConfig,
    CountingMonitor,
    listen,
    measure,
    permuted,
    scores,
    together,
)
from benchmarks.training.batching import Pool
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import TrainingConfig, make_optimizer
from registry.files import home
from tests.item_lines import item_lines
from tests.plain_config import fake_context

DATA = MiniatureData(
    world=MiniatureConfig(seconds=2.0),
    train={"1": 16, "2": 12, "3": 8, "4": 4, "5": 4},
    validation=3,
    test={"1": 6, "2": 5, "3": 4, "4": 3, "5": 2},
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


class Knowing(nn.Module):
    """Features that tell the number of sources, by the sound's own samples."""

    sample_rate, window, embedding_size = 11_025, 22_050, 5

    def __init__(self, data):
        super().__init__()
        self.counts = {}
        for n in data.train_counts():
            for scenes in (data.train(n), data.validation(n), data.test(n)):
                self.counts |= {scenes[i].waveform.tobytes(): n for i in range(len(scenes))}
        self.scale = nn.Parameter(torch.ones(()))

    def audio_network(self):
        return self

    def forward(self, waveform):
        known = torch.tensor([self.counts[w.numpy().tobytes()] for w in waveform])
        return self.scale * torch.eye(5)[known - 1]


class Deaf(Knowing):
    """Features that are the same for all sounds."""

    def forward(self, waveform):
        return self.scale * torch.ones(len(waveform), 5)


def run(method, data, tmp_path, seed=1, **evaluation):
    """The task's result, its artifact's rows and the metrics it logged."""
    logged, rows = [], []

    def add_file(name, write):
        write(tmp_path / name)
        rows.extend(item_lines(tmp_path / name))

    result = measure(
        fake_context(
            CountingConfig,
            {"updates": 120, "hidden": 16, "decay": 0.0, **evaluation},
            seed,
            data=data,
            run=SimpleNamespace(observers=[]),
            training=TrainingConfig(batch=16, device="cpu"),
            device=CPU,
            trained=lambda: method,
            checkpoints=lambda: Checkpoints(tmp_path, "key"),
            log=lambda *entry: logged.append(entry),
            progress=lambda done, total: None,
            add_file=add_file,
        )
    )
    return result, rows, logged


def test_a_network_that_knows_the_counts_learns_to_say_them(data, tmp_path):
    result, _, logged = run(Knowing(data), data, tmp_path, updates=300)
    assert result["accuracy"]["rounded"] == 1.0
    assert result["mae"]["rounded"] == 0.0
    assert result["accuracy"]["mode"] < 0.9  # the paper's rule: of a lambda just below n it makes n - 1
    assert result["mae"]["rate"] < 0.05
    assert result["rate_by_count"] == {str(n): pytest.approx(n, abs=0.1) for n in range(1, 6)}
    assert result["rate_sd_by_count"] == {str(n): pytest.approx(0, abs=1e-6) for n in range(1, 6)}
    assert (result["items"], result["excluded"], result["coverage"]) == (20, 0, "20 of 20")
    assert (result["updates"], result["kept"]) == (300, {})
    assert result["weights"] == Checkpoints(tmp_path, "key").digest()
    held_out = {name: value for name, value, step in logged if step == 300}
    assert held_out["accuracy_rounded"] == 1.0
    assert held_out["loss"] == result["loss"]


def test_the_items_give_the_scores(data, tmp_path):
    result, rows, _ = run(Knowing(data), data, tmp_path, updates=30)
    truth, mode, rounded = (np.array([int(row[c]) for row in rows]) for c in ("n_sources", "mode", "rounded"))
    rate = np.array([float(row["rate"]) for row in rows])
    assert np.bincount(truth).tolist() == [0, 6, 5, 4, 3, 2]
    assert [row["item"] for row in rows[6:11]] == [data.test(2)[i].id for i in range(5)]
    assert mode.tolist() == np.clip(np.ceil(rate) - 1, 1, 5).tolist()
    assert result["score"] == result["accuracy"]["mode"] == np.mean(mode == truth)
    assert result["accuracy"]["rounded"] == np.mean(rounded == truth)
    assert result["mae"]["mode"] == np.mean(abs(mode - truth))
    assert result["mae"]["rate"] == pytest.approx(np.mean(abs(rate - truth)))
    for n in range(1, 6):
        found = [result["confusion"][str(n)][str(m)] for m in range(1, 6)]
        assert found == [int(((truth == n) & (mode == m)).sum()) for m in range(1, 6)]


def test_a_network_that_hears_nothing_learns_the_mean_count_and_is_no_better_than_a_constant(data, tmp_path):
    result, _, _ = run(Deaf(data), data, tmp_path)
    mean = (16 * 1 + 12 * 2 + 8 * 3 + 4 * 4 + 4 * 5) / 44
    assert list(result["rate_by_count"].values()) == [pytest.approx(mean, abs=0.3)] * 5
    assert result["accuracy"]["rounded"] == pytest.approx(result["trivial"]["always-2"]["accuracy"])
    assert result["trivial"]["always-2"] == {"accuracy": 5 / 20, "mae": (6 + 4 + 2 * 3 + 3 * 2) / 20}
    assert result["trivial"]["majority"] == result["trivial"]["always-1"]
    assert result["trivial"]["median"] == result["trivial"]["always-2"]
    assert result["trivial"]["random"]["accuracy"] == pytest.approx(0.2)


@pytest.mark.parametrize("rival", [CountLogistic, CountTrees])
def test_a_cheap_rival_learns_the_same_scenes_and_is_scored_on_the_same_items(rival, data, tmp_path):
    """Features and models directly: one scene at a time, by its middle second."""
    config = CountStatisticsConfig(window=11_025, fft=256, bands=8)
    result, rows, logged = run(rival(config), data, tmp_path)

    def heard(split, n):
        scenes = split(n)
        middles = [scenes[i].waveform[5512 : 5512 + 11_025] for i in range(len(scenes))]
        return np.concatenate([statistics(torch.from_numpy(m.copy())[None], 256, 8) for m in middles])

    train, test = (np.concatenate([heard(split, n) for n in range(1, 6)]) for split in (data.train, data.test))
    counts = np.repeat(range(1, 6), [16, 12, 8, 4, 4])
    if rival is CountTrees:
        rate = HistGradientBoostingRegressor(loss="poisson").fit(train, counts).predict(test)
        mode = np.clip(np.ceil(rate) - 1, 1, 5)
    else:
        scaler = StandardScaler().fit(train)
        model = LogisticRegression(max_iter=1000).fit(scaler.transform(train), counts)
        rate = model.predict_proba(scaler.transform(test)) @ np.arange(1, 6)
        mode = model.predict(scaler.transform(test))
    assert [float(row["rate"]) for row in rows] == pytest.approx(rate.tolist())
    assert [int(row["mode"]) for row in rows] == mode.tolist()
    truth = np.repeat(range(1, 6), [6, 5, 4, 3, 2])
    assert result["accuracy"]["mode"] == np.mean(mode == truth)
    assert result["mae"]["rounded"] == np.mean(abs(np.clip(np.floor(rate + 0.5), 1, 5) - truth))
    network, others, _ = run(Knowing(data), data, tmp_path / "network", updates=1)
    assert [row["item"] for row in rows] == [row["item"] for row in others]
    assert set(network) - set(result) == {"loss", "weights", "kept"}
    assert (result["updates"], logged) == (0, [])


FALLEN = 0.01 * (1 + np.cos(np.pi * 0.95)) / 2  # at the middle of the last of ten updates


@pytest.mark.parametrize(("schedule", "last"), [("decay", 0.01 / (1 + 2)), ("cosine", FALLEN)])
def test_optimizer_schedule_and_batch_are_the_tasks_own(schedule, last, data, tmp_path, monkeypatch):
    made = []

    def remembered(method, lr):
        made.append(make_optimizer(method, lr))
        return made[0]

    monkeypatch.setattr("benchmarks.training.loop.make_optimizer", remembered)
    options = {"updates": 10, "optimizer": "adam", "batch": 8, "decay": 2.0, "schedule": schedule}
    run(Knowing(data), data, tmp_path, **options)
    assert type(made[0]) is torch.optim.Adam
    assert made[0].param_groups[0]["lr"] == pytest.approx(last)  # 44 scenes: update 10 of 8 is in the second epoch


def test_permuted_labels_teach_nothing_but_how_frequent_they_are(data, tmp_path):
    result, _, _ = run(Knowing(data), data, tmp_path, labels="permuted")
    rates = result["rate_by_count"].values()
    assert max(rates) - min(rates) < 1.5  # with true labels 4: each group's mean label is drawn from all of them
    assert result["accuracy"]["rounded"] < 0.6
    true, _, _ = run(Knowing(data), data, tmp_path / "true", updates=1)
    assert result["trivial"] == true["trivial"], "majority and median are of the true labels"


def test_permuted_labels_are_the_same_labels_and_a_function_of_the_seed():
    labels = np.repeat([1, 2, 3], [50, 30, 20])
    shuffled = permuted(labels, 1)
    assert sorted(shuffled) == labels.tolist()
    assert 0.2 < np.mean(shuffled == labels) < 0.6  # 0.38 expected
    assert (permuted(labels, 1) == shuffled).all()
    assert (permuted(labels, 2) != shuffled).any()


def test_scenes_of_more_than_five_are_left_out_and_counted(data, tmp_path):
    class Crowded(MiniatureDataModule):
        def test_counts(self):
            return [*super().test_counts(), 6]

        def test(self, n):
            return [None] * 7 if n == 6 else super().test(n)

    result, rows, _ = run(Knowing(data), Crowded(DATA, data.cache), tmp_path, updates=1)
    assert (result["items"], result["excluded"], len(rows)) == (20, 7, 20)


def test_the_counter_starts_from_the_methods_weights_and_trains_them(data, tmp_path):
    """A real method: the trunk is the pre-trained one, and only the head is new."""
    config = configure("counting", "smoke", "cavl", "untrained", 1)
    method = build(config)
    before = {name: p.detach().clone() for name, p in method.audio_trunk.named_parameters()}
    visual = [p.detach().clone() for p in method.visual_trunk.parameters()]
    counter = make_counter(method, None, seed=1)
    assert all(torch.equal(p, before[name]) for name, p in counter.audio_network.trunk.named_parameters())
    result, _, _ = run(method, data, tmp_path, updates=2, hidden=None)
    assert 0 <= result["score"] <= 1
    assert not all(torch.equal(p, before[name]) for name, p in method.audio_trunk.named_parameters())
    assert all(torch.equal(p, b) for p, b in zip(method.visual_trunk.parameters(), visual, strict=True))


def test_new_layers_are_a_function_of_the_seed(data):
    method = Knowing(data)
    heads = [make_counter(method, 16, seed).head[0].weight for seed in (1, 1, 2)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_counter_is_found_again_with_its_weights(tmp_home):
    config = configure("counting", "smoke", "cavl", "untrained", 1)
    counter = make_counter(build(config), config.evaluation.hidden, seed=1)
    with torch.no_grad():
        for parameter in counter.parameters():
            parameter.add_(0.1)
    Checkpoints(home(), "counter key").save_weights(counter)
    job = SimpleNamespace(parents=(None, SimpleNamespace(config=config, key="counter key")))
    job.config = replace(config, training=TrainingConfig(batch=2, device="cpu"))
    context = Context(job, None, None, home(), lambda done, total: None)
    loaded = load_counter(context, -1)
    assert not loaded.training
    waveform = torch.randint(-9000, 9000, (3, loaded.window), dtype=torch.int16)
    assert torch.equal(loaded(waveform), counter.eval()(waveform))


def test_listening_in_batches_keeps_order_and_takes_the_middle_window(data, monkeypatch):
    monkeypatch.setattr("benchmarks.tasks.counting.BATCH", 4)

    class First(nn.Module):
        """The first sample of the window as the rate."""

        window = 1000

        def count_sources(self, waveform):
            return np.full(len(waveform), 2), waveform[:, 0].double().numpy()

    scenes = Pool([data.test(1), data.test(4)])
    ids, counts, mode, rates = listen(First(), scenes, CPU)
    assert mode.tolist() == [2] * 9
    assert ids == [scenes[i].id for i in range(9)]
    assert counts.tolist() == [1] * 6 + [4] * 3
    assert rates.tolist() == [scenes[i].waveform[(22_050 - 1000) // 2] for i in range(9)]


def test_the_monitor_hears_as_many_scenes_of_each_count(data):
    monitor = CountingMonitor(data, (1, 3), CPU)
    assert [scene.n_sources for scene in monitor.scenes] == [1] * 3 + [3] * 3

    class Three:
        window = 100

        def count_sources(self, waveform):
            return np.full(len(waveform), 3), np.full(len(waveform), 3.2)

    assert monitor(Three()) == {"accuracy": 0.5, "accuracy_rounded": 0.5, "mae": 1.0}


def test_scores_of_counts_that_do_not_occur():
    result = scores(np.array([2, 2, 4]), np.array([2, 3, 4]), np.array([2.5, 3.5, 4.5]))
    assert result["rate_by_count"] == {"2": 3.0, "4": 4.5}
    assert result["rate_sd_by_count"] == {"2": 0.5, "4": 0.0}
    assert result["accuracy"] == {"mode": pytest.approx(2 / 3), "rounded": 0.0}
    assert result["mae"] == {
        "mode": pytest.approx(1 / 3),
        "rounded": pytest.approx(4 / 3),
        "rate": pytest.approx(5 / 6),
    }
    assert {n: sum(row.values()) for n, row in result["confusion"].items()} == {"1": 0, "2": 2, "3": 0, "4": 1, "5": 0}


def test_coverage_of_several_sets():
    parts = [Coverage(found=2, missing=1, reasons={"a": "gone"}), Coverage(found=3, damaged=1, reasons={"b": "short"})]
    whole = together([SimpleNamespace(coverage=part) for part in parts])
    assert str(whole) == "5 of 7 (missing 1, damaged 1)"
    assert whole.reasons == {"a": "gone", "b": "short"}
    both = [Coverage.of(found, {"line 3": "damaged: no segment"}) for found in (2, 3)]
    whole = together([SimpleNamespace(coverage=part) for part in both])
    assert str(whole) == "5 of 6 (missing 0, damaged 1)", "an entry that may be of either set is lost once"
