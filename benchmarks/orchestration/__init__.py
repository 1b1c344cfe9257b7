"""Orchestration, from a request to finished runs: which, in what order, in which processes, recorded by Sacred."""
