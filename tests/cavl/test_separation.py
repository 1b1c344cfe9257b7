"""The network of §6.4 at the paper's sizes, Eq 8 by hand, what stays frozen, masks on known sounds, a golden run."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from benchmarks.metrics.separation import bss_eval
from benchmarks.presets.miniature import SPECTROGRAM
from cavl.clustering import ClusteringConfig
from cavl.config import from_dict
from cavl.model import CAVL, CAVLConfig
from cavl.separation import (
    Separator,
    UNet,
    mask_loss,
    masked,
    mixed_parts,
    of_another_kind,
    ratio_mask,
)
from cavl.separator_config import SeparatorConfig
from cavl.spectrogram import LogSpectrogram, SpectrogramConfig, as_float, magnitude

GOLDEN = (0.4735, 0.2389)  # losses of the first and the tenth step

TINY = SpectrogramConfig(hop=350, frames=16, bins=16, oversample=4)
SIZES = {"paper": SeparatorConfig().spectrogram, "miniature": from_dict(SpectrogramConfig, SPECTROGRAM)}


class Oracle(nn.Module):
    """Tells sound-makers apart by the image's first pixel, and counts how often it is asked."""

    sample_rate, image_size, sound_maker_size = 11_025, 8, 4

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.heard = []

    def sound_maker(self, image, waveform, how, n=1):
        assert not self.training
        self.heard.append((waveform, how))
        return self.norm(nn.functional.one_hot(image[:, 0, 0, 0].long() % 4, 4).float())


def bands(batch=8, seed=0, samples=TINY.samples):
    """Solos of two kinds, noise below and above 1.4 kHz; the image's first pixel says which."""
    draw = np.random.default_rng(seed)
    kinds = [i % 2 for i in range(batch)]
    spectra = np.fft.rfft(draw.standard_normal((batch, samples)))
    half = spectra.shape[1] // 4
    for kind, spectrum in zip(kinds, spectra, strict=True):
        spectrum[slice(half, None) if kind == 0 else slice(0, half)] *= 0.01
    sounds = np.fft.irfft(spectra, samples)
    image = torch.tensor(kinds, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 8, 8).contiguous()
    pcm = torch.from_numpy(np.rint(sounds / sounds.std(1, keepdims=True) * 2000).astype(np.int16))
    return SimpleNamespace(image=image, waveform=pcm, kinds=tuple((k,) for k in kinds))


def separator(**options):
    torch.manual_seed(0)
    return Separator(SeparatorConfig(spectrogram=TINY, channels=(8, 16, 16), **options), Oracle())


# -- the network -----------------------------------------------------------------------------------------------------


def test_paper_sizes():
    config = SeparatorConfig()
    assert config.spectrogram.samples == 65_280
    network = UNet(config.channels, 512)
    shapes = {}
    for name, part in network.named_modules():
        part.register_forward_hook(lambda part, _, out, name=name: shapes.update({name: tuple(out.shape)}))
    with torch.no_grad():
        masks = network.eval()(torch.zeros(1, 1, 256, 256), torch.zeros(1, 2, 512))
    assert masks.shape == (1, 2, 256, 256)
    assert [shapes[f"encoder.{i}"] for i in range(6)] == [
        (1, 16, 128, 128),
        (1, 32, 64, 64),
        (1, 64, 32, 32),
        (1, 128, 16, 16),
        (1, 256, 8, 8),
        (1, 512, 4, 4),
    ]
    assert shapes["maker"] == (2, 512)
    assert [shapes[f"decoder.{i}"] for i in range(5)] == [
        (2, 256, 8, 8),
        (2, 128, 16, 16),
        (2, 64, 32, 32),
        (2, 32, 64, 64),
        (2, 16, 128, 128),
    ]
    ups = [part for part in network.modules() if isinstance(part, nn.ConvTranspose2d)]
    # 512-256-...-16 of its own level each, beside as many of the sound-maker or of the encoder.
    assert [up.in_channels for up in ups] == [2 * c for c in (512, 256, 128, 64, 32, 16)]
    assert all(m.kernel_size == (4, 4) for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
    assert {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}


def test_a_mixture_is_encoded_once_for_all_its_sound_makers():
    torch.manual_seed(0)
    network = UNet((4, 8), 3).eval()
    mixture, makers = torch.randn(2, 1, 8, 12), torch.randn(2, 3, 3)
    masks = network(mixture, makers)
    alone = torch.stack([network(mixture, makers[:, i : i + 1]).squeeze(1) for i in range(3)], 1)
    assert masks.shape == (2, 3, 8, 12)
    assert torch.allclose(masks, alone, atol=1e-6)
    assert (masks[:, 0] - masks[:, 1]).abs().max() > 1e-3
    assert 0 <= masks.min() <= masks.max() <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ()}, "channels"),
        ({"channels": (8, 0)}, "channels"),
        ({"spectrogram": SpectrogramConfig(frames=250, bins=256)}, "frames must be a multiple of 64"),
        ({"spectrogram": SpectrogramConfig(frames=256, bins=100)}, "bins must be a multiple of 64"),
    ],
)
def test_bad_config_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SeparatorConfig(**options)


