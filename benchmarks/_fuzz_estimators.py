"""Estimators on odd logs, as families of cases for ``fuzz.py``.

A case fits an estimator, uses it, perhaps pickles it, goes on with other rows, and uses
it again. Where a step is refused, the estimator must be as it was.
"""

import tempfile
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
from _fuzz_steps import (
    Steps,
    attempt,
    check_history,
    check_lists,
    finite,
    perhaps_copied,
    rows_in,
    shown,
    stored,
    users_and_items,
)
from _odd_columns import NUMBERS, objects, seconds
from _odd_estimators import (
    CRAFTING,
    LABELERS,
    OBJECTIVES,
    UNIT,
    any_labeler,
    any_recommender,
    random_state,
    small_crafter,
    small_ranker,
    some_params,
)
from _odd_logs import odd_log, odd_weights

from sklabelcraft import (
    DVR,
    ExplicitFeedback,
    FusedRecommender,
    KneeScaler,
    LabelCraftRecommender,
    PlayCompletionRate,
    compare_labelers,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)

UNBOUNDED = (DVR, PlayCompletionRate)


def label_case(kind):
    """Cases of a labeler: fit, transform, watch_time, partial_fit, of two logs."""

    def case(rng):
        params = some_params(rng, LABELERS[kind], 0.5)
        first = odd_log(rng, most=rng.integers(4))
        then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
        labeler = kind(columns=first.columns, **params)
        told = f"{shown(labeler)}: {first.told}; then {then.told}"

        def checked(labeler, log):
            labels = attempt(labeler, "transform", log)
            assert labels.shape == (rows_in(log, len(labels)), 1), labels.shape
            again = labeler.transform(log)
            same = np.array_equal(labels, again, equal_nan=True)
            assert same, "labels differ from call to call"
            if kind is ExplicitFeedback:  # some of which may be not known
                labels = labels[~np.isnan(labels)]
            finite(labels, "labels")
            if kind not in UNBOUNDED:
                assert ((labels >= 0) & (labels <= 1)).all(), "labels beyond [0, 1]"
            if hasattr(labeler, "watch_time") and not isinstance(log, str):
                watched = attempt(labeler, "watch_time", labels, log)
                assert (finite(watched, "watch times") >= 0).all(), "negative seconds"

        def call():
            nonlocal labeler
            take = Steps()
            with tempfile.TemporaryDirectory() as folder:
                logs = [stored(rng, log.log, folder) for log in (first, then)]
                attempt(labeler, "fit", logs[0])
                labeler = perhaps_copied(rng, labeler, "transform", logs[0])
                take(checked, labeler, logs[0])
                take(checked, labeler, logs[1])
                if take(attempt, labeler, "partial_fit", logs[1]):
                    take(checked, labeler, logs[1])
            take.end()

        return told, call, lambda labeler: None

    return case


def odd_labels(rng, n, usual=None):
    """Labels for a ranker, mostly ordinary or those of a name, and their name."""
    made = {
        "unit": rng.random(n),
        "binary": rng.integers(2, size=n),
        "any": rng.normal(size=n),
        "seconds": seconds(rng, n),
        "two": rng.random((n, 2)),
        "unit column": rng.random((n, 1)),
    }
    odd = {
        **{name: make(rng, n) for name, make in NUMBERS.items()},
        "constant": np.full(n, 0.5),
        "1e38": rng.normal(size=n) * 1e38,
        "1e300": rng.normal(size=n) * 1e300,
        "1e20": rng.normal(size=n) * 1e20,
        "1e-320": rng.random(n) * 1e-320,
        "two, one constant": np.column_stack([rng.random(n), np.ones(n)]),
        "two of two scales": np.column_stack(
            [rng.random(n), rng.normal(size=n) * 1e30]
        ),
        "cube": rng.random((n, 1, 1)),
        "longer": rng.random(n + 1),
        "none": np.zeros((n, 0)),
        "list": rng.random(n).tolist(),
        "series": pd.Series(rng.random(n), index=np.arange(n)[::-1]),
        "polars": pl.Series(rng.random(n)),
        "frame": pd.DataFrame({"a": rng.random(n)}),
        "objects": objects(rng.random(n).tolist()),
        "None": None,
        "a word": "a",
        "number": 1.0,
    }
    pool = made if rng.random() < 0.8 else odd
    name = list(pool)[rng.integers(len(pool))]
    if usual in pool and rng.random() < 0.7:
        name = usual
    return pool[name], name


