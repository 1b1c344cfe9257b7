"""``cavl-bench prepare``: status, verify, errors in a sentence, help."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import cli
from benchmarks.datasets.prepared import Lost, Prepared
from benchmarks.preparation.journal import Journal
from benchmarks.preparation.packing import Clip, Packer, seal, write
from benchmarks.preparation.pipeline import alone_in

ROOT = Path(__file__).parents[3]


def main(words: list[str]) -> int:
    return cli.main(["prepare", *words])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set that has been begun with eleven items: three found, five lost."""
    folder = tmp_path / "audioset"
    packer, journal = Packer(folder), Journal(folder)
    journal.begin({}, 11)
    packed = [packer.append(Clip(id=f"v{n}", waveform=np.full(9, n, np.int16))) for n in range(3)]
    for clip in packed:
        journal.found(clip.id, [clip])
    lost = [Lost(id=f"m{n}", status="missing", reason="Private video") for n in range(4)]
    lost.append(Lost(id="d0", status="damaged", reason="no audio [track]"))
    journal.lost(*lost)
    seal(folder, packed, lost + [Lost(id=f"u{n}", status="missing", reason="not tried yet") for n in range(3)])
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main([*arguments]) == status
    out, err = capsys.readouterr()
    return err if status else out


def test_status(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")  # which is no width of what is piped
    text = said(capsys, "status", "--root", str(root))
    (row,) = (line for line in text.splitlines() if "audioset" in line and "│" in line)
    assert [cell.strip() for cell in row.split("│")[2:8]] == ["11", "3", "4", "1", "3", "3"]
    assert "audioset: 4 missing: Private video (m0 and 3 more)\n" in text
    assert "audioset: 1 damaged: no audio [track] (d0)\n" in text
    figures = json.loads(said(capsys, "status", "--root", str(root), "--json"))["audioset"]
    assert (figures["found"], figures["to_do"], figures["clips"]) == (3, 3, 3)
    assert "1 more reasons" in said(capsys, "status", "--root", str(root), "--reasons", "1")


def test_a_status_in_a_pipe_or_a_narrow_terminal_is_whole(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "audioset-of-" + "seven-" * 12 + "years"
    (root / "audioset").rename(root / name)
    fingerprint = Prepared(root / name).fingerprint[:12]
    environment = {**os.environ, "COLUMNS": "40", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "benchmarks.cli", "prepare", "status", "--root", str(root)]
    piped = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
    (row,) = (line for line in piped.splitlines() if "│" in line)
    assert [row.split()[1], row.split()[-2]] == [name, fingerprint]

    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    lines = [line for line in said(capsys, "status", "--root", str(root)).splitlines() if line.startswith("│")]
    cells = zip(*(map(str.strip, line.split("│")[1:-1]) for line in lines), strict=True)
    assert ["".join(cell) for cell in cells] == [name, "11", "3", "4", "1", "3", "3", fingerprint]


def test_who_calls_it_keeps_an_own_answer_to_sigterm(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    said(capsys, "status", "--root", str(root))
    assert signal.getsignal(signal.SIGTERM) == before


def test_status_as_a_table(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / "items.csv"
    said(capsys, "status", "audioset", "--root", str(root), "--csv", str(file))
    with open(file, newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["status"] for row in rows] == ["found"] * 3 + ["missing"] * 4 + ["damaged"]


def test_verify(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "other", [Clip(id="a", waveform=np.zeros(9, np.int16))])  # made without the command line
    assert "audioset: 3 of 3 clips are as packed" in said(capsys, "verify", "--root", str(root))
    assert "other: 1 of 1 clips are as packed" in said(capsys, "verify", "other", "--root", str(root))
    path = root / "audioset" / "clips-00000.arrow"
    content = path.read_bytes()
    path.write_bytes(content.replace(np.full(9, 2, np.int16).tobytes(), np.full(9, 5, np.int16).tobytes()))
    assert main(["verify", "--root", str(root)]) == 1
    out = capsys.readouterr().out
    assert "audioset: v2: its content is not what was packed" in out
    assert "audioset: 2 of 3 clips are as packed" in out


def test_what_verify_finds_is_prepared_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    source, root = esc50_folder(tmp_path, 3), tmp_path / "root"
    for n in range(1, 4):
        soundfile.write(source / "audio" / f"1-{n}-A-0.wav", np.full(5 * 11_025, n / 10), 11_025)
    arguments = ["esc50", "--from", str(source), "--root", str(root), "--jobs", "1"]
    said(capsys, *arguments)
    whole = Prepared(root / "esc50").fingerprint
    path = root / "esc50" / "clips-00000.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert main(["verify", "--root", str(root)]) == 1
    assert "accounted as damaged" in capsys.readouterr().out
    assert "esc50: 1 damaged: its packed content has changed" in said(capsys, "status", "--root", str(root))
    assert "3 clips of 3 of 3 items" in said(capsys, *arguments)
    assert Prepared(root / "esc50").fingerprint == whole
    assert main(["verify", "--root", str(root)]) == 0


def test_one_damaged_data_set_does_not_hide_the_others(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "audioset" / "clips-00000.arrow").unlink()
    (root / "begun").mkdir()
    Journal(root / "begun").begin({}, 2)
    write(root / "whole", [Clip(id="a", waveform=np.zeros(9, np.int16))])
    names = ["audioset", "begun", "whole"]
    assert main(["verify", *names, "--root", str(root)]) == 1
    out = capsys.readouterr().out
    assert "audioset: " in out
    assert "clips-00000.arrow is missing" in out
    assert "begun: there is no prepared data set" in out
    assert "whole: 1 of 1 clips are as packed" in out
    out = said(capsys, "status", *names, "--root", str(root))
    assert "clips-00000.arrow is missing" in out
    figures = json.loads(said(capsys, "status", *names, "--root", str(root), "--json"))
    assert figures["whole"]["found"] == 1
    assert "is missing" in figures["audioset"]["error"]


def test_status_leaves_out_what_has_left_the_lists(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = root / "audioset"
    seal(folder, Journal(folder).packed()[:2], [Lost(id="m0", status="missing", reason="Private video")])

    def figures() -> dict[str, int]:
        of: dict[str, int] = json.loads(said(capsys, "status", "--root", str(root), "--json"))["audioset"]
        return {key: of[key] for key in ("items", "found", "missing", "damaged", "to_do")}

    assert figures() == {"items": 3, "found": 2, "missing": 1, "damaged": 0, "to_do": 0}
    with alone_in(folder):  # while it is prepared, the account counts
        assert figures() == {"items": 11, "found": 3, "missing": 4, "damaged": 1, "to_do": 3}


def test_composite_has_its_folders_looked_through(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["composite", "--photographs", str(shared_data / "caltech101")]
    recordings = [str(shared_data / name) for name in ("ESC-50", "instruments")]
    assert "rooster" in said(capsys, *arguments, "--recordings", *recordings)
    assert main([*arguments, "--recordings", "/absent"]) == 2


def test_mistakes_are_said_in_a_sentence(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds audioset, not musik" in said(capsys, "status", "musik", "--root", str(root), status=2)
    (empty := tmp_path / "empty").mkdir()
    assert "holds no prepared data set" in said(capsys, "verify", "--root", str(empty), status=2)
    absent = ["audioset", "--ontology", "o.json", "--segments", "s.csv", "--root", str(root)]
    assert "there is no o.json" in said(capsys, *absent, status=2)
    assert "--no-fetch needs --from" in said(capsys, *absent, "--no-fetch", status=2)
    assert "--url-template" in said(capsys, *absent, "--url-template", "file:///{id}", status=2)
    assert "--from /absent" in said(capsys, *absent, "--from", "/absent", status=2)
    assert "'--jobs': 0 is less than 1" in said(capsys, "audioset", "--jobs", "0", status=2)


def esc50_folder(tmp_path: Path, recordings: int) -> Path:
    """ESC-50's list of a few recordings, without them."""
    (source := tmp_path / "ESC-50").mkdir()
    (source / "meta").mkdir()
    (source / "audio").mkdir()
    rows = (f"1-{n}-A-0.wav,1,0,dog,True,1,A" for n in range(1, recordings + 1))
    (source / "meta" / "esc50.csv").write_text("\n".join(["filename,fold,target,category,esc10,src_file,take", *rows]))
    return source


def test_prepare_from_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way on the least that there is: two recordings of ESC-50's form, one of them missing."""
    source = esc50_folder(tmp_path, 2)
    soundfile.write(source / "audio" / "1-1-A-0.wav", np.zeros(5 * 11_025), 11_025)
    arguments = ["esc50", "--from", str(source), "--root", str(tmp_path / "root"), "--jobs", "1"]
    text = said(capsys, *arguments)
    assert "1 clips of 1 of 2 (missing 1, damaged 0) items" in text
    assert "esc50: 1 missing: there is no file of it (1-2-A-0)" in text
    assert main(arguments) == 0
    assert "2 of 2 items are done already (1 found, 1 missing, 0 damaged)" in capsys.readouterr().err


def test_rows_that_are_refused_are_named_and_not_called_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = esc50_folder(tmp_path, 1)
    soundfile.write(source / "audio" / "1-1-A-0.wav", np.full(5 * 11_025, 0.1), 11_025)
    with (source / "meta" / "esc50.csv").open("a") as table:
        table.write("\n1-9-A-0.wav,1\n1-8-A-0.wav,1\n")
    assert main(["esc50", "--from", str(source), "--root", str(tmp_path / "root"), "--jobs", "1"]) == 0
    said = capsys.readouterr()
    assert "done already" not in said.err
    assert "esc50: 2 damaged: refused: no recording of ESC-50: " in said.out
    assert "(esc50.csv, line 3 and 1 more)" in said.out


@pytest.mark.parametrize(
    "arguments",
    [[], *([n] for n in ("audioset", "music", "kinetics_sounds", "flickr_soundnet", "esc50", "composite"))],
)
def test_help_teaches(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *arguments, "--help")
    assert len(text) > 300
    assert max(map(len, text.splitlines())) <= 80
    assert "cavl-bench prepare" in text
