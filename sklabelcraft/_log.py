"""The log as a table: the one place that knows pandas, polars and arrays."""

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.exceptions import DuplicateError

from sklabelcraft._clock import Clock, clock_of_dates, exact_times
from sklabelcraft._floats import finite
from sklabelcraft._frames import (
    as_frame,
    copied,
    floats_in,
    is_frame,
    readable,
    refuse_lazy,
)
from sklabelcraft._ids import NUMBERS, read_ids
from sklabelcraft._known import any_positive
from sklabelcraft._nested import is_nested, nested, split
from sklabelcraft.columns import USUAL_EXPLICIT, USUAL_ROLES


class Log:
    """Columns of a log, found by name or by position and checked as they are read.

    Parameters
    ----------
    data : data frame or array of shape (n, n_columns)
        The rows.
    positions : int ndarray of shape (n,), default=None
        Of the rows in the log that they were taken from, ascending; None for a log of
        its own.
    origin : StoredLog, default=None
        The log that they were taken from, if its columns and rows are to be named in
        messages.

    Raises
    ------
    ValueError
        If the data are lazy, not two-dimensional, or have several levels of names.
    """

    def __init__(self, data, positions=None, origin=None):
        self._positions, self._origin = positions, origin
        refuse_lazy(data, "the log")
        self.native, self.is_array = data, not is_frame(data)
        frame = as_frame(data) if self.is_array else data
        if isinstance(frame, pd.DataFrame) and frame.columns.nlevels > 1:
            raise ValueError(
                "the columns of the log must have names of one level, got "
                f"{frame.columns.nlevels} levels, such as {frame.columns[0]!r}."
            )
        try:
            self._frame = nw.from_native(frame, eager_only=True)
        except DuplicateError as error:
            raise ValueError(
                f"the columns of the log must have different names: {error}"
            ) from error
        frame = readable(frame)
        self._frame = nw.from_native(frame, eager_only=True)
        if not self.is_array:
            self.native = frame

    def __len__(self):
        return len(self._frame)

    def parts(self, keys=None):
        """The log in parts that fit into memory, with some columns or all."""
        yield self

    @property
    def positions(self):
        """Where the rows lie in the log that they were taken from, (n,)."""
        return np.arange(len(self)) if self._positions is None else self._positions

    @property
    def keys(self):
        """Names of the columns, or their positions where they have no names."""
        names = list(self._frame.columns)
        named = bool(names) and all(isinstance(name, str) for name in names)
        return names if named else list(range(len(names)))

    @property
    def _known_keys(self):
        return self.keys if self._origin is None else self._origin.keys

    def __contains__(self, key):
        if isinstance(key, str):
            return key in self.keys
        return key is not None and -len(self.keys) <= key < len(self.keys)

    def canonical(self, key, role=None):
        """The one way to write a key: its name if it has one, else its position.

        Where it is not there, the error names the role that it is stated for.
        """
        if key not in self:
            there = f"it has {self._known_keys}"
            if self.is_array:
                there = f"it is an array of {len(self.keys)} columns, named by position"
            advice = f" It is stated as {role}." if role else _advice(key)
            raise ValueError(f"column {key!r} is not in the log; {there}.{advice}")
        return key if isinstance(key, str) else self.keys[key]

    def _series(self, key):
        key = self.canonical(key)
        return self._frame[key] if isinstance(key, str) else self._frame[:, key]

    def numeric(self, key, *, minimum=-np.inf, missing=False):
        """The column as finite float64 of shape (n,), none below `minimum`.

        With `missing`, it may have missing values, which are NaN.
        """
        values = floats_in(self._series(key), key, self.row_name)
        return finite(values, f"column {key!r}", minimum, self.row_name, missing)

    def row_name(self, position):
        """The row that an error names: its position in the log as it was given.

        Where a data frame has another index, that too.
        """
        given = self.positions[position]
        if self._origin is not None:
            return self._origin.name_of(given)
        index = nw.maybe_get_index(self._frame)
        (label,) = [given] if index is None else index[[position]].tolist()
        return str(given) + (f" (index {label!r})" if str(label) != str(given) else "")

    def ids(self, key):
        """The column as :class:`~sklabelcraft._ids.Ids`; of None, one id for all."""
        if key is None:
            return read_ids(np.zeros(len(self), dtype=np.int64))
        return read_ids(self._series(key), f"column {key!r}", self.row_name)

    def lists(self, key):
        """The column, whose values are lists, as :class:`~sklabelcraft._nested.Nested`.

        Texts such as "39,43" are lists of texts.
        """
        if self.is_nested(key):
            return nested(self._series(key), key, self.row_name)
        return split(self.ids(key), key, self.row_name)

    def is_nested(self, key):
        """Whether the values of the column are lists."""
        return is_nested(self._series(key))

    def clock(self, key):
        """The column as a :class:`Clock`; of None, the order of the rows."""
        if key is None:
            return Clock("the order of the rows", self.positions)
        series = self._series(key)
        if series.dtype in (nw.Datetime, nw.Date):
            return clock_of_dates(series, key, self.row_name)
        try:
            values = floats_in(series, key, self.row_name)
        except ValueError as error:
            raise ValueError(
                f"{error} A clock must hold numbers or dates; pandas.to_datetime makes "
                "dates of text."
            ) from error
        finite(values, f"column {key!r}", row_of=self.row_name)
        exact = read_ids(series, f"column {key!r}").values
        return Clock(NUMBERS, exact_times(exact, values, key, self.row_name))

    def is_continuous(self, key):
        """Whether the column holds floating-point numbers."""
        return self._series(key).dtype.is_float()

    def is_date(self, key):
        """Whether the column holds dates or times."""
        return self._series(key).dtype.is_temporal()

    def any_positive(self, keys):
        """Whether any of the columns `keys` is above 0, float64 of shape (n,).

        NaN where that is not known: where none is, but one is missing.
        """
        return any_positive(map(self.signal, keys), len(self))

    def signal(self, key):
        """A column of explicit feedback, none below 0, missing ones as NaN, (n,)."""
        return self.numeric(key, minimum=0, missing=True)

    def present(self, keys):
        """Those of `keys` that are columns; only the usual ones may be missing."""
        found = [key for key in keys if key in self]
        if len(keys) and not found:
            raise ValueError(
                f"none of the columns {list(keys)} is in the log; it has "
                f"{self._known_keys}. "
                "State which ones hold explicit feedback: Columns(explicit=...), or "
                "explicit=() if none does."
            )
        for key in keys:
            if key not in USUAL_EXPLICIT:
                self.canonical(key, "explicit")
        return found

    @property
    def flat(self):
        """The data; a single column as a series or vector."""
        if len(self.keys) != 1:
            return self.native
        return self.native[:, 0] if self.is_array else self._frame[:, 0].to_native()

    def optional(self, columns, role):
        """The column of a role, or None if its usual name is not there."""
        key = getattr(columns, role)
        if key is None or (key not in self and columns.is_optional(role)):
            return None
        return self.canonical(key, role)

    def in_memory(self):
        """The log itself; of a stored one, its rows."""
        return self

    def write(self, to, columns_of):
        """Refuse to be written: rows in memory have their results returned."""
        raise ValueError(f"to={to!r} is for logs in files; this one is in memory.")

    def without(self, index):
        """The rows at all positions but `index`."""
        return self.rows(np.delete(np.arange(len(self)), index))

    def pieces(self, n_rows):
        """The rows in order, so many at a time at most; views, not copies."""
        if len(self) <= n_rows:
            yield self
            return
        for begin in range(0, len(self), n_rows):
            yield self.rows(slice(begin, begin + n_rows))

    def rows(self, index):
        """The rows at the positions `index`, perhaps a slice."""
        rows = Log.__new__(Log)
        rows.is_array, rows._origin = self.is_array, self._origin
        rows._frame = self._frame[index]
        whole = self._positions is None and isinstance(index, slice)
        rows._positions = (
            np.arange(*index.indices(len(self))) if whole else self.positions[index]
        )
        rows.native = self.native[index] if self.is_array else rows._frame.to_native()
        return rows

    def filled(self, columns):
        """The same rows with other values in some columns, by their canonical keys."""
        if self.is_array:
            data = self.native.astype(np.result_type(self.native, float))
            for key, values in columns.items():
                data[:, key] = values
            return Log(data)
        frame = nw.maybe_reset_index(self._frame)
        series = [
            nw.new_series(
                key if isinstance(key, str) else frame.columns[key],
                np.full(len(frame), values),
                backend=frame.implementation,
            )
            for key, values in columns.items()
        ]
        return Log(frame.with_columns(*series).to_native())

    def beside(self, feedback):
        """These columns and those of the feedback side by side, as data.

        A data frame of the kind of this log, or an array; two arrays of different
        types become a frame whose columns are named by position.
        """
        if self.is_array:
            parts = [self.native, feedback.native]
            if parts[0].dtype == parts[1].dtype:
                return np.hstack(parts)
            both = pd.concat([as_frame(part) for part in parts], axis=1)
            return both.set_axis(range(both.shape[1]), axis=1)
        twice = [key for key in feedback.keys if key in self]
        if twice:
            raise ValueError(f"columns {twice} are in X and in y; each belongs to one.")
        backend = self._frame.implementation
        added = [copied(feedback._series(key), key, backend) for key in feedback.keys]
        return self._frame.with_columns(*added).to_native()


def _advice(key):
    """How to state a column that is looked for under its usual name."""
    if key not in USUAL_ROLES:
        return ""
    return f" State which one it is: Columns({USUAL_ROLES[key]}=...)."
