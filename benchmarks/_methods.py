"""The rows of the paper's table."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    D2Q,
    DVR,
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


def methods(stop_by_sum=False):
    """A recommender for each row of the table, its columns and k to be inherited."""
    plain, debiased = MLPRanker(), MLPRanker(adversary_weight=0.1)
    raw = make_column_transformer(("passthrough", ["watch_time"]))
    rows = {
        "PC": (PlayCompletion(), plain),
        "PCR": (PlayCompletionRate(), plain),
        "WT raw": (raw, plain),
        "WT": (WatchTime(), plain),
        "EF": (ExplicitFeedback(), plain),
        "D2Q": (D2Q(), plain),
        "DVR": (DVR(), debiased),
        "WT+EF": (with_explicit(WatchTime()), plain),
        "D2Q+EF": (with_explicit(D2Q()), plain),
        "DVR+EF": (with_explicit(DVR()), debiased),
        "LabelCraft": (LabelCrafter(), plain),
    }
    recommenders = {name: LabelCraftRecommender(*row) for name, row in rows.items()}
    if stop_by_sum:
        return {name: StoppedBySum(method) for name, method in recommenders.items()}
    return recommenders


def with_explicit(labeler):
    """Two labels for a ranker with two heads."""
    return FeatureUnion([("watch", labeler), ("explicit", ExplicitFeedback())])


class StoppedBySum(BaseEstimator):
    """A recommender kept as it was after the epoch with the highest sum S.

    So that all methods stop by one criterion, on the validation part, in place of each
    by its own.

    Parameters
    ----------
    recommender : LabelCraftRecommender
        The method.
    patience : int
        Epochs without progress after which training stops.
    """

    def __init__(self, recommender, patience=5):
        self.recommender = recommender
        self.patience = patience

    def fit(self, X, y, X_val, y_val):
        """Fit on the training part; stop by the validation part."""
        recommender = clone(self.recommender)
        longest = {
            name: 100
            for name in recommender.get_params()
            if name.endswith("ranker__patience")
        }
        keeper = KeepBest(recommender, X_val, y_val, self.patience)
        recommender.set_params(**longest).set_callbacks(keeper)
        recommender.fit(X, y, X_val, y_val)
        self.recommender_ = keeper.best.set_callbacks()
        return self

    @property
    def labeler_(self):
        """The labeler of the best epoch."""
        return self.recommender_.labeler_

    def predict(self, X):
        """Scores of the best epoch."""
        return self.recommender_.predict(X)


class KeepBest:
    """A callback that keeps the recommender of the epoch with the highest S."""

    def __init__(self, recommender, X_val, y_val, patience):
        scorers = nwtg_scorer, ds_scorer, neg_scorer
        self.scorers = [scorer.of(recommender) for scorer in scorers]
        self.data = X_val, y_val
        random = Random(np.random.RandomState(0))
        draws = [[self._mean(s, random) for s in self.scorers] for _ in range(20)]
        self.random = np.mean(draws, axis=0)
        self.patience, self.highest, self.run = patience, -1.0, None

    def setup(self, estimator, context):
        """Do nothing."""

    def teardown(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Keep the best; stop a run that has not brought any for a while."""
        if context.task_name != "epoch":
            return False
        if context.parent is not self.run:
            self.run, self.since, self.reached = context.parent, 0, -1.0
        value = sum(
            self._mean(scorer, fitted_estimator) / random
            for scorer, random in zip(self.scorers, self.random, strict=True)
        )
        self.since += 1
        if value > self.reached:
            self.reached, self.since = value, 0
        if value > self.highest:
            self.highest, self.best = value, fitted_estimator
        return self.since >= self.patience

    def _mean(self, scorer, estimator):
        return scorer(estimator, *self.data)


class Random:
    """Scores at random."""

    def __init__(self, rng):
        self.rng = rng

    def predict(self, X):
        """One random score per row."""
        return self.rng.uniform(size=len(X))
