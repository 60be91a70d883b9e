"""The contract of every data set, and what the loaders of public logs share."""

from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

CHINA = 8 * 3600  # seconds ahead of UTC
FIRST = r"([^\s,;\[\]]+)"  # of "12,65", "[8, 9]", "31;5" or "31 0.9;5 0.1"


def make_bunch(frame, target_columns, part, description, **extra):
    """Bundle a log.

    Parameters
    ----------
    frame : pandas.DataFrame
        The log: columns known before the impression, and `target_columns`.
    target_columns : list of str
        Columns logged after the impression.
    part : array-like of {"train", "valid", "test"} of shape (n,)
        The part that each row belongs to.
    description : str
        What the data are.
    **extra : object
        Further entries.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (a Bunch of row positions train,
        valid and test) and DESCR.
    """
    part = np.asarray(part)
    split = {name: np.flatnonzero(part == name) for name in ("train", "valid", "test")}
    return Bunch(
        frame=frame,
        data=frame.drop(columns=target_columns),
        target=frame[target_columns],
        split=Bunch(**split),
        DESCR=description,
        **extra,
    )


def inside(path, name):
    """The folder `name` in `path` if there is one, else `path` itself."""
    folder = Path(path)
    return folder / name if (folder / name).is_dir() else folder


def read_files(folder, pattern, columns):
    """Read all files that match a pattern, one below the other.

    Parameters
    ----------
    folder : Path
        Where the files are.
    pattern : str
        What their names match.
    columns : dict of str to str
        The columns to read and their types; further columns are left out.

    Returns
    -------
    pandas.DataFrame
        The rows, in the order of the names of the files.
    """
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"no file {pattern} in {str(folder)!r}.")
    return pd.concat([_read(path, columns) for path in paths], ignore_index=True)


def _read(path, columns):
    try:
        return _columns(path, columns)
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path.name} is empty.") from error
    except (OverflowError, ValueError):
        _name_fault(path, columns)
        raise


@np.errstate(invalid="ignore")
def _columns(path, columns):
    return pd.read_csv(path, usecols=list(columns), dtype=columns)


def _name_fault(path, columns):
    """Raise an error that names the column that cannot be read."""
    there = list(pd.read_csv(path, nrows=0))
    for name, dtype in columns.items():
        if name not in there:
            raise ValueError(f"{path.name} has no column {name!r}; it has {there}.")
        try:
            _columns(path, {name: dtype})
        except (OverflowError, ValueError) as error:
            raise ValueError(
                f"{path.name}: column {name!r} must be {dtype} in every row: {error}."
            ) from error


def drop_unusable(log, *, recorded, duration, watch_time, timestamp):
    """Drop the rows that cannot be learned from, and count them.

    Parameters
    ----------
    log : pandas.DataFrame
        The rows, under their official names.
    recorded : list of str
        The columns that make two rows exact duplicates if they agree on all.
    duration, watch_time, timestamp : str
        Columns with a duration above 0, a watch time of at least 0 and a time above 0.

    Returns
    -------
    log : pandas.DataFrame
        The other rows.
    dropped : str
        How many rows were dropped for which reason.
    """
    faults = {
        "exact duplicates": lambda rows: rows.duplicated(recorded),
        "with duration 0 or missing": lambda rows: ~(rows[duration] > 0),
        "with watch time negative or missing": lambda rows: ~(rows[watch_time] >= 0),
        "with time missing": lambda rows: ~(rows[timestamp] > 0),
    }
    dropped = []
    for fault, find in faults.items():
        wrong = find(log)
        dropped.append(f"{wrong.sum()} {fault}")
        log = log[~wrong]
    return log, ",\n".join(dropped)


def first_tag(*lists):
    """First entry of the first list, written as text, that has one, or "missing"."""
    firsts = [texts.str.extract(FIRST, expand=False) for texts in lists]
    return reduce(pd.Series.fillna, firsts).fillna("missing")


def fill_ids(ids):
    """The ids of videos' authors and the like as int32, -1 where missing."""
    return ids.fillna(-1).astype(np.int32)


def time_in_china(seconds):
    """Seconds since 1970 as date and time in China."""
    return pd.to_datetime(seconds + CHINA, unit="s")


def split_by(clock, valid_from, test_from):
    """Part of each row: "train" before `valid_from`, "valid" before `test_from`."""
    if valid_from > test_from:
        raise ValueError(
            "the validation part must begin before the test part, got "
            f"valid_from={valid_from!s} and test_from={test_from!s}."
        )
    bounds = [clock < valid_from, clock < test_from]
    return np.select(bounds, ["train", "valid"], "test")


def split_by_date(clock, valid_from, test_from):
    """Part of each row, with the bounds as dates."""
    return split_by(clock, pd.Timestamp(valid_from), pd.Timestamp(test_from))


def describe(template, frame, **facts):
    """Fill a description with the size of the log and further `facts`."""
    return template.format(
        n=len(frame),
        users=frame["user_id"].nunique(),
        items=frame["item_id"].nunique(),
        **facts,
    )
