"""Steps of a case: tried one after the other, and checked."""

import pickle
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from _refusals import on_purpose


def attempt(estimator, method, *data):
    """A method of an estimator, which is as it was where that fails."""
    before = dict(vars(estimator))
    try:
        return getattr(estimator, method)(*data)
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


def perhaps_pickled(rng, estimator):
    """The estimator or a copy of it."""
    return pickle.loads(pickle.dumps(estimator)) if rng.random() < 0.3 else estimator


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
