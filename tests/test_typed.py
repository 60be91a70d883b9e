"""A user's program, which mypy reads strictly; what it must refuse is marked.

An unneeded mark is an error to mypy, so the marks tell that the types are looked at.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.typing import NDArray

from sklabelcraft import (
    D2Q,
    MLP,
    Columns,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    WatchTime,
    compare_labelers,
    nwtg_score,
    scale,
    soft_topk,
    split_by_time,
)
from sklabelcraft.datasets import make_short_videos
from sklabelcraft.labelers import BaseLabeler
from sklabelcraft.objectives import Objective, duration_objective
from sklabelcraft.persistence import load, save


class Half(BaseLabeler):
    """Whether at least half of a video was watched."""

    def _label(self, log: Any, columns: Columns) -> NDArray[np.float64]:
        watched: NDArray[np.float64] = log.numeric(columns.watch_time, minimum=0)
        duration: NDArray[np.float64] = log.numeric(columns.duration, minimum=0)
        return np.where(2 * watched >= duration, 1.0, 0.0)


def crafted(X: pd.DataFrame, y: pd.DataFrame) -> LabelCraftRecommender:
    """A recommender on a learned label."""
    crafter = LabelCrafter(
        MLPRanker(MLP(embedding_dim=2, hidden=(4,)), max_epochs=1, batch_size=128),
        objectives=[Objective("watch_time", "gain", "scale"), duration_objective],
        objective_weights={"watch_time_gain": 3.0},
        k=3,
        starts=[(0, 1, 1)],
        hidden=[4],
        warmup_epochs=0,
        validation_users=10,
    )
    names = Columns(explicit=["like", "follow"])
    return LabelCraftRecommender(crafter, columns=names, random_state=0).fit(X, y)


def test_a_log_becomes_lists(tmp_path: Path) -> None:
    """From a log to a saved recommender and to what it shows."""
    log = make_short_videos(n_users=20, random_state=0)
    recommender = crafted(log.data, log.target)
    save(recommender, tmp_path / "saved")
    loaded: LabelCraftRecommender = load(str(tmp_path / "saved"))
    scores = loaded.partial_fit(log.data, log.target).predict(log.data)
    assert scores.shape == (len(log.data),)
    assert isinstance(recommender.score(log.data, log.target), float)
    users: pd.DataFrame = log.data[["user_id", "timestamp"]].groupby("user_id").max()
    items: pd.DataFrame = log.data[["item_id", "duration", "tag"]].drop_duplicates()
    lists = recommender.recommend(users.reset_index(), items, k=2, exclude_seen=False)
    assert lists["rank"].max() == 2


def test_other_libraries_have_types() -> None:
    """A polars frame comes back as one; arrays, lists and texts are read."""
    log = make_short_videos(n_users=20, random_state=0)
    data, target = pl.from_pandas(log.data), pl.from_pandas(log.target)
    ranker = MLPRanker(MLP(hidden=[4]), max_epochs=1)
    model = LabelCraftRecommender(Half(), ranker).fit(data, target)
    users = data.select("user_id", "timestamp").unique("user_id")
    items = data.select("item_id", "duration", "tag").unique("item_id")
    lists: pl.DataFrame = model.recommend(users, items, k=2)
    assert lists.height == 2 * users.height
    labels = D2Q(n_groups=4).fit(log.frame).transform(log.frame)
    assert labels.shape == (len(log.frame), 1)


def test_methods_are_compared() -> None:
    """The table of a comparison, and a front of fused recommenders."""
    log = make_short_videos(n_users=20, random_state=0)
    ranker = MLPRanker(MLP(embedding_dim=2, hidden=[4]), max_epochs=1)
    found = compare_labelers(
        {"WT": WatchTime(), "half": Half()},
        log.data,
        log.target,
        cv=log.split,
        recommender=LabelCraftRecommender(ranker=ranker),
        k=[3, 5],
        n_seeds=1,
        random_state=0,
    )
    assert list(found.summary().index) == ["WT", "half"]
    members = [("WT", LabelCraftRecommender(WatchTime(), ranker))]
    fused = FusedRecommender(members, k=3, random_state=0).fit(log.data, log.target)
    front = fused.frontier(log.data, log.target, objective_weights=[[1, 1, 3]])
    assert len(front.summary()) == 1


def test_functions_take_numbers() -> None:
    """Lists, arrays and tensors."""
    shown = soft_topk(torch.tensor([3.0, 2.0, 1.0]), 1, temperature=0.5)
    assert shown.sum() == pytest.approx(1)
    assert soft_topk([3.0, 2.0], 1, epsilon=0.1, method="sorted").shape == (2,)
    assert scale(np.array([1.0, 9.0]), knee=5, maximum=10).max() < 1
    assert nwtg_score([1.0, 3.0], [0.2, 0.1], groups=[7, 7], k=1) < 1


def misuse(log: pd.DataFrame) -> None:
    """What mypy refuses; it is never called."""
    MLPRanker(max_epochs="many")  # type: ignore[arg-type]
    MLPRanker(loss="mse")  # type: ignore[arg-type]
    LabelCrafter(objectives=["watch_time"])  # type: ignore[list-item]
    D2Q(columns={"user": "uid"})  # type: ignore[arg-type]
    soft_topk([1.0], 1, temperature=1.0, method="exact")  # type: ignore[arg-type]
    split_by_time(log, by="day")  # type: ignore[arg-type]
    WatchTime().fit(log).transform(log, to=3)  # type: ignore[arg-type]
    nwtg_score([1.0], [1.0], [7])  # type: ignore[call-arg]
