"""AUC within users, recall and coverage: by hand, against others, and contracts."""

import warnings
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

from sklabelcraft import (
    D2Q,
    Columns,
    LabelCraftRecommender,
    auc_scorer,
    gauc_score,
    gauc_scorer,
    top_k_coverage_score,
    top_k_coverage_scorer,
    top_k_recall_score,
    top_k_recall_scorer,
)

modest = settings(max_examples=100, deadline=None)
PER_USER = [gauc_score, top_k_recall_score]


@st.composite
def logs(draw, longest=8):
    """Shuffled rows of 1 to 4 users: likes, items, scores of few levels, groups, k."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    k = draw(st.integers(1, 3))
    sizes = [k + 1, *draw(st.lists(st.integers(1, longest), max_size=3))]
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    n = len(groups)
    levels = draw(st.sampled_from([1, 2, 4, 1000]))
    return (
        rng.integers(3, size=n) * rng.integers(2, size=n),
        rng.integers(6, size=n),
        rng.integers(levels, size=n) / 10,
        groups,
        k,
    )


def rows_by_user(groups, k):
    """Rows of each user with more than k of them, in order of first appearance."""
    rows = [np.flatnonzero(groups == user) for user in dict.fromkeys(groups)]
    return [row for row in rows if len(row) > k]


def test_gauc_by_hand():
    """User a: 1 of 2 pairs in order; b: one in order, one tied; weights 3 and 3 + 1."""
    explicit = [0, 1, 0, 0, 1, 0, 1]
    scores = [0.9, 0.5, 0.1, 0.2, 0.2, 0.1, 0.3]
    options = {"groups": list("aaabbbb"), "k": 2}
    of_b = (1 + 0.5 + 1 + 1) / 4
    value = gauc_score(explicit, scores, **options)
    assert value == pytest.approx((3 * 0.5 + 4 * of_b) / 7, rel=1e-14)
    values = gauc_score(explicit, scores, average=None, **options)
    assert values.tolist() == [0.5, of_b]


def test_recall_by_hand():
    """One of two liked is shown to a; of b's only liked one, half of a tie."""
    explicit = [[0, 3], [0, 0], [1, 0], [0, 0], [0, 1], [0, 0]]
    scores = [3, 2, 1, 1, 1, 0]
    options = {"groups": list("aaabbb"), "k": 1}
    assert top_k_recall_score(explicit, scores, **options) == 0.5
    values = top_k_recall_score(explicit, scores, **options | {"k": 2}, average=None)
    assert values.tolist() == [0.5, 1]


def test_coverage_by_hand():
    """Of four items, p is shown to a, and to b either p or q; r and s to nobody."""
    items, scores = list("pqrpqs"), [3, 2, 1, 5, 5, 1]
    options = {"groups": list("aaabbb"), "k": 1}
    assert top_k_coverage_score(items, scores, **options) == (1 + 0.5) / 4
    assert top_k_coverage_score(items, scores, **options | {"k": 2}) == 2 / 4


@modest
@given(logs())
def test_gauc_is_roc_auc_of_each_user(log):
    """It is scikit-learn's of each user, where there is any, weighted by rows."""
    explicit, _, scores, groups, k = log
    expected, weights = [], []
    for rows in rows_by_user(groups, k):
        liked = explicit[rows] > 0
        defined = 0 < liked.sum() < len(rows)
        expected.append(roc_auc_score(liked, scores[rows]) if defined else np.nan)
        weights.append(len(rows) * defined)
    options = {"groups": groups, "k": k}
    found = gauc_score(explicit, scores, average=None, **options)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    if 0 in weights:
        return
    mean = np.average(expected, weights=weights)
    assert gauc_score(explicit, scores, **options) == pytest.approx(mean, abs=1e-14)


def orders(rows, scores):
    """The rows by falling score, in each order that ties allow, equally often."""
    for order in permutations(rows):
        order = np.array(order)
        yield order[np.argsort(-scores[order], kind="stable")]


@modest
@given(logs(longest=5))
def test_recall_is_the_mean_over_all_orders(log):
    """By brute force: what share of the liked ones is in the first k."""
    explicit, _, scores, groups, k = log
    liked = explicit > 0
    expected = [
        np.mean([liked[order[:k]].sum() for order in orders(rows, scores)])
        / liked[rows].sum()
        if liked[rows].any()
        else np.nan
        for rows in rows_by_user(groups, k)
    ]
    found = top_k_recall_score(explicit, scores, groups=groups, k=k, average=None)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(logs(longest=4))
def test_coverage_is_the_mean_over_all_orders(log):
    """By brute force: how many items are in any of the first k, users in any order."""
    _, items, scores, groups, k = log
    users = rows_by_user(groups, k)[:2]
    taken = np.sort(np.concatenate(users))
    items, scores, groups = items[taken], scores[taken], groups[taken]
    shown = [
        [set(items[order[:k]]) for order in orders(rows, scores)]
        for rows in rows_by_user(groups, k)
    ]
    covered = np.mean([len(set().union(*lists)) for lists in product(*shown)])
    found = top_k_coverage_score(items, scores, groups=groups, k=k)
    assert found == pytest.approx(covered / len(set(items)), rel=1e-12)


