"""The parts of a log that methods are fitted and compared on."""

from collections.abc import Mapping

import numpy as np
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing

from sklabelcraft._reading import as_log, read_feedback

PARTS = ("train", "valid", "test")


def folds_of(cv, X, y):
    """The parts of the log, a mapping to positions of rows for each fold."""
    n = len(read_feedback(y, as_log(X)))
    if isinstance(cv, Mapping):
        if not {"train", "test"} <= set(cv):
            raise ValueError(
                "cv must have the row positions 'train' and 'test', and may have "
                f"'valid', got {list(cv)}."
            )
        folds = [{part: cv[part] for part in PARTS if part in cv}]
    else:
        folds = [{"train": t, "test": s} for t, s in _splits(cv, X, y)]
    if not folds:
        raise ValueError(f"cv must have at least one fold, got {cv!r}.")
    return [
        {part: _positions(part, rows, n) for part, rows in fold.items()}
        for fold in folds
    ]


def _positions(part, rows, n):
    """The rows of a part, given by their positions or by a mask of all n rows."""
    try:
        rows = np.asarray(rows)
    except ValueError:  # of rows of several lengths
        rows = np.asarray(rows, dtype=object)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.size == 0:
        raise ValueError(f"the part {part!r} of cv has no rows.")
    is_whole = rows.ndim == 1 and rows.dtype.kind in "iu"
    if not is_whole or rows.max() >= n or rows.min() < -n:
        raise ValueError(
            f"the part {part!r} of cv must be positions of the {n} rows, or a mask of "
            f"them all, got {rows!r}."
        )
    return rows


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
