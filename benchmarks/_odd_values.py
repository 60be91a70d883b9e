"""Odd values, containers and shapes to be fuzzed with: all drawn from one generator."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import scipy.sparse
import torch

NUMBERS = [
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-320, 1e-300, -1e-300, 1e300, -1e300),
    *(1.7e308, -1.7e308, 1e39, 1e-40, 0.5, 1, 2, 3, -1, -3, 1e9, 2**31, 2**63 - 1),
    *(2**63, -(2**63), 2**64, 10**30, 10**400, -(10**400), True, False),
]
ODDITIES = [
    *(None, pd.NA, pd.NaT, "", "1", "abc", b"1", 1j, complex("nan"), object, [], [1.0]),
    *((), {}, Decimal("NaN"), Decimal("1e400"), Decimal(1), Fraction(1, 3)),
    *(np.float16(1), np.longdouble("1e400"), np.longdouble(1), np.bool_(True)),
    *(np.int8(-1), np.uint64(2**64 - 1), np.datetime64("NaT"), datetime(2020, 1, 1)),
    *(np.datetime64("2020-01-01"), np.timedelta64(1, "s"), np.str_("1")),
    *(np.array(2.0), np.array([2.0]), torch.tensor(2.0), torch.tensor([1, 2])),
]
CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "array": np.asarray,
    "objects": lambda v: np.array([*v, None], dtype=object)[:-1],
    "float16": lambda v: _floats(v).astype(np.float16),
    "float32": lambda v: _floats(v).astype(np.float32),
    "longdouble": lambda v: _floats(v).astype(np.longdouble),
    "int8": lambda v: _floats(v).astype(np.int8),
    "uint64": lambda v: _floats(v).astype(np.uint64),
    "bool": lambda v: _floats(v).astype(bool),
    "complex": lambda v: _floats(v).astype(complex),
    "text": lambda v: np.array([str(x) for x in v]),
    "big endian": lambda v: _floats(v).astype(">f8"),
    "backwards": lambda v: _floats(v)[::-1].copy()[::-1],
    "dates": lambda v: _floats(v).astype("M8[s]"),
    "spans": lambda v: _floats(v).astype("m8[s]"),
    "masked": lambda v: np.ma.masked_array(_floats(v), np.arange(len(v)) % 2),
    "records": lambda v: _floats(v).view([("value", float)]),
    "series": pd.Series,
    "nullable": lambda v: pd.Series(v, dtype="Float64"),
    "category": lambda v: pd.Series(v).astype("category"),
    "indexed": lambda v: pd.Series(v, index=[7] * len(v)),
    "index": pd.Index,
    "frame": lambda v: pd.DataFrame({"value": v}),
    "arrow series": lambda v: pd.Series(_without_dates(v), dtype="float64[pyarrow]"),
    "polars": lambda v: pl.Series(_without_decimals(v)),
    "polars int": lambda v: pl.Series(_floats(v)).cast(pl.Int128, strict=False),
    "polars decimal": lambda v: pl.Series(_floats(v)).cast(
        pl.Decimal(38, 3), strict=False
    ),
    "pyarrow": lambda v: pa.array(_without_dates(v)),
    "chunks": lambda v: pa.chunked_array([_without_dates(v), []]),
    "tensor": lambda v: torch.tensor(_floats(v)),
    "bfloat16": lambda v: torch.tensor(_floats(v)).bfloat16(),
    "half tensor": lambda v: torch.tensor(_floats(v)).half(),
    "float tensor": lambda v: torch.tensor(_floats(v)).float(),
    "int tensor": lambda v: torch.tensor(_floats(v)).long(),
    "bool tensor": lambda v: torch.tensor(_floats(v)).bool(),
    "complex tensor": lambda v: torch.tensor(_floats(v)).cfloat(),
    "grad": lambda v: torch.tensor(_floats(v)).requires_grad_(),
    "meta": lambda v: torch.tensor(_floats(v)).to("meta"),
    "sparse": lambda v: torch.tensor(_floats(v)).to_sparse(),
    "scipy sparse": lambda v: scipy.sparse.csr_array(_floats(v)[None]),
    "matrix": lambda v: _floats(v)[:, None],
    "row": lambda v: _floats(v)[None],
    "cube": lambda v: _floats(v)[None, None],
    "ragged": lambda v: [[x] * i for i, x in enumerate(v)],
    "set": lambda v: set(map(str, v)),
    "dict": lambda v: dict(enumerate(v)),
    "generator": iter,
    "range": lambda v: range(len(v)),
    "bytes": lambda v: bytes(len(v)),
    "memory": lambda v: memoryview(_floats(v)),
    "read-only": lambda v: _read_only(_floats(v)),
    "one number": lambda v: v[0] if len(v) else 0.0,
}
USUAL = ["list", "array", "series", "polars", "tensor", "float tensor", "objects"]


def _floats(values):
    return np.array([float(value) for value in values])


def _without_decimals(values):
    """Which polars dies of beside others."""
    return [None if isinstance(x, Decimal) else x for x in values]


def _without_dates(values):
    """NumPy's, which pyarrow dies of beside its other numbers."""
    return [None if isinstance(x, np.datetime64) else x for x in values]


