"""Training a ranker and the label that it is trained on together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from sklabelcraft._batches import Batch
from sklabelcraft.modules._label import LearnedLabel
from sklabelcraft.training._distributed import ALONE, Alone, Processes
from sklabelcraft.training._growth import Growth
from sklabelcraft.training._hypergradient import by_name, label_gradient
from sklabelcraft.training._loop import Average, Task
from sklabelcraft.training._optimizers import SGD, AdamW, RowOptimizer
from sklabelcraft.training._platform import Platform, Shown
from sklabelcraft.training._ranker import RankerSteps
from sklabelcraft.training._weighted import WeightedMean

LABEL_OPTIMIZERS = {"adam": AdamW, "sgd": SGD}  # without decay
HARD = 1e-5  # the temperature of lists as they are shown, in standard deviations


class BilevelStep:
    """One step of a ranker f_theta, before it perhaps one of its label g_phi.

    Parameters
    ----------
    steps : RankerSteps
        The steps of the ranker.
    loss : callable
        Pointwise loss of logits against labels.
    label : LearnedLabel
        The label, changed in place.
    optimizer : RowOptimizer
        Of the label.
    platform : Platform
        The objectives on held-out lists.
    """

    def __init__(
        self,
        steps: RankerSteps,
        loss: Callable[..., Any],
        label: LearnedLabel,
        optimizer: RowOptimizer,
        platform: Platform,
    ) -> None:
        self.steps, self.loss, self.label = steps, loss, label
        self.optimizer, self.platform = optimizer, platform

    def take(
        self,
        batch: Batch,
        feedback: Tensor,
        weights: Tensor,
        shown: Shown | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Step on a batch; the label first if held-out users are shown their lists.

        Batch and users are those of all processes, which compute a part each.

        Parameters
        ----------
        batch : Batch
            Rows to train on.
        feedback : tensor of shape (n, n_inputs)
            What ``label.prepare`` made of their feedback.
        weights : tensor of shape (n, 1)
            What they count for in the loss.
        shown : Shown, default=None
            A sample of held-out users.

        Returns
        -------
        loss : tensor of shape ()
            The mean loss of the ranker.
        balance : tensor of shape (n_objectives,) or None
            How the objectives were balanced, if the label took a step.
        """
        group = self.steps.group
        mean = WeightedMean(weights, group)
        batch, *held_out = self.steps.start(batch, *([shown.batch] if shown else []))
        batch, feedback = batch.part(mean.own), feedback[mean.own]
        logits = self.steps.score(batch)
        balance = None
        if shown:
            shown = shown._replace(batch=held_out[0]).part(group)
            balance = self._outer_step(batch, logits, feedback, shown, mean)
        with torch.no_grad():
            labels = self.label.craft(feedback)
        inner_loss = mean(self.loss(logits, labels))
        return self.steps.finish(inner_loss), balance

    def _outer_step(self, batch, logits, feedback, shown, mean):
        """Step the label up the objectives, one step of the ranker ahead."""
        balance, total = None, self.steps.group.total

        def outer_objective(theta):
            nonlocal balance
            scores = self.steps.score(shown.batch, theta)
            value, balance = self.platform.value(scores, shown)
            return value

        labels = self.label.craft(feedback)
        label_grad = label_gradient(
            lambda theta: self.steps.score(batch, theta),
            self.steps.theta,
            logits,
            self.loss,
            labels,
            outer_objective,
            self.steps.optimizer.propose,
            mean,
            total,
        )
        phi = dict(self.label.named_parameters())
        gradients = torch.autograd.grad(labels, list(phi.values()), -label_grad)
        gradients = total(gradients, "gradients of the label")
        self.optimizer.accept(self.optimizer.gather(), by_name(phi, gradients))
        return balance


