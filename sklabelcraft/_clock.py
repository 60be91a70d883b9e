"""Clocks: what orders the rows of a log in time, exactly."""

from datetime import date
from math import ceil
from numbers import Integral
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd

from sklabelcraft._floats import nearest_float
from sklabelcraft._ids import NUMBERS, WITH_ZONE, WITHOUT_ZONE
from sklabelcraft._numbers import real

DATES = (str, date, np.datetime64)
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
    return Clock(WITH_ZONE if aware else WITHOUT_ZONE, times * factor)


def exact_times(exact, floats, key, row_of):
    """Numbers as times, whole ones as int64, if these keep their order."""
    if exact.dtype == np.int64:
        return exact
    if exact.dtype == np.float64 or not len(exact):
        return floats
    row = np.abs(floats).argmax()
    raise ValueError(
        f"column {key!r} must hold whole numbers of int64 or floats, whose order is "
        f"kept exactly, row {row_of(row)} holds {exact[row]}."
    )


def as_timestamp(value):
    """The timestamp of a date, or of a text that says one; NaT of anything else."""
    try:
        return pd.Timestamp(value) if isinstance(value, DATES) else pd.NaT
    except ValueError:
        return pd.NaT


def time_on(clock, value, name):
    """A stated time, a number or a date, as the times of a clock are written.

    Raises
    ------
    ValueError
        If it is of another kind than the clock.
    """
    if clock.kind == NUMBERS and not isinstance(value, DATES):
        number = int(value) if isinstance(value, Integral) else real(value, name)
        whole = clock.times.dtype == np.int64
        return ceil(number) if whole else nearest_float(number)
    moment, kind = as_timestamp(value), None
    if moment is not pd.NaT:
        kind = WITHOUT_ZONE if moment.tzinfo is None else WITH_ZONE
    if kind != clock.kind:
        raise ValueError(
            f"{name} must be a share or a time of the clock, which holds {clock.kind}, "
            f"got {value!r}."
        )
    try:
        return moment.as_unit("ns").value
    except ValueError as error:
        raise ValueError(f"{name}={value!r} is beyond the clock: {error}") from error


def check_same_clock(known, clock, key):
    """Check that two clocks can be compared."""
    if known != clock.kind:
        raise ValueError(
            f"the clock {key!r} held {known} in fit and holds {clock.kind} now: their "
            "times cannot be compared."
        )
