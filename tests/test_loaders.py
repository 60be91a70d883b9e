"""The loaders of public logs, on small files in the official layouts."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest

from sklabelcraft import D2Q, Columns, LabelCraftRecommender, MLPRanker
from sklabelcraft.datasets import (
    load_kuairand,
    load_kuairec,
    load_kuaisar,
    load_wechat,
)

ACTION = {
    "userid": 1,
    "feedid": 10,
    "date_": 1,
    "device": 2,
    "read_comment": 0,
    "comment": 0,
    "like": 0,
    "play": 1500,
    "stay": 2000,
    "click_avatar": 0,
    "forward": 0,
    "follow": 0,
    "favorite": 0,
}
FEED = {
    "feedid": 10,
    "authorid": 100,
    "videoplayseconds": 12,
    "description": "1 2",
    "ocr": None,
    "asr": None,
    "bgm_song_id": 5.0,
    "bgm_singer_id": 6.0,
    "manual_keyword_list": "7;8",
    "machine_keyword_list": "7",
    "manual_tag_list": "31;5",
    "machine_tag_list": "9 0.8;31 0.1",
}
WECHAT = {
    "user_action.csv": [
        ACTION | {"userid": 2, "date_": 13, "play": 30000, "like": 1, "follow": 1},
        ACTION | {"date_": 11, "feedid": 11, "comment": 1, "forward": 1},
        ACTION | {"play": 2500, "favorite": 1},
        ACTION | {"feedid": 12, "read_comment": 1, "click_avatar": 1},
        ACTION | {"play": 2500, "favorite": 1},  # twice
        ACTION | {"play": 2500, "favorite": 1, "stay": 2001},  # not quite
        ACTION | {"feedid": 13},  # of duration 0
        ACTION | {"feedid": 14},  # in no table
        ACTION | {"play": -1},
        ACTION | {"date_": None},
    ],
    "feed_info.csv": [
        FEED,
        FEED | {"feedid": 11, "authorid": None, "manual_tag_list": None},
        FEED
        | dict.fromkeys(["bgm_song_id", "bgm_singer_id"])
        | dict.fromkeys(["manual_tag_list", "machine_tag_list"])
        | {"feedid": 12},
        FEED | {"feedid": 13, "videoplayseconds": 0},
    ],
}
VIEW = {
    "user_id": 14,
    "video_id": 148,
    "play_duration": 4381,
    "video_duration": 6067,
    "time": "2020-07-05 05:27:48.378",
    "date": 20200705.0,
    "timestamp": 1593898068.378,
    "watch_ratio": 4381 / 6067,
}
MIDNIGHT = 1597420800.0  # 15 August 2020, 0:00 in China
KUAIREC = {
    "big_matrix.csv": [
        VIEW | {"user_id": 20, "timestamp": MIDNIGHT + 10 * 86400},
        VIEW | {"video_id": 183, "timestamp": MIDNIGHT, "play_duration": 0},
        VIEW | {"video_id": 184, "timestamp": MIDNIGHT - 0.5, "play_duration": 20000},
        VIEW,
        VIEW,  # twice
        VIEW | {"video_duration": 0},
        VIEW | {"play_duration": None},
        VIEW | dict.fromkeys(["time", "date", "timestamp"]),
    ],
    "small_matrix.csv": [VIEW | {"user_id": 7}],
    "item_categories.csv": [
        {"video_id": 148, "feat": "[8, 9]"},
        {"video_id": 183, "feat": "[27]"},
    ],
}
SHOWN = {
    "user_id": 1,
    "item_id": 4000000,
    "playing_time": 60792.0,
    "duration_ms": 45400.0,
    "time": "2023-05-22 15:53:20",
    "timestamp": 1684742000000.0,
    "click": 1,
    "forward": 0,
    "like": 0,
    "follow": 0,
    "search": 0,
    "search_item_related": 0,
}
ITEM = {
    "item_id": 4000000,
    "caption": "[1, 213, 24]",
    "author_id": 10,
    "item_type": "NORMAL",
    "upload_time": "2023-04-22",
    "upload_type": "LongImport",
    "first_level_category_id": 9,
    "first_level_category_name_en": "Funny",
    "second_level_category_id": 136,
    "third_level_category_id": 3,
    "fourth_level_category_id": 0,
}
DAY = 86400000.0
KUAISAR = {
    "rec_inter.csv": [
        SHOWN | {"user_id": 2, "timestamp": SHOWN["timestamp"] + 17 * DAY, "search": 1},
        SHOWN | {"timestamp": SHOWN["timestamp"] + 14 * DAY, "item_id": 7, "like": 1},
        SHOWN | {"item_id": 8, "click": 0, "playing_time": 500.0, "forward": 1},
        SHOWN,
        SHOWN,  # twice
        SHOWN | {"duration_ms": None},
        SHOWN | {"playing_time": None},
        SHOWN | {"timestamp": None},
    ],
    "item_features.csv": [
        ITEM,
        ITEM | {"item_id": 7, "author_id": 0, "first_level_category_id": 0},
    ],
}
SEEN = {
    "user_id": 1,
    "video_id": 7,
    "date": 20220430,
    "hourmin": 200,
    "time_ms": 1651255200000,
    "is_click": 1,
    "is_like": 0,
    "is_follow": 0,
    "is_comment": 0,
    "is_forward": 0,
    "is_hate": 0,
    "long_view": 0,
    "play_time_ms": 4500,
    "duration_ms": 12000,
    "profile_stay_time": 0,
    "comment_stay_time": 0,
    "is_profile_enter": 0,
    "is_rand": 0,
    "tab": 1,
}
VIDEO = {
    "video_id": 7,
    "author_id": 70,
    "video_type": "NORMAL",
    "upload_dt": "2022-04-10",
    "upload_type": "LongImport",
    "visible_status": 0.0,
    "video_duration": 12000.0,
    "server_width": 720.0,
    "server_height": 1280.0,
    "music_id": 9155697141,
    "music_type": 9.0,
    "tag": "39,43",
}
STANDARD, BASIC = "log_standard_4_22_to_5_08_pure.csv", "video_features_basic_pure.csv"
KUAIRAND = {
    STANDARD: [
        SEEN | {"user_id": 2, "date": 20220504, "time_ms": 1651600800000},
        SEEN | {"date": 20220503, "time_ms": 1651514400000, "video_id": 8},
        SEEN,
        SEEN,  # twice
        SEEN | {"hourmin": 100},  # not quite
        SEEN | {"video_id": 9, "play_time_ms": 0},
        SEEN | {"duration_ms": None},
        SEEN | {"play_time_ms": -1},
        SEEN | {"time_ms": None},
    ],
    BASIC: [VIDEO, VIDEO | {"video_id": 8, "author_id": None, "tag": None}],
}
USER = (
    {
        "user_id": 1,
        "user_active_degree": "full_active",
        "is_lowactive_period": 0,
        "is_live_streamer": -124,
        "is_video_author": 1,
        "follow_user_num": 457,
        "follow_user_num_range": "(250,500]",
        "fans_user_num": 20,
        "fans_user_num_range": "[10,100)",
        "friend_user_num": 3,
        "friend_user_num_range": "[1,5)",
        "register_days": 1474,
        "register_days_range": "730+",
    }
    | {f"onehot_feat{i}": i for i in range(12)}
    | {f"onehot_feat{i}": 1.0 for i in range(12, 18)}
)
COUNTS = ["follow_user_num", "fans_user_num", "friend_user_num", "register_days"]
TEXTS = ["user_active_degree", *(f"{count}_range" for count in COUNTS)]
CODES = [name for name in USER if name not in ["user_id", *COUNTS, *TEXTS]]
LOADERS = [
    (load_wechat, WECHAT),
    (load_kuairec, KUAIREC),
    (load_kuaisar, KUAISAR),
    (load_kuairand, KUAIRAND),
]


def write(folder, files):
    """Write tables as CSV files; whole numbers beside missing ones stay whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        pd.DataFrame(rows, dtype=object).to_csv(folder / name, index=False)
    return folder


