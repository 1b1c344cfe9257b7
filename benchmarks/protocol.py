"""Version of the definitions in docs/protocols.md, which says what exactly every number is.

Increase it, here and there, whenever the definition of a recorded number changes. It is recorded beside the key of a
run, not in it: runs of another version are marked stale, not lost.
"""

PROTOCOL = 1
