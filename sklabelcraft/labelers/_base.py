"""The template of every labeler."""

from abc import abstractmethod

from sklearn.base import (
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import all_or_nothing
from sklabelcraft._estimator import LogEstimator
from sklabelcraft._log import read_log
from sklabelcraft.columns import Columns


class BaseLabeler(ClassNamePrefixFeaturesOutMixin, TransformerMixin, LogEstimator):
    """Template of a labeler: a subclass learns in ``_learn`` and labels in ``_label``.

    Both hooks get the log and the names of its columns: ``_label(log, columns)``
    returns an ndarray of shape (n,), made of what ``log.numeric(key, minimum=0)`` reads
    from the columns that ``_keys(columns)`` names. ``_learn`` stores what is learned
    under names that end in an underscore; by default nothing is.

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
