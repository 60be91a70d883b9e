"""Training a ranker and the label that it is trained on together."""

from dataclasses import replace
from typing import Any, NamedTuple

import torch

from sklabelcraft._hypergradient import label_gradient
from sklabelcraft._training import (
    BestWeights,
    RankerSteps,
    averaged,
    minibatches,
)

HARD = 1e-4  # the temperature of lists as they are shown, in standard deviations


class CraftSchedule(NamedTuple):
    """How the label network is trained along with the ranker.

    Attributes
    ----------
    optimizer : type
        Of the label network, a class of ``torch.optim``.
    learning_rate : float
        Of that optimiser.
    averaging : float
        Share of the exponential average of the label network that each move keeps.
    warmup_epochs : int
        Epochs of the ranker on the starting label, before it moves.
    n_users : int
        Held-out users sampled per move of the labels.
    every : int
        Steps of the ranker per move of the labels.
    """

    optimizer: Any
    learning_rate: float
    averaging: float
    warmup_epochs: int
    n_users: int
    every: int


def craft_labels(
    module, label_net, impressions, feedback, platform, schedule, craft, watch
):
    """Fit ranker and label network together (Algorithm 1 of LabelCraft).

    Parameters
    ----------
    module, label_net : nn.Module
        Ranker f_theta and label network g_phi, changed in place; left with the average
        of their weights, over epochs and over moves.
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
    watch : Watch
        What is told of the progress; it gets these averages after each epoch.

    Returns
    -------
    list of dict
        Per epoch: loss of the ranker, the objectives on all held-out lists relative to
        random lists, their weighted mean, and once the label moves the mean weight that
        balancing gave to each.
    """
    rule = Remembered(platform.balancing)
    platform = replace(platform, balancing=rule)
    steps = RankerSteps(module, impressions, schedule)
    optimizer = craft.optimizer(label_net.parameters(), lr=craft.learning_rate)
    ranker = averaged(module, schedule.averaging)
    label = averaged(label_net, craft.averaging)
    best = BestWeights(ranker.module, label.module, patience=schedule.patience)
    history = []
    for epoch in range(craft.warmup_epochs + schedule.max_epochs):
        moving = epoch >= craft.warmup_epochs
        module.train()
        label_net.train()
        total = 0.0
        parts = minibatches(impressions, schedule.batch_size)
        watch.begin_epoch(len(parts))
        for i, rows in enumerate(parts):
            move = moving and i % craft.every == 0
            with watch.step():
                total += len(rows) * craft_step(
                    steps,
                    label_net,
                    optimizer,
                    platform,
                    impressions.batch(rows),
                    feedback[rows],
                    platform.draw(craft.n_users) if move else None,
                )
                if move:
                    label.update_parameters(label_net)
        steps.optimizer.settle()
        ranker.update_parameters(module)
        history.append({"epoch": epoch, "loss": total / len(impressions)})
        history[-1] |= _progress(ranker.module, platform)
        if moving:
            history[-1] |= dict(zip(platform.weighed, rule.mean(), strict=True))
        stop = moving and best.stop_after(history[-1]["objective"])
        if watch.end_epoch(ranker.module, label.module) or stop:
            break
    best.restore()
    for net, average in ((module, ranker), (label_net, label)):
        net.load_state_dict(average.module.state_dict())
        net.eval()
    return history


class Remembered:
    """A balancing rule, and the weights that it gave."""

    def __init__(self, rule):
        self.rule, self.given = rule, []

    def __call__(self, values, gram):
        """Weights of the objectives by the rule."""
        self.given.append(self.rule(values, gram))
        return self.given[-1]

    def mean(self):
        """The mean of the weights since it was last asked for, one per objective."""
        mean = torch.stack(self.given).mean(0).tolist()
        self.given.clear()
        return mean


def craft_step(steps, label_net, optimizer, platform, batch, feedback, shown=None):
    """One step of the ranker; with held-out users, before it one of the labels.

    Returns the loss of the ranker.
    """
    batch, *held_out = steps.start(batch, *([] if shown is None else [shown.batch]))
    logits = steps.score(batch)
    if shown is not None:
        labels = label_net(feedback)
        rise = label_gradient(
            steps.module,
            steps.theta,
            logits,
            steps.loss,
            batch,
            labels,
            lambda theta: platform.value(steps.score(*held_out, theta), shown),
            steps.optimizer.propose,
        )
        optimizer.zero_grad()
        labels.backward(-rise)
        optimizer.step()
    with torch.no_grad():
        labels = label_net(feedback)
    value = steps.loss(logits, labels).mean()
    steps.finish(value)
    return value.item()


def _progress(module, platform):
    """The objectives of a ranker on all held-out lists, as they would be shown."""
    module.eval()
    platform = replace(platform, temperature=HARD)
    shown = platform.draw(len(platform.lists.lengths))
    with torch.no_grad():
        return platform.progress(module(shown.batch), shown)
