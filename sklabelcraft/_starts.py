"""What a ``LabelCrafter`` starts from: its rules and its ranker."""

import numpy as np

from sklabelcraft._estimator import inherit, seed_of
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


def starts_of(crafter, further):
    """Weights of the rules to start from, checked, and what is known if it goes on."""
    stated = starting_weights(crafter)
    if further:
        return np.array([crafter.start_]), crafter.training_state_
    return stated, None


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
