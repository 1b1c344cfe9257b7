"""Real data sets, prepared once from the official lists: fetched, cut, packed and accounted for.

A *preparer* (``audioset``, ``music``, ...) turns a data set's own files into items (:mod:`item`); what they all share
follows the way of an item: its media are found (:mod:`own`) or fetched (:mod:`fetch`, at the pace of :mod:`pace`), cut
into clips (:mod:`decode`) in a process that may be killed (:mod:`child`), packed
(:mod:`benchmarks.datasets.prepared`) and entered in the account (:mod:`account`), all by :mod:`run`.
``cavl-bench prepare`` is the command line.
"""
