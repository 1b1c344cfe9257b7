"""A trained network on sounds and images as they are, against the network itself on what it wants."""

import json
import pathlib
from hashlib import sha256
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save
from scipy.signal import hilbert

import cavl.methods
from benchmarks.metrics.linear_probe import windows as probe_windows
from benchmarks.training.batching import cut
from cavl import Extractor, ModelError, load
from cavl.clustering import ClusteringConfig
from cavl.config import to_dict
from cavl.counting import Counter, CounterConfig, most_probable_count
from cavl.extractor import Saved, in_order_of, overlap_add, overlapping, resampled, windows
from cavl.model import CAVL, CAVLConfig
from cavl.separation import Separator
from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import SpectrogramConfig
from registry.provenance.code_digest import code_digest

SPECTROGRAM = SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4)
TINY = CAVLConfig(
    spectrogram=SPECTROGRAM,
    image_size=32,
    audio_trunk=(4, "M", 8, "M", 8),
    visual_trunk=(4, "M", 8, "M", 8),
    encoder_layers=2,
    clustering=ClusteringConfig(beta=10.0),
)
SEPARATOR = SeparatorConfig(spectrogram=SPECTROGRAM, channels=(4, 8))
RATE, WINDOW = 11_025, SPECTROGRAM.samples
DRAW = np.random.default_rng(0)
SOUND = DRAW.integers(-9000, 9000, WINDOW, dtype=np.int16)
PICTURE = DRAW.integers(0, 256, (40, 48, 3), dtype=np.uint8)


def network(kind="method"):
    torch.manual_seed(3)
    method = CAVL(TINY)
    if kind == "counter":
        return Counter(CounterConfig(), method.audio_network()).eval()
    return (Separator(SEPARATOR, method) if kind == "separator" else method).eval()


def write_weights(path, module):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = save({name: tensor.contiguous() for name, tensor in module.state_dict().items()})
    path.write_bytes(content)
    return sha256(content).hexdigest()


def exported(folder, kind="method"):
    """A folder as ``benchmarks.export`` writes it."""
    digest = write_weights(folder / "weights.safetensors", network(kind))
    parts = {"counter": CounterConfig()} if kind == "counter" else {}
    parts |= {"separator": SEPARATOR} if kind == "separator" else {}
    saved = Saved(method="cavl", model=to_dict(TINY), weights=digest, **parts)
    (folder / "config.json").write_text(json.dumps(to_dict(saved)))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load(exported(tmp_path_factory.mktemp("cavl")))


@pytest.fixture(scope="module")
def separator(tmp_path_factory):
    return load(exported(tmp_path_factory.mktemp("separator"), "separator"))


# ---- one window at the network's own rate: the network's own answers -------------------------------------------------


def test_one_window_is_answered_as_the_network_answers(model):
    own = network()
    sound, image = torch.from_numpy(SOUND).unsqueeze(0), torch.from_numpy(PICTURE).permute(2, 0, 1).unsqueeze(0)
    assert model.abilities == ("audio_embedding", "localize")
    assert np.array_equal(model.audio_embedding(SOUND, RATE), own.audio_embedding(sound)[0].numpy())
    assert np.allclose(model.localize(PICTURE, SOUND, RATE, 2), own.localize(image, sound, 2)[0], atol=1e-6)


def test_a_separation_run_separates_locates_and_embeds(separator):
    own = network("separator")
    sound, image = torch.from_numpy(SOUND).unsqueeze(0), torch.from_numpy(PICTURE).permute(2, 0, 1).unsqueeze(0)
    assert separator.abilities == ("audio_embedding", "localize", "separate")
    sounds = separator.separate(SOUND, [PICTURE, PICTURE[::-1]], RATE)
    assert np.allclose(sounds, own.separate(sound, torch.stack([image, image.flip(2)], 1))[0], atol=1e-5)
    assert np.array_equal(separator.audio_embedding(SOUND, RATE), own.locator.audio_embedding(sound)[0].numpy())


def test_a_counting_run_counts_and_embeds_with_the_trunk_that_it_trained_further(tmp_path):
    model, own = load(exported(tmp_path, "counter")), network("counter")
    sounds = torch.from_numpy(SOUND).view(1, 1, -1)
    assert model.abilities == ("audio_embedding", "count")
    with torch.no_grad():
        assert model.count(SOUND, RATE) == most_probable_count(own(sounds[0]))[0]
        assert torch.equal(model.audio_embedding(sounds, RATE), own.audio_network(sounds[0]))
    assert model.count(sounds, RATE).tolist() == [model.count(SOUND, RATE)]


