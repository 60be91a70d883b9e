"""The scorers."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklabelcraft import (
    D2Q,
    Columns,
    LabelCraftRecommender,
    MLPRanker,
    ds_score,
    ds_scorer,
    neg_score,
    neg_scorer,
    nwtg_score,
    nwtg_scorer,
)
from sklabelcraft._estimator import LogEstimator
from sklabelcraft.scorers import ListScorer

SCORERS = [nwtg_scorer, neg_scorer, ds_scorer]
NAMES = Columns(
    user="uid", duration="length", watch_time="played", explicit=["thumb", "share"]
)
BIG = 2**60


class ByDuration(BaseEstimator):
    """Ranks long videos first."""

    def predict(self, X):
        return np.asarray(X["duration"] if hasattr(X, "columns") else X[:, 1])


class ByColumn(LogEstimator):
    """Ranks by a column, and knows the names of the columns and the length of lists."""

    def __init__(self, by="age", sign=1, columns=None, k=None):
        self.by, self.sign, self.columns, self.k = by, sign, columns, k

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        return self.sign * np.asarray(X[self.by], dtype=float)


@pytest.fixture(scope="module")
def own_names():
    """A log whose columns have names of its own: X and y."""
    rng = np.random.default_rng(0)
    X = {"uid": rng.integers(0, 12, 200), "length": rng.integers(1, 60, 200)}
    y = {"played": rng.exponential(9, 200), "thumb": rng.integers(0, 2, 200)}
    X, y = pd.DataFrame(X).assign(age=rng.random(200)), pd.DataFrame(y)
    return X, y.assign(share=rng.integers(0, 2, 200))


def metrics_of(X, y, scores, k):
    """The three metrics of the log with names of its own."""
    options = {"groups": X["uid"], "k": k}
    return [
        nwtg_score(y["played"], scores, **options),
        neg_score(y[["thumb", "share"]], scores, **options),
        ds_score(X["length"], scores, **options),
    ]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize("k", [3, 10])
def test_scorers_are_the_metrics_of_the_predictions(log, k):
    """Users and durations come from X, feedback from y."""
    X, y = log.data, log.target
    options = {"groups": X["user_id"], "k": k}
    score = X["duration"]
    expected = [
        nwtg_score(y["watch_time"], score, **options),
        neg_score(y[["like", "follow", "comment"]], score, **options),
        ds_score(X["duration"], score, **options),
    ]
    found = [replace(scorer, k=k)(ByDuration(), X, y) for scorer in SCORERS]
    np.testing.assert_array_equal(found, expected)


def test_scorer_on_arrays(log):
    """Columns are found by position as well, those of y in y."""
    X, y = log.data[["user_id", "duration"]], log.target[["watch_time"]]
    scorer = replace(nwtg_scorer, columns=Columns(user=0, watch_time=0))
    found = scorer(ByDuration(), X.to_numpy(), y.to_numpy())
    assert found == nwtg_scorer(ByDuration(), X, y)
    scorer = replace(nwtg_scorer, column=0, columns=Columns(user=0))
    assert scorer(ByDuration(), X.to_numpy(), y.to_numpy()) == found


def test_neg_scorer_takes_the_signals_present(log):
    """Some of the usual signals are enough; none is an error."""
    neg_scorer(ByDuration(), log.data, log.target[["like"]])
    with pytest.raises(ValueError, match="none of the columns"):
        neg_scorer(ByDuration(), log.data, log.target[["watch_time"]])
    scorer = replace(neg_scorer, columns=Columns(explicit=()))
    with pytest.raises(ValueError, match="'explicit' stands for no column"):
        scorer(ByDuration(), log.data, log.target)


def test_scorer_without_a_user_makes_one_list(log):
    """A user of None takes all rows as one list."""
    scorer = replace(ds_scorer, columns=Columns(user=None), k=50)
    by_row = scorer.per_user(np.arange(len(log.data)), log.data)
    assert by_row.tolist() == [pytest.approx(log.data["duration"][-50:].std(ddof=0))]
    found = scorer(ByDuration(), log.data)
    assert found == pytest.approx(np.sort(log.data["duration"])[-50:].std())


def test_metrics_work_with_make_scorer(log):
    """The metrics have the signature (y_true, y_pred) that make_scorer wants."""
    scorer = make_scorer(nwtg_score, groups=log.data["user_id"], k=10)
    assert get_scorer(scorer) is scorer
    expected = nwtg_scorer(ByDuration(), log.data, log.target)
    assert scorer(ByDuration(), log.data, log.target["watch_time"]) == expected


def test_a_labeler_ranks_nothing(log):
    """The error says how it is scored."""
    with pytest.raises(TypeError, match=r"scored as LabelCraftRecommender\(labeler\)"):
        nwtg_scorer(D2Q(), log.data, log.target)


def test_a_scorer_is_data():
    """A list of columns is a tuple; what it is not is refused."""
    assert replace(neg_scorer, column=["like"]).column == ("like",)
    assert replace(neg_scorer, column=["like"]) == replace(neg_scorer, column=("like",))
    assert hash(replace(nwtg_scorer, k=5)) == hash(replace(nwtg_scorer, k=5))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("metric", 1.0),
        ("column", 1.5),
        ("column", ["a", None]),
        ("table", "z"),
        ("table", np.array(["X", "y"])),
        ("columns", "user_id"),
        ("k", 0),
        ("k", 1.5),
        ("k", True),
        ("k", Decimal("sNaN")),
    ],
)
def test_what_a_scorer_cannot_be_made_of(name, wrong):
    """The field is named."""
    with pytest.raises(ValueError, match=f"^{name} must be .*, got "):
        replace(nwtg_scorer, **{name: wrong})


def test_columns_of_several_kinds(log):
    """A list of one column counts as that column, measured as explicit feedback."""
    X, y = log.data, log.target
    expected = neg_score(y["like"], X["duration"], groups=X["user_id"], zero_division=0)
    for column in (["like"], ("like",), ["like", "follow"]):
        scorer = replace(neg_scorer, column=column)
        values = scorer.per_user(X["duration"], X, y[["like"]]).fillna(0)
        assert values.mean() == pytest.approx(expected)


WRAPPERS = {
    "itself": lambda estimator: estimator,
    "pipeline": lambda estimator: make_pipeline(FunctionTransformer(), estimator),
    "frozen": FrozenEstimator,
    "search": lambda estimator: GridSearchCV(estimator, {"sign": [1]}),
    "search-pipeline": lambda estimator: GridSearchCV(
        make_pipeline(FunctionTransformer(), FrozenEstimator(estimator)), {}
    ),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_columns_and_k_come_from_the_estimator(wrapper, own_names):
    """They are stated once, on what is scored, also inside a pipeline or a search."""
    X, y = own_names
    estimator = WRAPPERS[wrapper](ByColumn(columns=NAMES, k=3).fit(X))
    if wrapper.startswith("search"):
        estimator.set_params(cv=[(range(100), range(100, 200))], scoring=nwtg_scorer)
        estimator.fit(X, y)
    found = [scorer(estimator, X, y) for scorer in SCORERS]
    np.testing.assert_array_equal(found, metrics_of(X, y, X["age"], 3))
    for scorer in SCORERS:
        assert scorer.of(estimator) == replace(scorer, columns=NAMES, k=3)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_what_the_scorer_states_wins(wrapper, own_names):
    """Also where it is the usual name or length."""
    X, y = own_names
    wrong = Columns(user="length", watch_time="share")
    estimator = WRAPPERS[wrapper](ByColumn(columns=wrong, k=3).fit(X))
    for k in (5, 10):
        scorers = [replace(scorer, columns=NAMES, k=k) for scorer in SCORERS]
        if not wrapper.startswith("search"):
            found = [scorer(estimator, X, y) for scorer in scorers]
            np.testing.assert_array_equal(found, metrics_of(X, y, X["age"], k))
        assert [scorer.of(estimator) for scorer in scorers] == scorers
    usual = replace(nwtg_scorer, columns=Columns(), k=10)
    assert usual.of(estimator) == usual


def test_what_nobody_states_is_usual(log):
    """The usual names and lists of 10."""
    X, y = log.data, log.target
    estimator = ByColumn(by="duration").fit(X)
    assert nwtg_scorer.of(estimator) == nwtg_scorer
    expected = nwtg_score(y["watch_time"], X["duration"], groups=X["user_id"], k=10)
    assert nwtg_scorer(estimator, X, y) == expected
    assert nwtg_scorer(ByDuration(), X, y) == expected
    assert nwtg_scorer.of(ByColumn(by=[(8,), (8, 4), "x", ()])) == nwtg_scorer


def test_a_recommender_states_them_for_its_parts():
    """The outermost estimator of this library is the one that is asked."""
    inner = MLPRanker(columns=Columns(user="other"))
    recommender = LabelCraftRecommender(D2Q(), inner, columns=NAMES, k=4)
    for wrapper in ("itself", "pipeline", "frozen"):
        found = nwtg_scorer.of(WRAPPERS[wrapper](recommender))
        assert found == replace(nwtg_scorer, columns=NAMES, k=4)
    found = nwtg_scorer.of(LabelCraftRecommender(D2Q(), inner))
    assert found == nwtg_scorer


def test_of_several_steps_the_last_is_asked():
    """It is the one that predicts, and whose names the rows have."""
    first = ByColumn(columns=Columns(user="other"), k=9)
    pipeline = make_pipeline(first, ByColumn(columns=NAMES, k=4))
    assert nwtg_scorer.of(pipeline) == replace(nwtg_scorer, columns=NAMES, k=4)


def test_searches_score_by_the_names_of_their_estimator(own_names):
    """In cross-validation, several scorers take their columns from it as well."""
    X, y = own_names
    train, test = np.arange(100), np.arange(100, 200)
    scoring = {"nwtg": nwtg_scorer, "neg": neg_scorer, "ds": ds_scorer}
    search = GridSearchCV(
        ByColumn(columns=NAMES), {"k": [2, 4]}, scoring=scoring, refit="nwtg",
        cv=[(train, test)],
    )  # fmt: skip
    search.fit(X, y)
    assert nwtg_scorer.of(search).k == search.best_params_["k"]
    X, y = X.iloc[test], y.iloc[test]
    for i, k in enumerate([2, 4]):
        found = [search.cv_results_[f"mean_test_{name}"][i] for name in scoring]
        np.testing.assert_array_equal(found, metrics_of(X, y, X["age"], k))
    result = cross_validate(
        FrozenEstimator(ByColumn(columns=NAMES, k=2).fit(X)), *own_names,
        scoring=scoring, cv=[(train, test)],
    )  # fmt: skip
    found = [result[f"test_{name}"][0] for name in scoring]
    np.testing.assert_array_equal(found, metrics_of(X, y, X["age"], 2))


class Recorded:
    """A metric of one's own, which remembers what it was given."""

    def __call__(self, values, scores, *, groups, k, average):
        self.given = values, scores, groups, k, average
        return np.arange(len(np.unique(groups)), dtype=float)


