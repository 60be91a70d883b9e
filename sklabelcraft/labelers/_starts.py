"""What a learned label is made of: feedback as signals, and rules to start from."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.special import logit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from sklabelcraft._encoder import rank_transformer
from sklabelcraft.labelers._duration import D2Q
from sklabelcraft.labelers._rules import WatchTime

MARGIN = 0.02  # of the starting labels to 0 and 1
INPUTS = ("watch_time", "duration", "explicit")
NEEDED = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]])  # inputs of each hand-made label


class Signals(NamedTuple):
    """The feedback of some rows.

    Attributes
    ----------
    inputs : ndarray of shape (n, n_inputs)
        Ranks of watch time and duration in [-2, 2], explicit feedback 0 or 2; those
        that the label network reads.
    labels : ndarray of shape (n, 3)
        Hand-made labels: scaled watch time, D2Q's, and explicit feedback 0 or 1.
    """

    inputs: np.ndarray
    labels: np.ndarray

    def with_start(self, rule):
        """Inputs of the label network and, last, the log-odds of the starting rule."""
        start = logit(rule.transform(self.labels))
        return torch.as_tensor(np.hstack([self.inputs, start])).float()


class SignalReader:
    """Reads signals from logs, by ranks and rules learned on one.

    Parameters
    ----------
    table : Table
        The log to learn from.
    watch_time, duration : str or int
        Its columns in seconds.
    explicit : sequence of str or int
        Its columns of explicit feedback.
    inputs : sequence of str
        Those of ``INPUTS`` that are read.
    """

    def __init__(self, table, watch_time, duration, explicit, inputs):
        self.seconds, self.explicit = (watch_time, duration), explicit
        self.inputs = [INPUTS.index(name) for name in inputs]
        self._ranks = [rank_transformer(column) for column in self._columns(table)]
        self._rules = [
            WatchTime(watch_time=watch_time),
            D2Q(watch_time=watch_time, duration=duration),
        ]
        for rule in self._rules:
            rule._learn(table)

    def __call__(self, table):
        """The :class:`Signals` of a log."""
        liked = table.any_positive(self.explicit)
        ranks = [
            4 * rank.transform(column[:, None])[:, 0] - 2
            for rank, column in zip(self._ranks, self._columns(table), strict=True)
        ]
        labels = [rule._label(table) for rule in self._rules]
        inputs = np.column_stack([*ranks, 2 * liked])[:, self.inputs]
        return Signals(inputs, np.column_stack([*labels, liked]))

    def starts(self, weights):
        """Weights of the starting rules, without what is not read, each once."""
        weights = np.array(weights, dtype=float)
        if weights.ndim != 2 or weights.shape[1] != 3 or not np.isfinite(weights).all():
            raise ValueError(
                "starts must hold three weights for each starting rule, got "
                f"{weights.tolist()!r}."
            )
        read = np.isin(range(len(INPUTS)), self.inputs)
        weights = np.where((read >= NEEDED).all(axis=1), weights, 0.0)
        return np.unique(weights, axis=0)

    def _columns(self, table):
        return [table.numeric(key, minimum=0) for key in self.seconds]


def starting_rule(labels, weights):
    """The fitted rule: the weighted sum of standardised hand-made labels, in (0, 1).

    Weights of 0 make the label that is 1/2 everywhere.
    """
    if not weights.any():
        return FunctionTransformer(_half).fit(labels)
    rule = make_pipeline(
        StandardScaler(),
        FunctionTransformer(_blend, kw_args={"weights": weights}),
        MinMaxScaler((MARGIN, 1 - MARGIN), clip=True),
    )
    return rule.fit(labels)


def _blend(labels, weights):
    """The weighted sum of the labels, (n, 1)."""
    return labels @ weights[:, None]


def _half(labels):
    """The label 1/2 for every row, (n, 1)."""
    return np.full((len(labels), 1), 0.5)
