"""
Quickstart
==========

A short-video platform logs how long each impression was watched and whether it was
liked. Which number should its recommender learn to predict? Here we train one on the
watch time, and one on a label that is *crafted* along with it, and look at the lists
that the two would show.
"""

# %%
# A log is one table. What is known before an impression goes into ``X``, what is logged
# after it into ``y``. The synthetic log below has the usual columns; the loaders in
# :mod:`sklabelcraft.datasets` bring public logs into the same form.

from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=300, random_state=0)
log.frame.head(3).round(1)

# %%
# Each user's rows come in the order of time: the first half is for training, a quarter
# for validation, the last quarter for a test.

X, y = log.data, log.target
train, valid, test = ((X.iloc[rows], y.iloc[rows]) for rows in log.split.values())

# %%
# The recommender takes a labeler, and trains a ranker on its labels. Without a labeler
# it takes :class:`~sklabelcraft.LabelCrafter`, which learns the label. Platforms show
# short lists; here ``k=5`` videos out of the 15 that each user has in the test part.

from sklabelcraft import LabelCraftRecommender, WatchTime

on_watch_time = LabelCraftRecommender(WatchTime(), k=5, random_state=0)
on_watch_time.fit(*train, *valid)

crafted = LabelCraftRecommender(k=5, random_state=0)
crafted.fit(*train, *valid)

# %%
# The lists are judged by three metrics: the watch time in them (NWTG), the explicit
# feedback in them (NEG), and the spread of their durations in seconds (DS). See
# :doc:`/metrics` for their formulas. Scores at random tell what these numbers mean. Our
# recommenders tell the scorers how long the lists are; for the random scores,
# ``replace`` does.

from dataclasses import replace

import numpy as np
import pandas as pd

from sklabelcraft import ds_scorer, neg_scorer, nwtg_scorer


class AtRandom:
    """Scores that know nothing."""

    def predict(self, X):
        """One number per row."""
        return np.random.RandomState(0).uniform(size=len(X))


scorers = {"NWTG@5": nwtg_scorer, "NEG@5": neg_scorer, "DS@5": ds_scorer}
recommenders = {
    "lists at random": AtRandom(),
    "trained on watch time": on_watch_time,
    "trained on the crafted label": crafted,
}
pd.DataFrame(
    {
        metric: {
            name: replace(scorer, k=5)(recommender, *test)
            for name, recommender in recommenders.items()
        }
        for metric, scorer in scorers.items()
    }
).round(3)

# %%
# Watch time favours long videos: users watch more seconds of a long video even if they
# like a short one better. The histograms show what the two put into their lists, before
# the grey background of everything they could choose from.

from sklabelcraft import DurationBiasDisplay

display = DurationBiasDisplay.from_estimators(
    {"watch time": on_watch_time, "crafted label": crafted}, test[0], bin_width=20
)

# %%
# While it trained, the crafter measured the platform's objectives on the validation
# part after every epoch: 1 is what lists at random reach. The best epoch is kept. The
# lower panel shows how they were weighed against each other: what lags counts most.

from sklabelcraft import TrainingHistoryDisplay

display = TrainingHistoryDisplay.from_estimator(crafted)

# %%
# If only the labels are wanted, for a model of one's own: a labeler is a transformer on
# the whole log, and the one that the recommender has fitted is its ``labeler_``.

labels = crafted.labeler_.transform(log.frame)
labels.shape
