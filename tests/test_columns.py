"""The log as a table: one behaviour for pandas, polars and arrays."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklabelcraft._columns import Table, as_table, join, read_feedback

DATA = {
    "user_id": [3, 1, 3, 2],
    "duration": [10.0, 20.5, 7.0, 0.0],
    "like": [0, 2, 0, 0],
    "follow": [1, 0, 0, 0],
}
ODD_INDEX = [7, -1, 7, 0]


def as_pandas(data):
    return pd.DataFrame(data, index=ODD_INDEX[: len(next(iter(data.values())))])


def as_array(data):
    return np.column_stack(list(data.values()))


FRAMES = pytest.mark.parametrize("frame", [as_pandas, pl.DataFrame])
KINDS = pytest.mark.parametrize("kind", [as_pandas, pl.DataFrame, as_array])


def key_of(table, name):
    """A column's name in a frame, its position in an array."""
    return name if name in table else list(DATA).index(name)


@KINDS
def test_same_numbers_from_every_kind(kind):
    """Columns, their order and what is counted in them do not depend on the kind."""
    table = as_table(kind(DATA))
    assert len(table) == 4
    for position, (name, values) in enumerate(DATA.items()):
        for key in (key_of(table, name), position, position - 4):
            assert table[key].tolist() == values
            numbers = table.numeric(key)
            assert numbers.dtype == np.float64
            assert numbers.tolist() == values
    explicit = [key_of(table, "like"), key_of(table, "follow")]
    assert table.any_positive(explicit).tolist() == [1, 1, 0, 0]


@FRAMES
def test_keys_are_names(frame):
    """A frame's columns are known by name, and by position."""
    table = as_table(frame(DATA))
    assert table.keys == list(DATA)
    assert "like" in table
    assert 3 in table
    assert "hate" not in table
    assert 4 not in table
    assert None not in table


def test_keys_of_an_array_are_positions():
    """An array's columns are known by position only."""
    table = as_table(as_array(DATA))
    assert table.keys == [0, 1, 2, 3]
    assert "like" not in table


def test_integer_names_of_a_pandas_frame():
    """A frame made from an array, without names, is read by position."""
    table = as_table(pd.DataFrame(as_array(DATA)))
    assert table.numeric(1).tolist() == DATA["duration"]


@KINDS
def test_a_negative_signal_is_no_feedback(kind):
    """Counts below 0 are refused, not taken as none."""
    table = as_table(kind(DATA | {"like": [0, 2, -1, 0]}))
    with pytest.raises(ValueError, match=r"finite and >= 0; 1 of 4 .* row 2"):
        table.any_positive([key_of(table, "like")])


@KINDS
def test_rows_by_position(kind):
    """Rows are taken by position, whatever the index says."""
    table = as_table(kind(DATA)).rows(np.array([2, 0]))
    assert len(table) == 2
    assert table.numeric(key_of(table, "duration")).tolist() == [7, 10]


@FRAMES
def test_floating_point_columns_are_continuous(frame):
    """Codes are integers or text; floating-point columns are numbers."""
    table = as_table(frame(DATA | {"tag": list("abca")}))
    assert [key for key in table.keys if table.is_continuous(key)] == ["duration"]


@FRAMES
def test_a_missing_column_is_named(frame):
    """The error names the column and what there is instead."""
    table = as_table(frame(DATA))
    with pytest.raises(ValueError, match=r"'hate' is not in the log; it has .*'like'"):
        table.numeric("hate")
    with pytest.raises(ValueError, match="4 is not in the log"):
        table.numeric(4)


@pytest.mark.parametrize("key", ["duration", 4, -5])
def test_a_missing_column_of_an_array(key):
    """Names, and positions beyond the end, are not in an array."""
    with pytest.raises(ValueError, match="is not in the log; it is an array of 4"):
        as_table(as_array(DATA)).numeric(key)


