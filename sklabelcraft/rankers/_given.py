"""What the fit of a ranker is given: rows, their labels, and what they count for."""

from typing import NamedTuple

from sklabelcraft._features import in_one_table
from sklabelcraft._holdout import hold_out
from sklabelcraft._log import Log
from sklabelcraft._reading import read_source
from sklabelcraft._stated import BEFORE, check_stated
from sklabelcraft.columns import Columns
from sklabelcraft.rankers._labels import labels_of
from sklabelcraft.rankers._weights import weights_of

NOTHING = None, None, None  # held out beside the training rows
VALIDATION_FRACTION = 0.1


class Given(NamedTuple):
    """Rows to train on and perhaps held-out rows.

    Attributes
    ----------
    columns : Columns
        Names of their columns.
    logs : list of Log or StoredLog
        The rows.
    labels : list of Labels
        What has the labels of each.
    weights : list of Weights
        What has the weights of each.
    """

    columns: Columns
    logs: list
    labels: list
    weights: list


def read_given(ranker, train, held_out, further):
    """What a ranker is given, checked.

    Parameters
    ----------
    ranker : BaseRanker
        The ranker. If it goes on, it has been fitted.
    train, held_out : (data, labels, weights)
        As the user gave them.
    further : bool
        Whether the ranker goes on from what it has learned, without held-out rows.

    Returns
    -------
    Given
    """
    check_pair(*held_out[:2])
    check_weighed(held_out[0], held_out[2])
    columns = ranker._stated("columns")
    keys = ranker._keys(columns) + (ranker.model_.keys if further else [])
    log = read_source(ranker, train[0], keys, reset=not further)
    if not further:
        check_stated(columns, log, BEFORE)
    labels, weights = labels_of(train[1], log), weights_of(train[2], log)
    if not isinstance(log, Log):
        columns = in_one_table(columns, log, [*labels.names, *weights.names])
    if held_out[0] is None:
        logs = [log] if further else _held_out(ranker, log, columns)
        return Given(columns, logs, [labels] * len(logs), [weights] * len(logs))
    valid = read_source(ranker, held_out[0], keys, reset=False)
    labels = [labels, labels_of(held_out[1], valid)]
    weights = [weights, weights_of(held_out[2], valid, "sample_weight_val")]
    return Given(columns, [log, valid.in_memory()], labels, weights)


def _held_out(ranker, log, columns):
    """The earlier rows and, if there are any, the latest of each user."""
    fraction = ranker.validation_fraction
    fraction = VALIDATION_FRACTION if fraction is None else fraction
    held = hold_out(log, columns, fraction)
    return [log.without(held)] + [log.rows(held)] * (len(held) > 0)


def check_pair(X_val, y_val):
    """Check that validation data come together or not at all."""
    if (X_val is None) != (y_val is None):
        missing = "X_val" if X_val is None else "y_val"
        raise ValueError(f"X_val and y_val must be given together, {missing} is None.")


def check_weighed(X_val, sample_weight_val, name="X_val"):
    """Check that weights of validation data come with these, of this name."""
    if X_val is None and sample_weight_val is not None:
        raise ValueError(f"sample_weight_val needs {name}, which is None.")
