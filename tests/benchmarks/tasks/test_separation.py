"""The separation task on methods whose scores are known beforehand, what it leaves out, and a trained network."""

import csv
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from baselines.mean_spectrum import MeanSpectrum
from benchmarks.datasets.miniature import KINDS, MiniatureConfig, MiniatureData, MiniatureDataModule
from benchmarks.datasets.scene import Scene
from benchmarks.metrics.separation import bss_eval
from benchmarks.tasks.separation import (
    ByLocation,
    Mixed,
    Separation,
    SeparationConfig,
    beds,
    draw_pairs,
    kind_of,
    make_separator,
    measure,
    of_other_pairs,
    score,
    summary,
)
from benchmarks.training.checkpoints import Checkpoints
from benchmarks.training.loop import TrainingConfig
from cavl.config import from_dict
from cavl.separation import mixed_parts
from cavl.separator_config import SeparatorConfig
from tests.item_lines import item_lines
from tests.plain_config import fake_context

DATA = MiniatureData(
    world=MiniatureConfig(seconds=2.0), train={"1": 24}, validation=8, test={"1": 16}, probe_folds=3, probe_clips=1
)
NETWORK = {
    "spectrogram": {"hop": 350, "frames": 16, "bins": 16, "oversample": 4},
    "channels": [4, 8],
    "loss": "weighted",
}
WINDOW = 15 * 350
BOUNDS = ("ideal-ratio-mask", "ideal-log-mask")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return MiniatureDataModule(DATA, tmp_path_factory.mktemp("cache"))


def middle(waveform):
    start = (len(waveform) - WINDOW) // 2
    return torch.from_numpy(waveform[start : start + WINDOW].astype(np.float32)) / 32768


class Perfect:
    """Knows what every image sounds like, and answers with just that, and a little noise."""

    sample_rate, window = 11_025, WINDOW

    def __init__(self, data):
        scenes = [data.test(1)[i] for i in range(len(data.test(1)))]
        self.sounds = {s.image.tobytes(): middle(s.waveform) for s in scenes}

    def separate(self, mixture, images):
        flat = images.flatten(0, 1).permute(0, 2, 3, 1)
        sounds = torch.stack([self.sounds[i.contiguous().numpy().tobytes()] for i in flat])
        noise = torch.randn(sounds.shape, generator=torch.Generator().manual_seed(0))
        return (sounds + 1e-3 * noise * sounds.std()).view(*images.shape[:2], -1)


class Silent(Perfect):
    def separate(self, mixture, images):
        return torch.zeros(*images.shape[:2], WINDOW)


class Faulty(Perfect):
    """Answers some images with silence and some with NaN."""

    def separate(self, mixture, images):
        sounds = super().separate(mixture, images)
        sounds[::2, 0] = 0
        sounds[1::2, 1, 7] = torch.nan
        return sounds


class Locator(nn.Module):
    """Says which kind makes the sound, by the image itself."""

    sample_rate, window, image_size, sound_maker_size = 11_025, 22_050, 64, len(KINDS)

    def __init__(self, data):
        super().__init__()
        self.kinds = {}
        for scenes in (data.train(1), data.validation(1), data.test(1)):
            self.kinds |= {scenes[i].image.tobytes(): scenes[i].kinds[0] for i in range(len(scenes))}

    def sound_maker(self, image, waveform, how, n=1):
        kinds = [self.kinds[i.contiguous().numpy().tobytes()] for i in image.permute(0, 2, 3, 1)]
        return nn.functional.one_hot(torch.tensor(kinds), len(KINDS)).float()

    def localize(self, image, waveform, n, n_objects=None):
        return torch.full((len(image), n, *image.shape[-2:]), 0.25)


class Assigning(Locator):
    def audio_assignments(self, mixture, images):
        return torch.full((*images.shape[:2], 4, 4), 0.5)


