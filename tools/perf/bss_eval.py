"""Speed of our BSS Eval beside mir_eval's, on the same estimates of the same mixtures.

    python -m tools.perf.bss_eval [--mixtures 5] [--rows 9] [--seconds 2]

A mixture of two sources is estimated by several rows (methods, controls, bounds), as in the separation task. The bar:
with nine rows ours takes at most a fifth of mir_eval's time. One thread, unless OMP_NUM_THREADS says otherwise.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from mir_eval.separation import bss_eval_sources

from benchmarks.metrics.separation import bss_eval

RATE = 11_025


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixtures", type=int, default=5)
    parser.add_argument("--rows", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)  # mir_eval.separation is deprecated
    draw = np.random.default_rng(0)
    shape = (2, round(chosen.seconds * RATE))
    for _ in range(chosen.mixtures):
        references = draw.standard_normal(shape)
        estimates = references + draw.standard_normal((chosen.rows, *shape))
        began = time.perf_counter()
        ours = bss_eval(references, estimates)
        between = time.perf_counter()
        theirs = [bss_eval_sources(references, e, compute_permutation=False)[:3] for e in estimates]
        ended = time.perf_counter()
        difference = np.abs(np.stack(ours, axis=1) - np.array(theirs)).max()
        print(
            f"ours {between - began:.3f} s, mir_eval {ended - between:.3f} s, "
            f"ratio {(ended - between) / (between - began):.1f}, largest difference {difference:.0e} dB",
            flush=True,
        )


if __name__ == "__main__":
    main()
