"""What surrounds a mongod of the registry's own."""

from __future__ import annotations

import os
import tempfile

from registry.mongo.mongod import DOOR, _sweep


def test_folders_of_sockets_that_killed_processes_left_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left, used, new = (tmp_path / f"{DOOR}{name}" for name in ("left", "used", "new"))
    for folder in (left, used, new):
        folder.mkdir()
    (used / "mongod.sock").touch()
    for folder in (left, used):
        os.utime(folder, (0, 0))
    _sweep()
    assert sorted(tmp_path.iterdir()) == [new, used]
