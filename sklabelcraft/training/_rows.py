"""Which rows of the embedding tables some batches touch, and batches on those alone."""

import torch
from torch.func import functional_call

from sklabelcraft._batches import renumber
from sklabelcraft._torch import DoublePrecision, copied
from sklabelcraft.modules import Embeddings

PREDICTION_BATCH = 8192


def table_columns(module):
    """The tables of a module: name of the parameter to the column that it embeds."""
    return {
        f"{prefix}.tables.{j}.weight".lstrip("."): j
        for prefix, part in module.named_modules()
        if isinstance(part, Embeddings)
        for j in range(len(part.tables))
    }


class RowFinder:
    """Finds the codes in batches, and numbers them anew from 0.

    Cost grows with the batches, not with the number of codes.

    Parameters
    ----------
    module : nn.Module
        The columns of its :class:`~sklabelcraft.modules.Embeddings` are numbered anew.
    past_columns : sequence of int
        The columns that the past consists of.
    """

    def __init__(self, module, past_columns):
        self._past_columns = past_columns
        parameters = dict(module.named_parameters())
        self._room = {
            column: parameters[name].new_empty(len(parameters[name]), dtype=torch.int64)
            for name, column in table_columns(module).items()
        }

    def find(self, *batches):
        """Codes of each column that occur in the batches, and the batches on them.

        Returns
        -------
        rows : dict of long tensor of shape (n_touched,)
            By the column, the codes that occur, each once.
        batches : list of Batch
            The batches, with the positions in `rows` in place of the codes.
        """
        batches = [
            batch._replace(codes=batch.codes.clone(), past=batch.past.clone())
            for batch in batches
        ]
        rows = {}
        for column, room in self._room.items():
            parts = [part for batch in batches for part in self._parts(batch, column)]
            rows[column] = renumber(parts, room)
        return rows, batches

    def _parts(self, batch, column):
        """Views on everything in a batch that holds codes of a column."""
        yield batch.codes[:, column]
        for i, past_column in enumerate(self._past_columns):
            if past_column == column:
                yield batch.past[..., i]


@torch.no_grad()
def exact_logits(module, impressions):
    """Logits of all impressions, each the same whatever rows are beside it.

    They are computed in float64, on the touched rows of the embedding tables, and
    rounded to float32: what depends on the place of a row in a product is far below
    that.

    Returns
    -------
    float32 tensor of shape (n, n_outputs)
    """
    module = copied(module, share=True).eval()
    finder = RowFinder(module, impressions.pasts.columns)
    columns = table_columns(module)
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    whole = {
        name: _doubled(value) for name, value in state.items() if name not in columns
    }
    rows = torch.arange(len(impressions), device=impressions.codes.device)
    logits = []
    for part in rows.split(PREDICTION_BATCH):
        touched, (batch,) = finder.find(impressions.batch(part))
        tables = {n: _doubled(state[n][touched[c]]) for n, c in columns.items()}
        batch = batch.to(torch.float64)
        with DoublePrecision():
            found = functional_call(module, whole | tables, (batch,))
        logits.append(as_matrix(found).to(torch.float32))
    return torch.cat(logits)


def as_matrix(logits):
    """Logits as (n, n_outputs), also of a network that gives them as (n,)."""
    return logits[:, None] if logits.ndim == 1 else logits


def _doubled(value):
    return value.double() if value.is_floating_point() else value
