"""Where a task reads its rows: in windows that fit into memory, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

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

    def followed_by(self, other: Window, rows: Any) -> Window:
        """These rows and some of another window."""
        pairs = zip(self.targets, other.targets, strict=True)
        return Window(
            self.impressions.followed_by(other.impressions.rows(rows)),
            tuple(torch.cat([first, then[rows]]) for first, then in pairs),
        )


class InMemory:
    """Rows that all lie in memory: one window, the same in each epoch.

    Parameters
    ----------
    window : Window
        The rows.
    """

    def __init__(self, window: Window) -> None:
        self.only = window

    def plan(self, seed: int, epoch: int) -> list[tuple[int, Any]]:
        """The windows of an epoch, in the order in which they are to be read.

        Returns
        -------
        list of (int, object)
            The number of rows of each, and what it is :meth:`read` by.
        """
        return [(len(self.only.impressions), self.only)]

    def read(self, planned: Any) -> Window:
        """A planned window, a :class:`Window`."""
        return planned[1]

    def windows(self) -> Iterator[Window]:
        """All rows once, in windows, in the order of the log."""
        yield self.only


class Replayed:
    """Windows of new rows, each followed by rows that are remembered, drawn anew.

    Parameters
    ----------
    source : InMemory or another source of windows
        The new rows.
    remembered : Window
        The others.
    times : float
        How many of them there are for each new row, as far as there are enough.
    """

    def __init__(self, source: Any, remembered: Window, times: float) -> None:
        self.source, self.remembered, self.times = source, remembered, times

    def plan(self, seed: int, epoch: int) -> list[tuple[int, Any]]:
        """The windows of an epoch, in the order in which they are to be read.

        Returns
        -------
        list of (int, object)
            The number of rows of each, and what it is :meth:`read` by.
        """
        rng = np.random.default_rng([seed, epoch, 1])
        order = rng.permutation(len(self.remembered.impressions))
        planned, begin = [], 0
        for size, key in self.source.plan(seed, epoch):
            rows = order[begin : begin + round(min(self.times, len(order)) * size)]
            planned.append((size + len(rows), (size, key, torch.from_numpy(rows))))
            begin += len(rows)
        return planned

    def read(self, planned: Any) -> Window:
        """A planned window, a :class:`Window`."""
        size, key, rows = planned[1]
        return self.source.read((size, key)).followed_by(self.remembered, rows)

    def windows(self) -> Iterator[Window]:
        """All new rows once, in windows, in the order of the log."""
        return self.source.windows()