@modest
@given(logs(), st.randoms(use_true_random=False))
def test_order_of_the_rows_does_not_matter(log, random):
    """Permuted rows give the same values."""
    explicit, items, scores, groups, k = log
    order = random.sample(range(len(groups)), len(groups))
    options = {"groups": groups[order], "k": k}
    permuted = top_k_coverage_score(items[order], scores[order], **options)
    expected = top_k_coverage_score(items, scores, groups=groups, k=k)
    assert permuted == pytest.approx(expected, rel=1e-12)
    for metric in PER_USER:
        permuted = metric(explicit[order], scores[order], **options, average=None)
        expected = metric(explicit, scores, groups=groups, k=k, average=None)
        np.testing.assert_allclose(np.sort(permuted), np.sort(expected), rtol=1e-12)


def test_gauc_of_a_long_tied_list_is_exact():
    """A constant score tells nothing from nothing, whatever the length."""
    liked = np.arange(200_000) % 7 == 0
    assert gauc_score(liked, np.zeros(200_000), groups=np.ones(200_000)) == 0.5


@pytest.mark.parametrize("metric", PER_USER)
def test_users_without_a_value_are_left_out_and_counted(metric):
    """The warning says how many, and names who calls; nobody left is an error."""
    explicit, scores, groups = [0, 1, 0, 0, 0, 0], [1, 2, 1, 2, 1, 2], list("aabbcc")
    with pytest.warns(UndefinedMetricWarning, match="2 of 3 users have no") as warned:
        assert metric(explicit, scores, groups=groups, k=1) == 1
    assert warned[0].filename == __file__
    values = metric(explicit, scores, groups=groups, k=1, average=None)
    np.testing.assert_array_equal(values, [1, np.nan, np.nan])
    with pytest.raises(ValueError, match="none of the 3 users has any"):
        metric(np.zeros(6), scores, groups=groups, k=1)


def test_all_liked_has_no_auc_but_a_recall():
    """With nothing to be told from, GAUC leaves the user out."""
    options = {"scores": [3, 2, 1], "groups": [0, 0, 0], "k": 2, "average": None}
    assert np.isnan(gauc_score([1, 1, 1], **options)).all()
    assert top_k_recall_score([1, 1, 1], **options).tolist() == [2 / 3]


@pytest.mark.parametrize("metric", [*PER_USER, top_k_coverage_score])
def test_only_users_with_more_than_k_rows_take_part(metric):
    """Two rows of another user, and their items, change nothing at k = 2."""
    values, scores, groups = [1, 0, 2], [1, 2, 3], ["a"] * 3
    alone = metric(values, scores, groups=groups, k=2)
    short = metric([*values, 7, 8], [*scores, 9, 8], groups=[*groups, *"bb"], k=2)
    assert short == alone
    with pytest.raises(ValueError, match="no user has more than k=3 rows"):
        metric(values, scores, groups=groups, k=3)


def test_items_are_any_values():
    """Text, large numbers and a missing one are told apart."""
    options = {"scores": [4, 3, 2, 1], "groups": [0] * 4, "k": 3}
    for items in (
        ["a", None, "b", "c"],
        pl.Series([2**60, 2**60 + 1, None, 0]),
        pd.array([2**60, None, 2**60 + 1, 3], dtype="Int64"),
    ):
        assert top_k_coverage_score(items, **options) == 3 / 4
    with pytest.raises(ValueError, match="items must have as many rows as scores, 4"):
        top_k_coverage_score(["a"], **options)


@pytest.mark.parametrize("metric", PER_USER)
def test_wrong_feedback_is_told(metric):
    """What is negative, or of another length."""
    options = {"scores": [1, 2], "groups": [0, 0], "k": 1}
    with pytest.raises(ValueError, match="explicit must be finite and >= 0"):
        metric([1, -1], **options)
    with pytest.raises(ValueError, match="explicit must have as many rows as scores"):
        metric([1, 0, 1], **options)


class ByDuration:
    """Ranks by duration."""

    def __init__(self, columns=None):
        self.columns = columns

    def predict(self, X):
        return np.asarray(X["duration"], dtype=float)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_scorers_are_the_metrics_of_the_predictions(log):
    """GAUC, recall and AUC of the explicit feedback, coverage of the items."""
    X, y, scores = log.data, log.target, log.data["duration"]
    explicit = y[["like", "follow", "comment"]]
    for k in (3, 10):
        options = {"scores": scores, "groups": X["user_id"], "k": k}
        expected = {
            gauc_scorer: gauc_score(explicit, **options),
            top_k_recall_scorer: top_k_recall_score(explicit, **options),
            top_k_coverage_scorer: top_k_coverage_score(X["item_id"], **options),
            auc_scorer: roc_auc_score(explicit.sum(axis=1) > 0, scores),
        }
        for scorer, value in expected.items():
            found = replace(scorer, k=k)(ByDuration(), X, y)
            assert found == pytest.approx(value, rel=1e-14)


