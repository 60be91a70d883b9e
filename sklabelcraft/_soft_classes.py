"""Classifiers on labels between 0 and 1."""

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter


def fit_soft_classes(classifier, X, labels):
    """Fit a classifier to labels in [0, 1], as probabilities of the class 1.

    Every row is there twice, as class 1 with its label as the weight and as class 0
    with the rest, which has the expected loss of the label itself.

    Parameters
    ----------
    classifier : estimator
        That takes ``sample_weight``; of a pipeline, the last step.
    X : data frame or array of shape (n, n_columns)
        The rows.
    labels : ndarray of shape (n,)
        Their labels.
    """
    final = classifier.steps[-1][1] if isinstance(classifier, Pipeline) else classifier
    if not has_fit_parameter(final, "sample_weight"):
        raise ValueError(
            f"a classifier as the ranker must take sample_weight, {final!r} does not."
        )
    if labels.ndim != 1 or labels.min() < 0 or labels.max() > 1:
        raise ValueError(
            "a classifier as the ranker needs one label in [0, 1], got "
            f"{1 if labels.ndim == 1 else labels.shape[1]} in "
            f"[{labels.min():.6g}, {labels.max():.6g}]."
        )
    twice = _safe_indexing(X, np.tile(np.arange(len(labels)), 2))
    classes = np.repeat([1, 0], len(labels))
    weights = np.concatenate([labels, 1 - labels])
    name = "sample_weight"
    if isinstance(classifier, Pipeline):
        name = f"{classifier.steps[-1][0]}__{name}"
    classifier.fit(twice, classes, **{name: weights})
