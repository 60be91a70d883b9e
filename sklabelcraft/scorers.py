"""Scorers ``scorer(estimator, X, y)`` for searches and cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Literal

import numpy as np
import pandas as pd

from sklabelcraft._docs import shared
from sklabelcraft._estimator import USUAL, stated_by
from sklabelcraft._floats import finite
from sklabelcraft._lists import Lists
from sklabelcraft._numbers import as_floats
from sklabelcraft._reading import as_log, read_feedback
from sklabelcraft._stated import AFTER, SCORED, check_stated
from sklabelcraft.columns import Columns, is_key
from sklabelcraft.metrics import ds_score, neg_score, nwtg_score

ROLES = ("watch_time", "duration", "explicit")


@dataclass(frozen=True)
class ListScorer:
    """Score the lists that an estimator would show to the users of X.

    Users whose metric is undefined, having no gain at all, are left out silently; the
    metric itself, called directly, tells how many they are. Vary a scorer with
    :func:`dataclasses.replace`, for example ``replace(nwtg_scorer, k=5)``.

    Parameters
    ----------
    metric : callable
        ``metric(values, scores, groups=, k=, average=None)``, as
        :func:`~sklabelcraft.nwtg_score`: one value per group, in ascending order of the
        groups. It is given the rows of users with more than k rows alone, and their
        users numbered from 0 on, by first appearance.
    column : str, int or sequence of them
        The column that is measured: ``"watch_time"``, ``"duration"`` and ``"explicit"``
        stand for those that `columns` name; of several, those present are measured
        together.
    table : {"X", "y"}, default="y"
        Where that column is.
    columns : Columns, default=None
        Names or positions of the columns; None for those of the estimator that is
        scored, else the usual names.
    k : int, default=None
        Length of the shown lists; users with more than k rows take part. None for that
        of the estimator that is scored, else 10.

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
    columns: Columns | None = None
    k: int | None = None

    def __post_init__(self):
        if isinstance(self.column, list):
            object.__setattr__(self, "column", tuple(self.column))
        keys = self.column if isinstance(self.column, tuple) else (self.column,)
        is_length = isinstance(self.k, Integral) and self.k >= 1
        wanted = {
            "metric": (callable(self.metric), "callable"),
            "column": (all(map(is_key, keys)), "the name or position of a column"),
            "table": (
                isinstance(self.table, str) and self.table in ("X", "y"),
                "'X' or 'y'",
            ),
            "columns": (isinstance(self.columns, Columns | None), "Columns or None"),
            "k": (self.k is None or is_length, "None or a whole number >= 1"),
        }
        for name, (is_allowed, what) in wanted.items():
            if not is_allowed:
                raise ValueError(f"{name} must be {what}, got {getattr(self, name)!r}.")

    @shared
    def __call__(self, estimator, X, y=None):
        """Score a fitted estimator.

        Parameters
        ----------
        estimator : object
            With ``predict(X)``, one score per row.
        {impressions}
        y : data frame, series or array of shape (n,) or (n, n_signals), default=None
            Their feedback; None will do where a column of X is measured.

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
        values = self.of(estimator).per_user(estimator.predict(X), X, y)
        if values.isna().all():
            raise ValueError(f"none of the {len(values)} users has any gain.")
        return float(values.dropna().to_numpy().mean())

    def of(self, estimator):
        """The scorer with what it takes from an estimator.

        Parameters
        ----------
        estimator : object
            What is to be scored, perhaps inside a pipeline or a search.

        Returns
        -------
        ListScorer
            With the columns and the k that this one states, else the estimator's.
        """
        columns, k = self.columns, self.k
        columns = stated_by(estimator, "columns") if columns is None else columns
        k = stated_by(estimator, "k") if k is None else k
        return ListScorer(self.metric, self.column, self.table, columns, k)

    def per_user(self, scores, X, y=None):
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
            By user, in order of first appearance, NaN where the metric is undefined; a
            missing user is NaN.
        """
        columns = USUAL["columns"] if self.columns is None else self.columns
        k = USUAL["k"] if self.k is None else self.k
        log = as_log(X)
        feedback = None if self.table == "X" else read_feedback(y, log)
        check_stated(columns, log, SCORED)
        if feedback is not None:
            check_stated(columns, feedback, AFTER)
        users, scores = log.ids(columns.user), as_floats(scores, "scores")
        if scores.shape != (len(log),):
            raise ValueError(
                f"scores must be one per row, of shape {(len(log),)}, got "
                f"{scores.shape}."
            )
        finite(scores, "scores", row_of=log.row_name)
        codes, names = users.codes(), users.names()
        lists = Lists.of(users, k)
        rows = np.sort(lists.rows.numpy())
        taking_part, groups = np.unique(codes[rows], return_inverse=True)
        values = measured_by(self, log, feedback)[rows]
        found = self.metric(values, scores[rows], groups=groups, k=k, average=None)
        if np.shape(found) != (len(taking_part),):
            raise ValueError(
                f"the metric must give one value for each of {len(taking_part)} "
                f"groups, got shape {np.shape(found)}."
            )
        return pd.Series(found, _index(names[taking_part]))


def measured_by(scorer, log, feedback):
    """What a scorer measures, as it is read from logs that hold X and y.

    Parameters
    ----------
    scorer : ListScorer
        Says what.
    log : Log
        Impressions.
    feedback : Log or None
        Their feedback; None will do where a column of X is measured.

    Returns
    -------
    ndarray of shape (n,) or (n, n_columns)
        Finite and not negative.
    """
    columns = USUAL["columns"] if scorer.columns is None else scorer.columns
    table, key = log if scorer.table == "X" else feedback, scorer.column
    if isinstance(key, str) and key in ROLES:
        key = getattr(columns, key)
    if not isinstance(key, tuple):
        return table.numeric(key, minimum=0)
    keys = table.present(key)
    if not keys:
        raise ValueError(f"{scorer.column!r} stands for no column to be measured.")
    return np.column_stack([table.numeric(key, minimum=0) for key in keys])


def _index(names):
    try:
        return pd.Index(names, tupleize_cols=False)
    except UnicodeEncodeError as error:
        raise ValueError(f"names of users must be Unicode: {error}.") from error


nwtg_scorer = ListScorer(nwtg_score, "watch_time")
neg_scorer = ListScorer(neg_score, "explicit")
ds_scorer = ListScorer(ds_score, "duration", table="X")
