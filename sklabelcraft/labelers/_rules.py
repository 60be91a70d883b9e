"""Labels by a fixed rule: PC, PCR, WT and EF."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from sklabelcraft._counts import Numbers
from sklabelcraft._docs import shared
from sklabelcraft._estimator import LARGEST
from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.scaling import scale


@shared
class PlayCompletion(BaseLabeler):
    """PC: label an impression 1 if the video was watched beyond its duration.

    Parameters
    ----------
    {columns}
    strict : bool, default=True
        Whether the watch time must exceed the duration; False takes equality as
        complete too.

    Attributes
    ----------
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import PlayCompletion
    >>> log = pd.DataFrame({"watch_time": [5.0, 12.0], "duration": [10.0, 10.0]})
    >>> PlayCompletion().fit_transform(log)
    array([[0.],
           [1.]])
    """

    _parameter_constraints: dict = BaseLabeler._parameter_constraints | {
        "strict": ["boolean"]
    }

    def __init__(self, *, columns=None, strict=True):
        super().__init__(columns=columns)
        self.strict = strict

    def _label(self, log, columns):
        watch_time = log.numeric(columns.watch_time, minimum=0)
        duration = log.numeric(columns.duration, minimum=0)
        compare = np.greater if self.strict else np.greater_equal
        return compare(watch_time, duration).astype(np.float64)


@shared
class PlayCompletionRate(BaseLabeler):
    """PCR: label an impression by the share of the video that was watched.

    A duration of 0 gives the label 0, a share beyond float64 its largest number.

    Parameters
    ----------
    {columns}
    clip : bool, default=True
        Whether replays (watch time beyond the duration) count as 1.

    Attributes
    ----------
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import PlayCompletionRate
    >>> log = pd.DataFrame({"watch_time": [5.0], "duration": [10.0]})
    >>> PlayCompletionRate().fit_transform(log)
    array([[0.5]])
    """

    _parameter_constraints: dict = BaseLabeler._parameter_constraints | {
        "clip": ["boolean"]
    }

    def __init__(self, *, columns=None, clip=True):
        super().__init__(columns=columns)
        self.clip = clip

    def _label(self, log, columns):
        watch_time = log.numeric(columns.watch_time, minimum=0)
        duration = log.numeric(columns.duration, minimum=0)
        if self.clip:
            watch_time = np.minimum(watch_time, duration)
        rate = np.zeros(len(log))
        with np.errstate(over="ignore"):
            np.divide(watch_time, duration, out=rate, where=duration > 0)
        return np.minimum(rate, LARGEST)

    def _watch_time(self, labels, log, columns):
        duration = log.numeric(columns.duration, minimum=0)
        with np.errstate(over="ignore"):
            seconds = labels.clip(0, 1 if self.clip else None) * duration
        return np.minimum(seconds, LARGEST)


@shared
class WatchTime(BaseLabeler):
    """WT: label an impression by its watch time, scaled onto [0, 1].

    Parameters
    ----------
    {columns}
    quantile : float, default=0.9
        Quantile of the fitted rows at the knee of the scaling.
    share : float, default=0.2
        Part of [0, 1] for watch times up to the knee, see
        :func:`~sklabelcraft.scale`.

    Attributes
    ----------
    knee_, maximum_ : float
        Quantile and maximum of the fitted watch times, in seconds.
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import WatchTime
    >>> log = pd.DataFrame({"watch_time": [0.0, 10.0, 100.0]})
    >>> WatchTime(quantile=0.5).fit_transform(log)
    array([[0. ],
           [0.2],
           [1. ]])
    """

    _parameter_constraints: dict = BaseLabeler._parameter_constraints | {
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "share": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(self, *, columns=None, quantile=0.9, share=0.2):
        super().__init__(columns=columns)
        self.quantile = quantile
        self.share = share

    def _keys(self, columns):
        return [columns.watch_time]

    def _count(self, log, columns):
        return Numbers.of(log.numeric(columns.watch_time, minimum=0))

    def _learn(self, numbers):
        self.knee_ = numbers.quantile(self.quantile)
        self.maximum_ = numbers.largest

    def _label(self, log, columns):
        watch_time = log.numeric(columns.watch_time, minimum=0)
        return scale(
            watch_time, knee=self.knee_, maximum=self.maximum_, share=self.share
        )

    def _watch_time(self, labels, log, columns):
        ends = [0.0, self.knee_, self.maximum_]
        return np.interp(labels, [0.0, self.share, 1.0], ends)


class ExplicitColumns(NamedTuple):
    """Which columns of explicit feedback some rows have; all rows have the same."""

    found: list

    def merged(self, other):
        """The same, if the other rows have the same columns."""
        missing = [key for key in self.found if key not in other.found]
        if missing:
            raise ValueError(
                f"column {missing[0]!r} was in the log before and is not in it now; "
                f"the columns of explicit feedback are {self.found}."
            )
        added = [key for key in other.found if key not in self.found]
        if added:
            raise ValueError(
                f"column {added[0]!r} is in the log now and was not before: the label "
                f"is learned from {self.found}. Fit anew to use it, or leave it out."
            )
        return self


@shared
class ExplicitFeedback(BaseLabeler):
    """EF: label an impression 1 if it got any explicit feedback.

    Parameters
    ----------
    {columns}

    Attributes
    ----------
    explicit_ : list of str or int
        The columns of explicit feedback that are used.
    statistics_ : object
        The same columns, which all rows must have that are given to ``partial_fit``.
    {learned_names}

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import ExplicitFeedback
    >>> log = pd.DataFrame({"like": [0, 1], "comment": [0, 2]})
    >>> ExplicitFeedback().fit_transform(log)
    array([[0.],
           [1.]])
    """

    def _keys(self, columns):
        return columns.explicit

    def _count(self, log, columns):
        found = log.present(columns.explicit)
        log.any_positive(found)
        return ExplicitColumns(found)

    def _learn(self, columns):
        self.explicit_ = columns.found

    def _label(self, log, columns):
        return log.any_positive(self.explicit_)
