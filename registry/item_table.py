"""Item table of a run: what its test items scored, one measurement a row, in ``items.csv``.

``item`` names what was tested, ``metric`` what was measured, ``value`` the number (NaN where there is none) and
``excluded`` why it does not count ("" where it does). ``condition`` says under which circumstances, as ``row=aligned,
rule=threshold=0.5``: a comma and a blank between names with their values. Behind a semicolon stands what is no
condition to compare under, but tells the measurements of an item apart or says more of it; a comparison takes their
mean: ``set=easy, matched=0; start=300, other=b@90``. There, too, ``cluster`` names what an item shares with others (the
recording or video that it is cut from, the object that it shows): items of one cluster are no independent evidence. Of
a value "%", "," and ";" are written %25, %2C and %3B.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from pandas import DataFrame

#: The artifact that holds the table.
ITEMS = "items.csv"
COLUMNS = ("item", "condition", "metric", "value", "excluded")
REMEDY = "the run is of an older version: repeat it with --rerun stale"


def condition(compared: Mapping[str, Any], **further: Any) -> str:
    """The text of a condition: ``compared`` before the semicolon, ``further`` behind it.

    Raises ValueError if a name is a column of the table, or is no name.
    """
    parts = [", ".join(f"{name}={_escaped(value)}" for name, value in part.items()) for part in (compared, further)]
    for name in (*compared, *further):
        if name in COLUMNS or not re.fullmatch(r"\w+", name):
            raise ValueError(f"a condition cannot be named {name!r}: take a word that is none of {', '.join(COLUMNS)}")
    return "; ".join(parts) if further else parts[0]


def clustered(text: str, cluster: str) -> str:
    """A condition's text with the cluster of its item."""
    return f"{text}{', ' if ';' in text else '; '}cluster={_escaped(cluster)}"


def _escaped(value: Any) -> str:
    return re.sub("[%,;]", lambda found: f"%{ord(found[0]):02X}", str(value))


def parsed(text: str) -> dict[str, str]:
    """Name -> value of a condition, what follows the semicolon included."""
    parts = (part.partition("=") for part in re.split("[,;] ", text) if part)
    return {name: unquote(value) for name, _, value in parts}


def to_compare(text: str) -> str:
    """What of a condition comparisons are made under."""
    return text.partition(";")[0]


def read_items(path: Path) -> DataFrame:
    """The table with a column more for each name of a condition (text; missing where a row has none).

    Raises ValueError when the file is damaged, or of an older version whose tables had other columns, with the remedy.
    """
    import pandas as pd  # here: it takes longer to import than all else of the registry

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error})") from None
    if tuple(table.columns) != COLUMNS or not isinstance(table.index, pd.RangeIndex):
        raise ValueError(f"{path} is no item table, its columns being {', '.join(table.columns)}; {REMEDY}")
    columns: dict[str, list[Any]] = {name: table[name].tolist() for name in COLUMNS}
    for row, texts in enumerate(zip(*columns.values(), strict=True), start=1):
        if not all(isinstance(text, str) for text in texts) or not _NUMBER.fullmatch(texts[3]):
            raise ValueError(f"row {row} of {path} is damaged: {', '.join(map(str, texts))}")
    columns["value"] = list(map(float, columns["value"]))
    known = {text: parsed(text) for text in set(columns["condition"])}
    for name in sorted({name for names in known.values() for name in names}):
        columns[name] = [known[text].get(name) for text in columns["condition"]]
    return pd.DataFrame(
        {name: pd.Series(values, dtype=None if name == "value" else object) for name, values in columns.items()}
    )


_NUMBER = re.compile(r"-?(\d+(\.\d*)?(e[+-]?\d+)?|inf|nan)")


def means(names: Iterable[Any], values: Iterable[float]) -> dict[Any, float]:
    """Name -> the mean of its values, names in the order in which they first come; NaN stays NaN."""
    grouped: dict[Any, list[float]] = {}
    for name, value in zip(names, values, strict=True):
        grouped.setdefault(name, []).append(value)
    return {name: sum(several) / len(several) for name, several in grouped.items()}
