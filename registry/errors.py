"""Errors that a command ends with: a sentence that names what stands in the way and the remedy, no traceback."""


class RefusedError(RuntimeError):
    """What was asked for cannot be had, as its text says."""
