"""
An objective of one's own
=========================

What a platform wants of its lists is data: a column of the log, how it is measured, and
whether it should be high or low. Here users can dislike a video, and the label is to
learn that dislikes should be rare.
"""

# %%
# The log gets a column ``dislike``: the less a user prefers a video, the likelier it
# is, and long videos annoy more than short ones. (A real log has such a column, for
# example ``hate`` in KuaiRand.)

import numpy as np
from scipy.special import expit

from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=300, random_state=0)
rng = np.random.RandomState(0)
annoyance = np.log(log.data["duration"]) - 3.6 - log.preference
log.target["dislike"] = rng.binomial(1, expit(1.5 * annoyance - 1.5))
X, y = log.data, log.target
train, valid, test = ((X.iloc[rows], y.iloc[rows]) for rows in log.split.values())

# %%
# The objective is the mean over a shown list of whether ``dislike`` is above 0, with
# the sign -1: to be lowered. It joins the three that are there by default.

from sklabelcraft import LabelCrafter
from sklabelcraft.objectives import (
    Objective,
    duration_objective,
    explicit_objective,
    watch_time_objective,
)

fewer_dislikes = Objective("dislike", transform="indicator", sign=-1)
crafter = LabelCrafter(
    objectives=[
        watch_time_objective,
        explicit_objective,
        duration_objective,
        fewer_dislikes,
    ]
)

# %%
# The recommender hands the whole log to the crafter, so the column is found in ``y``.

from sklabelcraft import LabelCraftRecommender

recommenders = {
    "three objectives": LabelCraftRecommender(k=5, random_state=0),
    "and fewer dislikes": LabelCraftRecommender(crafter, k=5, random_state=0),
}
for recommender in recommenders.values():
    recommender.fit(*train, *valid)

# %%
# A scorer of one's own measures it on the test part. It wraps a function of the
# column, the scores and the users; :class:`~sklabelcraft.scorers.ListScorer` finds the
# column and the users in the log, numbers the users, and wants one value for each, in
# the order of these numbers. Equal scores are no order: each of the rows that are tied
# counts as their mean, so whichever of them comes first, the rate is the one to expect.

import pandas as pd

from sklabelcraft import ds_scorer, neg_scorer, nwtg_scorer
from sklabelcraft.scorers import ListScorer


def dislike_rate(dislikes, scores, *, groups, k, average=None):
    """Share of disliked videos to expect among the first k of each user."""
    rows = pd.DataFrame({"user": groups, "score": scores, "dislike": dislikes > 0})
    rows["dislike"] = rows.groupby(["user", "score"])["dislike"].transform("mean")
    shown = rows.sort_values("score", ascending=False).groupby("user").head(k)
    return shown.groupby("user")["dislike"].mean().to_numpy()


scorers = {
    "watch time (NWTG)": nwtg_scorer,
    "explicit feedback (NEG)": neg_scorer,
    "spread of durations (DS, s)": ds_scorer,
    "dislikes": ListScorer(dislike_rate, "dislike"),
}
reached = pd.DataFrame(
    {
        name: {metric: scorer(recommender, *test) for metric, scorer in scorers.items()}
        for name, recommender in recommenders.items()
    }
)
reached.round(3)

# %%
# The lists that are to have fewer dislikes do have fewer, and pay for it with watch
# time: the label itself sees watch time, duration and explicit feedback alone, so it
# can only stay away from what is disliked by where that lies among these. How much it
# may pay is what the crafter's ``objective_weights`` say.

import matplotlib.pyplot as plt

change = reached["and fewer dislikes"] / reached["three objectives"] - 1
fig, ax = plt.subplots(figsize=(6, 2.6), layout="constrained")
ax.barh(change.index, 100 * change, color="#0072b2")
ax.axvline(0, color="black", linewidth=0.8)
ax.set(xlabel="change with the fourth objective (%)")
ax.invert_yaxis()
plt.show()
