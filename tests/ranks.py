"""What one of several processes does, to see that they train as one.

    RANK=... WORLD_SIZE=... python tests/ranks.py SCENARIO FOLDER

leaves ``SCENARIO-SIZE-RANK.pickle`` in the folder.
"""

import os
import pickle
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from sklearn.base import clone
from torch import distributed

from sklabelcraft import (
    DIN,
    MLP,
    DINRanker,
    LabelCrafter,
    MLPRanker,
    ModuleRanker,
)
from sklabelcraft.balancing import MinNormBalancing
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.losses import squared_error
from sklabelcraft.modules import Network
from sklabelcraft.modules._mlp import MLPModule
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    watch_time_objective,
)

RANK, SIZE = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
LAST = RANK == SIZE - 1
LOG = make_short_videos(n_users=30, n_items=60, n_impressions=40, random_state=0)
GAPS = np.column_stack([LOG.preference, -LOG.preference])
GAPS[1::3, 0] = GAPS[::4, 1] = np.nan
WEIGHTS = np.linspace(0, 3, len(LOG.data))
SIGNALS = ["like", "follow", "comment"]
NOT_KNOWN = LOG.frame.astype(dict.fromkeys(SIGNALS, float))
NOT_KNOWN.loc[::3, SIGNALS] = np.nan
DRAWN = np.random.default_rng(0).integers(0, 9, (len(LOG.frame), 4))
LOG.data["tags"] = LOG.frame["tags"] = [list(row[: row[0] % 4]) for row in DRAWN]
SMALL = {"embedding_dim": 4, "hidden": (8,)}
TRAINED = {"max_epochs": 2, "batch_size": 100, "random_state": 0}
MLP_RANKER = MLPRanker(MLP(**SMALL), **TRAINED)
DIN_RANKER = DINRanker(DIN(history_length=5, **SMALL), **TRAINED)
FLOOR = Objective("explicit", "gain", "indicator", at_least=1.2)
BALANCED = {
    "balancing": MinNormBalancing(),
    "objectives": [watch_time_objective, FLOOR, duration_objective],
}
CRAFTED = {"k": 5, "validation_users": 10, "learning_rate": 0.02, "random_state": 0}
ESTIMATORS = {
    "MLP": MLP_RANKER,
    "DIN": DIN_RANKER,
    "adversary": clone(MLP_RANKER).set_params(adversary_weight=0.1),
    "gaps, weights": clone(MLP_RANKER).set_params(adversary_weight=0.1),
    "label, MLP": LabelCrafter(MLP_RANKER, **CRAFTED),
    "label, DIN, floor": LabelCrafter(DIN_RANKER, **CRAFTED, **BALANCED),
    "label, not known, weights": LabelCrafter(MLP_RANKER, **CRAFTED),
    "label, few": LabelCrafter(
        clone(MLP_RANKER).set_params(batch_size=2, max_epochs=1),
        **CRAFTED | {"validation_users": 1, "starts": [(0, 1, 1)]},
    ),
}
FLOAT32 = "MLP", "label, DIN, floor"


def weights(module):
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def fitted(name, precision):
    """All that an estimator learns, by name."""
    estimator, frame = clone(ESTIMATORS[name]), LOG.frame
    if isinstance(estimator, LabelCrafter):
        rows = 300 if name == "label, few" else len(frame)
        frame = (NOT_KNOWN if "not known" in name else frame)[:rows]
        own = WEIGHTS if "weights" in name else None
        estimator.set_params(ranker__precision=precision)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the explicit feedback")
            estimator.fit(frame, sample_weight=own)
        labels = estimator.transform(frame)
        label = {f"label {n}": v for n, v in weights(estimator.label_net_).items()}
        ranker, label = estimator.ranker_, label | {"labels": labels}
    else:
        ranker = estimator.set_params(precision=precision)
        labels = GAPS if "gaps" in name else LOG.preference
        own = WEIGHTS if "weights" in name else None
        ranker.fit(LOG.data, labels, sample_weight=own)
        label = {}
    return (
        label
        | weights(ranker.model_.module)
        | {
            "scores": ranker.head_scores(frame),
            "losses": np.array([epoch["loss"] for epoch in estimator.history_]),
        }
    )


def fits():
    """What is learned with each number of processes."""
    cases = [(name, "float64") for name in ESTIMATORS]
    cases += [(name, "float32") for name in FLOAT32]
    return {case: fitted(*case) for case in cases}


