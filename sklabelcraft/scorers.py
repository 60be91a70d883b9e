"""Scorers ``scorer(estimator, X, y)`` for searches and cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from sklabelcraft._docs import shared
from sklabelcraft._known import any_positive
from sklabelcraft._scoring import RankingScorer
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft.metrics import ds_score, neg_score, nwtg_score
from sklabelcraft.retrieval_metrics import (
    gauc_score,
    top_k_coverage_score,
    top_k_recall_score,
)


@shared
@dataclass(frozen=True)
class ListScorer(RankingScorer):
    """Score the lists that an estimator would show to the users of X, one by one.

    Users whose metric is undefined, having no gain at all, are left out silently; the
    metric itself, called directly, tells how many they are. Rows in which the column is
    missing are left out, with a warning; of several columns, those in which one is
    missing and none is above 0. Watch time and duration must not be missing. Vary a
    scorer with :func:`dataclasses.replace`, for example ``replace(nwtg_scorer, k=5)``.

    Parameters
    ----------
    metric : callable
        ``metric(values, scores, groups=, k=, average=None)``, as
        :func:`~sklabelcraft.nwtg_score`: one value per group, in ascending order of the
        groups. It is given the rows of users with more than k rows alone, of those that
        are known, and their users numbered from 0 on, by first appearance.
    {scored}
    weight : {"user", "impression"}, default="user"
        What counts alike in the mean: each user, or each of their impressions.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sklabelcraft import nwtg_scorer
    >>> replace(nwtg_scorer, k=5).k
    5
    """

    weight: Literal["user", "impression"] = "user"

    def __post_init__(self):
        super().__post_init__()
        known = isinstance(self.weight, str) and self.weight in ("user", "impression")
        if not known:
            raise ValueError(
                f"weight must be 'user' or 'impression', got {self.weight!r}."
            )

    def per_user(
        self, scores: ArrayLike, X: LogLike, y: TargetLike | None = None
    ) -> pd.Series:
        """The metric of each user's list.

        Parameters
        ----------
        scores : array-like of shape (n,)
            One score per row.
        X : as in a call of the scorer
            Impressions.
        y : as in a call of the scorer, default=None
            Their feedback.

        Returns
        -------
        Series of shape (n_users,)
            By user, in order of first appearance, NaN where the metric is undefined or
            no more than k rows are known; a missing user is NaN.
        """
        values, _ = self.on(X, y)(scores)
        return values

    def on(
        self, X: LogLike, y: TargetLike | None = None
    ) -> Callable[[ArrayLike], tuple[pd.Series, pd.Series]]:
        """Read some rows, to measure the lists of many scores.

        Parameters
        ----------
        X : as in a call of the scorer
            Impressions.
        y : as in a call of the scorer, default=None
            Their feedback.

        Returns
        -------
        callable
            Maps scores, one per row, to two Series by user: what :meth:`per_user` says,
            and what it counts in the mean, 1 or the number of impressions.
        """
        return self._measure(self._read(X, y))

    def _measure(self, listed):
        index = _index(listed.users)
        weights = np.ones(len(index))
        if self.weight == "impression":
            weights[listed.is_listed] = np.bincount(listed.groups)
        weights = pd.Series(weights, index)

        def measure(scores):
            values, n = pd.Series(np.nan, index), listed.is_listed.sum()
            if n:
                found = listed.measured(self.metric, scores, average=None)
                if np.shape(found) != (n,):
                    raise ValueError(
                        f"the metric must give one value for each of {n} groups, got "
                        f"shape {np.shape(found)}."
                    )
                values[listed.is_listed] = found
            return values, weights

        return measure

    def _mean(self, measured):
        values, weights = (series.to_numpy() for series in measured)
        there = ~np.isnan(values)
        if not there.any():
            raise ValueError(f"none of the {len(values)} users has any gain.")
        if self.weight == "user":
            return float(values[there].mean())
        return float(np.average(values[there], weights=weights[there]))


@shared
@dataclass(frozen=True)
class LogScorer(RankingScorer):
    """Score the lists that an estimator would show to the users of X, all together.

    Parameters
    ----------
    metric : callable
        ``metric(values, scores, groups=, k=)``, as
        :func:`~sklabelcraft.top_k_coverage_score`: one number. It is given the rows of
        users with more than k rows alone, of those that are known.
    {scored}

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sklabelcraft import top_k_coverage_scorer
    >>> replace(top_k_coverage_scorer, k=5).k
    5
    """

    def on(
        self, X: LogLike, y: TargetLike | None = None
    ) -> Callable[[ArrayLike], float]:
        """Read some rows, to measure the lists of many scores.

        Parameters
        ----------
        X : as in a call of the scorer
            Impressions.
        y : as in a call of the scorer, default=None
            Their feedback.

        Returns
        -------
        callable
            Maps scores, one per row, to the metric, NaN where it is undefined.
        """
        return self._measure(self._read(X, y))

    def _measure(self, listed):
        if not len(listed.rows):
            return lambda scores: np.nan
        return lambda scores: float(listed.measured(self.metric, scores))

    def _mean(self, measured):
        if np.isnan(measured):
            raise ValueError("the metric is not defined on these rows.")
        return measured


def _index(names):
    try:
        return pd.Index(names, tupleize_cols=False)
    except UnicodeEncodeError as error:
        raise ValueError(f"names of users must be Unicode: {error}.") from error


def _auc(explicit, scores, *, groups, k):
    """Area under the ROC curve of all rows together; NaN if all or none are liked."""
    liked = any_positive(explicit.reshape(len(scores), -1).T, len(scores))
    return np.nan if np.ptp(liked) == 0 else roc_auc_score(liked, scores)


nwtg_scorer = ListScorer(nwtg_score, "watch_time")
neg_scorer = ListScorer(neg_score, "explicit")
ds_scorer = ListScorer(ds_score, "duration", table="X")
auc_scorer = LogScorer(_auc, "explicit")
gauc_scorer = ListScorer(gauc_score, "explicit", weight="impression")
top_k_recall_scorer = ListScorer(top_k_recall_score, "explicit")
top_k_coverage_scorer = LogScorer(top_k_coverage_score, "item", table="X")
