"""
Labels for a regressor of one's own
===================================

Many recommenders are gradient-boosted trees: XGBoost, LightGBM, or here
``HistGradientBoostingRegressor`` of scikit-learn. Any regressor can be the ranker, in a
pipeline with whatever prepares its features. The label is then learned with a small
network inside, and the trees are trained on the finished label. (Models that learn to
rank within groups, such as ``LGBMRanker``, and classifiers will do, too.)
"""

# %%
# Trees see users and videos only through numbers that describe them. A
# ``TargetEncoder`` describes each user, each video, each tag and each pair of user and
# tag by its mean label. It is cross-fitted, so that no row is described by itself.

from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=300, random_state=0)
X = log.data.assign(
    taste=log.data["user_id"].astype(str) + " " + log.data["tag"].astype(str)
)
y = log.target
train, valid, test = ((X.iloc[rows], y.iloc[rows]) for rows in log.split.values())

# %%
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import TargetEncoder

encoder = make_column_transformer(
    (TargetEncoder(target_type="continuous"), ["user_id", "item_id", "tag", "taste"]),
    ("passthrough", ["duration"]),
)
trees = make_pipeline(
    encoder, HistGradientBoostingRegressor(max_iter=60, learning_rate=0.1)
)

# %%
# The encoder is fitted to the same label as the trees, for it is the pipeline's target.
# Only the labeler changes from one recommender to the next.

import pandas as pd

from sklabelcraft import (
    D2Q,
    LabelCrafter,
    LabelCraftRecommender,
    WatchTime,
    ds_scorer,
    neg_scorer,
    nwtg_scorer,
)

labelers = {"WT": WatchTime(), "D2Q": D2Q(), "LabelCraft": LabelCrafter()}
scorers = {"NWTG": nwtg_scorer, "NEG": neg_scorer, "DS": ds_scorer}
recommenders = {
    name: LabelCraftRecommender(labeler, trees, k=5, random_state=0).fit(*train, *valid)
    for name, labeler in labelers.items()
}
pd.DataFrame(
    {
        metric: {
            name: scorer(recommender, *test)
            for name, recommender in recommenders.items()
        }
        for metric, scorer in scorers.items()
    }
).round(3)

# %%
# Which durations do the trees put into their lists?

from sklabelcraft import DurationBiasDisplay

display = DurationBiasDisplay.from_estimators(recommenders, test[0], bin_width=20)

# %%
# A model outside of scikit-learn, or in another process, only needs the labels. The
# fitted labeler makes them, for old rows and for new ones.

crafter = recommenders["LabelCraft"].labeler_
new_rows = log.frame.iloc[log.split.test]
crafter.transform(new_rows)[:3].round(3)
