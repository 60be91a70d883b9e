"""The loader and the converter of VK-LSVD, on small files in its layout."""

import builtins
import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sklabelcraft import D2Q, Columns, LabelCraftRecommender, MLPRanker
from sklabelcraft.columns import FEEDBACK
from sklabelcraft.datasets import convert_vk_lsvd, load_vk_lsvd
from sklabelcraft.datasets._parquet import ParquetTable

SUBSAMPLE = "subsamples/up0.001_ip0.001"
SIGNALS = ["like", "dislike", "share", "bookmark", "click_on_author", "open_comments"]
LONG = 2**32 - 1  # the largest id
WEEK = {
    "user_id": ("uint32", [7, LONG, 7]),
    "item_id": ("uint32", [10, 30, LONG]),
    "place": ("uint8", [0, 1, 255]),
    "platform": ("uint8", [1, 2, 3]),
    "agent": ("uint8", [4, 5, 6]),
    "timespent": ("uint8", [255, 0, 9]),
} | {name: ("bool", [i == 0, i == 1, False]) for i, name in enumerate(SIGNALS)}
ITEMS = {
    "item_id": ("uint32", [LONG, 30, 20, 10]),
    "author_id": ("uint32", [4, 3, LONG, 1]),
    "duration": ("uint8", [60, 15, 0, 180]),
    "train_interactions_rank": ("uint32", [1, 2, 3, 4]),
}
USERS = {
    "user_id": ("uint32", [7, LONG]),
    "age": ("uint8", [18, 70]),
    "gender": ("uint8", [1, 2]),
    "geo": ("uint8", [0, 79]),
    "train_interactions_rank": ("uint32", [1, 2]),
}
FILES = {
    f"{SUBSAMPLE}/train/week_00.parquet": WEEK,
    f"{SUBSAMPLE}/train/week_24.parquet": WEEK
    | {"item_id": ("uint32", [20, 30, 10])},  # a video of duration 0
    f"{SUBSAMPLE}/validation/week_25.parquet": WEEK,
    f"{SUBSAMPLE}/test/week_26.parquet": WEEK,
    "metadata/items_metadata.parquet": ITEMS,
    "metadata/users_metadata.parquet": USERS,
}
FIRST, ITEM_FILE, USER_FILE = next(iter(FILES)), [*FILES][-2], [*FILES][-1]
COLUMNS = [
    *("user_id", "item_id", "duration", "timestamp", "author_id"),
    *("place", "platform", "agent"),
    *("watch_time", "like", "dislike", "share"),
    *("favorite", "click_avatar", "read_comment"),
]


def as_table(columns):
    """A table with the types that are named."""
    return pa.table(
        {name: pa.array(values, type) for name, (type, values) in columns.items()}
    )


def write(root, files, row_group_size=2):
    """Write tables as Parquet files."""
    for name, columns in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(as_table(columns), root / name, row_group_size=row_group_size)
    return root


def both(root, **options):
    """What loads a log, and what converts it beside its files."""
    return [
        lambda: load_vk_lsvd(root, **options),
        lambda: convert_vk_lsvd(root, root / "to", **options),
    ]


@pytest.mark.parametrize("inside", [False, True])
def test_official_layout(tmp_path, inside):
    """Weeks come in order, with duration and author; names are those of other logs."""
    folder = write(tmp_path / "VK-LSVD", FILES)
    log = load_vk_lsvd(folder if inside else tmp_path)
    assert list(log.frame) == COLUMNS == [*log.data, *log.target]
    assert log.frame.iloc[:3].to_dict("list") == {
        "user_id": [7, LONG, 7],
        "item_id": [10, 30, LONG],
        "duration": [180, 15, 60],
        "timestamp": [0, 1 / 3, 2 / 3],
        "author_id": [1, 3, 4],
        "place": [0, 1, 255],
        "platform": [1, 2, 3],
        "agent": [4, 5, 6],
        "watch_time": [255, 0, 9],
        "like": [1, 0, 0],
        "dislike": [0, 1, 0],
        **dict.fromkeys(["share", "favorite", "click_avatar", "read_comment"], [0] * 3),
    }
    assert [log.split[part].tolist() for part in ("train", "valid", "test")] == [
        [0, 1, 2, 3, 4],
        [5, 6, 7],
        [8, 9, 10],
    ]


