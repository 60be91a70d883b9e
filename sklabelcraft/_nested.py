"""Columns whose values are lists, of ids or of numbers, as one column of elements."""

from itertools import chain
from typing import NamedTuple

import narwhals as nw
import numpy as np

from sklabelcraft._floats import finite, floats_of
from sklabelcraft._frames import floats_in
from sklabelcraft._ids import OTHER, TEXT, as_float64, is_missing, read_ids

SEPARATOR = ","
FLOATS = float, np.floating
OBJECTS = np.dtype("O")


class Nested(NamedTuple):
    """The elements of a column of lists, list after list.

    Attributes
    ----------
    elements : series, array or list
        The elements of all lists.
    lengths : int64 ndarray of shape (n,)
        The number of elements of each list, 0 where it is missing.
    """

    elements: object
    lengths: np.ndarray

    @property
    def holds_vectors(self):
        """Whether the elements are floating-point numbers."""
        elements = self.elements
        if isinstance(elements, list):
            return any(isinstance(e, FLOATS) and not is_missing(e) for e in elements)
        if isinstance(elements, np.ndarray):
            return elements.dtype.kind == "f"
        return nw.from_native(elements, series_only=True).dtype.is_float()

    def ids(self, key, row_of=str):
        """The elements as :class:`~sklabelcraft._ids.Ids`."""
        return read_ids(
            self.elements,
            f"the lists of column {key!r}",
            lambda place: row_of(self.lengths.cumsum().searchsorted(place, "right")),
        )

    def vectors(self, key, row_of):
        """The lists as finite float64 of shape (n, width).

        Raises
        ------
        ValueError
            If their lengths differ, or an element is no finite number.
        """
        width = self._width(key, row_of)
        values = self._floats(key, lambda place: row_of(place // width))
        vectors = values.reshape(-1, width)
        first = np.isfinite(vectors).argmin(axis=1)  # what is not finite, if any
        each = np.take_along_axis(vectors, first[:, None], axis=1)[:, 0]
        finite(each, f"column {key!r}", row_of=row_of)
        return vectors

    def _width(self, key, row_of):
        """The one length that the lists have."""
        width = int(self.lengths[0])
        other = self.lengths != width
        if width and not other.any():
            return width
        told = [
            f"that of row {row_of(row)} is {self.lengths[row]}"
            for row in dict.fromkeys([0, int(other.argmax())])
        ]
        raise ValueError(
            f"column {key!r} holds lists of floating-point numbers, which must be "
            f"vectors of one length: {', '.join(told)}, 0 if it is missing. Lists of "
            "ids, of any length, hold text or whole numbers."
        )

    def _floats(self, key, row_of):
        if isinstance(self.elements, list):
            return floats_of(self.elements, "lists of values", key, row_of)
        if isinstance(self.elements, np.ndarray):
            return as_float64(self.elements)
        series = nw.from_native(self.elements, series_only=True)
        return floats_in(series, key, row_of)


def is_nested(series):
    """Whether the values of a series are lists, by its type or by the first of them."""
    if series.dtype in (nw.List, nw.Array):
        return True
    native = series.to_native()
    if series.dtype != nw.Object and getattr(native, "dtype", None) != OBJECTS:
        return False  # pandas takes objects for text whose first ones are missing
    return _is_list(next((v for v in native if not is_missing(v)), None))


def check_single(ids, key, row_of):
    """Check that no values are lists, such as tuples behind other keys."""
    if ids.kind == OTHER:
        _check_alike(ids.values, False, key, row_of)


def nested(series, key, row_of):
    """Read a series whose values are lists."""
    if series.dtype not in (nw.List, nw.Array):
        return _of_objects(series.to_list(), key, row_of)
    native = series.to_native()
    if series.implementation.is_polars():
        return _of_polars(native if series.dtype == nw.List else native.arr.to_list())
    return _of_arrow(native)


def split(ids, key, row_of):
    """Read texts such as "39,43" as lists of texts.

    Raises
    ------
    ValueError
        If they are no texts.
    """
    if ids.kind != TEXT and not ids.missing.all():
        row = int((~ids.missing).argmax())
        raise ValueError(
            f"column {key!r} is stated among the lists, which are text such as "
            f"'39{SEPARATOR}43' or lists; it holds {ids.kind}, such as "
            f"{ids.values.tolist()[row]!r} in row {row_of(row)}."
        )
    pairs = zip(ids.values, ids.missing, strict=True)
    lists = [[] if missing else _parts(text) for text, missing in pairs]
    lengths = np.array([len(parts) for parts in lists], dtype=np.int64)
    return Nested(list(chain.from_iterable(lists)), lengths)


def _parts(text):
    """What stands between the separators, without spaces and without nothing."""
    parts = (part.strip() for part in text.split(SEPARATOR))
    return [part for part in parts if part]


def _of_objects(values, key, row_of):
    lists = [[] if is_missing(value) else value for value in values]
    _check_alike(lists, True, key, row_of)
    lengths = np.array([len(value) for value in lists], dtype=np.int64)
    dtypes = {getattr(value, "dtype", None) for value in lists}
    if len(dtypes) == 1 and getattr(*dtypes, "kind", "O") in "biuf":
        return Nested(np.concatenate(lists), lengths)
    return Nested(list(chain.from_iterable(lists)), lengths)


def _check_alike(values, are_lists, key, row_of):
    for row, value in enumerate(values):
        if _is_list(value) != are_lists:
            raise ValueError(
                f"column {key!r} must hold lists in all rows or in none, got "
                f"{value!r} in row {row_of(row)}."
            )


def _of_polars(series):
    lengths = series.list.len().fill_null(0)
    return Nested(series.filter(lengths > 0).explode(), lengths.to_numpy().astype(int))


def _of_arrow(values):
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.table({"": values}).column(0)  # in chunks, also if of pandas
    lengths = pc.fill_null(pc.list_value_length(values), 0)
    lengths = lengths.to_numpy().astype(np.int64)
    lengths[values.is_null().to_numpy()] = 0
    return Nested(pc.list_flatten(values), lengths)


def _is_list(value):
    return isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.ndim == 1
    )
