import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from registry.lock import Lock
from reports.__main__ import main
from reports.figures.figure import Figure
from reports.writing import report_markdown

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
    sections = set(re.findall(r'id="([^"]+)"', (out / "protocols.md").read_text()))
    for link in links:
        name, _, anchor = link.partition("#")
        assert (out / name).is_file()
        assert not anchor or anchor in (sections if name == "protocols.md" else ids)
    table = (out / "tables" / "table3.md").read_text()
    assert (out / "tables" / re.search(r"\]\(([^)#]+)#", table)[1]).is_file()


def test_every_citation_of_the_protocols_is_a_link_to_the_section(whole_report):
    out = whole_report
    for file, target in (("report.md", "protocols.md#s"), ("tables/table1.md", "../protocols.md#s")):
        text = (out / file).read_text()
        linked = re.findall(r"\[PROTOCOLS §(\w+)\]\(" + re.escape(target) + r"(\w+)\)", text)
        assert linked
        assert len(linked) == text.count("PROTOCOLS")
        assert all(cited == led_to for cited, led_to in linked)
    page = (out / "index.html").read_text()
    linked = re.findall(r'<a href="#protocols-(\w+)">PROTOCOLS §(\w+)</a>', page)
    assert {"5", "6", "7", "8"} <= {cited for cited, _ in linked}
    assert len(linked) == page.count("PROTOCOLS")
    assert all(cited == led_to for cited, led_to in linked)
    assert "PROTOCOLS \\S{}7" in (out / "tables" / "table1.tex").read_text()  # to be pasted elsewhere: plain


def test_figures_of_report_md_cannot_break_it(writer, study_of):
    writer.plan()
    figure = Figure(name="x", title="a [b](c) | _d_", caption="1 * 2 <b>", runs=(), draw=lambda: None)
    text = report_markdown(study_of(writer.home), [], [figure])
    assert r"### a \[b\](c) \| \_d\_" in text
    assert r"![a \[b\](c) \| \_d\_](figures/x.png)" in text
    assert r"1 \* 2 \<b\>" in text


def test_the_page_embeds_every_figure(whole_report):
    out = whole_report
    embedded = (out / "index.html").read_text().count("data:image/png;base64,")
    assert embedded == len(list(out.glob("figures/*.png"))) == 10


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
    assert "cavl-bench run --preset smoke" in error
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


def test_entries_that_are_no_runs_cost_themselves_only(writer, tmp_path, capsys):
    writer.classify("cavl", "c1", 1, "miniature", 0.8)
    writer.plan()
    (writer.home / "81").write_text("a note")
    (writer.home / "82").symlink_to("82")
    (writer.home / "83").mkdir()
    os.mkfifo(writer.home / "83" / "run.json")
    assert main(["--out", str(tmp_path)]) == 0
    assert "1 of 1 runs, 3 damaged" in capsys.readouterr().out
    assert "81/run.json cannot be read (Not a directory)" in (tmp_path / "report.md").read_text()


def test_a_run_of_no_form_costs_itself_only(writer, tmp_path, capsys):
    """As one from elsewhere may be."""
    for seed in (1, 2):
        writer.localize("cavl", "c1", seed, 0.8)
    writer.plan()
    run = json.loads((writer.home / "2" / "run.json").read_text())
    (writer.home / "2" / "run.json").write_text(json.dumps({**run, "result": {**run["result"], "single": 7}}))
    assert main(["--out", str(tmp_path)]) == 0
    assert "1 of 2 runs, 1 damaged" in capsys.readouterr().out
    text = (tmp_path / "report.md").read_text()
    assert "run 2: what it, or one that it started from, has found is of no form: TypeError" in text
    assert "damaged (0 of 1 seed)" in text or "damaged" in text


