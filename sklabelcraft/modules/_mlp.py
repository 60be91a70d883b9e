"""The default network of a ranker."""

import torch
from torch import nn

from sklabelcraft._docs import shared
from sklabelcraft.modules._embeddings import Embeddings, dense, interactions
from sklabelcraft.modules._network import Network


class MLP(Network):
    """Embeddings, their pairwise interactions and the numbers, into dense layers.

    Parameters
    ----------
    embedding_dim : int, default=16
        Width of the embedding of each categorical column.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers.

    References
    ----------
    .. [1] He and Chua, "Neural Factorization Machines", SIGIR 2017, Eq. 3 (the
       interactions).

    Examples
    --------
    >>> from sklabelcraft import MLP, MLPRanker
    >>> ranker = MLPRanker(MLP(hidden=(32,)), max_epochs=5)
    """

    def __init__(self, embedding_dim=16, hidden=(64, 32)):
        self.embedding_dim = embedding_dim
        self.hidden = hidden

    @shared
    def build(self, cardinalities, n_numeric, n_outputs, past_columns):
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

    def __init__(self, cardinalities, n_numeric, n_outputs, embedding_dim, hidden):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings(batch.codes)
        parts = [embedded.flatten(1), interactions(embedded), batch.numeric]
        return self.dense(torch.cat(parts, dim=1))
