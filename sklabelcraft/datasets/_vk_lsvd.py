"""VK-LSVD in its official layout: into memory, or from files to files."""

from os.path import expanduser
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch
from sklearn.utils._param_validation import validate_params

from sklabelcraft._docs import shared
from sklabelcraft._typing import PathLike, typed
from sklabelcraft.datasets._base import make_bunch
from sklabelcraft.datasets._parquet import import_pyarrow, write_tables
from sklabelcraft.datasets._vk_lsvd_weeks import (
    FEATURES,
    LOGGED,
    NAMES,
    ORDER,
    WHOLE,
    open_weeks,
    read_tables,
)

DESCRIPTION = """VK-LSVD (Poslavsky et al., 2026), {log}, licence Apache 2.0.

{size}, weeks {weeks}.
Rows dropped: {dropped} with duration 0.
Times are in seconds, but for the timestamp, which is in weeks: the number of the week,
and how far in its week the row is. There is no finer clock.
X: {known}.
y: {logged}.
"""
PARAMETERS = {
    "subsample": [str, None],
    "weeks": ["array-like", None],
    "user_features": ["boolean"],
}


@typed(validate_params(PARAMETERS, prefer_skip_nested_validation=True))
@shared
def load_vk_lsvd(
    path: PathLike,
    *,
    subsample: str | None = None,
    weeks: ArrayLike | None = None,
    user_features: bool = False,
) -> Bunch:
    """Load weeks of VK-LSVD, of a subsample or of the whole log, into memory.

    Parameters
    ----------
    {vk_lsvd}
    {vk_lsvd_weeks}
    user_features : bool, default=False
        Whether X also has the columns of ``users_metadata.parquet``, which must then be
        in ``metadata``.

    Returns
    -------
    Bunch
        The entries frame, data (X), target (y), split (row positions train, valid,
        test) and DESCR. Rows are in the order of time, over all users. The split is the
        official one: weeks 0 to 24, 25 and 26.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ImportError
        If pyarrow is not installed.
    ValueError
        If there are several logs and none is named, a file is not in the official
        layout, a value is missing, an item or user has no metadata, or no row can be
        used.

    See Also
    --------
    convert_vk_lsvd : From files to files, for what does not fit into memory.

    Notes
    -----
    The official log has no clock, but its rows are in order. The column ``timestamp``
    is the number of the week plus the share of the rows of that week that come before,
    so it rises from row to row, and the k-th row of n in week 3 has 3 + (k - 1) / n.

    The official ``timespent``, of at most 255 seconds, is the watch time. The names
    ``bookmark``, ``click_on_author`` and ``open_comments`` become those that the other
    logs have, ``favorite``, ``click_avatar`` and ``read_comment``. The age is a
    floating-point number, ``gender`` and ``geo`` are categories. Rows of a video of
    duration 0 are dropped and counted in DESCR; watch times beyond the duration
    (replays) are kept.

    References
    ----------
    .. [1] Poslavsky et al., "VK-LSVD: A Large-Scale Industrial Dataset for Short-Video
       Recommendation", 2026, arXiv:2602.04567.

    Examples
    --------
    >>> from sklabelcraft.datasets import load_vk_lsvd
    >>> log = load_vk_lsvd("VK-LSVD", weeks=[23, 24, 25, 26])  # doctest: +SKIP
    """
    pa = import_pyarrow()
    subsample, found, lookups = open_weeks(path, subsample, weeks, user_features)
    tables = [pa.concat_tables(read_tables(week, lookups)) for week in found]
    part = np.repeat([week.part for week in found], [len(table) for table in tables])
    frame = pa.concat_tables(tables).to_pandas()
    if not len(frame):
        raise ValueError("no row of the log can be used: all have duration 0.")
    users, items = frame["user_id"].nunique(), frame["item_id"].nunique()
    size = f"{len(frame)} impressions of {users} users on {items} videos"
    description = _describe(size, len(frame), found, subsample, user_features)
    return make_bunch(frame, LOGGED, part, description)


@typed(validate_params(PARAMETERS, prefer_skip_nested_validation=True))
@shared
def convert_vk_lsvd(
    path: PathLike,
    to: PathLike,
    *,
    subsample: str | None = None,
    weeks: ArrayLike | None = None,
    user_features: bool = False,
) -> Bunch:
    """Turn weeks of VK-LSVD into Parquet files with the columns of a log.

    The rows are those of :func:`load_vk_lsvd`, but never more than 131,072 of them are
    in memory, beside duration and author of each video.

    Parameters
    ----------
    {vk_lsvd}
    to : str or path-like
        The folder to write to, made if it is not there. It gets a file for each week,
        in a folder for each part: ``train/week_00.parquet`` to
        ``train/week_24.parquet``, ``valid/week_25.parquet``, ``test/week_26.parquet``.
    {vk_lsvd_weeks}
    user_features : bool, default=False
        Whether the files also have the columns of ``users_metadata.parquet``.

    Returns
    -------
    Bunch
        The entries split, a Bunch of the lists train, valid and test with the paths of
        the files in order, and DESCR.

    Raises
    ------
    FileNotFoundError
        If the files are not there.
    ImportError
        If pyarrow is not installed.
    ValueError
        If there are several logs and none is named, a file is not in the official
        layout, a value is missing, an item or user has no metadata, or a file would be
        written over an official one.

    See Also
    --------
    load_vk_lsvd : What the columns hold, and the same rows in memory.

    Notes
    -----
    All official files are looked at before the first one is written. A file gets its
    name when it is complete, and replaces an older one of that name; if the conversion
    stops midway, the finished weeks stay.

    Examples
    --------
    >>> from sklabelcraft.datasets import convert_vk_lsvd
    >>> files = convert_vk_lsvd("VK-LSVD", "log", subsample="ur0.01")  # doctest: +SKIP
    """
    subsample, found, lookups = open_weeks(path, subsample, weeks, user_features)
    targets = [Path(expanduser(to)) / week.part / week.table.name for week in found]
    _check_apart(targets, [week.table.path for week in found])
    split, n_rows = Bunch(train=[], valid=[], test=[]), 0
    for week, target in zip(found, targets, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        n_rows += write_tables(target, read_tables(week, lookups))
        split[week.part].append(target)
    size = f"{n_rows} impressions"
    description = _describe(size, n_rows, found, subsample, user_features)
    return Bunch(split=split, DESCR=description)


def _check_apart(targets, sources):
    """Refuse to write over official files."""
    for target, source in zip(targets, sources, strict=True):
        if target.resolve() == source.resolve():
            raise ValueError(
                "to must be another folder than that of the official files, but "
                f"{str(target)!r} is one of them."
            )


def _describe(size, n_rows, found, subsample, user_features):
    """What the log is, of which `n_rows` are left."""
    known = [name for name in ORDER if NAMES.get(name, name) not in LOGGED]
    return DESCRIPTION.format(
        log="the whole log" if subsample == WHOLE else f"subsample {subsample}",
        size=size,
        weeks=", ".join(str(week.number) for week in found),
        dropped=sum(week.table.n_rows for week in found) - n_rows,
        known=", ".join(n for n in known if user_features or n not in FEATURES),
        logged=", ".join(LOGGED),
    )
