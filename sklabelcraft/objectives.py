"""The platform's objectives on the shown lists."""

from dataclasses import dataclass
from typing import Literal

import torch

ALLOWED = {
    "measure": ("mean", "share", "spread"),
    "transform": ("scale", "indicator", "identity"),
    "sign": (1, -1),
}


@dataclass(frozen=True)
class Objective:
    """A number that the platform wants high on the lists that it shows.

    Parameters
    ----------
    column : str or int
        The column of the log that is measured: one of the roles ``"watch_time"``,
        ``"duration"``, ``"explicit"``, or any other column.
    measure : {"mean", "share", "spread"}, default="mean"
        The mean of the column over a shown list; its share of the largest sum that k
        entries of the list could have (lists where that is 0 are left out); or its
        standard deviation.
    transform : {"scale", "indicator", "identity"}, default="identity"
        What is measured: the column scaled by :func:`~sklabelcraft.scale`, whether it
        is above 0, or the column as it is.
    sign : {1, -1}, default=1
        -1 for what the platform wants low, such as a rate of dislikes.

    Examples
    --------
    >>> from sklabelcraft.objectives import Objective
    >>> fewer_dislikes = Objective("hate", transform="indicator", sign=-1)
    """

    column: str | int
    measure: Literal["mean", "share", "spread"] = "mean"
    transform: Literal["scale", "indicator", "identity"] = "identity"
    sign: Literal[1, -1] = 1

    def __post_init__(self):
        for name, allowed in ALLOWED.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")

    def __call__(self, alpha, values, lists, k):
        """Mean over the lists of the measure of the shown entries.

        Parameters
        ----------
        alpha : tensor of shape (n,)
            Soft indicator of being shown; sums to k in each list.
        values : tensor of shape (n,)
            The column, transformed.
        lists : long tensor of shape (n,)
            The list of each entry, from 0 on, without gaps.
        k : int
            Length of the shown lists.

        Returns
        -------
        tensor of shape ()
            The objective, to be raised.
        """
        measure = MEASURES[self.measure]
        of_lists = measure(alpha, values, lists, k)
        return self.sign * of_lists.sum() / max(1, len(of_lists))


def list_mean(alpha, values, lists, k):
    """Mean of the shown values of each list: sum alpha / k value.

    Parameters
    ----------
    alpha, values, lists, k : tensors of shape (n,) and int
        As in :class:`Objective`.

    Returns
    -------
    tensor of shape (n_lists,)
        One mean per list.
    """
    means = alpha.new_zeros(int(lists[-1]) + 1)
    return means.index_add(0, lists, alpha * values / k)


def list_share(alpha, values, lists, k):
    """Sum of the shown values of each list, relative to that of its k largest.

    Parameters
    ----------
    alpha, values, lists, k : tensors of shape (n,) and int
        As in :class:`Objective`; the values are not negative.

    Returns
    -------
    tensor of shape (n_lists_with_a_positive_value,)
        One share per list, of those where any value is positive.
    """
    order = values.argsort(descending=True)
    order = order[lists[order].argsort(stable=True)]
    sizes = lists.bincount()
    rank = torch.arange(len(lists), device=lists.device)
    rank = rank - (sizes.cumsum(0) - sizes)[lists[order]]
    best = torch.empty_like(values)
    best[order] = (rank < k).to(values) * values[order]
    best = list_mean(best, torch.ones_like(values), lists, k)
    shown = list_mean(alpha, values, lists, k)
    return shown[best > 0] / best[best > 0]


def list_spread(alpha, values, lists, k):
    """Standard deviation of the shown values of each list.

    Parameters
    ----------
    alpha, values, lists, k : tensors of shape (n,) and int
        As in :class:`Objective`.

    Returns
    -------
    tensor of shape (n_lists,)
        Each sqrt(sum alpha / k (value - E)^2), with E the mean of the shown values.
    """
    centred = values - list_mean(alpha, values, lists, k)[lists]
    variance = list_mean(alpha, centred.square(), lists, k)
    tiny = torch.finfo(variance.dtype).eps ** 2  # the root has no slope at 0
    return (variance + tiny).sqrt()


MEASURES = {"mean": list_mean, "share": list_share, "spread": list_spread}
watch_time_objective = Objective("watch_time", "share", "scale")
explicit_objective = Objective("explicit", "share", "indicator")
duration_objective = Objective("duration", "spread", "scale")
