"""Clocks: what orders the rows of a log in time, exactly."""

from typing import NamedTuple

import narwhals as nw
import numpy as np

NANOSECONDS = {"us": 1000, "ns": 1}


class Clock(NamedTuple):
    """Numbers that order the rows of a log.

    Attributes
    ----------
    kind : str
        What they were read from; only clocks of one kind can be compared.
    times : ndarray of shape (n,)
        Integers (of a date, its nanoseconds) or floats.
    """

    kind: str
    times: np.ndarray


def clock_of_dates(series, key, row_of):
    """Dates as nanoseconds, which keep their order."""
    if series.null_count():
        row = row_of(series.is_null().to_numpy().argmax())
        raise ValueError(f"column {key!r} must hold dates, row {row} has none.")
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    unit = "ns" if series.dtype.time_unit == "ns" else "us"
    times = series.dt.timestamp(unit).to_numpy().astype(np.int64)
    factor = NANOSECONDS[unit]
    beyond = np.abs(times) > (2**63 - 1) // factor
    if beyond.any():
        raise ValueError(
            f"column {key!r} must hold dates of the years 1678 to 2262, row "
            f"{row_of(beyond.argmax())} does not."
        )
    aware = series.dtype.time_zone is not None
    kind = "dates with a time zone" if aware else "dates without a time zone"
    return Clock(kind, times * factor)


def check_same_clock(known, clock, key):
    """Check that two clocks can be compared."""
    if known != clock.kind:
        raise ValueError(
            f"the clock {key!r} held {known} in fit and holds {clock.kind} now: their "
            "times cannot be compared."
        )
