"""Reports: tables, figures and the page, from the records of the registry alone."""

import registry  # noqa: F401  # Ctrl-C ends what is started from here in a line
