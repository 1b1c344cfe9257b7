"""The first lines of a report, of runs written by hand."""

from reports.contents import all_tables
from reports.findings import at_the_edge, below_rivals, first_findings
from reports.html import page
from reports.writing import report_markdown

ONCE = [{"curricula": [1], "updates": 40, "lr": 1e-3}]


def localize(writer, **skills):
    for seed in (1, 2, 3):
        for method, skill in skills.items():
            trained = method in ("cavl", "dmc")
            options = {"stages": ONCE, "parents": [f"{method} weights"]} if trained else {}
            writer.localize(method.replace("_", "-"), "c1" if trained else "none", seed, skill, **options)
    writer.plan()


def test_networks_below_a_cheap_rival_are_named_first(writer, study_of):
    localize(writer, cavl=0.9, dmc=0.3, edge_density=0.6, spectral_residual=0.1)
    study = study_of(writer.home)
    first, second = below_rivals(study)
    assert first.startswith("S4, cIoU@0.5: not above Edge density, a cheap rival: DMC c1 (-")
    assert "CAVL" not in first
    assert second == "S4, cIoU@0.5: every trained network is above Spectral residual, its cheap rival, on average."
    tables = all_tables(study)
    text = page(study, tables, [])
    assert text.index(f'<p class="finding">{first}') < text.index("<main>")
    markdown = report_markdown(study, tables, [])
    assert markdown.index("not above Edge density") < markdown.index("### Table 3")


def test_a_score_at_its_ceiling_or_floor_in_all_methods_is_a_finding(writer, study_of):
    localize(writer, cavl=1.5, dmc=1.5, full_frame=0.3)
    study = study_of(writer.home)
    said = list(at_the_edge(study, all_tables(study)))
    assert any(finding.startswith("Every trained method is at the ceiling") for finding in said)
    assert any("Table 3, cIoU@0.5" in finding for finding in said)
    assert not any("degenerate" in finding for finding in said)  # none is what all want


def test_one_method_that_is_not_there_is_enough(writer, study_of):
    localize(writer, cavl=1.5, dmc=0.5)
    study = study_of(writer.home)
    assert list(at_the_edge(study, all_tables(study))) == []


def test_what_the_claims_came_to_is_said_first_too(ablations_study):
    said = first_findings(ablations_study, all_tables(ablations_study))
    assert any(finding.startswith("Claims. Supported: ") for finding in said)
