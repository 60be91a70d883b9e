"""KuaiRand: Pure, 1K and 27K in their official layout."""

from pathlib import Path

import numpy as np
import pandas as pd

from sklabelcraft.datasets._base import make_bunch

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
LOG_COLUMNS = [
    "user_id",
    "video_id",
    "date",
    "time_ms",
    "tab",
    "play_time_ms",
    "duration_ms",
    *SIGNALS,
]
COMPACT = {"user_id": "int32", "video_id": "int32", "date": "int32", "tab": "int8"}
COMPACT |= dict.fromkeys(SIGNALS, "int8") | {"tag": "str"}
CHINA = 8 * 3600  # seconds ahead of UTC, for the hour of the day
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
    folder = Path(path)
    folder = folder / "data" if (folder / "data").is_dir() else folder
    logs = _read(folder, "log_standard_*.csv", usecols=LOG_COLUMNS)
    videos = _read(
        folder, "video_features_basic_*.csv", usecols=["video_id", "author_id", "tag"]
    ).drop_duplicates("video_id")
    kept = logs[logs["duration_ms"] > 0].merge(videos, on="video_id", how="left")
    kept = kept.sort_values(["user_id", "time_ms"], kind="stable", ignore_index=True)
    frame = _canonical(kept)
    days = pd.to_datetime(kept["date"].astype(str), format="%Y%m%d")
    part = np.select([days < valid_from, days < test_from], ["train", "valid"], "test")
    description = DESCRIPTION.format(
        n=len(frame),
        users=frame["user_id"].nunique(),
        items=frame["item_id"].nunique(),
        first=days.min().date(),
        last=days.max().date(),
        dropped=len(logs) - len(frame),
        signals=", ".join(SIGNALS.values()),
    )
    return make_bunch(frame, ["watch_time", *SIGNALS.values()], part, description)


def _read(folder, pattern, **options):
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"no file {pattern} in {str(folder)!r}.")
    parts = [pd.read_csv(p, dtype=COMPACT, **options) for p in paths]
    return pd.concat(parts, ignore_index=True)


def _canonical(log):
    """Official columns to canonical ones, milliseconds to seconds."""
    seconds = log["time_ms"] // 1000
    known = {
        "user_id": log["user_id"],
        "item_id": log["video_id"],
        "duration": log["duration_ms"] / 1000,
        "timestamp": log["time_ms"] / 1000,
        "author_id": log["author_id"].fillna(-1).astype(np.int64),
        "tag": log["tag"].fillna("missing").str.split(",").str[0],
        "tab": log["tab"],
        "hour": (seconds + CHINA) // 3600 % 24,
    }
    logged = {"watch_time": log["play_time_ms"] / 1000}
    logged |= {name: log[official] for official, name in SIGNALS.items()}
    return pd.DataFrame(known | logged)
