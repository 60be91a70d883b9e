"""The recommenders that are fused: which they are, what and how they are fitted."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import has_fit_parameter

from sklabelcraft._holdout import hold_out
from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.labelers import D2Q, ConditionalCDF, ExplicitFeedback, WatchTime
from sklabelcraft.rankers._given import check_pair, check_weighed
from sklabelcraft.rankers._weights import weights_of
from sklabelcraft.recommender import LabelCraftRecommender


def usual_recommenders(fusion, log):
    """The label learned for what a fusion is to do, and hand-made ones."""
    columns = fusion._stated("columns")
    crafter = LabelCrafter(
        objectives=fusion.objectives, objective_weights=fusion.objective_weights
    )
    labelers = {"LabelCraft": crafter, "WT": WatchTime(), "D2Q": D2Q()}
    if log.optional(columns, "item") is not None:
        labelers["CDF by item"] = ConditionalCDF(by="item")
    if columns.explicit:
        both = [("watch", WatchTime()), ("explicit", ExplicitFeedback())]
        labelers |= {"EF": ExplicitFeedback(), "WT+EF": FeatureUnion(both)}
    return [(name, LabelCraftRecommender(made)) for name, made in labelers.items()]


def check_recommenders(pairs):
    """Check that recommenders are named, and that they are recommenders."""
    if not pairs or not all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
        raise ValueError(
            "recommenders must be a list of at least one pair (name, recommender), got "
            f"{pairs!r}."
        )
    for name, recommender in pairs:
        if not isinstance(name, str):
            raise ValueError(f"the name of a recommender must be a str, got {name!r}.")
        if not hasattr(recommender, "fit") or not hasattr(recommender, "predict"):
            raise ValueError(
                f"the recommender {name!r} must have fit and predict, got "
                f"{recommender!r}; a labeler becomes one as "
                "LabelCraftRecommender(labeler)."
            )
        if is_classifier(recommender):
            raise ValueError(
                f"the recommender {name!r} must have scores, not classes, got "
                f"{recommender!r}; a classifier becomes one as "
                "LabelCraftRecommender(labeler, classifier)."
            )


def split_rows(fusion, train, held_out):
    """The rows to train on and those held out, with weights that are checked.

    Parameters
    ----------
    fusion : FusedRecommender
        Says which rows are held out, if none are given.
    train, held_out : (X, y, sample_weight)
        As the user gave them.

    Returns
    -------
    list of Rows
    """
    check_pair(*held_out[:2])
    check_weighed(held_out[0], held_out[2])
    *data, weights = train
    rows = _weighed(fusion._read(*data, reset=True), weights, "sample_weight")
    if held_out[0] is not None:
        *data, weights = held_out
        valid = fusion._read(*data, reset=False)
        return [rows, _weighed(valid, weights, "sample_weight_val")]
    stated = fusion._stated("columns"), fusion.validation_fraction
    held = hold_out(rows.log, *stated, k=fusion._stated("k"))
    kept = np.delete(np.arange(len(rows.log)), held)
    return [rows.at(positions) for positions in (kept, held)]


def _weighed(rows, weights, name):
    """Rows with their weights, checked, as an ndarray."""
    if weights is None:
        return rows
    weights = weights_of(weights, rows.log, name).of(rows.log)
    return rows._replace(weights=weights)


def fit_part(name, recommender, train, held_out):
    """Fit a recommender, with weights, and with held-out rows if it takes them."""
    further = {}
    if has_fit_parameter(recommender, "X_val"):
        further = {"X_val": held_out.log.native, "y_val": held_out.feedback.flat}
    if train.weights is not None and not isinstance(recommender, FrozenEstimator):
        if not has_fit_parameter(recommender, "sample_weight"):
            raise ValueError(
                f"fit of the recommender {name!r} does not take sample_weight, got "
                f"{recommender!r}."
            )
        further["sample_weight"] = train.weights
    weighed = has_fit_parameter(recommender, "sample_weight_val")
    if held_out.weights is not None and weighed:
        further["sample_weight_val"] = held_out.weights
    return recommender.fit(train.log.native, train.feedback.flat, **further)
