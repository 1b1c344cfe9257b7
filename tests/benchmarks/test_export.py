"""Exported models against the runs they come from: real runs of the smoke preset, on few scenes."""

import json
import re
from hashlib import sha256

import numpy as np
import pytest

from benchmarks import export as module
from benchmarks.cli import main
from benchmarks.export import export
from benchmarks.orchestration.experiment import answered, run_job
from cavl import load
from cavl.extractor import ModelError
from registry.index import Registry
from tests.plain_config import resolve, run_config
from tests.sealed import change

SOUND = np.random.default_rng(0).integers(-9000, 9000, 30_000, dtype=np.int16)
PICTURE = np.random.default_rng(1).integers(0, 256, (50, 60, 3), dtype=np.uint8)


def run(registry, task, ordering="c1", seed=1):
    """The finished run of a task, and before it of what it starts from."""
    config = run_config(task, "smoke", "cavl", ordering, seed)
    few = {"train": {"1": 12}, "validation": 4, "test": {"1": 12}}
    job = resolve({**config, "data": {**config["data"], **few}})
    for member in job.chain():
        if answered(member, registry) is None:
            run_job(member)
    return registry.find(job.key)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """c1 pre-trained, localized with by two seeds and after its third update, and a separation network on top."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("runs")
        patch.setenv("CAVL_HOME", str(home))
        patch.setenv("CAVL_DATA", str(tmp_path_factory.mktemp("data")))
        registry = Registry(home)
        runs = [run(registry, "localization", seed=seed) for seed in (1, 2)]
        runs += [run(registry, "localization", "c1@3"), run(registry, "separation")]
        for record in runs:  # what a card must not tell
            for name, part in (("run.json", "host"), ("config.json", "evaluation")):
                content = json.loads((record.folder / name).read_text())
                content[part] |= {"hostname": "workstation17", "folder": "https://anna:secret@disk/home/anna"}
                change(record.folder / name, **content)
            pedigree = json.loads((record.folder / "pedigree.json").read_text())
            pedigree["environment"]["index"] = "https://anna:secret@disk/simple"
            change(record.folder / "pedigree.json", **pedigree)
        yield registry


def only(registry, task, ordering="c1", seed=1):
    records = registry.records(task=task, ordering=ordering, seed=seed)
    assert len(records) == 1
    return records[0]


@pytest.fixture(scope="module")
def separation(registry, tmp_path_factory):
    return export(registry, only(registry, "separation").id, tmp_path_factory.mktemp("out") / "trained")


def test_an_exported_model_is_the_runs_model(registry, separation):
    run, folder = load(only(registry, "separation").folder), load(separation)
    assert sorted(p.name for p in separation.iterdir()) == ["README.md", "config.json", "weights.safetensors"]
    assert folder.abilities == run.abilities == ("audio_embedding", "localize", "separate")
    assert np.array_equal(folder.audio_embedding(SOUND, 22_050), run.audio_embedding(SOUND, 22_050))
    pictures = [PICTURE, PICTURE[::-1]]
    assert np.array_equal(folder.separate(SOUND, pictures, 22_050), run.separate(SOUND, pictures, 22_050))


def test_the_weights_are_those_that_the_run_recorded(registry, separation):
    digest = sha256((separation / "weights.safetensors").read_bytes()).hexdigest()
    assert digest == only(registry, "separation").result["weights"]
    assert json.loads((separation / "config.json").read_text())["weights"] == digest


def test_the_card_says_where_the_weights_come_from(registry, separation):
    record, card = only(registry, "separation"), (separation / "README.md").read_text()
    assert "# cavl c1, separation, seed 1" in card
    assert "| scenes of 1 source | 6 | 0.001 |" in card
    assert "| separating two mixed solos (mask conditioning, weighted L1) | 4 | 0.003, falling by a cosine |" in card
    for fact in (
        record.pedigree.key,
        record.pedigree.parents[0],
        record.pedigree.dataset[:16],
        record.result["weights"],
        f"of {len(record.pedigree.code)} modules",
        f"torch {record.pedigree.environment['torch']}",
        "license: apache-2.0",
        "nothing above 5.51 kHz",
        "model.separate(mixture, images, sr)",
    ):
        assert fact in card, fact
    assert "model.count" not in card


def test_the_card_quotes_the_scores_of_the_run_and_of_its_frozen_network(registry, separation):
    card = (separation / "README.md").read_text()
    own, locating = only(registry, "separation"), only(registry, "localization")
    other = only(registry, "localization", seed=2).result["score"]
    for row, measure in (
        ("located-mixture", "SDR in dB, located with the mixture"),
        ("shuffled", "SDR in dB, located as in another pair (control)"),
        ("mixture", "SDR in dB of the mixture itself (control)"),
    ):
        assert f"| {own.id} | separation | {measure} | {own.result['rows'][row]['sdr']:.4g} | not run |" in card
    score = locating.result["score"]
    assert f"| {locating.id} | localization | cIoU@0.5, single sources | {score:.4g} | {other:.4g} (2) |" in card
    early = only(registry, "localization", "c1@3")
    assert f"| {early.id} | localization |" not in card  # it measured other weights


def test_nothing_of_the_machine_or_its_user_leaves(registry, separation):
    for file in separation.iterdir():
        content = file.read_bytes().decode("latin-1")
        for secret in ("workstation17", "anna", "secret", str(registry.home), "hostname"):
            assert secret not in content, (file.name, secret)


def test_an_evaluation_exports_the_weights_that_it_measured(registry, tmp_path):
    measured = export(registry, only(registry, "localization", "c1@3").id, tmp_path / "early")
    trained = registry.find(only(registry, "localization", "c1@3").pedigree.parents[0])
    digest = sha256((measured / "weights.safetensors").read_bytes()).hexdigest()
    assert digest == trained.result["kept"]["3"]
    card = (measured / "README.md").read_text()
    assert "# cavl c1, seed 1" in card
    assert "| scenes of 1 source | 3 (of 6) | 0.001 |" in card
    assert set(re.findall(r"\| (\d+) \| (?:pretrain|localization)", card)) == {
        str(only(registry, "localization", "c1@3").id)
    }
    whole = export(registry, only(registry, "localization").id, tmp_path / "whole")
    assert load(whole).abilities == ("audio_embedding", "localize")
    assert "| scenes of 1 source | 6 | 0.001 |" in (whole / "README.md").read_text()


def test_the_command_writes_the_folder_once(registry, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CAVL_HOME", str(registry.home))
    out, number = tmp_path / "deep" / "trained", str(only(registry, "localization").id)
    assert main(["export", number, "--out", str(out)]) == 0
    assert f"{out}" in capsys.readouterr().out
    before = (out / "README.md").stat().st_mtime_ns
    assert main(["export", number, "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (out / "README.md").stat().st_mtime_ns == before
    assert main(["export", "99", "--out", str(tmp_path / "other")]) == 2
    assert "there is no run 99" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep"]


def test_what_cannot_be_exported_leaves_nothing_behind(registry, tmp_path, monkeypatch):
    record = only(registry, "localization", seed=2)
    weights = registry.home / "checkpoints" / record.pedigree.parents[0] / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1])
    with pytest.raises(ModelError, match="is damaged"):
        export(registry, record.id, tmp_path / "damaged")
    weights.write_bytes(whole)
    monkeypatch.setattr(module, "card", lambda *_: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        export(registry, record.id, tmp_path / "interrupted")
    assert not list(tmp_path.iterdir())
