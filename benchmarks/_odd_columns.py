"""Pools of odd columns: what a log may hold where ids, seconds, dates or 0/1 belong.

A pool is a dict of makers by name; a maker maps a generator and a number of rows to the
values of a column, of any type that can be put into a table.
"""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa

MISSING = (None, np.nan, pd.NA, pd.NaT)


def pick(rng, pool, usual=None):
    """One of a pool, or of the keys of a dict; each second time the usual one."""
    if usual is not None and rng.random() < 0.5:
        return usual
    return list(pool)[rng.integers(len(pool))]


def objects(values):
    """Values of Python as an object array of shape (n,), whatever they are."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def some_of(*values):
    """A maker that draws each row from these values."""

    def make(rng, n):
        return objects([values[i] for i in rng.integers(len(values), size=n)])

    return make


def whole(rng, n, high=8):
    """Small whole numbers."""
    return rng.integers(high, size=n)


def seconds(rng, n):
    """Ordinary seconds."""
    return np.round(rng.gamma(2.0, 10.0, size=n), 2)


def typed(make, dtype):
    """A maker of a series of some dtype."""
    return lambda rng, n: pd.Series(make(rng, n)).astype(dtype)


def array_of(make, dtype):
    """A maker of an array of some dtype."""
    return lambda rng, n: np.asarray(make(rng, n)).astype(dtype)


def with_missing(make):
    """A maker of objects, some of which are missing, each in its own way."""

    def made(rng, n):
        values = objects(list(make(rng, n)))
        for row in np.flatnonzero(rng.random(n) < 0.3):
            values[row] = MISSING[rng.integers(len(MISSING))]
        return values

    return made


def with_null(make, dtype):
    """A maker of a nullable series, some rows of which are null."""

    def made(rng, n):
        values = pd.Series(make(rng, n)).astype(dtype)
        return values.mask(rng.random(n) < 0.3)

    return made


def filled(value, dtype=None):
    """A maker of one value in all rows."""
    return lambda rng, n: np.full(n, value, dtype=dtype)


def magnitudes(rng, n):
    """Positive floats from the least to the largest."""
    return 10.0 ** rng.uniform(-323, 308, size=n)


def _spiked(value):
    def make(rng, n):
        values = seconds(rng, n)
        values[rng.random(n) < 0.2] = value
        return values

    return make


def _dates(start, unit="ns"):
    def make(rng, n):
        start_at = np.datetime64(start).astype("datetime64[s]")
        days = rng.integers(3650, size=n) * np.timedelta64(86400, "s")
        return pd.Series((start_at + days).astype(f"datetime64[{unit}]"))

    return make


def _arrow(make, kind):
    def made(rng, n):
        return pd.Series(
            pd.arrays.ArrowExtensionArray(pa.array(list(make(rng, n)), kind))
        )

    return made


def _decimals(rng, n):
    return objects([Decimal(int(v)) / 4 for v in rng.integers(80, size=n)])


NUMBERS = {
    "floats": seconds,
    "whole": whole,
    "zeros": filled(0.0),
    "negative zeros": filled(-0.0),
    "constant": filled(7.5),
    "subnormal": filled(1e-320),
    "some subnormal": _spiked(5e-324),
    "some 1e-30": _spiked(1e-30),
    "some 1e300": _spiked(1e300),
    "all 1e300": filled(1e300),
    "largest": filled(np.finfo(np.float64).max),
    "some above float32": _spiked(3.5e38),
    "magnitudes": magnitudes,
    "inf": _spiked(np.inf),
    "-inf": _spiked(-np.inf),
    "NaN": _spiked(np.nan),
    "all NaN": filled(np.nan),
    "negative": _spiked(-1.0),
    "float16": array_of(seconds, np.float16),
    "big-endian": lambda rng, n: pd.Series(seconds(rng, n).astype(">f8")),
    "float32": array_of(seconds, np.float32),
    "longdouble": array_of(seconds, np.longdouble),
    "long longdouble": lambda rng, n: np.full(n, np.longdouble("1e400")),
    "bool": array_of(whole, bool),
    "int8": array_of(whole, np.int8),
    "uint64": lambda rng, n: np.uint64(2**64 - 1) - whole(rng, n).astype(np.uint64),
    "int64 ends": some_of(-(2**63), 2**63 - 1, 0),
    "Int64": typed(whole, "Int64"),
    "Int64 with NA": with_null(whole, "Int64"),
    "Float64 with NA": with_null(seconds, "Float64"),
    "boolean with NA": with_null(array_of(whole, bool), "boolean"),
    "Decimal": _decimals,
    "Decimal NaN": some_of(Decimal("1.5"), Decimal("NaN")),
    "Decimal sNaN": some_of(Decimal("1.5"), Decimal("sNaN")),
    "Decimal 1e999": some_of(Decimal("1.5"), Decimal("1e999")),
    "Fraction": some_of(Fraction(1, 3), Fraction(5, 2)),
    "ints of Python": some_of(1, 5, 60),
    "2**70": some_of(2**70, 3),
    "10**400": some_of(10**400, 3),
    "missing objects": with_missing(seconds),
    "text": some_of("5.0", "7"),
    "words": some_of("a", "b"),
    "complex": array_of(seconds, complex),
    "category": typed(whole, "category"),
    "arrow double": _arrow(seconds, pa.float64()),
    "arrow null": lambda rng, n: _arrow(some_of(None), pa.null())(rng, n),
    "arrow decimal": _arrow(some_of(Decimal("1.25"), None), pa.decimal128(20, 4)),
    "sparse": typed(whole, pd.SparseDtype(np.float64)),
    "timedelta": typed(whole, "timedelta64[s]"),
    "arrays": some_of(np.ones(2), np.zeros(3)),
    "arrays of one": some_of(np.ones(1), np.float64(3.0)),
    "0-d arrays": some_of(np.array(2.0), np.array(3.0)),
    "lists": some_of([1.0], []),
}
IDS = {
    "whole": whole,
    "one": filled(3),
    "each its own": lambda rng, n: np.arange(n),
    "negative": lambda rng, n: -whole(rng, n),
    "beyond 2**64": some_of(2**64, 2**64 + 1, 10**30, -(2**70)),
    "beyond, missing": some_of(2**64, 2**53 + 1, None),
    "10**400": some_of(10**400, 10**400 + 1, 1.5),
    "2**53 beside half": some_of(2**53, 2**53 + 1, 0.5),
    "uint64": NUMBERS["uint64"],
    "uint8": array_of(whole, np.uint8),
    "big-endian": lambda rng, n: pd.Series(whole(rng, n).astype(">i4")),
    "whole floats": array_of(whole, float),
    "fractions": seconds,
    "float16": array_of(whole, np.float16),
    "longdouble": array_of(whole, np.longdouble),
    "NaN": _spiked(np.nan),
    "inf": _spiked(np.inf),
    "1e300": filled(1e300),
    "zeros": some_of(0.0, -0.0),
    "bool": array_of(whole, bool),
    "text": some_of("a", "b", "ab", ""),
    "text like numbers": some_of("1", "01", " 1", "1.0"),
    "odd text": some_of("\x00", "é", "é", "a" * 300, "\U0001f600"),
    "lone surrogate": some_of("\ud800", "a"),
    "numpy text": array_of(some_of("a", "b"), "U"),
    "numpy bytes": array_of(some_of("a", "b"), "S"),
    "bytes": some_of(b"a", b"b"),
    "tuples": some_of((1, 2), (1, "a"), ()),
    "lists": some_of([1], [2]),
    "lists of text": some_of(["a", "b"], ["b"], [], None),
    "texts of lists": some_of("39,43", "39", " 43 , 39", ",", "", None),
    "vectors": some_of([1.0, 2.0], [0.5, -1.0]),
    "vectors as arrays": some_of(np.ones(2), np.array([0.5, -1e300])),
    "vectors with gaps": some_of([1.0, None], [0.5, np.nan], None, [np.inf, 1.0]),
    "vectors of two lengths": some_of([1.0, 2.0], [0.5]),
    "arrow vectors": _arrow(some_of([1.0, 2.0]), pa.list_(pa.float32(), 2)),
    "arrow texts": _arrow(some_of(["a", "b"], [], None), pa.list_(pa.string())),
    "dicts": some_of({}, {"a": 1}),
    "frozensets": some_of(frozenset(), frozenset([1])),
    "arrays": some_of(np.ones(2), np.zeros(3)),
    "0-d arrays": some_of(np.array(2.0), np.array(3.0)),
    "mixed": some_of(1, "1", 1.0, None, True, b"1", (1,)),
    "text and None": with_missing(some_of("a", "b")),
    "numbers and None": with_missing(whole),
    "missing": some_of(*MISSING),
    "None": some_of(None),
    "NaT": some_of(pd.NaT),
    "Int64 with NA": with_null(whole, "Int64"),
    "UInt64 with NA": with_null(NUMBERS["uint64"], "UInt64"),
    "string": typed(some_of("a", "b"), "string"),
    "string with NA": with_null(some_of("a", "b"), "string"),
    "category": typed(some_of("a", "b"), "category"),
    "category of numbers": typed(with_null(whole, "Int64"), "category"),
    "Decimal": _decimals,
    "Decimal NaN": NUMBERS["Decimal NaN"],
    "Decimal sNaN": NUMBERS["Decimal sNaN"],
    "Fraction": NUMBERS["Fraction"],
    "complex": array_of(whole, complex),
    "dates": _dates("2020-01-01"),
    "dates and NaT": with_null(_dates("2020-01-01"), "datetime64[ns]"),
    "year 20000": _dates("20000-01-01", "s"),
    "date objects": some_of(dt.date(2020, 1, 1), dt.date.max, None),
    "time objects": some_of(dt.time(1), dt.time(2)),
    "timedelta": NUMBERS["timedelta"],
    "periods": lambda rng, n: pd.Series(
        pd.PeriodIndex.from_ordinals(whole(rng, n), freq="D")
    ),
    "intervals": some_of(pd.Interval(0, 1), pd.Interval(1, 2)),
    "arrow int": _arrow(some_of(2**62 + 1, None), pa.int64()),
    "arrow text": _arrow(some_of("a", None), pa.large_string()),
    "arrow list": _arrow(some_of([1], None), pa.list_(pa.int64())),
    "arrow dictionary": lambda rng, n: pd.Series(
        pd.arrays.ArrowExtensionArray(
            pa.array([str(v) for v in whole(rng, n)]).dictionary_encode()
        )
    ),
    "types": some_of(int, str),
}
CLOCKS = {
    "whole": lambda rng, n: rng.integers(10**6, size=n),
    "descending": lambda rng, n: np.arange(n)[::-1],
    "constant": filled(5),
    "negative": lambda rng, n: -rng.integers(10**6, size=n),
    "int64 ends": NUMBERS["int64 ends"],
    "uint64": NUMBERS["uint64"],
    "floats": seconds,
    "1e300": _spiked(1e300),
    "NaN": _spiked(np.nan),
    "inf": _spiked(np.inf),
    "float16": array_of(whole, np.float16),
    "beyond 2**64": IDS["beyond 2**64"],
    "10**400": NUMBERS["10**400"],
    "bool": array_of(whole, bool),
    "text": some_of("2020-01-01", "2020-01-02"),
    "None": some_of(None),
    "missing": some_of(*MISSING),
    "dates": _dates("2020-01-01"),
    "dates in us": _dates("2020-01-01", "us"),
    "dates in s": _dates("2020-01-01", "s"),
    "dates with a zone": lambda rng, n: _dates("2020-01-01")(rng, n).dt.tz_localize(
        "Europe/Paris"
    ),
    "dates and NaT": IDS["dates and NaT"],
    "NaT": typed(some_of(pd.NaT), "datetime64[ns]"),
    "year 20000": _dates("20000-01-01", "s"),
    "year -20000": _dates("-20000-01-01", "s"),
    "date objects": IDS["date objects"],
    "datetime objects": some_of(dt.datetime(2020, 1, 1), dt.datetime.max),
    "zones mixed": some_of(
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1)
    ),
    "Decimal": _decimals,
    "Decimal sNaN": NUMBERS["Decimal sNaN"],
    "Fraction": NUMBERS["Fraction"],
    "timedelta": NUMBERS["timedelta"],
    "periods": IDS["periods"],
    "complex": NUMBERS["complex"],
    "category": NUMBERS["category"],
    "Int64 with NA": NUMBERS["Int64 with NA"],
    "arrow timestamps": _arrow(
        some_of(dt.datetime(2020, 1, 1)), pa.timestamp("ms", tz="UTC")
    ),
}
COUNTS = {
    "0 or 1": lambda rng, n: whole(rng, n, 2),
    "zeros": filled(0),
    "ones": filled(1),
    "counts": whole,
    "bool": array_of(whole, bool),
    "fractions": seconds,
    "negative": some_of(0, -1),
    "bool and None": with_missing(array_of(whole, bool)),
    **{
        name: NUMBERS[name]
        for name in (
            *("NaN", "inf", "some 1e300", "subnormal", "text", "words", "Int64"),
            *("Int64 with NA", "boolean with NA", "Decimal", "category", "float16"),
            *("uint64", "10**400", "complex", "longdouble", "lists"),
        )
    },
}
