import base64
import html
import io
import re
import shutil
import subprocess
import wave
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from reports.cells import anchor
from reports.contents import all_tables
from reports.figures.figure import Figure, Sound
from reports.html import hide_home, page, summary
from reports.tables.localization import localization

VOID = {"meta", "img", "br", "link", "input", "hr"}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Page(HTMLParser):
    """Checks that tags are closed in order; collects ids, links and sources."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.problems = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        self.sources += [attrs["src"]] if "src" in attrs else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append((tag, self.getpos()))


@pytest.fixture(scope="module")
def whole(whole_study, tmp_path_factory):
    """(study, tables, HTML text)."""
    study = whole_study
    picture = tmp_path_factory.mktemp("png") / "f.png"
    picture.write_bytes(PNG)
    sounds = tuple(
        Sound(name=f"tone {i}", samples=np.full(4000, i, dtype=np.int16), sample_rate=8000) for i in range(3)
    )
    figure = Figure(name="fig", title="A figure", caption="What it shows", runs=(), draw=lambda: None, sounds=sounds)
    tables = all_tables(study)
    return study, tables, page(study, tables, [(figure, picture)])


def test_the_page_needs_nothing_but_itself(whole):
    _, _, text = whole
    assert not re.search(r"""(src|href|action|data)\s*=\s*["']?\s*(https?:)?//""", text)
    assert not re.search(r"url\(|@import|<link|<iframe", text)
    found = Page(text)
    assert all(source.startswith(("data:image/png;base64,", "data:audio/wav;base64,")) for source in found.sources)
    assert base64.b64decode(found.sources[0].partition(",")[2]) == PNG
    assert all(link.startswith("#") for link in found.links)


def test_sounds_are_played_beneath_their_figure(whole):
    _, _, text = whole
    figure = text[text.index('<figure id="fig"') : text.index("</figure>")]
    players = re.findall(r'<span>([^<]*)</span><audio controls [^>]*src="data:audio/wav;base64,([^"]*)"', figure)
    assert [name for name, _ in players] == ["tone 0", "tone 1", "tone 2"]
    for i, (_, content) in enumerate(players):
        with wave.open(io.BytesIO(base64.b64decode(content))) as file:
            assert file.getframerate() == 8000
            assert np.frombuffer(file.readframes(4000), dtype="<i2").tolist() == [i] * 4000
    assert '<a href="#fig">Sounds</a>' in text


def test_findings_and_marks_are_seen(whole):
    _, tables, text = whole
    findings = [finding for table in tables for finding in table.findings]
    assert findings
    assert all(html.escape(finding, quote=False).replace("'", "&#39;") in text for finding in findings)
    beaten = [cell for table in tables for row in table.rows for cell in row.cells if cell.beaten_by]
    assert beaten
    assert text.count("<li>‡ in one seed or more no better than: ") == len(beaten)


def test_the_page_is_well_formed_and_every_link_leads_somewhere(whole):
    found = Page(whole[2])
    assert (found.problems, found.open) == ([], [])
    assert len(found.ids) == len(set(found.ids))
    assert {link[1:] for link in found.links} <= set(found.ids)


def test_every_cell_has_its_anchor_its_seeds_and_links_to_its_runs(whole):
    _, tables, text = whole
    for table in tables:
        for r, row in enumerate(table.rows):
            for c, cell in enumerate(row.cells):
                start = text.index(f'id="{anchor(table, r, c)}"')
                inside = text[start : text.index("</td>", start)]
                assert cell.text.replace("'", "&#39;") in inside
                assert [int(n) for n in re.findall(r'href="#run-(\d+)"', inside)] == [
                    p.run for p in cell.parts if p.run
                ]


def test_every_run_has_a_section_with_its_pedigree(whole):
    study, _, text = whole
    for run in study.runs:
        start = text.index(f'id="run-{run.id}"')
        inside = text[start : text.find('<details id="run-', start + 1)]
        for known in ("miniature-1", "lab-3", "2024-05-01T10:05:00", f"&#34;seed&#34;: {run.config['seed']}"):
            assert known in inside
        assert all(f"{run.id}/{name}" in inside for name in run.artifacts)


def test_the_hosts_environment_is_not_shown(whole):
    assert "hunter2" not in whole[2]


def test_the_page_does_not_show_where_the_registry_lies(whole, whole_home):
    assert str(whole_home) not in whole[2]


