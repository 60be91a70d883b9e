"""The metrics, by hand, against scikit-learn, and their contract."""

from functools import partial

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import ndcg_score

from sklabelcraft import ds_score, neg_score, nwtg_score

modest = settings(max_examples=50, deadline=None)
METRICS = [nwtg_score, neg_score, ds_score]
GAINS = [nwtg_score, neg_score]
SECOND = 1 / np.log2(3)  # the discount of rank 2


@st.composite
def logs(draw, largest_gain=100.0):
    """Shuffled rows of 1 to 5 users: gains, scores without ties, groups, and k."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, 4))
    sizes = [k + 1, *draw(st.lists(st.integers(1, 9), max_size=4))]
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    gains = rng.uniform(0.1, largest_gain, size=len(groups))
    return gains, rng.normal(size=len(groups)), groups, k


def by_user(groups, k):
    """Rows of each user with more than k of them, in order of first appearance."""
    rows = [np.flatnonzero(groups == user) for user in dict.fromkeys(groups)]
    return [row for row in rows if len(row) > k]


def test_nwtg_by_hand():
    """Shown are 0 s and 5 s where 10 s and 5 s were possible; 7 s where 8 s were."""
    watch_time = [10, 0, 5, 7, 8, 0]
    scores = [0.1, 0.9, 0.5, 0.3, 0.2, 0.1]
    value = nwtg_score(watch_time, scores, groups=list("aaabbb"), k=2)
    first = 5 * SECOND / (10 + 5 * SECOND)
    second = (7 + 8 * SECOND) / (8 + 7 * SECOND)
    assert value == pytest.approx((first + second) / 2, rel=1e-14)


def test_neg_by_hand():
    """The only engagement of each user is at rank 2 and rank 1: 1/log2(3) and 1."""
    like, follow = [0, 0, 1, 0, 0, 0], [0, 0, 3, 1, 0, 0]
    scores = [0.1, 0.9, 0.5, 0.3, 0.2, 0.1]
    explicit = np.column_stack([like, follow])
    value = neg_score(explicit, scores, groups=list("aaabbb"), k=2)
    assert value == pytest.approx((SECOND + 1) / 2, rel=1e-14)


def test_ds_by_hand():
    """Durations 10 and 30 spread by 10 around 20, durations 7 and 7 by 0."""
    duration = [99, 10, 30, 7, 7, 50]
    scores = [0.1, 0.9, 0.5, 0.3, 0.2, 0.1]
    value = ds_score(duration, scores, groups=list("aaabbb"), k=2)
    assert value == pytest.approx(5, rel=1e-14)


@modest
@given(logs())
def test_nwtg_is_the_mean_of_ndcg(log):
    """It is scikit-learn's NDCG@k of the watch time, averaged over the users."""
    watch_time, scores, groups, k = log
    expected = [
        ndcg_score([watch_time[rows]], [scores[rows]], k=k)
        for rows in by_user(groups, k)
    ]
    value = nwtg_score(watch_time, scores, groups=groups, k=k)
    assert value == pytest.approx(np.mean(expected), rel=0, abs=1e-12)


@modest
@given(logs(largest_gain=3.0))
def test_neg_is_the_mean_of_ndcg_of_the_indicator(log):
    """It is scikit-learn's NDCG@k of having engaged at all, averaged over the users."""
    counts, scores, groups, k = log
    counts = counts.astype(int)
    counts[[rows[0] for rows in by_user(groups, k)]] = 2  # no ideal of 0
    expected = [
        ndcg_score([counts[rows] > 0], [scores[rows]], k=k)
        for rows in by_user(groups, k)
    ]
    value = neg_score(counts, scores, groups=groups, k=k)
    assert value == pytest.approx(np.mean(expected), rel=0, abs=1e-12)


@modest
@given(logs())
def test_ds_is_the_standard_deviation_of_the_top(log):
    """Per user it is np.std of the durations of the k highest scores."""
    duration, scores, groups, k = log
    expected = [
        np.std(duration[rows][np.argsort(-scores[rows])[:k]])
        for rows in by_user(groups, k)
    ]
    value = ds_score(duration, scores, groups=groups, k=k, average=None)
    np.testing.assert_allclose(value, expected, atol=1e-12)


