"""The metrics, by hand, against scikit-learn, and their contract."""

import warnings
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import ndcg_score

from sklabelcraft import ds_score, neg_score, nwtg_score

modest = settings(max_examples=50, deadline=None)
METRICS = [nwtg_score, neg_score, ds_score]
GAINS = [nwtg_score, neg_score]
DISCOUNT = 1 / np.log2(np.arange(2, 12))
SECOND = DISCOUNT[1]


@st.composite
def logs(draw, largest_gain=100.0, levels=None, longest=9):
    """Shuffled rows of 1 to 5 users: gains, scores, groups, and k.

    Scores have no ties, unless they are of so many levels.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, 4))
    sizes = [k + 1, *draw(st.lists(st.integers(1, longest), max_size=4))]
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    gains = rng.uniform(0.1, largest_gain, size=len(groups))
    scores = rng.normal(size=len(groups))
    if levels is not None:
        scores = rng.integers(levels, size=len(groups)) / 10
        gains = np.round(gains)
    return gains, scores, groups, k


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


ANY = logs() | logs(levels=1) | logs(levels=3)


@modest
@given(ANY)
def test_nwtg_is_the_mean_of_ndcg(log):
    """It is scikit-learn's NDCG@k of the watch time, averaged over the users."""
    watch_time, scores, groups, k = log
    expected = [
        ndcg_score([watch_time[rows]], [scores[rows]], k=k, ignore_ties=False)
        for rows in by_user(groups, k)
    ]
    value = partial(nwtg_score, watch_time, scores, groups=groups, k=k)
    np.testing.assert_allclose(value(average=None, zero_division=0), expected)
    value = partial(value, zero_division=0)
    assert value() == pytest.approx(np.mean(expected), rel=0, abs=1e-12)


