"""The recommender: crafts labels from feedback and trains a ranker on them."""

from contextlib import contextmanager, nullcontext
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, _fit_context, is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import TransformerTags, _safe_indexing, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklabelcraft._callbacks import Relay, own
from sklabelcraft._columns import join, read_feedback, read_table
from sklabelcraft._soft_classes import fit_soft_classes
from sklabelcraft._validation import (
    COLUMN,
    ROLE,
    all_or_nothing,
    check_pair,
    hand_down,
    hold_out,
)
from sklabelcraft.labelers import LabelCrafter
from sklabelcraft.rankers import BaseRanker, MLPRanker
from sklabelcraft.scorers import nwtg_scorer


class LabelCraftRecommender(CallbackSupportMixin, BaseEstimator):
    """Rank impressions by a model trained on labels crafted from their feedback.

    ``fit`` joins X and y to the log, fits the labeler on it, and trains the ranker on
    its labels. The names of columns, `k` and the random state are stated here once:
    they reach the labeler and the ranker wherever those were left at their defaults.

    Parameters
    ----------
    labeler : transformer, default=None
        Turns the log into one or more labels per impression; None for
        ``LabelCrafter()``. A ``FeatureUnion`` of labelers makes the ranker multi-task,
        a ``FrozenEstimator`` is used as it is.
    ranker : estimator with fit and predict, default=None
        Fitted to X and the labels: :class:`MLPRanker`, :class:`DCNRanker`,
        :class:`DINRanker` or any regressor; a classifier is fitted to the label as the
        probability of its class 1. None for the ranker that a `LabelCrafter` trained
        along with its label, and ``MLPRanker()`` with any other labeler. A
        `LabelCrafter` without a ranker of its own takes this one; if both are given,
        this one is trained anew on the finished labels.
    k : int, default=10
        Length of the shown lists, in ``score`` and for a `LabelCrafter`.
    validation_fraction : float, default=0.1
        Share of each user's rows, the latest, held out when no validation data is given
        to ``fit`` and labeler or ranker have a use for them; for a `LabelCrafter`, a
        user with at least 2 (k + 1) rows gives at least k + 1.
    user, item : str, int or None, default="user_id", "item_id"
        Columns of X with the user and the item, by name or position.
    duration : str or int, default="duration"
        Column of X in seconds.
    timestamp : str, int or None, default="timestamp"
        Column of X that orders a user's rows; the order of the rows where missing.
    watch_time : str or int, default="watch_time"
        Column of y in seconds.
    explicit : sequence of str or int, default=("like", "follow", "comment")
        Columns of y with explicit feedback; those present are used.
    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn.

    Attributes
    ----------
    labeler_ : transformer
        The fitted labeler.
    ranker_ : estimator
        The fitted ranker.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns of X, if it was a data frame.

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> from sklabelcraft import D2Q, LabelCraftRecommender
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> recommender = LabelCraftRecommender(D2Q(), random_state=0)
    >>> scores = recommender.fit(log.data, log.target).predict(log.data)
    >>> scores.shape == (len(log.data),)
    True
    """

    _parameter_constraints: dict = {
        "labeler": [HasMethods(["fit", "transform"]), None],
        "ranker": [HasMethods(["fit", "predict"]), None],
        "k": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "user": ROLE,
        "item": ROLE,
        "duration": COLUMN,
        "timestamp": ROLE,
        "watch_time": COLUMN,
        "explicit": ["array-like"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        labeler=None,
        ranker=None,
        *,
        k=10,
        validation_fraction=0.1,
        user="user_id",
        item="item_id",
        duration="duration",
        timestamp="timestamp",
        watch_time="watch_time",
        explicit=("like", "follow", "comment"),
        random_state=None,
    ):
        self.labeler = labeler
        self.ranker = ranker
        self.k = k
        self.validation_fraction = validation_fraction
        self.user = user
        self.item = item
        self.duration = duration
        self.timestamp = timestamp
        self.watch_time = watch_time
        self.explicit = explicit
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, X_val=None, y_val=None):
        """Craft the labels and train the ranker on them.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            Impressions: what is known before them.
        y : data frame, series or array of shape (n,) or (n, n_signals)
            Their feedback: what is logged after them.
        X_val, y_val : as X and y, default=None
            Held-out impressions for early stopping and, with a `LabelCrafter`, for the
            objectives. By default the latest `validation_fraction` of each user's rows
            is held out.

        Returns
        -------
        self : object
            The fitted recommender.
        """
        check_pair(X_val, y_val)
        data = {"estimator": self, "X": X, "y": y}
        task = self._init_callback_context(max_subtasks=None)
        task.call_on_fit_task_begin(**data)
        with all_or_nothing(self):
            table, feedback = self._read(X, y, reset=True)
            self._make_parts(table, feedback)
            train = table.native, join(table, feedback)
            held_out = None
            if X_val is not None:
                valid, feedback = self._read(X_val, y_val, reset=False)
                held_out = valid.native, join(valid, feedback)
            elif self._takes("log_val", "X_val"):
                train, held_out = self._hold_out(table, train)
            self._fit_parts(*train, *(held_out or (None, None)), task, (X, y))
        task.call_on_fit_task_end(**data, reconstruction_attributes=lambda: vars(self))
        return self

    def predict(self, X):
        """Score impressions.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            Impressions.

        Returns
        -------
        ndarray of shape (n,)
            One score per impression, the higher the earlier in the user's list.
        """
        check_is_fitted(self)
        read_table(self, X, roles=self._keys(), reset=False)
        if is_classifier(self.ranker_):
            return self.ranker_.predict_proba(X)[:, 1]
        return self.ranker_.predict(X)

    def transform(self, log):
        """Label impressions with their feedback.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            X and y side by side.

        Returns
        -------
        ndarray of shape (n, n_labels)
            The labeler's labels.
        """
        check_is_fitted(self)
        return self.labeler_.transform(log)

    def score(self, X, y):
        """NWTG@k of the predicted scores.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            Impressions.
        y : data frame, series or array of shape (n,) or (n, n_signals)
            Their feedback.

        Returns
        -------
        float
            Mean over the users with more than k rows.
        """
        scorer = replace(nwtg_scorer, column=self.watch_time, user=self.user, k=self.k)
        return scorer(self, X, y)

    def _keys(self):
        roles = [self.user, self.item, self.duration]
        return [key for key in roles if key is not None]

    def _read(self, X, y, reset):
        """Impressions and feedback as tables, with their numbers checked."""
        table = read_table(
            self, X, roles=self._keys(), reset=reset, min_rows=2 if reset else 1
        )
        feedback = read_feedback(y, table)
        table.numeric(self.duration, minimum=0)
        if self.watch_time in feedback:
            feedback.numeric(self.watch_time, minimum=0)
        feedback.any_positive([key for key in self.explicit if key in feedback])
        return table, feedback

    def _make_parts(self, table, feedback):
        """Clone labeler and ranker, with what they inherit; a joint ranker is None."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        shared = self._roles(table, feedback) | {"random_state": seed}
        labeler = LabelCrafter() if self.labeler is None else self.labeler
        ranker = MLPRanker() if self.ranker is None else self.ranker
        joint = isinstance(labeler, LabelCrafter) and (
            self.ranker is None
            or (labeler.ranker is None and isinstance(ranker, BaseRanker))
        )
        ours = {"ranker": self.ranker} if joint else {}
        self.labeler_ = hand_down(labeler, **shared, **ours)
        fraction = {"validation_fraction": self.validation_fraction}
        self.ranker_ = None if joint else hand_down(ranker, **shared, **fraction)

    def _roles(self, table, feedback):
        """The roles as they are found in the log, where y's columns follow X's."""

        def in_log(key):
            key = feedback.canonical(key)
            return key if isinstance(key, str) else key + len(table.keys)

        impressions = {
            role: table.canonical(getattr(self, role))
            for role in ("user", "item", "duration", "timestamp")
            if getattr(self, role) in table
        }
        # none of them there: hand them on as they are, for who needs them to say so
        explicit = [key for key in self.explicit if key in feedback] or self.explicit
        logged = {
            "explicit": tuple(
                key if isinstance(key, str) else in_log(key) for key in explicit
            )
        }
        if self.watch_time in feedback or self.watch_time != "watch_time":
            logged["watch_time"] = in_log(self.watch_time)
        clock = impressions.get("timestamp", self.timestamp)
        features = [key for key in table.keys if key != clock]
        return impressions | logged | {"features": features, "k": self.k}

    def _takes(self, *parameters):
        """Whether labeler or ranker take one of the parameters in their fit."""
        parts = [part for part in (self.labeler_, self.ranker_) if part is not None]
        return any(has_fit_parameter(part, p) for part in parts for p in parameters)

    def _hold_out(self, table, tables):
        """Split each of the tables into earlier and latest rows."""
        k = self.k if has_fit_parameter(self.labeler_, "log_val") else None
        rows = hold_out(table, self.user, self.timestamp, self.validation_fraction, k=k)
        return [[_safe_indexing(part, index) for part in tables] for index in rows]

    def _fit_parts(self, X, log, X_val, log_val, task, data):
        known = log_val is not None and len(log_val) > 0
        validation = {}
        if known and has_fit_parameter(self.labeler_, "log_val"):
            validation = {"log_val": log_val}
        with self._subtask(task, "fit-labeler", self.labeler_, data):
            self.labeler_.fit(log, None, **validation)
        labels = self._labels(log)
        if self.ranker_ is None:
            self.ranker_ = self.labeler_.ranker_
            return
        validation = {}
        if known and has_fit_parameter(self.ranker_, "X_val"):
            labels_val = np.asarray(self.labeler_.transform(log_val))
            validation = {"X_val": X_val, "y_val": _flat(labels_val)}
        with self._subtask(task, "fit-ranker", self.ranker_, data):
            if is_classifier(self.ranker_):
                fit_soft_classes(self.ranker_, X, _flat(labels))
            else:
                self.ranker_.fit(X, _flat(labels), **validation)

    @contextmanager
    def _subtask(self, task, name, part, data):
        """The fit of a part, of which the callbacks are told."""
        subtask = task.subcontext(name)
        subtask.call_on_fit_task_begin(estimator=self)
        with self._callbacks_of(part, subtask, data):
            yield
        subtask.call_on_fit_task_end(estimator=self)

    @contextmanager
    def _callbacks_of(self, part, subtask, data):
        """Lend the callbacks to a part that supports them."""
        if not hasattr(part, "set_callbacks"):
            yield
            return
        relay = nullcontext()
        if own(self) and (part is self.ranker_ or self.ranker_ is None):
            relay = Relay(self, self._complete, *data).listening_to(part)
        with relay, subtask.propagate_callback_context(part):
            yield

    def _complete(self, part):
        """The attributes of the recommender with a ranker or joint labeler as it is."""
        joint = self.ranker_ is None
        learned = {"ranker_": part.ranker_ if joint else part}
        return vars(self) | learned | ({"labeler_": part} if joint else {})

    def _labels(self, log):
        labels = np.asarray(self.labeler_.transform(log), dtype=np.float64)
        constant = np.ptp(labels, axis=0) == 0
        if constant.any():
            raise ValueError(
                f"the label is constant, {labels[0, constant.argmax()]:.6g} on all "
                f"{len(labels)} training rows: there is nothing to rank by."
            )
        return labels

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags = TransformerTags()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = True
        tags.input_tags.positive_only = True
        return tags


def _flat(labels):
    """A single label as a vector, which scikit-learn's regressors want."""
    return labels[:, 0] if labels.shape[1] == 1 else labels
