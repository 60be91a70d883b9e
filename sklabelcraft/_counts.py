"""Distinct values and how often each occurs, in bounded space, whatever the rows.

Counts are exact while at most ``MOST`` values are distinct. Where there are more, the
values are rounded down to fewer bits, no fewer than it takes. Rounding is nested: what
agrees in some bits agrees in fewer. So of more rows there are no fewer distinct values
at any level, the level of all rows is no finer than that of a part, and what is kept is
a function of the rows alone, neither of their order nor of how they are split.
"""

from collections.abc import Sequence

import numpy as np

MOST = 2**20  # distinct keys
LARGEST = float(np.finfo(np.float32).max)
SIGN, MANTISSA, MANTISSA32 = 63, 52, 23  # the sign's place, bits of the mantissas
UNKNOWN = np.int64(-1 << SIGN)


class Counts:
    """Distinct keys and how often each occurs; a subclass says what the keys are.

    Parameters
    ----------
    level : int
        How far the keys are rounded: all bits but those in ``masks[level]`` are 0.
    keys, counts : int64 ndarray of shape (n_keys,)
        The keys that occur, ascending, and how many rows have each.
    least, largest : ndarray
        The ends of the values that the keys stand for, which are not rounded.
    """

    masks: Sequence[int] = ()

    def __init__(self, level, keys, counts, least, largest):
        rounded, distinct = level, keys
        while len(distinct) > MOST and rounded + 1 < len(self.masks):
            rounded += 1
            distinct = np.sort(distinct & self.masks[rounded])
            distinct = distinct[_is_first(distinct)]
        if rounded > level:
            keys, counts = summed(keys & self.masks[rounded], counts)
        self.level, self.keys, self.counts = rounded, keys, counts
        self.least, self.largest = least, largest

    def merged(self, other):
        """The counts of the rows of both."""
        level = max(self.level, other.level)
        keys = np.concatenate([self.keys, other.keys]) & self.masks[level]
        return type(self)(
            level,
            *summed(keys, np.concatenate([self.counts, other.counts])),
            np.minimum(self.least, other.least),
            np.maximum(self.largest, other.largest),
        )


class Numbers(Counts):
    """Numbers and how often each occurs.

    Up to ``MOST`` distinct ones are kept as they are, of more the first 23 or fewer
    bits behind the leading one.
    """

    masks = [-1 << (MANTISSA - bits) for bits in (52, 23, 20, 18, *range(16, -1, -1))]

    @classmethod
    def of(cls, values):
        """Count finite numbers, float64 of shape (n,)."""
        counted = np.unique(_order(values), return_counts=True)
        return cls(0, *counted, *_ends(values))

    def table(self):
        """The distinct numbers, ascending, and their counts; the ends are exact."""
        values, counts = np.maximum(numbers_of(self.keys), self.least), self.counts
        if values[-1] < self.largest and counts[-1] > 1:
            values = np.append(values, self.largest)
            counts = np.concatenate([counts[:-1], [counts[-1] - 1, 1]])
        values[-1] = self.largest
        return values, counts

    def quantile(self, q):
        """The quantiles as ``np.quantile`` has them of all rows, of the shape of q."""
        positions = (self.counts.sum() - 1) * np.asarray(q)
        below = np.floor(positions).astype(np.int64)
        above = np.minimum(below + 1, self.counts.sum() - 1)
        low, high = self.at(below), self.at(above)
        part, width = positions - below, high - low
        return np.where(part < 0.5, low + width * part, high - width * (1 - part))[()]

    def at(self, positions):
        """The numbers at positions among all rows in their order."""
        values, counts = self.table()
        return values[np.searchsorted(np.cumsum(counts), positions, side="right")]