# -- Eq 8 ------------------------------------------------------------------------------------------------------------


def test_ratio_mask_is_clipped_and_silence_is_not_masked_by_nan():
    target = torch.tensor([0.0, 1.0, 2.0, 6.0, 0.0])
    mixture = torch.tensor([4.0, 4.0, 4.0, 4.0, 0.0])
    assert ratio_mask(target, mixture).tolist() == [0.0, 0.25, 0.5, 1.0, 0.0]


def test_losses_by_hand():
    predicted, masks = torch.tensor([[[0.5, 0.0]], [[1.0, 0.5]]]), torch.tensor([[[1.0, 0.0]], [[0.0, 0.25]]])
    assert float(mask_loss(predicted, masks)) == pytest.approx((0.5 + 0 + 1 + 0.25) / 4)
    mixture = torch.tensor([[[4.0, 9.0]], [[1.0, 16.0]]])
    expected = (2 * 0.5 + 3 * 0 + 1 * 1 + 4 * 0.25) / (2 + 3 + 1 + 4)
    assert float(mask_loss(predicted, masks, mixture)) == pytest.approx(expected)
    assert float(mask_loss(predicted, masks, torch.zeros_like(mixture))) == 0.0


@given(st.lists(st.integers(0, 3), min_size=2, max_size=12), st.integers(0, 99))
def test_partners_are_of_another_kind_and_a_function_of_the_draw(kinds, seed):
    labels = tuple((k,) for k in kinds)
    draw = torch.Generator().manual_seed(seed)
    if len(set(kinds)) == 1:
        with pytest.raises(ValueError, match="one kind"):
            of_another_kind(labels, draw)
        return
    partners = of_another_kind(labels, draw)
    assert all(kinds[i] != kinds[j] for i, j in enumerate(partners.tolist()))
    assert torch.equal(partners, of_another_kind(labels, torch.Generator().manual_seed(seed)))


def test_partners_are_drawn_uniformly():
    draw = torch.Generator().manual_seed(0)
    drawn = torch.stack([of_another_kind(((0,), (0,), (1,), (2,), (2,)), draw) for _ in range(3000)])
    counts = torch.bincount(drawn[:, 0], minlength=5)
    assert counts[:2].tolist() == [0, 0]
    assert (counts[2:] - 1000).abs().max() < 100


@pytest.mark.parametrize("kinds", [((), (1,)), ((0,), (1, 2))])
def test_only_solos_of_known_kind_are_mixed(kinds):
    with pytest.raises(ValueError, match="one source whose kind is known"):
        of_another_kind(kinds, torch.Generator())