class Failing:
    """A loss that fails in the last process, in the middle of training."""

    def __init__(self, how):
        self.how, self.n_calls = how, 0

    def __call__(self, logits, labels):
        self.n_calls += 1
        if LAST and self.n_calls == 15:
            self.how()
        return squared_error(logits, labels)

    def __repr__(self):
        return "Failing()"


class Stopping:
    """A callback that asks to stop after the first epoch, in the last process."""

    def setup(self, estimator, context):
        """Nothing."""

    def teardown(self, estimator, context):
        """Nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context):
        return LAST and context.task_name == "epoch"


class Dropping(Network):
    """A network that drops out at random."""

    history_length = 0

    def build(self, *sizes):
        module = MLPModule(*sizes[:3], 4, (8,))
        module.dense.append(torch.nn.Dropout(0.5))
        return module


def fail():
    raise ValueError("this one has its reasons")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def attempted(ranker, X=LOG.data, y=LOG.preference):
    """What a fit ends with, and what it leaves behind."""
    before, start, error = set(vars(ranker)), time.monotonic(), None
    try:
        ranker.fit(X, y)
    except Exception as found:
        error = type(found).__name__, str(found)
    left = set(vars(ranker)) - before
    return {"error": error, "left": left, "seconds": time.monotonic() - start}


def failures():
    """How fits end that differ between processes, one after the other."""
    ranker = clone(MLP_RANKER)
    changed = clone(ranker).set_params(learning_rate=0.1 if LAST else 0.2)
    seeded = clone(ranker).set_params(random_state=np.random.RandomState(RANK))
    ended = {
        "rows": attempted(
            clone(ranker), LOG.data[int(LAST) :], LOG.preference[int(LAST) :]
        ),
        "labels": attempted(clone(ranker), y=LOG.preference + 0.1 * LAST),
        "parameters": attempted(changed),
        "state": attempted(seeded),
        "dropout": attempted(ModuleRanker(Dropping(), **TRAINED)),
        "diverging": attempted(clone(ranker).set_params(learning_rate=1e30)),
        "raising": attempted(clone(ranker).set_params(loss=Failing(fail))),
        "invalid": attempted(clone(ranker), y=LOG.preference * (np.inf if LAST else 1)),
    }
    unseeded = clone(ranker).set_params(random_state=None).fit(LOG.data, LOG.preference)
    ended["unseeded"] = unseeded.predict(LOG.data)
    stopped = clone(ranker).set_callbacks(Stopping()).fit(LOG.data, LOG.preference)
    ended["epochs"] = len(stopped.history_)
    with open_group():
        ranker.fit(LOG.data, LOG.preference)
        ended["own group"] = ranker.predict(LOG.data)
        ended["still there"] = distributed.is_initialized()
    return ended


class open_group:
    """A group of processes that the user has."""

    def __enter__(self):
        distributed.init_process_group("gloo")

    def __exit__(self, *_):
        distributed.destroy_process_group()


def death():
    """How a fit ends when another process is killed."""
    return attempted(clone(MLP_RANKER).set_params(loss=Failing(die)))


def restart():
    """A fit that is killed at first, and begun again by torchrun; and a whole one."""
    attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]
    saved = {"checkpoint": os.environ["CHECKPOINT"], "every": 1}
    loss = Failing(die if attempt == "0" else list)
    ranker = clone(MLP_RANKER).set_params(loss=loss, **saved)
    scores = ranker.fit(LOG.data, LOG.preference).predict(LOG.data)
    told = {"attempt": attempt, "n_calls": loss.n_calls, "scores": scores}
    whole = clone(MLP_RANKER).set_params(loss=Failing(list))
    whole.fit(LOG.data, LOG.preference)
    return told | {"whole": whole.predict(LOG.data), "of whole": whole.loss.n_calls}


def saving(folder, loss):
    """A ranker that saves each step in a folder."""
    saved = {"checkpoint": folder, "every": 1, "precision": "float64"}
    return clone(MLP_RANKER).set_params(loss=loss, **saved)


def gone_on(folder):
    """What a fit ends with that goes on from a folder, and its steps until then."""
    ranker = saving(folder, Failing(list)).fit(LOG.data, LOG.preference)
    return {"scores": ranker.predict(LOG.data), "n_calls": ranker.loss.n_calls}


def resumed():
    """A fit that other processes have begun; and one that others will end."""
    folder = Path(os.environ["CHECKPOINT"])
    found = gone_on(folder / "theirs")
    attempted(saving(folder / "ours", Failing(fail)))
    return found


def main(scenario, folder):
    """Play a scenario."""
    warnings.simplefilter("error")
    found = globals()[scenario]()
    path = Path(folder) / f"{scenario}-{SIZE}-{RANK}.pickle"
    path.write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
