"""The same rows give the same labels and scores, whatever they come in."""

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from members import EXAMPLES, arguments, results
from sklearn.base import clone

from sklabelcraft import Columns, KneeScaler
from sklabelcraft._model import RankerModel
from sklabelcraft.labelers import BaseLabeler
from sklabelcraft.rankers import BaseRanker, _base

POSITIONS = {
    "user": 0,
    "item": 1,
    "duration": 2,
    "timestamp": 3,
    "explicit": (6, 7, 8),
    "watch_time": 5,
}
KEYS = list(EXAMPLES)
OF_OTHERS = "LabelCraftRecommender of another ranker"  # reads what its encoder reads
BY_NAME = [key for key in KEYS if key != "KneeScaler" and key != OF_OTHERS]


def typed(type_, *names):
    """What gives another type to those of some columns that a frame has."""
    return lambda frame: frame.astype({n: type_ for n in names if n in frame})


CONTAINERS = {
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "nullable": lambda frame: frame.convert_dtypes(),
    "arrow-backed": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "int32": typed("int32", "user_id", "item_id", "timestamp", "like"),
    "float32": typed("float32", "duration", "watch_time"),
    "bool": typed(bool, "like", "follow", "comment"),
    "category": typed("category", "user_id", "item_id", "tag"),
    "index": lambda frame: frame.set_axis(np.zeros(len(frame))),
    "slice": lambda frame: pd.concat([frame, frame]).iloc[len(frame) :],
}


@pytest.fixture(scope="module")
def exact_log(small_log):
    """The small log with seconds that float32 holds exactly."""
    log = copy.copy(small_log)
    seconds = small_log.frame[["watch_time", "duration"]]
    log.frame = small_log.frame.assign(**seconds.astype("float32").astype("float64"))
    log.data = log.frame[small_log.data.columns]
    log.target = log.frame[small_log.target.columns]
    return log


@pytest.fixture(scope="module")
def expected(exact_log):
    """Examples fitted to pandas frames, and what they say of the same rows."""

    @cache
    def expected(key):
        given = arguments(EXAMPLES[key], exact_log)
        estimator = clone(EXAMPLES[key]).fit(*given)
        return estimator, results(estimator, given[0])

    return expected


def assert_same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(np.asarray(found[name]), np.asarray(values))


def is_table(value):
    return hasattr(value, "columns")


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("key", KEYS)
def test_containers(key, container, exact_log, expected):
    """Other data frames and types of columns: the same bits, in fit and after it."""
    make = CONTAINERS[container]
    given = [
        make(value) if is_table(value) else value
        for value in arguments(EXAMPLES[key], exact_log)
    ]
    fitted, wanted = expected(key)
    assert_same(results(clone(EXAMPLES[key]).fit(*given), given[0]), wanted)
    assert_same(results(fitted, given[0]), wanted)


def by_position(estimator):
    """An example on columns by position."""
    columns = Columns(**POSITIONS)
    if isinstance(estimator, KneeScaler):
        return clone(estimator)
    if isinstance(estimator, BaseRanker):
        columns = replace(columns, watch_time=0, explicit=())
    elif not hasattr(estimator, "transform"):
        columns = replace(columns, watch_time=0, explicit=(1, 2, 3))
    return clone(estimator).set_params(columns=columns)


ARRAYS = {
    "objects": lambda array: array,
    "columns first": np.asfortranarray,
    "views": lambda array: np.repeat(array, 2, axis=0)[::2],
    "read-only": lambda array: read_only(array),
}


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("container", ARRAYS)
@pytest.mark.parametrize("key", [key for key in KEYS if key != OF_OTHERS])
def test_arrays(key, container, exact_log, expected):
    """Arrays whose columns are named by position, however they lie in memory."""
    given = as_arrays(arguments(EXAMPLES[key], exact_log))
    given = [ARRAYS[container](array) for array in given]
    estimator = by_position(EXAMPLES[key]).fit(*given)
    assert_same(results(estimator, given[0]), expected(key)[1])


def as_arrays(given):
    return [np.asarray(v, dtype=object if is_table(v) else None) for v in given]


@pytest.mark.parametrize("key", KEYS)
def test_names_are_there_always_or_never(key, exact_log, expected):
    """Frame in fit and array later, or the other way, is an error and no warning."""
    given = arguments(EXAMPLES[key], exact_log)
    with pytest.raises(ValueError, match="was fitted to columns with names"):
        results(expected(key)[0], as_arrays(given)[0])
    if key == OF_OTHERS:
        return
    without = by_position(EXAMPLES[key]).fit(*as_arrays(given))
    with pytest.raises(ValueError, match="was fitted to columns without names"):
        results(without, given[0])
    if hasattr(without, "partial_fit"):
        with pytest.raises(ValueError, match="was fitted to columns without names"):
            without.partial_fit(*given)


@pytest.mark.parametrize("key", BY_NAME)
def test_columns_are_found_by_name(key, exact_log, expected):
    """Neither their order nor further ones matter to what was fitted."""
    fitted, wanted = expected(key)
    X = arguments(EXAMPLES[key], exact_log)[0]
    others = X.assign(more="text", still_more=1.5)[["more", *X.columns[::-1]]]
    assert_same(results(fitted, others), wanted)


@pytest.mark.parametrize("key", BY_NAME)
def test_columns_that_are_no_features_are_not_learned_from(key, exact_log):
    """With features that are stated, fit takes further columns in any order."""
    given = arguments(EXAMPLES[key], exact_log)
    names = Columns(features=("user_id", "item_id", "duration"))
    estimator = clone(EXAMPLES[key]).set_params(columns=names)
    wanted = results(clone(estimator).fit(*given), given[0])
    X = given[0].assign(more=1.5)[["more", *given[0].columns[::-1]]]
    assert_same(results(clone(estimator).fit(X, *given[1:]), X), wanted)


