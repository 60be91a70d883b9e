"""Codes, histories, lists of users and held-out rows."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._columns import as_table
from sklabelcraft._encoder import (
    N_DURATION_BUCKETS,
    UNKNOWN,
    Encoder,
    past_windows,
)
from sklabelcraft._user_lists import user_lists
from sklabelcraft._validation import latest_rows

modest = settings(max_examples=50, deadline=None)
events = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=20)
some_events = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30
)
FEATURES = ["user_id", "item_id", "duration"]


def make_encoder(min_count=1, history=10, features=FEATURES):
    return Encoder(
        "user_id", "item_id", "duration", "timestamp", features, min_count, history
    )


def make_log(users, items, times=None):
    log = pd.DataFrame({"user_id": list(users), "item_id": list(items)})
    log["duration"] = np.arange(len(log)) + 1.0
    if times is not None:
        log["timestamp"] = times
    return as_table(log)


def past_items(encoder, impressions):
    """The items in each row's history, oldest first."""
    batch = impressions.batch(torch.arange(len(impressions)))
    items = encoder.vocabularies["item_id"]
    item_codes = batch.past[batch.past_rows[batch.past_of], 0]
    return [
        "".join(items[codes[mask == 1].numpy() - 1])
        for codes, mask in zip(item_codes, batch.past_mask[batch.past_of], strict=True)
    ]


def test_equal_values_share_a_code_and_others_do_not():
    """Codes name the values, from 1 on."""
    codes = make_encoder().learn(make_log("aabb", "xyxz"))[0].codes
    users, items = codes[:, 0].tolist(), codes[:, 1].tolist()
    assert users[0] == users[1] != users[2] == users[3]
    assert items[0] == items[2]
    assert len(set(items)) == 3
    assert min(users + items) > UNKNOWN


def test_unseen_and_rare_values_have_the_code_of_the_unknown():
    """With min_count = 2, values seen once are as unknown as unseen ones."""
    encoder = make_encoder(min_count=2)
    learned = encoder.learn(make_log("aab", "xyx"))[0]
    assert (learned.codes[:, 0] == UNKNOWN).tolist() == [False, False, True]
    assert (learned.codes[:, 1] == UNKNOWN).tolist() == [False, True, False]
    new = encoder.encode(make_log("abc", "yxz"))
    assert new.codes[0, 0] == learned.codes[0, 0]
    assert (new.codes[:, 0] == UNKNOWN).tolist() == [False, True, True]
    assert (new.codes[:, 1] == UNKNOWN).tolist() == [True, False, True]


def test_codes_fit_into_the_cardinalities():
    """Codes of learned and of unseen rows, the duration's too, index the tables."""
    encoder = make_encoder(min_count=2)
    learned = encoder.learn(make_log("aabbc" * 20, "vwxyz" * 20))[0].codes
    unseen = encoder.encode(make_log("abq", "vwq")).codes
    sizes = torch.tensor(encoder.cardinalities)
    assert sizes.tolist() == [4, 6, N_DURATION_BUCKETS + 1]
    assert (learned.amax(0) == sizes - 1).all()
    assert (learned.amin(0) == 1).all()
    assert (unseen < sizes).all()


def test_all_but_the_user_describe_the_item_or_the_moment():
    """The context is every column of codes but the user's."""
    encoder = make_encoder(features=["item_id", "user_id", "duration"])
    encoder.learn(make_log("ab", "xy"))
    assert encoder.past_columns == (0, 2)


def test_numbers_are_ranks_in_the_learned_rows():
    """The numeric columns go from -1 at the least to 1 at the largest learned value."""
    encoder = make_encoder()
    learned = encoder.learn(make_log("aaaaa", "xxxxx"))[0].numeric
    np.testing.assert_allclose(learned[:, 0], [-1, -0.5, 0, 0.5, 1], atol=1e-6)
    beyond = as_table(
        pd.DataFrame({"user_id": "a", "item_id": "x", "duration": [0.0, 99.0]})
    )
    np.testing.assert_allclose(encoder.encode(beyond).numeric[:, 0], [-1, 1])


def test_history_by_hand():
    """A row sees what its user saw strictly earlier, oldest first, and nothing else."""
    encoder = make_encoder()
    log = make_log("abaaa", "vwxyz", times=[3, 1, 2, 3, 9])
    assert past_items(encoder, encoder.learn(log)[0]) == ["x", "", "", "x", "xvy"]


def test_history_of_new_rows_lies_in_the_learned_rows():
    """New rows see the learned rows of their user before them, not one another."""
    encoder = make_encoder()
    encoder.learn(make_log("aaab", "vwxy", times=[1, 2, 3, 1]))
    new = make_log("aaabc", "zzzzz", times=[0, 3, 8, 9, 9])
    assert past_items(encoder, encoder.encode(new)) == ["", "vw", "vwx", "y", ""]


