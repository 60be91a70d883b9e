"""What the rows of a log count for: given, in a column, or all alike."""

import numpy as np

from sklabelcraft._log import Log
from sklabelcraft._reading import read_numbers

LARGEST = 1e100  # so that sums are finite


class Weights:
    """Rows that all count alike; a subclass has their weights by ``of(log)``."""

    names = ()  # of the columns that hold them

    def of(self, log):
        """Weights of rows that were taken from the log, float64 of shape (n,)."""
        return np.ones(len(log))

    def relative_to(self, log):
        """The weights beside those of a log, over which their mean is 1."""
        return self

    def check(self, rows):
        """Check that some of the `rows` have a weight."""


class StatedWeights(Weights):
    """Weights that were stated."""

    def relative_to(self, log):
        """The weights beside those of a log, over which their mean is 1."""
        return RelativeWeights(self, log)


class GivenWeights(StatedWeights):
    """A weight for each row of a log in memory.

    Parameters
    ----------
    values : float64 ndarray of shape (n,)
        The weights.
    """

    def __init__(self, values):
        self.values = values

    def of(self, log):
        """Weights of rows that were taken from the log, float64 of shape (n,)."""
        return self.values[log.positions]


class WeightColumn(StatedWeights):
    """Weights that are a column of the log.

    Parameters
    ----------
    name : str
        The column.
    """

    def __init__(self, name):
        self.name, self.names = name, [name]

    def of(self, log):
        """Weights of some rows, float64 of shape (n,)."""
        values = log.numeric(self.name, minimum=0)
        return checked(values, log.row_name)


class RelativeWeights(Weights):
    """Weights by their mean over the rows of a log.

    Parameters
    ----------
    weights : StatedWeights
        The weights.
    log : Log or StoredLog
        The rows.

    Attributes
    ----------
    mean : float
        Their mean; exact where all are alike, infinite where there are no rows.
    """

    def __init__(self, weights, log):
        self.weights, self.names = weights, weights.names
        least, largest, total = np.inf, 0.0, 0.0
        for part in log.parts(weights.names or None):
            values = weights.of(part)
            least = values.min(initial=least)
            largest = values.max(initial=largest)
            total += values.sum()
        self.mean = least if least >= largest else total / len(log)

    def of(self, log):
        """Weights of some rows, float64 of shape (n,)."""
        return self.weights.of(log) / (self.mean or 1.0)

    def check(self, rows):
        """Check that some of the log's rows have a weight."""
        if self.mean == 0:
            raise ValueError(f"sample_weight must be non-zero in some of the {rows}.")


def weights_of(sample_weight, log, name="sample_weight"):
    """What was given as the weights of the rows of a log.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), str or None
        The weights; of a log in files, the name of their column.
    log : Log or StoredLog
        The rows.
    name : str
        The parameter, which errors name.

    Raises
    ------
    ValueError
        If they are not numbers, one for each row, none negative and not all 0.
    """
    if sample_weight is None:
        return Weights()
    if not isinstance(log, Log):
        if not isinstance(sample_weight, str) or sample_weight not in log:
            raise ValueError(
                f"{name} of a log in files must be the name of one of its columns, got "
                f"{sample_weight!r}; it has {log.keys}."
            )
        return WeightColumn(sample_weight)
    if isinstance(sample_weight, str):
        raise ValueError(
            f"{name} must hold a number for each row, got {sample_weight!r}; only of a "
            "log in files it is the name of a column."
        )
    values = read_numbers(sample_weight, name)
    if values.shape != (len(log),):
        raise ValueError(
            f"{name} must have one number per row, of shape {(len(log),)}, got "
            f"{values.shape}."
        )
    if not checked(values, log.row_name, name).any():
        raise ValueError(f"{name} must be non-zero in some row, got 0 in all.")
    return GivenWeights(values)


def checked(values, row_name, name="sample_weight"):
    """Weights, none of which may be negative or huge."""
    wrong = (values < 0) | (values > LARGEST)
    if wrong.any():
        row = wrong.argmax()
        raise ValueError(
            f"{name} must lie between 0 and {LARGEST:g}; {wrong.sum()} of "
            f"{len(values)} rows do not, the first is row {row_name(row)}: "
            f"{values[row]}."
        )
    return values
