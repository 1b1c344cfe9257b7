"""Sounds that somebody else separated, against mir_eval."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from mir_eval.separation import bss_eval_sources

from benchmarks.cli import main
from benchmarks.scoring.sound_folders import in_folders
from registry.index import Registry

pytestmark = pytest.mark.filterwarnings("ignore:.*mir_eval.separation:FutureWarning")
RATE, SAMPLES = 8000, 2048


def drawn(number: int, samples: int = SAMPLES) -> tuple[np.ndarray, np.ndarray]:
    """Two sources, and estimates of them that leak into each other and are noisy, as 32-bit floats hold them."""
    draw = np.random.default_rng(number)
    references = 0.2 * draw.normal(size=(2, samples))
    estimates = references + draw.uniform(0.05, 0.4) * references[::-1] + 0.02 * draw.normal(size=(2, samples))
    return references.astype(np.float32).astype(float), estimates.astype(np.float32).astype(float)


def write(folder: Path, name: str, sound: np.ndarray, rate: int = RATE) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / name, sound, rate, subtype="FLOAT")


def score(capsys: pytest.CaptureFixture[str], folder: Path, *words: object) -> Any:
    files = ["--references", str(folder / "clean"), "--estimates", str(folder / "separated")]
    code = main(["score", "separation", *files, *map(str, words), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def test_64_mixtures_one_of_them_with_a_silent_reference(
    tmp_path: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected: dict[str, tuple[float, float, float]] = {}
    for number in range(64):
        references, estimates = drawn(number)
        if number == 17:
            references[1] = 0
        for source in (0, 1):
            name = f"mixture{number:02}/source{source + 1}.wav"
            write(tmp_path / "clean", name, references[source])
            write(tmp_path / "separated", name, estimates[source])
        if number != 17:
            ratios = bss_eval_sources(references, estimates, compute_permutation=False)[:3]
            expected |= {f"mixture{number:02}/source{s + 1}": tuple(r[s] for r in ratios) for s in (0, 1)}
    found = score(capsys, tmp_path)
    assert found["coverage"] == "126 of 128 sounds (missing 0, left out 2), 63 of 64 mixtures whole"
    assert found["excluded"] == dict.fromkeys(("mixture17/source1", "mixture17/source2"), "silent reference")
    items = Registry(tmp_home).get(found["run"]).artifact("items.csv").read_text().splitlines()
    for measure, which in (("sdr", 0), ("sir", 1), ("sar", 2)):
        mean = np.mean([ratios[which] for ratios in expected.values()])
        assert found["rows"]["estimate"][measure] == pytest.approx(mean, abs=1e-6)
        rows = (line.split(",") for line in items)
        values = {r[0]: float(r[3]) for r in rows if r[1].startswith("row=estimate;") and r[2] == measure and not r[4]}
        assert values == {id: pytest.approx(ratios[which], abs=1e-6) for id, ratios in expected.items()}
    assert found["rows"]["mixture"]["items"] == 126


def test_what_has_no_score_is_named(tmp_path: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(8):
        references, estimates = drawn(number)
        for source in (0, 1):
            write(tmp_path / "clean", f"s{source + 1}/m{number}.wav", references[source])
            write(tmp_path / "separated", f"s{source + 1}/m{number}.wav", estimates[source])
    separated, (_, first) = tmp_path / "separated" / "s1", drawn(0)
    (separated / "m1.wav").unlink()
    write(separated, "m2.wav", first[0, :-1])
    write(separated, "m3.wav", np.append(first[0, 1:], np.nan))
    write(separated, "m4.wav", first[0] * 32768)
    write(separated, "m5.wav", first[0] / 32768 / 32768)
    write(separated, "m6.wav", first[0], rate=16000)
    write(separated, "m7.wav", 0 * first[0])
    found = score(capsys, tmp_path)
    assert found["missing"] == ["m1/s1"]
    why = found["excluded"]
    assert why["m1/s1"] == "missing"
    assert "it has 2,047 samples, its reference 2,048; --trim 1 cuts" in why["m2/s1"]
    assert "NaN" in why["m3/s1"]
    assert "times full scale: it is scaled wrongly" in why["m4/s1"]
    assert "all but zero: it is scaled wrongly" in why["m5/s1"]
    assert "it has 16,000 samples a second, its reference 8,000" in why["m6/s1"]
    assert why["m7/s1"] == "silent estimate"
    assert found["coverage"] == "9 of 16 sounds (missing 1, left out 6), 1 of 8 mixtures whole"
    assert "m2/s1" not in score(capsys, tmp_path, "--trim", 1)["excluded"]


@pytest.mark.parametrize("layout", ["{m}/{s}.wav", "{s}/{m}.wav", "{m}_{s}.wav"])
def test_places_tell_mixtures(tmp_path: Path, layout: str) -> None:
    for m in ("song a", "song b", "song c"):
        for s in ("s1", "s2"):
            write(tmp_path / "clean", layout.format(m=m, s=s), np.ones(4))
            write(tmp_path / "separated", layout.format(m=m, s=s).replace(".wav", "_est.wav"), np.ones(4))
        write(tmp_path / "clean", layout.format(m=m, s="mix"), np.ones(4))
    found = in_folders(tmp_path / "clean", tmp_path / "separated")
    assert [m.id for m in found.found] == ["song a", "song b", "song c"]
    for mixture in found.found:
        assert [source.id for source in mixture.sources] == [f"{mixture.id}/s1", f"{mixture.id}/s2"]
        assert all(source.estimate.is_file() for source in mixture.sources)
        assert mixture.sound is not None
    assert not found.notes


def test_a_table_of_pairs(tmp_path: Path, tmp_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    references, estimates = drawn(1)
    lines = ["mixture,reference,estimate", "broken"]
    for s in (0, 1):
        write(tmp_path, f"r{s}.wav", references[s])
        write(tmp_path, f"e{s}.wav", estimates[s])
        lines.append(f"one,r{s}.wav,e{s}.wav")
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    assert main(["score", "separation", "--pairs", str(tmp_path / "pairs.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    sdr = bss_eval_sources(references, estimates, compute_permutation=False)[0]
    assert found["score"] == pytest.approx(sdr.mean(), abs=1e-6)
    assert list(found["refused"]) == ["pairs.csv, line 2"]
    assert main(["score", "separation"]) == 2
    assert "--pairs FILE" in capsys.readouterr().err