@pytest.mark.parametrize("i", range(len(SIGNALS)))
def test_every_signal_keeps_its_rows(tmp_path, i):
    """A signal ends up in the column of its place."""
    marked = WEEK | {SIGNALS[i]: ("bool", [False, False, True])}
    log = load_vk_lsvd(write(tmp_path, FILES | {FIRST: marked}), weeks=[0])
    assert log.target.iloc[2, 1:].tolist() == [j == i for j in range(len(SIGNALS))]


def test_columns_can_be_learned_from(tmp_path):
    """Numbers are floating-point, all else is whole; all of y is known as feedback."""
    frame = load_vk_lsvd(write(tmp_path, FILES), user_features=True).frame
    floats = frame.select_dtypes("floating").columns
    assert list(floats) == ["duration", "timestamp", "age", "watch_time"]
    assert set(COLUMNS[9:]) <= FEEDBACK


def test_rows_without_duration_are_dropped_and_counted(tmp_path):
    """The clock of the other rows is that of the official file."""
    log = load_vk_lsvd(write(tmp_path, FILES), weeks=[24])
    assert log.data["timestamp"].tolist() == [24 + 1 / 3, 24 + 2 / 3]
    assert "2 impressions of 2 users on 2 videos, weeks 24.\n" in log.DESCR
    assert "Rows dropped: 1 with duration 0." in log.DESCR
    nothing = FILES | {ITEM_FILE: ITEMS | {"duration": ("uint8", [0] * 4)}}
    with pytest.raises(ValueError, match="no row of the log can be used"):
        load_vk_lsvd(write(tmp_path, nothing))


def test_user_features(tmp_path):
    """On request, each row has its user's columns."""
    log = load_vk_lsvd(write(tmp_path, FILES), weeks=[0], user_features=True)
    assert log.data[["age", "gender", "geo"]].to_numpy().tolist() == [
        [18, 1, 0],
        [70, 2, 79],
        [18, 1, 0],
    ]
    assert "agent, age, gender, geo.\n" in log.DESCR
    (tmp_path / USER_FILE).unlink()
    load_vk_lsvd(tmp_path)
    for read in both(tmp_path, user_features=True):
        with pytest.raises(FileNotFoundError, match=r"users_metadata.* in .*metadata"):
            read()


def test_subsamples_and_the_whole_log(tmp_path):
    """A subsample has a name; the only one that is there needs none."""
    write(tmp_path, FILES)
    assert "subsample up0.001_ip0.001" in load_vk_lsvd(tmp_path).DESCR
    assert "subsample up0.001_ip0.001" in load_vk_lsvd(tmp_path / SUBSAMPLE).DESCR
    other = WEEK | {"timespent": ("uint8", [1, 2, 3])}
    write(tmp_path, {"interactions/train/week_03.parquet": other})
    log = load_vk_lsvd(tmp_path, subsample="interactions")
    assert log.target["watch_time"].tolist() == [1, 2, 3]
    assert "the whole log" in log.DESCR
    with pytest.raises(ValueError, match=r"of \['up0.001_ip0.001', 'interactions'\]"):
        load_vk_lsvd(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"up-0\.9_ip-0\.9'; there are .* \[\]"):
        load_vk_lsvd(tmp_path, subsample="up-0.9_ip-0.9")


@pytest.mark.parametrize("weeks", [[25, 0], np.array([0, 25, 25]), (0, 25)])
def test_weeks(tmp_path, weeks):
    """Those that are asked for come in the order of time, once each."""
    log = load_vk_lsvd(write(tmp_path, FILES), weeks=weeks)
    assert log.data["timestamp"].round(1).tolist() == [0, 0.3, 0.7, 25, 25.3, 25.7]
    assert [len(rows) for rows in log.split.values()] == [3, 3, 0]


