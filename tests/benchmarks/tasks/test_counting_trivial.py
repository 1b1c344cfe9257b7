"""The rows that do not listen: by hand, and on AudioSet's real labels, where a constant beats trained networks."""

import json
from pathlib import Path

import pytest

from benchmarks.datasets.audioset import Segment
from benchmarks.tasks.counting_trivial import main, numbers_of_sources, rows
from cavl.grading import build_ontology

ONTOLOGY = [
    {"id": "/m/animal", "child_ids": ["/m/pets"]},
    {"id": "/m/pets", "child_ids": ["/m/dog", "/m/cat"]},
    {"id": "/m/dog", "child_ids": []},
    {"id": "/m/cat", "child_ids": []},
    {"id": "/m/music", "child_ids": []},
]
PAPER_MAE = {"w/o pre-train": 0.742, "C0": 0.701}  # Table 2


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    main([*map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def segments(path: Path, *labels: str) -> Path:
    path.write_text("".join(f'{i:011}, 0.000, 10.000, "{listed}"\n' for i, listed in enumerate(labels)))
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[object, ...]:
    """Two clips of one source, one of two; with shallow labels dropped, one of none, one of one, one of two."""
    ontology = tmp_path / "ontology.json"
    ontology.write_text(json.dumps(ONTOLOGY))
    listed = segments(tmp_path / "eval.csv", "/m/music", "/m/dog,/m/animal", "/m/dog,/m/cat")
    return "--ontology", ontology, "--segments", listed


def test_numbers_of_sources() -> None:
    ontology = build_ontology({str(e["id"]): list(e["child_ids"]) for e in ONTOLOGY})
    clips = [Segment("a", 0, 10, ("/m/music", "/m/dog", "/m/animal")), Segment("b", 0, 10, ("/m/pets",))]
    assert numbers_of_sources(clips, ontology) == [2, 1]
    assert numbers_of_sources(clips, ontology, keep_shallow=False) == [1, 0]


def test_by_hand() -> None:
    found = rows([0, 0, 1, 2, 5, 6, 11], training=[3, 3, 5, 0, 9])
    assert (found["clips"], found["training_clips"]) == (3, 3)
    assert found["sources"] == {"1": 1, "2": 1, "3": 0, "4": 0, "5": 1}
    assert found["excluded"] == {"0": 2, "6+": 2}
    assert (found["majority"], found["median"]) == (3, 3)
    assert found["rows"]["random"] == {"accuracy": pytest.approx(1 / 5), "mae": pytest.approx((2 + 1.4 + 2) / 3)}
    assert found["rows"]["always-1"] == {"accuracy": pytest.approx(1 / 3), "mae": pytest.approx((0 + 1 + 4) / 3)}
    assert found["rows"]["always-2"] == {"accuracy": pytest.approx(1 / 3), "mae": pytest.approx((1 + 0 + 3) / 3)}
    assert found["rows"]["majority"] == {"accuracy": 0, "mae": pytest.approx((2 + 1 + 2) / 3)}


@pytest.mark.parametrize(
    ("options", "sources", "excluded", "constants"),
    [
        ([], [10532, 8034, 3060, 466, 61], {"0": 0, "6+": 7}, (1, 2)),
        (["--drop-shallow"], [12174, 7600, 1895, 230, 35], {"0": 223, "6+": 3}, (1, 1)),
    ],
)
def test_the_real_labels(
    shared_data: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    sources: list[int],
    excluded: dict[str, int],
    constants: tuple[int, int],
) -> None:
    folder = shared_data / "audioset"
    listed = ("--ontology", folder / "ontology.json", "--segments", folder / "balanced_train_segments.csv")
    found = run(capsys, *listed, *options)
    one, two, three, four, five = sources
    clips = sum(sources)
    assert (found["clips"], found["training_clips"], found["own_training"]) == (clips, clips, True)
    assert list(found["sources"].values()) == sources
    assert found["excluded"] == excluded
    assert (found["majority"], found["median"]) == constants
    expected = {
        "random": (0.2, (2 * one + 1.4 * two + 1.2 * three + 1.4 * four + 2 * five) / clips),
        "always-1": (one / clips, (two + 2 * three + 3 * four + 4 * five) / clips),
        "always-2": (two / clips, (one + three + 2 * four + 3 * five) / clips),
    }
    for name, (accuracy, mae) in expected.items():
        assert found["rows"][name] == {"accuracy": pytest.approx(accuracy), "mae": pytest.approx(mae)}


def test_a_constant_beats_rows_of_the_paper_on_the_real_labels(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The paper tests on AudioSet-Evaluation; its balanced training set, which is here, is labelled alike."""
    folder = shared_data / "audioset"
    found = run(capsys, "--ontology", folder / "ontology.json", "--segments", folder / "balanced_train_segments.csv")
    assert found["rows"]["always-2"]["mae"] == pytest.approx(0.6639, abs=1e-4)
    assert found["rows"]["always-2"]["mae"] < min(PAPER_MAE.values())


def test_majority_and_median_come_from_the_training_list(
    tmp_path: Path, files: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    own = run(capsys, *files)
    assert (own["majority"], own["median"], own["own_training"]) == (1, 1, True)
    training = segments(tmp_path / "train.csv", "/m/dog,/m/cat", "/m/dog,/m/cat,/m/music")
    other = run(capsys, *files, "--train-segments", training)
    assert (other["majority"], other["median"], other["training_clips"], other["own_training"]) == (2, 2, 2, False)
    assert other["rows"]["median"] == other["rows"]["always-2"]
    assert other["sources"] == own["sources"]


def test_the_table(files: tuple[object, ...], capsys: pytest.CaptureFixture[str]) -> None:
    main([*map(str, files), "--drop-shallow"])
    text = capsys.readouterr().out
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]
    assert cells == [
        ["random", "20.00", "1.700"],
        ["always-1", "50.00", "0.500"],
        ["always-2", "50.00", "0.500"],
        ["majority (1)", "50.00", "0.500"],
        ["median (1)", "50.00", "0.500"],
    ]
    assert "AudioSet, 2 clips" in text
    assert "left out: 0: 1, 6+: 0" in text
    assert "of 2 training clips (the evaluated ones themselves)" in text
    assert "dropped" in text


@pytest.mark.parametrize(
    ("labels", "message"),
    [("/m/music", "none of the 1 training clips has 1 to 5 sources"), ("/m/unicorn", "train.csv, line 1: label")],
)
def test_lists_without_a_counted_clip_or_with_an_unknown_label_are_refused(
    tmp_path: Path, files: tuple[object, ...], capsys: pytest.CaptureFixture[str], labels: str, message: str
) -> None:
    training = segments(tmp_path / "train.csv", labels)
    with pytest.raises(SystemExit) as ended:
        main([*map(str, files), "--train-segments", str(training), "--drop-shallow"])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
