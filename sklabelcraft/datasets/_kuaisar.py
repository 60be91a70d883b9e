"""KuaiSAR and KuaiSAR-small, what was recommended, in their official layout."""

import pandas as pd
from sklearn.utils import Bunch

from sklabelcraft._typing import PathLike
from sklabelcraft.datasets._base import (
    describe,
    drop_unusable,
    first_days,
    inside,
    join,
    make_bunch,
    split_by,
    time_in_china,
)
from sklabelcraft.datasets._csv import (
    FLAG,
    ID,
    MILLISECONDS,
    NUMBER,
    OPTIONAL_ID,
    read_files,
)

SIGNALS = ["click", "forward", "like", "follow", "search", "search_item_related"]
LOG = {
    "user_id": ID,
    "item_id": ID,
    "playing_time": NUMBER,
    "duration_ms": NUMBER,
    "timestamp": MILLISECONDS,
} | dict.fromkeys(SIGNALS, FLAG)
LEVELS = {
    "first_level_category_id": "tag",
    "second_level_category_id": "category_2",
    "third_level_category_id": "category_3",
    "fourth_level_category_id": "category_4",
}
ITEMS = {"item_id": ID} | dict.fromkeys(["author_id", *LEVELS], OPTIONAL_ID)
UNKNOWN = dict.fromkeys(["author_id", *LEVELS.values()], -1) | {"tag": "missing"}
DESCRIPTION = """KuaiSAR (Sun et al., CIKM 2023), what was recommended, licence CC
BY-NC-SA 4.0.

{n} impressions of {users} users on {items} videos, {first} to {last}.
Rows dropped, in this order:
{dropped}.
Times are in seconds. X: user_id, item_id, duration, timestamp, author_id, tag (the
category of the first level), category_2, category_3, category_4 (those of the further
levels), hour. y: watch_time, {signals}.
"""


def load_kuaisar(
    path: PathLike, *, valid_from: str = "2023-06-05", test_from: str = "2023-06-08"
) -> Bunch:
    """Load the recommendations of KuaiSAR or KuaiSAR-small.

    Parameters
    ----------
    path : str or path-like
        The folder of the official archive with ``rec_inter.csv`` and
        ``item_features.csv`` (or the parent of its folder ``KuaiSAR_final``); ``~`` is
        the home folder.
    valid_from, test_from : str, default="2023-06-05", "2023-06-08"
        First days, in China, of the validation and the test part; what comes before is
        for training. KuaiSAR goes from 22 May to 10 June 2023; KuaiSAR-small ends on 31
        May and needs earlier days, such as "2023-05-29" and "2023-05-30".

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (row positions train, valid,
        test) and DESCR. Rows are sorted by user and time; those of the same time keep
        the order of the file.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ValueError
        If a file is not in the official layout, a value is none of its column, no row
        can be used, or the parts are out of order or begin at no date.

    Notes
    -----
    Read are, of ``rec_inter.csv``, `user_id`, `item_id`, `playing_time`, `duration_ms`
    and `timestamp` (all three in milliseconds), `click`, `forward`, `like`, `follow`,
    `search` and `search_item_related` (of meaning where `search` is 1 only), and of
    ``item_features.csv``, `item_id`, `author_id` and the identifiers of the four levels
    of categories, `first_level_category_id` and so on. There are no comments.

    Rows that agree in all that is read are exact duplicates; they and rows without a
    usable duration, watch time or time are dropped and counted in DESCR. Watch times
    beyond the duration (replays) are kept. The identifier 0 is padding: a missing tag
    is the tag "missing", a missing author or further category is -1.

    Examples
    --------
    >>> from sklabelcraft.datasets import load_kuaisar
    >>> log = load_kuaisar("KuaiSAR_final")  # doctest: +SKIP
    """
    days = first_days(valid_from, test_from)
    folder = inside(path, "KuaiSAR_final")
    kept, dropped = drop_unusable(
        read_files(folder, "rec_inter.csv", LOG),
        recorded=list(LOG),
        duration="duration_ms",
        watch_time="playing_time",
        times=["timestamp"],
    )
    items = _known_ids(read_files(folder, "item_features.csv", ITEMS))
    kept = join(kept, items, "item_id", UNKNOWN)
    kept = kept.sort_values(["user_id", "timestamp"], kind="stable", ignore_index=True)
    clock = time_in_china(kept["timestamp"] / 1000)
    frame = _canonical(kept, clock)
    description = describe(
        DESCRIPTION,
        frame,
        first=clock.min().date(),
        last=clock.max().date(),
        dropped=dropped,
        signals=", ".join(SIGNALS),
    )
    part = split_by(clock, *days)
    return make_bunch(frame, ["watch_time", *SIGNALS], part, description)


def _known_ids(items):
    """The items under canonical names, with -1 or "missing" in place of padding."""
    items = items.set_index("item_id").rename(columns=LEVELS)
    items = items.where(items > 0, -1)
    tag = items["tag"].astype(str).where(items["tag"] > 0, "missing")
    return items.assign(tag=tag).reset_index()


def _canonical(log, clock):
    """Official columns to canonical ones, milliseconds to seconds."""
    known = {
        "user_id": log["user_id"],
        "item_id": log["item_id"],
        "duration": log["duration_ms"] / 1000,
        "timestamp": log["timestamp"] / 1000,
        "author_id": log["author_id"],
    }
    known |= {name: log[name] for name in LEVELS.values()}
    known["hour"] = clock.dt.hour.astype("int8")
    logged = {"watch_time": log["playing_time"] / 1000}
    return pd.DataFrame(known | logged | {name: log[name] for name in SIGNALS})
