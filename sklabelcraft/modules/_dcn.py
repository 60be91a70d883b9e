"""The network with explicit crosses of the features."""

from collections.abc import Sequence
from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from sklabelcraft._batches import Batch
from sklabelcraft._docs import shared
from sklabelcraft.modules._embeddings import SINGLE, Embeddings, dense, interactions
from sklabelcraft.modules._network import WIDTHS, Network


class DCN(Network):
    """Deep and cross network, version 2: explicit crosses beside dense layers.

    Each cross layer multiplies what it is given, through a full matrix, with the inputs
    once more, so that products of up to `n_cross_layers` + 1 inputs are learned
    explicitly. The cross network and the dense layers read the same inputs, among them
    the products of all pairs of embeddings, and the last layer is linear in the outputs
    of both (the parallel structure of [1]_).

    Parameters
    ----------
    n_cross_layers : int, default=2
        Number of cross layers.
    embedding_dim : int, default=16
        Width of the embedding of each categorical column, 2**16 at most.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers, 2**16 at most.

    References
    ----------
    .. [1] Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for
       Web-scale Learning to Rank Systems", WWW 2021.

    Examples
    --------
    >>> from sklabelcraft import DCN, DCNRanker
    >>> ranker = DCNRanker(DCN(n_cross_layers=3), max_epochs=5)
    """

    _parameter_constraints: dict = WIDTHS | {
        "n_cross_layers": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(
        self,
        n_cross_layers: int = 2,
        embedding_dim: int = 16,
        hidden: Sequence[int] = (64, 32),
    ) -> None:
        self.n_cross_layers = n_cross_layers
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
        return DCNModule(
            cardinalities,
            n_numeric,
            n_outputs,
            self.embedding_dim,
            self.hidden,
            self.n_cross_layers,
        )


class DCNModule(nn.Module):
    """The module of :class:`DCN`.

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
    n_cross_layers : int
        Number of cross layers; each raises the degree of the crosses by one.
    """

    def __init__(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        embedding_dim: int,
        hidden: Sequence[int],
        n_cross_layers: int,
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric
        self.cross = nn.ModuleList(
            nn.Linear(width, width, **SINGLE) for _ in range(n_cross_layers)
        )
        self.on_crossed = nn.Linear(width, n_outputs, bias=False, **SINGLE)
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings.of(batch)
        parts = [embedded.flatten(1), interactions(embedded), batch.numeric]
        inputs = torch.cat(parts, dim=1)
        # A linear layer on two concatenated outputs is the sum of one on each.
        return self.on_crossed(self._cross(inputs)) + self.dense(inputs)

    def _cross(self, inputs):
        """The cross network, of the shape of `inputs`."""
        crossed = inputs
        for layer in self.cross:
            crossed = inputs * layer(crossed) + crossed  # Eq. 1 of [1]
        return crossed
