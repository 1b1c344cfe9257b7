"""A house of a few lines, whose numbers are counted by hand."""

import textwrap
from pathlib import Path

import pytest

from tools import house

HOUSE = {
    "benchmarks/__main__.py": """
        from benchmarks import jobs
        from benchmarks.execute import execute

        def main():
            execute(jobs.resolve({}))
        """,
    "benchmarks/jobs.py": """
        class Job:
            config: Mapping[str, str]
            def name(self):
                return self.config["task"]

        def resolve(config: Mapping[str, str]) -> Job:
            from benchmarks.presets import load
            return load(config)

        def known(config: dict[str, str]):
            return len(config)

        def key(job: "Job | None"):
            return job.name()
        """,
    "benchmarks/presets/__init__.py": """
        from .tables import SIZES
        from benchmarks import jobs

        if TYPE_CHECKING:
            from reports import page

        def load(config: dict):
            def inner():
                return SIZES
            return jobs.known(config)

        def sizes(config: int):
            return config
        """,
    "benchmarks/presets/tables.py": "SIZES = ()",
    "benchmarks/execute.py": """
        import benchmarks.jobs

        class Worker:
            def submit(self, one: list[benchmarks.jobs.Job]):
                return benchmarks.jobs.key(one[0])

        def execute(job):
            return map(Worker().submit, [job])
        """,
    "benchmarks/export.py": "import reports.page",
    "benchmarks/cli/report.py": "import reports.page",
    "benchmarks/datasets/scene.py": "from .. import progress",
    "benchmarks/progress.py": "def bar():\n    from benchmarks.preparation.pipeline import work",
    "benchmarks/preparation/pipeline.py": "work = 1",
    "reports/page.py": "title = 1",
    "tests/test_all.py": "line = 1\n" * 99,
}
EXPECTED = {
    "lines of code outside tests": 5 + 14 + 13 + 1 + 8 + 1 + 1 + 1 + 2 + 1 + 1,
    "mean length of a function, in lines": round((2 + (2 + 3 + 2 + 2) + (4 + 2) + (2 + 2) + 2) / 11, 2),
    "files of benchmarks/ that take a run's configuration": ["jobs", "presets.__init__"],
    "files that it comes to from the command line": ["__main__", "jobs", "presets.__init__"],
    # From main to resolve to load it goes on; from load back to jobs.
    "returns of it to a file it had left": ["presets.__init__.load -> benchmarks.jobs.known"],
    "files of benchmarks/ that take it or a node": ["execute", "jobs", "presets.__init__"],
    "files that a node comes to from the command line": ["__main__", "jobs", "presets.__init__", "execute"],
    # Later, from the worker, to jobs again.
    "returns of a node to a file it had left": [
        "presets.__init__.load -> benchmarks.jobs.known",
        "execute.Worker.submit -> benchmarks.jobs.key",
    ],
    "floors of benchmarks/, a sub-package as one": 3,  # __main__; execute; jobs and presets, a circle
    "floors of benchmarks/, by modules": 4,  # and presets.tables below
    "imports of preparation by datasets, through others too": ["datasets.scene -> benchmarks.preparation.pipeline"],
    "importers of reports other than benchmarks.cli": ["export"],
    "modules in a circle of imports": ["jobs", "presets.__init__"],
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{textwrap.dedent(text).strip()}\n")
    return root


def test_every_number(tmp_path: Path) -> None:
    found = {what: (value, counted) for what, value, _, counted in house.measures(build(tmp_path, HOUSE))}
    assert found.keys() == EXPECTED.keys()
    for what, expected in EXPECTED.items():
        names = [f"benchmarks.{name}" for name in expected] if isinstance(expected, list) else []
        assert found[what] == (len(names) or expected, found[what][1])
        assert not names or list(found[what][1]) == names


def test_exit_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = ("benchmarks/__main__.py", "benchmarks/execute.py", "benchmarks/jobs.py")
    small = {name: HOUSE[name] for name in allowed}
    assert house.main(build(tmp_path / "small", small)) == 0
    assert "missed" not in capsys.readouterr().out
    assert house.main(build(tmp_path / "whole", HOUSE)) == 1
    missed = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines() if line.endswith("missed")]
    assert missed == list(EXPECTED)[-3:]
    monkeypatch.setattr(house, "ENTRY", ("benchmarks.export", "main"))
    with pytest.raises(SystemExit, match="correct ENTRY"):
        house.main(tmp_path / "small")