def test_history_without_times_is_in_the_order_of_the_rows():
    """Learned rows see those above them; new rows see all learned ones."""
    encoder = make_encoder()
    learned = encoder.learn(make_log("aabaa", "vwxyz"))[0]
    assert past_items(encoder, learned) == ["", "v", "", "vw", "vwy"]
    new = encoder.encode(make_log("ab", "zz"))
    assert past_items(encoder, new) == ["vwyz", "x"]


@pytest.mark.parametrize(
    ("length", "expected"),
    [(0, ["", "", "", ""]), (1, ["", "w", "x", "y"]), (2, ["", "w", "wx", "xy"])],
)
def test_history_is_truncated_to_the_most_recent(length, expected):
    """No more than history_length past rows are kept, the latest ones."""
    encoder = make_encoder(history=length)
    learned = encoder.learn(make_log("aaaa", "wxyz", times=[1, 2, 3, 4]))[0]
    assert past_items(encoder, learned) == expected


def test_a_rare_user_still_has_a_history():
    """min_count hides the user's code, not the user's past, nor shows it to others."""
    encoder = make_encoder(min_count=2)
    encoder.learn(make_log("abbc", "xxyy", times=[1, 1, 2, 1]))
    new = encoder.encode(make_log("acd", "xxx", times=[5, 5, 5]))
    assert (new.codes[:, 0] == UNKNOWN).all()
    assert past_items(encoder, new) == ["x", "y", ""]


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


def test_user_lists_by_hand():
    """At k = 1 the lists are of users with 2 rows or more, by first appearance."""
    lists = user_lists(np.array(list("bacabb")), 1)
    assert lists.rows.tolist() == [0, 4, 5, 1, 3]
    assert lists.lengths.tolist() == [3, 2]
    assert lists.ids.tolist() == [0, 0, 0, 1, 1]


def test_user_lists_need_a_user_with_more_than_k_rows():
    """Otherwise the error says how long the longest list is."""
    with pytest.raises(ValueError, match=r"no user has more than k=3 .* 2 lists has 3"):
        user_lists(np.array(list("aaab")), 3)


@modest
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.integers(1, 8),
    st.integers(0, 2**31),
)
def test_a_sample_has_whole_lists(users, n_users, seed):
    """It holds all rows of that many users, each once, list after list."""
    users = np.array(users + [0] * 3)
    lists = user_lists(users, 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sample, positions = lists.sample(n_users)
    assert len(sample.lengths) == min(n_users, len(lists.lengths))
    assert torch.equal(lists.rows[positions], sample.rows)
    drawn = set()
    for rows in sample.rows.split(sample.lengths.tolist()):
        (user,) = set(users[rows])
        assert rows.tolist() == np.flatnonzero(users == user).tolist()
        drawn.add(user)
    assert len(drawn) == len(sample.lengths)


def test_samples_differ():
    """Another draw gives other users: the sample is random."""
    lists = user_lists(np.repeat(np.arange(100), 2), 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = [set(lists.sample(10)[0].rows.tolist()) for _ in range(2)]
    assert first != second


def test_latest_rows_by_hand():
    """Half of a's 4 rows, its latest; of b's 3 rows 1.5, rounded up to 2."""
    log = make_log("abaabab", "xxxxxxx", times=[4, 1, 1, 3, 2, 2, 3])
    held = latest_rows(log, "user_id", "timestamp", 0.5)
    assert held.tolist() == [True, False, False, True, True, False, True]


def test_latest_rows_leave_lists_to_rank():
    """With k = 2, a user with 6 rows gives 3 and one with 5 only the fraction."""
    log = make_log("aaaaaabbbbb", "x" * 11)
    held = latest_rows(log, "user_id", None, 0.1, k=2)
    assert np.flatnonzero(held).tolist() == [3, 4, 5, 10]


def test_latest_rows_without_users_or_times():
    """All rows are one user's, and the last rows are the latest."""
    held = latest_rows(make_log("abcd", "xxxx"), None, None, 0.25)
    assert held.tolist() == [False, False, False, True]


@modest
@given(some_events, st.floats(0, 1), st.none() | st.integers(1, 4))
def test_held_rows_are_the_latest_of_each_user(rows, fraction, k):
    """As many as stated, none before a row that is kept; at ties the later row."""
    users, times = zip(*rows, strict=True)
    log = make_log(users, users, times=list(times))
    held = latest_rows(log, "user_id", "timestamp", fraction, k=k)
    for user, size in Counter(users).items():
        count = int(np.floor(fraction * size + 0.5))
        if k is not None and size >= 2 * (k + 1):
            count = max(count, k + 1)
        mine = [i for i in range(len(users)) if users[i] == user]
        by_time = sorted(mine, key=lambda i: (times[i], i))
        expected = sorted(by_time[size - count :])
        assert [i for i in mine if held[i]] == expected
