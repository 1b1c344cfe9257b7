"""BSS Eval against mir_eval and against what its definition implies."""

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from mir_eval.separation import bss_eval_sources
from scipy.signal import lfilter

from benchmarks.datasets.miniature import Miniature, MiniatureConfig
from benchmarks.metrics.separation import EXACT, SINGULAR, TAPS, SingularReferences, best_order, bss_eval, si_sdr

pytestmark = pytest.mark.filterwarnings("ignore:.*mir_eval.separation:FutureWarning")


def gaussian(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def agrees(references, estimates):
    """To 1e-6 dB, and infinite where mir_eval's ratio is made of rounding errors."""
    ours = np.array(bss_eval(references, estimates))
    theirs = np.array(bss_eval_sources(references, estimates, compute_permutation=False)[:3])
    exact = np.isposinf(ours)
    assert (theirs[exact] > EXACT).all()
    assert np.abs(ours[~exact] - theirs[~exact]).max(initial=0) < 1e-6
    return ours


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("samples", [1026, 22_050])
@pytest.mark.parametrize("noise", [1e-5, 0.3])
def test_agrees_with_mir_eval_on_noise(n, samples, noise):
    references = gaussian(n, samples)
    leak = gaussian(n, n, seed=1)
    agrees(references, references + 0.1 * leak @ references + noise * gaussian(n, samples, seed=2))


@settings(max_examples=6)
@given(st.data())
def test_agrees_with_mir_eval_on_a_random_matrix_of_cases(data):
    n = data.draw(st.integers(1, 3))
    samples = data.draw(st.integers((n - 1) * TAPS + 250, 3000))
    draw = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    colour = data.draw(st.sampled_from([(1.0,), (1.0, 0.9), (1.0, -0.9, 0.5)]))
    references = lfilter(colour, [1, -data.draw(st.floats(0, 0.95))], draw.standard_normal((n, samples)))
    references *= 10.0 ** draw.uniform(-2, 2, (n, 1))
    mixing = draw.standard_normal((n, n))
    estimates = mixing @ references + 10.0 ** draw.uniform(-3, 1) * draw.standard_normal((n, samples))
    try:
        agrees(references, estimates)
    except SingularReferences:  # the documented exception, which must then be the truth
        delayed = [np.pad(r, (lag, TAPS - 1 - lag)) for r in references for lag in range(TAPS)]
        values = np.linalg.svd(np.stack(delayed), compute_uv=False)
        assert (values[-1] / values[0]) ** 2 < 100 * SINGULAR  # in another norm than the one tested against


def test_agrees_with_mir_eval_on_miniature_scenes_as_pcm_and_as_float():
    scenes = Miniature(MiniatureConfig(seconds=2.0), "validation", 2, 2)
    for i in range(2):
        stems = scenes[i].stems.astype(np.float64)
        mixture = stems.sum(0)
        estimates = np.rint(stems + 0.1 * mixture)
        agrees(stems, estimates)
        agrees(stems / 65_536, estimates / 32_768)
        sar = agrees(stems, np.stack([mixture, mixture]))[2]
        assert np.isposinf(sar).all()  # a sum of the references has no artifacts


@pytest.mark.parametrize("kinds", [("Flute", "Cello"), ("Acoustic_guitar", "Hi_hat"), ("Saxophone", "Bass_drum")])
def test_agrees_with_mir_eval_on_real_recordings(shared_data, kinds):
    sounds = []
    for kind in kinds:
        recordings = (
            soundfile.read(p, dtype="int16")[0] for p in sorted((shared_data / "instruments" / kind).iterdir())
        )
        sounds.append(next(r for r in recordings if len(r) >= 16_384)[:16_384].astype(np.float64))
    references = np.stack(sounds)
    mixture = references.sum(0)
    agrees(references, np.stack([mixture, mixture]))
    agrees(references, np.clip(0.8 * references + 0.2 * mixture, -3000, 3000))


def test_any_number_of_estimates_share_the_references():
    references = gaussian(2, 3000)
    estimates = references + gaussian(4, 3, 2, 3000, seed=1)
    together = np.array(bss_eval(references, estimates))
    assert together.shape == (3, 4, 3, 2)
    alone = np.array(bss_eval(references, estimates[2, 1]))
    assert np.allclose(together[:, 2, 1], alone, atol=1e-9)


def test_known_ratios():
    """White noise: 0.1 of the other source is 20 dB of interference, 0.1 of something else 20 dB of artifacts."""
    references = gaussian(2, 60_000)
    other = gaussian(2, 60_000, seed=1)
    sdr, sir, sar = bss_eval(references, references + 0.1 * references[::-1])
    assert sdr == pytest.approx(20, abs=0.3)
    assert sir == pytest.approx(20, abs=0.3)
    assert np.isposinf(sar).all()
    sdr, sir, sar = bss_eval(references, references + 0.1 * other)
    assert sdr == pytest.approx(20, abs=0.3)
    assert sar == pytest.approx(20, abs=0.3)
    assert (sir > 35).all()  # what 512 taps find of it by chance


@settings(max_examples=5)
@given(st.floats(0.01, 100), st.integers(0, 400), st.integers(0, 1000))
def test_filtered_and_scaled_estimates_are_not_distorted(gain, delay, seed):
    references = gaussian(2, 3000, seed=seed)
    estimates = references + 0.2 * gaussian(2, 3000, seed=seed + 1)
    assert np.allclose(bss_eval(references, gain * estimates), bss_eval(references, estimates), atol=1e-6)
    padded = np.pad(references, ((0, 0), (0, 600)))
    echo = np.roll(padded, delay, axis=1) + 0.5 * np.roll(padded, delay // 2, axis=1)
    assert np.isposinf(np.array(bss_eval(padded, echo))).all()


def test_one_source_has_no_interference():
    sdr, sir, sar = bss_eval(gaussian(1, 2000), gaussian(1, 2000) + gaussian(1, 2000, seed=1))
    assert np.isposinf(sir).all()
    assert sdr == pytest.approx(sar)


@pytest.mark.parametrize("which", ["reference", "estimate"])
@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (np.inf, "NaN or infinite"), (0.0, "silent")])
def test_silence_and_nan_are_errors(which, value, message):
    references, estimates = gaussian(2, 2000), gaussian(2, 2000, seed=1)
    (references if which == "reference" else estimates)[1] = value
    with pytest.raises(ValueError, match=f"{which}.*{message}"):
        bss_eval(references, estimates)


