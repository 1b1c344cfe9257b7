"""The table that pairs kinds of photographs and recordings."""

from __future__ import annotations

import pytest

from benchmarks.datasets.composite.pairs import Pair, read_pairs


def test_the_shipped_table():
    table = read_pairs()
    by_kind = {pair.kind: pair for pair in table.kinds}
    assert len(table.kinds) == len(by_kind) == 15
    assert by_kind["guitar"] == Pair("guitar", ("electric_guitar", "mandolin"), ("Acoustic_guitar",))
    assert by_kind["person"].recordings == ("sneezing", "coughing", "laughing")
    assert table.hidden == ("Faces",)  # the same pictures as Faces_easy


def test_no_sound_and_no_photograph_belongs_to_two_kinds():
    table = read_pairs()
    for cells in ([p.photographs for p in table.kinds], [p.recordings for p in table.kinds]):
        names = [name for cell in cells for name in cell]
        assert len(set(names)) == len(names)


def test_an_own_table(tmp_path):
    (tmp_path / "p.csv").write_text('kind,photographs,recordings\n dog ,"dalmatian| beagle",bark\n-,Faces,\n')
    table = read_pairs(tmp_path / "p.csv")
    assert table.kinds == (Pair("dog", ("dalmatian", "beagle"), ("bark",)),)
    assert table.hidden == ("Faces",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its first line should name the columns kind, photographs, recordings"),
        ("kind,sounds\n", "it lacks photographs, recordings"),
        ("kind,photographs,recordings\ndog,dalmatian\n", "line 2: three cells are needed"),
        ("kind,photographs,recordings\ndog,dalmatian,bark,woof\n", "line 2: three cells are needed"),
        ("kind,photographs,recordings\ndog,dalmatian,\n", "line 2: a kind needs a name, photographs and recordings"),
        ("kind,photographs,recordings\n,dalmatian,bark\n", "line 2: a kind needs a name"),
        ("kind,photographs,recordings\ndog,a,x\ncat,b,x\n", "the label of recordings 'x' stands in two places"),
        ("kind,photographs,recordings\ndog,a|a,x\n", "the folder of photographs 'a' stands in two places"),
        ("kind,photographs,recordings\ndog,a,x\ndog,b,y\n", "the kind 'dog' stands in two places"),
        ("kind,photographs,recordings\ndog,a,x\n-,a,\n", "the folder of photographs 'a' stands in two places"),
        ("kind,photographs,recordings\n" + "".join(f"k{i},a{i},b{i}\n" for i in range(128)), "127 are the most"),
        ('kind,photographs,recordings\ndog,"a,x\n', "line 2: three cells are needed"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, text, said):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=said) as refused:
        read_pairs(tmp_path / "p.csv")
    assert str(tmp_path / "p.csv") in str(refused.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"\x00\x93\xff\xfe,a,b\n" * 9)
    with pytest.raises(ValueError, match="is not a table of pairs"):
        read_pairs(tmp_path / "p.csv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_as_windows_saves_it(tmp_path, encoding):
    text = "recordings;kind;photographs\r\nbark|woof;dog;caniche épagneul\r\n;-;Faces\r\n;;\r\n"
    (tmp_path / "p.csv").write_bytes(text.encode(encoding))
    table = read_pairs(tmp_path / "p.csv")
    assert table.kinds == (Pair("dog", ("caniche épagneul",), ("bark", "woof")),)
    assert table.hidden == ("Faces",)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"leave data\.pairs out"):
        read_pairs(tmp_path / "p.csv")
