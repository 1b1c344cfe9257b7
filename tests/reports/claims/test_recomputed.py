"""Every claim's verdict, recomputed from the files of the runs by pandas and SciPy, with no module of the project."""

import functools
import json
import zlib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reports.claims import CLAIMS
from reports.claims.scores import SCORES
from reports.claims.table import claims

SEEDS = (1, 2, 3, 4, 5)
ONCE = [{"curricula": [1], "updates": 40, "lr": 1e-3}]
#: What trains longer, or on other scenes, than all others.
LONGER = {("l3", "supervised-matched"): [{"curricula": [1], "updates": 60, "lr": 1e-3}]}
OTHER_SCENES = {("dmc", "all"): [{"curricula": [2], "updates": 40, "lr": 1e-3}]}
TUNED = ["cavl", "attention", "dmc", "l3", "avts"]
ABSENT = ["sound-of-pixels", "av-miml", "nmf-mfcc", "co-separation"]
NOT_RUN = ("avts", "super-hard-start")


def skill(*what):
    """Of equals, or far apart: none, one or two steps."""
    return 0.3 + 0.25 * (zlib.crc32(repr(what).encode()) % 3)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Five seeds of every arm of every claim, but for the systems that no preset has."""
    from tests.reports.conftest import TRIED, Writer

    writer = Writer(tmp_path_factory.mktemp("claims") / "runs")
    arms = dict.fromkeys(
        (SCORES[score].task, who, getattr(SCORES[score], "variant", None))
        for claim in CLAIMS
        for c in claim.comparisons
        for who, score in ((c.first, c.score), (c.second, c.beside or c.score))
        if who[0] not in ABSENT and not any(data in score for data in ("composite", "esc50", "ucf101", "hmdb51"))
    )
    for task, who, variant in arms:
        for seed in SEEDS:
            stages = {**LONGER, **OTHER_SCENES}.get(who, ONCE)
            stages = [] if who[1] in ("untrained", "none") else stages
            along = {n: skill(n, who) for n in ("pair_accuracy", "train_pair_accuracy", "avts_auc_easy")}
            options = {"stages": stages, "parents": writer.learn(" ".join(who), seed, stages, along)}
            for node in writer.nodes:
                node["method"] = node["method"].partition(" ")[0]  # each arm has learned alone
            level = skill(task, who)
            if who == NOT_RUN:
                writer.run(task, *who, seed, None, write=False)
            elif task == "localization":
                writer.localize(*who, seed, level, **options)
            elif task == "classification":
                writer.classify(*who, seed, variant, level, **options)
            elif task == "counting":
                writer.count(*who, seed, level, **options)
            elif task == "separation":
                writer.separate(*who, seed, 10 * level, None if who[0] == "mean-spectrum" else variant, **options)
            elif task == "avc":
                writer.correspond(*who, seed, level, **options)
            elif task == "avts":
                writer.synchronise(*who, seed, level, level / 2, **options)
            else:
                writer.act(*who, seed, level, **options)
    writer.plan(learning_rates={"miniature": dict.fromkeys(TUNED, TRIED)})
    return writer.home


class Files:
    """The runs, read by pandas."""

    def __init__(self, home):
        self.home = home
        self.nodes = pd.DataFrame(json.loads((home / "plans" / "miniature.json").read_text())["nodes"])
        read = [p for p in home.iterdir() if p.name.isdigit()]
        self.folders = {json.loads((p / "pedigree.json").read_text())["key"]: p for p in read}

    def of(self, task, who, variant):
        """Rows of all the seeds' item tables, with ``seed`` and ``key``; None where the plan has no such run."""
        n = self.nodes[(self.nodes.task == task) & (self.nodes.method == who[0]) & (self.nodes.ordering == who[1])]
        n = n if variant is None or n.variant.isna().all() else n[n.variant == variant]
        if n.empty:
            return None
        n = n[n.key.isin(self.folders)]
        tables = [self.read(self.folders[k] / "items.csv") for k in n.key]
        found = [t.assign(seed=seed, key=key) for t, seed, key in zip(tables, n.seed, n.key, strict=True)]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    @staticmethod
    @functools.cache
    def read(path):
        return pd.read_csv(path, keep_default_na=False)

    def along(self, key, metric):
        """Update -> value of the stage (there is one) behind a run."""
        (parent,) = json.loads((self.folders[key] / "pedigree.json").read_text())["parents"]
        journal = json.loads((self.folders[parent] / "metrics.jsonl").read_text())[metric]
        return pd.Series(journal["values"], journal["steps"])


