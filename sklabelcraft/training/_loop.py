"""The loop of training: epochs of steps, averages of weights, early stopping."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn


class Task(ABC):
    """What is trained: a step, and how its progress is judged.

    Attributes
    ----------
    source : InMemory or another source of windows
        The training rows.
    networks : dict of nn.Module
        What is learned, by name.
    averages : dict of Average
        Their averages, by the same names.
    """

    source: Any
    networks: dict[str, nn.Module]
    averages: dict[str, Average]

    @abstractmethod
    def step(self, window: Any, rows: Tensor) -> Tensor:
        """Take a step on some rows of a window; their mean loss, a tensor."""

    @abstractmethod
    def end_epoch(self, epoch: int) -> tuple[dict[str, Any], float | None]:
        """Settle the networks and their averages; what is to be told of the epoch.

        Returns
        -------
        record : dict
            By name, what was measured.
        progress : float or None
            The higher, the better; None if it is not judged.
        """

    @abstractmethod
    def blame(self) -> str:
        """What to look at where training diverged, as text."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that the task holds beside its networks and averages."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
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

    def __init__(self, network: nn.Module, kept: float) -> None:
        self.network, self.kept = network, kept
        self.weights: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Begin with the weights as they are."""
        current = self.network.named_parameters(remove_duplicate=False)
        self.weights = {name: value.detach().clone() for name, value in current}

    def update(self) -> None:
        """Take in the weights as they are."""
        if not self.weights:
            self.begin()
        for name, value in self.network.named_parameters(remove_duplicate=False):
            self.weights[name].lerp_(value.detach(), 1 - self.kept)

    def in_network(self) -> dict[str, Tensor]:
        """The state of the network with the average, once there is one, in it."""
        state = {n: v.detach().clone() for n, v in self.network.state_dict().items()}
        return state | self.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """The average; nothing before the first update."""
        return {n: v.clone() for n, v in self.weights.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.weights = {n: value.clone() for n, value in state.items()}


class Loop:
    """Epochs over the rows of a task, until there is no progress any more.

    Where it stands is (epoch, window, offset): an epoch reads windows of rows, and a
    window is cut into the batches of steps.

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
    checkpoint : Checkpoint or None
        To be told of each step and each epoch.
    """

    own = ("history", "finished", "best", "since", "kept", "number", "offset", "total")
    checkpoint = None

    def __init__(
        self, task: Task, generator: torch.Generator, settings: Any, max_epochs: int
    ) -> None:
        self.task, self.generator, self.max_epochs = task, generator, max_epochs
        self.batch_size, self.patience = settings.batch_size, settings.patience
        self.history: list[dict[str, Any]] = []
        self.finished = False
        self.best, self.since, self.kept = -float("inf"), 0, None
        self.number = self.offset = 0  # of the window, and of the step in it
        self.total, self.drawn = 0.0, generator.get_state()

    def run(self, watch: Any) -> None:
        """Train to the end; the networks are left as they were at their best."""
        while not self.finished:
            self.epoch(watch)
        self.settle()

    def epoch(self, watch: Any) -> None:
        """Pass over all rows once, or over those that are left of a pass."""
        epoch, source = len(self.history), self.task.source
        plan = source.plan(self.generator.initial_seed(), epoch)
        watch.begin_epoch(sum(len(self._steps(size)) for size, _ in plan))
        for network in self.task.networks.values():
            network.train()
        while self.number < len(plan):
            self._pass_over(source.read(plan[self.number]), watch)
            self.number, self.offset = self.number + 1, 0
        loss = float(self.total) / sum(size for size, _ in plan)
        self.number, self.total = 0, 0.0
        self._check_finite(epoch, loss)
        record, progress = self.task.end_epoch(epoch)
        self.history.append({"epoch": epoch, "loss": loss} | record)
        self._check_finite(epoch, *record.values())
        self._keep(progress)
        asked = watch.end_epoch()
        self.finished = asked or self.finished or epoch + 1 == self.max_epochs
        if self.checkpoint is not None:
            self.checkpoint.end_epoch()

    def _pass_over(self, window, watch):
        """Take the steps of a window that are left, in random order."""
        self.drawn = self.generator.get_state()
        n = len(window.impressions)
        order = torch.randperm(n, generator=self.generator, device="cpu")
        for rows in order.split(self._steps(n))[self.offset :]:
            with watch.step():
                loss = self.task.step(window, rows)
            self.total = self.total + loss * len(rows)
            self.offset += 1
            if self.checkpoint is not None:
                self.checkpoint.end_step()
        self.drawn = self.generator.get_state()

    def _steps(self, n):
        """How many rows the steps on n rows take."""
        sizes = [self.batch_size] * (n // self.batch_size)
        rest = n % self.batch_size
        if rest == 1 and sizes:
            sizes[-1] += 1
        elif rest:
            sizes.append(rest)
        return sizes

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

    def settle(self) -> None:
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

    @property
    def place(self):
        """Where it stands: epoch, window and offset."""
        return len(self.history), self.number, self.offset

    def state(self) -> dict[str, Any]:
        """All that is needed to go on from here, after any step; it is not copied."""
        return {name: getattr(self, name) for name in self.own} | {
            "generator": self.drawn,
            "networks": {n: m.state_dict() for n, m in self.task.networks.items()},
            "averages": {n: a.weights for n, a in self.task.averages.items()},
            "task": self.task.state_dict(),
        }

    def state_dict(self) -> dict[str, Any]:
        """A copy of all that is needed to go on from here, after any step."""
        return copy.deepcopy(self.state())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, bit by bit as if there had been no break."""
        state = copy.deepcopy(state)
        for name in self.own:
            setattr(self, name, state[name])
        self.generator.set_state(state["generator"])
        self.drawn = state["generator"]
        for name, network in self.task.networks.items():
            network.load_state_dict(state["networks"][name])
            self.task.averages[name].load_state_dict(state["averages"][name])
        self.task.load_state_dict(state["task"])
