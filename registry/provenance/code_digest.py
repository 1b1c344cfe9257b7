"""Code digest: which source files compute a run's numbers, and whether they have changed since.

The sources of a run are the static closure of its imports: beginning with the modules that define the run, every
import statement is followed, those inside functions included, as far as it stays within the given top-level packages.
A digest is taken of the syntax tree without docstrings, so comments, formatting and documentation never make a run
stale. Modules are found and read, never imported.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def code_digest(modules: Sequence[str], roots: Sequence[str], stops: Sequence[str] = ()) -> dict[str, str]:
    """Digest of every module that ``modules`` import, directly or not, within the packages ``roots``.

    Parameters
    ----------
    modules : sequence of str
        Where to begin, dotted names. A module loaded by a computed name is seen by no import statement: name it here.
    roots : sequence of str
        Top-level packages to stay in, as ``("cavl", "baselines", "benchmarks", "registry")`` and a plug-in's own.
    stops : sequence of str
        Modules and packages that are neither digested nor followed: they do not compute what the run measures.

    Returns
    -------
    dict
        Dotted name -> 16 hexadecimal digits, sorted by name. The ``__init__`` of every package on the way counts, under
        the package's name.

    Raises
    ------
    ModuleNotFoundError
        When one of ``modules`` is not there.
    ValueError
        When one of ``modules`` lies outside ``roots``.
    """
    for name in modules:
        if name.partition(".")[0] not in roots:
            raise ValueError(f"module {name} lies outside the packages whose code is followed ({', '.join(roots)})")
        if source_file(name) is None:
            raise ModuleNotFoundError(f"no source found for module {name}", name=name)
    digests: dict[str, str] = {}
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        for name in _and_packages(waiting.pop()):
            if name in seen or name.partition(".")[0] not in roots or _below(name, stops):
                continue
            seen.add(name)
            source = source_file(name)
            if source is not None:  # else a function or class of the module named before it
                text = source.read_bytes()
                digests[name] = _digest(text)
                waiting += [_absolute(name, source, level, target) for level, target in _imports(text)]
    return dict(sorted(digests.items()))


def module_digest(name: str) -> str | None:
    """Digest of the one module ``name`` as it is now; ``None`` where it is gone."""
    source = source_file(name)
    return None if source is None else _digest(source.read_bytes())


def changes(then: Mapping[str, str], now: Mapping[str, str | None]) -> tuple[str, ...]:
    """What has become of the modules in ``then`` (module -> digest), one plain sentence each."""
    return tuple(
        f"code {'changed' if now.get(module) else 'gone'}: {module}"
        for module, digest in sorted(then.items())
        if now.get(module) != digest
    )


def _below(name: str, packages: Sequence[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _and_packages(name: str) -> Iterator[str]:
    """``a.b.c`` -> ``a``, ``a.b``, ``a.b.c``: importing the last one runs them all."""
    parts = name.split(".")
    return (".".join(parts[: i + 1]) for i in range(len(parts)) if parts[i])


def source_file(name: str) -> Path | None:
    """File of a module's source, found without importing anything; None where there is none."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module made by hand, which has no file
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations is None:
        return Path(spec.origin) if not rest and spec.origin and spec.origin.endswith(".py") else None
    for location in spec.submodule_search_locations:
        base = Path(location, *rest)
        for candidate in (base / "__init__.py", base.with_name(base.name + ".py")):
            if candidate.is_file() and (rest or candidate.name == "__init__.py"):
                return candidate
    return None


def _absolute(module: str, source: Path, level: int, target: str) -> str:
    """Resolve an import that ``module`` makes; ``level`` counts the leading dots."""
    if level == 0:
        return target
    package = module.split(".") if source.name == "__init__.py" else module.split(".")[:-1]
    return ".".join([*package[: len(package) - level + 1], target])


@functools.lru_cache(maxsize=1024)
def _digest(text: bytes) -> str:
    tree = _tree(text)
    return hashlib.sha256(text if tree is None else repr(_shape(tree)).encode()).hexdigest()[:16]


@functools.lru_cache(maxsize=1024)
def _imports(text: bytes) -> tuple[tuple[int, str], ...]:
    """(level, dotted name) of all that a source may import."""
    tree = _tree(text)
    return () if tree is None else tuple(_imported(tree))


def _tree(text: bytes) -> ast.AST | None:
    """``None`` for a source that is no Python (half edited), which counts as it stands."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # What is imported may be a module or a name in one: both are tried.
            prefix = f"{node.module}." if node.module else ""
            yield from ((node.level, prefix + alias.name) for alias in node.names)


def _walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those of a module's part that runs only as a program (``if __name__ == "__main__"``)."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "__name__ == '__main__'"):
            yield from _walk(child)


def _shape(node: Any) -> Any:
    """A syntax tree as nested tuples, without docstrings, places and empty fields (these differ between Pythons)."""
    if isinstance(node, list):
        return tuple(_shape(item) for item in node)
    if not isinstance(node, ast.AST):
        return node
    fields = []
    for name, value in ast.iter_fields(node):
        if name == "body" and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            value = value[ast.get_docstring(node, clean=False) is not None :]
        if value is not None and value != [] and name != "kind":
            fields.append((name, _shape(value)))
    return (type(node).__name__, *fields)
