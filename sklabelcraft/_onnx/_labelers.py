"""Labels, in a graph, from raw feedback."""

from functools import reduce
from itertools import pairwise
from operator import or_

import numpy as np

from sklabelcraft._counts import LARGEST
from sklabelcraft._onnx._encoder import name_of
from sklabelcraft._onnx._graph import DOUBLE, stacked
from sklabelcraft._onnx._networks import array, dense
from sklabelcraft._onnx._search import padded, rank_among, search, width_of
from sklabelcraft._quantiles import GROUP, seconds_of
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.labelers import (
    CWM,
    D2Q,
    DVR,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.modules._label import MARGIN
from sklabelcraft.scaling import two_lines


class Feedback:
    """Reads the raw columns of feedback, each once and where it is needed.

    Parameters
    ----------
    graph : Graph
        The graph.
    labeler : LogLabeler
        Knows the columns of the log that it was fitted to.
    """

    def __init__(self, graph, labeler):
        self.graph, self.labeler, self.roles = graph, labeler, {}
        self.columns = labeler._stated("columns")

    def watch_time(self):
        """Seconds that were watched, (n,)."""
        return self._read("watch_time", self.columns.watch_time)

    def duration(self):
        """Seconds that the video lasts, (n,)."""
        return self._read("duration", self.columns.duration)

    def explicit(self):
        """Whether there was any explicit feedback, and whether that is not known, (n,).

        Both are true or false.
        """
        names = [self._name(key) for key in self.labeler.explicit_]
        columns = [self.graph.input(name, DOUBLE, "n") for name in names]
        self.roles["explicit"] = names
        positive = reduce(or_, [column > 0 for column in columns])
        missing = reduce(or_, [column.is_nan() for column in columns])
        return positive, missing & positive.apply("Not")

    def _read(self, role, key):
        self.roles[role] = self._name(key)
        return self.graph.input(self.roles[role], DOUBLE, "n")

    def _name(self, key):
        if isinstance(key, str):
            return key
        names = getattr(self.labeler, "feature_names_in_", None)
        position = range(self.labeler.n_features_in_)[key]
        return name_of(position if names is None else names[position])


def label_of(graph, labeler):
    """The labels of a fitted labeler, (n,), and which input has which role."""
    feedback = Feedback(graph, labeler)
    return LABELERS[type(labeler)](labeler, feedback), feedback.roles


def _watch_time(labeler, feedback):
    ends = {"knee": labeler.knee_, "maximum": labeler.maximum_}
    return two_lines(feedback.watch_time(), share=labeler.share, **ends)


def _completion(labeler, feedback):
    watched, duration = feedback.watch_time(), feedback.duration()
    complete = watched > duration if labeler.strict else watched >= duration
    return complete.to(DOUBLE)


def _completion_rate(labeler, feedback):
    watched, duration = feedback.watch_time(), feedback.duration()
    if labeler.clip:
        watched = watched.minimum(duration)
    return (duration > 0).where(watched / duration, 0)


def _explicit(labeler, feedback):
    positive, unknown = feedback.explicit()
    return unknown.where(np.nan, positive.to(DOUBLE))


def _cwm(labeler, feedback):
    watched = feedback.watch_time().minimum(feedback.duration())
    watched = (watched + 1) * labeler.cost
    return (watched.graph.constant(-1.0) / watched).apply("Exp")


def _conditional_cdf(labeler, feedback):
    if labeler.groups_ is not None:
        raise ValueError(
            f"a label by={labeler.by!r} has a distribution for each id, and only those "
            "by the duration can be exported."
        )
    watched, columns = feedback.watch_time(), feedback.columns
    if columns.duration is None:
        return _quantile(labeler.quantiles_, watched, watched)
    duration = feedback.duration()
    return _quantile(labeler.quantiles_, watched.minimum(duration), duration)


def _quantile(quantiles, watched, duration):
    """The share of the rows of the duration group that were watched no longer."""
    edges = array(quantiles.edges)
    group = search(duration.as_single(), [edges], "left")
    seconds, shares = zip(*_distributions(quantiles, len(edges) + 1), strict=True)
    place = search(watched.as_single(), seconds, "right", group)
    width = width_of(seconds)
    shares = watched.graph.constant(padded(shares, width, np.nan))
    return shares[group * width + place]


def _distributions(quantiles, n_groups):
    """For each group its distinct seconds, and shares of rows around them."""
    cells, total = quantiles.cells, quantiles.total.numpy()
    ends = np.searchsorted(cells.numpy(), np.arange(n_groups + 1) * GROUP)
    for start, stop in pairwise(ends):
        rows = total[start : stop + 1] - total[start]
        yield seconds_of(cells[start:stop]).numpy(), rows / rows[-1]


def _dvr(labeler, feedback):
    duration = feedback.duration()
    watched, group = feedback.watch_time().minimum(duration), _group(labeler, duration)
    mean, std = map(watched.graph.constant, (labeler.mean_, labeler.std_))
    gain = (_as_read(watched) - mean[group]) / std[group]
    return (std[group] > 0).where(gain, 0)


def _d2co(labeler, feedback):
    duration = feedback.duration()
    watched, group = feedback.watch_time().minimum(duration), _group(labeler, duration)
    near, far = labeler.noise_, labeler.bias_
    if labeler.alpha > 0:
        near, far = far, near
    width = labeler._bent(far - near)
    near, low, high, width = (
        watched.graph.constant(table)[group]
        for table in (near, np.minimum(near, far), np.maximum(near, far), width)
    )
    seconds = watched.maximum(low).minimum(high) - near
    share = _bent(seconds, labeler.alpha) / width
    share = share * -1 + 1 if labeler.alpha > 0 else share
    return width.equals(0).where(0, share)


def _bent(seconds, alpha):
    """exp(alpha seconds) - 1, also for small alpha; seconds for 0."""
    if not alpha:
        return seconds
    tanh = (seconds * (alpha / 2)).apply("Tanh")
    return tanh * 2 / (tanh * -1 + 1)


def _group(labeler, duration):
    return search(_as_read(duration), [labeler.edges_], "left")


def _as_read(seconds):
    return seconds.minimum(LARGEST).as_single()


def _learned(labeler, feedback):
    watched, duration = feedback.watch_time(), feedback.duration()
    net = labeler.label_net_
    seconds = watched.as_single(), duration.as_single()
    read = _ranks(net.signals, *seconds), _hand_made(net.signals, *seconds)
    if not labeler.explicit_:
        return _supposing(net, *read, watched * 0)
    positive, unknown = feedback.explicit()
    label = _supposing(net, *read, positive.to(DOUBLE))
    other = _supposing(net, *read, (positive | unknown).to(DOUBLE))
    place = search(seconds[0], [array(net.signals.chance.edges)], "left")
    chance = watched.graph.constant(array(net.signals.chance.shares))[place]
    return label + unknown.where(chance, 0) * (other - label)


def _supposing(net, ranks, hand_made, explicit):
    """Labels of the network, supposing that there was explicit feedback, 0 or 1."""
    odds = _rule(net.rule, (*hand_made, explicit))
    inputs = [*(rank * 4 - 2 for rank in ranks), explicit * 2]
    inputs = stacked([inputs[j] for j in net.signals.read], 1)
    correction = dense(net.correction, inputs).without_axis(1)
    if net.bound is not None:
        correction = (correction / net.bound).apply("Tanh") * net.bound
    return (odds + correction).as_single().sigmoid()


def _ranks(signals, *seconds):
    """Ranks of watch time and duration."""
    points = signals.watch_points, signals.duration_points
    return [rank_among(array(p), s) for p, s in zip(points, seconds, strict=True)]


def _hand_made(signals, watched, duration):
    """Scaled watch time, and D2Q's label."""
    knee, maximum = signals.scale.tolist()
    quantile = _quantile(signals.quantiles, watched.minimum(duration), duration)
    return two_lines(watched, knee=knee, maximum=maximum), quantile


def _rule(rule, labels):
    """Log-odds of the starting rule, (n,)."""
    weights, (low, high) = rule.weights.tolist(), rule.ends.tolist()
    total = sum(label * w for label, w in zip(labels, weights, strict=True))
    if not any(weights):
        return total
    part = ((total - low) / (high - low if high > low else 1)).clip(0, 1)
    share = part * (1 - 2 * MARGIN) + MARGIN
    return (share / (share * -1 + 1)).apply("Log")


LABELERS = {
    WatchTime: _watch_time,
    PlayCompletion: _completion,
    PlayCompletionRate: _completion_rate,
    ExplicitFeedback: _explicit,
    ConditionalCDF: _conditional_cdf,
    D2Q: _conditional_cdf,
    DVR: _dvr,
    D2Co: _d2co,
    CWM: _cwm,
    LabelCrafter: _learned,
}
