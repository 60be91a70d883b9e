"""Encoded impressions, and those of a step with the pasts that they share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch

from sklabelcraft._bags import NO_BAGS, Bags

PIECE = 2**18  # numbers
CROWDED = 4  # times the average number of rows that a past serves at most


class Batch(NamedTuple):
    """What a ranker sees of n impressions, which share m pasts.

    Attributes
    ----------
    codes : long tensor of shape (n, n_categorical)
        Codes of the categorical columns; 0 stands for everything unknown.
    numeric : float tensor of shape (n, n_numeric)
        Numeric columns as ranks in [-1, 1], a missing number as 0; behind them, of each
        column with missing ones in ``fit``, 1 where one is missing, else 0.
    past : long tensor of shape (n_distinct, n_past_columns)
        Codes of earlier impressions, in those columns that describe the item or the
        moment; each combination once.
    past_rows : long tensor of shape (m, history_length)
        The rows of `past` that make each past.
    past_mask : float tensor of shape (m, history_length)
        1 where `past_rows` stands for an impression, 0 where it is padding.
    past_of : long tensor of shape (n,)
        The past of each impression.
    bags : Bags
        Codes of the columns of lists, which have 0 to any number of them in each row.
    """

    codes: torch.Tensor
    numeric: torch.Tensor
    past: torch.Tensor
    past_rows: torch.Tensor
    past_mask: torch.Tensor
    past_of: torch.Tensor
    bags: Bags = NO_BAGS

    def to(self, dtype: torch.dtype) -> Self:
        """The same batch with numbers of another type."""
        return self._replace(
            numeric=self.numeric.to(dtype), past_mask=self.past_mask.to(dtype)
        )

    def part(self, rows: slice | torch.Tensor) -> Batch:
        """The impressions of a slice, with the pasts that they need."""
        if rows == slice(0, len(self.codes)):
            return self
        pasts, past_of = self.past_of[rows].unique(return_inverse=True)
        kept, past_rows = self.past_rows[pasts].unique(return_inverse=True)
        return Batch(
            self.codes[rows],
            self.numeric[rows],
            self.past[kept],
            past_rows,
            self.past_mask[pasts],
            past_of,
            self.bags.rows(rows),
        )


@dataclass(frozen=True)
class Pasts:
    """The past of each row: ``store[start:stop]``.

    The store numbers the rows of `past`, which has codes of the columns at the
    positions `columns`; `room` is room to work for each of them.
    """

    start: torch.Tensor
    stop: torch.Tensor
    store: torch.Tensor
    past: torch.Tensor
    columns: tuple
    room: torch.Tensor

    def of(self, rows):
        """Past, past_rows, past_mask and past_of of a :class:`Batch`."""
        if len(self.store) == 0:
            none = self.past.new_zeros(len(rows), 0)
            order = torch.arange(len(rows), device=rows.device)
            return self.past, none, none.to(torch.float32), order
        start, stop = self.start[rows], self.stop[rows]
        start, stop, past_of = share_windows(start, stop, len(self.store) + 1)
        longest = int((stop - start).max()) if len(start) else 0
        position = start[:, None] + torch.arange(longest, device=start.device)
        mask = position < stop[:, None]
        past_rows = self.store[position.where(mask, 0)]
        past = self.past[renumber([past_rows], self.room)]
        return past, past_rows, mask.to(torch.float32), past_of


@dataclass(frozen=True)
class Impressions:
    """Encoded rows of a log."""

    codes: torch.Tensor
    numeric: torch.Tensor
    pasts: Pasts
    bags: Bags = NO_BAGS

    def __len__(self):
        return len(self.codes)

    def to(self, device):
        """The same rows on a device."""
        return _moved(self, device) if self.codes.device != device else self

    def rows(self, index):
        """The rows at some positions."""
        pasts = self.pasts
        pasts = replace(pasts, start=pasts.start[index], stop=pasts.stop[index])
        bags = self.bags.rows(index)
        return Impressions(self.codes[index], self.numeric[index], pasts, bags)

    def followed_by(self, other):
        """These rows and others whose pasts lie in the same store."""
        pasts = replace(
            self.pasts,
            start=torch.cat([self.pasts.start, other.pasts.start]),
            stop=torch.cat([self.pasts.stop, other.pasts.stop]),
        )
        return Impressions(
            torch.cat([self.codes, other.codes]),
            torch.cat([self.numeric, other.numeric]),
            pasts,
            self.bags.followed_by(other.bags),
        )

    def in_precision(self, dtype):
        """The same rows with numbers of another type."""
        return replace(self, numeric=self.numeric.to(dtype))

    def batch(self, rows):
        """The rows at the positions `rows` as a :class:`Batch`."""
        own = self.codes[rows], self.numeric[rows], *self.pasts.of(rows)
        return Batch(*own, self.bags.rows(rows)).to(self.numeric.dtype)


def _moved(value, device):
    """A dataclass with all tensors in it on a device."""
    if isinstance(value, torch.Tensor | Bags):
        return value.to(device)
    if isinstance(value, Impressions | Pasts):
        parts = {name: _moved(part, device) for name, part in vars(value).items()}
        return replace(value, **parts)
    return value


def renumber(parts, room, ordered=False):
    """The distinct numbers in some tensors, which are changed to positions among them.

    Parameters
    ----------
    parts : list of long tensor
        The tensors, changed in place.
    room : long tensor of shape (n,)
        Room to work, for the numbers 0 to n - 1. The cost does not depend on n.
    ordered : bool, default=False
        Whether the distinct numbers must rise. Otherwise a GPU may find them in another
        order each time.

    Returns
    -------
    long tensor
        The distinct numbers.
    """
    pieces = list(_some_at_a_time(parts))
    for numbers, begin in pieces:
        room[numbers] = _places(numbers, begin)
    last = [n[room[n] == _places(n, begin)] for n, begin in pieces]
    distinct = torch.cat(last)
    if ordered:
        distinct = distinct.sort().values
    room[distinct] = _places(distinct, 0)
    for part in parts:
        for piece in part.view(-1).split(PIECE):
            piece.copy_(room[piece])
    return distinct


def _some_at_a_time(parts):
    """All numbers, few enough at a time, and how many came before them."""
    flat, begin = [part.view(-1) for part in parts], 0
    if sum(map(len, flat)) <= PIECE:
        flat = [torch.cat(flat)]
    for piece in (piece for numbers in flat for piece in numbers.split(PIECE)):
        yield piece, begin
        begin += len(piece)


def _places(numbers, begin):
    """The places of some numbers among all, where so many came before them."""
    return begin + torch.arange(len(numbers), device=numbers.device)


def share_windows(start, stop, n_store):
    """Find the windows that several rows share.

    A window that serves more than a few times as many rows as the average one is
    repeated, so that an array of (windows, rows of each) is never much larger than the
    rows.

    Parameters
    ----------
    start, stop : long tensor of shape (n,)
        The window of each row, below `n_store`.
    n_store : int
        Size of the store.

    Returns
    -------
    start, stop : long tensor of shape (m,)
        The windows.
    window : long tensor of shape (n,)
        The window of each row.
    """
    n, windows = len(start), start  # all empty: nothing to share
    if (start < stop).any():
        windows, window = torch.unique(start * n_store + stop, return_inverse=True)
    if len(windows) == n:
        return start, stop, torch.arange(n, device=start.device)
    slots = CROWDED * -(-n // len(windows))
    repeats = -(-window.bincount() // slots)
    window = (repeats.cumsum(0) - repeats)[window] + numbered(window) // slots
    windows = windows.repeat_interleave(repeats)
    start = windows.div(n_store, rounding_mode="floor")
    return start, windows - start * n_store, window


def numbered(groups):
    """The number of each row among those of its group, from 0 on, long (n,)."""
    order = groups.argsort(stable=True)
    sizes = groups.bincount()
    number = torch.empty_like(groups)
    rank = torch.arange(len(groups), device=groups.device)
    number[order] = rank - (sizes.cumsum(0) - sizes)[groups[order]]
    return number
