"""The networks: rankers f(features) and the label network g(feedback).

A ranker is a plain ``nn.Module`` that maps a :class:`Batch` to
logits of shape (n, n_outputs), row by row: no row may depend on the others.
"""

from itertools import pairwise

import torch
from torch import nn

from sklabelcraft._attention import LinearAttention
from sklabelcraft._batches import Batch

__all__ = [
    "DCN",
    "DIN",
    "MLP",
    "Batch",
    "DurationAdversary",
    "Embeddings",
    "HalfPrecision",
    "LabelNet",
    "dense",
    "interactions",
    "seated",
]

PAIR_SCALE = 20


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
        self.tables = nn.ModuleList(nn.Embedding(n, dim) for n in cardinalities)
        for table in self.tables:
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, codes, columns=None):
        """Embed codes of all columns or of those given, (..., n), as (..., n, dim)."""
        tables = self.tables if columns is None else [self.tables[j] for j in columns]
        embedded = [table(codes[..., i]) for i, table in enumerate(tables)]
        if not embedded:
            return torch.zeros(*codes.shape[:-1], 0, self.dim, device=codes.device)
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
        layers += [nn.Linear(before, after), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs))


class MLP(nn.Module):
    """Embeddings, their pairwise interactions and the numbers, into dense layers.

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each categorical column.
    n_numeric : int
        Number of numeric columns.
    n_outputs : int
        Number of labels.
    embedding_dim : int
        Width of the embeddings.
    hidden : sequence of int
        Widths of the dense layers.

    References
    ----------
    .. [1] He and Chua, "Neural Factorization Machines", SIGIR 2017, Eq. 3 (the
       interactions).
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


class DCN(nn.Module):
    """Deep and cross network, version 2: explicit crosses beside dense layers.

    The cross network and the dense layers read the same inputs, among them the products
    of all pairs of embeddings, and the last layer is linear in the outputs of both (the
    parallel structure of [1]_).

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each categorical column.
    n_numeric : int
        Number of numeric columns.
    n_outputs : int
        Number of labels.
    embedding_dim : int
        Width of the embeddings.
    hidden : sequence of int
        Widths of the dense layers.
    n_cross_layers : int
        Number of cross layers; each raises the degree of the crosses by one.

    References
    ----------
    .. [1] Wang et al., "DCN V2: Improved Deep & Cross Network and Practical Lessons for
       Web-scale Learning to Rank Systems", WWW 2021.
    """

    def __init__(
        self, cardinalities, n_numeric, n_outputs, embedding_dim, hidden, n_cross_layers
    ):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric
        self.cross = nn.ModuleList(
            nn.Linear(width, width) for _ in range(n_cross_layers)
        )
        self.on_crossed = nn.Linear(width, n_outputs, bias=False)
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings(batch.codes)
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


class DIN(nn.Module):
    """Deep interest network: the user's past weighed by its fit to the candidate.

    The attention of a past item h to the candidate a is a function of
    (h, a, h - a, h * a), by default a linear one, as in LabelCraft's published code,
    and not normalised by a softmax; the weighted past is averaged over its length.

    Parameters
    ----------
    cardinalities : list of int
        Number of codes of each categorical column.
    n_numeric : int
        Number of numeric columns.
    n_outputs : int
        Number of labels.
    embedding_dim : int
        Width of the embeddings.
    hidden : sequence of int
        Widths of the dense layers.
    past_columns : sequence of int
        The categorical columns that describe a past impression and the candidate.
    attention_hidden : sequence of int, default=()
        Widths of hidden layers of the attention.

    References
    ----------
    .. [1] Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018.
    """

    def __init__(
        self,
        cardinalities,
        n_numeric,
        n_outputs,
        embedding_dim,
        hidden,
        past_columns,
        attention_hidden=(),
    ):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        self.past_columns = list(past_columns)
        past_width = len(self.past_columns) * embedding_dim
        self.attention = dense(4 * past_width, attention_hidden, 1)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric + 2 * past_width
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings(batch.codes)
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
        past = self.embeddings(batch.past, self.past_columns).flatten(1)
        attend = self._attend if len(self.attention) > 1 else self._attend_linearly
        length = batch.past_mask.sum(1).clamp(min=1)
        interest = attend(past, candidate, batch) / length[:, None, None]
        return interest[batch.past_of, batch.seat]

    def _attend(self, past, candidate, batch):
        """The weighted sum of the past for each of its seats, (m, seats, d)."""
        past = past[batch.past_rows]
        h, a = past[:, None], seated(candidate, batch)[:, :, None]
        h, a = torch.broadcast_tensors(h, a)
        weights = self.attention(torch.cat([h, a, h - a, h * a], dim=-1))[..., 0]
        return torch.bmm(weights * batch.past_mask[:, None], past)

    def _attend_linearly(self, past, candidate, batch):
        """The same for a single layer: its weights are linear in the past."""
        layer = self.attention[0]
        on_past, on_candidate, on_difference, on_product = layer.weight.chunk(4, dim=1)
        direction = on_past + on_difference + on_product * candidate
        offset = candidate @ (on_candidate - on_difference).T + layer.bias
        return LinearAttention.apply(
            past,
            batch.past_rows,
            batch.past_mask,
            seated(direction, batch),
            seated(offset, batch),
        )


def seated(values, batch):
    """Values of the candidates, (n, d), side by side for each past: (m, seats, d)."""
    n_pasts, n_seats = len(batch.past_rows), int(batch.seat.max()) + 1
    table = values.new_zeros(n_pasts * n_seats, values.shape[1])
    table = table.index_copy(0, batch.past_of * n_seats + batch.seat, values)
    return table.view(n_pasts, n_seats, -1)


class HalfPrecision(nn.Module):
    """A ranker that is trained with matrix products in bfloat16.

    Its weights are float32, and so is all that it computes in evaluation mode: products
    of 8 significant bits would give many of a user's candidates one score.

    Parameters
    ----------
    ranker : nn.Module
        The ranker.
    """

    def __init__(self, ranker):
        super().__init__()
        self.ranker = ranker

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        place = batch.codes.device.type
        with torch.autocast(place, torch.bfloat16, enabled=self.training):
            return self.ranker(batch).float()


class LabelNet(nn.Module):
    """The learned label g(feedback), between 0 and 1.

    Its log-odds are those of a starting rule plus a learned correction, which is 0 at
    first and may be bounded, so that the label can neither collapse nor turn into
    something that has nothing to do with the rule.

    Parameters
    ----------
    n_inputs : int
        Number of feedback inputs, roughly in [-2, 2].
    hidden : sequence of int
        Widths of the dense layers.
    bound : float or None
        The largest correction of the log-odds; None for any.
    """

    def __init__(self, n_inputs, hidden, bound):
        super().__init__()
        self.bound = bound
        self.correction = dense(n_inputs, hidden, 1)
        nn.init.zeros_(self.correction[-1].weight)
        nn.init.zeros_(self.correction[-1].bias)

    def forward(self, inputs):
        """Labels, (n, 1), of inputs of which the last is the rule's log-odds."""
        correction = self.correction(inputs[:, :-1])
        if self.bound is not None:
            correction = self.bound * torch.tanh(correction / self.bound)
        return torch.sigmoid(inputs[:, -1:] + correction)


class DurationAdversary(nn.Module):
    """A ranker, and a reader of the duration in its logits that sends back the reverse.

    Parameters
    ----------
    ranker : nn.Module
        The ranker.
    n_outputs : int
        Number of its logits per impression.
    weight : float
        Weight of the reversed gradient.

    References
    ----------
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing
       Watch-Time-Gain under Duration Bias", MM 2022.
    """

    def __init__(self, ranker, n_outputs, weight):
        super().__init__()
        self.ranker = ranker
        self.weight = weight
        self.reader = dense(n_outputs, (16,), 1)

    def forward(self, batch):
        """The logits and, last, the duration read from them: (n, n_outputs + 1)."""
        logits = self.ranker(batch)
        reversed_ = (1 + self.weight) * logits.detach() - self.weight * logits
        return torch.cat([logits, self.reader(reversed_)], dim=1)
