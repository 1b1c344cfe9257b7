"""What the generated worlds share: sets of scenes, their cache, random numbers and sounds the same on every machine."""
