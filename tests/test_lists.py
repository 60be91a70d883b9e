"""Lists of users."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._ids import read_ids
from sklabelcraft._lists import Lists

modest = settings(max_examples=50, deadline=None)


def lists_of(users, k, **options):
    return Lists.of(read_ids(users), k, **options)


def test_by_hand():
    """At k = 1 the lists are of users with 2 rows or more, by first appearance."""
    lists = lists_of(np.array(list("bacabb")), 1)
    assert lists.rows.tolist() == [0, 4, 5, 1, 3]
    assert lists.lengths.tolist() == [3, 2]
    assert lists.ids.tolist() == [0, 0, 0, 1, 1]
    assert lists.starts.tolist() == [0, 3]


@modest
@given(
    st.lists(st.sampled_from([0, 1, 2**60, 2**60 + 1, None]), min_size=1),
    st.integers(0, 5),
)
def test_whole_lists_of_users_with_more_than_k_rows(users, k):
    """Each row of such a user is once in that user's list, in the order of the log."""
    sizes = {user: users.count(user) for user in users}
    expected = [user for user, size in sizes.items() if size > k]
    if not expected:
        with pytest.raises(ValueError, match=f"no user has more than k={k} rows"):
            lists_of(users, k)
        return
    lists = lists_of(users, k)
    parts = lists.rows.split(lists.lengths.tolist())
    for user, rows in zip(expected, parts, strict=True):
        assert rows.tolist() == [i for i, other in enumerate(users) if other == user]
    assert lists.starts.tolist() == [0, *lists.lengths.cumsum(0)[:-1].tolist()]
    assert lists.ids.bincount().tolist() == lists.lengths.tolist()


def test_a_user_with_more_than_k_rows_is_needed():
    """Otherwise the error says how long the longest list is, and what to do."""
    with pytest.raises(ValueError, match=r"no user has more than k=3 .* 2 lists has 3"):
        lists_of(np.array(list("aaab")), 3)
    message = "no user has more than k=3 held-out rows; .* has 3. Lower k."
    with pytest.raises(ValueError, match=message):
        lists_of(list("aaab"), 3, rows="held-out rows", advice=" Lower k.")


def test_missing_users_are_one():
    """They have a list of their own, whatever stands for missing."""
    lists = lists_of(np.array([None, "a", np.nan, None], dtype=object), 2)
    assert lists.rows.tolist() == [0, 2, 3]


@modest
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=40),
    st.integers(1, 8),
    st.integers(0, 2**31),
)
def test_a_sample_has_whole_lists(users, n_users, seed):
    """It holds all rows of that many users, each once, list after list."""
    users = np.array(users + [0] * 3)
    lists = lists_of(users, 2)
    sample, chosen, positions = lists.sample(
        n_users, torch.Generator().manual_seed(seed)
    )
    assert len(sample.lengths) == min(n_users, len(lists.lengths))
    assert torch.equal(lists.rows[positions], sample.rows)
    assert torch.equal(lists.lengths[chosen], sample.lengths)
    drawn = set()
    for rows in sample.rows.split(sample.lengths.tolist()):
        (user,) = set(users[rows])
        assert rows.tolist() == np.flatnonzero(users == user).tolist()
        drawn.add(user)
    assert len(drawn) == len(sample.lengths)


def test_samples_differ():
    """Another draw gives other users: the sample is random."""
    lists = lists_of(np.repeat(np.arange(100), 2), 1)
    generator = torch.Generator().manual_seed(0)
    first, second = [
        set(lists.sample(10, generator)[0].rows.tolist()) for _ in range(2)
    ]
    assert first != second


def test_a_sample_comes_from_its_generator_alone():
    """Equal generators draw the same, and the global one is left untouched."""
    lists = lists_of(np.repeat(np.arange(100), 2), 1)
    before = torch.random.get_rng_state()
    drawn = [
        lists.sample(10, torch.Generator().manual_seed(7))[0].rows for _ in range(2)
    ]
    assert torch.equal(*drawn)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("n_users", [2, 3])
def test_a_sample_of_all_users_draws_nothing(n_users):
    """It is the lists as they are, also where more are asked for."""
    lists = lists_of([0, 0, 1, 1], 1)
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    sample, chosen, positions = lists.sample(n_users, generator)
    assert sample is lists
    assert chosen.tolist() == [0, 1]
    assert positions.tolist() == [0, 1, 2, 3]
    assert torch.equal(generator.get_state(), before)


def test_of_no_rows_there_is_no_list():
    """The longest of none has none."""
    with pytest.raises(ValueError, match="the longest of 0 lists has 0"):
        lists_of(np.array([], dtype=int), 1)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_is_taken_list_by_list(seed):
    """Of rows in the order of the lists, the positions are ranges of whole lists."""
    ends = np.array([0, 3, 5, 9, 14])
    lists = lists_of(np.repeat(np.arange(4), np.diff(ends)), 1)
    _, chosen, positions = lists.sample(3, torch.Generator().manual_seed(seed))
    expected = [np.arange(ends[user], ends[user + 1]) for user in chosen]
    assert positions.tolist() == np.concatenate(expected).tolist()


def test_lists_of_some_rows_alone():
    """Of users with more than k of these: a and c with more than one, a with two."""
    lists = lists_of(np.array(list("bacabbcaca")), 1)
    assert lists.rows.tolist() == [0, 4, 5, 1, 3, 7, 9, 2, 6, 8]
    rows = torch.tensor([0, 0, 1, 1, 1, 0, 1, 0, 1, 1], dtype=torch.bool)
    assert lists.count(rows).tolist() == [1, 3, 2]
    some, users, positions = lists.only(rows, 1)
    assert some.rows.tolist() == [1, 3, 9, 6, 8]
    assert some.lengths.tolist() == [3, 2]
    assert users.tolist() == [1, 2]
    assert positions.tolist() == [3, 4, 6, 8, 9]
    some, users, positions = lists.only(rows, 2)
    assert (some.rows.tolist(), users.tolist()) == ([1, 3, 9], [1])
    assert positions.tolist() == [3, 4, 6]
