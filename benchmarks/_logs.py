"""The logs that the benchmarks run on."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from sklabelcraft import split_by_time
from sklabelcraft.datasets import load_kuairand, make_short_videos
from sklabelcraft.datasets._base import make_bunch

ROOT = Path(__file__).resolve().parent.parent
EXPLICIT = ("like", "follow", "comment")
POOLED = (*EXPLICIT, "forward", "profile_enter")
FEEDBACK = ["watch_time", *POOLED, "hate", "click", "long_view"]
REGIMES = {
    "strong duration bias": {"duration_bias": 1.0},
    "weak duration bias": {"duration_bias": 0.1},
    "replays and idle loops": {"replays": 0.6, "idle": 0.1},
    "sparse likes": {"eagerness": -1.5},
    "dense likes": {"eagerness": 2.0},
    "noisy and short": {"noise": 1.5, "n_impressions": 60},
    "long": {"n_impressions": 240},
}


def kuairand_folder():
    """The folder of KuaiRand-Pure, or None.

    It is looked for in the folder that the environment variable SKLABELCRAFT_DATA
    names, else in ``shared/data`` beside the repository.
    """
    data = Path(os.environ.get("SKLABELCRAFT_DATA", ROOT.parent / "shared" / "data"))
    folder = data / "KuaiRand-Pure"
    return folder if folder.is_dir() else None


def load(name):
    """A log and its columns of explicit feedback.

    ``"kuairand"``, ``"kuairand-pooled"`` (two more kinds of explicit feedback),
    ``"synthetic"``, ``"auto"`` (the first found), or a folder of one's own.
    """
    folder = kuairand_folder()
    if name == "auto":
        name = "synthetic" if folder is None else "kuairand"
    if name == "synthetic":
        return make_short_videos(1000, 2000, random_state=0), EXPLICIT
    if not name.startswith("kuairand"):
        return read_folder(Path(name))
    if folder is None:
        raise SystemExit(
            "KuaiRand-Pure was not found: set SKLABELCRAFT_DATA to the folder that "
            "holds KuaiRand-Pure."
        )
    return load_kuairand(folder), POOLED if name.endswith("pooled") else EXPLICIT


def planted(regime, seed):
    """A synthetic log of a regime, with the true preference among the feedback."""
    options = {"n_impressions": 120} | REGIMES[regime]
    log = make_short_videos(400, 1000, random_state=seed, **options)
    log.target["preference"] = log.preference.argsort().argsort() / len(log.preference)
    return log


def parts_of(log):
    """Impressions and feedback of each part of a log."""
    return {
        part: (log.data.iloc[rows], log.target.iloc[rows])
        for part, rows in log.split.items()
    }


def read_folder(folder):
    """One's own log: ``log.parquet`` or ``log.csv``, columns named as in the README.

    A column ``split`` says which rows are "train", "valid" and "test"; without it, the
    first half of each user's rows in time is for training, a quarter each for the rest.
    """
    parquet = folder / "log.parquet"
    if parquet.exists():
        frame = pd.read_parquet(parquet)
    else:
        frame = pd.read_csv(folder / "log.csv")
    if "split" in frame:
        part = frame.pop("split")
    else:
        split = split_by_time(frame)
        part = np.full(len(frame), "train")
        part[split.valid], part[split.test] = "valid", "test"
    feedback = [column for column in FEEDBACK if column in frame]
    explicit = tuple(column for column in EXPLICIT if column in frame)
    log = make_bunch(frame, feedback, part, f"{len(frame)} impressions of {folder}")
    return log, explicit
