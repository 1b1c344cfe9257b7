"""Commands ``score``: what others predict, and maps that see no image, by the protocol of the suite's own runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from registry.cli.options import JSON, choice, flag, option, path
from registry.cli.program import App, examples

SETS = (
    "flickr",
    "flickr-extended",
    "vggss",
    "vggss-heard",
    "vggss-unheard",
    "vggss-4654",
    "vggss-extended",
    "is3",
    "vpo-ss",
    "vpo-ms",
    "avsbench-s4",
    "avsbench-ms3",
)
#: Items that are named; all of them are in the JSON.
SHOWN = 3

app = App(
    help="""Score what others predict, and maps that are blind.

    Predictions are files in a folder. They are scored as the suite scores its own methods, and the scores are kept as
    runs of the registry (cavl-bench runs list), which `runs compare` sets side by side, item by item.
    """,
    epilog=examples("""\
examples:
  cavl-bench score localization --set vggss --annotations vggss.json --blind
  cavl-bench score localization --set vggss --annotations vggss.json \\
      --predictions maps/
  cavl-bench score separation --references clean/ --estimates separated/
"""),
)


def file(help: str, default: Any = None, name: str | None = None) -> Any:
    return path(help, "FILE", default, name)


@app.command(
    epilog=examples("""\
examples:
  cavl-bench score localization --annotations boxes.json --blind
  cavl-bench score localization --set is3 --predictions maps/ \\
      --annotations synthetic3240_bbox.json --name my-model

Of a set of which only a part is scored the published list is looked for
beside the boxes. docs/scoring.md says where the sets are, and how files are
named.
""")
)
def localization(
    annotations: Path = file("the boxes, as they were published: a JSON file, or SoundNet-Flickr's folder", ...),
    set: str | None = choice("named test set (default: all that the file holds)", SETS, metavar="NAME"),
    blind: bool = flag("--blind", "score maps that look at no image, from the boxes alone"),
    predictions: Path | None = path("maps to be scored: .npy, .npz or .png, named by the items' ids"),
    listing: Path | None = file("ids that are scored (default: the set's own list)", name="--list"),
    negatives: Path | None = file("pairs in which nothing visible sounds (default: the set's own list)"),
    corrected: bool = flag("--corrected", "of SoundNet-Flickr's list, score the image that its misprint means"),
    name: str | None = option("what the predictions are called (default: their folder's name)", "TEXT"),
    as_they_are: bool = flag("--as-they-are", "maps are in [0, 1]: they are not scaled one by one"),
    confidences: Path | None = file("table id,confidence: how sure the model is that something sounds"),
    confidence: str = choice(
        "what of an unscaled map is its confidence", ("maximum", "top_quarter", "none"), "maximum"
    ),
    ap: str = choice("rule of average precision", ("steps", "slavc"), "steps"),
    threshold: float | None = option("of confidences, chosen on validation items: precision and recall there", "T"),
    seed: int = option("seed of the random boxes", "N", 0),
    again: bool = flag("--again", "score also what has been scored before"),
    json: bool = JSON,
) -> None:
    """Sound localization on a named set, or any boxes.

    cIoU@0.5 and AUC under every binarisation rule, beside them what maps score that look at no image. An item whose map
    is missing, or cannot be read, has no score; the coverage says how many there are.
    """
    from benchmarks.datasets.test_sets import open_set  # slow to import

    if blind == (predictions is not None):
        raise ValueError("what is to be scored? --predictions DIR, or --blind: maps that look at no image")
    opened = open_set(set, annotations, listing, negatives, corrected)
    if blind:
        from benchmarks.scoring import blind as rows

        result = rows.rows(opened, seed)
        _show(result, json, lambda: _blind_table(result))
        return
    from benchmarks.progress import progress_bar
    from benchmarks.scoring.localization import HowScored, measure
    from benchmarks.scoring.maps import Folder, read_confidences
    from benchmarks.scoring.record import score_recorded

    assert predictions is not None
    folder, told = Folder(predictions), read_confidences(confidences) if confidences else {}
    how = HowScored(as_they_are=as_they_are, confidence=confidence, ap=ap, threshold=threshold, seed=seed)
    from cavl.config import to_dict

    with progress_bar("scoring") as progress:
        run, result = score_recorded(
            "localization",
            {
                "method": name or predictions.resolve().name,
                "set": set or opened.marked.form,
                "binarisation": "threshold=0.5",
                **to_dict(how),
            },
            {**opened.digests, **_digests([confidences])},
            folder.digest(item.prediction for item in (*opened.items, *opened.negatives)),
            lambda: measure(opened, folder, how, told, progress),
            again,
        )
    _show({"run": run, **result}, json, lambda: _table(run, result))


@app.command(
    epilog=examples("""\
