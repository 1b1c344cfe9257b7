"""Where a result comes from: its key, code, environment and ancestors."""
