"""What lists of held-out users are worth to a platform, by resample of the users."""

import numpy as np

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
        Per objective, its column of all rows.
    counts : ndarray of shape (n_resamples, n_users)
        How often each resample holds each user.
    """

    def __init__(self, lists, ks, objectives, values, counts):
        self.lists, self.ks = lists, ks
        pairs = zip(objectives, values, strict=True)
        self.measured = [(o, _with_finite_sums(o, column)) for o, column in pairs]
        at_random = Ranked.of(lists, np.zeros(len(values[0])), max(ks))
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
        ranked = Ranked.of(self.lists, scores, max(self.ks))
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

    def _shares(self, ranked, k, counts):
        """What the lists count by in the mean of each objective, and resample."""
        ranked = ranked._replace(k=k)
        counts = counts * (self.lists.lengths.numpy() > k)
        shares = []
        for objective, values in self.measured:
            unit = np.ones(counts.shape[1])
            if objective.measure == "gain":
                unit = ranked.ideal_gain(values)
            taking_part = counts * (unit >= LEAST)
            n_lists = taking_part.sum(axis=1, keepdims=True).clip(min=1)
            shares.append(taking_part / n_lists / np.where(unit >= LEAST, unit, 1))
        return shares

    def _means(self, ranked, k, shares):
        """Every objective on each resample, (n_resamples, n_objectives)."""
        ranked = ranked._replace(k=k)
        means = []
        for (objective, values), share in zip(self.measured, shares, strict=True):
            of_lists = MEASURES[objective.measure](ranked, values)
            means.append(objective.sign * np.einsum("rl,l->r", share, of_lists))
        return np.column_stack(means)


def _with_finite_sums(objective, column):
    """The column of an objective; that of a gain, which has no unit, in a larger one.

    Sums beyond the largest float are those of gains alone.
    """
    if objective.measure != "gain":
        return column
    return column / power_of_two(np.abs(column).max()).clip(min=1)


def _size(objective, column):
    """What a reference is rounding beside: a gain is a share of 1."""
    return 1.0 if objective.measure == "gain" else mean(np.abs(column))
