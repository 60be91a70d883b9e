"""The networks: rankers f(features) and the label network g(feedback).

A ranker is a plain ``nn.Module`` that maps a :class:`~sklabelcraft._batches.Batch` to
logits of shape (n, n_outputs), row by row: no row may depend on the others.
"""

from itertools import pairwise

import torch
from torch import nn


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
        """Embed `codes`, (..., n_columns), as (..., n_columns, dim)."""
        columns = range(len(self.tables)) if columns is None else columns
        embedded = [self.tables[j](codes[..., j]) for j in columns]
        if not embedded:
            return torch.zeros(*codes.shape[:-1], 0, self.dim)
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

    Parameters
    ----------
    embedded : tensor of shape (n, n_columns, dim)
        The embeddings.

    Returns
    -------
    tensor of shape (n, dim)
        ((sum e)^2 - sum e^2) / 2.
    """
    return (embedded.sum(1).square() - embedded.square().sum(1)) / 2


class DIN(nn.Module):
    """Deep interest network: the user's past weighed by its fit to the candidate.

    The attention of a past item h to the candidate a is linear in
    (h, a, h - a, h * a), as in LabelCraft's published code, and not normalised by a
    softmax; the weighted past is averaged over its length.

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

    References
    ----------
    .. [1] Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018.
    """

    def __init__(
        self, cardinalities, n_numeric, n_outputs, embedding_dim, hidden, past_columns
    ):
        super().__init__()
        self.embeddings = Embeddings(cardinalities, embedding_dim)
        self.past_columns = list(past_columns)
        past_width = len(self.past_columns) * embedding_dim
        self.attention = nn.Linear(4 * past_width, 1)
        width = (len(cardinalities) + 1) * embedding_dim + n_numeric + 2 * past_width
        self.dense = dense(width, hidden, n_outputs)

    def forward(self, batch):
        """Logits of shape (n, n_outputs)."""
        embedded = self.embeddings(batch.codes)
        candidate = embedded[:, self.past_columns].flatten(1)
        past = self.embeddings(batch.past, self.past_columns).flatten(2)
        weights = self._attend(past, candidate) * batch.past_mask
        length = batch.past_mask.sum(1, keepdim=True).clamp(min=1)
        interest = torch.einsum("nt,ntd->nd", weights, past) / length
        parts = [
            embedded.flatten(1),
            interactions(embedded),
            batch.numeric,
            interest,
            interest * candidate,
        ]
        return self.dense(torch.cat(parts, dim=1))

    def _attend(self, past, candidate):
        """The linear attention, without the wide concatenation: shape (n, t)."""
        on_past, on_candidate, on_difference, on_product = self.attention.weight.chunk(
            4, dim=1
        )
        direction = on_past + on_difference + on_product * candidate
        offset = ((on_candidate - on_difference) * candidate).sum(1, keepdim=True)
        aligned = torch.einsum("ntd,nd->nt", past, direction)
        return aligned + offset + self.attention.bias


class LabelNet(nn.Module):
    """The learned label g(feedback), between 0 and 1.

    The logit is a given starting rule plus a learned correction that is 0 at first,
    standardised over the training batch (by running statistics afterwards, so that a
    row's label never depends on the other rows of a call).

    Parameters
    ----------
    n_inputs : int
        Number of feedback inputs, roughly in [-2, 2].
    hidden : sequence of int
        Widths of the dense layers.
    start : sequence of float
        The starting rule: its weight on each input.
    """

    def __init__(self, n_inputs, hidden, start):
        super().__init__()
        self.register_buffer("start", torch.tensor(start))
        self.correction = dense(n_inputs, hidden, 1)
        nn.init.zeros_(self.correction[-1].weight)
        nn.init.zeros_(self.correction[-1].bias)
        self.standardise = nn.BatchNorm1d(1, affine=False)

    def forward(self, inputs):
        """Labels of shape (n, 1)."""
        logits = (inputs @ self.start)[:, None] + self.correction(inputs)
        return torch.sigmoid(self.standardise(logits))


class DurationAdversary(nn.Module):
    """Reads the duration out of the scores, through a gradient-reversal layer.

    Parameters
    ----------
    n_outputs : int
        Number of scores of an impression.
    weight : float
        Weight of the reversed gradient.

    References
    ----------
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing
       Watch-Time-Gain under Duration Bias", MM 2022.
    """

    def __init__(self, n_outputs, weight):
        super().__init__()
        self.weight = weight
        self.reader = dense(n_outputs, (16,), 1)

    def forward(self, logits):
        """Predicted duration of shape (n,), with reversed gradient to `logits`."""
        reversed_ = (1 + self.weight) * logits.detach() - self.weight * logits
        return self.reader(reversed_)[:, 0]
