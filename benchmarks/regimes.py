"""The table on planted data: ten logs of each regime, each fitted once.

+- is the standard error over the logs. PREF is the normalised gain of the true
preference in the shown lists, which no method sees, and "label" the rank correlation of
the label with that preference on the training rows. Below each table, S of LabelCraft
over that of each log's best other label, and S of its fusion over that of each log's
best method without it.

    python benchmarks/regimes.py
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
from _logs import EXPLICIT, REGIMES, planted
from _methods import FUSED, fusions, methods
from _results import keep_frame
from joblib import Parallel, delayed
from scipy.stats import spearmanr

from sklabelcraft import Columns, compare_labelers, nwtg_scorer

PREFERENCE = {"PREF": replace(nwtg_scorer, column="preference")}


def measure(regime, seed):
    """The metrics of all methods on one log, a row per method."""
    log = planted(regime, seed)
    found = compare_labelers(
        methods(),
        log.data,
        log.target,
        cv=log.split,
        columns=Columns(explicit=EXPLICIT),
        scorers=PREFERENCE,
        n_seeds=1,
        n_bootstrap=1,
        return_estimator=True,
        random_state=seed,
    )
    values = found.table.pivot(index="method", columns="metric", values="mean")
    values = values.reindex(list(found.estimators))
    values["label"] = {
        name: agreement(log, fitted[0]) for name, fitted in found.estimators.items()
    }
    return values


def agreement(log, estimator):
    """Rank correlation of a single label with the preference on the training rows."""
    if not hasattr(estimator, "labeler_"):
        return np.nan
    rows = log.split.train
    labels = np.asarray(estimator.labeler_.transform(log.frame.iloc[rows]))
    if labels.shape[1] > 1:
        return np.nan
    return spearmanr(labels[:, 0], log.preference[rows]).statistic


def summarise(values):
    """Mean and standard error over the logs, as text, and who is ahead."""
    by_method = values.groupby("method", sort=False)
    mean, error = by_method.mean(), by_method.sem()
    shown = mean.map("{:.3f}".format) + error.map(" +-{:.3f}".format)
    shown = shown[["NWTG", "DS", "NEG", "S", "PREF", "label"]]
    totals = values["S"].unstack("method")
    hand_made = totals.drop(columns=["LabelCraft", FUSED])
    verdicts = [
        lead(totals["LabelCraft"], hand_made.drop(columns=fusions(), errors="ignore")),
        lead(totals[FUSED], hand_made),
    ]
    return "\n".join([shown.to_string(), *verdicts])


def lead(ours, others):
    """By how much one method is ahead of the best of others on each log."""
    ratio, best = ours / others.max(axis=1), others.mean().idxmax()
    return (
        f"S of {ours.name} / that of the best other on each log: {ratio.mean():.3f} "
        f"({ratio.min():.3f} to {ratio.max():.3f}), ahead in {(ratio > 1).sum()} of "
        f"{len(ratio)}; of {best}, the best on the mean: "
        f"{(ours / others[best]).mean():.3f} +-{(ours / others[best]).sem():.3f}"
    )


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimes", nargs="+", default=list(REGIMES))
    parser.add_argument("--logs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for regime in options.regimes:
        found = Parallel(options.jobs)(
            delayed(measure)(regime, seed) for seed in range(options.logs)
        )
        values = pd.concat(dict(enumerate(found)), names=["log"])
        print(f"\n{regime}, {options.logs} logs, test part, k = 10\n")
        print(summarise(values), flush=True)
        keep_frame(f"regime_{regime.replace(' ', '_')}", values.reset_index())


if __name__ == "__main__":
    main()