def run(method, data, tmp_path, seed=1, network=(), **evaluation):
    """The task's result, its tables' rows, its other files and the metrics it logged."""
    files, logged = {}, []

    def add_file(name, write):
        write(tmp_path / name)
        if name.endswith(".csv"):
            with open(tmp_path / name) as file:
                files[name] = item_lines(tmp_path / name) if name == "items.csv" else list(csv.DictReader(file))
        else:
            with np.load(tmp_path / name) as arrays:
                files[name] = dict(arrays)

    chosen = {
        "network": {**NETWORK, **dict(network)},
        "updates": 2,
        "pairs": 7,
        "examples": 3,
        "batch": 4,
        **evaluation,
    }
    result = measure(
        fake_context(
            SeparationConfig,
            chosen,
            seed,
            job=SimpleNamespace(name="separation"),
            data=data,
            run=SimpleNamespace(observers=[]),
            training=TrainingConfig(batch=8, device="cpu", monitor_early=(0,)),
            device=torch.device("cpu"),
            trained=lambda: method,
            checkpoints=lambda: Checkpoints(tmp_path, "key"),
            log=lambda name, value, step: logged.append((name, step)),
            progress=lambda done, total: None,
            add_file=add_file,
        )
    )
    return result, files, logged


def test_a_method_that_separates_is_scored_without_training(data, tmp_path):
    result, files, logged = run(Perfect(data), data, tmp_path)
    rows = result["rows"]
    assert list(rows) == ["located-mixture", "shuffled", "mixture", "ideal-ratio-mask", "ideal-log-mask"]
    assert result["score"] == rows["located-mixture"]["sdr"] > 40
    assert rows["located-mixture"]["sdr"] > rows["ideal-ratio-mask"]["sdr"] > rows["ideal-log-mask"]["sdr"]
    assert rows["ideal-log-mask"]["sdr"] > rows["mixture"]["sdr"] > rows["shuffled"]["sdr"]
    assert rows["mixture"]["sdr"] == pytest.approx(rows["mixture"]["sir"], abs=1e-6)
    assert rows["mixture"]["sar"] == np.inf
    assert (result["items"], result["pairs"], result["excluded"], result["coverage"]) == (14, 7, {}, "16 of 16")
    assert "weights" not in result
    assert logged == []

    assert len(files["pairs.csv"]) == 7
    scenes = {data.test(1)[i].id: str(data.test(1)[i].kinds[0]) for i in range(16)}
    asked = []
    for line in files["pairs.csv"]:
        assert (scenes[line["first"]], scenes[line["second"]]) == (line["kind_first"], line["kind_second"])
        assert line["kind_first"] != line["kind_second"]
        asked += [(line["pair"], line["first"]), (line["pair"], line["second"])]
    lines = files["items.csv"]
    for row, scores in rows.items():
        of_row = [line for line in lines if line["row"] == row]
        assert [(line["pair"], line["item"]) for line in of_row] == asked
        assert all(line["kind"] == scenes[line["item"]] and line["excluded"] == "" for line in of_row)
        assert np.mean([float(line["sdr"]) for line in of_row]) == pytest.approx(scores["sdr"])


def test_unusable_estimates_are_left_out_of_their_row_only(data, tmp_path):
    result, files, _ = run(Faulty(data), data, tmp_path)
    assert result["items"] == 7
    assert result["excluded"] == {"silent estimate": 4, "estimate not finite": 3}
    assert result["rows"]["located-mixture"]["excluded"] == 7
    assert result["score"] > 40
    assert result["rows"]["mixture"]["items"] == 14
    for line in files["items.csv"]:
        assert (line["sdr"] == "nan") == (line["excluded"] != "")


def test_a_method_without_any_usable_estimate_has_no_score(data, tmp_path):
    with pytest.raises(ValueError, match="none of 7 pairs could be scored"):
        run(Silent(data), data, tmp_path)
    assert (tmp_path / "items.csv").exists()  # says why


