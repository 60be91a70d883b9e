"""A column that is stated and is nowhere is an error, wherever it is stated."""

from dataclasses import replace

import numpy as np
import pytest
from members import EXAMPLES, arguments
from sklearn.base import clone

from sklabelcraft import (
    Columns,
    DurationBiasDisplay,
    LabelSurfaceDisplay,
    WatchTime,
    compare_labelers,
    nwtg_scorer,
    split_by_time,
)
from sklabelcraft.rankers import BaseRanker

FITTED = [name for name in EXAMPLES if name != "KneeScaler"]
IN_FILES = ["D2Q", "LabelCrafter", "LabelCraftRecommender of two parts"]
BEFORE = {
    "user": Columns(user="nowhere"),
    "item": Columns(item="nowhere"),
    "duration": Columns(duration="nowhere"),
    "timestamp": Columns(timestamp="nowhere"),
    "features": Columns(features=("tag", "nowhere")),
}
AFTER = {
    "watch_time": Columns(watch_time="nowhere"),
    "explicit": Columns(explicit=("like", "nowhere")),
}
USED = {
    "split_by_time": lambda log, columns: split_by_time(log.data, columns=columns),
    "DurationBiasDisplay": lambda log, columns: DurationBiasDisplay.from_predictions(
        log.data, {"any": np.arange(len(log.data))}, columns=columns
    ),
    "LabelSurfaceDisplay": lambda log, columns: LabelSurfaceDisplay.from_estimator(
        WatchTime().fit(log.frame), log.frame, columns=columns
    ),
    "compare_labelers": lambda log, columns: compare_labelers(
        {"WT": WatchTime()}, log.data, log.target, cv=2, columns=columns
    ),
    "scorer": lambda log, columns: replace(nwtg_scorer, columns=columns).per_user(
        np.arange(len(log.data)), log.data, log.target
    ),
}
NOT_READ = {  # X has no feedback, and rows can be scored without a time
    "split_by_time": {*AFTER},
    "DurationBiasDisplay": {*AFTER, "timestamp"},
    "scorer": {"timestamp"},
}
READ = [
    (name, role)
    for name in USED
    for role in [*BEFORE, *AFTER]
    if role not in NOT_READ.get(name, ())
]
WANTED = [
    (name, role)
    for name in FITTED
    for role in [*BEFORE, *AFTER]
    if role in BEFORE or not isinstance(EXAMPLES[name], BaseRanker)
]


@pytest.mark.parametrize(("name", "role"), WANTED)
def test_fit_wants_what_is_stated(small_log, name, role):
    """Also a role that this estimator does not read; rankers see no feedback."""
    estimator = clone(EXAMPLES[name])
    estimator.set_params(columns=(BEFORE | AFTER)[role])
    told = rf"column 'nowhere' is not in the log; it has .*\. It is stated as {role}"
    with pytest.raises(ValueError, match=told):
        estimator.fit(*arguments(estimator, small_log))


@pytest.mark.parametrize("role", [*BEFORE, *AFTER])
@pytest.mark.parametrize("name", IN_FILES)
def test_files_are_to_hold_what_is_stated(small_log, tmp_path, name, role):
    """As a table in memory."""
    small_log.frame.to_parquet(tmp_path / "log.parquet")
    estimator = clone(EXAMPLES[name]).set_params(columns=(BEFORE | AFTER)[role])
    told = rf"column 'nowhere' is not in the log; it has .*\. It is stated as {role}"
    with pytest.raises(ValueError, match=told):
        estimator.fit(tmp_path)


@pytest.mark.parametrize(("name", "role"), READ)
def test_functions_want_what_is_stated(small_log, name, role):
    """Scorers, splitters and pictures alike."""
    told = rf"column 'nowhere' is not in the log; it has .*\. It is stated as {role}"
    with pytest.raises(ValueError, match=told):
        USED[name](small_log, (BEFORE | AFTER)[role])


@pytest.mark.parametrize("name", FITTED)
def test_usual_names_may_be_missing_where_they_are_not_read(small_log, name):
    """What nobody states and nobody reads is not asked for."""
    estimator = clone(EXAMPLES[name])
    data = arguments(estimator, small_log)
    data = data[0].drop(columns="timestamp"), *data[1:]
    estimator.fit(*data)
