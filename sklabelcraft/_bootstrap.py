"""A table of what was compared: means, standard errors and paired differences."""

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from sklabelcraft.results import Comparison

METRICS = ["NWTG", "DS", "NEG"]  # what S sums
CHUNK = 2**24  # resampled users held at a time


def summarise(measured, reference, against, n_bootstrap, seed):
    """Table, values per seed and values per user of one part of the log."""
    of_users = measured.of_users()
    of_seeds = _with_sum(measured.by("method", "seed")[reference.index], reference)
    resampled = {}
    for name, (users, weights) in of_users.items():
        rng = np.random.RandomState(seed)
        means = resampled_means(users, n_bootstrap, rng, weights.fillna(0.0))
        means = means.loc[:, users.notna().sum() > 1]  # one alone is always the same
        means = means.reindex(columns=reference.index)
        resampled[name] = _with_sum(means, reference)
    of_users = {name: users for name, (users, _) in of_users.items()}
    return Comparison(
        table=_tabulate(of_seeds, resampled, of_users, against),
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


def resampled_means(users, n_bootstrap, rng, weights=1.0):
    """Means of the metrics over users drawn with replacement, one row a resample.

    The same state of `rng` draws the same users, so methods are paired. NaN where none
    of the users drawn has the metric.
    """
    n = len(users)
    counted = users.notna() * weights
    columns = np.hstack([users.fillna(0.0) * counted, counted])
    sums = []
    for part in np.array_split(np.arange(n_bootstrap), -(-n_bootstrap * n // CHUNK)):
        drawn = rng.randint(n, size=(len(part), n)) + n * np.arange(len(part))[:, None]
        counts = np.bincount(drawn.ravel(), minlength=n * len(part))
        sums.append(counts.reshape(len(part), n) @ columns)
    value, count = np.hsplit(np.vstack(sums), 2)
    count[count == 0] = np.nan
    return pd.DataFrame(value / count, columns=users.columns)


def _tabulate(of_seeds, resampled, of_users, against):
    """A row per method, k and metric."""
    by_method = of_seeds.groupby(level="method", sort=False)
    mean, error = by_method.mean(), by_method.sem(ddof=1)
    best = _best(mean, of_seeds, resampled)
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
                "n_users": _n_users(of_users[name], means.columns),
                "best": best.loc[name],
            }
        )
    return pd.concat(rows, names=["method"]).reset_index()


def _n_users(users, columns):
    """How many users have each metric; of S, the fewest that one of its parts has."""
    has = users.notna()
    counts = {}
    for k, metric in columns:
        if metric == "S":
            in_sum = has[k].columns.intersection(METRICS)
            counts[k, metric] = has[k][in_sum].sum().min()
        elif (k, metric) in has:
            counts[k, metric] = has[k, metric].sum()
        else:
            counts[k, metric] = has[k].any(axis=1).sum()
    return pd.Series(counts, columns, dtype=int)


def _best(mean, of_seeds, resampled):
    """Which method has the highest mean, further above all others than noise."""
    found = pd.DataFrame(False, mean.index, mean.columns)
    for column in mean.columns[mean.notna().any()]:
        leader = mean[column].idxmax()
        found.loc[leader, column] = len(mean) > 1 and all(
            _is_ahead(
                of_seeds[column][leader] - of_seeds[column][other],
                resampled[leader][column] - resampled[other][column],
            )
            for other in mean.index.drop(leader)
        )
    return found


def _is_ahead(of_seeds, of_resamples):
    """Whether a mean difference is more than half of its 95 % interval."""
    over_users = norm.ppf(0.975) * of_resamples.std()
    over_seeds = t.ppf(0.975, len(of_seeds) - 1) * of_seeds.sem()
    return of_seeds.mean() > np.hypot(over_users, np.nan_to_num(over_seeds))
