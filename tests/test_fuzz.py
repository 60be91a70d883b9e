"""Whole logs of anything: an estimator has a result, or refuses them on purpose."""

import linecache
import traceback
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import sklabelcraft
from sklabelcraft import (
    CWM,
    D2Q,
    DIN,
    DVR,
    MLP,
    Columns,
    ConditionalCDF,
    D2Co,
    DINRanker,
    ExplicitFeedback,
    LabelCrafter,
    LabelCraftRecommender,
    MLPRanker,
    PlayCompletion,
    PlayCompletionRate,
    WatchTime,
)

PACKAGE = sklabelcraft.__path__[0]
COLUMNS = Columns(explicit=("like",))
N_ROWS = 12
ORDINARY = {
    "user_id": [1, 2] * 6,
    "item_id": [1, 2, 3, 4] * 3,
    "duration": [10.0, 20.0, 60.0] * 4,
    "timestamp": list(range(N_ROWS)),
    "watch_time": [5.0, 30.0, 0.0, 8.0, 19.5, 60.0] * 2,
    "like": [0, 1, 0] * 4,
}
IMPRESSIONS = ["user_id", "item_id", "duration", "timestamp"]
FEEDBACK = ["watch_time", "like"]
EXPLAINED = (
    "the objective|the columns .* hold dates|A column-vector y was passed|"
    "the explicit feedback|objectives leave out"
)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**320, 10**330),
    st.floats(),
    st.floats(width=16),
    st.sampled_from([-0.0, 5e-324, 1e-30, 3.5e38, 1e300, np.float32(1), pd.NaT, pd.NA]),
    st.decimals(),
    st.fractions(),
    st.complex_numbers(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.datetimes(),
    st.timedeltas(),
    st.tuples(st.integers()),
    st.lists(st.floats(), max_size=2),
)
REPLACED = [  # which of n rows hold odd values
    lambda n: [True] * n,
    lambda n: [row == n - 1 for row in range(n)],
    lambda n: [row % 2 == 0 for row in range(n)],
]
labelers = st.sampled_from(
    [
        PlayCompletion(),
        PlayCompletionRate(clip=False),
        WatchTime(),
        ExplicitFeedback(),
        DVR(),
        D2Q(),
        D2Co(),
        CWM(),
        ConditionalCDF(by=("user", "duration")),
    ]
)
rankers = st.sampled_from(
    [
        MLPRanker(MLP(embedding_dim=2, hidden=()), max_epochs=1),
        DINRanker(DIN(embedding_dim=2, hidden=(), history_length=2), max_epochs=1),
        MLPRanker(MLP(embedding_dim=2, hidden=()), learning_rate=1e20, max_epochs=2),
    ]
)
fuzzed = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],  # a whole log takes minutes to shrink
    suppress_health_check=list(HealthCheck),
)


@st.composite
def columns(draw, usual):
    """The values of a column: some or all odd, or all the same odd one."""
    n = len(usual)
    odd = draw(st.lists(ANYTHING, min_size=1, max_size=4))
    return [
        odd[i % len(odd)] if replaced else usual[i]
        for i, replaced in enumerate(draw(st.sampled_from(REPLACED))(n))
    ]


@st.composite
def logs(draw):
    """A table of any number of rows and anything in its columns."""
    n = draw(st.sampled_from([0, 1, 2, N_ROWS, N_ROWS, N_ROWS]))
    table = {key: values[:n] for key, values in ORDINARY.items()}
    for key in draw(st.lists(st.sampled_from(list(table)), max_size=2, unique=True)):
        table[key] = draw(columns(table[key]))
    if draw(st.integers(0, 9)) == 9:
        del table[draw(st.sampled_from(list(table)))]
    return draw(st.sampled_from([as_pandas, as_polars]))(table)


def as_pandas(table):
    """A frame whose columns have the types that pandas finds for them."""
    return pd.DataFrame({key: _pandas_series(values) for key, values in table.items()})


def _pandas_series(values):
    series = pd.Series(values, dtype=object)
    try:
        return series.infer_objects()
    except OverflowError:  # as older versions say of whole numbers that no float holds
        return series