@pytest.mark.parametrize("weeks", [[1, 24], [], ["0"], [[0]], [np.nan]])
def test_weeks_that_are_not_there(tmp_path, weeks):
    """The error names them, and those that are there."""
    for read in both(write(tmp_path, FILES), weeks=weeks):
        with pytest.raises(FileNotFoundError, match=r"those of \[0, 24, 25, 26\]"):
            read()


@pytest.mark.parametrize("rows", [1, 2, 2**17])
def test_converted_files_hold_what_is_loaded(tmp_path, monkeypatch, rows):
    """The same rows in the same order, a file for each week, in batches of any size."""
    options = {"user_features": True}
    log = load_vk_lsvd(write(tmp_path / "VK-LSVD", FILES), **options)
    monkeypatch.setattr("sklabelcraft.datasets._parquet.ROWS", rows)
    converted = convert_vk_lsvd(tmp_path, tmp_path / "new" / "log", **options)
    for part, paths in converted.split.items():
        frame = pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)
        expected = log.frame.iloc[log.split[part]].reset_index(drop=True)
        pd.testing.assert_frame_equal(frame, expected)
    written = sorted((tmp_path / "new" / "log").rglob("*"))
    assert [str(path.relative_to(tmp_path / "new" / "log")) for path in written] == [
        *("test", "test/week_26.parquet"),
        *("train", "train/week_00.parquet", "train/week_24.parquet"),
        *("valid", "valid/week_25.parquet"),
    ]
    assert "11 impressions, weeks 0, 24, 25, 26.\nRows dropped: 1" in converted.DESCR


def test_row_groups_are_batches(tmp_path):
    """They have 131,072 rows at most, however large those of the official file."""
    n = 2**18 + 5
    long = {name: (type, np.resize(rows, n)) for name, (type, rows) in WEEK.items()}
    write(tmp_path, FILES | {FIRST: long}, row_group_size=n)
    [path] = convert_vk_lsvd(tmp_path, tmp_path / "to", weeks=[0]).split.train
    groups = pq.read_metadata(path)
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sizes == [2**17, 2**17, 5]
    clock = pq.read_table(path)["timestamp"].to_numpy()
    assert (np.diff(clock) > 0).all()
    assert clock[-1] < 1
    assert path.stat().st_size < 2 * n  # bytes


def memory_held(path, n):
    """The most bytes in use while a week of n rows in one row group is read."""
    rng = np.random.default_rng(0)
    ids = {name: ("uint32", rng.integers(2**32, size=n)) for name in [*WEEK][:2]}
    week = {name: (type, np.resize(rows, n)) for name, (type, rows) in WEEK.items()}
    write(path, {"week.parquet": week | ids}, row_group_size=n)
    before = pa.total_allocated_bytes()
    table = ParquetTable(path / "week.parquet", {name: week[name][0] for name in week})
    return max(pa.total_allocated_bytes() - before for _ in table.batches())


def test_no_more_than_a_batch_is_held(tmp_path):
    """A week of four times the size takes about the same memory."""
    assert memory_held(tmp_path, 2**21) < 1.3 * memory_held(tmp_path, 2**19)


def test_files_are_whole_or_not_there(tmp_path):
    """A week that fails leaves no file and no old one broken; earlier weeks stay."""
    write(tmp_path, FILES)
    paths = convert_vk_lsvd(tmp_path, tmp_path / "to").split
    old = paths.valid[0].read_bytes()
    paths.train[0].unlink()
    unknown = WEEK | {"item_id": ("uint32", [10, 10, 11])}
    write(tmp_path, {f"{SUBSAMPLE}/validation/week_25.parquet": unknown}, 1)
    with pytest.raises(ValueError, match="lacks 11"):
        convert_vk_lsvd(tmp_path, tmp_path / "to")
    assert paths.train[0].is_file()
    assert paths.valid[0].read_bytes() == old
    assert [path.name for path in (tmp_path / "to" / "valid").iterdir()] == [
        "week_25.parquet"
    ]


