"""How any ranker trains a network on labels and scores impressions."""

import copy
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import RegressorMixin, _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Bunch, check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import fitting
from sklabelcraft._docs import shared
from sklabelcraft._estimator import LogEstimator, shared_random_state
from sklabelcraft._holdout import hold_out
from sklabelcraft._log import read_log
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._torch import Drawing, generator_from, own_settings, usable_device
from sklabelcraft.columns import Columns
from sklabelcraft.losses import LOSSES, choose_loss
from sklabelcraft.training import (
    OPTIMIZERS,
    Loop,
    RankerTask,
    check_agreed,
    drawing_in_training,
    fingerprint,
    processes,
)

VALIDATION_FRACTION = 0.1


class BaseRanker(CallbackSupportMixin, RegressorMixin, LogEstimator):
    """How any network is trained; a subclass says which one is the default."""

    _parameter_constraints: dict = {
        "network": [callable, None],
        "loss": [StrOptions({"auto", *LOSSES}), callable],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, 1e30, closed="right")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "adversary_weight": [Interval(Real, 0, None, closed="left")],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "precision": [StrOptions(set(DTYPES))],
        "columns": [Columns, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        network=None,
        *,
        loss="auto",
        optimizer="adamw",
        learning_rate=1e-3,
        weight_decay=0.1,
        batch_size=512,
        max_epochs=20,
        patience=5,
        averaging=0.5,
        validation_fraction=None,
        adversary_weight=0.0,
        min_count=2,
        device="cpu",
        precision="float32",
        columns=None,
        random_state=None,
    ):
        self.network = network
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
        self.device = device
        self.precision = precision
        self.columns = columns
        self.random_state = random_state

    @shared
    def fit(self, X, y, X_val=None, y_val=None):
        """Fit the network to the labels.

        Parameters
        ----------
        {impressions}
        y : array-like of shape (n,) or (n, n_labels)
            Their labels; several labels are learned by one network with several heads.
        X_val, y_val : as X and y, default=None
            Rows for early stopping. By default the latest `validation_fraction` of
            each user's rows in X is held out.

        Returns
        -------
        self : object
            The fitted ranker.

        Raises
        ------
        ValueError
            If training diverges, or the data are not what is described here.
        """
        return self._fit(X, y, X_val, y_val)

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit(self, X, y, X_val=None, y_val=None, outer=None):
        """Fit, and tell the watch of an estimator around this one."""
        check_pair(X_val, y_val)
        with fitting(self, X, y, outer=outer) as watch, processes() as group:
            watch.agreed = group.agreed
            device, columns = usable_device(self.device), self._stated("columns")
            keys = self._keys(columns)
            log = read_log(self, X, keys, reset=True)
            train, held_out = (log, self._labels(y, log)), None
            if X_val is not None:
                valid = read_log(self, X_val, keys, reset=False)
                held_out = valid, self._labels(y_val, valid)
            else:
                train, held_out = self._hold_out(*train, columns)
            with own_settings(device, training=True):
                self._train(train, held_out, columns, device, watch, group)
        return self

    @shared
    def predict(self, X):
        """Score impressions.

        Parameters
        ----------
        {impressions}

        Returns
        -------
        ndarray of shape (n,)
            One score per impression, the higher the earlier in the list: the predicted
            label; with several labels, the mean of the heads' logits after each is
            standardised by its mean and standard deviation over the training rows.
        """
        logits = self.head_scores(X)
        return self.model_.scores_of(logits)

    @shared
    def head_scores(self, X):
        """Logits of impressions, label by label.

        Parameters
        ----------
        {impressions}

        Returns
        -------
        ndarray of shape (n, n_labels)
            One logit per impression and label.
        """
        check_is_fitted(self)
        log = read_log(self, X, self.model_.keys, reset=False)
        device = usable_device(self.device)
        with own_settings(device):
            model = self.model_.to(device)
            return model.logits(model.encode(log).to(device))

    def settings(self):
        """The parameters as plain attributes, with a network in place of None.

        Returns
        -------
        Bunch
        """
        params = Bunch(**self.get_params(deep=False))
        if params.network is None:
            make = self._default_parts().get("network")
            if make is None:
                raise ValueError("network must make a torch.nn.Module, got None.")
            params.network = make()
        return params

    def adopt(self, model, history):
        """Take a trained model as this ranker's own.

        Parameters
        ----------
        model : RankerModel
            What was learned.
        history : list of dict
            Per epoch, what was told of it.

        Returns
        -------
        self : object
            The ranker, as if it were fitted.
        """
        self.model_, self.features_ = model, model.encoder.features
        self.history_ = history
        return self

    def _keys(self, columns):
        roles = [columns.user, columns.item, columns.duration, columns.timestamp]
        keys = [*roles, *(columns.features or ())]
        return [key for key in keys if key is not None]

    def _hold_out(self, log, labels, columns):
        """The earlier rows, and the latest of each user; None if there are none."""
        fraction = self.validation_fraction
        fraction = VALIDATION_FRACTION if fraction is None else fraction
        kept, held = hold_out(log, columns, fraction)
        held_out = (log.rows(held), labels[held]) if len(held) else None
        return (log.rows(kept), labels[kept]), held_out

    def _labels(self, y, log):
        return check_labels(y, log).to(DTYPES[self.precision])

    def _train(self, train, held_out, columns, device, watch, group):
        (log, labels), settings = train, self.settings()
        rng = shared_random_state(self.random_state, group)
        nuisance = self._nuisance(log, columns, device)
        loss = choose_loss(self.loss, bool(((labels >= 0) & (labels <= 1)).all()))
        logs = [log] if held_out is None else [log, held_out[0]]
        sizes = {"n_outputs": labels.shape[1], "loss": loss}
        model, rows = RankerModel.prepare(logs, columns, settings, rng, **sizes)
        model, rows = model.to(device), [part.to(device) for part in rows]
        if held_out is not None:
            held_out = rows[1], held_out[1].to(device)
        check_agreed(group, summary(self, model, rows, {"labels": [labels]}))
        labels = labels.to(device)
        with Drawing(rng):
            data = model, rows[0], labels, held_out, nuisance
            task = RankerTask(*data, settings, group)
        loop = Loop(task, generator_from(rng), settings, settings.max_epochs)

        def attributes():
            """What would have been learned, had the fit stopped here."""
            stopped = model.with_average(task.averages["ranker"])
            if labels.shape[1] > 1:
                stopped.fit_head_scales(rows[0])
            return vars(copy.copy(self).adopt(stopped, list(loop.history)))

        watch.attributes = attributes
        with drawing_in_training(model.module, rows[0], rng, device, group):
            loop.run(watch)
        if labels.shape[1] > 1:
            model.fit_head_scales(rows[0])
        self.adopt(model, loop.history)

    def _nuisance(self, log, columns, device):
        """The standardised log of the duration, which an adversary reads; or None."""
        if self.adversary_weight == 0:
            return None
        if columns.duration is None:
            raise ValueError("an adversary needs the duration, got duration=None.")
        log_duration = np.log1p(log.numeric(columns.duration, minimum=0))
        spread = log_duration.std() or 1.0
        nuisance = (log_duration - log_duration.mean()) / spread
        return torch.as_tensor(nuisance).to(device, DTYPES[self.precision])


