"""Warnings of columns that are perhaps meant otherwise than they are read."""

import warnings
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from sklabelcraft import Columns, MLPRanker
from sklabelcraft._encoder import Encoder
from sklabelcraft._misread import warn_of_categories, warn_of_dates
from sklabelcraft._reading import as_log
from sklabelcraft.datasets import make_short_videos

RNG = np.random.default_rng(0)
N = 3000
COUNT = np.floor(RNG.lognormal(4, 2, N)).astype(int)
ID = RNG.permutation(5000)[:N]


def warned_of(values, name="x", **stated):
    """The messages of a column, none twice."""
    log = as_log(pd.DataFrame({name: values}))
    encoder = Encoder(Columns(**stated), [name], 2).learn(log)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_categories(encoder)
    return [str(warning.message) for warning in caught]


def test_counts_are_warned_of():
    """Whole numbers, most of them low; what to do is said."""
    (message,) = warned_of(COUNT, "fans")
    assert f"'fans' holds {len(set(COUNT))} distinct whole numbers up to" in message
    assert "Make it float to use it as a number, or text to say that it is" in message


@pytest.mark.parametrize(
    "values",
    [ID, ID + 2**60, COUNT.astype(float), COUNT.astype(str), COUNT % 90, ID % 2],
    ids=["ids", "large ids", "numbers", "text", "few", "flags"],
)
def test_others_are_not(values):
    """Ids in an order of their own, numbers, text, and few distinct values."""
    assert warned_of(values) == []


def test_users_and_items_are_ids():
    """Even where the frequent ones have low numbers."""
    assert warned_of(COUNT, "user_id") == warned_of(COUNT, "item_id") == []
    assert len(warned_of(COUNT, "user_id", user=None)) == 1


@pytest.mark.parametrize(
    ("texts", "n"),
    [
        (["39,43", "7, 8,9", "1"], 1),
        (["39,43", None, "39,43"], 1),
        (["39,43", "7", "8"], 0),
        (["a,b", "c,d"], 0),
        (["39", "43"], 0),
        (["39,", ",", ""], 0),
        ([None, None], 0),
    ],
)
def test_texts_of_several_numbers_are_warned_of(texts, n):
    """Where most of the distinct ones are such."""
    assert len(warned_of(texts)) == n


def test_stated_lists_are_not():
    """What was stated is no misreading."""
    (message,) = warned_of(["39,43", "7,8"], "tag")
    assert "texts such as '39,43'" in message
    assert "State lists=('tag',) in Columns" in message
    assert warned_of(["39,43", "7,8"], "tag", lists=("tag",)) == []


def test_a_fit_warns_once():
    """Of each column, when it is learned of; not when more rows come or are scored."""
    log = make_short_videos(n_users=20, n_items=30, n_impressions=30, random_state=0)
    X = log.data.assign(fans=COUNT[: len(log.data)], tag="39,43")
    ranker = MLPRanker(max_epochs=1, random_state=0)
    with pytest.warns(UserWarning, match="'fans' holds|'tag' holds") as caught:
        ranker.fit(X, log.preference)
    assert len(caught) == 2
    ranker.partial_fit(X, log.preference).predict(X)  # where a warning is an error


def test_dates_among_the_features_are_warned_of():
    """They are categories, and perhaps were meant as the clock."""
    log = as_log(pd.DataFrame({"at": [datetime(2024, 1, 1)], "tag": ["a"]}))
    with pytest.warns(UserWarning, match=r"\['at'\] hold dates .* timestamp='at'"):
        warn_of_dates(log, ["at", "tag"], "timestamp")
    warn_of_dates(log, ["tag"], "at")


def test_columns_of_kuairand(kuairand_folder):
    """Its counts and tags are told; authors, music and its coded columns are ids."""
    videos, users = (
        pd.read_csv(kuairand_folder / "data" / f"{name}_pure.csv")
        for name in ("video_features_basic", "user_features")
    )
    for ids in ("author_id", "music_id"):
        assert warned_of(videos[ids]) == []
    for coded in (name for name in users if name.startswith("onehot_feat")):
        assert warned_of(users[coded].astype("Int64")) == []
    for count in ("follow_user_num", "fans_user_num", "friend_user_num"):
        assert len(warned_of(users[count])) == 1
    assert warned_of(users["register_days"]) == []  # of which low ones are rare
    assert len(warned_of(videos["tag"])) == 1
