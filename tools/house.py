"""Plan of the house in numbers, beside their bars: size, floors, imports, and the way of a run's configuration.

Everything is read from the sources; imports that only type checkers see do not count. The *floors* of ``benchmarks/``
are the longest chain of imports among its parts: the modules and sub-packages directly in it; those in a circle count
once. A *file takes the configuration* where a parameter of a function, or a field of a data class, is one or several
(``TYPES``, ``NAMES``); an object that holds one is none: a context, or a node of the graph of runs (``NODES``), which
schedulers, executors and displays hand on and ask for its key, name, seed and parents. The figures with these nodes are
said, too. The configuration's *way* is a walk through the functions of ``benchmarks/``
from ``ENTRY``, depth first, in the order of calls: each function once; one that is handed on counts as called; a method
of another object is found by its name, where only one that takes it or a node has it; what is called by a name
made at run time (a task's module) is not seen. The configuration *returns* where a function calls one that takes it in
another file, which it had come to before; each pair of functions counts once. Exit status 1: missed.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDERS = ("cavl", "baselines", "benchmarks", "registry", "reports", "tools")
#: A parameter is a run's configuration where its annotation names one of these classes ...
TYPES = ("RunConfig",)
#: ... or, for the second figures, a node that holds one ...
NODES = ("Job",)
#: ... or where it is called one of these, and a mapping.
NAMES = ("config", "_config", "job")
MAPPINGS = ("Mapping", "MutableMapping", "dict")
#: Where the configuration's way begins: module, function.
ENTRY = ("benchmarks.__main__", "main")

Graph = dict[str, set[str]]
Key = tuple[str, str]  # module (a package's ends in .__init__); name of a function or class in it, or Class.method


class _AtRunTime(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        return node.orelse if "TYPE_CHECKING" in ast.unparse(node.test) else self.generic_visit(node)


def imports(module: str, tree: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Local name, module, name in it ("" where it is the module itself), wherever in the module they are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((a.asname or a.name, a.name, "") for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = ".".join(filter(None, [*module.split(".")[: -node.level], node.module]))
            yield from ((a.asname or a.name, source, a.name) for a in node.names)


def found(modules: Mapping[str, Any], *names: str) -> str:
    """The first of the names that is a module."""
    return next((module for name in names for module in (name, f"{name}.__init__") if module in modules), "")


def within(graph: Graph, package: str, depth: int | None = None) -> Graph:
    """Imports among a package's modules, those of which with the same first ``depth`` parts of the name are one."""
    merged: Graph = {}
    for module, others in graph.items():
        name, *names = (".".join(m.split(".")[:depth]) for m in (module, *others))
        if name.startswith(f"{package}."):
            merged.setdefault(name, set()).update(n for n in names if n.startswith(f"{package}."))
    return merged


def reach(graph: Graph) -> Graph:
    """Node -> all that it leads to."""
    led: Graph = {}
    for start in graph:
        led[start], waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - led[start]
            led[start] |= new
            waiting += new
    return led


def floors(graph: Graph) -> int:
    below = reach(graph)

    @functools.cache
    def floor(node: str) -> int:
        return 1 + max((floor(other) for other in below[node] if node not in below[other]), default=0)

    return max(map(floor, graph), default=0)


def definitions(tree: Any) -> Iterator[tuple[str, ast.AST]]:
    """Functions, methods, and classes of a module: a class is its ``__init__``, or else its fields."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield node.name, ast.Module([n for n in node.body if isinstance(n, ast.AnnAssign)], [])
            for method in (n for n in node.body if isinstance(n, ast.FunctionDef)):
                yield node.name if method.name == "__init__" else f"{node.name}.{method.name}", method


def takes(node: ast.AST, types: Sequence[str]) -> bool:
    """Whether a function, one within it, or a class is given a run's configuration."""
    given = [(n.arg, n.annotation) for n in ast.walk(node) if isinstance(n, ast.arg) and n.annotation]
    if isinstance(node, ast.Module):
        given = [(ast.unparse(n.target), n.annotation) for n in node.body if isinstance(n, ast.AnnAssign)]
    named = [(name, {*re.findall(r"\w+", ast.unparse(kind))}) for name, kind in given]
    return any(classes & {*types} or (name in NAMES and classes & {*MAPPINGS}) for name, classes in named)


