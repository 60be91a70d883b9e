"""What the networks of rankers are made of."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from sklabelcraft._batches import Batch

PAIR_SCALE = 20
WIDEST = 2**16  # of a layer, and of an embedding
SINGLE: dict[str, Any] = {"dtype": torch.float32}  # whatever torch's default type is


class Embeddings(nn.Module):
    """Embeddings of the categorical columns, in one table, column after column.

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each column, behind them of each column of lists.
    dim : int
        Width of the embeddings.

    Attributes
    ----------
    table : nn.Embedding
        The embeddings of all codes.
    starts : long tensor of shape (n_columns,)
        Where the codes of each column begin in the table.
    """

    starts: Tensor

    def __init__(self, cardinalities: list[int], dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.table = nn.Embedding(sum(cardinalities), dim, **SINGLE)
        nn.init.normal_(self.table.weight, std=0.01)
        starts = [0, *accumulate(cardinalities)][:-1]
        self.register_buffer("starts", torch.tensor(starts, dtype=torch.int64))

    def forward(self, codes: Tensor, columns: Any = None) -> Tensor:
        """Embed codes of all columns or of those given, (..., n), as (..., n, dim)."""
        starts = self.starts if columns is None else self.starts[list(columns)]
        if codes.shape[-1] != len(starts):
            raise ValueError(
                f"there are codes of {codes.shape[-1]} columns for {len(starts)}, of "
                "which the last ones may hold lists: of(batch) embeds these, too."
            )
        return self.table(codes + starts)

    def of(self, batch: Batch) -> Tensor:
        """Embed all columns of a batch, of lists the mean of their elements.

        Parameters
        ----------
        batch : Batch
            The rows.

        Returns
        -------
        tensor of shape (n, n_columns, dim)
            The columns of lists come last. A list without an element is 0.
        """
        if not batch.bags.n_columns:
            return self(batch.codes)
        n = len(self.starts) - batch.bags.n_columns
        starts = self.starts[n:][batch.bags.column]
        listed = batch.bags.mean(self.table(batch.bags.codes + starts))
        return torch.cat([self(batch.codes, range(n)), listed], dim=1)


def dense(n_inputs: int, hidden: Sequence[int], n_outputs: int) -> nn.Sequential:
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
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after, **SINGLE), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs, **SINGLE))


def interactions(embedded: Tensor) -> Tensor:
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
    pairs = embedded.sum(1).square() - embedded.square().sum(1)
    return torch.ops.aten.mul.Scalar(pairs, PAIR_SCALE / 2)  # fast in forward mode, too


def check_widths(hidden):
    """Check the widths of dense layers; they are returned."""
    if not all(
        isinstance(width, Integral) and 1 <= width <= WIDEST for width in hidden
    ):
        raise ValueError(
            f"widths must be positive whole numbers up to {WIDEST}, got {hidden!r}."
        )
    return hidden
