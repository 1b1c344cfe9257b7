import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from registry.lock import Lock
from reports.__main__ import main, report_markdown
from reports.figures.figure import Figure

ROOT = Path(__file__).parents[2]


def test_the_whole_program_writes_all_it_promises(whole_home, whole_report):
    command = [sys.executable, "-m", "reports", "--home", str(whole_home), "--out", str(whole_report), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    out, summary = whole_report, json.loads(done.stdout)
    names = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} - {"figures/inputs.json", ".lock"}
    assert {str(Path(f).relative_to(out)) for f in summary["files"]} == names
    assert {"index.html", "report.md", "figures/fig4a_losses.pdf", "figures/reliability.png"} <= names
    tables = {"table1", "table2", "table3", "table4", "orderings", "differences"}
    tables |= {"table3b_ciou05", "table3b_auc", "table3b_degenerate"}
    assert {f"tables/{t}.{kind}" for t in tables for kind in ("md", "tex", "csv")} <= names
    assert (summary["runs_done"], summary["seeds_done"], summary["failed"]) == (summary["runs_planned"], [1, 2, 3], [])


def test_report_md_links_to_files_and_anchors_that_exist(whole_report):
    out = whole_report
    text, page = (out / "report.md").read_text(), (out / "index.html").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 100
    ids = set(re.findall(r'id="([^"]+)"', page))
    for link in links:
        name, _, anchor = link.partition("#")
        assert (out / name).is_file()
        assert not anchor or anchor in ids
    table = (out / "tables" / "table3.md").read_text()
    assert (out / "tables" / re.search(r"\]\(([^)#]+)#", table)[1]).is_file()


def test_figures_of_report_md_cannot_break_it(writer, study_of):
    writer.plan()
    figure = Figure(name="x", title="a [b](c) | _d_", caption="1 * 2 <b>", runs=(), draw=lambda: None)
    text = report_markdown(study_of(writer.home), [], [figure])
    assert r"### a \[b\](c) \| \_d\_" in text
    assert r"![a \[b\](c) \| \_d\_](figures/x.png)" in text
    assert r"1 \* 2 \<b\>" in text


def test_the_page_embeds_every_figure(whole_report):
    out = whole_report
    assert (out / "index.html").read_text().count("data:image/png;base64,") == len(list(out.glob("figures/*.png"))) == 8


def test_a_second_report_is_the_same_and_draws_nothing(whole_report, whole_home, capsys):
    out = whole_report
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in out.rglob("*") if p.is_file() and p.name != ".lock"}
    assert main(["--home", str(whole_home), "--out", str(out)]) == 0
    assert str(out / "index.html") in capsys.readouterr().out
    for path, (content, written_at) in before.items():
        assert path.read_bytes() == content
        assert path.parent.name != "figures" or path.stat().st_mtime_ns == written_at


def test_without_a_plan_it_says_what_to_do_and_writes_nothing(tmp_home, tmp_path, capsys):
    assert main(["--preset", "smoke", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "no plan of preset 'smoke'" in error
    assert "python -m benchmarks --preset smoke" in error
    assert not (tmp_path / "out").exists()


def test_a_report_in_the_middle_of_the_suite(writer, tmp_path, capsys):
    writer.classify("cavl", "c1", 1, "miniature", 0.8)
    writer.run("classification", "cavl", "c1", 2, None, variant="miniature", status="FAILED")
    writer.run("localization", "cavl", "c1", 1, None, write=False)
    writer.plan()
    assert main(["--out", str(tmp_path)]) == 0
    assert "1 of 3 runs, 1 failed" in capsys.readouterr().out
    text = (tmp_path / "report.md").read_text()
    assert "the loss is nan at update 7" in text
    assert "not run (0 of 1 seed)" in text


def test_what_cannot_be_read_is_said_on_the_way(writer, tmp_path, capsys):
    writer.classify("cavl", "c1", 1, "miniature", 0.8, stages=[{"curricula": [1], "updates": 5, "lr": 0.1}])
    writer.classify("cavl", "untrained", 1, "miniature", 0.2)
    (writer.home / "1" / "items.csv").unlink()
    writer.plan()
    assert main(["--out", str(tmp_path)]) == 0
    assert "items.csv cannot be read" in capsys.readouterr().err


def test_two_reports_at_once_wait_for_each_other(writer, tmp_path, monkeypatch, capsys):
    writer.run("localization", "cavl", "c1", 1, None, write=False)
    writer.plan()
    other = Lock(tmp_path / ".lock")
    assert other.acquire()
    monkeypatch.setattr("reports.__main__.PATIENCE", 0.05)
    assert main(["--out", str(tmp_path)]) == 2
    assert "another report is being written" in capsys.readouterr().err
    monkeypatch.setattr("reports.__main__.PATIENCE", 10)
    threading.Timer(0.2, other.release).start()
    begun = time.monotonic()
    assert main(["--out", str(tmp_path)]) == 0
    assert time.monotonic() - begun >= 0.15


def test_an_unwritable_folder_is_an_error_in_words(writer, tmp_path, capsys):
    writer.plan()
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file" / "out")]) == 2
    said = f"reports: {tmp_path / 'file' / 'out'} cannot be written; choose another folder with --out\n"
    assert capsys.readouterr().err == said


def test_help_teaches():
    done = subprocess.run(
        [sys.executable, "-m", "reports", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    for word in ("--preset", "--home", "--out", "--json", "index.html", "reports/generated"):
        assert word in done.stdout
