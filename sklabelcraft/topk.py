"""The differentiable top-k: which entries of a list would be shown, softly."""

import math

import numpy as np
import torch

from sklabelcraft._sorted_anchors import SortedTopK
from sklabelcraft._two_anchor import CHUNK, TwoAnchorTopK

METHODS = ("two_anchor", "sorted")
PADDING = 4  # times the scores, at most, that ragged lists are padded to


def soft_topk(
    scores,
    k,
    *,
    temperature=None,
    epsilon=None,
    method="two_anchor",
    mask=None,
    lengths=None,
):
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
        Number of entries to show, one for all lists or one per list; it need not be
        whole.
    temperature : float, default=None
        The softness tau, in units of the scores; towards 0 the result is the hard
        top-k, in which ties at the boundary share equally.
    epsilon : float, default=None
        Instead of `temperature`, the softness relative to the largest transport cost
        of each list: tau = epsilon max(s^2, (s - 1)^2) / 2, as in [1]_; with
        ``method="sorted"`` the 1 is a k.
    method : {"two_anchor", "sorted"}, default="two_anchor"
        "sorted" transports the scores onto k + 1 anchors instead, one for each shown
        rank and one for the rest, as LabelCraft's published code does, but to
        convergence. It takes one whole k for all lists.
    mask : bool tensor or ndarray of the shape of `scores`, default=None
        Entries that take part; the others are as ``-inf``.
    lengths : array-like of int, default=None
        Lengths of ragged lists that lie one after the other in one-dimensional
        `scores`, which are the differences of CSR offsets. The numbers are those of
        the padded form; the cost is that of the scores, however unequal the lists.

    Returns
    -------
    tensor or ndarray of the shape of `scores`
        Between 0 and 1, summing to min(k, number of entries) in each list. A list of
        at most k entries is shown whole; for k <= 0 nothing is shown.

    Raises
    ------
    ValueError
        If a score is NaN or +inf, the temperature or epsilon not a positive number, or
        the method unknown.

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
    options = {"temperature": temperature, "epsilon": epsilon, "method": method}
    if not torch.is_tensor(scores):
        values = torch.as_tensor(np.asarray(scores))
        values = values if values.is_floating_point() else values.double()
        return soft_topk(values, k, mask=mask, lengths=lengths, **options).numpy()
    _check_options(**options)
    if mask is not None:
        mask = torch.as_tensor(mask, device=scores.device)
        scores = scores.masked_fill(~mask, -torch.inf)
    if lengths is not None:
        return _ragged(scores, k, torch.as_tensor(lengths), options)
    k = torch.as_tensor(k, dtype=torch.float64, device=scores.device)
    k_of_list = k.expand(scores.shape[:-1]).reshape(-1, 1)
    lists = scores.reshape(len(k_of_list), scores.shape[-1])
    masked = _has_masked(lists.detach())
    anchor = k_of_list if method == "sorted" else 1
    tau = _tau(lists.detach(), temperature, epsilon, anchor)
    if method == "sorted":
        alpha = SortedTopK.apply(lists, _whole(k), tau)
    else:
        alpha = TwoAnchorTopK.apply(lists, k_of_list, tau, masked)
    return alpha.reshape(scores.shape)


def _check_options(method, **softness):
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
    given = {name: value for name, value in softness.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"give either temperature or epsilon, got {given or 'none'}.")
    for name, value in given.items():
        if not 0 < value < float("inf"):
            raise ValueError(f"{name} must be a positive number, got {value!r}.")


def _has_masked(lists):
    """Whether any entry may be -inf; an error if one is NaN or +inf."""
    if math.isfinite(lists.sum()):
        return False
    if lists.isnan().any() or (lists == torch.inf).any():
        raise ValueError("scores must be finite or -inf (masked), got NaN or +inf.")
    return True


def _whole(k):
    """The one whole k of the sorted method."""
    if k.ndim > 0 or k != k.round():
        raise ValueError(f"method='sorted' takes one whole k, got {k.tolist()}.")
    return int(k)


def _tau(lists, temperature, epsilon, anchor):
    """The temperature of each list, (L, 1), as a normal number of its precision."""
    if temperature is None:
        finite = lists.masked_fill(lists == -torch.inf, 0).double()
        low, high = torch.aminmax(finite, dim=1, keepdim=True)
        cost = torch.maximum(high.square(), (low - anchor).square())
        temperature = epsilon * cost / 2
    tau = torch.as_tensor(temperature, dtype=torch.float64, device=lists.device)
    limits = torch.finfo(lists.dtype)
    return tau.clamp(limits.tiny, limits.max).to(lists.dtype).expand(len(lists), 1)


def _ragged(scores, k, lengths, options):
    """Solve lists that lie one after the other, long and short ones apart."""
    if scores.ndim != 1 or int(lengths.sum()) != len(scores):
        raise ValueError(
            f"lengths must add up to the number of scores, got {int(lengths.sum())} "
            f"and scores of shape {tuple(scores.shape)}."
        )
    if len(scores) == 0:
        return scores
    longest = int(lengths.max())
    if len(lengths) * longest <= max(CHUNK, PADDING * len(scores)):
        return _padded(scores, k, lengths, options)
    k = torch.as_tensor(k)
    alpha = torch.empty_like(scores)
    long = PADDING * lengths > longest
    for group in (long, ~long):
        inside = group.repeat_interleave(lengths).to(scores.device)
        k_of_group = k if k.ndim == 0 else k[group.to(k.device)]
        found = _ragged(scores[inside], k_of_group, lengths[group], options)
        alpha = alpha.masked_scatter(inside, found)
    return alpha


def _padded(scores, k, lengths, options):
    """Pad the lists to the longest, solve, and take the padding away."""
    places = torch.arange(int(lengths.max()), device=lengths.device)
    inside = (places < lengths[:, None]).to(scores.device)
    padded = scores.new_full(inside.shape, -torch.inf)
    padded = padded.masked_scatter(inside, scores)
    return soft_topk(padded, k, **options)[inside]