def probable(ranker, X):
    """Check that probabilities are some, where there are any."""
    if not hasattr(ranker, "predict_proba"):
        return
    chances = finite(attempt(ranker, "predict_proba", X), "probabilities")
    assert ((chances >= 0) & (chances <= 1)).all(), "probabilities beyond [0, 1]"


def recommended(recommender, X, k, exclude):
    """Check the lists that users are shown."""
    users, items = users_and_items(X)
    given = {"k": k, "exclude_seen": exclude}
    check_lists(attempt(recommender, "recommend", users, items, **given), k)


def rank_case(rng):
    """Cases of a ranker: fit, predict, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    sizes = [rows_in(log.X) if hasattr(log.X, "shape") else 40 for log in (first, then)]
    labels, what = odd_labels(rng, sizes[0])
    others, too = odd_labels(rng, sizes[1], what)
    ranker = small_ranker(rng, first.apart)
    validation = (then.X, others) if rng.random() < 0.1 else ()
    weights, counted = odd_weights(rng, sizes[0])
    told = f"{shown(ranker)}: {first.told}, labels {what}; then {then.told}, {too}"
    told += f"; weights {counted}"

    def checked(ranker, X):
        scores = attempt(ranker, "predict", X)
        assert scores.shape == (rows_in(X),), scores.shape
        finite(scores, "scores")
        finite(attempt(ranker, "head_scores", X), "logits")
        again = ranker.predict(X)
        assert (scores == again).all(), "scores differ from call to call"

    def call():
        nonlocal ranker
        take = Steps()
        attempt(ranker, "fit", first.X, labels, *validation, sample_weight=weights)
        check_history(ranker.history_)
        ranker = perhaps_copied(rng, ranker, "predict", first.X)
        take(checked, ranker, first.X)
        take(checked, ranker, then.X)
        take(probable, ranker, then.X)
        if take(attempt, ranker, "partial_fit", then.X, others):
            check_history(ranker.history_)
            take(checked, ranker, then.X)
        take.end()

    return told, call, lambda result: None


def craft_case(rng):
    """Cases of a crafter: fit, transform, explain, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    crafter = small_crafter(rng, first.columns)
    weights, counted = odd_weights(rng, rows_in(first.log, 40))
    told = f"{shown(crafter)}: {first.told}; then {then.told}; weights {counted}"

    def checked(crafter, log):
        labels = attempt(crafter, "transform", log)
        assert labels.shape == (rows_in(log, len(labels)), 1), labels.shape
        labels = finite(labels, "labels")
        assert ((labels >= 0) & (labels <= 1)).all(), "labels beyond [0, 1]"

    def explained(crafter, log):
        finite(attempt(crafter, "explain", log).fidelity, "fidelity")

    def call():
        nonlocal crafter
        take = Steps()
        with tempfile.TemporaryDirectory() as folder:
            logs = [stored(rng, log.log, folder) for log in (first, then)]
            attempt(crafter, "fit", logs[0], sample_weight=weights)
            check_history(crafter.history_)
            crafter = perhaps_copied(rng, crafter, "transform", logs[0])
            take(checked, crafter, logs[0])
            take(checked, crafter, logs[1])
            take(explained, crafter, then.log)
            if take(attempt, crafter, "partial_fit", logs[1]):
                check_history(crafter.history_)
                take(checked, crafter, logs[1])
        take.end()

    return told, call, lambda result: None


