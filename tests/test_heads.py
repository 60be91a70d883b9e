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
    assert heads_of(Columns("a"), log.native).tolist() == [[1], [2], [6]]
    assert heads_of(Logits("a"), log.native).tolist() == [[10], [20], [60]]


def test_fused_scores_are_the_weighted_sum(log):
    """With the same bits for a row alone as among others."""
    heads = Heads({"one": Columns("a", "b")}, log, "duration")
    weights = [0.2, 0.3, 0.5]
    scores = heads.fused(log, weights)
    np.testing.assert_allclose(scores, heads(log) @ weights)
    alone = [heads.fused(log.rows([i]), weights)[0] for i in range(3)]
    assert scores.tolist() == alone
