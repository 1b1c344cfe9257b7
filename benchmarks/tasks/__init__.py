"""Tasks, one file each, and what a task is (:mod:`benchmarks.tasks.task`)."""
