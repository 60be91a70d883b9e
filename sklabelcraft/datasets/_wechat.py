"""WeChat Big Data Challenge 2021 in its official layout."""

from dataclasses import replace
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, validate_params

from sklabelcraft._typing import PathLike, typed
from sklabelcraft.datasets._base import (
    check_order,
    describe,
    drop_unusable,
    first_tag,
    inside,
    join,
    make_bunch,
    split_by,
)
from sklabelcraft.datasets._csv import FLAG, ID, NUMBER, OPTIONAL_ID, TEXT, read_files

SIGNALS = [
    "like",
    "follow",
    "comment",
    "forward",
    "favorite",
    "read_comment",
    "click_avatar",
]
DAY = replace(
    OPTIONAL_ID, wanted="int16 or missing", dtype="int16", low=-(2**15), high=2**15 - 1
)
ACTIONS = {
    "userid": ID,
    "feedid": ID,
    "date_": DAY,
    "device": FLAG,
    "play": NUMBER,
    "stay": NUMBER,
} | dict.fromkeys(SIGNALS, FLAG)
FEEDS = {
    "feedid": ID,
    "authorid": OPTIONAL_ID,
    "videoplayseconds": NUMBER,
    "bgm_song_id": OPTIONAL_ID,
    "bgm_singer_id": OPTIONAL_ID,
    "manual_tag_list": TEXT,
    "machine_tag_list": TEXT,
}
UNKNOWN = {
    "authorid": -1,
    "videoplayseconds": np.nan,
    "bgm_song_id": -1,
    "bgm_singer_id": -1,
    "tag": "missing",
}
DESCRIPTION = """WeChat Big Data Challenge 2021, user_action.csv and feed_info.csv.

{n} impressions of {users} users on {items} videos, days {first} to {last}.
Rows dropped, in this order:
{dropped}.
Times are in seconds, but for the timestamp, which is the day: there is no finer clock,
and within a day the rows of a user are in the order of the file. X: user_id, item_id,
duration, timestamp, author_id, tag (the first of the manual list, else of the machine's
list), song_id, singer_id, device. y: watch_time, {signals}.
"""


@typed(
    validate_params(
        {
            "valid_from": [Interval(Integral, None, None, closed="neither")],
            "test_from": [Interval(Integral, None, None, closed="neither")],
        },
        prefer_skip_nested_validation=True,
    )
)
def load_wechat(path: PathLike, *, valid_from: int = 11, test_from: int = 13) -> Bunch:
    """Load the log of the WeChat Big Data Challenge 2021.

    Parameters
    ----------
    path : str or path-like
        The folder ``wechat_algo_data1`` of the official archive (or its parent), with
        ``user_action.csv`` and ``feed_info.csv``; ``~`` is the home folder.
    valid_from, test_from : int, default=11, 13
        First days, of 1 to 14, of the validation and the test part; what comes before
        is for training.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (row positions train, valid,
        test) and DESCR. Rows are sorted by user and day; within a day they keep the
        order of the file.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If a file is not in the official layout, a value is none of its column, no row
        can be used, or the parts are out of order or begin at no day.

    Notes
    -----
    The official ``play`` is in milliseconds, the official ``videoplayseconds`` in
    seconds; both become seconds. Exact duplicates and rows without a usable duration,
    watch time or day are dropped and counted in DESCR, those of a feed that
    ``feed_info.csv`` lacks among them; watch times beyond the duration (replays) are
    kept. A missing tag is the tag "missing", a missing author, song or singer is -1.

    Examples
    --------
    >>> from sklabelcraft.datasets import load_wechat
    >>> log = load_wechat("wechat_algo_data1")  # doctest: +SKIP
    """
    check_order(valid_from, test_from)
    folder = inside(path, "wechat_algo_data1")
    actions = read_files(folder, "user_action.csv", ACTIONS)
    feeds = read_files(folder, "feed_info.csv", FEEDS)
    lists = feeds.pop("manual_tag_list"), feeds.pop("machine_tag_list")
    feeds["tag"] = first_tag(*lists)
    kept, dropped = drop_unusable(
        join(actions, feeds, "feedid", UNKNOWN),
        recorded=list(ACTIONS),
        duration="videoplayseconds",
        watch_time="play",
        times=["date_"],
    )
    kept = kept.sort_values(["userid", "date_"], kind="stable", ignore_index=True)
    frame = _canonical(kept)
    days = frame["timestamp"]
    description = describe(
        DESCRIPTION,
        frame,
        first=days.min(),
        last=days.max(),
        dropped=dropped,
        signals=", ".join(SIGNALS),
    )
    part = split_by(days, valid_from, test_from)
    return make_bunch(frame, ["watch_time", *SIGNALS], part, description)


def _canonical(log):
    """Official columns to canonical ones, milliseconds to seconds."""
    known = {
        "user_id": log["userid"],
        "item_id": log["feedid"],
        "duration": log["videoplayseconds"],
        "timestamp": log["date_"],
        "author_id": log["authorid"],
        "tag": log["tag"],
        "song_id": log["bgm_song_id"],
        "singer_id": log["bgm_singer_id"],
        "device": log["device"],
    }
    logged = {"watch_time": log["play"] / 1000}
    return pd.DataFrame(known | logged | {name: log[name] for name in SIGNALS})
