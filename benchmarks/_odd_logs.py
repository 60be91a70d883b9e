"""Odd logs, seeded: ordinary ones in which a few things are replaced by odd ones."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _odd_columns import CLOCKS, COUNTS, IDS, NUMBERS, objects, pick, seconds, whole
from _odd_tables import CONTAINERS

from sklabelcraft import Columns

IMPRESSIONS = ("user_id", "item_id", "duration", "timestamp", "feature")
FEEDBACK = ("watch_time", "like", "follow")
POOLS = {
    "user_id": IDS,
    "item_id": IDS,
    "duration": NUMBERS,
    "timestamp": CLOCKS,
    "feature": IDS | NUMBERS | CLOCKS,
    "watch_time": NUMBERS,
    "like": COUNTS,
    "follow": COUNTS,
}
N_ROWS = (0, 1, 2, 3, 12, 40, 40, 40, 60, 60)
ODD_NAMES = (0, 7, -1, 1.5, None, "", "é", " duration", "score", ("a", "b"), True, b"a")


class OddLog(NamedTuple):
    """A log, and what is odd in it.

    Attributes
    ----------
    X, y : data
        Impressions and their feedback.
    log : data
        Both in one table.
    columns, apart : Columns
        The names of the columns in that table, and in X and y.
    container : str
        The name of what holds them.
    told : str
        What is odd.
    """

    X: Any
    y: Any
    log: Any
    columns: Columns
    apart: Columns
    container: str
    told: str


def odd_log(rng, most=3, like=None):
    """A log with up to `most` odd things in it, mostly in the container of another."""
    n = int(rng.choice(N_ROWS if rng.random() < 0.3 else (40, 60)))
    table, told = _ordinary(rng, n), [f"{n} rows"]
    for _ in range(rng.integers(most + 1)):
        change = CHANGES[rng.integers(len(CHANGES))]
        table, what = change(rng, table, n)
        told.append(what)
    name = pick(rng, CONTAINERS, "pandas")
    if like is not None and rng.random() < 0.8:
        name = like.container
    told.append(name)
    contain, named = CONTAINERS[name]
    parts = [
        {key: table[key] for key in table if key in FEEDBACK},
        {key: table[key] for key in table if key not in FEEDBACK},
    ]
    names = (*parts[1], *parts[0])
    y, X, log = (
        contain(rng, part, n) for part in (*parts, {key: table[key] for key in names})
    )
    columns = _columns(rng, told)
    if not named:
        apart = _positions(columns, list(parts[1]), list(parts[0]))
        columns = _positions(columns, list(names), list(names))
        return OddLog(X, y, log, columns, apart, name, ", ".join(told))
    return OddLog(X, y, log, columns, columns, name, ", ".join(told))


def _ordinary(rng, n):
    """The columns of an ordinary log by name."""
    duration = np.round(rng.choice([10.0, 30.0, 60.0, 300.0], size=n) + seconds(rng, n))
    return {
        "user_id": whole(rng, n, 4),
        "item_id": whole(rng, n, 9),
        "duration": duration,
        "timestamp": rng.permutation(n),
        "feature": whole(rng, n, 3),
        "watch_time": np.round(duration * rng.beta(0.7, 1.0, size=n), 1),
        "like": whole(rng, n, 2),
        "follow": (rng.random(n) < 0.2).astype(int),
    }


def _odd_values(rng, table, n):
    """Other values in a column."""
    key = pick(rng, [key for key in table if key in POOLS] or ["feature"])
    kind = pick(rng, POOLS[key])
    return table | {key: POOLS[key][kind](rng, n)}, f"{key}: {kind}"


def _missing_cell(rng, table, n):
    """A cell that is missing."""
    key = pick(rng, table)
    if n == 0 or not len(table[key]):
        return table, "nothing"
    values = objects(list(table[key]))
    values[rng.integers(n)] = (None, np.nan, pd.NA, pd.NaT)[rng.integers(4)]
    return table | {key: values}, f"{key}: a cell is missing"


def _without(rng, table, n):
    """A column that is not there."""
    key = pick(rng, table)
    return {k: v for k, v in table.items() if k != key}, f"no {key}"


def _renamed(rng, table, n):
    """An odd name."""
    key, name = pick(rng, table), ODD_NAMES[rng.integers(len(ODD_NAMES))]
    return {name if k == key else k: v for k, v in table.items()}, f"{key} is {name!r}"


def _added(rng, table, n):
    """A further column of any kind."""
    kind, name = pick(rng, POOLS["feature"]), ODD_NAMES[rng.integers(len(ODD_NAMES))]
    name = name if rng.random() < 0.3 else "more"
    return table | {name: POOLS["feature"][kind](rng, n)}, f"{name!r}: {kind}"


def _repeated(rng, table, n):
    """Each row as the first."""
    if n == 0:
        return table, "nothing"
    return {k: pd.Series(v).take(np.zeros(n, int)) for k, v in table.items()}, "one row"


CHANGES = [*[_odd_values] * 12, _missing_cell, _without, _renamed, _added, _repeated]


def _columns(rng, told):
    """Names of the columns, mostly the usual ones."""
    if rng.random() < 0.8:
        return Columns(explicit=("like", "follow"))
    odd = (
        {"explicit": ()},
        {"explicit": ("like", "nothing")},
        {"explicit": ("like", "like")},
        {"user": None},
        {"item": None},
        {"duration": None},
        {"timestamp": None},
        {"timestamp": "duration"},
        {"watch_time": "duration"},
        {"user": "item_id"},
        {"user": "feature"},
        {"features": ("user_id", "item_id", "duration")},
        {"features": ("user_id", "user_id")},
        {"features": ("feature",)},
        {"features": ("more",)},
        {"features": ()},
        {"lists": ("feature",)},
        {"lists": ("more", "feature")},
        {"lists": ("user_id",)},
        {"lists": ("duration",), "features": ("feature",)},
    )[rng.integers(20)]
    told.append(str(odd))
    return Columns(**{"explicit": ("like", "follow")} | odd)


def odd_weights(rng, n):
    """What the rows are given to count, mostly nothing, and its name."""
    made = {
        "none": lambda: None,
        "equal": lambda: np.full(n, 3.0),
        "ordinary": lambda: rng.exponential(size=n),
        "some zero": lambda: whole(rng, n, 3),
        "zeros": lambda: np.zeros(n),
        "list": lambda: rng.random(n).tolist(),
        "series": lambda: pd.Series(rng.random(n), index=np.arange(n)[::-1]),
        "float32": lambda: rng.random(n).astype(np.float32),
        "column": lambda: rng.random((n, 1)),
        "longer": lambda: rng.random(n + 1),
        "number": lambda: 2.0,
        "a word": lambda: "feature",
        **{
            f"NUMBERS {name}": lambda make=make: make(rng, n)
            for name, make in NUMBERS.items()
        },
    }
    usual = "none" if rng.random() < 0.7 else "ordinary"
    name = pick(rng, made, usual if rng.random() < 0.7 else None)
    return made[name](), name


def _positions(columns, names, of_feedback):
    """The same by position."""
    known = {name: place for place, name in enumerate(names)}
    later = {name: place for place, name in enumerate(of_feedback)}
    at = {
        role: None if getattr(columns, role) is None else known.get(name, 90)
        for role, name in vars(columns).items()
        if role in ("user", "item", "duration", "timestamp")
    }
    at["watch_time"] = later.get(columns.watch_time, 91)
    at["explicit"] = tuple(later.get(name, 92) for name in columns.explicit)
    at["lists"] = tuple(known.get(name, 94) for name in columns.lists)
    if columns.features is not None:
        at["features"] = tuple(known.get(name, 93) for name in columns.features)
    return Columns(**at)
