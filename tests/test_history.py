"""The past that impressions see."""

from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import Columns
from sklabelcraft._encoder import UNKNOWN, Encoder
from sklabelcraft._history import History, past_windows
from sklabelcraft._reading import as_log

modest = settings(max_examples=50, deadline=None)
events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=20)
BIG = 2**60


class Given:
    """An encoder whose codes are the same for all logs."""

    features = ()

    def __init__(self, codes):
        self.codes = codes

    def encode(self, log):
        return self.codes, None


class Remembered:
    """Some logs and the encoder and the history that learned them."""

    def __init__(self, *logs, length=10, min_count=1, user="user_id"):
        logs = [as_log(log) for log in logs]
        features = ["item_id"] if user is None else [user, "item_id"]
        self.encoder = Encoder(Columns(user=user), features, min_count).learn(logs[0])
        timestamp = logs[0].optional(Columns(), "timestamp")
        described = self.encoder.positions_without(user)
        self.history = History(length, user, timestamp, described)
        self.history.learn(logs, self.encoder)
        self.pasts = [self.history.among(log, i) for i, log in enumerate(logs)]

    def items(self, pasts=None):
        """The items in each row's past, oldest first, of a log that was learned."""
        pasts = self.pasts[0] if pasts is None else pasts
        past, past_rows, mask, past_of = pasts.of(torch.arange(len(pasts.start)))
        items = self.encoder.vocabularies["item_id"].values
        codes = past[past_rows[past_of], 0]
        return [
            "".join(items[row[there == 1].numpy() - 1])
            for row, there in zip(codes, mask[past_of], strict=True)
        ]

    def items_of(self, log):
        """The same of rows that were not learned."""
        return self.items(self.history.of(as_log(log)))


def make_log(users, items, times=None):
    log = pd.DataFrame({"user_id": list(users), "item_id": list(items)})
    return log if times is None else log.assign(timestamp=times)


def test_history_by_hand():
    """A row sees what its user saw strictly earlier, oldest first, and nothing else."""
    log = make_log("abaaa", "vwxyz", times=[3, 1, 2, 3, 9])
    assert Remembered(log).items() == ["x", "", "", "x", "xvy"]


def test_history_of_new_rows_lies_in_the_learned_rows():
    """New rows see the learned rows of their user before them, not one another."""
    remembered = Remembered(make_log("aaab", "vwxy", times=[1, 2, 3, 1]))
    new = make_log("aaabc", "zzzzz", times=[0, 3, 8, 9, 9])
    assert remembered.items_of(new) == ["", "vw", "vwx", "y", ""]


def test_held_out_rows_are_remembered():
    """They see the training rows and one another, and later rows see all."""
    train = make_log("aab", "vwx", times=[1, 4, 1])
    held_out = make_log("aba", "wvx", times=[2, 3, 5])
    remembered = Remembered(train, held_out)
    assert remembered.items() == ["", "vw", ""]
    assert remembered.items(remembered.pasts[1]) == ["v", "x", "vww"]
    assert remembered.items_of(make_log("ab", "vv", times=[9, 9])) == ["vwwx", "xv"]


def test_history_without_times_is_in_the_order_of_the_rows():
    """Learned rows see those above them; new rows see all learned ones."""
    remembered = Remembered(make_log("aabaa", "vwxyz"))
    assert remembered.items() == ["", "v", "", "vw", "vwy"]
    assert remembered.items_of(make_log("ab", "zz")) == ["vwyz", "x"]


def test_history_without_users_is_everybodys():
    """A user of None is one user."""
    remembered = Remembered(make_log("aba", "vwx", times=[2, 1, 3]), user=None)
    assert remembered.items() == ["w", "", "wv"]
    assert remembered.items_of(make_log("c", "v", times=[9])) == ["wvx"]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, ["", "", "", ""]), (1, ["", "w", "x", "y"]), (2, ["", "w", "wx", "xy"])],
)
def test_history_is_truncated_to_the_most_recent(length, expected):
    """No more than history_length past rows are kept, the latest ones."""
    log = make_log("aaaa", "wxyz", times=[1, 2, 3, 4])
    assert Remembered(log, length=length).items() == expected


