"""The log as a table: one behaviour for pandas, polars, pyarrow and arrays."""

import re
from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import BaseEstimator

from sklabelcraft import Columns
from sklabelcraft._reading import as_log, read_feedback, read_log

DATA = {
    "user_id": [3, 1, 3, 2],
    "duration": [10.0, 20.5, 7.0, 0.0],
    "like": [0, 2, 0, 0],
    "follow": [1, 0, 0, 0],
}
ODD_INDEX = [7, -1, 7, 0]
NEWER = pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 cannot tell them")
BIG = [2**60 + i for i in range(40)]  # which a float takes for one


def as_pandas(data):
    return pd.DataFrame(data, index=ODD_INDEX[: len(next(iter(data.values())))])


def as_array(data):
    return np.column_stack(list(data.values()))


def as_objects(data):
    columns = [np.array(values, dtype=object) for values in data.values()]
    return np.column_stack(columns)


LIBRARIES = [as_pandas, pl.DataFrame, pa.table]
FRAMES = pytest.mark.parametrize("frame", LIBRARIES)
KINDS = pytest.mark.parametrize("kind", [*LIBRARIES, as_array, as_objects])


def key_of(log, name):
    """A column's name in a frame, its position in an array."""
    return name if name in log else list(DATA).index(name)


@KINDS
def test_same_numbers_from_every_kind(kind):
    """Columns, their order and what is counted in them do not depend on the kind."""
    log = as_log(kind(DATA))
    assert len(log) == 4
    for position, (name, values) in enumerate(DATA.items()):
        for key in (key_of(log, name), position, position - 4):
            assert log.ids(key).values.tolist() == values
            numbers = log.numeric(key)
            assert numbers.dtype == np.float64
            assert numbers.tolist() == values
    explicit = [key_of(log, "like"), key_of(log, "follow")]
    assert log.any_positive(explicit).tolist() == [1, 1, 0, 0]


@FRAMES
def test_keys_are_names(frame):
    """A frame's columns are known by name, and by position."""
    log = as_log(frame(DATA))
    assert log.keys == list(DATA)
    assert "like" in log
    assert 3 in log
    assert "hate" not in log
    assert 4 not in log
    assert None not in log
    assert log.canonical(3) == log.canonical(-1) == log.canonical("follow") == "follow"


def test_keys_of_an_array_are_positions():
    """An array's columns are known by position only."""
    log = as_log(as_array(DATA))
    assert log.keys == [0, 1, 2, 3]
    assert "like" not in log
    assert log.canonical(-1) == log.canonical(3) == 3


def test_integer_names_of_a_pandas_frame():
    """A frame made from an array, without names, is read by position."""
    log = as_log(pd.DataFrame(as_array(DATA)))
    assert log.numeric(1).tolist() == DATA["duration"]


@KINDS
def test_a_negative_signal_is_no_feedback(kind):
    """Counts below 0 are refused, not taken as none."""
    log = as_log(kind(DATA | {"like": [0, 2, -1, 0]}))
    with pytest.raises(ValueError, match=r"finite and >= 0; 1 of 4 .* row 2"):
        log.any_positive([key_of(log, "like")])


@KINDS
def test_rows_by_position(kind):
    """Rows are taken by position, whatever the index says, and stay of their kind."""
    log = as_log(kind(DATA)).rows(np.array([2, 0]))
    assert len(log) == 2
    assert log.numeric(key_of(log, "duration")).tolist() == [7, 10]
    assert isinstance(log.native, type(kind(DATA)))
    assert as_log(log.native).numeric(1).tolist() == [7, 10]


@FRAMES
def test_floating_point_columns_are_continuous(frame):
    """Codes are integers or text; floating-point columns are numbers."""
    log = as_log(frame(DATA | {"tag": list("abca")}))
    assert [key for key in log.keys if log.is_continuous(key)] == ["duration"]


