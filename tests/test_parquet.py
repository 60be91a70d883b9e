"""A log in Parquet files: read in order, in parts and in windows, and written."""

import builtins
import datetime
from itertools import chain

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklabelcraft import D2Q, MLP, Columns, MLPRanker
from sklabelcraft._log import Log
from sklabelcraft._parquet import StoredLog

DAYS = pa.table({"user": ["a", "b", None, "a", "c"], "n": [0, 1, 2, 3, 4]})
NAMES = Columns(user="user", item="item", features=("user", "item", "extra"))


def written(folder, tables, **options):
    """A folder with tables as files; bytes are written as they are."""
    for name, table in tables.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(table, bytes):
            path.write_bytes(table)
        else:
            pq.write_table(table, path, **options)
    return folder


@pytest.fixture
def stored(tmp_path):
    """Rows 0 to 4 in two files, in row groups of 2, 1 and of 2 rows."""
    tables = {"b.parquet": DAYS[3:], "a.parquet": DAYS[:3]}
    return StoredLog(written(tmp_path / "log", tables, row_group_size=2))


def numbers(log):
    return log.native["n"].to_pylist()


def test_rows_are_in_the_order_of_the_names_of_the_files(stored):
    """By hand: a.parquet has the row groups 0, 1 and 2, then comes b.parquet."""
    assert len(stored) == 5
    assert stored.keys == ["user", "n"]
    assert stored.sizes().tolist() == [2, 1, 2]
    assert numbers(stored.in_memory()) == [0, 1, 2, 3, 4]
    assert numbers(stored.rows(np.array([1, 4]))) == [1, 4]
    assert numbers(stored.read([2])) == [3, 4]
    assert stored.read([2]).positions.tolist() == [3, 4]
    assert len(stored.rows(np.array([], dtype=int))) == 0


def test_parts_and_windows_are_capped_in_bytes_but_never_empty(stored):
    """A row and its place take 16 bytes, 48 with its text; a row group is never cut."""
    assert [numbers(part) for part in stored.parts(["n"], 48)] == [[0, 1, 2], [3, 4]]
    assert [numbers(part) for part in stored.parts(["n"], 1)] == [[0, 1], [2], [3, 4]]
    assert [part.keys for part in stored.parts(["n", "none", "n"])] == [["n"]]
    assert [len(part) for part in stored.parts([])] == [5]
    order = np.random.default_rng(3).permutation(3)
    planned = stored.plan(np.random.default_rng(3), 1)
    assert [group.tolist() for group in planned] == [[group] for group in order]
    (whole,) = stored.plan(np.random.default_rng(3), 240)
    assert whole.tolist() == [0, 1, 2]


def test_rows_left_out_are_in_no_part(stored):
    """Whole row groups may go, and more may be left out of what is left."""
    left = stored.without([0, 1]).without([3])
    assert len(left) == 2
    assert left.sizes().tolist() == [0, 1, 1]
    assert numbers(left.in_memory()) == [2, 4]
    assert [part.positions.tolist() for part in left.parts(None, 1)] == [[2], [4]]
    assert 0 not in np.concatenate(left.plan(np.random.default_rng(0), 1))
    assert numbers(stored.in_memory()) == [0, 1, 2, 3, 4]


tables = st.lists(
    st.lists(st.sampled_from(["x", "y", None]), max_size=7), min_size=1, max_size=4
)


