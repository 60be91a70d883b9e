"""The network that looks at the user's past."""

from collections.abc import Sequence
from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from sklabelcraft._batches import Batch, numbered
from sklabelcraft._docs import shared
from sklabelcraft.modules._attention import LinearAttention
from sklabelcraft.modules._embeddings import Embeddings, dense, interactions
from sklabelcraft.modules._network import WIDTHS, Network


class DIN(Network):
    """Deep interest network: the user's past weighed by its fit to the candidate.

    The attention of a past item h to the candidate a is a function of
    (h, a, h - a, h * a), by default a linear one, as in LabelCraft's published code,
    and not normalised by a softmax; the weighted past is averaged over its length [1]_.

    Parameters
    ----------
    history_length : int, default=50
        Number of past impressions that the network sees.
    attention_hidden : sequence of int, default=()
        Widths of hidden layers in the attention; without any it is linear, and much
        faster.
    embedding_dim : int, default=16
        Width of the embedding of each categorical column, 2**16 at most.
    hidden : sequence of int, default=(64, 32)
        Widths of the dense layers, 2**16 at most.

    References
    ----------
    .. [1] Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018.

    Examples
    --------
    >>> from sklabelcraft import DIN, DINRanker
    >>> ranker = DINRanker(DIN(history_length=20), max_epochs=5)
    """

    _parameter_constraints: dict = WIDTHS | {
        "history_length": [Interval(Integral, 1, None, closed="left")],
        "attention_hidden": ["array-like"],
    }

    def __init__(
        self,
        history_length: int = 50,
        attention_hidden: Sequence[int] = (),
        embedding_dim: int = 16,
        hidden: Sequence[int] = (64, 32),
    ) -> None:
        self.history_length = history_length
        self.attention_hidden = attention_hidden
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
        return DINModule(
            cardinalities,
            n_numeric,
            n_outputs,
            self.embedding_dim,
            self.hidden,
            past_columns,
            self.attention_hidden,
        )


class DINModule(nn.Module):
    """The module of :class:`DIN`.

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
    past_columns : sequence of int
        The categorical columns that describe a past impression and the candidate.
    attention_hidden : sequence of int, default=()
        Widths of hidden layers of the attention.
    """

    def __init__(
        self,
        cardinalities: list[int],
        n_numeric: int,
        n_outputs: int,
        embedding_dim: int,
        hidden: Sequence[int],
        past_columns: Sequence[int],
        attention_hidden: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        self.past_columns = list(past_columns)
        past_width = len(self.past_columns) * embedding_dim
        if past_width:
            self.attention = dense(4 * past_width, attention_hidden, 1)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric + 2 * past_width
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch: Batch) -> Tensor:
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings.of(batch)
        candidate = embedded[:, self.past_columns].flatten(1)
        interest = self._interest(candidate, batch)
        parts = [
            embedded.flatten(1),
            interactions(embedded),
            batch.numeric,
            interest,
            interest * candidate,
        ]
        return self.dense(torch.cat(parts, dim=1))

    def _interest(self, candidate, batch):
        """The weighted mean of each candidate's past, (n, d)."""
        if not self.past_columns:
            return candidate  # of width 0
        past = self.embeddings(batch.past, self.past_columns).flatten(1)
        attend = self._attend if len(self.attention) > 1 else self._attend_linearly
        slots = Slots(batch)
        share = batch.past_mask / batch.past_mask.sum(1, keepdim=True).clamp(min=1)
        return slots.take(attend(past, batch.past_rows, share, candidate, slots))

    def _attend(self, past, rows, share, candidate, slots):
        """The weighted mean of the past for each of its slots, (m, n_slots, d)."""
        past = past[rows]
        h, a = past[:, None], slots.put(candidate)[:, :, None]
        h, a = torch.broadcast_tensors(h, a)
        weights = self.attention(torch.cat([h, a, h - a, h * a], dim=-1))[..., 0]
        return torch.bmm(weights * share[:, None], past)

    def _attend_linearly(self, past, rows, share, candidate, slots):
        """The same for a single layer: its weights are linear in the past."""
        layer = self.attention[0]
        on_past, on_candidate, on_difference, on_product = layer.weight.chunk(4, dim=1)
        direction = on_past + on_difference + on_product * candidate
        offset = candidate @ (on_candidate - on_difference).T + layer.bias
        return LinearAttention.apply(
            past, rows, share, slots.put(direction), slots.put(offset)
        )


class Slots:
    """The rows that share a past, side by side.

    Parameters
    ----------
    batch : Batch
        The rows, of which those with the same past are numbered.
    """

    def __init__(self, batch):
        self.past_of, self.slot = batch.past_of, numbered(batch.past_of)
        n_slots = int(self.slot.max()) + 1 if len(self.slot) else 0
        self.shape = len(batch.past_rows), n_slots

    def put(self, values):
        """Values of the rows, (n, d), by past and slot, (m, n_slots, d)."""
        n_pasts, n_slots = self.shape
        table = values.new_zeros(n_pasts * n_slots, values.shape[1])
        table = table.index_copy(0, self.past_of * n_slots + self.slot, values)
        return table.view(n_pasts, n_slots, -1)

    def take(self, table):
        """What :meth:`put` made, row by row."""
        return table[self.past_of, self.slot]
