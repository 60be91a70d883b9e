"""The parts of a log that methods are fitted and compared on."""

from collections.abc import Mapping

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

PARTS = ("train", "valid", "test")


def folds_of(cv, X, y):
    """The parts of the log, a mapping for each fold."""
    if isinstance(cv, Mapping):
        if not {"train", "test"} <= set(cv):
            raise ValueError(
                "cv must have the row positions 'train' and 'test', and may have "
                f"'valid', got {sorted(cv)}."
            )
        folds = [{part: np.asarray(cv[part]) for part in PARTS if part in cv}]
    else:
        folds = [{"train": t, "test": s} for t, s in _splits(cv, X, y)]
    if not folds:
        raise ValueError(f"cv must have at least one fold, got {cv!r}.")
    n = _num_samples(X)
    for part, rows in [item for fold in folds for item in fold.items()]:
        _check_part(part, rows, n)
    return folds


def _check_part(part, rows, n):
    """Refuse a part that is no positions of rows, of which there are n."""
    if rows.size == 0:
        raise ValueError(f"the part {part!r} of cv has no rows.")
    is_whole = rows.ndim == 1 and rows.dtype.kind in "iub"
    if not is_whole or rows.max() >= n or rows.min() < -n:
        raise ValueError(
            f"the part {part!r} of cv must be positions of the {n} rows, got {rows!r}."
        )


def _splits(cv, X, y):
    """What scikit-learn's ``cross_validate`` takes, as pairs of row positions."""
    try:
        splits = list(check_cv(cv).split(X, y))
        pairs = [(np.asarray(train), np.asarray(test)) for train, test in splits]
    except (TypeError, ValueError) as error:
        raise ValueError(
            "cv must be a mapping of row positions 'train' and 'test', a number of "
            "folds, a cross-validator that needs no groups, or an iterable of pairs "
            f"(train, test); for one pair, say [(train, test)]. Got {cv!r}: {error}"
        ) from error
    if any(part.ndim != 1 for pair in pairs for part in pair):
        raise ValueError(
            "each element of cv must be a pair of row positions (train, test); for one "
            "pair, say [(train, test)]."
        )
    return pairs


def rows_of(index, X, y):
    """The rows of X and y at some positions."""
    return [_safe_indexing(data, index) for data in (X, y)]
