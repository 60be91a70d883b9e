"""The platform's view of a ranker: its objectives on held-out lists of users."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklabelcraft._batches import Batch, Impressions
from sklabelcraft._lists import Lists
from sklabelcraft.objectives import names_of, units_of
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

    batch: Batch | None
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

    def only(self, known, k):
        """Some rows alone, of users with more than k of these, and which they are.

        Parameters
        ----------
        known : bool tensor of shape (n_all,)
            The rows, among those of all held-out lists.
        k : int
            Length of the shown lists.
        """
        lists, chosen, rows = self.lists.only(known[self.positions], k)
        part = {"users": self.users[chosen], "positions": self.positions[rows]}
        return self._replace(batch=None, lists=lists, **part), rows


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
        Per objective, its column of the rows in `lists`; where it is NaN, the objective
        is measured on lists without these rows.
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
    row_weights : tensor of shape (n,), default=None
        What each of the rows in `lists` counts for; None for 1 each.
    """

    impressions: Impressions
    lists: Lists
    objectives: tuple
    values: list
    references: torch.Tensor
    weights: torch.Tensor
    balancing: Callable[..., torch.Tensor]
    k: int
    temperature: float
    row_weights: torch.Tensor | None = None

    def draw(self, n_users: int, generator: torch.Generator | None = None) -> Shown:
        """A random sample of users, as :class:`Shown`."""
        lists, *places = self.lists.sample(n_users, generator)
        return Shown(self.impressions.batch(lists.rows), lists, *places)

    @cached_property
    def known(self):
        """Per objective, which values are known, (n,); None if all are."""
        known = [~value.isnan() for value in self.values]
        return [None if rows.all() else rows for rows in known]

    @cached_property
    def ideals(self):
        """Per objective, the largest gain of each list; None if it is no gain."""
        pairs = zip(self.objectives, self.values, strict=True)
        rest = self.lists.ids, self.k, self.row_weights
        return [o.ideal(value.nan_to_num(0), *rest) for o, value in pairs]

    @cached_property
    def units(self):
        """What each objective is measured in, (n_objectives,)."""
        pairs = zip(self.objectives, self.values, strict=True)
        sizes = [
            1.0 if o.measure == "gain" else v[~v.isnan()].abs().mean() for o, v in pairs
        ]
        return units_of(self.references, self.references.new_tensor(sizes))

    def measure(self, logits: Tensor, shown: Shown) -> Tensor:
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
        alpha = self._soft_ranks(logits, shown.lists)
        pairs = []
        for i, known in enumerate(self.known):
            if known is None:
                pairs.append(self._sum(i, alpha, shown))
                continue
            part, rows = shown.only(known, self.k)
            if len(part.users) == 0:
                pairs.append((0 * logits.sum(), 0))
                continue
            own = self._soft_ranks(logits[rows], part.lists)
            pairs.append(self._sum(i, own, part))
        sums, counts = zip(*pairs, strict=True)
        return torch.stack([torch.stack(sums), alpha.new_tensor(counts)])

    def _soft_ranks(self, logits, lists):
        scores = standardise(logits[:, 0], lists)
        return soft_ranks(scores, lists, self.k, self.temperature)

    def _sum(self, i, alpha, shown):
        """The objective of a number summed over lists, and of how many."""
        values, ideal = self.values[i][shown.positions], self.ideals[i]
        ideal = None if ideal is None else ideal[shown.users]
        weights = self.row_weights
        weights = None if weights is None else weights[shown.positions]
        return self.objectives[i].sum(alpha, values, shown.lists.ids, ideal, weights)

    def value(self, logits: Tensor, shown: Shown) -> tuple[Tensor, Tensor]:
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

    def worth(self, values: Tensor) -> Tensor:
        """What the values of the objectives count for, (n_objectives,)."""
        pairs = zip(self.objectives, values, strict=True)
        return torch.stack([objective.worth(value) for objective, value in pairs])

    @property
    def weight_names(self):
        """Names for the balance of the objectives that count."""
        counts = (self.weights > 0).tolist()
        return [f"weight_{n}" for n, c in zip(self.names, counts, strict=True) if c]

    def progress(self, logits: Tensor) -> dict[str, float]:
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
        """The names of the objectives, as they are told."""
        return names_of(self.objectives)


def soft_ranks(scores, lists, k, temperature):
    """Soft indicators of being among the first 1, 2, ..., k of a list, (k, n)."""
    first = np.arange(1, k + 1)[:, None]
    return soft_topk(scores, first, temperature=temperature, lengths=lists.lengths)


def measure_all(objectives, alpha, values, lists, weights=None):
    """Every objective of the shown lists, tensor of shape (n_objectives,)."""
    pairs, ids = zip(objectives, values, strict=True), lists.ids
    return torch.stack([o(alpha, value, ids, weights=weights) for o, value in pairs])


def random_references(objectives, values, lists, k, weights=None):
    """Objectives of lists shown at random, each of the rows where it is known."""
    references = []
    for objective, column in zip(objectives, values, strict=True):
        part, known, counts = lists, ~column.isnan(), weights
        if not known.all():
            part, _, rows = lists.only(known, k)
            column = column[rows]
            counts = None if weights is None else weights[rows]
        first = 1 + torch.arange(k, device=column.device)
        chance = first[:, None] / part.lengths.to(column)[part.ids]
        references.append(objective(chance, column, part.ids, weights=counts))
    return torch.stack(references)


def standardise(scores, lists):
    """Scores of each list shifted to mean 0 and scaled to standard deviation 1."""
    ids, lengths = lists.ids, lists.lengths.to(scores)
    zero = scores.new_zeros(len(lengths))
    centred = scores - (zero.index_add(0, ids, scores) / lengths)[ids]
    variance = zero.index_add(0, ids, centred.square()) / lengths
    tiny = torch.finfo(scores.dtype).eps
    return centred / (variance + tiny).sqrt()[ids]
