"""The score of a ranker, on the rows whose label is known."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_consistent_length

from sklabelcraft._docs import shared
from sklabelcraft._reading import read_numbers
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import Floats


class ScoredWhereKnown(RegressorMixin):
    """Mixin of a regressor for labels of which some are not known."""

    predict: Callable[..., Floats]  # of the class beside it

    @shared
    def score(
        self, X: LogLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """R2 of the predicted labels, over the rows whose label is known.

        Parameters
        ----------
        {impressions_or_files}
        y : array-like of shape (n,)
            Their labels. Rows whose label is missing (NaN) are left out.
        sample_weight : array-like of shape (n,), default=None
            What each row counts for; None for all alike.

        Returns
        -------
        float
            1 where all is predicted exactly, 0 where no better than by the mean.

        Raises
        ------
        ValueError
            If no label is known, or there are several labels, which ``predict`` makes
            one score of.
        """
        labels = read_numbers(y, "y", ensure_all_finite="allow-nan")
        scores, weights = self.predict(X), sample_weight
        if weights is not None:
            weights = read_numbers(weights, "sample_weight")
        check_consistent_length(labels, scores, weights)
        known = ~np.isnan(labels.reshape(len(labels), -1)).any(axis=1)
        if not known.any():
            raise ValueError(
                f"y must hold a label that is known, got NaN in all {len(labels)} rows."
            )
        weights = None if weights is None else weights[known]
        return r2_score(labels[known], scores[known], sample_weight=weights)