# ---- sounds of every kind --------------------------------------------------------------------------------------------


def test_several_sounds_have_a_row_each_and_are_never_mixed_as_channels(model):
    sounds = [DRAW.standard_normal((length,)) / 10 for length in (WINDOW, 2 * WINDOW, 700, WINDOW, 900, 50, 60, 70)]
    rows = model.audio_embeddings(sounds, RATE)
    assert rows.shape == (8, 8)
    for row, sound in zip(rows, sounds, strict=True):
        assert np.array_equal(row, model.audio_embedding(sound, RATE))
    equal = np.stack([sounds[0]] * 7 + [sounds[3]])
    assert np.array_equal(model.audio_embeddings(equal, RATE)[[0, 7]], rows[[0, 3]])
    assert torch.equal(model.audio_embeddings(torch.from_numpy(equal), RATE)[7], torch.from_numpy(rows[3]))


@pytest.mark.parametrize("channels", [3, 6, 8])
def test_surround_is_mixed_down_only_where_it_is_said(model, channels):
    sound = DRAW.standard_normal((channels, 2 * WINDOW)) / 10
    mixed = model.audio_embedding(sound.mean(0), RATE)
    assert np.allclose(model.audio_embedding(sound, RATE, channels=channels), mixed, atol=1e-6)
    for unsaid in (lambda: model.audio_embedding(sound, RATE), lambda: model.localize(PICTURE, sound, RATE)):
        with pytest.raises(ValueError, match=rf"Say channels={channels} for surround; .* audio_embeddings"):
            unsaid()
    with pytest.raises(ValueError, match=f"channels=2, but the sound .* has {channels}"):
        model.audio_embedding(sound, RATE, channels=2)


def test_several_sounds_may_be_surround_or_of_both_kinds_of_array_but_not_batches(model):
    surround = DRAW.standard_normal((6, WINDOW)) / 10
    (row,) = model.audio_embeddings([surround], RATE, channels=6)
    assert np.array_equal(row, model.audio_embedding(surround, RATE, channels=6))
    for both in ([torch.from_numpy(SOUND), SOUND], [SOUND, torch.from_numpy(SOUND)]):
        rows = model.audio_embeddings((sound for sound in both), RATE)
        assert type(rows) is type(both[0])
        assert np.array_equal(np.asarray(rows), np.stack([model.audio_embedding(SOUND, RATE)] * 2))
    with pytest.raises(ValueError, match="one sound at a time"):
        model.audio_embeddings([np.zeros((3, 1, WINDOW))], RATE)


@pytest.mark.parametrize("wrong", [None, {}, object(), b"ab", np.array(["a"]), np.zeros(9, np.longdouble)])
def test_what_is_no_array_of_numbers_is_refused_in_a_sentence(model, wrong):
    with pytest.raises(ValueError, match="an array of numbers is needed"):
        model.audio_embedding(wrong, RATE)
    with pytest.raises(ValueError, match="an array of numbers is needed"):
        model.localize(wrong, SOUND, RATE)


@pytest.mark.parametrize("none", [None, 5, b"ab", torch.tensor(1.0)])
def test_what_is_no_list_of_sounds_is_refused_in_a_sentence(model, none):
    with pytest.raises(ValueError, match="takes a list of sounds"):
        model.audio_embeddings(none, RATE)


def test_numbers_of_another_type_are_refused_as_they_are(model):
    stereo = np.stack([SOUND, SOUND])
    with pytest.raises(ValueError, match="channels='2', but"):
        model.audio_embedding(stereo, RATE, channels="2")
    for rate in ("11025", np.array([RATE, RATE]), torch.tensor([1, 2])):
        with pytest.raises(ValueError, match="sampling rate must be a whole number"):
            model.audio_embedding(SOUND, rate)
    for n in ("1", None, 1.5):
        with pytest.raises(ValueError, match="n must be a whole number"):
            model.localize(PICTURE, SOUND, RATE, n)


