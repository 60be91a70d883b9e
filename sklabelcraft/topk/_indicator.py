"""The soft top-k on two anchors: sigmoid((s - t) / tau), summing to k over a list.

All here works on plain tensors, and has no derivative.
"""

import numpy as np
import torch
from scipy.special import expit

from sklabelcraft.topk._by_moments import SHARPEST, by_moments
from sklabelcraft.topk._by_sorting import by_sorting
from sklabelcraft.topk._chunks import chunks
from sklabelcraft.topk._inputs import any_masked
from sklabelcraft.topk._negligible import negligible

PROBED_LISTS, PROBED_ENTRIES = 16, 1024
NEAR = 20.0  # temperatures from the boundary within which an entry counts
SOFT = 0.25  # share of the entries that must count, or sorting is faster
STEEP = 2 * SHARPEST  # least slope, as a share of what is shown, or it is more exact


def indicator(scores, k, tau):
    """The soft indicator of being among the first k.

    Parameters
    ----------
    scores : tensor of shape (1, L, n)
        The lists.
    k, tau : tensors of shape (K, L, 1)
        Of each list several.

    Returns
    -------
    alpha : tensor of shape (K, L, n)
        The indicator.
    boundary, z : tensors of shape (K, L, 1)
        The score at the boundary and, counted from it in units of tau, the threshold.
        They are 0 where the whole list or nothing of it is shown.
    """
    masked, size = None, scores.shape[2]
    if any_masked(scores):
        masked = scores == -torch.inf
        size = size - masked.sum(-1, keepdim=True)
    left = ((k > 0) & (k < size))[..., 0]
    if left.all() and left.any():
        if not is_soft(scores, k, tau):
            return _all_by_sorting(scores, k, tau, masked is not None)
        alpha, boundary, z, left = by_moments(scores, k, tau, masked)
    else:
        alpha = ((scores > -torch.inf) & (k > 0)).to(scores)
        boundary, z = tau.new_zeros(2, *tau.shape)
    if left.any():
        lists = scores.expand_as(alpha)[left], k[left], tau[left]
        found = _by_sorting(*lists, masked is not None)
        alpha[left], boundary[left], z[left] = found
    return alpha, boundary, z


def _all_by_sorting(scores, k, tau, masked):
    """The same where all are to be solved."""
    shape = *k.shape[:2], scores.shape[2]
    lists = scores.expand(shape).reshape(-1, shape[2])
    found = _by_sorting(lists, k.reshape(-1, 1), tau.reshape(-1, 1), masked)
    return tuple(value.unflatten(0, shape[:2]) for value in found)


def _by_sorting(scores, k, tau, masked):
    """The same of lists, (L, n), with one k and tau each, (L, 1)."""
    found = by_sorting(scores, k[:, 0], tau[:, 0])
    boundary, z = (value[:, None] for value in found)
    alpha = torch.empty_like(scores)
    limit = negligible(scores.dtype)
    for part in chunks(scores, boundary, tau, z, alpha):
        score, centre, width, threshold, out = part
        torch.sub(score, centre, out=out).div_(width).sub_(threshold)
        out.clamp_(-limit, limit).sigmoid_()
        if masked:
            out.masked_fill_(score == -torch.inf, 0)
    return alpha, boundary, z


def is_soft(scores, k, tau):
    """Whether so much of the lists counts that Newton's method is to run over them.

    Else sorting is faster or, where the indicators of few entries are between 0 and 1
    beside many that are 1, more exact. Told by some entries of some lists, for the last
    k.
    """
    n = scores.shape[2]
    every, of_each = 1 + scores.shape[1] // PROBED_LISTS, 1 + n // PROBED_ENTRIES
    ordered = np.sort(scores[0, ::every, ::of_each].cpu().numpy())
    k, tau = (x[-1].cpu()[::every].numpy() for x in (k, tau))
    some = ordered.shape[1]
    rank = (some - k * (some / n)).astype(int).clip(1, some - 1)
    lists = np.arange(len(rank))[:, None]
    with np.errstate(invalid="ignore", over="ignore"):  # where it is so: not soft
        boundary = (ordered[lists, rank] + ordered[lists, rank - 1]) / 2
        away = np.abs(ordered - boundary) / tau
    shown = expit(away)
    slope = (shown * (1 - shown)).sum() * (n / some)
    is_exact = slope > STEEP * np.minimum(k, n - k).sum()
    return is_exact and (away < NEAR).mean() > SOFT
