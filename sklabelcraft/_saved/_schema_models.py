"""What a save may hold of rankers and labels, and of their training."""

import numpy as np

from sklabelcraft._bags import Bags
from sklabelcraft._encoder import Encoder
from sklabelcraft._history import History
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._model import RankerModel
from sklabelcraft._saved import _checks as checks
from sklabelcraft._saved._arrays import Array, Tensor
from sklabelcraft._saved._networks import Dense, Model, Weights
from sklabelcraft._saved._plain import Choice, Whole
from sklabelcraft._saved._records import (
    Absent,
    Fields,
    Map,
    Maybe,
    Module,
    Part,
    Record,
    Several,
)
from sklabelcraft._saved._singles import (
    CLOCK,
    KEY_OR_NONE,
    KEYS,
    NUMBER,
    TRUTH,
    several,
)
from sklabelcraft.losses import LOSSES
from sklabelcraft.modules import (
    DCNModule,
    DINModule,
    LearnedLabel,
    MLPModule,
    Signals,
    StartingRule,
)
from sklabelcraft.modules._chance import ExplicitChance

MODELS = (
    Record(
        Encoder,
        checks.encoder,
        columns=Part("Columns"),
        features=KEYS,
        lists=KEYS,
        vectors=KEYS,
        min_count=Whole(1),
        duration=KEY_OR_NONE,
        ids=several(2, (str, int, np.integer, type(None)), "user and item"),
        n_rows=Whole(),
        vocabularies=Map(Part("Vocabulary")),
        occurrences=Map(Part("Occurrences")),
        numbers=Map(Several(Part("Numbers"))),
        ranks=Map(Several(Part("Ranks"))),
        gaps=KEYS,
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
        Bags,
        checks.bags,
        codes=Tensor("int32", "e", least=0),
        lengths=Tensor("int32", "n", "c", least=0),
    ),
    Record(
        KeptRows,
        checks.kept_rows,
        codes=Tensor("int32", "n", "c", least=0),
        numeric=Tensor("float32", "n", "m"),
        users=Part("Ids"),
        times=Array("int64 float64", "n", finite=True),
        columns=Map(Array("float64", "n", ...), sized=True),
        weights=Array("float64", "n", ..., least=0, finite=True),
        bags=Part("Bags"),
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
LABELS = (
    Module(
        ExplicitChance,
        training=TRUTH,
        edges=Tensor("float64", "e", rising=True, finite=True),
        shares=Tensor("float64", "e+1", least=0, most=1),
    ),
    Module(
        Signals,
        training=TRUTH,
        watch_points=Tensor("float64", "n+1", rising=True, finite=True),
        duration_points=Tensor("float64", "m+1", rising=True, finite=True),
        scale=Tensor("float64", 2, finite=True),
        quantiles=Part("GroupedQuantiles"),
        chance=Part("ExplicitChance"),
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
