"""From what users give to a log: tables, arrays, and Parquet files."""

import os
from contextlib import contextmanager

import narwhals as nw
import numpy as np
from sklearn.utils.validation import check_array, validate_data

from sklabelcraft._floats import as_floats
from sklabelcraft._frames import is_frame, refuse_lazy
from sklabelcraft._ids import is_na, none_where
from sklabelcraft._log import Log
from sklabelcraft._numbers import read_array
from sklabelcraft._parquet import StoredLog
from sklabelcraft._tables import LogLike


def as_log(data: LogLike) -> Log:
    """Any data frame or array as a log."""
    _refuse_stored(data)
    if is_frame(data) or nw.dependencies.is_into_lazyframe(data):
        return Log(data)
    with read_as_floats("the log"):
        return Log(check_array(without_na(data), **_array_options(data)))


def without_na(data):
    """Data, where it is an array of objects with None for each ``pandas.NA``."""
    is_objects = isinstance(data, np.ndarray) and data.dtype == object
    return none_where(is_na, data) if is_objects else data


@contextmanager
def read_as_floats(what):
    """Let scikit-learn read an array; numbers beyond float64 are infinite to it."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            yield
    except ArithmeticError as error:  # of whole numbers, and of Decimal's sNaN
        raise ValueError(
            f"{what} must hold numbers that float64 can hold: {error}."
        ) from error


def read_numbers(values, name, **options):
    """An array of float64, checked by scikit-learn with these options."""
    with read_as_floats(name):
        floats = as_floats(values, name)
        return check_array(floats, ensure_2d=False, input_name=name, **options)


def _array_options(data):
    """How an array is checked; objects stay, so that ids keep all their digits.

    What may be missing is for who reads a column to say.
    """
    options = {"ensure_all_finite": "allow-nan"}
    if getattr(data, "dtype", None) == np.dtype(object):
        options["dtype"] = None
    return options


def is_stored(data):
    """Whether data are a data set in Parquet files, or the path to one."""
    if isinstance(data, str | os.PathLike):
        return True
    return type(data).__module__ == "pyarrow._dataset"


def _refuse_stored(data):
    if is_stored(data):
        raise ValueError(f"this needs a table in memory, got {data!r}.")


def read_log(estimator, data, keys, *, reset, min_rows=1):
    """Check the log given to `estimator` and make its columns accessible.

    A frame whose `keys` are all names is only asked for those, so the order of the
    columns and further columns do not matter; anything else is held to the layout seen
    in fit.
    """
    _refuse_stored(data)
    if not reset:
        check_naming(estimator, data)
    if not is_frame(data) and not nw.dependencies.is_into_lazyframe(data):
        options = _array_options(data) | {"ensure_min_samples": min_rows}
        with read_as_floats("the log"):
            data = validate_data(estimator, without_na(data), reset=reset, **options)
            return Log(data)
    log = Log(data)
    by_name = all(isinstance(key, str) for key in keys)
    if reset or not by_name:
        validate_data(estimator, data, reset=reset, skip_check_array=True)
    if len(log) < min_rows:
        raise ValueError(
            f"the log has {len(log)} rows, while at least {min_rows} are required."
        )
    return log


def check_naming(estimator, data, reset=False):
    """Check that each column has a name of its own, always or never since fit."""
    keys = Log(data).keys if is_frame(data) else []
    if reset or not hasattr(estimator, "n_features_in_"):
        return
    named = bool(keys) and isinstance(keys[0], str)
    named_before = hasattr(estimator, "feature_names_in_")
    if named == named_before:
        return
    wanted = "with names, a data frame" if named_before else "without names, an array"
    found = f"a data frame of {keys}" if keys else type(data).__name__
    raise ValueError(
        f"{type(estimator).__name__} was fitted to columns {wanted}: what comes later "
        f"must be the same, got {found}."
    )


def read_source(estimator, data, keys, *, reset, min_rows=1):
    """As ``read_log``, but also of a data set in Parquet files or the path to one.

    Returns
    -------
    Log or StoredLog
    """
    if not is_stored(data):
        return read_log(estimator, data, keys, reset=reset, min_rows=min_rows)
    log = StoredLog(data)
    if not reset:
        check_naming(estimator, log.native)
    if reset or not all(isinstance(key, str) for key in keys):
        validate_data(estimator, log.native, reset=reset, skip_check_array=True)
    if len(log) < min_rows:
        raise ValueError(
            f"the log has {len(log)} rows, while at least {min_rows} are required."
        )
    return log


def read_feedback(y, like):
    """The feedback `y` as a log of the same kind as `like`, which holds X."""
    if y is None:
        raise ValueError(
            "this requires y to be passed, but the target y is None. The feedback "
            "stands in y, apart from X; only a log in files holds both."
        )
    refuse_lazy(y, "y")
    if like.is_array:
        y = read_array(y, "y", ValueError)
        if y.dtype.kind in "US":
            raise ValueError(f"y must be an array of real numbers, got {y.dtype}.")
        y = y if y.dtype.kind in "biuf" else as_floats(y, "y")
        with read_as_floats("y"):
            options = {"ensure_2d": False, "ensure_all_finite": "allow-nan"}
            y = check_array(y, input_name="y", **options)
        y = y.reshape(len(y), -1)
    else:
        y = _feedback_frame(y)
    if len(y) != len(like):
        raise ValueError(
            f"X and y must have the same number of rows, got {len(like)} and {len(y)}."
        )
    return Log(y)


def _feedback_frame(y):
    if is_frame(y):
        return y
    if not nw.dependencies.is_into_series(y):
        raise ValueError(
            "X is a data frame, so y must be one with the feedback columns as well, "
            f"got {type(y).__name__}."
        )
    series = nw.from_native(y, series_only=True)
    if not isinstance(series.name, str) or not series.name:
        raise ValueError(
            "X is a data frame, so y as a series must have the name of its column, "
            "such as y.rename('watch_time'); it has none."
        )
    return series.to_frame().to_native()
