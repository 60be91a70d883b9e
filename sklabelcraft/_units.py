"""Whether the times of a log are seconds, told once in the outermost fit."""

import warnings
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

FEWEST = 100  # rows that say anything
LONGEST = 3600  # seconds, of the median duration of short videos
REPLAYS = 5  # durations that few rows are watched for
_looked = ContextVar("looked", default=None)  # of a fit: those that have looked


@contextmanager
def looked_at_once():
    """Within, let only the first look at the units of times."""
    token = _looked.set([]) if _looked.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _looked.reset(token)


def warn_of_units(log, columns):
    """Warn where the times of a log look like another unit than seconds.

    Parameters
    ----------
    log : Log or StoredLog
        Of a stored log, its first part is looked at.
    columns : Columns
        Names of the columns, of which those that are not there are left out.
    """
    looked = _looked.get()
    if looked:
        return
    if looked is not None:
        looked.append(log)
    told = _found(log, columns)
    if told:
        warnings.warn(
            f"{told}: watch time and duration must be in seconds. If they are in "
            "milliseconds, divide them by 1000.",
            stacklevel=2,
        )


def _found(log, columns):
    """What is unlike seconds in a log, as text; none if nothing is."""
    part = next(log.parts([columns.duration, columns.watch_time]))
    if columns.duration not in part or len(part) < FEWEST:
        return ""
    duration = part.numeric(columns.duration, minimum=0)
    median = np.median(duration)
    if median > LONGEST:
        return (
            f"the median of the duration {columns.duration!r} is {median:.6g}, more "
            f"than an hour"
        )
    if columns.watch_time not in part:
        return ""
    watched = part.numeric(columns.watch_time, minimum=0)
    share = ((duration > 0) & (watched / REPLAYS > duration)).mean()
    if share > 1 / 2:
        return (
            f"in {share:.0%} of the rows the watch time {columns.watch_time!r} is more "
            f"than {REPLAYS} times the duration {columns.duration!r}"
        )
    return ""
