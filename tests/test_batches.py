"""What a network sees: encoded impressions, and the pasts that they share."""

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import _batches
from sklabelcraft._batches import (
    Batch,
    Impressions,
    Pasts,
    numbered,
    renumber,
    share_windows,
)

modest = settings(max_examples=50, deadline=None)
windows = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=1)


def make_pasts(start, stop):
    """A store of 6 rows, of which some are the same past impression."""
    return Pasts(
        torch.tensor(start),
        torch.tensor(stop),
        torch.tensor([2, 0, 0, 1, 2, 1]),
        torch.tensor([[10, 11], [20, 21], [30, 31]]),
        (1, 2),
        torch.empty(3, dtype=torch.int64),
    )


def seen(pasts, rows):
    """The past impressions of each row, by the first of their codes."""
    past, past_rows, mask, past_of = pasts.of(rows)
    return [
        [int(past[i, 0]) for i, there in zip(*pair, strict=True) if there]
        for pair in zip(past_rows[past_of], mask[past_of], strict=True)
    ]


def test_pasts_by_hand():
    """Rows 0 and 2 share a past; each distinct impression is there once."""
    pasts = make_pasts([0, 3, 0, 5], [3, 5, 3, 5])
    past, past_rows, mask, past_of = pasts.of(torch.tensor([0, 1, 2, 3]))
    assert len(past) == 3
    assert past_rows.shape == mask.shape == (3, 3)
    assert past_of[0] == past_of[2]
    assert mask.dtype == torch.float32
    assert mask[past_of].sum(1).tolist() == [3, 2, 3, 0]
    assert seen(pasts, torch.tensor([0, 1, 2, 3])) == [
        [30, 10, 10],
        [20, 30],
        [30, 10, 10],
        [],
    ]


def test_only_what_is_needed_is_in_the_past():
    """A batch is as wide as its longest past, and holds no other impressions."""
    pasts = make_pasts([0, 3, 0, 5], [3, 5, 3, 5])
    past, past_rows, _, _ = pasts.of(torch.tensor([1]))
    assert past_rows.shape == (1, 2)
    assert sorted(past[:, 1].tolist()) == [21, 31]
    past, past_rows, mask, past_of = pasts.of(torch.tensor([3, 3]))
    assert past_rows.shape == mask.shape == (2, 0)
    assert past_of.tolist() == [0, 1]
    past, past_rows, mask, past_of = pasts.of(torch.tensor([], dtype=torch.int64))
    assert len(past_rows) == len(past_of) == 0


