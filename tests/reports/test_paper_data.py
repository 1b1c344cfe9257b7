"""Reports on the paper's own data: its numbers beside ours, data that were not complete, rehearsals."""

import json

import pytest

from reports.__main__ import main
from reports.contents import all_tables
from reports.html import summary
from reports.tables.separation import instruments, separation, separations


@pytest.fixture
def paper_home(writer):
    """Two seeds: separation guided by CAVL as pre-trained on MUSIC and on AudioSet-Instrument."""
    for seed in (1, 2):
        for method, ordering, variant, skill in (
            ("cavl:music", "untrained", "mask", 1.0),
            ("cavl:music", "c1", "mask", 6.0),
            ("cavl:music", "c1", "center", 5.0),
            ("cavl:music", "c1-c2", "mask", 7.0),
            ("cavl:instrument", "c1", "mask", 2.6),
            ("cavl:instrument", "c1", "center", 2.4),
        ):
            writer.separate(method, ordering, seed, skill, variant)
        writer.separate("av-miml:instrument", "none", seed, 1.8, None, located="kinds", able=False)
    return writer.home


def as_run_on_the_papers_data(home):
    for path in home.glob("*/config.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "data": {"source": "paper"}}))


def test_tables_4_to_6_stand_beside_networks_of_their_own_data(writer, paper_home, study_of, row):
    writer.plan()
    study = study_of(paper_home)
    table = separation(study)
    ours = {name: row(table, name) for name in (r.label for r in table.rows)}
    for name, printed in (
        ("Our-Model-Center: CAVL c1 center, on MUSIC", "5.79"),
        ("Our-Model-Mask: CAVL c1 mask, on MUSIC", "6.59"),
        ("Our-Model-both: CAVL c1-c2 mask, on MUSIC", "6.78"),
    ):
        assert ours[name]["Paper SDR"].text == printed
        assert ours[name]["SDR"].seeds == 2
    assert not any("AudioSet-Instrument" in name for name in ours)
    assert ours["NMF-MFCC"]["Paper SDR"].text == "0.92"

    other = instruments(study)
    assert (other.name, other.title) == ("table6", "Table 6. Separation of two instruments of AudioSet")
    labels = [r.label for r in other.rows]
    for name, printed in (
        ("Our-Model-Mask: CAVL c1 mask, on AudioSet-Instrument", "2.64"),
        ("Our-Model-Center: CAVL c1 center, on AudioSet-Instrument", "2.40"),
        ("CAVL-C1: CAVL c1, on AudioSet-Instrument (audio assignment as the mask)", "-4.54"),
    ):
        assert row(other, name)["Paper SDR"].text == printed
        assert row(other, name)["SDR"].seeds == 2
    assert row(other, "NMF-MFCC")["Paper SDR"].text == "0.25"
    miml = row(other, "AV-MIML, on AudioSet-Instrument (told the two kinds)")
    assert (miml["Paper SDR"].text, miml["SDR"].seeds) == ("1.83", 2)
    assert not any("MUSIC" in name for name in labels)
    assert {"table4", "table6"} <= {t.name for t in all_tables(study)}


def test_there_is_a_table_for_each_test_that_has_networks(whole_study, writer, study_of):
    assert [table.name for table in separations(whole_study)] == ["table4"]
    assert "miniature world" in separation(whole_study).caption
    writer.separate("cavl:instrument", "c1", 1, 3.0)
    writer.plan()
    assert [table.name for table in all_tables(study_of(writer.home)) if "4" in table.name or "6" in table.name] == [
        "table6"
    ]


def test_on_the_papers_data_captions_do_not_speak_of_a_miniature(writer, paper_home, study_of):
    writer.plan()
    as_run_on_the_papers_data(paper_home)
    caption = separation(study_of(paper_home)).caption
    assert "miniature world" not in caption
    assert "what of these data could be prepared" in caption
    assert "Table 5: trained on the solo, or the solo and duet, videos of MIT-MUSIC" in caption


def test_published_mixtures_are_said_to_be_that(writer, paper_home, study_of, whole_study):
    writer.plan()
    assert "The mixtures are drawn once and the same in every row and seed." in separation(whole_study).caption
    for path in paper_home.glob("*/run.json"):
        entry = json.loads(path.read_text())
        entry["result"]["listed"] = True
        path.write_text(json.dumps(entry))
    assert (
        "The mixtures are those of a published list of which both videos are there."
        in separation(study_of(paper_home)).caption
    )


def test_what_was_not_complete_is_told_before_the_first_number(writer, study_of, capsys, tmp_path):
    incomplete = "8120 of 9239 (missing 1100, damaged 19)"
    for seed in (1, 2):
        writer.run("pretrain", "cavl", "c1", seed, {"loss": 1.0, "coverage": incomplete})
        writer.localize("cavl", "c1", seed, 0.5)
        result = {"coverage": "20 of 20", "coverage_training": "90 of 99 (missing 9, damaged 0)"}
        writer.run("counting", "cavl", "c1", seed, result, variant="true")
    writer.plan()
    study = study_of(writer.home)
    assert study.incomplete == {
        incomplete: ["pretrain cavl c1 seed 1", "pretrain cavl c1 seed 2"],
        "trained on 90 of 99 (missing 9, damaged 0)": ["counting true cavl c1 seed 1", "counting true cavl c1 seed 2"],
    }
    assert main(["--home", str(writer.home), "--out", str(tmp_path / "report")]) == 0
    page, text = ((tmp_path / "report" / name).read_text() for name in ("index.html", "report.md"))
    assert "Data that were not complete" in page.partition("<table")[0]
    assert incomplete in page
    assert f"- **data not complete**: {incomplete}: pretrain cavl c1 seed 1, pretrain cavl c1 seed 2" in text
    assert "Rehearsal" not in page


def test_a_rehearsal_says_so_on_top_and_beside_every_table(writer, study_of, tmp_path, capsys):
    writer.localize("cavl", "c1", 1, 0.5)
    writer.plan("paper@16", limit=16)
    study = study_of(writer.home, "paper@16")
    assert study.limit == 16
    assert "on at most 16 scenes of each set" in summary(study)["rehearsal"]
    assert all(table.caption.startswith("A rehearsal, ") for table in all_tables(study))
    assert main(["--preset", "paper@16", "--home", str(writer.home), "--out", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert "<strong>Rehearsal.</strong>" in page.partition("<table")[0]
    assert "- **Rehearsal**: A rehearsal" in (tmp_path / "report" / "report.md").read_text()
    assert "A rehearsal" in (tmp_path / "report" / "tables" / "table3.tex").read_text()


def test_a_whole_job_is_no_rehearsal(whole_study):
    assert (whole_study.limit, whole_study.rehearsal, summary(whole_study)["rehearsal"]) == (None, "", "")
    assert not any("rehearsal" in table.caption for table in all_tables(whole_study))
