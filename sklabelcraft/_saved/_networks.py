"""Kinds of networks: their weights, from whose shapes they are built again.

A network is built on torch's meta device, where nothing is allocated, and takes the
weights if all of them have the names and shapes that it would give them.
"""

from itertools import accumulate

import torch
from torch import nn

from sklabelcraft._saved._arrays import Tensor
from sklabelcraft._saved._records import Record
from sklabelcraft._saved._refusing import JOBLIB, require
from sklabelcraft._saved._trees import Kind, inside
from sklabelcraft._torch import Undrawn
from sklabelcraft.modules import DCNModule, DINModule, MLPModule, dense

STARTS = "embeddings.starts"  # follows from the cardinalities
FLOATS = Tensor("float32 float64", ...)


def widths(weights, name):
    """The widths of the hidden layers of a dense stack."""
    layers = [weights.get(f"{name}{2 * i}.weight") for i in range(len(weights))]
    return [len(layer) for layer in layers if layer is not None][:-1]


def mlp(weights, sizes, past_columns):
    """The MLP that has some weights."""
    return MLPModule(*sizes, _dim(weights), widths(weights, "dense."))


def dcn(weights, sizes, past_columns):
    """The DCN that has some weights."""
    n_layers = len([name for name in weights if name.startswith("cross.")]) // 2
    return DCNModule(*sizes, _dim(weights), widths(weights, "dense."), n_layers)


def din(weights, sizes, past_columns):
    """The DIN that has some weights."""
    hidden, attention = (widths(weights, name) for name in ("dense.", "attention."))
    return DINModule(*sizes, _dim(weights), hidden, past_columns, attention)


def _dim(weights):
    return weights["embeddings.table.weight"].shape[1]


NETWORKS = {"MLPModule": mlp, "DCNModule": dcn, "DINModule": din}


class Weights(Kind):
    """The weights of a network by name; read, they are no network yet."""

    def __init__(self, made):
        self.made = made

    def write(self, value, save, path):
        state = value.state_dict()
        state.pop(STARTS, None)
        return {n: FLOATS.write(v, save, inside(path, n)) for n, v in state.items()}

    def read(self, node, save, path, sizes):
        require(isinstance(node, dict) and node, path, "weights by name", node)
        weights = {
            name: FLOATS.read(part, save, inside(path, name), {})
            for name, part in node.items()
        }
        dtypes = {value.dtype for value in weights.values()}
        require(len(dtypes) == 1, path, "of one type", dtypes)
        return self.made.__name__, weights, path


class Dense(Weights):
    """A stack of dense layers."""

    def __init__(self):
        super().__init__(nn.Sequential)

    def write(self, value, save, path):
        node = super().write(value, save, path)
        _check_alike(value, lambda: self._built(value.state_dict(), path), path)
        return node

    def read(self, node, save, path, sizes):
        _, weights, _ = super().read(node, save, path, sizes)
        return self._built(weights, path)

    def _built(self, weights, path):
        return built(lambda: _dense_of(weights), weights, path)


def _dense_of(weights):
    first, last = weights["0.weight"], list(weights.values())[-1]
    return dense(first.shape[1], widths(weights, ""), len(last))


class Model(Record):
    """A model of which one field is a network, whose sizes the others know."""

    def write(self, value, save, path):
        node = super().write(value, save, path)
        state = self.state(value)
        module = state["module"]
        known = module.state_dict()
        known.pop(STARTS, None)
        state["module"] = type(module).__name__, known, path
        _check_alike(module, lambda: self.make(state).module, path)
        return node

    def make(self, values):
        name, weights, path = values["module"]
        encoder, past_columns = values["encoder"], values["history"].columns
        sizes = encoder.cardinalities, encoder.n_numeric, values["n_outputs"]
        starts = torch.tensor([0, *accumulate(sizes[0])][:-1], dtype=torch.int64)
        make = NETWORKS[name]
        known = weights | {STARTS: starts}
        module = built(lambda: make(weights, sizes, past_columns), known, path)
        return super().make(values | {"module": module})


def built(make, weights, path):
    """A network on the meta device that has got its weights, and nothing else."""
    try:
        with torch.device("meta"), Undrawn():
            module = make()
        module.to(next(iter(weights.values())).dtype)
        module.load_state_dict(weights, strict=True, assign=True)
    except (RuntimeError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"the weights of {path} fit no network: {error}.") from error
    return module.eval()


def _check_alike(module, make, path):
    """Check that nothing but its weights makes a network what it is."""
    try:
        alike = repr(module) == repr(make())
    except ValueError:
        alike = False
    if not alike:
        raise TypeError(
            f"{path} cannot be saved, as its network is not as this library makes it; "
            f"{JOBLIB}"
        )
