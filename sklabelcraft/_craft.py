"""Crafting a label: what a ``LabelCrafter`` does with a log, from each start."""

import copy
from dataclasses import replace

import numpy as np
import torch
from sklearn.utils import Bunch

from sklabelcraft._counts import FeedbackCounts
from sklabelcraft._estimator import inherit, seed_of, shared_random_state
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._platform import make_platform, objectives_of
from sklabelcraft._race import Run, race
from sklabelcraft._torch import Drawing, copied, generator_from
from sklabelcraft.columns import FEEDBACK
from sklabelcraft.losses import choose_loss
from sklabelcraft.modules import Feedback, LearnedLabel, Signals, StartingRule
from sklabelcraft.modules._embeddings import check_widths
from sklabelcraft.modules._label import INPUTS
from sklabelcraft.rankers import BaseRanker, MLPRanker
from sklabelcraft.rankers._base import summary
from sklabelcraft.training import BilevelTask, Loop, check_agreed, drawing_in_training

STARTS = ((0, 1, 0.5), (0, 1, 3))  # weights of watch time, D2Q and explicit feedback
NEEDED = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]])  # inputs of each hand-made label


class Craft:
    """The runs of a ``LabelCrafter``, one from each start, on the same data.

    Parameters
    ----------
    crafter : LabelCrafter
        Says how; it is not changed.
    ranker : BaseRanker
        Its ranker, to be trained.
    logs : (Log, Log)
        Rows to train on and held-out rows.
    feedback : Feedback
        What was logged of the former.
    columns : Columns
        Names of the columns.
    k : int
        Length of the shown lists.
    device : torch.device
        Where to compute.
    group : Alone or Processes
        The processes that call the same fit.
    """

    def __init__(self, crafter, ranker, logs, feedback, columns, k, device, group):
        self.ranker, self.device, self.group = ranker, device, group
        self.label_settings = Bunch(**crafter.get_params(deep=False))
        self.settings = ranker.settings()
        # seeded once more, as the ranker may have the same random state
        seed = shared_random_state(crafter.random_state, group).randint(2**31 - 1)
        self.rng = np.random.RandomState(seed)
        self.ranker_rng = shared_random_state(ranker.random_state, group)
        features = features_of_log(logs[0], crafter, ranker.columns)
        self.model, rows = RankerModel.prepare(
            logs,
            replace(ranker.columns, features=features),
            self.settings,
            self.ranker_rng,
            n_outputs=1,
            loss=choose_loss(ranker.loss, unit=True),
        )
        check_agreed(group, summary(crafter, self.model, rows, {"feedback": feedback}))
        self.model.to(device)
        self.rows, held_rows = (part.to(device) for part in rows)
        self.platform = make_platform(
            self.label_settings,
            k,
            logs,
            columns,
            crafter.explicit_,
            held_rows,
            device,
        )
        counts = FeedbackCounts.of(*(column.numpy() for column in feedback))
        self.signals = Signals.learn(counts, crafter.inputs)
        self.inputs, self.hand_made = self.signals(feedback)
        distinct = self.signals(Feedback.counted(counts))[1]
        self.counted = distinct, torch.from_numpy(counts.counts)

    @property
    def dtype(self):
        """The precision of weights, numbers and labels."""
        return DTYPES[self.settings.precision]

    def learn(self, starts, watch):
        """Craft a label from each starting rule, and keep the one that leads furthest.

        The starts take turns, an epoch each, and one that falls behind drops out.

        Parameters
        ----------
        starts : ndarray of shape (n_starts, 3)
            Weights of the starting rules.
        watch : Watch
            To be told of the progress.

        Returns
        -------
        dict
            What was learned, by the names of the attributes.
        """
        runs = [self._start(weights) for weights in starts]
        drawing = self.model.module, self.rows, self.ranker_rng, self.device
        with drawing_in_training(*drawing, self.group):
            best = race(runs, watch, self._stopped)
        best.loop.settle()
        return self._learned(best, best.task.model, best.task.networks["label"])

    def _start(self, weights):
        """A run from a starting rule, with a ranker of its own."""
        rule, settings = StartingRule(weights, *self.counted), self.label_settings
        with Drawing(self.rng):
            label = LearnedLabel(self.signals, rule, settings.hidden, settings.bound)
        model = copy.copy(self.model)
        model.module = copied(self.model.module)
        label.correction.to(self.dtype)
        prepared = label.join(self.inputs, self.hand_made).to(self.device, self.dtype)
        task = BilevelTask(
            model,
            label.to(self.device),
            self.rows,
            prepared,
            self.platform,
            self.settings,
            settings,
            generator_from(self.rng),
            self.group,
        )
        n_epochs = settings.warmup_epochs + self.settings.max_epochs
        loop = Loop(task, generator_from(self.ranker_rng), self.settings, n_epochs)
        return Run(tuple(weights.tolist()), task, loop)

    def _stopped(self, run):
        """What would be learned, if the run ended now."""
        label = copy.deepcopy(run.task.networks["label"])
        label.load_state_dict(run.task.averages["label"].in_network())
        model = run.task.model.with_average(run.task.averages["ranker"])
        return self._learned(run, model, label.eval())

    def _learned(self, run, model, label):
        history = list(run.loop.history)
        losses = [
            {name: epoch[name] for name in ("epoch", "loss")} for epoch in history
        ]
        return {
            "label_net_": label.cpu(),
            "start_": run.start,
            "ranker_": copy.copy(self.ranker).adopt(model, losses),
            "history_": history,
        }


