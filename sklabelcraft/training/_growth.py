"""Weights, and what an optimiser keeps of them, when vocabularies have grown."""

import torch

from sklabelcraft.training._rows import embeddings_of, names_of


class Growth:
    """Where the rows of embedding tables lie when their columns have more codes.

    Parameters
    ----------
    module : nn.Module
        A network made for the larger tables.
    before, after : list of int
        Number of codes of each column, before and now.
    """

    def __init__(self, module, before, after):
        self.module, embeddings = module, embeddings_of(module)
        self.tables = names_of(embeddings, "table.weight")
        self.starts = names_of(embeddings, "starts")
        begins = torch.tensor([0, *after], dtype=torch.int64).cumsum(0)[:-1]
        pairs = zip(begins.tolist(), before, strict=True)
        parts = [torch.arange(begin, begin + size) for begin, size in pairs]
        self.rows = torch.cat(parts) if parts else begins

    def weights(self, state):
        """The state of the larger network, with the weights of the smaller one.

        Raises
        ------
        ValueError
            If the network has weights for each code that are no ``Embeddings``, or is
            another one than before.
        """
        grown = self.module.state_dict()
        self._check(state, grown)
        for name, value in state.items():
            if name in self.tables:
                grown[name] = self.table(value, grown[name])
            elif name not in self.starts:
                grown[name] = value.clone()
        return grown

    def _check(self, state, grown):
        """Check that nothing but the number of rows of a table differs."""
        shapes = [self._shapes(weights) for weights in (state, grown)]
        for name in shapes[0] | shapes[1]:
            before, now = (found.get(name, "missing") for found in shapes)
            if before != now:
                raise ValueError(
                    f"the weights {name!r} of the network were of shape {before} and "
                    f"would now be of shape {now}: a network must stay as it was, and "
                    "only its modules.Embeddings grow with the codes. Fit anew."
                )

    def _shapes(self, weights):
        """Shapes of the weights, of tables without the number of rows."""
        return {
            name: tuple(value.shape[name in self.tables :])
            for name, value in weights.items()
        }

    def table(self, value, grown):
        """What is kept of each row of a table, in the larger one `grown`."""
        grown = grown.clone()
        grown[self.rows.to(grown.device)] = value.to(grown)
        return grown

    def optimizer(self, state):
        """The state of an optimiser; that of new rows is as if they were up to date."""
        sizes = {name: len(self.module.state_dict()[name]) for name in self.tables}
        grown = {"n_steps": state["n_steps"], "moments": {}, "last": {}}
        for kept, fresh in (("moments", 0), ("last", state["n_steps"])):
            for name, value in state[kept].items():
                if name in sizes:
                    larger = value.new_full((sizes[name], *value.shape[1:]), fresh)
                    value = self.table(value, larger)
                grown[kept][name] = value
        return grown


def check_stays(names, before, now):
    """Check that what parameters lead to is as it was where a label goes on."""
    if before != now:
        raise ValueError(
            f"{names} must stay as they were: of them there were {before}, and would "
            f"now be {now}. Fit anew."
        )


def shapes_of(state):
    """Shapes of weights by name."""
    return {name: tuple(value.shape) for name, value in state.items()}
