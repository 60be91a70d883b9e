"""
From a Parquet log
==================

Logs lie in files, under names of their own and in other units. This example reads one
with polars, says once how its columns are called, and writes the labels back.
"""

# %%
# First we need such a file: times in milliseconds, other names, one row per impression.

import tempfile
from pathlib import Path

import polars as pl

from sklabelcraft.datasets import make_short_videos

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "impressions.parquet"
frame = make_short_videos(n_users=300, n_items=300, random_state=0).frame
pl.DataFrame(
    {
        "uid": frame["user_id"].to_list(),
        "video": frame["item_id"].to_list(),
        "topic": frame["tag"].to_list(),
        "shown_at": frame["timestamp"].to_list(),
        "length_ms": (1000 * frame["duration"]).round().astype(int).to_list(),
        "played_ms": (1000 * frame["watch_time"]).round().astype(int).to_list(),
        "thumb": frame["like"].to_list(),
        "shares": frame["comment"].to_list(),
    }
).write_parquet(path)

# %%
# Here the story begins. Durations and watch times are wanted in seconds. polars reads
# lazily; ``collect()`` brings the log into memory, as the estimators want it.

log = (
    pl.scan_parquet(path)
    .with_columns(length=pl.col("length_ms") / 1000, played=pl.col("played_ms") / 1000)
    .drop("length_ms", "played_ms")
    .collect()
)
log.head(3)

# %%
# The split is by time: train on the past, test on what came later.

feedback = ["played", "thumb", "shares"]
past = log.filter(pl.col("shown_at") < 45)
later = log.filter(pl.col("shown_at") >= 45)

# %%
# The names of the columns are said once, on the recommender, from which labeler and
# ranker inherit them. ``explicit`` names all that counts as explicit feedback. Since no
# validation rows are given, the latest rows of each user are held out of ``past``.

from sklabelcraft import D2Q, Columns, LabelCraftRecommender

names = Columns(
    user="uid",
    item="video",
    duration="length",
    timestamp="shown_at",
    watch_time="played",
    explicit=("thumb", "shares"),
)
crafted = LabelCraftRecommender(k=5, columns=names, random_state=0)
crafted.fit(past.drop(feedback), past.select(feedback))

by_quantile = LabelCraftRecommender(D2Q(), k=5, columns=names, random_state=0)
by_quantile.fit(past.drop(feedback), past.select(feedback))

# %%
# Scorers take names and k from the recommender that they score.

from sklabelcraft import neg_scorer, nwtg_scorer

scorers = {"NWTG@5": nwtg_scorer, "NEG@5": neg_scorer}
pl.DataFrame(
    [
        {"label": label}
        | {
            name: round(scorer(model, later.drop(feedback), later.select(feedback)), 3)
            for name, scorer in scorers.items()
        }
        for label, model in {"D2Q": by_quantile, "LabelCraft": crafted}.items()
    ]
)

# %%
# Pictures take them from there, too. Here are the lists by their durations.

from sklabelcraft import DurationBiasDisplay

display = DurationBiasDisplay.from_estimators(
    {"D2Q": by_quantile, "LabelCraft": crafted},
    later.drop(feedback),
    bin_width=20,
)

# %%
# The labels go back into a file, beside the rows that they belong to, for whatever is
# trained on them next.

labelled = log.with_columns(label=crafted.labeler_.transform(log)[:, 0])
labelled.write_parquet(path.with_name("labelled.parquet"))
labelled.select("uid", "video", "played", "length", "thumb", "label").head(3)

# %%
folder.cleanup()
