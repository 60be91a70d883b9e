"""Values as float64, and what is no number told by its row."""

import numpy as np

from sklabelcraft._ids import is_missing, none_where
from sklabelcraft._numbers import read_array

NOT_REAL = complex, np.complexfloating, np.datetime64, np.timedelta64
NO_NUMBERS = *NOT_REAL, np.flexible


def as_floats(values, name):
    """An array of float64 from whatever numpy can read as such, missing ones as NaN."""
    array = read_array(values, name, ValueError)
    is_object = array.dtype == object
    if array.dtype.kind in "cmM" or (is_object and _has_others(array)):
        kind = "dates, times or complex ones" if is_object else array.dtype
        raise ValueError(f"{name} must be an array of real numbers, got {kind}.")
    array = none_where(is_missing, array) if is_object else array
    return read_array(array, name, ValueError, dtype=np.float64)


def _has_others(array):
    return any(isinstance(value, NOT_REAL) for value in array.flat)


def as_column(values, name):
    """The same as one column, (n,)."""
    floats = as_floats(values, name)
    if floats.ndim == 2 and floats.shape[1] == 1:
        return floats[:, 0]
    if floats.ndim != 1:
        raise ValueError(f"{name} must be one column, got shape {floats.shape}.")
    return floats


def floats_of(values, dtype, key, row_of):
    """Values of Python as float64, missing ones as NaN; what is no number is told."""
    for row, value in enumerate(values):
        if not _is_number(value):
            raise ValueError(
                f"column {key!r} must hold numbers, got {dtype} such as {value!r} in "
                f"row {row_of(row)}."
            )
    return np.array([nearest_float(value) for value in values], dtype=float)


def _is_number(value):
    if is_missing(value):
        return True
    if not hasattr(value, "__float__") or isinstance(value, NO_NUMBERS):
        return False
    if hasattr(value, "__array__") and not isinstance(value, np.generic | np.ndarray):
        return False  # such as a tensor, whose number may be on no device
    return np.ndim(value) == 0


def nearest_float(value):
    """A number as a float, a missing one as NaN, one beyond float64 as infinite."""
    if is_missing(value):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def finite(values, name, minimum=-np.inf, row_of=str, missing=False):
    """Check that no value of shape (n,) is infinite, too low or else missing."""
    wrong = ~(np.isfinite(values) & (values >= minimum))
    if missing:
        wrong &= ~np.isnan(values)
    if wrong.any():
        first = values[wrong][0]
        what = "Negative values in data" if first < minimum else "Not finite"
        what = "Missing (NaN)" if np.isnan(first) else what
        wanted = "finite" if minimum == -np.inf else f"finite and >= {minimum}"
        raise ValueError(
            f"{what}: {name} must be {wanted}; {wrong.sum()} of {len(values)} rows "
            f"are not, the first is row {row_of(wrong.argmax())}: {first}."
        )
    return values
