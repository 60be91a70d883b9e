"""Rows that are kept beyond a fit: to measure on, or to be learned from again."""

from functools import reduce
from typing import NamedTuple

import numpy as np
import torch

from sklabelcraft._bags import NO_BAGS, Bags
from sklabelcraft._ids import Ids
from sklabelcraft._vocabulary import following

MOST = 2**18  # rows to be learned from again


class KeptRows(NamedTuple):
    """Encoded rows of one day or of several.

    Attributes
    ----------
    codes, numeric : tensor of shape (n, n_categorical), (n, n_numeric)
        The rows, encoded.
    users : Ids
        Their users.
    times : ndarray of shape (n,)
        When they were, on the clock of a history.
    columns : dict of ndarray of shape (n, ...)
        What else is known of them, by name.
    weights : ndarray of shape (n, ...)
        What they count for.
    bags : Bags
        Their lists, encoded.
    """

    codes: torch.Tensor
    numeric: torch.Tensor
    users: Ids
    times: np.ndarray
    columns: dict
    weights: np.ndarray
    bags: Bags = NO_BAGS

    @classmethod
    def of(cls, model, log, number, user, columns, weights):
        """Rows of the log that a model remembers as this number.

        Parameters
        ----------
        model : RankerModel
            Encodes them.
        log : Log
            The rows.
        number : int
            Of the log among those that the model was given.
        user : str, int or None
            The column of the users.
        columns : dict of ndarray of shape (n, ...)
            What else is known of them, by name.
        weights : ndarray of shape (n, ...)
            What they count for.
        """
        codes, numeric = map(torch.from_numpy, model.encoder.encode(log))
        codes, bags = codes.to(torch.int32), model.encoder.bags(log).to(torch.int32)
        times = model.history.times(log, number)
        return cls(codes, numeric, log.ids(user), times, columns, weights, bags)

    def __len__(self):
        return len(self.codes)

    def rows(self, index):
        """Those at some positions, or in a slice."""
        return KeptRows(
            self.codes[index],
            self.numeric[index],
            Ids(self.users.kind, self.users.values[index], self.users.missing[index]),
            self.times[index],
            {name: values[index] for name, values in self.columns.items()},
            self.weights[index],
            self.bags.rows(index),
        )

    def followed_by(self, other):
        """The rows of both."""
        pairs = (
            (name, self.columns[name], other.columns[name]) for name in self.columns
        )
        return KeptRows(
            torch.cat([self.codes, other.codes]),
            torch.cat([self.numeric, other.numeric]),
            following(self.users, other.users),
            np.concatenate([self.times, other.times]),
            {name: np.concatenate([first, then]) for name, first, then in pairs},
            np.concatenate([self.weights, other.weights]),
            self.bags.followed_by(other.bags),
        )


class Memory(NamedTuple):
    """A random sample of all rows so far, of about ``MOST`` of them at most.

    Attributes
    ----------
    rows : KeptRows
        The rows.
    drawn : ndarray of shape (n,)
        A random number in [0, 1) for each row; those above ``MOST`` by the number of
        all rows so far are forgotten.
    n_seen : int
        The number of all rows so far.
    """

    rows: KeptRows
    drawn: np.ndarray
    n_seen: int

    @classmethod
    def of(cls, log, keep, seed, before=None):
        """Remember some rows of a log, the same in whatever parts it is read.

        Parameters
        ----------
        log : Log or StoredLog
            The rows.
        keep : callable
            Maps some of them, a Log, to :class:`KeptRows`.
        seed : int
            Controls which.
        before : Memory or None
            What was remembered of earlier ones.
        """
        n_seen, rng = len(log), np.random.default_rng(seed)
        memories = []
        if before is not None:
            n_seen += before.n_seen
            memories.append((before.rows, before.drawn))
        for part in log.parts():
            drawn = rng.random(len(part))
            kept = np.flatnonzero(drawn < MOST / n_seen)
            memories.append((keep(part.rows(kept)), drawn[kept]))
        rows, drawn = zip(*memories, strict=True)
        rows, drawn = reduce(KeptRows.followed_by, rows), np.concatenate(drawn)
        kept = np.flatnonzero(drawn < MOST / n_seen)
        return cls(rows.rows(kept), drawn[kept], n_seen)