def test_own_metrics_are_given_the_users_that_take_part():
    """Users of at most k rows are left out, the others numbered by first appearance."""
    X = pd.DataFrame({"user_id": list("cabacdc"), "duration": np.arange(7.0)})
    y = pd.DataFrame({"like": [0, 1, 2, 3, 4, 5, 6]})
    metric = Recorded()
    scorer = ListScorer(metric, "like", k=1)
    found = scorer.per_user(np.arange(7)[::-1], X, y)
    values, scores, groups, k, average = metric.given
    assert values.tolist() == [0, 1, 3, 4, 6]
    assert scores.tolist() == [6, 5, 3, 2, 0]
    assert groups.tolist() == [0, 1, 1, 0, 0]
    assert (k, average) == (1, None)
    assert found.to_dict() == {"c": 0, "a": 1}
    assert scorer(ByDuration(), X, y) == 0.5


def test_own_metrics_of_several_columns():
    """They are given side by side, in the order that was stated."""
    X = pd.DataFrame({"user_id": [1, 1, 2], "duration": [1.0, 2.0, 3.0]})
    y = pd.DataFrame({"like": [0, 1, 2], "share": [3, 4, 5]})
    metric = Recorded()
    ListScorer(metric, ["share", "like"], k=1).per_user([1, 2, 3], X, y)
    assert metric.given[0].tolist() == [[3, 0], [4, 1]]
    ListScorer(metric, ["duration"], table="X", k=1).per_user([1, 2, 3], X)
    assert metric.given[0].tolist() == [[1], [2]]


