"""The soft top-k of lists in which many entries count: no list is sorted.

Newton's method over whole lists, from a start by their means and standard deviations.
All here works on plain tensors, and has no derivative.
"""

import math

import torch

from sklabelcraft.topk._chunks import chunks
from sklabelcraft.topk._negligible import negligible

MAX_STEPS = 6
LOGISTIC_VARIANCE = math.pi**2 / 3
REACHED = 8.0  # steps that far leave what is negligible negligible
EXACT = 4.0  # sums that rounding leaves exact
SHARPEST = 0.06  # else least slope, as a share of the sum, where it does
FLATTEST = 0.01  # least slope at all, so that the threshold is exact, too


def by_moments(scores, k, tau, masked):
    """Indicator, boundary, threshold z, and where they may be wrong.

    `scores` are (1, L, n), and so is `masked`, unless it is None; `k` and `tau` are
    (K, L, 1): several k share a list. The indicator is (K, L, n), boundary and z are
    (K, L, 1), the last is (K, L).
    """
    alpha = scores.new_empty(*k.shape[:2], scores.shape[2])
    given = [x for x in (scores, k, tau, alpha, masked) if x is not None]
    found = [_newton(*part) for part in chunks(*given)]
    return alpha, *(torch.cat(values, dim=1) for values in zip(*found, strict=True))


def _newton(scores, k, tau, out, masked=None):
    """Newton's method on the log-odds of the share of a list that is shown.

    They are nearly linear in z. Where more than half of a list is shown, what is left
    out of it is counted instead, so that the sums are small.
    """
    size = scores.shape[-1]
    if masked is not None:
        size = size - masked.sum(-1, keepdim=True, dtype=scores.dtype)
    most = 2 * k > size
    sign = torch.where(most, -1.0, 1.0).to(scores)
    wanted = torch.minimum(k, size - k)
    odds = ((size - wanted) / wanted).to(scores)
    boundary = _start(scores, masked, size, wanted / size, odds, sign, tau)
    nearest = REACHED - negligible(scores.dtype)
    y = (scores - boundary).div_(sign * tau).clamp_(min=nearest)
    if masked is not None:
        y.masked_fill_(masked, -torch.inf)
    z, work = torch.zeros_like(boundary), y.new_empty(2, *y.shape)
    alpha, derived = work
    tolerance = torch.finfo(z.dtype).eps
    for _ in range(MAX_STEPS):
        torch.sub(y, z, out=alpha).sigmoid_()
        torch.addcmul(alpha, alpha, alpha, value=-1, out=derived)
        shown, slope = work.sum(-1, keepdim=True)
        left = size - shown
        value = (shown * odds).div_(left).log_()
        step = left.mul_(shown).mul_(value).div_(slope * size)
        z += step
        found = value.mul_(step) <= tolerance
        if found.all():
            break
    torch.sub(y, z, out=out).mul_(sign).sigmoid_()
    if masked is not None and most.any():
        out.masked_fill_(masked, 0)
    found &= slope >= (shown - EXACT).mul_(SHARPEST).maximum(shown * FLATTEST)
    return boundary, z.mul_(sign), ~(found & (z.abs() < REACHED))[..., 0]


def _start(scores, masked, size, share, odds, sign, tau):
    """Where the threshold would be if the scores were normally distributed.

    But not further from the mean than where all scores were as the outermost.
    """
    there = scores if masked is None else scores.masked_fill(masked, 0)
    mean = there.sum(-1, keepdim=True).div_(size)
    centred = scores - mean
    high = centred.amax(-1, keepdim=True)
    if masked is not None:
        centred.masked_fill_(masked, 0)
    low = centred.amin(-1, keepdim=True)
    variance = centred.square_().sum(-1, keepdim=True).div_(size)
    width = (variance + LOGISTIC_VARIANCE * tau.square()).sqrt_()
    outermost = torch.where(sign > 0, high, -low) + tau * odds.log()
    away = torch.minimum(width * -torch.special.ndtri(share).to(scores), outermost)
    return mean + sign * away
