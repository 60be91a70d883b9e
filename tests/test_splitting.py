"""Parting a log by time."""

from datetime import date, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import Columns, split_by_time

BIG = 2**60


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_each_users_latest_rows_are_tested(log, frame):
    """Parts are disjoint and whole, and later in time for every user."""
    X = frame(log.data[["user_id", "timestamp"]].to_dict("list"))
    parts = split_by_time(X, valid=0.1, test=0.3)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(X)))
    for _, rows in log.data.assign(row=range(len(X))).groupby("user_id"):
        train, valid, test = (
            rows[rows["row"].isin(parts[name])]["timestamp"]
            for name in ("train", "valid", "test")
        )
        assert len(test) == round(0.3 * len(rows))
        assert train.max() < valid.min() <= valid.max() < test.min()


def test_order_of_the_rows_without_a_clock():
    """Columns have any names, a clock is optional, and a part may be empty."""
    X = pd.DataFrame({"uid": [1, 1, 2, 1, 2, 1]})
    parts = split_by_time(X, valid=0, test=0.5, columns=Columns(user="uid"))
    assert parts.train.tolist() == [0, 1, 2]
    assert parts.valid.tolist() == []
    assert parts.test.tolist() == [3, 4, 5]


def test_columns_by_name_and_position():
    """Of a frame and of an array, the same rows are parted."""
    X = pd.DataFrame({"when": [4, 1, 3, 2, 2, 1], "uid": [0, 0, 0, 0, 1, 1]})
    named = split_by_time(X, columns=Columns(user="uid", timestamp="when"))
    assert named.train.tolist() == [1, 3, 5]
    assert (named.valid.tolist(), named.test.tolist()) == ([2], [0, 4])
    placed = split_by_time(X.to_numpy(), columns=Columns(user=-1, timestamp=0))
    for name, rows in named.items():
        np.testing.assert_array_equal(placed[name], rows)


def test_a_column_that_was_stated_is_needed(log):
    """It is named where it is not there."""
    with pytest.raises(ValueError, match="'when' is not in the log"):
        split_by_time(log.data, columns=Columns(timestamp="when"))


def test_users_and_times_are_exact():
    """Large users, a missing one and times 1 ns apart are told apart."""
    users = [BIG, BIG, BIG + 1, BIG + 1, None, None]
    ticks = [BIG + 1, BIG, BIG, BIG + 1, BIG + 1, BIG]
    X = pl.DataFrame({"user_id": users, "timestamp": ticks})
    for frame in (X, X.with_columns(pl.col("timestamp").cast(pl.Datetime("ns")))):
        parts = split_by_time(frame, valid=0, test=0.5)
        assert parts.test.tolist() == [0, 3, 4]


def test_something_must_be_left_to_train_on(log):
    """Shares that take everything are refused."""
    with pytest.raises(ValueError, match=r"valid=0\.5 and test=0\.5 leave nothing"):
        split_by_time(log.data, valid=0.5, test=0.5)


def times_of(X, parts):
    """The times of each part, in order."""
    clock = np.asarray(X["timestamp"])
    return {name: np.sort(clock[rows]).tolist() for name, rows in parts.items()}


CLOCK = [7, 1, 3, 3, 2, 9, 3, 8]


@pytest.mark.parametrize(
    ("valid", "test", "expected"),
    [
        (3, 8, ([1, 2], [3, 3, 3, 7], [8, 9])),
        (2.5, 8.5, ([1, 2], [3, 3, 3, 7, 8], [9])),
        (7, 0.25, ([1, 2, 3, 3, 3], [7], [8, 9])),
        (0.125, 8, ([1, 2, 3, 3, 3], [7], [8, 9])),
        (0.25, 8, ([1, 2, 3, 3, 3], [7], [8, 9])),  # of the threes two would be train
        (0.4, 0.25, ([1, 2], [3, 3, 3, 7], [8, 9])),
        (0, 0.01, ([1, 2, 3, 3, 3, 7, 8], [], [9])),
        (0.01, 0, ([1, 2, 3, 3, 3, 7, 8], [9], [])),
        (-1, 2, None),
    ],
)
def test_a_global_cut_by_hand(valid, test, expected):
    """Numbers below 1 are shares of all rows, others times; a time is in one part."""
    X = pd.DataFrame({"timestamp": CLOCK})
    if expected is None:
        with pytest.raises(ValueError, match=r"leave none of the 8 rows to train on"):
            split_by_time(X, by="global", valid=valid, test=test)
        return
    parts = split_by_time(X, by="global", valid=valid, test=test)
    assert tuple(times_of(X, parts).values()) == expected


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(-3, 9), min_size=1, max_size=30),
    st.floats(0, 0.5, exclude_max=True) | st.integers(2, 9),
    st.floats(0, 0.5, exclude_max=True) | st.integers(2, 9),
)
def test_a_global_cut_parts_all_rows_by_time(times, valid, test):
    """All of train is before all of valid, and that before test; none is lost."""
    X = pd.DataFrame({"timestamp": times})
    try:
        parts = split_by_time(X, by="global", valid=valid, test=test)
    except ValueError:
        return
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(X)))
    there = [rows for rows in times_of(X, parts).values() if rows]
    for earlier, later in pairwise(there):
        assert earlier[-1] < later[0]
    assert len(parts.train)
    for name, part in [("valid", valid), ("test", test)]:
        assert len(parts[name]) > 0 or part == 0


