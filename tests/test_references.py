"""Cross-references in docstrings, and paths in texts and comments: each leads to something that exists."""

from __future__ import annotations

import contextlib
import inspect
import pkgutil
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("cavl", "baselines", "benchmarks", "registry", "reports", "tools", "tests", "docs")
CODE = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
TEXTS = [*CODE, *ROOT.glob("docs/*.md"), *(p for p in ROOT.iterdir() if p.suffix in (".md", ".ini", ".toml", ".yaml"))]
#: A name in a file, as docs/paper.md has it.
NAMED = re.compile(rf"`((?:{'|'.join(PACKAGES)})/[\w/]+\.py):([\w.]+)`")
#: Paths that stand for others, or for what is not here.
EXAMPLES = re.compile(r"NAME|TASK|mine")


def leads_somewhere(name: str, module: str) -> bool:
    """Whether a reference in ``module`` is to an object by its full name, of the module, or of one of its classes."""
    classes = inspect.getmembers(pkgutil.resolve_name(module), inspect.isclass)
    for full in (name, f"{module}.{name}", *(f"{module}.{known}.{name}" for known, _ in classes)):
        owner, _, attribute = full.rpartition(".")
        with contextlib.suppress(ImportError, AttributeError, ValueError):
            if attribute in getattr(pkgutil.resolve_name(owner or module), "__annotations__", {}):
                return True  # declared, a value only in instances
            pkgutil.resolve_name(full)
            return True
    return False


def test_cross_references_lead_somewhere() -> None:
    for file in CODE:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name in re.findall(r":(?:mod|class|func|meth|attr|data):`~?([\w.]+)`", file.read_text()):
            assert leads_somewhere(name, module), f"{file}: {name}"


def test_paths_lead_somewhere() -> None:
    for file in TEXTS:
        for path in re.findall(rf"(?<![\w/.-])(?:{'|'.join(PACKAGES)})/[\w/]+\.(?:py|md)\b", file.read_text()):
            assert file.name == "test_house.py" or EXAMPLES.search(path) or (ROOT / path).exists(), f"{file}: {path}"


def test_names_behind_paths_are_there() -> None:
    """``path.py:name`` in the documents: the module has it, or one of its classes that is named."""
    found = [(file, *names) for file in ROOT.glob("docs/*.md") for names in NAMED.findall(file.read_text())]
    assert len(found) > 100
    for file, path, name in found:
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        assert leads_somewhere(name, module), f"{file}: {path} has no {name}"