def test_columns_of_an_array_of_objects_have_their_own_types():
    """Each is what its values are; an array of floats has floats alone."""
    missing = {"code": [1, None, 2, 1], "score": [0.5, None, 1.0, 2.0]}
    log = as_log(as_objects(DATA | {"tag": list("abca")} | missing))
    assert [key for key in log.keys if log.is_continuous(key)] == [1, 6]
    log = as_log(as_array(DATA))
    assert all(log.is_continuous(key) for key in log.keys)


@FRAMES
def test_which_columns_hold_dates(frame):
    """Dates and times are neither numbers nor text."""
    at = [datetime(2024, 1, 1), datetime(2024, 1, 2)]
    log = as_log(frame({"at": at, "second": [1.0, 2.0], "tag": ["2024", "2025"]}))
    assert [key for key in log.keys if log.is_date(key)] == ["at"]


@FRAMES
def test_a_missing_column_is_named(frame):
    """The error names the column and what there is instead."""
    log = as_log(frame(DATA))
    with pytest.raises(ValueError, match=r"'hate' is not in the log; it has .*'like'"):
        log.numeric("hate")
    with pytest.raises(ValueError, match="4 is not in the log"):
        log.numeric(4)


def test_a_column_under_another_name():
    """Where the usual name is missing, the error tells how to state another."""
    log = as_log(pd.DataFrame({"played": [1.0]}))
    with pytest.raises(ValueError, match=r"which one it is: Columns\(watch_time="):
        log.numeric("watch_time")


@pytest.mark.parametrize("key", ["duration", 4, -5])
def test_a_missing_column_of_an_array(key):
    """Names, and positions beyond the end, are not in an array."""
    with pytest.raises(ValueError, match="is not in the log; it is an array of 4"):
        as_log(as_array(DATA)).numeric(key)


@FRAMES
def test_a_text_column_has_no_numbers(frame):
    """The error shows an example of what was found."""
    log = as_log(frame({"duration": ["short", "long"]}))
    with pytest.raises(ValueError, match=r"'duration' must hold numbers.*'short'"):
        log.numeric("duration")


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"duration": [1.5, 2, "oops", None, "no"]}),
        np.array([[1.5], [2], ["oops"], [None], ["no"]], dtype=object),
    ],
    ids=["pandas", "array"],
)
def test_one_bad_text_among_numbers(data):
    """The error shows what is wrong and in which row, not a value that is right."""
    with pytest.raises(ValueError, match=r"must hold numbers, .* 'oops' in row 2"):
        as_log(data).numeric(0)


@KINDS
@pytest.mark.parametrize("bad", [-0.5, np.nan, np.inf])
def test_values_that_are_no_seconds(kind, bad):
    """Below the minimum, or not finite: the error counts the rows, names the first."""
    data = {"user_id": [1, 1, 1], "duration": [1.0, bad, bad]}
    if kind is as_array and np.isinf(bad):
        with pytest.raises(ValueError, match="Input contains inf"):
            as_log(kind(data))
        return
    log = as_log(kind(data))
    with pytest.raises(ValueError, match=r"finite and >= 0; 2 of 3 .* row 1"):
        log.numeric(key_of(log, "duration"), minimum=0)


@FRAMES
def test_missing_values_are_refused(frame):
    """None in a column of numbers is no number either."""
    with pytest.raises(ValueError, match="must be finite; 1 of 2 rows"):
        as_log(frame({"duration": [1.0, None]})).numeric("duration")


@pytest.mark.parametrize(
    "signal",
    [
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([True, None, False], dtype="bool[pyarrow]"),
        pd.Series([True, None, False], dtype=object),
        pd.Series([1, None, 0], dtype="Int64"),
        pl.Series([True, None, False]),
        pl.Series([1, None, 0]),
        pa.chunked_array([[True, None, False]]),
    ],
)
def test_missing_feedback_of_any_type(signal):
    """A missing boolean or whole number is not known; as seconds it is refused."""
    frame = {pl.Series: pl.DataFrame, pd.Series: pd.DataFrame}
    log = as_log(frame.get(type(signal), pa.table)({"like": signal}))
    np.testing.assert_equal(log.any_positive(["like"]), [1, np.nan, 0])
    with pytest.raises(ValueError, match=r"Missing .*: .*'like' .*; 1 of 3 .* row 1"):
        log.numeric("like", minimum=0)


