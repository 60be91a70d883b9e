"""The recommender: crafts labels from feedback and trains a ranker on them."""

import copy
from contextlib import contextmanager
from numbers import Integral

from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from sklabelcraft._callbacks import fitting, lent
from sklabelcraft._docs import shared
from sklabelcraft._estimator import inherit, seed_of
from sklabelcraft._foreign_rankers import (
    check_usable,
    fit_foreign,
    go_on_foreign,
    scales_of,
    score_foreign,
)
from sklabelcraft._going_on import gone_on, restated
from sklabelcraft._reading import is_stored, read_log, read_source
from sklabelcraft._recommending import (
    BaseRecommender,
    Rows,
    check_one_table,
    columns_of_log,
)
from sklabelcraft.columns import Columns
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.rankers import BaseRanker, MLPRanker
from sklabelcraft.rankers._base import check_pair
from sklabelcraft.rankers._labels import CraftedLabels, check_varying


@shared
class LabelCraftRecommender(BaseRecommender):
    """Rank impressions by a model trained on labels crafted from their feedback.

    ``fit`` joins X and y to the log, fits the labeler on it, and trains the ranker on
    its labels where they are known, not NaN. The names of columns, `k` and the random
    state are stated here once: labeler and ranker inherit them where theirs are None.

    Parameters
    ----------
    labeler : transformer, default=None
        Turns the log into one or more labels per impression; None for
        ``LabelCrafter()``. A ``FeatureUnion`` of labelers makes the ranker multi-task,
        a ``FrozenEstimator`` is used as it is.
    ranker : estimator with fit and predict, default=None
        Fitted to X and the labels: :class:`MLPRanker`, :class:`DCNRanker`,
        :class:`DINRanker` or any regressor; a classifier is fitted to the label as the
        probability of its class 1, a model whose fit takes groups, such as LightGBM's
        ``LGBMRanker``, to grades of the label within users. None for the ranker that a
        `LabelCrafter` trained along with its label, and ``MLPRanker()`` with any other
        labeler. A `LabelCrafter` without a ranker of its own takes this one; if both
        are given, this one is trained anew on the finished labels.
    k : int, default=None
        Length of the shown lists, in ``score`` and for a `LabelCrafter`; None for 10.
    columns : Columns, default=None
        Names or positions of the columns, those of watch time and explicit feedback in
        y, the others in X; None for the usual names.
    random_state : int, RandomState instance or None, default=None
        Controls the parts that have no random state of their own.

    Attributes
    ----------
    labeler_ : transformer
        The fitted labeler.
    ranker_ : estimator
        The fitted ranker.
    head_mean_, head_scale_ : ndarray of shape (n_labels,)
        What brings several labels to one scale, if the ranker is of another library.
    {learned_names}

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

    __metadata_request__predict = {"to": UNUSED}  # it is no metadata of rows
    _parameter_constraints: dict = {
        "labeler": [HasMethods(["fit", "transform"]), None],
        "ranker": [HasMethods(["fit"]), None],
        "k": [Interval(Integral, 1, None, closed="left"), None],
        "columns": [Columns, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self, labeler=None, ranker=None, *, k=None, columns=None, random_state=None
    ):
        self.labeler = labeler
        self.ranker = ranker
        self.k = k
        self.columns = columns
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    @shared
    def fit(self, X, y=None, X_val=None, y_val=None):
        """Craft the labels and train the ranker on them.

        Parameters
        ----------
        {impressions_or_files}
        {feedback_if_apart}
        X_val, y_val : as X and y, default=None
            Held-out impressions for early stopping and, with a `LabelCrafter`, for the
            objectives. By default labeler and ranker hold out rows of X themselves,
            each by its own ``validation_fraction``.

        Returns
        -------
        self : object
            The fitted recommender.

        Raises
        ------
        ValueError
            If a label is constant, training diverges, or the data are not what is
            described here.
        """
        return self._fit(X, y, X_val, y_val, further=False)

    @_fit_context(prefer_skip_nested_validation=False)
    @shared
    def partial_fit(self, X, y=None):
        """Go on from what was learned, with further rows, such as those of a new day.

        Labeler and ranker go on by their own ``partial_fit``, as do all labelers of a
        ``FeatureUnion``; a frozen labeler stays as it is. The first call is as ``fit``.
        If it fails, all is as it was. Parameters that were set in between, such as
        ``ranker__checkpoint``, reach labeler and ranker.

        Parameters
        ----------
        {impressions_or_files}
        {feedback_if_apart}

        Returns
        -------
        self : object
            The fitted recommender.

        Raises
        ------
        ValueError
            If a part is of another class than before or does not go on, or the data are
            not what is described here.
        """
        return self._fit(X, y, None, None, further=hasattr(self, "ranker_"))

    def _fit(self, X, y, X_val, y_val, further):
        if not is_stored(X_val):
            check_pair(X_val, y_val)
        with fitting(self, X, y) as watch:
            train, held_out = self._read(X, y, reset=not further), None
            if X_val is not None:
                held_out = self._read(X_val, y_val, reset=False)
            if further:
                self._copy_parts()
            else:
                self._make_parts(train)
            self._fit_labeler(train, held_out, watch, further)
            if self._is_joint:
                self.ranker_ = self.labeler_.ranker_
            else:
                self._fit_ranker(train, held_out, watch, further)
        return self

    @shared
    def predict(self, X, to=None):
        """Score impressions.

        Parameters
        ----------
        {impressions_or_files}
        {to}

        Returns
        -------
        ndarray of shape (n,)
            One score per impression, the higher the earlier in the user's list; of
            several labels, the mean of the scores after each is standardised by its
            mean and standard deviation over the training rows. With `to`, that folder,
            where the column is called ``score``.
        """
        self._check(X)
        if isinstance(self.ranker_, BaseRanker):
            return self.ranker_.predict(X, to)
        if to is not None:
            raise ValueError(f"to={to!r} needs a ranker of this library.")
        scores = score_foreign(self.ranker_, X)
        if scores.ndim == 1:
            return scores
        return ((scores - self.head_mean_) / self.head_scale_).mean(axis=1)

    @shared
    def head_scores(self, X):
        """Score impressions, label by label.

        Parameters
        ----------
        {impressions}

        Returns
        -------
        ndarray of shape (n, n_labels)
            One score per impression and label: the logits of a ranker of ours, what
            another one predicts.
        """
        self._check(X)
        if isinstance(self.ranker_, BaseRanker):
            return self.ranker_.head_scores(X)
        scores = score_foreign(self.ranker_, X)
        return scores.reshape(len(scores), -1)

    def _read(self, X, y, reset):
        """Impressions and feedback, also of a log in files, where they are one."""
        if not is_stored(X):
            return super()._read(X, y, reset)
        check_one_table(y)
        keys, min_rows = self._keys(self._stated("columns")), 2 if reset else 1
        log = read_source(self, X, keys, reset=reset, min_rows=min_rows)
        return Rows(log, None, X)

    def _check(self, X):
        """Check that impressions can be scored."""
        check_is_fitted(self)
        if isinstance(self.ranker_, BaseRanker):
            read_source(self, X, self.ranker_.model_.keys, reset=False)
        else:
            read_log(self, X, self._keys(self._stated("columns")), reset=False)

    def _default_parts(self):
        return {"labeler": LabelCrafter, "ranker": MLPRanker}

    def _make_parts(self, train):
        """Clone labeler and ranker, with what they inherit."""
        columns, k = self._stated("columns"), self._stated("k")
        shared = {"random_state": seed_of(self.random_state), "k": k}
        labeler, ranker = self._stated_parts()
        check_usable(ranker)
        both = columns_of_log(columns, train.log, train.feedback)
        self.labeler_ = inherit(labeler, columns=both, **shared)
        if self._is_joint:
            if self.ranker is not None:
                self.labeler_.set_params(ranker=self.ranker)
        else:
            self.ranker_ = inherit(ranker, columns=columns, **shared)

    def _stated_parts(self):
        """Labeler and ranker as they are stated, or the default ones."""
        labeler = LabelCrafter() if self.labeler is None else self.labeler
        return labeler, MLPRanker() if self.ranker is None else self.ranker

    def _copy_parts(self):
        """Copy what was learned, with the parameters that are stated by now."""
        labeler, ranker = self._stated_parts()
        self.labeler_ = restated("labeler", self.labeler_, labeler)
        if not self._is_joint:
            self.ranker_ = restated("ranker", self.ranker_, ranker)
        elif self.ranker is not None:
            self.labeler_.set_params(ranker=self.ranker)

    @property
    def _is_joint(self):
        """Whether the ranker is the one that a LabelCrafter trains along."""
        labeler = self.labeler
        if labeler is not None and not isinstance(labeler, LabelCrafter):
            return False
        alone = labeler is None or labeler.ranker is None
        return self.ranker is None or (alone and isinstance(self.ranker, BaseRanker))

    def _fit_labeler(self, train, held_out, watch, further):
        log, log_val = train.joined, held_out and held_out.joined
        with subtask(watch, "fit-labeler", self.labeler_) as outer:
            if isinstance(self.labeler_, LabelCrafter):
                outer.attributes = lambda: self._with_crafter(outer.part.as_fitted())
                options = {"outer": outer, "further": further}
                self.labeler_._fit(log, None, log_val, **options)
            elif not further:
                self.labeler_.fit(log, None)
            else:
                self.labeler_ = gone_on(self.labeler_, log)

    def _with_crafter(self, crafter):
        """The attributes with a LabelCrafter as it stands, once it has a ranker."""
        ranker = {"ranker_": crafter.ranker_} if self._is_joint else {}
        return vars(self) | {"labeler_": crafter} | ranker

    def _fit_ranker(self, train, held_out, watch, further):
        X, labels = labelled(train, self.labeler_)
        if train.feedback is not None and not further:
            check_varying(labels)
        validation = {}
        if held_out is not None and has_fit_parameter(self.ranker_, "X_val"):
            pair = labelled(held_out, self.labeler_)
            validation = dict(zip(("X_val", "y_val"), pair, strict=True))
        with subtask(watch, "fit-ranker", self.ranker_) as outer:
            if isinstance(self.ranker_, BaseRanker):
                outer.attributes = lambda: (
                    vars(self) | {"ranker_": outer.part.as_fitted()}
                )
                options = {"outer": outer, "further": further}
                self.ranker_._fit(X, labels, **validation, **options)
            else:
                self._fit_foreign(X, labels, train, validation, further)

    def _fit_foreign(self, X, labels, train, validation, further):
        if train.feedback is None:
            raise ValueError(
                f"only rankers of this library are trained from files, got "
                f"{self.ranker_!r}."
            )
        if further:
            self.ranker_ = copy.deepcopy(self.ranker_)
            go_on_foreign(self.ranker_, X, labels)
        else:
            users = train.log.ids(self._stated("columns").user).codes()
            fit_foreign(self.ranker_, X, labels, users, validation)
        scores = score_foreign(self.ranker_, X)
        if scores.ndim == 2:  # to be brought to one scale
            self.head_mean_, self.head_scale_ = scores.mean(axis=0), scales_of(scores)


@contextmanager
def subtask(watch, name, part):
    """The fit of a part, which either tells our watch or gets our callbacks."""
    if isinstance(part, BaseRanker | LabelCrafter):
        with watch.subtask(name, None) as task:
            yield task
    else:
        with watch.subtask(name) as task, lent(task, part):
            yield task


def labelled(rows, labeler):
    """Impressions and what a ranker is to learn of them."""
    labels = CraftedLabels(labeler)
    if rows.feedback is None:
        return rows.joined, labels
    found = labels.made_of(rows.joined)
    if found.shape[1] == 1:  # a vector, which scikit-learn's regressors want
        found = found[:, 0]
    return rows.log.native, found
