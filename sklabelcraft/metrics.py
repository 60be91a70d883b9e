"""Metrics of ranked lists, per user and averaged, vectorised over users.

Users with more than k rows take part. Within a user, rows are ordered by descending
score; equal scores keep the order of the rows.
"""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from pandas import factorize
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

LISTS = {
    "scores": ["array-like"],
    "groups": ["array-like"],
    "k": [Interval(Integral, 1, None, closed="left")],
    "average": [StrOptions({"mean"}), None],
}
NUMBER = Interval(Real, None, None, closed="neither")
GAINS = LISTS | {"zero_division": [StrOptions({"skip"}), NUMBER]}
validated = partial(validate_params, prefer_skip_nested_validation=True)


@validated({"watch_time": ["array-like"]} | GAINS)
def nwtg_score(
    watch_time, scores, *, groups, k=10, zero_division="skip", average="mean"
):
    """Normalised watch-time gain of the first k impressions of each user.

    WTG@k = sum over the first k of watch time / log2(rank + 1), divided by the same
    sum in the order of the watch time itself.

    Parameters
    ----------
    watch_time : array-like of shape (n,)
        Seconds watched, >= 0.
    scores : array-like of shape (n,)
        The higher, the earlier in the list. Equal scores keep the order of the rows.
    groups : array-like of shape (n,)
        The user of each row.
    k : int, default=10
        Length of the shown list; users with at most k rows are left out.
    zero_division : {"skip"} or float, default="skip"
        Value of a user who watched nothing at all. "skip" leaves such users out and
        warns how many they are.
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows, in order of first
        appearance, NaN where a user is skipped.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Between 0 and 1, the higher the better.

    Raises
    ------
    ValueError
        If no user has more than k rows, or a value is not finite or negative.

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> from sklabelcraft import nwtg_score
    >>> nwtg_score([30.0, 10.0, 0.0], [0.2, 0.9, 0.1], groups=[7, 7, 7], k=1)
    0.333...
    """
    lists = _Lists(scores, groups, k)
    gains = column_or_1d(_nonnegative(watch_time, lists, "watch_time"))
    return _normalised_gain(gains, lists, zero_division, average)


@validated({"explicit": ["array-like"]} | GAINS)
def neg_score(explicit, scores, *, groups, k=10, zero_division="skip", average="mean"):
    """Normalised explicit-engagement gain of the first k impressions of each user.

    As :func:`nwtg_score`, with gain 1 for an impression that got any explicit feedback
    and 0 for one that got none.

    Parameters
    ----------
    explicit : array-like of shape (n,) or (n, n_signals)
        Explicit feedback, 0/1 or counts; several signals are summed.
    scores : array-like of shape (n,)
        The higher, the earlier in the list. Equal scores keep the order of the rows.
    groups : array-like of shape (n,)
        The user of each row.
    k : int, default=10
        Length of the shown list; users with at most k rows are left out.
    zero_division : {"skip"} or float, default="skip"
        Value of a user who gave no explicit feedback. "skip" leaves such users out and
        warns how many they are.
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows, in order of first
        appearance, NaN where a user is skipped.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Between 0 and 1, the higher the better.

    Raises
    ------
    ValueError
        If no user has more than k rows, or a value is not finite or negative.

    Examples
    --------
    >>> from sklabelcraft import neg_score
    >>> neg_score([1, 0, 0], [0.9, 0.2, 0.1], groups=[7, 7, 7], k=1)
    1.0
    """
    lists = _Lists(scores, groups, k)
    explicit = _nonnegative(explicit, lists, "explicit")
    gains = (explicit.reshape(len(explicit), -1) > 0).any(axis=1).astype(float)
    return _normalised_gain(gains, lists, zero_division, average)


@validated({"duration": ["array-like"]} | LISTS)
def ds_score(duration, scores, *, groups, k=10, average="mean"):
    """Spread of the durations of the first k impressions of each user.

    Parameters
    ----------
    duration : array-like of shape (n,)
        Seconds, >= 0.
    scores : array-like of shape (n,)
        The higher, the earlier in the list. Equal scores keep the order of the rows.
    groups : array-like of shape (n,)
        The user of each row.
    k : int, default=10
        Length of the shown list; users with at most k rows are left out.
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows, in order of first
        appearance.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Standard deviation in seconds; higher means less duration bias.

    Raises
    ------
    ValueError
        If no user has more than k rows, or a value is not finite or negative.

    Examples
    --------
    >>> from sklabelcraft import ds_score
    >>> ds_score([10.0, 30.0, 99.0], [0.9, 0.2, 0.1], groups=[7, 7, 7], k=2)
    10.0
    """
    lists = _Lists(scores, groups, k)
    duration = column_or_1d(_nonnegative(duration, lists, "duration"))
    spread = lists.shown(duration).std(axis=1)
    return float(spread.mean()) if average == "mean" else spread


class _Lists:
    """The rows of each user with more than k of them, ordered by score."""

    def __init__(self, scores, groups, k):
        scores = column_or_1d(np.asarray(scores, dtype=float))
        check_consistent_length(scores, groups)
        if not np.isfinite(scores).all():
            raise ValueError("scores must be finite, got NaN or infinity.")
        codes, _ = factorize(np.asarray(groups), use_na_sentinel=False)
        sizes = np.bincount(codes)
        if not (sizes > k).any():
            raise ValueError(
                f"no user has more than k={k} rows; the longest of {len(sizes)} "
                f"lists has {sizes.max(initial=0)}."
            )
        self.size, self.k, self._codes = len(scores), k, codes
        self._starts = (np.cumsum(sizes) - sizes)[sizes > k]
        self._order = self._ranked(scores)

    def _ranked(self, scores):
        order = np.lexsort((-scores, self._codes))
        return order[self._starts[:, None] + np.arange(self.k)]

    def shown(self, values):
        """Values of the first k rows of each user, shape (n_users, k)."""
        return values[self._order]

    def ideal(self, values):
        """Values of the k rows of each user with the largest values."""
        return values[self._ranked(values)]


def _nonnegative(values, lists, name):
    values = np.asarray(values, dtype=float)
    if len(values) != lists.size:
        raise ValueError(
            f"{name} must have as many rows as scores, {lists.size}; got {len(values)}."
        )
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        raise ValueError(
            f"{name} must be finite and >= 0, got {wrong.sum()} values that are not, "
            f"such as {values[wrong][0]}."
        )
    return values


def _normalised_gain(gains, lists, zero_division, average):
    discount = 1 / np.log2(np.arange(2, lists.k + 2))
    ideal = lists.ideal(gains) @ discount
    undefined = ideal == 0
    score = lists.shown(gains) @ discount / np.where(undefined, 1, ideal)
    score[undefined] = np.nan if zero_division == "skip" else zero_division
    return _mean_of_defined(score) if average == "mean" else score


def _mean_of_defined(score):
    undefined = np.isnan(score)
    if undefined.all():
        raise ValueError(f"none of the {len(score)} users has any gain.")
    if undefined.any():
        warnings.warn(
            f"{undefined.sum()} of {len(score)} users have no gain at all and are "
            "left out; zero_division sets a value for them.",
            UndefinedMetricWarning,
            stacklevel=4,
        )
    return float(score[~undefined].mean())
