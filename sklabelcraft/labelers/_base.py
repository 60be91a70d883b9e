"""The templates of labelers."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import all_or_nothing
from sklabelcraft._docs import shared
from sklabelcraft._estimator import LogEstimator
from sklabelcraft._reading import read_log, read_numbers, read_source
from sklabelcraft._stated import AFTER, BEFORE, check_stated
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import Floats, PathLike, typed
from sklabelcraft._units import warn_of_units
from sklabelcraft.columns import Columns


class Returned(TransformerMixin):
    """Labels are returned in the container that ``set_output`` asks for."""

    def transform(self, log: LogLike) -> Any:
        """Label impressions, in memory or in files; ndarray of shape (n, 1)."""
        columns = self._stated("columns")
        keys = self._keys(columns)
        parts = read_source(self, log, keys, reset=False).parts(keys)
        return np.concatenate([self._label(part, columns) for part in parts])[:, None]


# what is written is no container, so this class does not have its `transform` wrapped
class LogLabeler(  # type: ignore[call-arg]
    ClassNamePrefixFeaturesOutMixin, Returned, LogEstimator, auto_wrap_output_keys=None
):
    """What all labelers share: they label by ``_label``, however they have learned.

    Parameters
    ----------
    columns : Columns, default=None
        Names or positions of the log's columns; None for those of the estimator around
        this one, else the usual names.
    """

    _parameter_constraints: dict = {"columns": [Columns, None]}
    __metadata_request__transform = {"to": UNUSED}  # it is no metadata of rows
    _n_features_out = 1

    def __init__(self, *, columns: Columns | None = None) -> None:
        self.columns = columns

    @shared
    def transform(self, log: LogLike, to: PathLike | None = None) -> Floats:
        """Label impressions.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback; of a data frame only the columns that the
            label is made of are needed. Or the path to Parquet files.
        {to}

        Returns
        -------
        ndarray of shape (n, 1)
            One label per impression. With `to`, that folder, where the label's column
            is called as ``get_feature_names_out`` says.
        """
        check_is_fitted(self)
        if to is None:
            return super().transform(log)
        columns, (name,) = self._stated("columns"), self.get_feature_names_out()
        table = read_source(self, log, self._keys(columns), reset=False)
        return table.write(to, lambda part: {name: self._label(part, columns)})

    @typed(available_if(lambda self: hasattr(self, "_watch_time")))
    def watch_time(self, labels: ArrayLike, log: LogLike) -> Floats:
        """Turn labels back into watch times, where the label can be turned back.

        It is the inverse of ``transform``: of its labels it returns min(watch time,
        duration), but for what the label does not tell apart; where the label tells
        replays apart, as WT and an unclipped PCR do, the watch time. Predicted labels
        give the watch time that they stand for.

        Parameters
        ----------
        labels : array-like of shape (n,) or (n, 1)
            Labels, such as a ranker predicts them.
        log : data frame or array of shape (n, n_columns)
            The impressions; of a data frame only the columns that the label is made of
            are needed, without the watch time.

        Returns
        -------
        ndarray of shape (n,)
            Seconds, from 0 to the duration, or beyond where replays are told apart.
        """
        check_is_fitted(self)
        columns = self._stated("columns")
        values = read_numbers(labels, "labels")
        table = read_log(self, log, self._keys(columns), reset=False)
        if values.shape not in ((len(table),), (len(table), 1)):
            raise ValueError(
                f"there must be a label for each of the {len(table)} rows of the log, "
                f"got shape {values.shape}."
            )
        return self._watch_time(values.reshape(-1), table, columns)

    def _keys(self, columns):
        """The columns that the label is made of."""
        return [columns.watch_time, columns.duration]

    @abstractmethod
    def _label(self, log, columns):
        """Labels of the rows of the log, ndarray of shape (n,)."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags


@shared
class BaseLabeler(LogLabeler):
    """Template of a labeler: a subclass counts, learns of the counts, and labels.

    Its hooks get the log and the names of its columns. ``_label(log, columns)`` returns
    an ndarray of shape (n,), made of what ``log.numeric(key, minimum=0)`` reads from
    the columns that ``_keys(columns)`` names. ``_count(log, columns)`` returns the
    statistics of some rows, an object whose ``merged(other)`` returns those of both,
    and ``_learn(statistics)`` stores what is learned of those of all rows under names
    that end in an underscore; by default nothing is. A label that can be turned back
    has ``_watch_time(labels, log, columns)``, which returns seconds of shape (n,) and
    gives the labeler its method ``watch_time``.

    Parameters
    ----------
    {columns}

    Attributes
    ----------
    {statistics}
    """

    @shared
    def fit(self, log: LogLike, y: None = None) -> Self:
        """Learn the statistics of the label from these rows alone.

        Parameters
        ----------
        {log}

        Returns
        -------
        self : object
            The fitted labeler.
        """
        return self._fit(log, None, reset=True)

    @shared
    def partial_fit(self, log: LogLike, y: None = None) -> Self:
        """Learn from further rows, with the result of fitting all rows at once.

        It does not matter how the rows are split, nor in which order they come. The
        first call is as ``fit``.

        Parameters
        ----------
        {log}

        Returns
        -------
        self : object
            The fitted labeler.

        Raises
        ------
        ValueError
            If a column is missing or holds values of another kind than before. The
            labeler is then as it was.
        """
        known = getattr(self, "statistics_", None)
        return self._fit(log, known, reset=not hasattr(self, "statistics_"))

    @typed(_fit_context(prefer_skip_nested_validation=True))
    def _fit(self, log, statistics, reset):
        """Learn from these rows and those whose statistics are known."""
        columns = self._stated("columns")
        with all_or_nothing(self):
            keys = self._keys(columns)
            table = read_source(self, log, keys, reset=reset)
            if reset:
                check_stated(columns, table, BEFORE + AFTER)
            if columns.duration in keys:
                warn_of_units(table, columns)
            for part in table.parts(keys):
                more = self._count(part, columns)
                statistics = more if statistics is None else statistics.merged(more)
            self.statistics_ = statistics
            self._learn(statistics)
        return self

    def _count(self, log, columns):
        """Statistics of the rows; by default, check that they can be labelled."""
        self._label(log, columns)

    def _learn(self, statistics):
        """Learn from the statistics of all rows; by default, there is nothing to."""
