"""What the networks of rankers are made of."""

from itertools import pairwise
from numbers import Integral

import torch
from torch import nn

PAIR_SCALE = 20
SINGLE = {"dtype": torch.float32}  # whatever torch's default type is


class Embeddings(nn.Module):
    """One embedding table per categorical column.

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each column.
    dim : int
        Width of the embeddings.
    """

    def __init__(self, cardinalities, dim):
        super().__init__()
        self.dim = dim
        self.tables = nn.ModuleList(
            nn.Embedding(n, dim, **SINGLE) for n in cardinalities
        )
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, codes, columns=None):
        """Embed codes of all columns or of those given, (..., n), as (..., n, dim)."""
        tables = self.tables if columns is None else [self.tables[j] for j in columns]
        embedded = [table(codes[..., i]) for i, table in enumerate(tables)]
        if not embedded:
            shape = *codes.shape[:-1], 0, self.dim
            return torch.zeros(shape, device=codes.device, **SINGLE)
        return torch.stack(embedded, dim=-2)


def dense(n_inputs, hidden, n_outputs):
    """A stack of linear layers with SiLU between them.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Widths of the ends.
    hidden : sequence of int
        Widths between.

    Returns
    -------
    nn.Sequential
        The network.
    """
    widths = [n_inputs, *hidden]
    layers = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after, **SINGLE), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs, **SINGLE))


def interactions(embedded):
    """Sum of the products of all pairs of embeddings, (n, c, dim) to (n, dim).

    It is enlarged, as products of embeddings that start near 0.01 are too small beside
    these to be learned from before the embeddings have learned the rows by heart.

    Parameters
    ----------
    embedded : tensor of shape (n, n_columns, dim)
        The embeddings.

    Returns
    -------
    tensor of shape (n, dim)
        20 times ((sum e)^2 - sum e^2) / 2.
    """
    pairs = (embedded.sum(1).square() - embedded.square().sum(1)) / 2
    return PAIR_SCALE * pairs


def check_widths(hidden):
    """Check the widths of dense layers; they are returned."""
    if not all(isinstance(width, Integral) and width >= 1 for width in hidden):
        raise ValueError(f"widths must be positive whole numbers, got {hidden!r}.")
    return hidden