@FRAMES
def test_a_text_column_has_no_numbers(frame):
    """The error shows an example of what was found."""
    table = as_table(frame({"duration": ["short", "long"]}))
    with pytest.raises(ValueError, match=r"'duration' must hold numbers.*'short'"):
        table.numeric("duration")


@KINDS
@pytest.mark.parametrize("bad", [-0.5, np.nan, np.inf])
def test_values_that_are_no_seconds(kind, bad):
    """Below the minimum, or not finite: the error counts the rows, names the first."""
    data = {"user_id": [1, 1, 1], "duration": [1.0, bad, bad]}
    table = Table(data := kind(data)) if kind is as_array else as_table(kind(data))
    with pytest.raises(ValueError, match=r"finite and >= 0; 2 of 3 .* row 1"):
        table.numeric(key_of(table, "duration"), minimum=0)


@FRAMES
def test_missing_values_are_refused(frame):
    """None in a column of numbers is no number either."""
    with pytest.raises(ValueError, match="must be finite; 1 of 2 rows"):
        as_table(frame({"duration": [1.0, None]})).numeric("duration")


@FRAMES
def test_negative_minimum_is_only_asked_where_needed(frame):
    """Without a minimum, negative numbers are numbers."""
    assert as_table(frame({"x": [-1.5, 2.0]})).numeric("x").tolist() == [-1.5, 2]


@FRAMES
def test_present(frame):
    """Of the columns asked for, those there; none of them is an error."""
    table = as_table(frame(DATA))
    assert table.present(["comment", "follow", "like"]) == ["follow", "like"]
    assert table.present([]) == []
    with pytest.raises(ValueError, match=r"none of the columns .*'hate'"):
        table.present(["hate"])
    with pytest.raises(ValueError, match="column 'thumb' is not in the log"):
        table.present(["like", "thumb"])


@FRAMES
@pytest.mark.parametrize("feedback", [as_pandas, pl.DataFrame])
def test_join_keeps_the_order_of_the_rows(frame, feedback):
    """Rows are put side by side by position; the result is a frame of the kind of X."""
    X = as_table(frame({"user_id": list("cab"), "duration": [1.0, 2.0, 3.0]}))
    y = feedback({"watch_time": [10.0, 20.0, 30.0], "comment": ["u", "v", "w"]})
    log = join(X, read_feedback(y, X))
    assert isinstance(log, type(frame({"x": [0]})))
    assert list(log.columns) == ["user_id", "duration", "watch_time", "comment"]
    assert log["user_id"].to_list() == list("cab")
    assert log["watch_time"].to_list() == [10, 20, 30]
    assert log["comment"].to_list() == ["u", "v", "w"]


def test_join_ignores_indices_that_disagree():
    """Permuted pandas indices are not aligned, and X keeps its own."""
    X = pd.DataFrame({"duration": [1.0, 2.0, 3.0]}, index=[2, 0, 1])
    y = pd.DataFrame({"watch_time": [10.0, 20.0, 30.0]}, index=[1, 2, 0])
    log = join(as_table(X), read_feedback(y, as_table(X)))
    assert log["watch_time"].tolist() == [10, 20, 30]
    assert log.index.tolist() == [2, 0, 1]


def test_join_of_arrays():
    """Arrays are put side by side; a vector is one column."""
    X = as_table(np.array([[1.0, 2.0], [3.0, 4.0]]))
    log = join(X, read_feedback(np.array([5.0, 6.0]), X))
    assert log.tolist() == [[1, 2, 5], [3, 4, 6]]


@pytest.mark.parametrize("kind", [pd.Series, lambda v, name: pl.Series(name, v)])
def test_feedback_may_be_a_series(kind):
    """One column of feedback may come as a series with a name."""
    X = as_table(as_pandas({"duration": [1.0, 2.0]}))
    log = join(X, read_feedback(kind([5.0, 6.0], name="watch_time"), X))
    assert log["watch_time"].tolist() == [5, 6]


