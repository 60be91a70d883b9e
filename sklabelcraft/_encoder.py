"""From the columns of a log to codes and numbers."""

import copy

import numpy as np

from sklabelcraft._bags import Bags
from sklabelcraft._counts import Numbers
from sklabelcraft._nested import check_single
from sklabelcraft._quantiles import Ranks
from sklabelcraft._vocabulary import Occurrences, Pile, Vocabulary

UNKNOWN = 0
N_DURATION_BUCKETS = 32
MIDDLE = 0.5  # the rank of a missing number


class Encoder:
    """Learns the codes and ranks of a log's columns and encodes logs with them.

    Floating-point columns but user and item are numbers, all others categories; the
    duration is a number and, in buckets, the last category. A missing number has the
    middle rank; of a column with missing numbers in the first log, one number more says
    which they are. Of columns whose values are lists, those of floating-point numbers
    are vectors, all others lists of categories, which come behind.

    Parameters
    ----------
    columns : Columns
        Names of the columns; user and item are categories whatever they hold.
    features : list of str or int
        The columns to encode.
    min_count : int
        Values seen less often share the code of the unknown.
    """

    def __init__(self, columns, features, min_count):
        self.columns, self.features, self.min_count = columns, features, min_count

    def learn(self, log):
        """Learn from the rows of a log."""
        user, item, self.duration = (
            log.optional(self.columns, role) for role in ("user", "item", "duration")
        )
        self.ids, self.n_rows = (user, item), 0
        numeric = [key for key in self.features if self._is_number(log, key)]
        self.vectors = [key for key in numeric if self._is_vector(log, key)]
        categorical = [key for key in self.features if key not in numeric]
        self.lists = [key for key in categorical if self._is_list(log, key)]
        single = [key for key in categorical if key not in self.lists]
        self.vocabularies = dict.fromkeys(single + self.lists, Vocabulary())
        self.occurrences = dict.fromkeys(self.vocabularies)
        self.numbers, self.gaps = dict.fromkeys(numeric), []
        self.gaps = [key for key, n in self._take_in(log).items() if n]
        return self

    def grown(self, log):
        """An encoder that has learned from further rows, too; all codes stay."""
        grown = copy.copy(self)
        grown.numbers = dict(self.numbers)
        grown._take_in(log)
        return grown

    def _take_in(self, log):
        """Learn from further rows; how many numbers are missing in each column."""
        missing = dict.fromkeys(self.numbers, 0)
        piles = {key: Pile(key, known) for key, known in self.occurrences.items()}
        n_rows = self.n_rows
        for part in log.parts(self.features):
            positions = n_rows + part.positions
            self.n_rows = int(positions[-1]) + 1
            for key, pile in piles.items():
                ids, lengths = self._values(part, key)
                pile.add(Occurrences.of(ids, np.repeat(positions, lengths)))
            for key, known in self.numbers.items():
                columns = self._components(part, key)
                there = [~np.isnan(values) for values in columns]
                missing[key] += len(part) - there[0].sum()
                pairs = zip(columns, there, strict=True)
                more = [Numbers.of(values[where]) for values, where in pairs]
                self.numbers[key] = more if known is None else _merged(known, more)
        _check_known(self.numbers, self.n_rows)
        self.occurrences = {key: pile.merged() for key, pile in piles.items()}
        self.vocabularies = {
            key: known.extended(self.occurrences[key], self.min_count)
            for key, known in self.vocabularies.items()
        }
        self.ranks = {
            key: [Ranks.among(numbers) for numbers in known]
            for key, known in self.numbers.items()
        }
        return missing

    def _is_number(self, log, key):
        if key in self.ids or self._is_stated(log, key):
            return False
        if key == self.duration or log.is_continuous(key):
            return True
        return log.is_nested(key) and log.lists(key).holds_vectors

    def _is_vector(self, log, key):
        return key != self.duration and log.is_nested(key)

    def _is_list(self, log, key):
        if key in self.ids:
            return False
        return self._is_stated(log, key) or log.is_nested(key)

    def _is_stated(self, log, key):
        """Whether a column is stated to hold lists."""
        return key in map(log.canonical, self.columns.lists)

    @property
    def cardinalities(self):
        """Number of codes of each categorical column, in order, lists last."""
        sizes = [len(self.vocabularies[key]) + 1 for key in self.single]
        sizes += [N_DURATION_BUCKETS + 1] * (self.duration in self.ranks)
        return sizes + [len(self.vocabularies[key]) + 1 for key in self.lists]

    @property
    def single(self):
        """The categorical columns that have one value in each row, but the duration."""
        return [key for key in self.vocabularies if key not in self.lists]

    @property
    def n_numeric(self):
        """How many numbers a network sees of each row, of a vector several."""
        return sum(map(len, self.ranks.values())) + len(self.gaps)

    def positions_without(self, user):
        """Positions of the categories that describe the item or the moment."""
        keys = self.single + [self.duration] * (self.duration in self.ranks)
        return tuple(j for j, key in enumerate(keys) if key != user)

    def encode(self, log):
        """Codes, (n, n_categorical), and ranks in [-1, 1], (n, n_numeric).

        Behind the ranks, numbers that are 1 where one is missing, else 0.
        """
        values = {key: self._components(log, key) for key in self.ranks}
        ranks = {key: self._ranks(key, columns) for key, columns in values.items()}
        codes = [
            self.vocabularies[key].codes(self._values(log, key)[0], key)
            for key in self.single
        ]
        if self.duration in ranks:
            bucket = ranks[self.duration][0] * (N_DURATION_BUCKETS * (1 - 1e-9))
            codes.append(1 + bucket.astype(np.int64))
        numbers = [2 * rank - 1 for several in ranks.values() for rank in several]
        numbers += [np.isnan(values[key][0]) for key in self.gaps]
        n = len(log)
        return _stacked(codes, n, np.int64), _stacked(numbers, n, np.float32)

    def bags(self, log):
        """Codes of the lists, as :class:`~sklabelcraft._bags.Bags`."""
        columns = []
        for key in self.lists:
            ids, lengths = self._values(log, key)
            columns.append((self.vocabularies[key].codes(ids, key), lengths))
        return Bags.of(columns)

    def _values(self, log, key):
        """The ids of a categorical column, and how many there are in each row."""
        if key in self.lists:
            if not self._is_stated(log, key):
                _check_nested(log, key, "lists")
            lists = log.lists(key)
            return lists.ids(key, log.row_name), lists.lengths
        if key in self.ids:
            return log.ids(key), 1
        _check_not_nested(log, key)
        ids = log.ids(key)
        check_single(ids, key, log.row_name)
        return ids, 1

    def _ranks(self, key, columns):
        """Ranks of the numbers of a column, the middle one where they are missing."""
        return [
            np.where(np.isnan(values), MIDDLE, rank(values))
            for rank, values in zip(self.ranks[key], columns, strict=True)
        ]

    def _components(self, log, key):
        """The numbers of a column: its values, or the components of its vectors."""
        if key == self.duration:
            return [log.numeric(key, minimum=0)]
        if key in self.vectors:
            return self._vectors(log, key)
        _check_not_nested(log, key)
        return [log.numeric(key, missing=True)]

    def _vectors(self, log, key):
        """The components of vectors, as many as in fit."""
        known = self.numbers[key]
        if known and not len(log):
            return [np.zeros(0)] * len(known)
        _check_nested(log, key, "vectors")
        vectors = log.lists(key).vectors(key, log.row_name)
        values = list(np.ascontiguousarray(vectors.T))
        if known and len(known) != len(values):
            raise ValueError(
                f"column {key!r} held vectors of {len(known)} numbers in fit and holds "
                f"those of {len(values)} now."
            )
        return values


