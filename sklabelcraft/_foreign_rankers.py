"""Rankers of other libraries: regressors, classifiers, learning to rank by groups."""

from inspect import signature
from itertools import product

import numpy as np
from sklearn import config_context
from sklearn.base import is_classifier, is_regressor
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

N_GRADES = 5


def fit_foreign(ranker, X, labels, users, validation, weights=None):
    """Fit any estimator to labels, (n,) or (n, n_labels), as its kind wants them.

    Parameters
    ----------
    ranker : estimator
        To be fitted: to the labels as they are, as probabilities if it is a classifier,
        as grades within groups if its fit takes groups.
    X : data frame or array of shape (n, n_columns)
        The impressions.
    labels : ndarray of shape (n,) or (n, n_labels)
        Their labels; rows of which one is not known, and NaN, are left out.
    users : ndarray of shape (n,)
        Codes of the users, which are the groups.
    validation : dict
        ``X_val`` and ``y_val`` for a regressor that takes them.
    weights : ndarray of shape (n,), default=None
        The weights of the rows; None if there are none.
    """
    X, labels, users, weights = _with_labels(X, labels, users, weights)
    if is_classifier(ranker):
        fit_soft_classes(ranker, X, labels, weights)
        return
    if weights is not None:
        check_takes_weights(ranker, is_regressor, "a ranker of weighted rows")
    if any(has_fit_parameter(part, "group") for part in _parts(ranker)):
        fit_in_groups(ranker, X, labels, users, weights)
        return
    if validation:
        pair = _with_labels(*validation.values())
        validation = dict(zip(validation, pair, strict=True))
    if weights is None:
        ranker.fit(X, labels, **validation)
    else:
        _fit_with(ranker, X, labels, {"sample_weight": weights}, **validation)


def _with_labels(X, labels, *more):
    """The rows of which all labels are known, with what else there is of each."""
    known = ~np.isnan(labels.reshape(len(labels), -1)).any(axis=1)
    if known.all():
        return [X, labels, *more]
    if not known.any():
        raise ValueError(
            f"there is no row, of {len(labels)}, of which all labels are known, as a "
            "ranker of another library needs it."
        )
    rows = np.flatnonzero(known)
    more = [values if values is None else values[rows] for values in (labels, *more)]
    return [_safe_indexing(X, rows), *more]


def score_foreign(ranker, X):
    """One score per row, or one per row and label.

    Raises
    ------
    ValueError
        If the ranker predicts anything else.
    """
    if not is_classifier(ranker):
        return _predicted(ranker, "predict", X, (1, 2))
    if hasattr(ranker, "predict_proba"):
        return _predicted(ranker, "predict_proba", X, (2,))[:, 1]
    return _predicted(ranker, "decision_function", X, (1, 2))


def _predicted(ranker, method, X, dimensions):
    """What a method predicts, numbers of each row in so many dimensions."""
    found, n = np.asarray(getattr(ranker, method)(X)), len(X)
    is_right = found.ndim in dimensions and len(found) == n
    if not is_right or found.dtype.kind not in "buif":
        wanted = "(n,) or (n, n_labels)" if 1 in dimensions else "(n, n_classes)"
        raise ValueError(
            f"a ranker must predict numbers for {n} rows, of shape {wanted}, got "
            f"{found.dtype} of shape {found.shape} by {method} of {ranker!r}."
        )
    return found


def go_on_foreign(ranker, X, labels, weights=None):
    """Fit a regressor to further rows, if it goes on from what it has learned."""
    if is_classifier(ranker):
        raise ValueError(f"a classifier does not go on as a ranker, got {ranker!r}.")
    check_goes_on(ranker)
    X, labels, weights = _with_labels(X, labels, weights)
    if weights is None:
        ranker.partial_fit(X, labels)
    elif "sample_weight" in signature(ranker.partial_fit).parameters:
        ranker.partial_fit(X, labels, sample_weight=weights)
    else:
        raise ValueError(f"partial_fit of {ranker!r} does not take sample_weight.")


def check_goes_on(part):
    """Check that a part can go on from what it has learned."""
    if not hasattr(part, "partial_fit"):
        raise ValueError(
            f"{part!r} has no partial_fit to go on from what it has learned: fit anew."
        )


def scales_of(scores):
    """The standard deviation of each column of scores, 1 for what does not vary."""
    scale = scores.std(axis=0)
    return np.where(scale > 0, scale, 1.0)


