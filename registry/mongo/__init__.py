"""Copies of the runs in MongoDB, for Omniboard."""
