"""Estimators on odd logs, as families of cases for ``fuzz.py``.

A case fits an estimator, uses it, perhaps pickles it, goes on with other rows, and uses
it again. A refusal ends it: then the estimator must be as it was.
"""

import pickle
import re
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from _odd_columns import NUMBERS, objects, seconds
from _odd_logs import odd_log
from _refusals import on_purpose
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    CWM,
    D2Q,
    DCN,
    DIN,
    DVR,
    MLP,
    ConditionalCDF,
    D2Co,
    DCNRanker,
    DINRanker,
    ExplicitFeedback,
    FusedRecommender,
    KneeScaler,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
    compare_labelers,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)
from sklabelcraft.objectives import Objective

HUGE = (10**6, 10**18, 2**63, 10**30)
UNIT = (0.0, 1e-300, 0.5, 1 - 2**-53, 1.0)
LABELERS = {
    PlayCompletion: {"strict": (True, False)},
    PlayCompletionRate: {"clip": (True, False)},
    WatchTime: {"quantile": UNIT, "share": UNIT},
    ExplicitFeedback: {},
    DVR: {"n_groups": (1, 2, 30, *HUGE)},
    D2Q: {"n_groups": (1, 2, 30, *HUGE)},
    D2Co: {
        "n_groups": (1, 2, 30, *HUGE),
        "window": (1, 3, *HUGE),
        "alpha": (
            0,
            -0.05,
            0.05,
            1e-300,
            -1e-320,
            1e300,
            -1e300,
            10,
            1e308,
            np.inf,
            10**400,
        ),
    },
    CWM: {"cost": (0.1, 5e-324, 1e-300, 1e300, 1.7e308, 3, np.inf, 10**400)},
    ConditionalCDF: {
        "by": ("duration", "user", "item", ("user", "duration"), (), "feature", 0, -1),
        "n_groups": (1, 2, 30, *HUGE),
        "smoothing": (0, 0.0, 10.0, 1e-300, 1e300, 1.7e308, 10**400, np.inf),
    },
}
UNBOUNDED = (DVR, PlayCompletionRate)
TRAINING = {
    "loss": ("auto", "auto", "squared_error", "log_loss", "brier", "none"),
    "optimizer": ("adamw", "sgd", "sgd"),
    "learning_rate": (1e-3, 1e-3, 0.1, 1e10, 1e30, 1e-300, 5e-324),
    "weight_decay": (0.1, 0.0, 1.0, 1e10, 1e300, np.inf),
    "batch_size": (16, 16, 7, 64, *HUGE),
    "max_epochs": (1, 1, 2, 3),
    "patience": (5, 1, *HUGE),
    "averaging": UNIT[:-1],
    "validation_fraction": (None, 0.0, 1e-300, 0.5, 0.99, 1 - 2**-53),
    "adversary_weight": (0.0, 0.0, 0.1, 1e10, 1e300, np.inf),
    "replay": (5.0, 0.0, 1.0, 1e-300, 1e3, 1.7e308, np.inf),
    "min_count": (2, 1, *HUGE),
    "precision": ("float32", "float32", "bfloat16", "float64"),
    "window_bytes": (2**26, 1, *HUGE),
    "device": ("cpu", "cpu", "nowhere", "meta", "cuda", "xla"),
}
OBJECTIVES = (
    None,
    (),
    ("watch_time",),
    (Objective("feature"),),
    (Objective("feature", "gain", "scale"), Objective("duration", "spread")),
    (Objective("watch_time", "spread", at_least=1e9), Objective("explicit")),
    (Objective("watch_time", "gain", sign=-1), Objective("watch_time", "gain")),
    (Objective("like", "gain", "indicator", at_least=-1e-320),),
)
CRAFTING = {
    "k": (1, 2, 3, 5, *HUGE),
    "objectives": OBJECTIVES,
    "temperature": (0.25, 1e-300, 1e-5, 1e300, 5e-324, np.inf),
    "bound": (2.0, None, 1e-300, 1e300, np.inf),
    "hidden": ((4,), (), (4, 4), (0,), (-1,), ("a",)),
    "optimizer": ("adam", "sgd"),
    "learning_rate": (2e-3, 2e-3, 1e10, 1e30, 1e-300),
    "averaging": UNIT[:-1],
    "warmup_epochs": (0, 1),
    "validation_users": (64, 1, *HUGE),
    "steps_per_move": (1, 2, *HUGE),
    "validation_fraction": (0.2, 0.5, 1e-300, 0.99, 1 - 2**-53),
    "starts": (
        None,
        ((0, 0, 0),),
        ((1, 1, 1), (0, 0, 1)),
        ((1e300, 0, 0),),
        ((1e308, 1e308, 1e308),),
        ((-1, 0, 0),),
        ((np.nan, 0, 0),),
        (),
    ),
    "objective_weights": (None, None, (1, 1, 1), (1e300, 0, 0), (1e-320, 0, 1), (0,)),
    "inputs": (("watch_time", "duration", "explicit"), ("watch_time",), (), ("a",)),
}


