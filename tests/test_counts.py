"""Distinct values and their counts."""

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sklabelcraft import _counts
from sklabelcraft._counts import FeedbackCounts, Numbers, as_read, summed

modest = settings(max_examples=100, deadline=None)
finite = st.floats(allow_nan=False, allow_infinity=False)
tame = st.floats(-1e6, 1e6) | st.integers(-20, 20).map(lambda half: half / 2)
seconds = st.just(0.0) | st.floats(1, 7.9)  # the leading bits alone make few rows
row = st.tuples(seconds, seconds, st.booleans())
rows = st.lists(row, min_size=1, max_size=50)
FEW = 4 * 4 * 2


@pytest.fixture(autouse=True, params=[2**20, FEW])
def most(request, monkeypatch):
    """How many distinct keys are kept: more than there are, or few."""
    monkeypatch.setattr(_counts, "MOST", request.param)
    return request.param


def of_rows(rows):
    """The counts of feedback."""
    watched, duration, explicit = np.array(rows, dtype=float).reshape(-1, 3).T
    return FeedbackCounts.of(watched, duration, explicit)


def of_numbers(values):
    return Numbers.of(np.array(values, dtype=float))


def same(one, other):
    """Whether two counts agree to the last bit."""
    pairs = ((vars(one)[name], vars(other)[name]) for name in vars(one))
    return all(np.array_equal(a, b) for a, b in pairs)


def test_by_hand():
    """Each value once, ascending, with its rows; -0.0 is 0."""
    numbers = of_numbers([3, -1.5, 3, 0.0, -0.0])
    values, counts = numbers.table()
    assert values.tolist() == [-1.5, 0, 3]
    assert counts.tolist() == [1, 2, 2]
    assert (numbers.least, numbers.largest) == (-1.5, 3)
    feedback = of_rows([(5, 9, 1), (7, 9, 0), (5, 9, 1), (3, 2, 0)])
    assert feedback.duration.tolist() == [2, 9, 9]
    assert feedback.watched.tolist() == [3, 5, 7]
    assert feedback.watched_within.tolist() == [2, 5, 7]
    assert feedback.explicit.tolist() == [0, 1, 0]
    assert feedback.counts.tolist() == [1, 2, 1]
    assert feedback.watch_times().table()[0].tolist() == [3, 5, 7]
    assert [part.tolist() for part in feedback.durations().table()] == [[2, 9], [1, 3]]


def test_rounded_by_hand(monkeypatch):
    """Of six numbers next to 1, four are told apart by 11 bits; the ends are exact."""
    monkeypatch.setattr(_counts, "MOST", 4)
    values = 1 + np.array([0, 1, 2, 3, 4, 1001]) / 2**12
    numbers = Numbers.of(values)
    kept, counts = numbers.table()
    assert kept.tolist() == [1, 1 + 2 / 2**12, 1 + 4 / 2**12, 1 + 1001 / 2**12]
    assert counts.tolist() == [2, 2, 1, 1]
    assert numbers.quantile(0.2) == kept[0]
    more = numbers.merged(Numbers.of(np.array([1 + 1000 / 2**12, 1 + 1002 / 2**12])))
    assert more.table()[0].tolist()[-2:] == [1 + 1000 / 2**12, 1 + 1002 / 2**12]


@modest
@given(st.lists(finite, min_size=1, max_size=50), st.data())
def test_numbers_in_any_order_and_split(values, data):
    """Bit-equal counts, also where they are rounded."""
    order = data.draw(st.permutations(values))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    parts = [of_numbers(part) for part in np.split(np.array(order), cuts)]
    while len(parts) > 1:
        i = data.draw(st.integers(0, len(parts) - 2))
        parts[i : i + 2] = [parts[i].merged(parts[i + 1])]
    assert same(parts[0], of_numbers(values))


@modest
@given(rows, st.data())
def test_feedback_in_any_order_and_split(rows, data):
    """Bit-equal counts, also where they are rounded."""
    order = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    first, second = of_rows(order[:cut]), of_rows(order[cut:])
    assert same(first.merged(second), of_rows(rows))
    assert same(second.merged(first), of_rows(rows))


