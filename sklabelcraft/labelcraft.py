"""LabelCraft: the label is learned together with a recommender."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal, Self

from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import fitting
from sklabelcraft._craft import Craft, feedback_of
from sklabelcraft._docs import shared
from sklabelcraft._estimator import POSITIVE
from sklabelcraft._reading import read_log
from sklabelcraft._split_rows import explicit_of, read_split
from sklabelcraft._starts import ranker_of, starts_of
from sklabelcraft._tables import LogLike
from sklabelcraft._torch import own_settings, usable_device
from sklabelcraft._typing import RandomSource, typed
from sklabelcraft._units import warn_of_units
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.columns import Columns
from sklabelcraft.inspection import ReadableTree, readable_tree
from sklabelcraft.labelers._base import LogLabeler
from sklabelcraft.modules._label import INPUTS
from sklabelcraft.objectives import Objective, duration_objective
from sklabelcraft.rankers import MLPRanker
from sklabelcraft.rankers._base import BaseRanker
from sklabelcraft.training import processes
from sklabelcraft.training._bilevel import LABEL_OPTIMIZERS


@shared
class LabelCrafter(CallbackSupportMixin, LogLabeler):
    """LabelCraft: learn the label that makes the ranker trained on it serve best.

    A label network g(feedback) and a ranker f(features) are trained together: the
    ranker on the labels, and the labels so that, one step of the ranker later, the
    lists that it would show to held-out users do best on the platform's objectives
    [1]_. The log-odds of the label are those of a hand-made rule plus a learned
    correction. Several rules are tried as starts, each with a ranker of its own; those
    that fall behind drop out, and the label that served the objectives best is kept.

    {unknown}

    Parameters
    ----------
    ranker : MLPRanker, DCNRanker, DINRanker or another BaseRanker, default=None
        The ranker and how it is trained; None for ``MLPRanker()``.
    objectives : sequence of Objective, default=None
        What the platform wants; None for watch time, explicit feedback and the spread
        of durations. Each counts relative to lists shown at random: 1 is as good, 1.1
        is better by a tenth of what they reach. One whose column does not vary on the
        held-out lists is left out with a warning.
    {objective_weights}
    balancing : callable, default=None
        Maps the objectives to weights that they are multiplied by at each step, as in
        :mod:`sklabelcraft.balancing`; None for ``SoftmaxBalancing()``.
    k : int, default=None
        Length of the shown lists; held-out users with more than k rows take part. None
        for that of the estimator around this one, else 10.
    temperature : float, default=0.25
        Softness of the top-k, in standard deviations of a user's scores.
    starts : sequence of (float, float, float), default=None
        The starting rules: weights of the scaled watch time, of D2Q's label and of
        explicit feedback, each standardised, in their sum. None for (0, 1, 0.5) and
        (0, 1, 3). They take turns, an epoch each; one whose objective, summed over the
        epochs, is 0.1 below that of the leader drops out. Three times 0 makes a label
        of 1/2 for every row.
    inputs : sequence of str, default=("watch_time", "duration", "explicit")
        What the label is made of; a starting rule does without what is left out.
    bound : float or None, default=2.0
        The largest correction of the rule's log-odds; None for any.
    hidden : sequence of int, default=(64, 64)
        Widths of the label network, 2**16 at most.
    optimizer : {"adam", "sgd"}, default="adam"
        Of the label network; Algorithm 1 of [1]_ has "sgd".
    learning_rate : float, default=0.002
        Of that optimiser.
    averaging : float, default=0.96
        The label that is kept is the exponential average of the label network over its
        moves, of which each keeps this share; 0 for the last one.
    warmup_epochs : int, default=1
        Epochs of the ranker on a starting rule, before the label moves.
    validation_users : int, default=64
        Held-out users sampled for each move of the label.
    steps_per_move : int, default=4
        Steps of the ranker per move of the label.
    validation_fraction : float, default=0.2
        Share of each user's rows, the latest, held out when no validation log is given
        to ``fit``; a user with at least 2 (k + 1) rows gives at least k + 1.
    {columns}
    random_state : int, RandomState instance or None, default=None
        Controls the sampling of held-out users and the initial weights of the label,
        and those of the ranker where it has no random state of its own; None for that
        of the estimator around this one.

    Attributes
    ----------
    label_net_ : torch.nn.Module
        The learned label as one module: it maps seconds watched, seconds of duration
        and explicit feedback to labels.
    start_ : tuple of float
        The weights of the starting rule that led furthest.
    ranker_ : BaseRanker
        The ranker trained along with it.
    explicit_ : list of str or int
        The columns of explicit feedback that are used.
    {n_unknown}
    history_ : list of dict
        Per epoch, the ranker's loss, each objective on all held-out lists as they would
        be shown, relative to lists shown at random, and their mean by weight,
        ``objective``, by which training stops and the best epoch is kept; once the
        label moves also the mean weights that balancing gave, such as
        ``weight_duration_spread``.
    training_state_ : dict
        What ``partial_fit`` goes on from: the states of the optimisers, what was
        counted, and the held-out rows.
    {learned_names}

    References
    ----------
    .. [1] Bai et al., "LabelCraft: Empowering Short Video Recommendations with
       Automated Label Crafting", WSDM 2024.

    Examples
    --------
    >>> from sklabelcraft import LabelCrafter, MLPRanker
    >>> from sklabelcraft.datasets import make_short_videos
    >>> log = make_short_videos(n_users=50, random_state=0).frame
    >>> crafter = LabelCrafter(MLPRanker(max_epochs=2), random_state=0).fit(log)
    >>> crafter.transform(log).shape == (len(log), 1)
    True
    """

    _parameter_constraints: dict = LogLabeler._parameter_constraints | {
        "ranker": [HasMethods(["fit", "predict"]), None],
        "objectives": ["array-like", None],
        "objective_weights": ["array-like", dict, None],
        "balancing": [callable, None],
        "k": [Interval(Integral, 1, None, closed="left"), None],
        "temperature": [POSITIVE],
        "starts": ["array-like", None],
        "inputs": ["array-like"],
        "bound": [POSITIVE, None],
        "hidden": ["array-like"],
        "optimizer": [StrOptions(set(LABEL_OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, 1e30, closed="right")],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        "validation_users": [Interval(Integral, 1, None, closed="left")],
        "steps_per_move": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        ranker: BaseRanker | None = None,
        *,
        objectives: Sequence[Objective] | None = None,
        objective_weights: Sequence[float] | Mapping[str, float] | None = None,
        balancing: Callable[..., Any] | None = None,
        k: int | None = None,
        temperature: float = 0.25,
        starts: Sequence[tuple[float, float, float]] | None = None,
        inputs: Sequence[str] = INPUTS,
        bound: float | None = 2.0,
        hidden: Sequence[int] = (64, 64),
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 2e-3,
        averaging: float = 0.96,
        warmup_epochs: int = 1,
        validation_users: int = 64,
        steps_per_move: int = 4,
        validation_fraction: float = 0.2,
        columns: Columns | None = None,
        random_state: RandomSource = None,
    ) -> None:
        super().__init__(columns=columns)
        self.ranker = ranker
        self.objectives = objectives
        self.objective_weights = objective_weights
        self.balancing = balancing
        self.k = k
        self.temperature = temperature
        self.starts = starts
        self.inputs = inputs
        self.bound = bound
        self.hidden = hidden
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.averaging = averaging
        self.warmup_epochs = warmup_epochs
        self.validation_users = validation_users
        self.steps_per_move = steps_per_move
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @classmethod
    def as_published(cls, **params: Any) -> Self:
        """Algorithm 1 of LabelCraft as published, without what stabilises it here.

        Plain gradient steps of ranker and label network from the first step on; no
        starting rule, bound or average; the means of the paper's slides as objectives,
        softmax(-tau M) with tau 0.5, and a top-k of temperature 0.005. The objectives
        are relative to random lists and the scores standardised all the same.

        Parameters
        ----------
        **params : object
            Parameters that are to be others.

        Returns
        -------
        LabelCrafter
            To be fitted.
        """
        return cls(**PUBLISHED | params)

    @shared
    def fit(
        self,
        log: LogLike,
        y: None = None,
        log_val: LogLike | None = None,
        sample_weight: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Learn the label, and a ranker along with it.

        Parameters
        ----------
        {log}
        {held_out_log}

        Returns
        -------
        self : object
            The fitted labeler.

        Raises
        ------
        ValueError
            If training diverges, no held-out user has more than k rows, or the data are
            not what is described here.
        """
        return self._fit((log, sample_weight), (log_val, sample_weight_val))

    @shared
    def partial_fit(
        self,
        log: LogLike,
        y: None = None,
        log_val: LogLike | None = None,
        sample_weight: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Go on from what was learned, with further rows, such as those of a new day.

        Ranker and label train on, from the start that led furthest, in one pass over
        these rows and, as the ranker's `replay` says, some of those before. The label's
        scales are those of all rows so far; the objectives are measured on the last
        2**20 held-out rows of all calls. The first call is as ``fit``.

        Parameters
        ----------
        {log}
        {held_out_log}

        Returns
        -------
        self : object
            The fitted labeler.
        """
        train, held_out = (log, sample_weight), (log_val, sample_weight_val)
        return self._fit(train, held_out, further=hasattr(self, "label_net_"))

    @typed(_fit_context(prefer_skip_nested_validation=False))
    def _fit(self, train, held_out, outer=None, further=False):
        """Fit, and tell the watch of an estimator around this one."""
        starts, known = starts_of(self, further)
        fit = fitting(self, train[0], None, max_subtasks=len(starts), outer=outer)
        with fit as watch, processes() as group:
            watch.agreed = group.agreed
            columns, k = self._stated("columns"), self._stated("k")
            ranker = ranker_of(self, columns)
            device = usable_device(ranker.device)
            logs, weights = read_split(self, train, held_out, further)
            self.explicit_ = explicit_of(self, logs[0], further)
            warn_of_units(logs[0], columns)
            data = ranker, logs, weights, columns, k, device, group, known
            with own_settings(device, training=True):
                vars(self).update(Craft(self, *data).learn(starts, watch))
        return self

    def explain(self, log: LogLike, *, max_leaf_nodes: int = 12) -> ReadableTree:
        """A short decision tree that says nearly the same as the label.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback; half of those whose explicit feedback is
            known teach the tree, on the other half its fidelity is measured.
        max_leaf_nodes : int, default=12
            The number of rules.

        Returns
        -------
        Bunch
            It is shown as a table, ``rules``, a DataFrame with a row per rule. Beside
            it are ``tree``, a ``DecisionTreeRegressor`` on the columns ``names``: watch
            time and duration in seconds, the share that was watched, explicit feedback
            0 or 1; and its R2, ``fidelity`` of all rows, ``fidelity_with_explicit`` and
            ``fidelity_without_explicit`` of those with and without explicit feedback.
        """
        check_is_fitted(self)
        columns = self._stated("columns")
        table = read_log(self, log, self._keys(columns), reset=False)
        feedback = feedback_of(table, columns, self.explicit_)
        watched, duration, explicit = (column.numpy() for column in feedback)
        labels = self._label(table, columns)
        return readable_tree(watched, duration, explicit, labels, max_leaf_nodes)

    def _default_parts(self):
        return {"ranker": MLPRanker}

    def _keys(self, columns):
        return [columns.watch_time, columns.duration, *columns.explicit]

    def _label(self, log, columns):
        with own_settings():
            return self.label_net_.exact(feedback_of(log, columns, self.explicit_))


PUBLISHED: dict[str, Any] = {
    "ranker": MLPRanker(
        loss="brier", optimizer="sgd", learning_rate=0.1, averaging=0.0
    ),
    "objectives": (
        Objective("watch_time", "mean", "scale"),
        Objective("explicit", "mean", "indicator"),
        duration_objective,
    ),
    "balancing": SoftmaxBalancing(0.5),
    "temperature": 0.005,
    "starts": [(0, 0, 0)],
    "bound": None,
    "hidden": (256, 256),
    "optimizer": "sgd",
    "learning_rate": 1e-4,
    "averaging": 0.0,
    "warmup_epochs": 0,
    "validation_users": 128,
    "steps_per_move": 1,
}
