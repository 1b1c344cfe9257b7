"""The runs: storing, finding and comparing them. ``python -m registry --help``."""
