"""Labels in [0, 1] are predicted as probabilities; others are not."""

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from sklabelcraft import (
    DVR,
    ExplicitFeedback,
    FusedRecommender,
    LabelCraftRecommender,
    PlayCompletion,
    WatchTime,
)

ENCODER = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
BOTH = FeatureUnion([("watch", WatchTime()), ("explicit", ExplicitFeedback())])


def fitted(log, labeler, ranker):
    recommender = LabelCraftRecommender(labeler, ranker, random_state=0)
    return recommender.fit(log.data, log.target)


@pytest.mark.parametrize("loss", ["auto", "brier"])
@pytest.mark.parametrize("labeler", [PlayCompletion(), WatchTime()])
def test_columns_are_of_0_and_of_1(labeler, loss, log, fast_ranker):
    """What predict returns stands in the second, and what is left in the first."""
    recommender = fitted(log, labeler, clone(fast_ranker).set_params(loss=loss))
    for estimator in (recommender, recommender.ranker_):
        found, label = estimator.predict_proba(log.data), estimator.predict(log.data)
        np.testing.assert_array_equal(found[:, 1], label)
        np.testing.assert_array_equal(found[:, 0], 1 - label)
        assert not is_classifier(estimator)


def test_probabilities_tell_whether_feedback_is_given(log, fast_ranker):
    """Their mean is about the share of it, and they part the one from the other."""
    ranker = clone(fast_ranker).set_params(max_epochs=20, learning_rate=0.01)
    given = ExplicitFeedback().fit_transform(log.frame)[:, 0]
    found = fitted(log, ExplicitFeedback(), ranker).predict_proba(log.data)
    assert abs(found[:, 1].mean() - given.mean()) < 0.03
    assert roc_auc_score(given, found[:, 1]) > 0.7


def test_a_classifier_has_those_of_its_own(log):
    """One that has only decisions has none."""
    classifier = make_pipeline(ENCODER, LogisticRegression())
    recommender = fitted(log, PlayCompletion(), classifier)
    own = recommender.ranker_.predict_proba(log.data)
    np.testing.assert_allclose(recommender.predict_proba(log.data), own, atol=1e-15)
    decided = fitted(log, PlayCompletion(), make_pipeline(ENCODER, RidgeClassifier()))
    assert not hasattr(decided, "predict_proba")


@pytest.mark.parametrize(
    ("labeler", "ranker", "reason"),
    [
        (DVR(), None, "need labels in"),
        (WatchTime(), "squared_error", "need labels in"),
        (BOTH, None, "need one label, got 2"),
        (WatchTime(), make_pipeline(ENCODER, LinearRegression()), "predicts others"),
    ],
)
def test_other_labels_have_none(labeler, ranker, reason, log, fast_ranker):
    """Neither the recommender nor its ranker has the method, and the error says why."""
    if ranker is None or ranker == "squared_error":
        ranker = clone(fast_ranker).set_params(loss=ranker or "auto")
    recommender = fitted(log, labeler, ranker)
    assert not hasattr(recommender, "predict_proba")
    assert not hasattr(recommender.ranker_, "predict_proba")
    with pytest.raises(AttributeError) as raised:
        recommender.predict_proba(log.data)
    assert reason in str(raised.value.__cause__)


def test_before_a_fit(log):
    """It is not known; a fusion weighs scores, and never has probabilities."""
    with pytest.raises(NotFittedError):
        LabelCraftRecommender().predict_proba(log.data)
    assert not hasattr(FusedRecommender(), "predict_proba")
