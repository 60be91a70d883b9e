"""What autograd.Functions need under the transforms of ``torch.func``."""

from functools import wraps

import torch
from torch.autograd import forward_ad


def is_plain(tensor):
    """Whether a tensor is none that stands for another, as under a transform.

    Nor one for a batch of gradients, as ``torch.autograd.grad(is_grads_batched=True)``
    has it.
    """
    return torch._C._has_storage(tensor)


def forward_again(jvp):
    """A ``jvp`` whose result has a derivative in forward mode, too.

    Else torch would take that for 0 (pytorch issue 197867). Instead of a context it
    takes the saved tensors, without their tangents of the level at hand.
    """

    @wraps(jvp)
    def again(ctx, *along):
        saved = [x if x is None else _primal(x) for x in ctx.saved_tensors]
        with forward_ad._set_fwd_grad_enabled(True):
            return jvp(saved, *along)

    return again


def _primal(tensor):
    return forward_ad.unpack_dual(tensor).primal


def over_lists(function, info, in_dims, *given):
    """Apply `function` to the lists of all examples at once: they are only more lists.

    Parameters
    ----------
    function : type of autograd.Function
        Takes tensors with one row per list, None and flags; returns a tuple of tensors
        with one row per list.
    info, in_dims, *given
        What ``vmap`` hands over.

    Returns
    -------
    tuple of tensor, tuple of int
        The results and where their batches lie, as ``vmap`` asks for.
    """
    size = info.batch_size
    sizes = size, given[0].shape[int(in_dims[0] == 0)]
    pairs = zip(given, in_dims, strict=True)
    rows = [_rows(x, d, size) if torch.is_tensor(x) else x for x, d in pairs]
    found = function.apply(*rows)
    return tuple(x.unflatten(0, sizes) for x in found), (0,) * len(found)


def _rows(tensor, dim, size):
    """The rows of all examples one after the other."""
    if dim is None:
        tensor = tensor.expand(size, *tensor.shape)
    else:
        tensor = tensor.movedim(dim, 0)
    return tensor.flatten(0, 1)
