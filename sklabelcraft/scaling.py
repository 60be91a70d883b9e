"""Scaling of heavy-tailed seconds onto [0, 1]."""

from typing import Any

import numpy as np
import torch

from sklabelcraft._numbers import as_array, as_tensor, real
from sklabelcraft._typing import NumbersLike


def scale(
    values: NumbersLike, *, knee: float, maximum: float, share: float = 0.2
) -> Any:
    """Scale values onto [0, 1] by two straight lines that meet at the knee.

    Values up to the knee (a high quantile) spread over ``[0, share]``, the tail beyond
    it over ``[share, 1]``, as CREAD [1]_ does for watch time: the map is continuous
    and monotone, and a few very large values do not squeeze the others together.

    Parameters
    ----------
    values : array-like or tensor
        Nonnegative values, for example seconds; what is below 0 counts as 0, and NaN
        stays NaN.
    knee : float
        The value that is mapped to `share`, at least 0.
    maximum : float
        The value from which on the result is 1, at least the knee; where it is the knee
        itself, the result jumps from `share` to 1 behind it.
    share : float, default=0.2
        The part of [0, 1] for values up to the knee.

    Returns
    -------
    ndarray or tensor of the shape of `values`
        The scaled values, a tensor where the values are one, and of their precision,
        float64 for whole numbers.

    Raises
    ------
    TypeError
        If the values are not real numbers.
    ValueError
        If `knee`, `maximum` or `share` is out of its bounds, or the precision of the
        values cannot hold it.

    References
    ----------
    .. [1] Sun et al., "CREAD: A Classification-Restoration Framework with Error
       Adaptive Discretization for Watch Time Prediction", AAAI 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelcraft import scale
    >>> scale(np.array([0.0, 25.0, 50.0, 425.0, 800.0]), knee=50, maximum=800)
    array([0. , 0.1, 0.2, 0.6, 1. ])
    """
    numbers = _floating(values)
    largest = float(_library(numbers).finfo(numbers.dtype).max)
    knee = real(knee, "knee", 0, largest)
    maximum = real(maximum, "maximum", knee, largest)
    share = real(share, "share", 0, 1)
    knee, maximum = (_rounded(number, numbers) for number in (knee, maximum))
    return two_lines(numbers, knee=knee, maximum=maximum, share=share)


def two_lines(values, *, knee, maximum, share=0.2):
    """The same of what has the operators of an array, without a check."""
    return share * ramp(values, 0, knee) + (1 - share) * ramp(values, knee, maximum)


def two_lines_back(scaled, *, knee, maximum, share):
    """The lowest values that :func:`two_lines` maps to these."""
    return knee * ramp(scaled, 0, share) + (maximum - knee) * ramp(scaled, share, 1)


def _floating(values):
    """Values as an array or a tensor of floating-point numbers."""
    if torch.is_tensor(values):
        values = as_tensor(values, "values")
        return values if values.is_floating_point() else values.double()
    values = as_array(values, "values")
    return values if values.dtype.kind == "f" else values.astype(np.float64)


def _library(values):
    return torch if torch.is_tensor(values) else np


def _rounded(number, values):
    """A number in the precision of the values."""
    return float(_library(values).asarray(number, dtype=values.dtype, device="cpu"))


def ramp(values, low, high):
    """Rise from 0 at `low` to 1 at `high`; a step behind `low` where they coincide."""
    if high <= low:
        return (values > low) + 0 * values.clip(low, low)  # in their precision
    return (values.clip(low, high) - low) / (high - low)