@modest
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1))
def test_each_row_sees_its_window_of_the_store(pairs):
    """Whatever the rows of a batch share."""
    pairs = [sorted(pair) for pair in pairs]
    start, stop = zip(*pairs, strict=True)
    pasts = make_pasts(start, stop)
    store = pasts.past[pasts.store, 0].tolist()
    expected = [store[first:last] for first, last in pairs]
    assert seen(pasts, torch.arange(len(pairs))) == expected
    chosen = torch.arange(len(pairs)).flip(0)[: len(pairs) // 2]
    assert seen(pasts, chosen) == [expected[i] for i in chosen]


def make_impressions():
    codes = torch.tensor([[1, 2], [3, 4], [5, 6], [7, 8]])
    numeric = torch.tensor([[0.1], [0.2], [0.3], [0.4]])
    return Impressions(codes, numeric, make_pasts([0, 3, 0, 5], [3, 5, 3, 5]))


def test_a_batch_has_the_rows_that_were_asked_for():
    """Codes, numbers and pasts are of the same rows."""
    impressions = make_impressions()
    assert len(impressions) == 4
    rows = torch.tensor([2, 1])
    batch = impressions.batch(rows)
    assert batch.codes.tolist() == [[5, 6], [3, 4]]
    torch.testing.assert_close(batch.numeric, torch.tensor([[0.3], [0.2]]))
    for found, expected in zip(batch[2:6], impressions.pasts.of(rows), strict=True):
        torch.testing.assert_close(found, expected)


@modest
@given(st.integers(0, 6), st.integers(0, 6))
def test_a_part_of_a_batch_has_the_pasts_of_its_rows(first, last):
    """And of padding, but no others; the whole is the batch itself."""
    chosen = torch.tensor([2, 1, 0, 0, 3, 1])
    impressions, rows = make_impressions(), slice(*sorted((first, last)))
    batch = impressions.batch(chosen)
    part, own = batch.part(rows), impressions.batch(chosen[rows])
    assert torch.equal(part.codes, own.codes)
    assert torch.equal(part.numeric, own.numeric)
    assert pasts_of(part) == pasts_of(own)
    assert part.past_rows.unique().tolist() == list(range(len(part.past)))
    assert len(part.past_rows) == len(part.past_of.unique())
    assert batch.part(slice(0, 6)) is batch


def pasts_of(batch):
    """The first code of each past impression of each row."""
    rows, there = batch.past_rows[batch.past_of], batch.past_mask[batch.past_of] > 0
    pairs = zip(rows, there, strict=True)
    return [batch.past[row[mask], 0].tolist() for row, mask in pairs]


def test_a_batch_of_another_type():
    """Numbers and the mask change their type, codes do not."""
    batch = make_impressions().batch(torch.arange(4))
    double = batch.to(torch.float64)
    assert isinstance(double, Batch)
    assert double.numeric.dtype == double.past_mask.dtype == torch.float64
    for name in ("codes", "past", "past_rows", "past_of"):
        assert getattr(double, name) is getattr(batch, name)
    assert batch.numeric.dtype == torch.float32


def test_rows_on_a_device():
    """All tensors are moved, those of the pasts too; at home nothing is copied."""
    impressions = make_impressions()
    assert impressions.to(torch.device("cpu")) is impressions
    moved = impressions.to(torch.device("meta"))
    tensors = [*vars(moved).values(), *vars(moved.pasts).values()]
    devices = {part.device.type for part in tensors if torch.is_tensor(part)}
    assert devices == {"meta"}
    assert moved.pasts.columns == (1, 2)
    assert impressions.pasts.store.device.type == "cpu"


def test_distinct_numbers_rise_where_they_must():
    """And the others are positions among them."""
    parts, room = [torch.tensor([7, 2, 7, 5])], torch.empty(8, dtype=torch.int64)
    assert renumber(parts, room, ordered=True).tolist() == [2, 5, 7]
    assert parts[0].tolist() == [2, 0, 2, 1]


def test_renumber_by_hand():
    """Numbers become positions among the distinct ones, in all parts alike."""
    parts = [torch.tensor([7, 3, 7]), torch.tensor([[3, 5]])]
    distinct = renumber(parts, torch.empty(8, dtype=torch.int64))
    assert sorted(distinct.tolist()) == [3, 5, 7]
    assert distinct[parts[0]].tolist() == [7, 3, 7]
    assert distinct[parts[1]].tolist() == [[3, 5]]


@modest
@given(
    st.lists(st.lists(st.integers(0, 9)), min_size=1, max_size=3),
    st.sampled_from([1, 2, 5, 100]),
)
def test_renumbered_parts_are_the_same_numbers(numbers, piece):
    """Each distinct number is there once, in many pieces and where the room is used."""
    parts = [torch.tensor(part, dtype=torch.int64) for part in numbers]
    room = torch.full((10,), 99)
    with mock.patch.object(_batches, "PIECE", piece):
        distinct = renumber(parts, room)
    assert sorted(distinct.tolist()) == sorted(set().union(*numbers))
    for part, expected in zip(parts, numbers, strict=True):
        assert distinct[part].tolist() == expected


@modest
@given(windows)
def test_shared_windows_give_each_row_its_own_and_a_slot(pairs):
    """No two rows have the same slot, and there are not many more slots than rows."""
    start = torch.tensor([first for first, _ in pairs])
    stop = start + torch.tensor([length for _, length in pairs])
    first, last, window = share_windows(start, stop, 10)
    assert (first[window] == start).all()
    assert (last[window] == stop).all()
    assert window.unique().tolist() == list(range(len(first)))
    slot = numbered(window)
    places = set(zip(window.tolist(), slot.tolist(), strict=True))
    assert len(places) == len(pairs)
    assert len(first) * (int(slot.max()) + 1) <= 10 * len(pairs)


def test_a_crowded_window_is_repeated():
    """Ninety rows with one past and ten alone do not make a table of 11 x 90."""
    start = torch.cat([torch.zeros(90, dtype=torch.int64), torch.arange(10)])
    first, _, window = share_windows(start, start + 3, 100)
    assert len(first) == 9 + 3
    assert int(numbered(window).max()) == 39


@pytest.mark.parametrize(
    ("groups", "expected"),
    [([], []), ([2, 0, 2, 2, 0], [0, 0, 1, 2, 1]), ([5], [0])],
)
def test_numbered_by_hand(groups, expected):
    """Rows of a group are counted from 0, in their order."""
    groups = torch.tensor(groups, dtype=torch.int64)
    assert numbered(groups).tolist() == expected
