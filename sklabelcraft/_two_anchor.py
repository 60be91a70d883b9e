"""The soft top-k on two anchors: sigmoid((s - t) / tau), with t from sum alpha = k."""

import math

import numpy as np
import torch

CHUNK = 2**18  # scores at a time, so that what is computed stays in the cache
BLOCK = 256  # scores sorted at a time: short sorts are the fastest
REACH = 8  # ranks on either side of the boundary that are looked at first
MAX_NEWTON_STEPS = 60
LONGEST_STEP = 8.0  # in units of the temperature
FEW = 4  # less than 1 / FEW of the lists left to solve are solved on their own


class TwoAnchorTopK(torch.autograd.Function):
    """Soft top-k of each row of `scores`, (L, n), with k and tau of shape (L, 1).

    `masked` tells whether entries may be -inf.
    """

    @staticmethod
    def forward(ctx, scores, k, tau, masked):
        alpha = torch.empty_like(scores)
        size = torch.full_like(k, scores.shape[1])
        if masked:
            size = (scores > -torch.inf).sum(1, keepdim=True)
        boundary, z = _thresholds(scores, k, tau, size)
        for part in chunks(scores, boundary, tau, z, alpha):
            score, centre, width, threshold, out = part
            torch.sub(score, centre, out=out).div_(width).sub_(threshold).sigmoid_()
        trivial = ((k <= 0) | (k >= size))[:, 0]
        if trivial.any():
            shown = (scores[trivial] > -torch.inf) & (k[trivial] > 0)
            alpha[trivial] = shown.to(alpha)
        ctx.save_for_backward(alpha, tau)
        return alpha

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        gradient = torch.empty_like(grad)
        work = None
        for alpha, tau, part, out in chunks(*ctx.saved_tensors, grad, gradient):
            work = torch.empty_like(part) if work is None else work[: len(part)]
            slope = torch.addcmul(alpha, alpha, alpha, value=-1, out=work)
            total = slope.sum(1, keepdim=True)
            mean = torch.mul(slope, part, out=out).sum(1, keepdim=True)
            mean /= total.where(total > 0, 1)
            out.addcmul_(slope, mean, value=-1).div_(tau)
        return gradient, None, None, None


