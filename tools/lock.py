"""Locks of every environment, with hashes: written by ``tox -e lock``, checked by ``tox -e lock -- --check``.

    tox -e lock                     write tools/locks/*.txt anew; what is pinned there stays, as far as it can
    tox -e lock -- --upgrade        take the newest versions that pyproject.toml allows
    tox -e lock -- --check          change nothing; fail where the locks are not what would be written

One resolution holds for Python 3.11 to 3.13 on Linux (x86-64, arm64) and macOS (arm64). torch and its companions are
locked to the first set of ``cavl/versions.py``, which results so far were made with.
"""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "tools" / "locks"
#: Lock -> the extras of pyproject.toml that its environment has.
EXTRAS: Mapping[str, Sequence[str]] = {
    "run": ("video", "prepare"),
    "tests": ("test", "browser"),
    "lint": ("lint",),
}
#: The environment that writes the locks.
TOOLS = "uv>=0.9,<1\n"
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")


def main(argv: Sequence[str]) -> int:
    if not set(argv) <= {"--check", "--upgrade"}:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder)
        for lock in (*EXTRAS, "lock"):
            if (LOCKS / f"{lock}.txt").exists():
                shutil.copy(LOCKS / f"{lock}.txt", new)  # its pins are preferences
            resolve(lock, new, upgrade="--upgrade" in argv)
        installable(sorted(new.glob("*.txt")))
        if "--check" not in argv:
            LOCKS.mkdir(exist_ok=True)
            for file in new.glob("*.txt"):
                shutil.copy(file, LOCKS)
            return 0
        differ = [f.name for f in sorted(new.glob("*.txt")) if f.read_bytes() != (LOCKS / f.name).read_bytes()]
    if differ:
        print(f"tools/locks: {', '.join(differ)} would be written otherwise; run tox -e lock", file=sys.stderr)
    return 1 if differ else 0


def resolve(lock: str, folder: Path, *, upgrade: bool) -> None:
    """Write ``folder/lock.txt``; the other locks agree with that of ``run``, which is written before them."""
    sources = folder / "sources.in"
    sources.write_text(TOOLS if lock == "lock" else torch_set())
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--python-version", PYTHONS[0]]
    command += ["--fork-strategy", "fewest", "--custom-compile-command", "tox -e lock", "--no-annotate", str(sources)]
    if lock != "lock":
        command += [str(ROOT / "pyproject.toml"), *(f"--extra={extra}" for extra in EXTRAS[lock])]
    if lock not in ("run", "lock"):
        command += ["--constraints", str(folder / "run.txt")]
    subprocess.run([*command, *(["--upgrade"] if upgrade else []), "-o", str(folder / f"{lock}.txt")], check=True)
    sources.unlink()


def torch_set() -> str:
    """The requirements that lock torch and its companions to the first tested set."""
    tested = runpy.run_path(str(ROOT / "cavl" / "versions.py"))["TESTED"][0]
    return "".join(f"{name}=={version}\n" for name, version in tested.items())


def installable(locks: Sequence[Path]) -> None:
    """Ask for a wheel of every package for every Python and platform; a lock says nothing of that by itself."""
    for platform in PLATFORMS:
        for python in PYTHONS:
            command = ["uv", "pip", "compile", "--quiet", "--no-deps", "--only-binary=:all:", *map(str, locks)]
            subprocess.run(
                [*command, "--python-platform", platform, "--python-version", python],
                check=True,
                stdout=subprocess.DEVNULL,
                env={"MACOSX_DEPLOYMENT_TARGET": "14.0", **os.environ},  # PyAV's wheels begin there
            )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