class Way:
    """Walk of the configuration: who takes it, which files it comes to from ``entry``, where it returns to one."""

    def __init__(self, trees: Mapping[str, ast.AST], entry: Key, types: Sequence[str]) -> None:
        trees = {module: tree for module, tree in trees.items() if module.startswith("benchmarks.")}
        self.every = {(module, name): node for module, tree in trees.items() for name, node in definitions(tree)}
        self.taking = self._taking(types)
        self.methods = self._taking((*TYPES, *NODES))  # the way leads through nodes, whatever is counted
        self.imports = {m: {local: (f, name) for local, f, name in imports(m, tree)} for m, tree in trees.items()}
        self.walked: set[Key] = set()
        self.files: dict[str, None] = {}
        self.calls: dict[tuple[Key, Key], bool] = {}  # from file to file: is it a return?
        if entry in self.every:
            self._follow(entry)
        if not self.walked & self.taking:
            raise SystemExit(f"error: nothing that {'.'.join(entry)} calls takes a configuration: correct ENTRY")
        self.returns = [f"{'.'.join(a)} -> {'.'.join(b)}" for (a, b), returns in self.calls.items() if returns]

    def _taking(self, types: Sequence[str]) -> set[Key]:
        """All but what a configuration says of itself, which takes it nowhere."""
        return {k for k, node in self.every.items() if takes(node, types) and k[1].split(".")[0] not in types}

    def _follow(self, caller: Key) -> None:
        self.walked.add(caller)
        for key in self._called(caller, self.every[caller]):
            if key in self.taking and key[0] != caller[0]:
                self.calls.setdefault((caller, key), key[0] in self.files)
                self.files |= {caller[0]: None, key[0]: None}
            if key not in self.walked:
                self._follow(key)

    def _called(self, caller: Key, node: ast.AST) -> Iterator[Key]:
        """What is called or handed on, in order: the arguments of a call before it; no annotations."""
        fields = [value for name, value in ast.iter_fields(node) if name not in ("annotation", "returns")]
        fields = [*fields[1:], *fields[:1]] if isinstance(node, ast.Call) else fields
        for child in (c for value in fields for c in (value if isinstance(value, list) else [value])):
            if isinstance(child, ast.AST):
                yield from self._called(caller, child)
        module, name = self._place(caller, node)
        while module and (module, name) not in self.every:  # on to where it is defined
            source, name = self.imports[module].get(name, ("", ""))
            module = found(self.imports, source)
        if module:
            yield module, name

    def _place(self, caller: Key, node: ast.AST) -> Key:
        """The module in which a name is to be looked for, and as what."""
        if isinstance(node, ast.Attribute):
            value, own = ast.unparse(node.value), (caller[0], f"{caller[1].split('.')[0]}.{node.attr}")
            several = [own] if value == "self" else [key for key in self.methods if key[1].endswith(f".{node.attr}")]
            if value in self.imports[caller[0]]:
                return found(self.imports, ".".join(filter(None, self.imports[caller[0]][value]))), node.attr
            return several[0] if len(several) == 1 else ("", "")
        return (caller[0], node.id) if isinstance(node, ast.Name) else ("", "")


def measures(root: Path) -> Iterator[tuple[str, float, float | None, Sequence[str]]]:
    """What, its number, at most how much it may be, and what was counted."""
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    sources = {".".join(path.relative_to(root).with_suffix("").parts): path.read_text("utf-8") for path in paths}
    trees = {module: _AtRunTime().visit(ast.parse(text)) for module, text in sources.items()}
    functions = [(m, f) for m, tree in trees.items() for f in ast.walk(tree) if isinstance(f, ast.FunctionDef)]
    covered = {(m, line) for m, f in functions for line in range(f.lineno, (f.end_lineno or 0) + 1)}
    yield "lines of code outside tests", sum(text.count("\n") for text in sources.values()), 30_000, ()
    yield "mean length of a function, in lines", round(len(covered) / max(1, len(functions)), 2), 11.99, ()
    for whose, types, bars in (("it", TYPES, (5, 4)), ("a node", (*TYPES, *NODES), (None, None))):
        way = Way(trees, ENTRY, types)
        files = sorted({module for module, _ in way.taking})
        what = "a run's configuration" if types == TYPES else "it or a node"
        yield f"files of benchmarks/ that take {what}", len(files), bars[0], files
        yield f"files that {whose} comes to from the command line", len(way.files), None, [*way.files]
        yield f"returns of {whose} to a file it had left", len(way.returns), bars[1], way.returns
    graph = {m: {found(trees, f"{source}.{name}", source) for _, source, name in imports(m, trees[m])} for m in trees}
    graph = {module: others - {module, ""} for module, others in graph.items()}
    led = reach(graph)
    yield "floors of benchmarks/, a sub-package as one", floors(within(graph, "benchmarks", 2)), 7, ()
    yield "floors of benchmarks/, by modules", floors(within(graph, "benchmarks")), None, ()
    datasets = (m for m in graph if m.startswith("benchmarks.datasets."))
    preparing = [f"{m} -> {o}" for m in datasets for o in sorted(led[m]) if o.startswith("benchmarks.preparation.")]
    yield "imports of preparation by datasets, through others too", len(preparing), 0, preparing
    others = [m for m in graph if not m.startswith(("reports.", "benchmarks.cli."))]
    users = [m for m in others if any(o.startswith("reports.") for o in graph[m])]
    yield "importers of reports other than benchmarks.cli", len(users), 0, users
    yield "modules in a circle of imports", len(circle := [m for m in graph if m in led[m]]), 0, circle


def main(root: Path) -> int:
    missed = 0
    for what, value, bar, counted in measures(root):
        over = bar is not None and value > bar
        missed += over
        print(f"{what:56}{value:8g}{'' if bar is None else f'   at most {bar:g}'}{', missed' * over}")
        print(*(f"    {line}\n" for line in counted), sep="", end="")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[1]))
