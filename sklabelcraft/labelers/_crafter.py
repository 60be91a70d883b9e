"""LabelCraft: the label is learned together with a recommender."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import Watch
from sklabelcraft._columns import read_table
from sklabelcraft._crafting import CraftSchedule, craft_labels
from sklabelcraft._platform import Platform, measured, random_references, varying
from sklabelcraft._training import reproducible, usable_device
from sklabelcraft._user_lists import user_lists
from sklabelcraft._validation import (
    COLUMN,
    ROLE,
    all_or_nothing,
    check_widths,
    hand_down,
    hold_out,
)
from sklabelcraft.balancing import SoftmaxBalancing
from sklabelcraft.labelers._base import BaseLabeler
from sklabelcraft.labelers._explain import readable_tree
from sklabelcraft.labelers._starts import INPUTS, SignalReader, starting_rule
from sklabelcraft.modules import LabelNet
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)
from sklabelcraft.rankers import BaseRanker, MLPRanker

PREDICTION_BATCH = 65536
OPTIMIZERS = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
STARTS = ((0, 1, 0.5), (0, 1, 3))  # weights of watch time, D2Q and explicit feedback


class LabelCrafter(CallbackSupportMixin, BaseLabeler):
    """LabelCraft: learn the label that makes the ranker trained on it serve best.

    A label network g(feedback) and a ranker f(features) are trained together: the
    ranker on the labels, and the labels so that, one step of the ranker later, the
    lists that it would show to held-out users do best on the platform's objectives
    [1]_. The log-odds of the label are those of a hand-made rule plus a learned
    correction. Several rules are tried as starts, each with a ranker of its own, and
    the label that served the objectives best is kept.

    Parameters
    ----------
    ranker : MLPRanker, DCNRanker, DINRanker or another BaseRanker, default=None
        The ranker and how it is trained; None for ``MLPRanker()``.
    objectives : sequence of Objective, default=None
        What the platform wants; None for watch time, explicit feedback and the spread
        of durations. Each counts relative to lists shown at random: 1 is as good, 1.1
        is better by a tenth of what they reach. One whose column does not vary on the
        held-out lists is left out with a warning.
    objective_weights : sequence of float, default=None
        What a unit of each objective is worth to the platform; None for 1 each. One of
        weight 0 is only measured.
    balancing : callable, default=None
        Maps the objectives to weights that they are multiplied by at each step, as in
        :mod:`sklabelcraft.balancing`; None for ``SoftmaxBalancing()``.
    k : int, default=10
        Length of the shown lists; held-out users with more than k rows take part.
    temperature : float, default=0.25
        Softness of the top-k, in standard deviations of a user's scores.
    starts : sequence of (float, float, float), default=None
        The starting rules: weights of the scaled watch time, of D2Q's label and of
        explicit feedback, each standardised, in their sum. None for (0, 1, 0.5) and
        (0, 1, 3). The cost grows with their number. Three times 0 makes a label of 1/2
        for every row.
    inputs : sequence of str, default=("watch_time", "duration", "explicit")
        What the label is made of; a starting rule does without what is left out.
    bound : float or None, default=2.0
        The largest correction of the rule's log-odds; None for any.
    hidden : sequence of int, default=(64, 64)
        Widths of the label network.
    optimizer : {"adam", "sgd"}, default="adam"
        Of the label network; Algorithm 1 of [1]_ has "sgd".
    learning_rate : float, default=0.001
        Of that optimiser.
    averaging : float, default=0.99
        The label that is kept is the exponential average of the label network over its
        moves, of which each keeps this share; 0 for the last one.
    warmup_epochs : int, default=1
        Epochs of the ranker on a starting rule, before the label moves.
    validation_users : int, default=128
        Held-out users sampled for each move of the label.
    steps_per_move : int, default=1
        Steps of the ranker per move of the label.
    validation_fraction : float, default=0.2
        Share of each user's rows, the latest, held out when no validation log is given
        to ``fit``; a user with at least 2 (k + 1) rows gives at least k + 1.
    features : list of str or int, default=None
        Columns of the log that the ranker sees; None for user, item and duration.
    user, item : str, int or None, default="user_id", "item_id"
        Columns of the user and the item. A user of None makes one list of all rows.
    duration, watch_time : str or int, default="duration", "watch_time"
        Columns in seconds.
    timestamp : str, int or None, default="timestamp"
        Column that orders a user's rows; the order of the rows where it is missing.
    explicit : sequence of str or int, default=("like", "follow", "comment")
        Columns of explicit feedback, 0/1 or counts; those present in the fitted log
        are used. An empty sequence does without.
    random_state : int, RandomState instance or None, default=None
        Decides everything that is drawn.

    Attributes
    ----------
    label_net_ : torch.nn.Module
        The label network, on the ranks of watch time and duration, on the explicit
        feedback and on the log-odds of the starting rule.
    signals_ : callable
        Reads the ranks and hand-made labels that the label is made of from a log.
    start_ : tuple of float
        The weights of the starting rule that led furthest.
    rule_ : transformer
        That rule, on the hand-made labels.
    ranker_ : BaseRanker
        The ranker trained along with it.
    explicit_ : list of str or int
        The columns of explicit feedback that are used.
    history_ : list of dict
        Per epoch, the ranker's loss, each objective on all held-out lists as they would
        be shown, relative to lists shown at random, and their mean by weight,
        ``objective``, by which training stops and the best epoch is kept; once the
        label moves also the mean weights that balancing gave, such as
        ``weight_duration_spread``.
    n_features_in_ : int
        Number of columns of the log.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if the log was a data frame.

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

    _parameter_constraints: dict = {
        "ranker": [HasMethods(["fit", "predict"]), None],
        "objectives": ["array-like", None],
        "objective_weights": ["array-like", None],
        "balancing": [callable, None],
        "k": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "starts": ["array-like", None],
        "inputs": ["array-like"],
        "bound": [Interval(Real, 0, None, closed="neither"), None],
        "hidden": ["array-like"],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "warmup_epochs": [Interval(Integral, 0, None, closed="left")],
        "validation_users": [Interval(Integral, 1, None, closed="left")],
        "steps_per_move": [Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "features": ["array-like", None],
        "user": ROLE,
        "item": ROLE,
        "duration": COLUMN,
        "watch_time": COLUMN,
        "timestamp": ROLE,
        "explicit": ["array-like"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        ranker=None,
        *,
        objectives=None,
        objective_weights=None,
        balancing=None,
        k=10,
        temperature=0.25,
        starts=None,
        inputs=INPUTS,
        bound=2.0,
        hidden=(64, 64),
        optimizer="adam",
        learning_rate=1e-3,
        averaging=0.99,
        warmup_epochs=1,
        validation_users=128,
        steps_per_move=1,
        validation_fraction=0.2,
        features=None,
        user="user_id",
        item="item_id",
        duration="duration",
        watch_time="watch_time",
        timestamp="timestamp",
        explicit=("like", "follow", "comment"),
        random_state=None,
    ):
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
        self.features = features
        self.user = user
        self.item = item
        self.duration = duration
        self.watch_time = watch_time
        self.timestamp = timestamp
        self.explicit = explicit
        self.random_state = random_state

    @classmethod
    def as_published(cls, **params):
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
        published = {
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
        }
        return cls(**published | params)

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, log, y=None, log_val=None):
        """Learn the label, and a ranker along with it.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback.
        y : None
            Ignored.
        log_val : as log, default=None
            Held-out impressions on which the objectives are measured. By default the
            latest `validation_fraction` of each user's rows in `log` is held out.

        Returns
        -------
        self : object
            The fitted labeler.
        """
        check_widths(self.hidden)
        task = self._init_callback_context(max_subtasks=len(self._starts))
        task.call_on_fit_task_begin(estimator=self, X=log, y=y)
        with all_or_nothing(self):
            table = read_table(self, log, roles=self._keys(), reset=True, min_rows=2)
            for key in (self.watch_time, self.duration):
                table.numeric(key, minimum=0)
            table.any_positive(table.present(self.explicit))
            if log_val is None:
                kept, held = hold_out(
                    table,
                    self.user,
                    self.timestamp,
                    self.validation_fraction,
                    k=self.k,
                )
                table, held_out = table.rows(kept), table.rows(held)
            else:
                held_out = read_table(self, log_val, roles=self._keys(), reset=False)
            self.ranker_ = self._make_ranker()
            device = usable_device(self.ranker_.device)
            with reproducible(check_random_state(self.random_state), device):
                self._craft(table, held_out, task, device)
        task.call_on_fit_task_end(
            estimator=self,
            X=log,
            y=y,
            reconstruction_attributes=lambda: vars(self),
        )
        return self

    def explain(self, log, *, max_leaf_nodes=12):
        """A short decision tree that says nearly the same as the label.

        Parameters
        ----------
        log : data frame or array of shape (n, n_columns)
            Impressions with their feedback; half of them teach the tree, on the other
            half its fidelity is measured.
        max_leaf_nodes : int, default=12
            The number of rules.

        Returns
        -------
        Bunch
            ``tree``, a ``DecisionTreeRegressor`` on the columns ``names``: watch time
            and duration in seconds, the share that was watched, explicit feedback 0 or
            1; ``rules``, the tree as text; and ``fidelity``, its R2.
        """
        check_is_fitted(self)
        table = read_table(self, log, roles=self._keys(), reset=False)
        seconds = [table.numeric(key) for key in (self.watch_time, self.duration)]
        explicit = table.any_positive(self.explicit_)
        return readable_tree(*seconds, explicit, self._label(table), max_leaf_nodes)

    def _craft(self, table, held_out, task, device):
        users = np.zeros(len(held_out)) if self.user is None else held_out[self.user]
        lists = user_lists(users, self.k).to(device)
        self.explicit_ = table.present(self.explicit)
        self.signals_ = self._make_reader(table)
        module, rows, held_rows = self.ranker_._prepare(table, held_out, n_outputs=1)
        platform = self._platform(table, held_out, held_rows, lists)
        schedule, craft = self.ranker_._schedule(unit=True), self._schedule()
        signals = self.signals_(table)
        n_epochs = craft.warmup_epochs + schedule.max_epochs

        def run(weights):
            """Craft a label from a starting rule, with a ranker of its own."""
            rule, ranker = starting_rule(signals.labels, weights), copy.deepcopy(module)
            net = LabelNet(signals.inputs.shape[1], self.hidden, self.bound)
            net, inputs = net.to(device), signals.with_start(rule).to(device)
            subtask = task.subcontext("start", max_subtasks=n_epochs)
            subtask.call_on_fit_task_begin(estimator=self)
            watch = Watch(self, subtask, self._as_fitted(rule, schedule.loss, rows))
            history = craft_labels(
                ranker, net, rows, inputs, platform, schedule, craft, watch
            )
            subtask.call_on_fit_task_end(estimator=self)
            return history, weights, rule, net.cpu(), ranker

        runs = [run(weights) for weights in self.signals_.starts(self._starts)]
        best = max(runs, key=lambda run: _reached(run[0]))
        self.history_, weights, self.rule_, self.label_net_, ranker = best
        self.start_ = tuple(weights.tolist())
        self.ranker_._adopt(ranker, schedule.loss, rows)
        self.ranker_.history_ = [
            {name: epoch[name] for name in ("epoch", "loss")} for epoch in self.history_
        ]

    @property
    def _starts(self):
        return STARTS if self.starts is None else self.starts

    def _as_fitted(self, rule, loss, rows):
        """How to tell what would have been learned, had a run been stopped."""

        def fitted(module, label_net):
            ranker = copy.copy(self.ranker_)
            ranker._adopt(copy.deepcopy(module), loss, rows)
            label_net = copy.deepcopy(label_net).cpu().eval()
            learned = {"rule_": rule, "ranker_": ranker, "label_net_": label_net}
            return vars(self) | learned

        return fitted

    def _schedule(self):
        return CraftSchedule(
            OPTIMIZERS[self.optimizer],
            self.learning_rate,
            self.averaging,
            self.warmup_epochs,
            self.validation_users,
            self.steps_per_move,
        )

    def _make_reader(self, table):
        unknown = [name for name in self.inputs if name not in INPUTS]
        if unknown or not len(self.inputs):
            raise ValueError(
                f"inputs must be some of {list(INPUTS)}, got {list(self.inputs)}."
            )
        return SignalReader(
            table, self.watch_time, self.duration, self.explicit_, self.inputs
        )

    def _make_ranker(self):
        ranker = MLPRanker() if self.ranker is None else self.ranker
        if not isinstance(ranker, BaseRanker):
            raise ValueError(
                "a LabelCrafter looks through the steps of its ranker, which must be "
                f"one of sklabelcraft.rankers, got {ranker!r}. To train another model "
                "on the finished label, give it to LabelCraftRecommender(LabelCrafter()"
                ", model)."
            )
        if ranker.adversary_weight > 0 or ranker.batch_size < 2:
            raise ValueError(
                "the ranker of a LabelCrafter takes no adversary and at least 2 rows a "
                f"step, got adversary_weight={ranker.adversary_weight} and "
                f"batch_size={ranker.batch_size}."
            )
        keys = [self.user, self.item, self.duration]
        features = keys if self.features is None else self.features
        return hand_down(
            ranker,
            features=[key for key in features if key is not None],
            user=self.user,
            item=self.item,
            duration=self.duration,
            timestamp=self.timestamp,
        )

    def _platform(self, table, held_out, held_rows, lists):
        objectives = self._objectives()
        weights = self._weights(len(objectives))
        columns = [
            measured(
                objective,
                self._column(objective, table),
                self._column(objective, held_out),
            ).to(lists.rows.device)[lists.rows]
            for objective in objectives
        ]
        kept = varying(zip(objectives, columns, weights, strict=True))
        objectives, values, weights = zip(*kept, strict=True)
        return Platform(
            held_rows,
            lists,
            objectives,
            values,
            random_references(objectives, values, lists, self.k),
            torch.tensor(weights, device=lists.rows.device),
            SoftmaxBalancing() if self.balancing is None else self.balancing,
            self.k,
            self.temperature,
        )

    def _weights(self, n_objectives):
        if self.objective_weights is None:
            return [1.0] * n_objectives
        weights = [float(weight) for weight in self.objective_weights]
        if len(weights) != n_objectives or min(weights) < 0 or max(weights) == 0:
            raise ValueError(
                f"objective_weights must be {n_objectives} numbers, none negative and "
                f"not all 0, got {self.objective_weights!r}."
            )
        return weights

    def _objectives(self):
        if self.objectives is None:
            explicit = [explicit_objective] if self.explicit_ else []
            return watch_time_objective, *explicit, duration_objective
        if not all(isinstance(objective, Objective) for objective in self.objectives):
            raise ValueError(
                "objectives must be a sequence of Objective, got "
                f"{list(self.objectives)!r}."
            )
        return tuple(self.objectives)

    def _column(self, objective, table):
        if objective.column == "explicit":
            return table.any_positive(self.explicit_)
        roles = {"watch_time": self.watch_time, "duration": self.duration}
        return table.numeric(roles.get(objective.column, objective.column))

    def _keys(self):
        return [self.watch_time, self.duration, *self.explicit]

    def _label(self, log):
        with reproducible(), torch.no_grad():
            inputs = self.signals_(log).with_start(self.rule_)
            parts = inputs.split(PREDICTION_BATCH)
            labels = torch.cat([self.label_net_(part)[:, 0] for part in parts])
        return labels.double().numpy()


def _reached(history):
    """The highest objective of a run."""
    return max(epoch["objective"] for epoch in history)