def some_params(rng, pools, share=0.3):
    """Some parameters, each from its pool."""
    return {
        name: values[rng.integers(len(values))]
        for name, values in pools.items()
        if rng.random() < share
    }


def random_state(rng):
    """A random state of a kind that is drawn."""
    seed, draw = int(rng.integers(2**31)), rng.random()
    if draw < 0.02:
        return (-1, 2**32, 10**30, "a", 1.5, np.random.default_rng(seed))[
            rng.integers(6)
        ]
    return seed if draw < 0.8 else np.random.RandomState(seed)


def attempt(estimator, method, *data):
    """A method of an estimator, which is as it was where that fails."""
    before = dict(vars(estimator))
    try:
        return getattr(estimator, method)(*data)
    except Exception:
        after = vars(estimator)
        same = before.keys() == after.keys()
        same &= all(before[name] is after[name] for name in before)
        assert same, f"half-fitted by {method}: {sorted(after.keys() - before.keys())}"
        raise


class Steps:
    """Steps of a case, of which each is tried, also where one before it was refused.

    Attributes
    ----------
    refused : Exception or None
        The first refusal.
    """

    def __init__(self):
        self.refused = None

    def __call__(self, step, *data):
        """Take a step; whether it was not refused."""
        try:
            step(*data)
        except Exception as error:
            if not on_purpose(error):
                raise
            self.refused = self.refused or error
            return False
        return True

    def end(self):
        """Tell of the first refusal, if there was one."""
        if self.refused is not None:
            raise self.refused


def perhaps_pickled(rng, estimator):
    """The estimator or a copy of it."""
    return pickle.loads(pickle.dumps(estimator)) if rng.random() < 0.3 else estimator


def shown(estimator):
    """An estimator in a line, without its columns."""
    text = re.sub(r"columns=Columns\([^)]*\([^)]*\)[^)]*\)", "", repr(estimator))
    return re.sub(r"\s+", " ", text)


def finite(values, what):
    """Check that numbers are finite."""
    values = np.asarray(values, dtype=np.float64)
    assert np.isfinite(values).all(), f"{what} not finite: {values.ravel()[:5]}"
    return values


def rows_in(data, stored=None):
    """The number of rows of any table; of a stored one, what is said."""
    if isinstance(data, str):
        return stored
    return data.shape[0] if hasattr(data, "shape") else len(data)


def stored(rng, data, folder):
    """A log, perhaps in a Parquet file."""
    if rng.random() > 0.1 or not isinstance(
        data, pd.DataFrame | pl.DataFrame | pa.Table
    ):
        return data
    path = Path(folder) / f"{rng.integers(10**9)}.parquet"
    data = pl.from_arrow(data) if isinstance(data, pa.Table) else data
    write = data.to_parquet if isinstance(data, pd.DataFrame) else data.write_parquet
    try:
        with warnings.catch_warnings(action="ignore"):
            write(path)
    except Exception:  # what cannot be written
        return data
    return str(path)


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
            finite(labels, "labels")
            if kind not in UNBOUNDED:
                assert ((labels >= 0) & (labels <= 1)).all(), "labels beyond [0, 1]"
            again = labeler.transform(log)
            assert (labels == again).all(), "labels differ from call to call"
            if hasattr(labeler, "watch_time") and not isinstance(log, str):
                watched = attempt(labeler, "watch_time", labels, log)
                assert (finite(watched, "watch times") >= 0).all(), "negative seconds"

        def call():
            nonlocal labeler
            take = Steps()
            with tempfile.TemporaryDirectory() as folder:
                logs = [stored(rng, log.log, folder) for log in (first, then)]
                attempt(labeler, "fit", logs[0])
                labeler = perhaps_pickled(rng, labeler)
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


