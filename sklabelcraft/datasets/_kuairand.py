"""KuaiRand: Pure, 1K and 27K in their official layout."""

from dataclasses import replace

import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from sklabelcraft._typing import PathLike, typed
from sklabelcraft.datasets._base import (
    CHINA,
    describe,
    drop_unusable,
    first_days,
    first_tag,
    inside,
    join,
    make_bunch,
    split_by,
)
from sklabelcraft.datasets._csv import (
    DATE,
    FLAG,
    ID,
    MILLISECONDS,
    NUMBER,
    OPTIONAL_ID,
    TEXT,
    read_files,
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
COMPARED = ["hourmin", "profile_stay_time", "comment_stay_time", "is_rand"]
LOG = (
    {
        "user_id": ID,
        "video_id": ID,
        "date": DATE,
        "time_ms": MILLISECONDS,
        "tab": FLAG,
        "play_time_ms": NUMBER,
        "duration_ms": NUMBER,
    }
    | dict.fromkeys(SIGNALS, FLAG)
    | dict.fromkeys(COMPARED, NUMBER)
)
VIDEOS = {"video_id": ID, "author_id": OPTIONAL_ID, "tag": TEXT}
COUNTS = ["follow_user_num", "fans_user_num", "friend_user_num", "register_days"]
RANGES = ["user_active_degree", *(f"{count}_range" for count in COUNTS)]
CODES = [
    "is_lowactive_period",
    "is_live_streamer",
    "is_video_author",
    *(f"onehot_feat{i}" for i in range(18)),
]
USERS = (
    {"user_id": ID}
    | dict.fromkeys(COUNTS, replace(NUMBER, missing=-1.0))
    | dict.fromkeys(RANGES, replace(TEXT, missing="missing"))
    | dict.fromkeys(CODES, OPTIONAL_ID)
)
UNKNOWN_USER = {name: USERS[name].missing for name in [*COUNTS, *RANGES, *CODES]}
DESCRIPTION = """KuaiRand (Gao et al., CIKM 2022), standard logs, licence CC BY-SA 4.0.

{n} impressions of {users} users on {items} videos, {first} to {last}.
Rows dropped, in this order:
{dropped}.
Times are in seconds. X: user_id, item_id, duration, timestamp, author_id, tag (the
first of the list), tab, hour. y: watch_time, {signals}.
"""
USER_DESCRIPTION = """X also has the columns of the user table: {counts} are
numbers, all others categories. {absent} of the users are not in it; they have -1.0 as
numbers, "missing" as texts and -1 as whole numbers, as others have in its gaps.
"""


@typed(
    validate_params({"user_features": ["boolean"]}, prefer_skip_nested_validation=True)
)
def load_kuairand(
    path: PathLike,
    *,
    valid_from: str = "2022-05-01",
    test_from: str = "2022-05-04",
    user_features: bool = False,
) -> Bunch:
    """Load the standard logs of KuaiRand-Pure, -1K or -27K.

    Parameters
    ----------
    path : str or path-like
        The folder of the official archive (or its subfolder ``data``), with
        ``log_standard_*.csv`` and ``video_features_basic_*.csv``; ``~`` is the home
        folder.
    valid_from, test_from : str, default="2022-05-01", "2022-05-04"
        First days of the validation and the test part, as the log dates its rows; what
        comes before is for training.
    user_features : bool, default=False
        Whether X also has the columns of ``user_features_*.csv``, which must then be in
        the folder.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (row positions train, valid,
        test) and DESCR. Rows are sorted by user and time.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If a file is not in the official layout, a value is none of its column, no row
        can be used, or the parts are out of order or begin at no date.

    Notes
    -----
    Exact duplicates, which are rows that agree in all 19 official columns, and rows
    without a usable duration, watch time or time are dropped and counted in DESCR, so
    a second copy of a log in the folder changes nothing. Watch times beyond the
    duration (replays) are kept. A missing tag is the tag "missing", a missing author is
    -1.

    With `user_features`, the counts `follow_user_num`, `fans_user_num`,
    `friend_user_num` and `register_days` are floating-point numbers; the texts
    (`user_active_degree` and the ranges, such as `fans_user_num_range`) and the whole
    numbers (`is_lowactive_period`, `is_live_streamer`, `is_video_author` and
    `onehot_feat0` to `onehot_feat17`) are categories. What is missing, for a user who
    is not in the table all of it, is -1.0 as a count, "missing" as a text and -1 as a
    whole number. Of several rows of a user the first counts.

    Examples
    --------
    >>> from sklabelcraft.datasets import load_kuairand
    >>> log = load_kuairand("KuaiRand-Pure")  # doctest: +SKIP
    """
    bounds = first_days(valid_from, test_from)
    folder = inside(path, "data")
    log, dropped = _read_log(folder)
    known, logged = _canonical(log)
    more = ""
    if user_features:
        known, more = _with_users(known, folder)
    frame = pd.concat([known, logged], axis=1)
    days = _days(log["date"])
    description = describe(
        DESCRIPTION,
        frame,
        first=days.min().date(),
        last=days.max().date(),
        dropped=dropped,
        signals=", ".join(SIGNALS.values()),
    )
    part = split_by(days, *bounds)
    return make_bunch(frame, list(logged), part, description + more)


def _read_log(folder):
    """The usable rows in order, with their videos, and how many others there are."""
    log, dropped = drop_unusable(
        read_files(folder, "log_standard_*.csv", LOG),
        recorded=list(LOG),
        duration="duration_ms",
        watch_time="play_time_ms",
        times=["time_ms", "date"],
    )
    videos = read_files(folder, "video_features_basic_*.csv", VIDEOS)
    videos["tag"] = first_tag(videos["tag"])
    unknown = {"author_id": -1, "tag": "missing"}
    log = join(log.drop(columns=COMPARED), videos, "video_id", unknown)
    log = log.sort_values(["user_id", "time_ms"], kind="stable", ignore_index=True)
    return log, dropped


def _canonical(log):
    """Official columns to canonical ones, X and y, milliseconds to seconds."""
    seconds = log["time_ms"].astype("int64") // 1000
    known = {
        "user_id": log["user_id"],
        "item_id": log["video_id"],
        "duration": log["duration_ms"] / 1000,
        "timestamp": log["time_ms"] / 1000,
        "author_id": log["author_id"],
        "tag": log["tag"],
        "tab": log["tab"],
        "hour": (seconds + CHINA) // 3600 % 24,
    }
    logged = {"watch_time": log["play_time_ms"] / 1000}
    logged |= {name: log[official] for official, name in SIGNALS.items()}
    return pd.DataFrame(known), pd.DataFrame(logged)


def _with_users(known, folder):
    """X with the columns of the user table, and what to say of them."""
    users = read_files(folder, "user_features_*.csv", USERS)
    absent = known["user_id"][~known["user_id"].isin(users["user_id"])].nunique()
    more = USER_DESCRIPTION.format(counts=", ".join(COUNTS), absent=absent)
    return join(known, users[list(USERS)], "user_id", UNKNOWN_USER), more


def _days(dates):
    """Dates such as 20220504 as days."""
    codes, distinct = pd.factorize(dates)
    days = pd.to_datetime(pd.Series(distinct).astype(str), format="%Y%m%d")
    return days.iloc[codes].reset_index(drop=True)
