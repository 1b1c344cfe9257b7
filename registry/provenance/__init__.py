"""Provenance of a result: its key, code, environment and ancestors."""