def small_ranker(rng, columns=None, share=0.15):
    """A ranker that trains in a blink, with odd parameters."""
    network, kind = (
        (MLP(embedding_dim=2, hidden=(4,)), MLPRanker),
        (MLP(embedding_dim=2, hidden=()), MLPRanker),
        (DCN(embedding_dim=2, hidden=(4,)), DCNRanker),
        (DIN(embedding_dim=2, hidden=(4,), history_length=3), DINRanker),
        (DIN(embedding_dim=2, hidden=(4,), history_length=10**6), DINRanker),
    )[rng.integers(5)]
    params = {"max_epochs": 1, "batch_size": 32} | some_params(rng, TRAINING, share)
    return kind(network, columns=columns, random_state=random_state(rng), **params)


def check_history(history):
    """Check that what was told of epochs is finite."""
    for epoch in history:
        finite(list(epoch.values()), "history")


def rank_case(rng):
    """Cases of a ranker: fit, predict, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    sizes = [rows_in(log.X) if hasattr(log.X, "shape") else 40 for log in (first, then)]
    labels, what = odd_labels(rng, sizes[0])
    others, too = odd_labels(rng, sizes[1], what)
    ranker = small_ranker(rng, first.apart)
    validation = (then.X, others) if rng.random() < 0.1 else ()
    told = f"{shown(ranker)}: {first.told}, labels {what}; then {then.told}, {too}"

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
        attempt(ranker, "fit", first.X, labels, *validation)
        check_history(ranker.history_)
        ranker = perhaps_pickled(rng, ranker)
        take(checked, ranker, first.X)
        take(checked, ranker, then.X)
        if take(attempt, ranker, "partial_fit", then.X, others):
            check_history(ranker.history_)
            take(checked, ranker, then.X)
        take.end()

    return told, call, lambda result: None


def small_crafter(rng, columns=None):
    """A crafter that trains in a blink, with odd parameters."""
    params = {"k": 2, "hidden": (4,), "validation_users": 8}
    params |= some_params(rng, CRAFTING, 0.1)
    return LabelCrafter(
        small_ranker(rng, share=0.05),
        columns=columns,
        random_state=random_state(rng),
        **params,
    )


def craft_case(rng):
    """Cases of a crafter: fit, transform, explain, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    crafter = small_crafter(rng, first.columns)
    told = f"{shown(crafter)}: {first.told}; then {then.told}"

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
            attempt(crafter, "fit", logs[0])
            check_history(crafter.history_)
            crafter = perhaps_pickled(rng, crafter)
            take(checked, crafter, logs[0])
            take(checked, crafter, logs[1])
            take(explained, crafter, then.log)
            if take(attempt, crafter, "partial_fit", logs[1]):
                check_history(crafter.history_)
                take(checked, crafter, logs[1])
        take.end()

    return told, call, lambda result: None


def any_labeler(rng):
    """A labeler of any kind, perhaps several."""
    kinds = list(LABELERS)
    made = [
        kind(**some_params(rng, LABELERS[kind], 0.2))
        for kind in rng.choice(kinds, size=2, replace=False)
    ]
    if rng.random() < 0.2:
        return FeatureUnion([("first", made[0]), ("second", made[1])])
    return made[0]


def any_recommender(rng, columns=None):
    """A recommender with any labeler and ranker."""
    draw, state = rng.random(), random_state(rng)
    if draw < 0.15:
        labeler, ranker = small_crafter(rng), None
    elif draw < 0.8:
        labeler, ranker = any_labeler(rng), small_ranker(rng, share=0.05)
    else:
        others = Ridge(), DummyRegressor(), LogisticRegression()
        labeler, ranker = any_labeler(rng), others[rng.integers(3)]
    return LabelCraftRecommender(
        labeler, ranker, k=2, columns=columns, random_state=state
    )


def recommend_case(rng):
    """Cases of a recommender: fit, predict, score, partial_fit, of two logs."""
    first = odd_log(rng, rng.integers(3))
    then = first if rng.random() < 0.4 else odd_log(rng, rng.integers(3), first)
    recommender = any_recommender(rng, first.apart)
    validation = (then.X, then.y) if rng.random() < 0.1 else ()
    told = f"{shown(recommender)}: {first.told}; then {then.told}"

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
                attempt(recommender, "fit", first.X, first.y, *validation)
        recommender = perhaps_pickled(rng, recommender)
        for log in (first, then):
            take(checked, recommender, log.X)
            take(measured, recommender, log)
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