def chunks(*tensors):
    """The tensors, one row per list, in parts of whole lists."""
    n = max(tensor.shape[1] for tensor in tensors)
    return zip(*(t.split(max(1, CHUNK // max(1, n))) for t in tensors), strict=True)


def _thresholds(scores, k, tau, size):
    """Boundary score and threshold z of each list, (L, 1).

    They are 0 where nothing or everything is shown.
    """
    solve = ((k > 0) & (k < size))[:, 0]
    if solve.all():
        return _threshold(scores, k, tau, REACH)
    boundary, z = torch.zeros(2, *tau.shape).to(tau)
    found = _threshold(scores[solve], k[solve], tau[solve], REACH)
    boundary[solve], z[solve] = found
    return boundary, z


def _threshold(scores, k, tau, reach):
    """The boundary score and, counted from it in units of tau, the threshold z.

    Only entries within `reach` ranks of the boundary are looked at. Lists where that
    was too few, because more of them have an indicator between 0 and 1, look further.
    """
    n, m, lists = scores.shape[1], k.floor().long(), max(1, CHUNK // (2 * reach))
    if len(m) == 0:
        return torch.zeros_like(tau), torch.zeros_like(tau)
    if len(m) > lists:
        parts = zip(*(x.split(lists) for x in (scores, k, tau)), strict=True)
        found = [_threshold(*part, reach) for part in parts]
        return [torch.cat(values) for values in zip(*found, strict=True)]
    least, most = int(m.min()), int(m.max())
    first, last = least - reach, most + reach
    ordered = largest(scores, min(n, last))
    boundary = ordered.gather(1, k.ceil().long() - 1)
    y = ((ordered[:, max(0, first) :] - boundary) / tau).T.contiguous()
    top = torch.arange(max(0, first), min(n, last), device=y.device)[:, None]
    top = top < (m.T if least < most else most)
    z = _newton(y, top, (k - m).T.to(y))
    far = 1 - math.log(torch.finfo(y.dtype).eps) + math.log(n)
    short = ((y[:1] < z + far) & (first > 0)) | ((y[-1:] > z - far) & (last < n))
    z = z.T.contiguous()
    if short.any():
        rows = short[0]
        reach = 4 * reach if rows.sum() < len(rows) / FEW else n
        further = _threshold(scores[rows], k[rows], tau[rows], reach)
        boundary[rows], z[rows] = further
    return boundary, z


def largest(scores, w):
    """The `w` largest of each row in descending order, (L, w).

    On the CPU by rounds of short sorts, of which each keeps the w largest.
    """
    if scores.device.type != "cpu":
        return scores.topk(w, sorted=True).values
    found = [_sorted_blocks(part.numpy(), w) for (part,) in chunks(scores)]
    return torch.from_numpy(np.concatenate(found))


def _sorted_blocks(values, w):
    block = max(BLOCK, 4 * w)
    while values.shape[1] > block:
        even = values.shape[1] // block * block
        blocks = np.sort(values[:, :even].reshape(len(values), -1, block))[..., -w:]
        kept = blocks.reshape(len(values), -1)
        values = np.concatenate([kept, values[:, even:]], axis=1)
    return np.sort(values)[:, : -w - 1 : -1]


def _newton(y, top, rest_part):
    """Root of h(z) = log A - log(B + r), for lists in columns, (W, L).

    A sums sigmoid(y - z) over the rest and B sums sigmoid(z - y) over the top, the
    floor(k) largest, so that A - B - r = sum(alpha) - k, with r = k - floor(k), is free
    of cancellation. h falls in z; it starts half-way between the top and the rest.
    """
    sign = torch.where(top, -1.0, 1.0).to(y).expand_as(y)
    z = y.masked_fill(top, -torch.inf).amax(0, keepdim=True) / 2
    return _iterate(y, z, sign, rest_part)


def _iterate(y, z, sign, rest_part):
    work = torch.empty(3, *y.shape).to(y)
    low, high = torch.full_like(z, -torch.inf), torch.full_like(z, torch.inf)
    near = torch.finfo(y.dtype).eps ** 0.5  # from where a last step is exact
    for _ in range(MAX_NEWTON_STEPS):
        value, slope = _imbalance(y, z, sign, rest_part, work)
        low, high = z.where(value > 0, low), z.where(value < 0, high)
        moved = z + (value / slope).clamp(-LONGEST_STEP, LONGEST_STEP)
        inside = (moved >= low) & (moved <= high)  # at an end it has converged
        z = moved.where(inside, (low + high) / 2)
        left = (value.abs() > near)[0]
        n_left = int(left.sum())
        if n_left == 0:
            break
        if n_left < len(left) / FEW:
            columns = left.nonzero()[:, 0]
            z[:, columns] = _iterate(*(x[:, columns] for x in (y, z, sign, rest_part)))
            break
    return z


def _imbalance(y, z, sign, rest_part, work):
    """h and minus its slope; h is 0 where no entry is between 0 and 1, to precision."""
    part, curve, signed = work
    eps = torch.finfo(y.dtype).eps
    torch.sub(y, z, out=part).mul_(sign)
    torch.threshold_(part, 2 * math.log(eps), -torch.inf).sigmoid_()  # no subnormals
    torch.addcmul(part, part, part, value=-1, out=curve)
    rest, top = _split(part, sign, signed)
    rest_slope, top_slope = _split(curve, sign, signed)
    top = top + rest_part
    soft = torch.maximum(rest, top) > eps
    rest, top = rest.clamp(min=eps**2), top.clamp(min=eps**2)
    slope = rest_slope / rest + top_slope / top
    return torch.log(rest / top).where(soft, 0), slope.where(soft, 1)


def _split(values, sign, work):
    """Sums over the rest (sign 1) and over the top (sign -1)."""
    total = values.sum(0, keepdim=True)
    difference = torch.mul(values, sign, out=work).sum(0, keepdim=True)
    return (total + difference) / 2, (total - difference) / 2
