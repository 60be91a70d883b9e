"""Ragged lists that lie one after the other, solved as padded ones."""

import torch

from sklabelcraft.topk._chunks import CHUNK

PADDING = 4  # times the scores, at most, that the lists are padded to


def ragged_topk(scores, lengths, k, softness, solve):
    """Solve lists of one-dimensional scores, long and short ones apart.

    `solve` maps padded scores, (1, L, n), and k and the softness, (K, L, 1), to an
    indicator of shape (K, L, n); what is returned is (K, n_total).
    """
    if len(scores) == 0:
        return scores.expand(len(k), 0)
    longest = int(lengths.max())
    if len(lengths) * longest <= max(CHUNK, PADDING * len(scores)):
        return _padded(scores, lengths, k, softness, solve)
    alpha = scores.new_zeros(len(k), len(scores))
    long = PADDING * lengths > longest
    for group in (long, ~long):
        inside = group.repeat_interleave(lengths, output_size=len(scores))
        places, lists = (x.nonzero()[:, 0].to(scores.device) for x in (inside, group))
        own = (x.index_select(1, lists) for x in (k, softness))
        own_scores = scores.index_select(0, places)
        found = ragged_topk(own_scores, lengths[group], *own, solve)
        alpha = alpha.index_copy(1, places, found)
    return alpha


def _padded(scores, lengths, k, softness, solve):
    """Pad the lists to the longest, solve, and take the padding away."""
    shape = len(lengths), int(lengths.max())
    padding_before = torch.arange(shape[0], device=lengths.device) * shape[1]
    padding_before += lengths - lengths.cumsum(0)
    places = torch.arange(len(scores), device=lengths.device)
    places += padding_before.repeat_interleave(lengths, output_size=len(scores))
    places = places.to(scores.device)
    padded = scores.new_full((shape[0] * shape[1],), -torch.inf)
    padded = padded.index_copy(0, places, scores).view(1, *shape)
    return solve(padded, k, softness).flatten(1).index_select(1, places)
