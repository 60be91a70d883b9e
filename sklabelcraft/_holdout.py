"""Holding out each user's latest rows."""

import numpy as np
import pandas as pd

MOST = 2**20  # rows of the users that give held-out rows


def latest_rows(log, columns, fraction, *, k=None):
    """Which rows are each user's latest, bool of shape (n,).

    `fraction` of a user's rows, rounded; with `k`, a user with at least 2 (k + 1) rows
    gives at least k + 1, so that there are lists to rank. Without a timestamp, later
    rows of the log are later; without a user, all are one user's.
    """
    codes = log.ids(columns.user).codes()
    clock = log.clock(log.optional(columns, "timestamp"))
    return _latest(codes, clock.times, fraction, k)


def hold_out(log, columns, fraction, *, k=None):
    """Positions of the :func:`latest_rows` to be held out, ascending.

    Of a log of more than ``MOST`` rows, only a part of the users gives rows: those with
    the least hashes, as many powers of 1/2 of all as it takes for their rows to be no
    more than that. So what is held out, and what finding it takes, is bounded, and
    depends neither on the order of the log nor on the parts that it is read in.
    """
    sample = UserSample()
    timestamp = log.optional(columns, "timestamp")
    for part in log.parts(
        [key for key in (columns.user, timestamp) if key is not None]
    ):
        sample.add(part.ids(columns.user), part.clock(timestamp), part.positions)
    users, times, positions = sample.rows
    held = _latest(pd.factorize(users)[0], times, fraction, k)
    if held.sum() == len(log):
        raise ValueError(
            f"validation_fraction={fraction} leaves none of the {len(log)} rows to "
            "train on."
        )
    return positions[held]


class UserSample:
    """The rows of those users that have the least hashes.

    Attributes
    ----------
    rows : list of ndarray
        Hashes of the users, times and positions of the rows.
    """

    def __init__(self):
        self.rows, self.limit = [], 2**64 - 1

    def add(self, users, clock, positions):
        """Look at further rows of a log."""
        more = [_hashes(users), clock.times, positions]
        if self.rows:
            pairs = zip(self.rows, self._sampled(more), strict=True)
            more = [np.concatenate(pair) for pair in pairs]
        self.rows = more
        while len(self.rows[0]) > MOST and np.ptp(self.rows[0]):
            self.limit //= 2
            self.rows = self._sampled(self.rows)

    def _sampled(self, rows):
        sampled = rows[0] <= self.limit
        return [column[sampled] for column in rows]


def _hashes(users):
    """Hashes of a column of ids, uint64 of shape (n,)."""
    codes, distinct = users.factorize()
    if distinct.dtype == object:
        texts = [v if isinstance(v, str | bytes) else str(v) for v in distinct]
        distinct = np.array([_encoded(text) for text in texts], dtype=object)
    hashes = np.append(pd.util.hash_array(distinct, categorize=False), np.uint64(0))
    return hashes[codes]


def _encoded(text):
    """Text as bytes, also where it is no Unicode."""
    return text.encode(errors="surrogatepass") if isinstance(text, str) else text


def _latest(codes, times, fraction, k):
    sizes = np.bincount(codes)
    held = np.floor(fraction * sizes + 0.5).astype(int)
    if k is not None:
        k = min(k, len(codes))
        held = np.where(sizes >= 2 * (k + 1), np.maximum(held, k + 1), held)
    order = np.lexsort((times, codes))
    first_held = np.cumsum(sizes) - held
    mask = np.empty(len(codes), dtype=bool)
    mask[order] = np.arange(len(codes)) >= first_held[codes[order]]
    return mask
