"""Protocols beside the numbers that they define: citations as "PROTOCOLS §6" become links to the section.

docs/protocols.md is package data (a link in the sources, a copy in a wheel). It is folded into the page, and written
beside the Markdown, so that no citation leads out of the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

import markupsafe

FILE = "protocols.md"
CITATION = re.compile(r"PROTOCOLS §(\w+)")


@dataclass(frozen=True, slots=True)
class Section:
    """``name`` is what a citation has behind the "§"; ``text`` is Markdown."""

    name: str
    title: str
    text: str


def read() -> str:
    """The whole document, Markdown."""
    return resources.files("reports").joinpath("templates", FILE).read_text(encoding="utf-8")


def sections(document: str) -> list[Section]:
    """Its sections, each a heading "## 6. Title" behind its anchor."""
    parts = re.split(r'^<a id="s(\w+)"></a>\n## \1\. (.+)\n', document, flags=re.MULTILINE)[1:]
    return [Section(*(part.strip() for part in parts[i : i + 3])) for i in range(0, len(parts), 3)]


def linked_html(text: str) -> markupsafe.Markup:
    """``text`` as HTML, citations leading to the section in the same page."""
    link = r'<a href="#protocols-\1">PROTOCOLS §\1</a>'
    return markupsafe.Markup(CITATION.sub(link, str(markupsafe.escape(text))))


def linked_markdown(text: str, page: str) -> str:
    """Markdown ``text``, citations leading to the file beside ``page``, the relative path of the HTML page."""
    return CITATION.sub(rf"[PROTOCOLS §\1]({page.removesuffix('index.html')}{FILE}#s\1)", text)
