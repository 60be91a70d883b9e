"""Segments: groups of users that are measured apart, too."""

from numbers import Integral

import numpy as np
import pandas as pd

from sklabelcraft._ids import read_ids
from sklabelcraft._reading import as_log

ALL = "all users"


class Segments:
    """The segment of each row of a log, which is one for all measured rows of a user.

    Parameters
    ----------
    segment : str, int or array-like of shape (n,)
        A column of X, or a value for each row.
    X : data frame or array of shape (n, n_columns)
        Impressions.
    user : str, int or None
        The column of the users.
    measured : list of ndarray
        Positions of the rows that are measured.
    """

    def __init__(self, segment, X, user, measured):
        log = as_log(X)
        is_key = isinstance(segment, str | Integral)
        ids = log.ids(segment) if is_key else read_ids(segment, "segment")
        self.codes, self.names = ids.codes(), ids.names().tolist()
        if len(self.codes) != len(log):
            raise ValueError(
                f"segment must have a value for each of the {len(log)} rows, got "
                f"{len(self.codes)}."
            )
        if ALL in self.names:
            raise ValueError(f"no segment may be called {ALL!r}, as the whole is.")
        rows = np.arange(len(log))
        self._check(log.ids(user), np.concatenate([rows[index] for index in measured]))

    def _check(self, users, rows):
        pairs = pd.DataFrame({"user": users.codes()[rows], "segment": self.codes[rows]})
        pairs = pairs.drop_duplicates()
        twice = pairs[pairs.duplicated("user", keep=False)]
        if len(twice):
            user = twice["user"].iloc[0]
            found = [self.names[i] for i in twice["segment"][twice["user"] == user]]
            raise ValueError(
                f"segment must be one value for each user, got {found[:2]} for user "
                f"{users.names().tolist()[user]!r}."
            )

    def among(self, index):
        """The places of each segment among the rows at some positions, by its name."""
        codes = self.codes[index]
        return {
            self.names[code]: np.flatnonzero(codes == code) for code in np.unique(codes)
        }
