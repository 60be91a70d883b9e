"""Labels that compare an impression with others of similar duration: D2Q and DVR."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval

from sklabelcraft._validation import COLUMN
from sklabelcraft.labelers._base import BaseLabeler


class DurationGroupLabeler(BaseLabeler):
    """Template of labels relative to equal-frequency groups of the duration.

    The watch time that is compared is min(watch time, duration). Durations beyond the
    fitted ones belong to the outermost groups.
    """

    _parameter_constraints: dict = {
        "n_groups": [Interval(Integral, 1, None, closed="left")],
        "watch_time": COLUMN,
        "duration": COLUMN,
    }

    def __init__(self, n_groups=30, *, watch_time="watch_time", duration="duration"):
        self.n_groups = n_groups
        self.watch_time = watch_time
        self.duration = duration

    def _learn(self, log):
        duration = log.numeric(self.duration, minimum=0)
        inner = np.linspace(0, 1, self.n_groups + 1)[1:-1]
        edges = np.unique(np.quantile(duration, inner, method="inverted_cdf"))
        self.edges_ = edges[edges < duration.max()]  # no group is empty
        group, watched = self._grouped(log)
        self._describe(group, watched)

    def _grouped(self, log):
        duration = log.numeric(self.duration, minimum=0)
        watch_time = log.numeric(self.watch_time, minimum=0)
        group = np.searchsorted(self.edges_, duration, side="left")
        return group, np.minimum(watch_time, duration)


class D2Q(DurationGroupLabeler):
    """D2Q: label an impression by its quantile among videos of similar duration.

    The label is the empirical distribution function of min(watch time, duration)
    inside the impression's duration group [1]_.

    Parameters
    ----------
    n_groups : int, default=30
        Number of equal-frequency duration groups; equal durations are never split, so
        there may be fewer.
    watch_time, duration : str or int, default="watch_time", "duration"
        Columns of the log, by name or position, both in seconds.

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all groups but the last, in seconds.
    watched_ : list of ndarray
        The sorted watch times of each group, in seconds.
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

    References
    ----------
    .. [1] Zhan et al., "Deconfounding Duration Bias in Watch-time Prediction for Video
       Recommendation", KDD 2022.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import D2Q
    >>> log = pd.DataFrame({"watch_time": [1.0, 3.0, 2.0], "duration": [9.0, 9.0, 9.0]})
    >>> D2Q().fit_transform(log).round(2)
    array([[0.33],
           [1.  ],
           [0.67]])
    """

    def _describe(self, group, watched):
        order = np.lexsort((watched, group))
        ends = np.searchsorted(group[order], np.arange(len(self.edges_)), side="right")
        self.watched_ = np.split(watched[order], ends)

    def _label(self, log):
        group, watched = self._grouped(log)
        label = np.empty(len(log))
        for g, known in enumerate(self.watched_):
            inside = group == g
            below = np.searchsorted(known, watched[inside], side="right")
            label[inside] = below / len(known)
        return label


class DVR(DurationGroupLabeler):
    """DVR: label an impression by its watch-time gain over videos of similar duration.

    The gain is min(watch time, duration), standardised by the mean and the standard
    deviation of the impression's duration group [1]_. This is the label alone; the full
    method also ranks without the duration and against an adversary, as
    ``LabelCraftRecommender(DVR(), MLPRanker(adversary_weight=0.1))`` does.

    Parameters
    ----------
    n_groups : int, default=30
        Number of equal-frequency duration groups; equal durations are never split, so
        there may be fewer.
    watch_time, duration : str or int, default="watch_time", "duration"
        Columns of the log, by name or position, both in seconds.

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all groups but the last, in seconds.
    mean_, std_ : ndarray of shape (n_edges + 1,)
        Mean and standard deviation of the watch time of each group, in seconds.
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    def _describe(self, group, watched):
        n_groups = len(self.edges_) + 1
        size = np.bincount(group, minlength=n_groups)
        self.mean_ = np.bincount(group, watched, n_groups) / size
        squares = np.bincount(group, (watched - self.mean_[group]) ** 2, n_groups)
        std = np.sqrt(squares / size)
        self.std_ = np.where(std > 1e-12 * self.mean_, std, 0.0)  # rounding is no gain

    def _label(self, log):
        group, watched = self._grouped(log)
        std = self.std_[group]
        gain = np.zeros(len(log))
        np.divide(watched - self.mean_[group], std, out=gain, where=std > 0)
        return gain
