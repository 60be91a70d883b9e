"""The template of every labeler."""

from abc import abstractmethod

import numpy as np
from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted

from sklabelcraft._callbacks import all_or_nothing
from sklabelcraft._estimator import LogEstimator
from sklabelcraft._log import read_log
from sklabelcraft.columns import Columns


class BaseLabeler(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LogEstimator):
    """Template of a labeler: a subclass learns in ``_learn`` and labels in ``_label``.

    Both hooks get the log and the names of its columns: ``_label(log, columns)``
    returns an ndarray of shape (n,), made of what ``log.numeric(key, minimum=0)`` reads
    from the columns that ``_keys(columns)`` names. ``_learn`` stores what is learned
    under names that end in an underscore; by default nothing is. A label that can be
    turned back has ``_watch_time(labels, log, columns)``, which returns seconds of
    shape (n,) and gives the labeler its method ``watch_time``.

    Parameters
    ----------
    columns : Columns, default=None
        Names or positions of the log's columns; None for those of the estimator around
        this one, else the usual names.
    """

    _parameter_constraints: dict = {"columns": [Columns, None]}
    _n_features_out = 1

    def __init__(self, *, columns=None):
        self.columns = columns

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, log, y=None):
        """Learn the statistics of the label from these rows alone.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted labeler.
        """
        columns = self._stated("columns")
        with all_or_nothing(self):
            table = read_log(self, log, self._keys(columns), reset=True)
            self._learn(table, columns)
        return self

    def transform(self, log):
        """Label impressions.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback; of a data frame only the columns that the
            label is made of are needed.

        Returns
        -------
        ndarray of shape (n, 1)
            One label per impression.
        """
        check_is_fitted(self)
        columns = self._stated("columns")
        table = read_log(self, log, self._keys(columns), reset=False)
        return self._label(table, columns)[:, None]

    @available_if(lambda self: hasattr(self, "_watch_time"))
    def watch_time(self, labels, log):
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
        labels = check_array(
            labels, ensure_2d=False, dtype=np.float64, input_name="labels"
        )
        table = read_log(self, log, self._keys(columns), reset=False)
        if labels.shape not in ((len(table),), (len(table), 1)):
            raise ValueError(
                f"there must be a label for each of the {len(table)} rows of the log, "
                f"got shape {labels.shape}."
            )
        return self._watch_time(labels.reshape(-1), table, columns)

    def _keys(self, columns):
        """The columns that the label is made of."""
        return [columns.watch_time, columns.duration]

    def _learn(self, log, columns):
        """Learn from the rows of the log; by default, check that they can be read."""
        self._label(log, columns)

    @abstractmethod
    def _label(self, log, columns):
        """Labels of the rows of the log, ndarray of shape (n,)."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
