"""Metrics, one file an ability, as functions of arrays."""
