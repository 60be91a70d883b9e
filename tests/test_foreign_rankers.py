"""Models of other libraries as rankers."""

import numpy as np
import pytest
import sklearn
from members import users_and_items
from scipy.stats import spearmanr
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingRegressor,
)
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklabelcraft import (
    D2Q,
    DVR,
    Columns,
    ExplicitFeedback,
    LabelCraftRecommender,
    WatchTime,
)
from sklabelcraft._foreign_rankers import (
    fit_in_groups,
    fit_soft_classes,
    score_foreign,
)

NUMBERS = ["duration", "item_id"]


def on_numbers(model):
    """A model on the numeric columns of the synthetic log."""
    numbers = make_column_transformer((StandardScaler(), NUMBERS))
    return make_pipeline(numbers, model)


@pytest.fixture
def numbers(log):
    """Impressions whose columns are all numbers."""
    return log.data.drop(columns="tag")


@pytest.mark.parametrize(
    "model",
    [
        Ridge(),
        StackingRegressor(
            [("ridge", Ridge())], HistGradientBoostingRegressor(max_iter=5)
        ),
        GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_regressor_ranks_by_what_it_predicts(log, model):
    """Also one that consists of others, or searches."""
    recommender = LabelCraftRecommender(WatchTime(), on_numbers(model))
    scores = recommender.fit(log.data, log.target).predict(log.data)
    assert scores.shape == (len(log.data),)
    np.testing.assert_array_equal(scores, recommender.ranker_.predict(log.data))
    assert spearmanr(scores, log.data["duration"]).statistic > 0.5


def test_several_labels_make_one_score_of_any_regressor(log):
    """The mean of its outputs, each standardised over the training rows."""
    both = FeatureUnion([("wt", WatchTime()), ("ef", ExplicitFeedback())])
    recommender = LabelCraftRecommender(both, on_numbers(Ridge()))
    train, test = (log.data.iloc[log.split[part]] for part in ("train", "test"))
    recommender.fit(train, log.target.iloc[log.split.train])
    outputs = recommender.ranker_.predict(train)
    mean, std = outputs.mean(axis=0), outputs.std(axis=0)
    scores = recommender.predict(test)
    expected = ((recommender.ranker_.predict(test) - mean) / std).mean(axis=1)
    assert scores.shape == (len(test),)
    np.testing.assert_allclose(scores, expected)
    assert np.isfinite(recommender.score(test, log.target.iloc[log.split.test]))


CLASSIFIERS = [
    LogisticRegression(),
    RidgeClassifier(),
    LinearSVC(),
    DecisionTreeClassifier(min_samples_leaf=50, random_state=0),
    HistGradientBoostingClassifier(max_iter=5),
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
]


@pytest.mark.parametrize("piped", [True, False])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=lambda model: type(model).__name__)
def test_a_classifier_ranks_by_its_probability_or_decision(log, numbers, model, piped):
    """Whichever it has; both rise with the label."""
    X = numbers[["user_id", "item_id", "duration"]] / [40, 60, 100]
    model = make_pipeline(StandardScaler(), model) if piped else model
    recommender = LabelCraftRecommender(WatchTime(), model)
    y = log.target.assign(watch_time=log.target["watch_time"] / 100)
    scores = recommender.fit(X, y).predict(X)
    found = recommender.ranker_
    if hasattr(found, "predict_proba"):
        np.testing.assert_array_equal(scores, found.predict_proba(X)[:, 1])
    else:
        np.testing.assert_array_equal(scores, found.decision_function(X))
    labels = recommender.labeler_.transform(log.frame)[:, 0]
    assert spearmanr(scores, labels).statistic > 0.2


def test_a_classifier_is_fitted_to_the_label_as_a_probability(log):
    """It ranks by its probability, whose mean is that of the label."""
    tree = DecisionTreeClassifier(min_samples_leaf=50, random_state=0)
    recommender = LabelCraftRecommender(WatchTime(), on_numbers(tree))
    scores = recommender.fit(log.data, log.target).predict(log.data)
    labels = recommender.labeler_.transform(log.frame)
    assert scores.mean() == pytest.approx(labels.mean())
    assert len(np.unique(scores)) > 2
    assert np.isfinite(recommender.score(log.data, log.target))


def test_a_label_is_a_probability_to_a_classifier(log, numbers):
    """By hand: a tree without splits predicts the mean label."""
    labels = WatchTime().fit_transform(log.frame)[:, 0]
    stump = DecisionTreeClassifier(max_depth=1, min_samples_leaf=1200)
    fit_soft_classes(stump, numbers, labels)
    for leaf in np.unique(stump.apply(numbers)):
        inside = stump.apply(numbers) == leaf
        told = stump.predict_proba(numbers[inside])[:, 1]
        np.testing.assert_allclose(told, labels[inside].mean())


@pytest.mark.parametrize("routing", [True, False])
def test_routing_of_metadata_makes_no_difference(log, routing):
    """Weights reach a classifier in a pipeline, whatever is set; nothing stays set."""
    forest = RandomForestClassifier(n_estimators=5, min_samples_leaf=50, random_state=0)
    recommender = LabelCraftRecommender(WatchTime(), on_numbers(forest))
    expected = recommender.fit(log.data, log.target).predict(log.data)
    with sklearn.config_context(enable_metadata_routing=routing):
        scores = recommender.fit(log.data, log.target).predict(log.data)
        assert sklearn.get_config()["enable_metadata_routing"] == routing
    np.testing.assert_array_equal(scores, expected)
    labels = recommender.labeler_.transform(log.frame)
    assert scores.mean() == pytest.approx(labels.mean(), abs=0.02)


def test_what_a_classifier_needs(log):
    """Weights, and one label between 0 and 1."""
    for model in (KNeighborsClassifier(), on_numbers(KNeighborsClassifier())):
        with pytest.raises(ValueError, match="must take sample_weight"):
            LabelCraftRecommender(WatchTime(), model).fit(log.data, log.target)
    tree = on_numbers(DecisionTreeClassifier())
    with pytest.raises(ValueError, match=r"needs one label in \[0, 1\], got 1 in \[-"):
        LabelCraftRecommender(DVR(), tree).fit(log.data, log.target)
    both = FeatureUnion([("wt", WatchTime()), ("ef", ExplicitFeedback())])
    with pytest.raises(ValueError, match=r"needs one label in \[0, 1\], got 2 in \[0"):
        LabelCraftRecommender(both, tree).fit(log.data, log.target)


def test_what_cannot_score_is_refused_before_any_fit(log):
    """A transformer has no scores."""

    class Never(WatchTime):
        def fit(self, log, y=None):
            raise AssertionError("fitted")

    with pytest.raises(ValueError, match="must have predict, got StandardScaler"):
        LabelCraftRecommender(Never(), StandardScaler()).fit(log.data, log.target)


class Predicts(RegressorMixin, BaseEstimator):
    """Predicts what a function makes of the number of rows."""

    def __init__(self, made):
        self.made = made

    def fit(self, X, y):
        """Learn nothing."""
        self.fitted_ = True
        return self

    def predict(self, X):
        """Predict as told."""
        return self.made(len(X))


NO_SCORES = {
    "too few": (lambda n: np.zeros(n - 1), r"float64 of shape \(1999,\)"),
    "one": (lambda n: 0.5, r"float64 of shape \(\)"),
    "text": (lambda n: ["a"] * n, r"<U1 of shape \(2000,\)"),
    "objects": (lambda n: [None] * n, r"object of shape \(2000,\)"),
    "complex": (lambda n: np.zeros(n, dtype=complex), "complex128 of"),
    "deep": (lambda n: np.zeros((n, 1, 1)), r"float64 of shape \(2000, 1, 1\)"),
    "turned": (lambda n: np.zeros((1, n)), r"float64 of shape \(1, 2000\)"),
}


@pytest.mark.parametrize("method", ["fit", "predict", "head_scores", "recommend"])
@pytest.mark.parametrize("case", NO_SCORES)
def test_what_a_ranker_predicts_are_numbers_of_all_rows(log, method, case):
    """Anything else is told as what it is, whenever it is predicted."""
    made, found = NO_SCORES[case]
    X, y = log.data[:2000], log.target[:2000]
    recommender = LabelCraftRecommender(WatchTime(), Predicts(made))
    message = "a ranker must predict numbers .* by predict of Predicts"
    if method == "fit":
        with pytest.raises(ValueError, match=rf"for 2000 rows.* got {found}"):
            recommender.fit(X, y)
        return
    recommender.set_params(ranker=Predicts(np.zeros)).fit(X, y)
    recommender.ranker_.made = made
    given = users_and_items(log) if method == "recommend" else [X]
    with pytest.raises(ValueError, match=message):
        getattr(recommender, method)(*given)


def test_scores_that_are_not_finite_are_predicted():
    """It is for those who use them to refuse them."""
    values = [np.nan, np.inf]
    found = score_foreign(Predicts(lambda n: values), np.zeros((2, 1)))
    np.testing.assert_array_equal(found, values)


def test_grades_and_groups_by_hand():
    """Five grades of equal frequency, and the rows of a user together."""
    seen = {}

    class Groups(BaseEstimator):
        def fit(self, X, y, group=None):
            seen.update(X=X[:, 0].tolist(), y=y.tolist(), group=group.tolist())

    X = np.arange(10.0)[:, None]
    users = np.array([1, 0, 1, 0, 1, 0, 1, 0, 2, 1])
    fit_in_groups(Groups(), X, np.arange(10.0) ** 2, users)
    assert seen["X"] == [1, 3, 5, 7, 0, 2, 4, 6, 9, 8]
    assert seen["y"] == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4]
    assert seen["group"] == [4, 5, 1]
    with pytest.raises(ValueError, match="needs one label, got 2"):
        fit_in_groups(Groups(), X, np.zeros((10, 2)), users)


