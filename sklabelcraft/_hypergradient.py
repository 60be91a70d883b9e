"""The exact gradient of the platform's objective in the labels, one step ahead."""

import torch
from torch.func import functional_call, jvp


def label_gradient(
    module, logits, loss, batch, labels, objective, step_sizes, decay=0.0
):
    r"""Gradient in the labels of the objective after one step of the ranker on them.

    The step is theta' = (1 - decay) theta - D grad_theta mean loss(z, g), with a
    diagonal D that is held constant. With v = D grad M(theta') and z' = J_z v the
    derivative of the logits along v,

    .. math:: dM / dg_b = - \frac{1}{B} \, \partial_g \partial_z \ell(z_b, g_b) \, z'_b

    so one backward pass for v and one forward-mode derivative of the ranker give it,
    without a second-order graph or a copy of the ranker.

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
    step_sizes : dict of float or tensor
        D, for each parameter name.
    decay : float, default=0.0
        Share of theta taken away by the step: eta (2 lambda) for an L2 term
        lambda |theta|^2 under SGD, eta times the weight decay for AdamW.

    Returns
    -------
    tensor of the shape of `labels`
        How much the objective rises with each label.
    """
    theta = {name: p.detach() for name, p in module.named_parameters()}
    gradients = torch.autograd.grad(
        loss(logits, labels.detach()).mean(),
        list(module.parameters()),
        retain_graph=True,
        materialize_grads=True,
    )
    moved = {
        name: ((1 - decay) * p - step_sizes[name] * g).requires_grad_()
        for (name, p), g in zip(theta.items(), gradients, strict=True)
    }
    ascent = torch.autograd.grad(
        objective(moved), list(moved.values()), materialize_grads=True
    )
    direction = {
        name: step_sizes[name] * v for name, v in zip(moved, ascent, strict=True)
    }
    _, logits_along = jvp(
        lambda p: functional_call(module, p, (batch,)), (theta,), (direction,)
    )
    return _contract(loss, logits.detach(), labels.detach(), logits_along)


def _contract(loss, logits, labels, logits_along):
    """Gradient in the labels of -<grad_theta mean loss, v>."""
    logits, labels = logits.requires_grad_(), labels.requires_grad_()
    (slope,) = torch.autograd.grad(
        loss(logits, labels).sum(), logits, create_graph=True
    )
    inner = (slope * logits_along).sum() / slope.numel()
    return -torch.autograd.grad(inner, labels)[0]


def adam_step_sizes(module, optimizer):
    """The diagonal D of Adam's next step, by parameter name.

    Parameters
    ----------
    module : nn.Module
        The ranker.
    optimizer : torch.optim.Adam or AdamW
        Its optimiser; a parameter that it has not stepped yet gets the plain rate.

    Returns
    -------
    dict of tensor or float
        learning rate / (sqrt(second moment) + eps).
    """
    rates = {p: group for group in optimizer.param_groups for p in group["params"]}
    sizes = {}
    for name, parameter in module.named_parameters():
        group, state = rates[parameter], optimizer.state.get(parameter)
        sizes[name] = group["lr"]
        if state:
            correction = 1 - group["betas"][1] ** float(state["step"])
            moment = (state["exp_avg_sq"] / correction).sqrt()
            sizes[name] = group["lr"] / (moment + group["eps"])
    return sizes
