"""What the soft top-k accepts: one gate per kind of input.

Numbers are looked at inside of :class:`Checked`, where tensors are plain ones also
under the transforms of ``torch.func``.
"""

import math

import numpy as np
import torch

from sklabelcraft._numbers import as_array, as_tensor
from sklabelcraft.topk._transforms import forward_again


class Checked(torch.autograd.Function):
    """A tensor as it is, for which a rule has raised no error."""

    @staticmethod
    def forward(tensor, rule):
        rule(tensor)
        return tensor.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, grad):
        return grad, None

    @staticmethod
    @forward_again
    def jvp(_saved, along, _rule):
        return along.clone()

    @staticmethod
    def vmap(info, in_dims, tensor, rule):
        return Checked.apply(tensor, rule), in_dims[0]


def as_scores(scores, mask):
    """Scores in the precision that they are computed in, -inf where masked."""
    scores = as_tensor(scores, "scores")
    if scores.ndim == 0:
        raise ValueError("scores must be lists of shape (..., n), got a single number.")
    values = scores.resolve_neg()
    if not scores.is_floating_point():
        values = values.double()
    elif scores.dtype != torch.float64:
        values = values.float()
    if mask is None:
        return values
    return values.masked_fill(~_as_mask(mask, scores), -torch.inf)


def _as_mask(mask, scores):
    mask = as_tensor(mask, "mask")
    if mask.shape != scores.shape:
        raise ValueError(
            f"mask must have the shape of scores, {tuple(scores.shape)}, got "
            f"{tuple(mask.shape)}."
        )
    if mask.dtype != torch.bool:
        mask = Checked.apply(mask, _zero_or_one).bool()
    return mask.to(scores.device)


def _zero_or_one(mask):
    _refuse(mask, (mask != 0) & (mask != 1), "mask must be 0 or 1 everywhere")


def as_k(k, method, device):
    """The number of shown entries, as a tensor in float64."""
    return _checked(k, "k", _one_whole if method == "sorted" else _finite, device)


def _finite(k):
    _refuse(k, ~(abs(k) < math.inf), "k must be a finite number")


def _one_whole(k):
    _finite(k)
    if (k % 1 != 0).any() or (k != k.ravel()[:1]).any():
        got = k if k.ndim else k.item()
        raise ValueError(f"method='sorted' takes one whole k, got {got}.")


def as_softness(value, name, device):
    """A temperature, or epsilon, as a tensor in float64."""

    def positive(value):
        refused = ~((value > 0) & (value < math.inf))
        _refuse(value, refused, f"{name} must be a positive number")

    return _checked(value, name, positive, device)


def _checked(values, name, rule, device):
    """Numbers for which a rule has raised no error, as a tensor in float64."""
    if torch.is_tensor(values):
        numbers = as_tensor(values, name).to(device, torch.float64)
        return Checked.apply(numbers, rule)
    single = isinstance(values, float | int) and abs(values) < 1e300
    array = np.float64(values) if single else as_array(values, name)
    rule(array)
    return torch.as_tensor(array, dtype=torch.float64, device=device)


def _refuse(numbers, refused, message):
    """Raise an error that ends with the first refused number, if there is one.

    Of an array or a plain tensor.
    """
    if refused.any():
        raise ValueError(f"{message}, got {numbers[refused].ravel()[0].item()!r}.")


def for_lists(k, softness, shape, name):
    """Numbers for lists of some shape, one or several for each, (K, L, 1).

    Further the shape of the several, by which the result has more dimensions.
    """
    several = ()
    for what, numbers in (("k", k), (name, softness)):
        own = numbers.shape[: max(0, numbers.ndim - len(shape))]
        try:
            numbers.expand((*own, *shape))
            several = np.broadcast_shapes(several, own)
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{what} must be one number, or one for each list and so of shape "
                f"{tuple(shape)}, or several for each with further dimensions before "
                f"these, got shape {tuple(numbers.shape)}."
            ) from error
    size = math.prod(several), math.prod(shape), 1
    k, softness = (x.expand((*several, *shape)).reshape(size) for x in (k, softness))
    return k, softness, several


def as_lengths(lengths, scores):
    """Lengths of ragged lists as whole numbers, int64 of shape (n_lists,)."""
    lengths = as_tensor(lengths, "lengths")
    whole = lengths.to(torch.int64)
    parted = lengths.is_floating_point() and (whole != lengths).any()
    if lengths.dtype == torch.bool or lengths.ndim != 1 or parted:
        raise ValueError(
            "lengths must be a one-dimensional array of whole numbers, got "
            f"{lengths} of shape {tuple(lengths.shape)}."
        )
    if (whole < 0).any():
        raise ValueError(f"lengths must not be negative, got {int(whole.min())}.")
    n = scores.numel()
    if scores.ndim != 1 or (whole > n).any() or int(whole.sum()) != n:
        raise ValueError(
            f"lengths must add up to the number of scores, got {sum(whole.tolist())} "
            f"and scores of shape {tuple(scores.shape)}."
        )
    return whole


def any_masked(lists):
    """Whether any entry may be -inf; an error if one is NaN or +inf."""
    if math.isfinite(lists.sum()):
        return False
    if lists.isnan().any() or (lists == torch.inf).any():
        raise ValueError("scores must be finite or -inf (masked), got NaN or +inf.")
    return True