@KINDS
def test_explicit_feedback_is_known_where_one_signal_tells(kind):
    """1 if any is above 0, 0 if none is and all are there, else not known."""
    nan = np.nan
    data = {
        "like": [2.0, 0.0, nan, nan],
        "follow": [nan, 0.0, 0.0, 1.0],
    }
    log = as_log(kind(data))
    np.testing.assert_equal(log.any_positive(log.keys), [1, 0, nan, 1])
    assert log.any_positive([]).tolist() == [0.0] * 4


@KINDS
@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_explicit_feedback_that_is_none(kind, bad):
    """It may be missing, but neither negative nor infinite."""
    with pytest.raises(ValueError, match=r"row 1.*: (-1|inf)|Input contains inf"):
        as_log(kind({"like": [np.nan, bad]})).any_positive([0])


@FRAMES
def test_negative_minimum_is_only_asked_where_needed(frame):
    """Without a minimum, negative numbers are numbers."""
    assert as_log(frame({"x": [-1.5, 2.0]})).numeric("x").tolist() == [-1.5, 2]


@FRAMES
def test_present(frame):
    """Of the columns asked for, those there; none of them is an error."""
    log = as_log(frame(DATA))
    assert log.present(["comment", "follow", "like"]) == ["follow", "like"]
    assert log.present([]) == []
    with pytest.raises(ValueError, match=r"none of the columns .*'hate'"):
        log.present(["hate"])
    with pytest.raises(ValueError, match="column 'thumb' is not in the log"):
        log.present(["like", "thumb"])


@FRAMES
def test_optional(frame):
    """A column of the usual name may be missing, one that was stated may not."""
    log = as_log(frame(DATA))
    assert log.optional(Columns(), "user") == "user_id"
    assert log.optional(Columns(user=0), "user") == "user_id"
    assert log.optional(Columns(user=None), "user") is None
    assert log.optional(Columns(), "timestamp") is None
    with pytest.raises(ValueError, match="'when' is not in the log"):
        log.optional(Columns(timestamp="when"), "timestamp")
    with pytest.raises(ValueError, match="4 is not in the log"):
        log.optional(Columns(timestamp=4), "timestamp")


LAZY = pl.LazyFrame({"duration": [1.0]})
LEVELS = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], ["b", "c"]]))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (LAZY, r"the log must be in memory, got a lazy frame: collect\(\) it"),
        (LEVELS, r"names of one level, got 2 levels, such as \('a', 'b'\)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "unique column names"),
        (np.zeros(3), "Expected 2D array, got 1D array"),
        (pd.Series([1.0]), "Expected a 2-dimensional container"),
    ],
    ids=["lazy", "levels", "twice", "vector", "series"],
)
def test_what_is_no_log(data, message):
    """Lazy frames, several levels of names and single columns are refused."""
    with pytest.raises(ValueError, match=message):
        as_log(data)


@KINDS
def test_of_no_column_all_rows_have_one_id_and_their_order(kind):
    """A user of None is one user, a clock of None the order of the rows."""
    log = as_log(kind(DATA))
    assert log.ids(None).codes().tolist() == [0] * 4
    assert log.clock(None).times.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "data",
    [
        pd.DataFrame({"user_id": BIG}),
        pd.DataFrame({"user_id": pd.Series(BIG, dtype=object)}),
        pd.DataFrame({"user_id": pd.Series([*BIG, None], dtype="Int64")}),
        pd.DataFrame({"user_id": pd.Series([*BIG, None], dtype=object)}),
        pl.DataFrame({"user_id": [*BIG, None]}),
        pl.DataFrame({"user_id": pl.Series([*BIG, None], dtype=pl.UInt64)}),
        pa.table({"user_id": [*BIG, None]}),
        np.array(BIG)[:, None],
        np.array([*BIG, None], dtype=object)[:, None],
    ],
)
def test_ids_are_read_as_they_are(data):
    """Whole numbers beyond 2**53 stay apart, also beside a missing one."""
    ids = as_log(data).ids(0)
    assert ids.kind == "numbers"
    assert ids.codes().tolist() == list(range(len(data)))
    assert ids.values[:40].tolist() == BIG


