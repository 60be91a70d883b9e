"""What is known of explicit feedback, of which some may be missing."""

import warnings

import numpy as np


def any_positive(signals, n):
    """Whether any signal of a row is above 0: 1, 0, or NaN where that is not known.

    Parameters
    ----------
    signals : iterable of ndarray of shape (n,)
        Explicit feedback, none below 0; what is missing is NaN.
    n : int
        Number of rows.

    Returns
    -------
    float64 ndarray of shape (n,)
        NaN where no signal is above 0 and one is missing.
    """
    positive, missing = np.zeros((2, n), dtype=bool)
    for signal in signals:
        positive |= signal > 0
        missing |= np.isnan(signal)
    return np.where(missing & ~positive, np.nan, positive.astype(np.float64))


def warn_of_unknown(n_unknown, n_rows, what, stacklevel=2):
    """Warn how many rows have explicit feedback that is not known, if any has.

    Parameters
    ----------
    n_unknown, n_rows : int
        Number of these rows, and of all.
    what : str
        What is done with them.
    stacklevel : int, default=2
        Of who calls, as ``warnings.warn`` counts.
    """
    if n_unknown:
        warnings.warn(
            f"the explicit feedback of {n_unknown} of {n_rows} rows is not known, as "
            f"some is missing and none is above 0: {what}.",
            stacklevel=stacklevel + 1,
        )
