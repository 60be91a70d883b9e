"""The lists that users are shown: for each user the best of all items."""

import numpy as np

from sklabelcraft._frames import is_frame
from sklabelcraft._log import Log
from sklabelcraft._numbers import is_length
from sklabelcraft._pairs import Pairs
from sklabelcraft._vocabulary import is_same_kind

AT_ONCE = 2**17  # pairs to score, so that what is made of them is small
MADE = ("rank", "score")  # the columns beside the ids


class Table:
    """The users or the items, one in each row.

    Parameters
    ----------
    data : data frame of shape (n, n_columns)
        The rows.
    name : str
        The parameter that it was given as.
    key : str
        The column of the ids.
    duration : str or None
        The column of the duration, which one of the tables has.

    Attributes
    ----------
    log : Log
        The rows.
    ids : Ids
        Their ids.
    """

    def __init__(self, data, name, key, duration):
        if not is_frame(data):
            raise ValueError(
                f"{name} must be a data frame, whose columns have names, got "
                f"{type(data).__name__}."
            )
        self.log, self.name, self.key = Log(data), name, key
        if key not in self.log:
            raise ValueError(
                f"{name} must have the column {key!r}, got {self.log.keys}."
            )
        if key in MADE:
            raise ValueError(
                f"the ids of {name} are in a column called {key!r}, as is a column "
                f"that recommend makes, one of {MADE}: rename it."
            )
        if not len(self.log):
            raise ValueError(f"{name} must have at least one row, got none.")
        if duration in self.log:
            self.log.numeric(duration, minimum=0)
        self.ids = self.log.ids(key)
        counts = np.bincount(self.ids.codes())
        if counts.max() > 1:
            (twice,) = self.ids.names()[[counts.argmax()]].tolist()
            raise ValueError(
                f"{name} must have one row for each {key!r}, got {counts.max()} for "
                f"{twice!r}."
            )

    def by_id(self):
        """Positions of the rows in the order of the ids, a missing one last."""
        there = np.flatnonzero(~self.ids.missing)
        order = sorting(self.ids.values[there])
        return np.append(there[order], np.flatnonzero(self.ids.missing))


def sorting(values):
    """Positions that sort distinct values, those without an order by type and text."""
    try:
        return np.argsort(values)
    except TypeError:
        texts = [(type(value).__name__, str(value)) for value in values]
        return np.array(sorted(range(len(texts)), key=texts.__getitem__))


def shown_lists(recommender, names, users, items, k, seen):
    """The k best items for each user, as a data frame.

    Parameters
    ----------
    recommender : estimator with predict
        Scores rows of a user and an item.
    names : sequence of str
        The columns that it was fitted to.
    users, items : Table
        Who is shown lists, and what can be on them.
    k : int
        The length of a list.
    seen : Seen or None
        Pairs that are left out.

    Returns
    -------
    data frame
        User by user in their order, the best item first: columns of the user and the
        item, the rank from 1 on, and the score. Equal scores are in the order of the
        ids of the items.
    """
    order, codes = items.by_id(), None
    pairs = Pairs(users.log, items.log, names)
    if seen is not None:
        tables = zip((seen.users, seen.items), (users, items), strict=True)
        codes = [known.codes(table.ids, table.key) for known, table in tables]
    some, found = max(1, AT_ONCE // len(order)), []
    for begin in range(0, len(users.log), some):
        rows = np.arange(begin, min(begin + some, len(users.log)))
        given = pairs.at(np.repeat(rows, len(order)), np.tile(order, len(rows)))
        scores = _checked(recommender.predict(given)).reshape(len(rows), len(order))
        left_out = np.zeros(scores.shape, dtype=bool)
        if seen is not None:
            left_out = seen.among(codes[0][rows], codes[1][order])
        place, column, rank = best(scores, left_out, k)
        found.append((rows[place], order[column], rank + 1, scores[place, column]))
    rows, columns, ranks, scores = (np.concatenate(c) for c in zip(*found, strict=True))
    made = dict(zip(MADE, (ranks, scores), strict=True))
    return Pairs(users.log, items.log, [users.key, items.key]).at(rows, columns, **made)


def best(scores, left_out, k):
    """Rows, columns and ranks of the k highest scores of each row, row by row.

    Parameters
    ----------
    scores : ndarray of shape (n_users, n_items)
        Of equal ones, the first column is first.
    left_out : bool ndarray of shape (n_users, n_items)
        Which do not count.
    k : int
        How many, where there are so many.

    Returns
    -------
    rows, columns, ranks : ndarray of shape (n,)
        Ranks from 0 on.
    """
    ordered = np.where(left_out, np.inf, -scores)
    columns = np.argsort(ordered, axis=1, kind="stable")[:, :k]
    rows, ranks = np.nonzero(~np.take_along_axis(left_out, columns, axis=1))
    return rows, columns[rows, ranks], ranks


def check_excluded(seen, users, items):
    """Check that what a log of exclude_seen holds can be among users and items."""
    pairs = zip((seen.users, seen.items), (users, items), strict=True)
    for known, table in pairs:
        if not is_same_kind(known.kind, table.ids.kind):
            raise ValueError(
                f"column {table.key!r} holds {known.kind} in exclude_seen, such as "
                f"{known.values[0]!r}, and {table.ids.kind} in {table.name}: nothing "
                "of it would be recognised."
            )


def check_length(k):
    """Check the length of a list."""
    if not is_length(k):
        raise ValueError(f"k must be a whole number of at least 1, got {k!r}.")


def _checked(scores):
    if not np.isfinite(scores).all():
        raise ValueError("the scores of some pairs are no finite numbers.")
    return scores
