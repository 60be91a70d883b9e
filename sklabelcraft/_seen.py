"""Which items each user had, so that they need not be shown again."""

from typing import NamedTuple

import numpy as np

from sklabelcraft._vocabulary import Vocabulary

ITEM = 32  # bits of a pair's key that hold the code of the item


class Seen(NamedTuple):
    """The pairs of a user and an item that occurred, each once.

    Attributes
    ----------
    users, items : Vocabulary
        All of them, whose codes begin at 1.
    starts : int64 ndarray of shape (n_users + 2,)
        The items of the user of code c are ``codes[starts[c]:starts[c + 1]]``.
    codes : int32 ndarray of shape (n_pairs,)
        Codes of the items, ascending for each user.
    """

    users: Vocabulary
    items: Vocabulary
    starts: np.ndarray
    codes: np.ndarray

    @classmethod
    def nothing(cls):
        """No pair at all, from which to grow."""
        starts, codes = np.zeros(2, dtype=np.int64), np.zeros(0, dtype=np.int32)
        return cls(Vocabulary(), Vocabulary(), starts, codes)

    def grown(self, log, user, item):
        """These pairs and those of a log, by its columns of the users and the items."""
        users, items, keys = self.users, self.items, [self._keys()]
        for part in log.parts([user, item]):
            ids = part.ids(user), part.ids(item)
            users.check_kind(ids[0], user)
            items.check_kind(ids[1], item)
            users, items = users.grown(ids[0]), items.grown(ids[1])
            codes = users.codes(ids[0], user), items.codes(ids[1], item)
            keys.append(distinct(codes[0] << ITEM | codes[1]))
        keys = distinct(np.concatenate(keys))
        starts = np.searchsorted(keys, np.arange(len(users) + 2) << ITEM)
        codes = (keys & (1 << ITEM) - 1).astype(np.int32)
        return Seen(users, items, starts.astype(np.int64), codes)

    def among(self, users, items):
        """Which pairs of some users and items are here, by their codes.

        Parameters
        ----------
        users, items : int64 ndarray of shape (n_users,), (n_items,)
            Codes; 0 for those that are not known here.

        Returns
        -------
        bool ndarray of shape (n_users, n_items)
        """
        place = np.full(len(self.items) + 1, -1)
        place[items] = np.arange(len(items))
        place[0] = -1
        sizes = (self.starts[1:] - self.starts[:-1])[users]
        rows = np.repeat(np.arange(len(users)), sizes)
        first = self.starts[users] - (np.cumsum(sizes) - sizes)
        columns = place[self.codes[np.arange(len(rows)) + first[rows]]]
        found = np.zeros((len(users), len(items)), dtype=bool)
        found[rows[columns >= 0], columns[columns >= 0]] = True
        return found

    def _keys(self):
        users = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        return users << ITEM | self.codes


def distinct(keys):
    """The distinct numbers of an array, none negative, which is sorted in place.

    ``np.unique`` hashes them, for which numbers that agree in many bits take long.
    """
    keys.sort()
    return keys[np.diff(keys, prepend=-1) > 0]
