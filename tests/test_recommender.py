"""The recommender, alone and inside scikit-learn's tools."""

import pickle
import pickletools
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklabelcraft import (
    CWM,
    D2Q,
    DIN,
    DVR,
    Columns,
    ConditionalCDF,
    D2Co,
    DINRanker,
    ExplicitFeedback,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)

SCORERS = {"NWTG": nwtg_scorer, "NEG": neg_scorer, "DS": ds_scorer}
LABELERS = [
    WatchTime(),
    ExplicitFeedback(),
    PlayCompletion(),
    PlayCompletionRate(),
    D2Q(),
    ConditionalCDF("user"),
    DVR(),
    D2Co(),
    CWM(),
    LabelCrafter(),
]


@pytest.fixture
def recommender(fast_ranker):
    return LabelCraftRecommender(D2Q(), fast_ranker, random_state=0)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_over_labelers(log, fast_ranker, n_jobs):
    """All labelers are searched over, with three scorers, on given rows."""
    search = GridSearchCV(
        LabelCraftRecommender(ranker=fast_ranker, random_state=0),
        {"labeler": LABELERS},
        scoring=SCORERS,
        refit="NWTG",
        cv=[(log.split.train, log.split.valid)],
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(log.data, log.target)
    for name in SCORERS:
        values = search.cv_results_[f"mean_test_{name}"]
        assert np.isfinite(values).all()
        assert len(np.unique(values)) > 3
    assert np.isfinite(search.predict(log.data)).all()


def test_watch_time_label_ranks_by_watch_time(log):
    """On a log whose watch times follow duration and preference, WT finds them."""
    train, test = log.split.train, log.split.test
    ranker = MLPRanker(learning_rate=0.01)
    recommender = LabelCraftRecommender(WatchTime(), ranker, k=5, random_state=0)
    recommender.fit(log.data.iloc[train], log.target.iloc[train])
    X, y = log.data.iloc[test], log.target.iloc[test]
    shuffled = FrozenScores(np.random.RandomState(0).uniform(size=len(X)))
    at_random = replace(nwtg_scorer, k=5)(shuffled, X, y)
    assert recommender.score(X, y) > at_random + 0.15


class FrozenScores:
    """Predicts what it is given."""

    def __init__(self, scores):
        self.scores = scores

    def predict(self, X):
        return self.scores


def test_pipeline(log, fast_ranker):
    """A preprocessing that returns a data frame may stand before it."""
    preprocessing = make_column_transformer(
        (FunctionTransformer(np.log1p, feature_names_out="one-to-one"), ["level"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    X = log.data.assign(level=np.arange(float(len(log.data))))
    pipeline = make_pipeline(preprocessing, LabelCraftRecommender(D2Q(), fast_ranker))
    search = GridSearchCV(
        pipeline,
        {"labelcraftrecommender__labeler": LABELERS[:2]},
        scoring=SCORERS,
        refit="NWTG",
        cv=[(log.split.train, log.split.valid)],
        error_score="raise",
    ).fit(X, log.target)
    assert np.isfinite(search.cv_results_["mean_test_DS"]).all()


def test_cross_validate(log, recommender):
    """Plain folds work too."""
    result = cross_validate(
        recommender, log.data, log.target, cv=2, scoring=SCORERS, error_score="raise"
    )
    assert np.isfinite(result["test_NEG"]).all()


def test_frozen_labeler_is_not_fitted_again(log, recommender):
    """A finished labeler keeps what it has learned."""
    frozen = D2Q().fit(log.frame.iloc[:500])
    recommender.set_params(labeler=FrozenEstimator(frozen))
    recommender.fit(log.data, log.target)
    labels = recommender.labeler_.transform(log.frame)
    np.testing.assert_array_equal(labels, frozen.transform(log.frame))


def test_feature_union_makes_it_multi_task(log, recommender):
    """Two labels, one ranker with two heads, one score."""
    both = FeatureUnion([("wt", WatchTime()), ("ef", ExplicitFeedback())])
    recommender.set_params(labeler=both).fit(log.data, log.target)
    assert recommender.labeler_.transform(log.frame).shape == (len(log.frame), 2)
    assert recommender.ranker_.model_.module.dense[-1].out_features == 2
    assert recommender.predict(log.data).shape == (len(log.data),)


def test_ranker_of_the_crafter_is_reused(log, fast_ranker):
    """The ranker trained along with the label is the recommender's own."""
    recommender = LabelCraftRecommender(LabelCrafter(fast_ranker), random_state=0)
    recommender.fit(log.data, log.target)
    assert recommender.ranker_ is recommender.labeler_.ranker_
    assert "tag" in recommender.ranker_.features_


def test_ranker_is_handed_to_a_crafter_without_one(log):
    """One ranker stated, it is trained along with the label."""
    network = DIN(history_length=5, embedding_dim=4, hidden=(8,))
    din = DINRanker(network, max_epochs=1)
    recommender = LabelCraftRecommender(LabelCrafter(), din).fit(log.data, log.target)
    assert recommender.ranker_ is recommender.labeler_.ranker_
    assert isinstance(recommender.ranker_, DINRanker)


def test_second_ranker_is_trained_on_the_finished_labels(log, fast_ranker):
    """Two rankers stated, the recommender's own is fitted to the crafted labels."""
    own = clone(fast_ranker).set_params(network__hidden=(4,))
    recommender = LabelCraftRecommender(LabelCrafter(fast_ranker), own, random_state=0)
    recommender.fit(log.data, log.target)
    assert recommender.ranker_ is not recommender.labeler_.ranker_
    assert recommender.ranker_.network.hidden == (4,)


def test_any_regressor_can_be_the_ranker(log):
    """A crafted label serves scikit-learn's own models."""
    numbers = make_column_transformer((StandardScaler(), ["duration", "item_id"]))
    model = make_pipeline(numbers, HistGradientBoostingRegressor(max_iter=5))
    recommender = LabelCraftRecommender(D2Q(), model).fit(log.data, log.target)
    assert np.isfinite(recommender.score(log.data, log.target))


def test_columns_are_stated_once(log, recommender):
    """Other column names are given to the recommender alone."""
    expected = recommender.fit(log.data, log.target).predict(log.data)
    names = {"user_id": "uid", "duration": "seconds", "watch_time": "played"}
    X, y = log.data.rename(columns=names), log.target.rename(columns=names)
    own = Columns(user="uid", duration="seconds", watch_time="played")
    renamed = clone(recommender).set_params(columns=own)
    np.testing.assert_array_equal(renamed.fit(X, y).predict(X), expected)
    assert renamed.score(X, y) == recommender.score(log.data, log.target)


def test_arrays_with_positions(log, fast_ranker):
    """Positions of feedback count inside y, as those of features do inside X."""
    X = log.data[["user_id", "item_id", "duration", "timestamp"]].to_numpy()
    y = log.target[["watch_time", "like"]].to_numpy()
    positions = Columns(
        user=0, item=1, duration=2, timestamp=3, watch_time=0, explicit=(1,)
    )
    recommender = LabelCraftRecommender(
        LabelCrafter(), fast_ranker, columns=positions, random_state=0
    ).fit(X, y)
    assert recommender.labeler_.columns.watch_time == 4
    assert recommender.labeler_.columns.explicit == (5,)
    assert recommender.ranker_.features_ == [0, 1, 2]
    assert np.isfinite(recommender.score(X, y))


@pytest.mark.parametrize("value", [{}, np.timedelta64(1, "s"), 1j, [1.0], "a"])
def test_feedback_of_an_array_is_numbers(log, fast_ranker, value):
    """What is none is refused, by a message that names y."""
    X, y = log.data.drop(columns="tag").to_numpy(), [1.0] * len(log.data)
    y[7] = value
    positions = Columns(0, 1, 2, 3, watch_time=0, explicit=())
    recommender = LabelCraftRecommender(WatchTime(), fast_ranker, columns=positions)
    with pytest.raises(ValueError, match="y must be an array of real numbers"):
        recommender.fit(X, y)


def test_negative_positions_count_inside_their_table(log):
    """The last column of X is not the last column of the log."""
    X = log.data[["user_id", "item_id", "timestamp", "duration"]].to_numpy()
    y = log.target[["watch_time", "like"]].to_numpy()
    ranker = MLPRanker(max_epochs=1)
    roles = {"user": 0, "item": 1, "explicit": (-1,)}
    ends = [{"timestamp": 2, "duration": 3, "watch_time": 0}]
    ends += [{"timestamp": -2, "duration": -1, "watch_time": -2}]
    fitted = [
        LabelCraftRecommender(
            D2Q(), ranker, columns=Columns(**roles, **end), random_state=0
        ).fit(X, y)
        for end in ends
    ]
    np.testing.assert_array_equal(*(recommender.predict(X) for recommender in fitted))
    with pytest.raises(ValueError, match="column -3 is not in the log"):
        replace(nwtg_scorer, column=-3)(fitted[0], X, y)


def test_foreign_parts_keep_their_parameters(log):
    """k and features are words of other libraries too."""
    model = make_pipeline(
        make_column_transformer((StandardScaler(), ["duration", "item_id"])),
        SelectKBest(f_regression),
        LinearRegression(),
    )
    recommender = LabelCraftRecommender(D2Q(), model, k=5)
    with pytest.warns(UserWarning, match="k=10 is greater than n_features=2"):
        recommender.fit(log.data, log.target)
    assert recommender.ranker_[1].k == 10


def test_nothing_is_held_out_that_nobody_uses(log):
    """A labeler and a ranker without validation see all rows."""
    seen = []

    class Model(LinearRegression):
        def fit(self, X, y):
            seen.append(len(X))
            return super().fit(X[["duration"]], y)

        def predict(self, X):
            return super().predict(X[["duration"]])

    LabelCraftRecommender(D2Q(), Model()).fit(log.data, log.target)
    assert seen == [len(log.data)]


def test_validation_fraction_of_zero_holds_nothing_out(log, recommender):
    """The ranker then runs all its epochs on all rows."""
    recommender.set_params(ranker__validation_fraction=0)
    recommender.fit(log.data, log.target)
    assert "validation_loss" not in recommender.ranker_.history_[0]


def test_each_part_holds_out_rows_by_its_own_fraction(log, fast_ranker):
    """That of the labeler and that of the ranker act, each where it stands."""
    crafter = LabelCrafter(clone(fast_ranker), starts=[(0, 1, 1)])
    base = LabelCraftRecommender(crafter, fast_ranker, k=5, random_state=0)

    def labels_and_scores(**params):
        recommender = clone(base).set_params(**params).fit(log.data, log.target)
        labels = recommender.labeler_.transform(log.frame)
        return labels, recommender.predict(log.data)

    labels, scores = labels_and_scores()
    other_labels, _ = labels_and_scores(labeler__validation_fraction=0.5)
    assert (other_labels != labels).any()
    same_labels, other_scores = labels_and_scores(ranker__validation_fraction=0.5)
    np.testing.assert_array_equal(same_labels, labels)
    assert (other_scores != scores).any()
    _, usual_scores = labels_and_scores(ranker__validation_fraction=0.1)
    np.testing.assert_array_equal(usual_scores, scores)


@pytest.mark.parametrize("part", ["ranker", "labeler__ranker"])
def test_a_ranker_trained_along_holds_nothing_out_itself(log, fast_ranker, part):
    """The crafter does; what could not act is refused."""
    recommender = LabelCraftRecommender(LabelCrafter(), random_state=0)
    recommender.set_params(**{part: fast_ranker.set_params(validation_fraction=0.3)})
    with pytest.raises(ValueError, match=r"state validation_fraction=0\.3 on it"):
        recommender.fit(log.data, log.target)


@pytest.mark.parametrize("given", [{"X_val": 0}, {"y_val": 0}])
def test_validation_data_come_in_pairs(log, recommender, given):
    """Half of them is an error, not ignored."""
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        recommender.fit(log.data, log.target, **given)


def test_mistyped_timestamp(log, recommender):
    """Only the default clock may be missing."""
    recommender.set_params(columns=Columns(timestamp="time"))
    with pytest.raises(ValueError, match="column 'time' is not in the log"):
        recommender.fit(log.data, log.target)
    recommender.set_params(columns=None)
    recommender.fit(log.data.drop(columns="timestamp"), log.target)


@pytest.mark.parametrize("labeler", [LabelCrafter(), D2Q()])
def test_explicit_columns_that_are_not_there(log, fast_ranker, labeler):
    """They are told as they were stated, whether a label needs them or not."""
    thumb = Columns(explicit=("thumb",))
    recommender = LabelCraftRecommender(labeler, fast_ranker, columns=thumb)
    with pytest.raises(ValueError, match=r"'thumb' is not in .* is stated as explicit"):
        recommender.fit(log.data, log.target)
    recommender.set_params(labeler=D2Q(), columns=Columns(explicit=()))
    recommender.fit(log.data, log.target[["watch_time"]])


def test_held_out_rows_need_no_clock_without_a_past(log, fast_ranker):
    """Neither those to stop by nor those of a new day; the result is the same."""
    X = log.data.rename(columns={"timestamp": "when"})
    train, valid = X.iloc[:2000], X.iloc[2000:]
    y, y_valid = log.target.iloc[:2000], log.target.iloc[2000:]
    names = Columns(timestamp="when")
    recommender = LabelCraftRecommender(D2Q(), fast_ranker, columns=names)
    recommender.set_params(random_state=0)
    found = [
        clone(recommender).fit(train, y, held_out, y_valid).predict(held_out)
        for held_out in (valid, valid.drop(columns="when"))
    ]
    assert (found[0] == found[1]).all()
    recommender.fit(train, y).partial_fit(valid.drop(columns="when"), y_valid)
    with pytest.raises(ValueError, match=r"'when' is not in .* is stated as timestamp"):
        recommender.fit(train.drop(columns="when"), y)


def test_lazy_frames_must_be_collected(log, recommender):
    """The error tells what to do."""
    X = pl.DataFrame({name: log.data[name].to_numpy() for name in log.data}).lazy()
    with pytest.raises(ValueError, match=r"collect\(\) it"):
        recommender.fit(X, log.target)


def test_polars_and_pandas_agree(log, recommender):
    """The same log gives the same scores from either library."""
    expected = recommender.fit(log.data, log.target).predict(log.data)
    X, y = (
        pl.DataFrame({name: frame[name].to_numpy() for name in frame})
        for frame in (log.data, log.target)
    )
    scores = clone(recommender).fit(X, y).predict(X)
    np.testing.assert_array_equal(scores, expected)


def test_index_does_not_matter(log, recommender):
    """Rows belong together by their position, not by a pandas index."""
    expected = recommender.fit(log.data, log.target).predict(log.data)
    y = log.target.set_index(np.arange(len(log.target))[::-1])
    scores = clone(recommender).fit(log.data, y).predict(log.data)
    np.testing.assert_array_equal(scores, expected)


def test_validation_data_can_be_given(log, recommender):
    """Given rows stop the training; they must not be held out of the others."""
    train, valid = log.split.train, log.split.valid
    recommender.fit(
        log.data.iloc[train],
        log.target.iloc[train],
        X_val=log.data.iloc[valid],
        y_val=log.target.iloc[valid],
    )
    learned = int(recommender.labeler_.quantiles_.total[-1])
    assert learned == len(train)
    assert "validation_loss" in recommender.ranker_.history_[0]


def test_unfitted_says_so(log, recommender):
    """Prediction before fit is scikit-learn's error."""
    with pytest.raises(NotFittedError):
        recommender.predict(log.data)


BAD_INPUT = {
    "missing feature": (lambda X, y: (X.drop(columns="duration"), y), "'duration'"),
    "missing feedback": (lambda X, y: (X, y.drop(columns="watch_time")), "watch_time"),
    "negative watch time": (
        lambda X, y: (X, y.assign(watch_time=-1.0)),
        "column 'watch_time' must be finite and >= 0; .* -1.0",
    ),
    "infinite watch time": (
        lambda X, y: (X, y.assign(watch_time=np.inf)),
        "column 'watch_time' must be finite",
    ),
    "negative duration": (
        lambda X, y: (X.assign(duration=-2.0), y),
        "column 'duration' must be finite and >= 0",
    ),
    "missing duration": (
        lambda X, y: (X.assign(duration=np.nan), y),
        "column 'duration' must be finite",
    ),
    "numbers as text": (
        lambda X, y: (X, y.astype({"watch_time": str})),
        "must hold numbers, got .* such as '",
    ),
    "text for numbers": (
        lambda X, y: (X, y.assign(watch_time="long")),
        "must hold numbers, got .* such as 'long'",
    ),
    "different lengths": (
        lambda X, y: (X, y.iloc[:-1]),
        "same number of rows, got 2400 and 2399",
    ),
    "an empty log": (lambda X, y: (X.iloc[:0], y.iloc[:0]), "0 rows"),
    "a constant label": (
        lambda X, y: (X, y.assign(watch_time=0.0)),
        "the label is constant",
    ),
    "a column twice": (
        lambda X, y: (X, y.assign(tag="x")),
        r"columns \['tag'\] are in X and in y",
    ),
    "feedback without names": (
        lambda X, y: (X, y.to_numpy()),
        "y must be one with the feedback columns",
    ),
    "no feedback": (lambda X, y: (X, None), "to be passed.* stands in y, apart"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input(log, fast_ranker, case):
    """Each is a ValueError that says what was wanted; nothing is left behind."""
    change, message = BAD_INPUT[case]
    X, y = change(log.data, log.target)
    recommender = LabelCraftRecommender(WatchTime(), fast_ranker)
    before = dict(vars(recommender))
    with pytest.raises(ValueError, match=message):
        recommender.fit(X, y)
    assert vars(recommender) == before


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("k", 0), ("labeler", "D2Q"), ("ranker", "MLP"), ("columns", {"user": "uid"})],
)
def test_unknown_parameter_values(log, recommender, parameter, value):
    """scikit-learn's parameter validation names the parameter."""
    recommender.set_params(**{parameter: value})
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter"):
        recommender.fit(log.data, log.target)


def test_feedback_may_be_one_series(log, fast_ranker):
    """A log with watch time alone has a target of one column."""
    recommender = LabelCraftRecommender(
        D2Q(), fast_ranker, columns=Columns(explicit=())
    )
    recommender.fit(log.data, pd.Series(log.target["watch_time"]))
    assert np.isfinite(recommender.score(log.data, log.target["watch_time"]))


def test_a_stated_column_is_the_one_that_is_missed(log):
    """The error names what was stated, not the default."""
    played = Columns(watch_time="played")
    recommender = LabelCraftRecommender(WatchTime(), columns=played)
    with pytest.raises(ValueError, match="column 'played' is not in the log"):
        recommender.fit(log.data, log.target)
    X = log.data.assign(timestamp=log.data["timestamp"].astype(str))
    with pytest.raises(ValueError, match=r"numbers or dates.*pandas\.to_datetime"):
        LabelCraftRecommender(WatchTime()).fit(X, log.target)


def test_a_recommender_is_no_labeler(recommender):
    """Its labels are those of the labeler, which takes the whole log."""
    assert not hasattr(recommender, "transform")
    with pytest.raises(ValueError, match="Invalid parameter 'validation_fraction'"):
        recommender.set_params(validation_fraction=0.1)  # its parts have their own


@pytest.mark.parametrize("role", ["user", "item", "duration", "timestamp"])
@pytest.mark.parametrize("labeler", [D2Q(), LabelCrafter()])
def test_a_column_that_is_not_there_is_an_error(log, fast_ranker, labeler, role):
    """A stated name is wanted, whoever would read it."""
    own = Columns(**{role: "no_such"})
    recommender = LabelCraftRecommender(labeler, fast_ranker, columns=own)
    before = dict(vars(recommender))
    with pytest.raises(ValueError, match="column 'no_such' is not in the log"):
        recommender.fit(log.data, log.target)
    assert vars(recommender) == before


@pytest.mark.parametrize("labeler", [D2Q(), LabelCrafter()])
def test_a_clock_is_only_asked_for_where_there_is_a_past(log, fast_ranker, labeler):
    """To score new rows, a network without a past does without, under any name."""
    X = log.data.rename(columns={"timestamp": "when"})
    recommender = LabelCraftRecommender(
        labeler, fast_ranker, columns=Columns(timestamp="when"), random_state=0
    ).fit(X, log.target)
    scores = recommender.predict(X.drop(columns="when"))
    np.testing.assert_array_equal(scores, recommender.predict(X))


def test_ids_of_another_kind_are_an_error(log, recommender):
    """Nobody would be recognised."""
    recommender.fit(log.data, log.target)
    with pytest.raises(ValueError, match="'item_id' held numbers in fit and holds tex"):
        recommender.predict(log.data.assign(item_id="v1"))


@pytest.mark.parametrize("learning_rate", [1e8, 1e30])
@pytest.mark.parametrize("labeler", [WatchTime(), LabelCrafter(starts=[(0, 1, 1)])])
def test_diverging_training_is_an_error(log, labeler, learning_rate):
    """Nothing half-fitted is left of any part, nor is what was fitted lost."""
    ranker = MLPRanker(max_epochs=1, loss="squared_error")
    recommender = LabelCraftRecommender(labeler, ranker, random_state=0)
    steep = {"ranker__optimizer": "sgd", "ranker__learning_rate": learning_rate}
    diverging = clone(recommender).set_params(**steep)
    before = dict(vars(diverging))
    with pytest.raises(ValueError, match=r"training diverged.*learning_rate=1"):
        diverging.fit(log.data, log.target)
    assert vars(diverging) == before
    scores = recommender.fit(log.data, log.target).predict(log.data)
    with pytest.raises(ValueError, match="training diverged"):
        recommender.set_params(**steep).fit(log.data, log.target)
    np.testing.assert_array_equal(recommender.predict(log.data), scores)


@pytest.mark.parametrize("labeler", [D2Q(), LabelCrafter()])
def test_score_of_a_row_is_the_same_in_any_call(log, fast_ranker, labeler):
    """Bit by bit, whatever other rows are there, and in whatever order."""
    recommender = LabelCraftRecommender(labeler, fast_ranker, k=5, random_state=0)
    together = recommender.fit(log.data, log.target).predict(log.data)
    rng = np.random.RandomState(0)
    for size in [1] * 10 + [2, 7, 100, len(log.data)]:
        rows = rng.permutation(len(log.data))[:size]
        scores = recommender.predict(log.data.iloc[rows])
        np.testing.assert_array_equal(scores, together[rows])


@pytest.mark.parametrize("labeler", [D2Q(), DVR(), LabelCrafter()])
def test_pickles_hold_no_frame(log, fast_ranker, labeler):
    """What is stored names nothing of pandas, which changes from version to version."""
    level = pd.array(np.arange(len(log.data)) % 3, dtype="Int64")
    level[5] = pd.NA
    kinds = pd.Categorical(log.data["tag"])
    clock = pd.to_datetime(log.data["timestamp"], unit="h")
    X = log.data.assign(level=level, kind=kinds, timestamp=clock)
    network = DIN(history_length=3, embedding_dim=4, hidden=(8,))
    for ranker in (fast_ranker, DINRanker(network, max_epochs=1)):
        recommender = LabelCraftRecommender(labeler, ranker, random_state=0)
        stored = pickle.dumps(recommender.fit(X, log.target))
        named = {str(argument) for _, argument, _ in pickletools.genops(stored)}
        assert "sklabelcraft.recommender" in " ".join(named)
        assert not [name for name in named if "pandas" in name]
        assert not [name for name in named if "narwhals" in name]


def test_scores_label_by_label(log, recommender):
    """Logits of each label, of which the score is the standardised mean."""
    union = FeatureUnion([("quantile", D2Q()), ("explicit", ExplicitFeedback())])
    recommender.set_params(labeler=union).fit(log.data, log.target)
    heads = recommender.head_scores(log.data)
    assert heads.shape == (len(log.data), 2)
    model = recommender.ranker_.model_
    scaled = (heads - model.head_mean) / model.head_scale
    np.testing.assert_array_equal(scaled.mean(axis=1), recommender.predict(log.data))
    foreign = LabelCraftRecommender(D2Q(), LinearRegression())
    foreign.fit(log.data[["user_id", "item_id", "duration"]], log.target)
    X = log.data[["user_id", "item_id", "duration"]]
    assert foreign.head_scores(X)[:, 0].tolist() == foreign.predict(X).tolist()
