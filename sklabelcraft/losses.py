"""Pointwise losses of a logit z against a label g, and the prediction they imply."""

from torch.nn.functional import softplus


def log_loss(logits, labels):
    """Cross entropy of sigmoid(z) against labels in [0, 1].

    Parameters
    ----------
    logits, labels : tensor of the same shape
        z and g.

    Returns
    -------
    tensor
        log(1 + exp(z)) - g z, elementwise.
    """
    return softplus(logits) - labels * logits


def brier_loss(logits, labels):
    """Squared error of sigmoid(z) against labels in [0, 1].

    Parameters
    ----------
    logits, labels : tensor of the same shape
        z and g.

    Returns
    -------
    tensor
        (sigmoid(z) - g)^2, elementwise.
    """
    return (logits.sigmoid() - labels).square()


def squared_error(logits, labels):
    """Squared error of z itself against labels on the real line.

    Parameters
    ----------
    logits, labels : tensor of the same shape
        z and g.

    Returns
    -------
    tensor
        (z - g)^2, elementwise.
    """
    return (logits - labels).square()


UNIT_LOSSES = {"log_loss": log_loss, "brier": brier_loss}
LOSSES = {**UNIT_LOSSES, "squared_error": squared_error}
