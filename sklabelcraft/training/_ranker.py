"""Training a ranker on finished labels."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, amax, amin, nn
from torch.func import functional_call

from sklabelcraft._batches import Batch, Impressions
from sklabelcraft._torch import DoublePrecision, DropoutFinder, seeded
from sklabelcraft._typing import RandomSource
from sklabelcraft.modules import DurationReader
from sklabelcraft.training._distributed import ALONE, Alone, Processes
from sklabelcraft.training._growth import Growth
from sklabelcraft.training._hypergradient import by_name, gradients_in
from sklabelcraft.training._loop import Average, Task
from sklabelcraft.training._optimizers import OPTIMIZERS
from sklabelcraft.training._rows import PREDICTION_BATCH, RowFinder, as_matrix
from sklabelcraft.training._weighted import WeightedMean


class RankerSteps:
    """Steps of a ranker on the embedding rows that its batches touch.

    Parameters
    ----------
    module : nn.Module
        The ranker, changed in place.
    past_columns : sequence of int
        The columns that the past consists of.
    n_outputs : int
        Number of logits per row.
    settings : object
        The parameters of a ranker, as attributes.
    group : Alone or Processes, default=ALONE
        The processes that take each step together. What they start with is the same in
        all, what they score a part of it.
    """

    def __init__(
        self,
        module: nn.Module,
        past_columns: Sequence[int],
        n_outputs: int,
        settings: Any,
        group: Alone | Processes = ALONE,
    ) -> None:
        self.module, self.n_outputs, self.settings = module, n_outputs, settings
        self.group = group
        make = OPTIMIZERS[settings.optimizer]
        self.optimizer = make(module, settings.learning_rate, settings.weight_decay)
        self._finder = RowFinder(module, past_columns, ordered=group.size > 1)

    def start(self, *batches: Any) -> list[Batch]:
        """Find what the batches touch; they are returned on that, not to be mixed."""
        rows, placed = self._finder.find(*batches)
        gathered = self.optimizer.gather(rows)
        self.theta = {name: value.requires_grad_() for name, value in gathered.items()}
        return placed

    def score(self, batch: Batch, theta: dict[str, Tensor] | None = None) -> Tensor:
        """Logits of a batch from :meth:`start`, by its parameters or by others."""
        theta = theta or self.theta
        if len(batch.codes) == 0:  # of more processes than rows
            none = batch.numeric.new_zeros(0, self.n_outputs)
            return none * sum(value.sum() for value in theta.values())
        with self._precision(batch):
            state = theta | self._finder.starts
            logits = functional_call(self.module, state, (batch,))
        return self._checked(logits, len(batch.codes)).to(batch.numeric.dtype)

    def _checked(self, logits, n):
        """Logits as (n, n_outputs); an error if they are something else."""
        shape = tuple(logits.shape) if torch.is_tensor(logits) else type(logits)
        if shape != (n, self.n_outputs) and (shape != (n,) or self.n_outputs > 1):
            raise ValueError(
                f"the network must give logits of shape {(n, self.n_outputs)} for {n} "
                f"rows, got {shape}."
            )
        return as_matrix(logits)

    def _precision(self, batch):
        if self.settings.precision == "bfloat16":
            return torch.autocast(batch.codes.device.type, torch.bfloat16)
        return constants_like(batch)

    @torch.no_grad()
    def fast_logits(
        self, average: Average, impressions: Impressions, rows: Tensor | None = None
    ) -> Tensor:
        """Logits of all rows or some by an average of the weights, (n, n_outputs).

        Each process computes some batches of those that one would compute alone.
        """
        self.module.eval()
        if rows is None:
            rows = torch.arange(len(impressions), device=impressions.codes.device)
        parts, logits = rows.split(PREDICTION_BATCH), []
        for part in parts[self.group.share(len(parts))]:
            batch = impressions.batch(part)
            with constants_like(impressions):
                found = functional_call(self.module, average.weights, (batch,))
            logits.append(as_matrix(found))
        logits = self.group.gather(logits, "held-out scores")
        return torch.cat([part.to(impressions.numeric) for part in logits])

    def finish(self, value: Tensor) -> Tensor:
        """Take a step down a loss; what it is in all processes."""
        gradients, value = self.total(gradients_in(self.theta, value), value)
        self.accept(gradients)
        return value

    def total(
        self, gradients: dict[str, Tensor], value: Tensor
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Gradients, and the value of a loss, summed over the processes."""
        parts = [*gradients.values(), value.detach()]
        *parts, value = self.group.total(parts, "gradients")
        return by_name(gradients, parts), value

    def accept(self, gradients: dict[str, Tensor]) -> None:
        """Take a step by gradients in theta."""
        theta = {name: value.detach() for name, value in self.theta.items()}
        self.optimizer.accept(theta, gradients)


