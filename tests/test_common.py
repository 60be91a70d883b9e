"""scikit-learn's own checks, on arrays with positional roles."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklabelcraft import (
    D2Q,
    DVR,
    DCNRanker,
    DINRanker,
    ExplicitFeedback,
    KneeScaler,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    ModuleRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.modules import MLP

TINY = {"embedding_dim": 2, "hidden": (8,), "max_epochs": 2}
LONG = {"learning_rate": 0.02, "max_epochs": 100}
NO_ROLES = {"user": None, "item": None, "timestamp": None}


class Predictor(LabelCraftRecommender):
    """The recommender without `transform`, which takes the log instead of X."""

    transform = property()


def recommender(cls):
    """A recommender of one list, whose last columns are watch time and duration."""
    return cls(
        WatchTime(),
        MLPRanker(**TINY),
        duration=-1,
        watch_time=-1,
        explicit=(),
        k=1,
        **NO_ROLES,
    )


class OwnModule(MLP):
    """A network that one could have written oneself."""

    def __init__(self, cardinalities, n_numeric, n_outputs, past_columns):
        super().__init__(cardinalities, n_numeric, n_outputs, 4, (16,))


ESTIMATORS = [
    WatchTime(watch_time=-1),
    ExplicitFeedback(explicit=(-1,)),
    PlayCompletion(watch_time=-1, duration=0),
    PlayCompletionRate(watch_time=-1, duration=0),
    D2Q(n_groups=3, watch_time=-1, duration=0),
    DVR(n_groups=3, watch_time=-1, duration=0),
    KneeScaler(),
    MLPRanker(duration=None, **NO_ROLES, **LONG),
    DCNRanker(duration=None, **NO_ROLES, **LONG),
    DINRanker(user=0, item=1, duration=None, timestamp=None, **LONG),
    ModuleRanker(OwnModule, duration=None, **NO_ROLES, **LONG),
    LabelCrafter(
        MLPRanker(**TINY),
        k=1,
        hidden=(8,),
        watch_time=-1,
        duration=0,
        explicit=(),
        **NO_ROLES,
    ),
    recommender(LabelCraftRecommender),
    recommender(Predictor),
]
ONE_COLUMN = {
    "check_fit_non_negative": "only the columns with a role must not be negative"
}
SEVERAL_LABELS = {
    "check_supervised_y_2d": "labels of shape (n, 1) are what a labeler returns"
}
TAKES_THE_LOG = dict.fromkeys(
    [
        "check_dict_unchanged",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in_after_fitting",
        "check_transformer_data_not_an_array",
        "check_transformer_general",
        "check_transformer_preserve_dtypes",
    ],
    "transform takes the log, which is X and y side by side, and not X",
)
EXPECTED = {
    "WatchTime": ONE_COLUMN,
    "ExplicitFeedback": ONE_COLUMN,
    "MLPRanker": SEVERAL_LABELS,
    "DCNRanker": SEVERAL_LABELS,
    "DINRanker": SEVERAL_LABELS,
    "ModuleRanker": SEVERAL_LABELS,
    "LabelCraftRecommender": TAKES_THE_LOG,
}


@pytest.mark.filterwarnings("ignore:SCIPY_ARRAY_API")
@parametrize_with_checks(
    ESTIMATORS,
    expected_failed_checks=lambda estimator: EXPECTED.get(type(estimator).__name__, {}),
)
def test_estimator(estimator, check):
    """It does what scikit-learn expects of an estimator."""
    check(estimator)
