"""Predictions as probabilities, where the label is one in [0, 1]."""

from collections.abc import Callable

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._docs import shared
from sklabelcraft._model import RankerModel
from sklabelcraft._tables import LogLike
from sklabelcraft._typing import Floats, typed


def predicts_probability(estimator):
    """Check that a ranker, or that of a recommender, predicts one label in [0, 1].

    Before it is fitted, nobody knows; then it is taken to.
    """
    ranker = getattr(estimator, "ranker_", estimator)
    model = getattr(ranker, "model_", None)
    if isinstance(model, RankerModel):
        if model.n_outputs > 1:
            raise AttributeError(
                f"probabilities need one label, got {model.n_outputs}: see head_scores."
            )
        known = model.has_unit_label
    elif is_classifier(ranker):
        known = hasattr(ranker, "predict_proba")
    else:
        known = ranker is estimator
    if not known:
        raise AttributeError(
            "probabilities need labels in [0, 1] and a ranker with the loss 'log_loss' "
            f"or 'brier', or a classifier that has some; {ranker!r} predicts others."
        )
    return True


class Probabilities:
    """Mixin of what predicts impressions and may predict one label in [0, 1]."""

    predict: Callable[..., Floats]  # of the class beside it

    @typed(available_if(predicts_probability))
    @shared
    def predict_proba(self, X: LogLike) -> Floats:
        """Predict the label as a probability.

        There is one where the ranker learns a single label in [0, 1] by the loss
        "log_loss" or "brier", which "auto" is for such labels, or is a classifier.

        Parameters
        ----------
        {impressions_or_files}

        Returns
        -------
        ndarray of shape (n, 2)
            For each impression 1 - p and p, where p is what ``predict`` returns: the
            probabilities of 0 and of 1 where the label is 0 or 1, as that of
            ``ExplicitFeedback``; of any other label p is what is expected of it.
        """
        check_is_fitted(self)
        positive = self.predict(X)
        return np.column_stack([1 - positive, positive])
