"""Learning rates: what was tried of every trained method, and which was taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.cells import Row, Table, words
from reports.labels import label
from reports.results import Study

CHOICE = "*"
NO_NUMBER = "no number"  # the loss left the numbers


def learning_rates(study: Study) -> Table:
    """The grids of the plan, a row for each method."""
    entries = [(grid, method, entry) for grid, tried in study.learning_rates.items() for method, entry in tried.items()]
    rates = sorted({float(rate) for *_, entry in entries for rate in entry["scores"]})

    def cell(entry: Mapping[str, Any], rate: float) -> str:
        score = entry["scores"].get(f"{rate:g}", "–")
        text = score if isinstance(score, str) else NO_NUMBER if score is None else f"{100 * score:.1f}"
        return f"{text} {CHOICE}" if rate == entry["choice"] else text

    return Table(
        name="learning_rates",
        short="Learning rates",
        title="Learning rates: the same grid for every trained method",
        caption=(
            "Area under the ROC curve in percent on validation scenes, of a seed that no report has, after the first "
            f"stage of training at each rate; {CHOICE}: taken (of equals the smallest). Measured by correspondence, "
            "own sounds against those of other scenes, or by synchronisation. Arms without a row have their method's "
            "rate, and later stages of CAVL a tenth of it. No test scene was looked at (PROTOCOLS §9)."
        ),
        columns=("Measured by", "Updates", "Seed", *(f"{rate:g}" for rate in rates)),
        rows=tuple(
            Row(
                label=label(method, entry["ordering"]),
                group=f"On {entry['scenes']} validation scenes of the preset {grid}",
                cells=tuple(
                    words(text)
                    for text in (
                        entry["measure"],
                        f"{entry['updates']:,}",
                        str(entry["seed"]),
                        *(cell(entry, rate) for rate in rates),
                    )
                ),
            )
            for grid, method, entry in entries
        ),
    )