def test_what_names_no_run_is_refused_in_a_sentence(monkeypatch):
    def no_home(path):
        raise RuntimeError("Could not determine home directory.")

    for run in (None, 1.0, [1], b"1"):
        with pytest.raises(ModelError, match="named by its number or a folder"):
            load(run)
    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    with pytest.raises(ModelError, match="~/trained: this user has no home folder"):
        load("~/trained")


def test_lists_and_paths_are_refused_with_what_to_do(model):
    for several in ([SOUND, SOUND], (SOUND,), ["a.wav"], [[0.1, 0.2]]):
        with pytest.raises(ValueError, match="not a list; several sounds: audio_embeddings"):
            model.audio_embedding(several, RATE)
    for path in ("duet.wav", pathlib.PurePath("duet.wav")):
        with pytest.raises(ValueError, match=r"duet.wav is a path; read the file first: .*soundfile.read"):
            model.audio_embedding(path, RATE)
    for none in ([], "duet.wav"):
        with pytest.raises(ValueError, match="takes a list of sounds"):
            model.audio_embeddings(none, RATE)
    with pytest.raises(ValueError, match=r"photo.png is a path; .*PIL.Image.open"):
        model.localize("photo.png", SOUND, RATE)


def test_every_form_of_the_same_sound_gives_the_same_embedding(model):
    expected = model.audio_embedding(SOUND, RATE)
    floating = SOUND / 32768
    forms = {
        "float64": floating,
        "float32": floating.astype(np.float32),
        "big endian": SOUND.astype(">i2"),
        "another stride": np.repeat(SOUND, 2)[::2],
        "backwards in memory": SOUND[::-1].copy()[::-1],
        "stereo": np.stack([SOUND, SOUND]),
        "one channel": SOUND[None],
        "whole float as the rate": SOUND,
    }
    for name, form in forms.items():
        rate = float(RATE) if name == "whole float as the rate" else RATE
        assert np.allclose(model.audio_embedding(form, rate), expected, atol=1e-5), name
    assert np.allclose(model.audio_embedding([*floating], RATE), expected, atol=1e-5)


def test_tensors_are_answered_with_tensors_and_arrays_with_arrays(separator):
    tensor = torch.from_numpy(SOUND)
    for ask in (
        lambda sound: separator.audio_embedding(sound, RATE),
        lambda sound: separator.localize(PICTURE, sound, RATE),
        lambda sound: separator.separate(sound, [PICTURE], RATE),
    ):
        assert isinstance(ask(SOUND), np.ndarray)
        assert isinstance(ask(tensor), torch.Tensor)
        assert ask(SOUND).dtype == np.float32
        assert np.array_equal(ask(SOUND), ask(tensor))
    learning = (tensor / 32768).requires_grad_()
    assert not separator.audio_embedding(learning, RATE).requires_grad


def test_stereo_is_mixed_down(model):
    left, right = SOUND, SOUND[::-1].copy()
    mean = (left.astype(np.float32) + right) / 2 / 32768
    stereo = model.audio_embedding(np.stack([left, right]), RATE)
    assert np.allclose(stereo, model.audio_embedding(mean, RATE), atol=1e-5)
    silence = model.audio_embedding(np.zeros(WINDOW), RATE)
    opposite = np.stack([SOUND, -SOUND])
    assert np.allclose(model.audio_embedding(opposite, RATE), silence, atol=1e-5)


def test_several_sounds_are_embedded_one_by_one(model):
    sounds = DRAW.standard_normal((3, 2, 40 * WINDOW)) / 10  # 30 windows: more than one batch of them
    together = model.audio_embedding(sounds, 44_100)
    assert together.shape == (3, 8)
    for sound, features in zip(sounds, together, strict=True):
        assert np.allclose(model.audio_embedding(sound, 44_100), features, atol=1e-5)


@given(samples=st.integers(1, 60), length=st.integers(1, 20), overlap=st.integers(0, 19))
def test_windows_are_those_of_the_probe(samples, length, overlap):
    sound, hop = np.arange(samples), max(1, length - overlap)
    ours = windows(torch.from_numpy(sound).unsqueeze(0), length, hop)[0]
    assert np.array_equal(ours, probe_windows(sound, length, hop))


def test_a_real_recording_is_embedded_as_the_probe_embeds_it(model, shared_data):
    path = sorted((shared_data / "ESC-50" / "audio").glob("*.wav"))[0]
    sound, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    cut = torch.from_numpy(probe_windows(sound, WINDOW, WINDOW))
    assert len(cut) > 1
    expected = network().audio_embedding(cut).mean(0)
    assert np.allclose(model.audio_embedding(sound, rate), expected, atol=1e-5)