@FRAMES
def test_a_column_belongs_to_x_or_to_y(frame):
    """The same column on both sides is refused by name."""
    X = as_table(frame({"duration": [1.0], "user_id": [1]}))
    y = read_feedback(frame({"duration": [1.0], "watch_time": [1.0]}), X)
    with pytest.raises(ValueError, match=r"\['duration'\] are in X and in y"):
        join(X, y)


@FRAMES
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda frame: None, "y is None"),
        (lambda frame: frame({"watch_time": [1.0]}), r"same number of rows.*2 and 1"),
        (lambda frame: np.zeros((2, 1)), "y must be one with the feedback columns"),
    ],
)
def test_feedback_that_does_not_fit(frame, wrong, message):
    """Missing feedback, too few rows, or another kind of data are refused."""
    X = as_table(frame({"duration": [1.0, 2.0]}))
    with pytest.raises(ValueError, match=message):
        read_feedback(wrong(frame), X)


# 2:30 summer time comes before 2:10 winter time, an hour later; rows not in order
INSTANTS = [
    datetime(2024, 10, 27, 1, 10, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
    datetime(2024, 10, 27, 0, 30, 0, 1, tzinfo=UTC),
    datetime(1969, 7, 20, tzinfo=UTC),
]
SECONDS = [(at - INSTANTS[1]).total_seconds() for at in INSTANTS]


def aware(zone):
    return pd.Series(pd.to_datetime(INSTANTS)).dt.tz_convert(zone)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"at": aware("UTC").dt.tz_localize(None)}),
        pd.DataFrame({"at": aware("UTC").dt.tz_localize(None).astype("M8[ns]")}),
        pd.DataFrame({"at": aware("UTC")}),
        pd.DataFrame({"at": aware("Europe/Berlin")}).set_axis([0, 0, 5, 1]),
        pl.DataFrame({"at": [at.replace(tzinfo=None) for at in INSTANTS]}),
        pl.DataFrame({"at": INSTANTS}),
        pl.DataFrame({"at": INSTANTS}).with_columns(
            pl.col("at").dt.convert_time_zone("Europe/Berlin")
        ),
        pl.DataFrame({"at": SECONDS}),
    ],
    ids=[
        "pandas", "pandas-ns", "pandas-utc", "pandas-berlin",
        "polars", "polars-utc", "polars-berlin", "seconds",
    ],
)  # fmt: skip
def test_clock_orders_by_the_instant(frame):
    """Dates of any time zone, and plain numbers, order the rows as time does."""
    clock = as_table(frame).clock("at")
    assert np.argsort(clock).tolist() == [3, 1, 2, 0]
    unit = (clock[0] - clock[1]) / SECONDS[0]
    np.testing.assert_allclose((clock - clock[1]) / unit, SECONDS, atol=1e-7)


def test_clock_of_mixed_offsets():
    """Instants given with different offsets are ordered as instants."""
    noon = datetime(2024, 1, 1, 12, tzinfo=UTC)
    tokyo = noon.astimezone(timezone(timedelta(hours=9))) - timedelta(minutes=1)
    frame = pd.DataFrame({"at": pd.to_datetime([noon, tokyo], utc=True)})
    assert np.argsort(as_table(frame).clock("at")).tolist() == [1, 0]


def test_clock_of_days():
    """Dates without a time are in order too."""
    frame = pl.DataFrame({"at": [date(2024, 3, 1), date(2024, 2, 29)]})
    assert np.argsort(as_table(frame).clock("at")).tolist() == [1, 0]


@FRAMES
def test_clock_needs_every_time(frame):
    """A missing time has no place in the order and is refused."""
    table = as_table(frame({"at": [datetime(2024, 1, 1), None]}))
    with pytest.raises(ValueError, match="'at'"):
        table.clock("at")


def test_clock_needs_a_column():
    """A missing column is named."""
    with pytest.raises(ValueError, match="'at' is not in the log"):
        as_table(pd.DataFrame({"x": [1]})).clock("at")
