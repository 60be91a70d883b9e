"""What a fusion weighs."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from sklabelcraft._heads import Heads, heads_of
from sklabelcraft._log import Log


class Columns(BaseEstimator):
    """Scores impressions by some of their columns."""

    def __init__(self, *names):
        self.names = names

    def predict(self, X):
        return X[list(self.names)].to_numpy()


class Logits(Columns):
    """Has logits beside what it predicts."""

    def head_scores(self, X):
        return 10 * X[list(self.names)].to_numpy()


@pytest.fixture
def log():
    frame = {"a": [1.0, 2.0, 6.0], "b": [5.0, 5.0, 5.0], "duration": [10.0, 20.0, 90.0]}
    return Log(pd.DataFrame(frame))


def test_heads_are_standardised_and_named(log):
    """Over the log, each has mean 0 and standard deviation 1; a constant one is 0."""
    heads = Heads({"one": Columns("a"), "two": Columns("a", "b")}, log, "duration")
    assert heads.names == ["one", "two 0", "two 1", "duration"]
    found = heads(log)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), [1, 1, 0, 1])
    np.testing.assert_allclose(heads.mean[:3], [3, 3, 5])


def test_the_duration_counts_by_how_far_out_it_is(log):
    """The ranks 0, 1/2 and 1 make 1, 0 and 1, whose mean is 2/3."""
    found = Heads({}, log, "duration")(log)[:, 0]
    scale = np.std([1, 0, 1])
    np.testing.assert_allclose(found * scale, [1 / 3, -2 / 3, 1 / 3])


def test_logits_are_taken_where_there_are_any(log):
    """A model of another kind is taken by what it predicts."""
    assert heads_of("a", Columns("a"), log).tolist() == [[1], [2], [6]]
    assert heads_of("a", Logits("a"), log).tolist() == [[10], [20], [60]]


class Given(BaseEstimator):
    """Scores impressions by what it was given."""

    def __init__(self, scores):
        self.scores = scores

    def predict(self, X):
        return self.scores


@pytest.mark.parametrize("score", [np.nan, np.inf, -1e200])
def test_scores_must_be_finite(log, score):
    """The error names the recommender and the row."""
    with pytest.raises(ValueError, match="'bad' must score finite numbers; 1 of 3"):
        Heads({"good": Columns("a"), "bad": Given([0, score, 1])}, log)


@pytest.mark.parametrize("scores", [1.0, [1.0, 2.0], np.zeros((3, 1, 1))])
def test_there_is_a_score_for_each_row(log, scores):
    """The error names the recommender and the shape."""
    with pytest.raises(ValueError, match="'bad' must give one score per row"):
        Heads({"bad": Given(scores)}, log)


def test_names_tell_heads_apart(log):
    """A number may make one name another's."""
    pairs = {"a": Columns("a", "b"), "a 0": Columns("a")}
    with pytest.raises(ValueError, match="must tell their heads apart"):
        Heads(pairs, log)


def test_a_head_that_is_constant_but_for_rounding_is_0(log):
    """It is not blown up."""
    heads = Heads({"a": Given(0.1 + 1e-17 * np.arange(3)), "b": Columns("b")}, log)
    assert not heads(log).any()


def test_fused_scores_are_the_weighted_sum(log):
    """With the same bits for a row alone as among others."""
    heads = Heads({"one": Columns("a", "b")}, log, "duration")
    weights = [0.2, 0.3, 0.5]
    scores = heads.fused(log, weights)
    np.testing.assert_allclose(scores, heads(log) @ weights)
    alone = [heads.fused(log.rows([i]), weights)[0] for i in range(3)]
    assert scores.tolist() == alone
