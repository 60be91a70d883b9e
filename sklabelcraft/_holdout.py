"""Holding out each user's latest rows."""

import numpy as np


def latest_rows(log, columns, fraction, *, k=None):
    """Which rows are each user's latest, bool of shape (n,).

    `fraction` of a user's rows, rounded; with `k`, a user with at least 2 (k + 1) rows
    gives at least k + 1, so that there are lists to rank. Without a timestamp, later
    rows of the log are later; without a user, all are one user's.
    """
    codes = log.ids(columns.user).codes()
    clock = log.clock(log.optional(columns, "timestamp"))
    sizes = np.bincount(codes)
    held = np.floor(fraction * sizes + 0.5).astype(int)
    if k is not None:
        held = np.where(sizes >= 2 * (k + 1), np.maximum(held, k + 1), held)
    order = np.lexsort((clock.times, codes))
    first_held = np.cumsum(sizes) - held
    mask = np.empty(len(codes), dtype=bool)
    mask[order] = np.arange(len(codes)) >= first_held[codes[order]]
    return mask


def hold_out(log, columns, fraction, *, k=None):
    """Positions of the rows to train on and of the :func:`latest_rows` held out."""
    held = latest_rows(log, columns, fraction, k=k)
    if held.all():
        raise ValueError(
            f"validation_fraction={fraction} leaves none of the {len(log)} rows to "
            "train on."
        )
    return np.flatnonzero(~held), np.flatnonzero(held)
