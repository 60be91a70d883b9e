"""Lists of codes, of any lengths, in several columns of a log."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Bags:
    """Codes of lists in several columns: row after row, within each column by column.

    Parameters
    ----------
    codes : long tensor of shape (n_elements,)
        Codes of the elements of all lists, which rise in each list.
    lengths : long tensor of shape (n, n_columns)
        The number of elements of each list; of no column, (0, 0).
    """

    def __init__(self, codes: Tensor, lengths: Tensor) -> None:
        self.codes, self.lengths = codes, lengths

    @classmethod
    def of(cls, columns: list[tuple[NDArray[Any], NDArray[Any]]]) -> Bags:
        """Lists from the codes of each column, one after the other, and their lengths.

        Parameters
        ----------
        columns : list of (ndarray, ndarray)
            For each column, int64 of shape (n_elements,) and (n,).
        """
        if not columns:
            return NO_BAGS
        n = len(columns)
        codes = np.concatenate([codes for codes, _ in columns])
        cells = [
            np.repeat(np.arange(len(lengths)) * n + j, lengths)
            for j, (_, lengths) in enumerate(columns)
        ]
        codes = codes[np.lexsort((codes, np.concatenate(cells)))]
        lengths = np.stack([lengths for _, lengths in columns], axis=1)
        return cls(torch.from_numpy(codes), torch.from_numpy(lengths))

    @property
    def n_columns(self):
        """Number of columns."""
        return self.lengths.shape[1]

    @cached_property
    def _sizes(self):
        """The number of elements of each row, (n,)."""
        return self.lengths.sum(1)

    @cached_property
    def _begin(self):
        """Where the elements of each row begin, (n,)."""
        return self._sizes.cumsum(0) - self._sizes

    @property
    def _cells(self):
        """The list of each element: its row, times their number, and its column."""
        cells = torch.arange(self.lengths.numel(), device=self.codes.device)
        return cells.repeat_interleave(self.lengths.flatten())

    @property
    def column(self):
        """The column of each element, (n_elements,)."""
        return self._cells % max(1, self.n_columns)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of values of the elements, (n_elements, d), in each list.

        Returns
        -------
        tensor of shape (n, n_columns, d)
            0 for lists without an element.
        """
        total = values.new_zeros(self.lengths.numel(), values.shape[1])
        total = total.index_add(0, self._cells, values)
        means = total / self.lengths.view(-1, 1).clamp(min=1)
        return means.view(*self.lengths.shape, values.shape[1])

    def rows(self, index: Any) -> Bags:
        """Those of the rows at some positions, or in a slice."""
        if not self.n_columns:
            return self
        lengths, sizes = self.lengths[index], self._sizes[index]
        shift = self._begin[index] - (sizes.cumsum(0) - sizes)
        places = shift.repeat_interleave(sizes)
        places += torch.arange(len(places), device=places.device)
        return Bags(self.codes[places], lengths)

    def followed_by(self, other: Bags) -> Bags:
        """Those of these rows and of others."""
        return Bags(
            torch.cat([self.codes, other.codes]),
            torch.cat([self.lengths, other.lengths]),
        )

    def to(self, kind: torch.device | torch.dtype) -> Bags:
        """The same on a device, or as whole numbers of another type."""
        return Bags(self.codes.to(kind), self.lengths.to(kind))

    def __getstate__(self):
        return {"codes": self.codes, "lengths": self.lengths}


NO_BAGS = Bags(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 0, dtype=torch.int64))