def test_a_separation_network_is_trained_on_top_of_a_locator(data, tmp_path):
    result, files, logged = run(Assigning(data), data, tmp_path)
    rows = result["rows"]
    assert set(rows) == {
        "located-mixture",
        "located-solo",
        "shuffled",
        "shuffled-solo",
        "audio-assignment",
        "mixture",
        *BOUNDS,
    }
    assert result["score"] == rows["located-mixture"]["sdr"]
    assert rows["audio-assignment"]["sdr"] == pytest.approx(rows["mixture"]["sdr"], abs=0.1)  # half of everything
    others = [scores["sdr"] for row, scores in rows.items() if row != "ideal-ratio-mask"]
    assert all(rows["ideal-ratio-mask"]["sdr"] > sdr for sdr in others)
    assert result["updates"] == 2
    assert result["weights"] == Checkpoints(tmp_path, "key").digest()
    assert np.isfinite(result["loss"])
    assert result["kept"] == {}
    assert ("validation_loss", 0) in logged
    assert ("validation_loss", 2) in logged

    arrays = files["examples.npz"]
    assert {name: (a.shape, a.dtype.name) for name, a in arrays.items() if name not in ("kinds", "pair")} == {
        "images": ((3, 2, 64, 64, 3), "uint8"),
        "heatmaps": ((3, 2, 64, 64), "float16"),
        "mixture_spec": ((3, 16, 16), "float16"),
        "reference_specs": ((3, 2, 16, 16), "float16"),
        "estimate_specs": ((3, 2, 16, 16), "float16"),
        "mixture": ((3, WINDOW), "int16"),
        "references": ((3, 2, WINDOW), "int16"),
        "estimates": ((3, 2, WINDOW), "int16"),
        "sdr": ((3, 2), "float64"),
        "sample_rate": ((), "int64"),
    }
    assert arrays["pair"].tolist() == [0, 1, 2]
    solos = {line["pair"]: (line["first"], line["second"]) for line in files["pairs.csv"]}
    by_id = {data.test(1)[i].id: data.test(1)[i] for i in range(16)}
    for e in range(3):
        scenes = [by_id[name] for name in solos[str(e)]]
        halves = torch.stack([middle(s.waveform) for s in scenes]).numpy() / 2
        assert np.abs(arrays["references"][e] - halves * 32768).max() <= 0.5
        assert np.abs(arrays["references"][e].astype(int).sum(0) - arrays["mixture"][e]).max() <= 1
        assert (arrays["images"][e] == np.stack([s.image for s in scenes])).all()
        found = [
            float(line["sdr"])
            for line in files["items.csv"]
            if line["pair"] == str(e) and line["row"] == "located-mixture"
        ]
        assert arrays["sdr"][e] == pytest.approx(found)
    assert arrays["kinds"].shape == (3, 2)


def test_the_primary_row_is_the_configured_one_and_mixing_only_scales(data, tmp_path):
    mean, *_ = run(Locator(data), data, tmp_path / "a", network={"located": "solo"})
    total, *_ = run(Locator(data), data, tmp_path / "b", network={"located": "solo", "mixing": "sum"})
    assert mean["score"] == mean["rows"]["located-solo"]["sdr"]
    assert "audio-assignment" not in mean["rows"]
    for row in ("mixture", *BOUNDS):
        assert mean["rows"][row]["sdr"] == pytest.approx(total["rows"][row]["sdr"], abs=0.01)


def test_the_result_is_a_function_of_the_seed(data, tmp_path):
    results = [run(Locator(data), data, tmp_path / str(i), seed=seed)[0] for i, seed in enumerate((1, 1, 2))]
    assert results[0] == results[1]
    assert results[0]["score"] != results[2]["score"]


def test_the_same_sounds_are_asked_back_in_every_seed_by_every_method(data, tmp_path):
    runs = [run(Locator(data), data, tmp_path / "1"), run(Locator(data), data, tmp_path / "2", seed=2)]
    runs += [run(Perfect(data), data, tmp_path, seed=3), run(MeanSpectrum(), data, tmp_path, seed=4)]
    pairs, *others = (files["pairs.csv"] for _, files, _ in runs)
    assert all(other == pairs for other in others)

    def sounds(files, row):
        return {(line["pair"], line["item"]): line["sdr"] for line in files["items.csv"] if line["row"] == row}

    known = sounds(runs[0][1], "ideal-ratio-mask")
    assert len(known) == 14
    assert all(sounds(files, "ideal-ratio-mask") == known for _, files, _ in runs[1:])
    trained = [sounds(files, "located-solo") for _, files, _ in runs[:2]]
    assert trained[0].keys() == trained[1].keys() == known.keys()
    assert trained[0] != trained[1]


