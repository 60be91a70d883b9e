"""Pointwise losses of a logit z against a label g, and the prediction they imply."""

from torch import Tensor
from torch.nn.functional import softplus


def log_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of sigmoid(z) against labels in [0, 1].

    Parameters
    ----------
    logits, labels : tensor of the same shape
        The logit z and the label g of each element.

    Returns
    -------
    tensor
        Elementwise, log(1 + exp(z)) - g z.
    """
    return softplus(logits) - labels * logits


def brier_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared error of sigmoid(z) against labels in [0, 1].

    Parameters
    ----------
    logits, labels : tensor of the same shape
        The logit z and the label g of each element.

    Returns
    -------
    tensor
        Elementwise, (sigmoid(z) - g)^2.
    """
    return (logits.sigmoid() - labels).square()


def squared_error(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared error of z itself against labels on the real line.

    Parameters
    ----------
    logits, labels : tensor of the same shape
        The logit z and the label g of each element.

    Returns
    -------
    tensor
        Elementwise, (z - g)^2.
    """
    return (logits - labels).square()


UNIT_LOSSES = {"log_loss": log_loss, "brier": brier_loss}
LOSSES = {**UNIT_LOSSES, "squared_error": squared_error}


def choose_loss(loss, unit):
    """The pointwise loss of a name or a function, for labels in [0, 1] or not.

    Parameters
    ----------
    loss : str or callable
        A name of a loss, "auto", or the loss itself.
    unit : bool
        Whether all labels lie in [0, 1].

    Returns
    -------
    callable
        Maps logits and labels to the loss of each element.

    Raises
    ------
    ValueError
        If the loss needs labels in [0, 1] and some are not.
    """
    if loss == "auto":
        return log_loss if unit else squared_error
    if loss in UNIT_LOSSES and not unit:
        raise ValueError(
            f"loss={loss!r} needs labels in [0, 1], got some beyond; "
            "'squared_error' takes any."
        )
    return LOSSES.get(loss, loss)
