"""A label by what the watching cost: CWM."""

import numpy as np

from sklabelcraft._docs import shared
from sklabelcraft._estimator import POSITIVE
from sklabelcraft.columns import Columns
from sklabelcraft.labelers._base import BaseLabeler


@shared
class CWM(BaseLabeler):
    """CWM: label an impression by the interest that its watch time stands for.

    A user goes on watching as long as the interest is worth its cost c per second; that
    ends after 1 / (-c log(interest)) - 1 seconds, the counterfactual watch time [1]_.
    The label is the interest of w = min(watch time, duration),

        exp(-1 / (c (w + 1))),

    the same for all durations; 1 / c is what the authors' code calls the inverse cost.
    If a video was watched to its end, the user might have gone on: the interest is at
    least the label. The method's loss knows that, the label alone does not; the user
    guide has the loss.

    Parameters
    ----------
    cost : float, default=0.1
        The cost c of a second, positive: the lower, the longer a video must be watched
        for a high label.
    {columns}

    Attributes
    ----------
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Zhao et al., "Counteracting Duration Bias in Video Recommendation via
       Counterfactual Watch Time", KDD 2024, Eqs. 2 and 3.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import CWM
    >>> log = pd.DataFrame({"watch_time": [0.0, 9.0, 99.0], "duration": 19.0})
    >>> CWM().fit_transform(log).round(3)
    array([[0.   ],
           [0.368],
           [0.607]])
    """

    _parameter_constraints: dict = BaseLabeler._parameter_constraints | {
        "cost": [POSITIVE]
    }

    def __init__(self, cost: float = 0.1, *, columns: Columns | None = None) -> None:
        super().__init__(columns=columns)
        self.cost = cost

    def _label(self, log, columns):
        duration = log.numeric(columns.duration, minimum=0)
        watched = np.minimum(log.numeric(columns.watch_time, minimum=0), duration)
        with np.errstate(divide="ignore", over="ignore"):
            return np.exp(-1 / (self.cost * (watched + 1)))

    def _watch_time(self, labels, log, columns):
        duration = log.numeric(columns.duration, minimum=0)
        with np.errstate(divide="ignore", over="ignore"):
            watched = 1 / (self.cost * np.abs(np.log(labels.clip(0, 1)))) - 1
        return watched.clip(0, duration)
