"""A table of what was compared: means, standard errors and paired differences."""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

METRICS = ["NWTG", "DS", "NEG"]  # what S sums
CHUNK = 2**24  # resampled users held at a time


def summarise(values, reference, against, n_bootstrap, rng):
    """Table, values per seed and values per user of one part of the log."""
    by_user = values.groupby(level=["method", "user"], sort=False, dropna=False)
    of_users = by_user.mean()  # missing users are one user
    of_users = {name: of_users.xs(name) for name in of_users.index.unique("method")}
    of_seeds = values.groupby(level=["method", "seed"], sort=False).mean()
    of_seeds = _with_sum(of_seeds, reference)
    state = rng.randint(2**31 - 1)
    resampled = {
        name: resampled_means(users, n_bootstrap, check_random_state(state))
        for name, users in of_users.items()
    }
    resampled = {name: _with_sum(means, reference) for name, means in resampled.items()}
    return Bunch(
        table=_tabulate(of_seeds, resampled, against),
        seeds=of_seeds.stack(["k", "metric"], future_stack=True)
        .rename("value")
        .reset_index(),
        users=of_users,
        reference=reference,
    )


def _with_sum(means, reference):
    """Means of the metrics, one column each, and their sum S relative to random."""
    summed = reference.index.isin(METRICS, level="metric") & (reference != 0)
    relative = (means / reference).T[summed]
    by_k = relative.groupby(level="k", sort=False)
    total = by_k.sum().where(by_k.count().eq(by_k.size(), axis=0)).T
    total.columns = pd.MultiIndex.from_product([total.columns, ["S"]])
    both = pd.concat([means, total], axis=1).rename_axis(columns=["k", "metric"])
    return both.sort_index(axis=1, level="k", sort_remaining=False)


def resampled_means(users, n_bootstrap, rng):
    """Means of the metrics over users drawn with replacement, one row a resample.

    The same state of `rng` draws the same users, so methods are paired. NaN where none
    of the users drawn has the metric.
    """
    n = len(users)
    defined = users.notna().to_numpy(dtype=float)
    columns = np.hstack([users.fillna(0.0).to_numpy(), defined])
    sums = []
    for part in np.array_split(np.arange(n_bootstrap), -(-n_bootstrap * n // CHUNK)):
        drawn = rng.randint(n, size=(len(part), n)) + n * np.arange(len(part))[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n * len(part))
        sums.append(counts.reshape(len(part), n) @ columns)
    value, count = np.hsplit(np.vstack(sums), 2)
    count[count == 0] = np.nan
    return pd.DataFrame(value / count, columns=users.columns)


def _tabulate(of_seeds, resampled, against):
    """A row per method, k and metric."""
    by_method = of_seeds.groupby(level="method", sort=False)
    mean, error = by_method.mean(), by_method.sem(ddof=1)
    rows = {}
    for name, means in resampled.items():
        difference = resampled[against] - means
        low, high = difference.quantile([0.025, 0.975]).to_numpy()
        beyond = np.minimum((difference <= 0).sum(), (difference >= 0).sum())
        rows[name] = pd.DataFrame(
            {
                "mean": mean.loc[name],
                "se_users": means.std(),
                "se_seeds": error.loc[name],
                "improvement": mean.loc[against] / mean.loc[name] - 1,
                "difference": mean.loc[against] - mean.loc[name],
                "low": low,
                "high": high,
                "p_value": np.minimum(1.0, 2 * beyond / difference.count()),
            }
        )
    return pd.concat(rows, names=["method"]).reset_index()
