"""The loop on a small network: resumption to the bit, golden losses, damage, numbers that are none."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.datasets.scene import Scene
from benchmarks.training import loop as training
from benchmarks.training.batching import Pool, ahead
from benchmarks.training.checkpoints import CheckpointError, Checkpoints
from benchmarks.training.loop import (
    TrainingConfig,
    TrainingError,
    choose_device,
    choose_precision,
    cosine,
    initialise,
    make_optimizer,
    train_stage,
)
from cavl.curriculum import Stage, falling


class Regressor(nn.Module):
    """Predicts the number of sources from the sound; with dropout and batch norm, to test that both are resumed."""

    recipe: ClassVar = {"optimizer": "adam"}
    window = 8

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))

    def training_step(self, scenes, draw, scale=1.0):
        noise = torch.randn(len(scenes.waveform), generator=draw)
        found = self.net(scenes.waveform.float() / 1000).squeeze(1) + 0.1 * noise
        loss = scale * (found - scenes.n_sources).square().mean()
        return loss, {"loss": float(loss.detach())}


def scenes(count=20):
    draw = np.random.Generator(np.random.PCG64(0))
    return [
        Scene(
            id=f"s{i}",
            waveform=draw.integers(-3000, 3000, 30).astype(np.int16),
            n_sources=1 + i % 3,
            image=np.zeros((2, 2, 3), np.uint8),
        )
        for i in range(count)
    ]


STAGE = Stage(curricula=(1,), updates=12, lr=1e-2, checkpoints=(5,))
SETTINGS = TrainingConfig(batch=4, checkpoint_every=3, monitor_every=4, device="cpu")

GOLDEN = (3.32827, 1.11476)  # losses of the first and the last update, one thread


def train(folder, stage=STAGE, seed=1, stop_after=None, settings=SETTINGS, data=None, **options):
    """Train from scratch or from the newest state in ``folder``; ``stop_after`` kills it behind that update."""
    method = initialise(Regressor, seed)
    store = Checkpoints(folder, "key")
    logged = []

    def progress(done, total):
        if done == stop_after:
            raise KeyboardInterrupt

    result = train_stage(
        method,
        stage,
        Pool([data or scenes()]),
        seed=seed,
        stage_index=0,
        settings=settings,
        store=store,
        log=lambda *entry: logged.append(entry),
        progress=progress,
        **options,
    )
    return result, method, logged, store


@pytest.mark.parametrize("stop_after", [1, 3, 4, 7, 11])
def test_an_interrupted_stage_ends_bit_identical(tmp_path, stop_after):
    whole, _, log, _ = train(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "cut", stop_after=stop_after)
    resumed, _, rest, _ = train(tmp_path / "cut")
    first = stop_after - stop_after % 3 if stop_after % 3 else stop_after
    # Behind the third update the interruption comes before its state is saved or after: both are right.
    assert resumed["resumed_at"] in {first, max(0, first - 3)}
    assert resumed["weights"] == whole["weights"]
    assert resumed["kept"] == whole["kept"]
    assert resumed["loss"] == whole["loss"]
    assert [e for e in log if e[2] > resumed["resumed_at"]] == [e for e in rest if e[2] > resumed["resumed_at"]]


def test_golden_losses(tmp_path):
    _, _, log, _ = train(tmp_path)
    losses = [value for name, value, _ in log if name == "loss"]
    assert losses[0] == pytest.approx(GOLDEN[0], rel=1e-4)
    assert losses[-1] == pytest.approx(GOLDEN[1], rel=1e-3)
    assert len(losses) == 12


def test_another_seed_gives_other_weights_and_the_same_seed_the_same(tmp_path):
    digests = [train(tmp_path / str(i), seed=seed)[0]["weights"] for i, seed in enumerate((1, 1, 2))]
    assert digests[0] == digests[1] != digests[2]


def test_reading_ahead_changes_nothing(tmp_path, monkeypatch):
    """As on a GPU, but for the threads of the CPU."""
    whole, _, log, _ = train(tmp_path / "in turn")
    monkeypatch.setattr(training, "ahead", lambda read, steps, by: ahead(read, steps, 3))
    other, _, again, _ = train(tmp_path / "ahead")
    assert (other["weights"], again) == (whole["weights"], log)


def test_options_of_the_stage_reach_the_method(tmp_path):
    plain = train(tmp_path / "a")[2]
    scaled = train(tmp_path / "b", Stage(curricula=(1,), updates=12, lr=1e-2, options={"scale": 3.0}))[2]
    assert scaled[0][1] == pytest.approx(3 * plain[0][1], rel=1e-5)


def test_learning_rate_decays_by_epoch(tmp_path, monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (rates.append(self.param_groups[0]["lr"]), step(self)))
    train(tmp_path, Stage(curricula=(1,), updates=12, lr=1e-2, decay=0.5))  # 20 scenes, batch 4: 5 updates an epoch
    assert rates[:5] == [1e-2] * 5
    assert rates[5:10] == pytest.approx([1e-2 / 1.5] * 5)
    assert rates[10:] == pytest.approx([1e-2 / 2] * 2)


def test_a_cosine_falls_over_each_stage_and_not_beside_a_decay(tmp_path, monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (rates.append(self.param_groups[0]["lr"]), step(self)))
    orderings = falling({"one": (Stage(curricula=(1,), updates=12, lr=1e-2),)})
    train(tmp_path, orderings["one"][0])
    done = (np.arange(12) + 0.5) / 12
    assert rates == pytest.approx(1e-2 * np.minimum(1, done / 0.05) * (1 + np.cos(np.pi * done)) / 2)
    with pytest.raises(ValueError, match="by a cosine or by a decay, not by both"):
        Stage(curricula=(1,), updates=12, lr=1e-2, decay=0.5, schedule="cosine")


def test_a_rate_may_drop_and_parts_may_have_a_share_of_it(tmp_path, monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(torch.optim.Adam, "step", lambda self: (rates.append(rates_of(self)), step(self)))
    monkeypatch.setattr(Regressor, "recipe", {"optimizer": "adam", "rates": {"net.4": 0.5}})
    train(tmp_path, Stage(curricula=(1,), updates=12, lr=1e-2, drops=(3, 8)))
    falling_rates = [1e-2] * 3 + [1e-3] * 5 + [1e-4] * 4
    assert [whole for whole, _ in rates] == pytest.approx(falling_rates)
    assert [share for _, share in rates] == pytest.approx([rate / 2 for rate in falling_rates])
    with pytest.raises(ValueError, match="falls in one way"):
        Stage(curricula=(1,), updates=12, lr=1e-2, drops=(3,), decay=0.5)


def rates_of(optimizer):
    assert [len(group["params"]) for group in optimizer.param_groups] == [4, 2]
    return [group["lr"] for group in optimizer.param_groups]


def test_metrics_are_flushed_before_each_state(tmp_path):
    durable = []
    train(tmp_path, flush=lambda: durable.append(len(durable)))
    assert len(durable) == 3  # behind updates 3, 6 and 9


def test_counted_sources_replace_the_labels(tmp_path):
    asked = []

    def counts(indices):
        asked.append(len(indices))
        return [5] * len(indices)

    labelled = train(tmp_path / "a")[2][0][1]
    counted = train(tmp_path / "b", counts=counts)[2][0][1]
    assert asked == [4] * 12
    assert counted != labelled


def test_monitor_is_logged_at_its_updates_and_leaves_training_alone(tmp_path):
    def monitor(method):
        assert not method.training
        torch.rand(3)  # draws from the global generator must not matter
        return {"probe": 1.0}

    watched, _, log, _ = train(tmp_path / "a", monitor=monitor)
    assert [step for name, _, step in log if name == "probe"] == [0, 4, 5, 8, 10, 12]
    assert watched["weights"] == train(tmp_path / "b")[0]["weights"]


def test_a_loss_that_is_no_number_stops_with_the_scenes_named(tmp_path):
    with pytest.raises(TrainingError, match=r"the loss is nan at update 0 \(scenes s"):
        train(tmp_path, Stage(curricula=(1,), updates=3, lr=1.0, options={"scale": float("nan")}))


def test_a_damaged_state_is_named_and_the_older_one_used(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop_after=10)
    newest = sorted((tmp_path / "checkpoints" / "key" / "states").iterdir())[-1]
    assert newest.name == "000009"
    (newest / "weights.safetensors").write_bytes(b"damaged")
    with pytest.warns(UserWarning, match=r"000009 cannot be read .* an older one is used"):
        result, *_ = train(tmp_path)
    assert result["resumed_at"] == 6
    assert result["weights"] == train(tmp_path / "whole")[0]["weights"]


def test_damaged_weights_are_refused(tmp_path):
    result, method, _, store = train(tmp_path)
    assert store.load_weights(initialise(Regressor, 9), digest=result["weights"]) == result["weights"]
    path = store.weights_path()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"weights\.safetensors are damaged"):
        store.load_weights(method, digest=result["weights"])
    path.write_bytes(b"short")
    with pytest.raises(CheckpointError, match="damaged or of another network"):
        store.load_weights(method)
    path.unlink()
    with pytest.raises(CheckpointError, match="there are no weights at"):
        store.load_weights(method)


def test_states_are_two_at_most_and_gone_when_dropped(tmp_path):
    *_, store = train(tmp_path)
    assert [p.name for p in sorted((store.folder / "states").iterdir())] == ["000006", "000009"]
    store.drop_states()
    assert not (store.folder / "states").exists()


def test_devices_and_precision():
    assert choose_device("cpu").type == "cpu"
    assert choose_precision("auto", torch.device("cpu")) == "float32"
    assert choose_precision("auto", torch.device("cuda")) == "bfloat16"
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="not available here"):
            choose_device("cuda")


def test_unknown_optimizer_is_refused():
    method = Regressor()
    method.recipe = {"optimizer": "lion"}
    with pytest.raises(ValueError, match="unknown optimizer 'lion'"):
        make_optimizer(method, 1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_the_loss_falls_under_autocast(tmp_path):
    _, _, log, _ = train(tmp_path, Stage(curricula=(1,), updates=60, lr=1e-2), settings=TrainingConfig(batch=4))
    losses = [value for name, value, _ in log if name == "loss"]
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_a_cosine_rises_shortly_and_falls_to_nothing():
    rate = cosine(0.1, 200)
    rates = np.array([rate(update) for update in range(200)])
    assert rates.argmax() == 10  # the first behind the first twentieth
    assert rates[0] == pytest.approx(0.1 * (0.5 / 200) / 0.05, rel=1e-3)
    assert (np.diff(rates[10:]) < 0).all()
    assert rate(99) + rate(100) == pytest.approx(0.1)  # symmetric about the middle
    assert rates[-1] < 1e-5
