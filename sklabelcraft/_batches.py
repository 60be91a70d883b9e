"""From table rows to tensors: codes, numbers, histories and lists of users."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from pandas import Index, factorize
from sklearn.preprocessing import QuantileTransformer

UNKNOWN = 0
N_DURATION_BUCKETS = 32
N_QUANTILES = 1000
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


class Encoder:
    """Learns the codes and scales of a table's columns and encodes tables with them.

    Parameters
    ----------
    user, item, duration, timestamp : str, int or None
        The roles; `timestamp` is no feature, it orders the rows of a user.
    features : list of str or int
        Columns that the ranker sees. Floating-point columns but user and item are
        numeric, all others categorical; the duration is numeric and bucketed.
    min_count : int
        Values seen less often share the code of the unknown.
    history_length : int
        Number of past impressions kept, 0 for none.
    """

    def __init__(
        self, user, item, duration, timestamp, features, min_count, history_length
    ):
        self.user, self.duration, self.timestamp = user, duration, timestamp
        self.min_count, self.history_length = min_count, history_length
        self._features, self._ids = features, (user, item)

    def learn(self, table, *held_out):
        """Learn from the rows of `table`; encode them and those held out from them.

        All are remembered as histories, of which a row sees the strictly earlier ones.
        """
        numeric = [key for key in self._features if self._is_number(table, key)]
        categorical = [key for key in self._features if key not in numeric]
        self.vocabularies = {
            key: _vocabulary(table[key], key, self.min_count) for key in categorical
        }
        self.ranks = {key: rank_transformer(table.numeric(key)) for key in numeric}
        parts = table, *held_out
        times = [part.times(self.timestamp) for part in parts]
        self._clocked = times[0] is not None
        if not self._clocked:
            ends = np.cumsum([len(part) for part in parts])
            times = np.split(np.arange(float(ends[-1])), ends[:-1])
        features = [self._codes_and_numbers(part) for part in parts]
        self._remember(parts, times, [codes for codes, _ in features])
        return [
            self._with_past(part, when, *own)
            for part, when, own in zip(parts, times, features, strict=True)
        ]

    def encode(self, table):
        """Encode rows; their histories lie in the rows given to :meth:`learn`."""
        times = table.times(self.timestamp) if self._clocked else None
        times = np.inf if times is None else times
        return self._with_past(table, times, *self._codes_and_numbers(table))

    def _is_number(self, table, key):
        if key in self._ids:
            return False
        return key == self.duration or table.is_continuous(key)

    @property
    def cardinalities(self):
        """Number of codes of each categorical column, in order."""
        sizes = [len(vocabulary) + 1 for vocabulary in self.vocabularies.values()]
        return sizes + [N_DURATION_BUCKETS + 1] * (self.duration in self.ranks)

    @property
    def n_numeric(self):
        """Number of numeric columns."""
        return len(self.ranks)

    @property
    def past_columns(self):
        """Positions of the categorical columns that describe the item or the moment."""
        keys = list(self.vocabularies) + [self.duration] * (self.duration in self.ranks)
        return tuple(j for j, key in enumerate(keys) if key != self.user)

    def _codes_and_numbers(self, table):
        """Codes of the categorical columns and ranks of the numeric ones."""
        ranks = {key: self._rank(table, key) for key in self.ranks}
        codes = [
            vocabulary.get_indexer(table[key]) + 1
            for key, vocabulary in self.vocabularies.items()
        ]
        if self.duration in ranks:
            bucket = ranks[self.duration] * (N_DURATION_BUCKETS * (1 - 1e-9))
            codes.append(1 + bucket.astype(np.int64))
        codes = _stacked(codes, len(table), np.int64)
        numbers = [2 * rank - 1 for rank in ranks.values()]
        return codes, _stacked(numbers, len(table), np.float32)

    def _rank(self, table, key):
        minimum = 0 if key == self.duration else -np.inf
        values = table.numeric(key, minimum=minimum)
        return self.ranks[key].transform(values[:, None])[:, 0]

    def _remember(self, parts, times, codes):
        """Store the rows sorted by user and time, for histories."""
        self._store = torch.zeros(1, dtype=torch.int64)
        self._past = torch.zeros(1, len(self.past_columns), dtype=torch.int64)
        if self.history_length == 0:
            return
        users = np.concatenate([self._users(part) for part in parts])
        self._user_index = _vocabulary(users, self.user, 1)
        users, times = self._user_index.get_indexer(users), np.concatenate(times)
        order = np.lexsort((times, users))
        self._past_users, self._past_times = users[order], times[order]
        codes = np.concatenate(codes)[:, self.past_columns]
        store, distinct = _distinct_rows(codes)
        self._store = torch.as_tensor(store[order])
        self._past = torch.as_tensor(distinct)

    def _users(self, table):
        return np.zeros(len(table)) if self.user is None else table[self.user]

    def _with_past(self, table, times, codes, numbers):
        start = stop = np.zeros(len(table), dtype=np.int64)
        if self.history_length:
            users = self._user_index.get_indexer(self._users(table))
            times = np.broadcast_to(times, len(table))
            start, stop = past_windows(self._past_users, self._past_times, users, times)
            start = np.maximum(start, stop - self.history_length)
        return Impressions(
            torch.as_tensor(codes),
            torch.as_tensor(numbers),
            torch.as_tensor(start),
            torch.as_tensor(stop),
            self._store,
            self._past,
            self.past_columns,
            torch.empty(len(self._past), dtype=torch.int64),
        )


def past_windows(past_users, past_times, users, times):
    """Where in a store sorted by (user, time) the strictly earlier rows of a user lie.

    Parameters
    ----------
    past_users, past_times : ndarray of shape (n_store,)
        Codes of the users, and times, sorted by both.
    users, times : ndarray of shape (n,)
        For each query, the code of the user (-1 if not in the store) and its time.

    Returns
    -------
    start, stop : ndarray of shape (n,)
        The history of query i is ``store[start[i]:stop[i]]``.
    """
    n_store = len(past_users)
    all_users = np.concatenate([past_users, users])
    all_times = np.concatenate([past_times, times])
    stored = np.arange(len(all_users)) < n_store
    order = np.lexsort((stored, all_times, all_users))  # queries before equal times
    before = np.cumsum(stored[order])
    stop = np.empty(len(users), dtype=np.int64)
    queries = ~stored[order]
    stop[order[queries] - n_store] = before[queries]
    return np.searchsorted(past_users, users), stop


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


def _vocabulary(values, key, min_count):
    """The distinct values of the column `key` that are seen often enough."""
    try:
        codes, uniques = factorize(values, use_na_sentinel=False)
    except TypeError as error:
        raise ValueError(
            f"column {key!r} must hold values that can be keys, such as text or whole "
            f"numbers: {error}."
        ) from error
    frequent = np.bincount(codes, minlength=len(uniques)) >= min_count
    return Index(uniques[frequent], tupleize_cols=False)


def _stacked(columns, n, dtype):
    """Columns side by side, (n, n_columns), of which there may be none."""
    return (
        np.stack(columns, axis=1).astype(dtype) if columns else np.zeros((n, 0), dtype)
    )


def _distinct_rows(codes):
    """For each row its number among the distinct rows, and these, (n_distinct, c)."""
    numbers = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        numbers, _ = factorize(numbers * (column.max(initial=0) + 1) + column)
    first = np.empty(numbers.max(initial=-1) + 1, dtype=np.int64)
    first[numbers] = np.arange(len(codes))
    return numbers, codes[first]


def rank_transformer(values):
    """A fitted transformer of a column, (n, 1), to its ranks in `values`, in [0, 1]."""
    n_quantiles = min(N_QUANTILES, len(values))
    ranks = QuantileTransformer(n_quantiles=n_quantiles, subsample=None)
    return ranks.fit(values[:, None])
