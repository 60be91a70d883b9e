"""What recommenders share: they read impressions with feedback, and are scored."""

from dataclasses import replace
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._docs import shared
from sklabelcraft._estimator import LogEstimator
from sklabelcraft._features import in_one_table
from sklabelcraft._frames import is_frame
from sklabelcraft._log import Log
from sklabelcraft._parquet import StoredLog
from sklabelcraft._reading import is_stored, read_feedback, read_log
from sklabelcraft._seen import Seen
from sklabelcraft._shown import Table, check_excluded, check_length, shown_lists
from sklabelcraft._stated import AFTER, BEFORE, check_stated
from sklabelcraft._tables import Frame, FrameT, LogLike, TargetLike
from sklabelcraft._typing import PathLike
from sklabelcraft._units import warn_of_units
from sklabelcraft.scorers import nwtg_scorer


class Rows(NamedTuple):
    """Impressions, their feedback, both side by side as data, and their weights.

    Of a stored log, all are one, and there is no feedback apart. Weights are as the
    user gave them.
    """

    log: Log | StoredLog
    feedback: Log | None
    joined: Any
    weights: Any = None

    @property
    def table(self):
        """Both side by side as a log, whose rows are named as those of the log."""
        return Log(self.joined, self.log.positions)

    def at(self, positions):
        """The rows at some positions, ascending, with their weights as an ndarray.

        Not of a stored log.
        """
        log, feedback = self.log.rows(positions), self.feedback.rows(positions)
        weights = None if self.weights is None else self.weights[positions]
        return Rows(log, feedback, log.beside(feedback), weights)


class BaseRecommender(CallbackSupportMixin, LogEstimator):
    """Template of an estimator that is fitted to impressions and their feedback."""

    @shared
    def score(self, X: LogLike, y: TargetLike) -> float:
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

    def recommend(
        self,
        X_users: FrameT,
        items: Frame,
        k: int | None = None,
        exclude_seen: bool | Frame | PathLike = True,
    ) -> FrameT:
        """Make a list of the best items for each user.

        Every user is scored beside every item as by ``predict``, some users at a time,
        so that the pairs are never all in memory.

        Parameters
        ----------
        X_users : data frame of shape (n_users, n_columns)
            A row for each user: the id, and what else the recommender knows of users
            and of the moment, such as the timestamp for a network with a past. A model
            of another library needs all the columns that it was fitted to.
        items : data frame of shape (n_items, n_columns)
            A row for each item: the id, the duration, and what else the recommender
            knows of items.
        k : int, default=None
            Length of the lists; None for that of the recommender.
        exclude_seen : bool, data frame, str or path, default=True
            What is left out. True for the items that the user had in any row given to
            ``fit``, held-out ones among them, or to ``partial_fit``; False for nothing.
            Or a log, in memory or in Parquet files, with a column of users and one of
            items: what the user had there.

        Returns
        -------
        data frame
            Of the library of `X_users`: columns of the user and the item under their
            names, ``rank`` from 1 on, and ``score``. The users are in their order in
            `X_users`, the items of each by rank. Equal scores are in the order of the
            ids of the items. A user for whom fewer than k items are left has fewer.

        Raises
        ------
        ValueError
            If a column is missing or in both tables, a user or an item is there twice,
            the ids are in a column called ``rank`` or ``score``, or the recommender was
            fitted to an array, whose columns have no names.

        Examples
        --------
        >>> from sklabelcraft import D2Q, LabelCraftRecommender
        >>> from sklabelcraft.datasets import make_short_videos
        >>> log = make_short_videos(n_users=50, random_state=0)
        >>> recommender = LabelCraftRecommender(D2Q(), random_state=0)
        >>> recommender = recommender.fit(log.data, log.target)
        >>> users = log.data[["user_id"]].drop_duplicates()
        >>> items = log.data[["item_id", "duration", "tag"]].drop_duplicates()
        >>> lists = recommender.recommend(users, items, k=3)
        >>> list(lists.columns), len(lists)
        (['user_id', 'item_id', 'rank', 'score'], 150)
        """
        check_is_fitted(self)
        k = self._stated("k") if k is None else k
        check_length(k)
        user, item, duration = self._names_of("user", "item", "duration")
        users = Table(X_users, "X_users", user, duration)
        choice = Table(items, "items", item, duration)
        seen = self._seen_by(exclude_seen, users, choice)
        return shown_lists(self, self.feature_names_in_, users, choice, k, seen)

    def _names_of(self, *roles):
        """The names of the columns of some roles, of which user and item are needed."""
        if not hasattr(self, "feature_names_in_"):
            raise ValueError(
                "recommend tells the columns of users and of items apart by their "
                "names, and the recommender was fitted to an array: fit a data frame."
            )
        columns = self._stated("columns")
        keys = {role: getattr(columns, role) for role in roles}
        for role in ("user", "item"):
            if keys[role] is None:
                raise ValueError(f"recommend needs Columns({role}=...), got None.")
        names = self.feature_names_in_
        return [names[k] if isinstance(k, Integral) else k for k in keys.values()]

    def _seen_by(self, exclude, users, items):
        """The pairs that a list leaves out; None if there are none."""
        if isinstance(exclude, bool | np.bool_):
            if exclude and self.seen_ is None:
                raise ValueError(
                    "exclude_seen=True needs a log with users and items in fit: state "
                    "exclude_seen=False, or give a log of what was seen."
                )
            return self.seen_ if exclude else None
        if not is_stored(exclude) and not is_frame(exclude):
            raise ValueError(
                "exclude_seen must be True, False or a log in a data frame or in "
                f"Parquet files, got {type(exclude).__name__}."
            )
        log = StoredLog(exclude) if is_stored(exclude) else Log(exclude)
        if not len(log):
            return None
        seen = Seen.nothing().grown(log, users.key, items.key)
        check_excluded(seen, users, items)
        return seen

    def _remember_seen(self, *parts, further=False):
        """Keep which items each user had in some rows, beside those of before."""
        columns = self._stated("columns")
        logs = [rows.log for rows in parts if rows.log is not None]
        if not further:
            keys = [logs[0].optional(columns, role) for role in ("user", "item")]
            self.seen_ = None if None in keys else Seen.nothing()
        if self.seen_ is not None:
            for log in logs:
                self.seen_ = self.seen_.grown(log, columns.user, columns.item)

    def _keys(self, columns):
        keys = [columns.user, columns.item, columns.duration]
        return [key for key in keys if key is not None]

    def _read(self, X, y, reset):
        """Impressions and feedback, with their numbers checked."""
        columns, min_rows = self._stated("columns"), 2 if reset else 1
        keys = self._keys(columns)
        log = read_log(self, X, keys, reset=reset, min_rows=min_rows)
        feedback = read_feedback(y, log)
        if reset:
            check_stated(columns, log, BEFORE)
            check_stated(columns, feedback, AFTER)
        if columns.duration is not None:
            log.numeric(columns.duration, minimum=0)
        if columns.watch_time in feedback:
            feedback.numeric(columns.watch_time, minimum=0)
        feedback.any_positive([key for key in columns.explicit if key in feedback])
        rows = Rows(log, feedback, log.beside(feedback))
        if reset:
            warn_of_units(rows.table, columns_of_log(columns, log, feedback))
        return rows

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


def columns_of_log(columns, log, feedback, weights=None):
    """The names of the columns in the joined log, where y's columns follow X's.

    Of a log in one table, the column of weights is no feature.
    """
    if feedback is None:
        return in_one_table(columns, log, [weights] * isinstance(weights, str))

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