def test_parts_add_up_to_the_mean_or_the_sum():
    solos = torch.tensor([[[16_384, 0], [0, -8192]]], dtype=torch.int16)
    assert mixed_parts(solos, "mean").tolist() == [[[0.25, 0.0], [0.0, -0.125]]]
    assert mixed_parts(solos, "sum").tolist() == [[[0.5, 0.0], [0.0, -0.25]]]
    assert mixed_parts(solos, "mean").sum(1).tolist() == [[0.25, -0.125]]


# -- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("conditioning", ["center", "mask"])
@pytest.mark.parametrize("loss", ["plain", "weighted"])
@pytest.mark.parametrize("mixing", ["mean", "sum"])
def test_every_option_trains_the_network_and_nothing_else(conditioning, loss, mixing):
    model = separator(conditioning=conditioning, loss=loss, mixing=mixing)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    assert model.unet.training
    assert not model.locator.training
    solos = bands()
    value, logs = model.training_step(solos, torch.Generator().manual_seed(0))
    value.backward()
    torch.optim.Adam(model.parameters(), 1e-2).step()
    assert logs["loss"] == pytest.approx(float(value.detach()))
    assert {how for _, how in model.locator.heard} == {conditioning}
    assert all(torch.isfinite(p.grad).all() for p in model.unet.parameters())
    assert all(p.grad is None for p in model.locator.parameters())
    changed = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"unet"}


def test_training_locates_with_the_clean_solos():
    model, solos = separator(), bands()
    model.training_step(solos, torch.Generator().manual_seed(0))
    ((heard, _),) = model.locator.heard
    rows = {tuple(row) for row in solos.waveform.tolist()}
    assert heard.dtype == torch.int16
    assert all(tuple(row) in rows for row in heard.tolist())


