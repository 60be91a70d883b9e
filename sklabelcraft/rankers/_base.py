"""The template of every ranker."""

import copy
import warnings
from abc import abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import Watch
from sklabelcraft._columns import read_table
from sklabelcraft._encoder import Encoder
from sklabelcraft._optimizers import OPTIMIZERS
from sklabelcraft._training import (
    Schedule,
    predict_logits,
    reproducible,
    train_ranker,
    usable_device,
)
from sklabelcraft._validation import (
    ROLE,
    all_or_nothing,
    check_pair,
    check_widths,
    hold_out,
)
from sklabelcraft.losses import LOSSES, UNIT_LOSSES, log_loss, squared_error
from sklabelcraft.modules import DurationAdversary, HalfPrecision


class BaseRanker(CallbackSupportMixin, RegressorMixin, BaseEstimator):
    """Template of the rankers; a subclass builds the network in ``_build``."""

    history_length = 0
    _takes_roles = True
    _parameter_constraints: dict = {
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "hidden": ["array-like"],
        "loss": [StrOptions({"auto", *LOSSES}), callable],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "adversary_weight": [Interval(Real, 0, None, closed="left")],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "features": ["array-like", None],
        "user": ROLE,
        "item": ROLE,
        "duration": ROLE,
        "timestamp": ROLE,
        "device": [str, torch.device],
        "precision": [StrOptions({"float32", "bfloat16"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        embedding_dim=16,
        hidden=(64, 32),
        loss="auto",
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.1,
        batch_size=512,
        max_epochs=20,
        patience=5,
        averaging=0.5,
        validation_fraction=0.1,
        adversary_weight=0.0,
        min_count=2,
        features=None,
        user="user_id",
        item="item_id",
        duration="duration",
        timestamp="timestamp",
        device="cpu",
        precision="float32",
        random_state=None,
    ):
        self.embedding_dim = embedding_dim
        self.hidden = hidden
        self.loss = loss
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.patience = patience
        self.averaging = averaging
        self.validation_fraction = validation_fraction
        self.adversary_weight = adversary_weight
        self.min_count = min_count
        self.features = features
        self.user = user
        self.item = item
        self.duration = duration
        self.timestamp = timestamp
        self.device = device
        self.precision = precision
        self.random_state = random_state

    @abstractmethod
    def _build(self, n_outputs):
        """Make the network for `n_outputs` labels from what ``encoder_`` learned."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, X_val=None, y_val=None):
        """Fit the network to the labels.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            The impressions.
        y : array-like of shape (n,) or (n, n_labels)
            Their labels; several labels are learned by one network with several heads.
        X_val, y_val : as X and y, default=None
            Rows for early stopping. By default the latest `validation_fraction` of
            each user's rows in X is held out.

        Returns
        -------
        self : object
            The fitted ranker.
        """
        check_pair(X_val, y_val)
        check_widths(self.hidden)
        data = {"estimator": self, "X": X, "y": y}
        task = self._init_callback_context(max_subtasks=self.max_epochs)
        task.call_on_fit_task_begin(**data)
        with all_or_nothing(self):
            table = read_table(self, X, roles=self._keys(), reset=True)
            labels = self._check_labels(y, table)
            if X_val is None:
                kept, held = hold_out(
                    table, self.user, self.timestamp, self.validation_fraction
                )
                train = table.rows(kept), labels[kept]
                held_out = table.rows(held), labels[held]
            else:
                valid = read_table(self, X_val, roles=self._keys(), reset=False)
                train = table, labels
                held_out = valid, self._check_labels(y_val, valid)
            device = usable_device(self.device)
            with reproducible(check_random_state(self.random_state), device):
                self._train(*train, *held_out, task, X, y)
        task.call_on_fit_task_end(**data, reconstruction_attributes=lambda: vars(self))
        return self

    def predict(self, X):
        """Score impressions.

        Parameters
        ----------
        X : data frame or array of shape (n, n_columns)
            The impressions.

        Returns
        -------
        ndarray of shape (n,)
            One score per impression, the higher the earlier in the list: the predicted
            label; with several labels, the mean of the heads' logits after each is
            standardised by its mean and standard deviation over the training rows.
        """
        check_is_fitted(self)
        table = read_table(self, X, roles=self.features_, reset=False)
        device = usable_device(self.device)
        with reproducible():
            rows = self.encoder_.encode(table).to(device)
            logits = predict_logits(self.module_.to(device), rows).double().cpu()
        if logits.shape[1] > 1:
            return ((logits - self.head_mean_) / self.head_scale_).mean(1).numpy()
        unit = self.loss_ in UNIT_LOSSES.values()
        return (logits.sigmoid() if unit else logits)[:, 0].numpy()

    def __getstate__(self):
        """Store the network on the CPU, so that it can be loaded on any machine."""
        state = super().__getstate__()
        if any(p.device.type != "cpu" for p in _parameters(state)):
            state["module_"] = copy.deepcopy(state["module_"]).cpu()
        return state

    def _shape(self, n_outputs):
        """Sizes of a network for what was learned from the features."""
        return {
            "cardinalities": self.encoder_.cardinalities,
            "n_numeric": self.encoder_.n_numeric,
            "n_outputs": n_outputs,
            "embedding_dim": self.embedding_dim,
            "hidden": self.hidden,
        }

    def _keys(self):
        roles = [self.user, self.item, self.duration, self.timestamp]
        return [key for key in [*roles, *(self.features or ())] if key is not None]

    def _check_labels(self, y, table):
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        if len(y) != len(table):
            raise ValueError(
                f"X and y must have the same number of rows, got {len(table)} and "
                f"{len(y)}."
            )
        return torch.tensor(y.reshape(len(y), -1), dtype=torch.float32)

    def _train(self, table, labels, held_table, held_labels, task, X, y):
        schedule = self._schedule(bool(((labels >= 0) & (labels <= 1)).all()))
        module, rows, *held_rows = self._prepare(table, held_table, labels.shape[1])
        labels, held_labels = (y.to(rows.codes.device) for y in (labels, held_labels))
        held_out = (*held_rows, held_labels) if held_rows else None
        adversary = self._adversary(module, table, labels)

        def fitted(module):
            """What would have been learned, had the fit stopped here."""
            ranker = copy.copy(self)
            ranker._adopt(copy.deepcopy(module), schedule.loss, rows)
            return vars(ranker)

        watch = Watch(self, task, fitted, X, y)
        self.history_ = train_ranker(
            module, rows, labels, schedule, watch, held_out, adversary
        )
        self._adopt(module, schedule.loss, rows)

    def _prepare(self, table, held_out, n_outputs):
        """Make the network, and encode the rows to train on and those held out.

        All on the device.
        """
        device = usable_device(self.device)
        user, item, duration, timestamp = (
            table.canonical(key) if key in table else key
            for key in (self.user, self.item, self.duration, self.timestamp)
        )
        left_out = [timestamp] + [duration] * (self.adversary_weight > 0)
        features = table.keys if self.features is None else self.features
        features = [table.canonical(key) for key in features]
        self.features_ = [key for key in features if key not in left_out]
        _warn_of_dates(table, self.features_, timestamp)
        self.encoder_ = Encoder(
            user,
            item,
            duration,
            timestamp,
            self.features_,
            self.min_count,
            self.history_length,
        )
        held_out = [held_out] if len(held_out) else []
        parts = self.encoder_.learn(table, *held_out)
        module = self._build(n_outputs)
        if self.precision == "bfloat16":
            module = HalfPrecision(module)
        return module.to(device), *(part.to(device) for part in parts)

    def _schedule(self, unit):
        """How to train, on labels that all lie in [0, 1] or not."""
        loss = LOSSES.get(self.loss, self.loss)
        if self.loss == "auto":
            loss = log_loss if unit else squared_error
        if loss in UNIT_LOSSES.values() and not unit:
            raise ValueError(
                f"loss={self.loss!r} needs labels in [0, 1], got some beyond; "
                "'squared_error' takes any."
            )
        return Schedule(
            loss,
            self.optimizer,
            self.learning_rate,
            self.weight_decay,
            self.batch_size,
            self.max_epochs,
            self.patience,
            self.averaging,
        )

    def _adversary(self, module, table, labels):
        if self.adversary_weight == 0:
            return None
        if self.duration is None:
            raise ValueError("an adversary needs the duration, got duration=None.")
        log_duration = np.log1p(table.numeric(self.duration, minimum=0))
        spread = log_duration.std() or 1.0
        nuisance = torch.as_tensor((log_duration - log_duration.mean()) / spread)
        adversary = DurationAdversary(module, labels.shape[1], self.adversary_weight)
        return adversary.to(labels.device), nuisance.to(labels)

    def _adopt(self, module, loss, impressions):
        """Take a trained network as this ranker's own."""
        self.module_, self.loss_ = module, loss
        logits = predict_logits(module, impressions).double().cpu()
        self.head_mean_ = logits.mean(0)
        scale = logits.std(0, correction=0)
        self.head_scale_ = scale.where(scale > 0, 1.0)


def _parameters(state):
    """The parameters of a network, if there is one."""
    return state["module_"].parameters() if "module_" in state else []


def _warn_of_dates(table, features, timestamp):
    """Warn that dates are categories like any other, and perhaps meant as the clock."""
    dates = [key for key in features if table.is_date(key)]
    if dates:
        warnings.warn(
            f"the columns {dates} hold dates and are taken as categories, while "
            f"timestamp={timestamp!r} orders the rows. State timestamp={dates[0]!r} or "
            "leave them out of the features.",
            stacklevel=2,
        )
