"""docs/protocols.md: what cites it finds the section, and the version that it states is the one of the code."""

import re
from pathlib import Path

import pytest

from benchmarks import presets
from benchmarks.orchestration.experiment import current_environment, pedigree
from registry.provenance.environment import PROTOCOL
from reports.protocols import read, sections
from tests.plain_config import run_config

ROOT = Path(__file__).parents[1]
FOLDERS = ("cavl", "baselines", "benchmarks", "registry", "reports", "tests", "docs")
TEXT = (ROOT / "docs" / "protocols.md").read_text()
NAMES = [section.name for section in sections(TEXT)]


def sources():
    """Every Python, Markdown and HTML file of the repository, but for this one and for reports that were generated."""
    files = [*ROOT.glob("*.md"), *(f for name in FOLDERS for f in (ROOT / name).rglob("*"))]
    kept = [f for f in files if f.suffix in (".py", ".md", ".html") and f.name != Path(__file__).name]
    return [(f, f.read_text()) for f in kept if ROOT / "reports" / "generated" not in f.parents]


def test_every_citation_leads_to_a_section():
    cited = {}
    for file, text in sources():
        flat = re.sub(r"\s*\n[\s#:*]*", " ", text)  # a citation may be broken across lines of a comment
        for document, name in re.findall(r"\b([A-Z]{3,})(?:\.md)?,? (?:§|[Ss]ection )\s*(\w+(?:\.\w+)*)", flat):
            assert document == "PROTOCOLS", f"{file} cites {document} §{name}, which is not in the repository"
            cited[name] = file
        assert not re.search(r'\bPROTOCOLS\b(?! §|"| \\)', flat), f"{file} cites PROTOCOLS without a section"
    assert len(cited) >= 10
    assert not cited.keys() - set(NAMES), {name: cited[name] for name in cited.keys() - set(NAMES)}


def test_no_document_is_cited_that_is_not_there():
    there = {f.name for f in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]}
    for file, text in sources():
        named = set(re.findall(r"\b([A-Z]{3,}\.md)\b", text))
        assert named <= there, f"{file} names {named - there}"
        assert not re.search(r"\b(DESIGN|MINIATURE)\b", text), f"{file} cites a plan that is not in the repository"


def test_sections_have_anchors_and_the_contents_lists_them_all():
    headings = re.findall(r"^## (\w+)\. (.+)$", TEXT, re.MULTILINE)
    assert [(s.name, s.title) for s in sections(TEXT)] == headings
    assert [name for name, _ in headings] == [*map(str, range(12)), "R"]
    assert re.findall(r"^- \[(\w+)\. (.+)\]\(#s\1\)$", TEXT, re.MULTILINE) == headings
    assert all(section.text for section in sections(TEXT))
    assert read() == TEXT  # what reports ship


def test_the_version_is_stated_once_and_stands_in_every_record(tmp_path, monkeypatch):
    assert re.findall(r"\*\*Protocol version (\d+)\.\*\*", TEXT) == [str(PROTOCOL)]
    assert current_environment(presets.load("smoke").training)["protocol"] == PROTOCOL
    monkeypatch.setenv("CAVL_HOME", str(tmp_path))
    monkeypatch.setenv("CAVL_DATA", str(tmp_path))
    config = {**run_config("localization", "smoke", "full-frame", "none", 1)}
    then = pedigree(config)
    monkeypatch.setattr("registry.provenance.environment.PROTOCOL", PROTOCOL + 1)
    now = pedigree(config)
    assert (then.environment["protocol"], now.environment["protocol"]) == (PROTOCOL, PROTOCOL + 1)
    assert then.key == now.key  # beside the key, not in it


@pytest.mark.parametrize(("column", "name"), [(0, "paper"), (1, "miniature")])
def test_the_defaults_are_those_of_the_presets(column, name):
    table = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", TEXT, re.MULTILINE))

    def stated(option):
        cells = table[option].split(" | ")
        text = cells[0] if cells[column] == "same" else cells[column]
        return [float(number) for number in text.removesuffix(" (*paper*)").split(", ")]

    preset = presets.load(name)
    clustering = run_config("pretrain", name, "cavl", "c1", 1)["model"]["clustering"]
    stages = preset.methods["cavl"].orderings(1)["c1-c2-c3-c4"]
    assert stated("EM iterations") == [clustering.get("iterations", 4)]
    assert stated("stiffness beta") == [clustering["beta"]]
    assert stated("updates of stages 1 to 4") == [stage.updates for stage in stages]
    assert stated("learning rates of stages 1 to 4") == [stage.lr for stage in stages]
    assert stated("batch") == [preset.training.batch]
    counting, separation = (preset.evaluations[task] for task in ("counting", "separation"))
    assert stated("counter: updates, rate") == [counting.updates, counting.lr]
    assert stated("counter: scenes of an update") == [counting.batch or preset.training.batch]
    assert stated("separation: updates, rate") == [separation.updates, separation.lr]
