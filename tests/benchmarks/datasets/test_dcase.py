"""DCASE's layout with generated scenes: 24-bit stereo at 44.1 kHz in three official folds."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from baselines.trivial import SpectrogramStatistics
from benchmarks.datasets.dcase import read_lists
from benchmarks.datasets.folds import Folds, IncompleteError
from benchmarks.orchestration.request import Request, jobs_of
from benchmarks.preparation.dcase import from_folder
from benchmarks.tasks import classification
from benchmarks.tasks.classification import ClassificationConfig, measure
from cavl.config import ConfigError
from tests.plain_config import fake_context

RATE = 44_100
SCENES = {"bus": 300, "beach": 2500}  # Hz, around which each sounds
FOLDS, PER_FOLD = (1, 2, 3), 2


def recordings() -> dict[str, tuple[str, int]]:
    """Recording -> its scene and the fold that tests it."""
    return {
        f"audio/{scene[:2]}{fold}{i}_0_30.wav": (scene, fold)
        for scene in SCENES
        for fold in FOLDS
        for i in range(PER_FOLD)
    }


def write_lists(root: Path, test: str = "evaluate") -> None:
    setup = root / "evaluation_setup"
    setup.mkdir(parents=True, exist_ok=True)
    listed = recordings()
    (root / "meta.txt").write_text("".join(f"{name}\t{scene}\ta001\n" for name, (scene, _) in listed.items()))
    for fold in FOLDS:
        train = [f"{name}\t{scene}\n" for name, (scene, tested) in listed.items() if tested != fold]
        (setup / f"fold{fold}_train.txt").write_text("".join(train))
        label = "\t{}" if test == "evaluate" else ""
        tested = [name + label.format(scene) + "\n" for name, (scene, where) in listed.items() if where == fold]
        (setup / f"fold{fold}_{test}.txt").write_text("".join(tested))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "TUT-acoustic-scenes"
    (root / "audio").mkdir(parents=True)
    write_lists(root)
    time = np.arange(RATE) / RATE
    for number, (name, (scene, _)) in enumerate(recordings().items()):
        draw = np.random.default_rng(number)
        tones = sum(np.sin(2 * np.pi * SCENES[scene] * draw.uniform(0.9, 1.1) * time) for _ in range(3)) / 6
        soundfile.write(root / name, np.stack([tones, tones], 1), RATE, subtype="PCM_24")
    return root


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Path], Folds]:
    return lambda folder: from_folder(folder, tmp_path / "packed")


def test_official_folds_of_a_folder(root: Path, read: Callable[[Path], Folds]) -> None:
    data = read(root)
    assert (len(data), str(data.coverage), data.sample_rate) == (12, "12 of 12", 11_025)
    assert data.kind_names == ("beach", "bus")
    found = {
        f"audio/{scene.id}.wav": (data.kind_names[scene.kinds[0]], scene.fold)
        for scene in map(data.__getitem__, range(12))
    }
    assert found == recordings()
    assert len(data[0].waveform) == 11_025
    data.require_scoreable()
    again = read(root)
    assert again.fingerprint == data.fingerprint
    for path in (root / "evaluation_setup").glob("*_evaluate.txt"):
        path.unlink()
    write_lists(root, test="test")  # without labels, as the challenge gave them out
    assert read(root).fingerprint == data.fingerprint


def test_the_probe_tells_scenes_apart_and_permuted_labels_do_not(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    classification.read_dcase.cache_clear()
    context = fake_context(
        ClassificationConfig,
        {"probe": "dcase", "pooling": "mean", "esc50": None, "dcase": str(root)},
        1,
        job=SimpleNamespace(name="this job"),
        device=torch.device("cpu"),
        trained=lambda: SpectrogramStatistics(SpectrogramStatistics.Config(sample_rate=11_025)),
        progress=lambda done, total: None,
        add_file=lambda name, write: None,
    )
    result = measure(context)
    assert (result["accuracy"], result["folds"], result["classes"]) == (1.0, [1.0] * 3, 2)
    assert result["chance"] == 0.5
    assert result["permuted"] < 0.9


def test_incomplete_folds_say_so(root: Path, read: Callable[[Path], Folds]) -> None:
    (root / "audio" / "bu10_0_30.wav").unlink()
    (root / "audio" / "bu31_0_30.wav").write_bytes(b"RIFF")
    data = read(root)
    assert str(data.coverage) == "10 of 12 (missing 1, damaged 1)"
    with pytest.raises(
        IncompleteError,
        match=r"over dcase in .*: only 10 of 12 .* folds 1, 3 not whole \(bu10_0_30: missing: no file audio/bu10",
    ):
        data.require_scoreable()


def test_a_plan_has_the_probe_where_the_folder_is_whole(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAVL_DATA", str(tmp_path / "data"))
    for cached in (classification.read_dcase, classification._say_once):
        cached.cache_clear()

    def planned() -> dict[str | None, str]:
        asked = Request(preset="smoke", seeds=1, methods=("spectrogram-statistics",), dcase=str(root))
        return {job.variant: job.key for job in jobs_of(asked)}

    keys = planned()
    assert set(keys) == {"miniature", "dcase"}
    moved = root.rename(root.with_name("elsewhere"))
    asked = Request(preset="smoke", seeds=1, methods=("spectrogram-statistics",), dcase=str(moved))
    assert {job.variant: job.key for job in jobs_of(asked)} == keys, "where the folder lies is not in the key"
    (moved / "audio" / "bu10_0_30.wav").unlink()
    moved.rename(root)
    classification.read_dcase.cache_clear()
    assert set(planned()) == {"miniature"}
    assert "left out: no accuracy over dcase" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"evaluation\.dcase=DIR \(the suite: --dcase DIR\)"):
        classification.read_folder(ClassificationConfig(probe="dcase"))


def test_lists_that_are_no_cross_validation_are_refused(root: Path) -> None:
    setup, meta = root / "evaluation_setup", root / "meta.txt"

    def refused(said: str, error: type[Exception] = ValueError) -> None:
        with pytest.raises(error, match=said):
            read_lists(root)
        write_lists(root)

    lines = (setup / "fold1_train.txt").read_text().splitlines(keepends=True)
    (setup / "fold1_train.txt").write_text("".join(lines[1:]))
    refused("fold 1 trains on 7 recordings and tests 4 of 12")
    (setup / "fold1_train.txt").write_text("".join(lines).replace("\tbus", "\tbuz", 1))
    refused(r"fold1_train\.txt, line \d+: the scene of audio/.*\.wav is 'buz', in meta\.txt 'bus'")
    (setup / "fold2_evaluate.txt").write_text((setup / "fold1_evaluate.txt").read_text())
    refused(r"fold 2 tests audio/bu10_0_30\.wav, as fold 1 does")
    (setup / "fold3_evaluate.txt").write_text("audio/other.wav\tbus\n")
    refused(r"fold 3 lists audio/other\.wav, which meta\.txt does not")
    meta.write_text("audio/../../x.wav\tbus\n")
    refused(r"meta\.txt, line 1: expected audio/NAME\.wav and a scene")
    meta.write_text(meta.read_text() + "audio/bu10_0_30.wav\tbeach\n")
    refused(r"line 13: expected .* each once")
    (setup / "fold3_train.txt").unlink()
    refused("2 folds test 8 of 12 recordings; the probe needs 3 folds or more")
    (setup / "fold2_evaluate.txt").unlink()
    refused(r"there is no .*fold2_evaluate.txt; get a development set", FileNotFoundError)
    meta.unlink()
    refused(r"DCASE: there is no .*meta.txt; get a development set", FileNotFoundError)
