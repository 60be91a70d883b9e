"""Vocabularies: the distinct values of a column, which grow without losing a code."""

import numpy as np
import pandas as pd

from sklabelcraft._ids import OTHER, Ids, factorize, read_ids


class Occurrences:
    """How often each value of a column occurred, and in which row first.

    What is known of several logs is merged by adding the one and taking the least of
    the other, so the order in which logs are read decides nothing.

    Parameters
    ----------
    kind : str or None
        What the values are, as in :class:`~sklabelcraft._ids.Ids`.
    values : ndarray of shape (n_distinct,)
        The distinct values.
    counts, first : int64 ndarray of shape (n_distinct,)
        How often each occurred, and its first row.
    missing : (int, int)
        The same of the missing value.
    """

    def __init__(self, kind, values, counts, first, missing=(0, 0)):
        self.kind, self.values = kind, values
        self.counts, self.first, self.missing = counts, first, missing

    @classmethod
    def of(cls, ids, rows):
        """What a column of ids holds, whose rows have the numbers `rows`, ascending."""
        codes, distinct = ids.factorize()
        counts = np.bincount(codes, minlength=len(distinct) + 1)
        first = np.zeros(len(distinct) + 1, dtype=np.int64)
        first[codes[::-1]] = rows[::-1]  # of equal codes the last one stays
        missing = int(counts[-1]), int(first[-1])
        return cls(ids.kind, distinct, counts[:-1], first[:-1], missing)

    @classmethod
    def merged(cls, parts, name):
        """What is known of the column `name` in several logs together."""
        first = parts[0]
        for part in parts:
            check_same_kind(first.kind, part.kind, part.values, name)
            first = part if first.kind is None else first
        values = joined([part.values for part in parts])
        codes, distinct = factorize(values)
        counts = np.zeros(len(distinct), dtype=np.int64)
        np.add.at(counts, codes, np.concatenate([part.counts for part in parts]))
        rows = np.full(len(distinct), np.iinfo(np.int64).max)
        np.minimum.at(rows, codes, np.concatenate([part.first for part in parts]))
        missing = [part.missing for part in parts if part.missing[0]] or [(0, 0)]
        missing = sum(n for n, _ in missing), min(row for _, row in missing)
        return cls(first.kind, distinct, counts, rows, missing)


class Pile:
    """What is known of a column in many logs, merged when the many outweigh the first.

    So to add a log takes as long as the log is, however much is known.

    Parameters
    ----------
    name : str or int
        The column.
    known : Occurrences or None
        What is known beforehand.
    """

    def __init__(self, name, known=None):
        self.name, self.parts = name, [] if known is None else [known]

    def add(self, part):
        """Add what a further log holds."""
        self.parts.append(part)
        first, *others = (len(part.values) for part in self.parts)
        if sum(others) > first:
            self.merged()

    def merged(self):
        """All that is known."""
        if len(self.parts) > 1:
            self.parts = [Occurrences.merged(self.parts, self.name)]
        return self.parts[0]


class Vocabulary:
    """The distinct values of a column, coded from 1 on; 0 stands for all others.

    Parameters
    ----------
    kind : str or None
        What the values are, as in :class:`~sklabelcraft._ids.Ids`.
    values : ndarray of shape (n,)
        Plain integers, floats or objects, in the order of their codes.
    missing_code : int
        The code of the missing value, which moves the later ones up; 0 if it has none.
    """

    def __init__(self, kind=None, values=(), missing_code=0):
        self.kind, self.values, self.missing_code = kind, values, missing_code

    @classmethod
    def learn(cls, ids, min_count=1):
        """The vocabulary of those values that occur often enough."""
        found = Occurrences.of(ids, np.arange(len(ids.values)))
        return cls().extended(found, min_count)

    def grown(self, ids):
        """The vocabulary with all values of further ids."""
        return self.extended(Occurrences.of(ids, np.arange(len(ids.values))))

    def extended(self, found, min_count=1):
        """The vocabulary with those values that were found often enough.

        The new ones follow the old ones, by their first row, the missing value last.
        """
        new = found.counts >= min_count
        if len(self.values):
            new[new] = self._positions(found.values[new]) < 0
        order = np.argsort(found.first[new], kind="stable")
        values = joined([np.asarray(self.values), found.values[new][order]])
        missing_code = self.missing_code
        if not missing_code and found.missing[0] >= min_count:
            missing_code = len(values) + 1
        return Vocabulary(self.kind or found.kind, values, missing_code)

    def __len__(self):
        return len(self.values) + (self.missing_code > 0)

    def ids(self):
        """All that have codes, in the order of these."""
        values, missing = np.asarray(self.values), np.zeros(len(self), dtype=bool)
        if self.missing_code:
            place = self.missing_code - 1
            values, missing[place] = np.insert(values, place, 0), True
        return Ids(self.kind, values, missing)

    def codes(self, ids, name):
        """Codes of a column of the same kind, int64 of shape (n,)."""
        self.check_kind(ids, name)
        codes = np.zeros(len(ids.values), dtype=np.int64)
        there = ~ids.missing
        codes[there] = 1 + self._positions(ids.values[there])
        if self.missing_code:
            codes[codes >= self.missing_code] += 1
            codes[ids.missing] = self.missing_code
        return codes

    def check_kind(self, ids, name):
        """Check that the ids of the column `name` can be found here at all."""
        check_same_kind(self.kind, ids.kind, ids.values[~ids.missing], name)

    def _positions(self, values):
        """Positions among the values, -1 for those that are not there."""
        ours, theirs = self.values.dtype, values.dtype
        if ours == theirs:
            return self._index.get_indexer(_index(values))
        return _index(self.values.astype(object)).get_indexer(
            _index(values.astype(object))
        )

    @property
    def _index(self):
        """The values as a hashed index, which is made anew after loading."""
        if "_hashed" not in vars(self):
            self._hashed = _index(self.values)
        return self._hashed

    def __getstate__(self):
        """Plain arrays alone, which every version of pandas can load."""
        return {name: vars(self)[name] for name in ("kind", "values", "missing_code")}


def is_same_kind(one, other):
    """Whether values of two kinds can be equal."""
    return one == other or bool({one, other} & {None, OTHER})


def check_same_kind(known, kind, values, name):
    """Check that the values of a column are of a kind that is known of it."""
    if len(values) == 0 or is_same_kind(known, kind):
        return
    raise ValueError(
        f"column {name!r} held {known} in fit and holds {kind} now, such as "
        f"{values[0]!r}: nothing of it would be recognised."
    )


def following(ids, others):
    """Ids and further ones of the same kind."""
    check_same_kind(ids.kind, others.kind, others.values[~others.missing], "user")
    return Ids(
        ids.kind or others.kind,
        joined([ids.values, others.values]),
        np.concatenate([ids.missing, others.missing]),
    )


def joined(arrays):
    """Arrays of values one after the other, of one type that loses no digit."""
    arrays = [array for array in arrays if len(array)] or arrays[-1:]
    if len({array.dtype for array in arrays}) > 1:
        arrays = [array.astype(object) for array in arrays]
        return read_ids(np.concatenate(arrays)).values
    return np.concatenate(arrays)


def _index(values):
    return pd.Index(values, dtype=values.dtype, tupleize_cols=False)