def test_what_cannot_be_an_id_is_named():
    """Lists are no keys."""
    log = as_log(pl.DataFrame({"tags": [[1], [2]]}))
    with pytest.raises(ValueError, match=r"column 'tags' must hold .* be keys"):
        log.ids("tags")


@FRAMES
@pytest.mark.parametrize("feedback", LIBRARIES)
def test_beside_keeps_the_order_of_the_rows(frame, feedback):
    """Rows are put side by side by position; the result is a frame of the kind of X."""
    X = as_log(frame({"user_id": list("cab"), "duration": [1.0, 2.0, 3.0]}))
    y = feedback({"watch_time": [10.0, 20.0, 30.0], "comment": ["u", "v", "w"]})
    both = X.beside(read_feedback(y, X))
    assert isinstance(both, type(frame({"x": [0]})))
    log = as_log(both)
    assert log.keys == ["user_id", "duration", "watch_time", "comment"]
    assert log.ids("user_id").values.tolist() == list("cab")
    assert log.numeric("watch_time").tolist() == [10, 20, 30]
    assert log.ids("comment").values.tolist() == ["u", "v", "w"]


def test_beside_ignores_indices_that_disagree():
    """Permuted pandas indices are not aligned, and X keeps its own."""
    X = pd.DataFrame({"duration": [1.0, 2.0, 3.0]}, index=[2, 0, 1])
    y = pd.DataFrame({"watch_time": [10.0, 20.0, 30.0]}, index=[1, 2, 0])
    log = as_log(X).beside(read_feedback(y, as_log(X)))
    assert log["watch_time"].tolist() == [10, 20, 30]
    assert log.index.tolist() == [2, 0, 1]


def test_arrays_side_by_side():
    """Arrays are put side by side; a vector is one column."""
    X = as_log(np.array([[1.0, 2.0], [3.0, 4.0]]))
    log = X.beside(read_feedback(np.array([5.0, 6.0]), X))
    assert log.tolist() == [[1, 2, 5], [3, 4, 6]]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_whole_numbers_stay_whole_beside_a_float(dtype):
    """40 users of an array stay apart beside watch times, which stay what they are."""
    X = as_log(np.array(BIG, dtype=dtype)[:, None])
    log = as_log(X.beside(read_feedback(np.linspace(0, 1, 40), X)))
    assert log.keys == [0, 1]
    assert log.ids(0).values.tolist() == BIG
    np.testing.assert_array_equal(log.numeric(1), np.linspace(0, 1, 40))
    assert [log.is_continuous(key) for key in log.keys] == [False, True]


def test_columns_have_the_same_types_beside_feedback():
    """A column of an array of objects is the number or the category that it was."""
    X = as_log(as_objects(DATA | {"tag": list("abca")}))
    log = as_log(X.beside(read_feedback(np.arange(4.0), X)))
    continuous = [X.is_continuous(key) for key in X.keys]
    assert [log.is_continuous(key) for key in log.keys] == [*continuous, True]


NULLABLE = {
    "pandas": lambda data: pd.DataFrame(data).convert_dtypes(),
    "objects": lambda data: pd.DataFrame(data, dtype=object),
    "arrow": lambda data: pd.DataFrame(
        {key: pd.arrays.ArrowExtensionArray(pa.array(data[key])) for key in data}
    ),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
}


