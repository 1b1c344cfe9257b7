"""The commands of ``python -m registry``, one file each: ``add`` says what the command line takes, ``run`` does it."""