class FeedbackCounts(Counts):
    """Watch times, durations and explicit feedback, and how often each combination is.

    Seconds are read as float32; the sign of a key says that explicit feedback is not
    known. Up to ``MOST`` distinct combinations are kept as they are; of more, the
    durations and the watch times are rounded in turn, at first to one part in 4096,
    from there bit by bit.
    """

    levels = (
        (MANTISSA32, MANTISSA32),
        (12, MANTISSA32),
        (12, 12),
        *((b, b + watched) for b in range(11, -1, -1) for watched in (1, 0)),
    )
    masks = [
        -1 << (32 + MANTISSA32 - longer)
        | (2**32 - 1 & -1 << (1 + MANTISSA32 - watched))
        | 1
        for longer, watched in levels
    ]

    @classmethod
    def of(cls, watched, duration, explicit=None):
        """Count rows: seconds, at least 0, and 0, 1 or NaN, float64 of shape (n,)."""
        keys = bits_of(duration) << 32 | bits_of(watched) << 1
        if explicit is not None:
            keys |= explicit > 0
            keys[np.isnan(explicit)] |= UNKNOWN
        ends = zip(_ends(watched), _ends(duration), strict=True)
        least, largest = (as_read(np.array(end)) for end in ends)
        return cls(0, *np.unique(keys, return_counts=True), least, largest)

    @property
    def watched(self):
        """The watch time of each combination, in seconds."""
        return seconds_of_bits(self.keys >> 1 & 2**31 - 1)

    @property
    def duration(self):
        """The duration of each combination, in seconds."""
        return seconds_of_bits(self.keys >> 32 & 2**31 - 1)

    @property
    def watched_within(self):
        """The watch time of each combination up to its duration, in seconds."""
        return np.minimum(self.watched, self.duration)

    @property
    def explicit(self):
        """Whether each combination has explicit feedback, 0, 1, or NaN: not known."""
        return np.where(self.keys < 0, np.nan, (self.keys & 1).astype(np.float64))

    @property
    def n_unknown(self):
        """How many rows have explicit feedback that is not known."""
        return int(self.counts[self.keys < 0].sum())

    def known(self):
        """The rows alone whose explicit feedback is known."""
        known = self.keys >= 0
        kept = FeedbackCounts(self.level, self.keys[known], self.counts[known], 0, 0)
        ends = zip(_ends(kept.watched), _ends(kept.duration), strict=True)
        kept.least, kept.largest = map(np.array, ends)
        return kept

    def watch_times(self):
        """The watch times alone, as :class:`Numbers`."""
        return self._numbers(self.watched, self.least[0], self.largest[0])

    def durations(self):
        """The durations alone, as :class:`Numbers`."""
        return self._numbers(self.duration, self.least[1], self.largest[1])

    def longest_alike(self):
        """For each row the longest duration that is rounded like its own."""
        rounded = MANTISSA32 - self.levels[self.level][0]
        bits = self.keys >> 32 & 2**31 - 1
        ends = seconds_of_bits(bits | (1 << rounded) - 1)
        return self._numbers(ends, *_ends(ends))

    def _numbers(self, values, least, largest):
        return Numbers(0, *summed(_order(values), self.counts), least, largest)


def summed(keys, counts):
    """The distinct keys, ascending, and the sum of the counts of each."""
    order = np.argsort(keys, kind="stable")  # which merges what is sorted
    keys = keys[order]
    first = _is_first(keys)
    return keys[first], np.add.reduceat(counts[order], np.flatnonzero(first))


def _is_first(keys):
    """Whether each of the keys, ascending, differs from the one before."""
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    return first


def as_read(seconds):
    """Seconds, at least 0, as float32 holds them, as float64."""
    return np.minimum(seconds, LARGEST).astype(np.float32).astype(np.float64)


def bits_of(seconds):
    """The bits of seconds, at least 0, as float32: whole numbers of the same order."""
    bits = np.minimum(seconds, LARGEST).astype(np.float32) + np.float32(0)  # no -0.0
    return bits.view(np.int32).astype(np.int64)


def seconds_of_bits(bits):
    """The seconds that have these bits, float64."""
    return bits.astype(np.int32).view(np.float32).astype(np.float64)


def _order(values):
    """Whole numbers of the same order as the values, int64: the bits, turned round."""
    bits = (values + 0.0).view(np.int64)  # of -0.0, they are those of 0
    return bits ^ (bits >> SIGN & 2**SIGN - 1)


def numbers_of(order):
    """The values that have these whole numbers, float64."""
    return (order ^ (order >> SIGN & 2**SIGN - 1)).view(np.float64)


def _ends(values):
    """The least and the largest of them, of -0.0 as 0.0."""
    return values.min(initial=np.inf) + 0.0, values.max(initial=-np.inf) + 0.0
