"""Scaling of heavy-tailed seconds onto [0, 1]."""


def scale(values, *, knee, maximum, share=0.2):
    """Scale values onto [0, 1] by two straight lines that meet at the knee.

    Values up to the knee (a high quantile) spread over ``[0, share]``, the tail beyond
    it over ``[share, 1]``, as CREAD [1]_ does for watch time: the map is continuous
    and monotone, and a few very large values do not squeeze the others together.

    Parameters
    ----------
    values : ndarray or tensor
        Nonnegative values, for example seconds.
    knee : float
        The value that is mapped to `share`.
    maximum : float
        The value from which on the result is 1; where it is the knee itself, the
        result jumps from `share` to 1 behind it.
    share : float, default=0.2
        The part of [0, 1] for values up to the knee.

    Returns
    -------
    ndarray or tensor of the shape of `values`
        The scaled values.

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
    return share * _ramp(values, 0, knee) + (1 - share) * _ramp(values, knee, maximum)


def _ramp(values, low, high):
    """Rise from 0 at `low` to 1 at `high`; a step behind `low` where they coincide."""
    if high <= low:
        return (values > low) + 0 * values  # of the same precision as the values
    return (values.clip(low, high) - low) / (high - low)
