"""Report on the material, as text: how much there is of each kind."""

from __future__ import annotations

from benchmarks.datasets.composite.material import SHARES, Material

SHOWN = 20  # files named that are not there


def report(material: Material) -> str:
    """Kinds with their photographs and recordings on each side; what is left out, missing and damaged."""
    pools = material.pools
    lines = ["photographs and recordings (from so many uploads) of each kind:", ""]
    lines.append(f"{'':12}" + "".join(f"{side:>21}" for side in SHARES))
    for kind in material.kinds:
        cells = []
        for side in SHARES:
            recordings = pools[side].recordings[kind]
            uploads = len({file.origin for file in recordings})
            cells.append(f"{len(pools[side].photographs[kind]):>9}, {len(recordings):3} ({uploads:3})")
        lines.append(f"{material.names[kind]:12}" + "".join(f"{cell:>21}" for cell in cells))
    silent = "".join(f"{sum(map(len, pools[side].silent)):>9}" + " " * 12 for side in SHARES)
    lines.append(f"{'silent':12}{silent}".rstrip())
    lines += [""] * bool(material.left_out) + [f"left out: {kind}, {why}" for kind, why in material.left_out.items()]
    lines += ["", f"files: {material.coverage}"]
    reasons = material.coverage.reasons
    lines += [f"  {item}: {why}" for item, why in list(reasons.items())[:SHOWN]]
    if len(reasons) > SHOWN:
        lines.append(f"  and {len(reasons) - SHOWN} more")
    return "\n".join(lines)
