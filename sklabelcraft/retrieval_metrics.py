"""Metrics of the field at large: who is told from whom, what is found, what is shown.

As in :mod:`~sklabelcraft.metrics`, users with more than k rows take part, and equal
scores are no order: a metric is its expectation over all orders of tied rows.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from sklabelcraft._docs import shared
from sklabelcraft._ids import read_ids
from sklabelcraft._ranked import Ranked
from sklabelcraft.metrics import LISTS, known_gains, mean_of_defined, validated

EXPLICIT = {"explicit": ["array-like"]} | LISTS
ITEMS = {"items": ["array-like"]} | {n: LISTS[n] for n in ("scores", "groups", "k")}


@validated(EXPLICIT)
@shared
def gauc_score(
    explicit: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike,
    k: int = 10,
    average: Literal["mean", None] = "mean",
) -> Any:
    """Area under the ROC curve within each user, averaged by impressions (GAUC).

    For one user, it is the probability that an impression with any explicit feedback
    has a higher score than one without, equal scores counting as half. Users count by
    how many impressions they have.

    Parameters
    ----------
    {explicit}
    {ranking}
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows that are known, in order
        of first appearance, NaN where all impressions or none got feedback. The mean
        leaves such users out and warns how many they are.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Between 0 and 1, 1/2 by chance, the higher the better.

    Raises
    ------
    ValueError
        If no user has more than k rows that are known, none has impressions of both
        kinds, or a value is infinite or negative.

    References
    ----------
    .. [1] Zhou et al., "Deep Interest Network for Click-Through Rate Prediction",
       KDD 2018.

    Examples
    --------
    >>> from sklabelcraft import gauc_score
    >>> gauc_score([0, 1, 0], [0.9, 0.5, 0.1], groups=[7, 7, 7], k=1)
    0.5
    """
    gains, ranked = known_gains(explicit, Ranked.by(scores, groups, k), scores)
    n_rows, positive = ranked.users.lengths.numpy(), gains[ranked.order]
    n_positive = np.bincount(ranked.lists, positive)
    rank = (ranked.first + (ranked.size + 1) / 2)[ranked.run]  # of ties, the middle
    rank_sums = np.bincount(ranked.lists, positive * rank)
    outranked = rank_sums - n_positive * (n_positive + 1) / 2
    pairs = n_positive * (n_rows - n_positive)
    values = np.where(pairs, 1 - outranked / pairs.clip(1), np.nan)
    if average is None:
        return values
    return mean_of_defined(values, "impressions of both kinds", weights=n_rows)


@validated(EXPLICIT)
@shared
def top_k_recall_score(
    explicit: ArrayLike,
    scores: ArrayLike,
    *,
    groups: ArrayLike,
    k: int = 10,
    average: Literal["mean", None] = "mean",
) -> Any:
    """Share of each user's liked impressions that are among the first k.

    Liked is an impression that got any explicit feedback.

    Parameters
    ----------
    {explicit}
    {ranking}
    average : {"mean", None}, default="mean"
        None returns one value per user with more than k rows that are known, in order
        of first appearance, NaN where the user gave no explicit feedback. The mean
        leaves such users out and warns how many they are.

    Returns
    -------
    float, or ndarray of shape (n_users,)
        Between 0 and 1, the higher the better.

    Raises
    ------
    ValueError
        If no user has more than k rows that are known, none gave explicit feedback, or
        a value is infinite or negative.

    Examples
    --------
    >>> from sklabelcraft import top_k_recall_score
    >>> top_k_recall_score([1, 0, 1], [0.9, 0.5, 0.1], groups=[7, 7, 7], k=2)
    0.5
    """
    gains, ranked = known_gains(explicit, Ranked.by(scores, groups, k), scores)
    liked, share = ranked.shown(gains)
    n_liked = np.bincount(ranked.lists, liked)
    found = np.bincount(ranked.lists, share * liked)
    values = np.where(n_liked, found / n_liked.clip(1), np.nan)
    return values if average is None else mean_of_defined(values, "explicit feedback")


@validated(
    {"items": ["array-like"]} | {n: c for n, c in LISTS.items() if n != "average"}
)
@shared
def top_k_coverage_score(
    items: ArrayLike, scores: ArrayLike, *, groups: ArrayLike, k: int = 10
) -> float:
    """Share of the items that are among the first k impressions of any user.

    It is of all lists together: few items shown to everybody cover little.

    Parameters
    ----------
    items : array-like of shape (n,)
        The item of each row; missing ones are one item.
    {ranking}

    Returns
    -------
    float
        Between 0 and 1, of all different items that users with more than k rows could
        be shown. Where scores are tied, the expected share, over all orders of the tied
        rows of each user.

    Raises
    ------
    ValueError
        If no user has more than k rows.

    Examples
    --------
    >>> from sklabelcraft import top_k_coverage_score
    >>> users, scores = [7, 7, 8, 8], [0.9, 0.1, 0.9, 0.1]
    >>> top_k_coverage_score(["a", "b", "a", "c"], scores, groups=users, k=1)
    0.333...
    """
    ranked = Ranked.by(scores, groups, k)
    codes = read_ids(items, "items").codes()
    if len(codes) != ranked.n_rows:
        raise ValueError(
            f"items must have as many rows as scores, {ranked.n_rows}; got "
            f"{len(codes)}."
        )
    there, item = np.unique(codes[ranked.order], return_inverse=True)
    pairs, n_rows = np.unique(ranked.run * len(there) + item, return_counts=True)
    run, item = np.divmod(pairs, len(there))
    missed = _log_missed(n_rows, ranked.size[run], ranked.n_shown[run])
    return float(-np.expm1(np.bincount(item, missed)).mean())


def _log_missed(n_rows, size, n_shown):
    """Log of the probability that none of some tied rows is among those shown."""
    others = size - n_rows
    ways = gammaln(others + 1) - gammaln((others - n_shown).clip(0) + 1)
    all_ways = gammaln(size + 1) - gammaln(size - n_shown + 1)
    return np.where(others < n_shown, -np.inf, ways - all_ways)