def test_without_a_history_no_clock_is_read():
    """A length of 0 asks neither for users nor for times."""
    log = make_log("aa", "xy", times=["yesterday", "today"])
    assert Remembered(log, length=0).items_of(log) == ["", ""]


def test_a_rare_user_still_has_a_history():
    """min_count hides the user's code, not the user's past, nor shows it to others."""
    log = make_log("abbc", "xxyy", times=[1, 1, 2, 1])
    remembered = Remembered(log, min_count=2)
    new = make_log("acd", "xxx", times=[5, 5, 5])
    assert (remembered.encoder.encode(as_log(new))[0][:, 0] == UNKNOWN).all()
    assert remembered.items_of(new) == ["x", "y", ""]


@modest
@given(events, events)
def test_past_windows_never_look_ahead(stored, queries):
    """The window is the user's stored rows with strictly earlier times, by search."""
    past_users, past_times = np.array(sorted(stored)).reshape(-1, 2).T
    queries = [(user - 1, time) for user, time in queries]  # -1: not in the store
    users, times = np.array(queries, dtype=int).reshape(-1, 2).T
    past_users = past_users.astype(int)
    start, stop = past_windows(past_users, past_times, users, times)
    for first, last, user, time in zip(start, stop, users, times, strict=True):
        earlier = np.flatnonzero((past_users == user) & (past_times < time))
        assert list(range(first, last)) == earlier.tolist()


@modest
@given(events.filter(len), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    """Where no two times of a user are equal, permuted rows have the same pasts."""
    rows = list(dict.fromkeys(rows))
    items = ["vwxyz"[(3 * user + time) % 5] for user, time in rows]
    users, times = zip(*rows, strict=True)
    log = make_log(users, items, times)
    order = random.sample(range(len(rows)), len(rows))
    expected = Remembered(log).items()
    assert Remembered(log.iloc[order]).items() == [expected[i] for i in order]


LARGE = {
    "pandas": lambda users: pd.DataFrame({"user_id": users}),
    "pandas-nullable": lambda users: pd.DataFrame(
        {"user_id": pd.array(users, dtype="Int64")}
    ),
    "polars": lambda users: pl.DataFrame({"user_id": users}),
    "pyarrow": lambda users: pa.table({"user_id": users}),
}


@pytest.mark.parametrize("frame", LARGE)
def test_large_user_ids_have_pasts_of_their_own(frame):
    """Neighbours beyond 2**53 are not taken for one user, nor a missing one for any."""
    users = [BIG, BIG + 1, BIG + 2]
    users = users if frame == "pandas" else [*users, None]
    log = as_log(LARGE[frame](users))
    history = History(10, "user_id", None, ())
    history.learn([log], Encoder(Columns(), [], 1).learn(log))
    pasts = history.of(log)
    assert (pasts.stop - pasts.start).tolist() == [1] * len(users)
    assert pasts.start.tolist() == list(range(len(users)))


EPOCH = 1_700_000_000_000_000_000
TICKS = {
    "pandas": lambda ticks: pd.DataFrame({"timestamp": pd.to_datetime(ticks)}),
    "polars": lambda ticks: pl.DataFrame(
        {"timestamp": pl.Series(ticks).cast(pl.Datetime("ns"))}
    ),
    "pyarrow": lambda ticks: pa.table({"timestamp": pa.array(ticks, "timestamp[ns]")}),
    "whole": lambda ticks: pd.DataFrame({"timestamp": ticks}),
    "unsigned": lambda ticks: pl.DataFrame({"timestamp": ticks}).cast(pl.UInt64),
    "objects": lambda ticks: pd.DataFrame({"timestamp": ticks}, dtype=object),
}
DATES, NUMBERS = ["pandas", "polars", "pyarrow"], ["whole", "unsigned", "objects"]
PAIRS = [*product(DATES, DATES), *product(NUMBERS, NUMBERS)]


@pytest.mark.parametrize(("learned", "new"), PAIRS)
def test_a_nanosecond_earlier_is_past(learned, new):
    """Rows 1 ns apart keep their order, whatever holds the times of either log."""
    history = History(10, None, "timestamp", ())
    codes = np.zeros((3, 0), dtype=np.int64)
    log = as_log(TICKS[learned]([EPOCH + 2, EPOCH, EPOCH + 1]))
    pasts = history.learn([log], Given(codes)).among(log, 0)
    assert (pasts.stop - pasts.start).tolist() == [2, 0, 1]
    log = as_log(TICKS[new]([EPOCH, EPOCH + 1, EPOCH + 3]))
    pasts = history.of(log)
    assert (pasts.stop - pasts.start).tolist() == [0, 1, 3]


NOON = datetime(2024, 1, 1, 12)
CLOCKS = {
    "numbers": [NOON.timestamp()],
    "dates without a time zone": [NOON],
    "dates with a time zone": [NOON.replace(tzinfo=UTC)],
}


@pytest.mark.parametrize("learned", CLOCKS)
@pytest.mark.parametrize("new", CLOCKS)
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, pa.table])
def test_clocks_of_another_kind_are_an_error(learned, new, frame):
    """Dates and numbers, naive and aware dates have no order, held out or later."""
    first = as_log(frame({"timestamp": CLOCKS[learned]}))
    second = as_log(frame({"timestamp": CLOCKS[new]}))
    history, codes = History(1, None, "timestamp", ()), np.zeros((1, 0), np.int64)
    history.learn([first], Given(codes))
    if learned == new:
        history.of(second)
        history.learn([first, second], Given(codes))
        return
    message = f"clock 'timestamp' held {learned} in fit and holds {new} now"
    with pytest.raises(ValueError, match=message):
        history.of(second)
    with pytest.raises(ValueError, match=message):
        history.learn([first, second], Given(codes))