def test_a_method_that_is_told_the_kinds_learns_them_from_the_training_solos(data, tmp_path):
    method = MeanSpectrum()
    result, files, logged = run(method, data, tmp_path)
    rows = result["rows"]
    assert list(rows) == ["told-kinds", "shuffled-kinds", "mixture", *BOUNDS]
    assert (result["primary"], result["score"], result["updates"]) == ("told-kinds", rows["told-kinds"]["sdr"], 0)
    assert rows["told-kinds"]["sdr"] > rows["shuffled-kinds"]["sdr"] + 1
    assert rows["told-kinds"]["sdr"] > rows["mixture"]["sdr"] + 1
    assert method.spectra.keys() == {data.train(1)[i].kinds[0] for i in range(24)}
    assert "weights" not in result
    assert logged == []
    by_hand = MeanSpectrum()
    by_hand.fit_kinds((torch.from_numpy(s.waveform.copy()), s.kinds[0]) for s in (data.train(1)[i] for i in range(24)))
    line = files["pairs.csv"][0]
    by_id = {data.test(1)[i].id: data.test(1)[i] for i in range(16)}
    parts = torch.stack([middle(by_id[line[name]].waveform) for name in ("first", "second")]) / 2
    kinds = torch.tensor([[int(line["kind_first"]), int(line["kind_second"])]])
    found = by_hand.separate_kinds(parts.sum(0, keepdim=True), kinds)[0]
    sdr, *_ = bss_eval(parts.double().numpy(), found.double().numpy())
    told = [float(item["sdr"]) for item in files["items.csv"] if (item["row"], item["pair"]) == ("told-kinds", "0")]
    assert told == pytest.approx(sdr, abs=1e-3)


def test_estimates_of_a_blind_method_are_scored_in_the_order_that_fits_best(data, tmp_path):
    def blind(order):
        rising = torch.linspace(0, 1, WINDOW)

        def parts(mixture, n):
            return torch.stack([mixture * rising, mixture * (1 - rising)], 1)[:, order]

        return SimpleNamespace(sample_rate=11_025, separate_blindly=parts)

    result, swapped = (run(blind(order), data, tmp_path)[0] for order in ([0, 1], [1, 0]))
    assert list(result["rows"]) == ["oracle-order", "mixture", *BOUNDS]
    assert (result["primary"], result["score"]) == ("oracle-order", result["rows"]["oracle-order"]["sdr"])
    assert result["rows"]["oracle-order"]["items"] == result["rows"]["mixture"]["items"]
    assert swapped["rows"]["oracle-order"]["sdr"] == pytest.approx(result["rows"]["oracle-order"]["sdr"])
    assert "weights" not in result
    assert Separation.sets(SeparationConfig(), data, blind([0, 1])) == ("test 1",)


def test_the_same_mixtures_are_separated_once_more_over_a_bed_of_noise(data, tmp_path):
    quiet, files, _ = run(Assigning(data), data, tmp_path / "a")
    result, noisy, _ = run(Assigning(data), data, tmp_path / "b", noise=10.0)
    rows = result["rows"]
    assert {name: rows[name] for name in quiet["rows"]} == quiet["rows"]
    heard = {"located-mixture", "shuffled", "audio-assignment", "mixture", "ideal-ratio-mask"}
    assert rows.keys() - quiet["rows"].keys() == {f"{row} in noise" for row in heard}
    assert result["score"] == quiet["score"] == rows["located-mixture"]["sdr"]
    assert all(rows[f"{row} in noise"]["items"] == rows[row]["items"] for row in heard)
    assert rows["ideal-ratio-mask in noise"]["sdr"] < rows["ideal-ratio-mask"]["sdr"]
    # What stands in a mixture beside the sound that is asked for is the other one and the bed: 10 dB below both.
    lines = {(i["row"], i["pair"], i["item"]): i for i in noisy["items.csv"]}
    assert not any("noise" in line["row"] for line in files["items.csv"])
    for row, pair, item in lines:
        if row == "mixture in noise":
            line = lines[row, pair, item]
            assert float(line["sdr"]) < float(line["sir"])
            assert float(line["sdri"]) == 0
            assert float(lines["mixture", pair, item]["sar"]) == np.inf > float(line["sar"])


def test_a_bed_of_noise_is_pink_and_a_pair_s_own():
    mixtures = torch.randn(3, 5000, generator=torch.Generator().manual_seed(1)) * torch.tensor([[1.0], [0.1], [0.0]])
    found = beds(mixtures, [4, 7, 9], 10.0)
    assert torch.equal(beds(mixtures[1:2], [7], 10.0), found[1:2])
    assert not found[2].any()
    powers = [sounds[:2].square().mean(-1) for sounds in (mixtures, found)]
    assert torch.allclose(powers[0] / powers[1], torch.tensor([10.0, 10.0]))
    spectrum = torch.fft.rfft(found[0]).abs().square()
    octaves = [spectrum[2**k : 2 ** (k + 1)].sum() for k in range(5, 11)]
    assert max(octaves) < 2 * min(octaves)
    with pytest.raises(ValueError, match="noise must be a number of dB"):
        SeparationConfig(noise=float("nan"))


