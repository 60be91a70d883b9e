"""Parting a log by time."""

import datetime
from numbers import Real
from typing import Any, Literal

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklabelcraft._clock import DATES, time_on
from sklabelcraft._holdout import latest_rows
from sklabelcraft._reading import as_log
from sklabelcraft._stated import BEFORE, check_stated
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import typed
from sklabelcraft.columns import Columns

PART = [Real, *DATES]


@typed(
    validate_params(
        {
            "X": "no_validation",
            "by": [StrOptions({"user", "global"})],
            "valid": PART,
            "test": PART,
            "columns": [Columns, None],
        },
        prefer_skip_nested_validation=True,
    )
)
def split_by_time(
    X: LogLike,
    *,
    by: Literal["user", "global"] = "user",
    valid: float | str | datetime.date = 0.25,
    test: float | str | datetime.date = 0.25,
    columns: Columns | None = None,
) -> Bunch:
    """Part a log by time: the latest rows for test, those before for validation.

    A cross-validation that mixes times would train on the future, and one that parts
    users would test on users never seen. By user, each gives the latest of his rows:
    all users are in all parts, which overlap in time. A global cut is the same moment
    for all, as when a model is trained on some days and serves the next: users who come
    later are new, and of others there may be no row to test on.

    Parameters
    ----------
    X : data frame or array of shape (n, n_columns)
        Impressions, or the whole log.
    by : {"user", "global"}, default="user"
        Whether the rows of each user are parted, or all rows at the same times.
    valid, test : float, str or date, default=0.25
        A number from 0 to below 1 is a share of each user's rows, rounded; with a
        global cut, of all rows, as nearly as can be with the rows of each time in one
        part, and those of one time at least. With a global cut, anything else is the
        time at which the part begins, as the clock has them: a date, also as text such
        as "2022-05-01", or a number.
    columns : Columns, default=None
        Names or positions of user and timestamp; None for the usual names. Without a
        timestamp, the order of a user's rows counts; a global cut needs one.

    Returns
    -------
    Bunch
        Row positions ``train``, ``valid`` and ``test``, as ``compare_labelers`` takes
        them, for example.

    Raises
    ------
    ValueError
        If nothing is left to train on, a part that begins at a time has no row, or the
        time is of another kind than the clock.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import split_by_time
    >>> X = pd.DataFrame({"user_id": list("abaaba"), "timestamp": [4, 1, 3, 1, 2, 2]})
    >>> parts = split_by_time(X, valid=0.25, test=0.25)
    >>> parts.train, parts.valid, parts.test
    (array([1, 3, 5]), array([2]), array([0, 4]))
    >>> parts = split_by_time(X, by="global", valid=2, test=4)
    >>> parts.train, parts.valid, parts.test
    (array([1, 3]), array([2, 4, 5]), array([0]))
    """
    parts: Any = valid, test
    shares = [part for part in parts if _is_share(part)]
    if sum(shares) >= 1:
        raise ValueError(
            f"valid={valid} and test={test} leave nothing to train on: their sum must "
            "be below 1."
        )
    log, columns = as_log(X), Columns() if columns is None else columns
    check_stated(columns, log, BEFORE)
    if by == "global":
        held, tested = _by_clock(log, columns, valid, test)
    else:
        _check_shares(valid=valid, test=test)
        tested = latest_rows(log, columns, test)
        held = latest_rows(log, columns, sum(shares))
    if held.all():
        raise ValueError(
            f"valid={valid!r} and test={test!r} leave none of the {len(log)} rows to "
            "train on."
        )
    return Bunch(
        train=np.flatnonzero(~held),
        valid=np.flatnonzero(held & ~tested),
        test=np.flatnonzero(tested),
    )


def _is_share(part):
    return isinstance(part, Real) and 0 <= part < 1


def _check_shares(**parts):
    for name, part in parts.items():
        if not _is_share(part):
            raise ValueError(
                f"{name} must be a share of each user's rows, from 0 to below 1, got "
                f"{part!r}; a time is for by='global'."
            )


def _by_clock(log, columns, valid, test):
    """Which rows are held out, and which of them tested, by the same times for all."""
    if columns.timestamp is None:
        raise ValueError("by='global' needs Columns(timestamp=...), got None.")
    clock = log.clock(columns.timestamp)
    ordered = np.sort(clock.times)
    tested_from = _begin(clock, ordered, len(ordered), test, "test")
    held_from = _begin(clock, ordered, tested_from, valid, "valid")
    earlier = np.searchsorted(ordered, clock.times)
    return earlier >= held_from, earlier >= tested_from


def _begin(clock, ordered, end, part, name):
    """How many rows are before a part that ends before the row `end` in time."""
    if _is_share(part):
        return _begin_of_share(ordered, end, part)
    begin = int((clock.times < time_on(clock, part, name)).sum())
    if begin >= end:
        later = "the part that follows" if name == "valid" else "the end of the log"
        raise ValueError(f"{name}={part!r}: no row lies between that and {later}.")
    return begin


def _begin_of_share(ordered, end, share):
    """The same of a share of all rows, at least those of one time, but for 0."""
    if share == 0 or end == 0:
        return end
    wanted = end - int(np.floor(share * len(ordered) + 0.5))
    time = ordered[np.clip(wanted, 0, end - 1)]
    first = int(np.searchsorted(ordered, time, "left"))
    last = int(np.searchsorted(ordered, time, "right"))
    return last if last < end and last - wanted < wanted - first else first
