"""The exact gradient of the platform's objective in the labels, one step ahead."""

import warnings

import torch
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual
from torch.func import functional_call


def label_gradient(module, theta, logits, loss, batch, labels, objective, step):
    r"""Gradient in the labels of the objective after one step of the ranker on them.

    The step leads to theta' = c - D grad_theta mean loss(z, g), with c and the diagonal
    D held constant. With v = D grad M(theta') and z' = J_z v the derivative of the
    logits along v,

    .. math:: dM / dg_b = - \frac{1}{B} \, \partial_g \partial_z \ell(z_b, g_b) \, z'_b

    so one backward pass for v and one forward-mode derivative of the ranker give it,
    without a second-order graph.

    Parameters
    ----------
    module : nn.Module
        The ranker f_theta.
    theta : dict of tensor
        Its parameters by name, each with ``requires_grad``; of the embedding tables
        perhaps only the rows that the batches touch.
    logits : tensor of shape (B, n_outputs)
        ``functional_call(module, theta, (batch,))``, with its graph, which is kept.
    loss : callable
        Pointwise, ``loss(logits, labels)`` of the shape of `logits`.
    batch : Batch
        The training rows.
    labels : tensor of shape (B, n_outputs)
        The crafted labels g.
    objective : callable
        Maps the parameters theta', a dict of tensors, to a scalar to be raised.
    step : callable
        Maps theta and its gradient, both dicts of tensors, to theta' and D, as
        :meth:`~sklabelcraft._optimizers.RowOptimizer.propose` does.

    Returns
    -------
    tensor of the shape of `labels`
        How much the objective rises with each label.
    """
    value = loss(logits, labels.detach()).mean()
    gradients = gradients_in(theta, value, retain_graph=True)
    theta = {name: value.detach() for name, value in theta.items()}
    moved, rates = step(theta, gradients)
    moved = {name: value.requires_grad_() for name, value in moved.items()}
    ascent = gradients_in(moved, objective(moved))
    direction = {name: rates[name] * ascent[name] for name in theta}
    logits_along = _along(module, batch, theta, direction)
    return _contract(loss, logits.detach(), labels.detach(), logits_along)


def gradients_in(theta, value, retain_graph=False):
    """Gradients of a scalar in a dict of tensors, of which some may not matter."""
    gradients = torch.autograd.grad(
        value, list(theta.values()), retain_graph=retain_graph, materialize_grads=True
    )
    return dict(zip(theta, gradients, strict=True))


def _along(module, batch, theta, direction):
    """Derivative of the logits at theta along a direction, by forward mode."""
    with warnings.catch_warnings(), dual_level():
        warnings.filterwarnings("ignore", message="`torch.jit", module="torch")
        pairs = {name: make_dual(p, direction[name]) for name, p in theta.items()}
        logits = functional_call(module, pairs, (batch,))
        return unpack_dual(logits).tangent


def _contract(loss, logits, labels, logits_along):
    """Gradient in the labels of -<grad_theta mean loss, v>."""
    logits, labels = logits.requires_grad_(), labels.requires_grad_()
    (slope,) = torch.autograd.grad(
        loss(logits, labels).sum(), logits, create_graph=True
    )
    inner = (slope * logits_along).sum() / slope.numel()
    return -torch.autograd.grad(inner, labels)[0]