@pytest.mark.parametrize("wrong", [0.5, [0.5], [0.5] * 3, [[0.5], [0.5]], None])
def test_own_metrics_give_one_value_per_user(wrong):
    """Any other shape is an error, not spread over the users."""
    X = pd.DataFrame({"user_id": [1, 1, 2, 2, 3]})
    y = pd.DataFrame({"like": np.arange(5)})
    scorer = ListScorer(lambda *args, **options: wrong, "like", k=1)
    with pytest.raises(ValueError, match=r"one value for each of 2 groups, got shape"):
        scorer.per_user(np.arange(5), X, y)


def test_predictions_are_numbers(own_names):
    """Lists of several lengths are none."""
    with pytest.raises(ValueError, match="scores must be an array of real numbers"):
        replace(nwtg_scorer, columns=NAMES).per_user([[1], [2, 3]], *own_names)


@pytest.mark.parametrize("scores", [np.zeros((200, 1)), np.zeros(199), 0.0])
def test_predictions_are_one_score_per_row(scores, own_names):
    """Columns of scores, or too few of them, are refused with both shapes."""
    scorer = replace(nwtg_scorer, columns=NAMES)
    with pytest.raises(ValueError, match=r"scores must be .* shape \(200,\), got"):
        scorer.per_user(scores, *own_names)