@FRAMES
@pytest.mark.parametrize("nullable", NULLABLE)
def test_missing_feedback_stays_missing(frame, nullable):
    """In whatever library, the values beside it stay what they are."""
    X = as_log(frame({"user_id": list("cab")}))
    y = {"count": [BIG[1], None, BIG[2]], "tag": ["a", None, "b"]}
    y |= {"like": [True, None, False], "score": [0.5, None, 1.5]}
    if nullable == "pandas":
        y["count"] = pd.array(y["count"], dtype="Int64")
    log = as_log(X.beside(read_feedback(NULLABLE[nullable](y), X)))
    for key in ("count", "tag", "like", "score"):
        assert log.ids(key).missing.tolist() == [False, True, False]
    there = {key: log.ids(key).values[[0, 2]].tolist() for key in y}
    expected = {"count": BIG[1:3], "tag": ["a", "b"], "like": [1, 0]}
    assert there == expected | {"score": [0.5, 1.5]}


@pytest.mark.parametrize("kind", [pd.Series, lambda v, name: pl.Series(name, v)])
def test_feedback_may_be_a_series(kind):
    """One column of feedback may come as a series with a name."""
    X = as_log(as_pandas({"duration": [1.0, 2.0]}))
    log = X.beside(read_feedback(kind([5.0, 6.0], name="watch_time"), X))
    assert log["watch_time"].tolist() == [5, 6]


@FRAMES
@pytest.mark.parametrize(
    "y",
    [pd.Series([5.0]), pd.Series([5.0], name=0), pl.Series([5.0]), pa.array([5.0])],
)
def test_a_series_needs_a_name(frame, y):
    """Beside a frame, a column without a name is asked for one."""
    y = pa.chunked_array([y]) if isinstance(y, pa.Array) else y
    X = as_log(frame({"duration": [1.0]}))
    with pytest.raises(ValueError, match=r"must have the name .* y.rename\('watch_ti"):
        read_feedback(y, X)


def test_a_series_beside_an_array_needs_no_name():
    """It is one column, known by its position."""
    X = as_log(np.array([[1.0], [2.0]]))
    log = X.beside(read_feedback(pd.Series([5.0, 6.0], index=[1, 0]), X))
    assert log.tolist() == [[1, 5], [2, 6]]


@FRAMES
def test_a_column_belongs_to_x_or_to_y(frame):
    """The same column on both sides is refused by name."""
    X = as_log(frame({"duration": [1.0], "user_id": [1]}))
    y = read_feedback(frame({"duration": [1.0], "watch_time": [1.0]}), X)
    with pytest.raises(ValueError, match=r"\['duration'\] are in X and in y"):
        X.beside(y)


@FRAMES
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda frame: None, "y is None"),
        (lambda frame: frame({"watch_time": [1.0]}), r"same number of rows.*2 and 1"),
        (lambda frame: np.zeros((2, 1)), "y must be one with the feedback columns"),
        (lambda frame: LAZY, r"y must be in memory, got a lazy frame: collect\(\) it"),
        (lambda frame: LEVELS, "names of one level"),
    ],
)
def test_feedback_that_does_not_fit(frame, wrong, message):
    """Missing feedback, too few rows, or another kind of data are refused."""
    X = as_log(frame({"duration": [1.0, 2.0][: 1 + (wrong(frame) is not LEVELS)]}))
    with pytest.raises(ValueError, match=message):
        read_feedback(wrong(frame), X)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (None, "y is None"),
        (np.zeros(3), "same number of rows, got 2 and 3"),
        (LAZY, "y must be in memory, got a lazy frame"),
        (np.array([1.0, np.inf]), "Input y contains inf"),
    ],
    ids=["none", "rows", "lazy", "inf"],
)
def test_feedback_that_does_not_fit_an_array(wrong, message):
    """The same is refused beside an array."""
    with pytest.raises(ValueError, match=message):
        read_feedback(wrong, as_log(np.zeros((2, 1))))


