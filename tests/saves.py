"""What tests of saves share: small estimators, and comparison bit by bit."""

import hashlib
import json
from functools import cache
from pathlib import Path
from types import FunctionType

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    CWM,
    D2Q,
    DCN,
    DIN,
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
from sklabelcraft._saved._folder import ARRAYS, CONFIG, config_of
from sklabelcraft._saved._tensors import described
from sklabelcraft.balancing import ConflictFreeBalancing, MinNormBalancing
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.objectives import Objective

LOG = make_short_videos(n_users=16, n_items=20, n_impressions=20, random_state=0)
NEXT = make_short_videos(n_users=20, n_items=24, n_impressions=8, random_state=1)
LABELS, NEXT_LABELS = (
    PlayCompletionRate().fit_transform(log.frame)[:, 0] for log in (LOG, NEXT)
)
SMALL = {"embedding_dim": 2, "hidden": (4,)}
TRAINED = {"max_epochs": 1, "batch_size": 64, "random_state": 0}
MLP_RANKER = MLPRanker(MLP(**SMALL), **TRAINED)
DIN_RANKER = DINRanker(DIN(history_length=3, **SMALL), **TRAINED)
UNION = FeatureUnion([("watch", WatchTime()), ("explicit", ExplicitFeedback())])
LABELERS = {
    "CWM": CWM(),
    "D2Q": D2Q(5),
    "DVR": DVR(5),
    "CDF by two": ConditionalCDF(by=("user", "duration"), n_groups=4),
    "CDF by tag": ConditionalCDF(by=["tag"], smoothing=np.float64(2.5)),
    "D2Co": D2Co(5),
    "EF": ExplicitFeedback(),
    "PC": PlayCompletion(strict=False),
    "PCR": PlayCompletionRate(),
    "WT": WatchTime(columns=Columns(features=("user_id", "tag"))),
    "WT+EF": UNION,
    "LabelCraft": LabelCrafter(
        DIN_RANKER,
        k=3,
        hidden=[3, 2],
        objectives=[Objective("watch_time", "gain", "scale"), Objective("like")],
        balancing=MinNormBalancing(),
        random_state=np.random.RandomState(5),
    ),
}
RANKERS = {
    "MLP": MLP_RANKER,
    "adversary": MLPRanker(MLP(**SMALL), adversary_weight=0.1, **TRAINED),
    "float64": MLPRanker(MLP(**SMALL), precision="float64", optimizer="sgd", **TRAINED),
    "without replay": MLPRanker(
        MLP(**SMALL), replay=0, min_count=np.int64(1), **TRAINED
    ),
    "DCN": DCNRanker(DCN(**SMALL), loss="brier", **TRAINED),
    "DIN": DIN_RANKER,
    "DIN with layers": DINRanker(
        DIN(history_length=np.int64(3), attention_hidden=(3,), **SMALL), **TRAINED
    ),
    "module": ModuleRanker(DCN(n_cross_layers=1, **SMALL), **TRAINED),
}
JOINT = LabelCraftRecommender(
    LabelCrafter(k=3, balancing=ConflictFreeBalancing()), MLP_RANKER, random_state=0
)
RECOMMENDERS = {
    "joint": JOINT,
    "apart": LabelCraftRecommender(D2Q(), MLP_RANKER),
    "two heads": LabelCraftRecommender(UNION, MLP_RANKER),
}
FUSED = FusedRecommender(
    [("WT", LabelCraftRecommender(WatchTime(), MLP_RANKER)), ("joint", JOINT)],
    k=3,
    random_state=0,
)


def learned(estimator):
    """The estimator, fitted to the log in the way of its kind."""
    if isinstance(estimator, KneeScaler):
        return estimator.fit(LOG.frame[["watch_time", "duration"]])
    if hasattr(estimator, "transform"):
        return estimator.fit(LOG.frame)
    if isinstance(estimator, LabelCraftRecommender | FusedRecommender):
        return estimator.fit(LOG.data, LOG.target)
    return estimator.fit(LOG.data, LABELS)


@cache
def frozen():
    """A recommender whose labeler is frozen."""
    labeler = FrozenEstimator(DVR(5).fit(LOG.frame))
    return LabelCraftRecommender(labeler, MLP_RANKER).fit(LOG.data, LOG.target)


def differences(one, other, path="it", seen=None):
    """Where two objects differ in type, attributes or bits, path by path."""
    seen = {} if seen is None else seen
    if (id(one), id(other)) in seen:
        return []
    if type(one) is not type(other):
        return [f"{path} is {type(one)} and {type(other)}"]
    if isinstance(one, (str, bytes, int, float, np.generic, type(None), FunctionType)):
        return [] if one == other or one != one else [f"{path}: {one!r}, {other!r}"]
    seen[id(one), id(other)] = one, other
    if torch.is_tensor(one):
        if one.requires_grad != other.requires_grad:
            return [f"{path} has no gradients like before"]
        one, other = (values.detach().numpy() for values in (one, other))
    if isinstance(one, np.ndarray) and one.dtype != object:
        same = (one.dtype, one.shape) == (other.dtype, other.shape)
        return [] if same and one.tobytes() == other.tobytes() else [path]
    parts = [parts_of(each) for each in (one, other)]
    if parts[0] is None:
        return [] if one == other else [f"{path}: {one!r}, {other!r}"]
    if list(parts[0]) != list(parts[1]):
        return [f"{path} has {list(parts[0])} and {list(parts[1])}"]
    return [
        found
        for name, part in parts[0].items()
        for found in differences(part, parts[1][name], f"{path}.{name}", seen)
    ]


def parts_of(value):
    """What an object consists of, by name; None if it is a single value."""
    if isinstance(value, np.random.RandomState):
        return value.get_state(legacy=False)
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple | np.ndarray):
        return dict(enumerate(value))
    if not hasattr(value, "__dict__"):
        return None
    known = dict(sorted(vars(value).items()))
    known.pop("_hashed", None)  # of a vocabulary, made when it is needed
    return known


def content_of(folder):
    """The content of a save and its arrays, without any check."""
    content = json.loads((folder / CONFIG).read_bytes())
    del content["sha256"]
    return content, load_file(folder / ARRAYS)


def write_content(folder, content, arrays):
    """Write a content and arrays with digests that are right, without any check."""
    save_file(arrays, folder / ARRAYS)
    raw = (folder / ARRAYS).read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    stated = {"size": len(raw), "sha256": digest, "arrays": described(arrays)}
    (folder / CONFIG).write_bytes(config_of(content | {"arrays": stated}))


def files_of(folder):
    """The names of what lies in a folder."""
    return sorted(path.name for path in Path(folder).iterdir())
