"""Comparison of two homes, before and after a change of the code: are their runs the same to the last bit?

    python tools/compare_homes.py BEFORE AFTER

Of every run key the newest finished run of either home is taken; one whose key the other home lacks is paired by its
names (task, preset, method, ordering, seed, evaluation) and marked so. Compared are results, metrics (not their times),
item tables, digests of weights, weights and artifacts (of pictures that they are there: their bytes name the library).
Numbers are equal where their bits are; NaN equals NaN. Where AFTER has tidy item tables and BEFORE has wide ones,
``TRANSLATION`` says what must stand where. Homes are read as files: no module of the project takes part.

Exit status: 0 the same; 1 a difference, or a run of BEFORE that AFTER lacks (AFTER may hold more); 2 no such folder.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TIDY = ("item", "condition", "metric", "value", "excluded")
#: Entries of an evaluation that say where files are.
PATHS = ("esc50", "dcase", "videos", "annotations")
#: Differences of a run that are printed.
SHOWN = 5

Row = dict[str, str]
Tables = dict[str, list[Row]]


class Wide(NamedTuple):
    """How a row of a wide table stands in the tidy one; texts are filled in from the row's columns."""

    condition: str
    columns: Sequence[str] = ()  # whose values stand there as the metrics of the same names
    made: Mapping[str, Callable[[Row], Any]] = {}  # metric -> what the row makes of it
    item: str = "{item}"
    other: Sequence[str] = ()  # columns that ``made`` reads, or that the tidy table need not tell


CORRECT: Mapping[str, Callable[[Row], Any]] = {"correct": lambda row: row["label"] == row["predicted"]}

#: (Task, file) -> how its rows are translated. A column that has no place here is reported.
TRANSLATION: Mapping[tuple[str, str], Wide] = {
    ("action", "items.csv"): Wide("; label={label}, predicted={predicted}, group={group}", made=CORRECT),
    ("avc", "items.csv"): Wide("matched={matched}, same_kind={same_kind}; partner={partner}", ("score", "right")),
    ("avts", "items.csv"): Wide("set={set}, matched={matched}; start={start}, other={other}", ("score", "right")),
    ("classification", "items.csv"): Wide("; fold={fold}, label={label}, predicted={predicted}", made=CORRECT),
    ("counting", "items.csv"): Wide("n_sources={n_sources}", ("rate", "mode", "rounded")),
    ("localization", "items.csv"): Wide("row={row}, rule={rule}", ("ciou",)),
    ("localization", "pointing.csv"): Wide("n_sources={n_sources}; source={source}", ("hit", "hit_other")),
    ("separation", "items.csv"): Wide("row={row}; pair={pair}, kind={kind}", ("sdr", "sir", "sar")),
}