def as_polars(table):
    """A frame of polars, of objects where it has no type for all values."""
    return pl.DataFrame([_polars_series(key, v) for key, v in table.items()])


def _polars_series(key, values):
    endless = any(isinstance(v, Decimal) and not v.is_finite() for v in values)
    try:
        return pl.Series(key, values, dtype=pl.Object if endless else None)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return pl.Series(key, values, dtype=pl.Object)


def on_purpose(error):
    """Whether an error was raised by a line of ours or by scikit-learn's checks."""
    frames = traceback.extract_tb(error.__traceback__)
    line = linecache.getline(frames[-1].filename, frames[-1].lineno)
    ours = frames[-1].filename.startswith(PACKAGE) and line.strip().startswith("raise")
    return ours or any("/sklearn/utils/" in frame.filename for frame in frames[-3:])


def tried(estimator, method, *data):
    """What a method returns, or None where it refuses the data on purpose."""
    before = dict(vars(estimator))
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", EXPLAINED)
            return getattr(estimator, method)(*data)
    except (ValueError, TypeError) as error:
        if not on_purpose(error):
            raise
        assert vars(estimator) == before
        return None


def impressions(table):
    """The columns that are known before the impression."""
    return table[[key for key in table.columns if key in IMPRESSIONS]]


@fuzzed
@given(labelers, logs(), logs())
def test_a_labeler_labels_any_log_or_refuses_it(labeler, log, other):
    """Labels are finite, of the rows that it was fitted to and of others.

    Only explicit feedback may be not known.
    """
    labeler = clone(labeler).set_params(columns=COLUMNS)
    if tried(labeler, "fit", log) is None:
        return
    for table in (log, other):
        labels = tried(labeler, "transform", table)
        if labels is not None:
            assert labels.shape == (len(table), 1)
            if isinstance(labeler, ExplicitFeedback):
                labels = labels[~np.isnan(labels)]
            assert np.isfinite(labels).all()
    tried(labeler, "partial_fit", other)


@fuzzed
@given(rankers, logs(), logs(), st.data())
def test_a_ranker_scores_any_log_or_refuses_it(ranker, log, other, data):
    """Scores and what is told of epochs are finite, whatever the labels were."""
    ranker = clone(ranker).set_params(columns=COLUMNS, random_state=0)
    usual = [0.1, 0.9, 0.4] * 4
    labels, others = (usual[: len(table)] for table in (log, other))
    if data.draw(st.booleans()):
        labels = data.draw(columns(labels))
    X, X_other = (impressions(table) for table in (log, other))
    if tried(ranker, "fit", X, labels) is None:
        return
    for table in (X, X_other):
        scores = tried(ranker, "predict", table)
        if scores is not None:
            assert scores.shape == (len(table),)
            assert np.isfinite(scores).all()
    tried(ranker, "partial_fit", X_other, others)
    assert all(np.isfinite(list(epoch.values())).all() for epoch in ranker.history_)


@fuzzed
@given(st.none() | labelers, logs(), logs())
def test_a_recommender_takes_any_feedback_or_refuses_it(labeler, log, other):
    """So it is with impressions and feedback apart, also where a label is learned."""
    network = MLP(embedding_dim=2, hidden=())
    ranker = MLPRanker(network, max_epochs=1)
    if labeler is None:
        labeler = LabelCrafter(hidden=(2,), k=2, starts=[(1, 1, 1)])
    recommender = LabelCraftRecommender(
        clone(labeler), ranker, k=2, columns=COLUMNS, random_state=0
    )
    feedback = [
        table[[key for key in table.columns if key in FEEDBACK]]
        for table in (log, other)
    ]
    if tried(recommender, "fit", impressions(log), feedback[0]) is None:
        return
    for table in (log, other):
        scores = tried(recommender, "predict", impressions(table))
        if scores is not None:
            assert scores.shape == (len(table),)
            assert np.isfinite(scores).all()
    tried(recommender, "partial_fit", impressions(other), feedback[1])