def _check_known(numbers, n_rows):
    """Check that each column has a number in some row."""
    empty = [key for key, (known, *_) in numbers.items() if not len(known.keys)]
    if empty:
        raise ValueError(
            f"column {empty[0]!r} is a feature and holds no number: all {n_rows} rows "
            "are missing. Leave it out of the features."
        )


def _check_nested(log, key, known):
    """Check that a column holds lists, as in fit, unless nothing is there."""
    if not log.is_nested(key):
        _check_form(key, known, "single values", log.ids(key))


def _check_not_nested(log, key):
    """Check that a column holds single values, as in fit, unless nothing is there."""
    if log.is_nested(key):
        ids = log.lists(key).ids(key, log.row_name)
        _check_form(key, "single values", "lists", ids)


def _check_form(key, known, form, ids):
    there = ids.values[~ids.missing]
    if len(there):
        raise ValueError(
            f"column {key!r} held {known} in fit and holds {form} now, such as "
            f"{there.tolist()[0]!r}."
        )


def _merged(known, more):
    return [one.merged(other) for one, other in zip(known, more, strict=True)]


def _stacked(columns, n, dtype):
    """Columns side by side, (n, n_columns), of which there may be none."""
    return (
        np.stack(columns, axis=1).astype(dtype) if columns else np.zeros((n, 0), dtype)
    )
