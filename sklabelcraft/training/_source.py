"""Where a task reads its rows: in windows that fit into memory, one after the other."""

from typing import NamedTuple

from sklabelcraft._batches import Impressions


class Window(NamedTuple):
    """Rows that lie in memory together.

    Attributes
    ----------
    impressions : Impressions
        The encoded rows.
    targets : tuple of tensor
        What else is known of each row, such as its label, each of length n.
    """

    impressions: Impressions
    targets: tuple


class InMemory:
    """Rows that all lie in memory: one window, the same in each epoch.

    Parameters
    ----------
    impressions : Impressions
        The encoded rows.
    *targets : tensor
        What else is known of each row, each of length n.

    Attributes
    ----------
    n_rows : int
        Number of rows.
    """

    def __init__(self, impressions, *targets):
        self.n_rows, self.only = len(impressions), Window(impressions, targets)

    def plan(self, seed, epoch):
        """The windows of an epoch, in the order in which they are to be read.

        Returns
        -------
        list of (int, object)
            The number of rows of each, and what it is :meth:`read` by.
        """
        return [(self.n_rows, self.only)]

    def read(self, planned):
        """A planned window, a :class:`Window`."""
        return planned[1]

    def windows(self):
        """All rows once, in windows, in the order of the log."""
        yield self.only