def test_dates_of_one_kind_may_differ_in_zone_and_unit():
    """Instants are compared, to the nanosecond."""
    history = History(5, None, "timestamp", ())
    at = [NOON.replace(tzinfo=UTC) + timedelta(microseconds=i) for i in range(3)]
    codes = np.zeros((3, 0), dtype=np.int64)
    history.learn([as_log(pd.DataFrame({"timestamp": at}))], Given(codes))
    tokyo = (
        pl.Series(at)
        .dt.convert_time_zone("Asia/Tokyo")
        .cast(pl.Datetime("ns", "Asia/Tokyo"))
    )
    pasts = history.of(as_log(pl.DataFrame({"timestamp": tokyo})))
    assert (pasts.stop - pasts.start).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("learned", "new", "kinds"),
    [
        ([1, 2], ["1", "2"], ("numbers", "text")),
        (["1", "2"], [1.0, 2.0], ("text", "numbers")),
    ],
)
def test_users_of_another_kind_are_an_error(learned, new, kinds):
    """Nobody would be recognised: the error names the column and both kinds."""
    first, second = (as_log(pd.DataFrame({"uid": users})) for users in (learned, new))
    history, codes = History(1, "uid", None, ()), np.zeros((2, 0), np.int64)
    history.learn([first], Given(codes))
    message = f"column 'uid' held {kinds[0]} in fit and holds {kinds[1]} now"
    with pytest.raises(ValueError, match=message):
        history.of(second)
    with pytest.raises(ValueError, match=message):
        history.learn([first, second], Given(codes))


def test_whole_floats_and_booleans_name_the_same_users():
    """Numbers of any type are one kind."""
    history, codes = History(1, "uid", None, ()), np.zeros((2, 0), np.int64)
    history.learn([as_log(pd.DataFrame({"uid": [0, 1]}))], Given(codes))
    for users in ([0.0, 1.0], [False, True], np.array([0, 1], dtype=np.uint8)):
        pasts = history.of(as_log(pd.DataFrame({"uid": users})))
        assert pasts.start.tolist() == [0, 1]
        assert pasts.stop.tolist() == [1, 2]