@modest
@given(st.lists(finite, min_size=1, max_size=50))
def test_rounded_no_more_than_it_takes(values):
    """At one level less there would be too many; numbers are rounded down."""
    numbers, most = of_numbers(values), _counts.MOST
    assert len(numbers.keys) <= most or numbers.level == len(Numbers.masks) - 1
    if numbers.level:
        finer = Numbers.masks[numbers.level - 1]
        exact = _counts._order(np.array(values))
        assert len(np.unique(exact & finer)) > most
    kept, counts = numbers.table()
    kept, values = np.repeat(kept, counts), np.sort(values)
    assert (kept <= values).all()
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    assert (kept[:-1] <= kept[1:]).all()


@modest
@given(rows)
def test_feedback_is_rounded_down_to_the_same_rows(rows):
    """Explicit feedback is exact, seconds are no longer than they were."""
    feedback = of_rows(rows)
    watched, duration, explicit = np.array(rows, dtype=float).T
    assert feedback.counts.sum() == len(rows)
    assert (feedback.counts * feedback.explicit).sum() == explicit.sum()
    for values, numbers in (
        (watched, feedback.watch_times()),
        (duration, feedback.durations()),
    ):
        exact, kept = np.sort(as_read(values)), np.repeat(*numbers.table())
        assert (kept <= exact).all()
        assert (kept[0], kept[-1]) == (exact[0], exact[-1])
    longest = np.repeat(*feedback.longest_alike().table())
    assert (longest >= np.sort(as_read(duration))).all()
    if feedback.level == 0:
        pairs = zip(as_read(watched), as_read(duration), explicit, strict=True)
        columns = feedback.watched, feedback.duration, feedback.explicit
        found = dict(zip(zip(*columns, strict=True), feedback.counts, strict=True))
        assert found == Counter(pairs)


@modest
@given(
    st.lists(tame, min_size=1, max_size=40),
    st.lists(st.floats(0, 1) | st.sampled_from([0, 0.1, 0.5, 0.9, 1]), min_size=1),
)
@example([1.0, 2.0, 3.0], [0.1 + 0.2, 1 / 3, 2 / 3])
def test_quantiles_are_those_of_numpy(values, q):
    """To the last bit, of the numbers that are kept."""
    numbers = of_numbers(values)
    repeated = np.repeat(*numbers.table())
    np.testing.assert_array_equal(numbers.quantile(q), np.quantile(repeated, q))
    assert numbers.quantile(q[0]) == np.quantile(repeated, q[0])
    positions = np.arange(len(repeated))
    np.testing.assert_array_equal(numbers.at(positions), repeated)


@modest
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 5)), max_size=30))
def test_sums_by_key(pairs):
    """They are those of a Counter, ascending, also of nothing."""
    keys, counts = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    expected = Counter()
    for key, count in pairs:
        expected[key] += count
    found = dict(zip(*(part.tolist() for part in summed(keys, counts)), strict=True))
    assert found == expected
    assert list(found) == sorted(found)


def test_seconds_beyond_float32_are_the_largest():
    """They are cut without a warning, and tiny ones are 0."""
    feedback = of_rows([(1e300, 1e-300, 0)])
    assert feedback.watched.tolist() == [_counts.LARGEST]
    assert feedback.duration.tolist() == [0]


def test_no_rows_add_nothing():
    """They may be a part."""
    numbers = of_numbers([2.0, 1.0])
    assert same(of_numbers([]).merged(numbers), numbers)
    feedback = of_rows([(1, 2, 0)])
    assert same(feedback.merged(of_rows([])), feedback)


def test_pickled():
    """All that is kept is kept."""
    numbers = of_numbers(np.random.default_rng(0).normal(size=50))
    assert same(pickle.loads(pickle.dumps(numbers)), numbers)


def test_bounded_in_size(monkeypatch):
    """Two million rows of two million numbers take a bounded table."""
    monkeypatch.setattr(_counts, "MOST", 2**20)
    seconds = np.random.default_rng(0).lognormal(3, 1, (2, 2_000_000))
    feedback = FeedbackCounts.of(*seconds)
    assert len(feedback.keys) <= 2**20
    numbers = Numbers.of(seconds[0])
    assert len(numbers.keys) <= 2**20
    expected = np.quantile(seconds[0], [0.1, 0.5, 0.9])
    np.testing.assert_allclose(numbers.quantile([0.1, 0.5, 0.9]), expected, rtol=1e-4)