def value(t, metric, condition=""):
    t = t[(t.metric == metric) & t.condition.str.startswith(condition)]
    return t.assign(value=t.value.astype(float))


def told(t, condition=""):
    """Balanced: the mean of the shares of matched and of mismatched pairs told right."""
    t = value(t, "right", condition)
    t = t.assign(matched=t.condition.str.extract(r"matched=(\d)")[0])
    return t.groupby(["seed", "item", "matched"]).value.mean().groupby(["seed", "item"]).mean()


def counted(t, rule, worth):
    t = value(t, rule)
    return by_item(t.assign(value=worth(t.value, t.condition.str.extract(r"n_sources=(\d)")[0].astype(float))))


def by_item(t):
    return t.groupby(["seed", "item"]).value.mean()


def sounds(t, row, measure):
    t = value(t, measure, f"row={row};")
    t = t[t.excluded == ""].assign(pair=t.condition.str.extract(r"pair=(\d+)")[0])
    return t.set_index(["seed", t.pair.rename("pair"), "item"]).value


def best(t, worth):
    counts = value(t, "mode").condition.str.extract(r"n_sources=(\d)")[0].astype(float)
    mean = {c: worth(pd.Series(float(c), counts.index), counts).mean() for c in range(1, 6)}
    return max(mean, key=mean.get)


def accuracy(told, true):
    return (told == true).astype(float)


def minus_error(told, true):
    return -(told - true).abs()


def area(cious):
    return sum(((cious >= a / 20) * 1.0 + (cious >= (a + 1) / 20) * 1.0) / 40 for a in range(20))


def score(t, name):
    """Seed, item -> score."""
    first, _, rest = name.partition(" ")
    if first in ("cIoU", "AUC"):
        t = value(t, "ciou", f"row={rest or 'aligned'}, rule=threshold=0.5")
        return by_item(t.assign(value=(t.value >= 0.5) * 1.0 if first == "cIoU" else area(t.value)))
    if first in ("SDR", "SIR", "SAR"):
        named = {"mixture": "mixture", "audio assignment": "audio-assignment"}
        rest = rest.removeprefix("of Table 6").strip()  # where nothing was over noise: the same sounds as Table 4's
        return sounds(t, named.get(rest, "located-mixture"), first.lower())
    if first == "counting":
        worth = accuracy if "accuracy" in rest else minus_error
        if "chance" in rest:
            return sum(counted(t, "mode", lambda x, n, c=c: worth(0 * x + c, n)) for c in range(1, 6)) / 5
        if "constant" in rest:
            return counted(t, "mode", lambda x, n: worth(0 * x + best(t[t.seed == 1], worth), n))
        return counted(t, "rounded" if "rounded" in rest else "mode", worth)
    if first == "action":
        t = value(t, "correct")
        return by_item(t.assign(item=t.condition.str.extract(r"group=(.*)")[0]))
    if name == "avts mixed less easy":
        return told(t, "set=mixed") - told(t, "set=easy")
    return {
        "pointing": lambda: by_item(value(t, "hit", "n_sources=3")),
        "probe": lambda: by_item(value(t, "correct")),
        "avc": lambda: told(t),
        "avts": lambda: told(t, f"set={rest},"),
    }[first]()


def difference(files, c):
    """Table (seeds, clusters) of first less second; None where a side is missing."""
    names = (c.score, c.beside or c.score)
    known = SCORES[c.score]
    sides = [
        files.of(known.task, who, getattr(SCORES[name], "variant", None))
        for who, name in zip((c.first, c.second), names, strict=True)
    ]
    if any(side is None or side.empty for side in sides):
        return None if any(side is None for side in sides) else "not run"
    if hasattr(known, "measured"):  # the mean along the way, by trapezoids
        runs = (dict(zip(side.seed, side.key, strict=True)) for side in sides)
        curves = ([files.along(keys[seed], known.measured) for seed in SEEDS] for keys in runs)
        mean = ([np.trapezoid(x, x.index) / x.index[-1] for x in curve] for curve in curves)
        return np.subtract(*mean)[:, None]
    first, second = (score(side, name) for side, name in zip(sides, names, strict=True))
    d = (first - second).dropna().sort_index()
    tables = [d.xs(seed, level="seed") for seed in SEEDS]
    if any(not x.index.equals(tables[0].index) for x in tables) or "pair" in d.index.names:
        return d.groupby("seed").mean().to_numpy()[:, None]  # mixtures are each seed's own
    return np.array(tables)


