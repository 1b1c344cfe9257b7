"""The claims of several reports side by side."""

import pytest

from registry.errors import RefusedError
from reports.__main__ import main
from reports.claims import CLAIMS
from reports.claims.table import claims
from reports.claims.worlds import write_worlds
from reports.csv import long_csv


@pytest.fixture
def folders(tmp_path, whole_study, ablations_study):
    """Two reports, as far as they hold claims."""
    for name, study in (("one", whole_study), ("two", ablations_study)):
        (tmp_path / name / "tables").mkdir(parents=True)
        (tmp_path / name / "tables" / "claims.csv").write_text(long_csv(claims(study)[0]))
    return {"one": tmp_path / "one", "two": tmp_path / "two"}


def test_each_claim_has_a_verdict_of_each_world(folders, whole_study, ablations_study):
    text = write_worlds(folders, "this command")
    lines = [line for line in text.splitlines() if line.startswith("| ") and "**" not in line and "---" not in line]
    said = [[row.cells[0].text for row in claims(study)[0].rows] for study in (whole_study, ablations_study)]
    assert [line.split(" | ")[0].partition(".")[0].strip("| ") for line in lines] == [c.id for c in CLAIMS]
    assert [tuple(line.rstrip(" |").split(" | ")[1:]) for line in lines] == list(zip(*said, strict=True))
    assert "| **AVTS summary** | one | two |" in text
    assert "Written by `this command`." in text


def test_the_command_joins_reports_that_stand(folders, tmp_path, capsys):
    out = tmp_path / "claims.md"
    worlds = ",".join(f"{name}={folder}" for name, folder in folders.items())
    assert main(["--claims-table", str(out), "--worlds", worlds]) == 0
    assert out.read_text().startswith("# The claims, world by world")
    assert "--worlds one,two`" in out.read_text()
    assert str(tmp_path) not in out.read_text()


def test_a_folder_without_claims_is_refused_with_the_remedy(folders, tmp_path):
    with pytest.raises(RefusedError, match=r"there are no claims in .*claims.csv; write the report: cavl-bench report"):
        write_worlds({**folders, "none": tmp_path}, "")


def test_reports_of_other_lists_are_not_joined(folders):
    file = folders["two"] / "tables" / "claims.csv"
    file.write_text(file.read_text().replace("C1.", "C0."))
    with pytest.raises(RefusedError, match="reports of one and two list other claims; write both anew"):
        write_worlds(folders, "")


@pytest.mark.parametrize("content", [b"group,row\xff\n", "gruppe;zeile\n".encode("utf-16"), b"group,row\n1,2\n", b'"'])
def test_a_table_that_is_anothers_is_named(folders, content):
    file = folders["two"] / "tables" / "claims.csv"
    file.write_bytes(content)
    with pytest.raises(RefusedError, match=r"two/tables/claims\.csv (is no table of claims|.*)|list other claims"):
        write_worlds(folders, "")


def test_a_table_that_a_spreadsheet_saved_is_read(folders):
    before = write_worlds(folders, "")
    file = folders["two"] / "tables" / "claims.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert write_worlds(folders, "") == before
