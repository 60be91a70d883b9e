"""Metrics of ranked lists, per user and averaged, vectorised over users.

Users with more than k rows take part. Within a user, rows are ordered by descending
score. Equal scores are no order: a metric is its expectation over all orders of the
rows that are tied.
"""

import warnings
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from sklabelcraft._docs import shared
from sklabelcraft._floats import as_column, as_floats
from sklabelcraft._known import any_positive, warn_of_unknown
from sklabelcraft._numbers import mean, real
from sklabelcraft._ranked import Ranked
from sklabelcraft._typing import F, typed

LISTS = {
    "scores": ["array-like"],
    "groups": ["array-like"],
    "k": [Interval(Integral, 1, None, closed="left")],
    "average": [StrOptions({"mean"}), None],
}
NUMBER = Interval(Real, None, None, closed="neither")
GAINS = LISTS | {"zero_division": [StrOptions({"skip"}), NUMBER]}


def validated(constraints: dict[str, Any]) -> Callable[[F], F]:
    """Check the parameters of a function by constraints."""
    return typed(validate_params(constraints, prefer_skip_nested_validation=True))


@validated({"watch_time": ["array-like"]} | GAINS)
@shared
def nwtg_score(
    watch_time: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike,
    k: int = 10,
    zero_division: float | Literal["skip"] = "skip",
    average: Literal["mean", None] = "mean",
) -> Any:
    """Normalised watch-time gain of the first k impressions of each user.

    WTG@k = sum over the first k of watch time / log2(rank + 1), divided by the same
    sum in the order of the watch time itself.

    Parameters
    ----------
    watch_time : array-like of shape (n,)
        Seconds watched, >= 0.
    {ranking}
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
    ranked = Ranked.by(scores, groups, k)
    watch_time = as_column(watch_time, "watch_time")
    gains = nonnegative(watch_time, ranked.n_rows, "watch_time")
    return _normalised_gain(gains, ranked, zero_division, average)


@validated({"explicit": ["array-like"]} | GAINS)
@shared
def neg_score(
    explicit: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike,
    k: int = 10,
    zero_division: float | Literal["skip"] = "skip",
    average: Literal["mean", None] = "mean",
) -> Any:
    """Normalised explicit-engagement gain of the first k impressions of each user.

    As :func:`nwtg_score`, with gain 1 for an impression that got any explicit feedback
    and 0 for one that got none.

    Parameters
    ----------
    {explicit}
    {ranking}
    zero_division : {"skip"} or float, default="skip"
        Value of a user who gave no explicit feedback. "skip" leaves such users out and
        warns how many they are.
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows that are known, in order
        of first appearance, NaN where a user is skipped.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Between 0 and 1, the higher the better.

    Raises
    ------
    ValueError
        If no user has more than k rows that are known, or a value is infinite or
        negative.

    Examples
    --------
    >>> from sklabelcraft import neg_score
    >>> neg_score([1, 0, 0], [0.9, 0.2, 0.1], groups=[7, 7, 7], k=1)
    1.0
    """
    ranked = Ranked.by(scores, groups, k)
    gains, ranked = known_gains(explicit, ranked, scores)
    return _normalised_gain(gains, ranked, zero_division, average)


@validated({"duration": ["array-like"]} | LISTS)
@shared
def ds_score(
    duration: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike,
    k: int = 10,
    average: Literal["mean", None] = "mean",
) -> Any:
    """Spread of the durations of the first k impressions of each user.

    Where scores are tied across the end of the list, it is the root of the expected
    variance of the shown durations.

    Parameters
    ----------
    duration : array-like of shape (n,)
        Seconds, >= 0.
    {ranking}
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
    ranked = Ranked.by(scores, groups, k)
    duration = as_column(duration, "duration")
    spread = ranked.spread(nonnegative(duration, ranked.n_rows, "duration"))
    return mean(spread) if average == "mean" else spread


def known_gains(explicit, ranked, scores):
    """Whether rows got any explicit feedback, and the ranks of those that are known.

    The others are left out with a warning of how many they are.
    """
    explicit, n = as_floats(explicit, "explicit"), ranked.n_rows
    explicit = nonnegative(explicit, n, "explicit", missing=True)
    gains = any_positive(explicit.reshape(n, -1).T, n)
    known = ~np.isnan(gains)
    if not known.all():
        warn_of_unknown(n - known.sum(), n, "these rows are left out", stacklevel=4)
        ranked = ranked.only(known, as_column(scores, "scores"))
    return gains, ranked


def nonnegative(values, n, name, missing=False):
    """Check that there are `n` finite values, none below 0 or else missing."""
    if values.shape[:1] != (n,):
        raise ValueError(
            f"{name} must have as many rows as scores, {n}; got shape {values.shape}."
        )
    wrong = ~(np.isfinite(values) & (values >= 0))
    if missing:
        wrong &= ~np.isnan(values)
    if wrong.any():
        raise ValueError(
            f"{name} must be finite and >= 0, got {wrong.sum()} values that are not, "
            f"the first is row {np.argwhere(wrong)[0, 0]}: {values[wrong][0]}."
        )
    return values


def _normalised_gain(gains, ranked, zero_division, average):
    gains, _ = ranked.relative(gains)
    ideal = ranked.ideal_gain(gains)
    undefined = ideal == 0
    score = ranked.gain(gains) / np.where(undefined, 1, ideal)
    score = score.clip(max=1)  # which rounding may exceed
    skip = isinstance(zero_division, str)
    score[undefined] = np.nan if skip else real(zero_division, "zero_division")
    if average is None:
        return score
    advice = "; zero_division sets a value for them"
    return mean_of_defined(score, "gain at all", advice, stacklevel=5)


def mean_of_defined(values, lacking, advice="", *, weights=None, stacklevel=4):
    """The mean over the users that have a value; how many have none is warned of.

    Raises
    ------
    ValueError
        If no user has a value.
    """
    undefined = np.isnan(values)
    if undefined.all():
        raise ValueError(f"none of the {len(values)} users has any {lacking}.")
    if undefined.any():
        warnings.warn(
            f"{undefined.sum()} of {len(values)} users have no {lacking} and are left "
            f"out{advice}.",
            UndefinedMetricWarning,
            stacklevel=stacklevel,
        )
    if weights is None:
        return mean(values[~undefined])
    return float(np.average(values[~undefined], weights=weights[~undefined]))
