"""Steps of a case: tried one after the other, and checked."""

import pickle
import re
import tempfile
import warnings
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from _refusals import on_purpose

from sklabelcraft.persistence import load, save


def attempt(estimator, method, *data, **named):
    """A method of an estimator, which is as it was where that fails."""
    before = dict(vars(estimator))
    try:
        return getattr(estimator, method)(*data, **named)
    except Exception:
        after = vars(estimator)
        same = before.keys() == after.keys()
        same &= all(before[name] is after[name] for name in before)
        assert same, f"half-fitted by {method}: {sorted(after.keys() - before.keys())}"
        raise


class Steps:
    """Steps of a case, of which each is tried, also where one before it was refused.

    Attributes
    ----------
    refused : Exception or None
        The first refusal.
    """

    def __init__(self):
        self.refused = None

    def __call__(self, step, *data):
        """Take a step; whether it was not refused."""
        try:
            step(*data)
        except Exception as error:
            if not on_purpose(error):
                raise
            self.refused = self.refused or error
            return False
        return True

    def end(self):
        """Tell of the first refusal, if there was one."""
        if self.refused is not None:
            raise self.refused


def perhaps_copied(rng, estimator, method, data):
    """The estimator or a copy of it, pickled or saved, which says the same of data."""
    draw = rng.random()
    if draw < 0.2:
        copy = pickle.loads(pickle.dumps(estimator))
    elif draw < 0.4:
        copy = _saved_and_loaded(estimator)
    else:
        return estimator
    answers = [_answer(one, method, data) for one in (estimator, copy)]
    assert np.array_equal(*answers, equal_nan=True), "a copy says something else"
    return copy


def _saved_and_loaded(estimator):
    """A copy, or the estimator itself if that cannot be saved."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            save(estimator, folder)
        except Exception as error:
            if not on_purpose(error):
                raise
            return estimator
        return load(folder)


def _answer(estimator, method, data):
    """What is said of data, nothing if that is refused."""
    try:
        return np.asarray(getattr(estimator, method)(data), dtype=float)
    except Exception as error:
        if not on_purpose(error):
            raise
        return np.zeros(0)


def check_lists(lists, k):
    """Check that each user has the ranks from 1 on, at most k, and falling scores."""
    lists = nw.from_native(lists, eager_only=True)
    ranks, scores = (np.asarray(lists[name]) for name in ("rank", "score"))
    finite(scores, "scores of lists")
    assert (ranks <= k).all(), f"more than {k} ranks"
    later = ranks[1:] > 1
    assert (ranks[:1] == 1).all(), "no first rank"
    assert (np.diff(ranks)[later] == 1).all(), "a rank is left out"
    assert (np.diff(scores)[later] <= 0).all(), "scores of a list rise"


def users_and_items(X):
    """Tables of both, each in one row, as far as impressions have such columns."""
    try:
        table = nw.from_native(X, eager_only=True)
        users = [name for name in ("user_id", "timestamp") if name in table.columns]
        items = [name for name in table.columns if name not in users]
        return _once(table, users), _once(table.select(items), ["item_id"], items)
    except Exception:  # no frame, without such columns, or one of odd values
        return X, X


def _once(table, keys, names=None):
    """The first row of each value of the first key."""
    first = table.unique(keys[0], keep="first", maintain_order=True)
    return first.select(names or keys).to_native()


def shown(estimator):
    """An estimator in a line, without its columns."""
    text = re.sub(r"columns=Columns\([^)]*\([^)]*\)[^)]*\)", "", repr(estimator))
    return re.sub(r"\s+", " ", text)


def finite(values, what):
    """Check that numbers are finite."""
    values = np.asarray(values, dtype=np.float64)
    assert np.isfinite(values).all(), f"{what} not finite: {values.ravel()[:5]}"
    return values


def check_history(history):
    """Check that what was told of epochs is finite."""
    for epoch in history:
        finite(list(epoch.values()), "history")


def rows_in(data, stored=None):
    """The number of rows of any table; of a stored one, what is said."""
    if isinstance(data, str):
        return stored
    return data.shape[0] if hasattr(data, "shape") else len(data)


def stored(rng, data, folder):
    """A log, perhaps in a Parquet file."""
    if rng.random() > 0.1 or not isinstance(
        data, pd.DataFrame | pl.DataFrame | pa.Table
    ):
        return data
    path = Path(folder) / f"{rng.integers(10**9)}.parquet"
    data = pl.from_arrow(data) if isinstance(data, pa.Table) else data
    write = data.to_parquet if isinstance(data, pd.DataFrame) else data.write_parquet
    try:
        with warnings.catch_warnings(action="ignore"):
            write(path)
    except Exception:  # what cannot be written
        return data
    return str(path)