@given(files=tables, size=st.integers(1, 4), data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_cut_gives_the_rows_of_the_table(tmp_path_factory, files, size, data):
    """Parts, a plan's windows and rows at positions, with some left out."""
    whole = pa.table({"n": pa.array(range(sum(map(len, files))), pa.int64())})
    whole = whole.append_column(
        "user", pa.array(list(chain.from_iterable(files)), pa.string())
    )
    if not len(whole):
        return
    ends = np.cumsum([0, *map(len, files)])
    cut = {f"{i}.parquet": whole[ends[i] : ends[i + 1]] for i in range(len(files))}
    folder = written(tmp_path_factory.mktemp("log"), cut, row_group_size=size)
    positions = st.lists(st.integers(0, len(whole) - 1), unique=True)
    out, asked = (np.sort(np.array(data.draw(positions), int)) for _ in range(2))
    n_bytes = data.draw(st.integers(1, 500))
    log = StoredLog(folder).without(out)
    kept = np.setdiff1d(np.arange(len(whole)), out)
    parts = list(log.parts(None, n_bytes))
    assert list(chain.from_iterable(map(numbers, parts))) == kept.tolist()
    for part in parts:
        expected = whole.take(part.positions)["user"].to_pylist()
        assert part.native["user"].to_pylist() == expected
    windows = [log.read(w) for w in log.plan(np.random.default_rng(0), n_bytes)]
    assert all(len(window) for window in windows)
    assert sorted(chain.from_iterable(map(numbers, windows))) == kept.tolist()
    assert numbers(StoredLog(folder).rows(asked)) == asked.tolist()


@pytest.mark.parametrize("given_as", ["folder", "text", "file", "set", "files"])
def test_a_path_or_a_data_set_may_be_given(log, tmp_path, given_as):
    """Of a folder or of a file."""
    table = pa.Table.from_pandas(log.frame, preserve_index=False)
    folder = written(tmp_path, {"a.parquet": table})
    data = {
        "folder": folder,
        "text": str(folder),
        "file": folder / "a.parquet",
        "set": ds.dataset(folder),
        "files": ds.dataset([str(folder / "a.parquet")]),
    }[given_as]
    labels = D2Q().fit(data).transform(data)
    np.testing.assert_array_equal(labels, D2Q().fit(log.frame).transform(log.frame))


EXTRA = {
    "missing ids": pa.array([None, 2**60 + 1, 2**60, None, 3]),
    "unsigned": pa.array([2**64 - 1, 2**63, 0, 1, 2**64 - 1], pa.uint64()),
    "text": pa.array(["a", "b", "a", "", None]),
    "large text": pa.array(["a", "b", "a", "", None], pa.large_string()),
    "dictionary": pa.array(["a", "b", "a", None, "b"]).dictionary_encode(),
    "bytes": pa.array([b"a", b"b", b"a", b"", None]),
    "booleans": pa.array([True, False, None, True, True]),
    "float32": pa.array([0.1, 2.5, 0.1, 3.0, 0.0], pa.float32()),
    "float16": pa.array(np.array([0.1, 2.5, 0.1, 3.0, 0.0], np.float16)),
    "nothing": pa.nulls(5),
    "fixed bytes": pa.array([b"a", b"b", b"a", b"c", None], pa.binary(1)),
}


@pytest.mark.parametrize("kind", EXTRA)
def test_all_types_are_as_in_a_table(tmp_path, kind):
    """Ids of all digits, text, missing values: what is learned is bit-equal."""
    table = pa.table(
        {
            "user": ["a", "b", None, "a", "c"],
            "item": [1, 2, 3, 1, 2],
            "extra": EXTRA[kind],
            "label": [0.1, 0.9, 0.5, 0.2, 0.3],
        }
    )
    cut = {"a.parquet": table[:2], "b.parquet": table[2:2], "c.parquet": table[2:]}
    folder = written(tmp_path, cut, row_group_size=1)
    options = {"columns": NAMES, "max_epochs": 2, "min_count": 1, "random_state": 0}
    ranker = MLPRanker(MLP(2, (3,)), validation_fraction=0, **options)
    expected = ranker.fit(table, table["label"].to_numpy())
    expected = expected.model_.encoder.cardinalities, expected.predict(table)
    ranker.fit(folder, "label")
    assert ranker.model_.encoder.cardinalities == expected[0]
    np.testing.assert_array_equal(ranker.predict(folder), expected[1])


def test_views_of_text_are_text(tmp_path):
    """As pyarrow has tables of polars."""
    table = DAYS.set_column(0, "user", DAYS["user"].cast(pa.string_view()))
    log = StoredLog(written(tmp_path, {"a.parquet": table, "b.parquet": table}))
    assert log.rows(np.array([1, 7])).native["user"].to_pylist() == ["b", None]


@pytest.mark.parametrize("made", [pa.list_, pa.large_list, lambda k: pa.list_(k, 1)])
def test_views_of_text_in_lists_are_text(tmp_path, made):
    """Whatever the lists are."""
    tags = pa.array([["a"], ["b"], ["d"], ["a"], ["c"]], made(pa.string_view()))
    table = DAYS.append_column("tags", tags)
    log = StoredLog(written(tmp_path, {"a.parquet": table, "b.parquet": table}))
    some = log.rows(np.array([1, 5, 7]))
    assert some.native["tags"].to_pylist() == [["b"], ["a"], ["d"]]
    assert some.lists("tags").ids("tags").values.tolist() == ["b", "a", "d"]


@pytest.mark.parametrize(
    "dates",
    [
        [datetime.date(2024, 1, day) for day in (3, 1, 2)],
        [datetime.datetime(2024, 1, day) for day in (3, 1, 2)],
    ],
)
def test_dates_are_a_clock(tmp_path, dates):
    """As in a table in memory."""
    table = pa.table({"when": dates})
    folder = written(tmp_path, {f"{i}.parquet": table[i : i + 1] for i in range(3)})
    parts = [part.clock("when") for part in StoredLog(folder).parts(None, 1)]
    whole = Log(table).clock("when")
    assert [part.kind for part in parts] == [whole.kind] * 3
    assert [part.times[0] for part in parts] == whole.times.tolist()


def numbered(log):
    return {"new": log.positions}


def partitioned(folder, values, key="day"):
    """A folder for each value, with a row each."""
    names = [f"{key}={value}/part.parquet" for value in values]
    return written(folder, {n: DAYS[i : i + 1] for i, n in enumerate(names)})


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (["1", "2"], [1, 2]),
        (["1", "x"], ["1", "x"]),
        (["2024-01-31"], ["2024-01-31"]),
        (["1", "__HIVE_DEFAULT_PARTITION__"], [1, None]),
        (["a%20b"], ["a b"]),
        (["1", "99999999999"], ["1", "99999999999"]),
    ],
)
def test_folders_that_say_a_column(tmp_path, values, read):
    """Each value as it stands for all, numbers where all are."""
    folder = partitioned(tmp_path / "in", values)
    for data in (folder, ds.dataset(folder, partitioning="hive")):
        log = StoredLog(data)
        assert log.keys == ["user", "n", "day"]
        assert log.in_memory().native["day"].to_pylist() == read