def starting_weights(crafter):
    """Weights of the starting rules, without what is not read, each once."""
    check_widths(crafter.hidden)
    unknown = [name for name in crafter.inputs if name not in INPUTS]
    if unknown or not len(crafter.inputs):
        raise ValueError(
            f"inputs must be some of {list(INPUTS)}, got {list(crafter.inputs)}."
        )
    weights = STARTS if crafter.starts is None else crafter.starts
    weights = np.array(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[1] != 3 or not np.isfinite(weights).all():
        raise ValueError(
            "starts must hold three weights for each starting rule, got "
            f"{weights.tolist()!r}."
        )
    read = np.isin(INPUTS, crafter.inputs)
    weights = np.where((read >= NEEDED).all(axis=1), weights, 0.0)
    return np.unique(weights, axis=0)


def ranker_of(crafter, columns):
    """A clone of the ranker of a crafter, with what it inherits."""
    ranker = MLPRanker() if crafter.ranker is None else crafter.ranker
    if not isinstance(ranker, BaseRanker):
        raise ValueError(
            "a LabelCrafter looks through the steps of its ranker, which must be one "
            f"of sklabelcraft.rankers, got {ranker!r}. To train another model on the "
            "finished label, give it to LabelCraftRecommender(LabelCrafter(), model)."
        )
    if ranker.adversary_weight > 0 or ranker.batch_size < 2:
        raise ValueError(
            "the ranker of a LabelCrafter takes no adversary and at least 2 rows a "
            f"step, got adversary_weight={ranker.adversary_weight} and "
            f"batch_size={ranker.batch_size}."
        )
    if ranker.validation_fraction is not None:
        raise ValueError(
            "a LabelCrafter holds rows out itself: state validation_fraction="
            f"{ranker.validation_fraction} on it and not on its ranker."
        )
    return inherit(ranker, random_state=seed_of(crafter.random_state), columns=columns)


def feedback_of(log, columns, explicit):
    """The feedback of a log, checked, as tensors."""
    seconds = columns.watch_time, columns.duration
    arrays = [log.numeric(key, minimum=0) for key in seconds]
    return Feedback(*map(torch.from_numpy, [*arrays, log.any_positive(explicit)]))


def features_of_log(log, crafter, columns):
    """What a ranker sees of a log in one table: all but the feedback and the clock."""
    if columns.features is not None:
        return columns.features
    objectives, _ = objectives_of(crafter, bool(crafter.explicit_))
    feedback = {columns.watch_time, *columns.explicit, columns.timestamp}
    feedback |= {o.column for o in objectives if o.column not in INPUTS}
    feedback = {log.canonical(key) for key in feedback if key in log}
    return tuple(key for key in log.keys if key not in feedback and key not in FEEDBACK)
