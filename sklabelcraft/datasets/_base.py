"""The contract of every data set, and what the loaders of public logs share."""

from os.path import expanduser
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from sklabelcraft._clock import as_timestamp

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
    """The folder `name` in `path` if there is one, else `path` itself; ~ is home."""
    folder = Path(expanduser(path))
    return folder / name if (folder / name).is_dir() else folder


def drop_unusable(log, *, recorded, duration, watch_time, times):
    """Drop the rows that cannot be learned from, and count them.

    Parameters
    ----------
    log : pandas.DataFrame
        The rows, under their official names.
    recorded : list of str
        The columns that make two rows exact duplicates if they agree on all.
    duration, watch_time : str
        Columns with a duration above 0 and a watch time of at least 0.
    times : list of str
        Columns with a time above 0.

    Returns
    -------
    log : pandas.DataFrame
        The other rows.
    dropped : str
        How many rows were dropped for which reason.

    Raises
    ------
    ValueError
        If there are no other rows.
    """
    faults = {
        "exact duplicates": log.duplicated(recorded),
        "with duration 0 or missing": ~(log[duration] > 0),
        "with watch time negative or missing": ~(log[watch_time] >= 0),
        "with time missing": ~(log[times] > 0).all(axis=1),
    }
    usable = pd.Series(True, index=log.index)
    dropped = []
    for fault, wrong in faults.items():
        dropped.append(f"{(wrong & usable).sum()} {fault}")
        usable &= ~wrong
    if not usable.any():
        raise ValueError(f"no row of the log can be used: {', '.join(dropped)}.")
    return log[usable], ",\n".join(dropped)


def join(log, table, key, unknown):
    """Put the columns of a table beside the log.

    Parameters
    ----------
    log : pandas.DataFrame
        The rows of the log.
    table : pandas.DataFrame
        The table; of several rows with the same key, the first counts.
    key : str
        The column that both share.
    unknown : dict of str to object
        What a row of the log gets for the other columns if its key is not in the table.

    Returns
    -------
    pandas.DataFrame
        The log with the further columns, whose types are those of the table.
    """
    table = table.drop_duplicates(key)
    rows = pd.Index(table[key]).get_indexer(log[key])  # -1, the last row, if not there
    others = table.drop(columns=key)
    others = pd.concat([others, pd.DataFrame([unknown])], ignore_index=True)
    return pd.concat([log, others.iloc[rows].set_axis(log.index)], axis=1)


def first_tag(*lists):
    """First entry of the first list, written as text, that has one, or "missing"."""
    texts = lists[0].str.cat(lists[1:], sep=" ") if lists[1:] else lists[0]
    return texts.str.extract(FIRST, expand=False).fillna("missing")


def time_in_china(seconds):
    """Seconds since 1970 as date and time in China."""
    return pd.to_datetime(seconds + CHINA, unit="s")


def first_days(valid_from, test_from):
    """The first days of the validation and the test part, checked, as timestamps."""
    days = _date("valid_from", valid_from), _date("test_from", test_from)
    check_order(*days)
    return days


def _date(name, value):
    """The timestamp of a date or of a text that says one."""
    day = as_timestamp(value)
    if day is pd.NaT or day.tzinfo is not None:
        raise ValueError(
            f"{name} must be a date such as '2022-05-01', without a time zone, got "
            f"{value!r}."
        )
    return day


def check_order(valid_from, test_from):
    """Refuse a validation part that begins after the test part."""
    if valid_from > test_from:
        raise ValueError(
            "the validation part must begin before the test part, got "
            f"valid_from={valid_from!s} and test_from={test_from!s}."
        )


def split_by(clock, valid_from, test_from):
    """Part of each row: "train" before `valid_from`, "valid" before `test_from`."""
    bounds = [clock < valid_from, clock < test_from]
    return np.select(bounds, ["train", "valid"], "test")


def describe(template, frame, **facts):
    """Fill a description with the size of the log and further `facts`."""
    return template.format(
        n=len(frame),
        users=frame["user_id"].nunique(),
        items=frame["item_id"].nunique(),
        **facts,
    )
