"""The template of every labeler."""

from abc import abstractmethod

from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._columns import read_table
from sklabelcraft._validation import all_or_nothing


class BaseLabeler(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Template of a labeler: a subclass learns in ``_learn`` and labels in ``_label``.

    Both hooks get the log as a table, whose columns are read by
    ``log.numeric(key, minimum=0)``. ``_label`` returns an ndarray of shape (n,).
    """

    _parameter_constraints: dict = {}
    _roles = ("watch_time", "duration")
    _n_features_out = 1
    _takes_roles = True

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
        with all_or_nothing(self):
            self._learn(read_table(self, log, roles=self._keys(), reset=True))
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
        table = read_table(self, log, roles=self._keys(), reset=False)
        return self._label(table)[:, None]

    def _keys(self):
        """The columns that the label is made of."""
        return [getattr(self, role) for role in self._roles]

    def _learn(self, log):
        """Learn from the rows of the log; by default, check that they can be read."""
        self._label(log)

    @abstractmethod
    def _label(self, log):
        """Labels of the rows of the log, ndarray of shape (n,)."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