def test_the_sampling_rate_changes_an_embedding_much_less_than_another_sound_does(model):
    def notes(rate):
        time = np.arange(3 * rate) / rate
        return sum(np.sin(2 * np.pi * f * time) for f in (220.0, 880.0, 2500.0)) / 4

    expected = model.audio_embedding(notes(RATE), RATE)
    others = model.audio_embedding(DRAW.standard_normal(3 * RATE) / 4, RATE)
    scale = np.linalg.norm(expected - others)
    for rate in (8_000, 16_000, 22_050, 44_100, 48_000, 96_000, 12_347):
        assert np.linalg.norm(model.audio_embedding(notes(rate), rate) - expected) < 0.25 * scale, rate


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 192_000, 44_101, 11_127, 999_983])
def test_a_tone_stays_that_tone_at_any_sampling_rate(rate):
    """Exactly so at the usual rates; at odd ones within a cent of its pitch, and no drift there and back."""
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    there = resampled(torch.from_numpy(tone).float().unsqueeze(0), rate, RATE)
    middle = slice(RATE // 4, RATE // 2)
    phase = np.unwrap(np.angle(hilbert(there[0].double().numpy())))[middle]
    pitch = (phase[-1] - phase[0]) / (len(phase) - 1) * RATE / (2 * np.pi)
    assert abs(1200 * np.log2(pitch / 440)) < 1
    if rate not in (44_101, 11_127, 999_983):
        expected = np.sin(2 * np.pi * 440 * np.arange(there.shape[1]) / RATE)
        assert np.allclose(there[0][middle], expected[middle], atol=0.01)
    back = resampled(there, RATE, rate)[0]
    assert len(back) >= rate
    middle = slice(rate // 4, rate // 2)
    assert np.allclose(back[middle], tone[middle], atol=0.02)


def test_silence_is_answered_with_finite_numbers(separator):
    silence = np.zeros(44_100, np.int16)
    assert np.isfinite(separator.audio_embedding(silence, 44_100)).all()
    assert np.isfinite(separator.localize(PICTURE, silence, 44_100)).all()
    assert not separator.separate(silence, [PICTURE, PICTURE], 44_100).any()


# ---- images and heatmaps ---------------------------------------------------------------------------------------------


def test_every_form_of_the_same_image_gives_the_same_heatmap(model):
    expected = model.localize(PICTURE, SOUND, RATE)
    assert expected.shape == (1, 40, 48)
    forms = (
        PICTURE / 255,
        Image.fromarray(PICTURE),
        torch.from_numpy(PICTURE).permute(2, 0, 1),
        PICTURE.transpose(2, 0, 1).astype(np.float32) / 255,
    )
    for form in forms:
        assert np.allclose(model.localize(form, SOUND, RATE), expected, atol=1e-5), type(form)


class Alternating:
    """Two sources in opposite corners, which change places from window to window; the first window is surest."""

    sample_rate, window, image_size = RATE, 100, None

    def __init__(self):
        self.calls = 0

    def localize(self, image, waveform, n):
        maps = torch.full((len(image), n, 8, 8), 0.1)
        for window in maps:
            window[self.calls % 2, :4, :4] = 0.9
            window[1 - self.calls % 2, 4:, 4:] = 0.8
            self.calls += 1
        return maps


def test_sources_of_several_windows_are_matched_before_their_heatmaps_are_averaged():
    model = Extractor("alternating", {"localize": Alternating()}, torch.device("cpu"))
    heatmaps = model.localize(np.zeros((8, 8, 3), np.uint8), np.zeros(40 * 100), RATE, 2)
    assert heatmaps[0, 0, 0] == pytest.approx(0.9)
    assert heatmaps[0, 7, 7] == pytest.approx(0.1)
    assert heatmaps[1, 7, 7] == pytest.approx(0.8)


class Hearing:
    """Keeps what it hears."""

    sample_rate, window, image_size = RATE, 1000, None

    def localize(self, image, waveform, n):
        self.heard = waveform
        return torch.zeros(len(image), n, 8, 8)


def test_what_lacks_hardly_anything_of_a_window_is_padded_as_in_the_tasks():
    network, picture, sound = Hearing(), np.zeros((8, 8, 3), np.uint8), np.full(995, 0.5, np.float32)
    Extractor("hearing", {"localize": network}, torch.device("cpu")).localize(picture, sound, RATE)
    assert network.heard.tolist() == [[0.5] * 995 + [0.0] * 5] == [cut(sound, 0, 1000).tolist()]
    Extractor("hearing", {"localize": network}, torch.device("cpu")).localize(picture, sound[:900], RATE)
    assert network.heard.tolist() == [[0.5] * 1000]


@given(st.permutations(range(4)))
def test_heatmaps_find_their_places(order):
    maps = torch.eye(4).view(4, 2, 2)
    assert torch.equal(in_order_of(maps, maps[list(order)] * 0.3), maps * 0.3)


# ---- separation of any length ----------------------------------------------------------------------------------------


class Halving:
    """Gives every object half of the mixture: what comes out is known for every length and rate."""

    sample_rate, image_size = RATE, 16

    def __init__(self, window=WINDOW):
        self.window = window

    def separate(self, mixture, images):
        assert mixture.shape[1] == self.window
        assert images.shape[2:] == (3, 16, 16)
        return mixture.unsqueeze(1).expand(-1, images.shape[1], -1) / 2


@given(samples=st.integers(1, 500), length=st.integers(2, 90))
def test_windows_put_together_again_are_the_sound(samples, length):
    sound = torch.sin(torch.arange(samples) * 0.37)
    parts = overlapping(sound, length)
    assert parts.shape[1] == length
    assert torch.allclose(
        overlap_add(torch.stack([parts, -parts], 1), samples), torch.stack([sound, -sound]), atol=1e-5
    )


@pytest.mark.parametrize("samples", [1, 100, WINDOW, WINDOW + 1, 10 * WINDOW + 7])
def test_separated_sounds_are_as_long_as_the_mixture(samples):
    model = Extractor("halving", {"separate": Halving()}, torch.device("cpu"))
    images = [PICTURE, np.zeros((20, 20, 3), np.uint8), np.ones((3, 9, 9))]
    sound = np.sin(np.arange(samples) * 0.2)
    sounds = model.separate(sound, images, RATE)
    assert sounds.shape == (3, samples)
    assert np.allclose(sounds, sound / 2, atol=1e-5)
    for rate in (8_000, 44_100, 48_000, 11_127):
        assert model.separate(np.stack([sound, sound]), images, rate).shape == (3, samples)


def test_what_the_network_cannot_hear_is_gone_from_separated_sounds():
    model = Extractor("halving", {"separate": Halving()}, torch.device("cpu"))
    time = np.arange(2 * 44_100) / 44_100
    low, high = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 8000 * time)
    middle = slice(4410, -4410)
    (part,) = model.separate((low + high) / 2, [PICTURE], 44_100)
    assert np.allclose(part[middle], low[middle] / 4, atol=5e-3)


# ---- what is refused -------------------------------------------------------------------------------------------------

BROKEN = SOUND / 32768
BROKEN[7] = np.nan


@pytest.mark.parametrize(
    ("sound", "rate", "sentence"),
    [
        (np.zeros(0), RATE, "not empty"),
        (np.zeros((2, 0)), RATE, "not empty"),
        (np.zeros((1, 1, 1, 5)), RATE, "a sound must be"),
        (np.float32(3), RATE, "a sound must be"),
        (np.zeros((22_050, 2)), RATE, "transpose"),
        (BROKEN, RATE, "NaN or infinite"),
        (SOUND.astype(np.float32), RATE, "divide what has been int16 by 32768"),
        (SOUND.astype(np.int32), RATE, "not torch.int32"),
        (SOUND, 0, "sampling rate"),
        (SOUND, -8000, "sampling rate"),
        (SOUND, 44.1, "sampling rate"),
        (SOUND, float("nan"), "sampling rate"),
    ],
)
def test_sounds_that_cannot_be_meant_are_refused(separator, sound, rate, sentence):
    for ask in (
        lambda: separator.audio_embedding(sound, rate),
        lambda: separator.localize(PICTURE, sound, rate),
        lambda: separator.separate(sound, [PICTURE], rate),
    ):
        with pytest.raises(ValueError, match=sentence):
            ask()


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (PICTURE[..., 0], "an image must be RGB"),
        (np.zeros((8, 8, 4), np.uint8), "convert"),
        (np.zeros((0, 8, 3), np.uint8), "an image must be RGB"),
        (PICTURE.astype(np.float32), "in \\[0, 1\\]"),
        (np.full((8, 8, 3), np.nan), "without NaN"),
        (PICTURE.astype(np.int64), "must be uint8"),
    ],
)
def test_images_that_cannot_be_meant_are_refused(separator, image, sentence):
    with pytest.raises(ValueError, match=sentence):
        separator.localize(image, SOUND, RATE)
    with pytest.raises(ValueError, match=sentence):
        separator.separate(SOUND, [PICTURE, image], RATE)


