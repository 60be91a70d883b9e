"""Optimisers that step only the touched rows of the embedding tables.

The other rows are brought up to date when they are touched next, as if each step in
between had been taken with a gradient of 0, so that the cost of a step does not depend
on the number of users and items.

A step reads ``theta = optimizer.gather(rows)``; then, with gradients in theta,
``optimizer.propose(theta, gradients)`` tells where it would lead, as often as wanted,
and ``optimizer.accept(theta, gradients)`` goes there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from sklabelcraft.training._rows import embeddings_of, names_of

BODY = "body"  # stands for all parameters that are no table


class RowOptimizer(ABC):
    """Template: which rows were stepped last when, and what is kept of them.

    What is no table lies in one row of numbers, ``BODY``, so that a step takes few
    operations.

    Parameters
    ----------
    module : nn.Module
        Its parameters are changed in place.
    learning_rate, weight_decay : float
        Each step takes the share ``learning_rate * weight_decay`` of a parameter away.
    """

    n_moments = 0

    def __init__(
        self, module: nn.Module, learning_rate: float, weight_decay: float = 0.0
    ) -> None:
        self.rate, self.kept = learning_rate, 1 - learning_rate * weight_decay
        self.n_steps = 0
        self._tables = names_of(embeddings_of(module), "table.weight")
        values = {name: p.detach() for name, p in module.named_parameters()}
        self._body = {n: v for n, v in values.items() if n not in self._tables}
        self._values = {name: values[name] for name in self._tables}
        if self._body:
            self._values[BODY] = flat(self._body, self._body)
        self._moments = {
            name: value.new_zeros(len(value), self.n_moments, *value.shape[1:])
            for name, value in self._values.items()
        }
        self._last = {
            name: self._values[name].new_zeros(
                len(self._values[name]), 1, dtype=torch.int32
            )
            for name in self._tables
        }

    @abstractmethod
    def _step(self, value, gradient, moments):
        """Next value and moments, and the rate of the gradient, in step n_steps + 1."""

    @abstractmethod
    def _idle(self, value, moments, last):
        """Value and moments now, without any gradient since step `last`."""

    def gather(self, rows: Tensor | None = None) -> dict[str, Tensor]:
        """Up-to-date parameters: of a table the given rows, of others everything.

        Parameters
        ----------
        rows : long tensor of shape (n_touched,), default=None
            The rows of the tables that take part, each once; None where there are no
            tables.

        Returns
        -------
        dict of tensor
            By the names of the parameters.
        """
        self._rows = dict.fromkeys(self._tables, rows)
        values, self._gathered = {}, {}
        for name, value in self._values.items():
            kept = self._moments[name]
            if name in self._rows:
                last = self._last[name][rows]
                moments = kept[rows].unbind(1)
                value, moments = self._idle(value[rows], moments, last)
            else:
                value, moments = value.clone(), kept.unbind(1)
            values[name], self._gathered[name] = value, moments
        return self._by_name(values)

    def propose(
        self, theta: dict[str, Tensor], gradients: dict[str, Tensor]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Where the next step leads, and how far each gradient moves its parameter.

        Parameters
        ----------
        theta, gradients : dict of tensor
            What :meth:`gather` gave, and gradients in it.

        Returns
        -------
        stepped, rates : dict of tensor
            The parameters after the step, and the rates D in theta' = c - D gradient.
        """
        steps = self._steps(theta, gradients)
        stepped = {name: value for name, (value, _, _) in steps.items()}
        rates = {name: rate for name, (_, _, rate) in steps.items()}
        return self._by_name(stepped), self._by_name(rates)

    def accept(self, theta: dict[str, Tensor], gradients: dict[str, Tensor]) -> None:
        """Take the step, in the parameters of the module."""
        steps = self._steps(theta, gradients)
        self.n_steps += 1
        for name, (value, moments, _) in steps.items():
            self._write(name, self._rows.get(name, ...), value, moments)
        if self._body:
            for name, value in parts(self._values[BODY], self._body).items():
                self._body[name].copy_(value)

    def settle(self) -> None:
        """Bring all rows of the module up to date."""
        for name, last in self._last.items():
            moments = self._moments[name].unbind(1)
            value, moments = self._idle(self._values[name], moments, last)
            self._write(name, ..., value, moments)

    def state_dict(self) -> dict[str, Any]:
        """What is kept beside the parameters."""
        kept = {"moments": self._moments, "last": self._last}
        return {"n_steps": self.n_steps} | {
            name: {n: v.clone() for n, v in values.items()}
            for name, values in kept.items()
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, with the parameters as they now are in the module."""
        self.n_steps = state["n_steps"]
        for own, values in ((self._moments, "moments"), (self._last, "last")):
            for name, value in own.items():
                found = state[values][name]
                if found.shape != value.shape:
                    raise ValueError(
                        "what the optimizer kept is not of this one, "
                        f"{type(self).__name__}: it must stay as it was. Fit anew."
                    )
                value.copy_(found)
        if self._body:
            self._values[BODY] = flat(self._body, self._body)

    def _steps(self, theta, gradients):
        """What :meth:`_step` returns, for each table and for the body."""
        pairs = {name: (theta[name], gradients[name]) for name in self._tables}
        if self._body:
            pairs[BODY] = flat(self._body, theta), flat(self._body, gradients)
        return {
            name: self._step(*pair, self._gathered[name])
            for name, pair in pairs.items()
        }

    def _by_name(self, values):
        """Tensors of the tables and the body by the names of the parameters."""
        body = parts(values[BODY], self._body) if self._body else {}
        return {name: values[name] for name in self._tables} | body

    def _write(self, name, rows, value, moments):
        self._values[name][rows] = value
        if moments:
            self._moments[name][rows] = torch.stack(moments, dim=1)
        if name in self._last:
            self._last[name][rows] = self.n_steps


def flat(names, values):
    """Tensors by name, in the order of some names, as one vector."""
    return torch.cat([values[name].reshape(-1) for name in names])


def parts(vector, like):
    """Parts of a vector by name, of the shapes of other tensors."""
    sizes = [value.numel() for value in like.values()]
    pairs = zip(like.items(), vector.split(sizes), strict=True)
    return {name: part.view(value.shape) for (name, value), part in pairs}


class SGD(RowOptimizer):
    """Plain gradient descent, as in Algorithm 1 of LabelCraft.

    Its term lambda |theta|^2 is a weight decay of 2 lambda. The result is exactly that
    of stepping all rows.
    """

    def _step(self, value, gradient, moments):
        rate = torch.full_like(value, self.rate)
        return self.kept * value - self.rate * gradient, moments, rate

    def _idle(self, value, moments, last):
        idle = (self.n_steps - last).to(value)
        return value * self.kept**idle, moments


class AdamW(RowOptimizer):
    r"""AdamW; rows at rest keep moving by their momentum, as in the dense algorithm.

    After step s a row without gradient moves by c_i m r^(i - s) / sqrt(v) in step i,
    with r = beta_1 / sqrt(beta_2) and c_i the bias correction, and decays by q a step.
    The sum over i comes from a table of :math:`F_s = \sum_{j \ge 1} (r/q)^j c_{s + j}`.
    Up to eps, and for q of 0.95 or more, the result is that of stepping all rows.
    """

    n_moments = 2
    betas, eps = (0.9, 0.999), 1e-8

    def __init__(self, module, learning_rate, weight_decay=0.0):
        super().__init__(module, learning_rate, weight_decay)
        self._kept_of_moves = max(self.kept, 0.95)  # well above r
        self._ratio = self.betas[0] / self.betas[1] ** 0.5 / self._kept_of_moves
        tail = _tail_sums(*self.betas, self._ratio)
        self._tail = tail.to(next(module.parameters()))

    def _step(self, value, gradient, moments):
        first, second = self.betas
        mean = moments[0] * first + gradient * (1 - first)
        square = moments[1] * second
        square.addcmul_(gradient, gradient, value=1 - second)
        n = self.n_steps + 1
        scale = square.sqrt().div_((1 - second**n) ** 0.5).add_(self.eps)
        rate = self.rate / (1 - first**n) / scale
        moved = torch.addcmul(self.kept * value, rate, mean, value=-1)
        return moved, [mean, square], (1 - first) * rate

    def _idle(self, value, moments, last):
        first, second = self.betas
        mean, square = moments
        idle = (self.n_steps - last).to(value)
        moves = self._sums(last) - self._ratio**idle * self._sums(self.n_steps)
        moves = self.rate * moves * mean / (square.sqrt() + self.eps)
        value = self.kept**idle * value - self._kept_of_moves**idle * moves
        return value, [mean * first**idle, square * second**idle]

    def _sums(self, step):
        longest = len(self._tail) - 1
        if torch.is_tensor(step):
            return self._tail[step.clamp(max=longest)]
        return self._tail[min(step, longest)]


def _tail_sums(first, second, ratio, n=20_000):
    """F_s for s = 0..n, by F_s = r (c_(s + 1) + F_(s + 1)); constant from there on."""
    steps = torch.arange(1, n + 1, dtype=torch.float64)
    correction = (1 - second**steps).sqrt() / (1 - first**steps)
    sums = [ratio / (1 - ratio)]
    for c in correction.flip(0).tolist():
        sums.append(ratio * (c + sums[-1]))
    return torch.tensor(sums[::-1], dtype=torch.float64)


OPTIMIZERS: dict[str, Callable[..., RowOptimizer]] = {"adamw": AdamW, "sgd": SGD}
