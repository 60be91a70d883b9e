"""Lists of users: the rows that each could be shown."""

from typing import NamedTuple

import numpy as np
import torch
from pandas import factorize


class UserLists(NamedTuple):
    """Rows of the users with more than k of them, list after list.

    Attributes
    ----------
    rows : long tensor of shape (n,)
        Positions in the table.
    lengths : long tensor of shape (n_users,)
        Number of rows of each user.
    """

    rows: torch.Tensor
    lengths: torch.Tensor

    def to(self, device):
        """The same lists on a device."""
        return UserLists(self.rows.to(device), self.lengths.to(device))

    def sample(self, n_users):
        """A random part of the lists, and the positions of its rows in `rows`."""
        if n_users >= len(self.lengths):
            return self, torch.arange(len(self.rows), device=self.rows.device)
        chosen = torch.randperm(len(self.lengths))[:n_users].to(self.rows.device)
        lengths = self.lengths[chosen]
        starts = (self.lengths.cumsum(0) - self.lengths)[chosen]
        first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        offsets = torch.arange(len(first), device=first.device) - first
        positions = starts.repeat_interleave(lengths) + offsets
        return UserLists(self.rows[positions], lengths), positions

    @property
    def ids(self):
        """The list that each row belongs to, long tensor of shape (n,)."""
        ids = torch.arange(len(self.lengths), device=self.lengths.device)
        return ids.repeat_interleave(self.lengths)


def user_lists(users, k):
    """The :class:`UserLists` of a column of users."""
    codes, _ = factorize(users, use_na_sentinel=False)
    sizes = np.bincount(codes)
    if not (sizes > k).any():
        raise ValueError(
            f"no user has more than k={k} validation rows (the longest of "
            f"{len(sizes)} lists has {sizes.max(initial=0)}): lower k, hold more rows "
            "out, or give validation data explicitly."
        )
    order = np.argsort(codes, kind="stable")
    rows = order[(sizes > k)[codes[order]]]
    return UserLists(torch.as_tensor(rows), torch.as_tensor(sizes[sizes > k]))
