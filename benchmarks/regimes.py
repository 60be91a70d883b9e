"""The table on planted data: ten logs of each regime, each fitted once.

+- is the standard error over the logs. PREF is the normalised gain of the true
preference in the shown lists, which no method sees, and "label" the rank correlation of
the label with that preference on the training rows. "ahead" counts the logs on which S
of LabelCraft is above that of the best baseline. Every method stops early by its own
criterion, or with ``--stop-by-sum`` all by S, on the validation part.

    python benchmarks/regimes.py
"""

import argparse
from dataclasses import replace

import numpy as np
import pandas as pd
from _logs import EXPLICIT, REGIMES, planted
from _methods import methods
from _results import keep_frame
from joblib import Parallel, delayed
from scipy.stats import spearmanr

from sklabelcraft import Columns, compare_labelers, nwtg_scorer

PREFERENCE = {"PREF": replace(nwtg_scorer, column="preference")}


def measure(regime, seed, stop_by_sum):
    """The metrics of all methods on one log, a row per method."""
    log = planted(regime, seed)
    found = compare_labelers(
        methods(stop_by_sum),
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
        name: agreement(log, fitted[0].labeler_)
        for name, fitted in found.estimators.items()
    }
    return values


def agreement(log, labeler):
    """Rank correlation of a single label with the preference on the training rows."""
    rows = log.split.train
    labels = np.asarray(labeler.transform(log.frame.iloc[rows]))
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
    best = mean["S"].drop("LabelCraft").idxmax()
    ratio = totals["LabelCraft"] / totals.drop(columns="LabelCraft").max(axis=1)
    verdict = (
        f"S of LabelCraft / that of the log's best baseline: {ratio.mean():.3f} "
        f"({ratio.min():.3f} to {ratio.max():.3f}), ahead in {(ratio > 1).sum()} of "
        f"{len(ratio)}; best on the mean: {best}, "
        f"{mean.loc['LabelCraft', 'S'] / mean.loc[best, 'S'] - 1:+.1%}"
    )
    return f"{shown.to_string()}\n{verdict}"


def main():
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimes", nargs="+", default=list(REGIMES))
    parser.add_argument("--logs", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--stop-by-sum", action="store_true")
    options = parser.parse_args()
    for regime in options.regimes:
        found = Parallel(options.jobs)(
            delayed(measure)(regime, seed, options.stop_by_sum)
            for seed in range(options.logs)
        )
        values = pd.concat(dict(enumerate(found)), names=["log"])
        print(f"\n{regime}, {options.logs} logs, test part, k = 10\n")
        print(summarise(values), flush=True)
        name = f"regime_{regime.replace(' ', '_')}"
        if options.stop_by_sum:
            name += "_stopped_by_sum"
        keep_frame(name, values.reset_index())


if __name__ == "__main__":
    main()
