"""Where a number lies among others, from tables of bounded size.

For labels, seconds are read to 12 significant bits, that is, to one part in 4096: their
order is that of the highest bits of their float32. What is counted are the distinct
cells of group and bits, of which there are the fewer the more rows agree, whatever the
number of rows; counts of several logs add up.
"""

import numpy as np
import torch
from torch import nn

from sklabelcraft._counts import Numbers, summed

BITS = 12
N_QUANTILES = 1000
GROUP = 2**32  # cells of a group
LARGEST = 255 << BITS  # bits of infinity


class CellCounts(nn.Module):
    """How often each watch time occurs in each group.

    Parameters
    ----------
    cells : int64 ndarray of shape (n_cells,)
        The cells that occur, ascending.
    counts : int64 ndarray of shape (n_cells,)
        How many rows fall into each.
    n_groups : int
        Number of groups.
    """

    def __init__(self, cells, counts, n_groups):
        super().__init__()
        groups = np.arange(n_groups + 1) * GROUP
        total = np.append(0, np.cumsum(counts))
        before = total[np.searchsorted(cells, groups)]
        self.register_buffer("cells", torch.from_numpy(cells))
        self.register_buffer("total", torch.from_numpy(total))
        self.register_buffer("before", torch.from_numpy(before))

    def at_most(self, group, seconds):
        """Rows of the group with at most these seconds, and all of them, int64 (n,)."""
        position = torch.searchsorted(
            self.cells, cells_of(group, seconds), side="right"
        )
        before, after = self.before[group], self.before[group + 1]
        return self.total[position] - before, after - before


class GroupedQuantiles(CellCounts):
    """The empirical distribution function inside each duration group.

    Parameters
    ----------
    edges : ndarray of shape (n_groups - 1,)
        Upper ends of all groups but the last, in seconds that float32 holds.
    cells : int64 ndarray of shape (n_cells,)
        The cells that occur, ascending.
    counts : int64 ndarray of shape (n_cells,)
        How many rows fall into each.
    """

    def __init__(self, edges, cells, counts):
        super().__init__(cells, counts, len(edges) + 1)
        self.register_buffer("edges", torch.from_numpy(edges))

    @classmethod
    def learn(cls, edges, watched, duration, counts):
        """From seconds, float64 of shape (n,), and how many rows have them."""
        group = np.searchsorted(edges, duration, side="left")
        return cls(edges, *count_cells(group, watched, counts))

    def forward(self, watched, duration):
        """The share of the group's rows watched no longer, float64 of shape (n,)."""
        group = torch.searchsorted(self.edges, duration.float().double(), side="left")
        rank, size = self.at_most(group, watched)
        return rank.double() / size


def cells_of(group, seconds):
    """The cell of each row, int64: its group, then its order among the seconds."""
    seconds = seconds.to(torch.float32) + 0.0  # of -0.0, the bits are those of 0
    bits = seconds.view(torch.int32) >> (23 - BITS)
    return group * GROUP + bits


def seconds_of(cells):
    """The least seconds of the cells, float64 of shape (n,)."""
    bits = (cells % GROUP).to(torch.int32) << (23 - BITS)
    return bits.view(torch.float32).double()


def count_cells(group, seconds, counts):
    """The cells that occur, ascending, and the sum of the counts in each."""
    cells = cells_of(torch.from_numpy(group), torch.from_numpy(seconds))
    return summed(cells.numpy(), counts)


def least_seconds(share_of, shares):
    """The least seconds with `share_of(seconds)` of at least `shares`, by bisection.

    The share must rise with the seconds and reach `shares` at infinity.
    """
    low, high = torch.zeros(len(shares)).long(), torch.full((len(shares),), LARGEST)
    for _ in range(BITS + 8):
        middle = (low + high) // 2
        enough = share_of(seconds_of(middle)) >= shares
        low = torch.where(enough, low, middle + 1)
        high = torch.where(enough, middle, high)
    return seconds_of(high)


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
        return cls.among(Numbers.of(np.asarray(values, dtype=np.float64)))

    @classmethod
    def among(cls, numbers):
        """The ranks among :class:`Numbers` that were counted."""
        steps = np.linspace(0, 1, min(N_QUANTILES, numbers.counts.sum()))
        return cls(np.maximum.accumulate(numbers.quantile(steps)))

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


def group_edges(numbers, n_groups):
    """Upper ends of all equal-frequency groups but the last, none of them empty."""
    n_rows = numbers.counts.sum()
    n_groups = min(n_groups, int(n_rows))  # each distinct number at most
    rows = -(-np.arange(1, n_groups) * n_rows // n_groups)  # rounded up, exactly
    edges = np.unique(numbers.at(rows - 1))
    return edges[edges < numbers.largest]
