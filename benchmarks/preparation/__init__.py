"""Preparation of the real data sets, once, from the official lists: fetched, cut, packed and accounted for.

A *preparer* (``audioset``, ``music``, ...) turns a data set's own files into items (:mod:`item`); what they all share
follows the way of an item: its media are found (:mod:`local_media`) or fetched (:mod:`download`, within a
:mod:`rate_limit`), cut into clips (:mod:`decode`) in a process that may be killed (:mod:`sandbox`), packed
(:mod:`packing`) and entered in the :mod:`journal`, all by the :mod:`pipeline`. What was packed is read by
:mod:`benchmarks.datasets`. ``cavl-bench prepare`` is the command line.
"""
