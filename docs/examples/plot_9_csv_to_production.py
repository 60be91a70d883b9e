"""
From my CSV to production
=========================

The whole way in one story: a file of impressions with names and units of its own,
labels, a table that tells which label is best, a recommender that is trained and saved,
the lists for tomorrow's users, and the model that is retrained on the next day.
"""

# %%
# The file
# --------
#
# For this page we need such a file. Yours will have other names; what matters is a row
# for each impression, with who was shown what, how long it is, how long it was watched,
# and what else the user did.

import tempfile
from pathlib import Path

from sklabelcraft.datasets import make_short_videos

folder = tempfile.TemporaryDirectory()
here = Path(folder.name)
raw = make_short_videos(n_users=400, n_items=300, random_state=0).frame
raw = raw.sort_values("timestamp", ignore_index=True)
raw = raw.rename(
    columns={
        "user_id": "uid",
        "item_id": "video",
        "duration": "length",
        "watch_time": "played",
        "like": "thumb",
        "comment": "remark",
    }
)
raw["when"] = 1_760_000_000 + (3600 * raw.pop("timestamp")).round().astype(int)
raw[["length", "played"]] = (1000 * raw[["length", "played"]]).round().astype(int)
raw.drop(columns="follow").to_csv(here / "impressions.csv", index=False)

# %%
# It is read as ever. Two things are worth a line each: the times are in milliseconds
# and are wanted in **seconds**, and the clock is made a date. (Of a clock that is text,
# state the ``format``: "01.03.2024" is the third of January to pandas.)

import pandas as pd

log = pd.read_csv(here / "impressions.csv")
log[["length", "played"]] /= 1000
log["when"] = pd.to_datetime(log["when"], unit="s")
log.head(3)

# %%
# The columns
# -----------
#
# ``Columns`` says once what is what. ``X`` are the columns that are known before an
# impression, ``y`` those that are logged after it. ``tag`` needs no name: what else is
# in ``X`` is a feature. A column of texts such as "3,17", which hold several tags, is
# named in ``lists``, and a count, such as the followers of an author, is made
# floating-point (:doc:`/log`).

from sklabelcraft import Columns

names = Columns(
    user="uid",
    item="video",
    duration="length",
    timestamp="when",
    watch_time="played",
    explicit=("thumb", "remark"),
)
known, feedback = (
    ["uid", "video", "length", "tag", "when"],
    ["played", "thumb", "remark"],
)

# %%
# The last day is kept for later: it has not come yet.

tonight = log["when"].max().normalize()
past, next_day = log[log["when"] < tonight], log[log["when"] >= tonight]
X, y = past[known], past[feedback]
len(past), len(next_day)

# %%
# Labels
# ------
#
# A labeler turns each impression into a number. D2Q says how long a video was watched
# compared with others of about its length:

from sklabelcraft import D2Q

labels = D2Q(columns=names).fit_transform(past)
past[["length", "played"]].assign(label=labels[:, 0]).head(4).round(2)

# %%
# Which label?
# ------------
#
# Each label trains the same ranker on the earlier impressions of each user, and makes
# lists of five of the later ones. :doc:`/choosing` tells which rivals to try; five
# seeds are usual, one keeps this page short.

from sklabelcraft import LabelCrafter, WatchTime, compare_labelers, split_by_time

found = compare_labelers(
    {"watch time": WatchTime(), "D2Q": D2Q(), "LabelCraft": LabelCrafter()},
    X,
    y,
    cv=split_by_time(X, columns=names),
    columns=names,
    k=5,
    n_seeds=1,
    random_state=0,
)
found

# %%
# NWTG is the watch time in the lists, NEG the explicit feedback, DS the spread of the
# durations in seconds, and S the sum of the three, each relative to lists at random. A
# star is where a method is ahead of all others by more than noise. How sure is the lead
# of the last one? The differences of S, with intervals:

columns = ["method", "difference", "low", "high", "p_value"]
found.table.query("metric == 'S'")[columns].round(3)

# %%
# The same as a picture: on the left, up and to the right is better; on the right is the
# sum. The cross and the dotted line are what lists at random reach.

from sklabelcraft import ObjectiveTradeoffDisplay

display = ObjectiveTradeoffDisplay.from_comparison(found)

# %%
# Trained and saved
# -----------------
#
# The label of your choice trains a recommender on all of the past, and both are saved
# without pickle.

from sklabelcraft import LabelCraftRecommender
from sklabelcraft.persistence import load, save

recommender = LabelCraftRecommender(LabelCrafter(), columns=names, k=5, random_state=0)
save(recommender.fit(X, y), here / "model")
sorted(path.name for path in (here / "model").iterdir())

# %%
# Lists for tomorrow
# ------------------
#
# Another process loads the model. A table of users and one of items are enough: all
# pairs are scored, and what a user has seen is left out. User ``-1`` is new and gets a
# list, too (cold start), and video ``10000``, which nobody has seen yet, can be in one.

model = load(here / "model")
items = past[["video", "length", "tag"]].drop_duplicates("video")
items = pd.concat(
    [items, pd.DataFrame({"video": [10_000], "length": [21.0], "tag": ["tag3"]})]
)
users = pd.DataFrame({"uid": [*past["uid"].unique(), -1]})
lists = model.recommend(users, items)
lists.query("uid in [335, -1]").round(3)

# %%
# Lists that go to a service are one row for each user:

lists.groupby("uid")["video"].agg(list).tail(3)

# %%
# One that is written without Python takes the model itself, by
# :func:`~sklabelcraft.export.export_onnx`; :doc:`/serving` has both ways.
#
# The next day
# ------------
#
# A day later there are new impressions. First: how good were the lists of the model
# that did not know that day, compared with lists at random? Of each user, the
# impressions of the day are put in the order of the model.

import numpy as np

from sklabelcraft import nwtg_score

X_next, y_next = next_day[known], next_day[feedback]
scores = {
    "model": model.predict(X_next),
    "at random": np.random.RandomState(0).uniform(size=len(next_day)),
}
pd.Series(
    {
        name: nwtg_score(y_next["played"], score, groups=X_next["uid"], k=2)
        for name, score in scores.items()
    },
    name="NWTG@2",
).round(3)

# %%
# Then the model learns from the day, with new users and videos if there are some, and
# takes the place of the one before at a stroke.

save(model.partial_fit(X_next, y_next), here / "model")
lists = load(here / "model").recommend(users, items)
lists.groupby("uid")["video"].agg(list).tail(3)

# %%
# What the users saw today is not in their lists of tomorrow. The last lines are all
# that a nightly job needs; :doc:`plot_8_day_by_day` tells when to fit anew,
# :doc:`/scale` what to do when the day does not fit into memory, :doc:`/production` the
# rest.

folder.cleanup()