class BilevelTask(Task):
    """A ranker and the label that it is trained on (Algorithm 1 of LabelCraft).

    Parameters
    ----------
    model : RankerModel
        The ranker; its module is changed in place.
    label : LearnedLabel
        The label, changed in place.
    source : InMemory or another source of windows
        The training rows, with what ``label.prepare`` made of their feedback,
        (n, n_inputs), and what they count for in the loss, (n, 1).
    platform : Platform
        The held-out lists and the objectives on them.
    settings, label_settings : object
        The parameters of a ranker and those of a ``LabelCrafter``, as attributes.
    generator : torch.Generator
        Draws the held-out users.
    group : Alone or Processes, default=ALONE
        The processes that train together.
    """

    def __init__(
        self,
        model: Any,
        label: LearnedLabel,
        source: Any,
        platform: Platform,
        settings: Any,
        label_settings: Any,
        generator: torch.Generator,
        group: Alone | Processes = ALONE,
    ) -> None:
        self.model, self.source = model, source
        self.platform, self.generator = platform, generator
        self.settings, self.label_settings = settings, label_settings
        self.networks = {"ranker": model.module, "label": label}
        self.averages = {
            "ranker": Average(model.module, settings.averaging),
            "label": Average(label, label_settings.averaging),
        }
        past_columns = model.history.columns
        self.steps = RankerSteps(model.module, past_columns, 1, settings, group)
        make = LABEL_OPTIMIZERS[label_settings.optimizer]
        self.outer = make(label, label_settings.learning_rate)
        self.bilevel = BilevelStep(self.steps, model.loss, label, self.outer, platform)
        self.n_epochs = self.n_steps = 0
        self.balances: list[Tensor] = []

    def go_on(self, growth: Growth, state: dict[str, Any]) -> None:
        """Begin with the weights as they are, and with what was kept of smaller ones.

        Parameters
        ----------
        growth : Growth
            Where what was kept belongs.
        state : dict
            What :meth:`state_dict` returned.
        """
        for average in self.averages.values():
            average.begin()
        self.steps.optimizer.load_state_dict(growth.optimizer(state["optimizer"]))
        self.outer.load_state_dict(state["outer"])
        self.n_epochs = self.label_settings.warmup_epochs  # the ranker is warm

    @property
    def moving(self):
        """Whether the label moves in this epoch."""
        return self.n_epochs >= self.label_settings.warmup_epochs

    def step(self, window: Any, rows: Tensor) -> Tensor:
        """Take a step of the ranker, before it perhaps one of the label."""
        impressions, (feedback, weights) = window
        rows, shown = rows.to(feedback.device), None
        if self.moving and self.n_steps % self.label_settings.steps_per_move == 0:
            n_users = self.label_settings.validation_users
            shown = self.platform.draw(n_users, self.generator)
        self.n_steps += 1
        batch = impressions.batch(rows)
        taken = feedback[rows], weights[rows]
        loss, balance = self.bilevel.take(batch, *taken, shown)
        if balance is not None:
            self.balances.append(balance)
            self.averages["label"].update()
        return loss

    def end_epoch(self, epoch: int) -> tuple[dict[str, Any], float | None]:
        """Settle the tables, and judge the averages by the objectives."""
        self.steps.optimizer.settle()
        self.averages["ranker"].update()
        record = self.steps.group.first(self._objectives(), "objectives")
        progress = record["objective"] if self.moving else None
        if self.balances:
            mean = torch.stack(self.balances).mean(0).tolist()
            record |= dict(zip(self.platform.weight_names, mean, strict=True))
        self.balances, self.n_steps = [], 0
        self.n_epochs += 1
        return record, progress

    def _objectives(self):
        """The objectives on all held-out lists, as the average ranker shows them."""
        platform = replace(self.platform, temperature=HARD)
        rows = platform.impressions, platform.lists.rows
        logits = self.steps.fast_logits(self.averages["ranker"], *rows)
        return platform.progress(logits)

    def blame(self) -> str:
        """The learning rates."""
        return (
            f"Lower the ranker's learning_rate={self.settings.learning_rate!r}, or the "
            f"label's learning_rate={self.label_settings.learning_rate!r}."
        )

    def state_dict(self) -> dict[str, Any]:
        """Optimisers, generator and counters."""
        return {
            "optimizer": self.steps.optimizer.state_dict(),
            "outer": self.outer.state_dict(),
            "generator": self.generator.get_state(),
            "n_epochs": self.n_epochs,
            "n_steps": self.n_steps,
            "balances": self.balances,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps.optimizer.load_state_dict(state["optimizer"])
        self.outer.load_state_dict(state["outer"])
        self.generator.set_state(state["generator"])
        self.n_epochs, self.n_steps = state["n_epochs"], state["n_steps"]
        device = self.platform.references.device
        self.balances = [balance.to(device) for balance in state["balances"]]