def check_usable(ranker):
    """Check that a ranker can be fitted and will have scores."""
    if not hasattr(ranker, "fit"):
        raise ValueError(f"a ranker must have a method fit, got {ranker!r}.")
    ways = ("predict_proba", "decision_function") if is_classifier(ranker) else ()
    kind = type(ranker)
    if not any(hasattr(kind, way) for way in ways or ("predict",)):
        wanted = " or ".join(ways or ("predict",))
        raise ValueError(f"a ranker of this kind must have {wanted}, got {ranker!r}.")


def check_trainable(ranker, columns, in_files):
    """Check that a ranker of another library is not asked for what it cannot do."""
    if in_files:
        raise ValueError(
            f"only rankers of this library are trained from files, got {ranker!r}."
        )
    if columns.lists:
        raise ValueError(
            f"lists={columns.lists!r} is for rankers of this library, got {ranker!r}."
        )


def fit_in_groups(ranker, X, labels, users, weights=None):
    """Fit a model that learns to rank within groups, such as LightGBM's or XGBoost's.

    The label is told in five grades of equal frequency, 0 to 4; rows are brought
    together by user.
    """
    if labels.ndim != 1:
        raise ValueError(
            f"a model that ranks within groups needs one label, got {labels.shape[1]}."
        )
    inner = np.quantile(labels, np.linspace(0, 1, N_GRADES + 1)[1:-1])
    grades = np.searchsorted(np.unique(inner), labels, side="left")
    order = np.argsort(users, kind="stable")
    sizes = np.bincount(users)
    metadata = {"group": sizes[sizes > 0]}
    if weights is not None:
        metadata["sample_weight"] = weights[order]
    _fit_with(ranker, _safe_indexing(X, order), grades[order], metadata)


def fit_soft_classes(classifier, X, labels, weights=None):
    """Fit a classifier to labels in [0, 1], as probabilities of the class 1.

    Every row is there twice, as class 1 with its label as the weight and as class 0
    with the rest, which has the expected loss of the label itself. These are multiplied
    by the weight of the row, if there are any, and reach all parts that take weights,
    however deeply nested.
    """
    check_takes_weights(classifier, is_classifier, "a classifier as the ranker")
    if labels.ndim != 1 or labels.min() < 0 or labels.max() > 1:
        raise ValueError(
            "a classifier as the ranker needs one label in [0, 1], got "
            f"{1 if labels.ndim == 1 else labels.shape[1]} in "
            f"[{labels.min():.6g}, {labels.max():.6g}]."
        )
    twice = _safe_indexing(X, np.tile(np.arange(len(labels)), 2))
    classes = np.repeat([1, 0], len(labels))
    of_classes = np.concatenate([labels, 1 - labels])
    if weights is not None:
        of_classes = of_classes * np.tile(weights, 2)
    _fit_with(classifier, twice, classes, {"sample_weight": of_classes})


def check_takes_weights(ranker, is_kind, what):
    """Check that all parts of this kind that learn themselves take sample_weight."""
    for part in _learners(ranker, is_kind):
        if not has_fit_parameter(part, "sample_weight"):
            raise ValueError(f"{what} must take sample_weight, {part!r} does not.")


def _fit_with(estimator, X, y, metadata, **validation):
    """Fit with metadata that reach all parts that take them, however nested."""
    with config_context(enable_metadata_routing=True):
        for part, name in product(_parts(estimator), metadata):
            for method in ("fit", "score"):
                if _takes(part, method, name):
                    getattr(part, f"set_{method}_request")(**{name: True})
        estimator.fit(X, y, **metadata, **validation)


def _parts(estimator):
    """The estimator and all that is nested in it."""
    nested = estimator.get_params(deep=True).values()
    return [estimator, *(part for part in nested if hasattr(part, "get_params"))]


def _learners(estimator, is_kind):
    """The parts of a kind that learn themselves, and do not only hold others."""
    found = [part for part in _parts(estimator) if is_kind(part)]
    alone = [p for p in found if not any(map(is_kind, _parts(p)[1:]))]
    return alone or found[:1] or [estimator]


def _takes(part, method, name):
    """Whether a method of an estimator takes metadata of that name."""
    if not hasattr(part, f"set_{method}_request"):
        return False
    requests = getattr(part.get_metadata_routing(), method, None)
    return requests is not None and name in requests.requests
