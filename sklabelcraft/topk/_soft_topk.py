"""The differentiable top-k: which entries of a list would be shown, softly."""

import math
from functools import partial
from typing import Any, Literal

import torch
from numpy.typing import ArrayLike
from torch.autograd import forward_ad

from sklabelcraft._numbers import as_array
from sklabelcraft._typing import NumbersLike
from sklabelcraft.topk._inputs import (
    as_k,
    as_lengths,
    as_scores,
    as_softness,
    for_lists,
)
from sklabelcraft.topk._ragged import ragged_topk
from sklabelcraft.topk._sorted_anchors import SortedTopK
from sklabelcraft.topk._two_anchor import TwoAnchorTopK

METHODS = ("two_anchor", "sorted")


def soft_topk(
    scores: NumbersLike,
    k: NumbersLike,
    *,
    temperature: NumbersLike | None = None,
    epsilon: NumbersLike | None = None,
    method: Literal["two_anchor", "sorted"] = "two_anchor",
    mask: NumbersLike | None = None,
    lengths: ArrayLike | None = None,
) -> Any:
    r"""Soft indicator of the `k` largest scores of each list.

    Entropic optimal transport of a list's n scores onto two anchors, "left out" with
    mass (n - k) / n and "shown" with mass k / n [1]_, has the closed form

    .. math:: p_i = \operatorname{sigmoid}((s_i - t) / T),

    with the one threshold t per list at which the indicator sums to k. It is found by
    Newton's method to machine precision, and differentiated implicitly.

    The indicator can be differentiated in the scores, in `k` and in `temperature` or
    `epsilon`, any number of times, in reverse and in forward mode and by the transforms
    of ``torch.func``, ``vmap`` among them. With ``method="sorted"`` it can be
    differentiated once, and not in `k`.

    Parameters
    ----------
    scores : tensor or array-like of shape (..., n) or (n_total,)
        One list per row; with `lengths`, all lists one after the other. An entry of
        ``-inf`` takes no part: its indicator and its gradient are exactly 0. Whole
        numbers and booleans are computed in float64, half precision in float32.
    k : float or array-like of shape (...) or (n_k, ...)
        Number of entries to show, one for all lists or one per list; it need not be
        whole. With further dimensions before those of the lists there are several for
        each, as with ``k[:, None]`` for a matrix of scores, and the result has these
        dimensions, too; what the several share is computed once.
    temperature : float or array-like of shape (...) or (n_k, ...), default=None
        The softness T, in units of the scores, of the same shapes as `k`; towards 0
        the result is the hard top-k, in which ties at the boundary share equally.
    epsilon : float or array-like of shape (...) or (n_k, ...), default=None
        Instead of `temperature`, the softness relative to the largest transport cost
        of each list: T = epsilon max(s^2, (s - 1)^2) / 2, as in [1]_; with
        ``method="sorted"`` the 1 is a k. Derivatives in the scores go through the
        largest cost, too.
    method : {"two_anchor", "sorted"}, default="two_anchor"
        "sorted" transports the scores onto k + 1 anchors instead, one for each shown
        rank and one for the rest, as LabelCraft's published code does, but to
        convergence. It takes one whole k for all lists.
    mask : tensor or array-like of bool of the shape of `scores`, default=None
        Entries that take part, by True or 1; the others are as ``-inf``.
    lengths : array-like of int, default=None
        Lengths of ragged lists that lie one after the other in one-dimensional
        `scores`, which are the differences of CSR offsets. The numbers are those of
        the padded form; the cost is that of the scores, however unequal the lists.

    Returns
    -------
    tensor or ndarray of the shape of `scores`, or (n_k, \*shape)
        Between 0 and 1, summing to min(k, number of entries) in each list. A list of
        at most k entries is shown whole; for k <= 0 nothing is shown. It is a tensor
        where `scores` are one, and of their precision, float64 for whole numbers.

    Raises
    ------
    TypeError
        If an argument is not made of real numbers, or is a sparse tensor.
    ValueError
        If a score is NaN or +inf, k not finite, the temperature or epsilon not a
        positive number, the mask not of zeros and ones, a shape wrong or the method
        unknown; if `k` is to be differentiated with ``method="sorted"``, or any
        argument while `scores` are no tensor.

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
    options: dict[str, Any] = {
        "temperature": temperature,
        "epsilon": epsilon,
        "method": method,
    }
    if not isinstance(scores, torch.Tensor):
        values = torch.from_numpy(as_array(scores, "scores"))
        return _array(soft_topk(values, k, mask=mask, lengths=lengths, **options))
    name, softness = _softness(**options)
    values = as_scores(scores, mask)
    k = as_k(k, method, scores.device)
    softness = as_softness(softness, name, scores.device)
    if name == "temperature":
        softness = _normal(softness, values.dtype)
    solve = partial(_solve, method=method, relative=name == "epsilon")
    if lengths is None:
        shape = values.shape[:-1]
        k, softness, several = for_lists(k, softness, shape, name)
        lists = values.reshape(1, math.prod(shape), values.shape[-1])
        alpha = solve(lists, k, softness)
    else:
        sizes = as_lengths(lengths, values)
        k, softness, several = for_lists(k, softness, sizes.shape, name)
        alpha = ragged_topk(values, sizes, k, softness, solve)
    alpha = alpha.reshape(*several, *values.shape)
    return alpha.to(scores.dtype) if scores.is_floating_point() else alpha


def _softness(method, **softness):
    """Name and value of the one softness that is given; checks the method, too."""
    if not isinstance(method, str) or method not in METHODS:
        raise ValueError(f"method must be one of {list(METHODS)}, got {method!r}.")
    given = {name: value for name, value in softness.items() if value is not None}
    if len(given) != 1:
        raise ValueError(f"give either temperature or epsilon, got {given or 'none'}.")
    return given.popitem()


def _array(alpha):
    """The indicator as an array, which has no derivatives."""
    try:
        array = alpha.numpy()
    except RuntimeError:
        array = None
    if array is None or forward_ad.unpack_dual(alpha).tangent is not None:
        raise ValueError(
            "scores must be a tensor where another argument is differentiated or "
            "batched, got an array."
        )
    return array


def _solve(lists, k, softness, *, method, relative):
    """The soft top-k, (K, L, n), of lists, (1, L, n), for several k, (K, L, 1)."""
    shape = len(k), *lists.shape[1:]
    if 0 in shape:
        return lists.expand(shape).clone()
    if relative:
        cost = _largest_cost(lists, k if method == "sorted" else 1)
        softness = _normal(softness * cost / 2, lists.dtype)
    if method == "sorted":
        flat = (
            lists.expand(shape).flatten(0, 1),
            k.flatten(0, 1),
            softness.flatten(0, 1),
        )
        return SortedTopK.apply(*flat)[0].view(shape)
    return TwoAnchorTopK.apply(lists, k, softness)[0]


def _normal(tau, dtype):
    """A temperature in some precision, as a normal and finite number."""
    limits = torch.finfo(dtype)
    return tau.clamp(limits.tiny, limits.max).to(dtype)


def _largest_cost(lists, anchor):
    """The larger of s^2 and (s - anchor)^2 over each list, (..., L, 1) in float64."""
    fixed = lists.detach()
    high = fixed.amax(-1, keepdim=True)
    low = fixed.where(fixed > -torch.inf, high).amin(-1, keepdim=True)
    is_high = high.double().square() >= (low.double() - anchor).square()
    place = (fixed == high.where(is_high, low)).byte().argmax(-1, keepdim=True)
    score = lists.expand(len(place), -1, -1).gather(-1, place)
    score = score.where(score > -torch.inf, 0).double()  # else all is masked
    return score.where(is_high, score - anchor).square()