def test_paths_and_credentials_are_hidden(whole):
    study = whole[0]
    text = f"see {study.home}/3 and {Path.home()}/data and mongodb://ann:s3cret@db/x"
    assert hide_home(study, text) == "see $CAVL_HOME/3 and ~/data and mongodb://***@db/x"


def test_the_claims_are_a_section_whose_verdicts_are_seen(ablations_study):
    tables = all_tables(ablations_study)
    assert [t.name for t in tables][:5] == ["table1", "table3", "avc", "avts", "action"]
    text = page(ablations_study, tables, [])
    found = Page(text)
    assert (found.problems, found.open) == ([], [])
    assert len(found.ids) == len(set(found.ids))
    assert '<a href="#claims">Claims</a>' in text
    assert '<h2 id="claims">Claims</h2>' in text
    section = text[text.index('id="claims"') :]
    assert 'supported">supported</td>' in section
    assert 'supported">supported, exploratory</td>' in section
    assert "“Pretraining performance &gt; Training from scratch.” (AVTS summary)" in section


def test_third_parties_names_are_text_not_markup(writer, study_of):
    writer.localize("<script>alert(1)</script>", "own", 1, 0.5)
    writer.plan(command="cavl-bench run --methods '<b>'")
    study = study_of(writer.home)
    text = page(study, all_tables(study), [])
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert Page(text).problems == []


def test_the_summary_names_what_is_missing_failed_stale_and_damaged(writer, study_of, tmp_path):
    writer.localize("cavl", "c1", 1, 0.8, code={"registry.record.run_record": "0" * 16})
    writer.run("localization", "cavl", "c1", 2, None, status="FAILED")
    writer.run("localization", "cavl", "c1", 3, None, write=False)
    writer.localize("cavl", "c0", 1, 0.8)
    writer.plan()
    (writer.home / "3" / "config.json").write_text("{")
    study = study_of(writer.home)
    known = summary(study)
    assert (known["runs_done"], known["runs_planned"], known["seeds_done"]) == (1, 4, [])
    assert known["failed"] == [
        {
            "name": "localization cavl c1 seed 2",
            "status": "failed",
            "run": 2,
            "reason": "ValueError: the loss is nan at update 7",
        }
    ]
    assert known["not_run"] == ["localization cavl c1 seed 3", "localization cavl c0 seed 1"]
    assert known["stale"][0]["reasons"] == ["code changed: registry.record.run_record"]
    assert "$CAVL_HOME/3/config.json" in known["damaged"][0]
    png = tmp_path / "f.png"
    png.write_bytes(PNG)
    figure = Figure(name="fig", title="A figure", caption="It shows.", runs=tuple(study.runs), draw=lambda: None)
    text = page(study, [localization(study)], [(figure, png)])
    assert "It shows. † Drawn from stale runs" in text
    for said in (
        "the loss is nan at update 7",
        "code changed: registry.record.run_record",
        "Damaged run folders",
        "not run yet",
    ):
        assert said in text
    assert "† stale" in text


@pytest.fixture
def browser(tmp_path):
    """Open a page in Chromium; returns what it has become."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on the PATH")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", "--dump-dom"]

    def dump(address):
        command = [program, *flags, f"--user-data-dir={tmp_path / 'profile'}", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    return dump


@pytest.mark.slow
def test_in_a_browser_a_link_to_a_run_opens_it(whole, tmp_path, browser):
    file = tmp_path / "index.html"
    file.write_text(whole[2])
    for hash_, opened in (("#run-5", 'id="run-5" open'), ("#table3-r3-c2", 'id="table3-r3-c2"><details open')):
        assert opened in browser(file.as_uri() + hash_).replace('open=""', "open")


@pytest.mark.slow
def test_a_browser_can_play_the_sounds(whole, tmp_path, browser):
    file = tmp_path / "index.html"
    loaded = """<script>
      Promise.all([...document.querySelectorAll("audio")].map(audio => new Promise(done => {
        audio.addEventListener("loadedmetadata", () => done(audio.duration));
        audio.addEventListener("error", () => done("error"));
        audio.load();
      }))).then(seconds => { document.title = "durations " + seconds.join(" "); });
    </script></body>"""
    file.write_text(whole[2].replace("</body>", loaded))
    assert "<title>durations 0.5 0.5 0.5</title>" in browser(file.as_uri())