def matrix(name):
    """The option of `load_kuairec` that has it read the other log."""
    return {"matrix": "small_matrix"} if name == "small_matrix.csv" else {}


def first(files):
    """The name of the log, and its rows."""
    return next(iter(files.items()))


def parts(log):
    """The positions of the rows of each part."""
    return [log.split[name].tolist() for name in ("train", "valid", "test")]


@pytest.mark.parametrize("inside", [False, True])
def test_wechat_official_layout(tmp_path, inside):
    """Milliseconds and seconds become seconds; days split; names are canonical."""
    folder = write(tmp_path / "wechat_algo_data1", WECHAT)
    log = load_wechat(folder if inside else tmp_path)
    X, y = log.data, log.target
    assert X["user_id"].tolist() == [1, 1, 1, 1, 2]
    assert X["item_id"].tolist() == [10, 12, 10, 11, 10]
    assert X["duration"].tolist() == [12] * 5
    assert X["timestamp"].tolist() == [1, 1, 1, 11, 13]
    assert X["author_id"].tolist() == [100, 100, 100, -1, 100]
    assert X["tag"].tolist() == ["31", "missing", "31", "9", "31"]
    assert X["song_id"].tolist() == [5, -1, 5, 5, 5]
    assert X["singer_id"].tolist() == [6, -1, 6, 6, 6]
    assert X["device"].tolist() == [2] * 5
    assert y["watch_time"].tolist() == [2.5, 1.5, 2.5, 1.5, 30]
    assert y.drop(columns="watch_time").to_dict("list") == {
        "like": [0, 0, 0, 0, 1],
        "follow": [0, 0, 0, 0, 1],
        "comment": [0, 0, 0, 1, 0],
        "forward": [0, 0, 0, 1, 0],
        "favorite": [1, 0, 1, 0, 0],
        "read_comment": [0, 1, 0, 0, 0],
        "click_avatar": [0, 1, 0, 0, 0],
    }
    assert parts(log) == [[0, 1, 2], [3], [4]]
    assert list(log.frame) == [*X, *y]


