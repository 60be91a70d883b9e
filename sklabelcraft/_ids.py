"""Ids as they are: whole numbers exactly, text as text, a missing one as one more."""

from datetime import date, datetime
from decimal import Decimal
from numbers import Integral
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray
from pandas.api.types import infer_dtype

LARGEST = float(np.finfo(np.float64).max)
NUMBERS, TEXT, OTHER = "numbers", "text", "values of several kinds"
DATES, DAYS = "dates", "days"
WITH_ZONE, WITHOUT_ZONE = "dates with a time zone", "dates without a time zone"
KINDS = {
    "integer": NUMBERS,
    "floating": NUMBERS,
    "mixed-integer-float": NUMBERS,
    "boolean": NUMBERS,
    "decimal": NUMBERS,
    "string": TEXT,
    "datetime": DATES,
    "datetime64": DATES,
    "date": DATES,
}


class Ids(NamedTuple):
    """A column of values that serve as keys.

    Attributes
    ----------
    kind : str or None
        What they are; None if all are missing.
    values : ndarray of shape (n,)
        Integers where all are whole, else floats or objects; anything where missing.
    missing : bool ndarray of shape (n,)
        Which are missing; they are one more value.
    """

    kind: str | None
    values: np.ndarray
    missing: np.ndarray

    def factorize(self):
        """Codes by first appearance, missing ones last, and the distinct values."""
        codes = np.empty(len(self.values), dtype=np.int64)
        codes[~self.missing], distinct = factorize(self.values[~self.missing])
        codes[self.missing] = len(distinct)
        return codes, distinct

    def codes(self):
        """Codes by first appearance, of which missing ones have one too."""
        codes, _ = self.factorize()
        return factorize(codes)[0] if self.missing.any() else codes

    def names(self):
        """The distinct values by first appearance, NaN for the missing one."""
        codes, distinct = self.factorize()
        names = np.append(distinct.astype(object), np.nan)
        return names[pd.unique(codes)] if self.missing.any() else distinct


def factorize(values):
    """Codes and distinct values of an array without missing ones."""
    codes, distinct = pd.factorize(values, use_na_sentinel=False)
    return codes, np.asarray(distinct)


def read_ids(values, name="ids", row_of=str):
    """Read a series, an array or a sequence of ids.

    Parameters
    ----------
    values : series, array or sequence
        The ids.
    name : str, default="ids"
        What errors call them.
    row_of : callable, default=str
        Maps the position of an id to the row that an error names.

    Raises
    ------
    ValueError
        If they cannot be keys.
    """
    if isinstance(values, pd.Index | ExtensionArray):
        values = pd.Series(values)
    if isinstance(values, nw.Series) or nw.dependencies.is_into_series(values):
        ids = _of_series(nw.from_native(values, series_only=True), name)
    elif hasattr(values, "__array__") and not hasattr(values, "to_pylist"):
        ids = _of_array(_as_array(values, name))
    else:
        ids = _of_objects(_as_objects(values))
    if ids.values.ndim != 1:
        raise ValueError(f"{name} must be one column, got shape {ids.values.shape}.")
    if ids.kind == OTHER:
        _check_keys(ids, name, row_of)
    return ids


def _check_keys(ids, name, row_of):
    """Check that values can be found again: tensors are equal to themselves alone."""
    wanted = f"{name} must hold values that can be keys, such as text or whole numbers"
    for row in np.flatnonzero(~ids.missing):
        value = ids.values[row]
        if hasattr(value, "__array__") and not isinstance(value, np.generic):
            raise ValueError(f"{wanted}, got {value!r} in row {row_of(row)}.")
    try:
        factorize(ids.values[~ids.missing])
    except TypeError as error:
        raise ValueError(f"{wanted}: {error}.") from error


def _as_array(values, name):
    try:
        return np.asarray(values)
    except (RuntimeError, TypeError) as error:  # of a tensor that cannot be one
        raise ValueError(f"{name} must be one column of values: {error}.") from error


def _as_objects(values):
    values = values.to_pylist() if hasattr(values, "to_pylist") else list(values)
    return np.fromiter(values, dtype=object, count=len(values))


def listed(series, name):
    """The values of a series as Python has them, a list."""
    try:
        return series.to_list()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} must hold values that Python has, such as dates of the years 1 to "
            f"9999, got {series.dtype} beyond them: {error}."
        ) from error