def test_several_sounds_no_source_and_no_image_are_refused(separator):
    several = SOUND.reshape(2, 1, -1)
    with pytest.raises(ValueError, match="one sound at a time"):
        separator.localize(PICTURE, several, RATE)
    with pytest.raises(ValueError, match="one sound at a time"):
        separator.separate(several, [PICTURE], RATE)
    with pytest.raises(ValueError, match="at least 1 source"):
        separator.localize(PICTURE, SOUND, RATE, 0)
    with pytest.raises(ValueError, match="an image of each source"):
        separator.separate(SOUND, [], RATE)


def test_what_was_not_learned_is_refused_with_the_run_to_load_instead(model):
    with pytest.raises(ModelError, match=r"cannot separate.*runs list --task separation"):
        model.separate(SOUND, [PICTURE, PICTURE], RATE)
    with pytest.raises(ModelError, match=r"cannot count.*runs list --task counting"):
        model.count(SOUND, RATE)


# ---- runs of the registry --------------------------------------------------------------------------------------------


def write_run(home, number, task, *, result=None, key="a", parents=(), status="COMPLETED", method="cavl", **more):
    """The files of a run that are read, as the registry keeps them; ``test_export.py`` loads real ones."""
    folder = home / str(number)
    folder.mkdir(parents=True)
    configuration = {"task": task, "method": method, "model": to_dict(TINY), "evaluation": {}, "step": None, **more}
    pedigree = {"key": key, "parents": [p for p, _ in parents], "parent_digests": [d for _, d in parents]}
    for name, content in (
        ("run.json", {"status": status, "result": result}),
        ("config.json", configuration),
        ("pedigree.json", pedigree),
    ):
        (folder / name).write_text(json.dumps(content))
    return folder


