"""Scoring the lists that an estimator would show: what is read, and by which names."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import torch

from sklabelcraft._docs import shared
from sklabelcraft._estimator import USUAL, stated_by
from sklabelcraft._floats import as_floats, finite
from sklabelcraft._known import any_positive
from sklabelcraft._lists import Lists
from sklabelcraft._log import Log
from sklabelcraft._numbers import is_length
from sklabelcraft._reading import as_log, read_feedback
from sklabelcraft._stated import AFTER, SCORED, check_stated
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft._typing import Estimator, Floats, Keys
from sklabelcraft.columns import Columns, is_key

ALWAYS_KNOWN = ("watch_time", "duration")
ROLES = (*ALWAYS_KNOWN, "explicit", "item")


class ListedRows(NamedTuple):
    """The rows of the users that take part.

    Attributes
    ----------
    log : Log
        The impressions, those of other users included.
    n_unknown : int
        Number of those in which it is not known what is measured.
    rows : ndarray of shape (n,)
        Which take part.
    values : ndarray of shape (n, ...)
        What is measured.
    groups : ndarray of shape (n,)
        Their users, numbered by first appearance.
    k : int
        Length of the shown lists.
    users : ndarray of shape (n_users,)
        The names of the users with more than k rows, known or not.
    is_listed : bool ndarray of shape (n_users,)
        Whose rows take part.
    """

    log: Log
    n_unknown: int
    rows: np.ndarray
    values: np.ndarray
    groups: np.ndarray
    k: int
    users: np.ndarray
    is_listed: np.ndarray

    def measured(self, metric, scores, **options):
        """A metric of the lists that the scores of all rows lead to."""
        scores = as_floats(scores, "scores")
        if scores.shape != (len(self.log),):
            raise ValueError(
                f"scores must be one per row, of shape {(len(self.log),)}, got "
                f"{scores.shape}."
            )
        finite(scores, "scores", row_of=self.log.row_name)
        lists = {"groups": self.groups, "k": self.k}
        return metric(self.values, scores[self.rows], **lists, **options)


@dataclass(frozen=True)
class RankingScorer(ABC):
    """Template of what scores the lists that an estimator would show."""

    metric: Callable[..., Any]
    column: Keys
    table: Literal["X", "y"] = "y"
    columns: Columns | None = None
    k: int | None = None

    def __post_init__(self):
        if isinstance(self.column, list):
            object.__setattr__(self, "column", tuple(self.column))
        keys = self.column if isinstance(self.column, tuple) else (self.column,)
        wanted = {
            "metric": (callable(self.metric), "callable"),
            "column": (all(map(is_key, keys)), "the name or position of a column"),
            "table": (
                isinstance(self.table, str) and self.table in ("X", "y"),
                "'X' or 'y'",
            ),
            "columns": (isinstance(self.columns, Columns | None), "Columns or None"),
            "k": (self.k is None or is_length(self.k), "None or a whole number >= 1"),
        }
        for name, (is_allowed, what) in wanted.items():
            if not is_allowed:
                raise ValueError(f"{name} must be {what}, got {getattr(self, name)!r}.")

    @shared
    def __call__(
        self, estimator: Estimator, X: LogLike, y: TargetLike | None = None
    ) -> float:
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
        scorer = self.of(estimator)
        listed = scorer._read(X, y)
        if listed.n_unknown:
            warnings.warn(
                f"{self.column!r} is not known in {listed.n_unknown} of "
                f"{len(listed.log)} rows, which are left out.",
                stacklevel=2,
            )
        return scorer._mean(scorer._measure(listed)(estimator.predict(X)))

    def of(self, estimator: Estimator) -> Self:
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

    def _read(self, X, y):
        """What is measured: the rows of users with more than k that are known."""
        columns, k = self._columns, USUAL["k"] if self.k is None else self.k
        log = as_log(X)
        feedback = None if self.table == "X" else read_feedback(y, log)
        check_stated(columns, log, SCORED)
        if feedback is not None:
            check_stated(columns, feedback, AFTER)
        users = log.ids(columns.user)
        codes, names = users.codes(), users.names()
        values = self.values(log, feedback)
        known = _known(values)
        lists = Lists.of(users, k)
        taking_part = np.unique(codes[lists.rows.numpy()])
        lists, *_ = lists.only(torch.from_numpy(known)[lists.rows], k)
        rows = np.sort(lists.rows.numpy())
        listed, groups = np.unique(codes[rows], return_inverse=True)
        return ListedRows(
            log,
            (~known).sum(),
            rows,
            values[rows],
            groups,
            k,
            names[taking_part],
            np.isin(taking_part, listed),
        )

    @abstractmethod
    def _measure(self, listed):
        """What maps scores, one per row, to what is measured of listed rows."""

    @abstractmethod
    def _mean(self, measured):
        """What is measured as one number."""

    @property
    def _columns(self):
        return USUAL["columns"] if self.columns is None else self.columns

    def values(self, log: Log, feedback: Log | None) -> Floats:
        """What is measured, as it is read from logs that hold X and y.

        Parameters
        ----------
        log : Log
            Impressions.
        feedback : Log or None
            Their feedback; None will do where a column of X is measured.

        Returns
        -------
        ndarray of shape (n,) or (n, n_columns)
            Finite and not negative, or NaN where it is missing.
        """
        table: Any = log if self.table == "X" else feedback
        key = self.column
        if isinstance(key, str) and key in ROLES:
            key = getattr(self._columns, key)
        if self.column == "item":
            return table.ids(table.canonical(key)).codes()
        if self.column in ALWAYS_KNOWN:
            return table.numeric(key, minimum=0)
        if not isinstance(key, tuple):
            return table.signal(key)
        keys = table.present(key)
        if not keys:
            raise ValueError(f"{self.column!r} stands for no column to be measured.")
        return np.column_stack([table.signal(key) for key in keys])


def _known(values):
    """In which rows it is known, bool of shape (n,)."""
    if values.ndim == 2:
        values = any_positive(values.T, len(values))
    return ~np.isnan(values)
