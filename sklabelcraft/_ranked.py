"""Lists in the order of their scores, where equal scores are no order."""

from typing import NamedTuple

import numpy as np
import torch

from sklabelcraft._floats import as_column, finite
from sklabelcraft._ids import read_ids
from sklabelcraft._lists import Lists
from sklabelcraft._numbers import power_of_two


class Ranked(NamedTuple):
    """The rows of each user with more than k of them, ordered by score.

    Rows of one user with the same score make a run, of which each row takes each rank
    with the same probability.

    Attributes
    ----------
    users : Lists
        The rows of each user.
    n_rows : int
        Number of rows, those of other users included.
    k : int
        Length of the shown lists.
    order : ndarray of shape (n,)
        Positions of the rows, list after list, by descending score.
    lists : ndarray of shape (n,)
        The list of each of them, from 0 on.
    run : ndarray of shape (n,)
        The run of each of them, from 0 on.
    first, size : ndarray of shape (n_runs,)
        The rank, from 0 on, at which each run begins in its list, and its length.
    """

    users: Lists
    n_rows: int
    k: int
    order: np.ndarray
    lists: np.ndarray
    run: np.ndarray
    first: np.ndarray
    size: np.ndarray

    @classmethod
    def by(cls, scores, groups, k):
        """Rank the rows of the users in `groups` by scores."""
        scores = as_column(scores, "scores")
        users = read_ids(groups, "groups")
        if len(users.values) != len(scores):
            raise ValueError(
                f"groups must have as many rows as scores, {len(scores)}; got "
                f"{len(users.values)}."
            )
        finite(scores, "scores")
        return cls.of(Lists.of(users, k), scores, k)

    @classmethod
    def of(cls, users, scores, k):
        """Rank the rows of some lists by scores of all rows."""
        rows, lengths = users.rows.numpy(), users.lengths.numpy()
        lists = np.repeat(np.arange(len(lengths)), lengths)
        order = rows[np.lexsort((-scores[rows], lists))]
        begins = np.ones(len(order), dtype=bool)
        ranked = scores[order]
        begins[1:] = (ranked[1:] != ranked[:-1]) | (np.diff(lists) != 0)
        starts = np.flatnonzero(begins)
        first = starts - (np.cumsum(lengths) - lengths)[lists[starts]]
        size = np.diff(np.append(starts, len(order)))
        run = np.cumsum(begins) - 1
        return cls(users, len(scores), k, order, lists, run, first, size)

    def only(self, rows, scores):
        """Some rows alone, bool of shape (n_rows,), by the scores of all rows.

        Raises
        ------
        ValueError
            If no user has more than k of them.
        """
        users, *_ = self.users.only(torch.from_numpy(rows)[self.users.rows], self.k)
        if not len(users.lengths):
            raise ValueError(
                f"no user has more than k={self.k} rows that are known, of which there "
                f"are {rows.sum()} of {self.n_rows}."
            )
        return Ranked.of(users, scores, self.k)

    @property
    def n_shown(self):
        """How many rows of each run are shown, (n_runs,)."""
        return (self.k - self.first).clip(0, self.size)

    def shown(self, values):
        """Values in `order`, and the expected share of each that is shown, (n,)."""
        return values[self.order], (self.n_shown / self.size)[self.run]

    def mean(self, values):
        """The expected mean of the shown values, (n_lists,)."""
        values, unit = self.relative(values)
        values, share = self.shown(values)
        return np.bincount(self.lists, share * values) / self.k * unit

    def gain(self, values):
        """The discounted sum of each list, (n_lists,)."""
        total = np.append(0, np.cumsum(1 / np.log2(np.arange(2, self.k + 2))))
        discount = total[self.first.clip(max=self.k) + self.n_shown]
        discount = (discount - total[self.first.clip(max=self.k)]) / self.size
        return np.bincount(self.lists, discount[self.run] * values[self.order])

    def ideal_gain(self, values):
        """The same in the order of the values themselves, (n_lists,)."""
        return Ranked.of(self.users, values, self.k).gain(values)

    def spread(self, values):
        """The root of the expected variance of the shown values, (n_lists,).

        Their sum of squares is that of the runs shown whole, that of the rows drawn
        from the run at the end of the list, and that between these two parts.
        """
        values, unit = self.relative(values)
        values, drawn = values[self.order], self.n_shown
        n, mean, squares = self._moments(values, drawn == self.size)
        m, run_mean, run_squares = self._moments(
            values, (drawn > 0) & (drawn < self.size)
        )
        drawn = self.k - n
        variance = run_squares / (m - 1).clip(1)
        of_mean = variance * (m - drawn) / (m * drawn).clip(1)
        between = n * drawn / self.k * ((mean - run_mean) ** 2 + of_mean)
        squares = squares + (drawn - 1) * variance + between
        return np.sqrt(squares / self.k) * unit

    def relative(self, values):
        """Values relative to a power of two of their list, and these, (n_lists,).

        Values of other users are left as they are.
        """
        lengths = self.users.lengths.numpy()
        begins = np.cumsum(lengths) - lengths
        ordered = values[self.order]
        unit = power_of_two(np.maximum.reduceat(np.abs(ordered), begins))
        relative = values.copy()
        relative[self.order] = ordered / unit[self.lists]
        return relative, unit

    def _moments(self, values, runs):
        """Number, mean and sum of squares of the values in some runs, by list."""
        part, n_lists = runs[self.run], len(self.users.lengths)
        n = np.bincount(self.lists, part, n_lists)
        mean = np.bincount(self.lists, part * values, n_lists) / n.clip(1)
        squares = part * (values - mean[self.lists]) ** 2
        return n, mean, np.bincount(self.lists, squares, n_lists)