def stored(home, key, kind="method", name="weights.safetensors"):
    return write_weights(home / "checkpoints" / key / name, network(kind))


def test_runs_are_loaded_by_number_and_by_folder(tmp_home):
    digest = stored(tmp_home, "a")
    folder = write_run(tmp_home, 12, "pretrain", result={"weights": digest, "kept": {}})
    expected = load(folder).audio_embedding(SOUND, RATE)
    for name in (12, "12", np.int64(12), str(folder)):
        assert np.array_equal(load(name).audio_embedding(SOUND, RATE), expected)


def test_an_evaluation_stands_for_the_network_that_it_measured(tmp_home):
    stored(tmp_home, "p")
    torch.manual_seed(4)
    kept = write_weights(tmp_home / "checkpoints" / "p" / "weights@3.safetensors", CAVL(TINY))
    folder = write_run(tmp_home, 2, "localization", result={"score": 0.5}, parents=[("p", kept)], step=3)
    other = network().audio_embedding(torch.from_numpy(SOUND).unsqueeze(0))[0]
    assert not np.allclose(load(folder).audio_embedding(SOUND, RATE), other, atol=1e-3)


def test_counting_and_separation_runs_have_a_network_of_their_own(tmp_home):
    parents = [("p", stored(tmp_home, "p"))]
    digest = stored(tmp_home, "c", "counter")
    evaluation = {"hidden": None, "updates": 4, "lr": 0.01, "decay": 0.5, "labels": "true"}
    result = {"weights": digest}
    counting = write_run(tmp_home, 3, "counting", key="c", result=result, parents=parents, evaluation=evaluation)
    assert load(counting).abilities == ("audio_embedding", "count")
    digest = stored(tmp_home, "s", "separator")
    evaluation = {"network": to_dict(SEPARATOR), "updates": 4, "pairs": 75}
    result = {"weights": digest}
    separation = write_run(tmp_home, 4, "separation", key="s", result=result, parents=parents, evaluation=evaluation)
    assert load(separation).separate(SOUND, [PICTURE], RATE).shape == (1, WINDOW)


