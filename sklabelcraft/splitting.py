"""Parting a log by time."""

from numbers import Real

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from sklabelcraft._holdout import latest_rows
from sklabelcraft._reading import as_log
from sklabelcraft._stated import BEFORE, check_stated
from sklabelcraft.columns import Columns

PART = Interval(Real, 0, 1, closed="left")


@validate_params(
    {
        "X": "no_validation",
        "valid": [PART],
        "test": [PART],
        "columns": [Columns, None],
    },
    prefer_skip_nested_validation=True,
)
def split_by_time(X, *, valid=0.25, test=0.25, columns=None):
    """Part each user's rows by time: the latest for test, those before for validation.

    A cross-validation that mixes times would train on the future, and one that parts
    users would test on users never seen.

    Parameters
    ----------
    X : data frame or array of shape (n, n_columns)
        Impressions, or the whole log.
    valid, test : float, default=0.25
        Shares of each user's rows, rounded.
    columns : Columns, default=None
        Names or positions of user and timestamp; None for the usual names. Without a
        timestamp, the order of the rows counts.

    Returns
    -------
    Bunch
        Row positions ``train``, ``valid`` and ``test``, as ``compare_labelers`` takes
        them, for example.

    Raises
    ------
    ValueError
        If nothing is left to train on.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import split_by_time
    >>> X = pd.DataFrame({"user_id": list("abaaba"), "timestamp": [4, 1, 3, 1, 2, 2]})
    >>> parts = split_by_time(X, valid=0.25, test=0.25)
    >>> parts.train, parts.valid, parts.test
    (array([1, 3, 5]), array([2]), array([0, 4]))
    """
    if valid + test >= 1:
        raise ValueError(
            f"valid={valid} and test={test} leave nothing to train on: their sum must "
            "be below 1."
        )
    log, columns = as_log(X), Columns() if columns is None else columns
    check_stated(columns, log, BEFORE)
    tested = latest_rows(log, columns, test)
    held = latest_rows(log, columns, valid + test)
    return Bunch(
        train=np.flatnonzero(~held),
        valid=np.flatnonzero(held & ~tested),
        test=np.flatnonzero(tested),
    )
