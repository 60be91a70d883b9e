"""The soft top-k on two anchors: sigmoid((s - t) / tau), with t from sum alpha = k."""

import math

import numpy as np
import torch

CHUNK = 2**18  # scores at a time, so that what is computed stays in the cache
BLOCK = 256  # scores sorted at a time: short sorts are the fastest
REACH = 16  # ranks on either side of the boundary that are looked at first
MAX_NEWTON_STEPS = 60
TOLERANCE = {torch.float32: 1e-9, torch.float64: 8e-15}  # of z, solved in float64
LONGEST_STEP = 8.0  # in units of the temperature


class TwoAnchorTopK(torch.autograd.Function):
    """Soft top-k of each row of `scores`, (L, n), with k and tau of shape (L, 1)."""

    @staticmethod
    def forward(ctx, scores, k, tau):
        alpha = torch.empty_like(scores)
        size = max(1, CHUNK // max(1, scores.shape[1]))
        parts = zip(*(x.split(size) for x in (scores, k, tau, alpha)), strict=True)
        for part, part_k, part_tau, out in parts:
            _solve(part, part_k, part_tau, out)
        ctx.save_for_backward(alpha, tau)
        return alpha

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        gradient = torch.empty_like(grad)
        tensors = (*ctx.saved_tensors, grad, gradient)
        size = max(1, CHUNK // max(1, grad.shape[1]))
        for alpha, tau, part, out in zip(
            *(x.split(size) for x in tensors), strict=True
        ):
            slope = torch.addcmul(alpha, alpha, alpha, value=-1)
            total = slope.sum(1, keepdim=True)
            mean = (slope * part).sum(1, keepdim=True) / total.where(total > 0, 1)
            torch.sub(part, mean, out=out).mul_(slope).div_(tau)
        return gradient, None, None


def _solve(scores, k, tau, out):
    """Fill `out` with the indicator of each row; the trivial rows are set apart."""
    n = scores.shape[1]
    size = scores.new_full((), n)
    if not torch.isfinite(scores.sum()):  # there may be masked entries
        size = (scores > -torch.inf).sum(1, keepdim=True)
    trivial = (k <= 0) | (k >= size)
    if not trivial.any():
        _fill(scores, k, tau, out)
        return
    out.copy_((scores > -torch.inf) & (k > 0))
    rest = ~trivial[:, 0]
    if rest.any():
        solved = torch.empty_like(scores[rest])
        _fill(scores[rest], k[rest], tau[rest], solved)
        out[rest] = solved


def _fill(scores, k, tau, out):
    boundary, z = _threshold(scores, k, tau, REACH)
    torch.sub(scores, boundary, out=out).div_(tau).sub_(z).sigmoid_()


def _threshold(scores, k, tau, reach):
    """The boundary score and, counted from it in units of tau, the threshold z.

    Only entries within `reach` ranks of the boundary are looked at; rows where that
    was too few, because more of them have an indicator between 0 and 1, look further.
    """
    n = scores.shape[1]
    m = k.floor().long()
    first = max(0, int(m.min()) - reach)
    last = min(n, int(m.max()) + reach)
    ordered = largest(scores, last)
    boundary = ordered.gather(1, k.ceil().long() - 1)
    y = (ordered[:, first:] - boundary).double() / tau
    top = torch.arange(first, last, device=y.device)[:, None] < m.T
    tolerance = TOLERANCE.get(scores.dtype, 1e-8)
    z = _newton(y.T.contiguous(), top, (k - m).T.double(), tolerance).T
    far = -math.log(torch.finfo(scores.dtype).eps) + 1 + math.log(n)
    short = torch.zeros_like(m, dtype=torch.bool)
    if first > 0:
        short |= y[:, :1] < z + far
    if last < n:
        short |= y[:, -1:] > z - far
    z = z.to(scores.dtype)
    if short.any():
        rows = short[:, 0]
        boundary[rows], z[rows] = _threshold(
            scores[rows], k[rows], tau[rows], 4 * reach
        )
    return boundary, z


def largest(scores, w):
    """The `w` largest of each row in descending order, (L, w).

    On the CPU by rounds of short sorts, of which each keeps the w largest.
    """
    if scores.device.type != "cpu":
        return scores.topk(w, sorted=True).values
    values, block = scores.numpy(), max(BLOCK, 4 * w)
    while values.shape[1] > block:
        even = values.shape[1] // block * block
        blocks = np.sort(values[:, :even].reshape(len(values), -1, block))[..., -w:]
        kept = blocks.reshape(len(values), -1)
        values = np.concatenate([kept, values[:, even:]], axis=1)
    return torch.from_numpy(np.sort(values)[:, : -w - 1 : -1].copy())


def _newton(y, top, rest_part, tolerance):
    """Root of h(z) = log A - log(B + r), for lists in columns, (W, L).

    A sums sigmoid(y - z) over the rest and B sums sigmoid(z - y) over the top, the
    floor(k) largest, so that A - B - r = sum(alpha) - k, with r = k - floor(k), is free
    of cancellation. h falls in z; it starts half-way between the top and the rest.
    """
    sign = torch.where(top, -1.0, 1.0).to(y)
    z = y.where(~top, -torch.inf).amax(0, keepdim=True) / 2
    low, high = torch.full_like(z, -torch.inf), torch.full_like(z, torch.inf)
    for _ in range(MAX_NEWTON_STEPS):
        value, slope = _imbalance(y - z, sign, rest_part)
        if (value.abs() <= tolerance).all():
            break
        low, high = z.where(value > 0, low), z.where(value < 0, high)
        step = (value / slope).clamp(-LONGEST_STEP, LONGEST_STEP)
        moved = z + step
        inside = (moved >= low) & (moved <= high)  # at an end it has converged
        moved = moved.where(inside, (low + high) / 2)
        z = moved
    return z


def _imbalance(x, sign, rest_part):
    """h and minus its slope; 0 where nothing lies between 0 and 1."""
    part = torch.sigmoid(sign * x)
    curve = torch.addcmul(part, part, part, value=-1)
    total, difference = part.sum(0, keepdim=True), (sign * part).sum(0, keepdim=True)
    a, b = (total + difference) / 2, (total - difference) / 2 + rest_part
    total, difference = curve.sum(0, keepdim=True), (sign * curve).sum(0, keepdim=True)
    slope = (total + difference) / (2 * a) + (total - difference) / (2 * b)
    value = torch.log(a / b)
    exists = (a > 0) & (b > 0)
    return value.where(exists, 0), slope.where(exists, 1)
