"""The rows of the paper's table."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    CWM,
    D2Q,
    DVR,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    FusedRecommender,
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

HAND_MADE = "hand-made, tuned"  # all that is fused but the learned label
FUSED = "LabelCraft, fused"


def methods():
    """An estimator for each row of the table, its columns and k to be inherited."""
    return singles() | two_headed() | fusions()


def singles():
    """A recommender for each label, hand-made or learned."""
    raw = make_column_transformer(("passthrough", ["watch_time"]))
    labelers = {
        "PC": PlayCompletion(),
        "PCR": PlayCompletionRate(),
        "WT raw": raw,
        "WT": WatchTime(),
        "EF": ExplicitFeedback(),
        "D2Q": D2Q(),
        "DVR": DVR(),
        "CDF by user": ConditionalCDF(by="user"),
        "CDF by item": ConditionalCDF(by="item"),
        "D2Co": D2Co(),
        "CWM": CWM(),
        "LabelCraft": LabelCrafter(),
    }
    return {name: recommender(labeler) for name, labeler in labelers.items()}


def two_headed():
    """Two labels on one network, kept as it was when its lists were worth most.

    The loss of both heads together is lowest when the likes are being learned by heart
    and the watch time is not yet learned.
    """
    labelers = {"WT+EF": WatchTime(), "D2Q+EF": D2Q(), "DVR+EF": DVR()}
    return {
        name: StoppedBySum(recommender(with_explicit(labeler)))
        for name, labeler in labelers.items()
    }


def fusions():
    """Tuned with equal effort on held-out lists, without and with the learned label."""
    heads = singles() | two_headed()
    hand_made = ["WT", "D2Q", "EF", "CDF by item", "WT+EF"]
    members = {
        "WT+EF, tuned": ["WT+EF"],
        "WT, D2Q, EF, tuned": ["WT", "D2Q", "EF"],
        HAND_MADE: hand_made,
        FUSED: ["LabelCraft", *hand_made],
    }
    return {
        name: FusedRecommender([(part, heads[part]) for part in parts])
        for name, parts in members.items()
    }


def recommender(labeler):
    """A label and the ranker that all are trained with; DVR's is debiased besides."""
    parts = dict(getattr(labeler, "transformer_list", [("watch", labeler)]))
    debiased = isinstance(parts["watch"], DVR)
    ranker = MLPRanker(adversary_weight=0.1) if debiased else MLPRanker()
    return LabelCraftRecommender(labeler, ranker)


def with_explicit(labeler):
    """Two labels for a ranker with two heads."""
    return FeatureUnion([("watch", labeler), ("explicit", ExplicitFeedback())])


class StoppedBySum(BaseEstimator):
    """A recommender kept as it was after the epoch with the highest sum S.

    S is measured on the validation part.

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

    def head_scores(self, X):
        """Logits of the best epoch."""
        return self.recommender_.head_scores(X)


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
