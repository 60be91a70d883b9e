"""The past of the users, of which an impression sees what lies before it."""

import copy

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

    def learn(self, logs, encoder):
        """Remember the rows of some logs, one after the other, by their codes."""
        self._begun, self._vocabulary, self._clock = [], Vocabulary(), None
        events = []
        if self.length:
            for log in logs:
                self._begun.append(self._end_of(events))
                events += self._events(log, encoder, self._begun[-1])
            self._remember(events)
        return self

    def grown(self, logs, encoder):
        """A history that goes on with further logs."""
        grown = copy.copy(self)
        if self.length:
            grown._begun = []
            codes = self._past[self._store].numpy()
            events = [(self._users, self._times, codes)]
            for log in logs:
                grown._begun.append(self._end_of(events))
                events += grown._events(log, encoder, grown._begun[-1])
            grown._remember(events)
        return grown

    def of(self, log):
        """The past of other rows, which lies in those that were remembered."""
        if self.length == 0:
            return self._nothing(len(log))
        users = self._vocabulary.codes(log.ids(self.user), self.user)
        if self.timestamp is None:
            return self._pasts(users, np.full(len(log), self._times.max() + 1))
        return self._pasts(users, self._clock_of(log))

    def among(self, log, number):
        """The past of rows of the log that was remembered as this number."""
        if self.length == 0:
            return self._nothing(len(log))
        return self.at(log.ids(self.user), self.times(log, number))

    def at(self, users, times):
        """The past of some users at some times, as :meth:`times` gives them."""
        if self.length == 0:
            return self._nothing(len(times))
        return self._pasts(self._vocabulary.codes(users, self.user), times)

    def times(self, log, number):
        """When the rows of the log that was remembered as this number were."""
        if self.length == 0:
            return np.zeros(len(log), dtype=np.int64)
        return self._times_of(log, self._begun[number])

    def _events(self, log, encoder, begun):
        """Users, times and codes of the rows of a log, part by part."""
        keys = [*encoder.features, self.user, self.timestamp]
        for part in log.parts([key for key in keys if key is not None]):
            ids = part.ids(self.user)
            self._vocabulary.check_kind(ids, self.user)
            self._vocabulary = self._vocabulary.grown(ids)
            users = self._vocabulary.codes(ids, self.user)
            codes = encoder.encode(part)[0][:, self.columns]
            yield users, self._times_of(part, begun), codes

    def _end_of(self, events):
        """Where the clock of a log begins that has none but the order of its rows."""
        if self.timestamp is not None:
            return 0
        ends = (int(times.max()) + 1 for _, times, _ in events if len(times))
        return max(ends, default=0)

    def _times_of(self, log, begun):
        if self.timestamp is None:
            return begun + log.positions
        return self._clock_of(log)

    def _clock_of(self, log):
        if self.timestamp not in log:
            raise ValueError(
                f"column {self.timestamp!r} is not in the log: the network sees what a "
                "user was shown before, so the time of each impression is needed."
            )
        clock = log.clock(self.timestamp)
        if self._clock is None:
            self._clock = clock.kind
        check_same_clock(self._clock, clock, self.timestamp)
        return clock.times

    def _remember(self, events):
        columns = zip(*events, strict=True)
        users, times, codes = (np.concatenate(column) for column in columns)
        order = np.lexsort((times, users))
        self._users, self._times = users[order], times[order]
        store, distinct = _distinct_rows(codes)
        self._store = torch.as_tensor(store[order])
        self._past = torch.as_tensor(distinct)

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
    start = np.searchsorted(past_users, users, side="left")
    low, high = start, np.searchsorted(past_users, users, side="right")
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) // 2
        known = past_times.take(middle, mode="clip") if len(past_times) else times
        earlier = (low < high) & (known < times)
        low, high = (
            np.where(earlier, middle + 1, low),
            np.where((low < high) & ~earlier, middle, high),
        )
    return start, low


def _distinct_rows(codes):
    """For each row its number among the distinct rows, and these, (n_distinct, c)."""
    numbers = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        numbers, _ = factorize(numbers * (column.max(initial=0) + 1) + column)
    first = np.empty(numbers.max(initial=-1) + 1, dtype=np.int64)
    first[numbers] = np.arange(len(codes))
    return numbers, codes[first]
