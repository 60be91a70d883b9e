"""What a ``LabelCrafter`` starts from: its rules, its ranker and its rows."""

import numpy as np

from sklabelcraft._estimator import inherit, seed_of
from sklabelcraft._holdout import hold_out
from sklabelcraft._reading import read_source
from sklabelcraft.modules._embeddings import check_widths
from sklabelcraft.modules._label import INPUTS
from sklabelcraft.rankers import BaseRanker, MLPRanker

STARTS = ((0, 1, 0.5), (0, 1, 3))  # weights of watch time, D2Q and explicit feedback
NEEDED = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1]])  # inputs of each hand-made label


def starting_weights(crafter):
    """Weights of the starting rules, without what is not read, each once."""
    check_widths(crafter.hidden)
    unknown = [name for name in crafter.inputs if name not in INPUTS]
    if unknown or not len(crafter.inputs):
        raise ValueError(
            f"inputs must be some of {list(INPUTS)}, got {list(crafter.inputs)}."
        )
    weights = STARTS if crafter.starts is None else crafter.starts
    weights = np.array(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[1] != 3 or not np.isfinite(weights).all():
        raise ValueError(
            "starts must hold three weights for each starting rule, got "
            f"{weights.tolist()!r}."
        )
    read = np.isin(INPUTS, crafter.inputs)
    weights = np.where((read >= NEEDED).all(axis=1), weights, 0.0)
    return np.unique(weights, axis=0)


def ranker_of(crafter, columns):
    """A clone of the ranker of a crafter, with what it inherits."""
    ranker = MLPRanker() if crafter.ranker is None else crafter.ranker
    if not isinstance(ranker, BaseRanker):
        raise ValueError(
            "a LabelCrafter looks through the steps of its ranker, which must be one "
            f"of sklabelcraft.rankers, got {ranker!r}. To train another model on the "
            "finished label, give it to LabelCraftRecommender(LabelCrafter(), model)."
        )
    ranker._validate_params()
    if ranker.adversary_weight > 0 or ranker.batch_size < 2:
        raise ValueError(
            "the ranker of a LabelCrafter takes no adversary and at least 2 rows a "
            f"step, got adversary_weight={ranker.adversary_weight} and "
            f"batch_size={ranker.batch_size}."
        )
    if ranker.validation_fraction is not None:
        raise ValueError(
            "a LabelCrafter holds rows out itself: state validation_fraction="
            f"{ranker.validation_fraction} on it and not on its ranker."
        )
    return inherit(ranker, random_state=seed_of(crafter.random_state), columns=columns)


def rows_of(crafter, columns, table, log_val, k):
    """The rows to train on and the held-out ones, those given or the latest.

    A user with at least 2 (k + 1) rows gives at least k + 1; None for any number.
    """
    if log_val is None:
        held = hold_out(table, columns, crafter.validation_fraction, k=k)
        return table.without(held), table.rows(held)
    valid = read_source(crafter, log_val, crafter._keys(columns), reset=False)
    return table, valid.in_memory()
