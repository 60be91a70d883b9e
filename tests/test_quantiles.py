"""Where a number lies among others."""

import io
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ecdf
from sklearn.preprocessing import QuantileTransformer

from sklabelcraft._counts import Numbers, as_read
from sklabelcraft._quantiles import (
    N_QUANTILES,
    GroupedQuantiles,
    Ranks,
    count_cells,
    group_edges,
    least_seconds,
    rank_among,
)

modest = settings(max_examples=50, deadline=None)
seconds = st.just(0.0) | st.floats(1e-30, 1e6)
columns = st.lists(seconds, min_size=1, max_size=40).map(np.array)
apart = st.lists(st.integers(0, 10**6), min_size=2, max_size=40, unique=True)
COARSE = st.integers(0, 4095).map(lambda eighths: eighths / 8)  # of 12 bits


def learn(watched, duration, edges=()):
    edges = np.array(edges, dtype=float)
    counts = np.ones(len(watched), dtype=int)
    return GroupedQuantiles.learn(edges, np.array(watched), np.array(duration), counts)


def labels(quantiles, watched, duration):
    watched, duration = torch.tensor(watched), torch.tensor(duration)
    return quantiles(watched.double(), duration.double()).numpy()


def counted_cells(group, watched):
    return count_cells(group, watched, np.ones(len(group), dtype=int))


def cells(watched):
    """Which watch times are told apart, written without bits of memory."""
    mantissa, exponent = np.frexp(np.float32(watched))
    return np.floor(mantissa * 2**13) * 2.0 ** (exponent - 13)


def test_shares_by_hand():
    """Durations up to 10 s are one group, longer ones the other."""
    quantiles = learn([1.0, 2, 2, 9, 5, 30], [10.0, 10, 8, 9, 20, 40], edges=[10])
    found = labels(quantiles, [0.0, 1, 2, 8, 9, 99], [10.0] * 6)
    np.testing.assert_array_equal(found, [0, 0.25, 0.75, 0.75, 1, 1])
    found = labels(quantiles, [1.0, 5, 29, 30], [11.0] * 4)
    np.testing.assert_array_equal(found, [0, 0.5, 0.5, 1])


@modest
@given(hnp.arrays(float, 20, elements=COARSE), hnp.arrays(float, 20, elements=COARSE))
def test_exact_where_the_watch_times_have_few_digits(watched, unseen):
    """It is scipy's ECDF of watch times of 12 significant bits."""
    quantiles, expected = learn(watched, [1.0] * 20), ecdf(watched).cdf
    found = labels(quantiles, np.append(watched, unseen), [1.0] * 40)
    np.testing.assert_array_equal(found, expected.evaluate([*watched, *unseen]))


@modest
@given(columns)
@example(np.array([1.0, 1.0001, 1.0002, 1.0003, 2.0]))
def test_else_within_the_share_of_the_rows_in_the_same_cell(watched):
    """A watch time counts as large as those that agree with it to one part in 4096."""
    quantiles = learn(watched, np.ones(len(watched)))
    found = labels(quantiles, watched, np.ones(len(watched)))
    cell = cells(watched)
    exact = (watched <= watched[:, None]).mean(axis=1)
    share = (cell == cell[:, None]).mean(axis=1)
    assert (found >= exact - 1e-12).all()
    assert (found <= exact + share + 1e-12).all()
    np.testing.assert_allclose(found, (cell <= cell[:, None]).mean(axis=1))


@modest
@given(columns, columns)
def test_more_watch_time_is_no_lower_share(watched, unseen):
    """Shares rise with the watch time, from 0 to 1."""
    quantiles = learn(watched, np.ones(len(watched)))
    found = labels(quantiles, np.sort(unseen), np.ones(len(unseen)))
    assert (np.diff(found) >= 0).all()
    assert found.min() >= 0
    assert labels(quantiles, [watched.max(), 1e38], [1.0, 1.0]).tolist() == [1, 1]


@modest
@given(columns, st.randoms(use_true_random=False))
def test_order_of_the_learned_rows_does_not_matter(watched, random):
    """Counts are whole numbers: they add up to the same in any order."""
    duration, order = watched[::-1].copy(), list(range(len(watched)))
    random.shuffle(order)
    edges = group_edges(Numbers.of(as_read(duration)), 3)
    first = learn(watched, duration, edges)
    second = learn(watched[order], duration[order], edges)
    for name, values in first.state_dict().items():
        torch.testing.assert_close(second.state_dict()[name], values, rtol=0, atol=0)


@modest
@given(columns, st.integers(0, 40))
def test_counts_of_two_logs_add_up(watched, first):
    """They are those of both logs in one."""
    group = np.arange(len(watched)) % 2
    parts = [slice(0, first), slice(first, None)]
    counted = [counted_cells(group[part], watched[part]) for part in parts]
    added = Counter()
    for part in counted:
        added.update(dict(zip(*part, strict=True)))
    assert added == dict(zip(*counted_cells(group, watched), strict=True))


@modest
@given(hnp.arrays(float, 20, elements=COARSE), hnp.arrays(float, 9, elements=COARSE))
def test_least_seconds_of_a_share(watched, unseen):
    """Of any watch time's share, it is the longest known one that is not beyond."""
    quantiles, one = learn(watched, np.ones(20)), torch.ones(9).double()
    found = least_seconds(
        lambda seconds: quantiles(seconds, one),
        quantiles(torch.from_numpy(unseen), one),
    )
    known = np.append(0.0, watched)  # no seconds for the share 0
    expected = [known[known <= seconds].max() for seconds in unseen]
    np.testing.assert_array_equal(found, expected)


