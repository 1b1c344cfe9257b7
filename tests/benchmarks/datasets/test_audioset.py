"""AudioSet's files: the known counts on the real ones, and refusals that name file and line."""

import json
from pathlib import Path

import pytest

from benchmarks.datasets.audioset import Segment, count, grade, main, read_ontology, read_segments

ONTOLOGY = [
    {"id": "/m/animal", "child_ids": ["/m/pets"]},
    {"id": "/m/pets", "child_ids": ["/m/dog"]},
    {"id": "/m/dog", "child_ids": ["/t/bark"]},
    {"id": "/t/bark", "child_ids": []},
    {"id": "/m/music", "child_ids": []},
]
HEADER = "# Segments csv created by hand\n# num_ytids=2\n# YTID, start_seconds, end_seconds, positive_labels\n"
ROW = '--PJHxphWEs, 30.000, 40.000, "/m/dog,/m/animal"\n'


@pytest.fixture
def ontology(tmp_path: Path) -> Path:
    path = tmp_path / "ontology.json"
    path.write_text(json.dumps(ONTOLOGY))
    return path


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "segments.csv"
    path.write_text(text, encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    main(["grade", *map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"0": 0, "1": 10532, "2": 8034, "3": 3060, "4": 466, "5+": 68}),
        (["--drop-shallow"], {"0": 223, "1": 12174, "2": 7600, "3": 1895, "4": 230, "5+": 38}),
    ],
)
def test_the_real_balanced_train_set(
    shared_data: Path, capsys: pytest.CaptureFixture[str], options: list[str], expected: dict[str, int]
) -> None:
    folder = shared_data / "audioset"
    files = ("--ontology", folder / "ontology.json", "--segments", folder / "balanced_train_segments.csv")
    result = run(capsys, *files, *options)
    assert result["clips"] == 22_160
    assert result["sources"] == expected
    assert result["raw_labels"] == {"0": 0, "1": 5498, "2": 8512, "3": 4781, "4": 1914, "5+": 1455}
    assert result["keep_shallow"] is (not options)


def test_the_real_ontology(shared_data: Path) -> None:
    path = shared_data / "audioset" / "ontology.json"
    first, shallowest, everyone = (read_ontology(path, parents) for parents in ("first", "shallowest", "all"))
    assert len(first.levels) == 632
    assert sum(level == 1 for level in first.levels.values()) == 7, "AudioSet's seven top categories"
    assert sum(first.ancestors[name] != everyone.ancestors[name] for name in first.levels) >= 38
    assert all(shallowest.levels[name] == everyone.levels[name] <= first.levels[name] for name in first.levels)
    dog, bark = "/m/0bt9lr", "/m/05tny_"
    assert (first.levels[dog], first.levels[bark]) == (3, 4)
    assert dog in first.ancestors[bark]


def test_reading_googles_format(tmp_path: Path, ontology: Path) -> None:
    path = write(tmp_path, HEADER + ROW + '\n-0RWZT-miFs, 420.000, 430.000, "/m/music"\n')
    listed = read_segments(path, read_ontology(ontology))
    assert (listed.refused, listed.repeated, listed.notes()) == ([], (), [])
    assert listed.segments == [
        Segment("--PJHxphWEs", 30.0, 40.0, ("/m/dog", "/m/animal")),
        Segment("-0RWZT-miFs", 420.0, 430.0, ("/m/music",)),
    ]


def test_the_table(tmp_path: Path, ontology: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEADER + ROW + '-0RWZT-miFs, 420.000, 430.000, "/m/music,/t/bark"\n')
    main(["grade", "--ontology", str(ontology), "--segments", str(path)])
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [["1", "1", "50.0%", "0"], ["2", "1", "50.0%", "2"]]


def test_clips_without_a_source_are_counted(tmp_path: Path, ontology: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, HEADER + ROW + '-0RWZT-miFs, 420.000, 430.000, "/m/music"\n')
    result = run(capsys, "--ontology", ontology, "--segments", path, "--drop-shallow")
    assert result["sources"] == {"0": 1, "1": 1, "2": 0, "3": 0, "4": 0, "5+": 0}


def test_count_puts_five_and_more_together() -> None:
    assert count([0, 1, 4, 5, 6, 11]) == {"0": 1, "1": 1, "2": 0, "3": 0, "4": 1, "5+": 3}


