"""The scaling of seconds as a transformer."""

from numbers import Real
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted, validate_data

from sklabelcraft._callbacks import all_or_nothing
from sklabelcraft._counts import Numbers
from sklabelcraft._docs import shared
from sklabelcraft._frames import is_frame
from sklabelcraft._log import Log
from sklabelcraft._reading import check_naming, read_as_floats, without_na
from sklabelcraft._typing import Floats, typed
from sklabelcraft.scaling import scale


class KneeScaler(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale nonnegative, heavy-tailed columns onto [0, 1] by :func:`scale`.

    Parameters
    ----------
    quantile : float, default=0.9
        The quantile of the fitted rows that becomes the knee.
    share : float, default=0.2
        The part of [0, 1] for values up to the knee.

    Attributes
    ----------
    knee_, maximum_ : ndarray of shape (n_columns,)
        Quantile and maximum of each column of the fitted rows.
    statistics_ : list of object
        The numbers of each column and their counts, to which ``partial_fit`` adds.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if a frame; later rows are in one, too.

    Examples
    --------
    >>> from sklabelcraft.preprocessing import KneeScaler
    >>> scaler = KneeScaler(quantile=0.5).fit([[0.0], [10.0], [100.0]])
    >>> scaler.transform([[5.0], [55.0], [500.0]])
    array([[0.1],
           [0.6],
           [1. ]])
    """

    _parameter_constraints: dict = {
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "share": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, quantile: float = 0.9, share: float = 0.2) -> None:
        self.quantile = quantile
        self.share = share

    @typed(_fit_context(prefer_skip_nested_validation=True))
    @shared
    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn the knee and the maximum of each column.

        Parameters
        ----------
        {nonnegative}

        Returns
        -------
        self : object
            The fitted scaler.
        """
        with all_or_nothing(self):
            X = self._check(X, reset=True)
            self._learn([Numbers.of(column) for column in X.T])
        return self

    @typed(_fit_context(prefer_skip_nested_validation=True))
    @shared
    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Learn from further rows, with the result of fitting all rows at once.

        Columns of more than 2**20 distinct numbers are rounded down to fewer bits.

        Parameters
        ----------
        {nonnegative}

        Returns
        -------
        self : object
            The fitted scaler.
        """
        if not hasattr(self, "statistics_"):
            return self.fit(X)
        with all_or_nothing(self):
            X = self._check(X, reset=False)
            columns = zip(self.statistics_, X.T, strict=True)
            self._learn([known.merged(Numbers.of(column)) for known, column in columns])
        return self

    def transform(self, X: ArrayLike) -> Floats:
        """Scale the columns.

        Parameters
        ----------
        X : array-like of shape (n, n_columns)
            Nonnegative values.

        Returns
        -------
        ndarray of shape (n, n_columns)
            Values in [0, 1].
        """
        check_is_fitted(self)
        X = self._check(X, reset=False)
        constants = zip(X.T, self.knee_, self.maximum_, strict=True)
        columns = [
            scale(column, knee=knee, maximum=maximum, share=self.share)
            for column, knee, maximum in constants
        ]
        return np.column_stack(columns)

    def _learn(self, statistics):
        self.statistics_ = statistics
        self.knee_ = np.array([known.quantile(self.quantile) for known in statistics])
        self.maximum_ = np.array([known.largest for known in statistics])

    def _check(self, X: ArrayLike, reset: bool) -> Floats:
        options = {"dtype": np.float64, "ensure_non_negative": True}
        check_naming(self, X, reset)
        if is_frame(X):
            X = Log(X).native
        with read_as_floats("X"):
            return validate_data(self, without_na(X), reset=reset, **options)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
