"""``python -m benchmarks.cli``: the command ``cavl-bench``, where its script is not on the path."""

import sys

from benchmarks.cli import main

if __name__ == "__main__":
    sys.exit(main())
