"""A package that a document shows, built and installed in an environment of its own."""

from __future__ import annotations

import os
import re
import shlex
import site
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Document:
    """``docs/NAME``, whose code blocks name the files of a package."""

    def __init__(self, name: str) -> None:
        self.text = (ROOT / "docs" / name).read_text()
        #: File name -> content.
        self.files = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL))
        #: Group -> name -> "module:object".
        self.entry_points: dict[str, dict[str, str]] = tomllib.loads(self.files["pyproject.toml"])["project"][
            "entry-points"
        ]

    def command(self, start: str, end: str) -> list[str]:
        """The arguments of Python for the document's one command that begins with ``start`` and ends with ``end``."""
        (found,) = re.findall(rf"^({re.escape(start)} .*?{end})(?: +#.*)?$", self.text, re.MULTILINE)
        program, *words = shlex.split(found)
        return words if program == "python" else ["-m", "benchmarks.cli", *words]


def install(document: Document, folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python in a new environment that has the document's package, and otherwise all that this one has."""
    venv.create(folder, symlinks=os.name != "nt")
    own = sysconfig.get_paths("venv", {"base": str(folder), "platbase": str(folder)})
    here = {*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = [f"import site; site.addsitedir({path!r})\n" for path in sorted(here)]  # with the .pth files in them
    Path(own["purelib"], "this_environment.pth").write_text("".join(lines))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    interpreter = Path(own["scripts"]) / Path(sys.executable).name

    def run(*arguments: Any, cwd: Path = folder, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [interpreter, *map(str, arguments)],
            cwd=cwd,
            env={**environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    package = folder / "package"
    package.mkdir()
    for name, content in document.files.items():
        (package / name).write_text(content)
    pip = ("-m", "pip", "--disable-pip-version-check", "--no-input")
    offline = ("--no-deps", "--no-index")
    built = run(*pip, "wheel", "--no-build-isolation", *offline, "--wheel-dir", folder / "wheels", package)
    assert built.returncode == 0, f"{built.stdout}\npip and setuptools>=70.1 (or wheel) are needed to build a wheel"
    (wheel,) = (folder / "wheels").iterdir()
    installed = run(*pip, "install", *offline, wheel)
    assert installed.returncode == 0, installed.stdout
    return run
