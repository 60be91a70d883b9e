"""Several recommenders fused: their scores are weighed on held-out lists."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Self

from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import fitting, lent
from sklabelcraft._docs import shared
from sklabelcraft._estimator import inherit
from sklabelcraft._heads import DURATION, Heads
from sklabelcraft._members import (
    check_recommenders,
    fit_part,
    split_rows,
    usual_recommenders,
)
from sklabelcraft._reading import read_log
from sklabelcraft._recommending import BaseRecommender
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft._typing import Estimator, Floats, RandomSource, typed
from sklabelcraft._weighing import (
    measures_of,
    named_platforms,
    point_of,
    weigh,
)
from sklabelcraft.columns import Columns
from sklabelcraft.objectives import Objective
from sklabelcraft.results import Front


@shared
class FusedRecommender(BaseRecommender, _BaseComposition):
    """Weigh the scores of several recommenders, so that the lists serve best.

    Every recommender is trained on its own. What is learned here are a few numbers: the
    score of an impression x of duration d is

        s(x) = sum_m v_m (z_m(x) - mu_m) / sigma_m + v_d psi(d),

    where z_m is a head, one of the labels that a recommender predicts: its logit, or
    what a model of another kind predicts; mu_m and sigma_m are its mean and standard
    deviation over the training rows; and psi(d) is (2 rank(d) - 1)^2, standardised
    likewise, which is high for short and for long videos. The weights v_m and v_d are
    those, none negative, whose lists do best on the platform's objectives with held-out
    users: the mean over lists of k and of k / 2, for which more users have enough rows.
    They are chosen from a pool of several hundred for each of 20 bootstrap resamples of
    the users, and averaged. An objective is measured on the lists without the held-out
    rows in which its column is missing; a warning tells how many they are.

    Since nothing else is trained, the weights can be chosen again: :meth:`tune` does so
    for other rows or other weights of the objectives, :meth:`frontier` for many.

    Parameters
    ----------
    recommenders : list of (str, estimator) pairs, default=None
        What is fused, by name: estimators with ``predict``, each fitted to impressions
        and their feedback. Those in a ``FrozenEstimator`` are used as they are. None
        for a :class:`LabelCraftRecommender` on each of the labels ``LabelCrafter()``,
        with the objectives stated here, ``WatchTime()``, ``D2Q()`` and, as the log
        allows, ``ConditionalCDF(by="item")``, ``ExplicitFeedback()``, and the latter
        and watch time on one network.
    objectives : sequence of Objective, default=None
        What the platform wants; None for watch time, explicit feedback and the spread
        of durations. Each counts relative to lists shown at random. One whose column
        does not vary on the held-out rows is left out with a warning.
    {objective_weights}
    duration_term : bool, default=True
        Whether the duration has a weight of its own.
    validation_fraction : float, default=0.2
        Share of each user's rows, the latest, held out when no validation data are
        given to ``fit``; a user with at least 2 (k + 1) rows gives at least k + 1.
    k : int, default=None
        Length of the shown lists, which the recommenders inherit; None for 10.
    {columns}
    random_state : int, RandomState instance or None, default=None
        Controls the recommenders, each of which inherits a seed of its own where it
        states none, and the choice of the weights.

    Attributes
    ----------
    recommenders_ : Bunch
        The fitted recommenders by name.
    weights_ : dict of str to float
        The weights by the name of the recommender, numbered if it has several heads,
        and "duration"; they sum to 1.
    heads_ : object
        What is weighed; ``heads_.mean`` and ``heads_.scale`` are its means and standard
        deviations over the training rows.
    measures_ : list of object
        How each objective reads a log.
    {seen}
    {learned_names}

    Examples
    --------
    >>> from sklabelcraft import D2Q, FusedRecommender, LabelCraftRecommender
    >>> from sklabelcraft import WatchTime
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0)
    >>> train, valid = (
    ...     (log.data.iloc[rows], log.target.iloc[rows])
    ...     for rows in (log.split.train, log.split.valid)
    ... )
    >>> single = [
    ...     ("WT", LabelCraftRecommender(WatchTime())),
    ...     ("D2Q", LabelCraftRecommender(D2Q())),
    ... ]
    >>> fused = FusedRecommender(single, random_state=0).fit(*train, *valid)
    >>> list(fused.weights_)
    ['WT', 'D2Q', 'duration']
    >>> fused.tune(*valid, objective_weights=(1, 3, 1)).predict(valid[0]).shape
    (750,)
    """

    _parameter_constraints: dict = {
        "recommenders": [list, None],
        "objectives": ["array-like", None],
        "objective_weights": ["array-like", dict, None],
        "duration_term": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "k": [Interval(Integral, 1, None, closed="left"), None],
        "columns": [Columns, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        recommenders: Sequence[tuple[str, Estimator]] | None = None,
        *,
        objectives: Sequence[Objective] | None = None,
        objective_weights: Sequence[float] | Mapping[str, float] | None = None,
        duration_term: bool = True,
        validation_fraction: float = 0.2,
        k: int | None = None,
        columns: Columns | None = None,
        random_state: RandomSource = None,
    ) -> None:
        self.recommenders = recommenders
        self.objectives = objectives
        self.objective_weights = objective_weights
        self.duration_term = duration_term
        self.validation_fraction = validation_fraction
        self.k = k
        self.columns = columns
        self.random_state = random_state

    @typed(_fit_context(prefer_skip_nested_validation=False))
    @shared
    def fit(
        self,
        X: LogLike,
        y: TargetLike,
        X_val: LogLike | None = None,
        y_val: TargetLike | None = None,
        sample_weight: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the recommenders, and choose their weights on held-out lists.

        Parameters
        ----------
        {impressions}
        {feedback}
        X_val, y_val : as X and y, default=None
            Held-out impressions, for the weights and before that for the recommenders
            whose ``fit`` takes them, to stop by and to learn labels on. By default the
            latest `validation_fraction` of each user's rows in X.
        sample_weight : array-like of shape (n,), default=None
            What each row counts for in the training of the recommenders, all of which
            must take it, but for frozen ones. The choice of their weights counts all
            held-out rows alike.
        sample_weight_val : as sample_weight, default=None
            The weights of `X_val`, for the recommenders whose ``fit`` takes them.

        Returns
        -------
        self : object
            The fitted recommender.

        Raises
        ------
        ValueError
            If no held-out user has more than k rows, a recommender cannot be fitted or
            does not take weights that are given, or the data are not what is described
            here.
        """
        with fitting(self, X, y) as watch:
            given = (X, y, sample_weight), (X_val, y_val, sample_weight_val)
            train, held_out = split_rows(self, *given)
            recommenders = self._named(train.log)
            self._remember_seen(train, held_out)
            self.measures_ = measures_of(self, train)
            rng = check_random_state(self.random_state)
            seeds = rng.randint(2**31 - 1, size=len(recommenders))
            self.recommenders_ = Bunch()
            stated = {"columns": self._stated("columns"), "k": self._stated("k")}
            for (name, recommender), seed in zip(recommenders, seeds, strict=True):
                with watch.subtask(name) as task:
                    part = inherit(recommender, random_state=int(seed), **stated)
                    with lent(task, part):
                        self.recommenders_[name] = fit_part(name, part, train, held_out)
            duration = stated["columns"].duration if self.duration_term else None
            self.heads_ = Heads(self.recommenders_, train.log, duration)
            (self.weights_,) = weigh(self, held_out, [self.objective_weights])
        return self

    @shared
    def predict(self, X: LogLike) -> Floats:
        """Score impressions.

        Parameters
        ----------
        {impressions}

        Returns
        -------
        ndarray of shape (n,)
            One score per impression, the higher the earlier in the user's list.
        """
        check_is_fitted(self)
        keys = self._keys(self._stated("columns"))
        log = read_log(self, X, keys, reset=False)
        return self.heads_.fused(log, self.weights_.values())

    def tune(
        self,
        X_val: LogLike,
        y_val: TargetLike,
        *,
        objective_weights: Sequence[float] | Mapping[str, float] | None = None,
    ) -> Self:
        """Choose the weights again; the recommenders stay as they are.

        Parameters
        ----------
        X_val, y_val : as X and y of ``fit``
            Held-out impressions.
        objective_weights : sequence of float or dict, default=None
            What a unit of each objective is worth, likewise; None for the parameter.

        Returns
        -------
        self : object
            The same recommender, with other ``weights_``.
        """
        check_is_fitted(self)
        held_out = self._read(X_val, y_val, reset=False)
        if objective_weights is None:
            objective_weights = self.objective_weights
        (self.weights_,) = weigh(self, held_out, [objective_weights])
        return self

    def frontier(
        self,
        X_val: LogLike,
        y_val: TargetLike,
        *,
        objective_weights: Sequence[Sequence[float] | Mapping[str, float]]
        | None = None,
    ) -> Front:
        """What can be had for what: the weights for many platforms, without training.

        Parameters
        ----------
        X_val, y_val : as X and y of ``fit``
            Held-out impressions.
        objective_weights : sequence of sequences of float or dicts, default=None
            What a unit of each objective is worth to each platform, no two of them the
            same; None for 1 each, 3 for one or two of them, and 9 for one.

        Returns
        -------
        Front, a dict of str to FusedRecommender
            A recommender for each platform, by its weights such as ``"(1, 3, 1)"`` or
            ``"explicit_gain 3"``, printed as the weights of their heads. They share
            what was trained, and the weightings that were tried, so that a point
            depends a little on which others are asked for. In a ``FrozenEstimator``
            they can be compared by :func:`compare_labelers` and drawn by
            :class:`ObjectiveTradeoffDisplay`.
        """
        check_is_fitted(self)
        held_out = self._read(X_val, y_val, reset=False)
        named = named_platforms(self, objective_weights)
        points = zip(named.items(), weigh(self, held_out, named.values()), strict=True)
        return Front(
            {
                name: point_of(self, platform, weights)
                for (name, platform), weights in points
            }
        )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, those of the recommenders by their names.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return those of the recommenders, too.

        Returns
        -------
        dict of str to object
            Parameters by name.
        """
        return self._get_params("recommenders", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the recommenders by their names.

        Parameters
        ----------
        **params : dict
            Parameters by name, such as ``WT__ranker__max_epochs``.

        Returns
        -------
        self : object
            The estimator.
        """
        return self._set_params("recommenders", **params)

    def _named(self, log):
        """The recommenders by name, checked."""
        if self.recommenders is None:
            return usual_recommenders(self, log)
        check_recommenders(self.recommenders)
        names = [name for name, _ in self.recommenders]
        self._validate_names(names + [DURATION] * self.duration_term)
        return self.recommenders
