"""What the fit of a label is given: rows to train on, held-out rows, and weights."""

from sklabelcraft._holdout import hold_out
from sklabelcraft._reading import read_source
from sklabelcraft._stated import AFTER, BEFORE, check_stated
from sklabelcraft.labelers._rules import check_same_explicit
from sklabelcraft.rankers._given import check_weighed
from sklabelcraft.rankers._weights import weights_of


def read_split(crafter, train, held_out, further):
    """What a ``LabelCrafter`` is given, checked.

    Parameters
    ----------
    crafter : LabelCrafter
        The labeler. If it goes on, it has been fitted.
    train, held_out : (data, weights)
        As the user gave them.
    further : bool
        Whether it goes on from what it has learned.

    Returns
    -------
    logs : (Log or StoredLog, Log)
        Rows to train on and held-out rows.
    weights : list of Weights
        What has the weights of each.
    """
    check_weighed(*held_out, "log_val")
    columns, k = crafter._stated("columns"), crafter._stated("k")
    keys, min_rows = crafter._keys(columns), 1 if further else 2
    table = read_source(crafter, train[0], keys, reset=not further, min_rows=min_rows)
    if not further:
        check_stated(columns, table, BEFORE + AFTER)
    weights = weights_of(train[1], table)
    if held_out[0] is not None:
        valid = read_source(crafter, held_out[0], keys, reset=False)
        weights_val = weights_of(held_out[1], valid, "sample_weight_val")
        return (table, valid.in_memory()), [weights, weights_val]
    least = None if further else k  # there are lists already
    held = hold_out(table, columns, crafter.validation_fraction, k=least)
    return (table.without(held), table.rows(held)), [weights, weights]


def explicit_of(crafter, log, further):
    """The columns of explicit feedback in a log, which are to be those of before."""
    found = log.present(crafter._stated("columns").explicit)
    if further:
        check_same_explicit(crafter.explicit_, found)
    return found
