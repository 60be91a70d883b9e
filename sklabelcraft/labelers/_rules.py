"""Labels by a fixed rule: PC, PCR, WT and EF."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from sklabelcraft._counts import Numbers
from sklabelcraft._docs import shared
from sklabelcraft._estimator import LARGEST
from sklabelcraft._known import warn_of_unknown
from sklabelcraft.columns import Columns
from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.scaling import scale, two_lines_back


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

    def __init__(self, *, columns: Columns | None = None, strict: bool = True) -> None:
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

    def __init__(self, *, columns: Columns | None = None, clip: bool = True) -> None:
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

    def __init__(
        self,
        *,
        columns: Columns | None = None,
        quantile: float = 0.9,
        share: float = 0.2,
    ) -> None:
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
        ends = {"knee": self.knee_, "maximum": self.maximum_}
        return two_lines_back(labels, share=self.share, **ends)


class ExplicitCounts(NamedTuple):
    """What is known of the explicit feedback of some rows.

    Attributes
    ----------
    found : list of str or int
        The columns of explicit feedback that they have.
    n_rows, n_unknown : int
        Number of the rows, and of those whose feedback is not known.
    """

    found: list
    n_rows: int
    n_unknown: int

    def merged(self, other):
        """The same of the rows of both, if the others have the same columns."""
        check_same_explicit(self.found, other.found)
        n_rows = self.n_rows + other.n_rows
        return ExplicitCounts(self.found, n_rows, self.n_unknown + other.n_unknown)


def check_same_explicit(before, now):
    """Check that further rows have the columns of explicit feedback of those before."""
    missing = [key for key in before if key not in now]
    if missing:
        raise ValueError(
            f"column {missing[0]!r} was in the log before and is not in it now; "
            f"the columns of explicit feedback are {before}."
        )
    added = [key for key in now if key not in before]
    if added:
        raise ValueError(
            f"column {added[0]!r} is in the log now and was not before: the label "
            f"is learned from {before}. Fit anew to use it, or leave it out."
        )


@shared
class ExplicitFeedback(BaseLabeler):
    """EF: label an impression 1 if it got any explicit feedback.

    What is missing is not known: where no signal is above 0 and one is missing, the
    label is NaN. Rankers learn from the other rows; with other labels beside this one,
    those of this library learn these from all rows, those of other libraries from the
    rows of which all labels are known.

    Parameters
    ----------
    {columns}

    Attributes
    ----------
    explicit_ : list of str or int
        The columns of explicit feedback that are used.
    n_unknown_ : int
        Number of rows so far whose label is NaN.
    statistics_ : object
        The columns, which all rows must have that are given to ``partial_fit``, and how
        many rows there were.
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
        unknown = np.isnan(log.any_positive(found))
        return ExplicitCounts(found, len(log), int(unknown.sum()))

    def _learn(self, counts):
        if counts.n_unknown == counts.n_rows:
            raise ValueError(
                f"the explicit feedback of all {counts.n_rows} rows is missing in "
                f"{counts.found}: there is no label to learn."
            )
        self.explicit_, self.n_unknown_ = counts.found, counts.n_unknown
        rows = counts.n_unknown, counts.n_rows
        warn_of_unknown(*rows, "these rows have no label, and none learns from them")

    def _label(self, log, columns):
        return log.any_positive(self.explicit_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
