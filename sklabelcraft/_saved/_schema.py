"""What a save may hold: the classes, and of each what its fields are.

It is closed: nothing is found by its name but what stands here.
"""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion
from sklearn.utils import Bunch

from sklabelcraft._counts import FeedbackCounts, Numbers
from sklabelcraft._encoder import Encoder
from sklabelcraft._heads import Heads
from sklabelcraft._history import History
from sklabelcraft._ids import DATES, NUMBERS, OTHER, TEXT, Ids
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._model import RankerModel
from sklabelcraft._platform import MeasuredColumn
from sklabelcraft._quantiles import CellCounts, GroupedQuantiles, Ranks
from sklabelcraft._saved import _checks as checks
from sklabelcraft._saved._arrays import Array, Counted, Tensor, Values
from sklabelcraft._saved._networks import Dense, Model, Weights
from sklabelcraft._saved._plain import Choice, Plain, Whole
from sklabelcraft._saved._random import RandomStates
from sklabelcraft._saved._records import (
    KEY,
    Absent,
    Estimator,
    Fields,
    Map,
    Maybe,
    Module,
    Part,
    Record,
    Several,
    Stated,
    is_key,
)
from sklabelcraft._vocabulary import Occurrences, Vocabulary
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
from sklabelcraft.labelers._by_ids import Combinations, CountsByIds, GroupCounts
from sklabelcraft.labelers._rules import ExplicitColumns
from sklabelcraft.losses import LOSSES
from sklabelcraft.modules import (
    DCN,
    DIN,
    MLP,
    DCNModule,
    DINModule,
    LearnedLabel,
    MLPModule,
    Signals,
    StartingRule,
)
from sklabelcraft.objectives import Objective
from sklabelcraft.preprocessing import KneeScaler
from sklabelcraft.rankers import DCNRanker, DINRanker, MLPRanker, ModuleRanker
from sklabelcraft.recommender import LabelCraftRecommender

LABELERS = ("CWM", "D2Q", "DVR", "ConditionalCDF", "D2Co", "ExplicitFeedback")
LABELERS += ("PlayCompletion", "PlayCompletionRate", "WatchTime", "LabelCrafter")
LABELERS += ("FeatureUnion", "FrozenEstimator")
RANKERS = ("MLPRanker", "DCNRanker", "DINRanker", "ModuleRanker")
RECOMMENDERS = (*RANKERS, "LabelCraftRecommender", "FusedRecommender")
RECOMMENDERS += ("FrozenEstimator",)
BALANCING = ("SoftmaxBalancing", "MinNormBalancing", "ConflictFreeBalancing")
PARAMETERS = {"Columns", "Objective", "RandomState", "MLP", "DCN", "DIN", *BALANCING}
PARAMETERS |= {"KneeScaler", *LABELERS, *RECOMMENDERS}

# single values
KINDS = Maybe(Choice({kind: kind for kind in (NUMBERS, TEXT, DATES, OTHER)}))
NUMBER = Plain(
    wanted="a finite number",
    check=lambda value: (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and abs(value) < np.inf
    ),
)
KEY_OR_NONE = Maybe(KEY)
TRUTH = Plain(wanted="true or false", check=lambda value: type(value) is bool)
CLOCK = Plain(wanted="a text", check=lambda value: type(value) is str)
KEYS = Plain(
    wanted="a list of names or positions",
    check=lambda value: isinstance(value, list) and all(map(is_key, value)),
)
TEXTS = Plain(
    wanted="a list of texts",
    check=lambda value: isinstance(value, list) and all(type(v) is str for v in value),
)
EPOCHS = Plain(
    wanted="a list of what was told of each epoch",
    check=lambda value: isinstance(value, list) and all(type(v) is dict for v in value),
)


def several(n, of, wanted):
    """A tuple of n values of some types."""

    def check(value):
        return isinstance(value, tuple) and all(isinstance(v, of) for v in value)

    return Plain(wanted=wanted, check=lambda v: check(v) and n in (None, len(v)))


# what parameters are made of
STATED = (
    Stated(Columns, **dict.fromkeys(Columns.__dataclass_fields__, Plain())),
    Stated(Objective, **dict.fromkeys(Objective.__dataclass_fields__, Plain())),
    Stated(SoftmaxBalancing, tau=NUMBER),
    Stated(MinNormBalancing),
    Stated(ConflictFreeBalancing),
    RandomStates(),
)

