"""Lists of users: the rows that each could be shown."""

from typing import NamedTuple

import numpy as np
import torch


class Lists(NamedTuple):
    """Rows of the users with more than k of them, list after list.

    Attributes
    ----------
    rows : long tensor of shape (n,)
        Positions in the log.
    lengths : long tensor of shape (n_users,)
        Number of rows of each user, in order of first appearance.
    """

    rows: torch.Tensor
    lengths: torch.Tensor

    @classmethod
    def of(cls, users, k, rows="rows", advice=""):
        """The lists of a column of users, :class:`~sklabelcraft._ids.Ids`.

        Raises
        ------
        ValueError
            If no user has more than k `rows`; the `advice` says what to do.
        """
        codes = users.codes()
        sizes = np.bincount(codes)
        if not (sizes > k).any():
            raise ValueError(
                f"no user has more than k={k} {rows}; the longest of {len(sizes)} "
                f"lists has {sizes.max(initial=0)}.{advice}"
            )
        order = np.argsort(codes, kind="stable")
        positions = order[(sizes > k)[codes[order]]]
        return cls(torch.from_numpy(positions), torch.from_numpy(sizes[sizes > k]))

    def to(self, device):
        """The same lists on a device."""
        return Lists(self.rows.to(device), self.lengths.to(device))

    @property
    def ids(self):
        """The list that each row belongs to, long tensor of shape (n,)."""
        ids = torch.arange(len(self.lengths), device=self.lengths.device)
        return ids.repeat_interleave(self.lengths)

    @property
    def starts(self):
        """Where each list begins, long tensor of shape (n_users,)."""
        return self.lengths.cumsum(0) - self.lengths

    def sample(self, n_users, generator):
        """A random part of the lists; which they are, and where their rows are.

        They are drawn on the CPU, so that they are the same on any device.
        """
        if n_users >= len(self.lengths):
            return self, *self.everything()
        drawn = torch.randperm(len(self.lengths), generator=generator, device="cpu")
        chosen = drawn[:n_users].to(self.rows.device)
        lengths = self.lengths[chosen]
        first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)
        offsets = torch.arange(len(first), device=first.device) - first
        positions = self.starts[chosen].repeat_interleave(lengths) + offsets
        return Lists(self.rows[positions], lengths), chosen, positions

    def count(self, rows):
        """How many of some rows, bool of shape (n,), each list has, long (n_users,)."""
        none = torch.zeros_like(self.lengths)
        return none.index_add(0, self.ids, rows.to(none))

    def only(self, rows, k):
        """The lists of some rows alone, of users with more than k of these.

        Which users they are, and where the rows are, is returned as well.
        """
        lengths = self.count(rows)
        enough = lengths > k
        positions = (rows & enough[self.ids]).nonzero()[:, 0]
        lists = Lists(self.rows[positions], lengths[enough])
        return lists, enough.nonzero()[:, 0], positions

    def everything(self):
        """The numbers of all lists, and the positions of all rows."""
        parts = self.lengths, self.rows
        return tuple(torch.arange(len(x), device=x.device) for x in parts)
