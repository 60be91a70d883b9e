"""Numbers as they are given: read, checked, and summed without overflow."""

from math import inf, isfinite, nan
from numbers import Integral, Real

import numpy as np
import torch


def as_array(values, name):
    """An array of real numbers that torch can share, copied only where it cannot."""
    array = read_array(values, name, TypeError)
    if array.dtype.kind not in "buif" or isinstance(values, np.ma.MaskedArray):
        kind = type(values).__name__
        raise TypeError(
            f"{name} must be a plain array of real numbers, got {kind} of dtype "
            f"{array.dtype}."
        )
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            array = array.astype(np.float64)
    native = np.dtype(array.dtype.str).newbyteorder("=")  # a size has several names
    array = np.require(array, native, ["C", "A", "W"])
    return array if min(array.strides, default=0) >= 0 else array.copy()


def as_tensor(values, name):
    """A dense tensor of real numbers, from a tensor or from what numpy can read."""
    if not torch.is_tensor(values):
        return torch.from_numpy(as_array(values, name))
    faults = {
        "complex": values.is_complex(),
        "sparse": values.layout != torch.strided,
        "nested": values.is_nested,
        "quantized": values.is_quantized,
        "on the meta device": values.is_meta,
    }
    found = [fault for fault, is_there in faults.items() if is_there]
    if found:
        raise TypeError(
            f"{name} must be a dense tensor of real numbers, got one of dtype "
            f"{values.dtype} that is {' and '.join(found)}."
        )
    return values


def read_array(values, name, error_type, dtype=None):
    """An array of whatever numpy can read; else an error of this type with the name."""
    try:
        with np.errstate(over="ignore"):  # what is beyond a float is infinite
            return np.asarray(values, dtype=dtype)
    except Exception as error:  # whatever a container raises that is no array
        raise error_type(
            f"{name} must be an array of real numbers: {error}."
        ) from error


def real(value, name, low=-inf, high=inf):
    """A finite number within bounds, as a float."""
    number = value.item() if getattr(value, "ndim", None) == 0 else value
    is_number = isinstance(number, Real) and not isinstance(number, bool)
    number = _float(number) if is_number else nan
    if not isfinite(number) or not low <= number <= high:
        bounds = "" if (low, high) == (-inf, inf) else f" from {low:g} to {high:g}"
        raise ValueError(f"{name} must be a finite number{bounds}, got {value!r}.")
    return number


def is_length(value):
    """Whether a value is a whole number of at least 1, no truth value or time."""
    is_other = isinstance(value, bool | np.timedelta64)
    is_whole = isinstance(value, Integral) and not is_other
    return is_whole and value >= 1


def _float(number):
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def power_of_two(values):
    """The largest powers of two that are no larger, elementwise; of 0, 1/2.

    Divided by them, numbers keep all their digits and have sums and squares within the
    range of floats.
    """
    return np.ldexp(1.0, np.frexp(values)[1] - 1)


def mean(values):
    """The mean of an array, also where the sum would be beyond the largest float."""
    unit = power_of_two(np.abs(values).max())
    return float((values / unit).mean() * unit)