def test_kuairec_official_layout(tmp_path):
    """Milliseconds become seconds; midnights of China split; the list has a first."""
    write(tmp_path / "data", KUAIREC)
    log = load_kuairec(tmp_path)
    assert log.frame.to_dict("list") == {
        "user_id": [14, 14, 14, 20],
        "item_id": [148, 184, 183, 148],
        "duration": [6.067] * 4,
        "timestamp": [
            1593898068.378,
            MIDNIGHT - 0.5,
            MIDNIGHT,
            MIDNIGHT + 10 * 86400,
        ],
        "tag": ["8", "missing", "27", "8"],
        "hour": [5, 23, 0, 0],
        "watch_time": [4.381, 20, 0, 4.381],
    }
    assert list(log.target) == ["watch_time"]
    assert parts(log) == [[0, 1], [2], [3]]
    assert "2020-07-05 to 2020-08-25" in log.DESCR


def test_kuairec_small_matrix(tmp_path):
    """The other log can be asked for, and no third one."""
    write(tmp_path, KUAIREC)
    log = load_kuairec(tmp_path, matrix="small_matrix", test_from="2020-08-15")
    assert log.data["user_id"].tolist() == [7]
    assert "small_matrix" in log.DESCR
    with pytest.raises(ValueError, match="'matrix' parameter"):
        load_kuairec(tmp_path, matrix="matrix")


@pytest.mark.parametrize("inside", [False, True])
def test_kuaisar_official_layout(tmp_path, inside):
    """Milliseconds become seconds; days of China split; padding is no identifier."""
    folder = write(tmp_path / "KuaiSAR_final", KUAISAR)
    log = load_kuaisar(folder if inside else tmp_path)
    start = 1684742000
    assert log.data.to_dict("list") == {
        "user_id": [1, 1, 1, 2],
        "item_id": [8, 4000000, 7, 4000000],
        "duration": [45.4] * 4,
        "timestamp": [start, start, start + 14 * 86400, start + 17 * 86400],
        "author_id": [-1, 10, -1, 10],
        "tag": ["missing", "9", "missing", "9"],
        "category_2": [-1, 136, 136, 136],
        "category_3": [-1, 3, 3, 3],
        "category_4": [-1] * 4,
        "hour": [15] * 4,
    }
    assert log.target.to_dict("list") == {
        "watch_time": [0.5, 60.792, 60.792, 60.792],
        "click": [0, 1, 1, 1],
        "forward": [1, 0, 0, 0],
        "like": [0, 0, 1, 0],
        "follow": [0] * 4,
        "search": [0, 0, 0, 1],
        "search_item_related": [0] * 4,
    }
    assert parts(log) == [[0, 1], [2], [3]]


