"""Labels by the distribution of the watch time in a group of rows, such as D2Q."""

from functools import partial
from numbers import Integral

import numpy as np
import torch

from sklabelcraft._docs import shared
from sklabelcraft._estimator import NOT_NEGATIVE
from sklabelcraft._quantiles import GroupedQuantiles, group_edges, least_seconds
from sklabelcraft._typing import Keys
from sklabelcraft.columns import Columns
from sklabelcraft.labelers._by_ids import CountsByIds, GroupCounts
from sklabelcraft.labelers._duration import DurationGroupLabeler


def _is_key(name):
    return isinstance(name, str | Integral)


@shared
class ConditionalCDF(DurationGroupLabeler):
    """Label an impression by its quantile among those of the same user, item, ...

    The label is the distribution function F of min(watch time, duration) inside the
    impression's group: the share of the group's rows that were watched no longer. By
    "duration" it is D2Q [1]_. Without smoothing, it is by "item" the label of RAD on
    the video's side [2]_ and by ("user", "duration") that on the user's, there with
    four duration groups; by the page of the feed it is the quantile to which PDQ
    brings what is watched afterwards [3]_.

    Small groups say little: a user's only row is the longest watched of that user,
    however short. So a group of n rows is joined by `smoothing` rows that are spread
    like all rows of the duration group, or like all rows where `by` is without the
    duration:

        label = (n F_group(w) + smoothing F_all(w)) / (n + smoothing),

    which is the posterior mean under a Dirichlet process. A group that is never seen in
    ``fit`` has n = 0. An item has one duration, so ``("item", "duration")`` has the
    groups of "item", but joined by rows of similar duration in place of all rows.

    Watch times are compared to 12 significant bits, one part in 4096.

    Parameters
    ----------
    by : str, int or sequence of these, default="duration"
        What the rows of a group agree in: "duration" (the duration group), "user",
        "item", or the name or position of another column, whose values are groups. An
        empty sequence compares all rows.
    n_groups : int, default=30
        Number of equal-frequency duration groups; equal durations are never split, so
        there may be fewer. It has nothing to act on where `by` is without the duration.
    smoothing : float, default=10.0
        How many rows of the wider distribution join each group; 0 for none. It has
        nothing to act on where `by` is the duration alone.
    {columns}

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all duration groups but the last, in seconds; empty where `by` is
        without the duration.
    quantiles_ : torch.nn.Module
        How often each watch time occurred in each duration group, in bounded space; it
        maps watch times and durations, float64 tensors of shape (n,), to F_all.
    groups_, counts_ : object, torch.nn.Module
        The groups, and how often each watch time occurred in each, in space that grows
        with the groups, not beyond the number of rows; None where `by` has no more than
        the duration.
    {statistics}
    {learned_names}

    References
    ----------
    .. [1] Zhan et al., "Deconfounding Duration Bias in Watch-time Prediction for Video
       Recommendation", KDD 2022.
    .. [2] Liu et al., "Relative Advantage Debiasing for Watch-Time Prediction in
       Short-Video Recommendation", AAAI 2026.
    .. [3] Chen et al., "A Long-term Value Prediction Framework In Video Ranking",
       WWW 2026.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklabelcraft import ConditionalCDF
    >>> log = pd.DataFrame(
    ...     {
    ...         "user_id": ["a", "a", "b", "b"],
    ...         "watch_time": [1.0, 2.0, 3.0, 4.0],
    ...         "duration": [9.0, 9.0, 9.0, 9.0],
    ...     }
    ... )
    >>> ConditionalCDF(by="user", smoothing=2).fit_transform(log)
    array([[0.375],
           [0.75 ],
           [0.625],
           [1.   ]])
    """

    _parameter_constraints: dict = DurationGroupLabeler._parameter_constraints | {
        "by": [str, Integral, list, tuple],
        "smoothing": [NOT_NEGATIVE],
    }

    def __init__(
        self,
        by: Keys = "duration",
        n_groups: int = 30,
        smoothing: float = 10.0,
        *,
        columns: Columns | None = None,
    ) -> None:
        super().__init__(n_groups, columns=columns)
        self.by = by
        self.smoothing = smoothing

    def _keys(self, columns):
        keys = [columns.watch_time, columns.duration, *self._id_keys(columns)]
        return [key for key in keys if key is not None]

    def _factors(self):
        factors = list(self.by) if isinstance(self.by, list | tuple) else [self.by]
        wrong = [f for f in factors if isinstance(f, bool) or not _is_key(f)]
        if wrong:
            raise ValueError(
                "by must be 'duration', 'user', 'item', names or positions of columns, "
                f"or a sequence of these, got {self.by!r}."
            )
        return factors

    def _id_keys(self, columns):
        """The columns of ids that the rows of a group agree in."""
        roles = {"user": columns.user, "item": columns.item}
        factors = [name for name in self._factors() if name != "duration"]
        for name in factors:
            if roles.get(name, name) is None:
                raise ValueError(f"by={name!r} needs Columns({name}=...), got None.")
        return [roles.get(name, name) for name in factors]

    def _count(self, log, columns):
        feedback, ids = super()._count(log, columns), self._ids(log, columns)
        if not ids:
            return GroupCounts(feedback, None)
        watched, duration = self._seconds(log, columns)
        compared = duration if "duration" in self._factors() else np.zeros(len(log))
        return GroupCounts(feedback, CountsByIds.of(ids, watched, compared))

    def _learn(self, counts):
        n_groups = self.n_groups if "duration" in self._factors() else 1
        feedback, by_ids = counts
        self.edges_ = group_edges(feedback.longest_alike(), n_groups)
        self.quantiles_ = GroupedQuantiles.learn(
            self.edges_, feedback.watched_within, feedback.duration, feedback.counts
        )
        self.groups_ = self.counts_ = None
        if by_ids is not None:
            self.groups_, self.counts_ = by_ids.grouped(self.edges_)

    def _label(self, log, columns):
        watched, duration = self._seconds(log, columns)
        return self._share_of(log, columns, duration)(torch.from_numpy(watched)).numpy()

    def _watch_time(self, labels, log, columns):
        duration = self._duration(log, columns)
        shares = torch.from_numpy(labels.clip(0, 1))
        seconds = least_seconds(self._share_of(log, columns, duration), shares)
        return np.minimum(seconds.numpy(), duration)

    def _share_of(self, log, columns, duration):
        """The function from watch times of the rows to their labels."""
        wide = partial(self.quantiles_, duration=torch.from_numpy(duration))
        ids = self._ids(log, columns)
        if not ids:
            return wide
        group = torch.from_numpy(self.groups_.find(ids, self._group(duration)))
        return partial(self._smoothed_share, group, wide)

    def _smoothed_share(self, group, wide, watched):
        rank, size = self.counts_.at_most(group, watched)
        share, weight = wide(watched), size.double() + float(self.smoothing)
        smoothed = (rank + self.smoothing * share) / weight
        return torch.where(weight > 0, smoothed, share)

    def _ids(self, log, columns):
        return {key: log.ids(key) for key in self._id_keys(columns)}

    def _duration(self, log, columns):
        if columns.duration is None and "duration" not in self._factors():
            return np.full(len(log), np.inf)
        return super()._duration(log, columns)


@shared
class D2Q(ConditionalCDF):
    """D2Q: label an impression by its quantile among videos of similar duration.

    The label is the empirical distribution function of min(watch time, duration)
    inside the impression's duration group [1]_. Watch times are compared to 12
    significant bits, one part in 4096. It is ``ConditionalCDF(by="duration")``.

    Parameters
    ----------
    {groups}
    {columns}

    Attributes
    ----------
    edges_ : ndarray of shape (n_edges,)
        Upper ends of all groups but the last, in seconds.
    quantiles_ : torch.nn.Module
        How often each watch time occurred in each group, in bounded space; it maps
        watch times and durations, float64 tensors of shape (n,), to labels.
    groups_, counts_ : None
        What a `ConditionalCDF` by ids has besides.
    {statistics}
    {learned_names}

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

    _parameter_constraints: dict = DurationGroupLabeler._parameter_constraints
    by = "duration"

    def __init__(self, n_groups: int = 30, *, columns: Columns | None = None) -> None:
        DurationGroupLabeler.__init__(self, n_groups, columns=columns)
