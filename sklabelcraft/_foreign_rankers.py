"""Rankers of other libraries: regressors, classifiers, learning to rank by groups."""

import numpy as np
from sklearn import config_context
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

N_GRADES = 5


def fit_foreign(ranker, X, labels, users, validation):
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
    """
    X, labels, users = _with_labels(X, labels, users)
    if is_classifier(ranker):
        fit_soft_classes(ranker, X, labels)
    elif any(has_fit_parameter(part, "group") for part in _parts(ranker)):
        fit_in_groups(ranker, X, labels, users)
    else:
        if validation:
            pair = _with_labels(*validation.values())
            validation = dict(zip(validation, pair, strict=True))
        ranker.fit(X, labels, **validation)


def _with_labels(X, labels, *more):
    """The rows of which all labels are known, with what else is known of each."""
    known = ~np.isnan(labels.reshape(len(labels), -1)).any(axis=1)
    if known.all():
        return [X, labels, *more]
    if not known.any():
        raise ValueError(
            f"there is no row, of {len(labels)}, of which all labels are known, as a "
            "ranker of another library needs it."
        )
    rows = np.flatnonzero(known)
    return [_safe_indexing(X, rows), *(values[rows] for values in (labels, *more))]


def score_foreign(ranker, X):
    """One score per row, or one per row and label."""
    if not is_classifier(ranker):
        return np.asarray(ranker.predict(X))
    if hasattr(ranker, "predict_proba"):
        return np.asarray(ranker.predict_proba(X))[:, 1]
    return np.asarray(ranker.decision_function(X))


def go_on_foreign(ranker, X, labels):
    """Fit a regressor to further rows, if it goes on from what it has learned."""
    if is_classifier(ranker):
        raise ValueError(f"a classifier does not go on as a ranker, got {ranker!r}.")
    check_goes_on(ranker)
    ranker.partial_fit(*_with_labels(X, labels))


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


def fit_in_groups(ranker, X, labels, users):
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
    _fit_with(ranker, _safe_indexing(X, order), grades[order], group=sizes[sizes > 0])


def fit_soft_classes(classifier, X, labels):
    """Fit a classifier to labels in [0, 1], as probabilities of the class 1.

    Every row is there twice, as class 1 with its label as the weight and as class 0
    with the rest, which has the expected loss of the label itself. The weights reach
    all parts that take them, however deeply nested.
    """
    unweighted = [
        part
        for part in _classifiers(classifier)
        if not has_fit_parameter(part, "sample_weight")
    ]
    if unweighted:
        raise ValueError(
            "a classifier as the ranker must take sample_weight, "
            f"{unweighted[0]!r} does not."
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
    _fit_with(classifier, twice, classes, sample_weight=weights)


def _fit_with(estimator, X, y, **metadata):
    """Fit with metadata that reach all parts that take them, however nested."""
    (name,) = metadata
    with config_context(enable_metadata_routing=True):
        for part in _parts(estimator):
            for method in ("fit", "score"):
                if _takes(part, method, name):
                    getattr(part, f"set_{method}_request")(**{name: True})
        estimator.fit(X, y, **metadata)


def _parts(estimator):
    """The estimator and all that is nested in it."""
    nested = estimator.get_params(deep=True).values()
    return [estimator, *(part for part in nested if hasattr(part, "get_params"))]


def _classifiers(estimator):
    """The classifiers that learn themselves, and do not only hold others."""
    found = [part for part in _parts(estimator) if is_classifier(part)]
    return [part for part in found if len(_held_classifiers(part)) == 0] or found[:1]


def _held_classifiers(part):
    return [inner for inner in _parts(part)[1:] if is_classifier(inner)]


def _takes(part, method, name):
    """Whether a method of an estimator takes metadata of that name."""
    if not hasattr(part, f"set_{method}_request"):
        return False
    requests = getattr(part.get_metadata_routing(), method, None)
    return requests is not None and name in requests.requests
