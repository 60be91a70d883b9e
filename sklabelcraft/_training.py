"""Training as functions: module in, module and history out."""

import copy
import threading
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch.func import functional_call
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from sklabelcraft._hypergradient import gradients_in
from sklabelcraft._optimizers import OPTIMIZERS
from sklabelcraft._rows import RowFinder

PREDICTION_BATCH = 8192
LOCK = threading.RLock()


class Schedule(NamedTuple):
    """How a ranker is trained.

    Attributes
    ----------
    loss : callable
        Pointwise loss of logits against labels.
    optimizer : str
        A key of ``OPTIMIZERS``.
    learning_rate, weight_decay : float
        Of the optimiser.
    batch_size : int
        Rows per step.
    max_epochs : int
        Passes over the rows at most.
    patience : int
        Epochs without progress on the held-out rows after which training stops.
    averaging : float
        Share of the exponential average of the weights that each epoch keeps.
    """

    loss: Any
    optimizer: str
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int
    averaging: float


class RankerSteps:
    """Steps of a ranker on the embedding rows that its batches touch.

    Parameters
    ----------
    module : nn.Module
        The ranker, changed in place.
    impressions : Impressions
        The training rows.
    schedule : Schedule
        Loss and optimiser.
    """

    def __init__(self, module, impressions, schedule):
        make = OPTIMIZERS[schedule.optimizer]
        self.module, self.loss = module, schedule.loss
        self.batch_size = schedule.batch_size
        self.optimizer = make(module, schedule.learning_rate, schedule.weight_decay)
        self._finder = RowFinder(module, impressions.past_columns)

    def start(self, *batches):
        """Find what the batches touch; they are returned on that, not to be mixed."""
        rows, batches = self._finder.find(*batches)
        gathered = self.optimizer.gather(rows)
        self.theta = {name: value.requires_grad_() for name, value in gathered.items()}
        return batches

    def score(self, batch, theta=None):
        """Logits of a batch from :meth:`start`, by its parameters or by others."""
        return functional_call(self.module, theta or self.theta, (batch,))

    def finish(self, value):
        """Step down a loss."""
        gradients = gradients_in(self.theta, value)
        theta = {name: value.detach() for name, value in self.theta.items()}
        self.optimizer.accept(theta, gradients)


def usable_device(device):
    """The device by its name; an error if torch cannot use it here."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device must be one that torch can use here, got {device!r}: {error}"
        ) from error


@contextmanager
def reproducible(random_state=None, device=None):
    """Draw from a generator of our own, on one thread; leave the global ones alone.

    One thread keeps sums in one order, so results do not depend on the number of
    threads; on batches of this size it is also the fastest. As torch has one generator
    (and one on each GPU) and one number of threads for the whole process, only one
    caller is let in.
    """
    gpus = [device] if device is not None and device.type == "cuda" else []
    with LOCK, torch.random.fork_rng(devices=gpus):
        threads = torch.get_num_threads()
        if random_state is not None:
            torch.manual_seed(int(random_state.randint(2**31 - 1)))
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def minibatches(impressions, size):
    """All rows in random order and parts of `size`, none of a single row.

    The order is drawn on the CPU, so that it is the same on any device.
    """
    order = torch.randperm(len(impressions)).to(impressions.codes.device)
    parts = list(order.split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def averaged(module, share):
    """The exponential average of a module's weights, which keeps `share` an update."""
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(share))


class BestWeights:
    """Early stopping: keeps the weights of the best epoch, says when to stop."""

    def __init__(self, *modules, patience):
        self.modules, self.patience = modules, patience
        self.best, self.since, self.states = -float("inf"), 0, None

    def stop_after(self, value):
        """Take in the value of an epoch, the higher the better."""
        self.since += 1
        if value > self.best:
            self.best, self.since = value, 0
            self.states = [copy.deepcopy(m.state_dict()) for m in self.modules]
        return self.since >= self.patience

    def restore(self):
        """Put the best weights back, if any epoch was taken in."""
        if self.states is not None:
            for module, state in zip(self.modules, self.states, strict=True):
                module.load_state_dict(state)


def predict_logits(module, impressions):
    """Logits of all impressions, tensor of shape (n, n_outputs)."""
    module.eval()
    with torch.no_grad():
        rows = torch.arange(len(impressions), device=impressions.codes.device)
        parts = rows.split(PREDICTION_BATCH)
        return torch.cat([module(impressions.batch(rows)) for rows in parts])


def train_ranker(
    module, impressions, labels, schedule, watch, held_out=None, adversary=None
):
    """Fit a ranker to labels.

    Parameters
    ----------
    module : nn.Module
        The ranker, changed in place; left with the average of its weights over epochs.
    impressions : Impressions
        The training rows.
    labels : tensor of shape (n, n_outputs)
        Their labels.
    schedule : Schedule
        Loss, optimiser and stopping.
    watch : Watch
        What is told of the progress; it gets the average after each epoch.
    held_out : (Impressions, tensor), default=None
        Rows and labels for early stopping; without them all epochs are run.
    adversary : (DurationAdversary, tensor of shape (n,)), default=None
        The ranker with an adversary on its logits, and what that is trained to read.

    Returns
    -------
    list of dict
        Per epoch: loss on the training rows and on the held-out ones.
    """
    network, nuisance = (module, None) if adversary is None else adversary
    steps = RankerSteps(network, impressions, schedule)
    average = averaged(module, schedule.averaging)
    best = BestWeights(average.module, patience=schedule.patience)
    history = []
    for epoch in range(schedule.max_epochs):
        loss = one_epoch(steps, impressions, labels, watch, nuisance)
        average.update_parameters(module)
        history.append({"epoch": epoch, "loss": loss})
        stop = False
        if held_out is not None:
            value = _mean_loss(average.module, schedule, *held_out)
            history[-1]["validation_loss"] = value
            stop = best.stop_after(-value)
        if watch.end_epoch(average.module) or stop:
            break
    best.restore()
    module.load_state_dict(average.module.state_dict())
    module.eval()
    return history


def one_epoch(steps, impressions, labels, watch, nuisance=None):
    """Train on all rows once; the mean loss on the way.

    With a nuisance, the last output of the module is an adversary's, to predict it.
    """
    steps.module.train()
    total, n_outputs = 0.0, labels.shape[1]
    parts = minibatches(impressions, steps.batch_size)
    watch.begin_epoch(len(parts))
    for rows in parts:
        with watch.step():
            (batch,) = steps.start(impressions.batch(rows))
            outputs = steps.score(batch)
            value = steps.loss(outputs[:, :n_outputs], labels[rows]).mean()
            total += value.item() * len(rows)
            if nuisance is not None:
                read = outputs[:, n_outputs]
                value = value + (read - nuisance[rows]).square().mean()
            steps.finish(value)
    steps.optimizer.settle()
    return total / len(impressions)


def _mean_loss(module, schedule, impressions, labels):
    logits = predict_logits(module, impressions)
    return schedule.loss(logits, labels).mean().item()
