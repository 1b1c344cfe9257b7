"""Data sets, read as scenes: one file each; ``benchmarks.preparation`` makes what they read."""
