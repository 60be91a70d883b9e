"""The platform's view of a ranker: its objectives on held-out lists of users."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch

from sklabelcraft._batches import Batch, Impressions
from sklabelcraft._lists import Lists
from sklabelcraft.objectives import units_of
from sklabelcraft.topk import soft_topk
from sklabelcraft.training._distributed import ALONE, Alone


class Shown(NamedTuple):
    """A sample of users, or the part of it that one process looks at.

    Attributes
    ----------
    batch : Batch
        Their held-out rows.
    lists : Lists
        How the rows make lists.
    users : long tensor of shape (n_users,)
        Which of all lists they are.
    positions : long tensor of shape (n,)
        Where the rows lie among all held-out lists.
    group : Alone or Processes
        The processes that look at a part each.
    """

    batch: Batch
    lists: Lists
    users: torch.Tensor
    positions: torch.Tensor
    group: Alone = ALONE

    def part(self, group):
        """What this process of a group looks at."""
        if group.size == 1:
            return self
        users = group.share(len(self.lists.lengths))
        ends = [0, *self.lists.lengths.cumsum(0).tolist()]
        rows = slice(ends[users.start], ends[users.stop])
        lists = Lists(self.lists.rows[rows], self.lists.lengths[users])
        own = self.users[users], self.positions[rows]
        return Shown(self.batch.part(rows), lists, *own, group)


@dataclass(frozen=True)
class Platform:
    """Held-out lists, what is measured on them, and how it is balanced.

    Attributes
    ----------
    impressions : Impressions
        The held-out rows.
    lists : Lists
        The users with more than k of them.
    objectives : sequence of Objective
        What is measured.
    values : list of tensor of shape (n,)
        Per objective, its column of the rows in `lists`.
    references : tensor of shape (n_objectives,)
        The objectives of lists shown at random, which count as 1.
    weights : tensor of shape (n_objectives,)
        What a unit of each is worth.
    balancing : callable
        Maps the objectives and the inner products of their gradients to further
        weights, as in :mod:`~sklabelcraft.balancing`.
    k : int
        Length of the shown lists.
    temperature : float
        Softness of the top-k, in standard deviations of a user's scores.
    """

    impressions: Impressions
    lists: Lists
    objectives: tuple
    values: list
    references: torch.Tensor
    weights: torch.Tensor
    balancing: object
    k: int
    temperature: float

    def draw(self, n_users, generator=None):
        """A random sample of users, as :class:`Shown`."""
        lists, *places = self.lists.sample(n_users, generator)
        return Shown(self.impressions.batch(lists.rows), lists, *places)

    @cached_property
    def ideals(self):
        """Per objective, the largest gain of each list; None if it is no gain."""
        pairs = zip(self.objectives, self.values, strict=True)
        return [o.ideal(value, self.lists.ids, self.k) for o, value in pairs]

    @cached_property
    def units(self):
        """What each objective is measured in, (n_objectives,)."""
        pairs = zip(self.objectives, self.values, strict=True)
        sizes = [1.0 if o.measure == "gain" else v.abs().mean() for o, v in pairs]
        return units_of(self.references, self.references.new_tensor(sizes))

    def measure(self, logits, shown):
        """Objectives of the lists that some logits lead to, in all processes.

        Their slopes are those in the logits of this process.

        Parameters
        ----------
        logits : tensor of shape (n, 1)
            Logits of ``shown.batch``.
        shown : Shown
            The sample of users.

        Returns
        -------
        tensor of shape (n_objectives,)
            1 plus the gain over lists shown at random, relative to what those reach.
        """
        sums = shown.group.total_through(self._sums(logits, shown), "objectives")
        raw = sums[0] / sums[1].clamp(min=1)
        return 1 + (raw - self.references) / self.units

    def _sums(self, logits, shown):
        """The objectives summed over lists, and of how many, (2, n_objectives)."""
        if len(shown.lists.lengths) == 0:
            return logits.sum() * logits.new_zeros(2, len(self.objectives))
        scores = standardise(logits[:, 0], shown.lists)
        alpha = soft_ranks(scores, shown.lists, self.k, self.temperature)
        values = [value[shown.positions] for value in self.values]
        ideals = [x if x is None else x[shown.users] for x in self.ideals]
        return sums_of(self.objectives, alpha, values, shown.lists, ideals)

    def value(self, logits, shown):
        """The objectives as the one number to be raised, and how they were balanced.

        Those that are above their floor have nothing to be raised, and no part in the
        balance.

        Returns
        -------
        value : tensor of shape ()
            The sum of the objectives that count, times their weights.
        balance : tensor of shape (n_counting,)
            The weights that the balancing rule gave, which carry no gradient.
        """
        values = self.measure(logits, shown)
        counts = self.weights > 0
        raised = counts & ~self._met(values)
        raised = raised if raised.any() else counts
        weighted = (self.weights * self.worth(values))[raised]

        def gram():
            """Inner products of the objectives' gradients in the logits."""
            slopes = [
                torch.autograd.grad(value, logits, retain_graph=True)[0].ravel()
                for value in weighted
            ]
            products = torch.stack(slopes) @ torch.stack(slopes).T
            return shown.group.total([products], "inner products of slopes")[0]

        balance = torch.zeros_like(values)
        balance[raised] = self.balancing(values[raised].detach(), gram).to(values)
        return (balance[raised] * weighted).sum(), balance[counts]

    def _met(self, values):
        """Which objectives have a floor and are above it, (n_objectives,)."""
        pairs = zip(self.objectives, values.tolist(), strict=True)
        met = [o.at_least is not None and value >= o.at_least for o, value in pairs]
        return torch.tensor(met, device=values.device)

    def worth(self, values):
        """What the values of the objectives count for, (n_objectives,)."""
        pairs = zip(self.objectives, values, strict=True)
        return torch.stack([objective.worth(value) for objective, value in pairs])

    @property
    def weight_names(self):
        """Names for the balance of the objectives that count."""
        counts = (self.weights > 0).tolist()
        return [f"weight_{n}" for n, c in zip(self.names, counts, strict=True) if c]

    def progress(self, logits):
        """The objectives of all lists by name, and their mean as ``objective``.

        Parameters
        ----------
        logits : tensor of shape (n, 1)
            Logits of the rows ``lists.rows``.

        Returns
        -------
        dict of float
        """
        shown = Shown(None, self.lists, *self.lists.everything())
        values = self.measure(logits, shown)
        mean = (self.weights * self.worth(values)).sum() / self.weights.sum()
        named = dict(zip(self.names, values.tolist(), strict=True))
        return {"objective": mean.item()} | named

    @property
    def names(self):
        """The measured columns with their measures, such as ``duration_spread``.

        They are numbered where they would be one another's or that of a weight.
        """
        names = [f"{o.column}_{o.measure}" for o in self.objectives]
        taken = {f"weight_{name}" for name in names}
        return [
            name if names.count(name) == 1 and name not in taken else f"{name}_{i}"
            for i, name in enumerate(names)
        ]


