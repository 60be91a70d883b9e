"""Crafting a label: what a ``LabelCrafter`` does with a log, from each start."""

import copy
from functools import partial

import numpy as np
import torch
from sklearn.utils import Bunch

from sklabelcraft._counts import FeedbackCounts
from sklabelcraft._features import in_one_table
from sklabelcraft._holdout import MOST
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._known import warn_of_unknown
from sklabelcraft._log import Log
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._platform import (
    count_scaled,
    make_platform,
    objectives_of,
    read_measured,
)
from sklabelcraft._race import Race, Run
from sklabelcraft._stream import source_of
from sklabelcraft._torch import Drawing, copied, generator_from, on_cpu
from sklabelcraft.losses import choose_loss
from sklabelcraft.modules import Feedback, LearnedLabel, Signals, StartingRule
from sklabelcraft.modules._label import INPUTS
from sklabelcraft.rankers._identity import checkpoint_of, summary
from sklabelcraft.rankers._training import random_state_of
from sklabelcraft.training import (
    BilevelTask,
    Loop,
    Replayed,
    Window,
    check_agreed,
    drawing_in_training,
    fingerprint,
)
from sklabelcraft.training._growth import check_stays, shapes_of


class Craft:
    """The runs of a ``LabelCrafter``, one from each start, on the same data.

    Parameters
    ----------
    crafter : LabelCrafter
        Says how; it is not changed. If it goes on, it has been fitted.
    ranker : BaseRanker
        Its ranker, to be trained.
    logs : (Log or StoredLog, Log)
        Rows to train on and held-out rows.
    weights : (Weights, Weights)
        What has the weights of each.
    columns : Columns
        Names of the columns.
    k : int
        Length of the shown lists.
    device : torch.device
        Where to compute.
    group : Alone or Processes
        The processes that call the same fit.
    known : dict or None
        What a crafter that goes on keeps as its training state.
    """

    def __init__(
        self, crafter, ranker, logs, weights, columns, k, device, group, known=None
    ):
        self.crafter, self.ranker, self.logs = crafter, ranker, logs
        pairs = zip(weights, logs, strict=True)
        self.weights = [part.relative_to(log) for part, log in pairs]
        for part, rows in zip(self.weights, ("training", "held-out"), strict=True):
            part.check(f"{rows} rows")
        self.columns, self.device, self.group = columns, device, group
        self.label_settings = Bunch(**crafter.get_params(deep=False))
        self.settings, self.known = ranker.settings(), known
        # seeded once more, as the ranker may have the same random state
        before = crafter.ranker_.model_ if known else None
        seed = random_state_of(crafter, group, before).randint(2**31 - 1)
        self.rng = np.random.RandomState(seed)
        self.ranker_rng = random_state_of(ranker, group, before)
        self.memory = known and known["memory"]
        self._make_model()
        self._learn_statistics()
        self.rows = None
        if isinstance(logs[0], Log):  # shared by all runs
            self.rows = self.model.remembered(logs[0], 0)
        self.platform = make_platform(
            self.label_settings,
            k,
            self.held_out,
            self.model.impressions_of(self.held_out),
            self.scaled,
            bool(crafter.explicit_),
        )

    @property
    def dtype(self):
        """The precision of weights, numbers and labels."""
        return DTYPES[self.settings.precision]

    def _make_model(self):
        if self.known:
            known = self.crafter.ranker_.model_
            self.model, self.growth = known.grown(
                self.logs, self.settings, self.ranker_rng
            )
        else:
            columns, explicit = self.ranker.columns, self.crafter.explicit_
            objectives, _ = objectives_of(self.label_settings, bool(explicit))
            later = {o.column for o in objectives} - set(INPUTS)
            later.update(self.weights[0].names)
            self.model = RankerModel.prepare(
                self.logs,
                in_one_table(columns, self.logs[0], later),
                self.settings,
                self.ranker_rng,
                n_outputs=1,
                loss=choose_loss(self.ranker.loss, unit=True),
            )
        self.model.to(self.device)

    def _learn_statistics(self):
        """What the label is made of, and what the platform measures."""
        known, explicit = self.known or {}, self.crafter.explicit_
        objectives, _ = objectives_of(self.label_settings, bool(explicit))
        held_out = feedback_of(self.logs[1], self.columns, explicit)
        counts, self.n_unknown = known.get("counts"), int(held_out.unknown.sum())
        for part in self.logs[0].parts(self._feedback_keys()):
            feedback = feedback_of(part, self.columns, explicit)
            more = FeedbackCounts.of(*(column.numpy() for column in feedback))
            self.n_unknown += more.n_unknown
            counts = more if counts is None else counts.merged(more)
        self._check_known(counts)
        self.counts, self.signals = counts, Signals.learn(counts, self.crafter.inputs)
        distinct = self.signals(Feedback.counted(counts))[1]
        self.counted = distinct, torch.from_numpy(counts.counts)
        names = self.columns, explicit
        self.scaled = count_scaled(objectives, self.logs[0], *names)
        measured = read_measured(objectives, self.logs[1], *names)
        if self.known:
            before = known["scaled"].keys() | known["held_out"].columns.keys()
            check_stays("objectives", before, self.scaled.keys() | measured.keys())
        for name, numbers in known.get("scaled", {}).items():
            self.scaled[name] = self.scaled[name].merged(numbers)
        self.held_out = KeptRows.of(
            self.model,
            self.logs[1],
            1,
            self.columns.user,
            measured,
            self.weights[1].of(self.logs[1]),
        )
        if self.known:
            self.held_out = self.known["held_out"].followed_by(self.held_out)
            self.held_out = self.held_out.rows(slice(-MOST, None))

    def _check_known(self, counts):
        """Check that explicit feedback of some row is known, and tell of the others."""
        if counts.n_unknown == counts.counts.sum():
            raise ValueError(
                f"the explicit feedback of all {counts.n_unknown} rows to train on is "
                f"missing in {self.crafter.explicit_}. If the log has none, say "
                "explicit=()."
            )
        self.may_be_unknown = counts.n_unknown > 0
        warn_of_unknown(
            self.n_unknown,
            sum(map(len, self.logs)),
            "these rows are labelled by their watch time, and left out where explicit "
            "feedback is measured",
        )

    def _feedback_keys(self):
        seconds = self.columns.watch_time, self.columns.duration
        return [*seconds, *self.crafter.explicit_]

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
        self.seed = self.rng.randint(2**31 - 1)
        parts = [runs[0].task.source, self.platform.impressions]
        before = self.crafter.ranker_.model_ if self.known else None
        known = summary(self.crafter, self.model, self.logs, parts, before)
        known["sample_weight"] = self._told_weights()
        check_agreed(self.group, known)
        source = runs[0].task.source
        drawing = self.model.module, source, self.ranker_rng, self.device, self.group
        contest = Race(runs)
        with drawing_in_training(*drawing) as draws:
            saved = self.settings, known, contest, self.group, draws
            contest.keep_in(checkpoint_of(*saved))
            best = contest.run(watch, self._stopped)
        best.loop.settle()
        best.task.model.check_scores(source, best.task.blame)
        networks = best.task.model, best.task.networks["label"]
        return self._learned(best, *networks, self._remembered())

    def _told_weights(self):
        """A short text that differs where a weight does."""
        held_out = torch.from_numpy(self.held_out.weights)
        return f"{self.weights[0].names}, held out {fingerprint([held_out])}"

    def _start(self, weights):
        """A run from a starting rule, with a ranker of its own."""
        rule, settings = StartingRule(weights, *self.counted), self.label_settings
        with Drawing(self.rng):
            made = LearnedLabel(self.signals, rule, settings.hidden, settings.bound)
        label = copy.deepcopy(made)  # the other one stays on the CPU
        label.correction.to(self.dtype)
        label.to(self.device)
        model = copy.copy(self.model)
        model.module = copied(self.model.module)
        n_epochs = settings.warmup_epochs + self.settings.max_epochs
        task = BilevelTask(
            model,
            label,
            self._source(made),
            self.platform,
            self.settings,
            settings,
            generator_from(self.rng),
            self.group,
        )
        if self.known:
            learned = self.crafter.label_net_.correction.state_dict()
            sizes = shapes_of(learned), shapes_of(label.correction.state_dict())
            check_stays("hidden and inputs", *sizes)
            label.correction.load_state_dict(learned)
            task.go_on(self.growth, self.known["task"])
            n_epochs = 1
        loop = Loop(task, generator_from(self.ranker_rng), self.settings, n_epochs)
        return Run(tuple(weights.tolist()), task, loop)

    def _source(self, label):
        """The rows to train on, after the first fit with some of those before."""
        encode, n_bytes = partial(self._window, label), self.settings.window_bytes
        source, memory = source_of(self.logs[0], encode, n_bytes), self.memory
        if memory is None or not self.settings.replay:
            return source
        feedback = Feedback(*map(torch.from_numpy, memory.rows.columns.values()))
        rows, weights = self.model.impressions_of(memory.rows), memory.rows.weights
        window = self._as_window(rows, label, feedback, weights)
        return Replayed(source, window, self.settings.replay)

    def _remembered(self):
        """What of all rows so far is to be learned from again."""
        if not self.settings.replay:
            return None
        return Memory.of(self.logs[0], self._keep, self.seed, self.memory)

    def _keep(self, log):
        feedback = feedback_of(log, self.columns, self.crafter.explicit_)
        columns = {name: values.numpy() for name, values in feedback._asdict().items()}
        weights, user = self.weights[0].of(log), self.columns.user
        return KeptRows.of(self.model, log, 0, user, columns, weights)

    def _as_window(self, rows, label, feedback, weights):
        """Rows with what a label is made of, before anything learned, and weights."""
        prepared = label.prepare(feedback, self.may_be_unknown)
        targets = prepared, torch.from_numpy(weights[:, None])
        return Window(rows, tuple(t.to(self.device, self.dtype) for t in targets))

    def _window(self, label, log):
        """Rows to train on, encoded, with what a label is made of."""
        rows = self.model.remembered(log, 0) if self.rows is None else self.rows
        feedback = feedback_of(log, self.columns, self.crafter.explicit_)
        return self._as_window(rows, label, feedback, self.weights[0].of(log))

    def _stopped(self, run):
        """What would be learned, if the run ended now."""
        label = copy.deepcopy(run.task.networks["label"])
        label.load_state_dict(run.task.averages["label"].in_network())
        model = run.task.model.with_average(run.task.averages["ranker"])
        return self._learned(run, model, label.eval(), self.memory)

    def _learned(self, run, model, label, memory):
        history = list(run.loop.history)
        losses = [
            {name: epoch[name] for name in ("epoch", "loss")} for epoch in history
        ]
        state = run.task.state_dict()
        of_ranker = {"optimizer": state["optimizer"], "adversary": None}
        of_ranker |= {"memory": None, "scale": None}
        return {
            "label_net_": label.cpu(),
            "start_": run.start,
            "ranker_": copy.copy(self.ranker).adopt(model, losses, of_ranker),
            "history_": history,
            "n_unknown_": self.n_unknown,
            "training_state_": {
                "task": on_cpu(state),
                "counts": self.counts,
                "scaled": self.scaled,
                "held_out": self.held_out,
                "memory": memory,
            },
        }


def feedback_of(log, columns, explicit):
    """The feedback of a log, checked, as tensors."""
    seconds = columns.watch_time, columns.duration
    arrays = [log.numeric(key, minimum=0) for key in seconds]
    return Feedback(*map(torch.from_numpy, [*arrays, log.any_positive(explicit)]))
