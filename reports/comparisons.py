"""Statements "this is above that", each tested on the same items and seeds (PROTOCOLS §10).

Which pairs are compared: a heatmap and its controls, a trained network and the same one untrained, a trained method and
the trivial ones, and orderings with each other only where their compute is equal, but for a counter, which is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports import names
from reports.cells import Row, Table, words
from reports.names import EASY, HARD, MASK, MIXED, PERMUTED, SHUFFLED, UNTRAINED
from reports.paired import (
    AVC,
    CIOU,
    COUNTS,
    POINTING,
    SDR,
    Metric,
    Side,
    action,
    action_metric,
    avts_metric,
    choice_metric,
    choosing,
    compare,
    constant,
    correspondence,
    counter,
    heatmap,
    pointing,
    probe,
    probe_metric,
    same_for_all,
    separator,
    synchrony,
    unable,
)
from reports.results import Study

HEATMAPS = "Does the heatmap follow the sound, and does training help?"
ORDERINGS = "Orderings with equal compute"
FEATURES = "Sound classification"
COUNTING = "Counting: above what does not listen, and does pre-training help?"
SEPARATION = "Separation: does it follow the sound-maker, and does pre-training help?"
CORRESPONDENCE = "Correspondence (AVC): above chance and above the same network untrained"
SYNCHRONY = "Synchronisation (AVTS): above chance and above the same network untrained; does it follow time?"
ACTION = "Action recognition: above the largest class, and does pre-training help?"


#: The tasks in which orderings are compared.
MEASURED = ("localization", "classification", "counting", "separation", "avc", "avts", "action")


def differences(study: Study) -> Table:
    """Every statement of which the plan has both sides."""
    parts = (_heatmaps, _orderings, _features, _counting, _separation, _correspondence, _synchrony, _action)
    return Table(
        name="differences",
        short="Differences",
        title="Paired differences",
        caption=(
            "Each statement says that the first is above the second. Difference in percentage points (−MAE in sources, "
            "SDR in dB), paired over the same items and seeds, ± half of its 95 % interval with both the seeds and the "
            "items taken as samples: the wider of the paired t-interval over seeds and the Dorfman-Berbaum-Metz-Hillis "
            "interval (the former alone where each seed has items of its own, as the mixtures of separation). "
            "Supported: the whole interval lies above zero; contradicted: below; else inconclusive, as is anything "
            "from a single seed. The best constant is chosen in hindsight, from the true counts of the test scenes, "
            "for each seed and score. AVC and AVTS accuracies are balanced, of an item the mean of the shares of its "
            "matched and its mismatched pairs told right; AVTS 2AFC (two-alternative forced choice), of a scene the "
            "share of its moments whose own sound scores above the wrong one, ties half, needs no threshold. In action "
            "recognition all test clips of a group (one object before one background, or one film) are one item. The "
            "intervals are not corrected for the number of statements: about one in twenty misses the truth."
        ),
        columns=("Score", "Difference", "Verdict"),
        rows=tuple(row for part in parts for row in part(study) if row is not None),
    )


def _heatmaps(study: Study) -> Iterator[Row | None]:
    every = names.in_order(study.rows("localization"))
    for method, ordering in every:
        if not study.stages(method, ordering) or (method, ordering) != names.first_trained(every, method):
            continue
        own = heatmap(study, method, ordering)
        for control in ("unaligned", "random-centre", "other-audio", "activation"):
            yield _statement(HEATMAPS, CIOU, own, heatmap(study, method, ordering, control))
        yield _statement(HEATMAPS, CIOU, own, heatmap(study, method, UNTRAINED))
        own_sound = pointing(study, method, ordering)
        other_sound = pointing(study, method, ordering, "hit_other", "absent-kind")
        yield _statement(HEATMAPS, POINTING, own_sound, other_sound)
        yield _statement(HEATMAPS, POINTING, own_sound, pointing(study, method, UNTRAINED))
        for trivial in names.MASKS:
            yield _statement(HEATMAPS, CIOU, own, heatmap(study, trivial, "none", MASK))


def _orderings(study: Study) -> Iterator[Row | None]:
    for method, ordering, control in matched_pairs(study):
        a, b = (method, ordering), (method, control)
        sides: list[tuple[Metric, Side, Side]] = [
            (POINTING, pointing(study, *a), pointing(study, *b)),
            (CIOU, heatmap(study, *a), heatmap(study, *b)),
            *((probe_metric(own), probe(study, own, *a), probe(study, own, *b)) for own in names.OWN_PROBES),
            (AVC, correspondence(study, *a), correspondence(study, *b)),
            (avts_metric(MIXED), synchrony(study, MIXED, *a), synchrony(study, MIXED, *b)),
        ]
        for data in study.variants("action", *a):
            sides.append((action_metric(str(data)), action(study, str(data), *a), action(study, str(data), *b)))
        for metric, worth in COUNTS:
            sides.append((metric, counter(study, worth, *a), counter(study, worth, *b)))
        for variant in study.variants("separation", *a):
            sides.append((SDR, separator(study, *a, variant), separator(study, *b, variant)))
        for metric, first, second in sides:
            yield _statement(ORDERINGS, metric, _besides(study, a, first), _besides(study, b, second))


def _features(study: Study) -> Iterator[Row | None]:
    for name in dict.fromkeys(n.variant for n in study.select("classification") if n.variant):
        metric = probe_metric(name)
        for method, ordering in names.in_order(study.rows("classification")):
            if study.stages(method, ordering) and (method != "cavl" or ordering in ("c1", "c1-c2")):
                own = probe(study, name, method, ordering)
                for other in ((method, UNTRAINED), ("spectrogram-statistics", "none")):
                    yield _statement(FEATURES, metric, own, probe(study, name, *other))
        if name not in names.OWN_PROBES:  # there it is among the orderings
            source, scene = (probe(study, name, "cavl", ordering) for ordering in ("c1-c2", "c1-c2scene"))
            yield _statement(FEATURES, metric, source, scene)


def _counting(study: Study) -> Iterator[Row | None]:
    every = names.in_order(study.rows("counting"))
    for method, ordering in every:
        for metric, worth in COUNTS:
            own = counter(study, worth, method, ordering)
            yield _statement(COUNTING, metric, own, constant(study, worth, own.nodes))
            for _, other in (who for who in every if who[0] == method):
                yield _statement(COUNTING, metric, own, counter(study, worth, method, other, PERMUTED))
            if ordering != UNTRAINED:
                yield _statement(COUNTING, metric, own, counter(study, worth, method, UNTRAINED))


def _separation(study: Study) -> Iterator[Row | None]:
    for method, ordering in names.in_order(study.rows("separation")):
        variants = study.variants("separation", method, ordering)
        for variant in variants:
            who = (method, ordering, variant)
            own = separator(study, *who)
            for control in ("shuffled", "mixture"):
                yield _statement(SEPARATION, SDR, own, separator(study, *who, control))
            solo = separator(study, *who, "located-solo")
            yield _statement(SEPARATION, SDR, solo, separator(study, *who, "shuffled-solo"))
            if ordering != UNTRAINED:
                yield _statement(SEPARATION, SDR, own, separator(study, method, UNTRAINED, variant))
        first = separator(study, method, ordering, variants[0])
        yield _statement(SEPARATION, SDR, first, separator(study, method, ordering, None, "audio-assignment"))
        for other in variants[1:]:
            yield _statement(SEPARATION, SDR, first, separator(study, method, ordering, other))


def _correspondence(study: Study) -> Iterator[Row | None]:
    for method, ordering in _trained(study, "avc"):
        own = correspondence(study, method, ordering)
        yield _statement(CORRESPONDENCE, AVC, own, same_for_all(own, "chance", "chance"))
        yield _statement(CORRESPONDENCE, AVC, own, correspondence(study, method, UNTRAINED))


def _synchrony(study: Study) -> Iterator[Row | None]:
    for method, ordering in _trained(study, "avts"):
        for which in (MIXED, EASY, HARD):
            own = synchrony(study, which, method, ordering)
            yield _statement(SYNCHRONY, avts_metric(which), own, same_for_all(own, "chance", "chance"))
            yield _statement(SYNCHRONY, avts_metric(which), own, synchrony(study, which, method, UNTRAINED))
        hard = choosing(study, HARD, method, ordering)
        shuffled = choosing(study, SHUFFLED, method, ordering, "frames of random moments")
        yield _statement(SYNCHRONY, choice_metric(HARD), hard, shuffled)


def _action(study: Study) -> Iterator[Row | None]:
    for data in dict.fromkeys(str(n.variant) for n in study.select("action")):
        for method, ordering in names.in_order(study.rows("action")):
            own = action(study, data, method, ordering)
            yield _statement(ACTION, action_metric(data), own, same_for_all(own, "the largest class", "majority"))
            if ordering != UNTRAINED:
                yield _statement(ACTION, action_metric(data), own, action(study, data, method, UNTRAINED))


def _trained(study: Study, task: str) -> list[tuple[str, str]]:
    """The rows of a task that have been trained, as far as finished runs tell."""
    return [who for who in names.in_order(study.rows(task)) if study.stages(*who)]


def matched_pairs(study: Study) -> list[tuple[str, str, str]]:
    """(method, ordering, control) trained alike but for what they were trained on.

    The first of each group of equal schedules, in the order of :data:`names.ORDERINGS`, stands against the others.
    """
    groups: dict[tuple[str, object], list[str]] = {}
    for method, ordering in names.in_order(study.rows(*MEASURED)):
        if stages := study.stages(method, ordering):
            groups.setdefault((method, names.schedule(stages)), []).append(ordering)
    return [(method, group[0], other) for (method, _), group in groups.items() for other in group[1:]]


def _besides(study: Study, who: tuple[str, str], side: Side) -> Side:
    """``side``, named with the counter that its ordering had besides equal compute, if it had one."""
    besides = names.counter_of(study.stages(*who) or ())
    return replace(side, name=f"{side.name} ({besides})") if besides else side


def _statement(group: str, metric: Metric, first: Side, second: Side) -> Row | None:
    """None where the plan lacks a side, or where finished runs have no such scores (the method lacks the ability)."""
    if not first.nodes or not second.nodes or unable(first, second):
        return None
    cell, difference = compare(metric, first, second)
    verdict = words("–" if difference is None else difference.verdict)
    return Row(label=f"{first.name} above {second.name}", group=group, cells=(words(metric.name), cell, verdict))