@FRAMES
def test_a_log_read_by_name_is_only_asked_for_its_columns(frame):
    """Order and further columns do not matter; read by position, the layout does."""
    estimator = BaseEstimator()
    read_log(estimator, frame(DATA), ["duration"], reset=True)
    assert estimator.n_features_in_ == 4
    if frame is not pa.table:  # of which scikit-learn does not read the names
        assert estimator.feature_names_in_.tolist() == list(DATA)
    other = frame({"more": [1, 2], "duration": [5.0, 6.0]})
    log = read_log(estimator, other, ["duration"], reset=False)
    assert log.numeric("duration").tolist() == [5, 6]
    with pytest.raises(ValueError, match=r"feature names|2 features"):
        read_log(estimator, other, [0], reset=False)


@KINDS
def test_a_log_needs_rows(kind):
    """Too few are counted."""
    with pytest.raises(ValueError, match=r"4 (rows|sample).* while .* 5 (is|are) req"):
        read_log(BaseEstimator(), kind(DATA), [0], reset=True, min_rows=5)


def test_rows_of_rows_are_named_as_they_were_given():
    """However often some are taken, an error names the row of the first log."""
    log = as_log(pd.DataFrame({"x": [0.0, 1.0, -1.0, 3.0], "t": [0, "a", 1, "b"]}))
    some = log.rows(np.array([3, 2, 1])).rows(np.array([0, 1]))
    with pytest.raises(ValueError, match="the first is row 2: -1"):
        some.numeric("x", minimum=0)
    with pytest.raises(ValueError, match="'b' in row 3"):
        some.numeric("t")


@pytest.mark.parametrize("value", [10**400, -(10**400), Decimal("1e999")])
def test_a_number_beyond_float64_is_not_finite(value):
    """The row is told, whatever type of Python it is."""
    log = as_log(pd.DataFrame({"x": pd.Series([1, value], dtype=object)}))
    with pytest.raises(
        ValueError, match=r"Not finite: column 'x' .* the first is row 1"
    ):
        log.numeric("x")


def test_scalars_of_arrow_are_numbers():
    """An invalid one is missing."""
    values = pd.Series(list(pa.array([1.5, None])), dtype=object)
    found = as_log(pd.DataFrame({"x": values})).numeric("x", missing=True)
    np.testing.assert_array_equal(found, [1.5, np.nan])


def test_extended_floats_are_read_as_float64():
    """Those beyond it are not finite, without a warning."""
    values = np.array([1.5, "1e400"], dtype=np.longdouble)
    log = as_log(pd.DataFrame({"x": values}))
    assert log.rows([0]).numeric("x").tolist() == [1.5]
    for data in (pd.DataFrame({"x": values}), values[:, None]):
        with pytest.raises(ValueError, match=r"Not finite|infinity"):
            as_log(data).numeric(as_log(data).keys[0])


@pytest.mark.parametrize(
    "value",
    [
        Decimal("sNaN"),
        [1.0, [2.0]],
        np.ones(1),
        pytest.param(torch.tensor(1j), marks=NEWER),
        pytest.param(torch.tensor(1.0, device="meta"), marks=NEWER),
        pytest.param(torch.ones(1).to_sparse(), marks=NEWER),
    ],
)
def test_odd_values_are_no_numbers(value):
    """A number that cannot be compared is missing; lists, arrays, tensors are told."""
    log = as_log(pd.DataFrame({"x": pd.Series([1.0, value], dtype=object)}))
    with pytest.raises(ValueError, match=r"(?s)column 'x'.* row 1"):
        log.numeric("x")


def test_feedback_that_cannot_be_compared_is_told():
    """As a number that signals that it is none, which is a missing one."""
    feedback = read_feedback([Decimal("sNaN"), 1.5], as_log(np.ones((2, 1))))
    with pytest.raises(ValueError, match=r"Missing \(NaN\): column 0 .* row 0"):
        feedback.numeric(0)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1, 2]], columns=["x", "x"]),
        pa.table([[1], [2]], names=["x", "x"]),
    ],
)
def test_a_name_that_two_columns_have_is_told(frame):
    """It would be one column or the other."""
    with pytest.raises(
        ValueError, match="columns of the log must have different names"
    ):
        as_log(frame)


