"""Counts of watch times by ids, which grow with the ids and merge."""

from typing import NamedTuple

import numpy as np

from sklabelcraft._counts import FeedbackCounts, bits_of, seconds_of_bits, summed
from sklabelcraft._quantiles import BITS, GROUP, CellCounts
from sklabelcraft._vocabulary import Vocabulary

CUT = 23 - BITS  # bits of a watch time that no cell tells apart
CELL = 31 - CUT  # bits of a cell


class Combinations:
    """Groups of rows that agree in ids and in a coarser group.

    Parameters
    ----------
    vocabularies : dict of Vocabulary
        The ids of each column, by its name.
    codes : int64 ndarray of shape (n, n_columns)
        The ids of the rows to learn from.
    coarse : int64 ndarray of shape (n,)
        The coarser group of each of these rows.
    n_coarse : int
        Number of coarser groups.
    """

    def __init__(self, vocabularies, codes, coarse, n_coarse):
        self.vocabularies = vocabularies
        sizes = [len(known) + 1 for known in vocabularies.values()]
        self.sizes = [*sizes, n_coarse]
        self.known = np.unique(self._code(codes, coarse))

    def __len__(self):
        return len(self.known)

    def find(self, ids, coarse):
        """The group of each row, int64 (n,); ``len(self)`` for one never seen."""
        return self.find_codes(codes_of(self.vocabularies, ids), coarse)

    def find_codes(self, codes, coarse):
        """The same of rows whose ids are coded."""
        code = self._code(codes, coarse)
        group = np.searchsorted(self.known, code)
        known = self.known.take(group, mode="clip") == code
        return np.where(known, group, len(self))

    def _code(self, codes, coarse):
        """A number for each combination, whether known or not."""
        return np.ravel_multi_index([*codes.T, coarse], self.sizes)


class CountsByIds:
    """How many rows have each combination of ids, duration and watch time.

    Watch times are told apart by the 12 bits of a cell of ``CellCounts``.

    Parameters
    ----------
    vocabularies : dict of Vocabulary
        The ids of each column, by its name.
    codes : int64 ndarray of shape (n, n_columns)
        The ids of each combination.
    seconds : int64 ndarray of shape (n,)
        Its duration and watch time.
    counts : int64 ndarray of shape (n,)
        How many rows have it.
    """

    def __init__(self, vocabularies, codes, seconds, counts):
        self.vocabularies = vocabularies
        order = np.lexsort([seconds, *codes.T])
        codes, seconds, counts = codes[order], seconds[order], counts[order]
        first = np.ones(len(counts), dtype=bool)
        first[1:] = np.diff(seconds) != 0
        first[1:] |= (np.diff(codes, axis=0) != 0).any(axis=1)
        self.codes, self.seconds = codes[first], seconds[first]
        self.counts = np.add.reduceat(counts, np.flatnonzero(first))

    @classmethod
    def of(cls, ids, watched, duration):
        """Count rows: ids by their names, and seconds, float64 of shape (n,)."""
        vocabularies = {name: Vocabulary.learn(column) for name, column in ids.items()}
        seconds = bits_of(duration) << CELL | bits_of(watched) >> CUT
        ones = np.ones(len(seconds), dtype=np.int64)
        return cls(vocabularies, codes_of(vocabularies, ids), seconds, ones)

    def merged(self, other):
        """The counts of the rows of both."""
        parts = self, other
        grown = {
            name: known.grown(other.vocabularies[name].ids())
            for name, known in self.vocabularies.items()
        }
        return CountsByIds(
            grown,
            np.concatenate([part._coded_by(grown) for part in parts]),
            np.concatenate([part.seconds for part in parts]),
            np.concatenate([part.counts for part in parts]),
        )

    def _coded_by(self, grown):
        """The codes of the ids in vocabularies that have grown."""
        ids = {name: known.ids() for name, known in self.vocabularies.items()}
        columns = zip(self.codes.T, ids.items(), strict=True)
        codes = [grown[name].codes(all_, name)[c - 1] for c, (name, all_) in columns]
        return np.column_stack(codes)

    def grouped(self, edges):
        """The groups of rows alike in ids and duration group, and their cells."""
        coarse = np.searchsorted(edges, seconds_of_bits(self.seconds >> CELL))
        groups = Combinations(self.vocabularies, self.codes, coarse, len(edges) + 1)
        cells = self.seconds & (1 << CELL) - 1
        cells += groups.find_codes(self.codes, coarse) * GROUP
        return groups, CellCounts(*summed(cells, self.counts), len(groups) + 1)


class GroupCounts(NamedTuple):
    """How often each feedback is, and each by ids; None where there are no ids."""

    feedback: FeedbackCounts
    by_ids: CountsByIds | None

    def merged(self, other):
        """The counts of the rows of both."""
        by_ids = self.by_ids and self.by_ids.merged(other.by_ids)
        return GroupCounts(self.feedback.merged(other.feedback), by_ids)


def codes_of(vocabularies, ids):
    """Codes of ids by their vocabularies, int64 of shape (n, n_columns)."""
    codes = [known.codes(ids[name], name) for name, known in vocabularies.items()]
    return np.column_stack(codes)