@modest
@given(logs(3.0) | logs(3.0, levels=1) | logs(3.0, levels=3))
def test_neg_is_the_mean_of_ndcg_of_the_indicator(log):
    """It is scikit-learn's NDCG@k of having engaged at all, averaged over the users."""
    counts, scores, groups, k = log
    counts = counts.astype(int)
    counts[[rows[0] for rows in by_user(groups, k)]] = 2  # no ideal of 0
    expected = [
        ndcg_score([counts[rows] > 0], [scores[rows]], k=k, ignore_ties=False)
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


def orders(values, scores):
    """Values by descending score, in each order that ties allow, equally often."""
    for order in permutations(range(len(scores))):
        order = np.array(order)
        yield values[order[np.argsort(-scores[order], kind="stable")]]


@modest
@given(logs(levels=2, longest=5))
def test_equal_scores_stand_for_all_their_orders(log):
    """Gains are the mean over all orders of tied rows, spreads the root of it."""
    values, scores, groups, k = log
    discount = DISCOUNT[:k]
    expected = {metric: [] for metric in METRICS}
    for rows in by_user(groups, k):
        ranked = [shown[:k] for shown in orders(values[rows], scores[rows])]
        for metric, gains in [(nwtg_score, values), (neg_score, values > 50)]:
            ideal = np.sort(gains[rows])[::-1][:k] @ discount
            shown = np.array(ranked) if metric is nwtg_score else np.array(ranked) > 50
            gain = np.mean(shown @ discount)
            expected[metric].append(gain / ideal if ideal else 0)
        expected[ds_score].append(np.sqrt(np.mean([np.var(part) for part in ranked])))
    options = {"groups": groups, "k": k, "average": None}
    found = {
        nwtg_score: nwtg_score(values, scores, zero_division=0, **options),
        neg_score: neg_score(values > 50, scores, zero_division=0, **options),
        ds_score: ds_score(values, scores, **options),
    }
    for metric in METRICS:
        np.testing.assert_allclose(found[metric], expected[metric], atol=1e-12)


def test_ties_by_hand():
    """Two of three tied rows are shown: each pair, in each order, as often."""
    rows = {"scores": [1, 1, 1], "groups": ["u"] * 3, "k": 2}
    gain = (6 + 0 + 3) / 3 * (1 + SECOND)
    assert nwtg_score([6, 0, 3], **rows) == pytest.approx(gain / (6 + 3 * SECOND))
    assert neg_score([1, 0, 0], **rows) == pytest.approx((1 + SECOND) / 3)
    variance = np.mean([np.var(pair) for pair in [(6, 0), (6, 3), (0, 3)]])
    assert ds_score([6, 0, 3], **rows) == pytest.approx(np.sqrt(variance))
    rows = {"scores": [2, 1, 1], "groups": ["u"] * 3, "k": 2}
    gain = 6 + (0 + 3) / 2 * SECOND
    assert nwtg_score([6, 0, 3], **rows) == pytest.approx(gain / (6 + 3 * SECOND))
    variance = np.mean([np.var(pair) for pair in [(6, 0), (6, 3)]])
    assert ds_score([6, 0, 3], **rows) == pytest.approx(np.sqrt(variance))


@modest
@given(ANY, st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(log, random):
    """Permuted rows give the same value, of ties as well."""
    values, scores, groups, k = log
    order = random.sample(range(len(groups)), len(groups))
    for metric in METRICS:
        permuted = metric(values[order], scores[order], groups=groups[order], k=k)
        expected = metric(values, scores, groups=groups, k=k)
        assert permuted == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_a_constant_score_is_chance(metric):
    """A log sorted by its values, reversed or shuffled has the value of chance."""
    rng = np.random.default_rng(0)
    values = np.sort(rng.permutation(40) % 30 * (rng.permutation(40) % 3 > 0))
    found = []
    for order in (np.arange(40), np.arange(40)[::-1], rng.permutation(40)):
        found.append(metric(values[order], np.zeros(40), groups=np.ones(40), k=10))
    np.testing.assert_allclose(found, found[0], rtol=1e-13)
    if metric is ds_score:
        expected = np.sqrt(9 / 10 * np.var(values, ddof=1))
    else:
        gains = values > 0 if metric is neg_score else values
        expected = (
            np.mean(gains) * DISCOUNT.sum() / (np.sort(gains)[:-11:-1] @ DISCOUNT)
        )
    assert found[0] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("metric", GAINS)
@modest
@given(ANY)
def test_the_perfect_order_is_1_and_nothing_is_more(metric, log):
    """By the gains themselves it is 1 exactly, also where they are tied."""
    values, scores, groups, k = log
    gains = values > 50 if metric is neg_score else values
    metric = partial(metric, zero_division=1.0)
    assert metric(gains, gains, groups=groups, k=k) == 1
    broken = np.argsort(np.argsort(gains))  # ties broken somehow
    perfect = metric(gains, broken, groups=groups, k=k)
    assert 1 - 1e-12 < perfect <= 1
    values = metric(gains, scores, groups=groups, k=k, average=None)
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("metric", GAINS)
@pytest.mark.parametrize("n", range(3, 9))
def test_rounding_makes_nothing_more_than_1(metric, n):
    """Where some rows have equal gains and others none, the sums may be rounded."""
    for n_gains in range(1, n + 1):
        gains = np.arange(n) < n_gains
        for k in range(1, n):
            value = metric(gains, -np.arange(n), groups=np.zeros(n), k=k)
            assert 1 - 1e-15 <= value <= 1


@modest
@given(logs(levels=5), st.integers(-1070, 1010))
def test_gains_may_be_as_large_and_small_as_floats_are(log, power):
    """The metrics are those of ordinary gains, or in proportion to them."""
    gains, scores, groups, k = log
    huge = np.ldexp(gains, power)
    for metric, factor in [(nwtg_score, 0), (neg_score, 0), (ds_score, power)]:
        options = {"groups": groups, "k": k}
        for average in ("mean", None):
            options["average"] = average
            expected = np.ldexp(metric(gains, scores, **options), factor)
            found = metric(huge, scores, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=5e-324)


def test_users_whose_gains_are_as_far_apart_as_floats_are():
    """Each is measured by itself, and their mean is finite."""
    gains, scores = [1.7e308, 0, 1e-320, 0, 1.7e308, 0], [1, 0, 0, 1, 0, 0]
    lists = {"groups": [0, 0, 1, 1, 2, 2], "k": 1}
    found = nwtg_score(gains, scores, **lists, average=None)
    assert found.tolist() == [1, 0, 0.5]
    assert nwtg_score(gains, scores, **lists) == 0.5
    lists = {"groups": [0] * 3 + [1] * 3, "k": 2}
    values = [1.7e308, 0, 0, 0, 1.7e308, 0]
    assert ds_score(values, [2, 1, 0] * 2, **lists) == pytest.approx(0.85e308)
    fallback = {"groups": [0, 0, 1, 1], "k": 1, "zero_division": 1.7e308}
    assert nwtg_score([0] * 4, [1] * 4, **fallback) == 1.7e308


def test_scores_may_be_as_far_apart_as_floats_are():
    """Neither do they overflow, nor is the least difference a tie."""
    scores = [1.7e308, -1.7e308, np.nextafter(1, 2), 1.0]
    groups = [0, 0, 1, 1]
    found = nwtg_score([1, 0, 1, 0], scores, groups=groups, k=1, average=None)
    assert found.tolist() == [1, 1]
    assert nwtg_score([1, 0], [0.0, -0.0], groups=[0, 0], k=1) == 0.5


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


@pytest.mark.parametrize("metric", GAINS)
def test_users_without_any_gain(metric):
    """By default they are left out with a warning that counts them, else valued."""
    values, scores, groups = [0, 3, 0, 0, 0, 0], [2, 1, 2, 1, 2, 1], list("aabbcc")
    score = partial(metric, values, scores, groups=groups, k=1)
    with pytest.warns(UndefinedMetricWarning, match="2 of 3 users") as warned:
        assert score() == 0
    assert warned[0].filename == __file__  # it names who calls
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
        np.array([2**62 + 1, 2**62, 2**62, 2**62 + 1, 2**62 + 1, 2**62]),
        pd.Series(list("baabba"), index=[3, 3, 1, 0, -1, 7]),
        pl.Series(list("baabba")),
        pa.array(list("baabba")),
        torch.tensor([1, 0, 0, 1, 1, 0]),
        [1, "1", "1", 1, 1, "1"],
        [2.0, 1.0, 1, 2, 2, 1],
        [True, False, 0, 1, True, False],
        pd.Series([None, 2**62, 2**62, None, None, 2**62], dtype="Int64"),
        pl.Series([2**62, None, None, 2**62, 2**62, None]),
        pa.array([None, 2**62, 2**62, None, None, 2**62]),
        pd.Categorical([None, 2**62, 2**62, None, None, 2**62]),
    ],
    ids=[
        "str", "objects", "none", "nan", "large", "pandas", "polars", "pyarrow",
        "tensor", "list", "floats", "booleans", "pandas-missing", "polars-missing",
        "pyarrow-missing", "categories-missing",
    ],
)  # fmt: skip
def test_users_may_be_anything(metric, groups):
    """Strings, objects or missing ones name users as well as numbers do."""
    values, scores = [1, 2, 0, 4, 0, 3], [1, 3, 2, 4, 6, 5]
    expected = metric(values, scores, groups=[0, 1, 1, 0, 0, 1], k=2, average=None)
    value = metric(values, scores, groups=groups, k=2, average=None)
    np.testing.assert_array_equal(value, expected)


