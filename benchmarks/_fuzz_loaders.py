"""Odd files and parameters for the loaders, and odd logs to be split."""

import datetime
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from _odd_values import brief, choose, contained, framed, odd_number, often, spoiled

from sklabelcraft import Columns, split_by_time
from sklabelcraft.datasets import (
    _kuairand,
    _kuairec,
    _kuaisar,
    _vk_lsvd_weeks,
    _wechat,
    convert_vk_lsvd,
    load_kuairand,
    load_kuairec,
    load_kuaisar,
    load_vk_lsvd,
    load_wechat,
    make_short_videos,
)

TABLES = {
    load_kuairand: {
        "log_standard_1.csv": _kuairand.LOG,
        "video_features_basic_1.csv": _kuairand.VIDEOS,
        "user_features_1.csv": _kuairand.USERS,
    },
    load_kuairec: {
        "big_matrix.csv": _kuairec.LOG,
        "item_categories.csv": _kuairec.VIDEOS,
    },
    load_kuaisar: {"rec_inter.csv": _kuaisar.LOG, "item_features.csv": _kuaisar.ITEMS},
    load_wechat: {"user_action.csv": _wechat.ACTIONS, "feed_info.csv": _wechat.FEEDS},
}
TIMES = {
    "date": lambda rng: 20220430 + int(rng.integers(2)) * 71,
    "time_ms": lambda rng: 1651255200000 + int(rng.integers(4)) * 86400000,
    "timestamp": lambda rng: 1593898068.378 + int(rng.integers(4)) * 86400,
    "date_": lambda rng: int(rng.integers(1, 15)),
}
CELLS = [
    *("", "nan", "NaN", "inf", "-inf", "1e400", "1e300", "-1", "1.5", "abc", "1_000"),
    *("99999999999999999999", "9223372036854775807", "1e-320", '"', '""', "'", "\r"),
    *("\n", ",", "é", "\ufeff1", "0x10", "1,2", "[1, 2]", "True", "2022-01-01", " 1 "),
    *("20221301", "99999999", "8e12", "8e9", "-0", "+1", "1.", ".5", "1e3", "٣", "\0"),
]
DAYS = [
    *("2022-05-01", "2020-08-15", "0001-01-01", "9999-12-31", "30000-01-01", "x", ""),
    *(None, 5, np.nan, np.datetime64("NaT"), np.datetime64("20000-01-01"), pd.NaT),
    *(np.datetime64("2022-05-01"), pd.Timestamp("2022-05-01", tz="UTC")),
    *(
        datetime.date(1, 1, 1),
        datetime.datetime(9999, 12, 31),
        "2022-05-01T00:00+02:00",
    ),
    *(np.datetime64(2**62, "s"), np.datetime64("-5000-01-01"), "now", "2022", b"2022"),
]


def csv_loader(rng):
    """A public log in its layout, with odd cells, lines, bytes and days."""
    load = choose(rng, list(TABLES))
    files = {
        name: _spoil(rng, _csv(rng, columns)) for name, columns in TABLES[load].items()
    }
    options = {}
    if often(rng, 0.3):
        usual = 11 if load is load_wechat and often(rng, 0.5) else choose(rng, DAYS)
        odd = odd_number(rng) if often(rng, 0.2) else usual
        options[choose(rng, ["valid_from", "test_from"])] = odd
    if load is load_kuairand and often(rng, 0.5):
        options["user_features"] = True

    def call():
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            return _unless_missing(load, folder, **options)

    return f"{load.__name__}({brief(options | files)})", call, _check_log


def _csv(rng, columns):
    """Rows that a file of these columns could hold."""
    rows = [",".join([*columns, "further"])]
    for _ in range(int(rng.integers(1, 6))):
        cells = [str(_cell(rng, name, kind)) for name, kind in columns.items()]
        rows.append(",".join([*cells, "0"]))
    return "\n".join(rows) + "\n"


def _cell(rng, name, kind):
    if name in TIMES:
        return TIMES[name](rng) * (1000 if kind.high == 8e12 and "_" not in name else 1)
    if kind.is_text:
        return choose(rng, ["a", "5;6", "7"])
    return int(rng.integers(1, 4))


