"""The labels that a ranker is trained on: given, in columns, or made when read."""

import numpy as np
import torch

from sklabelcraft._log import Log
from sklabelcraft._reading import read_numbers

LARGEST = float(np.finfo(np.float32).max)


class Labels:
    """Labels of the rows of a log; a subclass has them by ``of(log)``.

    Those that are not known are NaN.
    """

    names = ()  # of the columns that hold them

    def check(self, least, largest):
        """Check the ends of each label, ndarrays of shape (n_labels,)."""


class GivenLabels(Labels):
    """Labels of each row of a log in memory.

    Parameters
    ----------
    values : float64 tensor of shape (n, n_labels)
        The labels.
    """

    def __init__(self, values):
        self.values = values

    def of(self, log):
        """Labels of rows that were taken from the log, (n, n_labels)."""
        return self.values[torch.from_numpy(log.positions)]


class LabelColumns(Labels):
    """Labels that are columns of the log.

    Parameters
    ----------
    names : list of str
        The columns.
    """

    def __init__(self, names):
        self.names = names

    def of(self, log):
        """Labels of some rows, (n, n_labels)."""
        columns = [log.numeric(name, missing=True) for name in self.names]
        return as_labels(np.column_stack(columns), log.row_name)


class CraftedLabels(Labels):
    """Labels that a fitted labeler makes of the feedback in the log.

    Parameters
    ----------
    labeler : transformer
        Makes them.
    """

    def __init__(self, labeler):
        self.labeler = labeler

    def check(self, least, largest):
        """Check that no label is the same in all rows."""
        check_varying(np.stack([least, largest]))

    def of(self, log):
        """Labels of some rows, (n, n_labels)."""
        return as_labels(self.made_of(log.native), log.row_name)

    def made_of(self, data):
        """Labels of rows as the labeler takes them, ndarray of shape (n, n_labels)."""
        return np.asarray(self.labeler.transform(data), dtype=np.float64)


def labels_of(y, log):
    """What was given as y, as labels of the rows of a log.

    Raises
    ------
    ValueError
        If they are no labels of its rows.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    if isinstance(y, CraftedLabels):
        return y
    if not isinstance(log, Log):
        names = [y] if isinstance(y, str) else y
        listed = isinstance(names, list | tuple) and len(names) > 0
        if not listed or not all(name in log for name in names):
            raise ValueError(
                "the labels of a log in files must be the names of its columns, got "
                f"y={y!r}; it has {log.keys}."
            )
        return LabelColumns([log.canonical(name) for name in names])
    y = read_numbers(y, "y", ensure_all_finite="allow-nan")
    if len(y) != len(log):
        raise ValueError(
            f"X and y must have the same number of rows, got {len(log)} and {len(y)}."
        )
    return GivenLabels(as_labels(y))


def check_varying(labels):
    """Check that no label, of shape (n,) or (n, n_labels), is the same where known."""
    least, largest = np.fmin.reduce(labels), np.fmax.reduce(labels)
    constant = np.atleast_1d(least == largest)
    if constant.any():
        first = np.atleast_1d(least)[constant.argmax()]
        raise ValueError(
            f"the label is constant, {first:.6g} on all training rows: there is "
            "nothing to rank by."
        )


def as_labels(values, row_name=str):
    """Labels as a float64 tensor of shape (n, n_labels), checked for their size."""
    values = values.reshape(len(values), -1)
    beyond = (np.abs(values) > LARGEST).any(axis=1)
    if beyond.any():
        row = beyond.argmax()
        raise ValueError(
            "labels must lie in the range of float32, up to 3.4e38; that of row "
            f"{row_name(row)} is {values[row].squeeze()}."
        )
    return torch.from_numpy(values.copy())