def check_labels(y, log):
    """The labels of the rows of a log, float64 tensor of shape (n, n_labels)."""
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    if len(y) != len(log):
        raise ValueError(
            f"X and y must have the same number of rows, got {len(log)} and {len(y)}."
        )
    beyond = np.abs(y).reshape(len(y), -1).max(axis=1) > np.finfo(np.float32).max
    if beyond.any():
        row = beyond.argmax()
        raise ValueError(
            "labels must lie in the range of float32, up to 3.4e38; that of row "
            f"{row} is {y[row]}."
        )
    return torch.from_numpy(y.reshape(len(y), -1).copy())


def summary(estimator, model, rows, data):
    """What processes that train together must have alike, by name.

    Parameters
    ----------
    estimator : estimator
        Its parameters, all but the device.
    model : RankerModel
        Its initial weights, which the random state draws.
    rows : list of Impressions
        The encoded training rows and, perhaps, held-out rows.
    data : dict of list of tensor
        Further data by name.

    Returns
    -------
    dict
    """
    params = {"estimator": estimator} | estimator.get_params(deep=True)
    described = {
        name: type(value) if hasattr(value, "get_params") else value
        for name, value in params.items()
        if name.split("__")[-1] != "device"
    }
    for name, part in zip(("training rows", "held-out rows"), rows, strict=False):
        seen = part.codes, part.numeric, part.pasts.start, part.pasts.stop
        described |= {f"number of {name}": len(part), name: fingerprint(seen)}
    described |= {name: fingerprint(tensors) for name, tensors in data.items()}
    weights = list(model.module.parameters())
    return described | {"initial weights (random_state)": fingerprint(weights)}


def check_pair(X_val, y_val):
    """Check that validation data come together or not at all."""
    if (X_val is None) != (y_val is None):
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val must be given together, {missing} is None.")