def _of_series(series, name):
    if series.dtype == nw.Boolean:
        series = series.cast(nw.Int64)
    dtype = series.dtype
    if dtype.is_integer() and dtype not in (nw.Int128, nw.UInt128):
        missing = series.is_null().to_numpy()
        values = (series.fill_null(0) if missing.any() else series).to_numpy()
        return Ids(NUMBERS, _integers(values), missing.astype(bool))
    if dtype.is_float():
        return _of_floats(as_float64(series.to_numpy()))
    if dtype == nw.String:
        return _of_text(np.asarray(series.to_numpy(), dtype=object))
    return _of_objects(_as_objects(listed(series, name)))


def _of_array(values):
    if values.dtype.kind in "iub":
        missing = np.zeros(values.shape, dtype=bool)
        return Ids(NUMBERS, _integers(values), missing)
    if values.dtype.kind == "f":
        return _of_floats(as_float64(values))
    return _of_objects(values.astype(object))


def as_float64(values):
    """An array of numbers as float64, those beyond it as infinite."""
    with np.errstate(over="ignore"):
        return values.astype(np.float64)


def _integers(values):
    """Whole numbers as int64, as uint64 where some are beyond that."""
    if values.dtype == np.uint64 and len(values) and values.max() > 2**63 - 1:
        return values
    return values.astype(np.int64)


def _of_floats(values):
    """Floats, as integers where all of them are whole."""
    missing = np.isnan(values)
    there = values[~missing]
    if len(there) == 0:
        return Ids(None, np.zeros(values.shape), missing)
    if (np.abs(there) < 2.0**63).all() and (there == np.floor(there)).all():
        return Ids(NUMBERS, np.where(missing, 0, values).astype(np.int64), missing)
    return Ids(NUMBERS, values, missing)


def _of_text(values):
    values = _of_python(values)
    missing = pd.isna(values)
    return Ids(None if missing.all() and len(values) else TEXT, values, missing)


def _of_objects(values):
    if values.ndim != 1:
        return Ids(OTHER, values, np.zeros(values.shape, dtype=bool))
    values = _of_python(values)
    missing = np.array([is_missing(value) for value in values], dtype=bool)
    there = values[~missing]
    if len(there) == 0:
        return Ids(None, values, missing)
    kind = KINDS.get(infer_dtype(there, skipna=False), OTHER)
    if kind == NUMBERS:
        return _of_numbers(values, there, missing)
    if kind == DATES:
        kind = _kind_of_dates(there)
    return Ids(kind, values, missing)


def _kind_of_dates(values):
    """The kind of dates; of several kinds of them, that of anything else."""
    kinds = {_kind_of_date(value) for value in values}
    return kinds.pop() if len(kinds) == 1 else OTHER


def _kind_of_date(value):
    if isinstance(value, date) and not isinstance(value, datetime):
        return DAYS
    zone = getattr(value, "tzinfo", None)
    return WITHOUT_ZONE if zone is None else WITH_ZONE


def _of_python(values):
    """Objects, of which scalars of numpy become those of Python or pandas."""
    if not any(issubclass(kind, np.generic) for kind in set(map(type, values))):
        return values
    return np.fromiter(map(_scalar, values), dtype=object, count=len(values))


def _scalar(value):
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    known = isinstance(value, np.generic) and not isinstance(value, np.timedelta64)
    return value.item() if known else value


def is_missing(value):
    """Whether a value of Python is a missing one."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, Decimal):  # of which some cannot be compared
        return value.is_nan()
    if getattr(value, "is_valid", True) is False:  # a scalar of pyarrow
        return True
    return isinstance(value, float | complex | np.generic) and bool(value != value)


def is_na(value):
    """Whether a value is the missing one of pandas, which numpy does not know."""
    return value is pd.NA


def none_where(absent, array):
    """An array of objects with None for each value of which `absent` is true."""
    found = np.array([absent(value) for value in array.flat], dtype=bool)
    return np.where(found.reshape(array.shape), None, array) if found.any() else array


def _of_numbers(values, there, missing):
    """Numbers of Python, as integers where all of them are whole."""
    whole = [int(value) for value in there if _is_whole(value)]
    if len(whole) < len(there):
        if any(abs(value) > LARGEST or value != float(value) for value in whole):
            return Ids(NUMBERS, values, missing)
        return Ids(NUMBERS, as_float64(np.where(missing, np.nan, values)), missing)
    low, high = min(whole), max(whole)
    dtype = np.int64 if low >= -(2**63) and high < 2**63 else object
    dtype = np.uint64 if low >= 0 and 2**63 <= high < 2**64 else dtype
    integers = np.zeros(len(values), dtype=dtype)
    integers[~missing] = np.array(whole, dtype=dtype)
    return Ids(NUMBERS, integers, missing)


def _is_whole(value):
    if isinstance(value, Integral):
        return True
    return abs(float(value)) <= LARGEST and value == int(value)
