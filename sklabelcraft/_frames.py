"""Frames of any library and arrays: what they are, and their columns without loss."""

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from sklabelcraft._floats import floats_of
from sklabelcraft._ids import as_float64, listed, read_ids


def as_frame(array):
    """An array as a frame, whose columns of objects get types that lose no digit."""
    try:
        frame = pd.DataFrame(array)
        typed = frame.infer_objects()
    except UnicodeEncodeError as error:
        raise ValueError(f"text in the log must be Unicode: {error}.") from error
    except OverflowError:  # of a whole number that no float can hold
        return pd.DataFrame(array, dtype=object)
    for key in frame.columns:
        if typed[key].dtype.kind == "f" and infer_dtype(frame[key]) == "integer":
            typed[key] = frame[key]  # beside missing ones
    return typed


def readable(frame):
    """A frame with types of which rows can be taken."""
    if isinstance(frame, pd.DataFrame):
        return _in_native_order(frame)
    return _without_views(frame) if nw.dependencies.is_pyarrow_table(frame) else frame


def _in_native_order(frame):
    """A frame whose numbers have the byte order of this machine, as pandas needs it."""
    foreign = {
        key: dtype.newbyteorder("=")
        for key, dtype in frame.dtypes.items()
        if isinstance(dtype, np.dtype) and not dtype.isnative
    }
    return frame.astype(foreign) if foreign else frame


def _without_views(table):
    """A table whose texts are no views."""
    import pyarrow as pa

    fields = [field.with_type(type_without_views(field.type)) for field in table.schema]
    schema = pa.schema(fields, table.schema.metadata)
    return table if schema == table.schema else table.cast(schema)


def type_without_views(kind):
    """A type of Arrow whose texts are no views, of which pyarrow cannot take rows."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        values = type_without_views(kind.value_type)
        return pa.dictionary(kind.index_type, values, kind.ordered)
    if isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        field = kind.value_field.with_type(type_without_views(kind.value_type))
        if isinstance(kind, pa.FixedSizeListType):
            return pa.list_(field, kind.list_size)
        made = pa.list_ if isinstance(kind, pa.ListType) else pa.large_list
        return made(field)
    views = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return views.get(kind, kind)


def copied(series, key, backend):
    """A series of another index or library; whole numbers stay whole."""
    if series.implementation == backend and not backend.is_pandas():
        return series
    whole = series.dtype.is_integer() and series.null_count()
    if whole and backend.is_pandas():
        missing = series.is_null().to_numpy().astype(bool)
        values = pd.arrays.IntegerArray(series.fill_null(0).to_numpy().copy(), missing)
        return nw.from_native(pd.Series(values, name=key), series_only=True)
    if series.dtype == nw.Object and backend.is_pandas():
        values = pd.Series(series.to_numpy(), name=key, dtype=object)
        return nw.from_native(values, series_only=True)
    values = series.to_numpy()
    if series.null_count() and not series.dtype.is_float():
        missing = series.is_null().to_numpy()
        pairs = zip(series.to_list(), missing, strict=True)
        values = [None if is_missing else value for value, is_missing in pairs]
    return nw.new_series(key, values, backend=backend)


def floats_in(series, key, row_of):
    """The column as float64, missing ones as NaN."""
    if series.dtype.is_integer():
        ids = read_ids(series, f"column {key!r}")
        return np.where(ids.missing, np.nan, ids.values).astype(np.float64)
    if series.dtype.is_float():
        return as_float64(series.to_numpy())
    if series.dtype.is_numeric() or series.dtype == nw.Boolean:
        return series.cast(nw.Float64).to_numpy().astype(np.float64)
    values = listed(series, f"column {key!r}")
    return floats_of(values, series.dtype, key, row_of)


def is_frame(data):
    """Whether `data` is a data frame that narwhals can read."""
    return nw.dependencies.is_into_dataframe(data)


def refuse_lazy(data, what):
    """Refuse a lazy frame."""
    if nw.dependencies.is_into_lazyframe(data) and not is_frame(data):
        raise ValueError(f"{what} must be in memory, got a lazy frame: collect() it.")
