"""What estimators share: failing cleanly, handing roles down, holding rows out."""

import inspect
from contextlib import contextmanager
from numbers import Integral

import numpy as np
from pandas import factorize
from sklearn.base import clone

COLUMN = [str, Integral]
ROLE = [str, Integral, None]


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


def hand_down(estimator, random_state=None, **values):
    """Clone an estimator, setting what its parts were left without.

    So the names of columns, k and the random state are stated once, on the outer
    estimator. `values` reach the labelers and rankers of this library, however deeply
    nested, where their parameters are at their defaults; `random_state` every part
    that has none.
    """
    estimator = clone(estimator)
    params = estimator.get_params(deep=True)
    changes = {}
    for path, current in params.items():
        prefix, _, name = path.rpartition("__")
        owner = params.get(prefix, estimator)
        if name == "random_state" and current is None:
            changes[path] = random_state
        elif name in values and getattr(owner, "_takes_roles", False):
            default = _default(owner, name)
            if type(current) is type(default) and current == default:
                changes[path] = values[name]
    return estimator.set_params(**changes) if changes else estimator


def _default(estimator, name):
    return inspect.signature(type(estimator).__init__).parameters[name].default


def latest_rows(table, user, timestamp, fraction, *, k=None):
    """Which rows are each user's latest, bool of shape (n,).

    `fraction` of a user's rows, rounded; with `k`, a user with at least 2 (k + 1) rows
    gives at least k + 1, so that there are lists to rank. Without the column
    `timestamp`, later rows of the table are later; without a user, all are one user's.
    """
    users = np.zeros(len(table)) if user is None else table[user]
    times = table.times(timestamp)
    times = np.arange(len(table)) if times is None else times
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


def hold_out(table, user, timestamp, fraction, *, k=None):
    """Positions of the rows to train on and of the :func:`latest_rows` held out."""
    held = latest_rows(table, user, timestamp, fraction, k=k)
    if held.all():
        raise ValueError(
            f"validation_fraction={fraction} leaves none of the {len(table)} rows to "
            "train on."
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def check_widths(hidden):
    """Check the widths of dense layers; they are returned."""
    if not all(isinstance(width, Integral) and width >= 1 for width in hidden):
        raise ValueError(f"widths must be positive whole numbers, got {hidden!r}.")
    return hidden


def check_pair(X_val, y_val):
    """Check that validation data come together or not at all."""
    if (X_val is None) != (y_val is None):
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val must be given together, {missing} is None.")