def test_kuairand_rows(tmp_path):
    """What is dropped is dropped, rows that differ in one official column are not."""
    log = load_kuairand(write(tmp_path / "data", KUAIRAND).parent)
    assert log.data.to_dict("list") == {
        "user_id": [1, 1, 1, 1, 2],
        "item_id": [7, 7, 9, 8, 7],
        "duration": [12] * 5,
        "timestamp": [1651255200, 1651255200, 1651255200, 1651514400, 1651600800],
        "author_id": [70, 70, -1, -1, 70],
        "tag": ["39", "39", "missing", "missing", "39"],
        "tab": [1] * 5,
        "hour": [2] * 5,
    }
    assert log.target["watch_time"].tolist() == [4.5, 4.5, 0, 4.5, 4.5]
    assert parts(log) == [[0, 1, 2], [3], [4]]


def test_kuairand_second_copy(tmp_path):
    """A second copy of the files in the folder changes nothing but the counts."""
    log = load_kuairand(write(tmp_path / "once", KUAIRAND))
    copies = {f"{name[:-4]} (1).csv": rows for name, rows in KUAIRAND.items()}
    again = load_kuairand(write(tmp_path / "twice", KUAIRAND | copies))
    pd.testing.assert_frame_equal(log.frame, again.frame)
    assert "1 exact duplicates" in log.DESCR
    assert "10 exact duplicates" in again.DESCR
    assert log.DESCR.splitlines()[5:] == again.DESCR.splitlines()[5:]


def test_kuairand_user_features(tmp_path):
    """Counts are numbers, all else is a category, and what is missing has a value."""
    missing = dict.fromkeys([*COUNTS, *TEXTS, *CODES])
    users = [USER, USER | {"fans_user_num": 9}, missing | {"user_id": 2}]
    files = KUAIRAND | {"user_features_pure.csv": users}
    files[STANDARD] = [*KUAIRAND[STANDARD], SEEN | {"user_id": 3}]
    plain = load_kuairand(write(tmp_path, files))
    log = load_kuairand(tmp_path, user_features=True)
    assert list(log.frame) == [*plain.data, *COUNTS, *TEXTS, *CODES, *plain.target]
    pd.testing.assert_frame_equal(log.frame[list(plain.frame)], plain.frame)
    by_user = log.data.groupby("user_id").first()
    assert (by_user.loc[1, list(USER)[1:]] == pd.Series(USER).drop("user_id")).all()
    for absent in (2, 3):
        assert (by_user.loc[absent, COUNTS] == -1).all()
        assert (by_user.loc[absent, TEXTS] == "missing").all()
        assert (by_user.loc[absent, CODES] == -1).all()
    assert (log.data[COUNTS].dtypes == "float64").all()
    assert (log.data[CODES].dtypes == "int64").all()
    assert "1 of the users are not in it" in log.DESCR
    assert "user table" not in plain.DESCR


def test_kuairand_user_features_missing(tmp_path):
    """The error names the file that is asked for and not there."""
    write(tmp_path, KUAIRAND)
    with pytest.raises(FileNotFoundError, match=r"user_features_\*\.csv"):
        load_kuairand(tmp_path, user_features=True)
    with pytest.raises(ValueError, match="'user_features' parameter"):
        load_kuairand(tmp_path, user_features="yes")


def test_kuairand_real_user_features(kuairand_folder):
    """All users of the real slice are in its user table."""
    log = load_kuairand(kuairand_folder, user_features=True)
    table = pd.read_csv(kuairand_folder / "data" / "user_features_pure.csv")
    assert len(table) == 18857
    assert "0 of the users are not in it" in log.DESCR
    users = log.data[["user_id", *COUNTS, *TEXTS, *CODES]].drop_duplicates()
    assert users["user_id"].is_unique
    table[CODES] = table[CODES].fillna(-1).astype("int64")
    table[COUNTS] = table[COUNTS].astype("float64")
    table = table[table["user_id"].isin(users["user_id"])]
    pd.testing.assert_frame_equal(
        users.set_index("user_id"), table.set_index("user_id"), check_like=True
    )
    assert (log.data["onehot_feat4"] == -1).any()


