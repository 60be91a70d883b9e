"""Holding out each user's latest rows."""

from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import Columns, _holdout
from sklabelcraft._holdout import hold_out, latest_rows
from sklabelcraft._reading import as_log

modest = settings(max_examples=50, deadline=None)
some_events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30
)
BIG = 2**60


def make_log(users, times=None):
    log = pd.DataFrame({"user_id": list(users)})
    return as_log(log if times is None else log.assign(timestamp=times))


def test_latest_rows_by_hand():
    """Half of a's 4 rows, its latest; of b's 3 rows 1.5, rounded up to 2."""
    log = make_log("abaabab", times=[4, 1, 1, 3, 2, 2, 3])
    held = latest_rows(log, Columns(), 0.5)
    assert held.tolist() == [True, False, False, True, True, False, True]


def test_latest_rows_leave_lists_to_rank():
    """With k = 2, a user with 6 rows gives 3 and one with 5 only the fraction."""
    log = make_log("aaaaaabbbbb")
    held = latest_rows(log, Columns(timestamp=None), 0.1, k=2)
    assert np.flatnonzero(held).tolist() == [3, 4, 5, 10]


def test_latest_rows_without_users_or_times():
    """All rows are one user's, and the last rows are the latest."""
    columns = Columns(user=None, timestamp=None)
    held = latest_rows(make_log("abcd", times=[4, 3, 2, 1]), columns, 0.25)
    assert held.tolist() == [False, False, False, True]


@modest
@given(some_events, st.floats(0, 1), st.none() | st.integers(1, 4))
def test_held_rows_are_the_latest_of_each_user(rows, fraction, k):
    """As many as stated, none before a row that is kept; at ties the later row."""
    users, times = zip(*rows, strict=True)
    log = make_log(users, times=list(times))
    held = latest_rows(log, Columns(), fraction, k=k)
    for user, size in Counter(users).items():
        count = int(np.floor(fraction * size + 0.5))
        if k is not None and size >= 2 * (k + 1):
            count = max(count, k + 1)
        mine = [i for i in range(len(users)) if users[i] == user]
        by_time = sorted(mine, key=lambda i: (times[i], i))
        expected = sorted(by_time[size - count :])
        assert [i for i in mine if held[i]] == expected


def test_a_column_that_was_stated_is_needed():
    """The usual timestamp may be missing, another one may not."""
    log = make_log("ab")
    latest_rows(log, Columns(), 0.5)
    with pytest.raises(ValueError, match="'when' is not in the log"):
        latest_rows(log, Columns(timestamp="when"), 0.5)
    with pytest.raises(ValueError, match="'uid' is not in the log"):
        latest_rows(log, Columns(user="uid"), 0.5)


def test_large_users_and_nanoseconds_are_told_apart():
    """Users beyond 2**53 beside a missing one, and times 1 ns apart, are exact."""
    users = [BIG, BIG + 1, None, BIG, BIG + 1, None]
    ticks = [BIG + 2, BIG + 1, BIG + 1, BIG + 1, BIG + 2, BIG + 3]
    log = as_log(pl.DataFrame({"user_id": users, "timestamp": ticks}))
    held = latest_rows(log, Columns(), 0.5)
    assert held.tolist() == [True, False, False, False, True, True]


def test_positions_of_held_out_rows():
    """They are positions in the log, ascending; something is left to train on."""
    log = make_log("abab", times=[2, 1, 1, 2])
    assert hold_out(log, Columns(), 0.5).tolist() == [0, 3]
    with pytest.raises(ValueError, match=r"validation_fraction=1\.0 leaves none of th"):
        hold_out(log, Columns(), 1.0)


class Parted:
    """A log that is read in parts of some rows."""

    def __init__(self, log, size):
        self.log, self.size = log, size
        self.optional = log.optional

    def __len__(self):
        return len(self.log)

    def parts(self, keys):
        for start in range(0, len(self.log), self.size):
            yield self.log.rows(np.arange(start, min(start + self.size, len(self))))


@modest
@given(some_events, st.integers(1, 9), st.integers(1, 30))
def test_of_a_large_log_some_users_give_the_rows(rows, size, most):
    """The same in any parts: those of these users that are held out of any log."""
    users, times = zip(*rows, strict=True)
    log, users = make_log(users, times=list(times)), np.asarray(users)
    latest = latest_rows(log, Columns(), 0.6)
    if latest.all():
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(_holdout, "MOST", most)
        held = hold_out(log, Columns(), 0.6)
        assert hold_out(Parted(log, size), Columns(), 0.6).tolist() == held.tolist()
    sampled = np.isin(users, users[held])
    assert held.tolist() == np.flatnonzero(latest & sampled).tolist()
    assert len(held)
    assert sampled.sum() <= most or len(set(users[held])) == 1


@pytest.mark.parametrize(
    "users", [[(1,), "a", 2], [(1,), (2, "b"), (1,)], [b"a", 1, "\ud800"]]
)
def test_users_of_any_kind_are_held_out(users):
    """Tuples among them, too."""
    log = as_log(pd.DataFrame({"user_id": pd.Series(users * 4, dtype=object)}))
    assert len(hold_out(log, Columns(), 0.5)) == 6


@pytest.mark.parametrize("k", [10**18, 2**63, 10**30])
def test_lists_longer_than_any_log_take_nothing_more(k):
    """However long they are."""
    log = as_log(pd.DataFrame({"user_id": [1] * 6 + [2] * 4}))
    expected = latest_rows(log, Columns(), 0.5).tolist()
    assert latest_rows(log, Columns(), 0.5, k=k).tolist() == expected
