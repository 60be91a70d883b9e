"""Which rows of the embedding tables some batches touch, and batches on those alone."""

import torch

from sklabelcraft._batches import renumber
from sklabelcraft.modules import Embeddings


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
        self._place = {
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
        for column, place in self._place.items():
            parts = [part for batch in batches for part in self._parts(batch, column)]
            rows[column] = renumber(parts, place)
        return rows, batches

    def _parts(self, batch, column):
        """Views on everything in a batch that holds codes of a column."""
        yield batch.codes[:, column]
        for i, past_column in enumerate(self._past_columns):
            if past_column == column:
                yield batch.past[..., i]
