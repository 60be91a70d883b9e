"""The loaders of public logs, on small files in the official layouts."""

import numpy as np
import pandas as pd
import pytest

from sklabelcraft import D2Q, LabelCraftRecommender, MLPRanker
from sklabelcraft.datasets import load_kuairec, load_kuaisar, load_wechat

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


def write(folder, files):
    """Write tables as CSV files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        pd.DataFrame(rows).to_csv(folder / name, index=False)
    return folder


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


@pytest.mark.parametrize(
    ("load", "files", "dropped"),
    [
        (load_wechat, WECHAT, (1, 2, 1, 0)),
        (load_kuairec, KUAIREC, (1, 1, 1, 1)),
        (load_kuaisar, KUAISAR, (1, 1, 1, 1)),
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
    ("load", "files"),
    [(load_wechat, WECHAT), (load_kuairec, KUAIREC), (load_kuaisar, KUAISAR)],
)
class TestFaults:
    """What the loaders refuse, with the file and the column at fault."""

    def test_missing_file(self, tmp_path, load, files):
        """The error names the file that is missing, and where."""
        for name in [*files][:1] + [*files][-1:]:
            write(tmp_path, files)
            (tmp_path / name).unlink()
            with pytest.raises(FileNotFoundError, match=f"{name} in .*{tmp_path.name}"):
                load(tmp_path)

    def test_empty_file(self, tmp_path, load, files):
        """The error names the file that is empty."""
        name = next(iter(files))
        write(tmp_path, files)
        (tmp_path / name).write_text("")
        with pytest.raises(ValueError, match=f"{name} is empty"):
            load(tmp_path)

    def test_missing_column(self, tmp_path, load, files):
        """The error names the column that is missing, and the file."""
        name, rows = next(iter(files.items()))
        column = next(iter(rows[0]))
        others = [{key: row[key] for key in row if key != column} for row in rows]
        write(tmp_path, files | {name: others})
        with pytest.raises(ValueError, match=f"{name} has no column '{column}'"):
            load(tmp_path)

    @pytest.mark.parametrize("wrong", ["x", None, 2.5, 2**40])
    def test_wrong_identifier(self, tmp_path, load, files, wrong):
        """The error names the column that cannot be read, and the file."""
        name, rows = next(iter(files.items()))
        column = next(iter(rows[0]))
        write(tmp_path, files | {name: [*rows, rows[0] | {column: wrong}]})
        with pytest.raises(ValueError, match=f"{name}: column '{column}' must be int"):
            load(tmp_path)

    def test_parts_out_of_order(self, tmp_path, load, files):
        """The test part does not begin before the validation part."""
        days = (13, 11) if load is load_wechat else ("2023-06-08", "2020-06-05")
        with pytest.raises(ValueError, match="must begin before"):
            load(write(tmp_path, files), valid_from=days[0], test_from=days[1])


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
        D2Q(), MLPRanker(max_epochs=1), explicit=explicit, random_state=0
    ).fit(X.iloc[train], y.iloc[train])
    scores = recommender.predict(X.iloc[test])
    assert scores.shape == (30,)
    assert np.isfinite(scores).all()
