"""The differentiable top-k: which entries of a list would be shown, softly."""

import numpy as np
import torch
from torch.nn.functional import logsigmoid

MAX_NEWTON_STEPS = 100


def soft_topk(scores, k, *, temperature, mask=None, lengths=None):
    r"""Soft indicator of the `k` largest scores of each list.

    Entropic optimal transport of a list's n scores onto two anchors, "left out" with
    mass (n - k) / n and "shown" with mass k / n [1]_, has the closed form

    .. math:: \alpha_i = \operatorname{sigmoid}((s_i - t) / \tau),

    with the one threshold t per list at which the indicator sums to k. It is found by
    a bracketed Newton iteration to machine precision, and differentiated implicitly.

    Parameters
    ----------
    scores : tensor or ndarray of shape (..., n) or (n_total,)
        One list per row; with `lengths`, all lists one after the other. An entry of
        ``-inf`` takes no part: its indicator and its gradient are exactly 0.
    k : float or array-like of shape (...)
        Number of entries to show, one for all lists or one per list.
    temperature : float
        The softness tau, in units of the scores; towards 0 the result is the hard
        top-k, in which ties at the boundary share equally.
    mask : bool tensor or ndarray of the shape of `scores`, default=None
        Entries that take part; the others are as ``-inf``.
    lengths : array-like of int, default=None
        Lengths of ragged lists that lie one after the other in one-dimensional
        `scores`. The numbers are those of the padded form.

    Returns
    -------
    tensor or ndarray of the shape of `scores`
        Between 0 and 1, summing to min(k, number of entries) in each list. A list of
        at most k entries is shown whole; for k <= 0 nothing is shown.

    Raises
    ------
    ValueError
        If a score is NaN or +inf, or the temperature not a positive number.

    References
    ----------
    .. [1] Xie et al., "Differentiable Top-k with Optimal Transport", NeurIPS 2020,
       Eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklabelcraft import soft_topk
    >>> soft_topk(np.array([3.0, 2.0, 1.0]), 1, temperature=0.5).round(3)
    array([0.709, 0.248, 0.043])
    """
    if not torch.is_tensor(scores):
        values = torch.as_tensor(np.asarray(scores))
        values = values if values.is_floating_point() else values.double()
        kind = {"temperature": temperature, "mask": mask, "lengths": lengths}
        return soft_topk(values, k, **kind).numpy()
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature must be a positive number, got {temperature!r}.")
    if mask is not None:
        scores = scores.masked_fill(~torch.as_tensor(mask), -torch.inf)
    if torch.isnan(scores).any() or (scores == torch.inf).any():
        raise ValueError("scores must be finite or -inf (masked), got NaN or +inf.")
    if lengths is not None:
        return _ragged(scores, k, temperature, torch.as_tensor(lengths))
    k = torch.as_tensor(k, dtype=scores.dtype, device=scores.device)
    k = k.expand(scores.shape[:-1])
    lists = scores.reshape(k.numel(), scores.shape[-1])
    return _SoftTopK.apply(lists, k.reshape(-1), temperature).reshape(scores.shape)


def _ragged(scores, k, temperature, lengths):
    """Pad the lists, solve, and take the padding away."""
    if scores.ndim != 1 or int(lengths.sum()) != len(scores):
        raise ValueError(
            f"lengths must add up to the number of scores, got {int(lengths.sum())} "
            f"and scores of shape {tuple(scores.shape)}."
        )
    if len(scores) == 0:
        return scores
    inside = torch.arange(int(lengths.max())) < lengths[:, None]
    inside = inside.to(scores.device)
    padded = scores.new_full(inside.shape, -torch.inf)
    padded = padded.masked_scatter(inside, scores)
    return soft_topk(padded, k, temperature=temperature)[inside]


class _SoftTopK(torch.autograd.Function):
    """alpha = sigmoid((s - t) / tau) with t from sum alpha = k, for each row."""

    @staticmethod
    def forward(ctx, scores, k, temperature):
        alpha = torch.zeros_like(scores)
        size = (scores > -torch.inf).sum(-1)
        whole = size <= k
        alpha[whole] = (scores[whole] > -torch.inf).to(scores)
        solve = ~whole & (k > 0)
        if solve.any():
            alpha[solve] = _solve(scores[solve], k[solve], temperature)
        ctx.save_for_backward(alpha)
        ctx.temperature = temperature
        return alpha

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (alpha,) = ctx.saved_tensors
        slope = alpha * (1 - alpha)
        total = slope.sum(-1, keepdim=True)
        mean = (slope * grad).sum(-1, keepdim=True) / total.where(total > 0, 1)
        return slope * (grad - mean) / ctx.temperature, None, None


def _solve(scores, k, temperature):
    """Newton on log A(z) - log(B(z) + r): what the rest gets is what the top lacks.

    With m = floor(k) the m largest are the top, r = k - m, and z is the threshold in
    units of the temperature, counted from the ceil(k)-th largest score: A sums
    sigmoid(y - z) over the rest and B sums sigmoid(z - y) over the top, so that
    A - B - r = sum(alpha) - k without cancellation.
    """
    ordered = scores.sort(dim=-1, descending=True).values
    m = k.floor().long()[:, None]
    boundary = ordered.gather(-1, k.ceil().long()[:, None] - 1)
    y = (ordered - boundary) / temperature
    top = torch.arange(y.shape[-1], device=y.device) < m
    rest_part = k[:, None] - m
    z = _bracketed_newton(y, top, rest_part, k[:, None])
    return torch.sigmoid((scores - boundary) / temperature - z)


def _bracketed_newton(y, top, rest_part, k):
    size = (y > -torch.inf).sum(-1, keepdim=True)
    centre = torch.log(k) - torch.log(size - k)
    low = y.where(y > -torch.inf, torch.inf).amin(-1, keepdim=True) - centre
    high = y.amax(-1, keepdim=True) - centre
    low, high = torch.minimum(low, high), torch.maximum(low, high)
    z = (y.where(~top, -torch.inf).amax(-1, keepdim=True) / 2).clamp(low, high)
    for _ in range(MAX_NEWTON_STEPS):
        value, slope, rounding = _imbalance(y, z, top, rest_part)
        if (value.abs() <= rounding).all():
            break
        low, high = z.where(value > 0, low), z.where(value < 0, high)
        step = z - value / slope
        inside = (step >= low) & (step <= high)  # at an end it has converged
        z = step.where(inside, (low + high) / 2)
    return z


def _imbalance(y, z, top, rest_part):
    """h(z) = log A - log(B + r), falling in z, its derivative, its rounding error."""
    rest_log = logsigmoid(y - z).where(~top, -torch.inf)
    top_log = logsigmoid(z - y).where(top, -torch.inf)
    top_log = torch.cat([top_log, torch.log(rest_part)], -1)
    rest_total = rest_log.logsumexp(-1, keepdim=True)
    top_total = top_log.logsumexp(-1, keepdim=True)
    rest_share = (rest_log - rest_total).exp()
    top_share = (top_log - top_total).exp()[:, :-1]
    slope = (rest_share * torch.sigmoid(z - y)).sum(-1, keepdim=True)
    slope = slope + (top_share * torch.sigmoid(y - z)).sum(-1, keepdim=True)
    size = 1 + z.abs() + rest_total.abs() + top_total.abs()
    return rest_total - top_total, -slope, 4 * torch.finfo(y.dtype).eps * size
