"""Parting a log by time."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklabelcraft import split_by_time


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
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
    parts = split_by_time(X, valid=0, test=0.5, user="uid")
    assert parts.train.tolist() == [0, 1, 2]
    assert parts.valid.tolist() == []
    assert parts.test.tolist() == [3, 4, 5]


def test_something_must_be_left_to_train_on(log):
    """Shares that take everything are refused."""
    with pytest.raises(ValueError, match=r"valid=0\.5 and test=0\.5 leave nothing"):
        split_by_time(log.data, valid=0.5, test=0.5)