@pytest.mark.parametrize(
    ("load", "files", "dropped"),
    [
        (load_wechat, WECHAT, (1, 2, 1, 1)),
        (load_kuairec, KUAIREC, (1, 1, 1, 1)),
        (load_kuaisar, KUAISAR, (1, 1, 1, 1)),
        (load_kuairand, KUAIRAND, (1, 1, 1, 1)),
    ],
)
def test_dropped_rows_are_counted(tmp_path, load, files, dropped):
    """The description says how many rows were dropped, and why."""
    log = load(write(tmp_path, files))
    duplicates, durations, watch_times, times = dropped
    assert f"{duplicates} exact duplicates" in log.DESCR
    assert f"{durations} with duration 0 or missing" in log.DESCR
    assert f"{watch_times} with watch time negative or missing" in log.DESCR
    assert f"{times} with time missing" in log.DESCR
    assert f"{len(log.frame)} impressions of 2 users" in log.DESCR


@pytest.mark.parametrize(
    ("load", "files", "ids"),
    [
        (
            load_wechat,
            WECHAT,
            {
                "userid": "user_id",
                "feedid": "item_id",
                "authorid": "author_id",
                "bgm_song_id": "song_id",
                "bgm_singer_id": "singer_id",
            },
        ),
        (load_kuairec, KUAIREC, {"user_id": "user_id", "video_id": "item_id"}),
        (
            load_kuaisar,
            KUAISAR,
            {
                "user_id": "user_id",
                "item_id": "item_id",
                "author_id": "author_id",
                "second_level_category_id": "category_2",
                "third_level_category_id": "category_3",
                "fourth_level_category_id": "category_4",
            },
        ),
        (
            load_kuairand,
            KUAIRAND,
            {"user_id": "user_id", "video_id": "item_id", "author_id": "author_id"},
        ),
    ],
)
class TestIdentifiers:
    """Identifiers are whole numbers of 64 bits, read digit by digit."""

    @pytest.mark.parametrize("long", [2**31 + 7, 2**40 + 7, 2**53 + 1, 2**63 - 1])
    def test_long(self, tmp_path, load, files, ids, long):
        """No digit is lost, be other identifiers missing or not."""
        (log_file, rows), (table_file, table) = [*files.items()][:1] + [*files.items()][
            -1:
        ]
        longer = {official: long - i for i, official in enumerate(ids)}
        row = rows[2] | {key: longer[key] for key in ids if key in rows[2]}
        video = table[0] | {key: longer[key] for key in ids if key in table[0]}
        gaps = table[1] | dict.fromkeys(key for key in [*ids][2:] if key in table[1])
        longer_files = {log_file: [*rows, row], table_file: [gaps, *table, video]}
        write(tmp_path, files | longer_files)
        data = load(tmp_path).data
        found = data[data["user_id"] == longer[next(iter(ids))]]
        assert len(found) == 1
        for official, name in ids.items():
            assert found[name].tolist() == [longer[official]]

    def test_types(self, tmp_path, load, files, ids):
        """All identifiers are int64, whatever is missing."""
        data = load(write(tmp_path, files)).data
        assert (data[[*ids.values()]].dtypes == "int64").all()

    def test_written_as_floats(self, tmp_path, load, files, ids):
        """Whole numbers written with a decimal point are the same numbers."""
        name, rows = first(files)
        plain = load(write(tmp_path, files)).frame
        floats = [
            row | {key: f"{row[key]}.0" for key in ids if key in row} for row in rows
        ]
        pd.testing.assert_frame_equal(
            load(write(tmp_path, {name: floats})).frame, plain
        )


