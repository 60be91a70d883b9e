"""Odd logs, seeded: ordinary ones in which a few things are replaced by odd ones."""

from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
from _odd_columns import CLOCKS, COUNTS, IDS, NUMBERS, objects, seconds, whole

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
    name = _pick(rng, CONTAINERS, 0.5, "pandas")
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


def _pick(rng, pool, usual_share=0.0, usual=None):
    if usual is not None and rng.random() < usual_share:
        return usual
    return list(pool)[rng.integers(len(pool))]


def _odd_values(rng, table, n):
    """Other values in a column."""
    key = _pick(rng, [key for key in table if key in POOLS] or ["feature"])
    kind = _pick(rng, POOLS[key])
    return table | {key: POOLS[key][kind](rng, n)}, f"{key}: {kind}"


def _missing_cell(rng, table, n):
    """A cell that is missing."""
    key = _pick(rng, table)
    if n == 0 or not len(table[key]):
        return table, "nothing"
    values = objects(list(table[key]))
    values[rng.integers(n)] = (None, np.nan, pd.NA, pd.NaT)[rng.integers(4)]
    return table | {key: values}, f"{key}: a cell is missing"


def _without(rng, table, n):
    """A column that is not there."""
    key = _pick(rng, table)
    return {k: v for k, v in table.items() if k != key}, f"no {key}"


def _renamed(rng, table, n):
    """An odd name."""
    key, name = _pick(rng, table), ODD_NAMES[rng.integers(len(ODD_NAMES))]
    return {name if k == key else k: v for k, v in table.items()}, f"{key} is {name!r}"


def _added(rng, table, n):
    """A further column of any kind."""
    kind, name = _pick(rng, POOLS["feature"]), ODD_NAMES[rng.integers(len(ODD_NAMES))]
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
    )[rng.integers(16)]
    told.append(str(odd))
    return Columns(**{"explicit": ("like", "follow")} | odd)


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
    if columns.features is not None:
        at["features"] = tuple(known.get(name, 93) for name in columns.features)
    return Columns(**at)


def frame_of(rng, table, n):
    """The columns as a frame of pandas."""
    series = [_series(values) for values in table.values()]
    frame = pd.concat(series, axis=1) if series else pd.DataFrame(index=range(n))
    return frame.set_axis(
        pd.Index(list(table), dtype=object, tupleize_cols=False), axis=1
    )


def _series(values):
    if isinstance(values, pd.Series):
        return values.reset_index(drop=True)
    try:
        return pd.Series(values)
    except (ValueError, TypeError, NotImplementedError, OverflowError):
        return pd.Series(objects(list(values)), dtype=object)


def _polars(rng, table, n):
    columns = {}
    for name, values in table.items():
        columns[str(name)] = _polars_series(values)
    if table and rng.random() < 0.5:
        name, kind = str(_pick(rng, table)), _pick(rng, POLARS)
        columns[name] = POLARS[kind](rng, n)
    return pl.DataFrame(columns)


def _polars_series(values):
    values = values if isinstance(values, np.ndarray) else pd.Series(values)
    if any(isinstance(v, Decimal) and not v.is_finite() for v in values):
        return pl.Series(list(values), dtype=pl.Object)  # others panic
    try:
        return pl.Series(values.tolist() if values.dtype == object else values)
    except Exception:
        return pl.Series(list(values), dtype=pl.Object)


POLARS = {
    "Int128": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Int128),
    "UInt128": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Int128) + 2**90,
    "Int8": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Int8),
    "Float16": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Float32),
    "Decimal": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Decimal(38, 3)),
    "Duration": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Duration("us")),
    "Datetime ms": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Datetime("ms")),
    "Datetime zone": lambda rng, n: pl.Series(whole(rng, n)).cast(
        pl.Datetime("ns", "Asia/Tokyo")
    ),
    "Datetime 20000": lambda rng, n: pl.Series(
        whole(rng, n) + 86400 * 366 * 18000 * 10**3
    ).cast(pl.Datetime("ms")),
    "Datetime -20000": lambda rng, n: pl.Series(
        whole(rng, n) - 86400 * 366 * 22000 * 10**6
    ).cast(pl.Datetime("us")),
    "Date 20000": lambda rng, n: pl.Series(
        (whole(rng, n) + 366 * 18000).astype(np.int32)
    ).cast(pl.Date),
    "Date": lambda rng, n: pl.Series(whole(rng, n).astype(np.int32)).cast(pl.Date),
    "Time": lambda rng, n: pl.Series(whole(rng, n)).cast(pl.Time),
    "Categorical": lambda rng, n: pl.Series(whole(rng, n).astype(str).tolist()).cast(
        pl.Categorical
    ),
    "Enum": lambda rng, n: pl.Series(
        whole(rng, n).astype(str).tolist(), dtype=pl.Enum([str(i) for i in range(8)])
    ),
    "List": lambda rng, n: pl.Series(
        [[int(v)] for v in whole(rng, n)], dtype=pl.List(pl.Int64)
    ),
    "Array": lambda rng, n: pl.Series(
        [[int(v)] for v in whole(rng, n)], dtype=pl.Array(pl.Int64, 1)
    ),
    "Struct": lambda rng, n: pl.Series(
        [{"a": int(v)} for v in whole(rng, n)], dtype=pl.Struct({"a": pl.Int64})
    ),
    "Null": lambda rng, n: pl.Series([None] * n, dtype=pl.Null),
    "Binary": lambda rng, n: pl.Series(
        [b"%d" % v for v in whole(rng, n)], dtype=pl.Binary
    ),
    "Object": lambda rng, n: pl.Series([object() for _ in range(n)], dtype=pl.Object),
    "Int64 nulls": lambda rng, n: pl.Series([None, 2**62 + 1] * n, dtype=pl.Int64)[:n],
    "Float64 nulls": lambda rng, n: pl.Series([None, 1.5] * n, dtype=pl.Float64)[:n],
    "Boolean nulls": lambda rng, n: pl.Series([None, True] * n, dtype=pl.Boolean)[:n],
    "String nulls": lambda rng, n: pl.Series([None, "a"] * n, dtype=pl.String)[:n],
}


