"""The log as a table: the one place that knows pandas, polars and arrays."""

import narwhals as nw
import numpy as np
from pandas.api.types import infer_dtype
from sklearn.utils.validation import check_array, validate_data

USUAL = ("like", "follow", "comment")  # explicit feedback, of which some may be missing
NUMBERS = {"floating", "integer", "mixed-integer-float", "boolean", "decimal"}


class Table:
    """Columns found by name (data frame) or by position (array).

    Parameters
    ----------
    data : narwhals.DataFrame or ndarray of shape (n, n_columns)
        The rows of a log.
    """

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return len(self.data)

    @property
    def keys(self):
        """Names of the columns, or their positions where they have no names."""
        names = [] if self._is_array else list(self.data.columns)
        named = bool(names) and all(isinstance(name, str) for name in names)
        return names if named else list(range(self.data.shape[1]))

    def __contains__(self, key):
        if isinstance(key, str):
            return key in self.keys
        return key is not None and -len(self.keys) <= key < len(self.keys)

    def __getitem__(self, key):
        """The column as it is, an ndarray of shape (n,)."""
        return self._series(key) if self._is_array else self._series(key).to_numpy()

    @property
    def _is_array(self):
        return isinstance(self.data, np.ndarray)

    def _series(self, key):
        key = self.canonical(key)
        return self.data[key] if isinstance(key, str) else self.data[:, key]

    def _inventory(self):
        if self._is_array:
            return f"it is an array of {len(self.keys)} columns, named by position"
        return f"it has {self.keys}"

    def canonical(self, key):
        """The one way to write a key: its name if it has one, else its position."""
        if key not in self:
            raise ValueError(f"column {key!r} is not in the log; {self._inventory()}.")
        return key if isinstance(key, str) else self.keys[key]

    @property
    def native(self):
        """The data frame or array behind the table."""
        return self.data if self._is_array else self.data.to_native()

    def numeric(self, key, *, minimum=-np.inf):
        """The column as finite float64 of shape (n,), none below `minimum`."""
        values = self[key]
        if infer_dtype(values) not in NUMBERS:
            raise ValueError(
                f"column {key!r} must hold numbers, got {values.dtype} such as "
                f"{values[0]!r}."
            )
        return _finite(values.astype(np.float64), key, minimum)

    def clock(self, key):
        """The column as numbers that order the rows; a date is read as its instant."""
        values = self._series(key)
        if self._is_array or values.dtype not in (nw.Datetime, nw.Date):
            if infer_dtype(self[key]) not in NUMBERS:
                raise ValueError(
                    f"column {key!r} must hold numbers or dates, got "
                    f"{self[key].dtype} such as {self[key][0]!r}; pandas.to_datetime "
                    "makes dates of text."
                )
            return self.numeric(key)
        times = values.dt.timestamp("us").cast(nw.Float64)
        return _finite(times.to_numpy(), key, -np.inf)

    def times(self, key):
        """The :meth:`clock` under `key`; None if the default one is not there."""
        if key is None or (key == "timestamp" and key not in self):
            return None
        return self.clock(key)

    def is_continuous(self, key):
        """Whether the column holds floating-point numbers."""
        if self._is_array:
            return np.issubdtype(self.data.dtype, np.floating)
        return self._series(key).dtype.is_float()

    def is_date(self, key):
        """Whether the column holds dates or times."""
        return not self._is_array and self._series(key).dtype.is_temporal()

    def any_positive(self, keys):
        """Whether any of the columns `keys` is above 0, float64 of shape (n,)."""
        total = np.zeros(len(self))
        for key in keys:
            total += self.numeric(key, minimum=0)
        return (total > 0).astype(np.float64)

    def present(self, keys):
        """Those of `keys` that are columns; only the usual ones may be missing."""
        found = [key for key in keys if key in self]
        for key in keys:
            if found and key not in USUAL:
                self.canonical(key)
        if len(keys) and not found:
            raise ValueError(
                f"none of the columns {list(keys)} is in the log; {self._inventory()}. "
                "If it has no explicit feedback, say explicit=()."
            )
        return found

    def rows(self, index):
        """The rows at the positions `index`."""
        return Table(self.data[index])


def _finite(values, key, minimum):
    """Check that no value of the column `key` is missing, infinite or too low."""
    wrong = ~(np.isfinite(values) & (values >= minimum))
    if wrong.any():
        first = values[wrong][0]
        what = "Negative values in data" if first < minimum else "Not finite"
        wanted = "finite" if minimum == -np.inf else f"finite and >= {minimum}"
        raise ValueError(
            f"{what}: column {key!r} must be {wanted}; {wrong.sum()} of {len(values)} "
            f"rows are not, the first is row {wrong.argmax()}: {first}."
        )
    return values


def is_frame(data):
    """Whether `data` is a data frame that narwhals can read."""
    return nw.dependencies.is_into_dataframe(data)


def as_table(data):
    """Any data frame or array as a table."""
    if is_frame(data):
        return Table(nw.from_native(data, eager_only=True))
    if nw.dependencies.is_into_lazyframe(data):
        raise ValueError("the log must be in memory, got a lazy frame: collect() it.")
    return Table(check_array(data))


def read_table(estimator, data, *, roles, reset, min_rows=1):
    """Check the table given to `estimator` and make its columns accessible.

    A frame whose `roles` are all names is only asked for those, so the order of the
    columns and further columns do not matter; anything else is held to the layout seen
    in fit.
    """
    if not is_frame(data) and not nw.dependencies.is_into_lazyframe(data):
        return Table(
            validate_data(estimator, data, reset=reset, ensure_min_samples=min_rows)
        )
    by_name = all(isinstance(key, str) for key in roles)
    table = as_table(data)
    if reset or not by_name:
        validate_data(estimator, data, reset=reset, skip_check_array=True)
    if len(table) < min_rows:
        raise ValueError(
            f"the log has {len(table)} rows, while at least {min_rows} are required."
        )
    return table


def read_feedback(y, like):
    """The feedback `y` as a table of the same kind as `like`, which holds X."""
    if y is None:
        raise ValueError("this requires y to be passed, but the target y is None.")
    if isinstance(like.data, np.ndarray):
        y = check_array(y, ensure_2d=False, input_name="y")
        y = y.reshape(len(y), -1)
    else:
        y = _as_frame(y)
    if len(y) != len(like):
        raise ValueError(
            f"X and y must have the same number of rows, got {len(like)} and {len(y)}."
        )
    return Table(y)


def _as_frame(y):
    if nw.dependencies.is_into_series(y):
        y = nw.from_native(y, series_only=True).to_frame()
    elif is_frame(y):
        y = nw.from_native(y, eager_only=True)
    else:
        raise ValueError(
            "X is a data frame, so y must be one with the feedback columns as well, "
            f"got {type(y).__name__}."
        )
    return y


def join(X, y):
    """The log, X and y side by side, as a frame of the kind of X or an array."""
    if isinstance(X.data, np.ndarray):
        return np.hstack([X.data, y.data])
    both = [key for key in y.keys if key in X]
    if both:
        raise ValueError(f"columns {both} are in X and in y; each belongs to one.")
    backend = X.data.implementation
    added = [nw.new_series(key, y[key], backend=backend) for key in y.keys]
    return X.data.with_columns(*added).to_native()
