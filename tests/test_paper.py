"""docs/paper.md against the paper: no sentence, caption, table row or footnote of its §4 and §6 is missing there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "paper.md").read_text()
#: Section -> the lines of the paper's text between which it stands.
SECTIONS = {"4": ("# 4. Experiments", "# 5. Conclusion"), "6": ("# 6. Supplemental Materials", None)}
#: What holds a full stop that ends no sentence.
ABBREVIATIONS = re.compile(r"\b(Fig|Table|Sec|i\.e|e\.g|w\.r\.t)\.(?=,| |\d)")
#: So many words of a sentence find it.
WORDS = 4


@pytest.fixture(scope="module")
def paper(shared_data: Path) -> str:
    """The paper as text; beside the data for tests where that is."""
    path = shared_data.parent / "seeds" / "cavl_paper.txt"
    if not path.is_file():
        pytest.skip(f"the paper's text is not at {path}")
    return path.read_text(encoding="utf-8")


def part(paper: str, section: str) -> list[str]:
    """The lines of a section."""
    first, last = SECTIONS[section]
    return paper[paper.index(first) : paper.index(last) if last else None].splitlines()[1:]


def words(text: str) -> list[str]:
    """Of a passage, without markup: "CAVL- $\\mathcal{C}_1$" is "cavlc1"; without the numbers of references."""
    text = re.sub(r"<sup>&(?:</sup>)?lt;sup>(\d)</sup>", r"\1 ", text)  # a footnote
    plain = re.sub(r"<sup>.*?</sup>|\\(mathcal|text|times)|\[\d[\d, ]*\]", "", text)
    plain = re.sub(r"[$*{}\\_↑↓]", "", plain)
    plain = re.sub(r"(CAVL) ?- ?", r"\1-", plain)
    return re.findall(r"[a-z0-9]+", re.sub(r"[-/]", "", plain.lower()))


def is_aside(line: str) -> bool:
    return "\t" in line or bool(re.match(r"(Figure|Table) \d+: |<sup>&?|\([ab]\) ", line))


def split(passage: str) -> list[str]:
    """The sentences of a passage."""
    text = ABBREVIATIONS.sub(r"\1", passage).replace("$ .", "$.").replace("4..", "4.")
    return re.split(r"(?<=[\w$)\]*>]\.) +(?=[A-Z*$])", text.strip())


def sentences(lines: list[str]) -> list[str]:
    """The sentences of the running text, around what stands between its lines."""
    running = (line.strip() for line in lines if line.strip() and not line.startswith("#"))
    return split(" ".join(line for line in running if not is_aside(line)))


def anchors(section: str, *, asides: bool) -> list[list[str]]:
    """The words that docs/paper.md quotes, in its order: of the running text, or of tables, figures and notes."""
    chapters = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
    mine = [chapter for chapter in chapters if chapter.startswith(section)]
    chosen = [chapter for chapter in mine if ("Tables, figures" in chapter.splitlines()[0]) == asides]
    rows = [line.split(" | ")[0] for chapter in chosen for line in chapter.splitlines() if line.startswith('| "')]
    return [words(quoted) for row in rows for quoted in re.findall(r'"([^"]+?)(?: …)?"', row)]


@pytest.mark.parametrize("section", SECTIONS)
def test_no_sentence_is_missing_and_none_is_not_the_paper_s(paper: str, section: str) -> None:
    found = sentences(part(paper, section))
    assert len(found) > 40
    quoted = anchors(section, asides=False)
    for sentence, anchor in zip(found, quoted, strict=False):
        assert len(anchor) >= min(WORDS, len(words(sentence))), f"too few words to find it: {sentence}"
        assert words(sentence)[: len(anchor)] == anchor, f"missing, or not in the paper's order: {sentence}"
    assert len(quoted) == len(found)


@pytest.mark.parametrize("section", SECTIONS)
def test_no_caption_row_or_footnote_is_missing(paper: str, section: str) -> None:
    lines = part(paper, section)
    if section == "4":  # its last footnote stands below the next section's first lines
        lines += [line for line in paper.splitlines() if line.startswith("<sup>&") and "sup>4<" in line]
    quoted = anchors(section, asides=True)
    for line in (line.strip() for line in lines if is_aside(line.strip())):
        if "\t" in line:
            label, *numbers = line.split("\t")
            if re.fullmatch(r"-?[\d.]+", numbers[0]):  # not the heads of columns
                assert words(label) in quoted, f"a row is missing: {label}"
            continue
        for sentence in split(line):
            start = words(sentence)
            assert any(start[: len(a)] == a for a in quoted if len(a) >= min(WORDS, len(start))), f"missing: {sentence}"
    assert all(anchor in text_of(lines) for anchor in map(" ".join, quoted)), "a quotation that is not the paper's"


def text_of(lines: list[str]) -> str:
    return " ".join(word for line in lines for word in words(line.split("\t")[0]))


def test_a_sentence_that_is_not_quoted_is_found_missing(paper: str) -> None:
    found = sentences(part(paper, "6"))
    assert words(found[0])[:4] == ["the", "audio", "event", "dataset"]
    assert split("It is $1$ . For Fig. 3, i.e., so. CAVL- $C_0$ ends. And [3]. Then") == [
        "It is $1$.",
        "For Fig 3, i.e, so.",
        "CAVL- $C_0$ ends.",
        "And [3].",
        "Then",
    ]