def test_methods_without_weights_are_loaded_too(tmp_home):
    model = {"sample_rate": RATE, "window": WINDOW}
    folder = write_run(tmp_home, 5, "localization", method="full-frame", model=model, result={"score": 0.1})
    assert load(folder).localize(PICTURE, SOUND, RATE, 2).tolist() == np.ones((2, 40, 48)).tolist()


class Loudness:
    """A third party's method: no window, no weights, one number for the whole sound."""

    Config = CounterConfig

    def __init__(self, config):
        self.sample_rate = 8_000

    def audio_embedding(self, waveform):
        return waveform.square().mean(1, keepdim=True).sqrt()


@pytest.fixture
def _asked_anew():
    """Entry points are read once a process: forget them, before a test and after it."""
    cavl.methods.third_parties.cache_clear()
    yield
    cavl.methods.third_parties.cache_clear()


@pytest.mark.usefixtures("_asked_anew")
def test_third_parties_methods_are_found_by_their_entry_point(tmp_home, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "loudness", SimpleNamespace(Loudness=Loudness))
    entry = EntryPoint(name="loudness", value="loudness:Loudness", group="cavl.methods")
    monkeypatch.setattr(cavl.methods, "entry_points", lambda group: [entry] if group == entry.group else [])
    folder = write_run(tmp_home, 6, "classification", method="loudness", model={}, result={"score": 0.1})
    sine = np.sin(np.arange(44_100) * 0.05)
    assert load(folder).audio_embedding(sine, 44_100) == pytest.approx(0.5**0.5, abs=1e-2)


def test_runs_without_usable_weights_are_refused_with_the_reason(tmp_home, tmp_path):
    digest = stored(tmp_home, "a")
    result = {"weights": digest}
    write_run(tmp_home, 1, "pretrain", status="RUNNING")
    write_run(tmp_home, 2, "localization", result={"score": 0.0})
    write_run(tmp_home, 3, "pretrain", key="gone", result=result)
    write_run(tmp_home, 4, "pretrain", result={"weights": "0" * 64})
    write_run(tmp_home, 5, "separation", result=result, evaluation={"network": to_dict(SEPARATOR)})
    (write_run(tmp_home, 6, "pretrain", result=result) / "config.json").write_text("{")
    (write_run(tmp_home, 7, "pretrain", result=result) / "run.json").write_text('{"status": "COMPLETED"}')
    (tmp_path / "empty").mkdir()
    for run, sentence in (
        (1, "is RUNNING"),
        (2, "measured initial weights"),
        (3, "run it again"),
        (4, "is damaged"),
        (5, "another network"),
        (6, "config.json cannot be read"),
        (7, "the record of run 7 in .* is damaged: no 'result'"),
        (99, "there is no run 99"),
        (tmp_path / "empty", "is neither a run"),
        (tmp_path / "nowhere", "is neither a run"),
    ):
        with pytest.raises(ModelError, match=sentence) as refused:
            load(run)
        assert ("another network" in str(refused.value)) == (run == 5)


def test_damaged_exports_are_refused_with_the_file(tmp_path):
    folder = exported(tmp_path / "model")
    weights = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(weights[:-1])
    with pytest.raises(ModelError, match="safetensors is damaged"):
        load(folder)
    (folder / "weights.safetensors").write_bytes(weights)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "wieghts": 1}))
    with pytest.raises(ModelError, match=r"config.json does not describe a model.*did you mean 'weights'"):
        load(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config.json cannot be read"):
        load(folder)


def test_loading_leaves_the_callers_random_numbers_alone(tmp_path):
    folder = exported(tmp_path)
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load(folder)
    assert torch.equal(torch.rand(3), expected)


def test_pre_training_does_not_hang_on_the_code_of_what_comes_after_it():
    behind = code_digest(["benchmarks.tasks.pretrain", "cavl.model"], ["cavl", "benchmarks"]).keys()
    assert {"benchmarks.training.loop", "cavl.clustering", "benchmarks.tasks.pretrain"} <= behind
    after = {"cavl.extractor", "cavl.separation", "benchmarks.export", "benchmarks.metrics.counting"}
    after |= {f"benchmarks.tasks.{task}" for task in ("counting", "separation", "localization", "classification")}
    assert not after & behind
