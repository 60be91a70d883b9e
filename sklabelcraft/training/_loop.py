"""The loop of training: epochs of steps, averages of weights, early stopping."""

import copy
from abc import ABC, abstractmethod

import torch


class Task(ABC):
    """What is trained: a step, and how its progress is judged.

    Attributes
    ----------
    n_rows : int
        Number of training rows.
    networks : dict of nn.Module
        What is learned, by name.
    averages : dict of Average
        Their averages, by the same names.
    """

    @abstractmethod
    def step(self, rows):
        """Take a step on some rows; their mean loss, a tensor."""

    @abstractmethod
    def end_epoch(self, epoch):
        """Settle the networks and their averages; what is to be told of the epoch.

        Returns
        -------
        record : dict
            By name, what was measured.
        progress : float or None
            The higher, the better; None if it is not judged.
        """

    @abstractmethod
    def blame(self):
        """What to look at where training diverged, as text."""

    @abstractmethod
    def state_dict(self):
        """All that the task holds beside its networks and averages."""

    @abstractmethod
    def load_state_dict(self, state):
        """Go on from a state."""


class Average:
    """The exponential average of a network's weights.

    Parameters
    ----------
    network : nn.Module
        The network.
    kept : float
        Share of the average that each update keeps.
    """

    def __init__(self, network, kept):
        self.network, self.kept, self.weights = network, kept, None

    def update(self):
        """Take in the weights as they are."""
        current = dict(self.network.named_parameters(remove_duplicate=False))
        if self.weights is None:
            self.weights = {n: value.detach().clone() for n, value in current.items()}
        for name, value in current.items():
            self.weights[name].lerp_(value.detach(), 1 - self.kept)

    def in_network(self):
        """The state of the network with the average, once there is one, in it."""
        state = {n: v.detach().clone() for n, v in self.network.state_dict().items()}
        return state | self.state_dict()

    def state_dict(self):
        """The average; nothing before the first update."""
        return {n: v.clone() for n, v in (self.weights or {}).items()}

    def load_state_dict(self, state):
        """Go on from a state."""
        self.weights = {n: value.clone() for n, value in state.items()} or None


class Loop:
    """Epochs over the rows of a task, until there is no progress any more.

    Parameters
    ----------
    task : Task
        What is trained.
    generator : torch.Generator
        Draws the order of the rows, on the CPU, so that it is the same on any device.
    settings : object
        The parameters of a ranker, as attributes: ``batch_size`` rows per step, where a
        last single row joins the step before it, and ``patience``, the judged epochs
        without progress after which training stops.
    max_epochs : int
        Epochs at most.

    Attributes
    ----------
    history : list of dict
        What was told of each epoch.
    finished : bool
        Whether training is over.
    """

    def __init__(self, task, generator, settings, max_epochs):
        self.task, self.generator, self.max_epochs = task, generator, max_epochs
        self.batch_size, self.patience = settings.batch_size, settings.patience
        self.history, self.finished = [], False
        self.best, self.since, self.kept = -float("inf"), 0, None

    def run(self, watch):
        """Train to the end; the networks are left as they were at their best."""
        while not self.finished:
            self.epoch(watch)
        self.settle()

    def epoch(self, watch):
        """Pass over all rows once."""
        parts = self._minibatches()
        watch.begin_epoch(len(parts))
        for network in self.task.networks.values():
            network.train()
        total = 0.0
        for rows in parts:
            with watch.step():
                total = total + self.task.step(rows) * len(rows)
        loss = float(total) / self.task.n_rows
        number = len(self.history)
        self._check_finite(number, loss)
        record, progress = self.task.end_epoch(number)
        self.history.append({"epoch": number, "loss": loss} | record)
        self._check_finite(number, *record.values())
        self._keep(progress)
        asked = watch.end_epoch()
        self.finished = asked or self.finished or number + 1 == self.max_epochs

    def _minibatches(self):
        """All rows in random order, in parts."""
        order = torch.randperm(self.task.n_rows, generator=self.generator, device="cpu")
        parts = list(order.split(self.batch_size))
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        return parts

    def _check_finite(self, number, *values):
        if not all(value == value and abs(value) != float("inf") for value in values):
            raise ValueError(
                f"training diverged in epoch {number}, counted from 0: the loss or "
                f"what was measured is not finite. {self.task.blame()}"
            )

    def _keep(self, progress):
        """Keep the averages if they are the best yet; say whether to stop."""
        if progress is None:
            return
        self.since += 1
        if progress > self.best:
            self.best, self.since = progress, 0
            self.kept = {n: a.in_network() for n, a in self.task.averages.items()}
        self.finished = self.since >= self.patience

    def settle(self):
        """Put the best averages into the networks, the last ones if none was judged."""
        for name, average in self.task.averages.items():
            kept = average.in_network() if self.kept is None else self.kept[name]
            if not all(bool(value.isfinite().all()) for value in kept.values()):
                raise ValueError(
                    f"training diverged: weights of the {name} are not finite. "
                    f"{self.task.blame()}"
                )
            self.task.networks[name].load_state_dict(kept)
            self.task.networks[name].eval()

    def state_dict(self):
        """All that is needed to go on from here."""
        own = ("history", "finished", "best", "since", "kept")
        state = {name: getattr(self, name) for name in own} | {
            "generator": self.generator.get_state(),
            "networks": {n: m.state_dict() for n, m in self.task.networks.items()},
            "averages": {n: a.state_dict() for n, a in self.task.averages.items()},
            "task": self.task.state_dict(),
        }
        return copy.deepcopy(state)

    def load_state_dict(self, state):
        """Go on from a state, bit by bit as if there had been no break."""
        state = copy.deepcopy(state)
        for name in ("history", "finished", "best", "since", "kept"):
            setattr(self, name, state[name])
        self.generator.set_state(state["generator"])
        for name, network in self.task.networks.items():
            network.load_state_dict(state["networks"][name])
            self.task.averages[name].load_state_dict(state["averages"][name])
        self.task.load_state_dict(state["task"])
