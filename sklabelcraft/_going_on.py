"""Labelers that learn, or go on from what they have learned, and parts that go on."""

import copy

from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion

from sklabelcraft._estimator import INHERITED, LogEstimator
from sklabelcraft._foreign_rankers import check_goes_on
from sklabelcraft.labelcraft import LabelCrafter


def restated(name, fitted, stated):
    """A copy of a fitted part with the parameters that are stated for it by now.

    What it has inherited stays, and so do the parameters of others' parts.
    """
    if type(fitted) is not type(stated):
        raise ValueError(
            f"the {name} was {fitted!r} and is {stated!r} now: it must be of the same "
            "class, or fit anew."
        )
    copied = copy.copy(fitted)
    if isinstance(copied, LogEstimator):
        for key, value in clone(stated).get_params(deep=False).items():
            if value is not None or key not in INHERITED:
                setattr(copied, key, value)
    return copied


def fit_labeler(labeler, log, weights):
    """Fit a labeler, to weighted rows each of a union on its own."""
    if weights is None or not isinstance(labeler, FeatureUnion):
        labeler.fit(log, None, **_weights_for(labeler, weights))
        return
    for _, part in labeler.transformer_list:
        if not isinstance(part, str):  # "drop" or "passthrough"
            fit_labeler(part, log, weights)


def gone_on(labeler, log, weights):
    """A labeler after further rows, in a union each of its own; frozen ones stay."""
    if isinstance(labeler, FrozenEstimator | str):  # "drop" or "passthrough"
        return labeler
    labeler = copy.copy(labeler)
    if isinstance(labeler, FeatureUnion):
        labeler.transformer_list = [
            (name, gone_on(part, log, weights))
            for name, part in labeler.transformer_list
        ]
        return labeler
    check_goes_on(labeler)
    return labeler.partial_fit(log, None, **_weights_for(labeler, weights))


def _weights_for(labeler, weights):
    """The weights as a LabelCrafter takes them; others count all rows alike."""
    if weights is None or not isinstance(labeler, LabelCrafter):
        return {}
    return {"sample_weight": weights}
