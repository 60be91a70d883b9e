"""Encoded impressions, and those of a step with the pasts that they share."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

CROWDED = 4  # times the average number of rows that a past serves at most


class Batch(NamedTuple):
    """What a ranker sees of n impressions, which share m pasts.

    Attributes
    ----------
    codes : long tensor of shape (n, n_categorical)
        Codes of the categorical columns; 0 stands for everything unknown.
    numeric : float tensor of shape (n, n_numeric)
        Numeric columns as ranks in [-1, 1].
    past : long tensor of shape (n_distinct, n_past_columns)
        Codes of earlier impressions, in those columns that describe the item or the
        moment; each combination once.
    past_rows : long tensor of shape (m, history_length)
        The rows of `past` that make each past.
    past_mask : float tensor of shape (m, history_length)
        1 where `past_rows` stands for an impression, 0 where it is padding.
    past_of : long tensor of shape (n,)
        The past of each impression.
    seat : long tensor of shape (n,)
        Numbers the impressions of the same past from 0.
    """

    codes: torch.Tensor
    numeric: torch.Tensor
    past: torch.Tensor
    past_rows: torch.Tensor
    past_mask: torch.Tensor
    past_of: torch.Tensor
    seat: torch.Tensor


@dataclass(frozen=True)
class Impressions:
    """Encoded rows of a log; `store[past_start:past_stop]` are their histories.

    The store numbers the rows of `past`, which has codes of the columns at the
    positions `past_columns`; `place` is room to work for each of them.
    """

    codes: torch.Tensor
    numeric: torch.Tensor
    past_start: torch.Tensor
    past_stop: torch.Tensor
    store: torch.Tensor
    past: torch.Tensor
    past_columns: tuple
    place: torch.Tensor

    def __len__(self):
        return len(self.codes)

    def to(self, device):
        """The same rows on a device."""
        tensors = {k: v for k, v in vars(self).items() if torch.is_tensor(v)}
        return replace(self, **{k: v.to(device) for k, v in tensors.items()})

    def batch(self, rows):
        """The rows at the positions `rows` as a :class:`Batch`."""
        start, stop = self.past_start[rows], self.past_stop[rows]
        start, stop, past_of, seat = share(start, stop, len(self.store) + 1)
        longest = int((stop - start).max()) if len(start) else 0
        position = start[:, None] + torch.arange(longest, device=start.device)
        mask = position < stop[:, None]
        past_rows = self.store[position.where(mask, 0)]
        past = self.past[renumber([past_rows], self.place)]
        mask = mask.to(self.numeric)
        return Batch(
            self.codes[rows], self.numeric[rows], past, past_rows, mask, past_of, seat
        )


def renumber(parts, place):
    """The distinct numbers in some tensors, which are changed to positions among them.

    Parameters
    ----------
    parts : list of long tensor
        The tensors, changed in place.
    place : long tensor of shape (n,)
        Room to work, for the numbers 0 to n - 1. The cost does not depend on n.

    Returns
    -------
    long tensor
        The distinct numbers.
    """
    numbers = torch.cat([part.reshape(-1) for part in parts])
    order = torch.arange(len(numbers), device=numbers.device)
    place[numbers] = order
    distinct = numbers[place[numbers] == order]
    place[distinct] = order[: len(distinct)]
    for part in parts:
        part.copy_(place[part])
    return distinct


def share(start, stop, n_store):
    """Find the windows that several rows share.

    A window that serves more than a few times as many rows as the average one is
    repeated, so that an array of (windows, seats) is never much larger than the rows.

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
    window, seat : long tensor of shape (n,)
        The window of each row, and its number among the rows of that window.
    """
    n, windows = len(start), start  # all empty: nothing to share
    if (start < stop).any():
        windows, window = torch.unique(start * n_store + stop, return_inverse=True)
    if len(windows) == n:
        window = torch.arange(n, device=start.device)
        return start, stop, window, torch.zeros_like(window)
    order = window.argsort(stable=True)
    sizes = window.bincount()
    seat = torch.empty_like(window)
    rank = torch.arange(n, device=start.device)
    seat[order] = rank - (sizes.cumsum(0) - sizes)[window[order]]
    seats = CROWDED * -(-n // len(windows))
    repeats = -(-sizes // seats)
    window = (repeats.cumsum(0) - repeats)[window] + seat // seats
    windows = windows.repeat_interleave(repeats)
    start = windows.div(n_store, rounding_mode="floor")
    return start, windows - start * n_store, window, seat % seats
