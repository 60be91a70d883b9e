"""Estimators that train in a blink, with parameters of which some are odd."""

import numpy as np
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
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
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
    "objective_weights": (
        *(None, None, (1, 1, 1), (1e300, 0, 0), (1e-320, 0, 1), (0,), "a", {}),
        *({"explicit_gain": 3}, {"watch_time_gain": 0.0}, {"nothing": 1}),
        {"explicit_gain": np.nan},
    ),
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
