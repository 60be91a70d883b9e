"""Which rows of the embedding tables some batches touch, and batches on those alone."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sklabelcraft._bags import Bags
from sklabelcraft._batches import Batch, Impressions, renumber
from sklabelcraft._torch import DoublePrecision, copied
from sklabelcraft.modules import Embeddings

PREDICTION_BATCH = 2048  # rows whose products stay in the cache


def embeddings_of(module):
    """The :class:`~sklabelcraft.modules.Embeddings` in a module, by name.

    Raises
    ------
    ValueError
        If they are not of the same columns.
    """
    found = {
        name: part
        for name, part in module.named_modules()
        if isinstance(part, Embeddings)
    }
    starts = [(len(p.table.weight), p.starts.tolist()) for p in found.values()]
    if any(other != starts[0] for other in starts):
        raise ValueError(
            "all Embeddings of a network must be made with the cardinalities that it "
            "is given, each column once."
        )
    return found


def names_of(embeddings, what):
    """The names of a tensor of the embeddings in the state of their module."""
    return [f"{name}.{what}".lstrip(".") for name in embeddings]


class RowFinder:
    """Finds the codes in batches, and numbers them anew from 0.

    Cost grows with the batches, not with the number of codes.

    Parameters
    ----------
    module : nn.Module
        The columns of its :class:`~sklabelcraft.modules.Embeddings` are numbered anew.
    past_columns : sequence of int
        The columns that the past consists of.
    ordered : bool, default=False
        Whether the rows that are found must rise, so that all processes have them in
        one order, also on GPUs.

    Attributes
    ----------
    tables : list of str
        Names of the parameters that are embedding tables.
    starts : dict of long tensor
        What takes the place of where the columns begin in the tables, by the names of
        these buffers.
    """

    def __init__(
        self, module: nn.Module, past_columns: Sequence[int], ordered: bool = False
    ) -> None:
        embeddings = embeddings_of(module)
        self.tables = names_of(embeddings, "table.weight")
        self.starts, self._room = {}, None
        if embeddings:
            part = next(iter(embeddings.values()))
            self._starts = part.starts
            self._room = part.starts.new_empty(len(part.table.weight))
            names = names_of(embeddings, "starts")
            self.starts = dict.fromkeys(names, torch.zeros_like(part.starts))
        self._past_columns, self._ordered = list(past_columns), ordered

    def find(self, *batches: Batch) -> tuple[Tensor | None, list[Batch]]:
        """Rows of the tables that the batches touch, and the batches on those alone.

        Returns
        -------
        rows : long tensor of shape (n_touched,) or None
            The rows, each once; None if the module has no tables.
        batches : list of Batch
            The batches, with the positions in `rows` in place of the codes.
        """
        if self._room is None:
            return None, list(batches)
        placed = [self._in_tables(batch) for batch in batches]
        parts = [p for b in placed for p in (b.codes, b.past, b.bags.codes)]
        return renumber(parts, self._room, self._ordered), placed

    def _in_tables(self, batch):
        """A batch with rows of the tables in place of the codes."""
        starts, bags = self._starts, batch.bags
        n = len(starts) - bags.n_columns
        return batch._replace(
            codes=batch.codes + starts[:n],
            past=batch.past + starts[self._past_columns],
            bags=Bags(bags.codes + starts[n:][bags.column], bags.lengths),
        )


@torch.no_grad()
def exact_logits(module: nn.Module, impressions: Impressions) -> Tensor:
    """Logits of all impressions, each the same whatever rows are beside it.

    They are computed in float64, of large embedding tables on the touched rows, and
    rounded to float32: what depends on the place of a row in a product is far below
    that.

    Returns
    -------
    float32 tensor of shape (n, n_outputs)
    """
    module = copied(module, share=True).eval()
    finder = RowFinder(module, impressions.pasts.columns)
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    n_codes = impressions.codes.numel() + len(impressions.bags.codes)
    large = [name for name in finder.tables if len(state[name]) > n_codes]
    tables = {name: state.pop(name) for name in large}
    state = {name: _doubled(value) for name, value in state.items()}
    rows = torch.arange(len(impressions), device=impressions.codes.device)
    logits = []
    for part in rows.split(PREDICTION_BATCH):
        batch, own = impressions.batch(part), {}
        if tables:
            touched, (batch,) = finder.find(batch)
            own = {name: _doubled(table[touched]) for name, table in tables.items()}
            own |= finder.starts
        with DoublePrecision():
            found = functional_call(module, state | own, (batch.to(torch.float64),))
        logits.append(as_matrix(found).to(torch.float32))
    return torch.cat(logits)


def as_matrix(logits):
    """Logits as (n, n_outputs), also of a network that gives them as (n,)."""
    return logits[:, None] if logits.ndim == 1 else logits


def _doubled(value):
    return value.double() if value.is_floating_point() else value