def test_columns_side_by_side_keep_types_that_numpy_has_not():
    """Whole numbers of 128 bits are joined as they are."""
    X = pl.DataFrame({"user_id": [1, 2]})
    y = pl.DataFrame({"like": [1, 0]}).cast(pl.Int128)
    joined = as_log(as_log(X).beside(as_log(y)))
    assert joined.numeric("like").tolist() == [1.0, 0.0]


def test_whole_numbers_beyond_floats_are_told():
    """Beside others, in an array of objects."""
    log = as_log(np.array([[10**400], [0.5]], dtype=object))
    with pytest.raises(ValueError, match="column 0"):
        log.numeric(0)
    assert log.ids(0).codes().tolist() == [0, 1]


@NEWER
def test_text_that_is_no_unicode_is_told():
    """Half of a pair of surrogates, as cut text may end in."""
    with pytest.raises(ValueError, match="text in the log must be Unicode"):
        as_log(np.array([["\ud800"], ["a"]], dtype=object))


TEXTS = pl.DataFrame({"x": ["a", "b", None], "y": [["a"], [], ["b", "c"]]})
TEXTS = TEXTS.with_columns(
    z=pl.col("x").cast(pl.Categorical), v=pl.col("x").cast(pl.Binary), n=pl.lit(1)
)


def test_tables_of_views():
    """As polars gives them to Arrow: rows can be taken, and are those of other text."""
    views = as_log(TEXTS.to_arrow(compat_level=pl.CompatLevel.newest()))
    plain = as_log(TEXTS.to_arrow())
    for log in (views, views.rows(np.array([2, 0])), *views.pieces(2)):
        other = plain.rows(log.positions)
        assert log.native.to_pylist() == other.native.to_pylist()
        for key in "xzvn":
            assert log.ids(key).codes().tolist() == other.ids(key).codes().tolist()
        found, wanted = (each.lists("y").ids("y") for each in (log, other))
        assert found.values.tolist() == wanted.values.tolist()


def test_numbers_of_another_byte_order():
    """Rows of them can be taken, from a frame and from an array."""
    array = np.array([[1.0, 5.0], [2.0, 6.0]]).astype(">f8")
    frame = pd.DataFrame({0: array[:, 0], 1: pd.Series([5, 6]).astype(">i4")})
    for data in (array, frame, frame.rename(columns=str)):
        log = as_log(data)
        assert log.rows(np.array([1])).numeric(log.keys[1]).tolist() == [6.0]
        assert log.rows(np.array([1])).ids(log.keys[0]).values.tolist() == [2]


@pytest.mark.parametrize(
    "index", [["p", "q", "r"], [7, 8, 9], [("a", 1), ("a", 2), ("b", 1)]]
)
def test_a_row_is_named_by_its_place_and_by_an_index_of_its_own(index):
    """The place is what arrays have; the index is what a user looks up."""
    log = as_log(pd.DataFrame({"x": [0.0, 1.0, -1.0]}, index=pd.Index(index)))
    told = re.escape(f"row 2 (index {index[2]!r}): -1")
    with pytest.raises(ValueError, match=told):
        log.numeric("x", minimum=0)
    with pytest.raises(ValueError, match=told):
        log.rows(np.array([1, 2])).numeric("x", minimum=0)


def test_rows_taken_from_a_frame_have_the_index_that_they_had():
    """Of a part that somebody else has cut, the index tells the row of the whole."""
    frame = pd.DataFrame({"x": [0.0, 1.0, -1.0]})
    with pytest.raises(ValueError, match=r"row 0 \(index 2\): -1"):
        as_log(frame.iloc[[2, 0]]).numeric("x", minimum=0)