def _arrow(rng, table, n):
    table = _polars(rng, table, n)
    objects_in = [name for name in table.columns if table[name].dtype == pl.Object]
    return table.drop(objects_in).to_arrow()


def _object_array(rng, table, n):
    columns = [objects(list(values)) for values in table.values()]
    array = np.empty((n, len(columns)), dtype=object)
    for place, column in enumerate(columns):
        array[:, place] = column
    return array


def _array(rng, table, n):
    """A float array, or one of objects where that cannot be."""
    try:
        return _object_array(rng, table, n).astype(float)
    except (ValueError, TypeError, OverflowError):
        return _object_array(rng, table, n)


def _swapped(array):
    return array if array.dtype == object else array.astype(">f8")


def _frozen(rng, table, n):
    array = _array(rng, table, n)
    array.flags.writeable = False
    return array


def _masked(rng, table, n):
    array = _array(rng, table, n)
    return np.ma.masked_array(array, mask=rng.random(array.shape) < 0.1)


def _structured(rng, table, n):
    return frame_of(rng, table, n).astype(object).to_records(index=False)


def _sparse(rng, table, n):
    array = _array(rng, table, n)
    return array if array.dtype == object else sp.csr_array(array)


def _indexed(rng, table, n):
    frame = frame_of(rng, table, n)
    indexes = (
        np.zeros(n, dtype=int),
        pd.date_range("2020", periods=n),
        pd.MultiIndex.from_arrays([np.zeros(n), np.arange(n)]),
        [f"row {i}" for i in range(n)][::-1],
    )
    return frame.set_index(pd.Index(indexes[rng.integers(4)]))


def _twice(rng, table, n):
    frame = frame_of(rng, table, n)
    return pd.concat([frame, frame.iloc[:, :1]], axis=1)


def _leveled(rng, table, n):
    frame = frame_of(rng, table, n)
    return frame.set_axis(
        pd.MultiIndex.from_product([["a"], range(frame.shape[1])]), axis=1
    )


CONTAINERS = {
    "pandas": (frame_of, True),
    "polars": (_polars, True),
    "polars again": (_polars, True),
    "pyarrow": (_arrow, True),
    "odd index": (_indexed, True),
    "a column twice": (_twice, True),
    "names of levels": (_leveled, True),
    "lazy": (lambda rng, table, n: _polars(rng, table, n).lazy(), True),
    "array": (_array, False),
    "float32 array": (
        lambda rng, table, n: (
            np.asarray(_array(rng, table, n), dtype=object)
            if _array(rng, table, n).dtype == object
            else _array(rng, table, n).astype(np.float32)
        ),
        False,
    ),
    "big-endian array": (lambda rng, table, n: _swapped(_array(rng, table, n)), False),
    "object array": (_object_array, False),
    "Fortran": (lambda rng, table, n: np.asfortranarray(_array(rng, table, n)), False),
    "read-only": (_frozen, False),
    "masked": (_masked, False),
    "structured": (_structured, False),
    "sparse": (_sparse, False),
    "lists": (lambda rng, table, n: _object_array(rng, table, n).tolist(), False),
    "one column": (lambda rng, table, n: _array(rng, table, n)[:, 0], False),
    "cube": (lambda rng, table, n: _array(rng, table, n)[None], False),
    "dict": (lambda rng, table, n: dict(table), True),
    "None": (lambda rng, table, n: None, True),
    "number": (lambda rng, table, n: 3, True),
    "no such path": (lambda rng, table, n: "/nowhere/at/all", True),
    "series": (lambda rng, table, n: frame_of(rng, table, n).iloc[:, 0], True),
}
