"""How any ranker trains a network on labels and scores impressions."""

import os
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from sklabelcraft._callbacks import fitting
from sklabelcraft._docs import shared
from sklabelcraft._estimator import NOT_NEGATIVE, LogEstimator
from sklabelcraft._model import DTYPES, RankerModel
from sklabelcraft._probabilities import Probabilities
from sklabelcraft._reading import read_source
from sklabelcraft._tables import LogLike, TargetLike
from sklabelcraft._torch import on_cpu, own_settings, usable_device
from sklabelcraft._typing import Floats, PathLike, RandomSource, typed
from sklabelcraft.columns import Columns
from sklabelcraft.losses import LOSSES
from sklabelcraft.rankers._given import NOTHING, read_given
from sklabelcraft.rankers._scored import ScoredWhereKnown
from sklabelcraft.rankers._training import RankerTraining
from sklabelcraft.training import OPTIMIZERS, processes

AT_ONCE = 2**17  # rows to score, so that what is made of them is small


@shared
class BaseRanker(Probabilities, CallbackSupportMixin, ScoredWhereKnown, LogEstimator):
    """How any network is trained; a subclass says which one is the default.

    Parameters
    ----------
    network : callable, default=None
        Makes the network, as :class:`ModuleRanker` says; None for the default one.
    {training}

    Attributes
    ----------
    {trained}
    """

    __metadata_request__predict = {"to": UNUSED}  # it is no metadata of rows
    _parameter_constraints: dict = {
        "network": [callable, None],
        "loss": [StrOptions({"auto", *LOSSES}), callable],
        "optimizer": [StrOptions(set(OPTIMIZERS))],
        "learning_rate": [Interval(Real, 0, 1e30, closed="right")],
        "weight_decay": [NOT_NEGATIVE],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left")],
        "averaging": [Interval(Real, 0, 1, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="left"), None],
        "adversary_weight": [NOT_NEGATIVE],
        "replay": [NOT_NEGATIVE],
        "min_count": [Interval(Integral, 1, None, closed="left")],
        "device": [str, torch.device],
        "precision": [StrOptions(set(DTYPES))],
        "window_bytes": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, os.PathLike, None],
        "every": [Interval(Integral, 1, None, closed="left"), None],
        "columns": [Columns, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        network: Callable[..., Any] | None = None,
        *,
        loss: Literal["auto", "log_loss", "brier", "squared_error"]
        | Callable[..., Any] = "auto",
        optimizer: Literal["adamw", "sgd"] = "adamw",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.1,
        batch_size: int = 512,
        max_epochs: int = 20,
        patience: int = 5,
        averaging: float = 0.5,
        validation_fraction: float | None = None,
        adversary_weight: float = 0.0,
        replay: float = 5.0,
        min_count: int = 2,
        device: str | torch.device = "cpu",
        precision: Literal["float32", "bfloat16", "float64"] = "float32",
        window_bytes: int = 2**26,
        checkpoint: PathLike | None = None,
        every: int | None = None,
        columns: Columns | None = None,
        random_state: RandomSource = None,
    ) -> None:
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
        self.replay = replay
        self.min_count = min_count
        self.device = device
        self.precision = precision
        self.window_bytes = window_bytes
        self.checkpoint = checkpoint
        self.every = every
        self.columns = columns
        self.random_state = random_state

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
        """Fit the network to the labels.

        Parameters
        ----------
        {impressions_or_files}
        y : array-like of shape (n,) or (n, n_labels), str or list of str
            Their labels; several labels are learned by one network with several heads.
            Of a log in files, the names of its columns that hold them. One that is
            missing (NaN) is not known: it takes no part in the loss, which is, label by
            label, the mean over the rows where it is known.
        X_val, y_val : as X and y, default=None
            Rows for early stopping. By default the latest `validation_fraction` of
            each user's rows in X is held out; of more than 2**20 rows, of some users
            drawn by their hashes.
        {sample_weights}

        Returns
        -------
        self : object
            The fitted ranker.

        Raises
        ------
        ValueError
            If training diverges, a label is missing on all training rows, or the data
            are not what is described here.
        """
        return self._fit((X, y, sample_weight), (X_val, y_val, sample_weight_val))

    @shared
    def partial_fit(
        self, X: LogLike, y: TargetLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Go on from what was learned, with further rows, such as those of a new day.

        It passes once over these rows and `replay` times as many of those before, drawn
        from a sample of all rows so far, from the weights, averages and state of the
        optimiser that were left. Users, items and categories that are new get codes and
        weights of their own, all others keep theirs; ranks of numbers are those among
        all rows so far; a past goes on. The first call is as ``fit``.

        Parameters
        ----------
        {impressions_or_files}
        y : as in fit
            Their labels, as many per row as before.
        {sample_weight}

        Returns
        -------
        self : object
            The fitted ranker.

        Raises
        ------
        ValueError
            If the rows have other columns or labels of another kind than before, no
            label is known, or training diverges. The ranker is then as it was.
        """
        return self._fit((X, y, sample_weight), further=hasattr(self, "model_"))

    @typed(_fit_context(prefer_skip_nested_validation=True))
    def _fit(self, train, held_out=NOTHING, outer=None, further=False):
        """Fit, and tell the watch of an estimator around this one."""
        fit = fitting(self, *train[:2], outer=outer)
        with fit as watch, processes() as group:
            watch.agreed, device = group.agreed, usable_device(self.device)
            given = read_given(self, train, held_out, further)
            with own_settings(device, training=True):
                training = RankerTraining(self, given, device, group, further)
                vars(self).update(vars(training.run(watch)))
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
            One score per impression, the higher the earlier in the list: the predicted
            label; with several labels, the mean of the heads' logits after each is
            standardised by its mean and standard deviation over the training rows.
            With `to`, that folder.
        """
        check_is_fitted(self)
        if to is not None:
            log = read_source(self, X, self.model_.keys, reset=False)
            return log.write(to, lambda part: {"score": self._scores(part)})
        return self._of_rows(X, self._scores, ())

    @shared
    def head_scores(self, X: LogLike) -> Floats:
        """Compute the logits of impressions, label by label.

        Parameters
        ----------
        {impressions_or_files}

        Returns
        -------
        ndarray of shape (n, n_labels)
            One logit per impression and label.
        """
        check_is_fitted(self)
        return self._of_rows(X, self._logits, (self.model_.n_outputs,))

    def _of_rows(self, X, make, shape):
        """What is made of each row, of some rows at a time, (n, *shape)."""
        log = read_source(self, X, self.model_.keys, reset=False)
        made, n = np.empty((len(log), *shape)), 0
        for part in log.parts(self.model_.keys):
            for rows in part.pieces(AT_ONCE):
                made[n : n + len(rows)] = make(rows)
                n += len(rows)
        return made

    def _scores(self, log):
        return self.model_.scores_of(self._logits(log))

    def _logits(self, log):
        device = usable_device(self.device)
        with own_settings(device):
            model = self.model_.to(device)
            return model.logits(model.encode(log).to(device))

    def settings(self) -> Bunch:
        """The parameters as plain attributes, with a network in place of None.

        Returns
        -------
        Bunch
            The parameters by name.
        """
        params = Bunch(**self.get_params(deep=False))
        if params.every is not None and params.checkpoint is None:
            raise ValueError(f"every={params.every} needs a folder as checkpoint.")
        if params.network is None:
            make = self._default_parts().get("network")
            if make is None:
                raise ValueError("network must make a torch.nn.Module, got None.")
            params.network = make()
        return params

    def adopt(
        self, model: RankerModel, history: list[dict[str, Any]], state: dict[str, Any]
    ) -> Self:
        """Take a trained model as this ranker's own.

        Parameters
        ----------
        model : RankerModel
            What was learned.
        history : list of dict
            Per epoch, what was told of it.
        state : dict
            What training goes on from.

        Returns
        -------
        self : object
            The ranker, as if it were fitted.
        """
        self.model_, self.features_ = model, model.encoder.features
        self.history_, self.training_state_ = history, on_cpu(state)
        return self

    def _keys(self, columns):
        roles = [columns.user, columns.item, columns.duration, columns.timestamp]
        keys = [*roles, *(columns.features or ())]
        return [key for key in keys if key is not None]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
