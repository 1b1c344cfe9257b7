"""A house of a few lines, whose numbers are counted by hand."""

from pathlib import Path

import pytest

from tools import house

#: run -> make (config born), then jobs.resolve -> presets.load -> jobs.known (back), then jobs.resolve's end; execute ->
#: jobs.key (back again); the task is told by its own name only.
HOUSE = {
    "benchmarks/__main__.py": """
        from benchmarks import jobs
        from benchmarks.execute import execute

        def main():
            execute(jobs.resolve({}))
        """,
    "benchmarks/jobs.py": """
        from collections.abc import Mapping

        class Job:
            config: Mapping

            def name(self):
                return self.config["task"]

        def resolve(config: Mapping) -> Job:
            from benchmarks.presets import load

            return load(config)

        def known(config: dict[str, int]):
            return len(config)

        def key(job: "Job | None", other: Job):
            return job.name()
        """,
    "benchmarks/presets/__init__.py": """
        from typing import TYPE_CHECKING

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
    "benchmarks/presets/tables.py": "SIZES = ()\n",
    "benchmarks/execute.py": """
        import benchmarks.jobs
        from cavl.model import Model

        class Worker:
            def submit(self, job: benchmarks.jobs.Job, config: object):
                return self.work(job)

            def work(self, jobs: "list"):
                return Model

        def execute(job_like, *jobs: dict):
            return benchmarks.jobs.key(job_like, None)
        """,
    "cavl/model.py": "class Model:\n    pass\n",
}


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = text.strip("\n").split("\n")
        indent = len(lines[0]) - len(lines[0].lstrip())
        path.write_text("\n".join(line[indent:] for line in lines).rstrip() + "\n")
    return root


def numbers(root: Path) -> dict[str, tuple[float, list[str]]]:
    return {what: (value, list(counted)) for what, value, _, counted in house.measures(root)}


def test_every_number(tmp_path: Path) -> None:
    found = numbers(build(tmp_path, HOUSE))
    assert found["lines of code outside tests"][0] == sum(
        path.read_bytes().count(b"\n") for path in tmp_path.rglob("*.py")
    )
