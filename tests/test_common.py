"""scikit-learn's own checks, on arrays with positional roles."""

from dataclasses import replace

import pytest
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklabelcraft import (
    CWM,
    D2Q,
    DVR,
    MLP,
    Columns,
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
    ModuleRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.modules import MLPModule
from sklabelcraft.objectives import Objective

LONG = {"learning_rate": 0.02, "max_epochs": 100}
NO_ROLES = {"user": None, "item": None, "timestamp": None, "explicit": ()}
FEATURES = Columns(duration=None, **NO_ROLES)
LOG = Columns(watch_time=-1, duration=0, **NO_ROLES)  # feedback among the columns
APART = Columns(watch_time=-1, duration=-1, **NO_ROLES)  # feedback in y


class OwnModule(MLPModule):
    """A network that one could have written oneself."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__(cardinalities, n_numeric, n_outputs, 4, (16,))


def tiny():
    """A ranker that is fitted in a moment."""
    return MLPRanker(MLP(embedding_dim=2, hidden=(8,)), max_epochs=2)


ESTIMATORS = [
    WatchTime(columns=LOG),
    ExplicitFeedback(columns=Columns(explicit=(-1,))),
    PlayCompletion(columns=LOG),
    PlayCompletionRate(columns=LOG),
    D2Q(n_groups=3, columns=LOG),
    ConditionalCDF(("user", "duration"), n_groups=3, columns=replace(LOG, user=0)),
    DVR(n_groups=3, columns=LOG),
    D2Co(n_groups=3, columns=LOG),
    CWM(columns=LOG),
    KneeScaler(),
    MLPRanker(columns=FEATURES, **LONG),
    DCNRanker(columns=FEATURES, **LONG),
    DINRanker(columns=replace(FEATURES, user=0), **LONG),
    ModuleRanker(OwnModule, columns=FEATURES, **LONG),
    LabelCrafter(tiny(), k=1, hidden=(8,), columns=LOG),
    LabelCraftRecommender(WatchTime(), tiny(), columns=APART, k=1),
    FusedRecommender(
        [("linear", LinearRegression())],
        objectives=[Objective(0)],
        validation_fraction=0.4,
        columns=APART,
        k=1,
    ),
]
ONE_COLUMN = {
    "check_fit_non_negative": "only the columns with a role must not be negative"
}
ROLES = {"check_estimators_nan_inf": "only the columns with a role must be known"}
SEVERAL_LABELS = {
    "check_supervised_y_2d": "labels of shape (n, 1) are what a labeler returns"
}
WEIGHTED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "repeated rows make further steps, in random order, and what is encoded and "
        "held out is of all rows"
    )
}
ALIKE = "the latest rows of these data are alike, so that there is nothing to raise"
CRAFTED = dict.fromkeys(
    ["check_sample_weights_shape", "check_sample_weights_not_overwritten"], ALIKE
)
NAMED = {
    "check_sample_weights_pandas_series": "feedback beside a frame must have names"
}
EXPECTED = {
    "WatchTime": ONE_COLUMN | ROLES,
    "LabelCraftRecommender": ONE_COLUMN | ROLES | WEIGHTED | NAMED,
    "FusedRecommender": WEIGHTED | NAMED,
    "LabelCrafter": WEIGHTED | CRAFTED,
    "ExplicitFeedback": ONE_COLUMN,
    "MLPRanker": SEVERAL_LABELS | WEIGHTED,
    "DCNRanker": SEVERAL_LABELS | WEIGHTED,
    "DINRanker": SEVERAL_LABELS | WEIGHTED,
    "ModuleRanker": SEVERAL_LABELS | WEIGHTED,
}


@pytest.mark.filterwarnings("ignore:SCIPY_ARRAY_API")
@pytest.mark.filterwarnings("ignore:the objective .* is left out")
@parametrize_with_checks(
    ESTIMATORS,
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
def test_estimator(estimator, check):
    """It does what scikit-learn expects of an estimator."""
    check(estimator)
