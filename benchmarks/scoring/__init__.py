"""Scoring of what others predict, and of maps that see no image, by the suite's own protocol (PROTOCOLS §6)."""
