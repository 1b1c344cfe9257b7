"""ESC-50's layout, imitated with 5 s clips at 100 Hz, and the real recordings."""

import csv
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from baselines.trivial import SpectrogramStatistics
from benchmarks.datasets.folds import Folds, IncompleteError
from benchmarks.metrics.classification import fold_accuracies, mean_accuracy
from benchmarks.metrics.linear_probe import probe
from benchmarks.preparation.esc50 import from_folder

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


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where folders are packed."""
    return tmp_path_factory.mktemp("packed")


@pytest.fixture
def read(packed: Path) -> Callable[..., Folds]:
    return lambda folder, subset="esc10", rate=RATE: from_folder(folder, subset, packed, rate)


def ids(data: Folds) -> list[str]:
    return [data[i].id for i in range(len(data))]


def test_a_whole_subset(whole: Path, read: Callable[..., Folds]) -> None:
    data = read(whole)
    assert len(data) == 400
    assert str(data.coverage) == "400 of 400"
    assert data.scoreable
    data.require_scoreable()
    assert data.broken == []
    assert [label for label, name in enumerate(data.kind_names) if name] == list(ESC10)
    scene = data[13]
    assert (scene.id, scene.fold, scene.kinds, scene.n_sources) == ("1-1-A-11", 1, (11,), 1)
    listed = [row for row in official_rows() if row[4]]
    scenes = [data[i] for i in range(400)]
    assert [(f"{s.id}.wav", s.fold, *s.kinds) for s in scenes] == [row[:3] for row in listed]
    assert scene.waveform.dtype == np.int16
    np.testing.assert_allclose(scene.waveform / 32768, tone(12), atol=1 / 32768)


def test_pcm_samples_come_through_unchanged(root: Path, read: Callable[..., Folds]) -> None:
    samples = np.array([-32768, -32767, -1, 0, 1, 32767] + [5] * 494, dtype=np.int16)
    soundfile.write(root / "audio" / "1-0-A-0.wav", samples, RATE, subtype="PCM_16")
    np.testing.assert_array_equal(read(root)[0].waveform, samples)


def test_another_rate_is_resampled_and_stereo_averaged(root: Path, read: Callable[..., Folds]) -> None:
    left = 2 * tone(440, 44_100)
    soundfile.write(root / "audio" / "1-0-A-0.wav", np.stack([left, 0 * left], axis=1), 44_100)
    waveform = read(root, rate=11_025)[0].waveform
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
        (lambda path: (path.unlink(), os.mkfifo(path)), "damaged: .* cannot be read .is no regular file"),
    ],
)
def test_a_missing_or_damaged_clip_is_named_and_not_replaced(root: Path, read, damage, reason: str) -> None:  # type: ignore[no-untyped-def]
    damage(root / "audio" / "3-7-A-41.wav")
    data = read(root)
    assert len(data) == 399
    assert "3-7-A-41" not in ids(data)
    kind = reason.partition(":")[0]
    assert (data.coverage.missing, data.coverage.damaged) == ((1, 0) if kind == "missing" else (0, 1))
    assert list(data.coverage.reasons) == ["3-7-A-41"]
    assert data.broken == [3]
    with pytest.raises(
        IncompleteError, match=f"no accuracy over esc10 in {root}: .*399 of 400.*fold 3 not whole .*{reason}"
    ):
        data.require_scoreable()


def test_no_esc50_accuracy_over_missing_folds(whole: Path, read: Callable[..., Folds]) -> None:
    data = read(whole, "esc50")
    assert str(data.coverage) == "400 of 2000 (missing 1600, damaged 0)"
    assert not data.scoreable
    with pytest.raises(IncompleteError, match=r"folds 1, 2, 3, 4, 5 not whole .* and 1597 more"):
        data.require_scoreable()


def test_the_fingerprint_is_of_content(root: Path, whole: Path, read: Callable[..., Folds]) -> None:
    original = read(whole).fingerprint
    assert read(root).fingerprint == original, "where the folder is does not matter"
    assert read(root, rate=50).fingerprint != original, "resampled clips are other clips"
    assert read(root, "esc50").fingerprint != original
    path = root / "audio" / "2-2-A-10.wav"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    changed = read(root).fingerprint
    assert changed != original
    path.unlink()
    assert read(root).fingerprint not in (original, changed)


def test_a_folder_is_packed_once_and_anew_when_what_was_packed_is_damaged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = from_folder(root, "esc10", tmp_path, RATE)
    truth = np.stack([data[i].waveform for i in range(400)])
    (place,) = (tmp_path / "esc50_folders").glob("[0-9a-f]*")
    file = place / "clips-00000.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.warns(UserWarning, match=f"{place}: .* is not what was packed .* generated again"):
        again = from_folder(root, "esc10", tmp_path, RATE)
    assert np.array_equal(np.stack([again[i].waveform for i in range(400)]), truth)
    monkeypatch.setattr("benchmarks.preparation.esc50.decode", lambda *_: pytest.fail("packed again"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert from_folder(root, "esc10", tmp_path, RATE).fingerprint == again.fingerprint


def test_beside_data_that_can_only_be_read_a_folder_is_packed_at_home(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAVL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("benchmarks.datasets.cache.writable", lambda folder: False)
    data = tmp_path / "data"
    with pytest.warns(UserWarning, match=f"{data}/esc50_folders cannot be written: .* into {tmp_path}/home/data"):
        assert str(from_folder(whole, "esc10", data, RATE).coverage) == "400 of 400"
    assert not data.exists()
    assert len([*(tmp_path / "home" / "data" / "esc50_folders").glob("*/manifest.json")]) == 1


def test_a_file_that_changes_meanwhile_is_named(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "audio" / "5-7-A-41.wav"

    def change(*_: object) -> np.ndarray:
        path.write_bytes(b"")
        return np.zeros(500, np.int16)

    monkeypatch.setattr("benchmarks.preparation.esc50.decode", change)
    with pytest.raises(ValueError, match=f"{path} changes while it is read"):
        from_folder(root, "esc10", tmp_path, RATE)
    assert not [place for place in (tmp_path / "esc50_folders").iterdir() if place.is_dir()]


def test_a_missing_folder_says_where_to_get_it(tmp_path: Path, read: Callable[..., Folds]) -> None:
    with pytest.raises(FileNotFoundError, match=r"no .*esc50\.csv; get it from .* karolpiczak/ESC-50"):
        read(tmp_path / "nowhere")


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
        (lambda rows: [(rows[0][0], 2, *rows[0][2:]), *rows[1:]], "line 2: .* by its name, not of fold 2 and target 0"),
        (lambda rows: [rows[0][:3], *rows[1:]], "line 2: expected filename, .*, esc10, found more or fewer columns"),
    ],
)
def test_a_list_that_is_not_the_official_one_is_refused(root: Path, read, change, message: str) -> None:  # type: ignore[no-untyped-def]
    write_meta(root, change(official_rows()))
    with pytest.raises(ValueError, match=message):
        read(root, "esc50")


def test_a_list_as_a_spreadsheet_saves_it(root: Path, read: Callable[..., Folds]) -> None:
    before = read(root).fingerprint
    path = root / "meta" / "esc50.csv"
    head, rows = path.read_text().split("\n", 1)
    path.write_text(f"{head.upper()}\n{rows.replace('True', 'TRUE').replace('False', 'FALSE')}")
    assert read(root).fingerprint == before


def test_a_list_with_other_columns_is_refused(root: Path, read: Callable[..., Folds]) -> None:
    (root / "meta" / "esc50.csv").write_text("index,mid\n0,/m/dog\n")
    with pytest.raises(
        ValueError, match="its first line should name the columns filename, fold, target, category, esc10"
    ):
        read(root)


def test_bad_options_are_refused(whole: Path, read: Callable[..., Folds]) -> None:
    with pytest.raises(ValueError, match="subset='esc100'; allowed"):
        read(whole, "esc100")
    with pytest.raises(ValueError, match="sample_rate"):
        read(whole, rate=0)


def test_the_real_recordings(shared_data: Path, packed: Path) -> None:
    """ESC-10 in five whole folds, ESC-50 in one; spectrogram statistics tell kinds apart, permuted labels do not."""
    ten, fifty = (from_folder(shared_data / "ESC-50", subset, packed) for subset in ("esc10", "esc50"))
    assert ten.scoreable
    assert str(ten.coverage) == "400 of 400"
    assert str(fifty.coverage) == "731 of 2000 (missing 1269, damaged 0)"
    assert fifty.broken == [1, 2, 3, 5]
    assert not fifty.scoreable
    assert ten.kind_names[0] == "dog"
    # The keys of runs hang on them: they were these when the folder was read file by file.
    assert ten.fingerprint == "62dbf7db672cb41b64f273c81b98aa39796cfcf7d8399572f923d291e056d0be"
    assert fifty.fingerprint == "c6891f590047655d03513b3e76d4ee761d11059afbcbb194f9f71c66326dc5a1"
    labels, folds = (
        np.array([values(ten[i]) for i in range(400)]) for values in (lambda s: s.kinds[0], lambda s: s.fold)
    )

    waveforms = torch.from_numpy(np.stack([ten[i].waveform for i in range(len(ten))]))
    assert waveforms.shape == (400, 55_125)
    features = SpectrogramStatistics().audio_embedding(waveforms).numpy()[:, None]
    predicted = probe(features, labels, folds).predicted
    # 0.7575 when this was written, each fold between 0.71 and 0.84: room for another BLAS, none for another protocol.
    assert mean_accuracy(labels, predicted, folds) == pytest.approx(0.7575, abs=0.02)
    assert min(fold_accuracies(labels, predicted, folds).values()) > 0.65
    permuted = np.random.default_rng(0).permutation(labels)
    predicted = probe(features, permuted, folds).predicted
    assert mean_accuracy(permuted, predicted, folds) < 0.16  # chance 0.1, standard error 0.015


def test_recordings_of_one_upload_are_one_cluster(whole: Path, read: Callable[..., Folds]) -> None:
    data = read(whole)
    clusters = data.clusters()
    assert list(clusters) == ids(data)
    assert all(cluster == id.split("-")[1] for id, cluster in clusters.items())  # FOLD-UPLOAD-TAKE-CLASS
