"""The recommender: crafts labels from feedback and trains a ranker on them."""

from numbers import Integral
from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import fitting
from sklabelcraft._docs import shared
from sklabelcraft._estimator import inherit, seed_of
from sklabelcraft._foreign_rankers import check_usable, score_foreign
from sklabelcraft._going_on import fit_labeler, gone_on, restated
from sklabelcraft._probabilities import Probabilities
from sklabelcraft._reading import is_stored, read_log, read_source
from sklabelcraft._recommender_parts import check_held_out, fit_other, labelled, subtask
from sklabelcraft._recommending import (
    BaseRecommender,
    Rows,
    check_one_table,
    columns_of_log,
)
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft._typing import Estimator, Floats, PathLike, RandomSource, typed
from sklabelcraft.columns import Columns
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.rankers import BaseRanker, MLPRanker
from sklabelcraft.rankers._given import NOTHING
from sklabelcraft.rankers._labels import check_varying


@shared
class LabelCraftRecommender(Probabilities, BaseRecommender):
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
    {seen}
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
        self,
        labeler: Estimator = None,
        ranker: Estimator = None,
        *,
        k: int | None = None,
        columns: Columns | None = None,
        random_state: RandomSource = None,
    ) -> None:
        self.labeler = labeler
        self.ranker = ranker
        self.k = k
        self.columns = columns
        self.random_state = random_state

    @typed(_fit_context(prefer_skip_nested_validation=False))
    @shared
    def fit(
        self,
        X: LogLike,
        y: TargetLike | None = None,
        X_val: LogLike | None = None,
        y_val: TargetLike | None = None,
        sample_weight: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Craft the labels and train the ranker on them.

        Weights reach the ranker, in another library's pipeline all parts that take
        them, and a `LabelCrafter`, also in a ``FeatureUnion``; other labelers count all
        rows alike.

        Parameters
        ----------
        {impressions_or_files}
        {feedback_if_apart}
        X_val, y_val : as X and y, default=None
            Held-out impressions for early stopping and, with a `LabelCrafter`, for the
            objectives. By default labeler and ranker hold out rows of X themselves,
            each by its own ``validation_fraction``.
        {sample_weights}

        Returns
        -------
        self : object
            The fitted recommender.

        Raises
        ------
        ValueError
            If a label is constant, training diverges, the ranker does not take weights
            that are given, or the data are not what is described here.
        """
        return self._fit((X, y, sample_weight), (X_val, y_val, sample_weight_val))

    @typed(_fit_context(prefer_skip_nested_validation=False))
    @shared
    def partial_fit(
        self,
        X: LogLike,
        y: TargetLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Go on from what was learned, with further rows, such as those of a new day.

        Labeler and ranker go on by their own ``partial_fit``, as do all labelers of a
        ``FeatureUnion``; a frozen labeler stays as it is. The first call is as ``fit``.
        If it fails, all is as it was. Parameters that were set in between, such as
        ``ranker__checkpoint``, reach labeler and ranker.

        Parameters
        ----------
        {impressions_or_files}
        {feedback_if_apart}
        {sample_weight}

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
        further = hasattr(self, "ranker_")
        return self._fit((X, y, sample_weight), NOTHING, further)

    def _fit(self, train, held_out, further=False):
        check_held_out(*held_out)
        with fitting(self, *train[:2]) as watch:
            train = self._weighed(*train, reset=not further)
            given, held_out = held_out, Rows(None, None, None)
            if given[0] is not None:
                held_out = self._weighed(*given, reset=False)
            if further:
                copy_parts(self)
            else:
                self._make_parts(train)
            self._remember_seen(train, held_out, further=further)
            self._fit_labeler(train, held_out, watch, further)
            if self._is_joint:
                self.ranker_ = self.labeler_.ranker_
            else:
                self._fit_ranker(train, held_out, watch, further)
        return self

    @shared
    def predict(self, X: LogLike, to: PathLike | None = None) -> Floats:
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
    def head_scores(self, X: LogLike) -> Floats:
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

    def _weighed(self, X, y, weights, reset):
        return self._read(X, y, reset)._replace(weights=weights)

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
        both = columns_of_log(columns, train.log, train.feedback, train.weights)
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

    @property
    def _is_joint(self):
        """Whether the ranker is the one that a LabelCrafter trains along."""
        labeler = self.labeler
        if labeler is not None and not isinstance(labeler, LabelCrafter):
            return False
        alone = labeler is None or labeler.ranker is None
        return self.ranker is None or (alone and isinstance(self.ranker, BaseRanker))

    def _fit_labeler(self, train, held_out, watch, further):
        with subtask(watch, "fit-labeler", self.labeler_) as outer:
            if isinstance(self.labeler_, LabelCrafter):
                outer.attributes = lambda: with_crafter(self, outer.part.as_fitted())
                logs = [(rows.joined, rows.weights) for rows in (train, held_out)]
                self.labeler_._fit(*logs, outer, further)
            elif not further:
                fit_labeler(self.labeler_, train.joined, train.weights)
            else:
                rows = train.joined, train.weights
                self.labeler_ = gone_on(self.labeler_, *rows)

    def _fit_ranker(self, train, held_out, watch, further):
        rows = labelled(train, self.labeler_)
        if train.feedback is not None and not further:
            check_varying(rows[1])
        with subtask(watch, "fit-ranker", self.ranker_) as outer:
            if isinstance(self.ranker_, BaseRanker):
                outer.attributes = lambda: (
                    vars(self) | {"ranker_": outer.part.as_fitted()}
                )
                valid = NOTHING
                if held_out.log is not None:
                    valid = labelled(held_out, self.labeler_)
                self.ranker_._fit(rows, valid, outer, further)
            else:
                fit_other(self, train.log, rows, held_out, further)


def copy_parts(recommender):
    """Copy what it has learned, with the parameters that are stated by now."""
    labeler, ranker = recommender._stated_parts()
    recommender.labeler_ = restated("labeler", recommender.labeler_, labeler)
    if not recommender._is_joint:
        recommender.ranker_ = restated("ranker", recommender.ranker_, ranker)
    elif recommender.ranker is not None:
        recommender.labeler_.set_params(ranker=recommender.ranker)


def with_crafter(recommender, crafter):
    """The attributes with a LabelCrafter as it stands, once it has a ranker."""
    ranker = {"ranker_": crafter.ranker_} if recommender._is_joint else {}
    return vars(recommender) | {"labeler_": crafter} | ranker