def soft_ranks(scores, lists, k, temperature):
    """Soft indicators of being among the first 1, 2, ..., k of a list, (k, n)."""
    first = np.arange(1, k + 1)[:, None]
    return soft_topk(scores, first, temperature=temperature, lengths=lists.lengths)


def measure_all(objectives, alpha, values, lists):
    """Every objective of the shown lists, tensor of shape (n_objectives,)."""
    pairs, ids = zip(objectives, values, strict=True), lists.ids
    return torch.stack([o(alpha, value, ids) for o, value in pairs])


def sums_of(objectives, alpha, values, lists, ideals):
    """Every objective summed over lists, and of how many, (2, n_objectives)."""
    triples, ids = zip(objectives, values, ideals, strict=True), lists.ids
    pairs = [o.sum(alpha, value, ids, ideal) for o, value, ideal in triples]
    sums, counts = zip(*pairs, strict=True)
    return torch.stack([torch.stack(sums), alpha.new_tensor(counts)])


def random_references(objectives, values, lists, k):
    """Objectives of lists shown at random."""
    first = 1 + torch.arange(k, device=values[0].device)
    chance = first[:, None] / lists.lengths.to(values[0])[lists.ids]
    return measure_all(objectives, chance, values, lists)


def standardise(scores, lists):
    """Scores of each list shifted to mean 0 and scaled to standard deviation 1."""
    ids, lengths = lists.ids, lists.lengths.to(scores)
    zero = scores.new_zeros(len(lengths))
    centred = scores - (zero.index_add(0, ids, scores) / lengths)[ids]
    variance = zero.index_add(0, ids, centred.square()) / lengths
    tiny = torch.finfo(scores.dtype).eps
    return centred / (variance + tiny).sqrt()[ids]
