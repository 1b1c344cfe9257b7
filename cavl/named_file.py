"""Files that a configuration names by their content: a digest ends their name, as torch.hub has it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

#: "resnet18-f37072fd.pth"
DIGEST = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


def read_named(path: str) -> bytes:
    """The content of a file whose name ends in the first figures of its SHA-256.

    So a run's key, which holds the name (:func:`cavl.config.file`), says what was in it.

    Raises
    ------
    ValueError
        If it is not there, or its name has no digest, or that of another content.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise ValueError(f"{file}: there is no such file")
    content = file.read_bytes()
    digest, named = hashlib.sha256(content).hexdigest(), DIGEST.search(file.name)
    if named is None or not digest.startswith(named[1]):
        renamed = f"{DIGEST.sub('', file.name) if named else file.stem}-{digest[:8]}{file.suffix}"
        raise ValueError(
            f"{file}: the name must end in the content's SHA-256; if it is the right file, call it {renamed}"
        )
    return content