def _spoil(rng, text):
    """The bytes of a file, in some cases with a fault or two."""
    for _ in range(int(rng.integers(0, 3)) if often(rng, 0.5) else 0):
        lines = text.split("\n")
        at = int(rng.integers(len(lines)))
        cells = lines[at].split(",")
        cells[int(rng.integers(len(cells)))] = choose(rng, CELLS)
        lines[at] = ",".join(cells)
        text = "\n".join(lines)
    content = text.encode()
    if often(rng, 0.85):
        return content
    place = int(rng.integers(len(content) + 1))
    return choose(
        rng,
        [
            content[:place],
            content[:place] + bytes([int(rng.integers(256))]) + content[place + 1 :],
            text.encode("utf-16"),
            text.encode("utf-8-sig"),
            text.replace("\n", "\r\n").encode(),
            text.replace(",", ";").encode(),
            text.splitlines()[0].encode(),
            b"",
            content + content,
            bytes(rng.integers(0, 256, 200, dtype=np.uint8)),
        ],
    )


def _unless_missing(load, *args, **options):
    """What is loaded; None if a file is not there, which is documented."""
    try:
        return load(*args, **options)
    except FileNotFoundError:
        return None


def _check_log(log):
    if log is None:
        return
    frame = log.frame
    assert len(frame) > 0, "no rows"
    assert not frame.isna().any(axis=None), "a missing value"
    assert np.isfinite(frame[["duration", "watch_time"]]).all(axis=None), "not finite"
    assert (frame["duration"] > 0).all(), "a duration of 0"
    assert (frame["watch_time"] >= 0).all(), "a negative watch time"
    assert {*log.data, *log.target} == {*frame}, "other columns"
    _check_parts(log.split, len(frame))


def _check_files(found):
    assert found is None or found.split.train or found.split.test, "no files"


def _check_parts(split, n):
    rows = np.concatenate([split[name] for name in ("train", "valid", "test")])
    assert sorted(rows.tolist()) == list(range(n)), "the parts are no partition"


def parquet_loader(rng):
    """Weeks of VK-LSVD of odd types, with gaps, cut off or with a flipped byte."""
    layouts = {
        "metadata/items_metadata.parquet": _vk_lsvd_weeks.ITEMS,
        "metadata/users_metadata.parquet": _vk_lsvd_weeks.USERS,
        "interactions/train/week_00.parquet": _vk_lsvd_weeks.WEEK,
        "interactions/test/week_26.parquet": _vk_lsvd_weeks.WEEK,
    }
    files = {name: _parquet(rng, columns) for name, columns in layouts.items()}
    odd = [None, [0], [26, 0], [], ["a"], [1.5], [np.nan], "0", 0, [None], [0, 0], [-1]]
    odd += [np.array([0]), [[0]], [2**70], {0: 1}, [0.0], [True]]
    options = {"weeks": choose(rng, odd)} if often(rng, 0.4) else {}
    options["user_features"] = often(rng, 0.5)
    if often(rng, 0.2):
        usual = ["interactions", "", "..", "x\0", "ur0.01"]
        options["subsample"] = choose(rng, [odd_number(rng), *usual])
    load = choose(rng, [load_vk_lsvd, load_vk_lsvd, convert_vk_lsvd])

    def call():
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            given = [Path(folder) / "to"] if load is convert_vk_lsvd else []
            return _unless_missing(load, folder, *given, **options)

    check = _check_log if load is load_vk_lsvd else _check_files
    sizes = {name: len(content) for name, content in files.items()}
    return f"{load.__name__}({brief(options | sizes)})", call, check