# what is counted and learned of columns
COUNTS = (
    Record(
        Numbers,
        level=Whole(0, len(Numbers.masks) - 1),
        keys=Array("int64", "n+1", rising=True),
        counts=Counted("n+1"),
        least=NUMBER,
        largest=NUMBER,
    ),
    Record(
        FeedbackCounts,
        level=Whole(0, len(FeedbackCounts.masks) - 1),
        keys=Array("int64", "n+1", least=0, rising=True),
        counts=Counted("n+1"),
        least=Array("float64", 2, finite=True),
        largest=Array("float64", 2, finite=True),
    ),
    Record(
        GroupCounts,
        feedback=Part("FeedbackCounts"),
        by_ids=Maybe(Part("CountsByIds")),
    ),
    Record(
        CountsByIds,
        checks.counts_by_ids,
        vocabularies=Map(Part("Vocabulary")),
        codes=Array("int64", "n+1", "c", least=1),
        seconds=Array("int64", "n+1", least=0),
        counts=Counted("n+1"),
    ),
    Record(
        Combinations,
        checks.combinations,
        vocabularies=Map(Part("Vocabulary")),
        sizes=Several(Whole(1)),
        known=Array("int64", "n+1", least=0, rising=True),
    ),
    Record(ExplicitColumns, found=KEYS),
    Record(Ranks, points=Array("float64", "n+1", rising=True, finite=True)),
    Module(
        CellCounts,
        checks.cells,
        training=TRUTH,
        cells=Tensor("int64", "n", rising=True),
        total=Tensor("int64", "n+1", least=0, rising=True),
        before=Tensor("int64", "g+1", least=0, rising=True),
    ),
    Module(
        GroupedQuantiles,
        checks.cells,
        training=TRUTH,
        cells=Tensor("int64", "n", rising=True),
        total=Tensor("int64", "n+1", least=0, rising=True),
        before=Tensor("int64", "e+2", least=0, rising=True),
        edges=Tensor("float64", "e", rising=True, finite=True),
    ),
    Record(
        Vocabulary,
        checks.vocabulary,
        kind=KINDS,
        values=Values("n", distinct=True),
        missing_code=Whole(),
    ),
    Record(
        Occurrences,
        kind=KINDS,
        values=Values("n"),
        counts=Counted("n"),
        first=Array("int64", "n", least=0),
        missing=several(2, int, "a count and a row"),
    ),
    Record(Ids, kind=KINDS, values=Values("n"), missing=Array("bool", "n")),
)

# what a ranker consists of
MODELS = (
    Record(
        Encoder,
        checks.encoder,
        columns=Part("Columns"),
        features=KEYS,
        min_count=Whole(1),
        duration=KEY_OR_NONE,
        ids=several(2, (str, int, np.integer, type(None)), "user and item"),
        n_rows=Whole(),
        vocabularies=Map(Part("Vocabulary")),
        occurrences=Map(Part("Occurrences")),
        numbers=Map(Part("Numbers")),
        ranks=Map(Part("Ranks")),
    ),
    Record(
        History,
        checks.history,
        length=Whole(),
        user=KEY_OR_NONE,
        timestamp=KEY_OR_NONE,
        columns=several(None, int, "positions"),
        _begun=Several(Whole()),
        _vocabulary=Part("Vocabulary"),
        _clock=Maybe(CLOCK),
        _users=Absent(Array("int64", "s", least=0, rising=True)),
        _times=Absent(Array("int64 float64", "s", finite=True)),
        _store=Absent(Tensor("int64", "s", least=0)),
        _past=Absent(Tensor("int64", "p", "c", least=0)),
    ),
    Weights(MLPModule),
    Weights(DCNModule),
    Weights(DINModule),
    Model(
        RankerModel,
        checks.model,
        encoder=Part("Encoder"),
        history=Part("History"),
        module=Part("MLPModule", "DCNModule", "DINModule"),
        loss=Choice(LOSSES),
        n_outputs=Whole(1),
        head_mean=Maybe(Array("float64", "h", finite=True)),
        head_scale=Maybe(Array("float64", "h", finite=True)),
    ),
    Record(
        KeptRows,
        checks.kept_rows,
        codes=Tensor("int32", "n", "c", least=0),
        numeric=Tensor("float32", "n", "m"),
        users=Part("Ids"),
        times=Array("int64 float64", "n", finite=True),
        columns=Map(Array("float64", "n", ...), sized=True),
    ),
    Record(
        Memory,
        checks.memory,
        rows=Part("KeptRows"),
        drawn=Array("float64", "n", least=0, most=1),
        n_seen=Whole(),
    ),
)
FLOATS = "float32 float64"
OPTIMIZER = Fields(
    n_steps=Whole(0, checks.LARGEST_STEP),
    moments=Map(Tensor(FLOATS, ...)),
    last=Map(Tensor("int32", "n", 1, least=0)),
)
ADVERSARY = Fields(reader=Map(Tensor(FLOATS, ...)), optimizer=OPTIMIZER)

# what a label consists of
LABELS = (
    Module(
        Signals,
        training=TRUTH,
        watch_points=Tensor("float64", "n+1", rising=True, finite=True),
        duration_points=Tensor("float64", "m+1", rising=True, finite=True),
        scale=Tensor("float64", 2, finite=True),
        quantiles=Part("GroupedQuantiles"),
        read=Several(Whole(0, 2)),
    ),
    Module(
        StartingRule,
        training=TRUTH,
        weights=Tensor("float64", 3, finite=True),
        ends=Tensor("float64", 2, finite=True),
    ),
    Module(
        LearnedLabel,
        checks.label,
        training=TRUTH,
        signals=Part("Signals"),
        rule=Part("StartingRule"),
        bound=Maybe(NUMBER),
        correction=Dense(),
    ),
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
NOTHING = {"statistics_": Maybe(Part())}
MEANS = Array("float64", "e+1")


def learner(made, check=None, /, **learned):
    """An estimator that has seen columns."""
    return Estimator(made, PARAMS, check, **SEEN, **learned)


ESTIMATORS = (
    *(Estimator(made, PARAMS, checks.widths) for made in (MLP, DCN, DIN)),
    *(learner(made, **NOTHING) for made in (CWM, PlayCompletion, PlayCompletionRate)),
    learner(WatchTime, statistics_=Part("Numbers"), knee_=NUMBER, maximum_=NUMBER),
    learner(ExplicitFeedback, statistics_=Part("ExplicitColumns"), explicit_=KEYS),
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
    ),
    learner(
        FusedRecommender,
        recommenders_=Map(Part(*RECOMMENDERS), Bunch),
        weights_=Map(NUMBER),
        heads_=Part("Heads"),
        measures_=Several(Part("MeasuredColumn")),
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
