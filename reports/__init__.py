"""Reports: tables, figures and the page, from the records of the registry alone."""
