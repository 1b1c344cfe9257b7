"""Synthetic data: what generated worlds share (sets of scenes, mixing, geometry, random numbers alike everywhere)."""
