"""WeChat Big Data Challenge 2021 in its official layout."""

import pandas as pd

from sklabelcraft.datasets._base import (
    describe,
    drop_unusable,
    fill_ids,
    first_tag,
    inside,
    make_bunch,
    read_files,
    split_by,
)

SIGNALS = [
    "like",
    "follow",
    "comment",
    "forward",
    "favorite",
    "read_comment",
    "click_avatar",
]
ACTIONS = {
    "userid": "int32",
    "feedid": "int32",
    "date_": "int16",
    "device": "int8",
    "play": "float64",
    "stay": "float64",
} | dict.fromkeys(SIGNALS, "int8")
FEEDS = {
    "feedid": "int32",
    "authorid": "float64",
    "videoplayseconds": "float64",
    "bgm_song_id": "float64",
    "bgm_singer_id": "float64",
    "manual_tag_list": "str",
    "machine_tag_list": "str",
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


def load_wechat(path, *, valid_from=11, test_from=13):
    """Load the log of the WeChat Big Data Challenge 2021.

    Parameters
    ----------
    path : str or path-like
        The folder ``wechat_algo_data1`` of the official archive (or its parent), with
        ``user_action.csv`` and ``feed_info.csv``.
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
        If a column is not there or cannot be read, or the parts are out of order.

    Notes
    -----
    The official ``play`` is in milliseconds, the official ``videoplayseconds`` in
    seconds; both become seconds. Exact duplicates and rows without a usable duration or
    watch time are dropped and counted in DESCR, those of a feed that ``feed_info.csv``
    lacks among them; watch times beyond the duration (replays) are kept. A missing tag
    is the tag "missing", a missing author, song or singer is -1.

    Examples
    --------
    >>> from sklabelcraft.datasets import load_wechat
    >>> log = load_wechat("wechat_algo_data1")  # doctest: +SKIP
    """
    folder = inside(path, "wechat_algo_data1")
    actions = read_files(folder, "user_action.csv", ACTIONS)
    feeds = read_files(folder, "feed_info.csv", FEEDS).drop_duplicates("feedid")
    feeds["tag"] = first_tag(feeds["manual_tag_list"], feeds["machine_tag_list"])
    kept, dropped = drop_unusable(
        actions.merge(feeds, on="feedid", how="left"),
        recorded=list(ACTIONS),
        duration="videoplayseconds",
        watch_time="play",
        timestamp="date_",
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
        "author_id": fill_ids(log["authorid"]),
        "tag": log["tag"],
        "song_id": fill_ids(log["bgm_song_id"]),
        "singer_id": fill_ids(log["bgm_singer_id"]),
        "device": log["device"],
    }
    logged = {"watch_time": log["play"] / 1000}
    return pd.DataFrame(known | logged | {name: log[name] for name in SIGNALS})
