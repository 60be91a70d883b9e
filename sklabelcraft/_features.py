"""Which columns of a log a network sees."""

from dataclasses import replace

from sklabelcraft._misread import warn_of_dates
from sklabelcraft.columns import FEEDBACK


def features_of(log, columns, without_duration):
    """The columns of a log that a network sees, each written in one way."""
    timestamp = log.optional(columns, "timestamp")
    features = columns.features
    if features is None:
        features = [key for key in log.keys if key != timestamp]
    features = [log.canonical(key) for key in features]
    if without_duration:
        features = [key for key in features if key != log.canonical(columns.duration)]
    for key in columns.lists:
        if log.canonical(key) not in features:
            raise ValueError(
                f"lists names {key!r}, which is no feature; these are {features}."
            )
    warn_of_dates(log, features, columns.timestamp)
    return features


def in_one_table(columns, log, further=()):
    """The columns of a log in one table, with what is known before the impression.

    Parameters
    ----------
    columns : Columns
        Names of the columns.
    log : Log or StoredLog
        The log.
    further : sequence of str or int
        Columns that are known only afterwards, beside feedback.

    Returns
    -------
    Columns
        With `features` that are stated.
    """
    if columns.features is not None:
        return columns
    later = {columns.watch_time, *columns.explicit, columns.timestamp, *further}
    later = FEEDBACK | {log.canonical(key) for key in later if key in log}
    return replace(columns, features=tuple(k for k in log.keys if k not in later))