BIG = [2**60 + i for i in range(40)] * 2
MISSING = [*BIG, None, None]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "groups",
    [
        BIG,
        np.array(BIG),
        np.array(BIG, dtype=object),
        np.array(BIG, dtype=np.uint64),
        torch.tensor(BIG),
        MISSING,
        np.array(MISSING, dtype=object),
        pd.Series(MISSING, dtype="Int64"),
        pd.Series(MISSING, dtype=object),
        pl.Series(MISSING),
        pl.Series(MISSING, dtype=pl.UInt64),
        pa.array(MISSING),
        pa.chunked_array([MISSING]),
    ],
    ids=[
        "list", "array", "objects", "unsigned", "tensor", "list-missing",
        "objects-missing", "pandas-missing", "pandas-objects-missing",
        "polars-missing", "polars-unsigned-missing", "pyarrow-missing",
        "pyarrow-chunks-missing",
    ],
)  # fmt: skip
def test_large_users_are_told_apart(metric, groups):
    """Forty users beyond 2**53 are forty lists, and missing ones are one more."""
    n = len(groups)
    values = metric(np.ones(n), np.arange(n), groups=groups, k=1, average=None)
    assert len(values) == n / 2


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
def test_explicit_feedback_may_be_missing_in_any_column(dtype):
    """A row is then known by the others."""
    signals = pd.DataFrame({"like": [1, None, 0, 1], "follow": [None, 1, 0, 0]})
    found = [
        neg_score(y, [3, 2, 1, 0], groups=[0] * 4, k=2)
        for y in (signals, signals.astype(dtype))
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 3}, "no user has more than k=3 rows; the longest of 2 lists has 3"),
        ({"k": 0}, "The 'k' parameter .* must be an int in the range"),
        ({"scores": [1, np.nan, 3, 4, 5]}, "scores must be finite"),
        ({"scores": [1, np.inf, 3, 4, 5]}, "scores must be finite"),
        ({"values": [1, -1, 3, 4, 5]}, "finite and >= 0"),
        ({"values": [1, np.inf, 3, 4, 5]}, "finite and >= 0"),
        ({"values": [1, 2, 3, 4]}, r"as many rows as scores, 5; got shape \(4,\)"),
        ({"values": range(6)}, r"as many rows as scores, 5; got shape \(6,\)"),
        ({"groups": [0, 0, 1, 1]}, "groups must have as many rows as scores, 5; got 4"),
        ({"scores": np.ones((1, 5))}, r"scores must be one column, got shape \(1, 5"),
        ({"scores": np.ones(5) * 1j}, "scores must be an array of real numbers"),
        ({"values": [1, 10**400, 3, 4, 5]}, "must be an array of real numbers"),
        (
            {"values": torch.ones(5, requires_grad=True)},
            "(watch_time|explicit|duration) must be an array of real numbers",
        ),
        (
            {"groups": np.zeros((5, 1))},
            r"groups must be one column, got shape \(5, 1\)",
        ),
        ({"groups": pd.DataFrame({"u": [1] * 5})}, "groups must be one column"),
        ({"groups": torch.ones(5).requires_grad_()}, "groups must be one column"),
        ({"groups": torch.ones(5).bfloat16()}, "groups must be one column"),
        ({"groups": [[0]] * 5}, "groups must hold values that can be keys"),
    ],
)
def test_refuses(metric, change, message):
    """What cannot be measured raises a ValueError that says why."""
    case = {"values": [1, 2, 3, 4, 5], "scores": [1, 2, 3, 4, 5]}
    case |= {"groups": [0, 0, 1, 1, 1], "k": 2} | change
    with pytest.raises(ValueError, match=message):
        metric(case.pop("values"), case.pop("scores"), **case)