def tail(d, bound):
    """One-sided p-value of "the mean is above the bound"."""
    s, i = d.shape
    by_seed = d.mean(1)
    if np.ptp(by_seed) == 0 and np.ptp(d.mean(0)) == 0:
        return 0.0 if d.mean() > bound else 1.0
    p = stats.ttest_1samp(by_seed, bound, alternative="greater").pvalue
    if i == 1:
        return p
    rest = d - by_seed[:, None] - d.mean(0) + d.mean()
    a, b = i * by_seed.var(ddof=1), s * d.mean(0).var(ddof=1) - (rest**2).sum() / (s - 1) / (i - 1)
    b = max(b, 0)
    t = (d.mean() - bound) / np.sqrt((a + b) / s / i)
    return max(p, (a * stats.t.sf(t, s - 1) + b * stats.t.sf(t, i - 1)) / (a + b))


def p_values(d, c):
    low, high = {"above": (0, None), "about equal": (-0.03, 0.03), "slightly above": (0, 0.05)}[c.relation]
    above, below = tail(d, low), 0.0 if high is None else tail(-d, -high)
    return max(above, below), min(tail(-d, -low), 1.0 if high is None else tail(d, high))


def unequal(c):
    one, two = ("updates", LONGER), ("scenes", OTHER_SCENES)
    return any((c.first in some or c.second in some) and kind not in c.about for kind, some in (one, two))


def benjamini_hochberg(p):
    order = np.argsort(p)
    adjusted = np.minimum.accumulate((np.array(p)[order] * len(p) / (1 + np.arange(len(p))))[::-1])[::-1]
    return np.minimum(1, adjusted[np.argsort(order)])


def recomputed(files, claim):
    """(p for, p against), or the words where nothing is tested."""
    parts = [(c, difference(files, c)) for c in claim.comparisons]
    parts = [(c, d) for c, d in parts if not (d is None and c.further)]
    if all(d is None for _, d in parts):
        return "not testable here" if claim.needs else "not part of this plan"
    p = [p_values(d, c) for c, d in parts if isinstance(d, np.ndarray) and not unequal(c)]
    if not p:
        return "inconclusive"
    return max(x for x, _ in p) if len(p) == len(parts) else 1.0, min(1.0, len(p) * min(x for _, x in p))


def test_every_verdict_is_that_of_a_few_independent_lines(home, study_of):
    files = Files(home)
    summary, _ = claims(study_of(home))
    shown = {row.label.partition(".")[0]: [cell.text for cell in row.cells] for row in summary.rows}
    seen = set()
    for source in dict.fromkeys(claim.source for claim in CLAIMS):
        found = {claim.id: recomputed(files, claim) for claim in CLAIMS if claim.source == source}
        tested = {name: p for name, p in found.items() if not isinstance(p, str)}
        p = [min(1, 2 * min(both)) for both in tested.values()]
        for (name, (p_for, p_against)), own, q in zip(tested.items(), p, benjamini_hochberg(p), strict=True):
            way = "supported" if p_for < p_against else "contradicted"
            plain, verdict = (way if x <= 0.05 else "inconclusive" for x in (own, q))
            assert [text.partition(" (")[0] for text in shown[name][:2]] == [verdict, plain], name
            for text, x in zip(shown[name][2:], (own, q), strict=True):
                assert text == (f"{x:.3f}" if x >= 0.001 else "below 0.001"), name
            seen |= {(plain, verdict)}
        for name, words in found.items():
            if isinstance(words, str):
                assert shown[name][1] == words, name
                seen.add(words)
    kinds = {x for x in seen if isinstance(x, tuple)}
    assert {("supported",) * 2, ("contradicted",) * 2, ("inconclusive",) * 2, "not testable here"} <= seen | kinds
    assert "unequal" in shown["L2"][0] or shown["L2"][0] == "contradicted"