def test_two_reports_at_once_wait_for_each_other(writer, tmp_path, monkeypatch, capsys):
    writer.run("localization", "cavl", "c1", 1, None, write=False)
    writer.plan()
    other = Lock(tmp_path / ".lock")
    assert other.acquire()
    monkeypatch.setattr("reports.cli.PATIENCE", 0.05)
    assert main(["--out", str(tmp_path)]) == 2
    assert "another report is being written" in capsys.readouterr().err
    monkeypatch.setattr("reports.cli.PATIENCE", 10)
    threading.Timer(0.2, other.release).start()
    begun = time.monotonic()
    assert main(["--out", str(tmp_path)]) == 0
    assert time.monotonic() - begun >= 0.15


def test_an_unwritable_folder_is_an_error_in_words(writer, tmp_path, capsys):
    writer.plan()
    (tmp_path / "file").write_text("")
    assert main(["--out", str(tmp_path / "file" / "out")]) == 2
    said = f"error: {tmp_path / 'file' / 'out'} cannot be written; choose another folder with --out\n"
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


def test_a_preset_without_a_plan_is_told_of_those_that_have_one(writer, tmp_path, capsys):
    writer.plan("smoke")
    assert main(["--preset", "smok", "--out", str(tmp_path / "out")]) == 2
    assert "did you mean 'smoke'? there are plans of: smoke" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_report_on_a_selection_calls_the_rest_not_selected(writer, tmp_path):
    writer.localize("cavl", "c1", 1, 0.8)
    writer.classify("cavl", "c1", 1, "miniature", 0.8)
    writer.count("cavl", "c1", 1, 0.8)
    writer.separate("cavl", "c1", 1, 3.0)
    rest = [("localization", "dmc", "c1"), ("localization", "cavl", "c1-c2"), ("localization", "cavl", "c1-c2-c3")]
    rest += [("classification", "cavl", "c1-c2"), ("counting", "cavl", "c0"), ("separation", "nmf-mfcc", "none")]
    writer.plan(
        selected={"orderings": ["c1"]},
        not_selected=[dict(zip(("task", "method", "ordering"), row, strict=True)) for row in rest],
        same=[{"task": "avc", "method": "l3:mel", "ordering": "avc", "seed": 1, "as": ["l3", "avc"]}],
    )
    assert main(["--out", str(tmp_path)]) == 0

    def line(table, row):
        (found,) = [
            text for text in (tmp_path / "tables" / f"{table}.md").read_text().splitlines() if f"| {row} |" in text
        ]
        return found

    for table, row in (("table3", "DMC"), ("table1", "C2 + Sound-source-level alignment: CAVL c1-c2")):
        assert "not selected" in line(table, row)
    for table, row in (("table2", "CAVL-C0: CAVL c0"), ("table4", "NMF-MFCC"), ("table3", "CAVL-C2")):
        assert "not selected" in line(table, row)
    assert "not in this suite" in line("table3", "Attention")
    assert "not planned" in line("table2", "CAVL-C2: CAVL c1-c2")
    assert "method's reference (not selected)" in (tmp_path / "tables" / "orderings.md").read_text()
    for file in ("report.md", "index.html"):
        text = (tmp_path / file).read_text()
        assert "Of the preset only: orderings c1. What else it has, trivial rows apart, is not selected." in text
        assert "L3-Net avc, mel bins is the same as L3-Net avc" in text


def test_runs_of_an_older_version_are_named_with_the_remedy(writer, tmp_path, capsys):
    writer.whole(seeds=(1,))
    for number in (path for path in writer.home.iterdir() if path.name.isdigit()):
        if (number / "items.csv").exists():
            (number / "items.csv").write_text("item,row,rule,ciou\na,aligned,threshold=0.5,0.5\n")
    assert main(["--home", str(writer.home), "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().err.splitlines()
    named = {line.split(":")[1] for line in said if "older version: repeat it with --rerun stale" in line}
    with_items = [path.parent.name for path in writer.home.glob("*/items.csv")]
    assert named <= {f" run {number}" for number in with_items}
    assert len(named) > 20
