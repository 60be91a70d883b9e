"""The training of a ranker's network on labels, anew or from where it stood."""

import copy

import torch
from sklearn.utils import check_random_state

from sklabelcraft._estimator import shared_random_state
from sklabelcraft._kept import KeptRows, Memory
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._stream import source_of
from sklabelcraft._torch import Drawing, generator_from
from sklabelcraft.rankers._identity import checkpoint_of, summary
from sklabelcraft.rankers._targets import Targets, duration_to_read
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
    given : Given
        What it is to be trained on.
    device : torch.device
        Where to compute.
    group : Alone or Processes
        The processes that call the same fit.
    further : bool
        Whether to go on from what the ranker has learned.
    """

    def __init__(self, ranker, given, device, group, further):
        self.ranker, self.settings = ranker, ranker.settings()
        self.logs, self.device, self.group = given.logs, device, group
        self.memory, known = None, ranker.training_state_ if further else None
        duration = duration_to_read(given.columns, self.settings)
        self.targets = Targets(given, duration, known and known["scale"])
        self.rng = random_state_of(ranker, group, ranker.model_ if further else None)
        if further:
            self._go_on(ranker.model_, known)
        else:
            self.targets.check()
            self._begin(given.columns)
        held_out = self._window(self.logs[1], 1) if len(self.logs) > 1 else None
        self.task = self._make_task(held_out)
        if further:
            self.task.go_on(self.growth, known)
        n_epochs = 1 if further else self.settings.max_epochs
        generator = generator_from(self.rng)
        self.loop = Loop(self.task, generator, self.settings, n_epochs)
        self.seed = self.rng.randint(2**31 - 1)
        before = ranker.model_ if further else None
        rows = [self.source, held_out]
        self.known = summary(ranker, self.model, self.logs, rows, before)
        self.known["labels"] = self.targets.seen[0].told

    def run(self, watch):
        """Train to the end; the ranker as it is then."""
        check_agreed(self.group, self.known)
        watch.attributes = self._stopped
        drawing = self.model.module, self.source, self.rng, self.device, self.group
        with drawing_in_training(*drawing) as draws:
            saved = self.settings, self.known, self.loop, self.group, draws
            self.loop.checkpoint = checkpoint_of(*saved)
            self.loop.run(watch)
        self.model.check_scores(self.source, self.task.blame)
        return self._trained(self.model, self._remembered())

    def _begin(self, columns):
        """A new model and its rows."""
        sizes = {"n_outputs": len(self.targets.least)}
        sizes["loss"] = self.targets.loss_of(self.settings.loss)
        data = self.logs, columns, self.settings, self.rng
        self.model = RankerModel.prepare(*data, **sizes).to(self.device)
        self.source = self._new_rows()

    def _go_on(self, trained, known):
        """A model that has been trained, the new rows, and some of those before."""
        self.targets.check_like(trained, known["scale"] is not None)
        model, self.growth = trained.grown(self.logs, self.settings, self.rng)
        self.model, self.memory = model.to(self.device), known["memory"]
        self.source = self._new_rows()
        if self.memory is not None and self.settings.replay:
            rows = self.memory.rows
            kept = *rows.columns.values(), rows.weights
            labels, *read, weights = map(torch.from_numpy, kept)
            targets = [labels, weights, *read]
            window = self._as_window(self.model.impressions_of(rows), targets)
            self.source = Replayed(self.source, window, self.settings.replay)

    def _new_rows(self):
        return source_of(self.logs[0], self._window, self.settings.window_bytes)

    def _make_task(self, held_out):
        judged = held_out and (held_out.impressions, *held_out.targets[:2])
        if judged and not judged[2].any():  # nothing to judge by
            judged = None
        data = self.model, self.source, judged, len(self.targets.least)
        with Drawing(self.rng):
            return RankerTask(*data, self.settings, self.group)

    def _window(self, log, number=0):
        """Rows of the log of a number, encoded, with what is to be known of them."""
        targets = self.targets.of(log, number)
        return self._as_window(self.model.remembered(log, number), targets)

    def _as_window(self, impressions, targets):
        dtype = DTYPES[self.settings.precision]
        return Window(impressions, tuple(t.to(self.device, dtype) for t in targets))

    def _remembered(self):
        """What of all rows so far is to be learned from again."""
        if not self.settings.replay:
            return None
        return Memory.of(self.logs[0], self._keep, self.seed, self.memory)

    def _keep(self, log):
        labels, weights, *read = (t.numpy() for t in self.targets.of(log, 0))
        columns = {str(i): values for i, values in enumerate([labels, *read])}
        user = self.model.history.user
        return KeptRows.of(self.model, log, 0, user, columns, weights)

    def _stopped(self):
        """What would have been learned, had the fit stopped here, without a memory."""
        stopped = self.model.with_average(self.task.averages["ranker"])
        return vars(self._trained(stopped, self.memory))

    def _trained(self, model, memory):
        if model.n_outputs > 1:
            model.fit_head_scales(w.impressions for w in self.source.windows())
        state = self.task.state_dict()
        state |= {"memory": memory, "scale": self.targets.scale}
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