def test_official_files_are_not_written_over(tmp_path):
    """The folder to write to is another one."""
    folder = write(tmp_path, FILES) / SUBSAMPLE
    before = (tmp_path / FIRST).read_bytes()
    with pytest.raises(ValueError, match=r"to must be another folder.*week_00"):
        convert_vk_lsvd(tmp_path, folder)
    assert (tmp_path / FIRST).read_bytes() == before


def test_home(tmp_path, monkeypatch):
    """Both folders may begin with the sign of the home folder."""
    monkeypatch.setenv("HOME", str(write(tmp_path, FILES)))
    plain = load_vk_lsvd(tmp_path).frame
    pd.testing.assert_frame_equal(load_vk_lsvd("~").frame, plain)
    [path] = convert_vk_lsvd("~", "~/to", weeks=[25]).split.valid
    assert path == tmp_path / "to" / "valid" / "week_25.parquet"


def test_first_row_of_an_item_counts(tmp_path):
    """A second row of the same item in the table changes nothing."""
    plain = load_vk_lsvd(write(tmp_path, FILES)).frame
    twice = {
        name: (type, [*values, *(values if name == "item_id" else [1] * 4)])
        for name, (type, values) in ITEMS.items()
    }
    write(tmp_path, {ITEM_FILE: twice})
    pd.testing.assert_frame_equal(load_vk_lsvd(tmp_path).frame, plain)


def test_whole_numbers_of_another_width(tmp_path):
    """Files saved by another tool hold the same numbers, or a number too large."""
    plain = load_vk_lsvd(write(tmp_path, FILES)).frame
    wider = {
        path: {
            name: (type if type == "bool" else "int64", values)
            for name, (type, values) in columns.items()
        }
        for path, columns in FILES.items()
    }
    pd.testing.assert_frame_equal(load_vk_lsvd(write(tmp_path, wider)).frame, plain)
    for wrong in (-1, 256):
        write(tmp_path, {FIRST: WEEK | {"timespent": ("int16", [1, 2, wrong])}})
        message = "week_00.parquet: column 'timespent' must be uint8 in every row"
        for read in both(tmp_path):
            with pytest.raises(ValueError, match=f"{message}.*{wrong}"):
                read()


