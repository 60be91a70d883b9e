"""Parting a log by time."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

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
