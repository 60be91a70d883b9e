"""What a ranker is trained on: its labels and, against an adversary, the duration."""

import numpy as np
import torch

from sklabelcraft._counts import Numbers
from sklabelcraft.losses import UNIT_LOSSES, choose_loss
from sklabelcraft.rankers._overview import Overview, counting


class Targets:
    """The labels of some logs and, if there is an adversary, what that is to read.

    A label that is not known counts for nothing in the loss, nor does one of a row
    without a weight; they have a value that does occur all the same. All count 1 on
    average: the mean of the loss over all rows is then, label by label, the weighted
    mean over the rows where it is known.

    Parameters
    ----------
    given : Given
        Rows to train on and perhaps held-out rows, their labels and weights.
    duration : str, int or None
        The column of the duration, which an adversary reads; None without one.
    scale : (float, float) or None
        Mean and standard deviation of its logarithm, where they are known.

    Attributes
    ----------
    least, largest : float64 ndarray of shape (n_labels,)
        The ends of each label of the rows to train on.
    seen : list of Overview
        What one pass over the labels of each log showed.
    """

    def __init__(self, given, duration, scale):
        _, logs, labels, weights = given
        self.log, self.labels = logs[0], labels
        self.duration, self.scale = duration, scale
        pairs = zip(weights, logs, strict=True)
        self.weights = [part.relative_to(log) for part, log in pairs]
        parts = zip(logs, labels, self.weights, strict=True)
        self.seen = [Overview(*part) for part in parts]
        self.least, self.largest = self.seen[0].least, self.seen[0].largest
        if duration is not None and not scale:
            self.scale = self._learn_scale()

    def of(self, log, number):
        """Labels of rows of the log of this number, what they count for, and the rest.

        Returns
        -------
        list of float64 tensor of shape (n, n_labels), (n, n_labels) and perhaps (n,)
        """
        given = self.labels[number].of(log).numpy(), self.weights[number].of(log)
        labels, counts = counting(*given)
        means = self.seen[number].means
        weights = counts / np.where(means > 0, means, 1)
        labels = np.where(counts > 0, labels, self.least)
        targets = [torch.from_numpy(labels), torch.from_numpy(weights)]
        if self.duration is not None:
            seconds = log.numeric(self.duration, minimum=0)
            mean, spread = self.scale
            read = (np.log1p(seconds) - mean) / spread
            targets.append(torch.from_numpy(read))
        return targets

    def loss_of(self, name):
        """The loss of a name that suits the labels; an error if it does not."""
        return choose_loss(name, self.are_unit)

    @property
    def are_unit(self):
        """Whether all labels lie in [0, 1]."""
        return bool((self.least >= 0).all() and (self.largest <= 1).all())

    def check(self):
        """Check that a model can be trained on these from the beginning."""
        self.weights[0].check("training rows")
        self.seen[0].check_known(self.labels[0].names)
        self.labels[0].check(self.least, self.largest)

    def check_like(self, model, adversary):
        """Check that a model which was trained before can be trained on these.

        Parameters
        ----------
        model : RankerModel
            The model.
        adversary : bool
            Whether it was trained against an adversary.
        """
        self.weights[0].check("training rows")
        self.seen[0].check_any_known()
        if adversary != (self.duration is not None):
            raise ValueError(
                "whether there is an adversary must stay as it was: fit anew for "
                "another adversary_weight."
            )
        if len(self.least) != model.n_outputs:
            raise ValueError(
                f"there were {model.n_outputs} labels per row and are now "
                f"{len(self.least)}: fit anew."
            )
        if model.loss in UNIT_LOSSES.values() and not self.are_unit:
            raise ValueError(
                "the labels were in [0, 1] and are now from "
                f"{self.least.min():.6g} to {self.largest.max():.6g}: fit anew."
            )

    def _learn_scale(self):
        """Mean and standard deviation of the logarithm of the duration."""
        known = None
        for part in self.log.parts([self.duration]):
            more = Numbers.of(part.numeric(self.duration, minimum=0))
            known = more if known is None else known.merged(more)
        seconds, counts = known.table()
        mean = np.average(np.log1p(seconds), weights=counts)
        variance = np.average((np.log1p(seconds) - mean) ** 2, weights=counts)
        return mean, np.sqrt(variance) or 1.0


def duration_to_read(columns, settings):
    """The column of the duration that an adversary reads; None without one."""
    if settings.adversary_weight == 0:
        return None
    if columns.duration is None:
        raise ValueError("an adversary needs the duration, got duration=None.")
    return columns.duration