def recommend_case(rng):
    """Cases of a recommender: fit, predict, score, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    recommender = any_recommender(rng, first.apart)
    validation = (then.X, then.y) if rng.random() < 0.1 else ()
    weights, counted = odd_weights(rng, rows_in(first.X, 40))
    told = f"{shown(recommender)}: {first.told}; then {then.told}; weights {counted}"

    def checked(recommender, X):
        scores = attempt(recommender, "predict", X)
        assert scores.shape == (rows_in(X, len(scores)),), scores.shape
        finite(scores, "scores")

    def measured(recommender, log):
        for scorer in (nwtg_scorer, neg_scorer, ds_scorer):
            score = replace(scorer, k=2)(recommender, log.X, log.y)
            finite(score, "score")

    def call():
        nonlocal recommender
        take = Steps()
        with tempfile.TemporaryDirectory() as folder:
            path = stored(rng, first.log, folder)
            if isinstance(path, str):
                attempt(recommender, "fit", path)
                take(checked, recommender, path)
            else:
                given = (first.X, first.y, *validation)
                attempt(recommender, "fit", *given, sample_weight=weights)
        recommender = perhaps_copied(rng, recommender, "predict", first.X)
        for log in (first, then):
            take(checked, recommender, log.X)
            take(measured, recommender, log)
            take(recommended, recommender, log.X, 2, bool(rng.random() < 0.5))
        take(probable, recommender, then.X)
        if take(attempt, recommender, "partial_fit", then.X, then.y):
            take(checked, recommender, then.X)
        take.end()

    return told, call, lambda result: None


def fuse_case(rng):
    """Cases of a fusion: fit, predict, tune, frontier, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    weights = CRAFTING["objective_weights"]
    fusion = FusedRecommender(
        [("a", any_recommender(rng)), ("b", any_recommender(rng))],
        k=2,
        duration_term=bool(rng.random() < 0.8),
        objectives=OBJECTIVES[rng.integers(8)] if rng.random() < 0.2 else None,
        objective_weights=weights[rng.integers(len(weights))],
        columns=first.apart,
        random_state=random_state(rng),
    )
    told = f"{shown(fusion)}: {first.told}; then {then.told}"

    def checked(fusion, X):
        scores = attempt(fusion, "predict", X)
        assert scores.shape == (rows_in(X),), scores.shape
        finite(scores, "scores")
        finite(list(fusion.weights_.values()), "weights")

    def call():
        take = Steps()
        attempt(fusion, "fit", first.X, first.y)
        take(checked, fusion, first.X)
        take(checked, fusion, then.X)
        if take(attempt, fusion, "tune", then.X, then.y):
            take(checked, fusion, then.X)
        take(recommended, fusion, then.X, 2, first.X)
        take(attempt, fusion, "frontier", first.X, first.y)
        take.end()

    return told, call, lambda result: None


def scale_case(rng):
    """Cases of the scaler: fit, transform, partial_fit, of two tables."""
    first, then = odd_log(rng, most=2), odd_log(rng, most=2)
    names = list(NUMBERS)
    data, told = [], []
    for log in (first, then):
        n = rng.integers(30)
        drawn = [names[rng.integers(len(names))] for _ in range(2)]
        made = [NUMBERS[name](rng, n) for name in drawn]
        told.append(f"{n} rows, {drawn}, {log.told}")
        plain = np.column_stack([seconds(rng, n), seconds(rng, n)])
        mixed = np.empty((n, 2), dtype=object)
        for place, values in enumerate(made):
            mixed[:, place] = objects(list(values))
        data.append((plain, mixed, pd.DataFrame(mixed), log.y)[rng.integers(4)])
    scaler = KneeScaler(**some_params(rng, {"quantile": UNIT, "share": UNIT}, 0.5))
    told = f"{shown(scaler)}: {told}"

    def checked(scaler, X):
        scaled = finite(attempt(scaler, "transform", X), "scaled")
        assert ((scaled >= 0) & (scaled <= 1)).all(), "beyond [0, 1]"

    def call():
        take = Steps()
        attempt(scaler, "fit", data[0])
        take(checked, scaler, data[0])
        take(checked, scaler, data[1])
        if take(attempt, scaler, "partial_fit", data[1]):
            take(checked, scaler, data[1])
        take.end()

    return told, call, lambda result: None


def compare_case(rng):
    """Cases of a comparison of two labelers."""
    log = odd_log(rng, most=rng.integers(2))
    labelers = {"a": any_labeler(rng), "b": any_labeler(rng)}
    ranker = small_ranker(rng, share=0.05)
    options = {"k": (1, 2, 10**18)[rng.integers(3)], "cv": (2, 3)[rng.integers(2)]}
    if rng.random() < 0.5:
        n = rows_in(log.X, 40)
        made = ("user_id", "feature", "nothing", 0, rng.integers(3, size=n), [1], None)
        options["segment"] = made[rng.integers(len(made))]
    told = f"{labelers!r}, {shown(ranker)}, {options}: {log.told}"

    def call():
        return compare_labelers(
            labelers,
            log.X,
            log.y,
            recommender=LabelCraftRecommender(ranker=ranker),
            columns=log.apart,
            n_bootstrap=5,
            n_seeds=1,
            random_state=0,
            **options,
        )

    def check(found):
        """S is none where lists shown at random have nothing, as the spread of one."""
        metrics = found.seeds.query("metric != 'S'")
        finite(metrics["value"], "metrics")
        found.summary()

    return told, call, check


FAMILIES = {
    **{kind.__name__: label_case(kind) for kind in LABELERS},
    "ranker": rank_case,
    "LabelCrafter": craft_case,
    "LabelCraftRecommender": recommend_case,
    "FusedRecommender": fuse_case,
    "KneeScaler": scale_case,
    "compare_labelers": compare_case,
}
SHARES = {"ranker": 8, "LabelCrafter": 2, "LabelCraftRecommender": 6}
