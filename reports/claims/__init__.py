"""Claims of the paper and of the summaries of L3-Net and AVTS, each tested on the runs (PROTOCOLS §10, §11).

A claim is data: a sentence of its source, what we take it to say, and the paired comparisons that decide it. The lists
stand in a file for each source; a further one joins them here.
"""

from __future__ import annotations

from reports.claims import avts, cavl, l3, suite

CLAIMS = (*cavl.CLAIMS, *l3.CLAIMS, *avts.CLAIMS, *suite.CLAIMS)
