"""What a save may hold: the classes, and of each what its fields are.

It is closed: nothing is found by its name but what stands here.
"""

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion
from sklearn.utils import Bunch

from sklabelcraft._heads import Heads
from sklabelcraft._platform import MeasuredColumn
from sklabelcraft._saved import _checks as checks
from sklabelcraft._saved._arrays import Array, Tensor, Values
from sklabelcraft._saved._plain import Plain, Whole
from sklabelcraft._saved._random import RandomStates
from sklabelcraft._saved._records import (
    KEY,
    Absent,
    Estimator,
    Fields,
    Map,
    Maybe,
    Part,
    Record,
    Several,
    Stated,
)
from sklabelcraft._saved._schema_counts import COUNTS
from sklabelcraft._saved._schema_models import (
    ADVERSARY,
    FLOATS,
    LABELS,
    MODELS,
    OPTIMIZER,
)
from sklabelcraft._saved._singles import (
    EPOCHS,
    KEY_OR_NONE,
    KEYS,
    NUMBER,
    TEXTS,
    several,
)
from sklabelcraft.balancing import (
    ConflictFreeBalancing,
    MinNormBalancing,
    SoftmaxBalancing,
)
from sklabelcraft.columns import Columns
from sklabelcraft.fused import FusedRecommender
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.labelers import (
    CWM,
    D2Q,
    DVR,
    ConditionalCDF,
    D2Co,
    ExplicitFeedback,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)
from sklabelcraft.losses import LOSSES
from sklabelcraft.modules import DCN, DIN, MLP
from sklabelcraft.objectives import Objective
from sklabelcraft.preprocessing import KneeScaler
from sklabelcraft.rankers import DCNRanker, DINRanker, MLPRanker, ModuleRanker
from sklabelcraft.recommender import LabelCraftRecommender

LABELERS: tuple[str, ...] = ("CWM", "D2Q", "DVR", "ConditionalCDF", "D2Co")
LABELERS += ("ExplicitFeedback", "PlayCompletion", "PlayCompletionRate", "WatchTime")
LABELERS += ("LabelCrafter", "FeatureUnion", "FrozenEstimator")
RANKERS = ("MLPRanker", "DCNRanker", "DINRanker", "ModuleRanker")
RECOMMENDERS: tuple[str, ...] = (*RANKERS, "LabelCraftRecommender", "FusedRecommender")
RECOMMENDERS += ("FrozenEstimator",)
BALANCING = ("SoftmaxBalancing", "MinNormBalancing", "ConflictFreeBalancing")
PARAMETERS = {"Columns", "Objective", "RandomState", "MLP", "DCN", "DIN", *BALANCING}
PARAMETERS |= {"KneeScaler", *LABELERS, *RECOMMENDERS}

# what parameters are made of
STATED = (
    Stated(Columns, **dict.fromkeys(Columns.__dataclass_fields__, Plain())),
    Stated(
        Objective,
        **dict.fromkeys(Objective.__dataclass_fields__, Plain()) | {"column": KEY},
    ),
    Stated(SoftmaxBalancing, tau=NUMBER),
    Stated(MinNormBalancing),
    Stated(ConflictFreeBalancing),
    RandomStates(),
)

