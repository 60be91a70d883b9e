"""From the columns of a log to codes and numbers."""

import warnings

import numpy as np

from sklabelcraft._vocabulary import Vocabulary
from sklabelcraft._quantiles import Ranks

UNKNOWN = 0
N_DURATION_BUCKETS = 32


class Encoder:
    """Learns the codes and ranks of a log's columns and encodes logs with them.

    Floating-point columns but user and item are numbers, all others categories; the
    duration is a number and, in buckets, the last category.

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
        self.ids = user, item
        numeric = [key for key in self.features if self._is_number(log, key)]
        categorical = [key for key in self.features if key not in numeric]
        self.vocabularies = {
            key: Vocabulary.learn(log.ids(key), self.min_count) for key in categorical
        }
        self.ranks = {key: Ranks.learn(log.numeric(key)) for key in numeric}
        return self

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
        """Number of numeric columns."""
        return len(self.ranks)

    def positions_without(self, user):
        """Positions of the categories that describe the item or the moment."""
        keys = list(self.vocabularies) + [self.duration] * (self.duration in self.ranks)
        return tuple(j for j, key in enumerate(keys) if key != user)

    def encode(self, log):
        """Codes, (n, n_categorical), and ranks in [-1, 1], (n, n_numeric)."""
        ranks = {key: self._rank(log, key) for key in self.ranks}
        codes = [
            vocabulary.codes(log.ids(key), key)
            for key, vocabulary in self.vocabularies.items()
        ]
        if self.duration in ranks:
            bucket = ranks[self.duration] * (N_DURATION_BUCKETS * (1 - 1e-9))
            codes.append(1 + bucket.astype(np.int64))
        numbers = [2 * rank - 1 for rank in ranks.values()]
        n = len(log)
        return _stacked(codes, n, np.int64), _stacked(numbers, n, np.float32)

    def _rank(self, log, key):
        minimum = 0 if key == self.duration else -np.inf
        return self.ranks[key](log.numeric(key, minimum=minimum))


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
