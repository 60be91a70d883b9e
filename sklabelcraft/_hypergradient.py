"""The exact gradient of the platform's objective in the labels, one step ahead."""

import warnings

import torch
from torch.func import functional_call, jvp


def label_gradient(module, logits, loss, batch, labels, objective, step):
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
    logits : tensor of shape (B, n_outputs)
        ``module(batch)``, with its graph, which is kept.
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
        :func:`sgd_step` and :func:`adam_step` make it.

    Returns
    -------
    tensor of the shape of `labels`
        How much the objective rises with each label.
    """
    theta = {name: p.detach() for name, p in module.named_parameters()}
    value = loss(logits, labels.detach()).mean()
    gradients = torch.autograd.grad(
        value, list(module.parameters()), retain_graph=True, materialize_grads=True
    )
    moved, rates = step(theta, dict(zip(theta, gradients, strict=True)))
    moved = {name: p.requires_grad_() for name, p in moved.items()}
    ascent = torch.autograd.grad(
        objective(moved), list(moved.values()), materialize_grads=True
    )
    pairs = zip(moved, ascent, strict=True)
    direction = {name: rates[name] * v for name, v in pairs}
    logits_along = _along(module, batch, theta, direction)
    return _contract(loss, logits.detach(), labels.detach(), logits_along)


def _along(module, batch, theta, direction):
    """Derivative of the logits at theta along a direction, by forward mode."""
    with warnings.catch_warnings():  # torch's own, when forward mode is first used
        warnings.filterwarnings("ignore", message="`torch.jit", module="torch")
        return jvp(
            lambda p: functional_call(module, p, (batch,)), (theta,), (direction,)
        )[1]


def _contract(loss, logits, labels, logits_along):
    """Gradient in the labels of -<grad_theta mean loss, v>."""
    logits, labels = logits.requires_grad_(), labels.requires_grad_()
    (slope,) = torch.autograd.grad(
        loss(logits, labels).sum(), logits, create_graph=True
    )
    inner = (slope * logits_along).sum() / slope.numel()
    return -torch.autograd.grad(inner, labels)[0]


def sgd_step(rate, decay=0.0):
    """Make the step of plain gradient descent.

    Parameters
    ----------
    rate : float
        The learning rate eta.
    decay : float, default=0.0
        Share of theta taken away: 2 eta lambda for a term lambda |theta|^2.

    Returns
    -------
    callable
        For :func:`label_gradient`.
    """

    def step(theta, gradients):
        moved = {n: (1 - decay) * p - rate * gradients[n] for n, p in theta.items()}
        return moved, dict.fromkeys(theta, rate)

    return step


def adam_step(module, optimizer):
    """Make the step that AdamW would take next; its second moment is held constant.

    Parameters
    ----------
    module : nn.Module
        The ranker.
    optimizer : torch.optim.AdamW
        Its optimiser.

    Returns
    -------
    callable
        For :func:`label_gradient`.
    """
    groups = {p: group for group in optimizer.param_groups for p in group["params"]}

    def step(theta, gradients):
        moved, rates = {}, {}
        for name, p in module.named_parameters():
            state = optimizer.state.get(p) or {}
            moved[name], rates[name] = _adam(
                theta[name], gradients[name], groups[p], state
            )
        return moved, rates

    return step


def _adam(theta, gradient, group, state):
    """AdamW's next value of a parameter, and its rate D for the gradient."""
    first, second = group["betas"]
    n = float(state.get("step", 0)) + 1
    momentum = state.get("exp_avg", torch.zeros_like(theta))
    moment = state.get("exp_avg_sq", torch.zeros_like(theta))
    moment = second * moment + (1 - second) * gradient.square()
    scale = (moment / (1 - second**n)).sqrt() + group["eps"]
    rate = group["lr"] * (1 - first) / (1 - first**n) / scale
    kept = (1 - group["lr"] * group["weight_decay"]) * theta
    return kept - rate * (gradient + first / (1 - first) * momentum), rate