@pytest.mark.parametrize("copy", ["same", "louder", "later", "filtered", "inverted"])
def test_references_that_are_copies_are_errors(copy):
    source = np.pad(gaussian(2000), (0, 100))
    other = {
        "same": source,
        "louder": 3.7 * source,
        "later": np.roll(source, 50),
        "filtered": lfilter([1, 0.5, -0.25], 1, source),
        "inverted": -source,
    }[copy]
    with pytest.raises(SingularReferences, match="copies"):
        bss_eval(np.stack([source, other]), gaussian(2, 2100, seed=1))


def test_a_fading_tone_without_noise_is_an_error_and_its_pcm_is_not():
    tone = (np.hanning(5000) * np.sin(0.1 * np.arange(5000)))[None]
    noisy = tone + 0.1 * gaussian(1, 5000)
    with pytest.raises(SingularReferences, match="empty bands"):
        bss_eval(tone, noisy)
    agrees(np.rint(tone * 20_000), np.rint(noisy * 20_000))
    # There is no number to agree with: mir_eval's own hangs on the last bits of its input.
    nearly = tone * (1 + 1e-15 * gaussian(1, 5000, seed=1))
    sdr, other = (bss_eval_sources(t, noisy, compute_permutation=False)[0] for t in (tone, nearly))
    assert abs(sdr - other) > 1e-3


def test_one_frame():
    """1,022 samples: enough for two sources, of which 512 taps each make less than anything; not for three."""
    agrees(gaussian(2, 1022), gaussian(2, 1022) + gaussian(2, 1022, seed=1))
    agrees(gaussian(1, 256), gaussian(1, 256) + gaussian(1, 256, seed=1))
    with pytest.raises(SingularReferences, match="at least 1026 samples"):
        bss_eval(gaussian(3, 1022), gaussian(3, 1022, seed=1))
    with pytest.raises(SingularReferences, match="at least 514 samples"):
        bss_eval(gaussian(2, 513), gaussian(2, 513, seed=1))
    # There the projection on all references is the estimate itself: mir_eval's artifacts are rounding errors.
    sar = bss_eval_sources(gaussian(3, 1022), gaussian(3, 1022, seed=1), compute_permutation=False)[2]
    assert (sar > EXACT).all()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="references must be"):
        bss_eval(gaussian(2000), gaussian(2000))
    with pytest.raises(ValueError, match="references must be"):
        bss_eval(gaussian(0, 2000), gaussian(0, 2000))
    with pytest.raises(ValueError, match="end with the references' shape"):
        bss_eval(gaussian(2, 2000), gaussian(2, 1999))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_best_order_is_mir_evals_permutation(order):
    references = gaussian(2, 2000)
    estimates = (references + 0.4 * gaussian(2, 2, seed=1) @ references)[list(order)]
    permutation = bss_eval_sources(references, estimates)[3]
    assert (best_order(references, estimates) == estimates[permutation]).all()


def test_where_ratios_are_undefined_the_order_stays():
    references, estimates = gaussian(2, 3000), gaussian(2, 3000, seed=1)
    for silent in (estimates * [[1], [0]], estimates * np.nan):
        assert best_order(references, silent) is silent


# -- SI-SDR ------------------------------------------------------------------------------------------------------------


def test_si_sdr_of_a_reference_and_what_is_orthogonal_to_it_is_known():
    reference, other = np.array([[3.0, 0, 4, 0]]), np.array([[0.0, 1, 0, 0]])
    for gain in (1.0, 0.01, -5.0):  # ||s||^2 = 25, so 10 lg(25 / 1), whatever the level
        assert si_sdr(reference, gain * (reference + other)) == pytest.approx(10 * np.log10(25), abs=1e-12)
    assert np.isinf(si_sdr(reference, 7 * reference)).all()


def test_si_sdr_is_the_formula_and_never_above_sdr():
    draw = np.random.default_rng(3)
    references = draw.standard_normal((2, 3000))
    estimates = references + 0.3 * references[::-1] + 0.1 * draw.standard_normal((4, 2, 3000))
    found = si_sdr(references, estimates)
    assert found.shape == (4, 2)
    for row, value in zip(estimates, found, strict=True):
        for s, e, one in zip(references, row, value, strict=True):
            a = (e @ s) / (s @ s)
            assert one == pytest.approx(10 * np.log10(((a * s) ** 2).sum() / ((e - a * s) ** 2).sum()))
    assert (found < bss_eval(references, estimates)[0]).all()  # a filter of 512 taps explains more than one of one tap


def test_si_sdr_refuses_what_sdr_refuses():
    references = np.random.default_rng(0).standard_normal((2, 100))
    with pytest.raises(ValueError, match="silent"):
        si_sdr(references, 0 * references)
    with pytest.raises(ValueError, match="shape"):
        si_sdr(references, references[:1])
