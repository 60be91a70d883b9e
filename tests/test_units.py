"""Times in another unit than seconds are told, once in a fit."""

import warnings

import pandas as pd
import polars as pl
import pytest
from members import EXAMPLES, tiny
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion

from sklabelcraft import (
    D2Q,
    DVR,
    Columns,
    FusedRecommender,
    LabelCrafter,
    LabelCraftRecommender,
    PlayCompletionRate,
    WatchTime,
    compare_labelers,
)

LABELERS = ["PlayCompletion", "PlayCompletionRate", "D2Q", "DVR", "D2Co", "CWM"]
LABELERS += ["ConditionalCDF", "LabelCrafter"]
UNION = FeatureUnion([("a", D2Q()), ("b", DVR()), ("c", PlayCompletionRate())])
RECOMMENDERS = {
    "of a label": LabelCraftRecommender(D2Q(), tiny()),
    "of a union": LabelCraftRecommender(UNION, tiny()),
    "of a crafter": clone(EXAMPLES["LabelCraftRecommender"]),
    "fused": FusedRecommender(
        [(n, LabelCraftRecommender(D2Q(), tiny())) for n in ("a", "b")], k=3
    ),
}


@pytest.fixture
def thousandfold(small_log):
    """The log with its times in milliseconds, all or the watched ones."""

    def make(columns=("watch_time", "duration")):
        frame = small_log.frame.copy()
        frame[list(columns)] *= 1000
        return frame

    return make


@pytest.mark.parametrize("name", LABELERS)
def test_milliseconds_are_told(name, thousandfold):
    """What was found, and what to do; of watch times alone, how many are too long."""
    labeler, frame = clone(EXAMPLES[name]), thousandfold()
    median = frame["duration"].median()
    told = f"median of the duration 'duration' is {median:.6g}, .* divide them by 1000"
    with pytest.warns(UserWarning, match=told) as heard:
        labeler.fit(frame)
    assert len(heard) == 1
    with pytest.warns(UserWarning, match="in 100% of the rows the watch time 'watch_"):
        labeler.fit(thousandfold(["watch_time"]))


@pytest.mark.parametrize("name", RECOMMENDERS)
def test_a_recommender_tells_once(name, thousandfold, small_log):
    """However many labelers and recommenders there are within it."""
    frame = thousandfold()
    X, y = frame[small_log.data.columns], frame[small_log.target.columns]
    with pytest.warns(UserWarning, match="must be in seconds") as heard:
        clone(RECOMMENDERS[name]).fit(X, y)
    assert [str(w.message) for w in heard if "seconds" in str(w.message)][1:] == []


def test_a_comparison_tells_once(thousandfold, small_log):
    """Not of each method, seed and fold."""
    frame = thousandfold()
    X, y = frame[small_log.data.columns], frame[small_log.target.columns]
    methods = {"D2Q": D2Q(), "PCR": PlayCompletionRate()}
    options = {"recommender": LabelCraftRecommender(ranker=tiny()), "k": 3}
    options["recommender"].ranker.random_state = None
    with pytest.warns(UserWarning, match="must be in seconds") as heard:
        compare_labelers(methods, X, y, cv=2, n_seeds=2, **options)
    assert len(heard) == 1


def test_files_are_looked_at(thousandfold, tmp_path):
    """A log in files is told of likewise, once."""
    thousandfold().to_parquet(tmp_path / "log.parquet")
    for estimator in (D2Q(), LabelCraftRecommender(UNION, tiny())):
        with pytest.warns(UserWarning, match="must be in seconds") as heard:
            estimator.fit(tmp_path)
        assert len(heard) == 1


def test_names_of_the_user_are_told(thousandfold):
    """Of arrays, positions."""
    frame = pl.from_pandas(thousandfold()).rename({"duration": "length"})
    with pytest.warns(UserWarning, match="median of the duration 'length' is"):
        D2Q(columns=Columns(duration="length")).fit(frame)
    array = frame.select("length", "watch_time").to_numpy()
    with pytest.warns(UserWarning, match="median of the duration 0 is"):
        D2Q(columns=Columns(duration=0, watch_time=1)).fit(array)


def test_what_is_seconds_is_not_told_of():
    """Long videos among short ones, a few replays, unknown durations, few rows."""
    seconds = pd.DataFrame(
        {"watch_time": [9.0, 0, 80, 5], "duration": [9.0, 1, 8, 9e3]}
    )
    unknown = pd.DataFrame({"watch_time": [9.0] * 2, "duration": [0.0, 9.0]})
    films = pd.DataFrame({"watch_time": [9e3] * 99, "duration": [9e3] * 99})
    with warnings.catch_warnings(action="error"):
        D2Q().fit(pd.concat([seconds] * 50))
        D2Q().fit(pd.concat([unknown] * 100))
        D2Q().fit(films)
        WatchTime().fit(pd.concat([films] * 9))


def test_who_does_not_read_durations_does_not_look_at_them(thousandfold):
    """A label of watch time alone has no use for them, however they are."""
    frame = thousandfold().assign(duration=-1.0)
    assert isinstance(WatchTime().fit(frame).maximum_, float)
    with pytest.raises(ValueError, match="Negative values"):
        LabelCrafter().fit(frame)
