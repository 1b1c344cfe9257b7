"""The command line, as a user meets it."""

import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from registry.__main__ import main
from registry.cli.listing import COLUMNS
from registry.cli.program import exit_code
from registry.cli.show import sparkline
from registry.provenance.environment import PROTOCOL
from registry.record.journal import append

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_home: Path, write_run) -> Path:
    """A stage, two evaluations of it with items, a failure, a killed run."""
    stage = write_run(
        tmp_home,
        1,
        task="pretrain",
        key="stage",
        result={"score": 0.9, "weights": "aa"},
        environment={"protocol": PROTOCOL, "torch": "1.0", "threads": 1},
    )
    now = datetime.datetime(2025, 1, 1)
    append(stage, {"loss": {"steps": [0, 1, 2, 3], "values": [4.0, 2.0, 1.0, 1.0], "timestamps": [now] * 4}})
    for id, method, scores in ((2, "cavl", (0.5, 0.7, 0.6)), (3, "l3", (0.4, 0.3, 0.1))):
        folder = write_run(
            tmp_home,
            id,
            config={"method": method, "model": {"width": 8, "note": "[bold]x[/]"}},
            parents=["stage"],
            parent_digests=["aa"],
            result={"score": sum(scores) / 3, "long": "w" * 300},
            artifacts=["items.csv"],
        )
        rows = [f"item{i},row=aligned,ciou,{score}," for i, score in enumerate(scores)]
        (folder / "items.csv").write_text("\n".join(["item,condition,metric,value,excluded", *rows, ""]))
    before = {"status": "DIED", "hostname": "other", "pid": 77}
    resumption = {"time": "2025-01-01T00:00:30", "hostname": "h", "pid": 5, "changed": [], "before": before}
    trace = ["Traceback:\n", "ValueError: by hand\n"]
    write_run(tmp_home, 4, status="FAILED", config={"seed": 2}, fail_trace=trace, resumptions=[resumption])
    write_run(tmp_home, 5, status="RUNNING", stop_time=None)
    return tmp_home


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[int]:
    code, out, _ = run(capsys, "list", "--json", *arguments)
    assert code == 0
    return [line["id"] for line in json.loads(out)]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [1, 2, 3, 4, 5]),
        (["--task", "localization", "--method", "cavl"], [2, 4, 5]),
        (["--method", "cavl", "--method", "l3", "--task", "localization", "--status", "completed"], [2, 3]),
        (["--seed", "2"], [4]),
        (["--status", "DIED"], [5]),
        (["--stale"], [1, 2, 3]),
        (["--fresh"], [4, 5]),
        (["--sort", "score"], [3, 2, 1, 4, 5]),
        (["--sort", "score", "--descending"], [1, 2, 3, 4, 5]),
        (["--sort", "method", "--descending", "--limit", "1"], [3]),
        (["--limit", "2"], [4, 5]),
        (["--limit", "2", "--descending"], [5, 4]),
        (["--limit", "0"], []),
        (["--status", "TIMEOUT"], []),
    ],
)
def test_list(home: Path, capsys, arguments: list[str], expected: list[int]) -> None:
    assert listed(capsys, *arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--task", "localisation"], "no run has task 'localisation'; did you mean 'localization'? there are: "),
        (["--preset", "smoke"], "no run has preset 'smoke'; there are: miniature"),
        (
            ["--method", "cavl", "--method", "cavil"],
            "no run has method 'cavil'; did you mean 'cavl'? there are: cavl, l3",
        ),
        (["--seed", "9"], "no run has seed 9; there are: 1, 2"),
        (["--method", "l3", "--seed", "2"], "no run of method l3 has seed 2; there are: 1"),
        (
            ["--method", "l3", "--task", "pretrain", "--status", "FAILED"],
            "no run of task pretrain has method l3; there",
        ),
    ],
)
def test_list_refuses_a_name_that_selects_nothing(home: Path, capsys, arguments: list[str], sentence: str) -> None:
    code, out, err = run(capsys, "list", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err


def test_an_empty_registry_is_no_wrong_selection(tmp_home: Path, capsys) -> None:
    assert listed(capsys, "--task", "localization") == []


@pytest.mark.parametrize("arguments", [["list"], ["show", "1"], ["gc", "--delete"], ["compare", "1", "2"]])
def test_a_folder_that_is_no_registry_is_refused_and_left_alone(tmp_path: Path, capsys, arguments: list[str]) -> None:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs" / "cat.jpg").touch()
    for name, what in (("photographs", "holds no runs"), ("photograps", "is no folder")):
        code, out, err = run(capsys, *arguments, "--home", str(tmp_path / name))
        assert (code, out) == (2, "")
        assert f"{tmp_path / name} {what}; name the folder that the runs lie in" in err
    assert [p.name for p in tmp_path.rglob("*")] == ["photographs", "cat.jpg"]


def test_an_empty_usual_home_has_no_runs_and_no_index(tmp_home: Path, capsys) -> None:
    tmp_home.mkdir(exist_ok=True)
    assert run(capsys, "list")[:2] == (0, "  ".join(COLUMNS) + f"\n\n0 runs in {tmp_home}\n")
    assert not any(tmp_home.iterdir())


def test_to_verify_is_the_other_command_s(capsys) -> None:
    assert run(capsys, "verify", "12") == (
        2,
        "",
        "error: to verify is to run experiments again, which the registry cannot: cavl-bench runs verify\n",
    )


def test_list_for_reading(home: Path, capsys) -> None:
    code, out, err = run(capsys, "list", "--sort", "id", "--limit", "3")
    lines = out.splitlines()
    assert (code, err) == (0, "")
    assert tuple(lines[0].split()) == COLUMNS
    assert lines[1].startswith("1   COMPLETED  pretrain      cavl")
    assert "torch was 1.0" in lines[1]
    assert lines[2].endswith("it started from run 1, which is stale")
    assert lines[-1] == f"3 of 5 runs in {home}"


def test_list_tells_of_damage(home: Path, capsys) -> None:
    (home / "4" / "run.json").write_text("{")
    code, out, err = run(capsys, "list")
    assert code == 0
    assert out.splitlines()[-1].startswith("4 runs")
    assert "run.json is no JSON" in err


def test_show(home: Path, capsys) -> None:
    code, out, _ = run(capsys, "show", "2")
    assert code == 0
    for part in (
        "run 2  localization cavl c1 miniature seed 1  COMPLETED",
        "key2",
        "items.csv",
        "model.width",
        "[bold]x[/]",
        "w" * 300,  # never cut
        "it started from run 1, which is stale",
    ):
        assert part in out, part
    assert any("run 1" in line and "stage" in line and "torch was 1.0" in line for line in out.splitlines())


def test_show_metrics_failures_and_resumptions(home: Path, capsys) -> None:
    out = run(capsys, "show", "1")[1]
    (loss,) = [line for line in out.splitlines() if line.strip().startswith("loss")]
    assert loss.split() == ["loss", "4", "0", "to", "3", "4", "1", "1", "4", "█▃▁▁"]
    out = run(capsys, "show", "4")[1]
    assert "ValueError: by hand" in out
    assert "it had ended DIED as process 77 on other" in out


def test_show_metrics_without_points_and_values_that_are_no_numbers(home: Path, capsys) -> None:
    times = ["2025-01-01T00:00:00"] * 3
    empty = {"steps": [], "values": [], "timestamps": []}
    odd = {"steps": [1, 2, 3], "values": ["x", 10**400, 4.0], "timestamps": times}
    (home / "1" / "metrics.jsonl").write_text(json.dumps({"none": empty, "odd": odd}) + "\n")
    assert main(["show", "1", "--home", str(home)]) == 0
    assert re.search(r"odd +3 +1 to 3 +x +4 +4 +4", capsys.readouterr().out)


def test_a_name_of_any_length_fills_its_own_line_only(tmp_path: Path, write_run, capsys) -> None:
    for id in range(1, 21):
        write_run(tmp_path, id, config={"method": "m" * 50_000 if id == 1 else "x"})
    assert main(["list", "--home", str(tmp_path)]) == 0
    assert len(capsys.readouterr().out) < 60_000


def test_show_json_is_complete(home: Path, capsys) -> None:
    whole = json.loads(run(capsys, "show", "2", "--json")[1])
    assert whole["pedigree"]["parents"] == ["stage"]
    assert whole["ancestors"] == [{"generation": 0, "key": "stage", "id": 1}]
    assert whole["config"]["model"] == {"width": 8, "note": "[bold]x[/]"}
    assert json.loads(run(capsys, "show", "1", "--json")[1])["metrics"]["loss"] == [[0, 1, 2, 3], [4.0, 2.0, 1.0, 1.0]]


def test_compare(home: Path, capsys) -> None:
    code, out, _ = run(capsys, "compare", "2", "3", "1")
    assert code == 0
    assert any(line.split() == ["method", "cavl", "l3", "cavl"] for line in out.splitlines())
    assert "sources: no difference" in out
    whole = json.loads(run(capsys, "compare", "2", "3", "--json")[1])
    assert whole["configuration"] == {"method": ["cavl", "l3"]}
    (items,) = whole["items"]
    assert items["difference"] == pytest.approx(-1 / 3)
    # differences -0.1, -0.4, -0.5: s = 0.2082, t(0.975, 2) = 4.3027, half width = 4.3027 * 0.2082 / sqrt(3)
    assert items["half_width"] == pytest.approx(0.5171, abs=1e-4)
    assert "-0.8504 to +0.1838" in out


def test_compare_without_items(home: Path, capsys) -> None:
    assert "item by item: not possible" in run(capsys, "compare", "1", "4")[1]


@pytest.mark.parametrize("arguments", [["show", "99"], ["compare", "1", "99"]])
def test_an_unknown_run(home: Path, capsys, arguments: list[str]) -> None:
    assert run(capsys, *arguments) == (2, "", f"error: there is no run 99 in {home}\n")


def test_damaged_and_unreadable(home: Path, capsys) -> None:
    (home / "3" / "items.csv").write_text("nonsense\n")
    code, _, err = run(capsys, "compare", "2", "3")
    assert code == 2
    assert "no item table" in err
    (home / "1" / "config.json").unlink()
    os.utime(home / "1" / "run.json", ns=(1, 1))
    code, _, err = run(capsys, "show", "1")
    assert code == 2
    assert "config.json is missing" in err


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["show", "--help"], ["compare", "--help"]])
def test_help(capsys, arguments: list[str]) -> None:
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "cavl-bench runs compare 12 15" in out if arguments == ["--help"] else "--json" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["list", "--sort", "beauty"],
        ["show", "one"],
        ["show"],
        ["list", "--status", "x"],
        ["list", "--limit", "-1"],
    ],
)
def test_misuse(capsys, arguments: list[str]) -> None:
    assert main(arguments) == 2
    assert " _" not in capsys.readouterr().err  # of a function that reads a word: its sentence, not its name


