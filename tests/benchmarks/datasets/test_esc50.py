"""ESC-50's layout, imitated with 5 s clips at 100 Hz, and the real recordings."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from baselines.trivial import SpectrogramStatistics
from benchmarks.datasets.esc50 import Esc50, IncompleteError
from benchmarks.metrics.classification import fold_accuracies, mean_accuracy
from benchmarks.metrics.linear_probe import probe

RATE = 100
ESC10 = (0, 1, 10, 11, 12, 20, 21, 38, 40, 41)
HEADER = ("filename", "fold", "target", "category", "esc10", "src_file", "take")


def official_rows() -> list[tuple[object, ...]]:
    return [
        (f"{fold}-{clip}-A-{target}.wav", fold, target, f"kind {target}", target in ESC10, clip, "A")
        for fold in range(1, 6)
        for clip in range(8)
        for target in range(50)
    ]


def write_meta(root: Path, rows: list[tuple[object, ...]]) -> None:
    (root / "meta").mkdir(parents=True, exist_ok=True)
    with open(root / "meta" / "esc50.csv", "w", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])


def tone(frequency: float, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(5 * rate) / rate)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ESC-10 whole, the other classes missing; a class's clips share a tone."""
    root = tmp_path_factory.mktemp("ESC-50")
    (root / "audio").mkdir()
    write_meta(root, official_rows())
    for name, _, target, *_ in official_rows():
        if target in ESC10:
            soundfile.write(root / "audio" / str(name), tone(1 + int(str(target))), RATE, subtype="PCM_16")
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(whole, tmp_path / "ESC-50"))


def test_a_whole_subset(whole: Path) -> None:
    data = Esc50(whole, sample_rate=RATE)
    assert len(data) == 400
    assert str(data.coverage) == "400 of 400"
    assert data.scoreable
    data.require_scoreable()
    assert data.complete_folds == dict.fromkeys((1, 2, 3, 4, 5), True)
    assert sorted(data.categories) == list(ESC10)
    scene = data[13]
    assert scene.id == data.ids[13] == "1-1-A-11"
    assert (scene.fold, scene.kinds, scene.n_sources) == (data.folds[13], (data.labels[13],), 1)
    assert scene.waveform.dtype == np.int16
    np.testing.assert_allclose(scene.waveform / 32768, tone(12), atol=1 / 32768)


def test_pcm_samples_come_through_unchanged(root: Path) -> None:
    samples = np.array([-32768, -32767, -1, 0, 1, 32767] + [5] * 494, dtype=np.int16)
    soundfile.write(root / "audio" / "1-0-A-0.wav", samples, RATE, subtype="PCM_16")
    np.testing.assert_array_equal(Esc50(root, sample_rate=RATE)[0].waveform, samples)


def test_another_rate_is_resampled_and_stereo_averaged(root: Path) -> None:
    left = 2 * tone(440, 44_100)
    soundfile.write(root / "audio" / "1-0-A-0.wav", np.stack([left, 0 * left], axis=1), 44_100)
    waveform = Esc50(root, sample_rate=11_025)[0].waveform
    assert waveform.shape == (55_125,)
    inner = slice(100, -100)  # the resampling filter's ends
    np.testing.assert_allclose(waveform[inner] / 32768, tone(440, 11_025)[inner], atol=2e-3)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "missing: no file"),
        (lambda path: path.write_bytes(b""), r"damaged: .* is empty \(0 bytes\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:20]), "damaged: .* cannot be decoded"),
        (lambda path: path.write_bytes(b"not sound" * 99), "damaged: .* cannot be decoded"),
        (lambda path: path.write_bytes(path.read_bytes()[:600]), "damaged: .* lasts 2.78 s, not 5 s; is it cut off"),
        (
            lambda path: soundfile.write(path, np.full(500, np.nan), RATE, subtype="FLOAT"),
            "damaged: .* holds NaN or infinite samples",
        ),
        (lambda path: (path.unlink(), path.mkdir()), "damaged: .* cannot be read"),
    ],
)
def test_a_missing_or_damaged_clip_is_named_and_not_replaced(root: Path, damage, reason: str) -> None:  # type: ignore[no-untyped-def]
    damage(root / "audio" / "3-7-A-41.wav")
    data = Esc50(root, sample_rate=RATE)
    assert len(data) == 399
    assert "3-7-A-41" not in data.ids
    kind = reason.partition(":")[0]
    assert (data.coverage.missing, data.coverage.damaged) == ((1, 0) if kind == "missing" else (0, 1))
    assert list(data.coverage.reasons) == ["3-7-A-41.wav"]
    assert [fold for fold, there in data.complete_folds.items() if not there] == [3]
    with pytest.raises(IncompleteError, match=f"no accuracy over esc10 .*399 of 400.*fold 3 not whole .*{reason}"):
        data.require_scoreable()


