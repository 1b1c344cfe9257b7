"""Parts that the drawn worlds share: sets of scenes, mixing, geometry, random numbers the same on every machine."""
