"""From table rows to tensors: codes, numbers and histories."""

import numpy as np
import torch
from pandas import Index, factorize
from sklearn.preprocessing import QuantileTransformer

from sklabelcraft._batches import Impressions

UNKNOWN = 0
N_DURATION_BUCKETS = 32
N_QUANTILES = 1000


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
