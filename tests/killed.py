"""What a process does that is to be killed in the middle of a fit."""

import warnings

import torch
from sklearn.base import clone

from sklabelcraft import (
    DIN,
    MLP,
    Columns,
    DINRanker,
    LabelCrafter,
    MLPRanker,
    ModuleRanker,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.modules import Network
from sklabelcraft.modules._mlp import MLPModule

LOG = make_short_videos(n_users=16, n_items=20, n_impressions=20, random_state=0)
FRAME = LOG.frame.assign(label=LOG.preference)
SMALL = {"embedding_dim": 2, "hidden": (4,)}
TRAINED = {
    "max_epochs": 3,
    "batch_size": 32,
    "window_bytes": 10_000,
    "columns": Columns(features=("user_id", "item_id", "duration", "tag")),
    "random_state": 0,
}


class Dropping(Network):
    """A network that drops out at random."""

    history_length = 0

    def build(self, *sizes):
        module = MLPModule(*sizes[:3], 2, (4,))
        module.dense.append(torch.nn.Dropout(0.5))
        return module


MLP_RANKER = MLPRanker(MLP(**SMALL), **TRAINED)
DIN_RANKER = DINRanker(DIN(history_length=3, **SMALL), **TRAINED)
ESTIMATORS = {
    "MLP": MLP_RANKER,
    "DIN": DIN_RANKER,
    "adversary": clone(MLP_RANKER).set_params(adversary_weight=0.1, optimizer="sgd"),
    "dropout": ModuleRanker(Dropping(), **TRAINED),
    "two starts": LabelCrafter(
        clone(MLP_RANKER).set_params(max_epochs=2), k=3, random_state=0
    ),
}


def estimator_of(kind, checkpoint=None, every=None):
    estimator = clone(ESTIMATORS[kind])
    prefix = "ranker__" if isinstance(estimator, LabelCrafter) else ""
    options = {"checkpoint": checkpoint, "every": every}
    return estimator.set_params(**{prefix + k: v for k, v in options.items()})


def fitted(estimator, data=None):
    """The estimator, fitted to the log in memory or in files."""
    if isinstance(estimator, LabelCrafter):
        return estimator.fit(FRAME if data is None else data)
    if data is None:
        return estimator.fit(FRAME, FRAME["label"])
    return estimator.fit(data, "label")


def learned(estimator):
    """All that was learned, by name."""
    ranker, found = estimator, {}
    if isinstance(estimator, LabelCrafter):
        ranker = estimator.ranker_
        found = {f"label {n}": v for n, v in estimator.label_net_.state_dict().items()}
        found["start"] = torch.tensor(estimator.start_)
    state = ranker.training_state_["optimizer"]
    kept = {
        f"{what} {n}": v for what in ("moments", "last") for n, v in state[what].items()
    }
    losses = [list(epoch.values()) for epoch in estimator.history_]
    found["history"] = torch.tensor(losses[-1], dtype=torch.float64)
    return found | kept | ranker.model_.module.state_dict()


def fit(kind, data, checkpoint, every, started):
    """Fit, and say that it begins; to be killed at any moment."""
    warnings.simplefilter("error")
    started.set()
    fitted(estimator_of(kind, checkpoint, every), data)
