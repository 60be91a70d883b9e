"""The default network of a ranker."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sklabelcraft._batches import Batch
from sklabelcraft._docs import shared
from sklabelcraft.modules._embeddings import Embeddings, dense, interactions
from sklabelcraft.modules._network import Network


class MLP(Network):
    """Embeddings, their pairwise interactions and the numbers, into dense layers.

    Parameters
    ----------
    embedding_dim : int, default=16
        Width of the embedding of each categorical column, 2**16 at most.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers, 2**16 at most.

    References
    ----------
    .. [1] He and Chua, "Neural Factorization Machines", SIGIR 2017, Eq. 3 (the
       interactions).

    Examples
    --------
    >>> from sklabelcraft import MLP, MLPRanker
    >>> ranker = MLPRanker(MLP(hidden=(32,)), max_epochs=5)
    """

    def __init__(
        self, embedding_dim: int = 16, hidden: Sequence[int] = (64, 32)
    ) -> None:
        self.embedding_dim = embedding_dim
        self.hidden = hidden

    @shared
    def build(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        past_columns: tuple[int, ...],
    ) -> nn.Module:
        """Make the module.

        Parameters
        ----------
        {sizes}

        Returns
        -------
        nn.Module
            Maps a batch of n impressions to logits of shape (n, n_outputs).
        """
        return MLPModule(
            cardinalities, n_numeric, n_outputs, self.embedding_dim, self.hidden
        )


class MLPModule(nn.Module):
    """The module of :class:`MLP`.

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each categorical column.
    n_numeric, n_outputs : int
        How many numbers a row has, and labels.
    embedding_dim : int
        Width of the embeddings.
    hidden : sequence of int
        Widths of the dense layers.
    """

    def __init__(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        embedding_dim: int,
        hidden: Sequence[int],
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings.of(batch)
        parts = [embedded.flatten(1), interactions(embedded), batch.numeric]
        return self.dense(torch.cat(parts, dim=1))