def _read_only(values):
    values.flags.writeable = False
    return values


def choose(rng, values):
    """One of a list, whatever its entries are."""
    return values[int(rng.integers(len(values)))]


def often(rng, share):
    """Whether to, in that share of the cases."""
    return rng.random() < share


def odd_number(rng):
    """A number from beyond the usual, or what is none."""
    return choose(rng, NUMBERS if often(rng, 0.7) else ODDITIES)


def spoiled(rng, values, share=0.5):
    """Values as a list, in some cases a few of them replaced by odd ones."""
    values = list(values)
    if values and often(rng, share):
        for _ in range(rng.integers(1, 4)):
            values[int(rng.integers(len(values)))] = odd_number(rng)
    return values


def contained(rng, values):
    """Values in some container, and its name; a list where it cannot hold them."""
    name = choose(rng, USUAL if often(rng, 0.8) else list(CONTAINERS))
    try:
        with np.errstate(all="ignore"):
            return CONTAINERS[name](values), name
    except Exception:  # this container has no such values
        return values, "list"


def framed(rng, columns):
    """Columns as a frame of some library, of pandas where that cannot hold them."""
    make = choose(rng, [pd.DataFrame, pl.DataFrame, pa.table])
    endured = {pl.DataFrame: _without_decimals, pa.table: _without_dates}.get(
        make, list
    )
    given = {
        name: endured(values) if _mixed(values) else values
        for name, values in columns.items()
    }
    try:
        return make(given)
    except Exception:  # this library has no such columns
        n = max(len(list(_iterable(values))) for values in columns.values())
        return pd.DataFrame(
            {name: _objects(values, n) for name, values in columns.items()}
        )


def _mixed(values):
    """Whether values may be of several kinds."""
    return str(getattr(values, "dtype", "object")) in ("object", "category")


def _iterable(values):
    return values if getattr(values, "ndim", np.iterable(values)) else [values]


def _objects(values, n):
    """Values, repeated or cut to n, as an array of objects."""
    values = list(_iterable(values)) or [None]
    objects = np.empty(n, dtype=object)
    for i in range(n):
        objects[i] = values[i % len(values)]
    return objects


def numbers(rng, n, lowest=0.0):
    """Usual numbers of many kinds: spread, tied, all equal, huge, tiny or whole."""
    draw = choose(
        rng,
        [
            lambda: rng.normal(size=n) * 10,
            lambda: rng.exponential(30, size=n),
            lambda: rng.integers(0, 3, size=n).astype(float),
            lambda: np.full(n, choose(rng, [0.0, 1.0, 1e300, 1.7e308, 1e-320])),
            lambda: rng.exponential(size=n) * choose(rng, [1e300, 1e307, 1e-310, 1e20]),
            lambda: np.where(rng.random(n) < 0.5, 1e-320, 1.7e308),
            lambda: rng.permutation(n).astype(float),
        ],
    )
    return np.maximum(draw(), lowest).tolist()


def column(rng, n, *, lowest=0.0, share=0.5):
    """A column of numbers in some container, some of them odd; and what it is."""
    n = n if often(rng, 0.98) else max(0, n + int(rng.integers(-2, 3)))
    values, name = contained(rng, spoiled(rng, numbers(rng, n, lowest), share))
    return values, name


def plain(values):
    """Values as an array of floats that nothing warns of."""
    if torch.is_tensor(values):
        return values.detach().double().numpy()
    with np.errstate(all="ignore"):
        return np.array(values, dtype=float)


def brief(arguments):
    """The arguments of a case in a line."""
    texts = (f"{name}={_shown(value)}" for name, value in arguments.items())
    return ", ".join(texts)


def _shown(value):
    try:
        text = " ".join(repr(value).split())
    except Exception as error:
        text = type(error).__name__
    return f"{type(value).__name__}:{text[:160]}"