DATED = [f"2022-05-0{day}" for day in (1, 2, 2, 3, 4, 5)]
DATED_FRAMES = {
    "pandas": lambda: pd.DataFrame({"timestamp": pd.to_datetime(DATED)}),
    "polars": lambda: pl.DataFrame({"timestamp": DATED}).with_columns(
        pl.col("timestamp").str.to_date()
    ),
    "arrow": lambda: pa.table(
        {"timestamp": pa.array(np.array(DATED, "datetime64[ms]"))}
    ),
}
STATED = {
    "text": str,
    "timestamp": pd.Timestamp,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "datetime64": np.datetime64,
}


@pytest.mark.parametrize("frame", DATED_FRAMES)
@pytest.mark.parametrize("stated", STATED)
def test_a_global_cut_at_dates(frame, stated):
    """Of any kind, in any table; the day named is the first of the part."""
    valid, test = map(STATED[stated], ["2022-05-02", "2022-05-04"])
    X = DATED_FRAMES[frame]()
    parts = split_by_time(X, by="global", valid=valid, test=test)
    found = [rows.tolist() for rows in parts.values()]
    assert found == [[0], [1, 2, 3], [4, 5]]


def test_a_global_cut_with_a_time_zone():
    """Midnight in China is 16 o'clock of the day before in Greenwich."""
    X = pd.DataFrame({"timestamp": pd.to_datetime(DATED).tz_localize("Asia/Shanghai")})
    for test in ("2022-05-04T00:00+08:00", "2022-05-03T16:00Z"):
        parts = split_by_time(X, by="global", valid=0, test=test)
        assert parts.test.tolist() == [4, 5]


def test_global_cuts_are_exact():
    """Also between times that are one float."""
    X = pd.DataFrame({"timestamp": [BIG, BIG + 1, BIG + 2]})
    parts = split_by_time(X, by="global", valid=0, test=BIG + 1)
    assert parts.test.tolist() == [1, 2]
    dates = X.assign(timestamp=pd.to_datetime(X["timestamp"]))
    test = pd.Timestamp(BIG + 2)
    assert split_by_time(dates, by="global", valid=0, test=test).test.tolist() == [2]


@pytest.mark.parametrize("clock", [[1, 2, 3], [1.0, 2.0, 3.0]])
def test_a_global_cut_may_be_any_number(clock):
    """One beyond all floats is after all rows, or before them."""
    X = pd.DataFrame({"timestamp": clock})
    with pytest.raises(ValueError, match="no row lies between that and the end"):
        split_by_time(X, by="global", valid=0, test=10**400)
    with pytest.raises(ValueError, match="leave none of the 3 rows to train on"):
        split_by_time(X, by="global", valid=0, test=-(10**400))


NUMBERS = pd.DataFrame({"timestamp": [1.5, 2.5, 3.5], "user_id": [1, 1, 1]})
DAYS = pd.DataFrame({"timestamp": pd.to_datetime(DATED), "user_id": 1})
ZONED = pd.DataFrame({"timestamp": pd.to_datetime(DATED, utc=True)})
REFUSED = {
    "no clock": (NUMBERS[["user_id"]], {}, "column 'timestamp' is not in the log"),
    "clock of None": (NUMBERS, {"columns": Columns(timestamp=None)}, "got None"),
    "date for numbers": (NUMBERS, {"test": "2022-05-01"}, "test .* holds numbers, got"),
    "number for dates": (DAYS, {"valid": 3}, "valid .* holds dates without .*, got 3"),
    "no date": (DAYS, {"test": "tomorrow's"}, 'test .* got "tomorrow\'s"'),
    "no number": (NUMBERS, {"test": "soon"}, "test .* holds numbers, got 'soon'"),
    "zone for none": (DAYS, {"test": "2022-05-03Z"}, "test .* dates without a time"),
    "none for zone": (ZONED, {"test": "2022-05-03"}, "test .* dates with a time zone"),
    "not finite": (NUMBERS, {"test": np.nan}, "test must be a finite number"),
    "beyond": (DAYS, {"test": "2300-01-01"}, "test='2300-01-01' is beyond the clock"),
    "too late": (NUMBERS, {"test": 4}, "test=4: no row lies between that and the end"),
    "in the wrong order": (NUMBERS, {"valid": 3, "test": 3}, "valid=3: no row lies"),
    "time by user": (
        NUMBERS,
        {"by": "user", "test": 2},
        "test must be a share of",
    ),
    "date by user": (DAYS, {"by": "user", "valid": "2022-05-02"}, "valid must be a sh"),
    "all": (NUMBERS, {"valid": 0.5, "test": 0.5}, "must be below 1"),
    "no rows": (NUMBERS[:0], {}, "leave none of the 0 rows"),
    "no rows by user": (NUMBERS[:0], {"by": "user"}, "leave none of the 0 rows"),
    "few rows of each user": (
        pd.DataFrame({"user_id": [1, 1, 2, 2], "timestamp": [1, 2, 1, 2]}),
        {"by": "user", "valid": 0.45, "test": 0.45},
        r"valid=0\.45 and test=0\.45 leave none of the 4 rows to train on",
    ),
    "one row of each user": (
        pd.DataFrame({"user_id": [1, 2], "timestamp": [1, 2]}),
        {"by": "user"},
        "leave none of the 2 rows to train on",
    ),
    "one time": (NUMBERS[:1], {}, "leave none of the 1 rows"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_parted(case):
    """The error names the parameter, and says what was wanted."""
    X, options, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        split_by_time(X, **{"by": "global"} | options)