def test_no_esc50_accuracy_over_missing_folds(whole: Path) -> None:
    data = Esc50(whole, subset="esc50", sample_rate=RATE)
    assert str(data.coverage) == "400 of 2000 (missing 1600, damaged 0)"
    assert not data.scoreable
    with pytest.raises(IncompleteError, match=r"folds 1, 2, 3, 4, 5 not whole .* and 1597 more"):
        data.require_scoreable()


def test_the_fingerprint_is_of_content(root: Path, whole: Path) -> None:
    original = Esc50(whole, sample_rate=RATE).fingerprint
    assert Esc50(root, sample_rate=RATE).fingerprint == original, "where the folder is does not matter"
    assert Esc50(root, sample_rate=50).fingerprint != original, "resampled clips are other clips"
    assert Esc50(root, subset="esc50", sample_rate=RATE).fingerprint != original
    path = root / "audio" / "2-2-A-10.wav"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    changed = Esc50(root, sample_rate=RATE).fingerprint
    assert changed != original
    path.unlink()
    assert Esc50(root, sample_rate=RATE).fingerprint not in (original, changed)


def test_a_missing_folder_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no .*esc50\.csv; get it from .* karolpiczak/ESC-50"):
        Esc50(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[:-1], "lists 1999 clips of esc50, not the official 2000"),
        (lambda rows: [*rows[:-1], ("5-9-A-48.wav", *rows[-2][1:])], "not the official 2000"),  # one cell has nine
        (lambda rows: rows[:400], "lists 400 clips"),
        (lambda rows: [(rows[50][0], *rows[0][1:]), *rows[1:]], "lists a clip twice"),
        (lambda rows: [("../../secret.wav", *rows[0][1:]), *rows[1:]], "line 2: '../../secret.wav' is not the name"),
        (lambda rows: [(rows[0][0], 6, *rows[0][2:]), *rows[1:]], "line 2: fold 6"),
        (lambda rows: [(rows[0][0], "one", *rows[0][2:]), *rows[1:]], "line 2: expected filename, fold, target"),
        (lambda rows: [rows[0][:3], *rows[1:]], "line 2: .* esc10 None"),
    ],
)
def test_a_list_that_is_not_the_official_one_is_refused(root: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    write_meta(root, change(official_rows()))
    with pytest.raises(ValueError, match=message):
        Esc50(root, subset="esc50", sample_rate=RATE)


def test_a_list_with_other_columns_is_refused(root: Path) -> None:
    (root / "meta" / "esc50.csv").write_text("index,mid\n0,/m/dog\n")
    with pytest.raises(ValueError, match="line 2: expected filename, fold, target, category, esc10"):
        Esc50(root, sample_rate=RATE)


def test_bad_options_are_refused(whole: Path) -> None:
    with pytest.raises(ValueError, match="subset='esc100'; allowed"):
        Esc50(whole, subset="esc100")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="sample_rate"):
        Esc50(whole, sample_rate=0)


def test_the_real_recordings(shared_data: Path) -> None:
    """ESC-10 in five whole folds, ESC-50 in one; spectrogram statistics tell kinds apart, permuted labels do not."""
    ten, fifty = (Esc50(shared_data / "ESC-50", subset=subset) for subset in ("esc10", "esc50"))
    assert ten.scoreable
    assert str(ten.coverage) == "400 of 400"
    assert str(fifty.coverage) == "731 of 2000 (missing 1269, damaged 0)"
    assert [fold for fold, whole in fifty.complete_folds.items() if whole] == [4]
    assert not fifty.scoreable
    assert ten.categories[0] == "dog"

    waveforms = torch.from_numpy(np.stack([ten[i].waveform for i in range(len(ten))]))
    assert waveforms.shape == (400, 55_125)
    features = SpectrogramStatistics().audio_embedding(waveforms).numpy()[:, None]
    predicted = probe(features, ten.labels, ten.folds).predicted
    # 0.7575 when this was written, each fold between 0.71 and 0.84: room for another BLAS, none for another protocol.
    assert mean_accuracy(ten.labels, predicted, ten.folds) == pytest.approx(0.7575, abs=0.02)
    assert min(fold_accuracies(ten.labels, predicted, ten.folds).values()) > 0.65
    permuted = np.random.default_rng(0).permutation(ten.labels)
    predicted = probe(features, permuted, ten.folds).predicted
    assert mean_accuracy(permuted, predicted, ten.folds) < 0.16  # chance 0.1, standard error 0.015