class RankerTask(Task):
    """A ranker on finished labels, perhaps against an adversary.

    Parameters
    ----------
    model : RankerModel
        The ranker; its module is changed in place.
    source : InMemory or another source of windows
        The training rows, with their labels and what these count for, (n, n_outputs),
        and, if there is an adversary, what it is trained to read in the logits, (n,).
    held_out : (Impressions, tensor, tensor) or None
        Rows, labels and what these count for, for early stopping.
    n_outputs : int
        Number of labels.
    settings : object
        The parameters of a ranker, as attributes.
    group : Alone or Processes, default=ALONE
        The processes that train together.
    """

    def __init__(
        self,
        model: Any,
        source: Any,
        held_out: tuple[Impressions, Tensor, Tensor] | None,
        n_outputs: int,
        settings: Any,
        group: Alone | Processes = ALONE,
    ) -> None:
        self.model, self.settings = model, settings
        self.source, self.held_out = source, held_out
        self.networks = {"ranker": model.module}
        self.averages = {"ranker": Average(model.module, settings.averaging)}
        columns = model.history.columns
        self.steps = RankerSteps(model.module, columns, n_outputs, settings, group)
        self.adversary = None
        if settings.adversary_weight > 0:
            like = next(model.module.parameters())
            self.adversary = Adversary(n_outputs, like, settings)

    def step(self, window: Any, rows: Tensor) -> Tensor:
        """Take a step on some rows of a window; their mean loss, a tensor."""
        impressions, (labels, weights, *nuisance) = window
        rows = rows.to(labels.device)
        mean = WeightedMean(weights[rows], self.steps.group)
        (batch,) = self.steps.start(impressions.batch(rows))
        batch, rows = batch.part(mean.own), rows[mean.own]
        logits = self.steps.score(batch)
        value = mean(self.model.loss(logits, labels[rows]))
        if self.adversary is None:
            return self.steps.finish(value)
        return self.adversary.step(self.steps, value, logits, nuisance[0][rows], mean)

    def go_on(self, growth: Growth, state: dict[str, Any]) -> None:
        """Begin with the weights as they are, and with what was kept of smaller ones.

        Parameters
        ----------
        growth : Growth
            Where what was kept belongs.
        state : dict
            What :meth:`state_dict` returned.
        """
        self.averages["ranker"].begin()
        self.load_state_dict(
            state | {"optimizer": growth.optimizer(state["optimizer"])}
        )

    def end_epoch(self, epoch: int) -> tuple[dict[str, Any], float | None]:
        """Settle the tables, update the average, and judge it on the held-out rows."""
        self.steps.optimizer.settle()
        self.averages["ranker"].update()
        if self.held_out is None:
            return {}, None
        rows, labels, weights = self.held_out
        logits = self.steps.fast_logits(self.averages["ranker"], rows)
        loss = float(WeightedMean(weights)(self.model.loss(logits, labels)))
        loss = self.steps.group.first(loss, "validation losses")
        return {"validation_loss": loss}, -loss

    def blame(self) -> str:
        """The learning rate and the labels."""
        ends = [f(w.targets[0]) for w in self.source.windows() for f in (amin, amax)]
        return (
            f"Lower learning_rate={self.settings.learning_rate!r}, or look at the "
            f"labels, which go from {min(ends):.6g} to {max(ends):.6g}."
        )

    def state_dict(self) -> dict[str, Any]:
        """The state of the optimisers."""
        adversary = None if self.adversary is None else self.adversary.state_dict()
        return {"optimizer": self.steps.optimizer.state_dict(), "adversary": adversary}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.steps.optimizer.load_state_dict(state["optimizer"])
        if self.adversary is not None:
            self.adversary.load_state_dict(state["adversary"])


class Adversary:
    """Reads the duration in a ranker's logits, which are trained against it.

    Parameters
    ----------
    n_outputs : int
        Number of logits per impression.
    like : tensor
        Has the precision and the device of the reader.
    settings : object
        The parameters of a ranker, as attributes.
    """

    def __init__(self, n_outputs, like, settings):
        reader = DurationReader(n_outputs, settings.adversary_weight)
        self.reader = reader.to(like)
        make = OPTIMIZERS[settings.optimizer]
        rates = settings.learning_rate, settings.weight_decay
        self.optimizer = make(self.reader, *rates)

    def step(self, steps, loss, logits, nuisance, mean):
        """Take a step of the ranker, with the reversed gradient, and of the reader."""
        theta = self.optimizer.gather()
        own = {f"reader.{n}": v.requires_grad_() for n, v in theta.items()}
        read = functional_call(self.reader, theta, (logits,))
        value = loss + mean.of_rows((read - nuisance).square())
        gradients = gradients_in(steps.theta | own, value)
        gradients, loss = steps.total(gradients, loss)
        steps.accept({name: gradients[name] for name in steps.theta})
        theta = {name: value.detach() for name, value in theta.items()}
        self.optimizer.accept(theta, {n: gradients[f"reader.{n}"] for n in theta})
        return loss

    def state_dict(self):
        """The reader and its optimiser."""
        return {
            "reader": self.reader.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, state):
        """Go on from a state."""
        self.reader.load_state_dict(state["reader"])
        self.optimizer.load_state_dict(state["optimizer"])


def constants_like(rows):
    """A context in which what a network makes has the precision of what it is given."""
    double = rows.numeric.dtype == torch.float64
    return DoublePrecision() if double else nullcontext()


@contextmanager
def drawing_in_training(
    module: nn.Module,
    source: Any,
    random_state: RandomSource,
    device: str | torch.device,
    group: Alone | Processes = ALONE,
) -> Iterator[bool]:
    """Let a network draw from a seed where it draws in training, as dropout does.

    Yields
    ------
    bool
        Whether it does.

    Raises
    ------
    ValueError
        If several processes train a network that does so: each would draw for its rows.
    """
    module.train()
    inside = (getattr(part, "dropout", 0) for part in module.modules())
    found = any(isinstance(share, float) and share > 0 for share in inside)
    if not found:
        rows = next(source.windows()).impressions
        with torch.no_grad(), constants_like(rows), DropoutFinder() as finder:
            module(rows.batch(torch.arange(1, device=device)))
        found = finder.found
    if found and group.size > 1:
        raise ValueError(
            "a network that drops out at random must be trained by one process, as "
            f"others would drop other numbers; got {group.size} processes."
        )
    with seeded(random_state, device) if found else nullcontext():
        yield found
