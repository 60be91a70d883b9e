"""Compare labels by the lists of the recommenders that are trained on them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from numbers import Integral
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import has_fit_parameter

from sklabelcraft._bootstrap import METRICS
from sklabelcraft._estimator import inherit, stated_by
from sklabelcraft._folds import folds_of, rows_of
from sklabelcraft._known import warn_of_unknown
from sklabelcraft._numbers import is_length
from sklabelcraft._parts import Part
from sklabelcraft._reading import as_log, read_feedback
from sklabelcraft._scoring import RankingScorer
from sklabelcraft._seeds import check_seeds
from sklabelcraft._segments import Segments
from sklabelcraft._stated import AFTER, BEFORE, check_stated
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft._typing import Estimator, Key, RandomSource, typed
from sklabelcraft._units import looked_at_once
from sklabelcraft.columns import Columns
from sklabelcraft.recommender import LabelCraftRecommender
from sklabelcraft.results import Comparison
from sklabelcraft.scorers import (
    ListScorer,
    LogScorer,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)


@typed(
    validate_params(
        {
            "labelers": [Mapping],
            "X": "no_validation",
            "y": "no_validation",
            "cv": "no_validation",
            "recommender": [LabelCraftRecommender, None],
            "columns": [Columns, None],
            "scorers": [Mapping, None],
            "segment": [str, Integral, "array-like", None],
            "k": [Interval(Integral, 1, None, closed="left"), "array-like"],
            "n_seeds": [Interval(Integral, 1, None, closed="left")],
            "against": [str, None],
            "n_bootstrap": [Interval(Integral, 1, None, closed="left")],
            "return_estimator": ["boolean"],
            "n_jobs": [Integral, None],
            "random_state": ["random_state"],
        },
        prefer_skip_nested_validation=False,
    )
)
def compare_labelers(
    labelers: Mapping[str, Estimator],
    X: LogLike,
    y: TargetLike,
    *,
    cv: Any,
    recommender: LabelCraftRecommender | None = None,
    columns: Columns | None = None,
    scorers: Mapping[str, ListScorer | LogScorer] | None = None,
    segment: Key | ArrayLike | None = None,
    k: int | Sequence[int] = 10,
    n_seeds: int = 5,
    against: str | None = None,
    n_bootstrap: int = 2000,
    return_estimator: bool = False,
    n_jobs: int | None = None,
    random_state: RandomSource = None,
) -> Comparison:
    """The paper's table for a log: every label, by the lists that it leads to.

    Every method is fitted with every seed on the training part, and the lists that it
    shows to the users of the test part are measured by NWTG, DS and NEG, and by S, the
    sum of these, each divided by what lists shown at random reach. A metric that is 0
    for lists at random, as the spread of a single duration is, has no part in S.

    Parameters
    ----------
    labelers : dict
        Labelers by name, which `recommender` is trained on; an estimator with
        ``predict`` is compared as it is.
    X : data frame or array of shape (n, n_columns)
        Impressions.
    y : data frame, series or array of shape (n,) or (n, n_signals)
        Their feedback.
    cv : mapping, int, cross-validator or iterable
        A mapping of row positions or masks ``train`` and ``test``, such as the
        ``split`` of a data set or what :func:`split_by_time` returns; with ``valid``
        too, those rows are given to ``fit`` for stopping early and measured as well. Or
        what scikit-learn's ``cross_validate`` takes.
    recommender : LabelCraftRecommender, default=None
        What labelers are put into; None for ``LabelCraftRecommender()``.
    columns : Columns, default=None
        Names or positions of the columns, which methods inherit that state none; None
        for those of `recommender`.
    scorers : dict of ListScorer or LogScorer, default=None
        Further metrics by name, which are no part of S, such as ``gauc_scorer``. The
        names NWTG, DS, NEG and S are taken.
    segment : str, int or array-like of shape (n,), default=None
        A column of X, such as the country, or a value for each row, the same in all
        measured rows of a user: the metrics of the users of each value are told, too.
    k : int or sequence of int, default=10
        Lengths of the shown lists; users with more than k rows take part. Methods that
        state no k of their own are trained for the longest.
    n_seeds : int, default=5
        Fits of each method, which inherits the seed where it states none.
    against : str, default=None
        The method that each is compared with; None for the last.
    n_bootstrap : int, default=2000
        Resamples of the users, the same for all methods.
    return_estimator : bool, default=False
        Whether to return the fitted estimators.
    n_jobs : int, default=None
        Fits at a time, as joblib counts.
    random_state : int, RandomState instance or None, default=None
        Controls the seeds, the random lists and the bootstrap.

    Returns
    -------
    Comparison
        A Bunch that is printed as its ``summary()``, with the entries

        ``table`` : DataFrame
            A row per method, k and metric, with the ``mean`` over users, each averaged
            over folds, and seeds, its standard errors over users (``se_users``,
            bootstrap) and over seeds (``se_seeds``), the relative ``improvement`` that
            `against` brings, and the ``difference`` to it (`against` minus method) with
            the bounds ``low`` and ``high`` of its 95 % interval and its two-sided
            ``p_value``, by the paired bootstrap over users; the number of users that
            have the metric,
            ``n_users`` (of S, the fewest of its parts); and whether the method is the
            ``best``: ahead of each other one by more than the noise of the difference,
            the root of the squares of half its 95 % intervals over users (paired
            bootstrap) and seeds (Student's t). What only all users together have, or
            only one user, has no error over users and no best. With a `segment`, a
            first column of that name: "all users", and then each segment.
        ``seeds`` : DataFrame
            The ``value`` of each method, k, metric and seed.
        ``users`` : dict of DataFrame
            By method, the metrics of each user, averaged over seeds and folds.
        ``reference`` : Series
            The metrics of lists shown at random, averaged likewise.
        ``segments`` : dict of Comparison
            The four above for the users of each segment with a user of more than k
            rows, where a `segment` is stated. S is relative to their random lists.
        ``validation`` : Comparison
            All above on the rows ``valid``, where there are such.
        ``estimators`` : dict of list
            By method, what was fitted, if asked for.

    Raises
    ------
    ValueError
        If `against` is not the name of a method, no user of a part has more than k
        rows, several seeds would make the same fits, or a user is of two segments.

    Examples
    --------
    >>> from sklabelcraft import D2Q, WatchTime, compare_labelers
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> found = compare_labelers(
    ...     {"WT": WatchTime(), "D2Q": D2Q()},
    ...     log.data,
    ...     log.target,
    ...     cv=log.split,
    ...     n_seeds=1,
    ...     random_state=0,
    ... )
    >>> found.table.pivot(index="method", columns="metric", values="mean").shape
    (2, 4)
    >>> found.summary().columns.tolist()
    ['NWTG@10', 'DS@10', 'NEG@10', 'S@10']
    """
    against = _checked_against(labelers, against)
    recommender = LabelCraftRecommender() if recommender is None else recommender
    columns = columns or stated_by(recommender, "columns") or Columns()
    ks = _lengths(k)
    scorers = _scorers(columns, scorers or {}, ks)
    rng = check_random_state(random_state)
    seeds = [int(seed) for seed in rng.randint(2**31 - 1, size=int(n_seeds))]
    folds = folds_of(cv, X, y)
    _check_read(columns, scorers, X, y, folds)
    parts = {
        part: Part(part, scorers, X, y, [fold[part] for fold in folds])
        for part in ("test", "valid")
        if part in folds[0]
    }
    if segment is not None:
        measured = [index for part in parts.values() for index in part.folds]
        segments = Segments(segment, X, columns.user, measured)
        for part in parts.values():
            part.add_segments(segments, columns.user)
    for part in parts.values():
        part.measure_random_lists(rng)
    inherited = {"columns": columns, "k": max(ks)}
    made = _estimators(labelers, recommender, seeds, len(folds), inherited)
    with looked_at_once():
        fitted = Parallel(n_jobs)(
            delayed(_fit)(estimator, X, y, folds[fold])
            for (_, _, fold), estimator in made.items()
        )
    fitted = dict(zip(made, fitted, strict=True))
    found, *validation = (
        part.compare(fitted, against, n_bootstrap, rng) for part in parts.values()
    )
    if validation:
        (found.validation,) = validation
    if return_estimator:
        found.estimators = {
            name: [fit for cell, fit in fitted.items() if cell[0] == name]
            for name in labelers
        }
    return found


def _checked_against(labelers, against):
    """The method that others are compared with."""
    if not labelers:
        raise ValueError("labelers must hold at least one method, got none.")
    _check_names(labelers, "labelers")
    for name, labeler in labelers.items():
        if isinstance(labeler, type) or not hasattr(labeler, "get_params"):
            raise ValueError(
                f"labelers must be estimators, got {labeler!r} for {name!r}."
            )
    against = list(labelers)[-1] if against is None else against
    if against not in labelers:
        raise ValueError(f"against must be one of {list(labelers)}, got {against!r}.")
    return against


def _check_names(names, what, taken=()):
    """Refuse names that a table cannot tell apart."""
    for name in names:
        if not isinstance(name, str) or name in taken:
            other = f" other than {[*taken]}" if taken else ""
            raise ValueError(f"names in {what} must be text{other}, got {name!r}.")


def _lengths(k):
    """The lengths of the shown lists, one or several."""
    ks = list(k) if np.iterable(k) else [k]
    if not ks or not all(map(is_length, ks)):
        raise ValueError(
            f"k must be one or several whole numbers of at least 1, got {k!r}."
        )
    return ks


def _scorers(columns, further, ks):
    """The scorers by k and name of the metric, on the columns."""
    _check_names(further, "scorers", taken=(*METRICS, "S"))
    for name, scorer in further.items():
        if not isinstance(scorer, RankingScorer):
            raise ValueError(
                "scorers must be ListScorers or LogScorers, got "
                f"{scorer!r} for {name!r}."
            )
    named = dict(zip(METRICS, (nwtg_scorer, ds_scorer, neg_scorer), strict=True))
    if not columns.explicit:
        del named["NEG"]
    return {
        (k, name): replace(scorer, k=k, columns=scorer.columns or columns)
        for k in ks
        for name, scorer in (named | further).items()
    }


def _estimators(labelers, recommender, seeds, n_folds, inherited):
    """A clone to be fitted for each method, seed and fold."""
    made = {}
    for name, labeler in labelers.items():
        whole = labeler
        if not hasattr(labeler, "predict"):
            whole = clone(recommender).set_params(labeler=clone(labeler))
        check_seeds(name, whole, len(seeds))
        for seed, fold in product(seeds, range(n_folds)):
            made[name, seed, fold] = inherit(whole, random_state=seed, **inherited)
    return made


def _check_read(columns, scorers, X, y, folds):
    """Check what is stated, and measured in the rows of all folds, by rows of X."""
    log = as_log(X)
    feedback = read_feedback(y, log)
    check_stated(columns, log, BEFORE)
    check_stated(columns, feedback, AFTER)
    used = np.zeros(len(log), dtype=bool)
    for fold in folds:
        for rows in fold.values():
            used[rows] = True
    parts = log.rows(np.flatnonzero(used)), feedback.rows(np.flatnonzero(used))
    for scorer in scorers.values():
        scorer.values(*parts)
    known = parts[1].any_positive([k for k in columns.explicit if k in feedback])
    told = "these rows are left out where it is measured"
    warn_of_unknown(np.isnan(known).sum(), len(known), told, stacklevel=4)


def _fit(estimator, X, y, fold):
    """Fit on the training part, with the validation part where that is of use."""
    parts = rows_of(fold["train"], X, y)
    if "valid" in fold and has_fit_parameter(estimator, "X_val"):
        parts += rows_of(fold["valid"], X, y)
    return estimator.fit(*parts)
