"""Scoring the lists that an estimator would show: what is read, and by which names."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Literal

import numpy as np

from sklabelcraft._docs import shared
from sklabelcraft._estimator import USUAL, stated_by
from sklabelcraft._lists import Lists
from sklabelcraft._numbers import as_floats
from sklabelcraft._reading import as_log, read_feedback
from sklabelcraft.columns import Columns, is_key

ROLES = ("watch_time", "duration", "explicit", "item")


@dataclass(frozen=True)
class RankingScorer:
    """Template of what scores the lists that an estimator would show."""

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
        return self.of(estimator)._score(estimator.predict(X), X, y)

    def of(self, estimator):
        """The scorer with what it takes from an estimator.

        Parameters
        ----------
        estimator : object
            What is to be scored, perhaps inside a pipeline or a search.

        Returns
        -------
        ListScorer or LogScorer
            With the columns and the k that this one states, else the estimator's.
        """
        columns, k = self.columns, self.k
        columns = stated_by(estimator, "columns") if columns is None else columns
        k = stated_by(estimator, "k") if k is None else k
        return replace(self, columns=columns, k=k)

    def _measured(self, scores, X, y):
        """The names of the users that take part, and what a metric is given."""
        columns = USUAL["columns"] if self.columns is None else self.columns
        k = USUAL["k"] if self.k is None else self.k
        log = as_log(X)
        measured = log if self.table == "X" else read_feedback(y, log)
        users, scores = log.ids(columns.user), as_floats(scores, "scores")
        if scores.shape != (len(log),):
            raise ValueError(
                f"scores must be one per row, of shape {(len(log),)}, got "
                f"{scores.shape}."
            )
        codes, names = users.codes(), users.names()
        lists = Lists.of(users, k)
        rows = np.sort(lists.rows.numpy())
        taking_part, groups = np.unique(codes[rows], return_inverse=True)
        values = self._values(measured, columns)[rows]
        return names[taking_part], (values, scores[rows]), {"groups": groups, "k": k}

    def _values(self, table, columns):
        key = self.column
        if isinstance(key, str) and key in ROLES:
            key = getattr(columns, key)
        if self.column == "item":
            return table.ids(table.canonical(key)).codes()
        if not isinstance(key, tuple):
            return table.numeric(key, minimum=0)
        keys = table.present(key)
        if not keys:
            raise ValueError(f"{self.column!r} stands for no column to be measured.")
        return np.column_stack([table.numeric(key, minimum=0) for key in keys])
