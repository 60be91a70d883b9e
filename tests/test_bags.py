"""Lists of codes, of any lengths, in several columns."""

from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft._bags import NO_BAGS, Bags
from sklabelcraft._batches import Batch
from sklabelcraft.modules import Embeddings

modest = settings(max_examples=50, deadline=None)
codes = st.lists(st.integers(0, 4), max_size=4)
tables = st.lists(st.tuples(codes, codes), min_size=1, max_size=6)
TYPES = {np.array: np.int64, torch.tensor: torch.int64}


def make_bags(table):
    """Rows of lists, one for each column."""
    columns = [
        (np.array([*chain(*lists)], dtype=np.int64), np.array([*map(len, lists)]))
        for lists in zip(*table, strict=True)
    ]
    return Bags.of(columns)


def lists_in(bags):
    """The lists of each row."""
    parts = iter(bags.codes.split(bags.lengths.flatten().tolist()))
    return [
        tuple(next(parts).tolist() for _ in range(bags.n_columns)) for _ in bags.lengths
    ]


def test_bags_by_hand():
    """Row after row, in each column by column, in each list by code."""
    bags = make_bags([([3, 1], [2]), ([], [4, 4, 0])])
    assert bags.codes.tolist() == [1, 3, 2, 0, 4, 4]
    assert bags.lengths.tolist() == [[2, 1], [0, 3]]
    assert bags.column.tolist() == [0, 0, 1, 1, 1, 1]
    assert Bags.of([]) is NO_BAGS


def test_pooled_embeddings_by_hand():
    """Of a list it is the mean of its elements', of none 0; columns of lists last."""
    embeddings = Embeddings([2, 5], 2)
    table = torch.arange(14.0).view(7, 2)
    embeddings.load_state_dict({"table.weight": table, "starts": embeddings.starts})
    codes = torch.tensor([[1], [0], [1]])
    batch = Batch(codes, *[None] * 5, make_bags([([0, 3],), ([],), ([4, 4, 1],)]))
    embedded = embeddings.of(batch)
    assert embedded[:, 0].tolist() == [[2, 3], [0, 1], [2, 3]]
    mean = [(2 * 12 + 6) / 3, (2 * 13 + 7) / 3]
    assert embedded[:, 1].tolist() == [[7, 8], [0, 0], mean]


def test_codes_alone_do_not_stand_for_lists():
    """Embedding fewer columns than there are is refused."""
    embeddings = Embeddings([2, 5], 2)
    with pytest.raises(ValueError, match=r"codes of 1 columns for 2.*lists"):
        embeddings(torch.zeros(3, 1, dtype=torch.int64))


@modest
@given(tables, st.data())
def test_some_rows_have_their_own_lists(table, data):
    """At any positions, in any order, or in a slice."""
    bags, n = make_bags(table), len(table)
    expected = [tuple(map(sorted, row)) for row in table]
    assert lists_in(bags) == expected
    index = data.draw(st.lists(st.integers(0, n - 1)))
    for kind in TYPES:
        some = bags.rows(kind(index, dtype=TYPES[kind]))
        assert lists_in(some) == [expected[i] for i in index]
    assert lists_in(bags.rows(slice(1, 3))) == expected[1:3]
    both = bags.followed_by(bags.rows(torch.tensor(index, dtype=torch.int64)))
    assert lists_in(both) == expected + [expected[i] for i in index]


@modest
@given(tables)
def test_means_are_those_of_each_list_alone(table):
    """The values of its elements and no others."""
    bags = make_bags(table)
    values = torch.randn(5, 3, dtype=torch.float64)
    means = bags.mean(values[bags.codes])
    for row, found in zip(table, means, strict=True):
        for listed, mean in zip(row, found, strict=True):
            wanted = values[listed].mean(0) if listed else torch.zeros(3)
            torch.testing.assert_close(mean, wanted.double())


def test_no_columns_are_of_any_rows():
    """Where there are no lists, nothing is kept for rows."""
    assert NO_BAGS.rows(slice(3)) is NO_BAGS
    assert NO_BAGS.followed_by(NO_BAGS).n_columns == 0
    assert NO_BAGS.mean(torch.zeros(0, 4)).shape == (0, 0, 4)


def test_other_types_and_devices():
    """Both tensors change; the state is that of both alone."""
    bags = make_bags([([1, 2], [])])
    bags.rows([0])
    assert bags.to(torch.int32).codes.dtype == bags.to(torch.int32).lengths.dtype
    assert bags.to("meta").lengths.device.type == "meta"
    assert bags.__getstate__().keys() == {"codes", "lengths"}
