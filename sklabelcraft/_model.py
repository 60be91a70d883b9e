"""What a trained ranker is: encoder, history, network, loss and head scales."""

import copy
from dataclasses import replace

import numpy as np
import torch
from scipy.special import expit
from torch import nn

from sklabelcraft._batches import Impressions
from sklabelcraft._encoder import Encoder
from sklabelcraft._features import features_of
from sklabelcraft._history import History
from sklabelcraft._misread import warn_of_categories
from sklabelcraft._torch import Drawing, copied
from sklabelcraft.columns import Columns
from sklabelcraft.losses import LOSSES, UNIT_LOSSES
from sklabelcraft.training._growth import Growth, check_stays
from sklabelcraft.training._rows import exact_logits

N_CHECKED = 512  # rows whose logits must be finite
# of weights, numbers and labels in training
DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.float32,
    "float64": torch.float64,
}


class RankerModel:
    """Encodes impressions and scores them by a network.

    Parameters
    ----------
    encoder : Encoder
        Codes and numbers of the columns.
    history : History
        The past that impressions see.
    module : nn.Module
        Maps a :class:`~sklabelcraft.modules.Batch` to logits of shape (n, n_outputs).
    loss : callable
        Pointwise loss of logits against labels, which says what a logit stands for.
    n_outputs : int
        Number of logits per row.

    Attributes
    ----------
    head_mean, head_scale : float64 ndarray of shape (n_outputs,)
        Mean and standard deviation of the logits of the training rows, if there are
        several outputs; else None.
    """

    def __init__(self, encoder, history, module, loss, n_outputs):
        self.encoder, self.history = encoder, history
        self.module, self.loss, self.n_outputs = module, loss, n_outputs
        self.head_mean = self.head_scale = None

    @classmethod
    def prepare(cls, logs, columns, settings, random_state, *, n_outputs, loss):
        """Learn the encoding of a log and make a network for it.

        Parameters
        ----------
        logs : list of Log or StoredLog
            The training rows and, perhaps, held-out rows; the encoding is learned from
            the first, and all are remembered as histories.
        columns : Columns
            Names of the columns.
        settings : object
            The parameters of a ranker, as attributes.
        random_state : RandomState
            Controls the initial weights.
        n_outputs : int
            Number of labels.
        loss : callable
            Pointwise loss of logits against labels.

        Returns
        -------
        RankerModel
            To be trained.
        """
        log, network = logs[0], settings.network
        user = log.optional(columns, "user")
        features = features_of(log, columns, settings.adversary_weight > 0)
        encoder = Encoder(columns, features, settings.min_count).learn(log)
        warn_of_categories(encoder)
        described = encoder.positions_without(user)
        length = getattr(network, "history_length", 0)
        if length and columns.user is not None:
            user = log.canonical(columns.user)  # a past cannot do without
        timestamp = log.optional(columns, "timestamp")
        history = History(length, user, timestamp, described).learn(logs, encoder)
        sizes = encoder.cardinalities, encoder.n_numeric, n_outputs, described
        module = make_module(network, sizes, random_state)
        module = module.to(DTYPES[settings.precision])
        return cls(encoder, history, module, loss, n_outputs)

    def grown(self, logs, settings, random_state):
        """A model that goes on from this one with further logs.

        New users, items and categories get codes and initial weights; what is known
        keeps its own.

        Parameters
        ----------
        logs, settings, random_state
            As in :meth:`prepare`.

        Returns
        -------
        model : RankerModel
            To be trained.
        growth : Growth
            Where what was kept of each weight of this one belongs in that.

        Raises
        ------
        ValueError
            If the settings say otherwise than before what cannot change.
        """
        self._check_stays(settings)
        grown = copy.copy(self)
        grown.encoder = self.encoder.grown(logs[0])
        grown.history = self.history.grown(logs, grown.encoder)
        before, after = (m.encoder.cardinalities for m in (self, grown))
        sizes = after, grown.encoder.n_numeric, self.n_outputs, self.history.columns
        module = make_module(settings.network, sizes, random_state)
        grown.module = module.to(DTYPES[settings.precision])
        growth = Growth(grown.module, before, after)
        grown.module.load_state_dict(growth.weights(self.module.state_dict()))
        return grown, growth

    def _check_stays(self, settings):
        known, network = self.encoder.min_count, settings.network
        before = {"history_length": self.history.length, "min_count": known}
        now = {
            "history_length": getattr(network, "history_length", 0),
            "min_count": settings.min_count,
        }
        if settings.loss in LOSSES:  # "auto" is that of before
            before["loss"], now["loss"] = self.loss, LOSSES[settings.loss]
        before |= self._names(self.encoder.columns, self.encoder.features)
        columns = settings.columns or Columns()
        now |= self._names(columns, columns.features or self.encoder.features)
        check_stays("columns, history_length, min_count and loss", before, now)

    def _names(self, columns, features):
        """The columns and those of them that a network sees, which may be inherited."""
        unseen = {columns.duration} - set(self.encoder.features)  # by an adversary
        seen = sorted(map(str, set(features) - unseen))
        return {"columns": replace(columns, features=None), "features": seen}

    @property
    def keys(self):
        """The columns that are needed to score."""
        past = (
            [self.history.user, self.history.timestamp] if self.history.length else []
        )
        needed = self.encoder.features + past
        return [key for key in dict.fromkeys(needed) if key is not None]

    def encode(self, log):
        """The rows of a log as :class:`~sklabelcraft._batches.Impressions`."""
        return self._impressions(log, self.history.of(log))

    def remembered(self, log, number):
        """Rows of the log that was remembered as this number, to train on."""
        pasts = self.history.among(log, number)
        return self._like_weights(self._impressions(log, pasts))

    def impressions_of(self, kept):
        """Rows that were kept, with the past that they see now.

        Parameters
        ----------
        kept : KeptRows
            The rows.
        """
        pasts = self.history.at(kept.users, kept.times)
        bags = kept.bags.to(torch.int64)
        rows = Impressions(kept.codes.long(), kept.numeric, pasts, bags)
        return self._like_weights(rows)

    def _impressions(self, log, pasts):
        codes, numbers = map(torch.as_tensor, self.encoder.encode(log))
        return Impressions(codes, numbers, pasts, self.encoder.bags(log))

    def _like_weights(self, rows):
        """Rows in the precision and on the device of the network."""
        weights = next(self.module.parameters())
        return rows.in_precision(weights.dtype).to(weights.device)

    def fit_head_scales(self, parts):
        """Learn from rows in parts how the logits of several outputs get one scale."""
        n, mean, squares = 0, 0.0, 0.0
        for rows in parts:
            logits = self.logits(rows)
            share = len(logits) / (n + len(logits))
            gap = logits.mean(axis=0) - mean
            squares = squares + len(logits) * logits.var(axis=0) + gap**2 * n * share
            n, mean = n + len(logits), mean + gap * share
        scale = np.sqrt(squares / n)
        self.head_mean, self.head_scale = mean, np.where(scale > 0, scale, 1.0)

    def logits(self, rows):
        """Logits of encoded rows, float64 ndarray of shape (n, n_outputs)."""
        logits = self._logits(rows)
        if not np.isfinite(logits).all():
            raise ValueError(
                "logits of some rows are not finite: the training of the network "
                "diverged. Fit anew with a lower learning_rate."
            )
        return logits

    def _logits(self, rows):
        if not len(rows):  # of which networks need not be able to make anything
            return np.zeros((0, self.n_outputs))
        return exact_logits(self.module, rows).double().cpu().numpy()

    def check_scores(self, source, blame):
        """Check that some rows of a source get numbers, by what was trained on it.

        Parameters
        ----------
        source : InMemory or another source of windows
            The training rows.
        blame : callable
            What to look at if they do not, as text.
        """
        rows = next(source.windows()).impressions
        if not np.isfinite(self._logits(rows.rows(slice(N_CHECKED)))).all():
            raise ValueError(
                "training diverged: logits of the training rows are not finite. "
                f"{blame()}"
            )

    def scores_of(self, logits):
        """One score per row, float64 ndarray of shape (n,): the higher the earlier.

        The predicted label; of several, the mean of the standardised logits.
        """
        if self.head_mean is not None:
            return ((logits - self.head_mean) / self.head_scale).mean(axis=1)
        return expit(logits[:, 0]) if self.has_unit_label else logits[:, 0]

    @property
    def has_unit_label(self):
        """Whether what it predicts is one label in [0, 1]."""
        return self.n_outputs == 1 and self.loss in UNIT_LOSSES.values()

    def to(self, device):
        """Move the network to a device."""
        self.module.to(device)
        return self

    def with_average(self, average):
        """A copy whose network has the weights of an average."""
        other = copy.copy(self)
        other.module = copied(self.module)
        other.module.load_state_dict(average.in_network())
        other.module.eval()
        return other

    def __getstate__(self):
        """Store the network on the CPU, so that it can be loaded on any machine."""
        state = dict(vars(self))
        if any(p.device.type != "cpu" for p in self.module.parameters()):
            state["module"] = copied(self.module).cpu()
        return state


def make_module(network, sizes, random_state):
    """The module of a network, with weights that are drawn from a random state."""
    if isinstance(network, nn.Module):
        raise ValueError(
            "network must make a torch.nn.Module when called with the sizes of the "
            f"data, such as its class; got a module itself, {network!r}."
        )
    with Drawing(random_state):
        module = network(*sizes)
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"a network must return a torch.nn.Module when called, got {module!r}."
        )
    return module.float()
