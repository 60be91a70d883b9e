"""Where a number lies among others, from tables of bounded size.

For D2Q, seconds are read to 12 significant bits, that is, to one part in 4096: their
order is that of the highest bits of their float32. What is counted are the distinct
cells of duration group and bits, of which there are the fewer the more rows agree,
whatever the number of rows; counts of several logs add up.
"""

import numpy as np
import torch
from torch import nn

BITS = 12
N_QUANTILES = 1000
GROUP = 2**32  # cells of a group


class GroupedQuantiles(nn.Module):
    """The empirical distribution function inside each duration group.

    Parameters
    ----------
    edges : ndarray of shape (n_groups - 1,)
        Upper ends of all groups but the last, in seconds.
    cells : int64 ndarray of shape (n_cells,)
        The cells that occur, ascending.
    counts : int64 ndarray of shape (n_cells,)
        How many rows fall into each.
    """

    def __init__(self, edges, cells, counts):
        super().__init__()
        groups = np.arange(len(edges) + 2) * GROUP
        total = np.append(0, np.cumsum(counts))
        before = total[np.searchsorted(cells, groups)]
        self.register_buffer("edges", torch.from_numpy(edges))
        self.register_buffer("cells", torch.from_numpy(cells))
        self.register_buffer("total", torch.from_numpy(total))
        self.register_buffer("before", torch.from_numpy(before))

    @classmethod
    def learn(cls, edges, watched, duration):
        """Count the rows of a log, watch times and durations float64 of shape (n,)."""
        group = np.searchsorted(edges, duration, side="left")
        cell = cells_of(torch.from_numpy(group), torch.from_numpy(watched))
        return cls(edges, *np.unique(cell.numpy(), return_counts=True))

    def forward(self, watched, duration):
        """The share of the group's rows watched no longer, float64 of shape (n,)."""
        group = torch.searchsorted(self.edges, duration, side="left")
        position = torch.searchsorted(
            self.cells, cells_of(group, watched), side="right"
        )
        before, after = self.before[group], self.before[group + 1]
        return (self.total[position] - before).double() / (after - before)


def cells_of(group, seconds):
    """The cell of each row, int64: its group, then its order among the seconds."""
    seconds = seconds.to(torch.float32) + 0.0  # of -0.0, the bits are those of 0
    bits = seconds.view(torch.int32) >> (23 - BITS)
    return group * GROUP + bits


class Ranks:
    """The rank of a number among known ones, from 0 to 1, by a thousand quantiles.

    The least has rank 0 and the largest 1. Between two quantiles the rank is
    interpolated; of one that is repeated it is the middle of its ranks.

    Parameters
    ----------
    points : ndarray of shape (n_quantiles,)
        Quantiles at equal steps, ascending.
    """

    def __init__(self, points):
        self.points = points

    @classmethod
    def learn(cls, values):
        """The ranks among the values, (n,)."""
        steps = np.linspace(0, 1, min(N_QUANTILES, len(values)))
        return cls(np.maximum.accumulate(np.quantile(values, steps)))

    def __call__(self, values):
        """Ranks of other values, float64 of shape (n,)."""
        points = torch.from_numpy(self.points)
        return rank_among(points, torch.from_numpy(values)).numpy()


def rank_among(points, values):
    """The rank of values among ascending quantiles, tensor of the shape of `values`."""
    least, largest, last = points[0], points[-1], max(1, len(points) - 1)
    low = torch.searchsorted(points, values, side="left").clamp(max=last)
    if least == largest:
        return (torch.sign(values - least) + 1) / 2
    high, met = low - 1, points[low] == values
    high[met] = torch.searchsorted(points, values[met], side="right") - 1
    left = (low - 1).clamp(min=0)
    width = points[low] - points[left]
    part = (values - points[left]) / torch.where(width > 0, width, 1)
    ranks = torch.where(low <= high, (low + high) / 2, left + part.clamp(0, 1)) / last
    ranks = torch.where(values <= least, 0, ranks)
    return torch.where(values >= largest, 1, ranks)


def group_edges(duration, n_groups):
    """Upper ends of all equal-frequency groups but the last, none of them empty."""
    inner = np.linspace(0, 1, n_groups + 1)[1:-1]
    edges = np.unique(np.quantile(duration, inner, method="inverted_cdf"))
    return edges[edges < duration.max()]
