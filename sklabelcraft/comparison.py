"""Compare labels by the lists of the recommenders that are trained on them."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from numbers import Integral

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import has_fit_parameter

from sklabelcraft._bootstrap import summarise
from sklabelcraft.recommender import LabelCraftRecommender
from sklabelcraft.scorers import ds_scorer, neg_scorer, nwtg_scorer

N_RANDOM = 20  # random rankings that the reference is averaged over


@validate_params(
    {
        "labelers": [Mapping],
        "X": "no_validation",
        "y": "no_validation",
        "cv": "no_validation",
        "recommender": [LabelCraftRecommender, None],
        "scorers": [Mapping, None],
        "k": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "n_seeds": [Interval(Integral, 1, None, closed="left")],
        "against": [str, None],
        "n_bootstrap": [Interval(Integral, 1, None, closed="left")],
        "return_estimator": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=True,
)
def compare_labelers(
    labelers,
    X,
    y,
    *,
    cv,
    recommender=None,
    scorers=None,
    k=10,
    n_seeds=5,
    against=None,
    n_bootstrap=2000,
    return_estimator=False,
    n_jobs=None,
    random_state=None,
):
    """The paper's table for a log: every label, by the lists that it leads to.

    Every method is fitted with every seed on the training part, and the lists that it
    shows to the users of the test part are measured by NWTG, DS and NEG, and by S, the
    sum of these, each divided by what lists shown at random reach.

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
        A mapping of row positions ``train`` and ``test``, such as the ``split`` of a
        data set or what :func:`split_by_time` returns; with ``valid`` too, those rows
        are given to ``fit`` for stopping early and measured as well. Or what
        scikit-learn's ``cross_validate`` takes.
    recommender : LabelCraftRecommender, default=None
        What labelers are put into; it also says the names of the columns. None for
        ``LabelCraftRecommender()``.
    scorers : dict of ListScorer, default=None
        Further metrics by name, which are no part of S.
    k : int or sequence of int, default=10
        Lengths of the shown lists; users with more than k rows take part.
    n_seeds : int, default=5
        Fits of each method.
    against : str, default=None
        The method that each is compared with; None for the last.
    n_bootstrap : int, default=2000
        Resamples of the users, the same for all methods.
    return_estimator : bool, default=False
        Whether to return the fitted estimators.
    n_jobs : int, default=None
        Fits at a time, as joblib counts.
    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn.

    Returns
    -------
    Bunch
        The entries

        ``table`` : DataFrame
            A row per method, k and metric, with the ``mean`` over users and seeds, its
            standard errors over users (``se_users``, bootstrap) and over seeds
            (``se_seeds``), the relative ``improvement`` that `against` brings, and the
            ``difference`` to it (`against` minus method) with the bounds ``low`` and
            ``high`` of its 95 % interval and its two-sided ``p_value``, by the paired
            bootstrap over users.
        ``seeds`` : DataFrame
            The ``value`` of each method, k, metric and seed.
        ``users`` : dict of DataFrame
            By method, the metrics of each user, averaged over seeds and folds.
        ``reference`` : Series
            The metrics of lists shown at random.
        ``validation`` : Bunch
            The four above on the rows ``valid``, where there are such.
        ``estimators`` : dict of list
            By method, what was fitted, if asked for.

    Raises
    ------
    ValueError
        If `against` is not the name of a method.

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
    """
    against = list(labelers)[-1] if against is None else against
    if against not in labelers:
        raise ValueError(f"against must be one of {list(labelers)}, got {against!r}.")
    recommender = LabelCraftRecommender() if recommender is None else recommender
    ks = [k] if isinstance(k, Integral) else k
    scorers = _scorers(recommender, scorers or {}, ks)
    rng = check_random_state(random_state)
    seeds = rng.randint(2**31 - 1, size=n_seeds)
    folds = _folds(cv, X, y)
    cells = list(product(labelers, seeds, range(len(folds))))
    fitted = Parallel(n_jobs)(
        delayed(_fit)(_estimator(labelers[name], recommender, seed), X, y, folds[fold])
        for name, seed, fold in cells
    )
    estimators = dict(zip(cells, fitted, strict=True))

    def measure(part):
        rows = [[_safe_indexing(data, fold[part]) for data in (X, y)] for fold in folds]
        reference = _reference(scorers, rows, rng)
        values = _values(scorers, estimators, rows)
        return summarise(values, reference, against, n_bootstrap, rng)

    found = measure("test")
    if "valid" in folds[0]:
        found.validation = measure("valid")
    if return_estimator:
        found.estimators = {
            name: [estimators[cell] for cell in cells if cell[0] == name]
            for name in labelers
        }
    return found


def _scorers(recommender, further, ks):
    """The scorers by k and name of the metric, on the recommender's columns."""
    columns = {
        "NWTG": replace(nwtg_scorer, column=recommender.watch_time),
        "DS": replace(ds_scorer, column=recommender.duration),
        "NEG": replace(neg_scorer, column=tuple(recommender.explicit)),
    }
    if not columns["NEG"].column:
        del columns["NEG"]
    scorers = {
        name: replace(scorer, user=recommender.user) for name, scorer in columns.items()
    }
    return {
        (k, name): replace(scorer, k=k)
        for k in ks
        for name, scorer in (scorers | further).items()
    }


def _folds(cv, X, y):
    """The parts of the log, a mapping for each fold."""
    if isinstance(cv, Mapping):
        if not {"train", "test"} <= set(cv):
            raise ValueError(
                "cv must have the row positions 'train' and 'test', and may have "
                f"'valid', got {sorted(cv)}."
            )
        return [cv]
    splits = check_cv(cv).split(X, y)
    return [{"train": train, "test": test} for train, test in splits]


def _estimator(labeler, recommender, seed):
    """A clone to be fitted, with one seed for every random state in it."""
    whole = hasattr(labeler, "predict")
    made = clone(labeler if whole else clone(recommender).set_params(labeler=labeler))
    states = {
        name: int(seed)
        for name, value in made.get_params().items()
        if name == "random_state" or name.endswith("__random_state")
        if value is None or isinstance(value, Integral | np.random.RandomState)
    }
    if states:
        made.set_params(**states)
    return made


def _fit(estimator, X, y, fold):
    """Fit on the training part, with the validation part where that is of use."""
    parts = [_safe_indexing(part, fold["train"]) for part in (X, y)]
    if "valid" in fold and has_fit_parameter(estimator, "X_val"):
        parts += [_safe_indexing(part, fold["valid"]) for part in (X, y)]
    return estimator.fit(*parts)


def _per_user(scorers, scores, X, y):
    """The metrics of each user, a frame with the columns (k, metric)."""
    values = {key: scorer.per_user(scores, X, y) for key, scorer in scorers.items()}
    return pd.DataFrame(values).rename_axis(columns=["k", "metric"])


def _values(scorers, estimators, rows):
    """The metrics of each user by method, seed and fold."""
    values = {
        (name, seed, fold): _per_user(
            scorers, estimator.predict(rows[fold][0]), *rows[fold]
        )
        for (name, seed, fold), estimator in estimators.items()
    }
    return pd.concat(values, names=["method", "seed", "fold", "user"])


def _reference(scorers, rows, rng):
    """The metrics of lists shown at random."""
    random = [
        _per_user(scorers, rng.uniform(size=len(fold[0])), *fold)
        for fold in rows
        for _ in range(N_RANDOM)
    ]
    return pd.concat(random).mean()
