"""The scorers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.metrics import get_scorer, make_scorer

from sklabelcraft import (
    D2Q,
    ds_score,
    ds_scorer,
    neg_score,
    neg_scorer,
    nwtg_score,
    nwtg_scorer,
)


class ByDuration(BaseEstimator):
    """Ranks long videos first."""

    def predict(self, X):
        return np.asarray(X["duration"] if hasattr(X, "columns") else X[:, 1])


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
    scorers = [nwtg_scorer, neg_scorer, ds_scorer]
    found = [replace(scorer, k=k)(ByDuration(), X, y) for scorer in scorers]
    np.testing.assert_array_equal(found, expected)


def test_scorer_on_arrays(log):
    """Columns are found by position as well."""
    X, y = log.data[["user_id", "duration"]], log.target[["watch_time"]]
    scorer = replace(nwtg_scorer, column=0, user=0)
    found = scorer(ByDuration(), X.to_numpy(), y.to_numpy())
    assert found == nwtg_scorer(ByDuration(), X, y)


def test_neg_scorer_takes_the_signals_present(log):
    """Some of the usual signals are enough; none is an error."""
    neg_scorer(ByDuration(), log.data, log.target[["like"]])
    with pytest.raises(ValueError, match="none of the columns"):
        neg_scorer(ByDuration(), log.data, log.target[["watch_time"]])


def test_scorer_without_a_user_makes_one_list(log):
    """A user of None takes all rows as one list."""
    found = replace(ds_scorer, user=None, k=50)(ByDuration(), log.data)
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
