"""The sources behind a run: the closure of its imports, and what counts as a change."""

import importlib
import sys
from pathlib import Path

import pytest

from registry.provenance.code_digest import changes, code_digest, module_digest

SOURCES = {
    "pkg_a/__init__.py": '"""A package."""\n',
    "pkg_a/task.py": "from pkg_a.sub import helper\nimport pkg_b.deep.leaf as leaf\nimport os, json\n",
    "pkg_a/sub/__init__.py": "from . import helper\nfrom .. import top\n",
    "pkg_a/sub/helper.py": "from ..lazy_user import late\nfrom .helper_two import NAME as name\nX = 1\n",
    "pkg_a/sub/helper_two.py": "NAME = 2\n",
    "pkg_a/top.py": "T = 1\n",
    "pkg_a/lazy_user.py": "def late():\n    from pkg_a import lazily\n    return lazily\n",
    "pkg_a/lazily.py": "import pkg_c\n",
    "pkg_a/unused.py": "U = 1\n",
    "pkg_b/deep/leaf.py": "L = 1\n",  # pkg_b and pkg_b.deep have no __init__.py
    "pkg_c.py": "C = 1\n",
    "pkg_outside.py": "O = 1\n",
}
ROOTS = ("pkg_a", "pkg_b", "pkg_c")


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def test_closure_follows_every_form_of_import(sources: Path) -> None:
    assert list(code_digest(["pkg_a.task"], ROOTS)) == [
        "pkg_a",
        "pkg_a.lazily",
        "pkg_a.lazy_user",
        "pkg_a.sub",
        "pkg_a.sub.helper",
        "pkg_a.sub.helper_two",
        "pkg_a.task",
        "pkg_a.top",
        "pkg_b.deep.leaf",
        "pkg_c",
    ]
    assert not {"pkg_a", "pkg_b", "pkg_c"} & sys.modules.keys()  # read, not imported


def test_closure_stays_in_the_roots(sources: Path) -> None:
    assert "pkg_c" not in code_digest(["pkg_a.task"], ("pkg_a",))
    with pytest.raises(ValueError, match=r"pkg_outside lies outside .*pkg_a"):
        code_digest(["pkg_outside"], ("pkg_a",))
    with pytest.raises(ModuleNotFoundError, match=r"pkg_a\.nothing"):
        code_digest(["pkg_a.nothing"], ("pkg_a",))


def test_the_module_that_runs_agrees_with_what_python_imported() -> None:
    """This package's own closure, beside the modules that Python itself loads for it."""
    for name in ("registry.record.observer", "registry.frames"):  # the second is loaded when it is asked for
        importlib.import_module(name)
    loaded = {name for name in sys.modules if name.partition(".")[0] == "registry" and name != "registry.__main__"}
    closure = set(code_digest(["registry.record.observer"], ("registry",)))
    assert {"registry", "registry.record.observer", "registry.lock"} <= closure
    assert closure <= loaded


@pytest.mark.parametrize(
    "harmless",
    [
        "# a comment\nX = 1\n\n\ndef f(a, b=2):\n    return a\n",
        '"""Docstring."""\nX = 1\ndef f(a, b=2):\n    """Another."""\n    return a  # why\n',
        "X=1\ndef f(a,\n      b = 2):\n    return (a)\n",
    ],
)
def test_comments_layout_and_docstrings_do_not_count(sources: Path, harmless: str) -> None:
    file = sources / "pkg_a" / "top.py"
    file.write_text("X = 1\ndef f(a, b=2):\n    return a\n")
    before = module_digest("pkg_a.top")
    file.write_text(harmless)
    assert module_digest("pkg_a.top") == before


@pytest.mark.parametrize(
    "change", ["X = 2", "X = 1.0", "X = True", "X = '1'", "Y = 1", "X = -1", "X: int = 1", "X = 1; Y = 'd'", "X = 1,"]
)
def test_any_change_of_meaning_counts(sources: Path, change: str) -> None:
    file = sources / "pkg_a" / "top.py"
    file.write_text("X = 1")
    before = code_digest(["pkg_a.task"], ROOTS)
    file.write_text(change)
    after = code_digest(["pkg_a.task"], ROOTS)
    assert {name for name in before if before[name] != after[name]} == {"pkg_a.top"}


def test_a_string_that_is_no_docstring_counts(sources: Path) -> None:
    file = sources / "pkg_a" / "top.py"
    file.write_text("def f():\n    '''Doc.'''\n    return 'a'\n")
    before = module_digest("pkg_a.top")
    file.write_text("def f():\n    '''Doc.'''\n    return 'b'\n")
    assert module_digest("pkg_a.top") != before


def test_a_half_edited_source_is_changed(sources: Path) -> None:
    before = module_digest("pkg_a.top")
    (sources / "pkg_a" / "top.py").write_text("def (:\n")
    assert module_digest("pkg_a.top") not in (before, None)


def test_changes_in_words(sources: Path) -> None:
    then = code_digest(["pkg_a.task"], ROOTS)
    (sources / "pkg_c.py").unlink()
    (sources / "pkg_a" / "top.py").write_text("T = 2\n")
    now = {name: module_digest(name) for name in then}
    assert changes(then, now) == ("code changed: pkg_a.top", "code gone: pkg_c")
    assert changes(then, then) == ()
