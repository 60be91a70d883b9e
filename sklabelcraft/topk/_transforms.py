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
        Takes tensors with lists along the last but one dimension, None and flags;
        returns a tuple of such tensors.
    info, in_dims, *given
        What ``vmap`` hands over.

    Returns
    -------
    tuple of tensor, tuple of int
        The results and where their batches lie, as ``vmap`` asks for.
    """
    size = info.batch_size
    pairs = zip(given, in_dims, strict=True)
    own = [_examples(x, d, size) if torch.is_tensor(x) else x for x, d in pairs]
    sizes = own[0].shape[-3:-1]
    found = function.apply(
        *(x.flatten(-3, -2) if torch.is_tensor(x) else x for x in own)
    )
    parted = tuple(x.unflatten(-2, sizes) for x in found)
    return parted, tuple(x.ndim - 3 for x in parted)


def _examples(tensor, dim, size):
    """The tensor with its examples in the last dimension before the lists."""
    if dim is not None:
        return tensor.movedim(dim, -3)
    return tensor.unsqueeze(-3).expand(*tensor.shape[:-2], size, *tensor.shape[-2:])
