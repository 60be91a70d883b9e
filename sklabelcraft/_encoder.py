"""From the columns of a log to codes and numbers."""

import copy
import warnings

import numpy as np

from sklabelcraft._counts import Numbers
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
    which they are.

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
        categorical = [key for key in self.features if key not in numeric]
        self.vocabularies = dict.fromkeys(categorical, Vocabulary())
        self.occurrences = dict.fromkeys(categorical)
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
                pile.add(Occurrences.of(part.ids(key), positions))
            for key, known in self.numbers.items():
                values = self._number(part, key)
                there = ~np.isnan(values)
                missing[key] += len(part) - there.sum()
                more = Numbers.of(values[there])
                self.numbers[key] = more if known is None else known.merged(more)
        _check_known(self.numbers, self.n_rows)
        self.occurrences = {key: pile.merged() for key, pile in piles.items()}
        self.vocabularies = {
            key: known.extended(self.occurrences[key], self.min_count)
            for key, known in self.vocabularies.items()
        }
        self.ranks = {key: Ranks.among(known) for key, known in self.numbers.items()}
        return missing

    def _is_number(self, log, key):
        if key in self.ids:
            return False
        return key == self.duration or log.is_continuous(key)

    @property
    def cardinalities(self):
        """Number of codes of each categorical column, in order."""
        sizes = [len(vocabulary) + 1 for vocabulary in self.vocabularies.values()]
        return sizes + [N_DURATION_BUCKETS + 1] * (self.duration in self.ranks)

    @property
    def n_numeric(self):
        """How many numbers a network sees of each row."""
        return len(self.ranks) + len(self.gaps)

    def positions_without(self, user):
        """Positions of the categories that describe the item or the moment."""
        keys = list(self.vocabularies) + [self.duration] * (self.duration in self.ranks)
        return tuple(j for j, key in enumerate(keys) if key != user)

    def encode(self, log):
        """Codes, (n, n_categorical), and ranks in [-1, 1], (n, n_numeric).

        Behind the ranks, numbers that are 1 where one is missing, else 0.
        """
        values = {key: self._number(log, key) for key in self.ranks}
        missing = {key: np.isnan(column) for key, column in values.items()}
        ranks = {
            key: np.where(missing[key], MIDDLE, self.ranks[key](column))
            for key, column in values.items()
        }
        codes = [
            vocabulary.codes(log.ids(key), key)
            for key, vocabulary in self.vocabularies.items()
        ]
        if self.duration in ranks:
            bucket = ranks[self.duration] * (N_DURATION_BUCKETS * (1 - 1e-9))
            codes.append(1 + bucket.astype(np.int64))
        numbers = [2 * rank - 1 for rank in ranks.values()]
        numbers += [missing[key] for key in self.gaps]
        n = len(log)
        return _stacked(codes, n, np.int64), _stacked(numbers, n, np.float32)

    def _number(self, log, key):
        if key == self.duration:
            return log.numeric(key, minimum=0)
        return log.numeric(key, missing=True)


def _check_known(numbers, n_rows):
    """Check that each column has a number in some row."""
    empty = [key for key, known in numbers.items() if not len(known.keys)]
    if empty:
        raise ValueError(
            f"column {empty[0]!r} is a feature and holds no number: all {n_rows} rows "
            "are missing. Leave it out of the features."
        )


def _stacked(columns, n, dtype):
    """Columns side by side, (n, n_columns), of which there may be none."""
    return (
        np.stack(columns, axis=1).astype(dtype) if columns else np.zeros((n, 0), dtype)
    )


def warn_of_dates(log, features, timestamp):
    """Warn that dates are categories like any other, and perhaps meant as the clock."""
    dates = [key for key in features if log.is_date(key)]
    if dates:
        warnings.warn(
            f"the columns {dates} hold dates and are taken as categories, while "
            f"timestamp={timestamp!r} orders the rows. State timestamp={dates[0]!r} or "
            "leave them out of the features.",
            stacklevel=2,
        )
