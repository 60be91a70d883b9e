"""Results that are printed as a table, and in a notebook shown as one."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch


class Readable:
    """What has a ``summary`` is printed as that."""

    def __repr__(self):
        return f"{self._title()}\n{self.summary().to_string()}"

    def _repr_html_(self):
        return f"<p>{escape(self._title())}</p>\n{self.summary().to_html()}"


class Comparison(Readable, Bunch):
    """What :func:`~sklabelcraft.compare_labelers` found, printed as its summary.

    Parameters
    ----------
    **kwargs : dict
        The entries, which are attributes, too: those that it returns.
    """

    def summary(self) -> pd.DataFrame:
        """The table to be read: a row per method, a column per metric.

        Returns
        -------
        DataFrame of str
            The mean, ± its standard error over users and seeds, whose smallest in the
            column has two digits. A star marks what the table calls the best.
        """
        table = self.table
        rows = [name for name in ("segment", "method") if name in table]
        metrics = table["metric"] + "@" + table["k"].astype(str)
        by_metric = table.set_index(rows).groupby(metrics.to_numpy(), sort=False)
        return pd.DataFrame({metric: _cells(part) for metric, part in by_metric})

    def _title(self):
        n_methods, n_users = self.table["method"].nunique(), self.table["n_users"].max()
        n_seeds = self.seeds["seed"].nunique()
        return (
            f"Methods: {n_methods}, users: {n_users}, seeds: {n_seeds}. Mean ± its "
            "standard error; * the best, ahead of all others by more than noise."
        )

    def __dir__(self):
        return [*super().__dir__(), "summary"]


class Front(Readable, dict):
    """Recommenders by what objectives are worth to a platform, printed as weights.

    Parameters
    ----------
    recommenders : dict of str to FusedRecommender
        By their platform, as ``FusedRecommender.frontier`` returns them.
    """

    def __init__(self, recommenders: Mapping[str, Any]) -> None:
        super().__init__(recommenders)

    def summary(self) -> pd.DataFrame:
        """The weights of the heads, a row per platform.

        Returns
        -------
        DataFrame of shape (n_platforms, n_heads)
            Of three digits; those of a platform sum to 1.
        """
        weights = {platform: fused.weights_ for platform, fused in self.items()}
        return pd.DataFrame.from_dict(weights, orient="index").round(3)

    def _title(self):
        return "Weights of the heads, by what a unit of each objective is worth"


def _cells(rows):
    """Means with their errors as text, with the same number of decimals."""
    parts = rows[["se_users", "se_seeds"]]
    error = np.sqrt((parts**2).sum(axis=1, min_count=1))
    finest = error[error > 0].min()
    decimals = 3 if np.isnan(finest) else 1 - int(np.floor(np.log10(finest)))
    decimals = min(max(decimals, 0), 6)
    marks = rows["best"].map({True: " *", False: ""})
    pairs = zip(rows["mean"], error, marks, strict=True)
    return pd.Series([_cell(*pair, decimals) for pair in pairs], rows.index)


def _cell(mean, error, mark, decimals):
    if np.isnan(mean):
        return "-"
    spread = "" if np.isnan(error) else f" ± {error:.{decimals}f}"
    return f"{mean:.{decimals}f}{spread}{mark}"