def test_golden_training():
    """A change to the numerics must show here. Ten steps of Adam, one thread."""
    model = separator(loss="weighted")
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for step in range(10):
        loss, _ = model.training_step(bands(seed=step), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[0] == pytest.approx(GOLDEN[0], rel=1e-3)
    assert losses[-1] == pytest.approx(GOLDEN[1], rel=2e-2)


def test_it_learns_to_separate_by_the_sound_maker():
    """Bands of noise: asked for the low one it gives the low one, by the other's image the other."""
    model = separator(loss="weighted")
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step in range(60):
        loss, _ = model.training_step(bands(16, seed=step), torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    solos = bands(2, seed=1000)
    parts = mixed_parts(solos.waveform.unsqueeze(0), "mean")
    mixture, images = parts.sum(1), solos.image.unsqueeze(0)
    found = model.eval().separate(mixture, images)
    swapped = model.separate(mixture, images.flip(1))
    estimates = torch.stack([found, swapped, mixture.unsqueeze(1).expand_as(parts)]).squeeze(1)
    sdr, *_ = bss_eval(parts[0].numpy(), estimates.numpy())
    assert (sdr[0] > sdr[2] + 8).all()
    assert (sdr[1] < sdr[2] - 3).all()


def test_autocast_keeps_spectrograms_and_loss_in_float32():
    model = separator()
    with torch.autocast("cpu", torch.bfloat16):
        loss, _ = model.training_step(bands(), torch.Generator())
        sounds = model.eval().separate(bands(2).waveform, bands(2).image.unsqueeze(0).expand(2, -1, -1, -1, -1))
    assert loss.dtype == sounds.dtype == torch.float32
    assert torch.isfinite(sounds).all()


# -- separation ------------------------------------------------------------------------------------------------------


def test_separate_locates_with_the_mixture():
    model, solos = separator().eval(), bands(2)
    mixture = mixed_parts(solos.waveform.unsqueeze(0), "mean").sum(1)
    images = solos.image.unsqueeze(0)
    sounds = model.separate(mixture, images)
    ((heard, _),) = model.locator.heard
    assert torch.equal(heard, mixture.expand(2, -1))
    assert sounds.shape == (1, 2, model.window)
    makers = model.sound_makers(images, solos.waveform.unsqueeze(0))
    assert makers.shape == (1, 2, 4)
    assert torch.allclose(model.separate_with(mixture, makers), sounds)  # an oracle does not listen


def test_a_locator_with_longer_windows_hears_what_the_separator_hears():
    config = CAVLConfig(
        spectrogram=SpectrogramConfig(hop=350, frames=64, bins=16),
        image_size=32,
        audio_trunk=(4, "M", 8),
        visual_trunk=(4, "M", 8),
        clustering=ClusteringConfig(beta=10.0),
    )
    for conditioning in ("center", "mask"):
        model = Separator(SeparatorConfig(spectrogram=TINY, channels=(4, 8), conditioning=conditioning), CAVL(config))
        assert model.locator.window > model.window
        loss, _ = model.training_step(bands(4), torch.Generator())
        loss.backward()
        assert model.eval().separate(bands(1).waveform, torch.zeros(1, 3, 3, 32, 32)).shape == (1, 3, model.window)


def test_masks_are_applied_on_the_log_frequency_axis():
    spectrogram = LogSpectrogram(SpectrogramConfig())
    solos = bands(2, samples=22_050)
    parts = mixed_parts(solos.waveform.unsqueeze(0), "sum")
    mixture = parts.sum(1)
    everything = masked(spectrogram, mixture, torch.ones(1, 1, 512, 87))
    assert torch.allclose(everything.squeeze(1), mixture, atol=1e-5)
    assert masked(spectrogram, mixture, torch.zeros(1, 1, 512, 87)).abs().max() == 0
    # The bands part at a quarter of the highest frequency: log(1 + 20 / 4) / log 21 of the way up.
    low = torch.zeros(1, 2, 512, 87)
    edge = round(511 * np.log(6) / np.log(21))
    low[:, 0, :edge], low[:, 1, edge:] = 1, 1
    error = masked(spectrogram, mixture, low) - parts
    assert (error.square().sum(2) < 0.02 * parts.square().sum(2)).all()
    coarse = masked(spectrogram, mixture, torch.full((1, 1, 4, 3), 0.5))
    assert torch.allclose(coarse.squeeze(1), mixture / 2, atol=1e-5)


def test_wrong_lengths_and_rates_are_refused():
    with pytest.raises(ValueError, match="must be 5250 samples long, not 5251"):
        separator().eval().separate(torch.zeros(1, 5251), torch.zeros(1, 2, 3, 8, 8))
    with pytest.raises(ValueError, match="waveform holds NaN"):
        separator().eval().separate(torch.full((1, 5250), torch.nan), torch.zeros(1, 2, 3, 8, 8))
    with pytest.raises(ValueError, match="11025 Hz"):
        Separator(SeparatorConfig(spectrogram=SpectrogramConfig(sample_rate=8000, frames=64, bins=64)), Oracle())


def test_state_round_trips_through_safetensors_with_its_locator():
    model, other = separator(), Separator(SeparatorConfig(spectrogram=TINY, channels=(8, 16, 16)), Oracle())
    model.locator.norm.running_mean += 1
    other.load_state_dict(load(save(model.state_dict())))
    solos = bands(2)
    arguments = (mixed_parts(solos.waveform.unsqueeze(0), "mean").sum(1), solos.image.unsqueeze(0))
    assert torch.equal(model.eval().separate(*arguments), other.eval().separate(*arguments))


# -- what the way through the log-frequency axis costs ----------------------------------------------------------------


def recordings(folder, samples):
    """Real recordings, their middle ``samples``: two instruments of every kind, some of ESC-50. (n, T) int16, kinds."""
    files = [p for kind in sorted((folder / "instruments").glob("*/")) for p in sorted(kind.iterdir())[:2]]
    files += sorted((folder / "ESC-50" / "audio").glob("*.wav"))[:: 731 // 20]
    sounds, names = [], []
    for path in files:
        sound = soundfile.read(path, dtype="int16")[0]
        sound = np.resize(sound, max(len(sound), samples))
        sound = sound[(len(sound) - samples) // 2 :][:samples]
        if sound.any():
            sounds.append(sound)
            names.append(path.parent.name)
    return torch.from_numpy(np.stack(sounds)), names


@pytest.mark.parametrize(("size", "instruments", "esc50"), [("paper", 20, 19), ("miniature", 8, 13)])
def test_error_of_real_recordings_is_as_stated(shared_data, size, instruments, esc50):
    """STFT -> warp -> unwarp -> ISTFT of magnitudes, with the recording's own phase: median SNR in dB."""
    spectrogram = LogSpectrogram(SIZES[size])
    sounds, names = recordings(shared_data, SIZES[size].samples)
    waveform = as_float(sounds)
    stft = spectrogram.stft(waveform)
    there_and_back = spectrogram.to_linear_frequency(spectrogram.to_log_frequency(magnitude(stft)))
    found = spectrogram.istft(there_and_back * torch.exp(1j * stft.angle()), waveform.shape[1])
    snr = 10 * torch.log10(waveform.square().sum(1) / (waveform - found).square().sum(1))
    of_instruments = torch.tensor([name != "audio" for name in names])
    assert float(snr[of_instruments].median()) == pytest.approx(instruments, abs=3)
    assert float(snr[~of_instruments].median()) == pytest.approx(esc50, abs=3)


@pytest.mark.parametrize(("size", "lost"), [("paper", 0.9), ("miniature", 3.2)])
def test_the_ideal_ratio_mask_bounds_what_the_log_frequency_axis_leaves(shared_data, size, lost):
    """Mixtures of real recordings: SDR by the ideal mask, by it warped and unwarped, by the ideal on the grid."""
    spectrogram = LogSpectrogram(SIZES[size])
    sounds, _ = recordings(shared_data, SIZES[size].samples)
    solos = as_float(sounds)
    solos = 0.05 * solos / solos.square().mean(1, keepdim=True).sqrt()
    pairs = torch.from_numpy(np.random.default_rng(0).permutation(len(solos))[:24].reshape(-1, 2))
    parts = mixed_parts(solos[pairs], "mean")
    stft = spectrogram.stft(parts.flatten(0, 1))
    stft = stft.view(*pairs.shape, *stft.shape[1:])
    mixture, whole = parts.sum(1), stft.sum(1, keepdim=True)
    ideal = ratio_mask(magnitude(stft), magnitude(whole))
    on_grid = ratio_mask(*(spectrogram.to_log_frequency(magnitude(z)) for z in (stft, whole)))
    estimates = torch.stack(
        [
            spectrogram.istft((ideal * whole).flatten(0, 1), parts.shape[-1]).view_as(parts),
            masked(spectrogram, mixture, spectrogram.to_log_frequency(ideal)),
            masked(spectrogram, mixture, on_grid),
            mixture.unsqueeze(1).expand_as(parts),
        ]
    )
    sdr = np.concatenate(
        [bss_eval(p.numpy(), e.numpy())[0] for p, e in zip(parts, estimates.transpose(0, 1), strict=True)], 1
    )
    assert (sdr[0] > sdr[1:] - 0.05).all()  # sound by sound
    assert (sdr[0].mean() > sdr[1:].mean(1) + 0.5).all()
    assert np.median(sdr[0] - sdr[1]) == pytest.approx(lost, abs=0.6)


def test_competing_masks_add_up_to_one_and_are_told_by_the_difference_to_the_others():
    torch.manual_seed(0)
    network = UNet((4, 8), 3, competing=True).eval()
    mixture, makers = torch.randn(2, 1, 8, 12), torch.randn(2, 2, 3)
    masks = network(mixture, makers)
    assert torch.allclose(masks.sum(1), torch.ones(2, 8, 12))
    # One alone is told by a sigmoid; of two the first by that of its logit less the other's.
    alone = torch.stack([network(mixture, makers[:, i : i + 1]).squeeze(1) for i in range(2)], 1).logit()
    assert torch.allclose(masks[:, 0], (alone[:, 0] - alone[:, 1]).sigmoid(), atol=1e-5)
    assert torch.allclose(network(mixture, makers.flip(1)), masks.flip(1), atol=1e-6)
