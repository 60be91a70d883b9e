"""How likely explicit feedback is, given the watch time."""

import numpy as np
import torch
from torch import nn

from sklabelcraft._quantiles import group_edges

N_BINS = 20  # of the rank of the watch time


class ExplicitChance(nn.Module):
    """The share of rows with explicit feedback among those of a like watch time.

    Parameters
    ----------
    edges : ndarray of shape (n_bins - 1,)
        Upper ends of all bins but the last, in seconds that float32 holds.
    shares : ndarray of shape (n_bins,)
        Of the rows in each bin, that of those with explicit feedback.
    """

    def __init__(self, edges, shares):
        super().__init__()
        self.register_buffer("edges", torch.from_numpy(edges))
        self.register_buffer("shares", torch.from_numpy(shares))

    @classmethod
    def learn(cls, counts):
        """From the rows of :class:`FeedbackCounts` whose feedback is known."""
        known = counts.known()
        edges = group_edges(known.watch_times(), N_BINS)
        bins = np.searchsorted(edges, known.watched, side="left")
        explicit = np.bincount(bins, known.counts * known.explicit)
        return cls(edges, explicit / np.bincount(bins, known.counts))

    def forward(self, watched):
        """The chance at each watch time, float64 of shape (n,)."""
        seconds = watched.float().double()
        return self.shares[torch.searchsorted(self.edges, seconds, side="left")]