# what estimators have learned
PARAMS = Plain(PARAMETERS, LOSSES)
SEEN = {
    "n_features_in_": Absent(Whole()),
    "feature_names_in_": Absent(Values("f", only_texts=True)),
}
EDGES = {"edges_": Array("float64", "e", rising=True, finite=True)}
GROUPED = {
    **EDGES,
    "statistics_": Part("GroupCounts"),
    "quantiles_": Part("GroupedQuantiles"),
    "groups_": Maybe(Part("Combinations")),
    "counts_": Maybe(Part("CellCounts")),
}
TRAINED = {
    "model_": Part("RankerModel"),
    "features_": KEYS,
    "history_": EPOCHS,
    "training_state_": Fields(
        optimizer=OPTIMIZER,
        adversary=Maybe(ADVERSARY),
        memory=Maybe(Part("Memory")),
        scale=Maybe(several(2, float, "mean and standard deviation")),
    ),
}
CRAFTED = {
    "label_net_": Part("LearnedLabel"),
    "start_": several(3, float, "three weights"),
    "ranker_": Part(*RANKERS),
    "explicit_": KEYS,
    "n_unknown_": Whole(),
    "history_": EPOCHS,
    "training_state_": Fields(
        task=Fields(
            optimizer=OPTIMIZER,
            outer=OPTIMIZER,
            generator=Tensor("uint8", "g"),
            n_epochs=Whole(),
            n_steps=Whole(),
            balances=Several(Tensor(FLOATS, "o")),
        ),
        counts=Part("FeedbackCounts"),
        scaled=Map(Part("Numbers")),
        held_out=Part("KeptRows"),
        memory=Maybe(Part("Memory")),
    ),
}
SEEN_PAIRS = Maybe(Part("Seen"))
NOTHING = {"statistics_": Maybe(Part())}
MEANS = Array("float64", "e+1", least=0, finite=True)


def learner(made, check=None, /, **learned):
    """An estimator that has seen columns."""
    return Estimator(made, PARAMS, check, **SEEN, **learned)


ESTIMATORS = (
    *(Estimator(made, PARAMS, checks.widths) for made in (MLP, DCN, DIN)),
    *(learner(made, **NOTHING) for made in (CWM, PlayCompletion, PlayCompletionRate)),
    learner(WatchTime, statistics_=Part("Numbers"), knee_=NUMBER, maximum_=NUMBER),
    learner(
        ExplicitFeedback,
        statistics_=Part("ExplicitCounts"),
        explicit_=KEYS,
        n_unknown_=Whole(),
    ),
    learner(DVR, statistics_=Part("FeedbackCounts"), **EDGES, mean_=MEANS, std_=MEANS),
    learner(
        D2Co, statistics_=Part("FeedbackCounts"), **EDGES, noise_=MEANS, bias_=MEANS
    ),
    *(learner(made, checks.groups, **GROUPED) for made in (D2Q, ConditionalCDF)),
    learner(
        KneeScaler,
        knee_=Array("float64", "c"),
        maximum_=Array("float64", "c"),
        statistics_=Several(Part("Numbers"), "c"),
    ),
    *(
        learner(made, checks.ranker, **TRAINED)
        for made in (MLPRanker, DCNRanker, DINRanker, ModuleRanker)
    ),
    learner(LabelCrafter, checks.crafter, **CRAFTED),
    learner(
        LabelCraftRecommender,
        checks.recommender,
        labeler_=Part(*LABELERS),
        ranker_=Part(*RANKERS),
        seen_=SEEN_PAIRS,
    ),
    learner(
        FusedRecommender,
        recommenders_=Map(Part(*RECOMMENDERS), Bunch),
        weights_=Map(NUMBER),
        heads_=Part("Heads"),
        measures_=Several(Part("MeasuredColumn")),
        seen_=SEEN_PAIRS,
    ),
    Estimator(FeatureUnion, PARAMS, checks.union),
    Estimator(FrozenEstimator, PARAMS),
)
FUSED = (
    Record(
        Heads,
        checks.heads,
        recommenders=Map(Part(*RECOMMENDERS), Bunch),
        duration=KEY_OR_NONE,
        ranks=Absent(Part("Ranks")),
        names=TEXTS,
        mean=Array("float64", "h"),
        scale=Array("float64", "h"),
    ),
    Record(
        MeasuredColumn,
        checks.measured,
        objective=Part("Objective"),
        columns=Part("Columns"),
        explicit=KEYS,
        knee=Absent(NUMBER),
        maximum=Absent(NUMBER),
    ),
)
REGISTRY = {
    kind.made.__name__: kind
    for kind in (*STATED, *COUNTS, *MODELS, *LABELS, *ESTIMATORS, *FUSED)
}