MISSING = [
    [1, np.nan, 0, 0, 1],
    pl.Series([1, None, 0, 0, 1]),
    pd.array([1, None, 0, 0, 1]),
]


@pytest.mark.parametrize("metric", [nwtg_score, ds_score])
@pytest.mark.parametrize("values", MISSING, ids=["list", "polars", "pandas"])
def test_seconds_must_be_known(metric, values):
    """Of watch times and durations none may be missing."""
    with pytest.raises(ValueError, match="finite and >= 0"):
        metric(values, [1, 2, 3, 4, 5], groups=[0] * 5, k=2)


@pytest.mark.parametrize("values", MISSING, ids=["list", "polars", "pandas"])
def test_neg_leaves_out_what_is_not_known(values):
    """The row that would be shown first is none; the others are ranked, by hand."""
    score = partial(neg_score, values, [1, 9, 3, 4, 2], groups=[0] * 5, k=2)
    with pytest.warns(UserWarning, match="feedback of 1 of 5 rows is not") as warned:
        found = score()
    assert warned[0].filename == __file__  # it names who calls
    assert found == 0  # shown are the rows 3 and 2
    with pytest.warns(UserWarning, match="1 of 5 rows"):
        found = neg_score(values, [1, 9, 3, 0, 2], groups=[0] * 5, k=2)
    assert found == pytest.approx(SECOND / (1 + SECOND), rel=1e-14)  # 2 and 4