def test_what_is_written_of_such_folders_can_be_read_again(tmp_path):
    """The column stays in the names, unless there is no name of it."""
    folder = partitioned(tmp_path / "in", ["1", "2"])
    new = StoredLog(folder).write(tmp_path / "out", numbered)
    again = StoredLog(new)
    assert again.keys == ["user", "n", "new", "day"]
    assert again.in_memory().native["day"].to_pylist() == [1, 2]
    assert pq.read_table(new)["day"].to_pylist() == [1, 2]
    one = partitioned(tmp_path / "one", ["1"])
    one = StoredLog(one).write(tmp_path / "single", numbered)
    assert StoredLog(one).in_memory().native["day"].to_pylist() == [1]


def test_an_index_without_a_name_is_no_column(tmp_path):
    """As in the frame that pandas wrote, whichever index that had."""
    frame = DAYS.to_pandas()
    frame.iloc[[2, 0, 1]].to_parquet(tmp_path / "a.parquet")
    frame[3:].reset_index(drop=True).to_parquet(tmp_path / "b.parquet")
    assert "__index_level_0__" in pq.read_schema(tmp_path / "a.parquet").names
    for data in (tmp_path, ds.dataset(tmp_path)):
        log = StoredLog(data)
        assert log.keys == ["user", "n"]
        assert numbers(log.in_memory()) == [2, 0, 1, 3, 4]


def test_files_are_written_under_their_names(stored, tmp_path):
    """With the rows in order and the row groups as they were."""
    to = stored.write(
        tmp_path / "deep" / "out", lambda log: {"twice": 2 * log.positions}
    )
    assert sorted(path.name for path in to.iterdir()) == ["a.parquet", "b.parquet"]
    again = StoredLog(to)
    assert again.sizes().tolist() == [2, 1, 2]
    assert again.in_memory().native["twice"].to_pylist() == [0, 2, 4, 6, 8]


