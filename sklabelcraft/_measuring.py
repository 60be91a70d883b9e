"""What is measured of scores on some rows, and its means over users."""

from typing import NamedTuple

import pandas as pd

from sklabelcraft.scorers import LogScorer

CELL = ["method", "seed", "fold"]


class Measure:
    """Metrics of some rows, which are read once.

    Parameters
    ----------
    scorers : dict of RankingScorer
        By k and name of the metric.
    X : data frame or array of shape (n, n_columns)
        Impressions.
    y : data frame, series or array of shape (n,) or (n, n_signals)
        Their feedback.
    """

    def __init__(self, scorers, X, y):
        self.of_users, self.of_all = {}, {}
        for key, scorer in scorers.items():
            kind = self.of_all if isinstance(scorer, LogScorer) else self.of_users
            kind[key] = scorer.on(X, y)

    def __call__(self, scores):
        """What is measured of the lists that some scores lead to."""
        measured = {key: measure(scores) for key, measure in self.of_users.items()}
        overall = {key: measure(scores) for key, measure in self.of_all.items()}
        return Measured(
            _frame({key: values for key, (values, _) in measured.items()}),
            _frame({key: weights for key, (_, weights) in measured.items()}),
            _frame(overall, index=[0]),
        )


class Measured(NamedTuple):
    """Metrics of lists, in columns (k, metric).

    Attributes
    ----------
    values : DataFrame
        Those that each user has, by method, seed, fold and user.
    weights : DataFrame
        What they count in the mean.
    overall : DataFrame
        Those of all users together, by method, seed and fold.
    """

    values: pd.DataFrame
    weights: pd.DataFrame
    overall: pd.DataFrame

    @classmethod
    def together(cls, cells):
        """Those of several cells, a mapping by method, seed and fold."""
        values, weights, overall = zip(*cells.values(), strict=True)
        overall = pd.concat(overall, keys=cells, names=CELL).droplevel(-1)
        both = (
            pd.concat(f, keys=cells, names=[*CELL, "user"]) for f in (values, weights)
        )
        return cls(*both, overall)

    def by(self, *levels):
        """Means over users, each averaged over folds, for each value of some levels."""
        overall = self.overall.groupby(level=levels, sort=False).mean()
        means = weighted_means(*self._by_user(levels), levels)
        return pd.concat([means, overall], axis=1)

    def mean(self):
        """Means of all metrics over users, a series by (k, metric)."""
        return self.by("method").mean()

    def of_users(self):
        """Values and weights of users over seeds and folds, by method."""
        values, weights = self._by_user(["method"])
        return {
            name: (values.xs(name), weights.xs(name))
            for name in values.index.unique("method")
        }

    def _by_user(self, levels):
        """Values and weights of each user, however many folds have the user."""
        levels = [*levels, "user"]
        weights = _grouped(self.weights.where(self.values.notna()), levels).mean()
        return weighted_means(self.values, self.weights, levels), weights


def weighted_means(values, weights, levels):
    """Means over what has a value, for each value of some levels of the index."""
    weights = weights.where(values.notna())
    total = _grouped(values * weights, levels).sum(min_count=1)
    return total / _grouped(weights, levels).sum(min_count=1)


def _grouped(frame, levels):
    return frame.groupby(level=levels, sort=False, dropna=False)  # one missing user


def _frame(columns, **options):
    frame = pd.DataFrame(columns, **options)
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=["k", "metric"])
    return frame