def test_auc_is_of_users_with_more_than_k_rows():
    """As all metrics; of one kind of rows, it is not defined."""
    X = pd.DataFrame({"user_id": [1, 1, 1, 2], "duration": [1.0, 2.0, 3.0, 9.0]})
    y = pd.DataFrame({"like": [0, 0, 1, 0]})
    scorer = replace(auc_scorer, k=1)
    assert scorer(ByDuration(), X, y) == 1
    assert replace(auc_scorer, k=2)(ByDuration(), X, y) == 1
    assert np.isnan(scorer.on(X, 0 * y)(X["duration"]))
    with pytest.raises(ValueError, match="the metric is not defined on these rows"):
        scorer(ByDuration(), X, 0 * y)


def test_coverage_needs_the_item():
    """Where it is not there, or said to be none."""
    X = pd.DataFrame({"user_id": [1, 1], "duration": [1.0, 2.0]})
    scorer = replace(top_k_coverage_scorer, k=1)
    with pytest.raises(ValueError, match="'item_id' is not in the log"):
        scorer(ByDuration(), X)
    scorer = replace(scorer, columns=Columns(item=None))
    with pytest.raises(ValueError, match="column None is not in the log"):
        scorer(ByDuration(), X)


def test_the_weight_is_one_of_two():
    """Anything else is refused by name."""
    for wrong in ("rows", None, ["user"]):
        with pytest.raises(ValueError, match="weight must be 'user' or 'impression'"):
            replace(gauc_scorer, weight=wrong)


def test_weights_are_users_or_their_impressions(log):
    """They stand beside the values, by user."""
    X, y = log.data.iloc[7:], log.target.iloc[7:]
    for scorer, expected in [(gauc_scorer, [53] + [60] * 39), (top_k_recall_scorer, 1)]:
        values, weights = scorer.on(X, y)(X["duration"])
        assert values.equals(scorer.per_user(X["duration"], X, y))
        assert (weights == expected).all()
        assert weights.index.equals(values.index)


def test_searches_score_by_them(log, fast_ranker):
    """As by any other scorer."""
    recommender = LabelCraftRecommender(D2Q(), fast_ranker, random_state=0)
    scoring = {"gauc": gauc_scorer, "coverage": top_k_coverage_scorer}
    search = GridSearchCV(
        recommender,
        {"labeler__n_groups": [5]},
        scoring=scoring,
        refit=False,
        cv=[(log.split.train, log.split.test)],
    ).fit(log.data, log.target)
    for name in scoring:
        assert 0 < search.cv_results_[f"mean_test_{name}"][0] < 1


@pytest.mark.parametrize("metric", PER_USER)
@modest
@given(log=logs(), seed=st.integers(0, 2**32 - 1))
def test_rows_not_known_are_as_if_not_there(metric, log, seed):
    """Whatever their scores are, and with a warning of how many they are."""
    explicit, _, scores, groups, k = log
    known = np.random.default_rng(seed).random(len(groups)) < 0.8
    known[np.flatnonzero(groups == groups.min())[: k + 1]] = True
    gaps = np.where(known, explicit, np.nan)
    options = {"k": k, "average": None}
    try:
        alone = metric(explicit[known], scores[known], groups=groups[known], **options)
    except ValueError:
        return
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = metric(gaps, scores, groups=groups, **options)
    assert [f"of {(~known).sum()} of" in str(each.message) for each in told] == [
        True
    ] * (not known.all())
    assert told == [] or told[0].filename == __file__
    np.testing.assert_allclose(np.sort(found), np.sort(alone), rtol=1e-12)


def test_scorers_leave_out_rows_that_are_not_known(log):
    """AUC and GAUC are those of the other rows; users keep their places."""
    X, y = log.data, log.target[["like"]].astype(float)
    known = np.random.RandomState(0).uniform(size=len(X)) < 0.7
    known[X["user_id"] == 3] = False
    gaps = y.where(known[:, None])
    for scorer in (auc_scorer, gauc_scorer, top_k_recall_scorer):
        scorer = replace(scorer, k=5)
        expected = scorer(ByDuration(), X[known], y[known])
        with pytest.warns(UserWarning, match=r"not known in \d+ of 2400 rows"):
            assert scorer(ByDuration(), X, gaps) == pytest.approx(expected, rel=1e-12)
    values, weights = replace(gauc_scorer, k=5).on(X, gaps)(X["duration"])
    assert len(values) == 40
    assert np.isnan(values[3])
    assert weights[4] == known[X["user_id"] == 4].sum()
    nothing = replace(auc_scorer, k=5).on(X, gaps * np.nan)(X["duration"])
    assert np.isnan(nothing)
