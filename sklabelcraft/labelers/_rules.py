"""Labels by a fixed rule: PC, PCR, WT and EF."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sklabelcraft._validation import COLUMN
from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.scaling import scale


class PlayCompletion(BaseLabeler):
    """PC: label an impression 1 if the video was watched beyond its duration.

    Parameters
    ----------
    watch_time, duration : str or int, default="watch_time", "duration"
        Columns of the log, by name or position, both in seconds.
    strict : bool, default=True
        Whether the watch time must exceed the duration; False takes equality as
        complete too.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    _parameter_constraints: dict = {
        "watch_time": COLUMN,
        "duration": COLUMN,
        "strict": ["boolean"],
    }

    def __init__(self, *, watch_time="watch_time", duration="duration", strict=True):
        self.watch_time = watch_time
        self.duration = duration
        self.strict = strict

    def _label(self, log):
        watch_time = log.numeric(self.watch_time, minimum=0)
        duration = log.numeric(self.duration, minimum=0)
        compare = np.greater if self.strict else np.greater_equal
        return compare(watch_time, duration).astype(np.float64)


class PlayCompletionRate(BaseLabeler):
    """PCR: label an impression by the share of the video that was watched.

    Parameters
    ----------
    watch_time, duration : str or int, default="watch_time", "duration"
        Columns of the log, by name or position, both in seconds. A duration of 0 gives
        the label 0.
    clip : bool, default=True
        Whether replays (watch time beyond the duration) count as 1.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    _parameter_constraints: dict = {
        "watch_time": COLUMN,
        "duration": COLUMN,
        "clip": ["boolean"],
    }

    def __init__(self, *, watch_time="watch_time", duration="duration", clip=True):
        self.watch_time = watch_time
        self.duration = duration
        self.clip = clip

    def _label(self, log):
        watch_time = log.numeric(self.watch_time, minimum=0)
        duration = log.numeric(self.duration, minimum=0)
        if self.clip:
            watch_time = np.minimum(watch_time, duration)
        rate = np.zeros(len(log))
        return np.divide(watch_time, duration, out=rate, where=duration > 0)


class WatchTime(BaseLabeler):
    """WT: label an impression by its watch time, scaled onto [0, 1].

    Parameters
    ----------
    watch_time : str or int, default="watch_time"
        Column of the log, by name or position, in seconds.
    quantile : float, default=0.9
        Quantile of the fitted rows at the knee of the scaling.
    share : float, default=0.2
        Part of [0, 1] for watch times up to the knee, see
        :func:`~sklabelcraft.scale`.

    Attributes
    ----------
    knee_, maximum_ : float
        Quantile and maximum of the fitted watch times, in seconds.
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    _parameter_constraints: dict = {
        "watch_time": COLUMN,
        "quantile": [Interval(Real, 0, 1, closed="both")],
        "share": [Interval(Real, 0, 1, closed="both")],
    }
    _roles = ("watch_time",)

    def __init__(self, *, watch_time="watch_time", quantile=0.9, share=0.2):
        self.watch_time = watch_time
        self.quantile = quantile
        self.share = share

    def _learn(self, log):
        watch_time = log.numeric(self.watch_time, minimum=0)
        self.knee_ = np.quantile(watch_time, self.quantile)
        self.maximum_ = watch_time.max()

    def _label(self, log):
        watch_time = log.numeric(self.watch_time, minimum=0)
        return scale(
            watch_time, knee=self.knee_, maximum=self.maximum_, share=self.share
        )


class ExplicitFeedback(BaseLabeler):
    """EF: label an impression 1 if it got any explicit feedback.

    Parameters
    ----------
    explicit : sequence of str or int, default=("like", "follow", "comment")
        Columns of the log, 0/1 or counts; those present in the fitted log are used.

    Attributes
    ----------
    explicit_ : list of str or int
        The columns that are used.
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    _parameter_constraints: dict = {"explicit": ["array-like"]}

    def __init__(self, *, explicit=("like", "follow", "comment")):
        self.explicit = explicit

    def _keys(self):
        return self.explicit

    def _learn(self, log):
        self.explicit_ = log.present(self.explicit)
        log.any_positive(self.explicit_)

    def _label(self, log):
        return log.any_positive(self.explicit_)