# the products of another library's regressor may differ in their last digit
@pytest.mark.parametrize("key", [key for key in KEYS if key != OF_OTHERS])
def test_a_row_is_told_by_itself(key, exact_log, expected):
    """Whatever rows are beside it, and in whichever order."""
    fitted, wanted = expected(key)
    X = arguments(EXAMPLES[key], exact_log)[0]
    order = np.random.default_rng(0).permutation(len(X))
    there = {name: values[order] for name, values in wanted.items()}
    assert_same(results(fitted, X.iloc[order]), there)
    alone = {name: values[7:8] for name, values in wanted.items()}
    assert_same(results(fitted, X.iloc[7:8]), alone)


LABELERS = [key for key in KEYS if isinstance(EXAMPLES[key], BaseLabeler | KneeScaler)]


@pytest.mark.parametrize("key", LABELERS)
def test_labels_do_not_depend_on_the_order_of_the_rows(key, exact_log, expected):
    """The rows are a set to a labeler, in one fit or in several."""
    (X,) = arguments(EXAMPLES[key], exact_log)
    order = np.random.default_rng(0).permutation(len(X))
    shuffled = clone(EXAMPLES[key]).fit(X.iloc[order])
    assert_same(results(shuffled, X), expected(key)[1])
    parts = clone(EXAMPLES[key])
    for rows in np.array_split(order, 3):
        parts.partial_fit(X.iloc[rows])
    assert_same(results(parts, X), expected(key)[1])


@pytest.mark.parametrize("key", KEYS)
def test_a_row_that_is_there_twice(key, exact_log):
    """It is read twice, and both get the same."""
    given = [
        pd.concat([pd.DataFrame(v)] * 2) for v in arguments(EXAMPLES[key], exact_log)
    ]
    estimator = clone(EXAMPLES[key]).fit(*given)
    n = len(given[0]) // 2
    for values in results(estimator, given[0]).values():
        np.testing.assert_array_equal(values[:n], values[n:])
        assert np.isfinite(values).all()


def rows_of(given, rows):
    return [value.iloc[rows] for value in given]


@pytest.mark.parametrize("key", KEYS)
def test_one_user(key, exact_log):
    """A log of one user is a log."""
    given = arguments(EXAMPLES[key], exact_log)
    given = rows_of(given, np.flatnonzero(exact_log.data["user_id"] == 3))
    for values in results(clone(EXAMPLES[key]).fit(*given), given[0]).values():
        assert len(values) == len(given[0])
        assert np.isfinite(values).all()


@pytest.mark.parametrize("key", KEYS)
def test_one_row(key, exact_log):
    """It is labelled, or the error says how many are needed."""
    given = rows_of(arguments(EXAMPLES[key], exact_log), slice(1))
    estimator = clone(EXAMPLES[key])
    if isinstance(estimator, BaseLabeler | KneeScaler | BaseRanker):
        for values in results(estimator.fit(*given), given[0]).values():
            assert np.isfinite(values).all()
    else:
        with pytest.raises(ValueError, match=r"the log has 1 rows|n_samples = 1"):
            estimator.fit(*given)


@pytest.mark.parametrize("key", KEYS)
def test_no_row(key, exact_log, expected):
    """There is nothing to fit; the error says so. What is fitted says nothing of it."""
    given = rows_of(arguments(EXAMPLES[key], exact_log), slice(0))
    with pytest.raises(ValueError, match=r"0 rows|0 sample"):
        clone(EXAMPLES[key]).fit(*given)
    with pytest.raises(ValueError, match=r"0 rows|0 sample"):
        results(expected(key)[0], given[0])


@pytest.mark.parametrize("container", ["pandas", "arrow"])
@pytest.mark.parametrize("key", KEYS)
def test_two_columns_of_one_name(key, container, exact_log, expected):
    """Which of them is meant is not guessed."""
    X, *rest = arguments(EXAMPLES[key], exact_log)
    name = X.columns[0]
    twice = pd.concat([X, X[[name]]], axis=1)
    if container == "arrow":
        table = pa.Table.from_pandas(X, preserve_index=False)
        twice = table.append_column(name, table.column(name))
    with pytest.raises(ValueError, match=f"unique column names, got:\\n- '{name}' 2"):
        clone(EXAMPLES[key]).fit(twice, *rest)
    with pytest.raises(ValueError, match=f"unique column names, got:\\n- '{name}' 2"):
        results(expected(key)[0], twice)


@pytest.mark.parametrize("kind", ["frame", "array", "polars"])
@pytest.mark.parametrize("key", ["MLPRanker", "DINRanker"])
def test_rows_are_scored_some_at_a_time(key, kind, exact_log, expected, monkeypatch):
    """Few are encoded at once, with the same bits; a wrong one is named by its row."""
    given = arguments(EXAMPLES[key], exact_log)
    fitted, wanted = expected(key)
    if kind == "array":
        given = as_arrays(given)
        fitted = by_position(EXAMPLES[key]).fit(*given)
    X = pl.from_pandas(given[0]) if kind == "polars" else given[0]
    encode, sizes = RankerModel.encode, []

    def noted(self, log):
        sizes.append(len(log))
        return encode(self, log)

    monkeypatch.setattr(RankerModel, "encode", noted)
    monkeypatch.setattr(_base, "AT_ONCE", 70)
    assert_same(results(fitted, X), wanted)
    assert max(sizes) == 70
    wrong = given[0].copy()
    if kind == "array":
        wrong[333, POSITIONS["duration"]] = -1.0
    else:
        wrong.loc[333, "duration"] = -1.0
    with pytest.raises(ValueError, match="row 333"):
        fitted.predict(wrong)