def test_gain_and_means_by_kind_follow_from_the_items(data, tmp_path):
    result, files, _ = run(Perfect(data), data, tmp_path)
    of_row = {row: {(i["pair"], i["item"]): i for i in files["items.csv"] if i["row"] == row} for row in result["rows"]}
    for row, scores in result["rows"].items():
        gains = [float(i["sdr"]) - float(of_row["mixture"][key]["sdr"]) for key, i in of_row[row].items()]
        assert [float(i["sdri"]) for i in of_row[row].values()] == pytest.approx(gains)
        assert scores["sdri"] == pytest.approx(np.mean(gains))
        by_kind = {}
        for item in of_row[row].values():
            by_kind.setdefault(KINDS[int(item["kind"])].name, []).append(float(item["sdr"]))
        assert scores["by_kind"] == {kind: pytest.approx(np.mean(sdr)) for kind, sdr in by_kind.items()}
    assert result["rows"]["mixture"]["sdri"] == 0


class Counted(Locator):
    """Counts how many images it was asked about."""

    asked = 0

    def sound_maker(self, image, waveform, how, n=1):
        self.asked += len(image)
        return super().sound_maker(image, waveform, how)


def test_sound_makers_of_training_solos_may_be_located_once(data, tmp_path):
    every, once = Counted(data), Counted(data)
    options = {"updates": 4, "schedule": "cosine", "mixed": "all", "solos": 6}
    first, *_ = run(every, data, tmp_path / "a", **options)
    second, *_ = run(once, data, tmp_path / "b", locating="once", **options)
    # This locator hears nothing, so where and how often it is asked changes nothing but the effort.
    assert first["weights"] == second["weights"]
    assert every.asked - once.asked == 4 * 6 * 2 - 24


def test_sounds_that_are_all_but_zero_are_refused():
    for gain, refused in ((1e-5, True), (1e-3, False), (0.0, False)):
        solos = gain * torch.sin(torch.arange(100.0)).expand(3, 2, 100)
        if refused:
            with pytest.raises(ValueError, match="all but zero: they seem to have been divided by 32768 twice"):
                mixed_parts(solos, "mean")
        else:
            assert torch.equal(mixed_parts(solos, "mean"), solos / 2)


def test_methods_that_want_another_sample_rate_are_refused(data, tmp_path):
    method = Perfect(data)
    method.sample_rate = 8000
    with pytest.raises(ValueError, match="wants sounds of 8000 Hz, the test set has 11025"):
        run(method, data, tmp_path)