USERS = [BIG + 1, BIG, None, BIG + 1, BIG, None]
FRAMES = {
    "pandas": lambda data: pd.DataFrame(
        data | {"user_id": pd.array(data["user_id"], dtype="Int64")}
    ),
    "pandas-objects": lambda data: pd.DataFrame(data, dtype=object),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@pytest.mark.parametrize("frame", FRAMES)
def test_users_are_named_as_they_are(frame):
    """Large users are told apart and named exactly; missing ones are one user."""
    X = FRAMES[frame]({"user_id": USERS})
    y = {"pandas": pd.DataFrame, "pandas-objects": pd.DataFrame}
    y = y.get(frame, FRAMES[frame])({"watch_time": [3.0, 1, 0, 1, 2, 4]})
    values = replace(nwtg_scorer, k=1).per_user(np.arange(6), X, y)
    assert values.index[:2].tolist() == [BIG + 1, BIG]
    assert pd.isna(values.index[2])
    np.testing.assert_allclose(values, [1 / 3, 1, 1])


def test_users_of_an_array_are_told_apart():
    """Forty of them, beside scores and watch times that are floats."""
    X = np.array([BIG + i for i in range(40)] * 2)[:, None]
    scorer = replace(nwtg_scorer, k=1, columns=Columns(user=0, watch_time=0))
    values = scorer.per_user(np.arange(80.0), X, np.arange(80.0))
    assert values.index.tolist() == X[:40, 0].tolist()
    objects = np.array([*X[:, 0], None, None], dtype=object)[:, None]
    values = scorer.per_user(np.arange(82.0), objects, np.arange(82.0))
    assert values.index[:40].tolist() == X[:40, 0].tolist()
    assert len(values) == 41


@pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 keeps such text as it is")
def test_users_whose_names_are_no_unicode_are_told():
    """Half of a pair of surrogates, as cut text may end in."""
    X = pd.DataFrame({"user_id": np.array(["\ud800"] * 2, dtype=object)}, dtype=object)
    y = pd.DataFrame({"watch_time": [3.0, 1.0]})
    with pytest.raises(ValueError, match="names of users must be Unicode"):
        replace(nwtg_scorer, k=1).per_user(np.arange(2), X, y)


def test_users_without_a_value_are_left_out():
    """NaN per user, and not in the mean; if no user has a value, that is an error."""
    X = pd.DataFrame({"user_id": [1, 1, 2, 2], "duration": [2.0, 1.0, 2.0, 1.0]})
    y = pd.DataFrame({"watch_time": [3.0, 6.0, 0.0, 0.0]})
    scorer = replace(nwtg_scorer, k=1)
    values = scorer.per_user(X["duration"], X, y)
    np.testing.assert_array_equal(values, [0.5, np.nan])
    assert scorer(ByDuration(), X, y) == 0.5
    with pytest.raises(ValueError, match="none of the 2 users has any gain"):
        scorer(ByDuration(), X, 0 * y)


def test_equal_scores_are_no_order(log):
    """A constant prediction has one value, however the rows are sorted."""
    by_watch_time = np.argsort(log.target["watch_time"].to_numpy())
    found = []
    for order in (by_watch_time, by_watch_time[::-1]):
        X, y = log.data.iloc[order], log.target.iloc[order]
        values = [scorer.per_user(np.zeros(len(X)), X, y) for scorer in SCORERS]
        found.append(pd.concat(values, axis=1).sort_index())
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_a_score_that_is_no_number_is_told_by_its_row(log):
    """Among all rows, also those of users with too few of them."""
    scores = np.where(np.arange(len(log.data)) == 1999, np.nan, 1.0)
    with pytest.raises(ValueError, match=r"scores must be finite.* row 1999: nan"):
        nwtg_scorer.per_user(scores, log.data, log.target)