def _parquet(rng, columns):
    n, table = int(rng.integers(1, 5)), {}
    for name, kind in columns.items():
        values = rng.integers(1, 3, n) if name != "user_id" else np.ones(n, int)
        values = values > 1 if kind == "bool" else np.ones(n, int) * values
        if name in ("item_id", "author_id"):
            values = np.ones(n, int)
        table[name] = pa.array(values).cast(kind)
    if often(rng, 0.25):
        name, odd = choose(rng, list(table)), [None] * n
        others = ["int64", "string", "float64", "bool", "uint8", "date32", "int8"]
        odd = choose(rng, [odd, [0] * n, [2**40] * n, [-1] * n])
        try:
            table[name] = pa.array(odd).cast(choose(rng, others), safe=False)
        except pa.ArrowException:
            del table[name]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(table), sink)
    content = bytes(sink.getvalue())
    if often(rng, 0.9):
        return content
    place = int(rng.integers(len(content)))
    return choose(rng, [content[:place], content[place:], b"", b"PAR1", b"x" * 99])


def synthetic(rng):
    """Parameters of synthetic logs at and beyond their limits."""
    given = {"n_users": 3, "n_items": 4, "n_impressions": 5, "random_state": 0}
    sizes = [1, 2, 10**9, 10**30, 0, -1, np.int8(3), True, 2.0]
    floats = [*(0.0, 1e6, -1e6, 1.0, 0.5, 1e300, 1e-320), np.float16(0.5)]
    usual = {
        **dict.fromkeys(["n_users", "n_items", "n_impressions"], sizes),
        **dict.fromkeys(["duration_bias", "noise", "replays", "idle"], floats),
        **{"eagerness": floats, "random_state": [0, None, -1, 2**32 - 1, 2**32, 2**63]},
    }
    for name in rng.choice(list(usual), size=int(rng.integers(1, 4)), replace=False):
        given[str(name)] = (
            odd_number(rng) if often(rng, 0.3) else choose(rng, usual[name])
        )

    def check(log):
        _check_log(log)
        assert np.isfinite(log.preference).all(), "a preference is not finite"

    return (
        f"make_short_videos({brief(given)})",
        lambda: make_short_videos(**given),
        check,
    )


def split(rng):
    """The rows of odd users by odd clocks, parted."""
    n = int(rng.integers(0, 12))
    users, _ = contained(
        rng, spoiled(rng, [choose(rng, [1, 2]) for _ in range(n)], 0.3)
    )
    clock = choose(
        rng,
        [
            rng.integers(0, 9, n).tolist(),
            rng.random(n).tolist(),
            np.arange(n).astype("M8[s]"),
            pd.Series(pd.to_datetime(np.arange(n), unit="D")).dt.tz_localize("UTC"),
            [str(i) for i in range(n)],
            [datetime.datetime(2020, 1, 1 + i) for i in range(n)],
            np.array([20000 + i for i in range(n)], "M8[Y]"),
            [np.datetime64("NaT")] * n,
            [f"2020-01-{i + 1:02d}" for i in range(n)],
            np.arange(n).astype("m8[s]"),
        ],
    )
    if isinstance(clock, list):
        clock, _ = contained(rng, spoiled(rng, clock, 0.4))
    X = framed(rng, {"user_id": users, "timestamp": clock})
    given = {"columns": choose(rng, [None, None, Columns(user=None), Columns(0, 1)])}
    if often(rng, 0.2) and isinstance(X, pd.DataFrame):
        X, given["columns"] = X.to_numpy(), Columns(0, None, None, 1)
    elif often(rng, 0.05):
        X = choose(rng, [{}, [], None, 3, "x", np.zeros(3), X.__class__])
    shares = [0.25, 0.0, 0.5, 1e-320, 0.999, 1, -0.1]
    for name in ("valid", "test"):
        given[name] = odd_number(rng) if often(rng, 0.1) else choose(rng, shares)
    if often(rng, 0.6):
        given |= {"valid": 0.25, "test": 0.25}
    if often(rng, 0.5):
        given["by"] = "global"
        times = [3, 4.5, -1, "2020-01-03", "soon", np.datetime64(5, "s"), np.nan]
        for name in ("valid", "test"):
            if often(rng, 0.5):
                given[name] = choose(rng, times)

    def check(parts):
        _check_parts(parts, len(X))

    description = f"split_by_time({brief(given | {'X': X})})"
    return description, lambda: split_by_time(X, **given), check


FAMILIES = {
    "csv_loader": csv_loader,
    "parquet_loader": parquet_loader,
    "synthetic": synthetic,
    "split": split,
}