def test_repeated_labels_are_one_raw_label(ontology: Path) -> None:
    segments = [Segment("--PJHxphWEs", 0, 10, ("/m/dog", "/m/dog"))]
    assert grade(segments, read_ontology(ontology))["raw_labels"]["1"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index,mid,display_name\n", r"segments.csv, line 1: 3 columns, expected 4"),
        (HEADER + "--PJHxphWEs, 30.000, 40.000, /m/dog, /m/music\n", "line 4: 5 columns"),  # unquoted labels
        (HEADER + ROW.replace("/m/animal", "/m/unicorn"), "line 4: label '/m/unicorn' is not a class"),
        (HEADER + ROW.replace("/m/animal", ""), "line 4: label '' is not a class"),
        (HEADER + ROW.replace("40.000", "30.000"), "from 30.000 to 30.000 seconds does not exist"),
        (HEADER + ROW.replace("40.000", "nan"), "does not exist"),
        (HEADER + ROW.replace("40.000", "inf"), "does not exist"),
        (HEADER + ROW.replace("30.000", "soon"), "line 4: start 'soon' and end '40.000' must be seconds"),
        (HEADER + ROW.replace("--PJHxphWEs", "../../etc/x"), "'../../etc/x' is not a YouTube id"),
        (HEADER + ROW.rstrip().rstrip('"'), "is not one of Google's segment lists"),  # a quote that never ends
        (HEADER, "holds no segment"),
    ],
)
def test_a_bad_segment_list_is_refused(
    tmp_path: Path, ontology: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message):
        read_segments(path, read_ontology(ontology))
    with pytest.raises(SystemExit) as ended:
        main(["grade", "--ontology", str(ontology), "--segments", str(path)])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_rows_that_are_no_segments_cost_themselves_and_are_told(
    tmp_path: Path, ontology: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = ["--PJHxphWEs, 30.000, 40.000, /m/dog, /m/music", '_ABCDEFGHI-, 0.000, 10.000, "/m/unicorn"']
    other = '-0RWZT-miFs, 420.000, 430.000, "/m/music"'
    path = write(tmp_path, "\ufeff" + HEADER + "\n".join([ROW.strip(), *bad, other, other]) + "\n")
    listed = read_segments(path, read_ontology(ontology))
    assert [segment.id for segment in listed.segments] == ["--PJHxphWEs", "-0RWZT-miFs"]
    assert [(lost.id, lost.attributes) for lost in listed.refused] == [
        ("segments.csv, line 5", {}),
        ("segments.csv, line 6", {"labels": ["/m/unicorn"]}),
    ]
    result = run(capsys, "--ontology", ontology, "--segments", path)
    assert result["clips"] == 2
    assert [note.partition(":")[0] for note in result["notes"]] == [
        "segments.csv, line 5",
        "segments.csv, line 6",
        "rows that repeat others, read once",
    ]


def test_bytes_that_are_no_text_are_refused(tmp_path: Path, ontology: Path) -> None:
    path = tmp_path / "segments.csv"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ValueError, match="is not one of Google's segment lists"):
        read_segments(path, read_ontology(ontology))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,name", "is not JSON"),
        ("{}", "is not a list of classes"),
        ("[]", "is not a list of classes"),
        ('[{"id": "/m/a"}]', "entry 1 has no 'id' with a list of 'child_ids'"),
        ('[{"id": "/m/a", "child_ids": []}, 3]', "entry 2 has no"),
        ('[{"id": "/m/a", "child_ids": []}, {"id": "/m/a", "child_ids": []}]', "entry 2 defines class '/m/a' a second"),
        ('[{"id": "/m/a", "child_ids": ["/m/b"]}]', "ontology.json: class '/m/a' lists a child '/m/b'"),
        ('[{"id": "/m/a", "child_ids": ["/m/a"]}]', "ontology.json: the ontology has a cycle"),
    ],
)
def test_a_bad_ontology_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "ontology.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_ontology(path)


def test_a_missing_file_ends_with_a_sentence(
    tmp_path: Path, ontology: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["grade", "--ontology", str(ontology), "--segments", str(tmp_path / "nowhere.csv")])
    assert ended.value.code == 2
    assert "nowhere.csv" in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["grade", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for taught in ("--drop-shallow", "--parents", "examples:", "third-level", "audioset/ontology"):
        assert taught in text