@modest
@given(logs(), st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(log, random):
    """Without ties, permuted rows give the same value."""
    values, scores, groups, k = log
    order = random.sample(range(len(groups)), len(groups))
    for metric in METRICS:
        permuted = metric(values[order], scores[order], groups=groups[order], k=k)
        expected = metric(values, scores, groups=groups, k=k)
        assert permuted == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_average_none_is_one_value_per_user(metric):
    """Values come in order of first appearance and average to the score."""
    values, scores = [0, 1, 4, 1, 3, 1], [3, 2, 1, 3, 2, 1]
    one = metric(values[::2], scores[::2], groups=["b"] * 3, k=2)
    other = metric(values[1::2], scores[1::2], groups=["a"] * 3, k=2)
    score = partial(metric, values, scores, groups=list("bababa"), k=2)
    np.testing.assert_allclose(score(average=None), [one, other], rtol=1e-14)
    assert score() == pytest.approx((one + other) / 2, rel=1e-14)
    assert one != other


@pytest.mark.parametrize("metric", METRICS)
def test_users_with_at_most_k_rows_are_left_out(metric):
    """Two rows of another user change nothing at k = 2, a third does."""
    values, scores, groups = [1, 0, 8], [3, 2, 1], ["a"] * 3
    alone = metric(values, scores, groups=groups, k=2)
    short = metric([*values, 0, 9], [*scores, 9, 8], groups=[*groups, "b", "b"], k=2)
    longer = metric(
        [*values, 0, 9, 0], [*scores, 9, 8, 7], groups=[*groups, *"bbb"], k=2
    )
    assert short == alone
    assert longer != alone


@pytest.mark.parametrize("metric", METRICS)
def test_equal_scores_keep_the_order_of_the_rows(metric):
    """All scores equal are as scores that fall with the row."""
    values, groups = [0, 3, 0, 9, 1, 2], list("abbaab")
    tied = metric(values, np.zeros(6), groups=groups, k=2)
    assert tied == metric(values, -np.arange(6), groups=groups, k=2)
    assert tied != metric(values, np.arange(6), groups=groups, k=2)


@pytest.mark.parametrize("metric", GAINS)
def test_users_without_any_gain(metric):
    """By default they are left out with a warning that counts them, else valued."""
    values, scores, groups = [0, 3, 0, 0, 0, 0], [2, 1, 2, 1, 2, 1], list("aabbcc")
    score = partial(metric, values, scores, groups=groups, k=1)
    with pytest.warns(UndefinedMetricWarning, match="2 of 3 users"):
        assert score() == 0
    assert score(zero_division=0.0) == 0
    assert score(zero_division=1.0) == pytest.approx(2 / 3)
    np.testing.assert_array_equal(score(average=None), [0, np.nan, np.nan])
    np.testing.assert_array_equal(score(average=None, zero_division=0.5), [0, 0.5, 0.5])


@pytest.mark.parametrize("metric", GAINS)
def test_no_user_with_any_gain(metric):
    """If all users are to be left out, there is no score."""
    with pytest.raises(ValueError, match="none of the 2 users has any gain"):
        metric(np.zeros(4), np.arange(4), groups=[0, 0, 1, 1], k=1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "groups",
    [
        list("baabba"),
        np.array(["1", 1, 1, "1", "1", 1], dtype=object),
        np.array([None, "a", "a", None, None, "a"], dtype=object),
        np.array([np.nan, 1, 1, np.nan, np.nan, 1]),
        np.array([0, 2**62, 2**62, 0, 0, 2**62]),
        pd.Series(list("baabba"), index=[3, 3, 1, 0, -1, 7]),
        pl.Series(list("baabba")),
    ],
    ids=["str", "objects", "none", "nan", "large", "pandas", "polars"],
)
def test_users_may_be_anything(metric, groups):
    """Strings, objects or missing ones name users as well as numbers do."""
    values, scores = [1, 2, 0, 4, 0, 3], [1, 3, 2, 4, 6, 5]
    expected = metric(values, scores, groups=[0, 1, 1, 0, 0, 1], k=2, average=None)
    value = metric(values, scores, groups=groups, k=2, average=None)
    np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 3}, "no user has more than k=3 rows; the longest of 2 lists has 3"),
        ({"k": 0}, "The 'k' parameter .* must be an int in the range"),
        ({"scores": [1, np.nan, 3, 4, 5]}, "scores must be finite"),
        ({"scores": [1, np.inf, 3, 4, 5]}, "scores must be finite"),
        ({"values": [1, -1, 3, 4, 5]}, "finite and >= 0"),
        ({"values": [1, np.nan, 3, 4, 5]}, "finite and >= 0"),
        ({"values": [1, 2, 3, 4]}, "as many rows as scores, 5; got 4"),
        ({"groups": [0, 0, 1, 1]}, "inconsistent numbers of samples"),
    ],
)
def test_refuses(metric, change, message):
    """What cannot be measured raises a ValueError that says why."""
    case = {"values": [1, 2, 3, 4, 5], "scores": [1, 2, 3, 4, 5]}
    case |= {"groups": [0, 0, 1, 1, 1], "k": 2} | change
    with pytest.raises(ValueError, match=message):
        metric(case.pop("values"), case.pop("scores"), **case)


def test_neg_refuses_a_negative_signal_among_several():
    """A negative count is refused even where the signals' sum is not negative."""
    with pytest.raises(ValueError, match="finite and >= 0"):
        neg_score([[2, -1], [0, 0]], [2, 1], groups=[0, 0], k=1)
