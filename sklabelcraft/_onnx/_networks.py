"""The networks of rankers, in a graph, in double precision."""

from typing import NamedTuple

import numpy as np
from torch import nn

from sklabelcraft._onnx._graph import DOUBLE, WHOLE, Value, concatenated
from sklabelcraft.modules import DCNModule, DINModule, MLPModule
from sklabelcraft.modules._embeddings import PAIR_SCALE


class Rows(NamedTuple):
    """What a network sees of n rows, each with a past of t impressions of its own.

    Attributes
    ----------
    codes : Value of shape (n, n_categorical)
        Codes of the categorical columns.
    numbers : Value of shape (n, n_numeric)
        Numeric columns as ranks in [-1, 1].
    bags : list of (Value, Value)
        Codes of each column of lists, and their weights in the mean, (n, most).
    past : Value of shape (n, t, n_past_columns) or None
        Codes of the past impressions; None if there are none.
    share : Value of shape (n, t) or None
        The weight of each of these in the mean of its row, 0 for padding.
    """

    codes: Value
    numbers: Value
    bags: list
    past: Value | None
    share: Value | None


def logits_of(module, rows):
    """Logits of a module, (n, n_outputs)."""
    translate = {MLPModule: _mlp, DCNModule: _dcn, DINModule: _din}
    if type(module) not in translate:
        raise TypeError(
            "the networks that can be exported are those of MLP, DCN and DIN, got "
            f"{type(module).__name__}."
        )
    weights = module.embeddings.table.weight.detach().cpu().numpy()
    table = Table(rows.codes.graph.constant(weights), module.embeddings)
    return translate[type(module)](module, table, rows)


class Table:
    """The embeddings of all codes, as a value of the graph."""

    def __init__(self, value, embeddings):
        self.value, self.dim = value, embeddings.dim
        self.starts = array(embeddings.starts, WHOLE)

    def embedded(self, codes, columns=slice(None)):
        """The embeddings of codes of some columns, (..., n_columns, dim)."""
        return self.value[codes + self.starts[columns]].to(DOUBLE)

    def all_embedded(self, rows):
        """The embeddings of all columns, of lists their means, (n, n_columns, dim)."""
        n = len(self.starts) - len(rows.bags)
        parts = [self.embedded(rows.codes, slice(n))]
        for start, (codes, share) in zip(self.starts[n:], rows.bags, strict=True):
            elements = self.value[codes + start].to(DOUBLE)
            parts.append((elements * share.with_axis(2)).sum(1).with_axis(1))
        return concatenated(parts, 1) if rows.bags else parts[0]


def _mlp(module, table, rows):
    return dense(module.dense, concatenated(_inputs(table, rows), 1))


def _dcn(module, table, rows):
    inputs = crossed = concatenated(_inputs(table, rows), 1)
    for layer in module.cross:
        crossed = inputs * dense([layer], crossed) + crossed
    return dense([module.on_crossed], crossed) + dense(module.dense, inputs)


def _din(module, table, rows):
    flat, *parts = _inputs(table, rows)
    dim = table.dim
    columns = [j * dim + i for j in module.past_columns for i in range(dim)]
    candidate = flat.take(columns, 1)
    interest = _interest(module, table, candidate, rows)
    parts = [flat, *parts, interest, interest * candidate]
    return dense(module.dense, concatenated(parts, 1))


def _inputs(table, rows):
    """What all networks see: embeddings side by side, their products, and numbers."""
    embedded = table.all_embedded(rows)
    flat = embedded.reshape(0, len(table.starts) * table.dim)
    return [flat, _interactions(embedded), rows.numbers]


def _interest(module, table, candidate, rows):
    """The weighted mean of each row's past, (n, d)."""
    if rows.past is None:
        return candidate * 0
    past = table.embedded(rows.past, module.past_columns)
    past = past.reshape(0, 0, len(module.past_columns) * table.dim)
    weights = _attention(module.attention, past, candidate)
    return (past * weights * rows.share.with_axis(2)).sum(1)


def _attention(layers, past, candidate):
    """The attention of each past impression h to the candidate a, (n, t, 1).

    What the first layer makes of (h, a, h - a, h * a) is linear in h.
    """
    first, *further = layers
    on_past, on_candidate, on_difference, on_product = np.split(_weights(first), 4)
    direction = candidate.with_axis(2) * on_product + (on_past + on_difference)
    offset = candidate @ (on_candidate - on_difference) + array(first.bias)
    return dense(further, past @ direction + offset.with_axis(1))


def _interactions(embedded):
    """The sum of the products of all pairs of embeddings, enlarged, (n, dim)."""
    total = embedded.sum(1)
    return (total * total - (embedded * embedded).sum(1)) * (PAIR_SCALE / 2)


def dense(layers, inputs):
    """What a stack of linear layers and SiLUs makes of inputs, (..., n_outputs)."""
    for layer in layers:
        if type(layer) is nn.SiLU:
            inputs = inputs.silu()
        elif type(layer) is nn.Linear:
            inputs = inputs @ _weights(layer)
            inputs = inputs if layer.bias is None else inputs + array(layer.bias)
        else:
            raise TypeError(
                "layers that can be exported are nn.Linear and nn.SiLU, got "
                f"{type(layer).__name__}."
            )
    return inputs


def _weights(layer):
    return array(layer.weight).T


def array(tensor, dtype=DOUBLE):
    """A tensor of torch as an array."""
    return tensor.detach().cpu().numpy().astype(dtype)