examples:
  cavl-bench score separation --references clean/ --estimates separated/
  cavl-bench score separation --pairs pairs.csv

A source is known by its place in both folders, which names the mixture,
too: MIXTURE/SOURCE.wav, SOURCE/MIXTURE.wav (LibriMix), MIXTURE_SOURCE.wav.
What is called mix or mixture is the mixture itself, and no source. A table
of pairs has the columns mixture, reference and estimate.
""")
)
def separation(
    references: Path | None = path("the clean sources: WAV, FLAC or OGG files"),
    estimates: Path | None = path("what was separated, in files of the same names"),
    pairs: Path | None = file("instead: a table with the columns mixture, reference, estimate"),
    name: str | None = option("what the estimates are called (default: their folder's name)", "TEXT"),
    trim: int = option("where lengths differ by at most N samples, cut to the shorter", "N", 0),
    again: bool = flag("--again", "score also what has been scored before"),
    json: bool = JSON,
) -> None:
    """Sound separation: BSS Eval, SI-SDR and gain in dB.

    Every estimate is scored against the source that it is named by. What has no score (a silent reference, NaN, another
    length, an estimate that is missing) is named and left out, never counted as 0 dB.
    """
    from benchmarks.progress import progress_bar
    from benchmarks.scoring.record import score_recorded
    from benchmarks.scoring.separation import measure
    from benchmarks.scoring.sound_folders import digest, in_folders, in_table

    if (pairs is not None) == (references is not None or estimates is not None) or not (pairs or references):
        raise ValueError("what is to be scored? --references DIR and --estimates DIR, or --pairs FILE")
    if pairs is None and estimates is None:
        raise ValueError("--estimates DIR: where are the separated sources?")
    if pairs is not None:
        mixtures, place = in_table(pairs), pairs.resolve().stem
    else:
        assert references is not None
        assert estimates is not None
        mixtures, place = in_folders(references, estimates), estimates.resolve().name
    with progress_bar("scoring") as progress:
        run, result = score_recorded(
            "separation",
            {"method": name or place, "trim": trim},
            {"references": digest(source.reference for one in mixtures.found for source in one.sources)},
            digest(source.estimate for one in mixtures.found for source in one.sources),
            lambda: measure(mixtures, trim, progress),
            again,
        )
    _show({"run": run, **result}, json, lambda: _decibels(run, result))


def _digests(paths: Iterable[Path | None]) -> dict[str, str]:
    from registry.files import digest_file

    return {path.name: digest_file(path) for path in paths if path}


def _show(result: Mapping[str, Any], json: bool, table: Any) -> None:
    from registry.cli.printing import print_json

    if json:
        print_json(result)
    else:
        table()


def _percent(values: Mapping[str, Any], *names: str) -> list[str]:
    return [f"{100 * values[name]:.2f}" if values.get(name) is not None else "-" for name in names]


def _blind_table(result: Mapping[str, Any]) -> None:
    from registry.cli.printing import console, framed

    shown = {"ciou@0.5": "cIoU@0.5", "auc": "AUC", "mean_ciou": "mean cIoU"}
    further = {"iiou": "IIoU", "iauc": "IAUC", "ap": "AP", "max_f1": "max-F1"}
    shown |= {m: title for m, title in further.items() if any(m in row for row in result["rows"].values())}
    title = f"{result['title']}, {result['images']:,} items, no image looked at"
    table = framed("row", numbers=tuple(shown.values()), title=title)
    for row, scores in result["rows"].items():
        table.add_row(row, *_percent(scores, *shown))
    console().print(table)
    print("in percent; the rows are masks, which are not binarised")
    _account(result)


def _table(run: int, result: Mapping[str, Any]) -> None:
    from registry.cli.printing import console, framed

    shown = {"ciou@0.5": "cIoU@0.5", "auc": "AUC", "ciou@0.3": "CIoU@0.3"}
    further = {"iiou": "IIoU", "iauc": "IAUC", "ap": "AP", "max_f1": "max-F1"}
    shown |= {m: title for m, title in further.items() if any(m in row for row in result["rules"].values())}
    shown |= {"degenerate": "empty or all"}
    title = f"{result['title']}, {result['items']:,} items, run {run}"
    table = framed("binarisation", numbers=tuple(shown.values()), title=title)
    for rule, scores in result["rules"].items():
        table.add_row("adaptive (oracle)" if rule == "adaptive" else rule, *_percent(scores, *shown))
    for row, scores in result["blind"].items():
        table.add_row(f"{row}, sees no image", *_percent(scores, *shown))
    console().print(table)
    print(f"in percent; pointing {100 * result['pointing']:.2f}")
    for row, scores in result["blind"].items():
        interval = scores["interval"]
        said = f", 95 % {100 * interval[0]:+.2f} to {100 * interval[1]:+.2f}" if interval else ""
        print(f"mean cIoU less that of {row}: {100 * scores['difference']:+.2f}{said}")
    if silence := result.get("silence"):
        print(f"negatives: pIA {100 * silence['pia']:.2f}, AUC_N {100 * silence['auc_n']:.2f}")
    if chosen := result["rules"]["threshold=0.5"].get("at_threshold"):
        print(f"at the threshold: precision, recall, F1 {', '.join(_percent(chosen, 'precision', 'recall', 'f1'))}")
    print(f"scored: {result['coverage']}")
    _named("missing", result["missing"])
    _named("refused", [f"{id}: {why}" for id, why in result["excluded"].items()])
    _account(result)


def _decibels(run: int, result: Mapping[str, Any]) -> None:
    from registry.cli.printing import console, framed

    measures = {"sdr": "SDR", "sir": "SIR", "sar": "SAR", "si_sdr": "SI-SDR", "sdri": "SDR gain"}
    table = framed("row", numbers=tuple(measures.values()), title=f"{result['items']:,} sounds, run {run}")
    for row, scores in result["rows"].items():
        table.add_row(row, *(f"{scores[m]:.2f}" for m in measures))
    console().print(table)
    print("in dB, means over the sounds that count")
    print(f"scored: {result['coverage']}")
    _named("left out", [f"{id}: {why}" for id, why in result["excluded"].items()])
    for note in result["notes"]:
        print(note)


def _named(what: str, listed: list[str]) -> None:
    if listed:
        print(f"{what}: {len(listed):,} ({'; '.join(listed[:SHOWN])}{'; ...' if len(listed) > SHOWN else ''})")


def _account(result: Mapping[str, Any]) -> None:
    height, width = result["grid"]
    print(f"grid {height} x {width}, truth: {result['consensus']}; listed: {result['listed']:,}")
    _named("without boxes", result["without_boxes"])
    for what in ("dropped", "clipped"):
        boxes = result[f"{what}_boxes"]
        why = "empty" if what == "dropped" else "they leave the frame"
        _named(f"boxes {what} ({why})", [f"{id}: {n}" for id, n in boxes.items()])
    _named("refused in the files", [f"{id}: {why}" for id, why in result["refused"].items()])
    with contextlib.suppress(KeyError):
        print(f"source: {result['source']}; {result['licence']}")
    for note in result["notes"]:
        print(note)
    print("read: " + ", ".join(f"{name} (sha256 {digest[:12]})" for name, digest in result["read"].items()))