def boosted(library):
    """A small learner to rank within groups."""
    module = pytest.importorskip(library)
    if library == "lightgbm":
        options = {"n_estimators": 10, "verbose": -1, "n_jobs": 1, "random_state": 0}
        return module.LGBMRanker(**options)
    return module.XGBRanker(n_estimators=10, n_jobs=1, random_state=0)


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_learning_to_rank_gets_the_users_as_groups(log, numbers, library):
    """Without them it could not be fitted; it learns, alone and in a pipeline."""
    ranker = boosted(library)
    recommender = LabelCraftRecommender(D2Q(), ranker, k=5)
    scores = recommender.fit(numbers, log.target).predict(numbers)
    assert spearmanr(scores, log.preference).statistic > 0.05
    assert np.isfinite(recommender.score(numbers, log.target))
    piped = LabelCraftRecommender(D2Q(), make_pipeline("passthrough", ranker))
    np.testing.assert_array_equal(
        piped.fit(numbers, log.target).predict(numbers), scores
    )


@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_learning_to_rank_without_users_is_one_group(log, numbers, library):
    """All rows are one list."""
    one = LabelCraftRecommender(D2Q(), boosted(library), columns=Columns(user=None))
    scores = one.fit(numbers[:500], log.target[:500]).predict(numbers)
    assert len(np.unique(scores)) > 2
