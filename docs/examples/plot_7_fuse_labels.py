"""
One fit, and the whole front
============================

Instead of asking one label for all that a platform wants, train a network on each of
several labels, and weigh their scores by what the lists are worth. The weights are few
and are found in a second, so the platform can change its mind without training again.
"""

# %%
# A log in three parts: to train on, to weigh on, to measure on.

from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=500, random_state=0)
train, valid, test = (
    (log.data.iloc[rows], log.target.iloc[rows]) for rows in log.split.values()
)

# %%
# By default the learned label and hand-made ones are fused. Each is trained as it would
# be alone; the weights, and that of the duration, come from the held-out lists.

import pandas as pd

from sklabelcraft import FusedRecommender

fused = FusedRecommender(k=5, random_state=0).fit(*train, *valid)
pd.Series(fused.weights_).round(2)

# %%
# What the platform wants is a matter of the weights alone. ``frontier`` chooses them
# for ten platforms: those that want watch time, explicit feedback and spread alike, and
# those to whom one or two of them are worth three times or nine times as much.

front = fused.frontier(*valid)
pd.DataFrame({name: point.weights_ for name, point in front.items()}).T.round(2)

# %%
# The points of the front are recommenders like any other. Frozen, they are compared on
# the test part with single labels, which are trained there.

from sklearn.frozen import FrozenEstimator

from sklabelcraft import D2Q, WatchTime, compare_labelers

found = compare_labelers(
    {"WT": WatchTime(), "D2Q": D2Q()}
    | {name: FrozenEstimator(point) for name, point in front.items()},
    log.data,
    log.target,
    cv=log.split,
    k=5,
    n_seeds=1,
    n_bootstrap=500,
    random_state=0,
)
found

# %%
# The front in the plane of watch time and explicit feedback, coloured by spread: a
# weight moves the lists towards what it asks for.

from sklabelcraft import ObjectiveTradeoffDisplay

display = ObjectiveTradeoffDisplay.from_comparison(found)