def test_as_a_program_into_a_pipe(home: Path) -> None:
    """A reader that stops early is no error, and no width of a terminal cuts what is piped."""
    environment = {**os.environ, "COLUMNS": "20", "PYTHONPATH": str(ROOT)}
    command = f"'{sys.executable}' -m registry show 2 | grep -c {'w' * 300}"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "1", "")
    command = f"'{sys.executable}' -m registry list | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_sparkline() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([3.0]) == "▁"
    assert sparkline([]) == ""
    assert sparkline([0.0, float("nan"), 1.0]) == "▁ █"
    assert sparkline([float("inf")] * 3) == "   "
    assert sparkline(list(range(1000)), width=8) == "▁▂▃▄▅▆▇█"


def test_what_a_terminal_lacks_ends_no_command(home: Path, write_run) -> None:
    """ISO-8859-1 has no sigma and no bar of a sparkline; JSON stays JSON."""
    write_run(home, 6, config={"method": "σ-net", "note": "😀 é"})
    environment = {**os.environ, "PYTHONIOENCODING": "iso-8859-1", "PYTHONPATH": str(ROOT)}

    def said(*words: str) -> str:
        command = [sys.executable, "-m", "registry", *words]
        done = subprocess.run(command, capture_output=True, env=environment)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode("iso-8859-1")

    assert "\\u03c3-net" in said("list")
    shown = said("show", "6")
    assert "é" in shown
    assert "\\U0001f600" in shown
    config = json.loads(said("show", "6", "--json"))["config"]
    assert (config["method"], config["note"]) == ("σ-net", "😀 é")
    assert "#-__" in said("show", "1")  # the course of its loss