def test_neg_knows_a_row_by_one_signal_above_0():
    """It is not known where none is above 0 and one is missing."""
    nan = np.nan
    signals = [[nan, 1], [0, nan], [0, 0], [nan, nan], [2, nan]]
    with pytest.warns(UserWarning, match="2 of 5 rows"):
        found = neg_score(signals, [5, 9, 4, 8, 1], groups=[0] * 5, k=2)
    assert found == pytest.approx(1 / (1 + SECOND), rel=1e-14)


def test_neg_of_too_few_that_are_known():
    """Users with no more than k known rows take no part; if all have, it is told."""
    values = [1, 0, np.nan, 1, np.nan, np.nan]
    score = partial(neg_score, values, [1, 2, 3, 4, 5, 6], groups=list("aaabbb"))
    with pytest.warns(UserWarning, match="3 of 6 rows"):
        assert score(k=1, average=None).tolist() == [0]
    match = "no user has more than k=2 rows that are known, of which there are 3 of 6"
    warned = pytest.warns(UserWarning, match="3 of 6 rows")
    with warned, pytest.raises(ValueError, match=match):
        score(k=2)


@modest
@given(log=logs(), seed=st.integers(0, 2**32 - 1))
def test_neg_of_rows_not_known_is_that_without_them(log, seed):
    """Whatever their scores are."""
    gains, scores, groups, k = log
    rng = np.random.default_rng(seed)
    explicit = (gains > 50).astype(float)
    known = rng.random(len(gains)) < 0.8
    known[groups == 0] = True
    explicit[groups == 0] = np.arange(k + 1) < 1
    options = {"k": k, "zero_division": 0.5}
    alone = neg_score(explicit[known], scores[known], groups=groups[known], **options)
    explicit[~known] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = neg_score(explicit, scores, groups=groups, **options)
    assert found == pytest.approx(alone, rel=1e-12)


@pytest.mark.parametrize("metric", GAINS)
def test_zero_division_is_a_float(metric):
    """Also as a whole number of any length."""
    with pytest.raises(ValueError, match="zero_division must be a finite number"):
        metric([0, 0], [1, 2], groups=[0, 0], k=1, zero_division=10**400)


def test_neg_refuses_a_negative_signal_among_several():
    """A negative count is refused even where the signals' sum is not negative."""
    with pytest.raises(ValueError, match="finite and >= 0"):
        neg_score([[2, -1], [0, 0]], [2, 1], groups=[0, 0], k=1)


@pytest.mark.parametrize("metric", METRICS)
def test_what_is_no_number_is_told_by_its_row(metric):
    """Of values and of scores."""
    values, scores, groups = [1.0, np.inf, 0.0], [0.1, 0.2, np.nan], [7, 7, 7]
    with pytest.raises(ValueError, match="the first is row 1: inf"):
        metric(values, [0.1, 0.2, 0.3], groups=groups, k=1)
    with pytest.raises(ValueError, match=r"scores must be finite.* row 2: nan"):
        metric([1.0, 2.0, 0.0], scores, groups=groups, k=1)