@pytest.mark.parametrize(("load", "files"), LOADERS)
class TestFaults:
    """What the loaders refuse, with the file and the column at fault."""

    def test_missing_file(self, tmp_path, load, files):
        """The error names the file that is missing, and where."""
        for name in [*files][:1] + [*files][-1:]:
            write(tmp_path, files)
            (tmp_path / name).unlink()
            named = f"{name[:9]}.* in .*{tmp_path.name}"
            with pytest.raises(FileNotFoundError, match=named):
                load(tmp_path)

    def test_empty_file(self, tmp_path, load, files):
        """The error names the file that is empty, and what it should have."""
        for name in files:
            write(tmp_path, files)
            (tmp_path / name).write_text("")
            with pytest.raises(ValueError, match=f"{name} is empty.*_?id'"):
                load(tmp_path, **matrix(name))

    def test_header_alone(self, tmp_path, load, files):
        """The error names the file without rows."""
        for name in files:
            write(tmp_path, files)
            header = (tmp_path / name).read_text().splitlines()[0]
            (tmp_path / name).write_text(header + "\n")
            with pytest.raises(ValueError, match=f"{name} has no rows; .*_?id'"):
                load(tmp_path, **matrix(name))

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
    def test_other_encoding(self, tmp_path, load, files, encoding):
        """The error names the file in another encoding, and the right one."""
        for name in files:
            text = (write(tmp_path, files) / name).read_text()
            (tmp_path / name).write_text(text, encoding=encoding)
            with pytest.raises(ValueError, match=f"{name} must be .*UTF-8.*_?id'"):
                load(tmp_path, **matrix(name))

    def test_no_encoding(self, tmp_path, load, files):
        """The error names the file with bytes that are no UTF-8."""
        name, _ = first(files)
        path = write(tmp_path, files) / name
        path.write_bytes(path.read_bytes() + b"\xff\xe9")
        with pytest.raises(ValueError, match=name):
            load(tmp_path)

    def test_byte_order_mark(self, tmp_path, load, files):
        """A mark of UTF-8 at the beginning is no part of the first column."""
        plain = load(write(tmp_path, files)).frame
        for name in files:
            text = (tmp_path / name).read_text()
            (tmp_path / name).write_text(text, encoding="utf-8-sig")
        pd.testing.assert_frame_equal(load(tmp_path).frame, plain)

    def test_cut_off(self, tmp_path, load, files):
        """The error names the file whose last line is not whole."""
        for name in files:
            text = (write(tmp_path, files) / name).read_text()
            (tmp_path / name).write_text(text[: text.rindex(",")])
            with pytest.raises(ValueError, match=f"{name} is cut off: .* fields of"):
                load(tmp_path, **matrix(name))

    def test_cut_off_in_text(self, tmp_path, load, files):
        """The error names the file that ends within quotes."""
        name, _ = first(files)
        with (write(tmp_path, files) / name).open("a") as file:
            file.write('1,"')
        with pytest.raises(ValueError, match=f"{name} must be a CSV file"):
            load(tmp_path)

    def test_nothing_usable(self, tmp_path, load, files):
        """The error says for which reasons no row is left."""
        name, rows = first(files)
        play = next(key for key in rows[0] if key.startswith("play"))
        write(tmp_path, files | {name: [row | {play: -1} for row in rows]})
        with pytest.raises(ValueError, match=r"no row .* with watch time negative"):
            load(tmp_path)

    def test_home(self, tmp_path, load, files, monkeypatch):
        """The folder may begin with the sign of the home folder."""
        monkeypatch.setenv("HOME", str(tmp_path))
        plain = load(write(tmp_path / "logs", files)).frame
        pd.testing.assert_frame_equal(load("~/logs").frame, plain)
        with pytest.raises(FileNotFoundError, match=f"{tmp_path.name}/none"):
            load("~/none")

    def test_first_row_of_an_item_counts(self, tmp_path, load, files):
        """A second row of the same item in the table changes nothing."""
        plain = load(write(tmp_path, files)).frame
        name, rows = [*files.items()][-1]
        again = [row | dict.fromkeys([*row][1:]) for row in rows]
        pd.testing.assert_frame_equal(
            load(write(tmp_path, {name: [*rows, *again]})).frame, plain
        )

    def test_missing_column(self, tmp_path, load, files):
        """The error names the column that is missing, and the file."""
        name, rows = first(files)
        column = next(iter(rows[0]))
        others = [{key: row[key] for key in row if key != column} for row in rows]
        write(tmp_path, files | {name: others})
        with pytest.raises(ValueError, match=f"{name} has no column '{column}'"):
            load(tmp_path)

    @pytest.mark.parametrize(
        "wrong", ["x", "1_0", None, 2.5, "9007199254740993.5", 2**63, 2**64 - 1, 2**70]
    )
    def test_wrong_identifier(self, tmp_path, load, files, wrong):
        """The error names the file, the column, the value and the row."""
        name, rows = first(files)
        column = next(iter(rows[0]))
        write(tmp_path, files | {name: [*rows, rows[0] | {column: wrong}]})
        got = "missing" if wrong is None else f"'{wrong}'"
        message = (
            f"{name}: column '{column}' must be int64 in every row, but is {got} in "
            f"row {len(rows) + 1}."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            load(tmp_path)

    @pytest.mark.parametrize("wrong", ["inf", "-inf", "1e999", "long"])
    def test_wrong_number(self, tmp_path, load, files, wrong):
        """Watch times are finite."""
        name, rows = first(files)
        play = next(key for key in rows[0] if key.startswith("play"))
        write(tmp_path, files | {name: [*rows, rows[0] | {play: wrong}]})
        message = f"{name}: column '{play}' must be a finite .* is '{wrong}' in row "
        with pytest.raises(ValueError, match=message + str(len(rows) + 1)):
            load(tmp_path)

    def test_parts_out_of_order(self, tmp_path, load, files):
        """The test part does not begin before the validation part."""
        days = (13, 11) if load is load_wechat else ("2023-06-08", "2020-06-05")
        with pytest.raises(ValueError, match="must begin before"):
            load(write(tmp_path, files), valid_from=days[0], test_from=days[1])

    @pytest.mark.parametrize("name", ["valid_from", "test_from"])
    @pytest.mark.parametrize(
        "day", ["soon", "", None, 2.5, np.nan, np.datetime64("NaT")]
    )
    def test_no_day(self, tmp_path, load, files, name, day):
        """The error names the parameter that is no day."""
        with pytest.raises(ValueError, match=name):
            load(write(tmp_path, files), **{name: day})


@pytest.mark.parametrize(
    ("load", "files", "column"),
    [
        (load_wechat, WECHAT, "like"),
        (load_wechat, WECHAT, "device"),
        (load_kuaisar, KUAISAR, "click"),
        (load_kuairand, KUAIRAND, "is_like"),
        (load_kuairand, KUAIRAND, "tab"),
    ],
)
@pytest.mark.parametrize("wrong", [-1, 128, 256, 2**40 + 7, 0.5, None, True])
def test_wrong_flag(tmp_path, load, files, column, wrong):
    """What does not fit is refused, and not wrapped to what does."""
    name, rows = first(files)
    write(tmp_path, files | {name: [*rows, rows[0] | {column: wrong}]})
    message = f"{name}: column '{column}' must be int8 from 0 to 127 .* in row "
    with pytest.raises(ValueError, match=message + str(len(rows) + 1)):
        load(tmp_path)


@pytest.mark.parametrize(
    ("load", "files", "column", "wrong"),
    [
        (load_wechat, WECHAT, "date_", 2**16 + 1),
        (load_wechat, WECHAT, "date_", 1.5),
        (load_kuairec, KUAIREC, "timestamp", 1593898068378),
        (load_kuaisar, KUAISAR, "timestamp", 1e15),
        (load_kuairand, KUAIRAND, "time_ms", 1e15),
        (load_kuairand, KUAIRAND, "date", 20220431),
        (load_kuairand, KUAIRAND, "date", 20221301),
        (load_kuairand, KUAIRAND, "date", 7),
        (load_kuairand, KUAIRAND, "date", "2022-05-04"),
    ],
)
def test_wrong_time(tmp_path, load, files, column, wrong):
    """A time in another unit or a date that is none is named."""
    name, rows = first(files)
    write(tmp_path, files | {name: [*rows, rows[0] | {column: wrong}]})
    message = f"{name}: column '{column}' must be .* '{wrong}' in row {len(rows) + 1}"
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\.\*", ".*")):
        load(tmp_path)


def test_missing_date(tmp_path):
    """A row that the log does not date belongs to no part."""
    rows = [*KUAIRAND[STANDARD], SEEN | {"date": None}]
    log = load_kuairand(write(tmp_path, KUAIRAND | {STANDARD: rows}))
    assert "2 with time missing" in log.DESCR
    assert len(log.frame) == 5


@pytest.mark.parametrize(
    "day", ["2022-05-01", datetime.date(2022, 5, 1), np.datetime64("2022-05-01")]
)
def test_days_of_many_types(tmp_path, day):
    """A day may be a text or a date, but has no time zone and is no number."""
    write(tmp_path, KUAIRAND)
    assert parts(load_kuairand(tmp_path, valid_from=day)) == [[0, 1, 2], [3], [4]]
    for no_day in (20220501, pd.Timestamp("2022-05-01", tz="UTC")):
        with pytest.raises(ValueError, match="valid_from must be a date"):
            load_kuairand(tmp_path, valid_from=no_day)


def test_texts_of_two_lines(tmp_path):
    """A text may hold line breaks, commas and quotes, at the end of the file too."""
    text = 'so\n"many", many\nlines'
    feeds = [feed | {"description": text} for feed in WECHAT["feed_info.csv"]]
    feeds.append(FEED | {"feedid": 14, "machine_tag_list": text})
    plain = load_wechat(write(tmp_path, WECHAT))
    log = load_wechat(write(tmp_path, {"feed_info.csv": feeds}))
    assert len(log.frame) == len(plain.frame) + 1


def test_no_tags(tmp_path):
    """A table may be without any tag."""
    lists = dict.fromkeys(["manual_tag_list", "machine_tag_list"])
    feeds = [feed | lists for feed in WECHAT["feed_info.csv"]]
    log = load_wechat(write(tmp_path, WECHAT | {"feed_info.csv": feeds}))
    assert set(log.data["tag"]) == {"missing"}


def test_many_chunks(tmp_path, monkeypatch):
    """Long files are read piece by piece, and faults are found in any."""
    plain = load_kuairand(write(tmp_path, KUAIRAND)).frame
    monkeypatch.setattr("sklabelcraft.datasets._csv.CHUNK", 2)
    pd.testing.assert_frame_equal(load_kuairand(tmp_path).frame, plain)
    rows = [*KUAIRAND[STANDARD], SEEN | {"user_id": 2**60 + 1}]
    users = load_kuairand(write(tmp_path, {STANDARD: rows})).data["user_id"]
    assert users.tolist() == [1, 1, 1, 1, 2, 2**60 + 1]
    with pytest.raises(ValueError, match="is '-1' in row 11"):
        load_kuairand(write(tmp_path, {STANDARD: [*rows, SEEN | {"is_like": -1}]}))


def many(row, n=120, **columns):
    """Copies of a row with columns of their own."""
    varied = {key: np.resize(values, n) for key, values in columns.items()}
    return pd.DataFrame([row] * n).assign(**varied)


@pytest.mark.parametrize(
    ("load", "files", "explicit"),
    [
        (
            load_wechat,
            {
                "user_action.csv": many(
                    ACTION,
                    userid=[1, 2, 3, 4],
                    feedid=[10, 11, 10],
                    date_=np.repeat([1, 2, 12, 14], 30),
                    play=1000 * np.arange(120),
                    comment=[0, 0, 1, 0, 1],
                ),
                "feed_info.csv": WECHAT["feed_info.csv"],
            },
            ("like", "follow", "comment"),
        ),
        (
            load_kuairec,
            {
                "big_matrix.csv": many(
                    VIEW,
                    user_id=[1, 2, 3, 4],
                    video_id=[148, 183, 184],
                    play_duration=1000 * np.arange(120),
                    timestamp=MIDNIGHT + 86400.0 * np.repeat([-3, -2, 2, 12], 30),
                ),
                "item_categories.csv": KUAIREC["item_categories.csv"],
            },
            (),
        ),
        (
            load_kuaisar,
            {
                "rec_inter.csv": many(
                    SHOWN,
                    user_id=[1, 2, 3, 4],
                    item_id=[4000000, 7, 8],
                    playing_time=1000.0 * np.arange(120),
                    timestamp=SHOWN["timestamp"] + DAY * np.repeat([0, 1, 15, 18], 30),
                    like=[0, 0, 1, 0, 1],
                ),
                "item_features.csv": KUAISAR["item_features.csv"],
            },
            ("like", "follow", "comment"),
        ),
    ],
)
def test_recommender_trains(tmp_path, load, files, explicit):
    """A loaded log trains a recommender as it is."""
    log = load(write(tmp_path, files))
    assert [len(part) for part in parts(log)] == [60, 30, 30]
    X, y = log.data, log.target
    train, test = log.split.train, log.split.test
    recommender = LabelCraftRecommender(
        D2Q(),
        MLPRanker(max_epochs=1),
        columns=Columns(explicit=explicit),
        random_state=0,
    ).fit(X.iloc[train], y.iloc[train])
    scores = recommender.predict(X.iloc[test])
    assert scores.shape == (30,)
    assert np.isfinite(scores).all()
