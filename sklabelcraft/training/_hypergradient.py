"""The exact gradient of the platform's objective in the labels, one step ahead."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp

from sklabelcraft._torch import forward_mode
from sklabelcraft.training._derivable import Derivable
from sklabelcraft.training._distributed import ALONE

TOLERANCE = 0.01  # above what products in bfloat16 leave


def label_gradient(
    score: Callable[..., Any],
    theta: dict[str, Tensor],
    logits: Tensor,
    loss: Callable[..., Any],
    labels: Tensor,
    objective: Callable[..., Any],
    step: Callable[..., Any],
    mean: Callable[..., Any] = torch.mean,
    total: Callable[..., Any] = ALONE.total,
) -> Tensor:
    r"""Gradient in the labels of the objective after one step of the ranker on them.

    The step leads to theta' = c - D grad_theta mean loss(z, g), with c and the diagonal
    D held constant. With v = D grad M(theta') and z' = J_z v the derivative of the
    logits along v,

    .. math:: dM / dg_b = - \frac{1}{B} \, \partial_g \partial_z \ell(z_b, g_b) \, z'_b

    so one backward pass for v and one forward-mode derivative of the ranker give it,
    without a second-order graph.

    Parameters
    ----------
    score : callable
        Maps parameters theta, a dict of tensors, to the logits of the training batch.
    theta : dict of tensor
        The ranker's parameters by name, each with ``requires_grad``; of the embedding
        tables perhaps only the rows that the batches touch.
    logits : tensor of shape (B, n_outputs)
        ``score(theta)``, with its graph, which is kept.
    loss : callable
        Pointwise, ``loss(logits, labels)`` of the shape of `logits`.
    labels : tensor of shape (B, n_outputs)
        The crafted labels g.
    objective : callable
        Maps the parameters theta', a dict of tensors, to a scalar to be raised.
    step : callable
        Maps theta and its gradient, both dicts of tensors, to theta' and D, as
        :meth:`~sklabelcraft.training.RowOptimizer.propose` does.
    mean, total : callable
        Where the rows are a part of those of a step: maps what was computed of each row
        to its share in the mean over all of them, and sums a list of tensors over the
        parts, as :class:`~sklabelcraft.training.Processes` does.

    Returns
    -------
    tensor of the shape of `labels`
        The gradient of the objective in each label.
    """
    value = mean(loss(logits, labels.detach()))
    gradients = gradients_in(theta, value, retain_graph=True)
    gradients = by_name(gradients, total(list(gradients.values()), "gradients"))
    theta = {name: value.detach() for name, value in theta.items()}
    stepped, rates = step(theta, gradients)
    stepped = {name: value.requires_grad_() for name, value in stepped.items()}
    ascent = gradients_in(stepped, objective(stepped))
    ascent = by_name(ascent, total(list(ascent.values()), "slopes of the objective"))
    direction = {name: rates[name] * ascent[name] for name in theta}
    logits_along = derivative_along(score, theta, direction)
    return _contract(loss, logits.detach(), labels.detach(), logits_along, mean)


def by_name(names, values):
    """Values in the order of some names as a dict."""
    return dict(zip(names, values, strict=True))


def gradients_in(theta, value, retain_graph=False):
    """Gradients of a scalar in a dict of tensors, of which some may not matter."""
    gradients = torch.autograd.grad(
        value, list(theta.values()), retain_graph=retain_graph, materialize_grads=True
    )
    dense = [g.to_dense() if g.is_sparse else g for g in gradients]
    return by_name(theta, dense)


def derivative_along(score, theta, direction):
    """Derivative J v of ``score`` at theta along a direction v.

    By forward mode or, where an operation has none, by two passes of reverse mode.

    Raises
    ------
    ValueError
        If an operation can be derived neither way.
    """
    try:
        with forward_mode():
            return jvp(score, (theta,), (direction,))[1]
    except RuntimeError as error:
        forwards = error
    try:
        with Derivable():
            return _by_reverse_mode(score, theta, direction)
    except RuntimeError as backwards:
        raise ValueError(
            "the network has an operation that torch can derive neither forwards "
            f"({_first_line(forwards)}) nor twice backwards "
            f"({_first_line(backwards)}), so that no label can be learned through it; "
            "it can still be trained on a finished label."
        ) from backwards


def _by_reverse_mode(score, theta, direction):
    """J v as the gradient in u of <J' u, v>, which is <u, J v> as well."""
    theta = {name: value.detach().requires_grad_() for name, value in theta.items()}
    logits = score(theta)
    ones = torch.ones_like(logits, requires_grad=True)
    pulled = torch.autograd.grad(
        logits, list(theta.values()), ones, create_graph=True, materialize_grads=True
    )
    pairs = zip(pulled, direction.values(), strict=True)
    products = [gradient * along for gradient, along in pairs]
    cut = any(product.any() and _is_cut(product, ones) for product in products)
    inner = sum(product.sum() for product in products)
    (logits_along,) = torch.autograd.grad(inner, ones, materialize_grads=True)
    size = sum(product.abs().sum() for product in products)
    if cut or (inner - logits_along.sum()).abs() > TOLERANCE * size:
        raise RuntimeError("the derivative of an operation has no derivative itself")
    return logits_along


def _is_cut(product, ones):
    """Whether torch lost on the way that it depends on `ones`, as all these do."""
    if not product.requires_grad:
        return True
    options = {"retain_graph": True, "allow_unused": True}
    (slope,) = torch.autograd.grad(product.sum(), ones, **options)
    return slope is None


def _first_line(error):
    return str(error).strip().splitlines()[0][:200]


def _contract(loss, logits, labels, logits_along, mean):
    """Gradient in the labels of -<grad_theta mean loss, v>."""
    logits, labels = logits.requires_grad_(), labels.requires_grad_()
    (slope,) = torch.autograd.grad(
        loss(logits, labels).sum(), logits, create_graph=True
    )
    return -torch.autograd.grad(mean(slope * logits_along), labels)[0]
