"""Scorers ``scorer(estimator, X, y)`` for searches and cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sklabelcraft._columns import as_table, read_feedback
from sklabelcraft.metrics import ds_score, neg_score, nwtg_score


@dataclass(frozen=True)
class ListScorer:
    """Score the lists that an estimator would show to the users of X.

    Users whose metric is undefined, having no gain at all, are left out silently; the
    metric itself, called directly, tells how many they are.

    Vary a scorer with :func:`dataclasses.replace`, for example
    ``replace(nwtg_scorer, k=5)``.

    Parameters
    ----------
    metric : callable
        ``metric(values, scores, groups=, k=, average=)``, as
        :func:`~sklabelcraft.nwtg_score`.
    column : str, int or tuple of them
        The column that is measured; of a tuple, those present.
    table : {"X", "y"}, default="y"
        Where that column is.
    user : str, int or None, default="user_id"
        Column of X with the user; None makes one list of all rows.
    k : int, default=10
        Length of the shown lists; users with more than k rows take part.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from sklabelcraft import nwtg_scorer
    >>> replace(nwtg_scorer, k=5).k
    5
    """

    metric: Callable
    column: str | int | tuple
    table: Literal["X", "y"] = "y"
    user: str | int | None = "user_id"
    k: int = 10

    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : object
            With ``predict(X)``, one score per row.
        X : data frame or array of shape (n, n_columns)
            Impressions.
        y : data frame, series or array of shape (n,) or (n, n_signals)
            Their feedback.

        Returns
        -------
        float
            The metric, the higher the better.
        """
        if not hasattr(estimator, "predict"):
            raise TypeError(
                f"a scorer needs an estimator with predict, got {estimator!r}; a "
                "labeler is scored as LabelCraftRecommender(labeler)."
            )
        values = self.per_user(estimator.predict(X), X, y)
        if values.isna().all():
            raise ValueError(f"none of the {len(values)} users has any gain.")
        return float(values.dropna().to_numpy().mean())

    def per_user(self, scores, X, y=None):
        """The metric of each user's list.

        Parameters
        ----------
        scores : array-like of shape (n,)
            One score per row.
        X, y : as in a call of the scorer
            Impressions and their feedback.

        Returns
        -------
        Series of shape (n_users,)
            By user, in order of first appearance, NaN where the metric is undefined.
        """
        impressions = as_table(X)
        measured = impressions if self.table == "X" else read_feedback(y, impressions)
        users = np.zeros(len(X)) if self.user is None else impressions[self.user]
        values = self.metric(
            self._values(measured), scores, groups=users, k=self.k, average=None
        )
        codes, names = pd.factorize(users, use_na_sentinel=False)
        return pd.Series(values, names[np.bincount(codes) > self.k])

    def _values(self, table):
        if not isinstance(self.column, tuple):
            return table.numeric(self.column, minimum=0)
        keys = table.present(self.column)
        return np.column_stack([table.numeric(key, minimum=0) for key in keys])


nwtg_scorer = ListScorer(nwtg_score, "watch_time")
neg_scorer = ListScorer(neg_score, ("like", "follow", "comment"))
ds_scorer = ListScorer(ds_score, "duration", table="X")
