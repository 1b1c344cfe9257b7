"""Tables of the claims: a verdict each, and beneath it the comparisons that decide."""

from __future__ import annotations

from collections.abc import Sequence

from reports.cells import Row, Table, words
from reports.claims import CLAIMS
from reports.claims.claim import EQUAL, SLIGHT, Claim
from reports.claims.evidence import NOT_RUN, Found, evidence
from reports.claims.verdicts import CONTRADICTED, EXPLORATORY, INCONCLUSIVE, SUPPORTED
from reports.results import Study

#: The comparisons that the default preset lacks, with as many seeds as verdicts need.
COMMAND = f"tox -e benchmark -- --preset ablations --seeds {EXPLORATORY}"
NAME, VERDICT = "claims", "Verdict"


def claims(study: Study, every: Sequence[Claim] = CLAIMS) -> list[Table]:
    """A row for every claim, and its comparisons; none where the plan has no comparison of any."""
    found = evidence(study, every)
    tested = [one for one in found if one.parts]
    return [_verdicts(found), _comparisons(tested)] if tested else []


def _verdicts(found: Sequence[Found]) -> Table:
    return Table(
        name=NAME,
        short="Claims",
        title="Claims",
        caption=(
            "What the paper, the summaries of L3-Net and AVTS, and this suite say, each claim in our reading; the next "
            "table has their words and the comparisons. Supported: every comparison is, each at 95 %; contradicted: "
            "one is, after Holm over the claim's comparisons; else inconclusive. Uncorrected is that alone; the "
            "verdict is corrected by Benjamini-Hochberg at 5 % over the claims of its source that are tested, p with "
            f"it. Exploratory: fewer than {EXPLORATORY} seeds. A pair with unequal updates, scenes or tuning decides "
            "nothing. One seed settles nothing: what is said of it stands on the interval over its items. “Massive” "
            "and “much” are tested as above, questions as if they were asserted. Not testable here: none of the other "
            f"systems is in the plan. Comparisons that a plan lacks are made by: {COMMAND}."
        ),
        columns=(VERDICT, "Uncorrected", "p", "p, corrected"),
        rows=tuple(
            Row(
                label=f"{one.claim.id}. {_capital(one.claim.reading)}",
                group=one.claim.source,
                cells=tuple(map(words, (verdict(one), one.plain, _number(one.p), _number(one.q)))),
            )
            for one in found
        ),
        findings=_findings(found),
    )


def _comparisons(found: Sequence[Found]) -> Table:
    return Table(
        name="claims_tested",
        short="Claims tested",
        title="What decides the claims",
        caption=(
            "Differences in percentage points (SDR, SIR, SAR in dB, errors of counting in sources, negated), first "
            "less second, paired over the same items and seeds, ± half of the 95 % interval over both, as among the "
            f"paired differences. About equal: within ± {100 * EQUAL:g} points, or as many dB as the claim says; "
            f"slightly above: by less than {100 * SLIGHT:g} points; these bounds are ours. Verdicts are of each "
            "comparison alone, not corrected: its whole interval lies where the claim puts it, or elsewhere. 75/25 "
            "less easy: of each scene, so above zero where the first gains more, or loses less, on 75/25. Means while "
            "training are over the updates at which both sides were measured."
        ),
        columns=("Score", "Difference", VERDICT),
        rows=tuple(
            Row(
                label=part.statement,
                group=f"{one.claim.id} ({verdict(one)}): {one.claim.reading}. “{one.claim.quote}” ({one.claim.source})",
                cells=(words(part.score), part.cell, words(part.verdict)),
            )
            for one in found
            for part in one.parts
        ),
    )


def verdict(found: Found) -> str:
    """ "supported", "supported, exploratory", "inconclusive, exploratory (unequal updates (540 and 300))"."""
    named = f" ({found.unequal})" if found.unequal and found.verdict == INCONCLUSIVE else ""
    return f"{found.verdict}{', exploratory' if found.exploratory else ''}{named}"


def _findings(found: Sequence[Found]) -> tuple[str, ...]:
    """One sentence for each verdict that there is: which claims have it."""
    first = (SUPPORTED, CONTRADICTED, INCONCLUSIVE)
    order = [*first, *sorted({one.verdict for one in found} - {*first, NOT_RUN}), NOT_RUN]
    by_verdict = {its: [one.claim.id for one in found if one.verdict == its] for its in order}
    return tuple(f"{_capital(its)}: {', '.join(ids)}." for its, ids in by_verdict.items() if ids)


def _number(p: float | None) -> str:
    return "–" if p is None else f"{p:.3f}" if p >= 0.001 else "below 0.001"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
