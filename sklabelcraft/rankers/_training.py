"""The training of a ranker's network on labels, anew or from where it stood."""

import copy

import numpy as np
import torch
from sklearn.utils import check_random_state

from sklabelcraft._counts import Numbers
from sklabelcraft._estimator import shared_random_state
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._stream import source_of
from sklabelcraft._torch import Drawing, generator_from
from sklabelcraft.losses import choose_loss
from sklabelcraft.rankers._identity import checkpoint_of, summary
from sklabelcraft.rankers._labels import look_at
from sklabelcraft.training import (
    Loop,
    RankerTask,
    Replayed,
    Window,
    check_agreed,
    drawing_in_training,
)


class RankerTraining:
    """A ranker's network, what it is trained on, and how far that is.

    Parameters
    ----------
    ranker : BaseRanker
        Says how; it is not changed. If it goes on, it has been fitted.
    logs : list of Log or StoredLog
        Rows to train on and, perhaps, held-out rows.
    labels : list of GivenLabels, LabelColumns or CraftedLabels
        What has the labels of each.
    columns : Columns
        Names of the columns.
    device : torch.device
        Where to compute.
    group : Alone or Processes
        The processes that call the same fit.
    further : bool
        Whether to go on from what the ranker has learned.
    """

    def __init__(self, ranker, logs, labels, columns, device, group, further):
        self.ranker, self.settings = ranker, ranker.settings()
        self.logs, self.labels, self.columns = logs, labels, columns
        self.device, self.group = device, group
        self.dtype, self.memory = DTYPES[self.settings.precision], None
        rng = random_state_of(ranker, group, ranker.model_ if further else None)
        self.n_outputs, loss = self._look_at_labels()
        self.scale = None if further else self._learn_scale()
        if further:
            self._go_on(loss, rng)
        else:
            sizes = {"n_outputs": self.n_outputs, "loss": loss}
            make = RankerModel.prepare
            self.model = make(logs, columns, self.settings, rng, **sizes).to(device)
        self.source = source_of(logs[0], self._window, self.settings.window_bytes)
        if further:
            self._replay(ranker.training_state_["memory"])
        held_out = self._window(logs[1], 1) if len(logs) > 1 else None
        with Drawing(rng):
            self.task = RankerTask(
                self.model,
                self.source,
                held_out and (held_out.impressions, held_out.targets[0]),
                self.n_outputs,
                self.settings,
                group,
            )
        if further:
            self.task.go_on(self.growth, ranker.training_state_)
        n_epochs = 1 if further else self.settings.max_epochs
        self.loop = Loop(self.task, generator_from(rng), self.settings, n_epochs)
        self.rng, self.seed = rng, rng.randint(2**31 - 1)
        self.known = summary(
            ranker,
            self.model,
            logs,
            [self.source, held_out],
            ranker.model_ if further else None,
        ) | {"labels": self.told}

    def run(self, watch):
        """Train to the end; the ranker as it is then."""
        check_agreed(self.group, self.known)
        watch.attributes = self._stopped
        drawing = self.model.module, self.source, self.rng, self.device, self.group
        with drawing_in_training(*drawing) as draws:
            saved = self.settings, self.known, self.loop, self.group, draws
            self.loop.checkpoint = checkpoint_of(*saved)
            self.loop.run(watch)
        return self._trained(self.model)

    def _replay(self, memory):
        """Learn again from some of the rows that are remembered."""
        self.memory = memory
        if memory is not None and self.settings.replay:
            rows = memory.rows
            targets = (torch.from_numpy(t) for t in rows.columns.values())
            targets = tuple(t.to(self.device, self.dtype) for t in targets)
            window = Window(self.model.impressions_of(rows), targets)
            self.source = Replayed(self.source, window, self.settings.replay)

    def _remember(self):
        """What of all rows so far is to be learned from again."""
        if not self.settings.replay:
            return None
        return Memory.of(self.logs[0], self._keep, self.seed, self.memory)

    def _keep(self, log):
        columns = {
            str(i): target.numpy() for i, target in enumerate(self._targets(log))
        }
        return KeptRows.of(self.model, log, 0, self.model.history.user, columns)

    def _look_at_labels(self):
        """The number of labels, and the loss that suits them."""
        least, largest, self.told = look_at(self.labels[0], self.logs[0])
        self.labels[0].check(least, largest)
        unit = bool((least >= 0).all() and (largest <= 1).all())
        return len(least), choose_loss(self.settings.loss, unit)

    def _go_on(self, loss, rng):
        known = self.ranker.model_
        if (self.n_outputs, loss) != (known.n_outputs, known.loss):
            raise ValueError(
                f"the labels were {known.n_outputs} per row, learned by "
                f"{known.loss.__name__}, and are now {self.n_outputs}, to be learned "
                f"by {loss.__name__}: fit anew."
            )
        self.scale = self.ranker.training_state_.get("scale")
        if (self.scale is None) != (self.settings.adversary_weight == 0):
            raise ValueError(
                f"adversary_weight={self.settings.adversary_weight}: whether there is "
                "an adversary must stay as it was. Fit anew."
            )
        model, self.growth = known.grown(self.logs, self.settings, rng)
        self.model = model.to(self.device)

    def _learn_scale(self):
        """Mean and standard deviation of the log of the duration, for an adversary."""
        if self.settings.adversary_weight == 0:
            return None
        key = self.columns.duration
        if key is None:
            raise ValueError("an adversary needs the duration, got duration=None.")
        known = None
        for part in self.logs[0].parts([key]):
            more = Numbers.of(part.numeric(key, minimum=0))
            known = more if known is None else known.merged(more)
        seconds, counts = known.table()
        mean = np.average(np.log1p(seconds), weights=counts)
        variance = np.average((np.log1p(seconds) - mean) ** 2, weights=counts)
        return mean, np.sqrt(variance) or 1.0

    def _window(self, log, number=0):
        """Rows of one of the logs, encoded, with what is to be known of them."""
        targets = self._targets(log, number)
        targets = tuple(target.to(self.device, self.dtype) for target in targets)
        return Window(self.model.remembered(log, number), targets)

    def _targets(self, log, number=0):
        targets = [self.labels[number].of(log)]
        if self.scale is not None:
            mean, spread = self.scale
            seconds = log.numeric(self.columns.duration, minimum=0)
            targets.append(torch.from_numpy((np.log1p(seconds) - mean) / spread))
        return targets

    def _stopped(self):
        """What would have been learned, had the fit stopped here."""
        return vars(
            self._trained(self.model.with_average(self.task.averages["ranker"]))
        )

    def _trained(self, model):
        if self.n_outputs > 1:
            model.fit_head_scales(w.impressions for w in self.source.windows())
        state = self.task.state_dict() | {
            "memory": self._remember(),
            "scale": self.scale,
        }
        return copy.copy(self.ranker).adopt(model, list(self.loop.history), state)


def random_state_of(estimator, group, known):
    """The generator of a fit; where one goes on, another one after further rows.

    Parameters
    ----------
    estimator : estimator
        With a ``random_state``.
    group : Alone or Processes
        The processes, which get the same one.
    known : RankerModel or None
        What was learned before.

    Returns
    -------
    RandomState
    """
    rng = shared_random_state(estimator.random_state, group)
    if known is None:
        return rng
    return check_random_state((rng.randint(2**31 - 1) + known.encoder.n_rows) % 2**31)
