"""What lists of held-out users are worth to a platform, by resample of the users."""

import numpy as np
import torch

from sklabelcraft._numbers import mean, power_of_two
from sklabelcraft._ranked import Ranked
from sklabelcraft.objectives import units_of

LEAST = float(np.finfo(np.float64).tiny)  # ideal gain of a list that takes part
MEASURES = {"mean": Ranked.mean, "gain": Ranked.gain, "spread": Ranked.spread}


class Judge:
    """Measures lists on several resamples of the users, whatever scores they come from.

    Parameters
    ----------
    lists : Lists
        The rows of users with more rows than the shorter of the shown lists has.
    ks : sequence of int
        Lengths of the shown lists, over which objectives are averaged; users with more
        rows take part.
    objectives : sequence of Objective
        What is measured.
    values : sequence of ndarray of shape (n_rows,)
        Per objective, its column of all rows; where it is NaN, the objective is
        measured on lists without these rows.
    counts : ndarray of shape (n_resamples, n_users)
        How often each resample holds each user.
    """

    def __init__(self, lists, ks, objectives, values, counts):
        self.lists, self.ks = lists, ks
        pairs = zip(objectives, values, strict=True)
        self.measured = [(o, _with_finite_sums(o, column)) for o, column in pairs]
        self.parts = [_known_part(lists, column, min(ks)) for column in values]
        at_random = self._ranked(np.zeros(len(values[0])))
        self.shares = {k: self._shares(at_random, k, counts) for k in ks}
        self.somebody = {
            k: np.column_stack([share.any(axis=1) for share in self.shares[k]])
            for k in ks
        }
        once = np.ones((1, counts.shape[1]))
        everyone = {k: self._shares(at_random, k, once) for k in ks}
        self.references = {k: self._means(at_random, k, everyone[k]) for k in ks}
        sizes = np.array([_size(o, column) for o, column in self.measured])
        self.units = {k: units_of(self.references[k], sizes) for k in ks}

    def __call__(self, scores):
        """The objectives of the lists that some scores lead to, on each resample.

        Parameters
        ----------
        scores : ndarray of shape (n_rows,)
            Scores of all rows; equal ones are no order.

        Returns
        -------
        ndarray of shape (n_resamples, n_objectives)
            1 plus the gain over lists shown at random, relative to what those reach; 1
            where a resample has nobody to measure it on.
        """
        ranked = self._ranked(scores)
        relative = 0.0
        for k in self.ks:
            gain = self._means(ranked, k, self.shares[k]) - self.references[k]
            relative += np.where(self.somebody[k], gain / self.units[k], 0)
        return 1 + relative / len(self.ks)

    def worth(self, values):
        """What objectives count for, of the shape (..., n_objectives) of the values."""
        counted = [
            objective.worth(values[..., i])
            for i, (objective, _) in enumerate(self.measured)
        ]
        return np.stack(counted, axis=-1)

    def _ranked(self, scores):
        """The lists of each objective in the order of the scores."""
        whole = Ranked.of(self.lists, scores, max(self.ks))
        return [
            whole if part is self.lists else Ranked.of(part, scores, max(self.ks))
            for part, _ in self.parts
        ]

    def _shares(self, ranked, k, counts):
        """What the lists count by in the mean of each objective, and resample."""
        shares = []
        columns = zip(ranked, self.measured, self.parts, strict=True)
        for order, (objective, values), (lists, users) in columns:
            drawn = counts[:, users] * (lists.lengths.numpy() > k)
            unit = np.ones(drawn.shape[1])
            if objective.measure == "gain":
                unit = order._replace(k=k).ideal_gain(values)
            taking_part = drawn * (unit >= LEAST)
            n_lists = taking_part.sum(axis=1, keepdims=True).clip(min=1)
            shares.append(taking_part / n_lists / np.where(unit >= LEAST, unit, 1))
        return shares

    def _means(self, ranked, k, shares):
        """Every objective on each resample, (n_resamples, n_objectives)."""
        means = []
        columns = zip(ranked, self.measured, shares, strict=True)
        for order, (objective, values), share in columns:
            of_lists = MEASURES[objective.measure](order._replace(k=k), values)
            means.append(objective.sign * np.einsum("rl,l->r", share, of_lists))
        return np.column_stack(means)


def _with_finite_sums(objective, column):
    """The column of an objective; that of a gain, which has no unit, in a larger one.

    Sums beyond the largest float are those of gains alone.
    """
    if objective.measure != "gain":
        return column
    return column / power_of_two(np.nanmax(np.abs(column))).clip(min=1)


def _size(objective, column):
    """What a reference is rounding beside: a gain is a share of 1."""
    if objective.measure == "gain":
        return 1.0
    return mean(np.abs(column[~np.isnan(column)]))


def _known_part(lists, column, k):
    """The lists of the rows alone where a column is known, and whose they are."""
    known = torch.from_numpy(~np.isnan(column))[lists.rows]
    if known.all():
        return lists, slice(None)
    part, users, _ = lists.only(known, k)
    return part, users.numpy()
