"""The files of VK-LSVD: what they hold, and its weeks as tables of a log."""

from numbers import Real
from typing import NamedTuple

import numpy as np

from sklabelcraft.datasets._base import inside
from sklabelcraft.datasets._parquet import Lookup, ParquetTable, import_pyarrow

WHOLE = "interactions"
PARTS = {"train": "train", "validation": "valid", "test": "test"}
SIGNALS = {
    "like": "like",
    "dislike": "dislike",
    "share": "share",
    "bookmark": "favorite",
    "click_on_author": "click_avatar",
    "open_comments": "read_comment",
}
CONTEXT = ["place", "platform", "agent"]
WEEK = (
    {"user_id": "uint32", "item_id": "uint32"}
    | dict.fromkeys(CONTEXT, "uint8")
    | {"timespent": "uint8"}
    | dict.fromkeys(SIGNALS, "bool")
)
ITEMS = {"item_id": "uint32", "author_id": "uint32", "duration": "uint8"}
USERS = {"user_id": "uint32", "age": "uint8", "gender": "uint8", "geo": "uint8"}
FEATURES = [name for name in USERS if name != "user_id"]
ORDER = [
    *("user_id", "item_id", "duration", "timestamp", "author_id"),
    *CONTEXT,
    *FEATURES,
    "timespent",
    *SIGNALS,
]
NAMES = {"timespent": "watch_time"} | SIGNALS
NUMBERS = ["duration", "timespent", "age"]
TYPES = dict.fromkeys(NUMBERS, "float32") | dict.fromkeys(SIGNALS, "int8")
LOGGED = list(NAMES.values())


class Week(NamedTuple):
    """The number of a week, the part that it belongs to, and its file."""

    number: int
    part: str
    table: ParquetTable


def open_weeks(path, subsample, weeks, user_features):
    """The name of the log, its weeks, and what is joined to their rows, all checked."""
    root = inside(path, "VK-LSVD")
    if root.parent.name == "subsamples" and subsample is None:
        root, subsample = root.parent.parent, root.name
    name = _only_log(root) if subsample is None else subsample
    log = root / WHOLE if name == WHOLE else root / "subsamples" / name
    found, metadata = _find(log, weeks), root / "metadata"
    tables = {"item_id": ParquetTable(metadata / "items_metadata.parquet", ITEMS)}
    if user_features:
        tables["user_id"] = ParquetTable(metadata / "users_metadata.parquet", USERS)
    return name, found, [Lookup(table, key) for key, table in tables.items()]


def _only_log(root):
    """The name of the one log that is there."""
    names = sorted(f.name for f in (root / "subsamples").glob("*") if f.is_dir())
    names += [WHOLE] * (root / WHOLE).is_dir()
    if not names:
        raise FileNotFoundError(
            f"there is neither 'subsamples' nor {WHOLE!r} in {str(root)!r}."
        )
    if len(names) > 1:
        raise ValueError(f"state which log is wanted, as subsample, of {names}.")
    return names[0]


def _find(log, weeks):
    """The weeks in order, with their files."""
    files = {
        int(file.stem.removeprefix("week_")): (part, file)
        for folder, part in PARTS.items()
        for file in (log / folder).glob("week_[0-9][0-9].parquet")
    }
    wanted = list(files if weeks is None else weeks)
    absent = [w for w in wanted if not isinstance(w, Real) or w not in files]
    if absent or not wanted:
        raise FileNotFoundError(
            f"no file week_*.parquet of the weeks {absent or 'wanted'} in the folders "
            f"{list(PARTS)} of {str(log)!r}; there are those of {sorted(files)}."
        )
    return [
        Week(week, files[week][0], ParquetTable(files[week][1], WEEK))
        for week in sorted(set(wanted))
    ]


def read_tables(week, lookups):
    """The usable rows of a week under their names here, a table of each batch."""
    before = 0
    for rows in week.table.batches():
        places = before + np.arange(len(rows["user_id"]))
        rows["timestamp"] = week.number + places / week.table.n_rows
        for lookup in lookups:
            rows |= lookup.join(rows[lookup.key], week.table.name)
        yield _canonical(rows)
        before += len(places)


def _canonical(rows):
    """Official columns to those of a log, as a table of the rows with a duration."""
    usable = rows["duration"] > 0
    return import_pyarrow().table(
        {
            NAMES.get(name, name): rows[name][usable].astype(
                TYPES.get(name, rows[name].dtype)
            )
            for name in ORDER
            if name in rows
        }
    )
