"""The recommenders that are fused: which they are, and how they are fitted."""

from sklearn.base import is_classifier
from sklearn.pipeline import FeatureUnion
from sklearn.utils.validation import has_fit_parameter

from sklabelcraft.labelcraft import LabelCrafter
from sklabelcraft.labelers import D2Q, ConditionalCDF, ExplicitFeedback, WatchTime
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


def fit_part(recommender, train, held_out):
    """Fit a recommender, with held-out rows if it takes them."""
    validation = {}
    if has_fit_parameter(recommender, "X_val"):
        validation = {"X_val": held_out.log.native, "y_val": held_out.feedback.flat}
    return recommender.fit(train.log.native, train.feedback.flat, **validation)
