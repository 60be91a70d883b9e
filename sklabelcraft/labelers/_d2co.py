"""A label between the watch times of who is interested and who is not: D2Co."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

from sklabelcraft._docs import shared
from sklabelcraft._estimator import FINITE
from sklabelcraft._mixtures import two_means
from sklabelcraft._quantiles import GROUP, count_cells, seconds_of
from sklabelcraft.columns import Columns
from sklabelcraft.labelers._duration import DurationGroupLabeler


@shared
class D2Co(DurationGroupLabeler):
    """D2Co: label an impression by where its watch time lies between noise and bias.

    In each duration group, the watch times w = min(watch time, duration) are taken for
    a mixture of two Gaussians [1]_: the lower mean is how long users watch what does
    not interest them (noise), the upper one how long they watch what does (bias). Both
    are averaged over neighbouring groups, each by its number of rows. The label is

        (exp(alpha w) - exp(alpha noise)) / (exp(alpha bias) - exp(alpha noise)),

    clipped to [0, 1], or (w - noise) / (bias - noise) for an alpha of 0. A negative
    alpha tells short watch times better apart than long ones. Where noise and bias are
    the same, the label is 0. The mixtures are fitted to watch times of 12 significant
    bits, one part in 4096.

    Parameters
    ----------
    n_groups : int, default=100
        Number of equal-frequency duration groups; equal durations are never split, so
        there may be fewer. The authors have a group for each whole second.
    window : int, default=3
        The average is over ``2 * window - 1`` groups; 1 for none.
    alpha : float, default=-0.05
        Sensitivity, per second.
    {columns}

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all groups but the last, in seconds.
    noise_, bias_ : ndarray of shape (n_edges + 1,)
        The averaged means of each group, in seconds.
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Zhao et al., "Uncovering User Interest from Biased and Noised Watch Time in
       Video Recommendation", RecSys 2023.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import D2Co
    >>> watch_time = [1.0, 1.0, 3.0, 17.0, 19.0, 19.0, 10.0]
    >>> log = pd.DataFrame({"watch_time": watch_time, "duration": 20.0})
    >>> labeler = D2Co(alpha=0.0).fit(log[:6])
    >>> labeler.noise_.round(2), labeler.bias_.round(2)
    (array([1.67]), array([18.33]))
    >>> labeler.transform(log[4:]).round(2)
    array([[1. ],
           [1. ],
           [0.5]])
    """

    _parameter_constraints: dict = DurationGroupLabeler._parameter_constraints | {
        "window": [Interval(Integral, 1, None, closed="left")],
        "alpha": [FINITE],
    }

    def __init__(
        self,
        n_groups: int = 100,
        window: int = 3,
        alpha: float = -0.05,
        *,
        columns: Columns | None = None,
    ) -> None:
        super().__init__(n_groups, columns=columns)
        self.window = window
        self.alpha = alpha

    def _describe(self, counts):
        group, watched = self._group(counts.duration), counts.watched_within
        cells, counts = count_cells(group, watched, counts.counts)
        values = seconds_of(torch.from_numpy(cells)).numpy()
        starts = np.searchsorted(cells, np.arange(1, len(self.edges_) + 1) * GROUP)
        parts = [np.split(column, starts) for column in (values, counts)]
        means = np.array([two_means(*part) for part in zip(*parts, strict=True)])
        size = np.array([part.sum() for part in parts[1]])
        self.noise_, self.bias_ = (
            _moving_average(column, size, self.window) for column in means.T
        )

    def _label(self, log, columns):
        watched, duration = self._seconds(log, columns)
        near, far = self._ends(duration)
        low, high = np.minimum(near, far), np.maximum(near, far)
        bent, width = (
            self._bent(seconds - near) for seconds in (watched.clip(low, high), far)
        )
        share = np.zeros(len(log))
        np.divide(bent, width, out=share, where=width != 0)
        return np.where(width != 0, 1 - share, 0) if self.alpha > 0 else share

    def _bent(self, seconds):
        """exp(alpha seconds) - 1, exactly also for small alpha; seconds for 0."""
        with np.errstate(over="ignore"):  # of which the exponential is 0
            return np.expm1(self.alpha * seconds) if self.alpha else seconds

    def _watch_time(self, labels, log, columns):
        duration = self._duration(log, columns)
        near, far = self._ends(duration)
        labels = labels.clip(0, 1)
        share = 1 - labels if self.alpha > 0 else labels
        bent = share * self._bent(far - near)
        with np.errstate(divide="ignore"):
            beyond = np.log1p(bent) / self.alpha if self.alpha else bent
        return (near + beyond).clip(0, duration)

    def _ends(self, duration):
        """Noise and bias, first the one whose exponential is larger."""
        noise, bias = self._means(duration)
        return (bias, noise) if self.alpha > 0 else (noise, bias)

    def _means(self, duration):
        group = self._group(duration)
        return self.noise_[group], self.bias_[group]


def _moving_average(values, weights, window):
    """Means over ``2 * window - 1`` neighbours, fewer at the ends, by their weights."""
    n = len(values)
    window = min(window, n)
    ones = np.ones(2 * window - 1)
    sums = (np.convolve(column, ones) for column in (values * weights, weights))
    total, weight = (column[window - 1 :][:n] for column in sums)
    return total / weight
