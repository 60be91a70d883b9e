"""
Day by day
==========

Yesterday's model need not be thrown away: ``partial_fit`` goes on with a new day. Here
a recommender is retrained every night, and its lists on the day that follows are
compared with those of a model that is never retrained, and of one that is fitted anew
each night.
"""

# %%
# A log of ten days. The users' latest days come last, and no day knows of the next.

import numpy as np
import pandas as pd

from sklabelcraft.datasets import make_short_videos

log = make_short_videos(n_users=300, n_items=500, random_state=0)
clock = log.data["timestamp"]
cuts = clock.quantile(np.linspace(0.1, 0.9, 9))
day = np.searchsorted(cuts, clock)


def rows(*days):
    """X and y of some days."""
    chosen = np.isin(day, days)
    return log.data[chosen], log.target[chosen]


pd.Series(day).value_counts().sort_index()

# %%
# The first six days are the past. The labeler is D2Q; ``LabelCrafter`` goes on
# likewise.

from sklabelcraft import D2Q, LabelCraftRecommender, nwtg_scorer

past = range(6)


def fitted(days):
    """A recommender of some days."""
    return LabelCraftRecommender(D2Q(), k=3, random_state=0).fit(*rows(*days))


never, daily = fitted(past), fitted(past)

# %%
# Each night the day is learned, and what is learned is saved; in the morning the model
# is loaded, and makes the lists of the day. What is measured of these is the watch time
# in them (NWTG). A day has few impressions for each user, so the lists are short.

import tempfile
from time import process_time

from sklabelcraft.persistence import load, save

folder = tempfile.TemporaryDirectory()
found, seconds = [], {"daily": 0.0, "anew": 0.0}
for today in range(6, 9):
    start = process_time()
    daily = daily.partial_fit(*rows(today))
    seconds["daily"] += process_time() - start
    save(daily, folder.name + "/model")
    daily = load(folder.name + "/model")

    start = process_time()
    anew = fitted(range(today + 1))
    seconds["anew"] += process_time() - start

    tomorrow = rows(today + 1)
    models = {"never retrained": never, "day by day": daily, "anew": anew}
    found.append(
        {name: nwtg_scorer(model, *tomorrow) for name, model in models.items()}
    )

found = pd.DataFrame(found, index=[f"day {today + 2}" for today in range(6, 9)])
found.round(3)

# %%
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
for (name, values), marker in zip(found.items(), "osD", strict=True):
    ax.plot(found.index, values, marker=marker, label=name)
ax.set(ylabel="NWTG@3 (watch time)")
ax.legend()
plt.show()

# %%
# What the nights took:

pd.Series(seconds, name="CPU seconds").round(2)

# %%
# Learning day by day lies between the two: it is better than to stand still, and takes
# a tenth of the time, but is behind a model that has seen all days again and again.
# With a log as small as this, fit anew; where that takes hours, compare the two once a
# week, and fit anew when the difference is worth it. :doc:`/scale` has measurements on
# larger logs, and tells which statistics go on exactly and which choices stay as they
# were.

folder.cleanup()
