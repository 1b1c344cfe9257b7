"""Training: batches, the loop, checkpoints, seeding, measurements on the way."""