# -- pairs and controls ------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=3, max_size=30), st.integers(0, 99), st.data())
def test_pairs_are_distinct_of_different_kinds_and_a_function_of_the_seed(kinds, seed, data):
    possible = sum(a != b for i, a in enumerate(kinds) for b in kinds[:i])
    with pytest.raises(ValueError, match=f"make {possible} pairs"):
        draw_pairs(kinds, possible + 1, seed)
    if not possible:
        return
    n = data.draw(st.integers(1, min(possible, 20)))
    pairs = draw_pairs(kinds, n, seed)
    assert len({frozenset(pair) for pair in pairs}) == len(pairs) == n
    assert all(kinds[a] != kinds[b] for a, b in pairs)
    assert pairs == draw_pairs(kinds, n, seed)
    assert pairs[: n // 2] == draw_pairs(kinds, max(1, n // 2), seed)[: n // 2]


def test_no_solo_is_in_two_pairs_before_all_are_in_one():
    kinds = [i % 12 for i in range(300)]
    used = Counter(i for pair in draw_pairs(kinds, 75, 1) for i in pair)
    assert set(used.values()) == {1}
    used = Counter(i for pair in draw_pairs(kinds, 150, 1) for i in pair)
    assert sum(n > 1 for n in used.values()) <= 12


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(5, 9)), min_size=2, max_size=20), st.integers(0, 99))
def test_shuffled_sound_makers_are_of_other_pairs_and_other_kinds(kinds, seed):
    other = of_other_pairs(kinds, seed)
    flat = [kind for pair in kinds for kind in pair]
    assert all(i // 2 != j // 2 and flat[i] != flat[j] for i, j in enumerate(other.tolist()))
    for i, j in enumerate(other.tolist()):  # nor of the sound's partner's kind, where there is another
        elsewhere = {kind for k, kind in enumerate(flat) if k // 2 != i // 2}
        assert flat[j] not in kinds[i // 2] or not elsewhere - set(kinds[i // 2])
    assert (other == of_other_pairs(kinds, seed)).all()


class Hearing(Locator):
    def sound_maker(self, image, waveform, how, n=1):
        return waveform.float().std(1, keepdim=True).expand(-1, self.sound_maker_size)


def test_each_row_is_located_with_its_own_sound(data):
    separator = make_separator(Hearing(data), from_dict(SeparatorConfig, NETWORK), seed=1)
    parts = torch.stack([torch.full((WINDOW,), 0.0), torch.sin(torch.arange(WINDOW) / 9)]).unsqueeze(0)
    images = torch.zeros(1, 2, 3, 64, 64, dtype=torch.uint8)
    guides = ByLocation(separator).guides(Mixed(range(1), images, parts, torch.tensor([[0, 1]])))
    loudness = {row: guide[0, :, 0] for row, guide in guides.items()}
    assert torch.allclose(loudness["located-solo"], parts[0].std(1), atol=1e-5)
    assert torch.allclose(loudness["located-mixture"], parts.sum(1).std().expand(2), atol=1e-5)


def test_one_pair_has_no_shuffled_control():
    with pytest.raises(ValueError, match="at least two pairs"):
        of_other_pairs([(0, 1)], 1)


def test_only_solos_of_known_kind_are_mixed(data):
    scene = data.test(1)[0]
    assert kind_of(scene) == scene.kinds[0]
    for kinds in ((), (1, 2)):
        with pytest.raises(ValueError, match=f"{scene.id} has {len(kinds)} known kinds"):
            kind_of(replace(scene, kinds=kinds))


# -- exclusions --------------------------------------------------------------------------------------------------------


def solos():
    return [Scene(id=name, waveform=np.zeros(4, np.int16), n_sources=1, kinds=(i,)) for i, name in enumerate("ab")]


def test_pairs_that_cannot_be_scored_are_left_out_of_all_rows_and_say_why():
    sounds = np.random.default_rng(0).standard_normal((2, 2000))
    rows = {"good": sounds + 0.1, "mixture": np.tile(sounds.sum(0), (2, 1))}
    for references, why in (
        (sounds * [[1], [0]], "silent reference"),
        (np.stack([sounds[0], 2 * sounds[0]]), "singular references"),
        (sounds[:, :400], "singular references"),
    ):
        estimates = {row: e[:, : references.shape[1]] for row, e in rows.items()}
        items = score(3, solos(), references, estimates)
        assert [(i.pair, i.item, i.kind, i.row) for i in items] == [
            (3, n, k, r) for r in rows for k, n in enumerate("ab")
        ]
        assert {i.excluded for i in items} == {why}
        assert all(np.isnan([i.sdr, i.sir, i.sar]).all() for i in items)
        assert summary(items)["items"] == 0
        assert np.isnan(summary(items)["sdr"])


def test_an_unusable_estimate_does_not_touch_the_others():
    sounds = np.random.default_rng(0).standard_normal((2, 2000))
    mixture = {"mixture": np.tile(sounds.sum(0), (2, 1))}
    rows = {"a": sounds + 0.1 * sounds[::-1], "b": sounds + 0.3 * sounds[::-1], **mixture}
    whole = {(i.row, i.item): i.sdr for i in score(0, solos(), sounds, rows)}
    rows["a"][1, 5] = np.inf
    rows["b"][0] = 0
    items = {(i.row, i.item): i for i in score(0, solos(), sounds, rows)}
    assert {key: i.excluded for key, i in items.items()} == {
        ("a", "a"): "",
        ("a", "b"): "estimate not finite",
        ("b", "a"): "silent estimate",
        ("b", "b"): "",
        ("mixture", "a"): "",
        ("mixture", "b"): "",
    }
    for key in (("a", "a"), ("b", "b")):
        assert items[key].sdr == pytest.approx(whole[key], abs=1e-9)
