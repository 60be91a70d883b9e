"""The past of the users, of which an impression sees what lies before it."""

import numpy as np
import torch
from pandas import factorize

from sklabelcraft._batches import Pasts
from sklabelcraft._clock import check_same_clock
from sklabelcraft._vocabulary import Vocabulary


class History:
    """Remembers rows of a log, sorted by user and time.

    Parameters
    ----------
    length : int
        Number of past impressions that are seen at most, 0 for none.
    user, timestamp : str, int or None
        Columns of the log; without a timestamp, rows are in order, and those that are
        asked about later come after all of them.
    columns : tuple of int
        Positions of the codes that describe a past impression.
    """

    def __init__(self, length, user, timestamp, columns):
        self.length, self.user, self.timestamp = length, user, timestamp
        self.columns = columns

    def learn(self, logs, codes):
        """Remember the rows of some logs, one after the other, with their codes.

        Returns
        -------
        list of Pasts
            The past of the rows of each log.
        """
        if self.length == 0:
            return [self._nothing(len(log)) for log in logs]
        ids = [log.ids(self.user) for log in logs]
        self._vocabulary = _vocabulary_of(ids, self.user)
        users = [self._vocabulary.codes(part, self.user) for part in ids]
        times = self._times_of(logs)
        order = np.lexsort((np.concatenate(times), np.concatenate(users)))
        self._users = np.concatenate(users)[order]
        self._times = np.concatenate(times)[order]
        described = np.concatenate(codes)[:, self.columns]
        store, distinct = _distinct_rows(described)
        self._store = torch.as_tensor(store[order])
        self._past = torch.as_tensor(distinct)
        return [self._pasts(*part) for part in zip(users, times, strict=True)]

    def of(self, log):
        """The past of other rows, which lies in those that were remembered."""
        if self.length == 0:
            return self._nothing(len(log))
        users = self._vocabulary.codes(log.ids(self.user), self.user)
        if self.timestamp is None:
            return self._pasts(users, np.full(len(log), self._times.max() + 1))
        clock = log.clock(self.timestamp)
        check_same_clock(self._clock, clock, self.timestamp)
        return self._pasts(users, clock.times)

    def _times_of(self, logs):
        if self.timestamp is None:
            ends = np.cumsum([len(log) for log in logs])
            return np.split(np.arange(ends[-1]), ends[:-1])
        clocks = [log.clock(self.timestamp) for log in logs]
        self._clock = clocks[0].kind
        for clock in clocks:
            check_same_clock(self._clock, clock, self.timestamp)
        return [clock.times for clock in clocks]

    def _nothing(self, n):
        """No past for any of n rows."""
        bounds, none = (
            torch.zeros(n, dtype=torch.int64),
            torch.zeros(0, dtype=torch.int64),
        )
        past = none.new_zeros(0, len(self.columns))
        return Pasts(bounds, bounds, none, past, self.columns, none)

    def _pasts(self, users, times):
        start, stop = past_windows(self._users, self._times, users, times)
        start = np.maximum(start, stop - self.length)
        return Pasts(
            torch.as_tensor(start),
            torch.as_tensor(stop),
            self._store,
            self._past,
            self.columns,
            torch.empty(len(self._past), dtype=torch.int64),
        )


def _vocabulary_of(ids, user):
    """The vocabulary of the users of several logs, whose kinds must agree."""
    known = Vocabulary.learn(ids[0])
    for part in ids[1:]:
        known.check_kind(part, user)
        known = known.grown(part)
    return known


def past_windows(past_users, past_times, users, times):
    """Where in a store sorted by (user, time) the strictly earlier rows of a user lie.

    Parameters
    ----------
    past_users, past_times : ndarray of shape (n_store,)
        Codes of the users, and times, sorted by both.
    users, times : ndarray of shape (n,)
        For each query, the code of the user (one that is not in the store, if the user
        is not) and its time.

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


def _distinct_rows(codes):
    """For each row its number among the distinct rows, and these, (n_distinct, c)."""
    numbers = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        numbers, _ = factorize(numbers * (column.max(initial=0) + 1) + column)
    first = np.empty(numbers.max(initial=-1) + 1, dtype=np.int64)
    first[numbers] = np.arange(len(codes))
    return numbers, codes[first]