@pytest.mark.parametrize("width", ["1", "7", "40"])
def test_a_terminal_of_any_width(home: Path, width: str) -> None:
    environment = {**os.environ, "COLUMNS": width, "PYTHONPATH": str(ROOT)}
    for words in (["show", "2"], ["gc"], ["--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "registry", *words], capture_output=True, text=True, env=environment
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_a_mistake_of_ours_is_not_shown_as_the_users(capsys) -> None:
    def ours() -> None:
        b"\xff".decode()

    with pytest.raises(UnicodeDecodeError):
        exit_code(ours)


def test_an_archive_is_written_to_what_is_named(home: Path, tmp_path: Path, capsys, write_run) -> None:
    """Into a pipe the same bytes as into a file; where it is standard output, words go to standard error."""
    write_run(home, 6, key="")
    assert run(capsys, "export", "6", "--out", str(tmp_path / "a.zip"))[0] == 0
    command = [sys.executable, "-m", "registry", "export", "6", "--out", "/dev/stdout"]
    for redirected in (subprocess.PIPE, open(tmp_path / "b.zip", "wb")):  # noqa: SIM115
        done = subprocess.run(
            command, stdout=redirected, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        assert done.returncode == 0
        assert b"in /dev/stdout" in done.stderr
        got = (tmp_path / "b.zip").read_bytes() if done.stdout is None else done.stdout
        assert got == (tmp_path / "a.zip").read_bytes()


# ---- entries that are no runs of ours --------------------------------------------------------------------------------


@pytest.fixture
def crowded(home: Path) -> Path:
    """Beside the runs: a file and links named like runs, a pipe in place of a record, records that are no JSON."""
    (home / "81").write_text("a note")
    (home / "82").symlink_to("82")
    (home / "83").symlink_to("nowhere")
    for id in (84, 85, 86):
        (home / str(id)).mkdir()
    os.mkfifo(home / "84" / "run.json")
    (home / "85" / "run.json").mkdir()
    (home / "86" / "run.json").write_bytes(b"\xff\xfe{")
    return home


def test_an_entry_that_is_no_run_costs_itself_only(crowded: Path, capsys) -> None:
    code, out, err = run(capsys, "list")
    assert (code, "5 runs in" in out) == (0, True)
    assert [line.split("/")[-2] for line in err.splitlines()] == ["81", "82", "83", "84", "85", "86"]
    assert "81/run.json cannot be read (Not a directory)" in err
    assert "84/run.json is no regular file" in err
    assert run(capsys, "show", "1")[0] == 0
    for id in ("81", "82", "83", "84", "85", "86"):
        code, _, err = run(capsys, "show", id)
        assert (code, f"damaged record: {crowded}/{id}/run.json" in err) == (2, True)


def test_gc_leaves_what_is_no_run_alone(crowded: Path, capsys) -> None:
    code, _, err = run(capsys, "gc", "--unfinished", "--damaged", "--delete")
    assert (code, err) == (0, "")
    assert {p.name for p in crowded.iterdir() if p.name.isdigit()} == {"1", "2", "3", "81", "82", "83"}
    assert (crowded / "81").read_text() == "a note"


def test_records_of_others_that_cannot_be_read_cost_themselves_only(home: Path, capsys, monkeypatch) -> None:
    """Also those that the index knows from when they could; as root cannot be kept out, opening does it."""
    assert run(capsys, "list")[0] == 0
    real_open, real_access = os.open, os.access

    def closed(path: object) -> bool:
        return str(path).startswith((f"{home}/3/", f"{home}/5/"))

    def opened(path, *args, **more) -> int:
        if closed(path) and not str(path).endswith("/lock"):
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *args, **more)

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "access", lambda path, mode, **more: not closed(path) and real_access(path, mode, **more))
    code, out, _ = run(capsys, "list")
    assert (code, "5 runs in" in out, "DIED" in out) == (0, True, True)
    code, _, err = run(capsys, "gc")
    assert (code, "runs 3, 5 name is not known: nothing that runs share goes" in err) == (0, True)
    (home / "index.sqlite").unlink()
    code, out, err = run(capsys, "list")
    assert (code, "3 runs in" in out, err.count("cannot be read (Permission denied)")) == (0, True, 2)
