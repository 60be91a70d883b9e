"""Training as functions: module in, module and history out."""

import copy
import threading
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch.func import functional_call

from sklabelcraft._hypergradient import adam_step, label_gradient

PREDICTION_BATCH = 8192
LOCK = threading.RLock()


class Schedule(NamedTuple):
    """How a ranker is trained.

    Attributes
    ----------
    loss : callable
        Pointwise loss of logits against labels.
    learning_rate, weight_decay : float
        Of AdamW.
    batch_size : int
        Rows per step.
    max_epochs : int
        Passes over the rows at most.
    patience : int
        Epochs without progress on the held-out rows after which training stops.
    """

    loss: Any
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int

    def optimizer(self, *modules):
        """A fresh AdamW for the parameters of the modules."""
        parameters = [p for module in modules for p in module.parameters()]
        return torch.optim.AdamW(
            parameters, lr=self.learning_rate, weight_decay=self.weight_decay
        )


@contextmanager
def reproducible(random_state=None):
    """Draw from a generator of our own, on one thread; leave the global ones alone.

    One thread keeps sums in one order, so results do not depend on the number of
    threads; on batches of this size it is also the fastest. As torch has one generator
    and one number of threads for the whole process, only one caller is let in.
    """
    with LOCK, torch.random.fork_rng(devices=[]):
        threads = torch.get_num_threads()
        if random_state is not None:
            torch.manual_seed(int(random_state.randint(2**31 - 1)))
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def minibatches(n, size):
    """The rows 0 to n - 1 in random order and parts of `size`, none of a single row."""
    parts = list(torch.randperm(n).split(size))
    if len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


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
        for module in self.modules:
            module.eval()


def predict_logits(module, impressions):
    """Logits of all impressions, tensor of shape (n, n_outputs)."""
    module.eval()
    with torch.no_grad():
        parts = torch.arange(len(impressions)).split(PREDICTION_BATCH)
        return torch.cat([module(impressions.batch(rows)) for rows in parts])


def train_ranker(module, impressions, labels, schedule, held_out=None, adversary=None):
    """Fit a ranker to labels.

    Parameters
    ----------
    module : nn.Module
        The ranker, changed in place.
    impressions : Impressions
        The training rows.
    labels : tensor of shape (n, n_outputs)
        Their labels.
    schedule : Schedule
        Loss, optimiser and stopping.
    held_out : (Impressions, tensor), default=None
        Rows and labels for early stopping; without them all epochs are run.
    adversary : (nn.Module, tensor of shape (n,)), default=None
        A network on the logits that is trained to predict the tensor, and reverses the
        gradient that it sends back.

    Returns
    -------
    list of dict
        Per epoch: loss on the training rows and on the held-out ones.
    """
    modules = [module] if adversary is None else [module, adversary[0]]
    optimizer = schedule.optimizer(*modules)
    best = BestWeights(module, patience=schedule.patience)
    history = []
    for epoch in range(schedule.max_epochs):
        module.train()
        total = 0.0
        for rows in minibatches(len(impressions), schedule.batch_size):
            logits = module(impressions.batch(rows))
            value = schedule.loss(logits, labels[rows]).mean()
            total += value.item() * len(rows)
            if adversary is not None:
                reader, nuisance = adversary
                value = value + (reader(logits) - nuisance[rows]).square().mean()
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        history.append({"epoch": epoch, "loss": total / len(impressions)})
        if held_out is not None:
            history[-1]["validation_loss"] = _mean_loss(module, schedule, *held_out)
            if best.stop_after(-history[-1]["validation_loss"]):
                break
    best.restore()
    return history


def _mean_loss(module, schedule, impressions, labels):
    logits = predict_logits(module, impressions)
    return schedule.loss(logits, labels).mean().item()


class CraftSchedule(NamedTuple):
    """How the label network is trained along with the ranker.

    Attributes
    ----------
    learning_rate : float
        Of its Adam.
    warmup_epochs : int
        Epochs of the ranker on the starting rule, before the labels move.
    n_users : int
        Held-out users sampled per step.
    """

    learning_rate: float
    warmup_epochs: int
    n_users: int


def craft_labels(module, label_net, impressions, feedback, platform, schedule, craft):
    """Fit ranker and label network together (Algorithm 1 of LabelCraft).

    Parameters
    ----------
    module, label_net : nn.Module
        Ranker f_theta and label network g_phi, changed in place.
    impressions : Impressions
        The training rows.
    feedback : tensor of shape (n, n_inputs)
        Inputs of the label network.
    platform : Platform
        The held-out lists and the objectives on them.
    schedule : Schedule
        Training of the ranker.
    craft : CraftSchedule
        Training of the label network.

    Returns
    -------
    list of dict
        Per epoch: loss of the ranker, the objectives on all held-out lists relative to
        random lists, and their balanced sum.
    """
    optimizer = schedule.optimizer(module)
    label_optimizer = torch.optim.Adam(label_net.parameters(), lr=craft.learning_rate)
    best = BestWeights(module, label_net, patience=schedule.patience)
    step = adam_step(module, optimizer)

    def move_labels(logits, batch, inputs):
        """One step of the label network, uphill on the balanced objective."""

        def objective(theta):
            def score(held_out):
                return functional_call(module, theta, (held_out,))

            return platform.balanced(platform.measure(score, craft.n_users))

        labels = label_net(inputs)
        rise = label_gradient(
            module, logits, schedule.loss, batch, labels, objective, step
        )
        label_optimizer.zero_grad()
        labels.backward(-rise)
        label_optimizer.step()

    history = []
    for epoch in range(craft.warmup_epochs + schedule.max_epochs):
        moving = epoch >= craft.warmup_epochs
        module.train()
        label_net.train()
        total = 0.0
        for rows in minibatches(len(impressions), schedule.batch_size):
            batch, inputs = impressions.batch(rows), feedback[rows]
            logits = module(batch)
            if moving:
                move_labels(logits, batch, inputs)
            value = schedule.loss(logits, label_net(inputs).detach()).mean()
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(rows)
        history.append({"epoch": epoch, "loss": total / len(impressions)})
        history[-1] |= _progress(module, platform)
        if moving and best.stop_after(history[-1]["objective"]):
            break
    best.restore()
    return history


def _progress(module, platform):
    """The objectives of a ranker on all held-out lists."""
    module.eval()
    with torch.no_grad():
        values = platform.measure(module, len(platform.lists.lengths))
        balanced = platform.balanced(values).item()
    named = zip(platform.names, values.tolist(), strict=True)
    return {"objective": balanced} | dict(named)
