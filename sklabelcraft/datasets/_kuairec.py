"""KuaiRec 2.0 in its official layout."""

from typing import Literal

import pandas as pd
from sklearn.utils import Bunch
from sklearn.utils._param_validation import StrOptions, validate_params

from sklabelcraft._typing import PathLike, typed
from sklabelcraft.datasets._base import (
    describe,
    drop_unusable,
    first_days,
    first_tag,
    inside,
    join,
    make_bunch,
    split_by,
    time_in_china,
)
from sklabelcraft.datasets._csv import ID, NUMBER, SECONDS, TEXT, read_files

LOG = {
    "user_id": ID,
    "video_id": ID,
    "play_duration": NUMBER,
    "video_duration": NUMBER,
    "timestamp": SECONDS,
}
VIDEOS = {"video_id": ID, "feat": TEXT}
DESCRIPTION = """KuaiRec 2.0 (Gao et al., CIKM 2022), {matrix}, licence CC BY-SA 4.0.

{n} impressions of {users} users on {items} videos, {first} to {last}.
Rows dropped, in this order:
{dropped}.
Times are in seconds. X: user_id, item_id, duration, timestamp, tag (the first of the
list), hour. y: watch_time. There is no explicit feedback: explicit=().
"""


@typed(
    validate_params(
        {"matrix": [StrOptions({"big_matrix", "small_matrix"})]},
        prefer_skip_nested_validation=True,
    )
)
def load_kuairec(
    path: PathLike,
    *,
    matrix: Literal["big_matrix", "small_matrix"] = "big_matrix",
    valid_from: str = "2020-08-15",
    test_from: str = "2020-08-25",
) -> Bunch:
    """Load one of the two logs of KuaiRec 2.0.

    Parameters
    ----------
    path : str or path-like
        The folder of the official archive (or its subfolder ``data``), with
        ``big_matrix.csv`` or ``small_matrix.csv`` and ``item_categories.csv``; ``~`` is
        the home folder.
    matrix : {"big_matrix", "small_matrix"}, default="big_matrix"
        Which log: the sparse one, or the one in which nearly every user has seen every
        video.
    valid_from, test_from : str, default="2020-08-15", "2020-08-25"
        First days, in China, of the validation and the test part; what comes before is
        for training. The log goes from 5 July to 5 September 2020.

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
    There is no explicit feedback: y holds the watch time alone, and recommenders and
    labelers need ``explicit=()``. Exact duplicates, which `big_matrix` has, and rows
    without a usable duration or watch time are dropped and counted in DESCR; so are
    those without a time, which `small_matrix` has, as they belong to no part and to no
    place in a user's history. Watch times beyond the duration (replays) are kept. A
    missing tag is the tag "missing".

    Examples
    --------
    >>> from sklabelcraft.datasets import load_kuairec
    >>> log = load_kuairec("KuaiRec 2.0")  # doctest: +SKIP
    """
    days = first_days(valid_from, test_from)
    folder = inside(path, "data")
    kept, dropped = drop_unusable(
        read_files(folder, f"{matrix}.csv", LOG),
        recorded=list(LOG),
        duration="video_duration",
        watch_time="play_duration",
        times=["timestamp"],
    )
    videos = read_files(folder, "item_categories.csv", VIDEOS)
    videos["tag"] = first_tag(videos["feat"])
    kept = join(kept, videos[["video_id", "tag"]], "video_id", {"tag": "missing"})
    kept = kept.sort_values(["user_id", "timestamp"], kind="stable", ignore_index=True)
    clock = time_in_china(kept["timestamp"])
    frame = _canonical(kept, clock)
    description = describe(
        DESCRIPTION,
        frame,
        matrix=matrix,
        first=clock.min().date(),
        last=clock.max().date(),
        dropped=dropped,
    )
    part = split_by(clock, *days)
    return make_bunch(frame, ["watch_time"], part, description)


def _canonical(log, clock):
    """Official columns to canonical ones, milliseconds to seconds."""
    return pd.DataFrame(
        {
            "user_id": log["user_id"],
            "item_id": log["video_id"],
            "duration": log["video_duration"] / 1000,
            "timestamp": log["timestamp"],
            "tag": log["tag"],
            "hour": clock.dt.hour.astype("int8"),
            "watch_time": log["play_duration"] / 1000,
        }
    )