def test_bounded_size():
    """Of whole milliseconds up to a minute, only 12-bit values take room."""
    rng = np.random.default_rng(0)
    watched = rng.integers(0, 60_001, 100_000) / 1000
    some, all_ = (learn(part, np.ones(len(part))) for part in (watched[::2], watched))
    n_cells = len(np.unique(cells(watched)))
    assert len(all_.cells) == n_cells
    assert n_cells < 0.5 * len(np.unique(watched))
    assert len(some.cells) <= n_cells
    size = sum(buffer.nbytes for buffer in all_.buffers())
    assert size <= 16 * n_cells + 100


def test_zero_has_one_sign():
    """-0.0 is 0: it is not taken for less, nor counted in another group."""
    positive = learn([0.0, 0, 1, 2], [5.0, 50, 5, 50], edges=[10])
    negative = learn([-0.0, -0.0, 1, 2], [5.0, 50, 5, 50], edges=[10])
    for quantiles in (positive, negative):
        found = labels(quantiles, [0.0, -0.0, 0.0, -0.0], [5.0, 5, 50, 50])
        np.testing.assert_array_equal(found, [0.5] * 4)


def test_the_module_is_saved_as_its_buffers():
    """It can be stored and loaded whole, and has nothing to be trained."""
    quantiles = learn([1.0, 2, 3], [5.0, 5, 50], edges=[10])
    assert list(quantiles.parameters()) == []
    file = io.BytesIO()
    torch.save(quantiles.state_dict(), file)
    file.seek(0)
    loaded = learn([7.0, 8, 9], [5.0, 5, 50], edges=[10])
    loaded.load_state_dict(torch.load(file))
    found = labels(loaded, [1.0, 2, 3], [5.0, 5, 50])
    np.testing.assert_array_equal(found, [0.5, 1, 1])


@modest
@given(columns, st.integers(1, 10))
@example(np.arange(5.0), 5)  # of which 3 / 5 is no sum of powers of 2
def test_groups_of_durations(duration, n_groups):
    """None is empty, none is wider than stated but where durations are equal."""
    edges = group_edges(Numbers.of(duration), n_groups)
    assert (np.diff(edges) > 0).all()
    sizes = np.bincount(np.searchsorted(edges, duration), minlength=len(edges) + 1)
    assert len(sizes) <= n_groups
    assert sizes.min() > 0
    if len(np.unique(duration)) == len(duration) >= n_groups:
        assert len(sizes) == n_groups
        assert sizes.max() - sizes.min() <= 1


def test_ranks_by_hand():
    """From 0 to 1; a repeated value has the middle of its ranks, others between."""
    ranks = Ranks.learn(np.array([3.0, 1, 2, 2, 4]))
    values = np.array([0, 1, 1.5, 2, 2.5, 3, 4, 5])
    expected = np.array([0, 0, 0.5, 1.5, 2.5, 3, 4, 4]) / 4
    np.testing.assert_allclose(ranks(values), expected)


def test_ranks_among_a_single_value():
    """It is in the middle, what is below at 0 and what is above at 1."""
    for values in ([7.0], [7.0] * 5):
        ranks = Ranks.learn(np.array(values))
        np.testing.assert_array_equal(ranks(np.array([6.0, 7, 8])), [0, 0.5, 1])


@modest
@given(apart.map(np.array), columns)
def test_ranks_are_those_of_the_quantile_transformer(learned, unseen):
    """They are scikit-learn's, where no learned value is repeated."""
    theirs = QuantileTransformer(n_quantiles=len(learned), subsample=None)
    theirs.fit(learned[:, None].astype(float))
    values = np.concatenate([learned, unseen])
    expected = theirs.transform(values[:, None])[:, 0]
    np.testing.assert_allclose(Ranks.learn(learned)(values), expected, atol=1e-6)


@modest
@given(columns, columns)
def test_ranks_rise_from_0_to_1(learned, unseen):
    """A larger value has no lower rank; the ends are exact."""
    ranks = Ranks.learn(learned)
    assert (np.diff(ranks(np.sort(unseen))) >= -1e-12).all()
    below, above = ranks(np.array([learned.min() - 1, learned.max() + 1]))
    assert (below, above) == (0, 1)
    assert ((ranks(unseen) >= 0) & (ranks(unseen) <= 1)).all()


def test_ranks_are_bounded_in_size():
    """A thousand quantiles serve any number of rows, to one part in a thousand."""
    values = np.random.default_rng(0).lognormal(3, 1, 20_000)
    ranks = Ranks.learn(values)
    assert len(ranks.points) == N_QUANTILES
    exact = np.argsort(np.argsort(values)) / (len(values) - 1)
    assert np.abs(ranks(values) - exact).max() <= 1 / N_QUANTILES


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_ranks_of_tensors(shape):
    """They have the shape of the values, and pass a gradient between quantiles."""
    points = torch.tensor([0.0, 1, 3], dtype=torch.float64)
    values = torch.full(shape, 2.0, dtype=torch.float64, requires_grad=True)
    ranks = rank_among(points, values)
    assert ranks.shape == shape
    torch.testing.assert_close(ranks, torch.full(shape, 0.75, dtype=torch.float64))
    ranks.sum().backward()
    torch.testing.assert_close(values.grad, torch.full_like(values, 0.25))


@pytest.mark.parametrize("n_groups", [8, 9, 10**18, 10**30])
def test_more_groups_than_rows_are_one_for_each_number(n_groups):
    """They take no more room."""
    numbers = Numbers.of(np.array([3.0, 1.0, 2.0, 2.0, 5.0, 3.0, 5.0]))
    assert group_edges(numbers, n_groups).tolist() == [1.0, 2.0, 3.0]