def test_nothing_is_written_where_something_is(stored, tmp_path):
    """Neither over a folder nor over a column."""
    with pytest.raises(ValueError, match=r"exists already; it must be a new folder"):
        stored.write(tmp_path / "log", lambda log: {})
    with pytest.raises(ValueError, match="has a column 'n' already"):
        stored.write(tmp_path / "out", lambda log: {"n": log.positions})
    with pytest.raises(ValueError, match="is for logs in files; this one is in memory"):
        Log(DAYS).write(tmp_path / "out", None)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_home_may_be_written_in_short(stored, tmp_path, monkeypatch):
    """In what is read as in what is written."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    to = StoredLog("~/log").write("~/out", lambda log: {"new": log.positions})
    assert to == tmp_path / "out"
    assert len(StoredLog("~/out")) == len(stored)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_write_leaves_nothing(stored, tmp_path, error):
    """Also if it fails in the last row group."""

    def columns_of(log):
        if log.positions[0] == 3:
            raise error("in the last group")
        return {"new": log.positions}

    with pytest.raises(error, match="in the last group"):
        stored.write(tmp_path / "out", columns_of)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


GOOD = pa.table({"duration": [1.0, 2.0], "watch_time": [0.5, 1.0]})


def as_bytes(table):
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


def damaged(table):
    """A file whose first page is no page."""
    data = bytearray(as_bytes(table))
    data[4:40] = b"\xff" * 36
    return bytes(data)


BAD = {
    "no bytes": (b"", "cannot be read as a Parquet file"),
    "text": (b"duration,watch_time\n1,2\n", "cannot be read as a Parquet file"),
    "truncated": (as_bytes(GOOD)[:-50], "cannot be read as a Parquet file"),
    "damaged": (damaged(GOOD), "cannot be read"),
    "column missing": (GOOD.drop_columns("duration"), "'duration' is nothing in"),
    "one more": (GOOD.append_column("x", [[1, 2]]), "'x' is int64 in"),
    "other type": (
        GOOD.set_column(0, "duration", [["1", "2"]]),
        "'duration' is string in",
    ),
    "twice": (
        pa.table([[1.0]] * 3, names=["duration", "duration", "watch_time"]),
        "'duration' is there twice in",
    ),
    "negative": (
        GOOD.set_column(0, "duration", [[1.0, -1.0]]),
        r"Negative values .* the first is row 1 of",
    ),
    "text in a row": (
        pa.table({"duration": [1.0, 2.0], "watch_time": [0.5, None]}),
        r"Missing \(NaN\): .*the first is row 1 of",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_on_day_three_is_named(tmp_path, kind):
    """Whatever is wrong with it, and the labeler is as it was."""
    bad, message = BAD[kind]
    days = {"1.parquet": GOOD, "2.parquet": GOOD, "3.parquet": bad, "4.parquet": GOOD}
    folder, labeler = written(tmp_path / "log", days), D2Q()
    with pytest.raises(ValueError, match=message) as caught:
        labeler.fit(folder)
    assert str(folder / "3.parquet") in str(caught.value)
    assert vars(labeler) == vars(D2Q())
    learned = D2Q().fit(GOOD.to_pandas())
    with pytest.raises(ValueError, match=message):
        learned.transform(folder, to=tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_order_of_columns_and_other_files_do_not_matter(tmp_path):
    """Names with a leading dot or underscore are skipped, as everywhere."""
    turned = GOOD.select(["watch_time", "duration"])
    days = {"1.parquet": GOOD, "2.parquet": turned, "_SUCCESS": b"", ".x": b"x"}
    log = StoredLog(written(tmp_path, days)).in_memory()
    assert log.native["duration"].to_pylist() == [1, 2, 1, 2]


def scanned(folder):
    return ds.dataset(written(folder, {"a.parquet": GOOD}))


def of_floats(folder):
    schema = pa.schema([("duration", pa.float32()), ("watch_time", pa.float64())])
    return ds.dataset(written(folder, {"a.parquet": GOOD}), schema=schema)


def of_text(folder):
    return written(folder, {"a.csv": b"duration,watch_time\n1,2\n"})


def said_twice(folder):
    table = pa.table({"duration": pa.array([1], pa.int32())})
    return written(folder, {"duration=1/a.parquet": table})


NO_LOGS = {
    "a filter": (
        lambda folder: scanned(folder).filter(ds.field("duration") > 1),
        "not be filtered",
    ),
    "another schema": (of_floats, "'duration' is float in the schema of the data set"),
    "no files": (
        lambda folder: ds.dataset([], schema=GOOD.schema),
        "there is no Parquet file",
    ),
    "in memory": (lambda folder: ds.dataset(GOOD), "must be Parquet files, given as"),
    "a union": (
        lambda folder: ds.dataset([scanned(folder), scanned(folder)]),
        "must be Parquet files, given as",
    ),
    "a scanner": (
        lambda folder: scanned(folder).scanner(),
        "must be Parquet files, given as",
    ),
    "CSV": (
        lambda folder: ds.dataset(of_text(folder), format="csv"),
        "must be Parquet files, given as",
    ),
    "CSV at a path": (of_text, r"a\.csv"),
    "said twice": (said_twice, "'duration' is there twice in .*duration=1"),
    "nothing there": (
        lambda folder: folder / "nowhere",
        "there is no file or folder .*nowhere",
    ),
    "no path": (lambda folder: "", "there is no file or folder ''"),
    "an empty folder": (lambda folder: folder, "there is no Parquet file in"),
    "no rows": (
        lambda folder: written(folder, {"a.parquet": GOOD[:0]}),
        r"there is no row in .*a\.parquet",
    ),
}


@pytest.mark.parametrize("kind", NO_LOGS)
def test_what_is_no_log_in_files_is_refused(tmp_path, kind):
    """Nothing that a data set says is left aside in silence."""
    make, message = NO_LOGS[kind]
    with pytest.raises(ValueError, match=message):
        D2Q().fit(make(tmp_path))


def test_columns_by_position_are_those_of_the_files(log, tmp_path):
    """However few of them are read."""
    table = pa.Table.from_pandas(log.frame, preserve_index=False)
    folder = written(tmp_path, {"a.parquet": table})
    order = list(log.frame.columns)
    for start in (0, -len(order)):
        names = {n: start + order.index(n) for n in ("watch_time", "duration")}
        labels = D2Q(columns=Columns(**names)).fit(folder).transform(folder)
        np.testing.assert_array_equal(labels, D2Q().fit_transform(log.frame))


def test_a_missing_column_is_told_with_those_that_are_there(log, tmp_path):
    """All of them, not only those that were read."""
    table = pa.Table.from_pandas(log.frame, preserve_index=False)
    folder = written(tmp_path, {"a.parquet": table})
    with pytest.raises(ValueError, match=r"'seen' is not in the log; .*'like', 'foll"):
        D2Q(columns=Columns(watch_time="seen")).fit(folder)


def test_without_pyarrow_it_says_what_to_install(monkeypatch):
    """An ImportError, at the first log in files."""
    usual = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return usual(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        D2Q().fit("log")


def test_a_file_that_goes_away_is_named(tmp_path):
    """While its log is read."""
    log = StoredLog(written(tmp_path, {"a.parquet": GOOD, "b.parquet": GOOD}))
    (tmp_path / "b.parquet").unlink()
    with pytest.raises(ValueError, match=r"b\.parquet cannot be read"):
        log.in_memory()


def test_files_are_told_apart_by_what_they_hold(tmp_path):
    """Also where names and sizes are the same."""
    other = pd.DataFrame({"duration": [1.0, 2.0], "watch_time": [0.5, 1.5]})
    other = pa.Table.from_pandas(other, preserve_index=False).replace_schema_metadata()
    told = [
        StoredLog(written(tmp_path / str(i), {"a.parquet": table})).summary()
        for i, table in enumerate([GOOD, GOOD, other])
    ]
    assert told[0] == told[1]
    assert told[0] != told[2]
