"""What recommenders share: they read impressions with feedback, and are scored."""

from dataclasses import replace
from typing import Any, NamedTuple

from sklearn.callback import CallbackSupportMixin

from sklabelcraft._docs import shared
from sklabelcraft._estimator import LogEstimator
from sklabelcraft._features import in_one_table
from sklabelcraft._log import Log
from sklabelcraft._parquet import StoredLog
from sklabelcraft._reading import read_feedback, read_log
from sklabelcraft.scorers import nwtg_scorer


class Rows(NamedTuple):
    """Impressions, their feedback, and both side by side as data.

    Of a stored log, all are one, and there is no feedback apart.
    """

    log: Log | StoredLog
    feedback: Log | None
    joined: Any


class BaseRecommender(CallbackSupportMixin, LogEstimator):
    """Template of an estimator that is fitted to impressions and their feedback."""

    @shared
    def score(self, X, y):
        """NWTG@k of the predicted scores.

        Parameters
        ----------
        {impressions}
        {feedback}

        Returns
        -------
        float
            Mean over the users with more than k rows.
        """
        return nwtg_scorer(self, X, y)

    def _keys(self, columns):
        keys = [columns.user, columns.item, columns.duration]
        return [key for key in keys if key is not None]

    def _read(self, X, y, reset):
        """Impressions and feedback, with their numbers checked."""
        columns, min_rows = self._stated("columns"), 2 if reset else 1
        keys = self._keys(columns)
        log = read_log(self, X, keys, reset=reset, min_rows=min_rows)
        feedback = read_feedback(y, log)
        for role in ("item", "timestamp"):
            log.optional(columns, role)
        if columns.duration is not None:
            log.numeric(columns.duration, minimum=0)
        if columns.watch_time in feedback:
            feedback.numeric(columns.watch_time, minimum=0)
        feedback.any_positive([key for key in columns.explicit if key in feedback])
        return Rows(log, feedback, log.beside(feedback))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = True
        tags.input_tags.positive_only = True
        return tags


def check_one_table(y):
    """Check that there is no y beside a log in files."""
    if y is not None:
        raise ValueError(
            "a log in files holds impressions and feedback in one table: leave y out, "
            f"got {type(y).__name__}."
        )


def columns_of_log(columns, log, feedback):
    """The names of the columns in the joined log, where y's columns follow X's."""
    if feedback is None:
        return in_one_table(columns, log)

    def in_log(key):
        key = feedback.canonical(key)
        return key if isinstance(key, str) else key + len(log.keys)

    timestamp = log.optional(columns, "timestamp")
    features = columns.features
    if features is None:
        features = [key for key in log.keys if key != timestamp]
    names = {"features": tuple(log.canonical(key) for key in features)}
    names["lists"] = tuple(log.canonical(key) for key in columns.lists)
    for role in ("user", "item", "duration", "timestamp"):
        key = getattr(columns, role)
        names[role] = log.canonical(key) if key in log else key
    # what is not there is handed on as it is, for who needs it to say so
    if columns.watch_time in feedback:
        names["watch_time"] = in_log(columns.watch_time)
    there = [key for key in columns.explicit if key in feedback]
    if log.is_array or there == list(columns.explicit):
        names["explicit"] = tuple(in_log(key) for key in columns.explicit)
    return replace(columns, **names)
