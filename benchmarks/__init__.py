import tempfile

import cavl.nameless  # noqa: F401 - before anything imports torchvision

try:
    tempfile.gettempdir()
except FileNotFoundError as error:  # torch would end in a traceback on import
    raise SystemExit(f"error: {error.strerror}; set TMPDIR to a folder that can be written") from None
