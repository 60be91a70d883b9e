"""KuaiRand: Pure, 1K and 27K in their official layout."""

import pandas as pd

from sklabelcraft.datasets._base import (
    CHINA,
    describe,
    fill_ids,
    first_tag,
    inside,
    make_bunch,
    read_files,
    split_by_date,
)

SIGNALS = {
    "is_like": "like",
    "is_follow": "follow",
    "is_comment": "comment",
    "is_forward": "forward",
    "is_profile_enter": "profile_enter",
    "is_hate": "hate",
    "is_click": "click",
    "long_view": "long_view",
}
LOG = {
    "user_id": "int32",
    "video_id": "int32",
    "date": "int32",
    "time_ms": "int64",
    "tab": "int8",
    "play_time_ms": "float64",
    "duration_ms": "float64",
} | dict.fromkeys(SIGNALS, "int8")
VIDEOS = {"video_id": "int32", "author_id": "float64", "tag": "str"}
DESCRIPTION = """KuaiRand (Gao et al., CIKM 2022), standard logs, licence CC BY-SA 4.0.

{n} impressions of {users} users on {items} videos, {first} to {last}; {dropped} rows
with duration 0 were dropped. Times are in seconds. X: user_id, item_id, duration,
timestamp, author_id, tag (the first of the list), tab, hour. y: watch_time, {signals}.
"""


def load_kuairand(path, *, valid_from="2022-05-01", test_from="2022-05-04"):
    """Load the standard logs of KuaiRand-Pure, -1K or -27K.

    Parameters
    ----------
    path : str or path-like
        The folder of the official archive (or its subfolder ``data``), with
        ``log_standard_*.csv`` and ``video_features_basic_*.csv``.
    valid_from, test_from : str, default="2022-05-01", "2022-05-04"
        First days of the validation and the test part, as the log dates its rows; what
        comes before is for training.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (row positions train, valid,
        test) and DESCR. Rows are sorted by user and time.

    Raises
    ------
    FileNotFoundError
        If the files are not there.

    Notes
    -----
    Rows with duration 0 are dropped and counted in DESCR; watch times beyond the
    duration (replays) are kept. A missing tag is the tag "missing".

    Examples
    --------
    >>> from sklabelcraft.datasets import load_kuairand
    >>> log = load_kuairand("KuaiRand-Pure")  # doctest: +SKIP
    """
    folder = inside(path, "data")
    logs = read_files(folder, "log_standard_*.csv", LOG)
    videos = read_files(folder, "video_features_basic_*.csv", VIDEOS)
    videos = videos.drop_duplicates("video_id")
    kept = logs[logs["duration_ms"] > 0].merge(videos, on="video_id", how="left")
    kept = kept.sort_values(["user_id", "time_ms"], kind="stable", ignore_index=True)
    frame = _canonical(kept)
    days = pd.to_datetime(kept["date"].astype(str), format="%Y%m%d")
    description = describe(
        DESCRIPTION,
        frame,
        first=days.min().date(),
        last=days.max().date(),
        dropped=len(logs) - len(frame),
        signals=", ".join(SIGNALS.values()),
    )
    part = split_by_date(days, valid_from, test_from)
    return make_bunch(frame, ["watch_time", *SIGNALS.values()], part, description)


def _canonical(log):
    """Official columns to canonical ones, milliseconds to seconds."""
    seconds = log["time_ms"] // 1000
    known = {
        "user_id": log["user_id"],
        "item_id": log["video_id"],
        "duration": log["duration_ms"] / 1000,
        "timestamp": log["time_ms"] / 1000,
        "author_id": fill_ids(log["author_id"]),
        "tag": first_tag(log["tag"]),
        "tab": log["tab"],
        "hour": (seconds + CHINA) // 3600 % 24,
    }
    logged = {"watch_time": log["play_time_ms"] / 1000}
    logged |= {name: log[official] for official, name in SIGNALS.items()}
    return pd.DataFrame(known | logged)
