"""The learned label: seconds watched, seconds of duration, explicit feedback in."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor, nn

from sklabelcraft._quantiles import (
    GroupedQuantiles,
    Ranks,
    group_edges,
    rank_among,
)
from sklabelcraft._typing import Floats
from sklabelcraft.modules._chance import ExplicitChance
from sklabelcraft.modules._embeddings import dense
from sklabelcraft.scaling import scale

MARGIN = 0.02  # of the starting labels to 0 and 1
INPUTS = ("watch_time", "duration", "explicit")
N_GROUPS = 30  # of the duration, as D2Q has them
PREDICTION_BATCH = 65536
KNEE = 0.9  # quantile of watch times, as WT has it


class Feedback(NamedTuple):
    """What was logged of some impressions.

    Attributes
    ----------
    watch_time, duration : float64 tensor of shape (n,)
        In seconds.
    explicit : float64 tensor of shape (n,)
        Whether there was any explicit feedback, 0 or 1; NaN where that is not known.
    """

    watch_time: torch.Tensor
    duration: torch.Tensor
    explicit: torch.Tensor

    @classmethod
    def counted(cls, counts: Any) -> Self:
        """The distinct feedback of some :class:`FeedbackCounts`."""
        columns = counts.watched, counts.duration, counts.explicit
        return cls(*map(torch.from_numpy, columns))

    def rows(self, index: Any) -> Feedback:
        """The feedback of the rows at some positions."""
        return Feedback(*(column[index] for column in self))

    def supposing(self, explicit: float) -> Feedback:
        """The same where explicit feedback that is not known is supposed, 0 or 1."""
        return self._replace(explicit=self.explicit.nan_to_num(explicit))

    @property
    def unknown(self):
        """Where explicit feedback is not known, bool tensor of shape (n,)."""
        return self.explicit.isnan()


class Signals(nn.Module):
    """Feedback as the label network reads it, and the hand-made labels of it.

    Parameters
    ----------
    watch_points, duration_points : ndarray of shape (n_quantiles,)
        Quantiles of watch times and durations, in seconds.
    knee, maximum : float
        Of the scaling of watch times, in seconds.
    quantiles : GroupedQuantiles
        Of watch times among others of similar duration.
    chance : ExplicitChance
        Of explicit feedback where it is not known.
    inputs : sequence of str
        Those of ``INPUTS`` that are read.
    """

    watch_points: Tensor
    duration_points: Tensor
    scale: Tensor

    def __init__(
        self,
        watch_points: Floats,
        duration_points: Floats,
        knee: float,
        maximum: float,
        quantiles: GroupedQuantiles,
        chance: ExplicitChance,
        inputs: Sequence[str],
    ) -> None:
        super().__init__()
        self.register_buffer("watch_points", torch.from_numpy(watch_points))
        self.register_buffer("duration_points", torch.from_numpy(duration_points))
        self.register_buffer(
            "scale", torch.tensor([knee, maximum], dtype=torch.float64)
        )
        self.quantiles, self.chance = quantiles, chance
        self.read = [INPUTS.index(name) for name in inputs]

    @classmethod
    def learn(cls, counts: Any, inputs: Sequence[str]) -> Self:
        """Learn from :class:`FeedbackCounts` what the label is made of."""
        watch_times = counts.watch_times()
        edges = group_edges(counts.longest_alike(), N_GROUPS)
        seconds = counts.watched_within, counts.duration
        return cls(
            Ranks.among(watch_times).points,
            Ranks.among(counts.durations()).points,
            watch_times.quantile(KNEE),
            watch_times.largest,
            GroupedQuantiles.learn(edges, *seconds, counts.counts),
            ExplicitChance.learn(counts),
            inputs,
        )

    def forward(self, feedback: Feedback) -> tuple[Tensor, Tensor]:
        """Inputs of the label network, (n, n_inputs), and hand-made labels, (n, 3).

        Ranks of watch time and duration in [-2, 2], explicit feedback 0 or 2; and
        scaled watch time, D2Q's label, and explicit feedback 0 or 1. Seconds are read
        as float32, as those that were counted. What is not known stays NaN.
        """
        watch_time, duration, explicit = feedback
        watch_time, duration = (s.float().to(s) for s in (watch_time, duration))
        inputs = [
            4 * rank_among(self.watch_points, watch_time) - 2,
            4 * rank_among(self.duration_points, duration) - 2,
            2 * explicit,
        ]
        knee, maximum = self.scale
        labels = [
            scale(watch_time, knee=knee, maximum=maximum),
            self.quantiles(torch.minimum(watch_time, duration), duration),
            explicit,
        ]
        return torch.stack(inputs, 1)[:, self.read], torch.stack(labels, 1)


class StartingRule(nn.Module):
    """The weighted sum of standardised hand-made labels, brought into (0, 1).

    Weights of 0 make the label that is 1/2 everywhere.

    Parameters
    ----------
    weights : ndarray of shape (3,)
        One for each hand-made label.
    labels : tensor of shape (n, 3)
        The hand-made labels of the distinct feedback to learn from; those that are not
        known are NaN.
    counts : tensor of shape (n,)
        How often each occurred.
    """

    weights: Tensor
    ends: Tensor

    def __init__(self, weights: Floats, labels: Tensor, counts: Tensor) -> None:
        super().__init__()
        counts = counts.to(labels)[:, None] * ~labels.isnan()
        shares, known = counts / counts.sum(0), labels.nan_to_num(0)
        gaps = known - (shares * known).sum(0)
        std = (shares * gaps.square()).sum(0).sqrt()
        std = torch.where(std > 1e-12, std, 0.0)  # rounding is no spread
        scaled = torch.from_numpy(np.asarray(weights)) / std.where(std > 0, 1)
        self.register_buffer("weights", scaled)
        sums = torch.cat([labels.nan_to_num(value) @ scaled for value in (0, 1)])
        self.register_buffer("ends", torch.stack([sums.min(), sums.max()]))

    def forward(self, labels: Tensor) -> Tensor:
        """Log-odds of the rule, (n, 1)."""
        low, high = self.ends
        if not self.weights.any():
            return labels.new_zeros(len(labels), 1)
        width = torch.where(high > low, high - low, 1)
        part = ((labels @ self.weights - low) / width).clamp(0, 1)
        return torch.logit(MARGIN + (1 - 2 * MARGIN) * part)[:, None]


class LearnedLabel(nn.Module):
    """The learned label g(feedback), between 0 and 1.

    Its log-odds are those of a starting rule plus a learned correction, which is 0 at
    first and may be bounded, so that the label can neither collapse nor turn into
    something that has nothing to do with the rule. All that it knows of the log that it
    was learned on are buffers of bounded size.

    Where explicit feedback e is not known, the label is its expectation given the watch
    time, (1 - p) g(w, d, 0) + p g(w, d, 1).

    Parameters
    ----------
    signals : Signals
        Reads the feedback.
    rule : StartingRule
        What the label starts from.
    hidden : sequence of int
        Widths of the dense layers.
    bound : float or None
        The largest correction of the log-odds; None for any.
    """

    def __init__(
        self,
        signals: Signals,
        rule: StartingRule,
        hidden: Sequence[int],
        bound: float | None,
    ) -> None:
        super().__init__()
        self.signals, self.rule, self.bound = signals, rule, bound
        self.correction = dense(len(signals.read), hidden, 1)
        for parameter in self.correction[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, feedback: Feedback) -> Tensor:
        """Labels of some :class:`Feedback`, (n, 1)."""
        prepared = self.prepare(feedback, bool(feedback.unknown.any()))
        return self.craft(prepared.to(next(self.correction.parameters())))

    def prepare(self, feedback: Feedback, may_be_unknown: bool = False) -> Tensor:
        """What does not depend on what is learned, in float64.

        Parameters
        ----------
        feedback : Feedback
            Of n impressions.
        may_be_unknown : bool, default=False
            Whether explicit feedback may be not known.

        Returns
        -------
        tensor of shape (n, width)
            The inputs and the rule's log-odds; if feedback may be not known, supposing
            that there was none, that there was some, and the chance that there was.
        """
        if not may_be_unknown:
            return self._join(*self.signals(feedback))
        pair = [self._join(*self.signals(feedback.supposing(e))) for e in (0, 1)]
        chance = self.signals.chance(feedback.watch_time) * feedback.unknown
        return torch.cat([*pair, chance[:, None]], dim=1)

    def _join(self, inputs, labels):
        return torch.cat([inputs, self.rule(labels)], dim=1)

    def craft(self, prepared: Tensor) -> Tensor:
        """Labels of what :meth:`prepare` returns, (n, 1)."""
        width = len(self.signals.read) + 1
        labels = torch.sigmoid(self.log_odds(prepared[:, :width]))
        if prepared.shape[1] == width:
            return labels
        others = torch.sigmoid(self.log_odds(prepared[:, width:-1]))
        return labels + prepared[:, -1:] * (others - labels)

    @torch.no_grad()
    def exact(self, feedback: Feedback) -> Floats:
        """Labels as float64, (n,), each the same whatever rows are beside it.

        They are computed in float64 and rounded to float32 at the log-odds.
        """
        double, unknown = copy.deepcopy(self).double(), feedback.unknown
        labels = double._exact(feedback.supposing(0))
        if unknown.any():
            others = double._exact(feedback.rows(unknown).supposing(1))
            chance = self.signals.chance(feedback.watch_time[unknown]).numpy()
            labels[unknown.numpy()] += chance * (others - labels[unknown.numpy()])
        return labels

    def _exact(self, feedback):
        """The same of feedback that is known, by a network in float64."""
        parts = torch.arange(len(feedback.watch_time)).split(PREDICTION_BATCH)
        prepared = (self.prepare(feedback.rows(part)) for part in parts)
        log_odds = torch.cat([self.log_odds(part).float() for part in prepared])
        return expit(log_odds[:, 0].double().numpy())

    def log_odds(self, prepared: Tensor) -> Tensor:
        """Log-odds of these labels, (n, 1)."""
        correction = self.correction(prepared[:, :-1])
        if self.bound is not None:
            correction = self.bound * torch.tanh(correction / self.bound)
        return prepared[:, -1:] + correction
