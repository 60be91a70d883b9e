"""What a log may be held in: frames of all libraries, arrays, and what is no table.

A container maps a generator, columns by name and the number of rows to a table.
"""

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp
from _odd_columns import objects, pick, whole


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
        name, kind = str(pick(rng, table)), pick(rng, POLARS)
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
