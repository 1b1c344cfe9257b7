"""From a request to finished runs: which runs, in what order, in which processes, recorded by Sacred."""
