"""Clocks: one order in time for pandas, polars, pyarrow and arrays."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._clock import check_same_clock
from sklabelcraft._reading import as_log

modest = settings(max_examples=50, deadline=None)
FRAMES = pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])

# 2:30 summer time comes before 2:10 winter time, an hour later; rows not in order
INSTANTS = [
    datetime(2024, 10, 27, 1, 10, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, 0, 1, tzinfo=UTC),
    datetime(1969, 7, 20, tzinfo=UTC),
]
SECONDS = [(at - INSTANTS[1]).total_seconds() for at in INSTANTS]


def aware(zone):
    return pd.Series(pd.to_datetime(INSTANTS)).dt.tz_convert(zone)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"at": aware("UTC").dt.tz_localize(None)}),
        pd.DataFrame({"at": aware("UTC").dt.tz_localize(None).astype("M8[ns]")}),
        pd.DataFrame({"at": aware("UTC")}),
        pd.DataFrame({"at": aware("Europe/Berlin")}).set_axis([0, 0, 5, 1]),
        pl.DataFrame({"at": [at.replace(tzinfo=None) for at in INSTANTS]}),
        pl.DataFrame({"at": INSTANTS}),
        pl.DataFrame({"at": INSTANTS}).with_columns(
            pl.col("at").dt.convert_time_zone("Europe/Berlin")
        ),
        pa.table({"at": [at.replace(tzinfo=None) for at in INSTANTS]}),
        pa.table({"at": pa.array(INSTANTS, pa.timestamp("us", "Europe/Berlin"))}),
        np.array([[at.replace(tzinfo=None)] for at in INSTANTS], dtype=object),
        pl.DataFrame({"at": SECONDS}),
    ],
    ids=[
        "pandas", "pandas-ns", "pandas-utc", "pandas-berlin",
        "polars", "polars-utc", "polars-berlin",
        "pyarrow", "pyarrow-berlin", "objects", "seconds",
    ],
)  # fmt: skip
def test_clock_orders_by_the_instant(frame):
    """Dates of any time zone, and plain numbers, order the rows as time does."""
    clock = as_log(frame).clock(0).times
    assert np.argsort(clock).tolist() == [3, 1, 2, 0]
    unit = (clock[0] - clock[1]) / SECONDS[0]
    np.testing.assert_allclose((clock - clock[1]) / unit, SECONDS, atol=1e-7)


def test_clock_of_mixed_offsets():
    """Instants given with different offsets are ordered as instants."""
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    tokyo = noon.astimezone(timezone(timedelta(hours=9))) - timedelta(minutes=1)
    frame = pd.DataFrame({"at": pd.to_datetime([noon, tokyo], utc=True)})
    assert np.argsort(as_log(frame).clock("at").times).tolist() == [1, 0]


def test_clock_of_days():
    """Dates without a time are in order too."""
    frame = pl.DataFrame({"at": [date(2024, 3, 1), date(2024, 2, 29)]})
    assert np.argsort(as_log(frame).clock("at").times).tolist() == [1, 0]


EPOCH = 1_700_000_000_000_000_000  # of a day in 2023, in nanoseconds
TICKS = [EPOCH + 2, EPOCH, EPOCH + 1]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"at": np.array(TICKS, dtype="M8[ns]")}),
        pd.DataFrame({"at": pd.to_datetime(TICKS, utc=True)}),
        pl.DataFrame({"at": pl.Series(TICKS).cast(pl.Datetime("ns"))}),
        pl.DataFrame({"at": pl.Series(TICKS).cast(pl.Datetime("ns", "Asia/Tokyo"))}),
        pa.table({"at": pa.array(TICKS, pa.timestamp("ns"))}),
        pd.DataFrame({"at": TICKS}),
        pd.DataFrame({"at": pd.Series(TICKS, dtype="Int64")}),
        pd.DataFrame({"at": pd.Series(TICKS, dtype=object)}),
        pl.DataFrame({"at": TICKS}),
        pl.DataFrame({"at": pl.Series(TICKS, dtype=pl.UInt64)}),
        pl.DataFrame({"at": pl.Series(TICKS, dtype=pl.Int128)}),
        pa.table({"at": TICKS}),
        np.array(TICKS)[:, None],
        np.array(TICKS, dtype=object)[:, None],
    ],
    ids=[
        "pandas", "pandas-aware", "polars", "polars-aware", "pyarrow",
        "pandas-whole", "pandas-nullable", "pandas-objects", "polars-whole",
        "polars-unsigned", "polars-128", "pyarrow-whole", "array", "objects",
    ],
)  # fmt: skip
def test_a_nanosecond_decides(frame):
    """Dates and whole numbers 1 ns apart keep their order, as int64 nanoseconds."""
    times = as_log(frame).clock(0).times
    assert times.dtype == np.int64
    assert times.tolist() == TICKS


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_dates_of_any_unit_are_nanoseconds(unit):
    """So times of different units can be compared."""
    at = [datetime(2024, 1, 1), datetime(1950, 1, 1)]
    expected = [1_704_067_200 * 10**9, -631_152_000 * 10**9]
    for frame in (
        pd.DataFrame({"at": pd.Series(at).astype(f"M8[{unit}]")}),
        pa.table({"at": pa.array(at, pa.timestamp(unit))}),
    ):
        assert as_log(frame).clock("at").times.tolist() == expected


@modest
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_are_an_exact_clock(times):
    """Of any size, in any library."""
    arrays = np.array(times)[:, None], np.array(times, dtype=object)[:, None]
    for data in (pd.DataFrame({"at": times}), pl.DataFrame({"at": times}), *arrays):
        clock = as_log(data).clock(0)
        assert clock.kind == "numbers"
        assert clock.times.tolist() == times


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"at": np.array([0, 2**63 + 1, 1], dtype=np.uint64)}),
        pl.DataFrame({"at": pl.Series([0, 2**63 + 1, 1], dtype=pl.UInt64)}),
        pa.table({"at": pa.array([0, 2**63 + 1, 1], pa.uint64())}),
        pd.DataFrame({"at": [0.5, 2**63 + 1, 1]}, dtype=object),
        pd.DataFrame({"at": [0, 2**63 + 1, -1]}, dtype=object),
    ],
    ids=["pandas", "polars", "pyarrow", "beside fractions", "objects"],
)
def test_whole_numbers_beyond_int64_are_no_clock(data):
    """They are refused by row, as floats would not keep their order."""
    with pytest.raises(ValueError, match=f"'at' .* int64 .* row 1 holds {2**63 + 1}"):
        as_log(data).clock("at")


@pytest.mark.parametrize("dtype", [object, np.uint64, np.int64, float])
def test_a_clock_may_be_empty(dtype):
    """As that of a log without rows is."""
    log = as_log(pd.DataFrame({"at": np.array([], dtype=dtype)}))
    assert log.clock("at").times.tolist() == []


@FRAMES
def test_clock_needs_every_time(frame):
    """A missing time has no place in the order and is refused."""
    log = as_log(frame({"at": [datetime(2024, 1, 1), None]}))
    with pytest.raises(ValueError, match="'at' must hold dates, row 1 has none"):
        log.clock("at")
    log = as_log(frame({"at": [1, None]}))
    with pytest.raises(ValueError, match=r"'at' must be finite; 1 of 2 rows .* row 1"):
        log.clock("at")


def test_clock_needs_a_column():
    """A missing column is named."""
    with pytest.raises(ValueError, match="'at' is not in the log"):
        as_log(pd.DataFrame({"x": [1]})).clock("at")


@FRAMES
def test_text_is_no_clock(frame):
    """The error says how it becomes one."""
    with pytest.raises(ValueError, match=r"'2024' in row 0.* pandas.to_datetime"):
        as_log(frame({"at": ["2024", "2025"]})).clock("at")


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_dates_beyond_what_nanoseconds_can_count(frame):
    """They are refused by row, not taken for other dates."""
    dates = np.array(["2024-01-01", "2400-01-01"], dtype="datetime64[us]")
    log = as_log(frame({"at": dates}))
    with pytest.raises(ValueError, match="years 1678 to 2262, row 1 does not"):
        log.clock("at")


CLOCKS = {
    "numbers": [
        pd.DataFrame({"at": [1]}),
        pl.DataFrame({"at": [1.5]}),
        np.array([[1]]),
        pd.DataFrame({"at": [True]}),
    ],
    "dates without a time zone": [
        pd.DataFrame({"at": [datetime(2024, 1, 1)]}),
        pl.DataFrame({"at": [date(2024, 1, 1)]}),
        pa.table({"at": pa.array([1], pa.timestamp("s"))}),
    ],
    "dates with a time zone": [
        pd.DataFrame({"at": [datetime(2024, 1, 1, tzinfo=UTC)]}),
        pl.DataFrame({"at": pl.Series([1]).cast(pl.Datetime("us", "Asia/Tokyo"))}),
        pa.table({"at": pa.array([1], pa.timestamp("s", "Europe/Berlin"))}),
    ],
}


@pytest.mark.parametrize("known", CLOCKS)
@pytest.mark.parametrize("kind", CLOCKS)
def test_clocks_of_different_kinds_cannot_be_compared(known, kind):
    """Numbers, naive and aware dates are three kinds, whatever holds them."""
    for data in CLOCKS[kind]:
        clock = as_log(data).clock(0)
        assert clock.kind == kind
        if kind == known:
            check_same_clock(known, clock, "at")
        else:
            message = f"clock 'at' held {known} in fit and holds {kind} now"
            with pytest.raises(ValueError, match=message):
                check_same_clock(known, clock, "at")


@FRAMES
def test_a_date_that_is_missing_is_told_by_its_row_in_the_whole(frame):
    """Rows that were taken are named as they were given."""
    log = as_log(frame({"at": [datetime(2024, 1, 1), datetime(2024, 1, 2), None]}))
    with pytest.raises(ValueError, match="row 2 has none"):
        log.rows(np.array([1, 2])).clock("at")
