"""What estimators share: failing cleanly, handing roles down, holding rows out."""

import inspect
from contextlib import contextmanager

import numpy as np
from pandas import factorize
from sklearn.base import clone


@contextmanager
def all_or_nothing(estimator):
    """Undo everything that a failing fit stored on the estimator."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def hand_down(estimator, **values):
    """Clone an estimator, setting `values` wherever it was left at its default.

    So the names of columns, k and the random state are stated once, on the outer
    estimator, and reach its parts, however deeply nested.
    """
    estimator = clone(estimator)
    params = estimator.get_params(deep=True)
    changes = {}
    for path, current in params.items():
        owner, _, name = path.rpartition("__")
        default = _default(params.get(owner, estimator), name)
        if name in values and type(current) is type(default) and current == default:
            changes[path] = values[name]
    return estimator.set_params(**changes) if changes else estimator


def _default(estimator, name):
    parameter = inspect.signature(type(estimator).__init__).parameters.get(name)
    return parameter.default if parameter else inspect.Parameter.empty


def latest_rows(table, user, timestamp, fraction, *, k=None):
    """Which rows are each user's latest, bool of shape (n,).

    `fraction` of a user's rows, rounded; with `k`, a user with at least 2 (k + 1) rows
    gives at least k + 1, so that there are lists to rank. Without the column
    `timestamp`, later rows of the table are later; without a user, all are one user's.
    """
    users = np.zeros(len(table)) if user is None else table[user]
    times = table.clock(timestamp) if timestamp in table else np.arange(len(table))
    codes, _ = factorize(users, use_na_sentinel=False)
    sizes = np.bincount(codes)
    held = np.floor(fraction * sizes + 0.5).astype(int)
    if k is not None:
        held = np.where(sizes >= 2 * (k + 1), np.maximum(held, k + 1), held)
    order = np.lexsort((times, codes))
    first_held = np.cumsum(sizes) - held
    mask = np.empty(len(codes), dtype=bool)
    mask[order] = np.arange(len(codes)) >= first_held[codes[order]]
    return mask
