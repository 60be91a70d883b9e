"""Rows to train on as they come from a log, in memory or read again in each epoch."""

import numpy as np

from sklabelcraft._log import Log
from sklabelcraft.training import InMemory


class Streamed:
    """Rows of a stored log, of which a window at a time is read and encoded.

    Parameters
    ----------
    log : StoredLog
        The rows.
    encode : callable
        Maps rows, a :class:`~sklabelcraft._log.Log`, to a
        :class:`~sklabelcraft.training.Window`.
    n_bytes : int
        Size of a window at most, in memory and before it is encoded.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    """

    def __init__(self, log, encode, n_bytes):
        self.log, self.encode, self.n_bytes = log, encode, n_bytes
        self.n_rows = len(log)

    def plan(self, seed, epoch):
        """The windows of an epoch, in the order in which they are to be read.

        Returns
        -------
        list of (int, ndarray)
            The number of rows of each, and its row groups.
        """
        sizes, rng = self.log.sizes(), np.random.default_rng([seed, epoch])
        windows = self.log.plan(rng, self.n_bytes)
        return [(int(sizes[groups].sum()), groups) for groups in windows]

    def read(self, planned):
        """A planned window, a :class:`~sklabelcraft.training.Window`."""
        return self.encode(self.log.read(planned[1]))

    def windows(self):
        """All rows once, in windows, in the order of the log."""
        return map(self.encode, self.log.parts())


def source_of(log, encode, n_bytes):
    """The rows of a log to train on, as ``encode`` makes windows of them."""
    if not isinstance(log, Log):
        return Streamed(log, encode, n_bytes)
    impressions, targets = encode(log)
    return InMemory(impressions, *targets)