class Run:
    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder
        names = ("run", "config", "pedigree", "info", "metrics")
        files = {name: folder / f"{name}.json" for name in names}
        read = {name: json.loads(path.read_bytes()) for name, path in files.items() if path.exists()}
        self.record, self.config, self.pedigree, self.info, self.metrics = (read.get(name, {}) for name in names)
        self.key: str = self.pedigree.get("key", "")

    @property
    def names(self) -> str:
        evaluation = {name: value for name, value in self.config["evaluation"].items() if name not in PATHS}
        names = (str(self.config[name]) for name in ("task", "preset", "method", "ordering", "seed"))
        return " ".join((*names, json.dumps(evaluation, sort_keys=True)))

    def files(self) -> dict[str, Path]:
        """Artifacts, and the weights that the run left."""
        weights = (self.home / "checkpoints" / self.key).glob("weights*.safetensors")
        return {name: self.folder / name for name in self.record["artifacts"]} | {path.name: path for path in weights}

    def told(self, without: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
        """Place and value, to the last bit, of all that the run left apart from times, its key and some files."""
        record = {"result": self.record["result"], "parent_digests": self.pedigree["parent_digests"]}
        record["info"] = {name: value for name, value in self.info.items() if name != "key"}
        record["metrics"] = {name: {part: m[part] for part in ("steps", "values")} for name, m in self.metrics.items()}
        yield from ((place, repr(value)) for place, value in leaves(record))
        for name, path in self.files().items():
            if name in without:
                continue
            if path.suffix == ".csv":
                yield from ((f"{name}{place}", number(value)) for place, value in leaves(read(path)))
            else:
                yield name, "there" if path.suffix == ".png" else hashlib.sha256(path.read_bytes()).hexdigest()


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inner or not value:
        yield place, value
    for name, part in inner:
        yield from leaves(part, f"{place}.{name}")


def finished(home: Path) -> dict[str, Run]:
    """Key -> its newest finished run."""
    runs = {}
    for folder in sorted((f for f in home.iterdir() if f.name.isdigit()), key=lambda f: int(f.name)):
        run = Run(home, folder)
        if run.record["status"] == "COMPLETED":
            runs[run.key] = run
    return runs


def paired(before: Mapping[str, Run], after: Mapping[str, Run]) -> list[tuple[Run | None, Run | None]]:
    """Runs of the same key, then of the same names where these are unique, then those that one home has only."""
    lost, new = ([r for k, r in one.items() if k not in other] for one, other in ((before, after), (after, before)))
    often = Counter(r.names for r in lost) | Counter(r.names for r in new)
    named = {r.names: r for r in new if often[r.names] == 1}
    pairs = [(r, after[k] if k in after else named.pop(r.names, None)) for k, r in before.items()]
    return [*pairs, *((None, r) for r in new if often[r.names] > 1 or r.names in named)]


def differences(before: Run, after: Run, seen: Counter[str]) -> Iterator[str]:
    old, new = ({name: read(p) for name, p in r.files().items() if p.suffix == ".csv"} for r in (before, after))
    tidy = {name: table for name, table in new.items() if table and tuple(table[0]) == TIDY}
    tidy = {} if any(table and tuple(table[0]) == TIDY for table in old.values()) else tidy
    wide = {name: table for name, table in old.items() if table and tidy and (name in tidy or name not in new)}
    then, now = (dict(run.told({*wide, *tidy})) for run in (before, after))
    seen.update(values=len(then), files=len(before.files()))
    for place in dict.fromkeys((*then, *now)):
        if then.get(place) != now.get(place):
            yield f"{place.removeprefix('.')}: {then.get(place, 'absent')} -> {now.get(place, 'absent')}"
    yield from untranslated(before.config["task"], wide, tidy, seen)


def untranslated(task: str, old: Tables, new: Tables, seen: Counter[str]) -> Iterator[str]:
    """What the wide tables tell and the tidy ones do not; and what these tell otherwise of the same metrics."""
    rows = [row for table in new.values() for row in table]
    tidy: Counter[tuple[str, ...]] = Counter()
    tidy.update((r["item"], r["condition"], r["metric"], number(r["value"]), r["excluded"]) for r in rows)
    expected: Counter[tuple[str, ...]] = Counter()
    for name, table in old.items():
        if (wide := TRANSLATION.get((task, name))) is None:
            yield f"{name} has no translation"
            continue
        for row in table:
            item, condition = wide.item.format_map(row), wide.condition.format_map(row)
            values = {column: row[column] for column in wide.columns} | {m: make(row) for m, make in wide.made.items()}
            excluded = row.get("excluded", "")
            expected.update((item, condition, metric, number(value), excluded) for metric, value in values.items())
        placed = {"excluded", *wide.columns, *wide.other, *re.findall(r"{(\w+)}", wide.item + wide.condition)}
        yield from (f"{name}: column {column} has no translation" for column in table[0] if column not in placed)
    seen["values"] += expected.total()
    metrics = {row[2] for row in expected}
    yield from (f"not in the tidy table: {row}" for row in expected - tidy)
    yield from (f"only in the tidy table: {row}" for row in tidy - expected if row[2] in metrics)


def read(path: Path) -> list[Row]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def number(value: Any) -> str:
    """The bits of a number, in whatever way it is written; other texts as they are. What is missing is NaN."""
    text = {"True": "1", "False": "0", "": "nan"}.get(str(value), str(value))
    try:
        return repr(float(text))
    except ValueError:
        return text


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    homes = parser.parse_args(argv)
    if absent := [home for home in (homes.before, homes.after) if not home.is_dir()]:
        parser.error(f"{absent[0]} is no folder of runs")
    seen: Counter[str] = Counter()
    for before, after in paired(finished(homes.before), finished(homes.after)):
        if before is None or after is None:
            seen["before" if before else "after"] += 1
            print(*(f"only in {r.home}: run {r.folder.name}: {r.names}" for r in (before, after) if r))
            continue
        by_name = before.key != after.key
        seen.update(runs=1, named=by_name)
        if found := list(differences(before, after, seen)):
            seen["differ"] += 1
            print(f"run {before.folder.name}, now {after.folder.name}{' (by name)' * by_name}: {before.names}")
            print(*(f"    {line}" for line in found[:SHOWN]), *["    ..."] * (len(found) > SHOWN), sep="\n")
    print(
        f"{seen['runs']} runs compared ({seen['named']} by name): {seen['values']} values, {seen['files']} files; "
        f"{seen['differ']} differ; only before: {seen['before']}, only after: {seen['after']}"
    )
    return int(seen["differ"] > 0 or seen["before"] > 0 or not seen["runs"])


if __name__ == "__main__":
    sys.exit(main())
