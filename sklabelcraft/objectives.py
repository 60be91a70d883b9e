"""The platform's objectives on the shown lists."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from sklabelcraft._numbers import real
from sklabelcraft.columns import is_key

ALLOWED = {
    "measure": ("mean", "gain", "spread"),
    "transform": ("scale", "indicator", "identity"),
    "sign": (1, -1),
}
HIGHEST_FLOOR = 1e9  # times what random lists reach
PRESSURE = 10.0  # what a unit below a floor counts for
ROUNDING = 1e-6  # share of what is measured that a reference may be by rounding


@dataclass(frozen=True)
class Objective:
    """A number that the platform wants high on the lists that it shows.

    It is measured on the lists without the rows in which its column is missing; only
    ``"watch_time"`` and ``"duration"`` must not be.

    Where rows have weights w, such as inverse propensities, a row x that is shown with
    probability alpha(x) counts by its weight. The mean of the column v is estimated as
    sum_x alpha(x) w(x) v(x) / k; the gain is that of w(x) v(x) in place of v(x); and
    the spread is the weighted standard deviation, with the shares alpha(x) w(x) /
    sum_z alpha(z) w(z). What is shown are lists of all rows, whatever their weights.

    Parameters
    ----------
    column : str or int
        The column of the log that is measured: one of the roles ``"watch_time"``,
        ``"duration"``, ``"explicit"``, or any other column.
    measure : {"mean", "gain", "spread"}, default="mean"
        The mean of the column over a shown list; its sum over the list discounted by
        rank, relative to the largest possible, as in :func:`~sklabelcraft.nwtg_score`
        (lists where that is 0 are left out); or its standard deviation.
    transform : {"scale", "indicator", "identity"}, default="identity"
        What is measured: the column scaled by :func:`~sklabelcraft.scale`, whether it
        is above 0, or the column as it is.
    sign : {1, -1}, default=1
        -1 for what the platform wants low, such as a rate of dislikes.
    at_least : float, default=None
        A floor, relative to lists shown at random: 1.2 is a fifth better than they.
        Above it, the objective counts no further, so that the others are raised while
        this one holds; what is missing below it counts ten times. None for no floor.

    Examples
    --------
    >>> from sklabelcraft.objectives import Objective
    >>> fewer_dislikes = Objective("hate", transform="indicator", sign=-1)
    >>> enough_likes = Objective("explicit", "gain", "indicator", at_least=1.3)
    """

    column: str | int
    measure: Literal["mean", "gain", "spread"] = "mean"
    transform: Literal["scale", "indicator", "identity"] = "identity"
    sign: Literal[1, -1] = 1
    at_least: float | None = None

    def __post_init__(self):
        if not is_key(self.column):
            raise ValueError(
                f"column must be the name or position of a column, got {self.column!r}."
            )
        if self.at_least is not None:
            floor = real(self.at_least, "at_least", -HIGHEST_FLOOR, HIGHEST_FLOOR)
            object.__setattr__(self, "at_least", floor)
        for name, allowed in ALLOWED.items():
            value = getattr(self, name)
            is_known = isinstance(value, str | Real) and value in allowed
            if not is_known or isinstance(value, np.timedelta64):
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")

    def __call__(
        self,
        alpha: Tensor,
        values: Tensor,
        lists: Tensor,
        ideal: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Mean over the lists of the measure of the shown entries.

        Parameters
        ----------
        alpha : tensor of shape (k, n)
            Soft indicator of being among the first 1, 2, ..., k entries of a list;
            each row sums to as many in each list.
        values : tensor of shape (n,)
            The column, transformed.
        lists : long tensor of shape (n,)
            The list of each entry, from 0 on, without gaps.
        ideal : tensor of shape (n_lists,), default=None
            What :meth:`ideal` gives, where it is known already.
        weights : tensor of shape (n,), default=None
            What each entry counts for, none negative; None for 1 each.

        Returns
        -------
        tensor of shape ()
            The objective, to be raised.
        """
        total, n_lists = self.sum(alpha, values, lists, ideal, weights)
        return total / max(1, n_lists)

    def sum(
        self,
        alpha: Tensor,
        values: Tensor,
        lists: Tensor,
        ideal: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> tuple[Tensor, int]:
        """Sum over the lists of the measure of the shown entries, and how many count.

        Parameters
        ----------
        alpha, values, lists : tensor
            As the objective itself takes them.
        ideal, weights : tensor, default=None
            Likewise.

        Returns
        -------
        total : tensor of shape ()
            The sum, negative for what is to be lowered.
        n_lists : int
            The number of lists that are not left out.

        Raises
        ------
        ValueError
            If the sum is not finite, as where a value is not, or is too large for a
            square.
        """
        known = {} if ideal is None else {"ideal": ideal}
        of_lists = MEASURES[self.measure](
            alpha, values, lists, weights=weights, **known
        )
        total = of_lists.sum()
        if not total.isfinite():
            raise ValueError(
                f"the {self.measure} of column {self.column!r} must be finite, got "
                f"{total.item()} of values up to {values.max().item():g} in "
                f"{values.dtype}."
            )
        return self.sign * total, len(of_lists)

    def worth(self, value: Any) -> Any:
        """What a value of the objective, relative to random lists, counts for.

        Parameters
        ----------
        value : tensor or ndarray of any shape
            The objective on several lists or samples.

        Returns
        -------
        tensor or ndarray of the shape of `value`
            The value itself; with a floor, the floor less ten times what is missing.
        """
        if self.at_least is None:
            return value
        return self.at_least - PRESSURE * (self.at_least - value).clip(min=0)

    def ideal(
        self, values: Tensor, lists: Tensor, k: int, weights: Tensor | None = None
    ) -> Tensor | None:
        """The largest discounted sum of each list, if this is a gain.

        Parameters
        ----------
        values : tensor of shape (n,)
            The column, transformed.
        lists : long tensor of shape (n,)
            The list of each entry, from 0 on, without gaps.
        k : int
            Length of the shown lists.
        weights : tensor of shape (n,), default=None
            What each entry counts for; None for 1 each.

        Returns
        -------
        tensor of shape (n_lists,) or None
            None for other measures.
        """
        if self.measure != "gain":
            return None
        return _ideal_gain(_weighted(values, weights), lists, k)


def names_of(objectives):
    """The measured columns with their measures, such as ``duration_spread``.

    They are numbered where they would be one another's or that of a weight.
    """
    names = [f"{o.column}_{o.measure}" for o in objectives]
    taken = {f"weight_{name}" for name in names}
    return [
        name if names.count(name) == 1 and name not in taken else f"{name}_{i}"
        for i, name in enumerate(names)
    ]


def units_of(references, sizes):
    """What objectives are measured in: what lists shown at random reach.

    Parameters
    ----------
    references : tensor or ndarray of shape (n_objectives,)
        The objectives of lists shown at random.
    sizes : tensor or ndarray of shape (n_objectives,)
        Mean absolute values of what is measured; 1 for gains, which are shares.

    Returns
    -------
    tensor or ndarray of shape (n_objectives,)
        The size of each reference, or 1 where that is 0 but for rounding.
    """
    units = abs(references)
    nothing = units <= ROUNDING * sizes
    return units * ~nothing + nothing


def list_mean(
    alpha: Tensor, values: Tensor, lists: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Mean of the shown values of each list: sum p_k / k value.

    Parameters
    ----------
    alpha, values, lists : tensors of shape (k, n), (n,) and (n,)
        As in :class:`Objective`.
    weights : tensor of shape (n,), default=None
        Multiply the values; None for 1 each.

    Returns
    -------
    tensor of shape (n_lists,)
        One mean per list.
    """
    return _sums(alpha[-1] * _weighted(values, weights), lists) / len(alpha)


def list_gain(
    alpha: Tensor,
    values: Tensor,
    lists: Tensor,
    ideal: Tensor | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    r"""Discounted sum of the shown values of each list, relative to the largest.

    The discount of rank r is 1 / log2(r + 1), so that an entry counts by

    .. math:: \sum_{r=1}^{k} \frac{p_r - p_{r-1}}{\log_2(r + 1)},

    with p_r the r-th row of `alpha` and p_0 = 0; of hard lists it is the normalised
    gain of NWTG and NEG.

    Parameters
    ----------
    alpha, values, lists : tensors of shape (k, n), (n,) and (n,)
        As in :class:`Objective`; the values are not negative.
    ideal : tensor of shape (n_lists,), default=None
        The largest possible sum of each list, where it is known already.
    weights : tensor of shape (n,), default=None
        Multiply the values; None for 1 each.

    Returns
    -------
    tensor of shape (n_lists_with_a_positive_value,)
        One gain per list, of those where any value is positive.
    """
    values = _weighted(values, weights)
    if ideal is None:
        ideal = _ideal_gain(values, lists, len(alpha))
    discount = _discount(len(alpha), alpha)
    falls = -torch.diff(discount, append=discount.new_zeros(1))
    shown = (falls[None] @ alpha)[0]
    gain = _sums(shown * values, lists)
    counts = ideal >= torch.finfo(ideal.dtype).tiny  # or the gain has no finite slope
    return gain[counts] / ideal[counts]


def _discount(k, like):
    """1 / log2(r + 1) of the ranks r = 1, ..., k."""
    return 1 / torch.arange(2, k + 2).to(like).log2()


def _ideal_gain(values, lists, k):
    """The discounted sum of the k largest values of each list, (n_lists,)."""
    discount = _discount(k, values)
    order = values.argsort(descending=True)
    order = order[lists[order].argsort(stable=True)]
    sizes = lists.bincount()
    rank = torch.arange(len(lists), device=lists.device)
    rank = rank - (sizes.cumsum(0) - sizes)[lists[order]]
    padded = torch.cat([discount, discount.new_zeros(1)])
    return _sums(padded[rank.clamp(max=k)] * values[order], lists[order])


def list_spread(
    alpha: Tensor, values: Tensor, lists: Tensor, weights: Tensor | None = None
) -> Tensor:
    """Standard deviation of the shown values of each list.

    Parameters
    ----------
    alpha, values, lists : tensors of shape (k, n), (n,) and (n,)
        As in :class:`Objective`.
    weights : tensor of shape (n,), default=None
        What each value counts for beside p_k; None for 1 each.

    Returns
    -------
    tensor of shape (n_lists_with_a_weight,)
        Each sqrt(sum p_k / k (value - mean)^2), with p_k the last row of `alpha`; with
        weights, p_k w by its sum over the list in place of p_k / k.
    """
    centred = values - _shown_mean(alpha, values, lists, weights)[lists]
    variance = _shown_mean(alpha, centred.square(), lists, weights)
    tiny = torch.finfo(variance.dtype).eps ** 2  # the root has no slope at 0
    spread = (variance + tiny).sqrt()
    return spread if weights is None else spread[_sums(weights, lists) > 0]


def _shown_mean(alpha, values, lists, weights):
    """The mean of the shown values of each list, by their weights, (n_lists,)."""
    if weights is None:
        return list_mean(alpha, values, lists)
    counts = alpha[-1] * weights
    least = torch.finfo(counts.dtype).eps * weights.max()  # or there is no finite slope
    return _sums(counts * values, lists) / _sums(counts, lists).clamp(min=least)


def _weighted(values, weights):
    """Values times weights, if there are any."""
    return values if weights is None else values * weights


def _sums(values, lists):
    """The sum of each list, (n_lists,)."""
    return values.new_zeros(int(lists[-1]) + 1).index_add(0, lists, values)


MEASURES: dict[str, Callable[..., Tensor]] = {
    "mean": list_mean,
    "gain": list_gain,
    "spread": list_spread,
}
watch_time_objective = Objective("watch_time", "gain", "scale")
explicit_objective = Objective("explicit", "gain", "indicator")
duration_objective = Objective("duration", "spread", "scale")