@pytest.mark.parametrize("path", FILES)
class TestFaults:
    """What is refused, with the file at fault."""

    def refused(self, folder, path, message, error=ValueError):
        """Both functions refuse the folder; the error names the file."""
        for read in both(folder, user_features=True):
            with pytest.raises(error, match=f"{path.rsplit('/')[-1]}.*{message}"):
                read()

    def test_empty(self, tmp_path, path):
        """A file without a byte is no Parquet file."""
        (write(tmp_path, FILES) / path).write_bytes(b"")
        self.refused(tmp_path, path, "must be a Parquet file with the columns .*_id'")

    def test_cut_off(self, tmp_path, path):
        """Nor is one that ends early, or the pointer of a file that was not fetched."""
        file = write(tmp_path, FILES) / path
        whole = file.read_bytes()
        for part in (whole[:-1], whole[: len(whole) // 2], b"version https://git-lfs"):
            file.write_bytes(part)
            self.refused(tmp_path, path, "must be a Parquet file")
        assert not (tmp_path / "to").exists()

    def test_damaged(self, tmp_path, path):
        """A hole amid the rows is found when they are read."""
        file = write(tmp_path, FILES) / path
        damaged = bytearray(file.read_bytes())
        damaged[4:60] = b"\xff" * 56
        file.write_bytes(damaged)
        self.refused(tmp_path, path, "must be a Parquet file")

    def test_no_rows(self, tmp_path, path):
        """A file has rows."""
        none = {name: (type, []) for name, (type, _) in FILES[path].items()}
        write(tmp_path, FILES | {path: none})
        self.refused(tmp_path, path, "has no rows")

    def test_missing_column(self, tmp_path, path):
        """A column that is wanted is there."""
        name = [*FILES[path]][1]
        others = {key: FILES[path][key] for key in FILES[path] if key != name}
        write(tmp_path, FILES | {path: others})
        self.refused(tmp_path, path, f"has no column '{name}'; it has")

    @pytest.mark.parametrize("type", ["string", "float64"])
    def test_wrong_type(self, tmp_path, path, type):
        """Whole numbers are stored as whole numbers."""
        name, (right, values) = next(iter(FILES[path].items()))
        values = [str(v) if type == "string" else v for v in values]
        write(tmp_path, FILES | {path: FILES[path] | {name: (type, values)}})
        got = "got (large_)?string" if type == "string" else "got double"
        self.refused(tmp_path, path, f"column '{name}' must be {right}, {got}")

    def test_missing_value(self, tmp_path, path):
        """Every row has all that is official."""
        name, (type, values) = [*FILES[path].items()][1]
        gaps = FILES[path] | {name: (type, [*values[:-1], None])}
        write(tmp_path, FILES | {path: gaps})
        self.refused(tmp_path, path, f"column '{name}' must be .* is missing in 1 of")

    def test_unknown_ids(self, tmp_path, path):
        """Every item and user of a week has metadata."""
        if path.startswith("metadata"):
            return
        for name, file in (("item_id", ITEM_FILE), ("user_id", USER_FILE)):
            write(tmp_path, FILES | {path: WEEK | {name: ("uint32", [10**9] * 3)}})
            week = path.rsplit("/")[-1]
            message = f"must have every {name} of {week}, but lacks 1000000000"
            self.refused(tmp_path, file, re.escape(message))


def test_flags_are_no_numbers(tmp_path):
    """A signal is true or false."""
    write(tmp_path, FILES | {FIRST: WEEK | {"like": ("uint8", [0, 1, 2])}})
    with pytest.raises(ValueError, match=r"week_00.*'like' must be bool, got uint8"):
        load_vk_lsvd(tmp_path)


def test_missing_item_table(tmp_path):
    """The error names the file and the folder in which it is not."""
    (write(tmp_path, FILES) / ITEM_FILE).unlink()
    with pytest.raises(FileNotFoundError, match=r"items_metadata\.parquet in .*metada"):
        load_vk_lsvd(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"subsample": 1}, {"weeks": 3}, {"user_features": "yes"}]
)
def test_wrong_options(tmp_path, wrong):
    """The error names the option."""
    for read in both(write(tmp_path, FILES), **wrong):
        with pytest.raises(ValueError, match=f"'{next(iter(wrong))}' parameter"):
            read()


def test_without_pyarrow(tmp_path, monkeypatch):
    """The error says what to install."""
    usual = builtins.__import__

    def without(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return usual(name, *rest)

    write(tmp_path, FILES)
    monkeypatch.setattr(builtins, "__import__", without)
    for read in both(tmp_path):
        with pytest.raises(ImportError, match="pip install pyarrow"):
            read()


def test_recommender_trains(tmp_path):
    """A loaded log trains a recommender as it is."""
    rng = np.random.default_rng(0)
    n = 60
    week = WEEK | {
        "user_id": ("uint32", rng.integers(4, size=n)),
        "item_id": ("uint32", rng.choice([10, 30, LONG], n)),
        "timespent": ("uint8", rng.integers(100, size=n)),
    }
    week = {name: (type, np.resize(rows, n)) for name, (type, rows) in week.items()}
    log = load_vk_lsvd(write(tmp_path, FILES | {FIRST: week}), weeks=[0, 25])
    X, y, train, valid = log.data, log.target, log.split.train, log.split.valid
    recommender = LabelCraftRecommender(
        D2Q(),
        MLPRanker(max_epochs=1),
        columns=Columns(explicit=("like", "share", "favorite")),
        random_state=0,
    ).fit(X.iloc[train], y.iloc[train])
    assert np.isfinite(recommender.predict(X.iloc[valid])).all()
