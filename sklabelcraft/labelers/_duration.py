"""Labels that compare an impression with others of similar duration; DVR."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from sklabelcraft._counts import FeedbackCounts, as_read
from sklabelcraft._docs import shared
from sklabelcraft._quantiles import group_edges
from sklabelcraft.columns import Columns
from sklabelcraft.labelers._base import BaseLabeler


class DurationGroupLabeler(BaseLabeler):
    """Template of labels relative to equal-frequency groups of the duration.

    The watch time that is compared is min(watch time, duration). Durations beyond the
    fitted ones belong to the outermost groups. Durations are read as float32 in fit and
    after it, so that none falls beside an edge that it makes.
    """

    _parameter_constraints: dict = BaseLabeler._parameter_constraints | {
        "n_groups": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, n_groups: int = 30, *, columns: Columns | None = None) -> None:
        super().__init__(columns=columns)
        self.n_groups = n_groups

    def _count(self, log, columns):
        duration = self._duration(log, columns)
        return FeedbackCounts.of(log.numeric(columns.watch_time, minimum=0), duration)

    def _learn(self, counts):
        self.edges_ = group_edges(counts.longest_alike(), self.n_groups)
        self._describe(counts)

    def _seconds(self, log, columns):
        duration = self._duration(log, columns)
        watch_time = log.numeric(columns.watch_time, minimum=0)
        return np.minimum(watch_time, duration), duration

    def _duration(self, log, columns):
        return log.numeric(columns.duration, minimum=0)

    def _group(self, duration):
        return np.searchsorted(self.edges_, as_read(duration), side="left")


@shared
class DVR(DurationGroupLabeler):
    """DVR: label an impression by its watch-time gain over videos of similar duration.

    The gain is min(watch time, duration), standardised by the mean and the standard
    deviation of the impression's duration group [1]_. This is the label alone; the full
    method also ranks without the duration and against an adversary, as
    ``LabelCraftRecommender(DVR(), MLPRanker(adversary_weight=0.1))`` does.

    Parameters
    ----------
    {groups}
    {columns}

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all groups but the last, in seconds.
    mean_, std_ : ndarray of shape (n_edges + 1,)
        Mean and standard deviation of the watch time of each group, in seconds.
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Zheng et al., "DVR: Micro-Video Recommendation Optimizing Watch-Time-Gain
       under Duration Bias", MM 2022, Eq. 2.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import DVR
    >>> log = pd.DataFrame({"watch_time": [1.0, 3.0, 2.0], "duration": [9.0, 9.0, 9.0]})
    >>> DVR().fit_transform(log).round(2)
    array([[-1.22],
           [ 1.22],
           [ 0.  ]])
    """

    def _describe(self, counts):
        group, rows = self._group(counts.duration), counts.counts
        watched, size = counts.watched_within, np.bincount(group, rows)
        self.mean_ = np.bincount(group, rows * watched) / size
        squares = np.bincount(group, rows * (watched - self.mean_[group]) ** 2)
        std = np.sqrt(squares / size)
        self.std_ = np.where(std > 1e-12 * self.mean_, std, 0.0)  # rounding is no gain

    def _label(self, log, columns):
        watched, duration = self._seconds(log, columns)
        group = self._group(duration)
        gain, std = np.zeros(len(log)), self.std_[group]
        over_mean = as_read(watched) - self.mean_[group]
        np.divide(over_mean, std, out=gain, where=std > 0)
        return gain

    def _watch_time(self, labels, log, columns):
        duration = self._duration(log, columns)
        group = self._group(duration)
        with np.errstate(over="ignore"):  # far beyond any duration
            watched = self.mean_[group] + labels * self.std_[group]
        return watched.clip(0, duration)
